package client

import (
	"context"
	"sync"
)

// workers are the goroutines of a client, counted so that Done can say when the last one has returned.
type workers struct {
	ctx context.Context // the client's life; its cause is ErrClosed after Close

	mu      sync.Mutex
	closed  bool // guarded by mu
	running sync.WaitGroup
}

// start runs f in a goroutine and reports whether it did: after close it does not.
func (w *workers) start(f func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.running.Go(f)
	return true
}

// bound returns a context that also ends with another one, and what gives it back.
func bound(ctx, life context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(life, func() { cancel(context.Cause(life)) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// close lets no further goroutine start. It reports whether this was the first call.
func (w *workers) close() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	first := !w.closed
	w.closed = true
	return first
}
