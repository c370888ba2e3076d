package client

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

// lanes are where REST calls wait before they are sent, so that QueUp has no reason to refuse them. Each kind of call
// has a lane of its own: a bot that has used up its calls can still log in, talk, and load a room. Source:
// docs/PROTOCOL.md 1.6.
type lanes struct {
	session lane // login, logout, session, token
	chat    lane // one at a time, and at a person's pace
	own     lane // all other calls that the bot makes
	load    lane // what joining and rejoining rooms reads, and media
	pause   *pause
}

// Bounds of the lanes that are not the bot's to set.
const (
	sessionCalls = 5  // at once, and then one a second
	loadsAtOnce  = 5  // in flight
	loadCalls    = 20 // in any second

	// travelTime is by how much two calls may differ on their way: QueUp counts the bot's own when they arrive.
	travelTime = 50 * time.Millisecond
)

func newLanes(calls int, per time.Duration, lines int, linesPer time.Duration) *lanes {
	p := new(pause)
	l := &lanes{
		session: lane{pause: p, rate: rate.NewLimiter(rate.Every(time.Second), sessionCalls)},
		chat:    lane{pause: p, quiet: new(pause), slots: make(chan struct{}, 1)},
		own:     lane{pause: p},
		load:    lane{pause: p, slots: make(chan struct{}, loadsAtOnce), window: &window{size: loadCalls, per: time.Second}},
		pause:   p,
	}
	if calls > 0 {
		l.own.window = &window{size: calls, per: saturate.Add(per, travelTime)}
	}
	if lines > 0 {
		l.chat.window = &window{size: lines, per: saturate.Add(linesPer, travelTime)}
	}
	return l
}

const (
	// unknownPause is how long everything waits after a refusal that does not say how long.
	unknownPause = 5 * time.Second
	// maxPause bounds how long QueUp can have everything wait, so that one wrong header does not end a bot.
	maxPause = 15 * time.Minute
	// unknownQuiet is how long chat waits when its quota is used up and QueUp does not say for how long.
	unknownQuiet = 30 * time.Second
	// maxQuiet bounds how long chat waits.
	maxQuiet = 2 * time.Hour
)

// obey makes the lanes wait when QueUp refuses a call: all of them, as long as Retry-After says; or, when the quota of the chat is
// used up, which says so in words, only the lane of the chat. Source: docs/PROTOCOL.md 1.6.
func (l *lanes) obey(e *APIError) {
	tooMany := e.Status == http.StatusTooManyRequests
	switch {
	case e.Status < http.StatusBadRequest:
	case e.Op == opPostChat && tooMany && !e.byHeader:
		l.chat.quiet.extend(min(cmp.Or(e.RetryAfter, unknownQuiet), maxQuiet))
	case e.RetryAfter > 0:
		l.pause.extend(min(e.RetryAfter, maxPause))
	case tooMany:
		l.pause.extend(unknownPause)
	}
}

// lane is a queue with up to three bounds: calls in flight, calls in any window of time, calls a second.
type lane struct {
	pause  *pause        // of all lanes
	quiet  *pause        // of this lane alone; nil for none
	slots  chan struct{} // nil for any number in flight
	window *window       // nil for none
	rate   *rate.Limiter // nil for none
}

// enter waits until a call is among those in flight. The caller calls leave when the call is over, all its tries
// included, so that no other comes between them.
func (l *lane) enter(ctx context.Context, op string) (leave func(), err error) {
	if deadline, ok := ctx.Deadline(); ok && ctx.Err() == nil {
		if at := l.silence(time.Now()); deadline.Before(at) { // others may wait for it with all places taken
			return nil, &RateLimitError{Op: op, Wait: time.Until(at)}
		}
	}
	if l.slots == nil {
		return func() {}, nil
	}
	select {
	case l.slots <- struct{}{}:
		return func() { <-l.slots }, nil
	case <-ctx.Done():
		return nil, &withinError{op, context.Cause(ctx)}
	}
}

// wait waits until a try may be sent. It fails at once if that would be after ctx's deadline.
func (l *lane) wait(ctx context.Context, op string) error { return l.lineUp(ctx, op, false) }

// waitFirst is wait for a try that goes before all that line up. They keep their distance from it, and it keeps its own
// from those that were sent.
func (l *lane) waitFirst(ctx context.Context, op string) error { return l.lineUp(ctx, op, true) }

