package client_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/internal/testkit/canary"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/internal/testkit/faults"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// Chat never meets a server that is just closing an idle connection: with pauses around its idle timeout, and whatever that
// is, every line arrives once, in the time that a line takes.
func TestQ20_idleConnections(t *testing.T) {
	const (
		delay    = 40 * time.Millisecond // each way
		nodeIdle = 5 * time.Second       // the default of Node.js
	)
	for _, proto := range []string{"http", "HTTP/1.1", "HTTP/2.0"} {
		for _, idle := range []time.Duration{time.Second, 2 * time.Second, nodeIdle, 75 * time.Second} {
			t.Run(fmt.Sprint(proto, " ", idle), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					server := queuptest.NewServer(queuptest.InMemory())
					defer server.Close()
					f := newFront(t, server, proto, idle, faults.Latency(delay, 0))
					_, room := joinLounge(t, server, "bot", f.options()...)
					lines, step := client.UnlessShort(100, 20), client.UnlessShort(3*time.Millisecond, 15*time.Millisecond)
					if idle == nodeIdle {
						lines, step = client.UnlessShort(300, 30), client.UnlessShort(time.Millisecond, 10*time.Millisecond)
					}
					sent := make([]time.Time, lines)
					for i := range lines {
						time.Sleep(idle - 200*time.Millisecond + time.Duration(i)*step) // to 100 ms above it
						sent[i] = time.Now()
						if _, err := room.SendMessage(t.Context(), fmt.Sprintf("line %d", i)); err != nil {
							t.Errorf("line %d: %v", i, err)
						}
					}
					seen := f.seen()
					if len(seen) != lines {
						t.Fatalf("%d lines of %d came", len(seen), lines)
					}
					most := delay
					if proto != "http" {
						most += 2 * delay // TLS
					}
					for i, line := range seen {
						if took := line.at.Sub(sent[i]); took < delay || took > most || !strings.Contains(line.text, fmt.Sprintf("line %d", i)) {
							t.Fatalf("%q came after %v, want line %d after %v to %v", line.text, took, i, delay, most)
						}
					}
					if proto != "http" && seen[0].proto != proto {
						t.Errorf("the front was spoken to in %s", seen[0].proto)
					}
				})
			})
		}
	}
}

// Lines that follow each other share a connection.
func TestQ20_linesThatFollowEachOtherShareAConnection(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		f := newFront(t, server, "HTTP/1.1", 5*time.Second)
		_, room := joinLounge(t, server, "bot", f.options()...)
		time.Sleep(time.Minute)
		before := f.opened.Load()
		for i := range 10 {
			if _, err := room.SendMessage(t.Context(), fmt.Sprint("line ", i)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(400 * time.Millisecond)
		}
		if n := f.opened.Load() - before; n != 1 {
			t.Errorf("10 lines took %d connections", n)
		}
	})
}

// A call that met a dead connection ends with its context, or over HTTP/2 after two pings at the latest, and the next one takes
// another connection. The link is as it was.
func TestQ20_deadConnection(t *testing.T) {
	for proto, most := range map[string]time.Duration{"http": 15 * time.Second, "HTTP/1.1": 15 * time.Second, "HTTP/2.0": 10 * time.Second} {
		t.Run(proto, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				f := newFront(t, server, proto, time.Minute, faults.Latency(20*time.Millisecond, 0))
				_, room := joinLounge(t, server, "bot", f.options()...)
				if _, err := room.SendMessage(t.Context(), "one"); err != nil {
					t.Fatal(err)
				}
				f.blackHole(t)
				begin := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
				defer cancel()
				if _, err := room.SendMessage(ctx, "two"); err == nil {
					t.Error("a line was sent through a dead connection")
				}
				if took := time.Since(begin); took > most+100*time.Millisecond {
					t.Errorf("the line failed after %v, want %v", took, most)
				}
				begin = time.Now()
				if _, err := room.SendMessage(t.Context(), "three"); err != nil {
					t.Errorf("the next line: %v", err)
				}
				if took := time.Since(begin); took > time.Second {
					t.Errorf("the next line took %v", took)
				}
				if n := len(f.seen()); n != 2 {
					t.Errorf("%d lines came", n)
				}
			})
		})
	}
}

// While many calls with short deadlines run out of time on a dead connection, each new one has a chance.
func TestQ20_deadConnectionUnderLoad(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		f := newFront(t, server, "HTTP/2.0", time.Minute, faults.Latency(20*time.Millisecond, 0))
		bot, _ := joinLounge(t, server, "bot", f.options()...)
		var calls sync.WaitGroup
		var mu sync.Mutex
		lost := map[time.Duration]error{} // by when the call began, after the death
		var died time.Time
		for i := range 100 {
			if i == 20 {
				f.blackHole(t)
				died = time.Now()
			}
			calls.Go(func() {
				begin := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if _, err := bot.FetchUser(ctx, "alice"); err != nil {
					mu.Lock()
					defer mu.Unlock()
					lost[begin.Sub(died)] = err
				}
			})
			time.Sleep(100 * time.Millisecond)
		}
		calls.Wait()
		for after, err := range lost {
			if after > time.Second || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a call %v after the death: %v", after, err)
			}
		}
		if len(lost) == 0 {
			t.Error("the connection was not dead")
		}
	})
}

// idler counts how often a transport of the user is asked to close its idle connections.
type idler struct {
	http.RoundTripper
	asked atomic.Int32
}

func (i *idler) CloseIdleConnections() { i.asked.Add(1) }

