package cache

import "iter"

// Recent keeps the last added values by id, and replaces the oldest with a new one. Unlike an LRU map it does not track
// use, which saves memory per value. It is not safe for concurrent use.
type Recent[K ~string, V any] struct {
	size    int           // at most; positive
	places  map[K]int     // index of each in entries
	entries []Entry[K, V] // a ring once it is full
	oldest  int
}

// NewRecent returns a store of at most size values; size is positive.
func NewRecent[K ~string, V any](size int) *Recent[K, V] {
	return &Recent[K, V]{size: size, places: make(map[K]int)}
}

// Len returns how many values there are.
func (r *Recent[K, V]) Len() int { return len(r.entries) }

// Add adds a value, or replaces the one with the same id, which keeps its place.
func (r *Recent[K, V]) Add(id K, v V) {
	if i, ok := r.places[id]; ok {
		r.entries[i].Value = v
		return
	}
	r.put(id, v)
}

// put adds a value whose id is not in the store.
func (r *Recent[K, V]) put(id K, v V) {
	if len(r.entries) < r.size {
		r.places[id] = len(r.entries)
		r.entries = append(r.entries, Entry[K, V]{ID: id, Value: v})
		return
	}
	delete(r.places, r.entries[r.oldest].ID)
	r.places[id] = r.oldest
	r.entries[r.oldest] = Entry[K, V]{ID: id, Value: v}
	r.oldest = (r.oldest + 1) % r.size
}

// AddNew adds a value if its id is not in the store, and reports whether it did.
func (r *Recent[K, V]) AddNew(id K, v V) bool {
	if _, there := r.places[id]; there {
		return false
	}
	r.put(id, v)
	return true
}

// At returns a pointer to the value of an id, nil if there is none. It is valid until the next Add or AddNew.
func (r *Recent[K, V]) At(id K) *V {
	if i, ok := r.places[id]; ok {
		return &r.entries[i].Value
	}
	return nil
}

// All iterates from the oldest value to the newest.
func (r *Recent[K, V]) All() iter.Seq[V] {
	return func(yield func(V) bool) {
		for i := range r.entries {
			if !yield(r.entries[(r.oldest+i)%len(r.entries)].Value) {
				return
			}
		}
	}
}
