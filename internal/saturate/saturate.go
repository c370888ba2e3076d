// Package saturate computes with durations that come from outside. A result that does not fit is the longest duration there
// is, or the shortest, and never one with the wrong sign.
package saturate

import (
	"math"
	"time"
)

// Longest and Shortest are where results end.
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

// Float returns n units, and nothing for what is not a number. The unit is positive.
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
func Add(a, b time.Duration) time.Duration {
	switch sum := a + b; {
	case a > 0 && b > 0 && sum < 0:
		return Longest
	case a < 0 && b < 0 && sum >= 0:
		return Shortest
	default:
		return sum
	}
}
