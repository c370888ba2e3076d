package realtime

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"time"
)

// State is the state of a [Conn].
type State int

// The states of a [Conn].
const (
	StateIdle         State = iota // before Connect, and after a Connect that failed
	StateConnecting                // Connect is under way
	StateConnected                 // usable
	StateReconnecting              // the link is lost; the next attempt is waited for or under way
	StateSuspended                 // the same, and for longer than Config.SuspendAfter
	StateClosed                    // for good; Conn.Err returns the reason
)

// String returns the name of the state in lower case.
func (s State) String() string {
	switch s {
	case StateIdle:
		return "idle"
	case StateConnecting:
		return "connecting"
	case StateConnected:
		return "connected"
	case StateReconnecting:
		return "reconnecting"
	case StateSuspended:
		return "suspended"
	case StateClosed:
		return "closed"
	}
	return "state " + strconv.Itoa(int(s))
}

// MarshalText returns the name of the state, so that people can read it in JSON, too.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the result of MarshalText.
func (s *State) UnmarshalText(text []byte) error {
	for state := StateIdle; state <= StateClosed; state++ {
		if state.String() == string(text) {
			*s = state
			return nil
		}
	}
	return fmt.Errorf("realtime: no state %q", text)
}

// Status is a [State] with its details.
type Status struct {
	State State
	Since time.Time // when this state began
	// RetryAt is the time of the next attempt while there is no link, zero while one is being made.
	RetryAt time.Time
	// Unstable is set while links flap: there is a link, the two before it ended within 30 s, and this one is not yet 30 s old.
	// It is false in all states but StateConnected.
	Unstable bool
	// Err is the error that ended the last link or the latest attempt. While Unstable is set it is the error that ended the
	// previous link. After the end it is Conn.Err.
	Err error
}

// State returns the current state of the connection.
func (c *Conn) State() State { return c.Status().State }

// Status returns the current state of the connection and the reason for it.
func (c *Conn) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// Watch yields the current status at once and then each new one, until ctx ends, the loop is left, or [StateClosed] was
// yielded. It never blocks the connection: a loop that is too slow for a change gets the next one. It receives nothing from
// [Conn.Events], and any number of loops may watch.
func (c *Conn) Watch(ctx context.Context) iter.Seq[Status] {
	return func(yield func(Status) bool) {
		var last Status
		for first := true; ; first = false {
			c.mu.Lock()
			status, changed := c.status, c.changed
			c.mu.Unlock()
			if first || status.State != last.State || !status.Since.Equal(last.Since) || !status.RetryAt.Equal(last.RetryAt) ||
				status.Unstable != last.Unstable {
				last = status
				if !yield(status) || status.State == StateClosed {
					return
				}
				continue // it may have changed meanwhile
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}
}

// setStatusLocked changes the status, unless it is final, and wakes all that wait for a change.
func (c *Conn) setStatusLocked(s Status) {
	if c.status.State == StateClosed {
		return
	}
	s.Since = c.status.Since
	if s.State != c.status.State {
		s.Since = time.Now()
	}
	c.status = s
	if (s.State == StateConnected || s.State == StateClosed) && c.suspension != nil {
		c.suspension.Stop()
		c.suspension = nil
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

// failed sets the state to idle after a failed Connect, which may be called again.
func (c *Conn) failed(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.setStatusLocked(Status{State: StateIdle, Err: err})
}

// settled clears Unstable when link l has lasted, if it is still the one in use.
func (c *Conn) settled(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == l && c.status.Unstable {
		c.setStatusLocked(Status{State: StateConnected})
	}
}

// down sets the state to reconnecting. retryAt is the time of the next attempt, zero if that starts at once.
func (c *Conn) down(err error, retryAt time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link, c.restoring = nil, false
	status := Status{State: StateReconnecting, RetryAt: retryAt, Err: err}
	if c.status.State == StateSuspended {
		status.State = StateSuspended
	}
	if c.suspension == nil && c.status.State == StateConnected {
		c.outage++
		outage, since := c.outage, time.Now()
		c.suspension = time.AfterFunc(c.cfg.SuspendAfter, func() { c.suspend(outage, since) })
	}
	c.setStatusLocked(status)
}

// suspend sets the state to suspended. The timer of down runs it.
func (c *Conn) suspend(outage int, since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.suspension == nil || c.outage != outage {
		return // a new link came first
	}
	status := c.status
	status.State = StateSuspended
	c.setStatusLocked(status)
	select {
	case c.suspended <- since:
	default: // the supervisor has not yet emitted the last one
	}
}
