package client_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

const (
	callers    = 64
	standstill = 10 * time.Second // without a call that returns, or an event that is heard, something is stuck
)

// stressTime is how long everybody calls everything: a few seconds, or what STRESS says.
func stressTime(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("STRESS")
	if text == "" {
		return 3 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("STRESS: %v", err)
	}
	return d
}

// A watchdog sees whether anything moves.
type watchdog struct{ moves atomic.Int64 }

// watch waits for done, and reports false with the stacks of all goroutines if nothing moves before.
func (w *watchdog) watch(t *testing.T, what string, done <-chan struct{}) bool {
	t.Helper()
	last, since := w.moves.Load(), time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return true
		case <-tick.C:
		}
		if now := w.moves.Load(); now != last {
			last, since = now, time.Now()
		} else if time.Since(since) > standstill {
			stacks := make([]byte, 8<<20)
			t.Errorf("%s: nothing has moved for %v:\n%s", what, standstill, stacks[:runtime.Stack(stacks, true)])
			return false
		}
	}
}

// 64 goroutines call every public method of one client, its rooms, its conversations and the values they hand out, and
// handlers do, too, while links drop, sessions and tokens expire, and the account logs out and in again. Nothing panics,
// races, gets stuck or is left.
func TestQ19_everybodyAtOnce(t *testing.T) {
	before := goleak.IgnoreCurrent()
	leftOut := map[string]string{
		"Client.Close":  "ends everything; it is called at the end, by many at once",
		"Client.Run":    "closes the client when its context ends; many wait for the end with Wait instead",
		"Client.Wait":   "waits for the end; some goroutines of their own do",
		"Client.Logout": "would leave the others nothing to do; one goroutine logs out and in again",
	}
	// What takes away what others need is called less often.
	rare := []string{"Playlist.Delete", "Comment.Delete", "Client.DeleteComment", "Room.DeleteRole", "Room.Leave", "Client.Login", "Room.RemoveDJ"}

	server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(twoRooms()), queuptest.ChatQuota(1<<30, time.Second))
	defer server.Close()
	s := furnishWith(t, server, client.Unhurried, client.WithRateLimit(0, 0), client.WithErrorHandler(func(_ context.Context, err error) {
		if p, ok := errors.AsType[*client.PanicError](err); ok {
			t.Errorf("%v\n%s", p, p.Stack)
		}
	}))
	_ = s.second.Close()
	s.second = s.bot // Connect is called on the same client as all else
	calls := slices.DeleteFunc(s.calls(t), func(call publicCall) bool { return leftOut[call.name] != "" })

	order := rand.New(rand.NewPCG(1, 19)).Perm(len(calls)) // each of them as often as any other
	var turn atomic.Int64
	var dog watchdog
	ctx, stop := context.WithTimeout(t.Context(), stressTime(t))
	defer stop()
	counts := newCallCounts(calls)
	oneCall := func(ctx context.Context, r *rand.Rand) {
		n := int(turn.Add(1))
		i := order[n%len(order)]
		if slices.Contains(rare, calls[i].name) && n/len(order)%4 > 0 {
			return
		}
		patience := []time.Duration{5 * time.Millisecond, time.Second}[r.IntN(2)]
		ctx, cancel := context.WithTimeout(ctx, time.Duration(r.Int64N(int64(patience))))
		defer cancel()
		defer func() {
			if v := recover(); v != nil {
				t.Errorf("%s panicked: %v\n%s", calls[i].name, v, debug.Stack())
			}
			dog.moves.Add(1)
		}()
		counts.note(i, calls[i].call(ctx))
	}
	cancelHandlers := client.On(s.bot, func(ctx context.Context, _ client.Event) error {
		oneCall(ctx, rand.New(rand.NewPCG(rand.Uint64(), 19)))
		return nil
	})

	var everybody, waiting sync.WaitGroup
	for n := range callers {
		everybody.Go(func() {
			r := rand.New(rand.NewPCG(uint64(n), 19))
			for ctx.Err() == nil {
				oneCall(ctx, r)
			}
		})
	}
	every := func(d time.Duration, do func()) {
		everybody.Go(func() {
			for ctx.Err() == nil {
				time.Sleep(d)
				do()
			}
		})
	}
	every(400*time.Millisecond, server.CutLinks)
	every(700*time.Millisecond, server.ExpireSessions)
	every(600*time.Millisecond, server.ExpireTokens)
	every(100*time.Millisecond, func() { server.Room("lounge").Say("alice", "and I") })
	every(100*time.Millisecond, func() {
		_, _ = s.bot.JoinRoom(ctx, "lounge")
		_, _ = s.bot.JoinRoom(ctx, "attic")
	})
	every(1500*time.Millisecond, func() {
		_ = s.bot.Logout(ctx)
		for _, again := range []func() error{
			func() error { return s.bot.Login(ctx, "owner", "secret") },
			func() error { return s.bot.Connect(ctx) },
		} {
			for ctx.Err() == nil && again() != nil {
				time.Sleep(10 * time.Millisecond)
			}
		}
	})
	for range 4 {
		waiting.Go(func() {
			for !errors.Is(s.bot.Connect(t.Context()), client.ErrClosed) { // until it is closed, not only logged out
				_ = s.bot.Wait()
				time.Sleep(time.Millisecond)
			}
		})
	}

	if !dog.watch(t, "the calls", finished(&everybody)) {
		return
	}
	cancelHandlers()
	closeAtOnce(t, s.bot, &dog, oneCall)
	dog.watch(t, "those who wait for the end", finished(&waiting))
	server.Close()
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
	counts.report(t)
}

