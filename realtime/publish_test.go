package realtime_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/realtime"
)

func TestPublish(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		var got []realtime.Frame
		s.answer = func(_ *peer, f realtime.Frame) bool {
			f.ReqID = ""
			got = append(got, f)
			return true
		}
		c := connected(t, s.config())
		for _, m := range []realtime.MessageBody{
			{Name: "wave", Data: []byte(`{"to":"ada"}`)},
			{Name: "wave", Type: "json", Data: []byte(`[1,2]`)},
			{Type: "string", Data: []byte(`plain text`)},
		} {
			if err := c.Publish(t.Context(), "room:a", m); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Publish(t.Context(), "room:a", realtime.MessageBody{Data: []byte(`{`)}); err == nil || !strings.Contains(err.Error(), "not valid JSON") {
			t.Errorf("publishing data that is not JSON: %v", err)
		}
		synctest.Wait()
		want := []realtime.Frame{
			{Action: realtime.ActionMessage, Channel: "room:a", Message: &realtime.MessageBody{Name: "wave", Type: "json", Data: []byte(`{"to":"ada"}`)}},
			{Action: realtime.ActionMessage, Channel: "room:a", Message: &realtime.MessageBody{Name: "wave", Type: "json", Data: []byte(`[1,2]`)}},
			{Action: realtime.ActionMessage, Channel: "room:a", Message: &realtime.MessageBody{Type: "string", Data: []byte(`"plain text"`)}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestPublish_refusalIsAnEvent(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		s.answer = func(p *peer, f realtime.Frame) bool { p.refuse(f, "rateLimited"); return true }
		c := connected(t, s.config())
		if err := c.Publish(t.Context(), "room:a", realtime.MessageBody{Data: []byte(`1`)}); err != nil {
			t.Fatal(err)
		}
		refused := of[realtime.ServerError](c.events())
		if len(refused) != 1 || !errors.Is(refused[0], realtime.ErrRateLimited) {
			t.Errorf("events: %+v", refused)
		}
	})
}

func TestPublish_waitsForTheNextLinkAndIsNeverRepeated(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		s.answer = func(p *peer, f realtime.Frame) bool {
			if p.id == "k1" && f.Action == realtime.ActionMessage {
				<-s.stop // reads no more: the next write blocks
			}
			return true
		}
		cfg := s.config()
		c := connected(t, cfg)
		m := realtime.MessageBody{Data: []byte(`1`)}
		if err := c.Publish(t.Context(), "room:a", m); err != nil {
			t.Fatal(err)
		}
		if err := c.Publish(t.Context(), "room:a", m); !errors.Is(err, realtime.ErrNotSent) {
			t.Errorf("with a peer that reads nothing: %v", err)
		}
		synctest.Wait()
		if got := c.State(); got != realtime.StateReconnecting {
			t.Errorf("state: %v", got)
		}
		if err := c.Publish(t.Context(), "room:a", m); err != nil { // on the next link
			t.Error(err)
		}
		synctest.Wait()
		if got := s.received("k2"); len(got) != 1 {
			t.Errorf("the second link saw %v", got)
		}
		s.setDown(errors.New("down"))
		s.cut()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := c.Publish(ctx, "room:a", m); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without a link: %v", err)
		}
		_ = c.Close()
		if err := c.Publish(t.Context(), "room:a", m); !errors.Is(err, realtime.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}

func TestRequestToken(t *testing.T) {
	tests := map[string]struct {
		answer  func(p *peer, f realtime.Frame)
		want    string
		wantErr func(error) bool
	}{
		"with reqId": {func(p *peer, f realtime.Frame) { f.Token, f.ClientID = "new", "bot"; p.frame(f) }, "new", nil},
		"without":    {func(p *peer, f realtime.Frame) { f.Token, f.ReqID = "new", ""; p.frame(f) }, "new", nil},
		"refused": {
			func(p *peer, f realtime.Frame) { p.refuse(f, "no") }, "",
			func(err error) bool { _, ok := errors.AsType[realtime.ServerError](err); return ok },
		},
		"empty": {
			func(p *peer, f realtime.Frame) { f.Extra = raw("note", `1`); f.ClientID = "bot"; p.frame(f) }, "",
			func(err error) bool { return strings.Contains(err.Error(), "holds none") },
		},
		"silence": {func(*peer, realtime.Frame) {}, "", func(err error) bool { return errors.Is(err, realtime.ErrNoAnswer) }},
		"cut":     {func(p *peer, _ realtime.Frame) { _ = p.ws.NetConn().Close() }, "second", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *server) {
				var asked string
				s.answer = func(p *peer, f realtime.Frame) bool {
					asked = f.ClientID
					if p.id == "k2" {
						f.Token = "second"
						p.frame(f)
						return true
					}
					tt.answer(p, f)
					return true
				}
				c := connected(t, s.config())
				got, err := c.RequestToken(t.Context(), "someone")
				if got != tt.want || (err == nil) != (tt.wantErr == nil) || err != nil && !tt.wantErr(err) {
					t.Errorf("%q, %v", got, err)
				}
				synctest.Wait()
				if asked != "someone" {
					t.Errorf("asked for %q", asked)
				}
			})
		})
	}
}

