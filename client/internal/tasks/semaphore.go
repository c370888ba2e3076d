package tasks

import "context"

// A Semaphore has a number of places. Whoever acquires one waits in no particular order.
type Semaphore chan struct{}

// NewSemaphore returns a semaphore with so many places. With one it is a lock.
func NewSemaphore(places int) Semaphore { return make(Semaphore, places) }

// Acquire takes a place, or returns the cause of the end of ctx.
func (s Semaphore) Acquire(ctx context.Context) error {
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// TryAcquire takes a place if one is free, and reports whether it did.
func (s Semaphore) TryAcquire() bool {
	select {
	case s <- struct{}{}:
		return true
	default:
		return false
	}
}

// Release gives a place back.
func (s Semaphore) Release() { <-s }

// Free reports whether no place is taken.
func (s Semaphore) Free() bool { return len(s) == 0 }
