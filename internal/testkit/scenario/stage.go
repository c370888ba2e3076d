// Package scenario holds what is recorded for the library's own cassettes: what a bot does, and what happens around it.
// tools/record runs scenarios to record them, and the tests of this package run the same ones to play them.
package scenario

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/queuptest"
)

// Stage is where a scenario happens: a QueUp in memory, the service, or a recording of one of them.
type Stage struct {
	Email, Password string // of the bot's account
	Room            string // the slug
	Options         []client.Option

	server *queuptest.Server // what is recorded; nil for the service and for a recording

	mu    sync.Mutex
	lines []string       // guarded by mu; what the library returned
	heard []client.Event // guarded by mu
	read  int            // guarded by mu; how many of heard were awaited
	more  chan struct{}  // guarded by mu; closed and replaced when something is heard
	bots  []*client.Client
}

// OnServer makes a stage of a QueUp in memory, for a recording.
func OnServer(server *queuptest.Server, opts ...client.Option) *Stage {
	return onStage(&Stage{
		Email: "bot", Password: canary.Password, Room: "lounge", server: server,
		Options: append([]client.Option{client.WithBaseURL(server.URL()), client.WithRealtimeURL(server.RealtimeURL())}, opts...),
	})
}

// OnRecording makes a stage of a recording.
func OnRecording(opts ...client.Option) *Stage {
	return onStage(&Stage{Email: "bot", Password: canary.Password, Room: "lounge", Options: opts})
}

// OnService makes a stage of QueUp itself.
func OnService(email, password, room string, opts ...client.Option) *Stage {
	return onStage(&Stage{Email: email, Password: password, Room: room, Options: opts})
}

func onStage(s *Stage) *Stage {
	s.more = make(chan struct{})
	return s
}

// Distant is a transport that puts into an order what would happen at the same moment of virtual time, and leave the
// order to chance: a recording made again is then the same. Requests leave at the next tick, each a little later by
// what it asks for, and their answers arrive at the tick after that.
func Distant(rt http.RoundTripper) http.RoundTripper { return distant{rt} }

type distant struct{ http.RoundTripper }

const (
	tick    = 20 * time.Millisecond
	detours = 19_999 // microseconds, of a tick
)

// RoundTrip implements http.RoundTripper.
func (d distant) RoundTrip(req *http.Request) (*http.Response, error) {
	h := fnv.New32a()
	_, _ = io.WriteString(h, req.Method+" "+req.URL.RequestURI()) // it never fails
	waitForTick()
	time.Sleep(time.Duration(1+h.Sum32()%detours) * time.Microsecond)
	defer waitForTick()
	return d.RoundTripper.RoundTrip(req)
}

func waitForTick() {
	now := time.Now()
	time.Sleep(now.Truncate(tick).Add(tick).Sub(now))
}

// Tidy is a transport that sorts the members of JSON objects that are sent: those that no specification knows are sent
// in an order that is chance.
func Tidy(rt http.RoundTripper) http.RoundTripper { return tidy{rt} }

type tidy struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (s tidy) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body == nil || !strings.HasPrefix(req.Header.Get("Content-Type"), "application/json") {
		return s.RoundTripper.RoundTrip(req)
	}
	defer req.Body.Close()
	decoder := json.NewDecoder(req.Body)
	decoder.UseNumber() // no digit is lost
	var body any
	if err := decoder.Decode(&body); err != nil {
		return nil, err
	}
	var sorted bytes.Buffer
	encoder := json.NewEncoder(&sorted)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil {
		return nil, err
	}
	sorted.Truncate(sorted.Len() - 1) // the line's end
	out := req.Clone(req.Context())
	out.Body, out.GetBody, out.ContentLength = io.NopCloser(&sorted), nil, int64(sorted.Len())
	return s.RoundTripper.RoundTrip(out)
}

// Close ends the stage's bots. What they still say while they close is chance, so everything that is under way comes to
// its end before.
func (s *Stage) Close() {
	for _, bot := range s.bots {
		_ = bot.Close() // it says nothing that a recording needs
		<-bot.Done()
	}
}

// bot makes a client whose events are kept. Its reconnects are without chance.
func (s *Stage) bot(opts ...client.Option) (*client.Client, error) {
	all := append([]client.Option{
		client.WithReconnect(func(int, error) (time.Duration, bool) { return time.Second, true }),
		client.WithErrorHandler(func(_ context.Context, err error) { s.note("error handler: %v", err) }),
	}, s.Options...)
	bot, err := client.New(append(all, opts...)...)
	if err != nil {
		return nil, err
	}
	s.bots = append(s.bots, bot)
	client.On(bot, func(_ context.Context, e client.Event) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.heard = append(s.heard, e)
		close(s.more)
		s.more = make(chan struct{})
		return nil
	})
	return bot, nil
}

