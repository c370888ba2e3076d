package realtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/realtime"
)

func TestReconnect(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		cfg := s.config()
		tokens := 0
		cfg.Token = func(context.Context) (string, error) {
			tokens++
			return "secret-token-" + strconv.Itoa(tokens), nil
		}
		c := connected(t, cfg)
		c.attach("room:b", "user:me", "room:a", "room:c", "room:b")
		presence := func(channel string, a realtime.PresenceAction, data string) {
			t.Helper()
			if err := c.Presence(t.Context(), channel, a, json.RawMessage(data)); err != nil {
				t.Fatal(err)
			}
		}
		presence("room:a", realtime.PresenceEnter, `{"v":1}`)
		presence("room:b", realtime.PresenceEnter, ``)
		presence("room:a", realtime.PresenceUpdate, `{"v":2}`)
		presence("room:c", realtime.PresenceEnter, ``)
		presence("room:c", realtime.PresenceLeave, ``)
		c.attach("room:gone")
		if err := c.Detach(t.Context(), "room:gone"); err != nil {
			t.Fatal(err)
		}

		for _, link := range []string{"k2", "k3"} {
			s.cut()
			synctest.Wait()
			if got := c.State(); got != realtime.StateReconnecting {
				t.Errorf("state after the cut: %v", got)
			}
			time.Sleep(time.Second)
			synctest.Wait()
			if c.State() != realtime.StateConnected || c.ConnectionID() != link {
				t.Errorf("after a second: %v, %s", c.State(), c.ConnectionID())
			}
			want := []string{
				link + " attach room:b",
				link + " presence room:b enter {}",
				link + " attach user:me",
				link + " attach room:a",
				link + ` presence room:a enter {"v":2}`,
				link + " attach room:c",
			}
			if diff := cmp.Diff(want, s.received(link)); diff != "" {
				t.Error(diff)
			}
		}
		var asked []string
		for _, q := range s.queries() {
			asked = append(asked, q.Get("access_token")+" "+q.Get("clientId"))
		}
		if diff := cmp.Diff([]string{"secret-token-1 ", "secret-token-2 bot", "secret-token-3 bot"}, asked); diff != "" {
			t.Error(diff)
		}
	})
}

func TestReconnect_tellsTheStoryInOrder(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		s.answer = func(p *peer, f realtime.Frame) bool {
			if f.Action == realtime.ActionAttach {
				p.confirm(f)
				p.say(f.Channel, "hello from "+p.id)
				return true
			}
			return false
		}
		c := connected(t, s.config())
		c.attach("room:a", "room:b")
		synctest.Wait()
		s.last().say("room:a", "before the cut")
		synctest.Wait()
		s.cut()
		time.Sleep(time.Minute)
		s.last().say("room:b", "after")
		want := []string{
			"connected k1",
			"room:a hello from k1",
			"room:b hello from k1",
			"room:a before the cut",
			"disconnected",
			"room:a hello from k2",
			"room:b hello from k2",
			"reconnected k2",
			"room:b after",
		}
		got := story(c.events())
		// The last hello and Connected come from two goroutines, one for the wire and one for the link.
		if i := slices.Index(got, "reconnected k2"); i == 6 {
			got[6], got[7] = got[7], got[6]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if down := of[realtime.Disconnected](c.events())[0]; down.RetryIn != time.Second || down.Err == nil || down.Final {
			t.Errorf("disconnected: %+v", down)
		}
	})
}

