package cassettes

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/queup-go/queup/internal/cassette"
	"github.com/queup-go/queup/internal/saturate"
	"github.com/queup-go/queup/realtime"
)

// player is a recorded connection as a realtime.Socket. It has no goroutine: Read finds the next frame.
//
// Frames of the server keep their order within their channel. A frame waits for the frames that the program had sent
// before it on that channel, and an event waits for the requests that were sent before it. A frame without a
// channel, such as the greeting, comes before all that follow it.
type player struct {
	p    *playback
	line *line
	born time.Time // immutable

	// Guarded by playback.mu.
	changed  chan struct{} // closed and replaced when there may be something to read
	pongs    [][]byte      // answers to the program's pings
	answers  [][]byte      // to frames that the program repeats on a resumed connection
	attached map[string]bool
	reqIDs   map[string]string // the program's, by the recorded ones
	deadline time.Time
	closed   bool // by the program
	over     error
	stalled  bool // by a fault
	closing  bool // the program closes, and need not read any further

	faults *spoiler // nil without
	buf    []byte   // owned by the reader
}

// dial plays a handshake.
func (p *playback) dial(ctx context.Context, rawURL string, h http.Header) (realtime.Socket, error) {
	p.obeyWatch()
	id := cassette.IdentifyOpen(p.c.redactor.URL(rawURL))
	added := p.c.added
	if added != nil && added.isLiveURL(rawURL) {
		return added.dial(ctx, rawURL, h, id)
	}
	p.mu.Lock()
	if p.ended != nil {
		defer p.mu.Unlock()
		return nil, p.ended
	}
	l, resumed := p.broken, p.broken != nil
	if l == nil {
		l = p.nextLine(rawURL)
	}
	if l == nil || l.id.Key() != id.Key() {
		p.mu.Unlock()
		if added != nil {
			return added.dial(ctx, rawURL, h, id)
		}
		return nil, realtime.Permanent(p.c.unmatchedOpen(id))
	}
	defer p.mu.Unlock()
	if resumed {
		p.broken = nil
	} else {
		l.used = true
		if added != nil {
			added.redactor.AdoptURL(p.c.redactor, l.open.URL, p.c.redactor.URL(rawURL))
		}
		p.noteStep(l.open)
	}
	if l.open.Error != "" {
		return nil, replayError(ctx, dialError(l.open.Error), "dial", "")
	}
	if l.open.Status != http.StatusSwitchingProtocols {
		return nil, &realtime.HandshakeError{
			Status: l.open.Status, Body: slices.Clone(l.open.Data), RetryAfter: saturate.Times(l.open.Retry, time.Second),
			Err: errors.New("recorded"),
		}
	}
	pl := &player{p: p, line: l, born: time.Now(), changed: make(chan struct{}), reqIDs: map[string]string{}}
	if resumed {
		pl.resume()
	}
	p.players = append(p.players, pl)
	return p.c.cfg.faults.wrap(pl), nil
}

// dialError returns the kind of error to play. An attempt that was given up becomes a timeout, because it cannot wait for
// the program to give up again.
func dialError(kind string) string {
	if kind == cassette.ErrAbandoned {
		return cassette.ErrTimeout
	}
	return kind
}

// resume continues a connection that a fault has ended: the greeting comes again, frames that the program repeats are
// answered again, and then come the frames that it has not received. The caller holds mu.
func (pl *player) resume() {
	pl.attached = map[string]bool{}
	for _, s := range pl.line.steps {
		if s.done && !s.free {
			s.repeatable = true
		}
		if s.repeatable && s.Frame() && s.Dir == cassette.In && s.msg.Channel == "" && s.msg.ReqID == "" && !s.msg.Event() {
			pl.answers = append(pl.answers, s.Data)
		}
	}
}

func (pl *player) wake() {
	close(pl.changed)
	pl.changed = make(chan struct{})
}