// enter makes a client, logs it in, and brings it into the room.
func (s *Stage) enter(ctx context.Context) (*client.Client, *client.Room, error) {
	bot, err := s.bot()
	if err != nil {
		return nil, nil, err
	}
	if err := errors.Join(bot.Login(ctx, s.Email, s.Password), bot.Connect(ctx)); err != nil {
		return nil, nil, err
	}
	room, err := bot.JoinRoom(ctx, s.Room)
	pause(time.Second)
	return bot, room, err
}

// pause waits at least for d, and until a whole second: a call more or less before does not move all that follows.
func pause(d time.Duration) {
	now := time.Now()
	time.Sleep(now.Add(d).Truncate(time.Second).Add(time.Second).Sub(now))
}

// note keeps a line about what the library returned.
func (s *Stage) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

// did notes that a call succeeded, or returns why it did not.
func (s *Stage) did(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	s.note("%s: done", what)
	return nil
}

// meanwhile has others do something in the room, some seconds after the last thing. In a recording it has been done.
func (s *Stage) meanwhile(act func(server *queuptest.Server, room *queuptest.Room)) {
	if s.server != nil {
		pause(2 * time.Second)
		act(s.server, s.server.Room(s.Room))
	}
}

// settle waits until what is under way has come to its end: a client reads a queue again a while after it has changed,
// for example.
func (s *Stage) settle() { pause(6 * time.Second) }

// await waits for an event of type E for which match is true, from those after the last one that was awaited.
func await[E client.Event](ctx context.Context, s *Stage, match func(E) bool) (E, error) {
	for {
		s.mu.Lock()
		for s.read < len(s.heard) {
			e, is := s.heard[s.read].(E)
			s.read++
			if is && match(e) {
				s.mu.Unlock()
				return e, nil
			}
		}
		more := s.more
		s.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			var none E
			return none, fmt.Errorf("no %T that was awaited: %w", none, context.Cause(ctx))
		}
	}
}

// heardChat waits for a line of chat.
func (s *Stage) heardChat(ctx context.Context, text string) error {
	_, err := await(ctx, s, func(e client.Chat) bool { return e.Message.Content == text })
	return err
}

// Events returns what the bot heard so far.
func (s *Stage) Events() []client.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]client.Event(nil), s.heard...)
}

// Transcript is what the library returned, and then what it told, one line each. It is the same for a recording and for
// what was recorded.
func (s *Stage) Transcript() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, line := range s.lines {
		fmt.Fprintln(&b, line)
	}
	fmt.Fprintln(&b)
	for _, e := range s.heard {
		fmt.Fprintln(&b, describe(e))
	}
	return b.String()
}

// describe is an event in a line: its type, the name that QueUp has for it, and its fields. Why a connection was lost
// is chance.
func describe(e client.Event) string {
	var b strings.Builder
	v := reflect.ValueOf(e)
	b.WriteString(v.Type().Name())
	meta := e.EventMeta()
	if meta.Name != "" {
		fmt.Fprintf(&b, " (%s)", meta.Name)
	}
	if meta.Resynced {
		b.WriteString(" resynced")
	}
	for field, value := range v.Fields() {
		switch x := value.Interface().(type) {
		case client.Meta, error:
		case time.Duration:
			if field.Name != "RetryIn" {
				fmt.Fprintf(&b, " %s=%v", field.Name, x)
			}
		case time.Time: // of a gap: by this machine's clock
		case client.Song:
			fmt.Fprintf(&b, " %s=%q", field.Name, songText(x))
		case []client.Song:
			names := make([]string, len(x))
			for i, song := range x {
				names[i] = songText(song)
			}
			fmt.Fprintf(&b, " %s=%q", field.Name, names)
		case client.Member:
			fmt.Fprintf(&b, " %s=%q", field.Name, fmt.Sprintf("%s dubs %d played %d queued %d", x, x.Dubs, x.Played, x.QueuedNow))
		case fmt.Stringer:
			fmt.Fprintf(&b, " %s=%q", field.Name, x.String())
		case string:
			fmt.Fprintf(&b, " %s=%q", field.Name, x)
		case bool:
			fmt.Fprintf(&b, " %s=%t", field.Name, x)
		default:
			if value.Kind() == reflect.Interface && value.IsNil() {
				continue // no error
			}
			fmt.Fprintf(&b, " %s=%v", field.Name, x)
		}
	}
	return b.String()
}

func songText(s client.Song) string {
	return fmt.Sprintf("%s +%d -%d grabs %d", s, s.Updubs, s.Downdubs, s.Grabs)
}
