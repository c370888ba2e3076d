package cache

import (
	"maps"
	"slices"
	"weak"
)

// Handles is a [Table] of handles that a program may hold on to. If a handle was removed but the program still holds it,
// [Handles.Handle] returns that handle again, so that one id never has two handles.
type Handles[K ~string, V any] struct {
	*Table[K, *V]
	config HandlesConfig[K, V] // immutable
	held   known[K, V]         // guarded by mu
}

// HandlesConfig configures [Handles].
type HandlesConfig[K ~string, V any] struct {
	// MaxIdle is how many handles there may be before idle ones are removed.
	MaxIdle int
	// Idle reports whether a handle may be removed. It is called under the lock of the table.
	Idle func(*V) bool
	// New makes the handle of an id. It is called under the lock of the table.
	New func(K) *V
}

// NewHandles returns an empty table.
func NewHandles[K ~string, V any](config HandlesConfig[K, V]) *Handles[K, V] {
	return &Handles[K, V]{Table: NewTable[K, *V](), config: config}
}

// Handle returns the handle of an id: the one in the table, the one that the program still holds, or a new one. It removes
// idle handles if there are too many.
func (h *Handles[K, V]) Handle(id K) *V {
	h.mu.Lock()
	defer h.mu.Unlock()
	if v, ok := h.find(id); ok {
		return v
	}
	if len(h.entries) >= h.config.MaxIdle {
		for _, e := range slices.Clone(h.entries) {
			if h.config.Idle(e.Value) {
				h.drop(e.ID)
			}
		}
	}
	v := h.held.getOrMake(id, h.config.New)
	h.set(id, v)
	return v
}

// BoundedHandles is a [Bounded] store of handles that a program may hold on to. If a handle was evicted but the program
// still holds it, [BoundedHandles.Handle] returns that handle again, so that one id never has two handles.
type BoundedHandles[K ~string, V any] struct {
	*Bounded[K, *V]
	make func(K) *V  // immutable
	held known[K, V] // guarded by mu
}

// NewBoundedHandles returns a store of at most size handles. newHandle makes the handle of an id; it is called under the lock of
// the store.
func NewBoundedHandles[K ~string, V any](size int, newHandle func(K) *V) *BoundedHandles[K, V] {
	return &BoundedHandles[K, V]{Bounded: NewBounded[K, *V](size), make: newHandle}
}

// Handle returns the handle of an id: the one in the store, the one that the program still holds, or a new one.
func (h *BoundedHandles[K, V]) Handle(id K) *V {
	h.mu.Lock()
	defer h.mu.Unlock()
	if v, ok := h.values.Get(id); ok {
		return v
	}
	v := h.held.getOrMake(id, h.make)
	h.values.Add(id, v)
	return v
}

// Clear forgets all handles, including those that the program still holds.
func (h *BoundedHandles[K, V]) Clear() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.values.Purge()
	h.held = known[K, V]{}
}

// known finds the handles that a program still holds, even if a store has evicted them. It does not keep them in memory.
// Its owner's lock guards it.
type known[K ~string, V any] struct {
	handles map[K]weak.Pointer[V]
	tidy    int // how many there may be before collected ones are removed
}

// minTidy is the number of handles below which looking for collected ones is not worth it.
const minTidy = 128

func (k *known[K, V]) get(id K) (*V, bool) {
	v := k.handles[id].Value()
	return v, v != nil
}

func (k *known[K, V]) put(id K, v *V) {
	if k.handles == nil {
		k.handles = make(map[K]weak.Pointer[V])
	}
	k.handles[id] = weak.Make(v)
	if len(k.handles) < max(k.tidy, minTidy) {
		return
	}
	maps.DeleteFunc(k.handles, func(_ K, p weak.Pointer[V]) bool { return p.Value() == nil })
	k.tidy = 2 * len(k.handles) // so the cost is amortized over the handles made in between
}

// getOrMake returns the handle of an id. If there is none, it makes one and remembers it.
func (k *known[K, V]) getOrMake(id K, newHandle func(K) *V) *V {
	if v, ok := k.get(id); ok {
		return v
	}
	v := newHandle(id)
	k.put(id, v)
	return v
}
