package client

import (
	"iter"
	"maps"
	"slices"
	"sync"
	"weak"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// table is a store that holds everything put into it. Its cost per change does not depend on its size: the entries are
// never changed, only replaced, so that the snapshot for readers, which is made when one asks and kept until the next
// change, is a list of pointers.
type table[K ~string, V any] struct {
	mu       sync.RWMutex
	places   map[K]int      // guarded by mu; where each stands in entries
	entries  []*entry[K, V] // guarded by mu; in no order
	snapshot []*entry[K, V] // guarded by mu; nil after a change
}

func newTable[K ~string, V any]() *table[K, V] { return &table[K, V]{places: make(map[K]int)} }

func (t *table[K, V]) get(id K) (V, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.find(id)
}

func (t *table[K, V]) len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.entries)
}

func (t *table[K, V]) all() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, e := range t.list() {
			if !yield(e.id, e.value) {
				return
			}
		}
	}
}

// list returns the snapshot.
func (t *table[K, V]) list() []*entry[K, V] {
	t.mu.RLock()
	snapshot := t.snapshot
	t.mu.RUnlock()
	if snapshot != nil {
		return snapshot
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.snapshot == nil {
		t.snapshot = slices.Clone(t.entries)
	}
	return t.snapshot
}

func (t *table[K, V]) put(id K, v V) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.set(id, v)
}

// remove takes the value out and returns it.
func (t *table[K, V]) remove(id K) (V, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.drop(id)
}

// replace makes the given values the whole content.
func (t *table[K, V]) replace(values map[K]V) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.places, t.entries, t.snapshot = make(map[K]int, len(values)), make([]*entry[K, V], 0, len(values)), nil
	for id, v := range values {
		t.set(id, v)
	}
}

// find, set and drop are get, put and remove with mu held.
func (t *table[K, V]) find(id K) (V, bool) {
	if i, ok := t.places[id]; ok {
		return t.entries[i].value, true
	}
	var none V
	return none, false
}

func (t *table[K, V]) set(id K, v V) {
	t.snapshot = nil
	e := &entry[K, V]{id, v}
	if i, ok := t.places[id]; ok {
		t.entries[i] = e
		return
	}
	t.places[id] = len(t.entries)
	t.entries = append(t.entries, e)
}

func (t *table[K, V]) drop(id K) (V, bool) {
	v, ok := t.find(id)
	if !ok {
		return v, false
	}
	i, last := t.places[id], len(t.entries)-1
	t.snapshot = nil
	t.entries[i] = t.entries[last]
	t.places[t.entries[i].id] = i
	t.entries[last] = nil
	t.entries = t.entries[:last]
	delete(t.places, id)
	return v, true
}

// handles knows the handles that the user of the client still holds, whether a store has given them up or not, so that nobody
// gets a second handle on the same thing. It keeps none of them in memory. Its owner's lock guards it.
type handles[K ~string, V any] struct {
	known map[K]weak.Pointer[V]
	tidy  int // how many there may be before those that are gone are taken out
}

// minTidy is how many handles that are gone are not worth looking for.
const minTidy = 128

func (h *handles[K, V]) get(id K) (*V, bool) {
	v := h.known[id].Value()
	return v, v != nil
}

func (h *handles[K, V]) put(id K, v *V) {
	if h.known == nil {
		h.known = make(map[K]weak.Pointer[V])
	}
	h.known[id] = weak.Make(v)
	if len(h.known) < max(h.tidy, minTidy) {
		return
	}
	maps.DeleteFunc(h.known, func(_ K, p weak.Pointer[V]) bool { return p.Value() == nil })
	h.tidy = 2 * len(h.known) // so that it costs no more than the handles that were made meanwhile
}

// bounded is a store that keeps the values used last and gives up the others.
type bounded[K ~string, V any] struct {
	mu     sync.Mutex
	values *simplelru.LRU[K, V] // guarded by mu
}

func newBounded[K ~string, V any](size int) *bounded[K, V] {
	return &bounded[K, V]{values: newLRU[K, V](size)}
}

// newLRU makes a map that gives up what was used longest ago. The options do not let a size pass that is not positive.
func newLRU[K ~string, V any](size int) *simplelru.LRU[K, V] {
	lru, err := simplelru.NewLRU[K, V](size, nil)
	if err != nil {
		panic(err)
	}
	return lru
}

func (b *bounded[K, V]) get(id K) (V, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.values.Get(id)
}

func (b *bounded[K, V]) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.values.Len()
}

func (b *bounded[K, V]) all() iter.Seq2[K, V] { return each(b.list) }

func (b *bounded[K, V]) list() []entry[K, V] {
	b.mu.Lock()
	defer b.mu.Unlock()
	entries := make([]entry[K, V], 0, b.values.Len())
	for _, id := range b.values.Keys() {
		if v, ok := b.values.Peek(id); ok {
			entries = append(entries, entry[K, V]{id, v})
		}
	}
	return entries
}
