package rest

import (
	"net/http"
	"sync"
	"time"
)

// A Clock estimates QueUp's clock, which need not agree with ours. It learns from the Date header of each answer. Times
// that QueUp states are only compared with times of this clock. The zero value is ready to use, and safe for concurrent
// use.
//
// An answer bounds the difference of the two clocks: QueUp made it between the request and the answer, within the second
// that Date names. The bounds of answers that agree are combined. An answer that contradicts them changes nothing until the
// next one confirms it, so a single wrong header does no harm. A clock that was set is noticed after two answers.
type Clock struct {
	mu    sync.Mutex
	known span // guarded by mu; unset before the first answer
	rival span // guarded by mu; of an answer that contradicts known and is not confirmed yet
}

// span is the least and the greatest amount by which QueUp's clock is ahead of ours.
type span struct {
	least, most time.Duration
	set         bool
}

const (
	// maxClockOffset bounds the differences that are accepted.
	maxClockOffset = 100 * 365 * 24 * time.Hour
	// clockMargin is how far the time of a clock may be off: Date names whole seconds, and answers take time.
	clockMargin = 2 * time.Second
	// unknownMargin is clockMargin before the first answer with a Date.
	unknownMargin = 10 * time.Minute
	// farFuture is how far ahead of an unknown clock a time may be to be accepted.
	farFuture = 24 * time.Hour
)

// WallNow returns the current time without a monotonic reading. The time of time.Now has such a reading, which Sub and
// Since prefer, but which stops while the computer is suspended.
func WallNow() time.Time { return Wall(time.Now()) }

// Wall returns a time without its monotonic reading.
func Wall(t time.Time) time.Time { return t.Round(0) }

// Observe learns QueUp's clock from an answer. An answer from a cache is ignored, because its Date is old.
func (c *Clock) Observe(answer http.Header, sent, received time.Time) {
	date, err := http.ParseTime(answer.Get("Date"))
	if err != nil || answer.Get("Age") != "" {
		return
	}
	s := span{date.Sub(Wall(received)), date.Add(time.Second).Sub(Wall(sent)), true}
	if s.least.Abs() > maxClockOffset || s.most < s.least {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.known.set:
		c.known = s
	case c.known.meets(s):
		c.known, c.rival = c.known.with(s), span{}
	case c.rival.meets(s):
		c.known, c.rival = c.rival.with(s), span{}
	default:
		c.rival = s
	}
}

func (s span) meets(t span) bool { return s.set && s.least <= t.most && t.least <= s.most }

func (s span) with(t span) span { return span{max(s.least, t.least), min(s.most, t.most), true} }

// offset returns how far QueUp's clock is ahead of ours, 0 while that is not known.
func (c *Clock) offset() (ahead time.Duration, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known.least + (c.known.most-c.known.least)/2, c.known.set
}

// Now returns the time by QueUp's clock.
func (c *Clock) Now() time.Time { return c.At(WallNow()) }

// At returns the time by QueUp's clock for a time by ours. Zero stays zero.
func (c *Clock) At(ours time.Time) time.Time {
	if ours.IsZero() {
		return ours
	}
	ahead, _ := c.offset()
	return Wall(ours).Add(ahead)
}

// Before returns a time by QueUp's clock that is certainly not after a time by ours.
func (c *Clock) Before(ours time.Time) time.Time {
	margin := clockMargin
	if _, known := c.offset(); !known {
		margin = unknownMargin
	}
	return c.At(ours).Add(-margin)
}

// Future reports whether a time that QueUp states is later than its clock can be now.
func (c *Clock) Future(t time.Time) bool {
	ahead, known := c.offset()
	margin := clockMargin
	if !known {
		margin = farFuture
	}
	return t.After(WallNow().Add(ahead + margin))
}

// Past returns a time that QueUp states, or QueUp's current time if the stated time is in the future. Otherwise anything
// bounded by that time would have to wait for it.
func (c *Clock) Past(t time.Time) time.Time {
	if c.Future(t) {
		return c.Now()
	}
	return t
}
