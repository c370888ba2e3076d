package client

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/queup-go/queup/client/internal/tasks"
)

// hub hands events to subscriptions. The list of subscriptions is replaced, never edited, so that no lock is held
// while events are handed out.
type hub struct {
	workers *tasks.Group                         // run the handlers; immutable
	report  func(ctx context.Context, err error) // hears of errors in handlers; immutable

	mu     sync.Mutex // serialises add, remove and close
	byType atomic.Pointer[map[reflect.Type][]*subscription]
	closed bool // guarded by mu
}

// emit offers an event to everyone who listens to its type.
func (h *hub) emit(e Event) {
	byType := h.byType.Load()
	if byType == nil {
		return
	}
	room := e.EventMeta().Room
	for _, sub := range (*byType)[reflect.TypeOf(e)] {
		if sub.room == nil || sub.room == room {
			sub.offer(e)
		}
	}
}

func (h *hub) add(sub *subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		_ = sub.close() // nobody is left to hear of a loss
		return
	}
	h.edit(func(byType map[reflect.Type][]*subscription) {
		for _, t := range sub.types {
			byType[t] = append(slices.Clip(byType[t]), sub)
		}
	})
}

func (h *hub) remove(sub *subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.edit(func(byType map[reflect.Type][]*subscription) {
		for _, t := range sub.types {
			byType[t] = slices.DeleteFunc(slices.Clone(byType[t]), func(s *subscription) bool { return s == sub })
		}
	})
}

// edit stores a changed copy of the list. mu is held.
func (h *hub) edit(change func(map[reflect.Type][]*subscription)) {
	byType := make(map[reflect.Type][]*subscription)
	if old := h.byType.Load(); old != nil {
		byType = maps.Clone(*old)
	}
	change(byType)
	h.byType.Store(&byType)
}

// close ends all subscriptions, those to come included.
func (h *hub) close() {
	h.mu.Lock()
	h.closed = true
	byType := h.byType.Swap(nil)
	h.mu.Unlock()
	if byType == nil {
		return
	}
	for _, subs := range *byType {
		for _, sub := range subs {
			_ = sub.close() // nobody is left to hear of a loss
		}
	}
}
