package cache

import (
	"iter"
	"slices"
	"sync"
)

// An Entry is a value and its id.
type Entry[K ~string, V any] struct {
	ID    K
	Value V
}

// Each iterates over the entries that snapshot returns when the loop begins.
func Each[K ~string, V any](snapshot func() []Entry[K, V]) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, e := range snapshot() {
			if !yield(e.ID, e.Value) {
				return
			}
		}
	}
}

// A Table keeps all values added to it. The cost of a change does not depend on its size, because an entry is never
// changed, only replaced. The snapshot for readers is therefore a list of pointers, made when a reader asks and kept until
// the next change. A Table is safe for concurrent use.
type Table[K ~string, V any] struct {
	mu       sync.RWMutex
	places   map[K]int      // guarded by mu; index of each in entries
	entries  []*Entry[K, V] // guarded by mu; in no particular order
	snapshot []*Entry[K, V] // guarded by mu; nil after a change
}

// NewTable returns an empty table.
func NewTable[K ~string, V any]() *Table[K, V] { return &Table[K, V]{places: make(map[K]int)} }

// Get returns the value of an id.
func (t *Table[K, V]) Get(id K) (V, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.find(id)
}

// Len returns how many values there are.
func (t *Table[K, V]) Len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.entries)
}

// All iterates over a snapshot, which is made when the loop begins.
func (t *Table[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, e := range t.List() {
			if !yield(e.ID, e.Value) {
				return
			}
		}
	}
}

// List returns the snapshot. It is the same slice until the next change, and must not be modified.
func (t *Table[K, V]) List() []*Entry[K, V] {
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

// Put adds a value, or replaces the one with that id.
func (t *Table[K, V]) Put(id K, v V) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.set(id, v)
}

// Remove removes a value and returns it.
func (t *Table[K, V]) Remove(id K) (V, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.drop(id)
}

// Replace replaces the whole content with the given values.
func (t *Table[K, V]) Replace(values map[K]V) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.places, t.entries, t.snapshot = make(map[K]int, len(values)), make([]*Entry[K, V], 0, len(values)), nil
	for id, v := range values {
		t.set(id, v)
	}
}

// find, set and drop are Get, Put and Remove with mu held.
func (t *Table[K, V]) find(id K) (V, bool) {
	if i, ok := t.places[id]; ok {
		return t.entries[i].Value, true
	}
	var none V
	return none, false
}

func (t *Table[K, V]) set(id K, v V) {
	t.snapshot = nil
	e := &Entry[K, V]{ID: id, Value: v}
	if i, ok := t.places[id]; ok {
		t.entries[i] = e
		return
	}
	t.places[id] = len(t.entries)
	t.entries = append(t.entries, e)
}

func (t *Table[K, V]) drop(id K) (V, bool) {
	v, ok := t.find(id)
	if !ok {
		return v, false
	}
	i, last := t.places[id], len(t.entries)-1
	t.snapshot = nil
	t.entries[i] = t.entries[last]
	t.places[t.entries[i].ID] = i
	t.entries[last] = nil
	t.entries = t.entries[:last]
	delete(t.places, id)
	return v, true
}
