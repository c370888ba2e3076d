package client

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A stage is a client without a network, whose events the test makes itself.
func newStage(t *testing.T, opts ...Option) *Client {
	t.Helper()
	c, err := New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close()
		<-c.Done()
	})
	return c
}

func line(text string) Chat { return Chat{Message: Message{Content: text}} }

func TestOn_receivesItsTypeInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newStage(t)
		var chat, all []string
		On(c, func(_ context.Context, e Chat) error {
			chat = append(chat, e.Message.Content)
			return nil
		})
		On(c, func(_ context.Context, e Event) error {
			all = append(all, fmt.Sprintf("%T", e))
			return nil
		})
		for i := range 3 {
			c.events.emit(line(fmt.Sprint(i)))
			c.events.emit(Ready{})
		}
		synctest.Wait()
		if want := []string{"0", "1", "2"}; !slices.Equal(chat, want) {
			t.Errorf("chat %q, want %q", chat, want)
		}
		want := slices.Repeat([]string{"client.Chat", "client.Ready"}, 3)
		if !slices.Equal(all, want) {
			t.Errorf("all %q, want %q", all, want)
		}
	})
}

func TestOn_ofARoomReceivesThatRoomOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newStage(t)
		lounge, attic := newRoom(c, "1"), newRoom(c, "2")
		var heard []string
		On(lounge, func(_ context.Context, e Chat) error {
			heard = append(heard, e.Message.Content)
			return nil
		})
		for _, room := range []*Room{lounge, attic, nil} {
			c.events.emit(Chat{Meta: Meta{Room: room}, Message: Message{Content: fmt.Sprint(room)}})
		}
		synctest.Wait()
		if want := []string{"1"}; !slices.Equal(heard, want) {
			t.Errorf("heard %q, want %q", heard, want)
		}
	})
}

// named is an interface that Lagged alone satisfies.
type named interface {
	Event
	Error() string
}

func TestOn_takesInterfacesThatEventsSatisfy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newStage(t)
		var heard []string
		On(c, func(_ context.Context, e named) error {
			heard = append(heard, fmt.Sprintf("%T", e))
			return nil
		})
		c.events.emit(line("hi"))
		c.events.emit(Lagged{})
		synctest.Wait()
		if want := []string{"client.Lagged"}; !slices.Equal(heard, want) {
			t.Errorf("heard %q, want %q", heard, want)
		}
	})
}

// bot and visit are what a program may make of a client and a room.
type (
	bot   struct{ *Client }
	visit struct{ *Room }
)

func TestOn_takesAStructThatEmbedsASource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newStage(t)
		lounge := newRoom(c, "1")
		sources := []Source{bot{c}, &bot{c}, visit{lounge}}
		heard := make([]int, len(sources))
		for i, s := range sources {
			On(s, func(context.Context, Chat) error { heard[i]++; return nil })
		}
		c.events.emit(line("hi"))
		c.events.emit(Chat{Meta: Meta{Room: lounge}})
		synctest.Wait()
		if want := []int{2, 2, 1}; !slices.Equal(heard, want) {
			t.Errorf("heard %v, want %v", heard, want)
		}
	})
}

type chatWithNotes struct {
	Chat
	notes string
}

type impossible interface {
	Event
	Impossible()
}

