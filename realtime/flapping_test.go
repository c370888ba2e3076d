package realtime_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/realtime"
)

// longest is the default policy with the longest of its random waits.
func longest(try int, last error) (time.Duration, bool) {
	return realtime.Backoff{Rand: func() float64 { return 1 }}.Next(try, last)
}

// endAfter has the server confirm every link and end it after some time, the first link included.
func endAfter(s *server, life time.Duration) {
	s.hello = func(p *peer) {
		p.packet(realtime.PacketOpen, realtime.AppendOpen(nil, s.open))
		p.frame(realtime.Frame{Action: realtime.ActionConnected, ClientID: "bot", ConnectionID: p.id})
		time.AfterFunc(life, func() { _ = p.ws.NetConn().Close() })
	}
}

// A server that accepts every link and ends it soon sees at most 40 handshakes in ten minutes, whatever it takes for soon.
func TestFlapping_seesFewHandshakes(t *testing.T) {
	for _, life := range []time.Duration{
		time.Millisecond, time.Second, 3 * time.Second, 10 * time.Second, 20 * time.Second, 29 * time.Second, 31 * time.Second,
	} {
		t.Run(life.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T, s *server) {
				cfg := s.config()
				cfg.Reconnect = longest
				endAfter(s, life)
				_ = connected(t, cfg)
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				n := len(s.queries())
				t.Logf("%d handshakes", n)
				if n > 40 || n < 10 {
					t.Errorf("%d handshakes in ten minutes, want 10 to 40", n)
				}
			})
		})
	}
}

// A token that is refused each time counts like any other failed attempt.
func TestFlapping_withoutAToken(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		cfg := s.config()
		cfg.Reconnect = longest
		tokens := 0
		cfg.Token = func(context.Context) (string, error) {
			if tokens++; tokens > 1 {
				return "", errors.New("not now")
			}
			return "secret-token", nil
		}
		endAfter(s, time.Millisecond)
		c := connected(t, cfg)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if tokens > 40 || c.State() != realtime.StateSuspended {
			t.Errorf("%d tokens fetched, state %v", tokens, c.State())
		}
	})
}

// The attempts are counted from 1 again once a link has lasted, and not before.
func TestFlapping_countsUntilALinkHasLasted(t *testing.T) {
	for _, tt := range []struct {
		life time.Duration
		want []int
	}{
		{lasting - time.Second, []int{1, 2, 3, 4}},
		{lasting + time.Second, []int{1, 1, 1, 1}},
	} {
		t.Run(tt.life.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T, s *server) {
				var tries []int
				cfg := s.config()
				cfg.Reconnect = func(try int, _ error) (time.Duration, bool) {
					tries = append(tries, try)
					return time.Second, true
				}
				_ = connected(t, cfg)
				for range 4 {
					time.Sleep(tt.life)
					s.cut()
					time.Sleep(time.Second)
					synctest.Wait()
				}
				if diff := cmp.Diff(tt.want, tries); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// lasting is how long a link must last for its loss to be a new outage.
const lasting = 30 * time.Second

// A link that follows two short ones is unstable until it has lasted. The first loss of a link that has lasted leaves no trace.
func TestFlapping_isVisibleInTheStatus(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		c := connected(t, s.config())
		ctx, stop := context.WithCancel(t.Context())
		var seen []string
		watched := make(chan struct{})
		go func() {
			defer close(watched)
			for status := range c.Watch(ctx) {
				seen = append(seen, fmt.Sprint(status.State, " ", status.Unstable, " ", status.Err != nil))
			}
		}()
		cut := func() {
			synctest.Wait()
			s.cut()
			synctest.Wait()
			time.Sleep(1500 * time.Millisecond) // the next link is there after a second
			synctest.Wait()
		}
		time.Sleep(lasting)
		cut() // a link that has lasted
		if status := c.Status(); status.State != realtime.StateConnected || status.Unstable || status.Err != nil {
			t.Errorf("after the first loss: %+v", status)
		}
		cut()
		if status := c.Status(); status.State != realtime.StateConnected || status.Unstable || status.Err != nil {
			t.Errorf("after one link that did not last: %+v", status)
		}
		cut()
		if status := c.Status(); status.State != realtime.StateConnected || !status.Unstable || status.Err == nil {
			t.Errorf("after two links that did not last: %+v", status)
		}
		if err := c.Attach(t.Context(), "room:a"); err != nil {
			t.Errorf("an unstable link is of no use: %v", err)
		}
		time.Sleep(lasting)
		synctest.Wait()
		if status := c.Status(); status.State != realtime.StateConnected || status.Unstable || status.Err != nil {
			t.Errorf("after the link has lasted: %+v", status)
		}
		stop()
		<-watched
		last := seen[len(seen)-2:]
		if diff := cmp.Diff([]string{"connected true true", "connected false false"}, last); diff != "" {
			t.Error(diff)
		}
	})
}
