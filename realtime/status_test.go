package realtime_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/realtime"
)

// watch writes down the statuses of a connection, with times since the bubble began.
type watcher struct {
	wg   sync.WaitGroup
	mu   sync.Mutex
	seen []string // guarded by mu
}

func watch(ctx context.Context, c *realtime.Conn) *watcher {
	w := new(watcher)
	start := time.Now()
	w.wg.Go(func() {
		for s := range c.Watch(ctx) {
			line := s.State.String() + " " + s.Since.Sub(start).String()
			if !s.RetryAt.IsZero() {
				line += ", retry at " + s.RetryAt.Sub(start).String()
			}
			w.mu.Lock()
			w.seen = append(w.seen, line)
			w.mu.Unlock()
		}
	})
	return w
}

func (w *watcher) lines() []string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.seen)
}

func TestStatus_ofAnOutage(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		cfg := s.config()
		cfg.SuspendAfter = 25 * time.Second
		cfg.Reconnect = func(int, error) (time.Duration, bool) { return 10 * time.Second, true }
		c := newClient(t, cfg)
		w := watch(t.Context(), c.Conn)
		synctest.Wait()
		if err := c.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		down := errors.New("down")
		time.Sleep(5 * time.Second)
		s.setDown(down)
		s.cut()
		time.Sleep(27 * time.Second)
		if got := c.Status(); got.State != realtime.StateSuspended || !errors.Is(got.Err, down) {
			t.Errorf("status: %+v", got)
		}
		if err := c.Detach(t.Context(), "room:a"); err != nil {
			t.Errorf("detach while suspended: %v", err)
		}
		time.Sleep(5 * time.Second)
		s.setDown(nil)
		time.Sleep(23 * time.Second)
		s.cut()
		time.Sleep(time.Second)
		_ = c.Close()
		want := []string{
			"idle 0s", "connecting 0s", "connected 0s",
			"reconnecting 5s, retry at 15s", "reconnecting 5s, retry at 25s", "reconnecting 5s, retry at 35s",
			"suspended 30s, retry at 35s", "suspended 30s, retry at 45s",
			"connected 45s",
			"reconnecting 1m0s, retry at 1m10s",
			"closed 1m1s",
		}
		// Statuses that last no time may be skipped.
		got := slices.DeleteFunc(w.lines(), func(line string) bool {
			return line == "reconnecting 5s" || line == "suspended 30s" || line == "reconnecting 1m0s"
		})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		suspended := of[realtime.Suspended](c.events())
		if len(suspended) != 1 || !errors.Is(suspended[0].Err, down) || time.Since(suspended[0].Since) != 56*time.Second {
			t.Errorf("events: %+v", suspended)
		}
		w.wg.Wait()
	})
}

// The state changes in time even if the attempt hangs; the event waits for its end.
func TestStatus_suspendedDuringAnAttempt(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		cfg := s.config()
		cut := false
		token := cfg.Token
		cfg.Token = func(ctx context.Context) (string, error) {
			if cut {
				<-ctx.Done()
				return "", ctx.Err()
			}
			return token(ctx)
		}
		cfg.ConnectTimeout = time.Hour
		c := connected(t, cfg)
		cut = true
		s.cut()
		time.Sleep(2*time.Minute - time.Second)
		if got := c.State(); got != realtime.StateReconnecting {
			t.Errorf("before two minutes: %v", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := c.State(); got != realtime.StateSuspended {
			t.Errorf("after two minutes: %v", got)
		}
		if n := len(of[realtime.Suspended](c.events())); n != 0 {
			t.Errorf("%d events", n)
		}
		time.Sleep(time.Hour)
		if n := len(of[realtime.Suspended](c.events())); n != 1 {
			t.Errorf("%d events after the attempt", n)
		}
	})
}

// A new link that cannot attach its channels is not usable, so the timer runs on.
func TestStatus_suspendedAlthoughHandshakesSucceed(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		s.answer = func(p *peer, _ realtime.Frame) bool {
			if p.id != "k1" {
				_ = p.ws.NetConn().Close()
			}
			return p.id != "k1"
		}
		c := connected(t, s.config())
		c.attach("room:a")
		s.cut()
		time.Sleep(2*time.Minute + time.Second)
		if got := c.State(); got != realtime.StateSuspended {
			t.Errorf("state: %v", got)
		}
		if n := len(of[realtime.Suspended](c.events())); n != 1 {
			t.Errorf("%d events", n)
		}
	})
}

func TestWatch_endsWithItsContextAndWhenLeft(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		c := connected(t, s.config())
		for status := range c.Watch(t.Context()) {
			if status.State != realtime.StateConnected {
				t.Errorf("first: %v", status.State)
			}
			break
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		n := 0
		for range c.Watch(ctx) {
			n++
		}
		if n != 1 {
			t.Errorf("%d statuses of a connection at rest", n)
		}
	})
}

func TestState_String(t *testing.T) {
	var got []string
	for s := realtime.StateIdle; s <= realtime.StateClosed+1; s++ {
		got = append(got, s.String())
	}
	want := []string{"idle", "connecting", "connected", "reconnecting", "suspended", "closed", "state 6"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestStats(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		c := newClient(t, s.config())
		if got := c.Stats(); got.FramesIn != 0 || !got.LastFrame.IsZero() || !got.LastPong.IsZero() || got.Status.State != realtime.StateIdle {
			t.Errorf("before Connect: %+v", got)
		}
		start := time.Now()
		if err := c.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.attach("room:a") // frames in: open, connected, attached; out: attach
		time.Sleep(time.Minute)
		s.last().packet(realtime.PacketMessage, []byte("no JSON"))
		s.last().packet('x', nil)
		_ = c.events()
		got := c.Stats()
		if got.LastFrame.Sub(start) != time.Minute || got.LastPong.Sub(start) != 50*time.Second {
			t.Errorf("last frame after %v, last pong after %v", got.LastFrame.Sub(start), got.LastPong.Sub(start))
		}
		if got.FramesIn != 3+2+2 || got.FramesOut != 1+2 || got.Malformed != 2 || got.Reconnects != 0 || got.Dropped != 0 {
			t.Errorf("%+v", got)
		}
		if got.BytesIn < 100 || got.BytesOut < 50 {
			t.Errorf("bytes: %d in, %d out", got.BytesIn, got.BytesOut)
		}
		for range 3 {
			s.cut()
			time.Sleep(2 * time.Second)
		}
		if got := c.Stats(); got.Reconnects != 3 || got.Status.State != realtime.StateConnected {
			t.Errorf("after three cuts: %+v", got)
		}
	})
}

// Only events lost because the connection was closed while they waited are counted.
func TestStats_dropped(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		conn := unread(t, s.config(), 4)
		for i := range 4 {
			s.last().say("room:a", strconv.Itoa(i))
		}
		synctest.Wait()
		if got := conn.Stats(); got.Waiting != 4 || got.Dropped != 0 {
			t.Errorf("with a full buffer: %+v", got)
		}
		_ = conn.Close()
		if got := conn.Stats(); got.Dropped == 0 {
			t.Errorf("after Close: %+v", got)
		}
	})
}