func (l *lane) lineUp(ctx context.Context, op string, first bool) error {
	for {
		turn := l.reserve(time.Now(), first)
		for at := turn.at(); ; at = turn.at() { // others may have gone first meanwhile
			if err := waitUntil(ctx, op, at); err != nil {
				turn.giveBack()
				return err
			}
			if !turn.at().After(time.Now()) {
				break
			}
		}
		if now := time.Now(); !l.silence(now).After(now) {
			return nil
		}
		turn.giveBack() // the pause began while we waited: line up again
	}
}

// silence returns when calls may be sent again, now if they may.
func (l *lane) silence(now time.Time) time.Time {
	at := l.pause.end(now)
	if l.quiet != nil {
		if quiet := l.quiet.end(now); quiet.After(at) {
			return quiet
		}
	}
	return at
}

// place is a place in a lane: when its call may be sent, and what gives it back.
type place struct {
	at       func() time.Time
	giveBack func()
}

// reserve returns a place for a call, the first of those to come if it wants to go first and the lane has an order.
func (l *lane) reserve(now time.Time, first bool) place {
	at := l.silence(now)
	switch {
	case l.window != nil:
		slot := l.window.reserve(at, first)
		return place{func() time.Time { return l.window.when(slot) }, func() { l.window.giveBack(slot) }}
	case l.rate != nil:
		r := l.rate.ReserveN(at, 1)
		at = at.Add(r.DelayFrom(at))
		return place{func() time.Time { return at }, r.Cancel}
	}
	return place{func() time.Time { return at }, func() {}}
}

// waitUntil waits, or fails with the cause of ctx, and at once if its deadline is too early.
func waitUntil(ctx context.Context, op string, at time.Time) error {
	if ctx.Err() != nil {
		return &withinError{op, context.Cause(ctx)}
	}
	d := time.Until(at)
	if d <= 0 {
		return nil
	}
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(at) {
		return &RateLimitError{Op: op, Wait: d}
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return &withinError{op, context.Cause(ctx)}
	}
}

// window lets through at most size calls in any span of time as long as per. A token bucket would let through nearly
// twice as many.
type window struct {
	size int
	per  time.Duration

	mu    sync.Mutex
	calls []*slot // guarded by mu; in order, those still to come included, without those that no longer count
}

// slot is the time of one call in a window.
type slot struct{ at time.Time } // guarded by window.mu

// reserve returns the slot of the next call, now at the earliest. With first it takes the earliest that is still to
// come, and those who had that and the later ones move up by one each.
func (w *window) reserve(now time.Time, first bool) *slot {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = slices.DeleteFunc(w.calls, func(s *slot) bool { return !s.at.Add(w.per).After(now) })
	at := now
	if n := len(w.calls); n > 0 && w.calls[n-1].at.After(at) {
		at = w.calls[n-1].at // first come, first served
	}
	if n := len(w.calls); n >= w.size {
		if free := w.calls[n-w.size].at.Add(w.per); free.After(at) {
			at = free
		}
	}
	mine := &slot{at}
	w.calls = append(w.calls, mine)
	if first {
		next := slices.IndexFunc(w.calls, func(s *slot) bool { return s.at.After(now) })
		for i := len(w.calls) - 1; next >= 0 && i > next; i-- {
			w.calls[i-1].at, w.calls[i].at = w.calls[i].at, w.calls[i-1].at
			w.calls[i-1], w.calls[i] = w.calls[i], w.calls[i-1]
		}
	}
	return mine
}

// when returns when a slot's call may be sent. It becomes later when another one goes first, until it has come.
func (w *window) when(s *slot) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return s.at
}

// giveBack takes a reserved call back, as long as none was reserved after it.
func (w *window) giveBack(s *slot) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.calls); n > 0 && w.calls[n-1] == s {
		w.calls = w.calls[:n-1]
	}
}

// pause is the time until which QueUp has asked for silence.
type pause struct {
	mu    sync.Mutex
	until time.Time // guarded by mu
}

// extend has all lanes wait for at least d.
func (p *pause) extend(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(d); until.After(p.until) {
		p.until = until
	}
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
	if p.until.After(now) {
		return p.until
	}
	return now
}
