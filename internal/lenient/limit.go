package lenient

import (
	"fmt"
	"sync"
	"unsafe"

	"github.com/go-faster/jx"
)

// The memory that a document may take besides its own bytes: memoryPerByte for each byte plus memoryAnyway, at most memoryAtMost.
// A record of QueUp takes one to three times the length of its JSON. A bare id of 24 characters in a list of users takes 20 times.
//
// Only values that a few bytes of JSON can make large are counted: entries of lists, targets of pointers, and members without a
// field. Everything else takes at most a few times its own length.
const (
	memoryPerByte  = 24
	memoryAnyway   = 256 << 10
	memoryAtMost   = 64 << 20
	sizeOfExtra    = 128 // a place in a map that grows, a name and a value
	sizeOfExtraMap = 448 // a map with its first places
)

// MaxEntry bounds the size of one entry of a list or an event, in bytes of memory. A test of tools/gen checks every type of
// gen/wire against it.
const MaxEntry = 3072

// Fits reports whether decoding data, which is valid JSON, certainly stays within its limit of memory, whatever type it is decoded
// into. It is true for nearly all answers, so they need not be decoded to know that.
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
	// An object has one separator less than members, and a list one less than entries.
	entries := separators - members + objects + lists
	return entries*MaxEntry+members*sizeOfExtra+objects*sizeOfExtraMap <= limit(len(data))
}

// A LimitError is returned for a document that would take too much memory.
type LimitError struct {
	Length int // bytes of the document
	Limit  int // bytes of memory that it may take
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("more objects and list entries than fit into %d KiB, the limit for %d bytes of JSON", e.Limit>>10, e.Length)
}

// A Decoder reads a document and counts the memory that it takes.
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

// decoders is a pool of our own. The pool of jx reuses the input of one user as the read buffer of the next, but our inputs
// outlive their decoder: they are the Raw of events.
var decoders = sync.Pool{New: func() any { return &Decoder{Decoder: new(jx.Decoder)} }}

// Lend returns a decoder for a document. The caller gives it back with GiveBack.
func Lend(data []byte) *Decoder {
	d := decoders.Get().(*Decoder)
	d.ResetBytes(data)
	d.own = document{len(data), limit(len(data))}
	d.document = &d.own
	return d
}

// within returns a decoder for a part of d's document. The caller gives it back with GiveBack.
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
