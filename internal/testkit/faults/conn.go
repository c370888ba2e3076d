package faults

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// conn is one end of a pipe. Between its other end and the connection that was wrapped, each direction has a goroutine that
// takes bytes in and one that passes them on when they are due.
type conn struct {
	net.Conn // our end of the pipe
	far      net.Conn
	inner    net.Conn
	in       *Injector
	rand     [2]*rand.Rand // each owned by the goroutine that passes on
	timer    *time.Timer   // of a reset; guarded by in.mu

	closing   chan struct{} // closed by Close: what is on its way arrives now or never
	done      chan struct{} // closed when it is all over
	closeOnce sync.Once
	endOnce   sync.Once
	broken    atomic.Bool // it was reset
}

// chunk is what was sent at once.
type chunk struct {
	data []byte
	at   time.Time
}

const (
	maxChunk = 32 << 10    // bytes, as toxiproxy reads them
	inFlight = 64          // chunks on their way in a direction; then writing blocks
	lastWord = time.Second // for the peer to take what was on its way when we closed
)

func newConn(in *Injector, inner net.Conn) *conn {
	near, far := net.Pipe()
	c := &conn{
		Conn: near, far: far, inner: inner, in: in, rand: in.chance(),
		closing: make(chan struct{}), done: make(chan struct{}),
	}
	in.add(c)
	for s, ends := range [2][2]net.Conn{up: {far, inner}, down: {inner, far}} {
		queue := make(chan chunk, inFlight)
		go c.take(stream(s), ends[0], queue)
		go c.pass(stream(s), ends[1], queue)
	}
	return c
}

func (c *conn) LocalAddr() net.Addr  { return c.inner.LocalAddr() }
func (c *conn) RemoteAddr() net.Addr { return c.inner.RemoteAddr() }

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	return n, c.explain("read", err)
}

func (c *conn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	return n, c.explain("write", err)
}

// explain gives the errors of a pipe the form of those of TCP.
func (c *conn) explain(op string, err error) error {
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) || !c.broken.Load() {
		return err
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: syscall.ECONNRESET}
}

// Close ends the connection. What was written before still goes out, within a second and without delays, if no fault holds it.
func (c *conn) Close() error {
	c.closeOnce.Do(func() {
		close(c.closing)
		_ = c.inner.SetWriteDeadline(time.Now().Add(lastWord)) // if it cannot, it is closed already
		_ = c.Conn.Close()
	})
	return nil
}

func (c *conn) reset() {
	c.broken.Store(true)
	if tcp, ok := c.inner.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // the peer gets a reset, too
	}
	c.end()
}

// end closes everything.
func (c *conn) end() {
	c.endOnce.Do(func() {
		close(c.done)
		_ = c.far.Close()
		_ = c.inner.Close()
		c.in.remove(c)
	})
}

