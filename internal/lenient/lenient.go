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

	"github.com/go-faster/jx"
)

// A Func decodes one value into a T.
type Func[T any] = func(dst *T, d *Decoder) (unfit jx.Raw, err error)

// Unmarshal decodes data, which must hold one value and nothing after it.
func Unmarshal(data []byte, decode func(d *Decoder) error) error {
	d := Lend(data)
	defer d.GiveBack()
	if err := decode(d); err != nil {
		return cause(err)
	}
	return end(d)
}

// Decode decodes the next value of d as a document of its own, with its own limit of memory.
func Decode[T any](dst *T, d *jx.Decoder, decode Func[T]) error {
	d.Next() // skips the white space before the value
	data, err := d.Raw()
	if err != nil {
		return err
	}
	document := Lend(data)
	defer document.GiveBack()
	return Drop(decode(dst, document))
}

// end is an error if there is another value.
func end(d *Decoder) error {
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
func raw(d *Decoder) (jx.Raw, error) {
	d.Next() // skips the white space before the value
	return d.Raw()
}

// A Member decodes the value of one member of a T. What does not fit is returned as it came. It is a method expression
// where it can be, because a method value costs memory each time.
type Member[T any] = func(x *T, key []byte, d *Decoder) (unfit jx.Raw, err error)

// Object decodes an object into x by calling member for each of its members. What member returns as unfit goes to extra,
// under the member's own name.
func Object[T any](d *Decoder, x *T, extra *map[string]json.RawMessage, member Member[T]) (jx.Raw, error) {
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
			if err := keep(d, extra, members.Key(), unfit); err != nil {
				return nil, err
			}
		}
	}
	return nil, members.Err()
}

// keep stores a value that fits nowhere, under a name that is UTF-8 like every other text. A member that occurs twice counts
// as its last occurrence.
func keep(d *Decoder, extra *map[string]json.RawMessage, key []byte, unfit jx.Raw) error {
	if unfit == nil {
		delete(*extra, valid(string(key)))
		return nil
	}
	size := sizeOfExtra
	if *extra == nil {
		size += sizeOfExtraMap
	}
	if err := d.Take(size); err != nil {
		return err
	}
	if *extra == nil {
		*extra = make(map[string]json.RawMessage, 1)
	}
	(*extra)[valid(string(key))] = bytes.Clone(unfit)
	return nil
}

// ObjectOrID is Object for a type that QueUp shortens to its id at times. The id goes to *id.
func ObjectOrID[K ~string, T any](d *Decoder, id *K, x *T, extra *map[string]json.RawMessage, member Member[T]) (jx.Raw, error) {
	switch d.Next() {
	case jx.String, jx.Number:
		return String(id, d)
	default:
		return Object(d, x, extra, member)
	}
}

// Event decodes an object that keeps its own bytes. It calls receive with a copy of them and a decoder for that copy, which
// takes its memory from the document of d.
func Event(d *Decoder, receive func(d *Decoder, data []byte) error) (jx.Raw, error) {
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
	inner := d.within(data)
	defer inner.GiveBack()
	return nil, receive(inner, data)
}

// List decodes an array. Entries that are null or do not fit are left out. An empty array is an empty list, not nil; one whose entries
// do not fit, all of them, is nil, as what is not an array. A list of nothing but null is empty, and has capacity, by which it can be told
// from an empty array.
func List[S ~[]T, T any](dst *S, d *Decoder, decode Func[T]) (jx.Raw, error) {
	*dst = nil
	switch d.Next() {
	case jx.Array:
	case jx.Null:
		return nil, d.Null()
	default:
		return d.Raw()
	}
	list, left, nulls := S{}, false, false
	entries, err := d.ArrIter()
	if err != nil {
		return nil, err
	}
	for entries.Next() {
		if d.Next() == jx.Null {
			nulls, err = true, d.Null()
		} else {
			before := len(list)
			list, err = add(list, d, decode)
			left = left || len(list) == before
		}
		if err != nil {
			return nil, err
		}
	}
	if err := entries.Err(); err != nil {
		return nil, err
	}
	switch {
	case len(list) > 0:
	case left:
		return nil, nil
	case nulls && cap(list) == 0:
		if err := d.Take(sizeOf[T]()); err != nil {
			return nil, err
		}
		list = make(S, 0, 1)
	}
	*dst = list
	return nil, nil
}

// add appends the next value of d to a list if it fits. Each entry is counted once; the first when its memory is allocated, which
// many short lists may do in vain.
func add[S ~[]T, T any](list S, d *Decoder, decode Func[T]) (S, error) {
	size := sizeOf[T]()
	if cap(list) == 0 {
		if err := d.Take(size); err != nil {
			return nil, err
		}
	}
	if len(list) == cap(list) {
		// A list is doubled, but not beyond what the document may still take. append grows long lists by a quarter, and allocates five
		// times their size in all; this is three times.
		list = slices.Grow(list, max(1, min(len(list), d.document.left/size)))
	}
	list = list[:len(list)+1]
	unfit, err := decode(&list[len(list)-1], d)
	if unfit != nil || err != nil {
		return list[:len(list)-1], err
	}
	if len(list) == 1 {
		return list, nil
	}
	return list, d.Take(size)
}

// Objects is List for entries that decode takes as an object or as its id. An empty text and the number 0 are not ids: they are
// left out, because each would become a large struct with nothing in it.
func Objects[S ~[]T, T any](dst *S, d *Decoder, decode Func[T]) (jx.Raw, error) {
	return List(dst, d, func(entry *T, d *Decoder) (jx.Raw, error) {
		if kind := d.Next(); kind != jx.String && kind != jx.Number {
			return decode(entry, d)
		}
		id, err := d.Raw()
		if err != nil || string(id) == `""` || string(id) == "0" {
			return id, err
		}
		inner := d.within(id)
		defer inner.GiveBack()
		return decode(entry, inner)
	})
}

// Pointer decodes a value whose absence means something: null and what does not fit leave *dst nil.
func Pointer[T any](dst **T, d *Decoder, decode Func[T]) (jx.Raw, error) {
	*dst = nil
	if d.Next() == jx.Null {
		return nil, d.Null()
	}
	if err := d.Take(sizeOf[T]()); err != nil {
		return nil, err
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
