package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// What the connection of an account had begun ends with it: nothing of it is asked as the next account, or emitted.
func TestQ21_backgroundWorkEndsWithItsAccount(t *testing.T) {
	for _, next := range []string{"", "carol", "mod"} {
		t.Run("then "+next, func(t *testing.T) {
			var hang atomic.Bool
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				bot := connect(t, server, "bot")
				heard := record(bot, func(e client.PrivateMessage) string { return e.Message.Content })
				settle(time.Minute)
				hang.Store(true)
				server.Message("alice", "for the first account", "bot", "mod")
				settle(time.Second)
				hang.Store(false)
				if err := bot.Logout(t.Context()); err != nil {
					t.Fatal(err)
				}
				before := len(server.Log())
				if next != "" {
					if err := bot.Login(t.Context(), next, "secret"); err != nil {
						t.Fatal(err)
					}
				}
				settle(5 * time.Minute)
				if len(heard()) > 0 {
					t.Errorf("emitted after Logout: %q", heard())
				}
				for _, e := range server.Log()[before:] {
					if e.In && strings.HasPrefix(e.Path, "/message/") {
						t.Errorf("%s asks for %s", e.User, e.Path)
					}
				}
			}, meddle(http.MethodGet, "/message/", func(w http.ResponseWriter, req *http.Request, handler http.Handler) {
				if hang.Load() {
					time.Sleep(15 * time.Second)
				}
				handler.ServeHTTP(w, req)
			}))
		})
	}
}

// The quota of the chat is about the account that has used it up.
func TestChatQuota_endsWithItsAccount(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot")
		for i := range 4 {
			_, _ = room.SendMessage(t.Context(), fmt.Sprint("line ", i))
		}
		if err := bot.Logout(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := bot.Login(t.Context(), "mod", "secret"); err != nil {
			t.Fatal(err)
		}
		if err := bot.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		room = must(bot.JoinRoom(t.Context(), "lounge"))(t)
		began := time.Now()
		must(room.SendMessage(t.Context(), "hello"))(t)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("the first line of another account waited %v", took)
		}
	}, queuptest.ChatQuota(3, 20*time.Minute))
}

// A call whose turn comes after its deadline fails at once, also behind one that waits without a deadline.
func TestChatQuota_deadlineBehindAnother(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		for i := range 4 {
			_, _ = room.SendMessage(t.Context(), fmt.Sprint("line ", i))
		}
		go func() { _, _ = room.SendMessage(t.Context(), "waits") }()
		settle(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		began := time.Now()
		_, err := room.SendMessage(ctx, "cannot")
		if _, ok := errors.AsType[*client.RateLimitError](err); !ok || time.Since(began) > 0 {
			t.Errorf("after %v: %v, want a *RateLimitError at once", time.Since(began), err)
		}
	}, queuptest.ChatQuota(3, 20*time.Minute))
}

// Joins that hang keep no other room from being joined.
func TestJoinRoom_besideJoinsThatHang(t *testing.T) {
	for name, path := range map[string]string{"at the first look": "/room/", "at the load": "/users"} {
		t.Run(name, func(t *testing.T) {
			world := crowded(30, 30, 30)
			slow := world.Rooms[0].Slug
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				bot := connect(t, server, "bot")
				for range 3 {
					go func() { _, _ = bot.JoinRoom(t.Context(), slow) }()
				}
				settle(time.Second)
				began := time.Now()
				must(bot.JoinRoom(t.Context(), world.Rooms[1].Slug))(t)
				if took := time.Since(began); took > 6*time.Second {
					t.Errorf("it took %v", took)
				}
				_ = bot.Close()
			}, queuptest.WithWorld(world), meddle(http.MethodGet, path, func(w http.ResponseWriter, req *http.Request, next http.Handler) {
				if strings.Contains(req.URL.Path, slow) || path == "/users" && strings.Contains(req.URL.Path, "0001/") {
					select {
					case <-req.Context().Done():
					case <-time.After(10 * time.Minute):
					}
					return
				}
				next.ServeHTTP(w, req)
			}))
		})
	}
}

