package cassettes

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/queup-go/queup/internal/cassette"
	"github.com/queup-go/queup/internal/printable"
	"github.com/queup-go/queup/internal/saturate"
)

// idleLimit is how long a program may send nothing while the recording waits for it, in real time. To it comes the pause that the
// program made at this place when it was recorded. It is long, because slow work of a test looks the same as a hang.
var idleLimit = 30 * time.Second

// ticks is how often a watch looks within the limit. It counts ticks instead of time, so that a process that was stopped, by a
// debugger or because the machine slept, does not count as idle.
const ticks = 30

// watch ends a test that would hang because its program does not send what the recording waits for. All of these must hold:
//
//   - A request, a frame or a handshake of the recording is missing, and everything that came before it has been played. So the
//     program has received all that it had received when it sent that.
//   - Nothing else can be played: no event is due later, and no request is in flight. The test has not asked for events meanwhile.
//   - Events wait for what is missing, or a connection is open and it is all that is left. A test that only sends requests is not
//     ended: its recording does not have their times, so nothing tells slow work from a hang.
//   - All this has lasted for idleLimit and the recorded pause.
//
// It runs outside any synctest bubble, whose clock stands still while a test hangs. AllowUnused switches it off.
type watch struct {
	p      *playback
	period time.Duration // immutable

	mu       sync.Mutex
	stopped  bool          // guarded by mu
	timer    *time.Timer   // guarded by mu; nil until it runs
	progress int           // guarded by mu; of the playback, at the latest tick
	idle     time.Duration // guarded by mu; since the latest progress
}

func newWatch(p *playback) *watch {
	w := &watch{p: p, period: idleLimit / ticks}
	if p.real {
		w.start()
	} else {
		// In a bubble the watch begins at the next garbage collection, at the latest after two minutes. To collect at once, as
		// newGuard does, would slow down each test.
		runtime.AddCleanup(&canary{}, (*watch).start, w)
	}
	return w
}

func (w *watch) start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.stopped {
		w.timer = time.AfterFunc(w.period, w.tick)
	}
}

// stop ends the watch. After that it does not end the test any more.
func (w *watch) stop() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	if w.timer != nil {
		w.timer.Stop()
	}
}

func (w *watch) tick() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	if m := w.look(); m != nil {
		w.stopped = true
		w.p.expire(m, w.idle)
		return
	}
	w.timer.Reset(w.period)
}

// look returns what the program should have sent by now, nil if it still has time. The caller holds mu.
func (w *watch) look() *missing {
	p := w.p
	progress := p.c.liveCount() // a host that passes through may be slow
	p.mu.Lock()
	defer p.mu.Unlock()
	progress += p.progress
	switch {
	case progress != w.progress:
		w.progress, w.idle = progress, 0
	case p.inFlight == 0:
		w.idle += w.period
	}
	if w.idle < idleLimit || p.inFlight > 0 || p.ended != nil {
		return nil
	}
	m := p.unsent()
	if m == nil || w.idle < saturate.Add(idleLimit, m.pause) || p.playable() {
		return nil
	}
	return m
}

// missing is what the program has not sent although the recording waits for it.
type missing struct {
	kind  string // request, frame or handshake
	label string
	id    cassette.Identity
	place string // as cite names it
	held  string // the first record that waits for it, as cite names it; empty without
	pause time.Duration
}

