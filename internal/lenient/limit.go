package lenient

import (
	"fmt"
	"sync"
	"unsafe"

	"github.com/go-faster/jx"
)

// What a document may take in memory, besides its own bytes: so much for each of them and so much more, up to a maximum. A record
// of QueUp takes one to three times the length of its JSON; a bare id of 24 characters in a list of users takes 20 times.
//
// Only what a few bytes of JSON can make large is counted: entries of lists, what pointers point to, and members that no field
// holds. All else takes no more than a few times its own length.
const (
	memoryPerByte  = 24
	memoryAnyway   = 256 << 10
	memoryAtMost   = 64 << 20
	sizeOfExtra    = 128 // a place in a map that grows, a name and a value
	sizeOfExtraMap = 448 // a map with its first places
)

// MaxEntry bounds the size of what a list or an event holds, in bytes of memory. A test of tools/eventgen holds
// every type of gen/wire to it.
const MaxEntry = 3072

// Fits reports whether decoding data, which is valid JSON, stays within its limit of memory for certain, whatever it is decoded
// into. It is for answers with few entries for their length, as nearly all are, which need not be decoded to know that.
func Fits(data []byte) bool {
	var objects, lists, members, separators int
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i += quoted(data[i:]) - 1
		case '{':
			objects++
		case '[':
			lists++
		case ':':
			members++
		case ',':
			separators++
		}
	}
	// Of the separators in an object there is one less than it has members, and likewise in a list.
	entries := separators - members + objects + lists
	return entries*MaxEntry+members*sizeOfExtra+objects*sizeOfExtraMap <= limit(len(data))
}

// A LimitError says that a document would take too much memory.
type LimitError struct {
	Length int // bytes of the document
	Limit  int // bytes of memory that it may take
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("more objects and list entries than fit into %d KiB, the limit for %d bytes of JSON", e.Limit>>10, e.Length)
}

// A Decoder reads a document and counts what it takes in memory.
type Decoder struct {
	*jx.Decoder
	document *document
	own      document // for a decoder that reads a whole one
}

type document struct {
	length int
	left   int // bytes of memory
}

func limit(length int) int { return min(memoryAnyway+memoryPerByte*length, memoryAtMost) }

// Take counts bytes of memory.
func (d *Decoder) Take(size int) error {
	if d.document.left -= size; d.document.left < 0 {
		return &LimitError{d.document.length, limit(d.document.length)}
	}
	return nil
}

// TakeExtra counts the memory of a map with n members that no field holds.
func (d *Decoder) TakeExtra(n int) error {
	if n == 0 {
		return nil
	}
	return d.Take(sizeOfExtraMap + n*sizeOfExtra)
}

// sizeOf returns how many bytes of memory a T takes.
func sizeOf[T any]() int { return int(unsafe.Sizeof(*new(T))) }

// decoders is a pool of its own. That of jx keeps the input of the last user as a read buffer for the next one, and our
// inputs outlive their decoder: they are the Raw of events.
var decoders = sync.Pool{New: func() any { return &Decoder{Decoder: new(jx.Decoder)} }}

// Lend returns a decoder for a document, to be given back.
func Lend(data []byte) *Decoder {
	d := decoders.Get().(*Decoder)
	d.ResetBytes(data)
	d.own = document{len(data), limit(len(data))}
	d.document = &d.own
	return d
}

// within returns a decoder for a part of d's document, to be given back.
func (d *Decoder) within(data []byte) *Decoder {
	inner := decoders.Get().(*Decoder)
	inner.ResetBytes(data)
	inner.document = d.document
	return inner
}

// GiveBack ends the use of a decoder that was lent.
func (d *Decoder) GiveBack() {
	d.ResetBytes(nil)
	d.document = nil
	decoders.Put(d)
}
