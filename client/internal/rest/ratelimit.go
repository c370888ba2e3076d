package rest

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/queup-go/queup/internal/saturate"
)

// Limits are the limits that a user of the client sets.
type Limits struct {
	// Calls in any window of time as long as Per are the bot's own; 0 for no limit.
	Calls int
	Per   time.Duration
	// ChatLines in any window of time as long as ChatPer are sent; 0 for no limit.
	ChatLines int
	ChatPer   time.Duration
}

// The other limits.
const (
	sessionCalls = 5  // at once, and then one a second
	loadCalls    = 20 // in any second

	// LoadsAtOnce is how many loads are in flight at most.
	LoadsAtOnce = 5

	// travelTime is the most by which the travel times of two calls may differ. QueUp counts the bot's own calls when they
	// arrive.
	travelTime = 50 * time.Millisecond
)

// lanes are the queues in which REST calls wait before they are sent, so that QueUp has no reason to refuse them. Each kind
// of call has a lane of its own: a bot that has used up its calls can still log in, chat, and load a room. Source:
// docs/PROTOCOL.md 1.6.
type lanes struct {
	session lane // login, logout, session, token
	chat    lane // one at a time, and at a person's pace
	own     lane // all other calls that the bot makes
	load    lane // the reads of joining and rejoining rooms, and media
	pause   *pause
}

func newLanes(limits Limits) *lanes {
	p := new(pause)
	l := &lanes{
		session: lane{pause: p, rate: rate.NewLimiter(rate.Every(time.Second), sessionCalls)},
		chat:    lane{pause: p, own: new(pause), slots: make(chan struct{}, 1)},
		own:     lane{pause: p},
		load:    lane{pause: p, slots: make(chan struct{}, LoadsAtOnce), window: &window{size: loadCalls, per: time.Second}},
		pause:   p,
	}
	if limits.Calls > 0 {
		l.own.window = &window{size: limits.Calls, per: saturate.Add(limits.Per, travelTime)}
	}
	if limits.ChatLines > 0 {
		l.chat.window = &window{size: limits.ChatLines, per: saturate.Add(limits.ChatPer, travelTime)}
	}
	return l
}

// unlimited returns lanes without limits, except that chat is still sent one line at a time.
func unlimited() *lanes {
	l := newLanes(Limits{})
	l.session, l.load = lane{pause: l.pause}, lane{pause: l.pause}
	return l
}

const (
	// unknownPause is how long all lanes wait after a refusal that does not say how long to wait.
	unknownPause = 5 * time.Second
	// maxPause bounds how long QueUp can pause all lanes, so that one wrong header does not stop a bot for good.
	maxPause = 15 * time.Minute
	// unknownChatPause is how long chat waits when its quota is used up and QueUp does not say for how long.
	unknownChatPause = 30 * time.Second
	// maxChatPause bounds how long chat waits.
	maxChatPause = 2 * time.Hour
)

// honourRetryAfter pauses the lanes when QueUp refuses a call: all of them, as long as Retry-After says. If the chat quota
// is used up, which QueUp says in words, only the chat lane waits. Source: docs/PROTOCOL.md 1.6.
func (l *lanes) honourRetryAfter(e *ResponseError) {
	tooMany := e.Status == http.StatusTooManyRequests
	switch {
	case e.Status < http.StatusBadRequest:
	case e.Op == opPostChat && tooMany && !e.byHeader:
		l.chat.own.extend(min(cmp.Or(e.RetryAfter, unknownChatPause), maxChatPause))
	case e.RetryAfter > 0:
		l.pause.extend(min(e.RetryAfter, maxPause))
	case tooMany:
		l.pause.extend(unknownPause)
	}
}

// lane is a queue with up to three limits: calls in flight, calls in any window of time, calls a second.
type lane struct {
	pause  *pause        // shared by all lanes
	own    *pause        // of this lane alone; nil for none
	slots  chan struct{} // nil for any number in flight
	window *window       // nil for none
	rate   *rate.Limiter // nil for none
}

// enter waits for a slot among the calls in flight. The caller calls leave when the call is over, including all its tries,
// so that no other call comes between them.
func (l *lane) enter(ctx context.Context, op string) (leave func(), err error) {
	if deadline, ok := ctx.Deadline(); ok && ctx.Err() == nil {
		if at := l.pausedUntil(time.Now()); deadline.Before(at) { // the calls in flight may be waiting for the pause
			return nil, &WaitError{Op: op, Wait: time.Until(at)}
		}
	}
	if l.slots == nil {
		return func() {}, nil
	}
	select {
	case l.slots <- struct{}{}:
		return func() { <-l.slots }, nil
	case <-ctx.Done():
		return nil, &OpError{Op: op, Err: context.Cause(ctx)}
	}
}

