package cassettes

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/queup-go/queup/realtime"
)

// mismatchError is the cause of [Cassette.Context] after a mismatch: the explanation that the test shows.
type mismatchError struct {
	explanation string
	err         error
}

func (e *mismatchError) Error() string { return e.explanation }
func (e *mismatchError) Unwrap() error { return e.err }

// ending is what ends a test after the first mismatch.
type ending struct {
	mu     sync.Mutex
	first  *mismatchError          // guarded by mu; nil without a mismatch
	ctx    context.Context         // guarded by mu; nil until Context is called
	cancel context.CancelCauseFunc // guarded by mu; of ctx
	guard  *guard                  // guarded by mu; nil without a mismatch
	over   bool                    // guarded by mu; the test has ended
}

// Context returns the context to wait in: that of the test, which also ends with the first mismatch. Then its cause explains
// the mismatch and matches [ErrUnmatched]. A test that waits in it ends at once where its program and its recording part.
func (c *Cassette) Context() context.Context {
	e := &c.ending
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ctx == nil {
		e.ctx, e.cancel = context.WithCancelCause(c.t.Context())
		if e.first != nil {
			e.cancel(e.first)
		}
	}
	return e.ctx
}

// Recording reports whether the program speaks to a real server, as in all modes but the replay of a recording. It is for
// tests that play the part of other people: in replay these parts are in the recording. [New] replays a recording if there is one.
func (c *Cassette) Recording() bool { return c.task != playing }

// endTest ends what the test may be waiting in. If the test has not ended after patience, the process ends.
func (c *Cassette) endTest(explanation string, err error) {
	if c.ending.begin(explanation, err) {
		c.breakOff()
	}
}

// begin starts the guard, and reports whether this is the first mismatch of a test that has not ended yet.
func (e *ending) begin(explanation string, err error) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.first != nil || e.over {
		return false
	}
	e.first = &mismatchError{explanation: explanation, err: err}
	e.guard = newGuard(explanation)
	return true
}

// breakOff ends the context and the connections after a mismatch.
func (c *Cassette) breakOff() {
	e := &c.ending
	e.mu.Lock()
	if e.cancel != nil {
		e.cancel(e.first)
	}
	err := e.first.err
	e.mu.Unlock()
	c.play.end(realtime.Permanent(err))
	c.added.end()
}

// cause returns the error of the first mismatch, nil without one.
func (e *ending) cause() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.first == nil {
		return nil
	}
	return e.first.err
}

// ended logs the explanation of the first mismatch as the last thing, and reports whether there was one.
func (e *ending) ended(tb testing.TB) bool {
	tb.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.over = true
	if e.cancel != nil {
		e.cancel(errOver)
	}
	if e.first == nil {
		return false
	}
	e.guard.stop()
	tb.Logf("what ended the test, once more:\n%s", e.first.explanation)
	return true
}

// end breaks all connections with a permanent error, and refuses new ones.
func (p *playback) end(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = err
	for _, pl := range p.players {
		pl.over = err
	}
	p.wake()
}

// patience is how long a test may go on after a mismatch, in real time.
const patience = 5 * time.Second

// guard ends the process if a test hangs after a mismatch. The clock of a synctest bubble stands still while the test hangs.
// So the guard needs a timer from outside the bubble. The function of [runtime.AddCleanup] runs there.
type guard struct {
	mu      sync.Mutex
	stopped bool        // guarded by mu
	timer   *time.Timer // guarded by mu; nil until the cleanup has run
}

func newGuard(explanation string) *guard {
	g := &guard{}
	runtime.AddCleanup(&canary{}, func(g *guard) { g.start(explanation) }, g)
	runtime.GC() // a canary is garbage at once
	return g
}

// canary is garbage whose collection starts a guard. It is too large to share its memory with other objects.
type canary struct{ _ [64]*byte }

func (g *guard) start(explanation string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		return
	}
	g.timer = time.AfterFunc(patience, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.stopped {
			return
		}
		fmt.Fprintf(os.Stderr, "\nThe test still waits %v after its program and its recording parted. "+
			"This ends all tests of the package; a test that waits in c.Context() ends alone.\n\n%s\n", patience, explanation)
		os.Exit(1) //nolint:revive // nothing else ends a test that waits in what only it knows
	})
}

func (g *guard) stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopped = true
	if g.timer != nil {
		g.timer.Stop()
	}
}
