package cache

import (
	"fmt"
	"maps"
	"testing"
)

func TestTable(t *testing.T) {
	table := NewTable[string, int]()
	expect := func(want map[string]int) {
		t.Helper()
		if got := maps.Collect(table.All()); !maps.Equal(got, want) || table.Len() != len(want) || len(table.List()) != len(want) {
			t.Errorf("%v, of length %d; want %v", got, table.Len(), want)
		}
		for id, v := range want {
			if got, ok := table.Get(id); !ok || got != v {
				t.Errorf("Get(%q) = %d, %v", id, got, ok)
			}
		}
	}
	expect(nil)
	for i, id := range []string{"a", "b", "c"} {
		table.Put(id, i)
	}
	before := table.List()
	if again := table.List(); &again[0] != &before[0] {
		t.Error("the snapshot changes without a change of the table")
	}
	table.Put("a", 10)
	expect(map[string]int{"a": 10, "b": 1, "c": 2})
	if before[0].Value != 0 {
		t.Error("an entry of an old snapshot was changed")
	}
	if v, ok := table.Remove("a"); !ok || v != 10 {
		t.Errorf("Remove = %d, %v", v, ok)
	}
	if _, ok := table.Remove("a"); ok {
		t.Error("removed twice")
	}
	expect(map[string]int{"b": 1, "c": 2})
	for range table.All() { // a loop runs over a snapshot
		table.Replace(map[string]int{"d": 3})
	}
	expect(map[string]int{"d": 3})
}

func TestHandles(t *testing.T) {
	type room struct {
		id   string
		busy bool
	}
	made := 0
	h := NewHandles(HandlesConfig[string, room]{
		MaxIdle: 3,
		Idle:    func(r *room) bool { return !r.busy },
		New:     func(id string) *room { made++; return &room{id: id} },
	})
	busy, idle := h.Handle("busy"), h.Handle("idle")
	busy.busy = true
	if h.Handle("busy") != busy || made != 2 {
		t.Errorf("there is a second handle, of %d", made)
	}
	for i := range 10 {
		h.Handle(fmt.Sprint(i))
	}
	if h.Len() > 4 {
		t.Errorf("%d handles are in the table", h.Len())
	}
	if kept, ok := h.Get("busy"); !ok || kept != busy {
		t.Error("a handle that is not idle was removed")
	}
	if _, ok := h.Get("idle"); ok {
		t.Error("an idle handle was not removed")
	}
	if h.Handle("idle") != idle {
		t.Error("a handle that the program holds was made twice")
	}
}

func TestBoundedHandles(t *testing.T) {
	type conversation struct{ id string }
	h := NewBoundedHandles(2, func(id string) *conversation { return &conversation{id} })
	first := h.Handle("first")
	h.Handle("second")
	h.Handle("third")
	if _, ok := h.Get("first"); ok || h.Len() != 2 {
		t.Errorf("the handle used longest ago is kept, among %d", h.Len())
	}
	if h.Handle("first") != first {
		t.Error("a handle that the program holds was made twice")
	}
	h.Clear()
	if len(maps.Collect(h.All())) != 0 || h.Handle("first") == first {
		t.Error("a handle survives Clear")
	}
}
