package saturate_test

import (
	"math"
	"testing"
	"time"

	"github.com/queup-go/queup/internal/saturate"
)

func TestTimes(t *testing.T) {
	for _, test := range []struct {
		n    int64
		unit time.Duration
		want time.Duration
	}{
		{0, time.Second, 0},
		{3, time.Minute, 3 * time.Minute},
		{-3, time.Minute, -3 * time.Minute},
		{9_223_372_036, time.Second, 9_223_372_036 * time.Second},
		{9_223_372_037, time.Second, saturate.Longest},
		{-9_223_372_037, time.Second, saturate.Shortest},
		{math.MaxInt64, time.Millisecond, saturate.Longest},
		{math.MinInt64, time.Millisecond, saturate.Shortest},
		{math.MaxInt64, 1, saturate.Longest},
	} {
		if got := saturate.Times(test.n, test.unit); got != test.want {
			t.Errorf("%d times %v is %v, want %v", test.n, test.unit, got, test.want)
		}
	}
}

func TestFloat(t *testing.T) {
	for n, want := range map[float64]time.Duration{
		0: 0, 1.5: 1500 * time.Millisecond, -1.5: -1500 * time.Millisecond,
		1e300: saturate.Longest, -1e300: saturate.Shortest, math.Inf(1): saturate.Longest, math.Inf(-1): saturate.Shortest,
	} {
		if got := saturate.Float(n, time.Second); got != want {
			t.Errorf("%v s is %v, want %v", n, got, want)
		}
	}
	if got := saturate.Float(math.NaN(), time.Second); got != 0 {
		t.Errorf("what is not a number is %v", got)
	}
}

func TestAdd(t *testing.T) {
	for _, test := range []struct{ a, b, want time.Duration }{
		{1, 2, 3},
		{saturate.Longest, 0, saturate.Longest},
		{saturate.Longest, 1, saturate.Longest},
		{saturate.Longest, saturate.Longest, saturate.Longest},
		{saturate.Shortest, -1, saturate.Shortest},
		{saturate.Shortest, saturate.Shortest, saturate.Shortest},
		{saturate.Longest, saturate.Shortest, -1},
	} {
		if got := saturate.Add(test.a, test.b); got != test.want {
			t.Errorf("%d and %d are %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

func TestSub(t *testing.T) {
	for _, test := range []struct{ a, b, want int64 }{
		{3, 2, 1},
		{2, 3, -1},
		{math.MaxInt64, -1, math.MaxInt64},
		{0, math.MinInt64, math.MaxInt64},
		{-1, math.MinInt64, math.MaxInt64},
		{math.MinInt64, 1, math.MinInt64},
		{-2, math.MaxInt64, math.MinInt64},
		{math.MaxInt64, math.MaxInt64, 0},
		{math.MinInt64, math.MinInt64, 0},
	} {
		if got := saturate.Sub(test.a, test.b); got != test.want {
			t.Errorf("%d less %d is %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

func TestCeil(t *testing.T) {
	for d, want := range map[time.Duration]int64{
		0: 0, 1: 1, time.Minute: 1, time.Minute + 1: 2, -time.Second: 0, -time.Minute: -1, saturate.Longest: 153_722_868,
	} {
		if got := saturate.Ceil(d, time.Minute); got != want {
			t.Errorf("%v takes %d minutes, want %d", d, got, want)
		}
	}
}
