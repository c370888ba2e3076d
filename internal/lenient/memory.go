package lenient

import (
	"bytes"
	"hash/maphash"
	"math/rand/v2"
	"sync/atomic"

	"github.com/go-faster/jx"
)

// A Memory saves decoding objects whose JSON comes repeatedly, such as the account in each chat line of its owner. Comparing the
// JSON costs a fraction of decoding it. The zero Memory is ready for use, and safe for concurrent use.
//
// The decoder passed to Learn is the reference: Recall returns only what that decoder has made of the same bytes. Values of the
// same bytes share their maps, slices and pointers, so nobody may write to them.
type Memory[T any] struct {
	buckets   [memoryBuckets]bucket[T]
	sightings sightings
}

// The bounds of a Memory. The first three are powers of two.
const (
	bucketSlots   = 4 // a bucket fills one line of the processor's cache
	memoryBuckets = 4096
	maxSightings  = 16384
	maxRemembered = 4 << 10 // bytes of JSON; a longer object is decoded each time
)

// sampleSize is how many bytes at the beginning of an object choose its bucket: enough for its ids and the time of its last
// change, so that versions of one object share a bucket only by chance. A shorter object is decoded each time, which costs little.
const sampleSize = 192

// bucket holds the objects whose samples share a part of their hash.
type bucket[T any] [bucketSlots]slot[T]

type slot[T any] struct {
	hash   atomic.Uint64 // of the object's sample; the object may be newer for a moment
	object atomic.Pointer[remembered[T]]
}

type remembered[T any] struct {
	text  []byte
	value T
}

// Recall is the [Recall] of the objects that Learn has decoded. An object ends at its closing brace, so it is recognised whatever
// bytes follow it.
func (m *Memory[T]) Recall(dst *T, rest []byte) int {
	if len(rest) < sampleSize {
		return 0
	}
	hash := maphash.Bytes(seed, rest[:sampleSize])
	known := m.bucket(hash).find(hash, rest)
	if known == nil {
		return 0
	}
	*dst = known.value
	return len(known.text)
}

// Learn decodes the next value with decode. It remembers an object that comes for the second time, so that objects that come
// once cost no copy and evict no others.
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
	decoded := unfit == nil && err == nil
	sized := sampleSize <= len(text) && len(text) <= maxRemembered
	if decoded && sized && m.sightings.repeated(maphash.Bytes(seed, text)) {
		hash := maphash.Bytes(seed, text[:sampleSize])
		m.bucket(hash).store(hash, &remembered[T]{bytes.Clone(text), *dst})
	}
	return unfit, err
}

func (m *Memory[T]) bucket(hash uint64) *bucket[T] { return &m.buckets[hash%memoryBuckets] }

// find returns the object that text begins with, or nil.
func (b *bucket[T]) find(hash uint64, text []byte) *remembered[T] {
	for i := range b {
		if b[i].hash.Load() != hash {
			continue
		}
		if known := b[i].object.Load(); known != nil && bytes.HasPrefix(text, known.text) {
			return known
		}
	}
	return nil
}

// store fills an empty slot. If there is none it evicts a random object, so that objects that no longer come do not stay for ever.
func (b *bucket[T]) store(hash uint64, object *remembered[T]) {
	free := &b[rand.IntN(bucketSlots)]
	for i := range b {
		if b[i].object.Load() == nil {
			free = &b[i]
			break
		}
	}
	free.object.Store(object)
	free.hash.Store(hash)
}

// sightings holds a part of the hash of objects that were seen once. Another part of the hash chooses the place. Zero is an
// empty place.
type sightings [maxSightings]atomic.Uint32

// repeated reports whether an object was seen before, and forgets it then. An object replaces another one in its place with a
// chance of one half. If it always did, two objects that come in turns would keep each other from being remembered.
func (s *sightings) repeated(hash uint64) bool {
	sighting := uint32(hash>>32) | 1
	place := &s[hash%maxSightings]
	switch seen := place.Load(); {
	case seen == sighting:
		place.Store(0)
		return true
	case seen == 0 || rand.Uint32()%2 == 0:
		place.Store(sighting)
	}
	return false
}
