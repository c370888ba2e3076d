package client

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client/internal/rest"
	"github.com/queup-go/queup/gen/wire"
)

// A song's start has no monotonic reading either: time.Since then reads the calendar's clock.
func TestNowPlaying_hasNoMonotonicReading(t *testing.T) {
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	room := newRoom(c, "room")
	room.tracker.link = &connection{client: c, life: c.workers.Context()}
	room.tracker.setCurrent(Song{ID: "play", Length: time.Hour}, time.Minute)
	if began := room.current.began; began != began.Round(0) {
		t.Errorf("the begin of a song has a monotonic reading: %v", began)
	}
	room.tracker.cancelAll()
}

// A time that cannot be right says nothing about the times of others.
func TestHistory_timesThatCannotBeRight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := new(rest.Clock)
		for range 2 {
			sent := time.Now()
			time.Sleep(100 * time.Millisecond)
			c.Observe(http.Header{"Date": {sent.UTC().Format(http.TimeFormat)}}, sent, time.Now())
			time.Sleep(900 * time.Millisecond)
		}
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
			news, end := (&missedPlays{room: room, known: map[PlayID]struct{}{"known": {}}, since: since}).missed(tt.page)
			if len(news) != tt.want || end != tt.end {
				t.Errorf("%s: %d are news, end %v; want %d, %v", name, len(news), end, tt.want, tt.end)
			}
		}
	})
}
