package realtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/realtime"
)

func TestReconnect_aRefusedChannelIsReportedAndForgotten(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		s.answer = func(p *peer, f realtime.Frame) bool {
			if p.id == "k2" && f.Channel == "room:b" {
				p.refuse(f, "banned")
				return true
			}
			return false
		}
		c := connected(t, s.config())
		c.attach("room:a", "room:b", "room:c")
		s.cut()
		time.Sleep(time.Minute)
		if diff := cmp.Diff([]string{"connected k1", "disconnected", "error banned", "attach failed room:b", "reconnected k2"}, story(c.events())); diff != "" {
			t.Error(diff)
		}
		if e, ok := errors.AsType[realtime.ServerError](of[realtime.AttachFailed](c.events())[0].Err); !ok || e.Text != "banned" {
			t.Errorf("reason: %+v", e)
		}
		s.cut()
		time.Sleep(time.Minute)
		if diff := cmp.Diff([]string{"k3 attach room:a", "k3 attach room:c"}, s.received("k3")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestReconnect_aSilentChannelHoldsUpNobodyForEver(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		s.answer = func(p *peer, f realtime.Frame) bool { return p.id == "k2" && f.Channel == "room:a" }
		c := connected(t, s.config())
		c.attach("room:a", "room:b")
		s.cut()
		time.Sleep(16 * time.Second)
		want := []string{"connected k1", "disconnected", "attach failed room:a", "reconnected k2"}
		if diff := cmp.Diff(want, story(c.events())); diff != "" {
			t.Error(diff)
		}
		s.cut()
		time.Sleep(time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]string{"k3 attach room:a", "k3 attach room:b"}, s.received("k3")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestReconnect_aServerThatAnswersNothingIsLeft(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		s.answer = func(p *peer, _ realtime.Frame) bool { return p.id == "k2" }
		c := connected(t, s.config())
		c.attach("room:a")
		s.cut()
		time.Sleep(time.Minute)
		want := []string{"connected k1", "disconnected", "attach failed room:a", "disconnected", "reconnected k3"}
		if diff := cmp.Diff(want, story(c.events())); diff != "" {
			t.Error(diff)
		}
	})
}

func TestReconnect_presenceThatIsNotShownBackDelaysByTwoSeconds(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		s.answer = func(p *peer, f realtime.Frame) bool { return p.id == "k2" && f.Action == realtime.ActionPresence }
		c := connected(t, s.config())
		c.attach("room:a", "room:b")
		for _, ch := range []string{"room:a", "room:b"} {
			if err := c.Presence(t.Context(), ch, realtime.PresenceEnter, nil); err != nil {
				t.Fatal(err)
			}
		}
		s.cut()
		time.Sleep(2999 * time.Millisecond)
		if got := c.State(); got != realtime.StateReconnecting {
			t.Errorf("before: %v", got)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if got := c.State(); got != realtime.StateConnected {
			t.Errorf("after: %v", got)
		}
	})
}

func TestReconnect_aRefusedPresenceIsForgotten(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		var refusing atomic.Bool
		s.answer = func(p *peer, f realtime.Frame) bool {
			if refusing.Load() && f.Action == realtime.ActionPresence {
				p.refuse(f, "no")
				return true
			}
			return false
		}
		c := connected(t, s.config())
		c.attach("room:a")
		if err := c.Presence(t.Context(), "room:a", realtime.PresenceEnter, json.RawMessage(`1`)); err != nil {
			t.Fatal(err)
		}
		refusing.Store(true)
		if err := c.Presence(t.Context(), "room:a", realtime.PresenceUpdate, json.RawMessage(`2`)); err == nil {
			t.Fatal("not refused")
		}
		s.cut()
		time.Sleep(time.Minute)
		if got := s.received("k2 presence"); len(got) != 1 || got[0] != "k2 presence room:a enter 1" {
			t.Errorf("re-entered with %v, want the data that was accepted last", got)
		}
		if got := of[realtime.AttachFailed](c.events()); len(got) != 1 {
			t.Errorf("reported %v", got)
		}
		s.cut()
		time.Sleep(time.Minute)
		if got := s.received("k3 presence"); len(got) != 0 {
			t.Errorf("entered again: %v", got)
		}
	})
}

