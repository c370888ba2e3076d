// Package lenient reads and writes the JSON of QueUp, which writes the same member as a number, as text or as null. The generated
// code of gen/wire calls it.
//
// Every decoding function fills *dst from the next value of d and has the same result. Only broken JSON is an error. A value that
// does not fit leaves *dst at its zero value and is returned as it came, so that the object around it can keep it. The result is
// nil for a value that fits. Null fits everything and means the zero value. The returned bytes belong to d and are valid until
// its next call.
//
// In this package a member is always a name and value of a JSON object, and a field is one of a Go struct.
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

// cause returns the innermost error of a decoder. jx wraps it once per level of nesting, in a word without information.
func cause(err error) error {
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(next) {
		err = next
	}
	if err == io.EOF { //nolint:errorlint // it is the innermost error
		return io.ErrUnexpectedEOF // io.EOF would look like the regular end of a stream
	}
	return err
}

// Marshal returns the JSON that encode writes.
func Marshal(encode func(e *jx.Encoder)) ([]byte, error) {
	e := jx.GetEncoder()
	defer jx.PutEncoder(e)
	encode(e)
	return bytes.Clone(e.Bytes()), nil
}

// Drop returns only the error, for callers that cannot keep a value that did not fit.
func Drop(_ jx.Raw, err error) error { return err }

// raw returns the next value as it is.
func raw(d *Decoder) (jx.Raw, error) {
	d.Next() // skips the white space before the value
	return d.Raw()
}

// begins reports whether the next value is of a kind. It reads any other value: null fits, and the rest is unfit.
func begins(d *Decoder, kind jx.Type) (ok bool, unfit jx.Raw, err error) {
	switch d.Next() {
	case kind:
		return true, nil, nil
	case jx.Null:
		return false, nil, d.Null()
	}
	unfit, err = d.Raw()
	return false, unfit, err
}

// A Member decodes the value of one member of a T. A value that does not fit is returned as it came. Callers pass a method
// expression where they can, because a method value costs memory each time.
type Member[T any] = func(x *T, key []byte, d *Decoder) (unfit jx.Raw, err error)

// Object decodes an object into x by calling member for each of its members. Values that member returns as unfit go to extra,
// under the member's own name.
func Object[T any](d *Decoder, x *T, extra *map[string]json.RawMessage, member Member[T]) (jx.Raw, error) {
	if ok, unfit, err := begins(d, jx.Object); !ok {
		return unfit, err
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

// keep stores an unfit value in extra, under a name that is UTF-8 like every other text. Of a member that occurs twice the last
// one counts.
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

// ObjectOrID is Object for a type that QueUp sometimes shortens to its id. The id goes to *id.
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
	if ok, unfit, err := begins(d, jx.Object); !ok {
		return unfit, err
	}
	data, err := d.RawAppend(nil)
	if err != nil {
		return nil, err
	}
	inner := d.within(data)
	defer inner.GiveBack()
	return nil, receive(inner, data)
}

// List decodes an array. Entries that are null or do not fit are left out. An empty array is an empty list, not nil. An array of
// which no entry fits is nil, and so is any other value. An array of nulls only is an empty list with capacity, which an empty
// array has not.
func List[S ~[]T, T any](dst *S, d *Decoder, decode Func[T]) (jx.Raw, error) {
	*dst = nil
	if ok, unfit, err := begins(d, jx.Array); !ok {
		return unfit, err
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

// add appends the next value of d to a list if it fits. Each entry is counted once. The first is counted when its memory is
// allocated, even if it does not fit.
func add[S ~[]T, T any](list S, d *Decoder, decode Func[T]) (S, error) {
	size := sizeOf[T]()
	if cap(list) == 0 {
		if err := d.Take(size); err != nil {
			return nil, err
		}
	}
	if len(list) == cap(list) {
		// A list is doubled, but not beyond the memory that the document has left. append grows long lists by a quarter and allocates
		// five times their size in total; this allocates three times.
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

// Objects is List for entries that are objects or their ids. An empty text and the number 0 are not ids. They are left out,
// because each would become a large empty struct.
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

// Pointer decodes a value whose absence has a meaning: *dst is nil for null and for a value that does not fit.
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
