// Package scene is the stage that the examples without an account play on: a QueUp in memory with people who say what a
// script has them say, and a transcript of what happens there. It is for the examples, copies of them included, and may
// change with them; a bot of your own does not need it.
package scene

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

const (
	// Patience is how long a script waits for what should happen.
	Patience = 10 * time.Second
	// pace is the pause between two lines, as people make it.
	pace = 600 * time.Millisecond
)

// A Scene is the room lounge while a script is played in it.
type Scene struct {
	*queuptest.Room
	out *Transcript

	mu     sync.Mutex
	events []client.Event // guarded by mu: those that no Until has passed
	news   chan struct{}
}

// Play plays a script with a bot in the room lounge of a world, and prints what happens there. newBot makes the bot,
// with the options given, as the account bot, and lets it join the room when it is ready. The script ends when it is
// through, or with ctx, which is not an error.
func Play(ctx context.Context, out io.Writer, world queuptest.World, newBot func(opts ...client.Option) (*client.Client, error),
	script func(ctx context.Context, s *Scene) error,
) error {
	server := queuptest.NewServer(queuptest.WithWorld(world))
	defer server.Close()
	s := &Scene{Room: server.Room("lounge"), out: NewTranscript(out), news: make(chan struct{}, 1)}
	s.Note("no account given (QUEUP_EMAIL, QUEUP_PASSWORD, QUEUP_ROOM): this is a QueUp in memory")
	here := []client.Option{client.WithBaseURL(server.URL()), client.WithRealtimeURL(server.RealtimeURL())}
	watcher, err := s.watch(ctx, here)
	if err != nil {
		return ended(ctx, err)
	}
	defer stop(watcher)
	bot, err := newBot(here...)
	if err != nil {
		return err
	}
	joined := make(chan struct{}, 1)
	client.On(bot, func(context.Context, client.RoomJoined) error {
		joined <- struct{}{}
		return nil
	})
	brief, cancel := context.WithCancel(ctx)
	defer cancel()
	played := make(chan error, 1)
	go func() {
		defer cancel() // which ends the bot
		select {
		case <-joined:
			played <- script(brief, s)
		case <-time.After(Patience):
			played <- errors.New("the bot did not join the room")
		case <-brief.Done():
			played <- nil
		}
	}()
	err = bot.Run(brief, "bot", Password)
	cancel()
	<-bot.Done()
	if err = ended(ctx, errors.Join(err, <-played)); err == nil && ctx.Err() == nil {
		s.Note("that is all")
	}
	return err
}

// ended makes nothing of an error that comes from an interruption.
func ended(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

func stop(c *client.Client) {
	_ = c.Close()
	<-c.Done()
}

// watch listens to the room as a guest, writes down its events and keeps them for Until.
func (s *Scene) watch(ctx context.Context, here []client.Option) (*client.Client, error) {
	watcher, err := client.New(append(here, client.WithGuest())...)
	if err != nil {
		return nil, err
	}
	client.On(watcher, func(_ context.Context, e client.Event) error {
		s.write(e)
		s.mu.Lock()
		s.events = append(s.events, e)
		s.mu.Unlock()
		select {
		case s.news <- struct{}{}:
		default: // Until wakes up already
		}
		return nil
	})
	if err = watcher.Connect(ctx); err == nil {
		_, err = watcher.JoinRoom(ctx, "lounge", client.Listen())
	}
	if err != nil {
		stop(watcher)
		return nil, err
	}
	return watcher, nil
}

// write puts an event into the transcript.
func (s *Scene) write(e client.Event) {
	switch e := e.(type) {
	case client.RoomJoined:
		song, _ := e.Room.NowPlaying()
		s.Note("this is %s; %s plays", e.Room, song)
	case client.Chat:
		s.out.Line(e.At, e.Author.String(), e.Message.Content)
	case client.ChatDeleted:
		s.Note("%s has deleted a line: %s", e.By, e.Message.Content)
	case client.MemberMuted:
		s.Note("%s has muted %s", e.By, e.User)
	case client.MemberUnmuted:
		s.Note("%s lets %s talk again", e.By, e.User)
	case client.SongChanged:
		if e.Playing {
			s.Note("now plays %s, queued by %s", e.Info, e.User)
		}
	}
}

// Note writes what nobody says.
func (s *Scene) Note(format string, args ...any) { s.out.Note(format, args...) }

// Says lets somebody say something, after a moment.
func (s *Scene) Says(ctx context.Context, user, text string) {
	pause(ctx)
	if ctx.Err() == nil {
		s.Say(user, text)
	}
}

// Until waits for the first event that matches, of those that came after what the last Until has found. what says what
// it is, for the error.
func (s *Scene) Until(ctx context.Context, what string, match func(client.Event) bool) error {
	late := time.After(Patience)
	for {
		if s.pass(match) {
			return nil
		}
		select {
		case <-s.news:
		case <-late:
			return fmt.Errorf("waited %v for this: %s", Patience, what)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// UntilBotSays waits until the bot has said something that contains each of the words.
func (s *Scene) UntilBotSays(ctx context.Context, words ...string) error {
	return s.Until(ctx, fmt.Sprintf("the bot says %q", words), func(e client.Event) bool {
		chat, ok := e.(client.Chat)
		return ok && chat.Author.Username == "bot" && !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(chat.Message.Content, w) })
	})
}

// pass drops the events up to the first that matches, and says whether there is one.
func (s *Scene) pass(match func(client.Event) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, e := range s.events {
		if match(e) {
			s.events = s.events[i+1:]
			return true
		}
	}
	return false
}

func pause(ctx context.Context) {
	select {
	case <-time.After(pace):
	case <-ctx.Done():
	}
}
