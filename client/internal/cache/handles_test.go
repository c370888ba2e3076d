package cache

import (
	"fmt"
	"runtime"
	"testing"
)

// Handles that nobody holds cost nothing in the end, and those that somebody holds are found for ever.
func TestHandles_keepNothing(t *testing.T) {
	type room struct{ id string }
	var h known[string, room]
	kept := &room{id: "kept"}
	h.put("kept", kept)
	for i := range 20_000 {
		if i%500 == 0 {
			runtime.GC()
		}
		id := fmt.Sprint(i)
		h.put(id, &room{id: id})
		if n := len(h.handles); n > 10*minTidy+2*500 {
			t.Fatalf("%d handles are known after %d", n, i)
		}
	}
	if found, ok := h.get("kept"); !ok || found != kept {
		t.Errorf("the handle that is held is %p, want %p", found, kept)
	}
	if _, ok := h.get("never there"); ok {
		t.Error("a handle that was never there is found")
	}
	runtime.KeepAlive(kept)
}
