package lenient

import (
	"bytes"
	"hash/maphash"
	"math/rand/v2"
	"sync/atomic"

	"github.com/go-faster/jx"
)

// A Memory holds what was decoded from objects of which the same JSON comes again and again, such as the account in each chat
// line of its owner: to compare the JSON costs a fraction of decoding it. Its zero value is ready, and safe for concurrent use.
//
// What it returns shares maps and slices with what it returned before, so nobody may write to them.
type Memory[T any] struct {
	shelves [memoryShelves]shelf[T]
	seen    [memoryHints]atomic.Uint32 // by another part of the hash of some JSON, the rest of it
}

// A Memory is bounded: so many objects on a shelf, so many shelves, and no object that is longer. The numbers are powers of two.
const (
	shelfPlaces   = 4 // with which a shelf is one line of the processor's cache
	memoryShelves = 4096
	memoryHints   = 16384
	maxRemembered = 4 << 10 // bytes of JSON
)

// sample is how many bytes of an object say on which shelf it stands: enough for its ids and when it was changed, because many
// forms of the same would push each other out. A shorter object is decoded in no time.
const sample = 192

// shelf has the places in which an object may stand, so that a few of the same shelf do not push each other out.
type shelf[T any] struct {
	hashes  [shelfPlaces]atomic.Uint64 // of the sample of what stands there, or did a moment ago
	objects [shelfPlaces]atomic.Pointer[memorised[T]]
}

type memorised[T any] struct {
	text  []byte
	value T
}

// Recall is the [Recall] of what Learn has decoded. An object ends where it begins to be none, so that the same bytes are the
// same object, whatever follows them.
func (m *Memory[T]) Recall(dst *T, rest []byte) int {
	if len(rest) < sample {
		return 0
	}
	hash := maphash.Bytes(seed, rest[:sample])
	known := m.shelf(hash).find(hash, rest)
	if known == nil {
		return 0
	}
	*dst = known.value
	return len(known.text)
}

// Learn decodes the next value as decode does. An object is remembered when it comes a second time, so that a great many of
// them do not push each other out at the cost of a copy each.
func (m *Memory[T]) Learn(dst *T, d *Decoder, decode Func[T]) (jx.Raw, error) {
	if d.Next() != jx.Object {
		return decode(dst, d)
	}
	text, err := d.Raw()
	if err != nil {
		return nil, err
	}
	inner := d.within(text)
	defer inner.GiveBack()
	unfit, err := decode(dst, inner)
	if unfit == nil && err == nil && sample <= len(text) && len(text) <= maxRemembered && m.again(maphash.Bytes(seed, text)) {
		hash := maphash.Bytes(seed, text[:sample])
		m.shelf(hash).put(hash, &memorised[T]{bytes.Clone(text), *dst})
	}
	return unfit, err
}

func (m *Memory[T]) shelf(hash uint64) *shelf[T] { return &m.shelves[hash%memoryShelves] }

// again reports whether an object came before. Of two that leave their hint in the same place one stays, sooner or later, or
// they would keep each other from being remembered.
func (m *Memory[T]) again(hash uint64) bool {
	rest := uint32(hash>>32) | 1 // zero is a place without a hint
	place := &m.seen[hash%memoryHints]
	switch hint := place.Load(); {
	case hint == rest:
		place.Store(0)
		return true
	case hint == 0 || rand.Uint32()%2 == 0:
		place.Store(rest)
	}
	return false
}

// find returns the object that text begins with.
func (s *shelf[T]) find(hash uint64, text []byte) *memorised[T] {
	for i := range s.hashes {
		if s.hashes[i].Load() != hash {
			continue
		}
		if known := s.objects[i].Load(); known != nil && bytes.HasPrefix(text, known.text) {
			return known
		}
	}
	return nil
}

// put takes an empty place, or any, so that what no longer comes does not stay for ever.
func (s *shelf[T]) put(hash uint64, object *memorised[T]) {
	place := rand.IntN(shelfPlaces)
	for i := range s.objects {
		if s.objects[i].Load() == nil {
			place = i
			break
		}
	}
	s.objects[place].Store(object)
	s.hashes[place].Store(hash)
}
