package realtime_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/realtime"
)

func TestClose(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		c := connected(t, s.config())
		c.attach("room:a")
		start := time.Now()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		<-c.Done()
		if took := time.Since(start); took != 0 {
			t.Errorf("took %v with a peer that answers at once", took)
		}
		if err := c.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
		synctest.Wait()
		if got := s.received("close"); len(got) != 1 || got[0] != "close 1000" {
			t.Errorf("the server saw %v", got)
		}
		if diff := cmp.Diff([]string{"connected k1", "final"}, story(c.events())); diff != "" {
			t.Error(diff)
		}
		if !errors.Is(c.Err(), realtime.ErrClosed) || c.State() != realtime.StateClosed {
			t.Errorf("%v, %v", c.Err(), c.State())
		}
		for name, err := range map[string]error{
			"Connect":  c.Connect(t.Context()),
			"Attach":   c.Attach(t.Context(), "room:a"),
			"Detach":   c.Detach(t.Context(), "room:a"),
			"Presence": c.Presence(t.Context(), "room:a", realtime.PresenceEnter, nil),
		} {
			if !errors.Is(err, realtime.ErrClosed) {
				t.Errorf("%s after Close: %v", name, err)
			}
		}
		if _, open := <-c.Events(); open {
			t.Error("Events is not closed")
		}
	})
}

func TestClose_endsWithinTwoSecondsWhateverGoesOn(t *testing.T) {
	tests := map[string]func(t *testing.T, s *server, cfg realtime.Config) *client{
		"before Connect": func(t *testing.T, _ *server, cfg realtime.Config) *client { return newClient(t, cfg) },
		"in Connect, at the token": func(t *testing.T, _ *server, cfg realtime.Config) *client {
			cfg.Token = func(ctx context.Context) (string, error) { <-ctx.Done(); return "", ctx.Err() }
			return connecting(t, cfg)
		},
		"in Connect, at the handshake": func(t *testing.T, s *server, cfg realtime.Config) *client {
			s.setUpgrade(func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true })
			return connecting(t, cfg)
		},
		"in Connect, before the open packet": func(t *testing.T, s *server, cfg realtime.Config) *client {
			s.hello = func(*peer) {}
			return connecting(t, cfg)
		},
		"waiting for the next attempt": func(t *testing.T, s *server, cfg realtime.Config) *client {
			cfg.Reconnect = func(int, error) (time.Duration, bool) { return time.Hour, true }
			c := connected(t, cfg)
			s.cut()
			return c
		},
		"dialing again": func(t *testing.T, s *server, cfg realtime.Config) *client {
			c := connected(t, cfg)
			s.cut()
			synctest.Wait()
			s.setUpgrade(func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true })
			time.Sleep(2 * time.Second)
			return c
		},
		"attaching again": func(t *testing.T, s *server, cfg realtime.Config) *client {
			s.answer = func(p *peer, _ realtime.Frame) bool { return p.id == "k2" }
			c := connected(t, cfg)
			c.attach("room:a")
			s.cut()
			time.Sleep(2 * time.Second)
			return c
		},
		"with a request under way": func(t *testing.T, s *server, cfg realtime.Config) *client {
			s.answer = func(*peer, realtime.Frame) bool { return true }
			c := connected(t, cfg)
			c.wg.Go(func() {
				if err := c.Attach(t.Context(), "room:a"); !errors.Is(err, realtime.ErrClosed) {
					t.Errorf("Attach under way: %v", err)
				}
			})
			return c
		},
		"with a peer that reads nothing": func(t *testing.T, s *server, cfg realtime.Config) *client {
			s.answer = func(*peer, realtime.Frame) bool { <-s.stop; return true }
			c := connected(t, cfg)
			c.wg.Go(func() { _ = c.Attach(t.Context(), "room:a") })
			synctest.Wait()
			c.wg.Go(func() { _ = c.Attach(t.Context(), "room:b") }) // blocks in the write
			return c
		},
		"with a user who reads nothing": func(t *testing.T, s *server, cfg realtime.Config) *client {
			conn := unread(t, cfg, 1)
			for range 10 {
				s.last().say("room:a", "m")
			}
			return &client{Conn: conn, t: t}
		},
		"with a token function that ignores its context": func(t *testing.T, _ *server, cfg realtime.Config) *client {
			cfg.Token = func(context.Context) (string, error) { time.Sleep(time.Minute); return "late", nil }
			return connecting(t, cfg)
		},
	}
	for name, arrange := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *server) {
				c := arrange(t, s, s.config())
				synctest.Wait()
				start := time.Now()
				var wg sync.WaitGroup
				for range 3 {
					wg.Go(func() { _ = c.Close() })
				}
				wg.Wait()
				if took := time.Since(start); took > 2*time.Second {
					t.Errorf("took %v", took)
				}
				if name != "with a token function that ignores its context" {
					<-c.Done()
					if took := time.Since(start); took > 2*time.Second {
						t.Errorf("the last goroutine took %v", took)
					}
				}
				<-c.Done()
			})
		})
	}
}

// connecting starts a Connect that Close will end.
func connecting(t *testing.T, cfg realtime.Config) *client {
	c := newClient(t, cfg)
	c.wg.Go(func() {
		if err := c.Connect(t.Context()); !errors.Is(err, realtime.ErrClosed) {
			t.Errorf("Connect under way: %v", err)
		}
	})
	return c
}

