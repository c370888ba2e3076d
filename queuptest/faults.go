package queuptest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/queup-go/queup/internal/saturate"
	"github.com/queup-go/queup/internal/testkit/faults"
)

// A FaultConfig describes a bad network between the server and all its clients: one of the named faults at a time, for a while,
// and quiet between them.
type FaultConfig struct {
	Names []string      // of [FaultNames]; which one comes next is drawn
	Seed  uint64        // of all that is drawn; the same seed, the same faults
	Every time.Duration // how long it is quiet between two faults, give or take a half; 0: 20 s
	For   time.Duration // how long a fault lasts; 0: 5 s
}

// The pace of faults unless the configuration says otherwise.
const (
	defaultFaultEvery = 20 * time.Second
	defaultFaultFor   = 5 * time.Second
)

// badNetworks are the faults by name.
var badNetworks = map[string]func() faults.Fault{
	"latency":   func() faults.Fault { return faults.Latency(400*time.Millisecond, 50*time.Millisecond) },
	"jitter":    func() faults.Fault { return faults.Latency(300*time.Millisecond, 300*time.Millisecond) },
	"bandwidth": func() faults.Fault { return faults.Bandwidth(2 << 10) },
	"slicer":    func() faults.Fault { return faults.Slicer(64, 60, time.Millisecond) },
	"reset":     func() faults.Fault { return faults.Reset(0) },
	"stall":     func() faults.Fault { return faults.Stall() },
	"half-open": func() faults.Fault { return faults.HalfOpen() },
	"truncate":  func() faults.Fault { return faults.Truncate(512) },
	"duplicate": func() faults.Fault { return faults.Duplicate(0.2) },
	"corrupt":   func() faults.Fault { return faults.Corrupt(0.2) },
}

// FaultNames returns the faults that [Faults] knows, sorted:
//
//	bandwidth   2 KiB a second
//	corrupt     bits are flipped
//	duplicate   bytes arrive twice
//	half-open   nothing arrives any more, and nobody says so: a connection of that time is lost, even when the fault is over
//	jitter      everything arrives later, by up to 600 ms
//	latency     everything arrives about 400 ms later
//	reset       connections break, new ones as well
//	slicer      bytes arrive in small pieces
//	stall       nothing gets through until the fault is over
//	truncate    connections end after 512 bytes
func FaultNames() []string { return slices.Sorted(maps.Keys(badNetworks)) }

// Faults makes the network of the server bad now and then, for REST and the websocket alike: to see how a program bears it.
// State and answers are as without it, as far as they arrive. Time is the clock of package time, so that a day of bad network
// takes no time in a testing/synctest bubble. [Server.Close] ends the faults first.
func Faults(f FaultConfig) Option {
	return func(c *config) error {
		var errs []error
		if len(f.Names) == 0 {
			errs = append(errs, errors.New("faults: none is named"))
		}
		for _, name := range f.Names {
			if badNetworks[name] == nil {
				errs = append(errs, fmt.Errorf("faults: %q is none of %s", name, strings.Join(FaultNames(), ", ")))
			}
		}
		if f.Every < 0 || f.For < 0 {
			errs = append(errs, fmt.Errorf("faults: every %v for %v: neither can be less than zero", f.Every, f.For))
		}
		if f.Every == 0 {
			f.Every = defaultFaultEvery
		}
		if f.For == 0 {
			f.For = defaultFaultFor
		}
		f.Names = slices.Clone(f.Names)
		c.faults = &f
		return errors.Join(errs...)
	}
}

// badNetwork has faults come and go.
type badNetwork struct {
	config   FaultConfig
	injector *faults.Injector
	rand     *rand.Rand
	stop     chan struct{} // closed by end
	ended    chan struct{} // closed when no fault comes any more
}

func newBadNetwork(f FaultConfig) *badNetwork {
	n := &badNetwork{
		config:   f,
		injector: faults.New(f.Seed),
		rand:     rand.New(rand.NewPCG(f.Seed, 4)),
		stop:     make(chan struct{}),
		ended:    make(chan struct{}),
	}
	go n.run()
	return n
}

func (n *badNetwork) run() {
	defer close(n.ended)
	defer n.injector.Set()
	for {
		if !n.sleep(saturate.Add(n.config.Every/2, saturate.Float(n.rand.Float64(), n.config.Every))) {
			return
		}
		n.injector.Set(badNetworks[n.config.Names[n.rand.IntN(len(n.config.Names))]]())
		if !n.sleep(n.config.For) {
			return
		}
		n.injector.Set()
	}
}

func (n *badNetwork) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-n.stop:
		return false
	}
}

// end heals the network for good. It may be nil.
func (n *badNetwork) end() {
	if n != nil {
		close(n.stop)
		<-n.ended
	}
}

// faultyListener accepts connections over the bad network.
type faultyListener struct {
	net.Listener
	network *badNetwork
}

// Accept implements net.Listener.
func (l faultyListener) Accept() (net.Conn, error) {
	accept := l.network.injector.DialContext(func(context.Context, string, string) (net.Conn, error) { return l.Listener.Accept() })
	return accept(context.Background(), "", "")
}