// swallowing is a Socket that loses the frames that drop picks.
type swallowing struct {
	realtime.Socket
	drop func(data []byte) bool
}

func (s swallowing) Write(op realtime.Opcode, data []byte) error {
	if s.drop(data) {
		return nil
	}
	return s.Socket.Write(op, data)
}

// A room whose channel gets no answer on a new link and is refused when asked again has ended, and says so.
func TestRoomLeft_whenTheChannelIsRefusedLater(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		var mu sync.Mutex
		armed := false
		lounge := server.Room("lounge").Channel()
		wire := &realtime.WebsocketDialer{NetDialContext: server.DialContext}
		_, room := joinLounge(t, server, "bot", client.WithDialer(dialFunc(func(ctx context.Context, url string, h http.Header) (realtime.Socket, error) {
			socket, err := wire.Dial(ctx, url, h)
			if err != nil {
				return nil, err
			}
			return swallowing{socket, func(data []byte) bool {
				mu.Lock()
				defer mu.Unlock()
				if armed && bytes.Contains(data, []byte(lounge)) && bytes.Contains(data, []byte(`"action":10`)) {
					armed = false
					server.RefuseChannel(lounge)
					return true
				}
				return false
			}}, nil
		})))
		left := record(room, func(e client.RoomLeft) string { return fmt.Sprint(e.Err != nil) })
		settle(time.Minute)
		mu.Lock()
		armed = true
		mu.Unlock()
		server.CutLinks()
		settle(10 * time.Minute)
		expect(t, "RoomLeft with a reason", left(), []string{"true"})
		if room.Joined() {
			t.Error("the room counts as joined, and is deaf")
		}
	})
}

// onRecord is a handler of logs that calls a function for a message.
type onRecord struct {
	slog.Handler
	message string
	call    func()
}

func (h onRecord) Handle(_ context.Context, r slog.Record) error {
	if r.Message == h.message {
		h.call()
	}
	return nil
}

// A Connect whose context ends as the link comes up still has a mailbox.
func TestConnect_mailboxWhateverBecomesOfTheContext(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		logger := slog.New(onRecord{slog.NewTextHandler(io.Discard, nil), "realtime connected", cancel})
		bot := newBot(t, server, client.WithLogger(logger))
		if err := bot.Login(t.Context(), "bot", "secret"); err != nil {
			t.Fatal(err)
		}
		heard := record(bot, func(e client.PrivateMessage) string { return e.Message.Content })
		if err := bot.Connect(ctx); err != nil {
			if err := bot.Connect(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		settle(time.Minute)
		server.Message("alice", "hi", "bot")
		settle(time.Minute)
		expect(t, "private messages", heard(), []string{"hi"})
	})
}

// A join that a lost link interrupts may be done before the client knows that the link is back. Nothing is missing then.
func TestJoinRoom_doneBeforeReconnected(t *testing.T) {
	var reads atomic.Int32
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		talk(server, 100)
		wait := func(int, error) (time.Duration, bool) { return 10 * time.Second, true }
		logger := slog.New(onRecord{slog.NewTextHandler(io.Discard, nil), "realtime connected", func() { time.Sleep(time.Second) }})
		bot := connect(t, server, "bot", client.WithReconnect(wait), client.WithLogger(logger))
		gaps := record(bot, func(e client.Gap) string { return e.What })
		time.AfterFunc(5*time.Second, server.CutLinks)
		must(bot.JoinRoom(t.Context(), "lounge"))(t)
		settle(time.Minute)
		expect(t, "gaps", gaps(), nil)
	}, meddle(http.MethodGet, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if reads.Add(1) == 1 {
			time.Sleep(10 * time.Second)
		}
		next.ServeHTTP(w, req)
	}))
}
