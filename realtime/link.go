package realtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// link is one websocket from the handshake to its end. Reader and writer are goroutines of the link. The first of them to fail
// ends it with the reason; then the supervisor closes the socket and waits for both.
type link struct {
	c      *Conn  // immutable
	sock   Socket // immutable; read by the reader, written by the writer
	ctx    context.Context
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup // reader and writer
	closed sync.Once

	clientID, connectionID string        // immutable after the handshake
	heart                  Open          // immutable after the open packet
	silence                time.Duration // owned by the reader: how long a Read may take; zero before the open packet
	counted                time.Time     // owned by the reader: since when
	received               time.Time     // owned by the reader: when the latest frame came
	complete               time.Time     // owned by the reader: everything that the server sent before this time has come
	parser                 parser        // owned by the reader

	out   chan outgoing // to the writer, unbuffered
	echo  chan []byte   // reader to writer: a ping of the server to answer, with its data
	pongs chan struct{} // reader to writer: a pong has come

	born    time.Time    // immutable
	stalled atomic.Bool  // the reader waits for the user to receive an event
	resumed atomic.Int64 // nanoseconds after born when it last stopped waiting

	mu    sync.Mutex  // leaf
	calls []*call     // guarded by mu; waiting for answers, oldest first
	asked int         // guarded by mu; counts requests
	pings []time.Time // guarded by mu; when the pings were sent that have no pong yet, oldest first
}

// outgoing is a frame on its way to the writer.
type outgoing struct {
	data []byte
	sent chan error // buffered
}

func newLink(c *Conn, sock Socket) *link {
	now := time.Now()
	l := &link{
		c:        c,
		sock:     sock,
		parser:   parser{known: make(map[string]string)},
		out:      make(chan outgoing),
		echo:     make(chan []byte, 1),
		pongs:    make(chan struct{}, 1),
		born:     now,
		complete: now,
	}
	l.ctx, l.cancel = context.WithCancelCause(c.ctx)
	return l
}

// fail ends the link; the first reason counts.
func (l *link) fail(err error) { l.cancel(err) }

// close closes the socket once; other callers wait until it is closed.
func (l *link) close(code int) {
	l.closed.Do(func() { _ = l.sock.Close(code, "") })
}

// handshake reads up to the server's "connected" on the goroutine of the caller. It leaves the writer running, because pings
// are due from the open packet on. Ending ctx closes the socket.
func (l *link) handshake(ctx context.Context) error {
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		l.close(0)
	})
	err := l.greet()
	if !stop() {
		<-interrupted
		return context.Cause(ctx)
	}
	return err
}

func (l *link) greet() error {
	p, err := l.next()
	if err != nil {
		return err
	}
	if p.Type != PacketOpen {
		return fmt.Errorf("realtime: the server began with %v instead of open", p.Type)
	}
	open, err := ParseOpen(p.Data)
	if err != nil {
		return err
	}
	l.heart = bounded(open)
	l.silence = l.heart.PingInterval + l.heart.PingTimeout
	l.wg.Go(l.write)
	for {
		p, err := l.next()
		switch {
		case err != nil:
			return err
		case p.Type == PacketMessage:
			if err := l.parser.parse(p.Data); err != nil {
				return err
			}
			switch f := &l.parser.frame; f.Action {
			case ActionConnected:
				l.clientID, l.connectionID = f.ClientID, f.ConnectionID
				return nil
			case ActionError:
				return l.serverError()
			}
		default:
			if err := l.control(p); err != nil {
				return err
			}
		}
	}
}

// Bounds for the intervals that a server may announce: a wrong value must neither flood it with pings nor stop our checks.
const (
	defaultPingInterval = 25 * time.Second // Engine.IO's own, for a server that announces none
	defaultPingTimeout  = 60 * time.Second
	minHeart            = 100 * time.Millisecond
	maxHeart            = 10 * time.Minute
)

// grain is the fraction of itself by which a deadline may be late: 0.3 s with QueUp's heartbeat.
const grain = 256

func bounded(o Open) Open {
	o.PingInterval = min(max(orDefault(o.PingInterval, defaultPingInterval), minHeart), maxHeart)
	o.PingTimeout = min(max(orDefault(o.PingTimeout, defaultPingTimeout), minHeart), maxHeart)
	return o
}

// next reads one packet. The deadline counts from this call, not from the last packet, so that a slow event handler is not
// mistaken for a dead server.
func (l *link) next() (Packet, error) {
	// Before the open packet only the context of the attempt counts. A deadline that is a moment old is good enough, and saves
	// setting it for each packet of a busy room.
	if now := time.Now(); l.silence > 0 && now.Sub(l.counted) >= l.silence/grain {
		l.counted = now
		_ = l.sock.SetReadDeadline(now.Add(l.silence + l.silence/grain)) // if it cannot, Read knows the reason
	}
	_, data, err := l.sock.Read()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return Packet{}, fmt.Errorf("%w: nothing received for %v", ErrHeartbeat, l.silence)
	}
	if err != nil {
		return Packet{}, err
	}
	l.received = time.Now()
	l.c.stats.received(l.received, len(data))
	p, err := ParsePacket(data)
	if err != nil {
		l.c.stats.malformed.Add(1)
		return Packet{}, &badPacketError{data, err}
	}
	return p, nil
}

