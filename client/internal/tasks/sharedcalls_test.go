package tasks

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

var errClosed = errors.New("closed")

func TestSharedCalls(t *testing.T) {
	newGroup := func(t *testing.T) *Group {
		ctx, cancel := context.WithCancelCause(t.Context())
		g := NewGroup(ctx, errClosed)
		t.Cleanup(func() {
			g.Close()
			cancel(errClosed)
			g.Wait()
		})
		return g
	}
	// slow counts its calls and takes a second, or until its context ends and then another second to tidy up.
	slow := func(calls *int) func(context.Context) (int, error) {
		return func(ctx context.Context) (int, error) {
			*calls++
			n := *calls
			select {
			case <-time.After(time.Second):
				return n, nil
			case <-ctx.Done():
				time.Sleep(time.Second)
				return 0, context.Cause(ctx)
			}
		}
	}
	t.Run("callers at the same time share a call", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var shared SharedCalls[string, int]
			g, calls := newGroup(t), 0
			results := make(chan int)
			for range 3 {
				go func() {
					n, err := shared.Do(t.Context(), "key", g, slow(&calls))
					if err != nil {
						t.Error(err)
					}
					results <- n
				}()
			}
			for range 3 {
				if n := <-results; n != 1 {
					t.Errorf("got the outcome of call %d", n)
				}
			}
			if n, err := shared.Do(t.Context(), "key", g, slow(&calls)); n != 2 || err != nil {
				t.Errorf("a later call = %d, %v", n, err)
			}
		})
	})
	t.Run("a caller who gives up ends nobody else's call", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var shared SharedCalls[string, int]
			g, calls := newGroup(t), 0
			impatient, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			gaveUp := make(chan error)
			go func() {
				_, err := shared.Do(impatient, "key", g, slow(&calls))
				gaveUp <- err
			}()
			synctest.Wait()
			n, err := shared.Do(t.Context(), "key", g, slow(&calls))
			if n != 1 || err != nil || !errors.Is(<-gaveUp, context.DeadlineExceeded) {
				t.Errorf("the patient caller got %d, %v", n, err)
			}
		})
	})
	t.Run("the next call begins when the one given up has ended", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var shared SharedCalls[string, int]
			g, calls := newGroup(t), 0
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			start := time.Now()
			if _, err := shared.Do(ctx, "key", g, slow(&calls)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("err = %v", err)
			}
			n, err := shared.Do(t.Context(), "key", g, slow(&calls))
			if took := time.Since(start); n != 2 || err != nil || took != 2*time.Second+time.Millisecond {
				t.Errorf("the next call = %d, %v after %v", n, err, took)
			}
		})
	})
	t.Run("after close there is none", func(t *testing.T) {
		var shared SharedCalls[string, int]
		g, calls := newGroup(t), 0
		g.Close()
		if _, err := shared.Do(t.Context(), "key", g, slow(&calls)); !errors.Is(err, errClosed) || calls != 0 {
			t.Errorf("err = %v after %d calls", err, calls)
		}
	})
}