// A transport of the user is asked to close its idle connections where the client's own opens fresh ones: when a link is lost,
// for each attempt, and when a call has run out of time. Other failures, and calls that are given up, leave it alone.
func TestWithTransport_idleConnections(t *testing.T) {
	var stall atomic.Bool
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		next := &http.Transport{DialContext: server.DialContext}
		defer next.CloseIdleConnections()
		for name, opt := range map[string]func(*idler) client.Option{
			"WithTransport":  func(i *idler) client.Option { return client.WithTransport(i) },
			"WithHTTPClient": func(i *idler) client.Option { return client.WithHTTPClient(&http.Client{Transport: i}) },
		} {
			asked := &idler{RoundTripper: next}
			bot := must(client.New(client.WithBaseURL(server.URL()), client.WithRealtimeURL(server.RealtimeURL()), opt(asked),
				client.WithDialer(&realtime.WebsocketDialer{NetDialContext: server.DialContext})))(t)
			defer bot.Close()
			if err := cmp.Or(bot.Login(t.Context(), "bot", canary.Password), bot.Connect(t.Context())); err != nil {
				t.Fatal(err)
			}
			if n := asked.asked.Load(); n != 0 {
				t.Errorf("%s: asked %d times by a bot that connects", name, n)
			}
			server.CutLinks()
			settle(time.Second)
			if n := asked.asked.Swap(0); n != 1 {
				t.Errorf("%s: asked %d times after a lost link", name, n)
			}
			if _, err := bot.FetchUser(t.Context(), "nobody"); err == nil {
				t.Error("there is somebody called nobody")
			}
			stall.Store(true)
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			_, given := bot.FetchUser(ctx, "alice")
			if n := asked.asked.Load(); n != 0 || !errors.Is(given, context.Canceled) {
				t.Errorf("%s: asked %d times after a call that was given up: %v", name, n, given)
			}
			ctx, cancel = context.WithTimeout(t.Context(), time.Second)
			_, late := bot.FetchUser(ctx, "alice")
			cancel()
			if n := asked.asked.Load(); n != 1 || !errors.Is(late, context.DeadlineExceeded) {
				t.Errorf("%s: asked %d times after a call that ran out of time: %v", name, n, late)
			}
			stall.Store(false)
			if err := cmp.Or(bot.Logout(t.Context()), bot.Close()); err != nil {
				t.Fatal(err)
			}
		}
	}, intercept(http.MethodGet, "/user/alice", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if stall.Load() {
			<-req.Context().Done()
			return
		}
		next.ServeHTTP(w, req)
	}))
}

// accountStage runs a test on virtual time, against a QueUp that hands the requests of a method and path to intercept.
func accountStage(t *testing.T, method, path string, handle func(w http.ResponseWriter, req *http.Request, next http.Handler), test func(t *testing.T, server *queuptest.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), intercept(method, path, handle))
		defer server.Close()
		test(t, server)
	})
}

// speaker says something in the lounge and returns which account QueUp takes it from.
func speaker(t *testing.T, server *queuptest.Server, room *client.Room) string {
	t.Helper()
	if _, err := room.SendMessage(t.Context(), "who am I?"); err != nil {
		t.Fatal(err)
	}
	user := ""
	for _, e := range server.Log() {
		if e.In && e.Method == http.MethodPost && strings.HasPrefix(e.Path, "/chat/") {
			user = e.User
		}
	}
	return user
}

// Q21: a renewal that QueUp answers late must not make the bot talk as the account that has logged out.
func TestQ21_lateRenewal(t *testing.T) {
	for name, other := range map[string]string{"another account": "mod", "the same account": "bot"} {
		t.Run(name, func(t *testing.T) {
			var late atomic.Bool
			accountStage(t, http.MethodPost, "/auth/login", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
				if late.CompareAndSwap(true, false) {
					answerLate(w, req, next, time.Minute)
					return
				}
				next.ServeHTTP(w, req)
			}, func(t *testing.T, server *queuptest.Server) {
				bot := newBot(t, server)
				if err := bot.Login(t.Context(), "bot", canary.Password); err != nil {
					t.Fatal(err)
				}
				server.ExpireSessions()
				late.Store(true)
				failed := make(chan error, 1)
				go func() {
					_, err := bot.FetchConversations(t.Context())
					failed <- err
				}()
				settle(time.Second) // the renewal is under way
				if err := bot.Logout(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := bot.Login(t.Context(), other, canary.Password); err != nil {
					t.Fatal(err)
				}
				if err := bot.Connect(t.Context()); err != nil {
					t.Fatal(err)
				}
				room, err := bot.JoinRoom(t.Context(), "lounge")
				if err != nil {
					t.Fatal(err)
				}
				settle(2 * time.Minute) // the answer to the renewal has come
				me, _ := bot.User()
				if who := speaker(t, server, room); who != other || me.Username != other {
					t.Errorf("QueUp heard %q, User() is %q, and %q has logged in", who, me.Username, other)
				}
				if err := <-failed; !errors.Is(err, client.ErrNotLoggedIn) {
					t.Errorf("the call under way ended with %v, want ErrNotLoggedIn", err)
				}
			})
		})
	}
}

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
					if err := bot.Login(t.Context(), next, canary.Password); err != nil {
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
			}, intercept(http.MethodGet, "/message/", func(w http.ResponseWriter, req *http.Request, handler http.Handler) {
				if hang.Load() {
					time.Sleep(15 * time.Second)
				}
				handler.ServeHTTP(w, req)
			}))
		})
	}
}
