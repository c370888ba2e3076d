package realtime_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/realtime"
)

func TestNew_joinsAllErrors(t *testing.T) {
	_, err := realtime.New(realtime.Config{URL: "https://user:hunter2@queup.test/%zz", Buffer: -1, RequestTimeout: -1, ConnectTimeout: -1, WriteTimeout: -1})
	for _, want := range []string{"URL", "Token", "Buffer", "RequestTimeout", "ConnectTimeout", "WriteTimeout"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error does not mention %s: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error quotes the password: %v", err)
	}
}

func TestConnect(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		cfg := s.config()
		cfg.URL += "?extra=1"
		cfg.Header = http.Header{"User-Agent": {"bot/1"}}
		var agent string
		s.setUpgrade(func(_ http.ResponseWriter, r *http.Request) bool { agent = r.UserAgent(); return false })

		c := newClient(t, cfg)
		if got := c.State(); got != realtime.StateIdle {
			t.Errorf("state before Connect: %v", got)
		}
		if err := c.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c.State() != realtime.StateConnected || c.ClientID() != "bot" || c.ConnectionID() != "k1" || c.Err() != nil {
			t.Errorf("after Connect: %v %q %q %v", c.State(), c.ClientID(), c.ConnectionID(), c.Err())
		}
		want := "EIO=3&access_token=secret-token&connect=1&extra=1&transport=websocket"
		if got := s.queries()[0].Encode(); got != want || agent != "bot/1" {
			t.Errorf("handshake:\n got %s, agent %q\nwant %s", got, agent, want)
		}
		if diff := cmp.Diff([]realtime.Event{realtime.Connected{ClientID: "bot", ConnectionID: "k1"}}, c.events()); diff != "" {
			t.Error(diff)
		}
		if err := c.Connect(t.Context()); !errors.Is(err, realtime.ErrAlreadyConnected) {
			t.Errorf("second Connect: %v", err)
		}
	})
}

func TestConnect_failsAfterOneAttempt(t *testing.T) {
	refusal := errors.New("refused")
	tests := map[string]struct {
		arrange func(s *server, cfg *realtime.Config)
		want    func(err error) bool
	}{
		"token": {
			func(_ *server, cfg *realtime.Config) {
				cfg.Token = func(context.Context) (string, error) { return "", refusal }
			},
			func(err error) bool { return errors.Is(err, refusal) },
		},
		"empty token": {
			func(_ *server, cfg *realtime.Config) {
				cfg.Token = func(context.Context) (string, error) { return "", nil }
			},
			func(err error) bool { return strings.Contains(err.Error(), "empty") },
		},
		"network": {
			func(s *server, _ *realtime.Config) { s.setDown(refusal) },
			func(err error) bool { return errors.Is(err, refusal) },
		},
		"handshake": {
			func(s *server, _ *realtime.Config) {
				s.setUpgrade(func(w http.ResponseWriter, _ *http.Request) bool {
					http.Error(w, "no", http.StatusUnauthorized)
					return true
				})
			},
			func(err error) bool {
				e, ok := errors.AsType[*realtime.HandshakeError](err)
				return ok && e.Status == 401 && string(e.Body) == "no\n"
			},
		},
		"error instead of connected": {
			func(s *server, _ *realtime.Config) {
				s.hello = func(p *peer) {
					p.packet(realtime.PacketOpen, []byte(`{}`))
					p.frame(realtime.Frame{Action: realtime.ActionError, Error: "banned"})
				}
			},
			func(err error) bool {
				e, ok := errors.AsType[realtime.ServerError](err)
				return ok && e.Text == "banned"
			},
		},
		"close packet": {
			func(s *server, _ *realtime.Config) {
				s.hello = func(p *peer) {
					p.packet(realtime.PacketOpen, []byte(`{}`))
					p.packet(realtime.PacketClose, nil)
				}
			},
			func(err error) bool { return errors.Is(err, realtime.ErrServerClosed) },
		},
		"no open packet": {
			func(s *server, _ *realtime.Config) { s.hello = func(p *peer) { p.packet(realtime.PacketNoop, nil) } },
			func(err error) bool { return strings.Contains(err.Error(), "noop instead of open") },
		},
		"not engine.io": {
			func(s *server, _ *realtime.Config) { s.hello = func(p *peer) { p.out <- []byte("hello") } },
			func(err error) bool { return errors.Is(err, realtime.ErrPacket) },
		},
		"open packet without JSON": {
			func(s *server, _ *realtime.Config) { s.hello = func(p *peer) { p.packet(realtime.PacketOpen, nil) } },
			func(err error) bool { return strings.Contains(err.Error(), "open packet") },
		},
		"silence": {
			func(s *server, cfg *realtime.Config) {
				s.hello = func(*peer) {}
				cfg.ConnectTimeout = 3 * time.Second
			},
			func(err error) bool { return errors.Is(err, realtime.ErrConnectTimeout) },
		},
		"silence after open": {
			func(s *server, _ *realtime.Config) {
				s.hello = func(p *peer) { p.packet(realtime.PacketOpen, []byte(`{"pingInterval":300000}`)) }
			},
			func(err error) bool { return errors.Is(err, realtime.ErrConnectTimeout) },
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *server) {
				cfg := s.config()
				tt.arrange(s, &cfg)
				c := newClient(t, cfg)
				err := c.Connect(t.Context())
				if err == nil || !tt.want(err) {
					t.Errorf("error: %v", err)
				}
				time.Sleep(time.Hour)
				if got := c.events(); len(got) > 0 {
					t.Errorf("events: %v", got)
				}
				if c.State() != realtime.StateIdle || len(s.queries()) > 1 {
					t.Errorf("state %v after %d handshakes", c.State(), len(s.queries()))
				}
			})
		})
	}
}

