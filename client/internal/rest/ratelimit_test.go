package rest

import (
	"slices"
	"testing"
	"time"
)

func TestWindow(t *testing.T) {
	start := time.Now()
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	newWindow := func() *window { return &window{size: 2, per: 10 * time.Second} }
	// reserve makes reservations at the start, and returns their slots.
	reserve := func(w *window, n int) []*slot {
		slots := make([]*slot, n)
		for i := range slots {
			slots[i] = w.reserve(start, false)
		}
		return slots
	}
	expect := func(t *testing.T, w *window, slots []*slot, seconds ...int) {
		t.Helper()
		for i, s := range slots {
			if got := w.when(s); !got.Equal(at(seconds[i])) {
				t.Errorf("call %d is sent after %v, want %d s", i, got.Sub(start), seconds[i])
			}
		}
		if !slices.IsSortedFunc(w.calls, func(a, b *slot) int { return a.at.Compare(b.at) }) {
			t.Error("the calls are out of order")
		}
	}
	t.Run("no more than size calls in any span", func(t *testing.T) {
		w := newWindow()
		expect(t, w, reserve(w, 5), 0, 0, 10, 10, 20)
	})
	t.Run("a call that goes first takes the earliest slot to come", func(t *testing.T) {
		w := newWindow()
		slots := reserve(w, 5)
		slots = append(slots, w.reserve(at(1), true))
		expect(t, w, slots, 0, 0, 10, 20, 20, 10)
	})
	t.Run("of two that go first, the later is sent before the earlier", func(t *testing.T) {
		w := newWindow()
		slots := reserve(w, 3)
		slots = append(slots, w.reserve(at(1), true), w.reserve(at(1), true))
		expect(t, w, slots, 0, 0, 20, 10, 10)
		if w.calls[2] != slots[4] {
			t.Error("the later one does not come first")
		}
	})
	t.Run("a call that goes first is sent at once if nothing waits", func(t *testing.T) {
		w := newWindow()
		expect(t, w, []*slot{w.reserve(at(1), true)}, 1)
	})
	t.Run("calls that no longer count are forgotten", func(t *testing.T) {
		w := newWindow()
		reserve(w, 5)
		expect(t, w, []*slot{w.reserve(at(40), false)}, 40)
		if len(w.calls) != 1 {
			t.Errorf("%d calls are kept", len(w.calls))
		}
	})
	t.Run("the last reservation can be cancelled", func(t *testing.T) {
		w := newWindow()
		slots := reserve(w, 4)
		w.cancel(slots[2]) // a later one depends on it
		w.cancel(slots[3])
		expect(t, w, []*slot{w.reserve(start, false)}, 10)
	})
}

func TestHonourRetryAfter(t *testing.T) {
	for name, tt := range map[string]struct {
		e         ResponseError
		all, chat time.Duration // how long all lanes wait, and chat
	}{
		"a success":                       {ResponseError{Op: "room", Status: 200, RetryAfter: time.Minute}, 0, 0},
		"a refusal that says how long":    {ResponseError{Op: "room", Status: 503, RetryAfter: time.Minute}, time.Minute, time.Minute},
		"a refusal for far too long":      {ResponseError{Op: "room", Status: 429, RetryAfter: 240 * time.Hour}, maxPause, maxPause},
		"too many calls":                  {ResponseError{Op: "room", Status: 429}, unknownPause, unknownPause},
		"another failure":                 {ResponseError{Op: "room", Status: 404}, 0, 0},
		"chat, in words":                  {ResponseError{Op: opPostChat, Status: 429, RetryAfter: 10 * time.Minute}, 0, 10 * time.Minute},
		"chat, without a time":            {ResponseError{Op: opPostChat, Status: 429}, 0, unknownChatPause},
		"chat, in words and far too long": {ResponseError{Op: opPostChat, Status: 429, RetryAfter: 240 * time.Hour}, 0, maxChatPause},
		"chat, by the header":             {ResponseError{Op: opPostChat, Status: 429, RetryAfter: time.Minute, byHeader: true}, time.Minute, time.Minute},
	} {
		l := newLanes(Limits{})
		before := time.Now()
		l.honourRetryAfter(&tt.e)
		after := time.Now()
		for _, lane := range []struct {
			name string
			lane *lane
			want time.Duration
		}{{"the bot's own", &l.own, tt.all}, {"chat", &l.chat, tt.chat}} {
			if at := lane.lane.pausedUntil(before); at.Before(before.Add(lane.want)) || at.After(after.Add(lane.want)) {
				t.Errorf("%s: %s waits %v, want %v", name, lane.name, at.Sub(before), lane.want)
			}
		}
	}
}