// Read implements [realtime.Socket].
func (pl *player) Read() (realtime.Opcode, []byte, error) {
	pl.back()
	for {
		pl.p.mu.Lock()
		op, data, wait, err := pl.next()
		changed, deadline := pl.changed, pl.deadline
		pl.p.mu.Unlock()
		if err != nil {
			return 0, nil, err
		}
		if op != 0 {
			if pl.p.real {
				runtime.Gosched() // between events that come without a pause, the program may act
			}
			pl.buf = append(pl.buf[:0], data...) // data belongs to the recording, and the caller may write to its copy
			return op, pl.buf, nil
		}
		if !deadline.IsZero() {
			left := time.Until(deadline)
			if left <= 0 {
				return 0, nil, os.ErrDeadlineExceeded
			}
			if wait == 0 || left < wait {
				wait = left
			}
		}
		pause(changed, wait)
	}
}

// back lets go the answers that wait until the program has taken in an event.
func (pl *player) back() {
	pl.p.mu.Lock()
	defer pl.p.mu.Unlock()
	if pl.p.handling.back(pl.line.open.Conn) {
		pl.p.wakeRequests()
	}
}

// pause waits for a change, at most for wait if that is more than 0.
func pause(changed <-chan struct{}, wait time.Duration) {
	if wait <= 0 {
		<-changed
		return
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-changed:
	case <-t.C:
	}
}

// next returns the next frame, the wait until it is due, or the error that ends the connection. Op 0 and wait 0 mean that
// something else has to happen first. The caller holds playback.mu.
func (pl *player) next() (op realtime.Opcode, data []byte, wait time.Duration, err error) {
	switch {
	case pl.closed:
		return 0, nil, 0, net.ErrClosed
	case pl.over != nil:
		return 0, nil, 0, pl.over
	case pl.stalled:
		return 0, nil, 0, nil
	case len(pl.pongs) > 0:
		data, pl.pongs = pl.pongs[0], pl.pongs[1:]
		return realtime.Text, data, 0, nil
	case len(pl.answers) > 0:
		data, pl.answers = pl.answers[0], pl.answers[1:]
		return realtime.Text, data, 0, nil
	}
	if pl.breakIfDue() {
		return pl.next() // returns the effect of the fault
	}
	s, wait := pl.scan(true)
	switch {
	case s == nil:
		return 0, nil, wait, nil
	case s.ends():
		s.done = true
		pl.p.noteStep(s.Record)
		pl.p.wakeRequests() // no answer waits for an event of this connection any more
		if s.Op == cassette.OpClose {
			pl.over = &realtime.CloseError{Code: s.Code, Reason: s.Reason}
		} else {
			pl.over = &realtime.CloseError{Code: abnormal, Reason: "unexpected EOF"}
		}
		return 0, nil, 0, pl.over
	}
	pl.p.frames++
	pl.p.moved = time.Now()
	pl.spoil(s)
	s.done = true
	if s.event >= 0 {
		pl.p.handling.read(pl.line.open.Conn)
		pl.p.wakeRequests() // an answer may have waited for this event
	}
	pl.p.noteStep(s.Record)
	op = realtime.Text
	if s.Op == cassette.OpBinary {
		op = realtime.Binary
	}
	return op, pl.readdressed(s), 0, nil
}

// The pace AtOnce waits a little before each event, and longer before the end of a connection. In a synctest bubble time
// passes only when all goroutines wait, so this makes the order of everything the same each time. In real time the shortest
// timer takes about 1 ms, and the order is chance anyway: only the first events wait there.
const (
	eventDelay  = 100 * time.Microsecond
	endDelay    = 10 * time.Millisecond
	delayedReal = 50 // frames
)

// inBubble reports whether a time is that of a synctest bubble. Its clock begins in the year 2000.
func inBubble(now time.Time) bool { return now.Year() < 2010 }

// due returns how long it takes until a step is to be played. The caller holds playback.mu.
func (pl *player) due(s *step) time.Duration {
	switch factor := pl.p.c.cfg.pace.factor; {
	case factor > 0:
		at := saturate.Times(saturate.Sub(s.At, pl.line.open.At), time.Millisecond)
		return saturate.Sub(saturate.Float(float64(at)/factor, time.Nanosecond), time.Since(pl.born))
	case s.ends():
		return endDelay - time.Since(pl.p.moved)
	case s.msg.Event() && (!pl.p.real || pl.p.frames <= delayedReal):
		return eventDelay - time.Since(pl.p.moved)
	}
	return 0
}