func TestRegistration_refusesWhatCouldNeverWork(t *testing.T) {
	c := newStage(t)
	nothing := func(context.Context, Chat) error { return nil }
	tests := map[string]struct {
		register func()
		says     []string
	}{
		"On of a pointer":         {func() { On(c, func(context.Context, *Chat) error { return nil }) }, []string{"On[*client.Chat]", "use client.Chat"}},
		"On of an embedding":      {func() { On(c, func(context.Context, chatWithNotes) error { return nil }) }, []string{"client.chatWithNotes", "use client.Chat"}},
		"On of a hopeless type":   {func() { On(c, func(context.Context, impossible) error { return nil }) }, []string{"client.impossible"}},
		"On of Meta alone":        {func() { On(c, func(context.Context, Meta) error { return nil }) }, []string{"client.Meta"}},
		"On with a nil handler":   {func() { On[Chat](c, nil) }, []string{"On[client.Chat]", "handler is nil"}},
		"On with a nil source":    {func() { On(nil, nothing) }, []string{"On[client.Chat]", "source is nil"}},
		"On with a nil client":    {func() { On((*Client)(nil), nothing) }, []string{"source is nil"}},
		"On with a nil room":      {func() { On((*Room)(nil), nothing) }, []string{"source is nil"}},
		"On with an empty struct": {func() { On(struct{ *Client }{}, nothing) }, []string{"On[client.Chat]", "source is nil"}},
		"Stream of a pointer":     {func() { Stream[*Chat](t.Context(), c) }, []string{"Stream[*client.Chat]", "use client.Chat"}},
		"Stream of an embedding":  {func() { Stream[chatWithNotes](t.Context(), c) }, []string{"client.chatWithNotes"}},
		"Stream from nil":         {func() { Stream[Chat](t.Context(), nil) }, []string{"Stream[client.Chat]", "source is nil"}},
		"Next of a pointer":       {func() { _, _ = Next[*Chat](t.Context(), c, nil) }, []string{"Next[*client.Chat]", "use client.Chat"}},
		"Next of an embedding":    {func() { _, _ = Next[chatWithNotes](t.Context(), c, nil) }, []string{"client.chatWithNotes"}},
		"Next from a nil *Client": {func() { _, _ = Next[Chat](t.Context(), (*Client)(nil), nil) }, []string{"Next[client.Chat]", "source is nil"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			defer func() {
				text := fmt.Sprint(recover())
				for _, want := range tt.says {
					if !strings.Contains(text, want) {
						t.Errorf("panicked with %q, want it to say %q", text, want)
					}
				}
			}()
			tt.register()
		})
	}
	_ = chatWithNotes{}.notes
}

// problems collects the errors that the error handler receives.
type problems struct {
	mu   sync.Mutex
	errs []error
}

func (p *problems) option() Option {
	return WithErrorHandler(func(_ context.Context, err error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.errs = append(p.errs, err)
	})
}

func TestHandlers_thatPanicOrFailEndNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen problems
		c := newStage(t, seen.option())
		heard := make([]int, 3)
		failure := errors.New("no luck")
		On(c, func(context.Context, Chat) error { heard[0]++; panic("oh no") })
		On(c, func(context.Context, Chat) error { heard[1]++; return failure })
		On(c, func(context.Context, Chat) error { heard[2]++; return nil })
		for range 2 {
			c.events.emit(line("hi"))
		}
		synctest.Wait()
		if want := []int{2, 2, 2}; !slices.Equal(heard, want) {
			t.Errorf("heard %v, want %v", heard, want)
		}
		var panics, failures int
		for _, err := range seen.errs {
			if p, ok := errors.AsType[*PanicError](err); ok && p.Value == "oh no" && p.Event == "Chat" && strings.Contains(string(p.Stack), "subscribe_test") {
				panics++
			}
			if h, ok := errors.AsType[*HandlerError](err); ok && errors.Is(err, failure) && h.Event == "Chat" {
				failures++
			}
		}
		if panics != 2 || failures != 2 || len(seen.errs) != 4 {
			t.Errorf("%d panics and %d failures in %v", panics, failures, seen.errs)
		}
	})
}

func TestHandlers_mayCancelThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newStage(t)
		heard := 0
		var cancel func()
		cancel = On(c, func(context.Context, Chat) error {
			heard++
			cancel()
			cancel()
			return nil
		})
		for range 5 {
			c.events.emit(line("hi"))
		}
		synctest.Wait()
		if heard != 1 {
			t.Errorf("heard %d events, want 1", heard)
		}
	})
}

