package cache

import (
	"iter"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Expiring keeps a bounded number of values, each for a limited time. It needs no goroutine: each call evicts what has
// expired. It is safe for concurrent use.
type Expiring[K ~string, V any] struct {
	ttl    time.Duration                           // immutable
	renews bool                                    // immutable; Get renews a value
	empty  func() simplelru.LRUCache[K, *timed[V]] // immutable; returns new values

	mu     sync.Mutex
	values simplelru.LRUCache[K, *timed[V]] // guarded by mu; the one that expires first is the oldest
}

type timed[V any] struct {
	value V
	since time.Time
}

// NewExpiring returns a store of at most size values, each of which expires ttl after it was added.
func NewExpiring[K ~string, V any](size int, ttl time.Duration) *Expiring[K, V] {
	empty := func() simplelru.LRUCache[K, *timed[V]] { return NewLRU[K, *timed[V]](size) }
	return &Expiring[K, V]{ttl: ttl, empty: empty, values: empty()}
}

// NewRenewing returns a store of at most size values, each of which expires ttl after it was last added or read.
func NewRenewing[K ~string, V any](size int, ttl time.Duration) *Expiring[K, V] {
	x := NewExpiring[K, V](size, ttl)
	x.renews = true
	return x
}

// Get returns the value of an id that has not expired.
func (x *Expiring[K, V]) Get(id K) (V, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.expire()
	kept, ok := x.values.Peek(id)
	if !ok {
		var none V
		return none, false
	}
	if x.renews {
		x.put(id, kept.value)
	}
	return kept.value, true
}

// Put adds or replaces a value.
func (x *Expiring[K, V]) Put(id K, v V) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.expire()
	x.put(id, v)
}

// put is Put with mu held. It allocates only for an id that is new.
func (x *Expiring[K, V]) put(id K, v V) {
	now := time.Now()
	if kept, ok := x.values.Get(id); ok { // which makes it the newest
		kept.value, kept.since = v, now
		return
	}
	x.values.Add(id, &timed[V]{v, now})
}

// Replace replaces a value that has not expired, without renewing it.
func (x *Expiring[K, V]) Replace(id K, v V) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.expire()
	if kept, ok := x.values.Peek(id); ok {
		kept.value = v
	}
}

// Clear removes all values and frees their memory.
func (x *Expiring[K, V]) Clear() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.values = x.empty() // because a map that was large once stays large
}

// Len returns how many values there are.
func (x *Expiring[K, V]) Len() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.expire()
	return x.values.Len()
}

// All iterates over a snapshot, which is made when the loop begins. It does not renew the values.
func (x *Expiring[K, V]) All() iter.Seq2[K, V] { return Each(x.list) }

func (x *Expiring[K, V]) list() []Entry[K, V] {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.expire()
	entries := make([]Entry[K, V], 0, x.values.Len())
	for _, id := range x.values.Keys() {
		if kept, ok := x.values.Peek(id); ok {
			entries = append(entries, Entry[K, V]{ID: id, Value: kept.value})
		}
	}
	return entries
}

// expire evicts the values that have expired. mu is held.
func (x *Expiring[K, V]) expire() {
	for {
		_, oldest, ok := x.values.GetOldest()
		if !ok || time.Since(oldest.since) <= x.ttl {
			return
		}
		x.values.RemoveOldest()
	}
}