// scan returns the step that is to be played next, nil if something else has to happen first. With patient set it returns nil
// and the wait if that step is not due yet. The caller holds playback.mu.
//
// Steps that are not done wait as follows. All others may be played, so the first of them is next.
//
//	a step after one of the program  for the program to send that one, on the same channel
//	a step of a detached channel     for the program to attach it
//	an event                         for the requests and answers before it, for the test if Stepped, and for the event before it on its channel
//	the end of the connection        for the requests before it, for the test if Stepped, and for all steps before it
//
// A step without a channel that waits holds up everything after it.
func (pl *player) scan(patient bool) (next *step, wait time.Duration) {
	var (
		awaited = map[string]bool{} // channels on which the program has to send something first
		held    = map[string]bool{} // channels on which an event waits
		gated   = false             // events wait for a request
		skipped = false             // an earlier step waits
		late    *step               // the first frame that the program has still to send
		pace    = pl.p.c.cfg.pace
	)
	pl.line.advance(pl.p)
	for _, s := range pl.line.steps[pl.line.first:] {
		gated = gated || pl.p.pending(s)
		if s.done {
			continue
		}
		channel := s.msg.Channel
		eventsWait := gated || !pl.closing && (pl.p.unreleased(s) || s.event >= 0 && pl.p.answering(pl.line, s))
		waits := true
		switch {
		case s.ends():
			if skipped || eventsWait {
				return nil, 0
			}
			waits = false
		case s.Dir == cassette.Out:
			awaited[channel] = true
			if late == nil && !s.goodbye {
				late = s
			}
		case awaited[channel], pl.detached(channel):
			if channel == "" {
				return nil, 0
			}
		case s.msg.Event() && (eventsWait || held[channel]):
			held[channel] = true
		default:
			waits = false
		}
		if waits {
			skipped = true
			continue
		}
		left := pl.due(s)
		if patient && s.event >= 0 {
			left = max(left, unsettled(pl.p.replied))
			if late != nil {
				left = max(left, late.grace())
			}
		}
		if left > 0 && (patient || pace.factor > 0 && !pl.line.closing(s)) {
			return nil, left // all steps after it are due later
		}
		return s, 0
	}
	return nil, 0
}

// advance passes over the steps at the beginning that are done, so that a long recording is not searched from its beginning for
// each frame. A step whose requests have not all been sent stays, because the events after it wait for them. The caller holds
// playback.mu.
func (l *line) advance(p *playback) {
	for l.first < len(l.steps) && l.steps[l.first].done && !p.pending(l.steps[l.first]) {
		l.first++
	}
}

// detached reports whether a channel is not yet attached again on a resumed connection. The caller holds playback.mu.
func (pl *player) detached(channel string) bool {
	return pl.attached != nil && channel != "" && !pl.attached[channel]
}

// readdressed returns the frame with the id of the program's request instead of the recorded one.
func (pl *player) readdressed(s *step) []byte {
	sent, known := pl.reqIDs[s.msg.ReqID]
	if !known {
		return s.Data
	}
	return bytes.Replace(s.Data, []byte(`"`+s.msg.ReqID+`"`), []byte(`"`+sent+`"`), 1)
}

// Write implements [realtime.Socket].
func (pl *player) Write(op realtime.Opcode, data []byte) error {
	pl.p.obeyWatch()
	m := cassette.ParseMessage(data)
	id := cassette.IdentifyFrame(pl.p.c.redactor.Frame(data))
	pl.p.mu.Lock()
	switch {
	case pl.closed:
		pl.p.mu.Unlock()
		return net.ErrClosed
	case pl.over != nil:
		pl.p.mu.Unlock()
		return syscall.EPIPE
	case pl.stalled: // the frame is lost
	case m.Ping:
		pl.pongs = append(pl.pongs, append([]byte{'3'}, m.Data...))
		pl.wake()
	case m.Pong, m.Heartbeat:
	case pl.match(m, id), pl.takesGoodbye(m, data):
		pl.wake()
	default:
		pl.p.mu.Unlock()
		return pl.p.c.unmatchedFrame(pl.line, id)
	}
	pl.p.mu.Unlock()
	return nil
}