func TestReconnect_afterEveryKindOfEnd(t *testing.T) {
	tests := map[string]struct {
		end  func(p *peer)
		want func(err error) bool
	}{
		"reset": {
			func(p *peer) { _ = p.ws.NetConn().Close() },
			func(err error) bool { e, ok := errors.AsType[*realtime.CloseError](err); return ok && e.Code == 1006 },
		},
		"close frame": {
			func(p *peer) {
				_ = p.ws.WriteControl(8, []byte("\x03\xe9going away"), time.Now().Add(time.Second))
			},
			func(err error) bool {
				e, ok := errors.AsType[*realtime.CloseError](err)
				return ok && e.Code == 1001 && e.Reason == "going away"
			},
		},
		"close packet": {
			func(p *peer) { p.packet(realtime.PacketClose, nil) },
			func(err error) bool { return errors.Is(err, realtime.ErrServerClosed) },
		},
		"half a frame": {
			func(p *peer) {
				_, _ = p.ws.NetConn().Write([]byte{0x81, 100, '4', '{'})
				_ = p.ws.NetConn().Close()
			},
			func(err error) bool { e, ok := errors.AsType[*realtime.CloseError](err); return ok && e.Code == 1006 },
		},
		"no websocket frame": {
			func(p *peer) { _, _ = p.ws.NetConn().Write([]byte("HTTP/1.1 500 oops\r\n\r\n")) },
			func(err error) bool { return err != nil },
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *server) {
				c := connected(t, s.config())
				tt.end(s.last())
				down := of[realtime.Disconnected](c.events())
				if len(down) != 1 || !tt.want(down[0].Err) {
					t.Fatalf("disconnected: %+v", down)
				}
				time.Sleep(time.Second)
				if diff := cmp.Diff([]string{"connected k1", "disconnected", "reconnected k2"}, story(c.events())); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestReconnect_keepsTrying(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		var tries []int
		cfg := s.config()
		cfg.Reconnect = func(try int, last error) (time.Duration, bool) {
			tries = append(tries, try)
			if last == nil {
				t.Error("no reason given")
			}
			return time.Duration(try) * time.Second, true
		}
		c := connected(t, cfg)
		s.setDown(errors.New("down"))
		s.cut()
		time.Sleep(9 * time.Second) // tries after 1, 1+2 and 1+2+3 seconds
		s.setDown(nil)
		time.Sleep(time.Minute)
		s.cut()
		time.Sleep(time.Minute)
		events := c.events()
		if diff := cmp.Diff([]int{1, 2, 3, 4, 1}, tries); diff != "" {
			t.Error(diff)
		}
		want := []string{
			"connected k1", "disconnected", "disconnected", "disconnected", "disconnected", "reconnected k2",
			"disconnected", "reconnected k3",
		}
		if diff := cmp.Diff(want, story(events)); diff != "" {
			t.Error(diff)
		}
	})
}

// A server that accepts everybody and throws them out at once must meet a patient client.
func TestReconnect_countsUntilTheChannelsAreBack(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		var tries []int
		cfg := s.config()
		cfg.Reconnect = func(try int, _ error) (time.Duration, bool) {
			tries = append(tries, try)
			return time.Second, true
		}
		s.answer = func(p *peer, _ realtime.Frame) bool {
			if p.id != "k1" && p.id != "k5" {
				_ = p.ws.NetConn().Close()
				return true
			}
			return false
		}
		c := connected(t, cfg)
		c.attach("room:a")
		s.cut()
		time.Sleep(time.Minute)
		_ = c.events()
		if diff := cmp.Diff([]int{1, 2, 3, 4}, tries); diff != "" {
			t.Error(diff)
		}
		if c.State() != realtime.StateConnected {
			t.Errorf("state: %v", c.State())
		}
	})
}

func TestReconnect_endsForGood(t *testing.T) {
	wrong := errors.New("wrong password")
	tests := map[string]struct {
		arrange  func(s *server, cfg *realtime.Config, cut *atomic.Bool)
		attempts int // at a token after the first link
	}{
		"permanent token error": {
			func(_ *server, cfg *realtime.Config, cut *atomic.Bool) {
				cfg.Token = func(context.Context) (string, error) {
					if cut.Load() {
						return "", realtime.Permanent(wrong)
					}
					return "secret-token", nil
				}
			}, 1,
		},
		"policy": {
			func(s *server, cfg *realtime.Config, _ *atomic.Bool) {
				cfg.Reconnect = func(try int, _ error) (time.Duration, bool) { return time.Second, try <= 3 }
			}, 3,
		},
		"permanent dial error": {
			func(s *server, cfg *realtime.Config, cut *atomic.Bool) {
				inner := cfg.Dialer
				cfg.Dialer = dialerFunc(func(ctx context.Context, url string, h http.Header) (realtime.Socket, error) {
					if cut.Load() {
						return nil, realtime.Permanent(wrong)
					}
					return inner.Dial(ctx, url, h)
				})
			}, 1,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *server) {
				var cut atomic.Bool
				cfg := s.config()
				tt.arrange(s, &cfg, &cut)
				attempts := 0
				token := cfg.Token
				cfg.Token = func(ctx context.Context) (string, error) {
					if cut.Load() {
						attempts++
					}
					return token(ctx)
				}
				c := connected(t, cfg)
				waiting := make(chan error, 1)
				cut.Store(true)
				s.setDown(wrong)
				s.cut()
				synctest.Wait()
				go func() { waiting <- c.Attach(t.Context(), "room:a") }()
				<-c.Done()
				if !errors.Is(c.Err(), wrong) || c.State() != realtime.StateClosed {
					t.Errorf("ended with %v, %v", c.Err(), c.State())
				}
				if attempts != tt.attempts {
					t.Errorf("%d attempts, want %d", attempts, tt.attempts)
				}
				for _, err := range []error{<-waiting, c.Attach(t.Context(), "room:a"), c.Connect(t.Context())} {
					if !errors.Is(err, realtime.ErrClosed) || !errors.Is(err, wrong) {
						t.Errorf("call after the end: %v", err)
					}
				}
				events := c.events()
				down := of[realtime.Disconnected](events)
				if last := down[len(down)-1]; !last.Final || !errors.Is(last.Err, wrong) || len(down) != tt.attempts+1 {
					t.Errorf("disconnected: %+v", down)
				}
			})
		})
	}
}

type dialerFunc func(ctx context.Context, url string, h http.Header) (realtime.Socket, error)

func (f dialerFunc) Dial(ctx context.Context, url string, h http.Header) (realtime.Socket, error) {
	return f(ctx, url, h)
}
