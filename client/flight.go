package client

import (
	"context"
	"sync"
)

// flight lets concurrent callers with the same key share one call. The call ends when its last caller has given up, so
// nobody's deadline ends the call of another; and it has ended before another call with its key begins.
type flight[K comparable, V any] struct {
	mu    sync.Mutex
	calls map[K]*sharedCall[V] // guarded by mu
}

type sharedCall[V any] struct {
	done    chan struct{} // closed once value and err are set
	value   V
	err     error
	callers int                     // guarded by flight.mu; 0 when all have given up
	cancel  context.CancelCauseFunc // ends the call
}

// do returns the outcome of fn, which runs at most once at a time per key, or the cause of ctx if that ends first. fn
// runs in a goroutine of the given workers.
func (f *flight[K, V]) do(ctx context.Context, key K, workers *workers, fn func(context.Context) (V, error)) (V, error) {
	var none V
	for {
		call, joined, err := f.enter(key, workers, fn)
		if err != nil {
			return none, err
		}
		select {
		case <-call.done:
			if joined {
				return call.value, call.err
			}
		case <-ctx.Done():
			if joined {
				f.giveUp(call, context.Cause(ctx))
			}
			return none, context.Cause(ctx)
		}
	}
}

// enter joins the call for key, or starts it. A call that all have given up cannot be joined, only waited for.
func (f *flight[K, V]) enter(key K, workers *workers, fn func(context.Context) (V, error)) (call *sharedCall[V], joined bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if call, ok := f.calls[key]; ok {
		joined := call.callers > 0
		if joined {
			call.callers++
		}
		return call, joined, nil
	}
	ctx, cancel := context.WithCancelCause(workers.ctx)
	call = &sharedCall[V]{done: make(chan struct{}), callers: 1, cancel: cancel}
	started := workers.start(func() {
		defer cancel(nil)
		call.value, call.err = fn(ctx)
		f.mu.Lock()
		delete(f.calls, key)
		f.mu.Unlock()
		close(call.done)
	})
	if !started {
		cancel(nil)
		return nil, false, ErrClosed
	}
	if f.calls == nil {
		f.calls = make(map[K]*sharedCall[V])
	}
	f.calls[key] = call
	return call, true, nil
}

// giveUp takes a caller out of the call and ends it if that was the last.
func (f *flight[K, V]) giveUp(call *sharedCall[V], cause error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if call.callers--; call.callers == 0 {
		call.cancel(cause)
	}
}

// idle waits until no call with that key is under way, or until ctx ends.
func (f *flight[K, V]) idle(ctx context.Context, key K) {
	f.mu.Lock()
	call := f.calls[key]
	f.mu.Unlock()
	if call == nil {
		return
	}
	select {
	case <-call.done:
	case <-ctx.Done():
	}
}
