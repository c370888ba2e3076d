package faults

import (
	"context"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"
)

type kind int

const (
	latency kind = iota
	bandwidth
	slicer
	reset
	stall
	halfOpen
	truncate
	duplicate
	corrupt
)

// stream is a direction, seen from who dials.
type stream int

const (
	up   stream = iota // what we write
	down               // what we read
)

// Fault is one thing that is wrong with a network. It is made by the functions of this package.
type Fault struct {
	kind   kind
	not    [2]bool // streams it does not act on
	frames bool
	wait   time.Duration
	jitter time.Duration
	size   int64
	vary   int64
	chance float64
}

// Latency has everything arrive later by delay, give or take up to jitter. Nothing overtakes.
func Latency(delay, jitter time.Duration) Fault {
	return Fault{kind: latency, wait: delay, jitter: jitter}
}

// Bandwidth lets so many bytes a second through, in each direction.
func Bandwidth(bytesPerSecond int64) Fault {
	return Fault{kind: bandwidth, size: max(bytesPerSecond, 1)}
}

// Slicer cuts what is sent into pieces of size bytes, give or take up to variation, and waits for delay after each.
func Slicer(size, variation int64, delay time.Duration) Fault {
	return Fault{kind: slicer, size: max(size, 1), vary: variation, wait: delay}
}

// Reset resets connections at a time after they were opened, or after Set for those that are open: reading and writing fail with
// ECONNRESET.
func Reset(after time.Duration) Fault { return Fault{kind: reset, wait: after} }

// Stall lets nothing through, and writing blocks, like a peer whose buffers are full. What was held back arrives when the fault is
// gone.
func Stall() Fault { return Fault{kind: stall} }

// HalfOpen swallows everything, the end of the connection included: writing works, reading waits. Like a stream of TCP, a direction
// in which something was swallowed has nothing arrive behind it, even when the fault is gone.
func HalfOpen() Fault { return Fault{kind: halfOpen} }

// Truncate ends connections after so many bytes in a direction, counted from Set. Of frames it leaves no more than the first bytes
// of each, and ends nothing.
func Truncate(bytes int64) Fault { return Fault{kind: truncate, size: max(bytes, 0)} }

// Duplicate has what is read or written at once arrive twice, with a chance from 0 to 1.
func Duplicate(chance float64) Fault { return Fault{kind: duplicate, chance: chance} }

// Corrupt flips one bit of what is read or written at once, with a chance from 0 to 1.
func Corrupt(chance float64) Fault { return Fault{kind: corrupt, chance: chance} }

// Up confines the fault to what the program writes.
func (f Fault) Up() Fault { f.not[down] = true; return f }

// Down confines the fault to what the program reads.
func (f Fault) Down() Fault { f.not[up] = true; return f }

// Frames has the fault act on whole frames of the websocket, behind [Injector.Dialer], instead of bytes. HalfOpen, Truncate,
// Duplicate and Corrupt can; it panics for others.
func (f Fault) Frames() Fault {
	if f.kind < halfOpen {
		panic("faults: only HalfOpen, Truncate, Duplicate and Corrupt act on frames")
	}
	f.frames = true
	return f
}

// Injector makes connections bad. It is safe for concurrent use.
type Injector struct {
	seed uint64

	mu      sync.Mutex
	faults  []Fault            // guarded by mu
	epoch   int                // guarded by mu; counts calls of Set
	changed chan struct{}      // guarded by mu; closed and replaced by Set
	conns   map[*conn]struct{} // guarded by mu; those that are open
	dialled uint64             // guarded by mu; counts connections and sockets
}

// New returns an injector that does nothing before [Injector.Set].
func New(seed uint64) *Injector {
	return &Injector{seed: seed, changed: make(chan struct{}), conns: make(map[*conn]struct{})}
}

// Set replaces all faults by others, at once and for open connections, too. Without arguments it heals.
func (in *Injector) Set(faults ...Fault) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.faults = slices.Clone(faults)
	in.epoch++
	close(in.changed)
	in.changed = make(chan struct{})
	for c := range in.conns {
		in.schedule(c)
	}
}

// Open returns the number of open connections.
func (in *Injector) Open() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.conns)
}

// active returns the faults of a direction, and a channel that is closed when there are others.
func (in *Injector) active(s stream, frames bool) (faults []Fault, epoch int, changed <-chan struct{}) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, f := range in.faults {
		if !f.not[s] && f.frames == frames {
			faults = append(faults, f)
		}
	}
	return faults, in.epoch, in.changed
}

// chance returns the sources of chance of the next connection.
func (in *Injector) chance() [2]*rand.Rand {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.dialled++
	return [2]*rand.Rand{
		rand.New(rand.NewPCG(in.seed, in.dialled<<1)),
		rand.New(rand.NewPCG(in.seed, in.dialled<<1|1)),
	}
}

// add makes a connection known. It begins to be reset from here.
func (in *Injector) add(c *conn) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.conns[c] = struct{}{}
	in.schedule(c)
}

func (in *Injector) remove(c *conn) {
	in.mu.Lock()
	defer in.mu.Unlock()
	delete(in.conns, c)
	if c.timer != nil {
		c.timer.Stop()
	}
}

// schedule sets or stops the timer of a reset. The caller holds mu.
func (in *Injector) schedule(c *conn) {
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	if i := slices.IndexFunc(in.faults, func(f Fault) bool { return f.kind == reset }); i >= 0 {
		c.timer = time.AfterFunc(in.faults[i].wait, c.reset)
	}
}

// DialContext wraps a function that dials, such as the method of a net.Dialer or of queuptest's server. Errors of dial are
// its own.
func (in *Injector) DialContext(dial func(ctx context.Context, network, addr string) (net.Conn, error)) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		inner, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return newConn(in, inner), nil
	}
}
