package rest

import (
	"net/http"
	"sync"
	"time"
)

// A Clock estimates QueUp's clock, which need not agree with ours. It learns from the Date header of each answer. Times that QueUp
// states are compared with times of this clock only. The zero value is ready to use, and safe for concurrent use.
//
// An answer bounds the difference of the two clocks: QueUp made it between the request and the answer, within the second
// that Date names. The bounds of answers that agree are combined. An answer that contradicts them changes nothing until the
// next one confirms it, so a single wrong header does no harm, and a clock that was set is noticed after two answers.
type Clock struct {
	mu    sync.Mutex
	known span // guarded by mu; unset before the first answer
	rival span // guarded by mu; of an answer that contradicts known and is not confirmed yet
}

// span is how much QueUp's clock is ahead of ours at least and at most.
type span struct {
	least, most time.Duration
	set         bool
}

const (
	// maxClockOffset bounds the differences that are believed.
	maxClockOffset = 100 * 365 * 24 * time.Hour
	// clockMargin is how far the time of a clock may be off: Date names whole seconds, and answers take time.
	clockMargin = 2 * time.Second
	// unknownMargin is the same while no answer has had a Date.
	unknownMargin = 10 * time.Minute
	// farFuture is how far ahead of an unknown clock a time may be to be believed.
	farFuture = 24 * time.Hour
)

// WallNow returns the time that a calendar shows. time.Now also has a monotonic reading, which stops while the computer is
// suspended, and which Sub and Since prefer.
func WallNow() time.Time { return Wall(time.Now()) }

// Wall returns a time without its monotonic reading.
func Wall(t time.Time) time.Time { return t.Round(0) }

// Observe notes what an answer says about QueUp's clock. An answer from a cache is ignored, because its Date is old.
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

// offset is how much QueUp's clock is ahead of ours, 0 while that is not known.
func (c *Clock) offset() (ahead time.Duration, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known.least + (c.known.most-c.known.least)/2, c.known.set
}

// Now returns the time by QueUp's clock.
func (c *Clock) Now() time.Time { return c.At(WallNow()) }

// At returns what QueUp's clock said at a time by ours. Zero stays zero.
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

// Future reports whether a time that QueUp states is later than its clock can be by now.
func (c *Clock) Future(t time.Time) bool {
	ahead, known := c.offset()
	margin := clockMargin
	if !known {
		margin = farFuture
	}
	return t.After(WallNow().Add(ahead + margin))
}

// Past returns a time that QueUp states, or QueUp's present if that time is still to come: whatever it is a bound for would
// else wait for it.
func (c *Clock) Past(t time.Time) time.Time {
	if c.Future(t) {
		return c.Now()
	}
	return t
}
