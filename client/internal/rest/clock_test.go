package rest

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// answers has a clock hear answers of a server whose clock is ahead by some time, one a second, each on its way for a while.
func (c *Clock) answers(ahead ...time.Duration) {
	for _, d := range ahead {
		sent := time.Now()
		time.Sleep(40 * time.Millisecond)
		date := time.Now().Add(d).UTC().Format(http.TimeFormat)
		time.Sleep(60 * time.Millisecond)
		c.Observe(http.Header{"Date": {date}}, sent, time.Now())
		time.Sleep(930 * time.Millisecond)
	}
}

func TestClock_isKnownFromAnswers(t *testing.T) {
	many := func(d time.Duration) []time.Duration {
		var list []time.Duration
		for range 50 {
			list = append(list, d)
		}
		return list
	}
	const fast, slow = 30 * time.Minute, -30 * time.Minute
	for name, tt := range map[string]struct {
		heard  []time.Duration
		want   time.Duration
		within time.Duration
	}{
		"nothing":                       {nil, 0, 0},
		"one":                           {[]time.Duration{fast}, fast, 600 * time.Millisecond},
		"one of a clock that is slow":   {[]time.Duration{slow}, slow, 600 * time.Millisecond},
		"many":                          {many(fast + 300*time.Millisecond), fast + 300*time.Millisecond, 100 * time.Millisecond},
		"a wrong one":                   {[]time.Duration{fast, fast, slow, fast}, fast, 600 * time.Millisecond},
		"a wrong one at last":           {[]time.Duration{fast, fast, slow}, fast, 600 * time.Millisecond},
		"two wrong ones that differ":    {[]time.Duration{fast, fast, slow, 0}, fast, 600 * time.Millisecond},
		"a wrong one before all others": {[]time.Duration{slow, fast, fast}, fast, 600 * time.Millisecond},
		"a clock that was set":          {append(many(fast), many(0)...), 0, 600 * time.Millisecond},
		"a clock that drifts":           {[]time.Duration{0, 300, 600, 900, 1200, 1500, 1800, 2100, 2400}, 0, 600 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := new(Clock)
				c.answers(tt.heard...)
				if off := c.Now().Sub(time.Now().Add(tt.want)).Abs(); off > tt.within {
					t.Errorf("the clock is wrong by %v", off)
				}
			})
		})
	}
}

func TestClock_passesOver(t *testing.T) {
	for name, header := range map[string]http.Header{
		"an answer without a date":  {},
		"a date that is none":       {"Date": {"yesterday"}},
		"an answer out of a cache":  {"Date": {"Thu, 01 Jan 1998 00:00:00 GMT"}, "Age": {"3600"}},
		"a date of another epoch":   {"Date": {"Mon, 01 Jan 0001 00:00:00 GMT"}},
		"a date at the end of days": {"Date": {"Fri, 31 Dec 9999 23:59:59 GMT"}},
	} {
		c := new(Clock)
		for range 2 {
			c.Observe(header, time.Now(), time.Now())
		}
		if _, known := c.offset(); known {
			t.Errorf("%s counts: the clock says %v", name, c.Now())
		}
	}
}

// A time that QueUp states may be a little ahead of its clock, and by a day while that clock is unknown.
func TestClock_future(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, tt := range map[string]struct {
			clock *Clock
			most  time.Duration
		}{
			"unknown": {new(Clock), farFuture},
			"known":   {new(Clock), time.Hour + clockMargin},
		} {
			if name == "known" {
				tt.clock.answers(time.Hour, time.Hour, time.Hour)
			}
			if at := time.Now().Add(tt.most - time.Second); tt.clock.Future(at) {
				t.Errorf("%s: %v is in the future", name, at)
			}
			if at := time.Now().Add(tt.most + time.Second); !tt.clock.Future(at) {
				t.Errorf("%s: %v is not in the future", name, at)
			}
		}
	})
}

// A monotonic reading stands still while the computer is suspended. Virtual time cannot show that.
func TestWall_hasNoMonotonicReading(t *testing.T) {
	now := time.Now()
	for name, at := range map[string]time.Time{
		"WallNow":          WallNow(),
		"Wall of now":      Wall(now),
		"Wall of later":    Wall(now.Add(time.Hour)),
		"Wall of a date":   Wall(time.Date(2026, 11, 30, 1, 2, 3, 4, time.UTC)),
		"a clock's Now":    new(Clock).Now(),
		"a clock's Before": new(Clock).Before(now),
		"a clock's At":     new(Clock).At(now),
	} {
		if at != at.Round(0) { // Equal would not tell
			t.Errorf("%s has a monotonic reading: %v", name, at)
		}
	}
	if !Wall(now).Equal(now) {
		t.Error("wall changes the time")
	}
}
