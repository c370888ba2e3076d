package client

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

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

func (b *bounded[K, V]) all() []entry[K, V] {
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
