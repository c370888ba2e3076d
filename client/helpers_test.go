package client_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// inBubble runs a test on virtual time, against a QueUp in memory.
func inBubble(t *testing.T, test func(t *testing.T, server *queuptest.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory())
		defer server.Close()
		test(t, server)
	})
}

// newBot makes a client of the server that is closed with the test.
func newBot(t *testing.T, server *queuptest.Server, opts ...client.Option) *client.Client {
	t.Helper()
	bot, err := client.New(append([]client.Option{
		client.WithBaseURL(server.URL()),
		client.WithRealtimeURL(server.RealtimeURL()),
		client.WithDialContext(server.DialContext),
		client.WithErrorHandler(func(_ context.Context, err error) { t.Errorf("error handler: %v", err) }),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = bot.Close()
		<-bot.Done()
	})
	return bot
}

// connect logs in and connects.
func connect(t *testing.T, server *queuptest.Server, name string, opts ...client.Option) *client.Client {
	t.Helper()
	bot := newBot(t, server, opts...)
	if err := bot.Login(t.Context(), name, "secret"); err != nil {
		t.Fatal(err)
	}
	if err := bot.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	return bot
}

// joinLounge logs in, connects and joins the lounge.
func joinLounge(t *testing.T, server *queuptest.Server, name string, opts ...client.Option) (*client.Client, *client.Room) {
	t.Helper()
	bot := connect(t, server, name, opts...)
	room, err := bot.JoinRoom(t.Context(), "lounge")
	if err != nil {
		t.Fatal(err)
	}
	return bot, room
}

// record collects the events of a type as text; the function it returns tells what was heard so far.
func record[E client.Event](s client.Source, text func(E) string) func() []string {
	var mu sync.Mutex
	var heard []string
	client.On(s, func(_ context.Context, e E) error {
		line := text(e)
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, line)
		return nil
	})
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(heard)
	}
}

// settle lets time pass, and then all that became due of it come to its end.
func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func expect(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

// meddle hands the calls of a method, to paths that contain part, to a handler of the test's own; next is QueUp's.
func meddle(method, part string, handle func(w http.ResponseWriter, req *http.Request, next http.Handler)) queuptest.Option {
	return queuptest.WithHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method == method && strings.Contains(req.URL.Path, part) {
				handle(w, req, next)
				return
			}
			next.ServeHTTP(w, req)
		})
	})
}

// slow is for meddle: QueUp takes its time before it does what it is asked for.
func slow(d time.Duration) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		time.Sleep(d)
		next.ServeHTTP(w, req)
	}
}

// answerLate sends an answer that was true when it was asked for, some time ago.
func answerLate(w http.ResponseWriter, req *http.Request, next http.Handler, d time.Duration) {
	answer := httptest.NewRecorder()
	next.ServeHTTP(answer, req)
	time.Sleep(d)
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = answer.Body.WriteTo(w)
}

// hasBot reports whether QueUp has the bot in the lounge.
func hasBot(server *queuptest.Server) bool {
	return slices.Contains(server.Room("lounge").Members(), "bot")
}

// requests returns the REST calls of the bot that the server saw.
func requests(server *queuptest.Server) []string {
	var calls []string
	for _, e := range server.Log() {
		if e.In && e.Kind == "http" && e.User == "bot" {
			calls = append(calls, e.Method+" "+e.Path)
		}
	}
	return calls
}

func isArgument(err error) bool {
	_, ok := errors.AsType[*client.ArgumentError](err)
	return ok
}

func userName(bot *client.Client, id client.UserID) string {
	user, _ := bot.Users().Get(id)
	return user.Username
}
