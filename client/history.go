package client

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// history keeps the latest chat lines of a room.
type history struct {
	mu    sync.RWMutex
	heard *simplelru.LRU[MessageID, struct{}] // guarded by mu; ids of the latest lines, however many are kept
	lines *simplelru.LRU[MessageID, *Message] // guarded by mu; in the order they came. nil keeps none
}

// maxHeard is how many lines are known by their id, so that none is heard twice. Source: docs/PROTOCOL.md 7, rule 9.
const maxHeard = 512

func newHistory(size int) *history {
	h := &history{heard: newLRU[MessageID, struct{}](maxHeard)}
	if size > 0 {
		h.lines = newLRU[MessageID, *Message](size)
	}
	return h
}

// add keeps a line and reports whether it is new: QueUp sends some lines twice. A line without an id is new, and not
// kept.
func (h *history) add(m Message) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if m.ID == "" {
		return true
	}
	if h.heard.Contains(m.ID) {
		return false
	}
	h.heard.Add(m.ID, struct{}{})
	if h.lines != nil {
		h.lines.Add(m.ID, &m)
	}
	return true
}

func (h *history) get(id MessageID) (Message, bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.lines == nil {
		return Message{}, false
	}
	m, ok := h.lines.Peek(id)
	if !ok {
		return Message{}, false
	}
	return *m, true
}

// delete marks a line as deleted and returns it.
func (h *history) delete(id MessageID) (Message, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lines == nil {
		return Message{}, false
	}
	m, ok := h.lines.Peek(id)
	if !ok {
		return Message{}, false
	}
	m.Deleted = true
	return *m, true
}

// list returns the lines, the oldest first.
func (h *history) list() []Message {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.lines == nil {
		return nil
	}
	list := make([]Message, 0, h.lines.Len())
	for _, m := range h.lines.Values() {
		list = append(list, *m)
	}
	return list
}

func (h *history) len() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.lines == nil {
		return 0
	}
	return h.lines.Len()
}

// allMessages is a store that shows the histories of all rooms as one.
type allMessages struct{ rooms *table[RoomID, *Room] }

func (a allMessages) get(id MessageID) (Message, bool) {
	for _, r := range a.rooms.all() {
		if m, ok := r.value.history.get(id); ok {
			return m, true
		}
	}
	return Message{}, false
}

func (a allMessages) len() int {
	n := 0
	for _, r := range a.rooms.all() {
		n += r.value.history.len()
	}
	return n
}

func (a allMessages) all() []entry[MessageID, Message] {
	var entries []entry[MessageID, Message]
	for _, r := range a.rooms.all() {
		for _, m := range r.value.history.list() {
			entries = append(entries, entry[MessageID, Message]{m.ID, m})
		}
	}
	return entries
}
