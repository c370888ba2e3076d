// Package lenient reads and writes the JSON of QueUp, which writes the same member now as a number, now as text, now as
// null. It is what the generated code of gen/wire calls.
//
// Every decoding function fills *dst from the next value of d and has the same result: only broken JSON is an error. A
// value that does not fit leaves *dst at its zero value and is returned as it came, so that the object around it can
// keep it; the result is nil for a value that fits. Null fits everything and means the zero value. The returned bytes
// belong to d and are valid until its next call.
//
// Nesting cannot exhaust the stack: jx refuses it beyond 10 000 levels.
package lenient

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/go-faster/jx"
)

// A Func decodes one value into a T.
type Func[T any] = func(dst *T, d *jx.Decoder) (unfit jx.Raw, err error)

// decoders is a pool of its own. That of jx keeps the input of the last user as a read buffer for the next one, and our
// inputs outlive their decoder: they are the Raw of events.
var decoders = sync.Pool{New: func() any { return new(jx.Decoder) }}

// lend returns a decoder for data, to be given back.
func lend(data []byte) *jx.Decoder {
	d := decoders.Get().(*jx.Decoder)
	d.ResetBytes(data)
	return d
}

func giveBack(d *jx.Decoder) {
	d.ResetBytes(nil)
	decoders.Put(d)
}

// Unmarshal decodes data, which must hold one value and nothing after it.
func Unmarshal(data []byte, decode func(d *jx.Decoder) error) error {
	d := lend(data)
	defer giveBack(d)
	if err := decode(d); err != nil {
		return cause(err)
	}
	return end(d)
}

// end is an error if there is another value.
func end(d *jx.Decoder) error {
	err := d.Skip()
	if err == io.EOF { //nolint:errorlint // a wrapped one says that a second value ends too early
		return nil
	}
	if err == nil {
		err = errors.New("more than one JSON value")
	}
	return cause(err)
}

// cause returns what a decoder stumbled over. jx wraps it once for each level of nesting, in a word that tells nothing.
func cause(err error) error {
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(next) {
		err = next
	}
	if err == io.EOF { //nolint:errorlint // it is the innermost error
		return io.ErrUnexpectedEOF // or else it would look like the regular end of a stream
	}
	return err
}

// Marshal returns what encode writes.
func Marshal(encode func(e *jx.Encoder)) ([]byte, error) {
	e := jx.GetEncoder()
	defer jx.PutEncoder(e)
	encode(e)
	return bytes.Clone(e.Bytes()), nil
}

// Drop forgets a value that did not fit: for callers that have no place to keep it.
func Drop(_ jx.Raw, err error) error { return err }

// raw returns the next value as it is.
func raw(d *jx.Decoder) (jx.Raw, error) {
	d.Next() // skips the white space before the value
	return d.Raw()
}

// A Member decodes the value of one member of a T. What does not fit is returned as it came. It is a method expression
// where it can be, because a method value costs memory each time.
type Member[T any] = func(x *T, key []byte, d *jx.Decoder) (unfit jx.Raw, err error)

// Object decodes an object into x by calling member for each of its members. What member returns as unfit goes to extra,
// under the member's own name.
func Object[T any](d *jx.Decoder, x *T, extra *map[string]json.RawMessage, member Member[T]) (jx.Raw, error) {
	switch d.Next() {
	case jx.Object:
	case jx.Null:
		return nil, d.Null()
	default:
		return d.Raw()
	}
	members, err := d.ObjIter()
	if err != nil {
		return nil, err
	}
	for members.Next() {
		unfit, err := member(x, members.Key(), d)
		if err != nil {
			return nil, err
		}
		if unfit != nil || *extra != nil {
			keep(extra, members.Key(), unfit)
		}
	}
	return nil, members.Err()
}

// keep stores a value that fits nowhere, under a name that is UTF-8 like every other text. A member that occurs twice counts
// as its last occurrence.
func keep(extra *map[string]json.RawMessage, key []byte, unfit jx.Raw) {
	switch {
	case unfit == nil && *extra == nil:
	case unfit == nil:
		delete(*extra, valid(string(key)))
	case *extra == nil:
		*extra = map[string]json.RawMessage{valid(string(key)): bytes.Clone(unfit)}
	default:
		(*extra)[valid(string(key))] = bytes.Clone(unfit)
	}
}

// ObjectOrID is Object for a type that QueUp shortens to its id at times. The id goes to *id.
func ObjectOrID[K ~string, T any](d *jx.Decoder, id *K, x *T, extra *map[string]json.RawMessage, member Member[T]) (jx.Raw, error) {
	switch d.Next() {
	case jx.String, jx.Number:
		return String(id, d)
	default:
		return Object(d, x, extra, member)
	}
}

// Event decodes an object that keeps its own bytes: it calls receive with a copy of them.
func Event(d *jx.Decoder, receive func(name string, data []byte) error) (jx.Raw, error) {
	switch d.Next() {
	case jx.Object:
	case jx.Null:
		return nil, d.Null()
	default:
		return d.Raw()
	}
	data, err := d.RawAppend(nil)
	if err != nil {
		return nil, err
	}
	return nil, receive("", data)
}

// List decodes an array. Entries that are null or do not fit are left out; an empty array is an empty list, not nil.
func List[S ~[]T, T any](dst *S, d *jx.Decoder, decode Func[T]) (jx.Raw, error) {
	*dst = nil
	switch d.Next() {
	case jx.Array:
	case jx.Null:
		return nil, d.Null()
	default:
		return d.Raw()
	}
	list := S{}
	err := d.Arr(func(d *jx.Decoder) error {
		if d.Next() == jx.Null {
			return d.Null()
		}
		var zero T
		list = append(list, zero)
		unfit, err := decode(&list[len(list)-1], d)
		if unfit != nil {
			list = list[:len(list)-1]
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	*dst = list
	return nil, nil
}

// Pointer decodes a value whose absence means something: null and what does not fit leave *dst nil.
func Pointer[T any](dst **T, d *jx.Decoder, decode Func[T]) (jx.Raw, error) {
	*dst = nil
	if d.Next() == jx.Null {
		return nil, d.Null()
	}
	v := new(T)
	unfit, err := decode(v, d)
	if unfit == nil && err == nil {
		*dst = v
	}
	return unfit, err
}

// sortedKeys returns the keys of m in order.
func sortedKeys(m map[string]json.RawMessage) []string { return slices.Sorted(maps.Keys(m)) }
