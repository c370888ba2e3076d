package realtime_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/realtime"
)

func TestBackoff_bounds(t *testing.T) {
	const almostOne = 1 - 1e-12
	b := realtime.Backoff{Rand: func() float64 { return almostOne }}
	var got []time.Duration
	for try := 1; try <= 10; try++ {
		wait, again := b.Next(try, nil)
		if !again {
			t.Errorf("gave up at try %d", try)
		}
		got = append(got, wait.Round(time.Millisecond))
	}
	ms := time.Millisecond
	want := []time.Duration{250 * ms, 500 * ms, 1000 * ms, 2000 * ms, 4000 * ms, 8000 * ms, 16000 * ms, 30000 * ms, 30000 * ms, 30000 * ms}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	b.Rand = func() float64 { return 0 }
	if wait, _ := b.Next(1<<40, nil); wait != 0 {
		t.Errorf("full jitter begins at 0, not %v", wait)
	}
}

// Whatever is set, no wait is negative: that would mean none.
func TestBackoff_edges(t *testing.T) {
	const longest = time.Duration(math.MaxInt64)
	refused := &realtime.HandshakeError{RetryAfter: longest}
	for _, random := range []float64{0, 0.5, 1 - 1e-16, 1, 1e300} {
		for _, try := range []int{1, 2, 3, 40, 64, 1 << 40} {
			for _, b := range []realtime.Backoff{{Max: longest}, {Max: longest, First: longest, Base: longest}, {Max: longest, Base: longest/2 + 1}} {
				b.Rand = func() float64 { return random }
				for _, last := range []error{nil, refused} {
					wait, again := b.Next(try, last)
					if least := time.Duration(random * float64(100*time.Millisecond)); !again || wait < 0 || random < 1 && wait < least {
						t.Errorf("%+v: try %d waits for %v", b, try, wait)
					}
				}
			}
		}
	}
}

func TestBackoff_options(t *testing.T) {
	b := realtime.Backoff{
		First: time.Minute, Base: time.Second, Max: 3 * time.Second, MaxTries: 4,
		Rand: func() float64 { return 0.5 },
	}
	var got []time.Duration
	for try := 1; ; try++ {
		wait, again := b.Next(try, nil)
		if !again {
			break
		}
		got = append(got, wait)
	}
	ms := time.Millisecond
	if diff := cmp.Diff([]time.Duration{1500 * ms, 500 * ms, 1000 * ms, 1500 * ms}, got); diff != "" {
		t.Error(diff)
	}
}

func TestDefaultReconnect(t *testing.T) {
	for range 1000 {
		if wait, again := realtime.DefaultReconnect(1, nil); !again || wait < 0 || wait >= 250*time.Millisecond {
			t.Fatalf("first try after %v, %v", wait, again)
		}
	}
}

// A thousand clients cut at the same moment do not come back together: any 100 ms see fewer than 8 % of them at their fourth
// try, and fewer than 5 % at any later one.
func TestBackoff_spreadsAHerd(t *testing.T) {
	const clients, seeds, tries, window = 1000, 200, 9, 100 * time.Millisecond
	for seed := range uint64(seeds) {
		b := realtime.Backoff{Rand: rand.New(rand.NewPCG(seed, 0)).Float64}
		at := make([]time.Duration, clients)
		for try := 1; try <= tries; try++ {
			for i := range at {
				wait, _ := b.Next(try, nil)
				at[i] += wait
			}
			limit := clients
			switch {
			case try == 4:
				limit = clients * 8 / 100
			case try > 4:
				limit = clients * 5 / 100
			}
			if n := crowd(at, window); try >= 4 && n >= limit {
				t.Errorf("seed %d, try %d: %d clients within %v", seed, try, n, window)
			}
		}
	}
}

// crowd is the largest number of times within any window.
func crowd(at []time.Duration, window time.Duration) int {
	sorted := slices.Sorted(slices.Values(at))
	most, first := 0, 0
	for last := range sorted {
		for sorted[last]-sorted[first] > window {
			first++
		}
		most = max(most, last-first+1)
	}
	return most
}
