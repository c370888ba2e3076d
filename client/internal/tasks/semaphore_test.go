package tasks

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

func TestSemaphore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSemaphore(2)
		if !s.Free() {
			t.Error("a new semaphore is not free")
		}
		if err := errors.Join(s.Acquire(t.Context()), s.Acquire(t.Context())); err != nil {
			t.Fatal(err)
		}
		reason := errors.New("given up")
		ctx, cancel := context.WithCancelCause(t.Context())
		third := make(chan error, 2)
		go func() { third <- s.Acquire(ctx) }()
		synctest.Wait()
		cancel(reason)
		if err := <-third; !errors.Is(err, reason) {
			t.Errorf("the third, who gave up, got %v", err)
		}
		go func() { third <- s.Acquire(t.Context()) }()
		synctest.Wait()
		select {
		case err := <-third:
			t.Errorf("there is a third place: %v", err)
		default:
		}
		s.Release()
		if err := <-third; err != nil {
			t.Error(err)
		}
		s.Release()
		if s.Free() {
			t.Error("it is free although a place is taken")
		}
		s.Release()
		if !s.Free() {
			t.Error("it is not free although no place is taken")
		}
	})
}
