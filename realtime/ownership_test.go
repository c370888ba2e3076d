package realtime_test

import (
	"context"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/internal/testkit/faults"
	"github.com/queup-go/queup/realtime"
)

// listen puts s behind a real socket, too.
func (s *server) listen(t *testing.T) (addr string) {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.wg.Go(func() { _ = s.http.Serve(ln) })
	return ln.Addr().String()
}

func tcp(s *server, addr string) realtime.Config {
	cfg := s.config()
	cfg.URL = "ws://" + addr + "/ws/"
	cfg.Dialer = &realtime.WebsocketDialer{NetDialContext: new(net.Dialer).DialContext}
	return cfg
}

// descriptors counts the open files of this process, or returns 0 where that cannot be seen.
func descriptors() int {
	entries, _ := os.ReadDir("/proc/self/fd")
	return len(entries)
}

// A thousand connections over real sockets, one in two closed by us at once and one in two after its link was cut, leave no
// goroutine and no descriptor.
func TestClose_leavesNoGoroutineAndNoDescriptor(t *testing.T) {
	s := newServer()
	defer s.shutdown()
	s.queue = 16 // a thousand of them
	cfg := tcp(s, s.listen(t))
	cycle := func(n int) {
		conn, err := realtime.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := conn.Attach(t.Context(), "room:a"); err != nil {
			t.Fatal(err)
		}
		if n%2 == 1 {
			_ = s.last().ws.NetConn().Close()
			for range conn.Events() {
				if conn.State() != realtime.StateConnected {
					break
				}
			}
		}
		_ = conn.Close()
		<-conn.Done()
		<-s.last().gone
	}
	cycle(0)
	goroutines, files := runtime.NumGoroutine(), descriptors()
	for n := range 1000 {
		cycle(n)
	}
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > goroutines+2 || descriptors() > files+2 {
		if time.Now().After(deadline) {
			t.Fatalf("goroutines: %d, then %d; descriptors: %d, then %d", goroutines, runtime.NumGoroutine(), files, descriptors())
		}
		runtime.Gosched()
	}
}

// After Close no timer of ours fires any more, whatever the connection was waiting for.
func TestClose_leavesNoTimer(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		cfg := s.config()
		cfg.Reconnect = func(int, error) (time.Duration, bool) { return time.Hour, true }
		var mu sync.Mutex
		closed, late := false, 0
		note := func() {
			mu.Lock()
			defer mu.Unlock()
			if closed {
				late++
			}
		}
		token := cfg.Token
		cfg.Token = func(ctx context.Context) (string, error) { note(); return token(ctx) }
		c := connected(t, cfg)
		s.cut() // the retry of an hour and the two minutes to suspension are running
		synctest.Wait()
		_ = c.Close()
		<-c.Done()
		before := c.Status()
		mu.Lock()
		closed = true
		mu.Unlock()
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if after := c.Status(); late != 0 || after != before {
			t.Errorf("%d calls, %+v became %+v", late, before, after)
		}
	})
}

// A peer may be dead in any way; Close takes two seconds at most and leaves nothing.
func TestClose_withADeadPeer(t *testing.T) {
	tests := map[string]faults.Fault{
		"stalled":     faults.Stall(),
		"half-open":   faults.HalfOpen(),
		"slow":        faults.Bandwidth(1),
		"far away":    faults.Latency(time.Hour, 0),
		"reset":       faults.Reset(0),
		"truncated":   faults.Truncate(1),
		"spoilt":      faults.Corrupt(1),
		"reset later": faults.Reset(500 * time.Millisecond),
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *server) {
				c, in := faulty(t, s, 1)
				in.Set(fault)
				c.wg.Go(func() { _ = c.Attach(t.Context(), "room:b") })
				synctest.Wait()
				start := time.Now()
				_ = c.Close()
				<-c.Done()
				if took := time.Since(start); took > 2*time.Second {
					t.Errorf("took %v", took)
				}
				in.Set()
				time.Sleep(5 * time.Second)
				if n := in.Open(); n != 0 {
					t.Errorf("%d connections are open", n)
				}
			})
		})
	}
}

// The same over a real socket, with a peer that has stopped reading while we write more than the buffers hold.
func TestClose_withADeadPeerOverTCP(t *testing.T) {
	s := newServer()
	defer s.shutdown()
	release := make(chan struct{})
	s.answer = func(*peer, realtime.Frame) bool { <-release; return true }
	defer close(release)
	c := connected(t, tcp(s, s.listen(t)))
	filler := realtime.MessageBody{Type: "string", Data: make([]byte, 1<<20)}
	writing := make(chan struct{})
	c.wg.Go(func() {
		defer close(writing)
		for c.Publish(t.Context(), "room:a", filler) == nil { // until it blocks, and Close ends it
		}
	})
	for last := int64(-1); c.Stats().BytesOut > last; { // until the buffers are full
		last = c.Stats().BytesOut
		select {
		case <-writing:
		case <-time.After(200 * time.Millisecond):
		}
	}
	start := time.Now()
	_ = c.Close()
	<-c.Done()
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
	<-writing
}
