package client_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// The promises of docs/BEHAVIOUR.md about handlers that are slow.

// Somebody hears and does not return for ten minutes. Whoever else listens hears every line the moment it is said, the link is
// pinged as ever, and calls go through.
func TestQ06_slowHandler(t *testing.T) {
	const silent = 10 * time.Minute
	stuck := func(context.Context, client.Chat) error { time.Sleep(silent); return nil }
	for name, listen := range map[string]func(t *testing.T, bot *client.Client, room *client.Room){
		"a handler of the room": func(_ *testing.T, _ *client.Client, room *client.Room) { client.On(room, stuck) },
		"a handler of everything": func(_ *testing.T, bot *client.Client, _ *client.Room) {
			client.On(bot, func(context.Context, client.Event) error { time.Sleep(silent); return nil })
		},
		"twenty handlers": func(_ *testing.T, bot *client.Client, _ *client.Room) {
			for range 20 {
				client.On(bot, stuck)
			}
		},
		"a stream that nobody reads": func(t *testing.T, bot *client.Client, _ *client.Room) {
			t.Helper()
			_ = client.Stream[client.Event](t.Context(), bot)
		},
		"a handler, and who hears of its loss": func(_ *testing.T, bot *client.Client, room *client.Room) {
			client.On(room, stuck)
			client.On(bot, func(context.Context, client.Lagged) error { time.Sleep(silent); return nil })
		},
		"the error handler": func(_ *testing.T, _ *client.Client, room *client.Room) {
			client.On(room, func(context.Context, client.Chat) error { return errors.New("out of luck") })
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				bot, room := joinLounge(t, server, "bot", client.WithQueue(8, client.DropOldest), client.WithErrorHandler(func(context.Context, error) {
					time.Sleep(silent)
				}))
				listen(t, bot, room)
				outlive(t, server, bot, room, silent)
			})
		})
	}
}

// outlive says a line now and then for some time, and fails if somebody who is not slow hears one late, if the link is not
// pinged, or if a call does not go through.
func outlive(t *testing.T, server *queuptest.Server, bot *client.Client, room *client.Room, d time.Duration) {
	t.Helper()
	var heard []string
	var said time.Time // of the latest line; nothing is said before it was heard
	client.On(room, func(_ context.Context, e client.Chat) error {
		heard = append(heard, e.Message.Content)
		if late := time.Since(said); late > 0 {
			t.Errorf("%q was heard %v after it was said", e.Message.Content, late)
		}
		return nil
	})
	var want []string
	logged := len(server.Log())
	start := time.Now()
	for i := 0; time.Since(start) < d-time.Second; i++ {
		text := fmt.Sprint("line ", i)
		said = time.Now()
		server.Room("lounge").Say("alice", text)
		want = append(want, text)
		synctest.Wait()
		if i%50 == 25 {
			call, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := room.SendMessage(call, "still here"); err != nil {
				t.Errorf("after %v: %v", time.Since(start), err)
			}
			cancel()
		}
		if h := bot.Health(); h.State != realtime.StateConnected || time.Since(h.LastFrame) > 25*time.Second {
			t.Fatalf("after %v: %+v", time.Since(start), h)
		}
		time.Sleep(2900 * time.Millisecond)
	}
	pings := 0
	for _, e := range server.Log()[logged:] {
		if e.Kind == queuptest.KindWS && e.In && e.User == "bot" && e.Body == "2" {
			pings++
		}
	}
	if want := int((d - 2*time.Second) / (25 * time.Second)); pings < want {
		t.Errorf("%d pings in %v, want %d", pings, d, want)
	}
	if n := bot.Health().Reconnects; n != 0 {
		t.Errorf("%d connections were lost", n)
	}
	expect(t, "another handler heard", heard, want)
}

// load is a handler that is slow for a while and quick for another, and what it is offered.
type load struct {
	limit int
	lines []time.Duration // when which line is said, after the start; apart from each other
	takes []time.Duration // how long the handler takes for the first, second and so on that it gets
	end   time.Duration   // when the subscription is cancelled
}

// newLoad draws one. The times are such that nothing ever happens at the same moment.
func newLoad(r *rand.Rand) load {
	l := load{limit: []int{1, 2, 3, 8, 50}[r.IntN(5)]}
	at := time.Duration(0)
	for burst := range 2 + r.IntN(8) {
		pace := []time.Duration{time.Millisecond, 20 * time.Millisecond, 700 * time.Millisecond}[r.IntN(3)]
		for range 1 + r.IntN(120) {
			at += time.Millisecond * (1 + time.Duration(r.Int64N(int64(pace/time.Millisecond)*2+1)))
			l.lines = append(l.lines, at)
		}
		slow := []time.Duration{0, 10 * time.Millisecond, time.Second, 45 * time.Second}[r.IntN(4)]
		for range 1 + r.IntN(60) {
			l.takes = append(l.takes, time.Duration(r.Int64N(int64(slow)+1)).Truncate(time.Millisecond)+time.Duration(burst+1)*time.Microsecond)
		}
		at += time.Duration(r.Int64N(int64(20 * time.Second))).Truncate(time.Millisecond)
	}
	l.end = at + 10*time.Minute + 500*time.Nanosecond
	if r.IntN(3) == 0 { // in the middle of it
		l.end = time.Duration(r.Int64N(int64(at))).Truncate(time.Millisecond) + 500*time.Nanosecond
	}
	return l
}

