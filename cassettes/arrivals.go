package cassettes

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/queup-go/queup/internal/cassette"
	"github.com/queup-go/queup/realtime"
)

// arrivals are the events that have come over the network, for Next and Until of a stepped test. They hold what is private, so
// they never leave memory.
type arrivals struct {
	mu     sync.Mutex
	frames []Frame       // guarded by mu; those that the test has not asked for
	conns  int           // guarded by mu
	more   chan struct{} // guarded by mu; closed and replaced when one arrives
}

func (a *arrivals) add(f Frame) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.frames = append(a.frames, f)
	if a.more != nil {
		close(a.more)
		a.more = nil
	}
}

// take returns the first event that match accepts, and drops those before it. If there is none it returns a channel that is closed
// when another arrives. seen is how many events match has refused already.
func (a *arrivals) take(match func(Frame) bool, seen int) (f Frame, found bool, more <-chan struct{}, refused int) {
	a.mu.Lock()
	frames := slices.Clone(a.frames)
	if a.more == nil {
		a.more = make(chan struct{})
	}
	more = a.more
	a.mu.Unlock()
	for i := seen; i < len(frames); i++ { // match belongs to the test, and may use the cassette
		if match(frames[i]) {
			a.mu.Lock()
			a.frames = slices.Delete(a.frames, 0, i+1)
			a.mu.Unlock()
			return frames[i], true, nil, 0
		}
	}
	return Frame{}, false, more, len(frames)
}

// reserve is how long before the deadline of the tests Until gives up, so that the test can say what it waited for.
const reserve = 5 * time.Second

// untilLive is Until where events come over the network: it waits for them, until shortly before the deadline of the tests.
func (c *Cassette) untilLive(match func(Frame) bool) (Frame, bool) {
	var late <-chan time.Time
	if t, ok := c.t.(interface{ Deadline() (time.Time, bool) }); ok {
		if deadline, ok := t.Deadline(); ok {
			timer := time.NewTimer(time.Until(deadline) - reserve)
			defer timer.Stop()
			late = timer.C
		}
	}
	seen := 0
	for {
		f, found, more, refused := c.arrived.take(match, seen)
		if found {
			return f, true
		}
		seen = refused
		select {
		case <-more:
		case <-late:
			c.report(func(tb testing.TB) {
				tb.Helper()
				tb.Logf("cassettes: %s: no event came that was waited for; %d others came meanwhile", c.name, seen)
			})
			return Frame{}, false
		case <-c.t.Context().Done():
			return Frame{}, false
		}
	}
}

// arrivingSocket keeps the events that are read from the network.
type arrivingSocket struct {
	realtime.Socket
	c    *Cassette
	conn int

	once sync.Once // the end is kept once
}

// arriving wraps a socket if the test is stepped.
func (c *Cassette) arriving(sock realtime.Socket) realtime.Socket {
	if sock == nil || !c.cfg.pace.stepped {
		return sock
	}
	c.arrived.mu.Lock()
	defer c.arrived.mu.Unlock()
	c.arrived.conns++
	return &arrivingSocket{Socket: sock, c: c, conn: c.arrived.conns}
}

// Read implements [realtime.Socket].
func (s *arrivingSocket) Read() (realtime.Opcode, []byte, error) {
	op, data, err := s.Socket.Read()
	f := Frame{At: s.c.cfg.clock().Sub(s.c.start), Conn: s.conn}
	if err != nil {
		s.once.Do(func() {
			f.Op = cassette.OpDrop
			if closed, ok := errors.AsType[*realtime.CloseError](err); ok && closed.Code != abnormal {
				f.Op = cassette.OpClose
			}
			s.c.arrived.add(f)
		})
		return op, data, err
	}
	if m := cassette.ParseMessage(data); m.Event() {
		f.Op, f.Channel, f.Name, f.Data = cassette.OpText, m.Channel, m.Name, slices.Clone(data)
		if op == realtime.Binary {
			f.Op = cassette.OpBinary
		}
		s.c.arrived.add(f)
	}
	return op, data, nil
}
