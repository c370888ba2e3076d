package cassettes

import (
	"context"
	"fmt"
	"net/http"
	"syscall"

	"github.com/queup-go/queup/internal/testkit/faults"
	"github.com/queup-go/queup/realtime"
)

// tapeFaults are the faults to inject while a recording is played.
type tapeFaults struct {
	dropAfter  int // frames; 0: never
	stallAfter int // frames; 0: never
	spoil      []faults.Fault
	seed       uint64
}

// breaks reports whether a fault ends connections.
func (f *tapeFaults) breaks() bool { return f.dropAfter > 0 || f.stallAfter > 0 }

// DropAfter breaks the connection, once, after so many frames of the server, heartbeats aside. The program may dial
// again: it gets the greeting again, the answers to frames that it repeats, and then the frames that it has not received
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

// StallAfter stalls the connection, once, after so many frames of the server, heartbeats aside: nothing comes, not even
// a pong, and written frames are lost. The program may dial again as with [DropAfter].
func StallAfter(frames int) Option {
	return func(c *config) error {
		if frames < 1 {
			return fmt.Errorf("a stall after %d frames: it takes at least one", frames)
		}
		c.faults.stallAfter = frames
		return nil
	}
}

// Truncate cuts each event to its first bytes.
func Truncate(bytes int) Option {
	return func(c *config) error {
		if bytes < 0 {
			return fmt.Errorf("events cut to %d bytes", bytes)
		}
		c.faults.spoil = append(c.faults.spoil, faults.Truncate(int64(bytes)).Down().Frames())
		return nil
	}
}

// Duplicate delivers each event twice.
func Duplicate() Option {
	return func(c *config) error {
		c.faults.spoil = append(c.faults.spoil, faults.Duplicate(1).Down().Frames())
		return nil
	}
}

// corrupted is the share of events that Corrupt changes.
const corrupted = 0.25

// Corrupt flips a bit of about every fourth event. The same seed flips the same bits.
func Corrupt(seed uint64) Option {
	return func(c *config) error {
		c.faults.seed = seed
		c.faults.spoil = append(c.faults.spoil, faults.Corrupt(corrupted).Down().Frames())
		return nil
	}
}

// spoiler applies faults to events only, so that the greeting and the answers survive.
type spoiler struct {
	in    *faults.Injector
	spoil []faults.Fault
}

// wrap puts a fault injector around a player, if there are faults to inject.
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

// one is a dialer that returns an open socket.
type one struct{ sock realtime.Socket }

// Dial implements [realtime.Dialer].
func (o one) Dial(context.Context, string, http.Header) (realtime.Socket, error) { return o.sock, nil }

// spoil switches the faults on or off for a frame that is about to be read. The caller holds playback.mu.
func (pl *player) spoil(s *step) {
	switch {
	case pl.faults == nil:
	case s.msg.Event():
		pl.faults.in.Set(pl.faults.spoil...)
	default:
		pl.faults.in.Set()
	}
}

// breakIfDue drops or stalls the connection if a fault is due, and reports whether it did. The caller holds playback.mu.
func (pl *player) breakIfDue() bool {
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
	p.wakeRequests()
	return true
}

var errDropped = fmt.Errorf("cassettes: the connection was dropped, as the option DropAfter says: %w", syscall.ECONNRESET)
