package tasks

import (
	"context"
	"sync"
)

// SharedCalls lets concurrent callers with the same key share one call. The call is cancelled when its last caller has
// given up, so the deadline of one caller does not end the call of another. At most one call per key is in flight. The zero
// value is ready to use.
type SharedCalls[K comparable, V any] struct {
	mu    sync.Mutex
	calls map[K]*sharedCall[V] // guarded by mu
}

type sharedCall[V any] struct {
	done    chan struct{} // closed once value and err are set
	value   V
	err     error
	callers int                     // guarded by SharedCalls.mu; 0 when all have given up
	cancel  context.CancelCauseFunc // ends the call
}

// Do returns the result of fn, or the cause of ctx if that ends first. fn runs in a goroutine of the group, and at most
// once at a time per key.
func (s *SharedCalls[K, V]) Do(ctx context.Context, key K, group *Group, fn func(context.Context) (V, error)) (V, error) {
	var none V
	for {
		call, joined, err := s.enter(key, group, fn)
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
				s.giveUp(call, context.Cause(ctx))
			}
			return none, context.Cause(ctx)
		}
	}
}

// enter joins the call for key, or starts it. A call that all callers have given up cannot be joined, only waited for.
func (s *SharedCalls[K, V]) enter(key K, group *Group, fn func(context.Context) (V, error)) (call *sharedCall[V], joined bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if call, ok := s.calls[key]; ok {
		joined := call.callers > 0
		if joined {
			call.callers++
		}
		return call, joined, nil
	}
	ctx, cancel := context.WithCancelCause(group.ctx)
	call = &sharedCall[V]{done: make(chan struct{}), callers: 1, cancel: cancel}
	started := group.Start(func() {
		defer cancel(nil)
		call.value, call.err = fn(ctx)
		s.mu.Lock()
		delete(s.calls, key)
		s.mu.Unlock()
		close(call.done)
	})
	if !started {
		cancel(nil)
		return nil, false, group.reason
	}
	if s.calls == nil {
		s.calls = make(map[K]*sharedCall[V])
	}
	s.calls[key] = call
	return call, true, nil
}

// giveUp removes a caller from the call and ends the call if that was the last.
func (s *SharedCalls[K, V]) giveUp(call *sharedCall[V], cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if call.callers--; call.callers == 0 {
		call.cancel(cause)
	}
}

// Wait returns when no call with that key is in flight, or when ctx ends.
func (s *SharedCalls[K, V]) Wait(ctx context.Context, key K) {
	s.mu.Lock()
	call := s.calls[key]
	s.mu.Unlock()
	if call == nil {
		return
	}
	select {
	case <-call.done:
	case <-ctx.Done():
	}
}
