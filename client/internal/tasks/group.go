package tasks

import (
	"context"
	"sync"
)

// A Group runs goroutines and counts them, so that [Group.Wait] can return when the last one has.
type Group struct {
	ctx    context.Context // immutable
	reason error           // immutable; the error of a closed group that would have to start a goroutine

	mu      sync.Mutex
	closed  bool // guarded by mu
	running sync.WaitGroup
}

// NewGroup returns a group whose goroutines live as long as ctx. After Close, calls that need a goroutine fail with reason,
// which is also the cause of ctx once it has ended.
func NewGroup(ctx context.Context, reason error) *Group { return &Group{ctx: ctx, reason: reason} }

// Context returns the context of the group's goroutines.
func (g *Group) Context() context.Context { return g.ctx }

// Start runs f in a goroutine and reports whether it did. After Close it does not.
func (g *Group) Start(f func()) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.running.Go(f)
	return true
}

// Close prevents further goroutines from starting. It reports whether this was the first call.
func (g *Group) Close() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	first := !g.closed
	g.closed = true
	return first
}

// Wait returns after Close, when the last goroutine has returned.
func (g *Group) Wait() { g.running.Wait() }

// Bound returns a context that also ends when life does, and a function that releases its resources. The context has ended
// already if life has: the function of AfterFunc would end it a moment later.
func Bound(ctx, life context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	if life.Err() != nil {
		cancel(context.Cause(life))
	}
	stop := context.AfterFunc(life, func() { cancel(context.Cause(life)) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}
