package main

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/examples/internal/scene"
	"github.com/queup-go/queup/examples/internal/scenetest"
	"github.com/queup-go/queup/queuptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRun_showsTheConversation(t *testing.T) {
	var out bytes.Buffer
	start := time.Now()
	if err := run(t.Context(), &out, scenetest.Environment(nil)); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	var said []string
	for _, line := range regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d  (\S+) +(.+)$`).FindAllStringSubmatch(out.String(), -1) {
		said = append(said, line[1]+": "+line[2])
	}
	if want := []string{"alice: hello everybody", "alice: !ping", "bot: Pong!"}; !slices.Equal(said, want) {
		t.Errorf("said %q, want %q, in\n%s", said, want, &out)
	}
	if strings.ContainsRune(out.String(), '\x1b') {
		t.Errorf("a writer that is not a terminal gets escape codes: %q", &out)
	}
}

func TestRun_endsWithItsContext(t *testing.T) {
	scenetest.EndsWithItsContext(t, run, 100*time.Millisecond)
}

func TestPingbot_saysWhyItIsOut(t *testing.T) {
	server := queuptest.NewServer()
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	reasons := make(chan error, 1)
	bot, err := newPingbot("lounge", scene.NewTranscript(new(bytes.Buffer)), client.WithBaseURL(server.URL()), client.WithRealtimeURL(server.RealtimeURL()),
		client.WithErrorHandler(func(_ context.Context, err error) {
			reasons <- err
			cancel()
		}))
	if err != nil {
		t.Fatal(err)
	}
	client.On(bot, func(context.Context, client.RoomJoined) error {
		server.Room("lounge").Kick("owner", "bot", "enough")
		return nil
	})
	if err := bot.Run(ctx, "bot", scene.Password); err != nil {
		t.Fatal(err)
	}
	<-bot.Done()
	select {
	case err := <-reasons:
		if !errors.Is(err, client.ErrKicked) {
			t.Errorf("the bot says %v", err)
		}
	default:
		t.Error("the bot does not say that it was kicked")
	}
}

func TestRun_needsAllVariablesOrNone(t *testing.T) { scenetest.NeedsAllVariablesOrNone(t, run) }

// A user who is not let in gets one line that says what to do.
func TestRun_notLetIn(t *testing.T) {
	scenetest.Refusals(t, true, nil, func(ctx context.Context, getenv func(string) string) error {
		return run(ctx, new(bytes.Buffer), getenv)
	})
}
