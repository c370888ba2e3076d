package cassettes_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gopkg.in/dnaeon/go-vcr.v3/cassette"
	"gopkg.in/dnaeon/go-vcr.v3/recorder"

	"github.com/queup-go/queup/cassettes"
	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// What docs/TESTING.md shows. TestGuide wants each piece of code there to be here, line by line.

// answer is all that the bot does.
func answer(bot *client.Client) {
	client.On(bot, func(ctx context.Context, e client.Chat) error {
		if e.Message.Content != "~ping" {
			return nil
		}
		_, err := e.Room.SendMessage(ctx, "Pong!")
		return err
	})
}

// enter makes a bot that answers, and brings it into the lounge.
func enter(t *testing.T, opts ...client.Option) (*client.Client, *client.Room) {
	t.Helper()
	bot, err := client.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = bot.Close()
		<-bot.Done()
	})
	answer(bot)
	if err := bot.Login(t.Context(), "bot", "secret"); err != nil {
		t.Fatal(err)
	}
	if err := bot.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	room, err := bot.JoinRoom(t.Context(), "lounge")
	if err != nil {
		t.Fatal(err)
	}
	return bot, room
}

func TestPing(t *testing.T) {
	srv := queuptest.NewServer()
	t.Cleanup(srv.Close)
	srv.LogOnFailure(t)
	enter(t, client.WithServer(srv))

	srv.Room("lounge").Say("alice", "~ping")
	if line, err := srv.NextLine(t.Context(), "bot"); err != nil || line.Text != "Pong!" {
		t.Fatalf("the bot said %v, %v", line, err)
	}
}

func TestNextSong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := queuptest.NewServer(queuptest.InMemory())
		t.Cleanup(srv.Close)
		_, room := enter(t, client.WithServer(srv))

		before, _ := room.NowPlaying()
		time.Sleep(4 * time.Minute) // no time at all
		synctest.Wait()
		if now, playing := room.NowPlaying(); !playing || now.ID == before.ID {
			t.Errorf("after the song plays %v", now)
		}
	})
}

func TestPing_recorded(t *testing.T) {
	c := cassettes.Open(t, "ping")
	bot, err := client.New(client.WithTransport(c.Transport()), client.WithDialer(c.Dialer()), client.WithOwnMessages(true))
	if err != nil {
		t.Fatal(err)
	}
	answer(bot)
	ctx, stop := context.WithCancel(c.Context()) // it ends with the test, or where bot and recording part
	defer stop()
	client.On(bot, func(ctx context.Context, _ client.Ready) error {
		_, err := bot.JoinRoom(ctx, "lounge")
		return err
	})
	client.On(bot, func(_ context.Context, e client.Chat) error {
		if e.Message.Content == "Pong!" {
			stop()
		}
		return nil
	})
	if err := bot.Run(ctx, "bot", "secret"); err != nil {
		t.Fatal(err)
	}
	<-bot.Done()
}

func TestPing_recordedSteps(t *testing.T) {
	c := cassettes.Open(t, "ping", cassettes.Stepped())
	bot, room := enter(t, client.WithTransport(c.Transport()), client.WithDialer(c.Dialer()), client.WithOwnMessages(true))

	lines := client.Stream[client.Chat](c.Context(), bot)
	for range 2 { // ~ping, and the bot's own answer
		if _, ok := c.Until(func(f cassettes.Frame) bool { return f.Name == "chat-message" }); !ok {
			t.Fatal("there is no more chat")
		}
	}
	for e := range lines {
		if e.Message.Content == "Pong!" {
			break
		}
	}
	if err := room.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// The page shows no code that is not in this file.
func TestGuide(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/TESTING.md")
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile("guide_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 5 {
		t.Errorf("the page has %d pieces of code", len(blocks))
	}
	for _, block := range blocks {
		if !strings.Contains(string(code), block[1]) {
			t.Errorf("this is on the page, and not here:\n%s", block[1])
		}
	}
}

// The HTTP half of a recording, played by go-vcr's own recorder.
func TestLookups_playedByGoVCR(t *testing.T) {
	vcr, err := recorder.NewWithOptions(&recorder.Options{CassetteName: "testdata/lookups.http", Mode: recorder.ModeReplayOnly})
	if err != nil {
		t.Fatal(err)
	}
	bot, err := client.New(client.WithBaseURL("http://queup.test"), client.WithTransport(vcr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = bot.Close()
		<-bot.Done()
	})
	if err := bot.Login(t.Context(), "bot", "secret"); err != nil {
		t.Fatal(err)
	}
	room, err := bot.FetchRoom(t.Context(), "lounge")
	if err != nil {
		t.Fatal(err)
	}
	if info := room.Info(); info.Slug != "lounge" {
		t.Errorf("the room is %q", info.Slug)
	}
	if user, err := bot.FetchUser(t.Context(), "alice"); err != nil || user.Username != "alice" {
		t.Errorf("the user is %v (%v)", user, err)
	}
	if _, err := bot.FetchUser(t.Context(), "nobody-here"); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("nobody-here: %v", err)
	}
	if _, err := bot.FetchUser(t.Context(), "bob"); !errors.Is(err, cassette.ErrInteractionNotFound) {
		t.Errorf("what was not recorded: %v", err)
	}
}