// unsent returns the first record that the program has not sent, if everything before it was played. The caller holds mu.
func (p *playback) unsent() *missing {
	open := map[*line]bool{}
	for _, pl := range p.players {
		open[pl.line] = pl.over == nil && !pl.stalled
	}
	if p.broken != nil { // the program notices a fault in its own time
		return nil
	}
	httpFile, socketFile := p.c.file()
	var last int64 // the time of the latest record that was played
	pause := func(until int64) time.Duration {
		return max(0, saturate.Times(saturate.Sub(until, last), time.Millisecond))
	}
	frame := func(kind string, r *cassette.Record, id cassette.Identity) *missing {
		return &missing{kind: kind, label: r.Label(), id: id, place: cite(socketFile, r.Line, r.Label()), pause: pause(r.At)}
	}
	request := func(r *request, until int64) *missing {
		return &missing{kind: "request", label: r.Label(), id: r.id, place: cite(httpFile, r.Line, r.Label()), pause: pause(until)}
	}
	for _, e := range p.order {
		if e.step == nil {
			if !e.line.used {
				return frame("handshake", e.line.open, e.line.id)
			}
			last = max(last, e.line.open.At)
			continue
		}
		s := e.step
		if !open[e.line] {
			continue
		}
		for _, id := range s.After {
			if r := p.byID[id]; r != nil && !r.played && !p.begun[id] {
				m := request(r, s.At)
				m.held = cite(socketFile, s.Line, s.Label())
				return m
			}
		}
		switch {
		case s.done && !s.free:
			last = max(last, s.At)
		case s.done, s.goodbye:
		case s.Dir == cassette.Out:
			return frame("frame", s.Record, s.id)
		default:
			return nil // it waits for the test, or for its time
		}
	}
	if len(p.players) == 0 {
		return nil
	}
	for _, r := range p.all {
		if !r.played && !r.repeats {
			return request(r, p.order[len(p.order)-1].at())
		}
	}
	return nil
}

// playable reports whether a connection has something to play, now or later. In a bubble it is false: there time passes at once
// when the program waits, and what is due has come. The caller holds mu.
func (p *playback) playable() bool {
	if p.bubbled() {
		return false
	}
	for _, pl := range p.players {
		if s, wait := pl.scan(true); pl.over == nil && (s != nil || wait > 0) {
			return true
		}
	}
	return false
}

// bubbled reports whether the program runs in a synctest bubble. The caller holds mu.
func (p *playback) bubbled() bool {
	if !p.real || !p.moved.IsZero() && inBubble(p.moved) {
		return true
	}
	for _, pl := range p.players {
		if inBubble(pl.born) {
			return true
		}
	}
	return false
}

// unsentError is the error for a program that does not send what the recording has.
type unsentError struct{ what string }

func (e *unsentError) Error() string {
	return printable.Text("cassettes: the program did not send what was recorded: " + e.what)
}
func (e *unsentError) Is(target error) bool { return target == ErrUnmatched }

// expire ends the test because the program did not send what the recording waits for.
func (p *playback) expire(m *missing, idle time.Duration) {
	c := p.c
	p.mu.Lock()
	bubbled := p.bubbled()
	history := append([]string(nil), p.history...)
	p.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "cassettes: %s: the recording waits for a %s that the program has not sent for %v\n  not sent\n    %s\n",
		c.name, m.kind, idle.Round(time.Second), m.place)
	for _, line := range fieldLines(m.id) {
		fmt.Fprintf(&b, "      %s\n", line)
	}
	if m.held != "" {
		fmt.Fprintf(&b, "  held back until it is sent\n    %s\n", m.held)
	}
	writeHistory(&b, history)
	fmt.Fprintf(&b, "  record it again: %s\n  or allow it:     cassettes.AllowUnused()", c.origin.command())
	c.report(func(tb testing.TB) {
		tb.Helper()
		tb.Error(b.String())
	})
	if !c.ending.begin(b.String(), &unsentError{what: m.kind + " " + m.label}) {
		return
	}
	if !bubbled {
		c.breakOff()
		return
	}
	p.mu.Lock()
	p.expired = true // only the program itself may wake what waits in its bubble
	p.mu.Unlock()
}

// obeyWatch ends the connections if the watch has ended a test in a bubble. It is called in the bubble, by the program.
func (p *playback) obeyWatch() {
	p.mu.Lock()
	expired := p.expired
	p.expired = false
	p.mu.Unlock()
	if expired {
		p.c.breakOff()
	}
}
