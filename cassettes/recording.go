package cassettes

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	vcr "gopkg.in/dnaeon/go-vcr.v3/cassette"

	"github.com/queup-go/queup/internal/cassette"
	"github.com/queup-go/queup/realtime"
)

// recording is what has been captured so far. It holds secrets and never leaves the memory as it is.
type recording struct {
	mu        sync.Mutex
	sent      int                      // guarded by mu; requests
	changes   []int                    // guarded by mu; the orders of requests that may change something, as they were sent
	exchanges map[int]*vcr.Interaction // guarded by mu; by order
	records   []*cassette.Record       // guarded by mu
	conns     int                      // guarded by mu
	last      int64                    // guarded by mu; time never goes back
}

// begin notes that a request is sent, and returns its number.
func (r *recording) begin(changes bool) (order int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent++
	if changes {
		r.changes = append(r.changes, r.sent)
	}
	return r.sent
}

// end keeps a request with its answer.
func (r *recording) end(order int, i *vcr.Interaction) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.exchanges == nil {
		r.exchanges = map[int]*vcr.Interaction{}
	}
	r.exchanges[order] = i
}

// add keeps a record of the websocket.
func (r *recording) add(c *Cassette, rec *cassette.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = max(r.last, c.cfg.clock().Sub(c.start).Milliseconds())
	rec.At = r.last
	r.records = append(r.records, rec)
}

// connection returns the number of the next connection, of the requests that changed something so far, and of all
// requests.
func (r *recording) connection() (conn, changes, sent int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns++
	return r.conns, len(r.changes), r.sent
}

// since returns all requests after number n.
func (r *recording) since(n int) (orders []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for order := n + 1; order <= r.sent; order++ {
		orders = append(orders, order)
	}
	return orders
}

// changesSince returns the requests that changed something from number n on, and the number of the next one.
func (r *recording) changesSince(n int) (orders []int, next int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.changes[n:]), len(r.changes)
}

// tape returns what was captured.
func (r *recording) tape(c *Cassette) *cassette.Tape {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := &cassette.Tape{Header: c.header(), Socket: r.records}
	for order := range r.sent {
		if i := r.exchanges[order+1]; i != nil { // one that is still under way is not part of it
			t.HTTP = append(t.HTTP, &cassette.Exchange{Interaction: i, Order: order + 1})
		}
	}
	return t
}

// dialer is a Cassette as a realtime.Dialer.
type dialer Cassette

// Dial implements [realtime.Dialer].
func (d *dialer) Dial(ctx context.Context, url string, h http.Header) (realtime.Socket, error) {
	c := (*Cassette)(d)
	if c.isOver() {
		return nil, realtime.Permanent(errOver)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if c.way == playing {
		return c.play.dial(ctx, url)
	}
	c.wentLive()
	sock, err := c.dialer.Dial(ctx, url, h)
	switch c.way {
	case recordingAnew:
		return c.taking.open(ctx, c, url, sock, err)
	case verifying:
		if err == nil {
			sock = &verifiedSocket{Socket: sock, c: c}
		}
	}
	return sock, err
}

// open keeps a handshake, and wraps the socket if there is one.
func (r *recording) open(ctx context.Context, c *Cassette, url string, sock realtime.Socket, err error) (realtime.Socket, error) {
	conn, changes, sent := r.connection()
	rec := &cassette.Record{Conn: conn, Op: cassette.OpOpen, URL: url}
	if err == nil {
		rec.Status = http.StatusSwitchingProtocols
	} else if refused, ok := errors.AsType[*realtime.HandshakeError](err); ok {
		rec.Status, rec.Retry = refused.Status, int64(refused.RetryAfter/time.Second)
		if len(refused.Body) > 0 {
			rec.Data = slices.Clone(refused.Body)
		}
	} else {
		rec.Error, _ = classify(ctx, err)
	}
	r.add(c, rec)
	if err != nil {
		return nil, err
	}
	return &recordedSocket{Socket: sock, c: c, r: r, conn: conn, changes: changes, sent: sent}, nil
}

// recordedSocket keeps what goes through it.
type recordedSocket struct {
	realtime.Socket
	c       *Cassette
	r       *recording
	conn    int
	changes int // owned by the reader; how many requests that change something were kept with a record
	sent    int // immutable; how many requests there were before the handshake

	mu     sync.Mutex
	closed bool // guarded by mu; by the program
	ended  bool // guarded by mu; the end is kept
}

// Read implements [realtime.Socket].
func (s *recordedSocket) Read() (realtime.Opcode, []byte, error) {
	op, data, err := s.Socket.Read()
	if err != nil {
		s.lost(err)
		return op, data, err
	}
	if !s.isClosed() { // else nobody cares, and whether it still came is chance
		s.c.wentLive()
		s.keep(cassette.In, op, data)
	}
	return op, data, nil
}

// Write implements [realtime.Socket]. The frame is kept first, because the answer may be faster than the return of
// Write.
func (s *recordedSocket) Write(op realtime.Opcode, data []byte) error {
	s.c.wentLive()
	s.keep(cassette.Out, op, data)
	return s.Socket.Write(op, data)
}

func (s *recordedSocket) keep(dir string, op realtime.Opcode, data []byte) {
	rec := &cassette.Record{Conn: s.conn, Dir: dir, Op: cassette.OpText, Data: append([]byte{}, data...)}
	if op == realtime.Binary {
		rec.Op = cassette.OpBinary
	}
	if dir == cassette.In {
		rec.After, s.changes = s.r.changesSince(s.changes)
	}
	s.r.add(s.c, rec)
}

func (s *recordedSocket) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// lost keeps the end of the connection, unless the program wanted it.
func (s *recordedSocket) lost(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.ended {
		return
	}
	s.ended = true
	rec := &cassette.Record{Conn: s.conn, Op: cassette.OpDrop}
	if closed, ok := errors.AsType[*realtime.CloseError](err); ok && closed.Code != abnormal {
		rec = &cassette.Record{Conn: s.conn, Dir: cassette.In, Op: cassette.OpClose, Code: closed.Code, Reason: closed.Reason}
	}
	rec.After = s.r.since(s.sent) // the program had them behind it, and is not to lose its connection in their middle
	s.r.add(s.c, rec)
}

// abnormal is the code of a connection that broke without a close frame, RFC 6455 7.4.1.
const abnormal = 1006

// Close implements [realtime.Socket].
func (s *recordedSocket) Close(code int, reason string) error {
	s.mu.Lock()
	if !s.closed && !s.ended {
		s.closed = true
		s.r.add(s.c, &cassette.Record{Conn: s.conn, Dir: cassette.Out, Op: cassette.OpClose, Code: code, Reason: reason})
	}
	s.mu.Unlock()
	return s.Socket.Close(code, reason)
}