// take reads until the end and puts what it gets on its way.
func (c *conn) take(s stream, src net.Conn, queue chan<- chunk) {
	defer close(queue)
	buf := make([]byte, maxChunk)
	for c.held(s, stall) {
		n, err := src.Read(buf)
		if n > 0 {
			select {
			case queue <- chunk{data: bytes.Clone(buf[:n]), at: time.Now()}:
			case <-c.done:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// pass delivers what is on its way. When the source has ended and all has arrived, it ends the connection.
func (c *conn) pass(s stream, dst net.Conn, queue <-chan chunk) {
	t := &traffic{c: c, s: s, dst: dst, rand: c.rand[s]}
	for ch := range queue {
		if err := t.deliver(ch); err != nil {
			break
		}
	}
	if c.isClosing() {
		if s == up {
			c.end()
		}
		return // the other direction still has something to say
	}
	if c.held(s, stall) && c.held(s, halfOpen) {
		c.end()
	}
}

// held waits while a fault of the kind is active, and returns false when the connection is over.
func (c *conn) held(s stream, k kind) bool {
	for {
		faults, _, changed := c.in.active(s, false)
		if !slices.ContainsFunc(faults, func(f Fault) bool { return f.kind == k }) {
			return true
		}
		select {
		case <-changed:
		case <-c.closing:
			if s == up {
				c.end() // what is held back will never arrive
			}
			return false
		case <-c.done:
			return false
		}
	}
}

func (c *conn) isClosing() bool {
	select {
	case <-c.closing:
		return true
	default:
		return false
	}
}

// sleep waits, but not for long when the connection is closing.
func (c *conn) sleep(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.closing:
		return true
	case <-c.done:
		return false
	}
}

// traffic is one direction of a connection.
type traffic struct {
	c      *conn
	s      stream
	dst    net.Conn
	rand   *rand.Rand
	due    time.Time // of the latest chunk
	epoch  int       // of the faults that passed counts for
	passed int64     // bytes
	lost   bool      // something was swallowed; nothing may arrive behind it
}

var errOver = errors.New("faults: the connection is over")

func (t *traffic) deliver(ch chunk) error {
	faults, _, _ := t.c.in.active(t.s, false)
	for _, f := range faults {
		if f.kind != latency {
			continue
		}
		due := ch.at.Add(f.wait + time.Duration((2*t.rand.Float64()-1)*float64(f.jitter)))
		if due.Before(t.due) {
			due = t.due
		}
		t.due = due
		if !t.c.sleep(time.Until(due)) {
			return errOver
		}
	}
	if !t.c.held(t.s, stall) {
		return errOver
	}
	faults, epoch, _ := t.c.in.active(t.s, false) // others, perhaps, than when it was sent
	if epoch != t.epoch {
		t.epoch, t.passed = epoch, 0
	}
	pieces := [][]byte{ch.data}
	var pause time.Duration
	var rate, limit int64 = 0, -1
	for _, f := range faults {
		switch f.kind {
		case halfOpen:
			t.lost = true
		case duplicate:
			if t.rand.Float64() < f.chance {
				pieces = append(pieces, pieces...)
			}
		case corrupt:
			if t.rand.Float64() < f.chance {
				flip(pieces[0], t.rand)
			}
		case slicer:
			pieces, pause = t.slice(pieces, f), f.wait
		case bandwidth:
			rate = f.size
		case truncate:
			limit = f.size
		}
	}
	if t.lost {
		return nil
	}
	for _, piece := range pieces {
		if err := t.write(piece, rate, limit); err != nil {
			return err
		}
		if !t.c.sleep(pause) {
			return errOver
		}
	}
	return nil
}

func (t *traffic) slice(pieces [][]byte, f Fault) [][]byte {
	var slices [][]byte
	for _, rest := range pieces {
		for len(rest) > 0 {
			n := f.size
			if f.vary > 0 {
				n += t.rand.Int64N(2*f.vary+1) - f.vary
			}
			n = min(max(n, 1), int64(len(rest)))
			slices, rest = append(slices, rest[:n]), rest[n:]
		}
	}
	return slices
}

// write sends a piece at the given rate, a tenth of a second's worth at once, and ends the connection at the limit.
func (t *traffic) write(piece []byte, rate, limit int64) error {
	if limit >= 0 {
		piece = piece[:min(int64(len(piece)), max(limit-t.passed, 0))]
	}
	for len(piece) > 0 {
		n := int64(len(piece))
		if rate > 0 {
			n = min(n, max(rate/10, 1))
			if !t.c.sleep(time.Duration(n) * time.Second / time.Duration(rate)) {
				return errOver
			}
		}
		if _, err := t.dst.Write(piece[:n]); err != nil {
			return err
		}
		t.passed += n
		piece = piece[n:]
	}
	if limit >= 0 && t.passed >= limit {
		return io.EOF
	}
	return nil
}

// flip flips one bit.
func flip(data []byte, r *rand.Rand) {
	if len(data) > 0 {
		data[r.IntN(len(data))] ^= 1 << r.IntN(8)
	}
}