func TestHandlers_mayCloseTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newStage(t)
		var after error
		On(c, func(ctx context.Context, _ Chat) error {
			if err := c.Close(); err != nil {
				return err
			}
			<-ctx.Done()
			after = context.Cause(ctx)
			return nil
		})
		c.events.emit(line("hi"))
		<-c.Done()
		if !errors.Is(after, ErrClosed) {
			t.Errorf("the handler's context ended with %v", after)
		}
	})
}

func TestHandlers_thatNeverReturnStopNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newStage(t)
		heard := 0
		On(c, func(ctx context.Context, _ Chat) error { <-ctx.Done(); return nil })
		On(c, func(context.Context, Chat) error { heard++; return nil })
		for range 100 {
			c.events.emit(line("hi"))
		}
		synctest.Wait()
		if heard != 100 {
			t.Errorf("heard %d events, want 100", heard)
		}
	})
}

func TestLagged_reportsTheExactCountOncePerEpisode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen problems
		c := newStage(t, WithQueue(8, DropOldest), seen.option())
		gate := make(chan struct{})
		var heard []string
		On(c, func(_ context.Context, e Chat) error {
			<-gate
			heard = append(heard, e.Message.Content)
			return nil
		})
		var lagged []Lagged
		On(c, func(_ context.Context, e Lagged) error { lagged = append(lagged, e); return nil })

		for episode := range 2 {
			start := time.Now()
			heard = nil
			c.events.emit(line("first")) // goes to the handler, which waits
			synctest.Wait()
			for i := range 20 {
				c.events.emit(line(fmt.Sprint(i)))
			}
			for range 9 {
				gate <- struct{}{}
				time.Sleep(time.Second)
			}
			synctest.Wait()
			if want := []string{"first", "12", "13", "14", "15", "16", "17", "18", "19"}; !slices.Equal(heard, want) {
				t.Errorf("heard %q, want %q", heard, want)
			}
			if len(lagged) != episode+1 {
				t.Fatalf("Lagged %d times after %d episodes", len(lagged), episode+1)
			}
			if got := lagged[episode]; got.Dropped != 12 || got.Type != "Chat" || !got.Since.Equal(start) {
				t.Errorf("Lagged = %+v, want 12 of Chat since %v", got, start)
			}
		}
		if len(seen.errs) != 2 {
			t.Errorf("the error handler heard %v", seen.errs)
		} else if l, ok := errors.AsType[Lagged](seen.errs[0]); !ok || l.Dropped != 12 {
			t.Errorf("the error handler heard %v", seen.errs[0])
		}
	})
}

// A handler that never catches up: half empty is what its queue does not become.
func TestLagged_reportsALastingOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen problems
		c := newStage(t, WithQueue(8, DropOldest), seen.option())
		handled, lost := 0, 0
		On(c, func(context.Context, Chat) error {
			handled++
			time.Sleep(1100 * time.Millisecond)
			return nil
		})
		told := time.Now()
		On(c, func(_ context.Context, e Lagged) error {
			lost += e.Dropped
			if late := time.Since(e.Since); e.Since.Before(told) || late > time.Minute {
				t.Errorf("Lagged since %v, told after %v; the one before was told at %v", e.Since, late, told)
			}
			told = time.Now()
			return nil
		})
		const lines = 3600
		for range lines { // an hour, a line a second
			c.events.emit(line("hi"))
			time.Sleep(time.Second)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if lost < 300 || handled+lost != lines {
			t.Errorf("%d lines handled and %d reported as lost, of %d", handled, lost, lines)
		}
		if len(seen.errs) < 10 {
			t.Errorf("the error handler heard %d times", len(seen.errs))
		}
	})
}

func TestLagged_reportsAHandlerThatNeverReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen problems
		c := newStage(t, WithQueue(8, DropOldest), seen.option())
		On(c, func(ctx context.Context, _ Chat) error { <-ctx.Done(); return nil })
		lost := 0
		On(c, func(_ context.Context, e Lagged) error { lost += e.Dropped; return nil })
		const lines = 600
		for range lines { // ten minutes
			c.events.emit(line("hi"))
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if most := lines - 9; lost > most || lost < most-60 { // one is being handled, eight wait, and the last minute may be untold
			t.Errorf("%d lines reported as lost, want about %d", lost, most)
		}
		if len(seen.errs) < 10 {
			t.Errorf("the error handler heard %d times", len(seen.errs))
		}
	})
}