// expected is what the promise says of a load, worked out without the code that keeps it: the lines that are handled, and what
// is told of the others. An episode begins with the first loss. It is told when half of the queue is free again, with the next
// loss after 30 s, or when the subscription ends.
func (l load) expected() (handled []int, lagged []string) {
	var queue []int
	var free time.Duration // when the handler returns
	dropped, since := 0, time.Duration(0)
	tell := func() {
		if dropped > 0 {
			lagged = append(lagged, fmt.Sprintf("%d since %v", dropped, since))
		}
		dropped = 0
	}
	runUntil := func(t time.Duration) {
		for len(queue) > 0 && free <= t {
			handled = append(handled, queue[0])
			queue = queue[1:]
			if len(queue) <= l.limit/2 {
				tell()
			}
			free += l.takes[(len(handled)-1)%len(l.takes)]
		}
	}
	for i, at := range l.lines {
		if at > l.end {
			break
		}
		runUntil(at)
		if len(queue) == l.limit {
			queue = queue[1:]
			if dropped++; dropped == 1 {
				since = at
			}
			if at-since >= 30*time.Second {
				tell()
			}
		}
		queue = append(queue, i)
		free = max(free, at)
		runUntil(at)
	}
	runUntil(l.end)
	tell()
	return handled, lagged
}

// Lagged tells each time when a queue ran over, with the exact number of the events that were lost, to whoever hears of it and
// to the error handler.
func TestQ07_laggedIsExact(t *testing.T) {
	total := 0
	for seed := range uint64(25) {
		inBubble(t, func(t *testing.T, server *queuptest.Server) {
			l := newLoad(rand.New(rand.NewPCG(seed, 7)))
			handled, lagged := l.expected()
			total += len(lagged)
			gotHandled, gotLagged, reported := l.play(t, server)
			if !slices.Equal(gotHandled, handled) {
				t.Errorf("seed %d: handled %v, want %v", seed, gotHandled, handled)
			}
			expect(t, fmt.Sprint("lagged, seed ", seed), gotLagged, lagged)
			expect(t, fmt.Sprint("the error handler, seed ", seed), reported, lagged)
		})
	}
	if total < 50 {
		t.Errorf("only %d episodes", total)
	}
}

// play has a bot live through a load.
func (l load) play(t *testing.T, server *queuptest.Server) (handled []int, lagged, reported []string) {
	t.Helper()
	var mu sync.Mutex
	var start time.Time
	tell := func(list *[]string, e client.Lagged) {
		mu.Lock()
		defer mu.Unlock()
		*list = append(*list, fmt.Sprintf("%d since %v", e.Dropped, e.Since.Sub(start)))
	}
	bot, room := joinLounge(t, server, "bot", client.WithQueue(l.limit, client.DropOldest), client.WithErrorHandler(func(_ context.Context, err error) {
		if e, ok := errors.AsType[client.Lagged](err); ok {
			tell(&reported, e)
		}
	}))
	client.On(bot, func(_ context.Context, e client.Lagged) error { tell(&lagged, e); return nil })
	cancel := client.On(room, func(_ context.Context, e client.Chat) error {
		var n int
		if _, err := fmt.Sscan(e.Message.Content, &n); err != nil {
			t.Error(err)
		}
		took := l.takes[len(handled)%len(l.takes)]
		handled = append(handled, n)
		time.Sleep(took)
		return nil
	})
	start = time.Now()
	for i, at := range l.lines {
		if at > l.end {
			break
		}
		time.Sleep(time.Until(start.Add(at)))
		server.Room("lounge").Say("alice", fmt.Sprint(i))
		synctest.Wait()
	}
	time.Sleep(time.Until(start.Add(l.end)))
	cancel()
	settle(time.Hour)
	return handled, lagged, reported
}

// heapInUse is what is in use after a collection.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Ten minutes at 200 events a second, of all kinds and 1,380 bytes each on average, of which a slow handler handles next to
// none: what waits for it is bounded, and so is everything else.
func TestQ08_slowHandlerMemory(t *testing.T) {
	const (
		rate = 200
		most = 16 << 20
	)
	lasts := 10 * time.Minute
	if client.UnderRace {
		lasts = 2 * time.Minute
	}
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot", client.WithErrorHandler(func(context.Context, error) {}))
		tape := server.Room("lounge").PrepareFlood(queuptest.FloodConfig{Events: rate * int(lasts/time.Second), Seed: 8})
		heard, handled := 0, 0
		client.On(bot, func(context.Context, client.Event) error { heard++; return nil })
		before := heapInUse()
		client.On(bot, func(ctx context.Context, _ client.Event) error {
			handled++
			select {
			case <-time.After(time.Minute):
			case <-ctx.Done():
			}
			return nil
		})
		if err := server.Room("lounge").SendFlood(t.Context(), tape, rate); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		grown := heapInUse() - before
		t.Logf("%d events of %d bytes, %d handled by the slow one: grown by %d KiB", heard, tape.Size()/tape.Len(), handled, grown>>10)
		if grown > most {
			t.Errorf("the heap grew by %d KiB", grown>>10)
		}
		if heard < tape.Len()*4/5 || handled != int(lasts/time.Minute) || bot.Health().Reconnects != 0 || !room.Joined() {
			t.Errorf("%d events heard and %d handled, %+v", heard, handled, bot.Health())
		}
		runtime.KeepAlive(tape)
	})
}
