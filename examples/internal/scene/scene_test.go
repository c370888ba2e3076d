package scene_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/examples/internal/scene"
	"github.com/queup-go/queup/queuptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// joining makes a bot that joins a room and does nothing there.
func joining(slug string) func(opts ...client.Option) (*client.Client, error) {
	return func(opts ...client.Option) (*client.Client, error) {
		bot, err := client.New(append(opts, client.WithErrorHandler(func(context.Context, error) {}))...)
		if err == nil {
			client.On(bot, func(ctx context.Context, _ client.Ready) error {
				_, err := bot.JoinRoom(ctx, slug)
				return err
			})
		}
		return bot, err
	}
}

func TestPlay_writesWhatHappens(t *testing.T) {
	var out bytes.Buffer
	err := scene.Play(t.Context(), &out, queuptest.DefaultWorld(), joining("lounge"), func(ctx context.Context, s *scene.Scene) error {
		s.Says(ctx, "alice", "hello")
		s.DeleteMessage("alice", s.Messages()[0].ID)
		s.Mute("mod", "bob")
		s.Unmute("mod", "bob")
		s.Skip("owner")
		return s.Until(ctx, "the next song", func(e client.Event) bool {
			_, ok := e.(client.SongChanged)
			return ok
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"— this is The Lounge; Paper Lanterns - Slow Tide (03:00) plays", "alice     hello", "— alice has deleted a line: hello",
		"— mod has muted bob", "— mod lets bob talk again", "— now plays Nine & Dime - Corner Shop (03:20), queued by bob", "— that is all",
	} {
		if !strings.Contains(out.String(), line+"\n") {
			t.Errorf("no %q in\n%s", line, &out)
		}
	}
}

func TestPlay_failures(t *testing.T) {
	oops := errors.New("oops")
	tests := map[string]struct {
		newBot func(opts ...client.Option) (*client.Client, error)
		script func(ctx context.Context, s *scene.Scene) error
		want   string
	}{
		"no bot":     {func(...client.Option) (*client.Client, error) { return nil, oops }, nil, "oops"},
		"the script": {joining("lounge"), func(context.Context, *scene.Scene) error { return oops }, "oops"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := scene.Play(t.Context(), new(bytes.Buffer), queuptest.DefaultWorld(), tt.newBot, tt.script)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Play = %v", err)
			}
		})
	}
}

// What does not happen is waited for on a clock of the test's.
func TestScene_untilIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := new(scene.Scene).UntilBotSays(t.Context(), "hello")
		if err == nil || !strings.Contains(err.Error(), `the bot says ["hello"]`) || time.Since(start) != scene.Patience {
			t.Errorf("Until = %v after %v", err, time.Since(start))
		}
	})
}

// A user who chats must not control the terminal.
func TestTranscript_dropsControlCharacters(t *testing.T) {
	at := time.Date(2026, time.March, 1, 20, 30, 0, 0, time.Local)
	indent := strings.Repeat(" ", 20)
	tests := map[string]struct{ name, text, want string }{
		"a colour":                {"mallory", "\x1b[31mred\x1b[0m", "mallory   [31mred[0m"},
		"a window's title":        {"mallory", "\x1b]0;pwned\x07", "mallory   ]0;pwned"},
		"controls of one byte":    {"mallory", "a\u009b2Jb\u0085c", "mallory   a2Jbc"},
		"erasing":                 {"mallory", "abc\b\b\b\x7f\x00x", "mallory   abcx"},
		"writing over a line":     {"mallory", "hello\r20:30:00  owner", "mallory   hello20:30:00  owner"},
		"bytes that are not text": {"mallory", "a\x9b\xffb", "mallory   a\ufffd\ufffdb"},
		"a name":                  {"ma\x1b[2Jl\nlory", "hi", "ma[2Jl lory hi"},
		"line breaks":             {"alice", "one\ntwo\r\nthree", "alice     one\n" + indent + "two\n" + indent + "three"},
		"tabs":                    {"alice", "one\ttwo", "alice     one two"},
		"people's own writing":    {"Zoë", "“日本” 👩‍🚀 é", "Zoë       “日本” 👩‍🚀 é"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			said := scene.NewTranscript(&out)
			said.Line(at, tt.name, tt.text)
			if want := "20:30:00  " + tt.want + "\n"; out.String() != want {
				t.Errorf("printed %q, want %q", &out, want)
			}
		})
	}
	t.Run("a room's name", func(t *testing.T) {
		var out bytes.Buffer
		said := scene.NewTranscript(&out)
		said.Note("joined %s", "The\x1b[2J Lounge")
		if want := "— joined The[2J Lounge\n"; out.String() != want {
			t.Errorf("printed %q, want %q", &out, want)
		}
	})
}
