package tasks

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGroup(t.Context(), errClosed)
		returned := false
		if !g.Start(func() { time.Sleep(time.Second); returned = true }) {
			t.Error("an open group starts nothing")
		}
		if !g.Close() || g.Close() {
			t.Error("Close does not report its first call")
		}
		if g.Start(func() { t.Error("a closed group has started a goroutine") }) {
			t.Error("a closed group says that it starts a goroutine")
		}
		g.Wait()
		if !returned {
			t.Error("Wait returned before the goroutine")
		}
	})
}

func TestBound(t *testing.T) {
	over := errors.New("over")
	synctest.Test(t, func(t *testing.T) {
		for name, which := range map[string]int{"the context": 0, "the life": 1} {
			ctx, end := context.WithCancelCause(t.Context())
			life, endLife := context.WithCancelCause(t.Context())
			bound, release := Bound(ctx, life)
			if bound.Err() != nil {
				t.Errorf("%s: it ends at once", name)
			}
			[]context.CancelCauseFunc{end, endLife}[which](over)
			synctest.Wait()
			if cause := context.Cause(bound); !errors.Is(cause, over) {
				t.Errorf("%s: the cause is %v", name, cause)
			}
			release()
			end(nil)
			endLife(nil)
		}
		life, endLife := context.WithCancelCause(t.Context())
		endLife(over)
		bound, release := Bound(t.Context(), life)
		if cause := context.Cause(bound); !errors.Is(cause, over) {
			t.Errorf("after the end of the life the cause is %v", cause)
		}
		release()
		life, endLife = context.WithCancelCause(t.Context())
		bound, release = Bound(t.Context(), life)
		release()
		endLife(over)
		synctest.Wait()
		if cause := context.Cause(bound); !errors.Is(cause, context.Canceled) {
			t.Errorf("after release the cause is %v", cause)
		}
	})
}
