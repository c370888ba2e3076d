package lenient

import (
	"bytes"
	"hash/maphash"
	"sync/atomic"

	"github.com/go-faster/jx"
)

// A Memory holds what was decoded from objects of which the same JSON comes again and again, such as the account in each chat
// line of its owner: to compare the JSON costs a fraction of decoding it. Its zero value is ready, and safe for concurrent use.
//
// What it returns shares maps and slices with what it returned before, so nobody may write to them.
type Memory[T any] struct {
	seen  [memoryPlaces]atomic.Uint64 // the hash of the JSON that came last
	known [memoryPlaces]atomic.Pointer[memorised[T]]
}

type memorised[T any] struct {
	text  []byte
	value T
}

// memoryPlaces is how many objects a Memory holds at most; a power of two. Each takes the size of its JSON and of its value.
const memoryPlaces = 8192

// Recall decodes the next value as decode does. An object is remembered when it comes a second time, so that a great many of
// them do not push each other out at the cost of a copy each.
func (m *Memory[T]) Recall(dst *T, d *jx.Decoder, decode Func[T]) (jx.Raw, error) {
	if d.Next() != jx.Object {
		return decode(dst, d)
	}
	text, err := d.Raw()
	if err != nil {
		return nil, err
	}
	hash := maphash.Bytes(seed, text)
	place := hash & (memoryPlaces - 1)
	if known := m.known[place].Load(); known != nil && bytes.Equal(known.text, text) {
		*dst = known.value
		return nil, nil
	}
	inner := lend(text)
	defer giveBack(inner)
	unfit, err := decode(dst, inner)
	if m.seen[place].Swap(hash) == hash && unfit == nil && err == nil {
		m.known[place].Store(&memorised[T]{bytes.Clone(text), *dst})
	}
	return unfit, err
}
