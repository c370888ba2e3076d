package cache

import (
	"iter"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// NewLRU returns a map of at most size values that evicts the least recently used one. It panics if size is not positive.
// The result is an interface, because every package that imports client would compile the methods of a generic type again.
func NewLRU[K ~string, V any](size int) simplelru.LRUCache[K, V] {
	lru, err := simplelru.NewLRU[K, V](size, nil)
	if err != nil {
		panic(err)
	}
	return lru
}

// Bounded keeps the most recently used values and evicts the others. It is safe for concurrent use.
type Bounded[K ~string, V any] struct {
	mu     sync.Mutex
	values simplelru.LRUCache[K, V] // guarded by mu
}

// NewBounded returns a store of at most size values.
func NewBounded[K ~string, V any](size int) *Bounded[K, V] {
	return &Bounded[K, V]{values: NewLRU[K, V](size)}
}

// Get returns the value of an id, which then counts as used.
func (b *Bounded[K, V]) Get(id K) (V, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.values.Get(id)
}

// Len returns how many values there are.
func (b *Bounded[K, V]) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.values.Len()
}

// All iterates over a snapshot, which is made when the loop begins.
func (b *Bounded[K, V]) All() iter.Seq2[K, V] { return Each(b.list) }

func (b *Bounded[K, V]) list() []Entry[K, V] {
	b.mu.Lock()
	defer b.mu.Unlock()
	entries := make([]Entry[K, V], 0, b.values.Len())
	for _, id := range b.values.Keys() {
		if v, ok := b.values.Peek(id); ok {
			entries = append(entries, Entry[K, V]{ID: id, Value: v})
		}
	}
	return entries
}