func TestBlock_losesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newStage(t, WithQueue(2, Block))
		var heard []string
		On(c, func(_ context.Context, e Chat) error {
			time.Sleep(time.Second)
			heard = append(heard, e.Message.Content)
			return nil
		})
		start := time.Now()
		var want []string
		for i := range 10 {
			c.events.emit(line(fmt.Sprint(i)))
			want = append(want, fmt.Sprint(i))
		}
		if waited := time.Since(start); waited != 7*time.Second { // one is being handled and two wait
			t.Errorf("the tenth event was taken after %v, want 7s", waited)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if !slices.Equal(heard, want) {
			t.Errorf("heard %q, want %q", heard, want)
		}
	})
}

func TestBlock_endsWithClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newStage(t, WithQueue(1, Block))
		On(c, func(ctx context.Context, _ Chat) error { <-ctx.Done(); return nil })
		emitted := make(chan struct{})
		go func() {
			defer close(emitted)
			for range 5 {
				c.events.emit(line("hi"))
			}
		}()
		synctest.Wait()
		_ = c.Close()
		<-emitted
	})
}

func TestStream(t *testing.T) {
	t.Run("hears what happens between the call and the loop", func(t *testing.T) {
		c := newStage(t)
		lines := Stream[Chat](t.Context(), c)
		c.events.emit(line("early"))
		for e := range lines {
			if e.Message.Content != "early" {
				t.Errorf("heard %q", e.Message.Content)
			}
			break
		}
		for range lines {
			t.Error("a stream can be used twice")
		}
		if n := len((*c.events.byType.Load())[reflect.TypeFor[Chat]()]); n != 0 {
			t.Errorf("%d subscriptions are left after break", n)
		}
	})
	t.Run("ends with its context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newStage(t)
			ctx, cancel := context.WithCancel(t.Context())
			lines, unused := Stream[Chat](ctx, c), Stream[Chat](ctx, c)
			_ = unused
			time.AfterFunc(time.Minute, cancel)
			for range lines {
				t.Error("heard something")
			}
			synctest.Wait()
			if n := len((*c.events.byType.Load())[reflect.TypeFor[Chat]()]); n != 0 {
				t.Errorf("%d subscriptions are left, the stream that was never used included", n)
			}
		})
	})
	t.Run("ends with Close", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newStage(t)
			lines := Stream[Event](t.Context(), c)
			time.AfterFunc(time.Minute, func() { _ = c.Close() })
			for range lines {
				t.Error("heard something")
			}
		})
	})
}

func TestNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newStage(t)
		time.AfterFunc(time.Second, func() {
			c.events.emit(line("one"))
			c.events.emit(line("two"))
		})
		e, err := Next(t.Context(), c, func(e Chat) bool { return e.Message.Content == "two" })
		if err != nil || e.Message.Content != "two" {
			t.Errorf("Next = %v, %v", e, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := Next[Chat](ctx, c, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Next after its time = %v", err)
		}
		time.AfterFunc(time.Second, func() { _ = c.Close() })
		if _, err := Next[Chat](t.Context(), c, nil); !errors.Is(err, ErrClosed) {
			t.Errorf("Next of a closed client = %v", err)
		}
	})
}

// A test that calls t.FailNow in a handler ends that goroutine. The subscription goes on with the next event.
func TestHandlers_mayEndTheirGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newStage(t)
		heard := 0
		On(c, func(context.Context, Chat) error {
			heard++
			runtime.Goexit()
			return nil
		})
		c.events.emit(line("one"))
		c.events.emit(line("two"))
		synctest.Wait()
		if heard != 2 {
			t.Errorf("heard %d events, want 2", heard)
		}
	})
}