// actionAttach is the action of a frame by which a program attaches a channel; see docs/PROTOCOL.md 5.3.
const actionAttach = 10

// match finds the recorded frame that the program has sent, and reports whether there is one. Frames of one action and
// channel come in order. The caller holds playback.mu.
func (pl *player) match(m cassette.Message, id cassette.Identity) bool {
	var skipped []*step // goodbyes that the program has left out
	for _, s := range pl.line.steps[pl.line.first:] {
		if s.done || s.Dir != cassette.Out || s.id.Lane != id.Lane {
			continue
		}
		if s.id.Key() != id.Key() {
			if s.goodbye {
				skipped = append(skipped, s)
				continue
			}
			break
		}
		for _, goodbye := range skipped {
			goodbye.done = true
		}
		s.done = true
		pl.p.moved = time.Now()
		pl.p.noteStep(s.Record)
		pl.matched(s, m)
		return true
	}
	if pl.attached == nil {
		return false
	}
	for _, s := range pl.line.steps {
		if s.repeatable && s.Dir == cassette.Out && s.id.Key() == id.Key() {
			pl.matched(s, m)
			pl.repeatAnswer(s)
			return true
		}
	}
	return false
}

// matched records the request id and the channel of a frame that the program has sent. The caller holds playback.mu.
func (pl *player) matched(s *step, m cassette.Message) {
	if s.msg.ReqID != "" {
		pl.reqIDs[s.msg.ReqID] = m.ReqID
	}
	if pl.attached != nil && m.Action == actionAttach {
		pl.attached[m.Channel] = true
	}
}

// repeatAnswer queues the recorded answer to a frame that the program repeats: the first one after it on its channel with its
// id. The caller holds playback.mu.
func (pl *player) repeatAnswer(asked *step) {
	after := slices.Index(pl.line.steps, asked)
	for _, s := range pl.line.steps[after:] {
		answer := s.Frame() && s.Dir == cassette.In && !s.msg.Event()
		if s.repeatable && answer && s.msg.Channel == asked.msg.Channel && s.msg.ReqID == asked.msg.ReqID {
			pl.answers = append(pl.answers, pl.readdressed(s))
			return
		}
	}
}

// SetReadDeadline implements [realtime.Socket].
func (pl *player) SetReadDeadline(t time.Time) error {
	pl.p.mu.Lock()
	defer pl.p.mu.Unlock()
	if pl.closed {
		return net.ErrClosed
	}
	pl.deadline = t
	pl.wake()
	return nil
}

// SetWriteDeadline implements [realtime.Socket]. Write never waits.
func (pl *player) SetWriteDeadline(time.Time) error { return nil }

// Close implements [realtime.Socket].
func (pl *player) Close(int, string) error {
	pl.p.mu.Lock()
	defer pl.p.mu.Unlock()
	if pl.closed {
		return nil
	}
	pl.drain()
	pl.closed = true
	pl.p.progress++
	if i := slices.Index(pl.p.players, pl); i >= 0 {
		pl.p.players = slices.Delete(pl.p.players, i, i+1)
	}
	pl.wake()
	pl.p.handling.back(pl.line.open.Conn)
	pl.p.wakeRequests()
	return nil
}

// drain marks frames that only waited to be read as played, because how far a program reads before it closes is chance. The
// caller holds playback.mu.
func (pl *player) drain() {
	if pl.closed || pl.over != nil || pl.stalled || pl.p.broken == pl.line {
		return
	}
	pl.closing = true
	pl.skipGoodbyes()
	for range pl.line.steps {
		s, _ := pl.scan(false)
		if s == nil {
			return
		}
		s.done = true
	}
}
