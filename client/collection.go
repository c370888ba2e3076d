package client

import (
	"iter"
	"sync"
)

// A Collection is a live, read-only view of things by their id: it shows what is known at the moment of each call. It is
// safe for concurrent use, and the loop over All or Values may call anything, because it runs over a snapshot.
type Collection[K ~string, V any] struct {
	store store[K, V]
}

// store is what stands behind a Collection.
type store[K ~string, V any] interface {
	get(id K) (V, bool)
	// all returns every entry; the caller does not change it.
	all() []entry[K, V]
	len() int
}

type entry[K ~string, V any] struct {
	id    K
	value V
}

// Get returns the value with that id.
func (c *Collection[K, V]) Get(id K) (V, bool) {
	if c == nil || c.store == nil {
		var none V
		return none, false
	}
	return c.store.get(id)
}

// Find returns a value that match accepts.
func (c *Collection[K, V]) Find(match func(V) bool) (V, bool) { return Find(c.Values(), match) }

// All iterates over a snapshot of ids and values, in no particular order.
func (c *Collection[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, e := range c.snapshot() {
			if !yield(e.id, e.value) {
				return
			}
		}
	}
}

// Values iterates over a snapshot of the values, in no particular order.
func (c *Collection[K, V]) Values() iter.Seq[V] {
	return func(yield func(V) bool) {
		for _, e := range c.snapshot() {
			if !yield(e.value) {
				return
			}
		}
	}
}

// Len returns how many there are.
func (c *Collection[K, V]) Len() int {
	if c == nil || c.store == nil {
		return 0
	}
	return c.store.len()
}

func (c *Collection[K, V]) snapshot() []entry[K, V] {
	if c == nil || c.store == nil {
		return nil
	}
	return c.store.all()
}

// table is a store that holds everything put into it. Its cost per change does not depend on its size: the snapshot
// for readers is made when one asks and kept until the next change.
type table[K ~string, V any] struct {
	mu       sync.RWMutex
	values   map[K]V       // guarded by mu
	snapshot []entry[K, V] // guarded by mu; nil after a change
}

func newTable[K ~string, V any]() *table[K, V] { return &table[K, V]{values: make(map[K]V)} }

func (t *table[K, V]) get(id K) (V, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	v, ok := t.values[id]
	return v, ok
}

func (t *table[K, V]) len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.values)
}

func (t *table[K, V]) all() []entry[K, V] {
	t.mu.RLock()
	snapshot := t.snapshot
	t.mu.RUnlock()
	if snapshot != nil {
		return snapshot
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.snapshot == nil {
		t.snapshot = make([]entry[K, V], 0, len(t.values))
		for id, v := range t.values {
			t.snapshot = append(t.snapshot, entry[K, V]{id, v})
		}
	}
	return t.snapshot
}

func (t *table[K, V]) put(id K, v V) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.values[id] = v
	t.snapshot = nil
}

// remove takes the value out and returns it.
func (t *table[K, V]) remove(id K) (V, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v, ok := t.values[id]
	delete(t.values, id)
	t.snapshot = nil
	return v, ok
}

// replace makes the given values the whole content.
func (t *table[K, V]) replace(values map[K]V) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.values = values
	t.snapshot = nil
}