func TestConnect_mayBeRepeated(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		c := newClient(t, s.config())
		s.setDown(errors.New("down"))
		if c.Connect(t.Context()) == nil {
			t.Fatal("connected to a server that is down")
		}
		s.setDown(nil)
		if err := c.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestConnect_whileItIsUnderWay(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		cfg := s.config()
		token := cfg.Token
		cfg.Token = func(ctx context.Context) (string, error) {
			time.Sleep(5 * time.Second)
			return token(ctx)
		}
		c := newClient(t, cfg)
		c.wg.Go(func() {
			if err := c.Connect(t.Context()); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		if got := c.State(); got != realtime.StateConnecting {
			t.Errorf("state: %v", got)
		}
		if err := c.Connect(t.Context()); !errors.Is(err, realtime.ErrAlreadyConnected) {
			t.Errorf("second Connect: %v", err)
		}
		start := time.Now()
		c.attach("room:a")
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("Attach did not wait for the link: %v", took)
		}
	})
}

func TestConnect_endsWithItsContext(t *testing.T) {
	hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	tests := map[string]func(s *server, cfg *realtime.Config){
		"in the token function": func(_ *server, cfg *realtime.Config) {
			cfg.Token = func(ctx context.Context) (string, error) { return "", hang(ctx) }
		},
		"waiting for the 101": func(s *server, _ *realtime.Config) {
			s.setUpgrade(func(_ http.ResponseWriter, r *http.Request) bool { _ = hang(r.Context()); return true })
		},
		"waiting for the open packet": func(s *server, _ *realtime.Config) { s.hello = func(*peer) {} },
	}
	for name, arrange := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *server) {
				cfg := s.config()
				arrange(s, &cfg)
				c := newClient(t, cfg)
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				start := time.Now()
				if err := c.Connect(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error: %v", err)
				}
				if took := time.Since(start); took != 50*time.Millisecond {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

func TestEvents_areOrderedAndComplete(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		c := connected(t, s.config())
		c.attach("room:a")
		p := s.last()
		send := func(json string) { p.packet(realtime.PacketMessage, []byte(json)) }
		p.say("room:a", "chat-message")
		send(`{"action":14,"channel":"room:a","presence":{"clientId":"alice","connectionId":"k7","data":{"x":1}}}`)
		send(`{"action":9,"error":"slow down","limit":10}`)
		send(`{"action":42,"what":["is","this"]}`)
		send(`{"action":0}`)
		send(`{"action":`)
		p.out <- []byte("x")
		p.packet(realtime.PacketNoop, nil)
		p.out <- []byte("b4eyJhY3Rpb24iOjE1LCJjaGFubmVsIjoicm9vbTphIiwibWVzc2FnZSI6eyJuYW1lIjoiYmFzZTY0In19")
		send(`{"action":15,"channel":"room:a","message":null}`)
		send(`{"action":13,"channel":"room:a"}`)
		send(`{"action":13,"channel":"room:never"}`)
		p.say("user:b", "last")
		want := []string{
			"connected k1",
			"room:a chat-message",
			"room:a enter alice",
			"error slow down",
			"unknown action 42",
			`malformed {"action":`,
			"malformed x",
			"room:a base64",
			"room:a ",
			"detached room:a",
			"user:b last",
		}
		events := c.events()
		if diff := cmp.Diff(want, story(events)); diff != "" {
			t.Error(diff)
		}
		if got := of[realtime.Message](events)[0]; string(got.Data) != `{"type":"chat-message"}` || got.Type != "json" || !got.At.Equal(time.Now()) {
			t.Errorf("message: %+v", got)
		}
		if got := of[realtime.ServerError](events)[0]; string(got.Extra["limit"]) != "10" {
			t.Errorf("server error: %+v", got)
		}
		if got := of[realtime.UnknownAction](events)[0]; string(got.Raw) != `{"action":42,"what":["is","this"]}` {
			t.Errorf("unknown action: %s", got.Raw)
		}
		if got := of[realtime.Presence](events)[0]; string(got.Data) != `{"x":1}` || got.ConnectionID != "k7" {
			t.Errorf("presence: %+v", got)
		}
	})
}
