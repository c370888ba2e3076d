package cassettes

import (
	"context"
	"fmt"
	"net/http"
	"syscall"

	"github.com/queup-go/queup/internal/testkit/faults"
	"github.com/queup-go/queup/realtime"
)

// tapeFaults are what is to go wrong while a recording is played.
type tapeFaults struct {
	dropAfter  int // frames; 0: never
	stallAfter int // frames; 0: never
	spoil      []faults.Fault
	seed       uint64
}

// breaks reports whether connections end that did not when they were recorded.
func (f *tapeFaults) breaks() bool { return f.dropAfter > 0 || f.stallAfter > 0 }

// DropAfter has the connection break, once, when so many frames of the server were played, heartbeats aside. The
// program may dial again: it is greeted, what it says again is answered again, and then comes what it has not heard
// yet. Requests that it repeats get the last answer again.
func DropAfter(frames int) Option {
	return func(c *config) error {
		if frames < 1 {
			return fmt.Errorf("a drop after %d frames: it takes at least one", frames)
		}
		c.faults.dropAfter = frames
		return nil
	}
}

// StallAfter has the connection fall silent, once, when so many frames of the server were played, heartbeats aside:
// nothing comes, no pong either, and what is written goes nowhere. What the program can do then is as with [DropAfter].
func StallAfter(frames int) Option {
	return func(c *config) error {
		if frames < 1 {
			return fmt.Errorf("a stall after %d frames: it takes at least one", frames)
		}
		c.faults.stallAfter = frames
		return nil
	}
}

// Truncate leaves no more than the first bytes of each event.
func Truncate(bytes int) Option {
	return func(c *config) error {
		if bytes < 0 {
			return fmt.Errorf("events cut to %d bytes", bytes)
		}
		c.faults.spoil = append(c.faults.spoil, faults.Truncate(int64(bytes)).Down().Frames())
		return nil
	}
}

// Duplicate has each event arrive twice.
func Duplicate() Option {
	return func(c *config) error {
		c.faults.spoil = append(c.faults.spoil, faults.Duplicate(1).Down().Frames())
		return nil
	}
}

// corrupted is how many of the events Corrupt acts on.
const corrupted = 0.25

// Corrupt flips a bit of about every fourth event. The same seed flips the same bits.
func Corrupt(seed uint64) Option {
	return func(c *config) error {
		c.faults.seed = seed
		c.faults.spoil = append(c.faults.spoil, faults.Corrupt(corrupted).Down().Frames())
		return nil
	}
}

// spoiler switches the faults on for events and off for all else, so that the greeting and the answers survive.
type spoiler struct {
	in    *faults.Injector
	spoil []faults.Fault
}

// wrap puts the fault injector of realtime's tests around a player, if there is something to inject.
func (f *tapeFaults) wrap(pl *player) realtime.Socket {
	if len(f.spoil) == 0 {
		return pl
	}
	pl.faults = &spoiler{in: faults.New(f.seed), spoil: f.spoil}
	sock, err := pl.faults.in.Dialer(one{pl}).Dial(context.Background(), "", nil)
	if err != nil {
		return pl // one never fails
	}
	return sock
}

// one is a dialer of a socket that is open already.
type one struct{ sock realtime.Socket }

// Dial implements [realtime.Dialer].
func (o one) Dial(context.Context, string, http.Header) (realtime.Socket, error) { return o.sock, nil }

// spoil has the faults act on a frame that is about to be read if it is an event. The caller holds playback.mu.
func (pl *player) spoil(s *step) {
	switch {
	case pl.faults == nil:
	case s.msg.Event():
		pl.faults.in.Set(pl.faults.spoil...)
	default:
		pl.faults.in.Set()
	}
}

// strike ends the connection if it is time for that, and reports whether it did. The caller holds playback.mu.
func (pl *player) strike() bool {
	p, f := pl.p, &pl.p.c.cfg.faults
	switch {
	case p.spent:
		return false
	case f.dropAfter > 0 && p.frames >= f.dropAfter:
		pl.over = errDropped
	case f.stallAfter > 0 && p.frames >= f.stallAfter:
		pl.stalled = true
	default:
		return false
	}
	p.spent, p.broken = true, pl.line
	return true
}

var errDropped = fmt.Errorf("cassettes: the connection was dropped, as the option DropAfter says: %w", syscall.ECONNRESET)