// wait waits until a try may be sent. It fails at once if that would be after ctx's deadline. With first, the try goes
// before all that wait. Those keep their distance from it, and it keeps its own from those already sent.
func (l *lane) wait(ctx context.Context, op string, first bool) error {
	for {
		r := l.reserve(time.Now(), first)
		for at := r.at(); ; at = r.at() { // it gets later if another try goes first meanwhile
			if err := WaitUntil(ctx, op, at); err != nil {
				r.cancel()
				return err
			}
			if !r.at().After(time.Now()) {
				break
			}
		}
		if now := time.Now(); !l.pausedUntil(now).After(now) {
			return nil
		}
		r.cancel() // a pause began while we waited: reserve again
	}
}

// pausedUntil returns when calls may be sent again, now if they may.
func (l *lane) pausedUntil(now time.Time) time.Time {
	at := l.pause.end(now)
	if l.own != nil {
		return later(at, l.own.end(now))
	}
	return at
}

// A reservation is a place in a lane. at returns when its try may be sent, and cancel gives the place up.
type reservation struct {
	at     func() time.Time
	cancel func()
}

// reserve returns a place for a try. With first, it is before all places of calls that wait, if the lane has an order.
func (l *lane) reserve(now time.Time, first bool) reservation {
	at := l.pausedUntil(now)
	switch {
	case l.window != nil:
		slot := l.window.reserve(at, first)
		return reservation{func() time.Time { return l.window.when(slot) }, func() { l.window.cancel(slot) }}
	case l.rate != nil:
		r := l.rate.ReserveN(at, 1)
		at = at.Add(r.DelayFrom(at))
		return reservation{func() time.Time { return at }, r.Cancel}
	}
	return reservation{func() time.Time { return at }, func() {}}
}

// WaitUntil waits until a time, or returns the cause of ctx. It returns a [*WaitError] at once if the deadline of ctx is
// earlier.
func WaitUntil(ctx context.Context, op string, at time.Time) error {
	if ctx.Err() != nil {
		return &OpError{Op: op, Err: context.Cause(ctx)}
	}
	d := time.Until(at)
	if d <= 0 {
		return nil
	}
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(at) {
		return &WaitError{Op: op, Wait: d}
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return &OpError{Op: op, Err: context.Cause(ctx)}
	}
}

// window lets at most size calls through in any span of time as long as per. A token bucket would let nearly twice as many
// through.
type window struct {
	size int
	per  time.Duration

	mu    sync.Mutex
	calls []*slot // guarded by mu; ordered by time: waiting calls and those that still count
}

// slot is the time of one call in a window.
type slot struct{ at time.Time } // guarded by window.mu

// reserve returns the slot of another call, now at the earliest. Calls are sent in the order in which they reserve. With
// first, the call goes before all that wait, and each of those moves back by one slot.
func (w *window) reserve(now time.Time, first bool) *slot {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = slices.DeleteFunc(w.calls, func(s *slot) bool { return !s.at.Add(w.per).After(now) })
	mine := &slot{at: w.nextFree(now)}
	w.calls = append(w.calls, mine)
	if first {
		w.moveLastToFront(now)
	}
	return mine
}

// nextFree returns when another call may be sent: not before now, not before the last call, and not while size calls are in the
// window. mu is held.
func (w *window) nextFree(now time.Time) time.Time {
	at, n := now, len(w.calls)
	if n > 0 {
		at = later(at, w.calls[n-1].at)
	}
	if n >= w.size {
		at = later(at, w.calls[n-w.size].at.Add(w.per))
	}
	return at
}

// moveLastToFront gives the last call the earliest time after now, and each call that waits the time of the one behind it. The times
// themselves stay the same, so no window gets more calls. mu is held.
func (w *window) moveLastToFront(now time.Time) {
	front := slices.IndexFunc(w.calls, func(s *slot) bool { return s.at.After(now) })
	if front < 0 {
		return
	}
	waiting := w.calls[front:]
	last := len(waiting) - 1
	earliest := waiting[0].at
	for i := range last {
		waiting[i].at = waiting[i+1].at
	}
	mine := waiting[last]
	mine.at = earliest
	copy(waiting[1:], waiting[:last])
	waiting[0] = mine
}

// when returns when a slot's call may be sent. Until then it can move back if another call goes first.
func (w *window) when(s *slot) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return s.at
}

// cancel gives up a slot, as long as none was reserved after it.
func (w *window) cancel(s *slot) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.calls); n > 0 && w.calls[n-1] == s {
		w.calls = w.calls[:n-1]
	}
}

// pause is the time until which QueUp has asked the client to send nothing.
type pause struct {
	mu    sync.Mutex
	until time.Time // guarded by mu
}

// extend makes the pause last for at least d from now.
func (p *pause) extend(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = later(p.until, time.Now().Add(d))
}

// lift ends the pause.
func (p *pause) lift() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = time.Time{}
}

// end returns when calls may be sent again, now if they may.
func (p *pause) end(now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return later(now, p.until)
}

// later returns the later of two times, a if they are equal.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