// Close from every function a user can hand in.
func TestClose_fromInside(t *testing.T) {
	type hooks struct {
		cfg  realtime.Config
		conn *realtime.Conn
	}
	tests := map[string]func(h *hooks, armed *atomic.Bool){
		"token": func(h *hooks, armed *atomic.Bool) {
			token := h.cfg.Token
			h.cfg.Token = func(ctx context.Context) (string, error) {
				if armed.Load() {
					_ = h.conn.Close()
				}
				return token(ctx)
			}
		},
		"dialer": func(h *hooks, armed *atomic.Bool) {
			inner := h.cfg.Dialer
			h.cfg.Dialer = dialerFunc(func(ctx context.Context, url string, header http.Header) (realtime.Socket, error) {
				sock, err := inner.Dial(ctx, url, header)
				if armed.Load() {
					_ = h.conn.Close()
				}
				return sock, err // too late, and to be closed
			})
		},
		"policy": func(h *hooks, _ *atomic.Bool) {
			h.cfg.Reconnect = func(int, error) (time.Duration, bool) {
				_ = h.conn.Close()
				return 0, true
			}
		},
	}
	for name, arrange := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *server) {
				var armed atomic.Bool
				h := &hooks{cfg: s.config()}
				arrange(h, &armed)
				conn, err := realtime.New(h.cfg)
				if err != nil {
					t.Fatal(err)
				}
				h.conn = conn
				if err := conn.Connect(t.Context()); err != nil {
					t.Fatal(err)
				}
				armed.Store(true)
				s.cut()
				start := time.Now()
				<-conn.Done()
				if took := time.Since(start); took > time.Second {
					t.Errorf("took %v", took)
				}
				if !errors.Is(conn.Err(), realtime.ErrClosed) {
					t.Errorf("ended with %v", conn.Err())
				}
				synctest.Wait()
				select {
				case <-s.last().gone:
				default:
					t.Error("a websocket was left open")
				}
			})
		})
	}
}

func TestClose_fromTheGoroutineThatReadsEvents(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		conn, err := realtime.New(s.config())
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range conn.Events() {
			_ = conn.Close()
		}
		<-conn.Done()
	})
}

// A foreign socket may hang in its Close. Ours returns all the same.
func TestClose_waitsForNoForeignSocket(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		cfg := s.config()
		network := cfg.Dialer
		cfg.Dialer = dialerFunc(func(ctx context.Context, url string, h http.Header) (realtime.Socket, error) {
			sock, err := network.Dial(ctx, url, h)
			return hangingSocket{sock}, err
		})
		c := connected(t, cfg)
		start := time.Now()
		_ = c.Close()
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

type hangingSocket struct{ realtime.Socket }

func (s hangingSocket) Close(code int, reason string) error {
	time.Sleep(time.Minute)
	return s.Socket.Close(code, reason)
}

func TestClose_leavesNothingBehind(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		s.queue = 16 // a thousand of them
		for range 1000 {
			conn, err := realtime.New(s.config())
			if err != nil {
				t.Fatal(err)
			}
			if err := conn.Connect(t.Context()); err != nil {
				t.Fatal(err)
			}
			_ = conn.Close()
			<-conn.Done()
		}
		// The bubble does not end before its goroutines have; TestMain looks for others.
	})
}

// The token must not be found in anything a user gets to see, even if a dialer quotes the URL and a server the request.
func TestToken_isNowhere(t *testing.T) {
	const token = "tøken/with+odd=characters"
	var seen strings.Builder
	bubble(t, func(t *testing.T, s *server) {
		var mu sync.Mutex
		cfg := s.config()
		cfg.Token = func(context.Context) (string, error) { return token, nil }
		cfg.Logger = slog.New(slog.NewTextHandler(writerFunc(func(b []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			return seen.Write(b)
		}), &slog.HandlerOptions{Level: slog.LevelDebug}))
		network := cfg.Dialer
		var quoting atomic.Bool
		cfg.Dialer = dialerFunc(func(ctx context.Context, addr string, h http.Header) (realtime.Socket, error) {
			if quoting.Load() {
				return nil, errors.New("cannot dial " + addr + " with " + token + " or " + url.PathEscape(token) + " or " + url.QueryEscape(token))
			}
			return network.Dial(ctx, addr, h)
		})
		c := connected(t, cfg)
		c.attach("room:a")
		s.last().packet(realtime.PacketMessage, []byte(`{"action":17,"token":"`+token+`"}`))
		quoting.Store(true)
		s.cut()
		time.Sleep(10 * time.Second)
		quoting.Store(false)
		s.setUpgrade(func(w http.ResponseWriter, r *http.Request) bool {
			http.Error(w, "bad request: "+r.URL.String()+" token "+token, http.StatusBadRequest)
			return true
		})
		time.Sleep(10 * time.Second)
		for _, e := range c.events() {
			if down, ok := e.(realtime.Disconnected); ok {
				seen.WriteString(down.Err.Error())
				if refused, ok := errors.AsType[*realtime.HandshakeError](down.Err); ok {
					seen.Write(refused.Body)
					seen.WriteString(" body seen ")
				}
			}
		}
	})
	got := seen.String()
	for _, secret := range []string{token, "odd", "t%C3%B8ken"} {
		if strings.Contains(got, secret) {
			t.Errorf("%q was found in:\n%s", secret, got)
		}
	}
	for _, proof := range []string{"cannot dial", "body seen", "400 Bad Request", "***", "connected"} {
		if !strings.Contains(got, proof) {
			t.Errorf("this test has not seen %q in:\n%s", proof, got)
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
