package cassettes

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/queup-go/queup/internal/cassette"
)

// Each recorded answer has the events that the program had received before it. In replay the answer waits for these events, and an
// event waits for the answers that came before it. A bot that acts on what it knows of a room then knows the same in each replay.
//
// A wait for an event ends early if the event cannot come: its connection is not open, its channel is not attached again after a
// fault, or the test has not asked for it. If the program acts in another order than it did, the event waits for a request that the
// program sends only later. So the wait ends when nothing has been played for quietTime, and at the latest after maxWait.

// settleTime returns how long a program has to take in an event before an answer that came after it, and an answer before such an
// event. In real time this is the shortest timer. In a synctest bubble time passes only when all goroutines wait, so any time is enough;
// this one is too short for the times in a recording.
func settleTime(now time.Time) time.Duration {
	if inBubble(now) {
		return time.Microsecond
	}
	return time.Millisecond
}

// unsettled returns how long the program still needs to take in what it was given at a time.
func unsettled(since time.Time) time.Duration {
	now := time.Now()
	return settleTime(now) - now.Sub(since)
}

// handling is what a program does with the events that it has read. The lock of its owner guards it.
type handling struct {
	latest time.Time    // when the latest event was read, or the program was back
	busy   map[int]bool // the connections from which an event was read, and nothing since
}

// maxHandling is how long an answer waits until the program reads from the connection again. A program that makes the request from
// where it reads does not do so before the answer.
const maxHandling = 20 * time.Millisecond

// read notes that an event was read.
func (h *handling) read(conn int) {
	if h.busy == nil {
		h.busy = map[int]bool{}
	}
	h.latest, h.busy[conn] = time.Now(), true
}

// back notes that the program reads again, or has closed, and reports whether an event was read before.
func (h *handling) back(conn int) bool {
	if !h.busy[conn] {
		return false
	}
	delete(h.busy, conn)
	h.latest = time.Now()
	return true
}

// left returns how long the program still needs to take in the events that it has read.
func (h *handling) left() time.Duration {
	if len(h.busy) > 0 && !inBubble(h.latest) {
		return maxHandling - time.Since(h.latest)
	}
	return unsettled(h.latest)
}

// settle lets the program take in the events that came at the same time as an answer, so that the recording does not claim that the
// program knew of an event that it had only begun to read.
func (r *recording) settle() {
	r.mu.Lock()
	left := time.Duration(0)
	if len(r.arrived) > 0 {
		left = settleTime(time.Now())
	}
	r.mu.Unlock()
	for end := time.Now().Add(maxHandling); left > 0 && time.Now().Before(end); {
		time.Sleep(min(left, settleTime(time.Now())))
		r.mu.Lock()
		left = r.handling.left()
		r.mu.Unlock()
	}
}

// back notes that the program reads from a connection again.
func (r *recording) back(conn int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.handling.back(conn)
}

// countEvents counts the events of open connections. The caller holds mu.
func (r *recording) countEvents(rec *cassette.Record) {
	_, open := r.arrived[rec.Conn]
	switch {
	case rec.Op == cassette.OpOpen && rec.Status == http.StatusSwitchingProtocols:
		if r.arrived == nil {
			r.arrived = map[int]int{}
		}
		r.arrived[rec.Conn] = 0
	case rec.Op == cassette.OpClose, rec.Op == cassette.OpDrop:
		delete(r.arrived, rec.Conn)
		r.handling.back(rec.Conn)
	case open && rec.Frame() && rec.Dir == cassette.In && cassette.ParseMessage(rec.Data).Event():
		r.arrived[rec.Conn]++
		r.handling.read(rec.Conn)
	}
}

// noteEvents sets the events that came before an answer. The caller holds mu.
func (r *recording) noteEvents(order int) {
	if len(r.arrived) == 0 {
		return
	}
	if r.before == nil {
		r.before = map[int]map[int]int{}
	}
	r.before[order] = maps.Clone(r.arrived)
}