// finished is closed when all have returned.
func finished(all *sync.WaitGroup) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		all.Wait()
		close(done)
	}()
	return done
}

// closeAtOnce has many close a client at once while calls begin, and sees that all is over in time.
func closeAtOnce(t *testing.T, bot *client.Client, dog *watchdog, oneCall func(context.Context, *rand.Rand)) {
	t.Helper()
	var closing sync.WaitGroup
	start := time.Now()
	for n := range callers {
		closing.Go(func() {
			if n%4 == 0 {
				if err := bot.Close(); err != nil {
					t.Errorf("Close = %v", err)
				}
			}
			for i := range 20 {
				oneCall(t.Context(), rand.New(rand.NewPCG(uint64(n), uint64(i))))
			}
		})
	}
	if dog.watch(t, "Close", finished(&closing)) && dog.watch(t, "Done", bot.Done()) {
		took := time.Since(start)
		if t.Logf("Done %v after Close", took); took > 5*time.Second {
			t.Error("which is too late")
		}
	}
}

// callCounts tells how often each call was made, and how often it succeeded.
type callCounts struct {
	calls []publicCall
	made  []atomic.Int64
	good  []atomic.Int64
}

func newCallCounts(calls []publicCall) *callCounts {
	return &callCounts{calls, make([]atomic.Int64, len(calls)), make([]atomic.Int64, len(calls))}
}

func (c *callCounts) note(i int, err error) {
	c.made[i].Add(1)
	if err == nil {
		c.good[i].Add(1)
	}
}

// report fails if a call was never made.
func (c *callCounts) report(t *testing.T) {
	t.Helper()
	var made, good int64
	var never, unlucky []string
	for i, call := range c.calls {
		made += c.made[i].Load()
		good += c.good[i].Load()
		if c.made[i].Load() == 0 {
			never = append(never, call.name)
		}
		if c.good[i].Load() == 0 {
			unlucky = append(unlucky, call.name)
		}
	}
	if len(never) > 0 && stressTime(t) >= 2*time.Second {
		t.Errorf("never called: %q", never)
	}
	t.Logf("%d calls of %d methods, of which %d succeeded; none of these did: %q", made, len(c.calls), good, unlucky)
}
