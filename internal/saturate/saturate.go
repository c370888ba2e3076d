// Package saturate computes with durations and counts that come from outside. A result that does not fit becomes the largest or
// smallest value, never one with the wrong sign.
package saturate

import (
	"math"
	"time"
)

// Longest and Shortest are the limits of results.
const (
	Longest  time.Duration = math.MaxInt64
	Shortest time.Duration = math.MinInt64
)

// Times returns n units. The unit is positive.
func Times(n int64, unit time.Duration) time.Duration {
	switch most := int64(Longest / unit); {
	case n > most:
		return Longest
	case n < -most:
		return Shortest
	}
	return time.Duration(n) * unit
}

// Float returns n units, and 0 if n is NaN. The unit is positive.
func Float(n float64, unit time.Duration) time.Duration {
	switch ns := n * float64(unit); {
	case ns != ns:
		return 0
	case ns >= math.MaxInt64:
		return Longest
	case ns <= math.MinInt64:
		return Shortest
	default:
		return time.Duration(ns)
	}
}

// Add returns the sum.
func Add[T ~int64](a, b T) T {
	switch sum := a + b; {
	case a > 0 && b > 0 && sum < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && sum >= 0:
		return math.MinInt64
	default:
		return sum
	}
}

// Sub returns the difference.
func Sub[T ~int64](a, b T) T {
	switch diff := a - b; {
	case a >= 0 && b < 0 && diff < 0:
		return math.MaxInt64
	case a < 0 && b > 0 && diff >= 0:
		return math.MinInt64
	default:
		return diff
	}
}

// Ceil returns how many units it takes to hold d. The unit is positive.
func Ceil(d, unit time.Duration) int64 {
	n := int64(d / unit)
	if d%unit > 0 {
		n++
	}
	return n
}
