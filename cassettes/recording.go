package cassettes

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	vcr "gopkg.in/dnaeon/go-vcr.v3/cassette"

	"github.com/queup-go/queup/internal/cassette"
	"github.com/queup-go/queup/realtime"
)

// recording holds the requests and frames captured so far. It holds secrets, so it never leaves memory as it is.
type recording struct {
	mu        sync.Mutex
	sent      int                      // guarded by mu; requests
	reads     map[int]int64            // guarded by mu; when requests that change nothing were sent, by order
	exchanges map[int]*vcr.Interaction // guarded by mu; by order
	records   []*cassette.Record       // guarded by mu
	conns     int                      // guarded by mu
	last      int64                    // guarded by mu; time never goes back
	causes    causes                   // guarded by mu
	arrived   map[int]int              // guarded by mu; how many events have come, by open connection
	before    map[int]map[int]int      // guarded by mu; arrived at the time of each answer, by order
	handling  handling                 // guarded by mu
}

// begin counts a request that is sent, and returns its number.
func (r *recording) begin(c *Cassette, request vcr.Request) (order int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent++
	if !cassette.Changes(request.Method) {
		if r.reads == nil {
			r.reads = map[int]int64{}
		}
		r.reads[r.sent] = c.elapsed()
	}
	r.causes.sent(r.sent, request)
	return r.sent
}

// end records a request with its answer.
func (r *recording) end(order int, i *vcr.Interaction) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.exchanges == nil {
		r.exchanges = map[int]*vcr.Interaction{}
	}
	r.exchanges[order] = i
	r.causes.answered(order, i)
	r.noteEvents(order)
}

// add adds a record of the websocket.
func (r *recording) add(c *Cassette, rec *cassette.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = max(r.last, c.elapsed())
	rec.At = r.last
	r.records = append(r.records, rec)
	r.countEvents(rec)
}

// connection returns the number of the next connection, and the count of requests so far.
func (r *recording) connection() (conn, sent int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns++
	return r.conns, r.sent
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

// sentBefore divides requests into those that were certainly sent before now, and others. What is read in the same millisecond may
// have been sent before or after: in a bubble, where time stands still, that is chance.
func (r *recording) sentBefore(c *Cassette, orders []int) (certain, others []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := c.elapsed()
	for _, order := range orders {
		if sent, reads := r.reads[order]; reads && sent >= now {
			others = append(others, order)
		} else {
			certain = append(certain, order)
		}
	}
	return certain, others
}

// elapsed returns the milliseconds since the recording began.
func (c *Cassette) elapsed() int64 { return c.cfg.clock().Sub(c.start).Milliseconds() }

// tape returns the recording as a cassette.
func (r *recording) tape(c *Cassette) *cassette.Tape {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := &cassette.Tape{Header: c.header(), Socket: r.records}
	for order := range r.sent {
		if i := r.exchanges[order+1]; i != nil { // a request that is still in flight is left out
			t.HTTP = append(t.HTTP, &cassette.Exchange{
				Interaction: i, Order: order + 1, After: r.causes.after[order+1], Events: r.before[order+1],
			})
		}
	}
	return t
}

// dialer is a Cassette as a realtime.Dialer.
type dialer Cassette

// Dial implements [realtime.Dialer].
func (d *dialer) Dial(ctx context.Context, rawURL string, h http.Header) (realtime.Socket, error) {
	c := (*Cassette)(d)
	if c.isOver() {
		return nil, realtime.Permanent(errOver)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	passes := false
	if u, err := url.Parse(rawURL); err == nil {
		if passes, err = c.cfg.hosts.passes(u); err != nil {
			return nil, realtime.Permanent(err)
		}
	}
	if c.task == playing && !passes {
		return c.play.dial(ctx, rawURL, h)
	}
	c.wentLive()
	sock, err := c.dialer.Dial(ctx, rawURL, h)
	if passes {
		return sock, err
	}
	switch c.task {
	case recordingNew:
		sock, err = c.recorded.open(ctx, c, rawURL, sock, err)
	case verifying:
		if err == nil {
			sock = &verifiedSocket{Socket: sock, c: c}
		}
	}
	if err != nil {
		return nil, err
	}
	return c.arriving(sock), nil
}

// open records a handshake, and wraps the socket if there is one.
func (r *recording) open(ctx context.Context, c *Cassette, url string, sock realtime.Socket, err error) (realtime.Socket, error) {
	conn, sent := r.connection()
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
	return &recordedSocket{Socket: sock, c: c, r: r, conn: conn, seen: sent, sent: sent}, nil
}

// recordedSocket records the frames that pass through it.
type recordedSocket struct {
	realtime.Socket
	c       *Cassette
	r       *recording
	conn    int
	seen    int   // owned by the reader; how many requests were sent before the latest frame
	unnamed []int // owned by the reader; those of them that no record names yet
	sent    int   // immutable; how many requests there were before the handshake

	mu     sync.Mutex
	closed bool // guarded by mu; by the program
	ended  bool // guarded by mu; the end is recorded
}

// Read implements [realtime.Socket].
func (s *recordedSocket) Read() (realtime.Opcode, []byte, error) {
	s.r.back(s.conn)
	op, data, err := s.Socket.Read()
	if err != nil {
		s.lost(err)
		return op, data, err
	}
	if !s.isClosed() { // whether a frame still comes after Close is chance
		s.c.wentLive()
		s.record(cassette.In, op, data)
	}
	return op, data, nil
}

// Write implements [realtime.Socket]. The frame is recorded first, because the answer may come before Write returns.
func (s *recordedSocket) Write(op realtime.Opcode, data []byte) error {
	s.c.wentLive()
	s.record(cassette.Out, op, data)
	return s.Socket.Write(op, data)
}

func (s *recordedSocket) record(dir string, op realtime.Opcode, data []byte) {
	rec := &cassette.Record{Conn: s.conn, Dir: dir, Op: cassette.OpText, Data: append([]byte{}, data...)}
	if op == realtime.Binary {
		rec.Op = cassette.OpBinary
	}
	if dir == cassette.In {
		// A program makes these requests before it receives the frame, and does so in replay. Those that change nothing count, too:
		// whether they are still sent would be chance if the frame made the program close.
		sent := s.r.since(s.seen)
		s.seen += len(sent)
		rec.After, s.unnamed = s.r.sentBefore(s.c, append(s.unnamed, sent...))
	}
	s.r.add(s.c, rec)
}

func (s *recordedSocket) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// lost records the end of the connection, unless the program closed it.
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
	rec.After = s.r.since(s.sent) // the program had made these requests before it lost the connection, and does so in replay
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