func TestCalls_waitForTheNextLink(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		c := connected(t, s.config())
		s.cut()
		synctest.Wait()
		start := time.Now()
		c.attach("room:a")
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %v", took)
		}

		s.setDown(errors.New("down"))
		s.cut()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := c.Attach(ctx, "room:b"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error: %v", err)
		}
		start = time.Now()
		if err := c.Detach(t.Context(), "room:a"); err != nil || time.Since(start) != 0 {
			t.Errorf("detach without a link: %v after %v", err, time.Since(start))
		}
		s.setDown(nil)
		time.Sleep(time.Minute)
		if got := s.received("k3"); len(got) > 0 {
			t.Errorf("sent on the new link: %v", got)
		}
	})
}

func TestCalls_repeatedWhenTheLinkIsLostBeforeTheAnswer(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		s.answer = func(p *peer, f realtime.Frame) bool {
			if p.id == "k1" {
				_ = p.ws.NetConn().Close()
				return true
			}
			return false
		}
		c := connected(t, s.config())
		c.attach("room:a")
		if diff := cmp.Diff([]string{"k1 attach room:a", "k2 attach room:a"}, s.received("k")); diff != "" {
			t.Error(diff)
		}
	})
}

// A Detach that falls into the restoring of the channels must not be undone by it.
func TestDetach_whileTheChannelsAreAttachedAgain(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		s.answer = func(p *peer, f realtime.Frame) bool {
			if p.id == "k2" {
				time.AfterFunc(5*time.Second, func() { p.confirm(f) })
				return true
			}
			return false
		}
		c := connected(t, s.config())
		c.attach("room:a", "room:b")
		s.cut()
		time.Sleep(3 * time.Second)
		if err := c.Detach(t.Context(), "room:a"); err != nil {
			t.Fatal(err)
		}
		want := []string{"k2 attach room:a", "k2 attach room:b", "k2 detach room:a"}
		if diff := cmp.Diff(want, s.received("k2")); diff != "" {
			t.Error(diff)
		}
		s.cut()
		time.Sleep(time.Minute)
		if diff := cmp.Diff([]string{"k3 attach room:b"}, s.received("k3")); diff != "" {
			t.Error(diff)
		}
	})
}

// Detach must not wait for the next link if its own breaks meanwhile: the next one begins without the channel.
func TestDetach_whileTheChannelsAreAttachedAgainAndTheLinkBreaks(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		s.answer = func(p *peer, _ realtime.Frame) bool { return p.id == "k2" }
		c := connected(t, s.config())
		c.attach("room:a", "room:b")
		s.cut()
		time.Sleep(3 * time.Second)
		time.AfterFunc(time.Second, func() {
			s.setDown(errors.New("down"))
			s.cut()
		})
		start := time.Now()
		if err := c.Detach(t.Context(), "room:a"); err != nil || time.Since(start) != time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		s.setDown(nil)
		time.Sleep(time.Minute)
		if diff := cmp.Diff([]string{"k3 attach room:b"}, s.received("k3")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAttach_thatFailedIsNotRemembered(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		s.answer = func(p *peer, f realtime.Frame) bool {
			time.AfterFunc(20*time.Second, func() { p.confirm(f) }) // too late
			return true
		}
		c := connected(t, s.config())
		if err := c.Attach(t.Context(), "room:a"); !errors.Is(err, realtime.ErrNoAnswer) {
			t.Fatalf("error: %v", err)
		}
		time.Sleep(time.Minute)
		s.cut()
		time.Sleep(time.Minute)
		if got := s.received("k2"); len(got) > 0 {
			t.Errorf("sent on the next link: %v", got)
		}
	})
}
