package client

import (
	"slices"
	"sync"
	"time"

	"github.com/queup-go/queup/client/internal/cache"
	"github.com/queup-go/queup/client/internal/rest"
	"github.com/queup-go/queup/gen/wire"
)

// chatLog keeps the latest chat lines of a room.
type chatLog struct {
	clock  *rest.Clock // immutable; QueUp's
	mu     sync.RWMutex
	seen   *cache.Recent[MessageID, int]     // guarded by mu; the latest lines, each with the era it was received in
	era    int                               // guarded by mu; a new one begins when the connection is lost
	behind bool                              // guarded by mu; the lines since then have not been read
	cutAt  time.Time                         // guarded by mu; when a frame from QueUp last arrived before, by its clock
	latest time.Time                         // guarded by mu; the time of the latest line up to which none is missing
	seeded bool                              // guarded by mu; seen has the lines from before the room was joined
	lines  *cache.Recent[MessageID, Message] // guarded by mu; in the order of arrival. nil keeps none
}

// maxKnownLines is how many lines are remembered by id, so that none is emitted twice. Source: docs/PROTOCOL.md 7, rule 9.
const maxKnownLines = 512

func newChatLog(size int, clock *rest.Clock) *chatLog {
	h := &chatLog{clock: clock, seen: cache.NewRecent[MessageID, int](maxKnownLines)}
	if size > 0 {
		h.lines = cache.NewRecent[MessageID, Message](size)
	}
	return h
}

// markSeen records a line by its id and reports whether it is new: QueUp sends some lines twice. A line without an id is
// new.
func (h *chatLog) markSeen(id MessageID, at time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if id == "" {
		return true
	}
	if !h.behind && at.After(h.latest) && !h.clock.Future(at) {
		h.latest = at
	}
	return h.seen.AddNew(id, h.era)
}

// begin records that the room is joined, perhaps not for the first time. Lines that were missed before do not count.
func (h *chatLog) begin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.behind, h.seeded, h.latest = false, false, time.Time{}
}

// seed records the lines from before the room was joined, except those in news, so that none of them is later taken for
// new.
func (h *chatLog) seed(entries wire.ChatHistory, news map[MessageID]struct{}) {
	for _, entry := range entries {
		e, ok := entry.(*wire.ChatMessage)
		if !ok {
			continue
		}
		if _, is := news[e.ID]; !is {
			h.markSeen(e.ID, e.SentAt)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seeded = true
}

// fullHistory is a number of lines. If QueUp's history has this many and none of them is known, older ones were probably
// missed. How many lines QueUp keeps is not known.
const fullHistory = 50

// linkLost records that the connection is lost. complete is the time, by our clock, up to which no line is missing. Lines
// received from now on do not show that earlier ones were received.
func (h *chatLog) linkLost(complete time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.behind {
		h.behind, h.cutAt = true, h.clock.Before(complete)
		h.era++
	}
}

// missed returns the index of the first line since the connection was lost, and the interval in which QueUp may have lost
// lines. The interval is nil if none can be missing. Afterwards the log is not behind any more.
func (h *chatLog) missed(entries wire.ChatHistory) (first int, gap *Gap) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.behind = false
	var oldest time.Time
	lines, afterCut := 0, len(entries)
	for i, entry := range slices.Backward(entries) {
		e, ok := entry.(*wire.ChatMessage)
		if !ok {
			continue
		}
		if era := h.seen.At(e.ID); era != nil && *era < h.era {
			return i + 1, nil
		}
		lines++
		if !e.SentAt.IsZero() {
			oldest = e.SentAt
		}
		if e.SentAt.After(h.cutAt) {
			afterCut = i
		}
	}
	lost := &Gap{From: h.cutAt, To: h.clock.Now(), What: "chat"}
	if !oldest.IsZero() && !h.clock.Future(oldest) {
		lost.To = oldest
	}
	switch {
	case lines == 0:
		return 0, nil
	case !h.latest.IsZero(): // we knew a line that QueUp no longer has
		lost.From = h.latest
		return 0, lost
	case !h.seeded: // some lines may be older than our join
		if oldest.After(h.cutAt) && lines >= fullHistory {
			return afterCut, lost
		}
		return afterCut, nil
	case lines >= fullHistory:
		return 0, lost
	}
	return 0, nil
}

// giveUp returns the interval whose lines cannot be known, because QueUp's history could not be read; nil for none.
// Afterwards the log is not behind any more.
func (h *chatLog) giveUp() *Gap {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.behind {
		return nil
	}
	h.behind = false
	lost := &Gap{From: h.cutAt, To: h.clock.Now(), What: "chat"}
	if !h.latest.IsZero() {
		lost.From = h.latest
	}
	return lost
}

// add stores a line. A line without an id is not stored.
func (h *chatLog) add(m Message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lines != nil && m.ID != "" {
		h.lines.Add(m.ID, m)
	}
}

func (h *chatLog) get(id MessageID) (Message, bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.lines == nil {
		return Message{}, false
	}
	m := h.lines.At(id)
	if m == nil {
		return Message{}, false
	}
	return *m, true
}

// change replaces a stored line.
func (h *chatLog) change(m Message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lines == nil {
		return
	}
	if kept := h.lines.At(m.ID); kept != nil {
		*kept = m
	}
}

// list returns the lines, the oldest first.
func (h *chatLog) list() []Message {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.lines == nil {
		return nil
	}
	return slices.AppendSeq(make([]Message, 0, h.lines.Len()), h.lines.All())
}

func (h *chatLog) len() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.lines == nil {
		return 0
	}
	return h.lines.Len()
}
