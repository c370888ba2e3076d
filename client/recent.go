package client

import "iter"

// recent holds the values that were added last, by id, and gives up the oldest for a new one. Unlike an LRU map it does not
// care which are used, and needs no memory for each of them.
type recent[K ~string, V any] struct {
	size    int           // at most; positive
	places  map[K]int     // where each stands in entries
	entries []entry[K, V] // a ring once it is full
	oldest  int
}

func newRecent[K ~string, V any](size int) *recent[K, V] {
	return &recent[K, V]{size: size, places: make(map[K]int)}
}

func (r *recent[K, V]) len() int { return len(r.entries) }

// add puts in a value, or replaces the one with the same id, which keeps its place.
func (r *recent[K, V]) add(id K, v V) {
	if i, ok := r.places[id]; ok {
		r.entries[i].value = v
		return
	}
	r.put(id, v)
}

// put puts in a value whose id is not there.
func (r *recent[K, V]) put(id K, v V) {
	if len(r.entries) < r.size {
		r.places[id] = len(r.entries)
		r.entries = append(r.entries, entry[K, V]{id, v})
		return
	}
	delete(r.places, r.entries[r.oldest].id)
	r.places[id] = r.oldest
	r.entries[r.oldest] = entry[K, V]{id, v}
	r.oldest = (r.oldest + 1) % r.size
}

// addNew is add for an id that is not there, and reports whether it is not.
func (r *recent[K, V]) addNew(id K, v V) bool {
	if _, there := r.places[id]; there {
		return false
	}
	r.put(id, v)
	return true
}

// at returns where the value of an id is, nil if it is not there. It is valid until the next add.
func (r *recent[K, V]) at(id K) *V {
	if i, ok := r.places[id]; ok {
		return &r.entries[i].value
	}
	return nil
}

// all goes from the oldest value to the newest.
func (r *recent[K, V]) all() iter.Seq[V] {
	return func(yield func(V) bool) {
		for i := range r.entries {
			if !yield(r.entries[(r.oldest+i)%len(r.entries)].value) {
				return
			}
		}
	}
}
