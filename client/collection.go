package client

import "iter"

// A Collection is a live, read-only view of values by their id. Each call shows the current state. It is safe for
// concurrent use. A loop over All or Values runs over a snapshot, so its body may call anything.
type Collection[K ~string, V any] struct {
	store store[K, V]
}

// store holds the values of a Collection.
type store[K ~string, V any] interface {
	Get(id K) (V, bool)
	// All iterates over a snapshot, which is made when the loop begins.
	All() iter.Seq2[K, V]
	Len() int
}

// Get returns the value with that id.
func (c *Collection[K, V]) Get(id K) (V, bool) {
	if c == nil || c.store == nil {
		var none V
		return none, false
	}
	return c.store.Get(id)
}

// Find returns a value that match accepts.
func (c *Collection[K, V]) Find(match func(V) bool) (V, bool) { return Find(c.Values(), match) }

// All iterates over a snapshot of ids and values, in no particular order.
func (c *Collection[K, V]) All() iter.Seq2[K, V] {
	if c == nil || c.store == nil {
		return func(func(K, V) bool) {}
	}
	return c.store.All()
}

// Values iterates over a snapshot of the values, in no particular order.
func (c *Collection[K, V]) Values() iter.Seq[V] {
	return func(yield func(V) bool) {
		for _, v := range c.All() {
			if !yield(v) {
				return
			}
		}
	}
}

// Len returns the number of values.
func (c *Collection[K, V]) Len() int {
	if c == nil || c.store == nil {
		return 0
	}
	return c.store.Len()
}