// Backtracked named itself in its presence frames; the server fills the ids in when they are left out. On a new link they are
// those of the new link.
func TestPresence_withAndWithoutIDs(t *testing.T) {
	for name, with := range map[string]bool{"with": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *server) {
				var got []string
				s.answer = func(p *peer, f realtime.Frame) bool {
					if f.Presence != nil {
						got = append(got, f.Presence.Action.String()+" "+f.Presence.ClientID+" "+f.Presence.ConnectionID)
					}
					return false
				}
				cfg := s.config()
				cfg.NamePresence = with
				c := connected(t, cfg)
				c.attach("room:a")
				for _, a := range []realtime.PresenceAction{realtime.PresenceEnter, realtime.PresenceUpdate, realtime.PresenceLeave, realtime.PresenceEnter} {
					if err := c.Presence(t.Context(), "room:a", a, nil); err != nil {
						t.Fatal(err)
					}
				}
				s.cut()
				time.Sleep(2 * time.Second)
				synctest.Wait()
				want := []string{"enter bot k1", "update bot k1", "leave bot k1", "enter bot k1", "enter bot k2"}
				if !with {
					want = []string{"enter  ", "update  ", "leave  ", "enter  ", "enter  "}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// The server may show our presence back with either id alone. One without any could be anybody's.
func TestPresence_shownBackWithEitherID(t *testing.T) {
	tests := map[string]struct {
		client, connection string
		confirms           bool
	}{
		"both":                {"bot", "k1", true},
		"client only":         {"bot", "", true},
		"connection only":     {"", "k1", true},
		"neither":             {"", "", false},
		"another connection":  {"bot", "k9", false},
		"someone else":        {"ada", "k1", false},
		"connection of other": {"", "k9", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *server) {
				s.answer = func(p *peer, f realtime.Frame) bool {
					f.ReqID = ""
					f.Presence.ClientID, f.Presence.ConnectionID = tt.client, tt.connection
					p.frame(f)
					return true
				}
				c := connected(t, s.config())
				err := c.Presence(t.Context(), "room:a", realtime.PresenceEnter, nil)
				if tt.confirms && err != nil || !tt.confirms && !errors.Is(err, realtime.ErrNoAnswer) {
					t.Errorf("error: %v", err)
				}
				if seen := of[realtime.Presence](c.events()); len(seen) != 1 || seen[0].ClientID != tt.client || seen[0].ConnectionID != tt.connection {
					t.Errorf("events: %+v", seen)
				}
			})
		})
	}
}

// An answer that repeats the id of a request but speaks of another channel confirms nothing.
func TestAttach_answeredForAnotherChannel(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		s.answer = func(p *peer, f realtime.Frame) bool { f.Channel = "room:b"; p.confirm(f); return true }
		c := connected(t, s.config())
		if err := c.Attach(t.Context(), "room:a"); !errors.Is(err, realtime.ErrNoAnswer) {
			t.Errorf("error: %v", err)
		}
	})
}
