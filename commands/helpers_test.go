package commands_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/commands"
	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/queuptest"
)

// stage is a bot in the lounge of a QueUp in memory, on virtual time, with a router that serves it.
type stage struct {
	t      *testing.T
	server *queuptest.Server
	lounge *queuptest.Room
	bot    *client.Client
	room   *client.Room
	cancel func() // of the router

	mu   sync.Mutex
	errs []error // guarded by mu: the errors that the error handler got
}

// onStage runs a test with a router that setUp has made.
func onStage(t *testing.T, setUp func(t *testing.T) *commands.Router, play func(t *testing.T, s *stage), opts ...client.Option) {
	t.Helper()
	onStageOf(t, nil, setUp, play, opts...)
}

// onStageOf is onStage on a server that is made with options.
func onStageOf(t *testing.T, of []queuptest.Option, setUp func(t *testing.T) *commands.Router, play func(t *testing.T, s *stage), opts ...client.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{t: t, server: queuptest.NewServer(append([]queuptest.Option{queuptest.InMemory()}, of...)...)}
		defer s.server.Close()
		bot, err := client.New(append([]client.Option{
			client.WithBaseURL(s.server.URL()),
			client.WithRealtimeURL(s.server.RealtimeURL()),
			client.WithDialContext(s.server.DialContext),
			client.WithRateLimit(0, 0),
			client.WithErrorHandler(func(_ context.Context, err error) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.errs = append(s.errs, err)
			}),
		}, opts...)...)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			_ = bot.Close()
			<-bot.Done()
		}()
		s.bot, s.lounge = bot, s.server.Room("lounge")
		s.cancel = setUp(t).Serve(bot)
		if err := bot.Login(t.Context(), "bot", canary.Password); err != nil {
			t.Fatal(err)
		}
		if err := bot.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s.room, err = bot.JoinRoom(t.Context(), "lounge"); err != nil {
			t.Fatal(err)
		}
		play(t, s)
	})
}

// guests is the default world with more people in the lounge.
func guests(names ...string) []queuptest.Option {
	w := queuptest.DefaultWorld()
	for _, name := range names {
		w.Users = append(w.Users, queuptest.User{Name: name, Password: canary.Password})
	}
	w.Rooms[0].Present = append(w.Rooms[0].Present, names...)
	return []queuptest.Option{queuptest.WithWorld(w)}
}

// enter has another account come into the lounge, with a client that a router serves.
func (s *stage) enter(t *testing.T, account string, r *commands.Router) {
	t.Helper()
	other, err := client.New(client.WithBaseURL(s.server.URL()), client.WithRealtimeURL(s.server.RealtimeURL()), client.WithDialContext(s.server.DialContext))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = other.Close()
		<-other.Done()
	})
	r.Serve(other)
	if err := other.Login(t.Context(), account, canary.Password); err != nil {
		t.Fatal(err)
	}
	if err := other.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := other.JoinRoom(t.Context(), "lounge"); err != nil {
		t.Fatal(err)
	}
}

// answers sends a line of a user to the lounge, and returns the bot's lines of the next second.
func (s *stage) answers(user, text string) []string {
	s.t.Helper()
	before := len(s.lounge.Messages())
	s.lounge.Say(user, text)
	time.Sleep(time.Second)
	synctest.Wait()
	var lines []string
	for _, m := range s.lounge.Messages()[before:] {
		if m.User == "bot" {
			lines = append(lines, m.Text)
		}
	}
	return lines
}

// expect checks what the bot answers, and that it is patient again afterwards.
func (s *stage) expect(user, text string, want ...string) {
	s.t.Helper()
	if got := s.answers(user, text); !slices.Equal(got, want) {
		s.t.Errorf("%s says %q:\n got %q\nwant %q", user, text, got, want)
	}
	time.Sleep(4 * time.Second)
}

// expectPrivate is expect for a private message.
func (s *stage) expectPrivate(user, text string, want ...string) {
	s.t.Helper()
	before := len(s.private())
	s.server.Message(user, text, "bot")
	time.Sleep(5 * time.Second)
	synctest.Wait()
	if got := s.private()[before:]; !slices.Equal(got, want) {
		s.t.Errorf("%s writes %q:\n got %q\nwant %q", user, text, got, want)
	}
}

// private returns the bot's private messages.
func (s *stage) private() []string {
	s.t.Helper()
	var texts []string
	for _, e := range s.server.Log() {
		if !e.In || e.User != "bot" || e.Method != http.MethodPost || !strings.HasPrefix(e.Path, "/message/") {
			continue
		}
		var body struct{ Message string }
		if err := json.Unmarshal([]byte(e.Body), &body); err != nil {
			s.t.Fatal(err)
		}
		texts = append(texts, body.Message)
	}
	return texts
}

// errors returns the errors that the error handler has got so far, and forgets them.
func (s *stage) errors() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.errs
	s.errs = nil
	return got
}

// reply is a handler that says a text.
func reply(text string) commands.Handler {
	return func(ctx context.Context, c *commands.Context) error { return c.Reply(ctx, text) }
}

// with makes a router by options, and adds the commands that add does.
func with(add func(r *commands.Router), opts ...commands.Option) func(t *testing.T) *commands.Router {
	return func(t *testing.T) *commands.Router {
		t.Helper()
		r := commands.New(opts...)
		add(r)
		return r
	}
}
