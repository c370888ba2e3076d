package realtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/realtime"
)

func TestAttach_returnsWhenConfirmed(t *testing.T) {
	for name, withID := range map[string]bool{"answer with reqId": true, "answer without": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *server) {
				s.answer = func(p *peer, f realtime.Frame) bool {
					if !withID {
						f.ReqID = ""
					}
					time.AfterFunc(3*time.Second, func() { p.confirm(f) })
					return true
				}
				c := connected(t, s.config())
				for _, call := range []func() error{
					func() error { return c.Attach(t.Context(), "room:a") },
					func() error { return c.Presence(t.Context(), "room:a", realtime.PresenceEnter, nil) },
					func() error {
						return c.Presence(t.Context(), "room:a", realtime.PresenceUpdate, json.RawMessage(`{"away":true}`))
					},
					func() error { return c.Presence(t.Context(), "room:a", realtime.PresenceLeave, nil) },
					func() error { return c.Detach(t.Context(), "room:a") },
				} {
					start := time.Now()
					if err := call(); err != nil {
						t.Fatal(err)
					}
					if took := time.Since(start); took != 3*time.Second {
						t.Errorf("returned after %v, the server confirmed after 3s", took)
					}
				}
				want := []string{
					"k1 attach room:a",
					"k1 presence room:a enter {}",
					`k1 presence room:a update {"away":true}`,
					"k1 presence room:a leave {}",
					"k1 detach room:a",
				}
				if diff := cmp.Diff(want, s.received("k1")); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestAttach_pairsAnswersThatCrossEachOther(t *testing.T) {
	tests := map[string]struct {
		first, second string
		withID        bool
	}{
		"by the channel":                    {"room:a", "room:b", false},
		"by the reqId":                      {"room:a", "room:b", true},
		"by the reqId, in the same channel": {"room:a", "room:a", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *server) {
				delay := 5 * time.Second
				s.answer = func(p *peer, f realtime.Frame) bool {
					if !tt.withID {
						f.ReqID = ""
					}
					time.AfterFunc(delay, func() { p.confirm(f) })
					delay = time.Second // the second answer comes before the first
					return true
				}
				c := connected(t, s.config())
				first := make(chan time.Duration)
				start := time.Now()
				go func() {
					_ = c.Attach(t.Context(), tt.first)
					first <- time.Since(start)
				}()
				synctest.Wait()
				c.attach(tt.second)
				if took := time.Since(start); took != time.Second {
					t.Errorf("the second took %v", took)
				}
				if took := <-first; took != 5*time.Second {
					t.Errorf("the first took %v", took)
				}
			})
		})
	}
}

func TestPresence_ofSomeoneElseConfirmsNothing(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		s.answer = func(p *peer, f realtime.Frame) bool {
			f.ReqID = ""
			for _, who := range []struct{ client, conn string }{{"alice", ""}, {"bot", "k8"}} {
				other := *f.Presence
				other.ClientID, other.ConnectionID = who.client, who.conn
				p.frame(realtime.Frame{Action: realtime.ActionPresence, Channel: f.Channel, Presence: &other})
			}
			return true
		}
		c := connected(t, s.config())
		err := c.Presence(t.Context(), "room:a", realtime.PresenceEnter, nil)
		if !errors.Is(err, realtime.ErrNoAnswer) {
			t.Errorf("error: %v", err)
		}
		if got := of[realtime.Presence](c.events()); len(got) != 2 || got[0].ClientID != "alice" || got[1].ConnectionID != "k8" {
			t.Errorf("presences: %+v", got)
		}
	})
}

func TestPresence_refusesNonsense(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		c := connected(t, s.config())
		if err := c.Presence(t.Context(), "room:a", 3, nil); err == nil {
			t.Error("action 3 was accepted")
		}
		if err := c.Presence(t.Context(), "room:a", realtime.PresenceEnter, json.RawMessage(`{`)); err == nil {
			t.Error("broken JSON was accepted")
		}
		if got := s.received("k1"); len(got) > 0 {
			t.Errorf("sent: %v", got)
		}
	})
}

