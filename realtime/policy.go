package realtime

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/queup-go/queup/internal/saturate"
)

// ReconnectPolicy returns how long to wait before the next attempt to connect, and whether to make one at all. last is the
// error that ended the link or the previous attempt. If retry is false the connection ends with last.
//
// The first attempt after a lasting link is try 1. The count starts again only when a link has been [Connected], its channels
// attached, for 30 s. So a server that accepts every link and ends it at once meets the same growing waits as one that refuses.
// A policy is called by one goroutine at a time and never for an error marked by [Permanent]. A negative wait counts as zero.
type ReconnectPolicy func(try int, last error) (wait time.Duration, retry bool)

// Backoff makes policies that wait a random time below a bound that doubles: try 1 waits up to First, try 2 up to Base,
// try 3 up to twice that, and so on up to Max. The whole wait is random ("full jitter"), so that clients which lost their links
// together do not reconnect together. If a server refuses a handshake with a Retry-After, that wait comes first, at most
// five minutes of it.
type Backoff struct {
	First    time.Duration  // bound of try 1; zero: 250 ms
	Base     time.Duration  // bound of try 2; zero: 500 ms
	Max      time.Duration  // largest bound; zero: 30 s
	MaxTries int            // give up after so many tries without a link that lasted 30 s; zero: never
	Rand     func() float64 // in [0,1); nil: math/rand/v2
}

// Next is a [ReconnectPolicy].
func (b Backoff) Next(try int, last error) (wait time.Duration, retry bool) {
	if b.MaxTries > 0 && try > b.MaxTries {
		return 0, false
	}
	random := b.Rand
	if random == nil {
		random = rand.Float64
	}
	wait = saturate.Float(random(), b.bound(try))
	if refused, ok := errors.AsType[*HandshakeError](last); ok {
		wait = saturate.Add(wait, min(max(refused.RetryAfter, 0), maxRetryAfter))
	}
	return wait, true
}

// maxRetryAfter bounds a Retry-After, so that a server cannot keep a bot away for good.
const maxRetryAfter = 5 * time.Minute

func (b Backoff) bound(try int) time.Duration {
	limit := orDefault(b.Max, 30*time.Second)
	if try <= 1 {
		return min(orDefault(b.First, 250*time.Millisecond), limit)
	}
	bound := orDefault(b.Base, 500*time.Millisecond)
	for range try - 2 {
		if bound >= limit {
			break
		}
		bound = saturate.Add(bound, bound)
	}
	return min(bound, limit)
}

// DefaultReconnect is the [ReconnectPolicy] of a zero [Backoff]: 0 to 250 ms, then below 500 ms doubling to 30 s, for ever.
func DefaultReconnect(try int, last error) (wait time.Duration, retry bool) {
	return Backoff{}.Next(try, last)
}

func orDefault[T int | int64 | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}
