package realtime_test

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/internal/testkit/faults"
	"github.com/queup-go/queup/realtime"
)

// faulty is a connection with an injector under it, attached to room:a and present there.
func faulty(t *testing.T, s *server, seed uint64) (*client, *faults.Injector) {
	t.Helper()
	in := faults.New(seed)
	cfg := s.config()
	cfg.Dialer = in.Dialer(cfg.Dialer)
	c := connected(t, cfg)
	c.attach("room:a")
	if err := c.Presence(t.Context(), "room:a", realtime.PresenceEnter, nil); err != nil {
		t.Fatal(err)
	}
	return c, in
}

// delivers reports whether a message that the server sends now arrives within a time.
func delivers(t *testing.T, s *server, c *client, within time.Duration) bool {
	t.Helper()
	name := fmt.Sprintf("said after %v", time.Now().UnixNano())
	s.last().say("room:a", name)
	deadline := time.Now().Add(within)
	for {
		for _, m := range of[realtime.Message](c.events()) {
			if m.Name == name {
				return true
			}
		}
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// A fault that comes and goes: when it is over the link works again within half a minute, however it has ended, with its channel
// attached and presence entered.
func TestFaults_theLinkHeals(t *testing.T) {
	const (
		interval = 25 * time.Second
		timeout  = 60 * time.Second
		long     = 10 * time.Minute // for faults that a link has to survive
	)
	broken := func(err error) bool { return err != nil }
	reset := func(err error) bool { return errors.Is(err, syscall.ECONNRESET) }
	dead := func(err error) bool { return errors.Is(err, realtime.ErrHeartbeat) }
	blocked := func(err error) bool { return dead(err) || errors.Is(err, os.ErrDeadlineExceeded) }
	tests := map[string]struct {
		faults []faults.Fault
		lasts  time.Duration
		lost   func(error) bool // the first Disconnected; nil: the link survives
		after  time.Duration    // lost within
	}{
		"latency":          {[]faults.Fault{faults.Latency(2*time.Second, 0)}, long, nil, 0},
		"jitter":           {[]faults.Fault{faults.Latency(time.Second, time.Second)}, long, nil, 0},
		"bandwidth":        {[]faults.Fault{faults.Bandwidth(200)}, long, nil, 0},
		"slicer":           {[]faults.Fault{faults.Slicer(3, 2, time.Millisecond)}, long, nil, 0},
		"reset":            {[]faults.Fault{faults.Reset(0)}, time.Minute, reset, time.Second},
		"reset, later":     {[]faults.Fault{faults.Reset(10 * time.Second)}, time.Minute, reset, 11 * time.Second},
		"stall":            {[]faults.Fault{faults.Stall()}, 3 * time.Minute, blocked, interval + timeout + time.Second},
		"stall, up":        {[]faults.Fault{faults.Stall().Up()}, 3 * time.Minute, blocked, interval + timeout + time.Second},
		"stall, down":      {[]faults.Fault{faults.Stall().Down()}, 3 * time.Minute, dead, interval + timeout + time.Second},
		"stall, short":     {[]faults.Fault{faults.Stall().Down()}, 30 * time.Second, nil, 0},
		"half-open":        {[]faults.Fault{faults.HalfOpen()}, 3 * time.Minute, dead, interval + timeout + time.Second},
		"half-open, up":    {[]faults.Fault{faults.HalfOpen().Up()}, 3 * time.Minute, dead, interval + timeout + time.Second},
		"half-open, down":  {[]faults.Fault{faults.HalfOpen().Down()}, 3 * time.Minute, dead, interval + timeout + time.Second},
		"truncate":         {[]faults.Fault{faults.Truncate(10)}, time.Minute, broken, time.Minute},
		"truncate frames":  {[]faults.Fault{faults.Truncate(5).Frames()}, 3 * time.Minute, nil, 0},
		"duplicate bytes":  {[]faults.Fault{faults.Duplicate(1)}, 3 * time.Minute, nil, 0}, // whole frames, as each is written at once
		"duplicate frames": {[]faults.Fault{faults.Duplicate(1).Frames()}, 3 * time.Minute, nil, 0},
		"corrupt":          {[]faults.Fault{faults.Corrupt(1)}, 3 * time.Minute, broken, 3 * time.Minute},
		"corrupt frames":   {[]faults.Fault{faults.Corrupt(0.5).Frames().Down()}, 3 * time.Minute, broken, 3 * time.Minute},
		"all of it": {[]faults.Fault{
			faults.Latency(time.Second, time.Second), faults.Bandwidth(500), faults.Slicer(20, 10, 0), faults.Corrupt(0.3), faults.Duplicate(0.3),
		}, 3 * time.Minute, broken, 3 * time.Minute},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, s *server) {
				c, in := faulty(t, s, 1)
				in.Set(tt.faults...)
				start := time.Now()
				var lost time.Duration
				for time.Since(start) < tt.lasts {
					s.last().say("room:a", "chatter")
					time.Sleep(time.Second)
					if lost == 0 && len(of[realtime.Disconnected](c.events())) > 0 {
						lost = time.Since(start)
					}
				}
				if tt.lost == nil && tt.lasts == long && !delivers(t, s, c, 10*time.Second) {
					t.Error("nothing gets through")
				}
				in.Set()
				time.Sleep(30 * time.Second)
				down := of[realtime.Disconnected](c.events())
				switch {
				case tt.lost == nil && len(down) > 0:
					t.Errorf("the link was lost: %v", down[0].Err)
				case tt.lost != nil && len(down) == 0:
					t.Error("the link was not lost")
				case tt.lost != nil && !tt.lost(down[0].Err):
					t.Errorf("the link was lost because: %v", down[0].Err)
				case tt.lost != nil && lost > tt.after:
					t.Errorf("it took %v to notice", lost)
				}
				if got := c.State(); got != realtime.StateConnected {
					t.Fatalf("afterwards: %v", c.Status())
				}
				if !delivers(t, s, c, time.Second) {
					t.Error("nothing arrives afterwards")
				}
				if id := c.ConnectionID(); len(s.received(id+" attach room:a")) == 0 || len(s.received(id+" presence room:a enter")) == 0 {
					t.Errorf("the last link, %s, saw %v", id, s.received(id))
				}
			})
		})
	}
}

// Whatever chance does to the bytes for ten minutes, the link is back afterwards.
func TestFaults_chaos(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, s *server) {
				s.queue = 256
				c, in := faulty(t, s, seed)
				all := []faults.Fault{
					faults.Latency(time.Second, time.Second), faults.Bandwidth(1000), faults.Slicer(10, 5, time.Millisecond),
					faults.Reset(7 * time.Second), faults.Stall(), faults.HalfOpen().Up(), faults.Truncate(300), faults.Duplicate(0.1),
					faults.Corrupt(0.1), faults.Corrupt(0.2).Frames().Down(), faults.Duplicate(0.2).Frames(),
				}
				for i := range 60 {
					in.Set(all[(i*7+int(seed))%len(all)], all[(i*5+int(seed))%len(all)])
					s.last().say("room:a", "chatter")
					time.Sleep(10 * time.Second)
				}
				in.Set()
				time.Sleep(2 * time.Minute) // a half-open link has to be noticed
				s.cut()                     // a corrupt answer may have cost a channel for the life of a link
				time.Sleep(30 * time.Second)
				if !delivers(t, s, c, time.Second) {
					t.Errorf("%+v", c.Status())
				}
				synctest.Wait()
			})
		})
	}
}
