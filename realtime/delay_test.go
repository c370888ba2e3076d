package realtime_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/realtime"
)

// MaxDelay of a message counts from the latest ping that was answered before it, or from when the link was made. Pings without
// an answer do not count, however many there are. Complete of Disconnected counts from the same time.
func TestMessage_maxDelay(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		s.open.PingTimeout = 5 * time.Minute
		var stalled atomic.Bool
		var held atomic.Int32 // pings that wait for their answer
		s.mute = func(*peer) bool {
			if stalled.Load() {
				held.Add(1)
				return true
			}
			return false
		}
		made := time.Now()
		c := connected(t, s.config())
		c.attach("room:a")
		at := func(d time.Duration) {
			time.Sleep(time.Until(made.Add(d)))
			synctest.Wait()
		}
		at(10 * time.Second)
		s.last().say("room:a", "10 s after the link was made")
		at(30 * time.Second) // a ping was sent and answered after 25 s
		s.last().say("room:a", "5 s after the ping")
		synctest.Wait()
		stalled.Store(true)
		at(80 * time.Second) // pings were sent after 50 and 75 s
		s.last().say("room:a", "after a stall")
		stalled.Store(false)
		for range held.Load() {
			s.last().packet(realtime.PacketPong, nil)
			s.last().say("room:a", "and an answer")
		}
		at(90 * time.Second)
		s.cut()
		events := c.events()
		var got []string
		for _, m := range of[realtime.Message](events) {
			got = append(got, m.Name+": "+m.MaxDelay.String())
		}
		want := []string{
			"10 s after the link was made: 10s", "5 s after the ping: 5s", "after a stall: 55s", "and an answer: 30s", "and an answer: 5s",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		down := of[realtime.Disconnected](events)
		if len(down) != 1 || !down[0].Complete.Equal(made.Add(75*time.Second)) {
			t.Errorf("disconnected: %+v", down)
		}
	})
}

var errDown = errors.New("down")

// The attempts to reconnect do not change Complete, and a new link starts with a new one.
func TestDisconnected_complete(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		made := time.Now()
		c := connected(t, s.config())
		time.Sleep(time.Minute)
		s.setDown(errDown)
		s.cut()
		time.Sleep(3500 * time.Millisecond)
		s.setDown(nil)
		time.Sleep(time.Second)
		synctest.Wait()
		again := made.Add(time.Minute + 4*time.Second)
		time.Sleep(10 * time.Second)
		s.cut()
		time.Sleep(time.Second)
		var got []time.Duration
		for _, down := range of[realtime.Disconnected](c.events()) {
			got = append(got, down.Complete.Sub(made))
		}
		first := 50 * time.Second // the latest ping before the loss
		if diff := cmp.Diff([]time.Duration{first, first, first, first, again.Sub(made)}, got); diff != "" {
			t.Error(diff)
		}
	})
}

// A server that announces no pingTimeout has 60 s to answer a ping, as Engine.IO has it.
func TestHeartbeat_ofAServerThatAnnouncesNone(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		s.open = realtime.Open{SID: "s"}
		s.mute = func(*peer) bool { return true }
		began := time.Now()
		c := connected(t, s.config())
		for stop := false; !stop; { // so that silence does not end the link
			select {
			case <-time.After(time.Second):
				s.last().say("room:a", "hello")
				synctest.Wait()
			case <-t.Context().Done():
			}
			stop = c.State() != realtime.StateConnected || time.Since(began) > 5*time.Minute
		}
		if d := time.Since(began).Round(time.Second); d != 85*time.Second {
			t.Errorf("the link was given up after %v, want the 25 s to the first ping and 60 s for its answer", d)
		}
	})
}