// connectEvents sets which events came before each answer of the recording.
func (p *playback) connectEvents(lines map[int]*line) error {
	for _, r := range p.all {
		events, err := r.EventsBefore()
		if err != nil {
			return fmt.Errorf("interaction %d: %w", r.ID, err)
		}
		for conn, n := range events {
			l := lines[conn]
			if l == nil || n > len(l.events) {
				return fmt.Errorf("interaction %d comes after event %d of connection %d, which does not exist", r.ID, n, conn)
			}
		}
		if kind, _, failed := r.NetworkError(); !failed || kind != cassette.ErrAbandoned { // that one ends when the program gives up
			r.events = make(map[*line]int, len(events))
			for conn, n := range events {
				r.events[lines[conn]] = n
			}
		}
	}
	return nil
}

// awaitEvents waits until the events that came before the answer of a request have come again.
func (p *playback) awaitEvents(ctx context.Context, r *request, since time.Time) error {
	if len(r.events) == 0 || r.repeats || p.c.cfg.allowUnused {
		return nil
	}
	return p.hold(ctx, func() (left time.Duration) {
		for {
			most := maxWait - time.Since(since)
			pl, s := p.expected(r)
			if s == nil {
				return min(p.handling.left(), most)
			}
			quiet := quietTime - time.Since(later(since, p.moved)) + max(0, pl.due(s))
			if left = min(quiet, most); left > 0 {
				return left
			}
			s.forgone, s.lost = true, !pl.blocked(s)
			p.mu.Unlock()
			p.reportEarly(r, s)
			p.mu.Lock()
		}
	})
}

// expected returns the first event that the answer to a request still has to wait for, and its connection. The caller holds mu.
func (p *playback) expected(r *request) (*player, *step) {
	for _, pl := range p.players {
		n := r.events[pl.line]
		s := pl.line.nextEvent()
		switch {
		case s == nil || s.event >= n:
		case pl.over != nil || pl.stalled || pl.closing:
		case s.lost || s.forgone && pl.blocked(s) || p.unreleased(s) || pl.detached(s.msg.Channel): // nor will those after it come
		default:
			return pl, s
		}
	}
	return nil, nil
}

// blocked reports whether an event, the next one of its connection, waits for a request or a frame of the program. The caller holds
// playback.mu.
func (pl *player) blocked(s *step) bool {
	for _, before := range pl.line.steps[pl.line.first:] {
		switch {
		case pl.p.pending(before):
			return true
		case before == s:
			return false
		case !before.done && before.Dir == cassette.Out && before.msg.Channel == s.msg.Channel:
			return true
		}
	}
	return false
}

// nextEvent returns the first event that has not come yet, nil if all have. The caller holds playback.mu.
func (l *line) nextEvent() *step {
	for l.come < len(l.events) && l.events[l.come].done {
		l.come++
	}
	if l.come == len(l.events) {
		return nil
	}
	return l.events[l.come]
}

// answering reports whether a request is in flight whose answer came before an event. The caller holds mu.
func (p *playback) answering(l *line, s *step) bool {
	for r := range p.flying {
		if n, open := r.events[l]; open && n <= s.event {
			return true
		}
	}
	return false
}

// departed counts a request that is in flight, so that events wait for its answer. The caller holds mu.
func (p *playback) departed(r *request) {
	if len(r.events) > 0 && !r.repeats && !p.c.cfg.allowUnused {
		p.flying[r]++
	}
}

// answered ends the flight of a request.
func (p *playback) answered(r *request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.flying[r] == 0 {
		return
	}
	if p.flying[r]--; p.flying[r] == 0 {
		delete(p.flying, r)
	}
	p.moved = time.Now()
	p.replied = p.moved
	p.wake()
}

// reportEarly logs that an answer comes before an event that came before it when it was recorded.
func (p *playback) reportEarly(r *request, s *step) {
	httpFile, socketFile := p.c.file()
	p.c.report(func(tb testing.TB) {
		tb.Helper()
		tb.Logf("%s: %s waited in vain for %s, which came earlier when it was recorded",
			p.c.name, cite(httpFile, r.Line, r.Label()), cite(socketFile, s.Line, s.Label()))
	})
}