// badPacketError is a frame that next could not read. It is valid until the next call.
type badPacketError struct {
	data []byte
	err  error
}

func (e *badPacketError) Error() string { return e.err.Error() }
func (e *badPacketError) Unwrap() error { return e.err }

// read is the reader.
func (l *link) read() {
	for {
		p, err := l.next()
		if bad, ok := errors.AsType[*badPacketError](err); ok {
			l.deliver(Malformed{At: l.received, Raw: bytes.Clone(bad.data), Err: bad.err})
			continue
		}
		if err == nil && p.Type == PacketMessage {
			l.receive(p.Data)
			continue
		}
		if err == nil {
			err = l.control(p)
		}
		if err != nil {
			l.fail(err)
			return
		}
	}
}

// control handles the packets other than messages. An error ends the link.
func (l *link) control(p Packet) error {
	switch p.Type {
	case PacketClose:
		return ErrServerClosed
	case PacketPing:
		select {
		case l.echo <- bytes.Clone(p.Data):
		default: // another answer is waiting to be sent
		}
	case PacketPong:
		l.c.stats.lastPong.Store(time.Now().UnixNano())
		l.answered()
		select {
		case l.pongs <- struct{}{}:
		default:
		}
	}
	return nil
}

// asking records a ping that is about to be sent. There are only a few pings without a pong, because the oldest one ends the
// link after the pingTimeout.
func (l *link) asking() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pings = append(l.pings, time.Now())
}

// answered records a pong, which answers the oldest ping. Everything that the server sent before that ping has come by now.
func (l *link) answered() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.pings) > 0 { // else the pong was unsolicited
		l.complete, l.pings = l.pings[0], l.pings[1:]
	}
}

// deliver sends an event to the user and waits as long as that takes. An event that was read is delivered even if the link has
// ended meanwhile; only the end of the connection stops it.
func (l *link) deliver(e Event) {
	select {
	case l.c.events <- e:
		return
	default:
	}
	l.stalled.Store(true)
	l.c.emit(e)
	l.resumed.Store(int64(time.Since(l.born)))
	l.stalled.Store(false)
}

// send passes a frame to the writer and waits until it is written.
func (l *link) send(ctx context.Context, frame []byte) error {
	m := outgoing{data: frame, sent: make(chan error, 1)}
	select {
	case l.out <- m:
	case <-l.ctx.Done():
		return errLinkLost
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case err := <-m.sent:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// write is the writer. It sends frames of the user, pings, and answers to pings, and ends the link if a pong is overdue.
func (l *link) write() {
	ticker := time.NewTicker(l.heart.PingInterval)
	defer ticker.Stop()
	overdue := time.NewTimer(l.heart.PingTimeout)
	overdue.Stop()
	defer overdue.Stop()
	var pinged time.Time // the oldest ping without a pong; zero if there is none
	for {
		select {
		case <-l.ctx.Done():
			return
		case m := <-l.out:
			m.sent <- l.writeFrame(m.data)
		case data := <-l.echo:
			_ = l.writeFrame(AppendPacket(nil, PacketPong, data))
		case <-ticker.C:
			l.asking()
			if err := l.writeFrame(AppendPacket(nil, PacketPing, nil)); err == nil && pinged.IsZero() {
				pinged = time.Now()
				overdue.Reset(l.heart.PingTimeout)
			}
		case <-l.pongs:
			pinged = time.Time{}
			overdue.Stop()
		case <-overdue.C:
			if len(l.pongs) > 0 {
				break // the pong came at the last moment
			}
			if left := l.patience(pinged); left > 0 {
				overdue.Reset(left)
				break
			}
			l.fail(fmt.Errorf("%w: no pong for %v", ErrHeartbeat, l.heart.PingTimeout))
		}
	}
}

// patience returns how much longer a pong may take. Time in which we did not read does not count against the server.
func (l *link) patience(pinged time.Time) time.Duration {
	if l.stalled.Load() {
		return l.heart.PingTimeout
	}
	since := pinged
	if resumed := l.born.Add(time.Duration(l.resumed.Load())); resumed.After(since) {
		since = resumed
	}
	return l.heart.PingTimeout - time.Since(since)
}

// writeFrame sends one text frame. Its errors end the link. A write that hangs delays the pings and the check for pongs, so it
// gets no more time than a pong does.
func (l *link) writeFrame(data []byte) error {
	patience := min(l.c.cfg.WriteTimeout, l.heart.PingTimeout)
	l.c.cfg.Logger.LogAttrs(l.ctx, slog.LevelDebug, "realtime frame out", slog.String("packet", PacketType(data[0]).String()), slog.Int("bytes", len(data)))
	err := l.sock.SetWriteDeadline(time.Now().Add(patience))
	if err == nil {
		err = l.sock.Write(Text, data)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("realtime: the server accepted no data for %v: %w", patience, err)
	}
	if err != nil {
		l.fail(err)
		return errLinkLost
	}
	l.c.stats.sent(len(data))
	return nil
}