func TestCalls_refusedByTheServer(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		s.answer = func(p *peer, f realtime.Frame) bool { p.refuse(f, "you are banned"); return true }
		c := connected(t, s.config())
		for name, call := range map[string]func() error{
			"attach":   func() error { return c.Attach(t.Context(), "room:a") },
			"detach":   func() error { return c.Detach(t.Context(), "room:a") },
			"presence": func() error { return c.Presence(t.Context(), "room:a", realtime.PresenceEnter, nil) },
		} {
			err := call()
			if e, ok := errors.AsType[realtime.ServerError](err); !ok || e.Text != "you are banned" || !strings.HasPrefix(err.Error(), name) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got := of[realtime.ServerError](c.events()); len(got) != 3 {
			t.Errorf("%d ServerError events, want 3", len(got))
		}
		s.cut()
		time.Sleep(time.Minute)
		if got := s.received("k2"); len(got) > 0 {
			t.Errorf("a refused presence is repeated on the next link: %v", got)
		}
	})
}

// An error belongs to the call whose reqId it carries; without one, to the call about its channel; else to nobody.
func TestCalls_errorsAndWhomTheyConcern(t *testing.T) {
	tests := map[string]struct {
		err     realtime.Frame
		refused bool
	}{
		"somebody else's":    {realtime.Frame{Error: "no", ReqID: "x", Channel: "room:a"}, false},
		"nobody's":           {realtime.Frame{Error: "no"}, false},
		"of another channel": {realtime.Frame{Error: "no", Channel: "room:b"}, false},
		"of this channel":    {realtime.Frame{Error: "no", Channel: "room:a"}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *server) {
				s.answer = func(p *peer, f realtime.Frame) bool {
					tt.err.Action = realtime.ActionError
					p.frame(tt.err)
					return false // and then it is confirmed
				}
				c := connected(t, s.config())
				err := c.Attach(t.Context(), "room:a")
				if _, refused := errors.AsType[realtime.ServerError](err); refused != tt.refused || (err != nil) != tt.refused {
					t.Errorf("error: %v", err)
				}
			})
		})
	}
}

// A call given up before it was sent must not take the answer to a later one.
func TestCalls_givenUpBeforeTheyWereSent(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		slow := true
		s.answer = func(p *peer, f realtime.Frame) bool {
			if slow {
				slow = false
				time.Sleep(5 * time.Second) // reads nothing meanwhile
			}
			f.ReqID = ""
			p.confirm(f)
			return true
		}
		c := connected(t, s.config())
		c.wg.Go(func() { _ = c.Attach(t.Context(), "room:a") })
		synctest.Wait()
		c.wg.Go(func() { _ = c.Attach(t.Context(), "room:b") }) // is being written
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Attach(ctx, "room:c"); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("error: %v", err)
		}
		c.attach("room:c")
		if diff := cmp.Diff([]string{"k1 attach room:a", "k1 attach room:b", "k1 attach room:c"}, s.received("k1")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestCalls_withoutAnswer(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		s.answer = func(*peer, realtime.Frame) bool { return true }
		c := connected(t, s.config())
		start := time.Now()
		if err := c.Attach(t.Context(), "room:a"); !errors.Is(err, realtime.ErrNoAnswer) || time.Since(start) != 15*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Attach(ctx, "room:a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error: %v", err)
		}
		if c.State() != realtime.StateConnected {
			t.Error("a request without an answer has ended the link")
		}
	})
}

func TestCalls_beforeConnect(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		c := newClient(t, s.config())
		for _, err := range []error{
			c.Attach(t.Context(), "room:a"), c.Detach(t.Context(), "room:a"),
			c.Presence(t.Context(), "room:a", realtime.PresenceEnter, nil),
		} {
			if !errors.Is(err, realtime.ErrNotConnected) {
				t.Errorf("error: %v", err)
			}
		}
	})
}

// A refusal undoes only the refused announcement, not later ones.
func TestPresence_refusedLate(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		s.answer = func(p *peer, f realtime.Frame) bool {
			if f.Presence == nil || string(f.Presence.Data) != "2" {
				return false
			}
			time.AfterFunc(5*time.Second, func() { p.refuse(f, "no") })
			return true
		}
		c := connected(t, s.config())
		c.attach("room:a")
		say := func(a realtime.PresenceAction, data string) error {
			return c.Presence(t.Context(), "room:a", a, json.RawMessage(data))
		}
		if err := say(realtime.PresenceEnter, "1"); err != nil {
			t.Fatal(err)
		}
		c.wg.Go(func() {
			if say(realtime.PresenceUpdate, "2") == nil {
				t.Error("not refused")
			}
		})
		synctest.Wait()
		if err := say(realtime.PresenceUpdate, "3"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		s.cut()
		time.Sleep(time.Minute)
		if diff := cmp.Diff([]string{"k2 presence room:a enter 3"}, s.received("k2 presence")); diff != "" {
			t.Error(diff)
		}
	})
}
