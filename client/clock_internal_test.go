package client

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/gen/wire"
)

// answers has a clock hear answers of a server whose clock is ahead by some time, one a second, each on its way for a while.
func (c *clock) answers(ahead ...time.Duration) {
	for _, d := range ahead {
		sent := time.Now()
		time.Sleep(40 * time.Millisecond)
		date := time.Now().Add(d).UTC().Format(http.TimeFormat)
		time.Sleep(60 * time.Millisecond)
		c.hear(http.Header{"Date": {date}}, sent, time.Now())
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
				c := new(clock)
				c.answers(tt.heard...)
				if off := c.now().Sub(time.Now().Add(tt.want)).Abs(); off > tt.within {
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
		c := new(clock)
		for range 2 {
			c.hear(header, time.Now(), time.Now())
		}
		if _, known := c.offset(); known {
			t.Errorf("%s counts: the clock says %v", name, c.now())
		}
	}
}

// A monotonic reading stands still while the computer is suspended. Virtual time cannot show that, so this makes sure that there
// is none where the time of a song is computed: then time.Since reads the calendar's clock.
func TestWall_hasNoMonotonicReading(t *testing.T) {
	now := time.Now()
	for name, at := range map[string]time.Time{
		"wallNow":          wallNow(),
		"wall of now":      wall(now),
		"wall of later":    wall(now.Add(time.Hour)),
		"wall of a date":   wall(time.Date(2026, 11, 30, 1, 2, 3, 4, time.UTC)),
		"a clock's now":    new(clock).now(),
		"a clock's before": new(clock).before(now),
		"a clock's at":     new(clock).at(now),
	} {
		if at != at.Round(0) { // Equal would not tell
			t.Errorf("%s has a monotonic reading: %v", name, at)
		}
	}
	if !wall(now).Equal(now) {
		t.Error("wall changes the time")
	}
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	room := newRoom(c, "room")
	room.live.link = &connection{client: c, life: c.workers.Context()}
	room.begin(Song{ID: "play", Length: time.Hour}, time.Minute)
	if began := room.now.began; began != began.Round(0) {
		t.Errorf("the begin of a song has a monotonic reading: %v", began)
	}
	room.callOff()
}

// A time that cannot be right says nothing about the times of others.
func TestHistory_timesThatCannotBeRight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := new(clock)
		c.answers(0, 0)
		room := &Room{client: &Client{clock: c}}
		now := time.Now()
		at := func(id PlayID, ago time.Duration) wire.Play { return wire.Play{ID: id, PlayedAt: now.Add(-ago)} }
		since := now.Add(-10 * time.Minute)
		for name, tt := range map[string]struct {
			page wire.Plays
			want int
			end  bool
		}{
			"all are news":                      {wire.Plays{at("a", time.Minute), at("b", 5*time.Minute)}, 2, false},
			"the last is known":                 {wire.Plays{at("a", time.Minute), at("known", time.Hour), at("b", time.Hour)}, 2, true},
			"the last is old":                   {wire.Plays{at("a", time.Minute), at("b", time.Hour)}, 1, true},
			"one among them has no time":        {wire.Plays{at("a", time.Minute), {ID: "b"}, at("c", 5*time.Minute)}, 3, false},
			"one among them is of another year": {wire.Plays{at("a", time.Minute), at("b", 9999*time.Hour), at("c", 5*time.Minute), at("d", time.Hour)}, 3, true},
			"an old one is still to come":       {wire.Plays{at("a", time.Minute), at("b", time.Hour), at("c", -9999*time.Hour)}, 1, true},
			"a new one is still to come":        {wire.Plays{at("a", -9999*time.Hour), at("b", time.Minute), at("c", time.Hour)}, 2, true},
			"the last has no time":              {wire.Plays{at("a", time.Minute), {ID: "b"}, {}}, 3, false},
			"none has a time":                   {wire.Plays{{ID: "a"}, {ID: "b"}}, 0, true},
			"nothing":                           {nil, 0, false},
		} {
			news, end := room.newPlays(tt.page, map[PlayID]struct{}{"known": {}}, since)
			if len(news) != tt.want || end != tt.end {
				t.Errorf("%s: %d are news, end %v; want %d, %v", name, len(news), end, tt.want, tt.end)
			}
		}
	})
}
