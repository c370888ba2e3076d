package lenient

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/go-faster/jx"
)

var (
	errNotObject = errors.New("not a JSON object")
	errMember    = errors.New("a member of the object is not well-formed")
)

// A Recall sets x to the remembered value whose JSON rest begins with, and returns the length of that JSON. It returns 0 if none
// is remembered.
type Recall[T any] = func(x *T, key, rest []byte) int

// Members decodes data as Object does, and asks recall for each value first, if recall is not nil. data is the document of d or a
// part of it, and must hold one object and nothing after it.
//
// Most of an event is an account and a record that are remembered and need not be read. So Members finds the members itself,
// because a decoder has to read a value to find the next one. Object is the reference: FuzzMembers holds both to the same result.
func Members[T any](d *Decoder, data []byte, x *T, extra *map[string]json.RawMessage, member Member[T], recall Recall[T]) error {
	rest, ok := after(data, '{')
	if !ok {
		return fault(data, errNotObject)
	}
	_, empty := after(rest, '}')
	for more := !empty; more; rest, more = after(rest, ',') {
		var key []byte
		if key, rest, ok = name(rest, d); !ok {
			return fault(data, errMember)
		}
		size := 0
		if recall != nil {
			size = recall(x, key, rest)
		}
		var unfit jx.Raw
		if size == 0 {
			size = extent(rest)
			d.ResetBytes(rest[:size])
			var err error
			if unfit, err = member(x, key, d); err != nil {
				return fault(data, err)
			}
			if end(d) != nil {
				return fault(data, errMember)
			}
		}
		if unfit != nil || *extra != nil {
			if err := keep(d, extra, key, unfit); err != nil {
				return err
			}
		}
		rest = rest[size:]
	}
	if rest, ok = after(rest, '}'); !ok || len(rest) > 0 {
		return fault(data, errMember)
	}
	return nil
}

// name reads the name of a member and the colon after it.
func name(text []byte, d *Decoder) (key, rest []byte, ok bool) {
	size := extent(text)
	d.ResetBytes(text[:size])
	key, err := d.StrBytes()
	if err != nil {
		return nil, nil, false
	}
	rest, ok = after(text[size:], ':')
	return key, rest, ok
}

// after returns what follows c and the white space around it, if text begins with them.
func after(text []byte, c byte) (rest []byte, ok bool) {
	text = trimSpace(text)
	if len(text) == 0 || text[0] != c {
		return text, false
	}
	return trimSpace(text[1:]), true
}

// trimSpace cuts off JSON's white space at the beginning.
func trimSpace(text []byte) []byte {
	for len(text) > 0 && (text[0] == ' ' || text[0] == '\n' || text[0] == '\t' || text[0] == '\r') {
		text = text[1:]
	}
	return text
}

// extent returns the length of the value at the beginning of text. Whether that is a valid value, only a decoder finds out.
func extent(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i += quoted(text[i:]) - 1
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 { // it ends the object or list around the value
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i
			}
		}
	}
	return len(text)
}

// quoted returns the length of the string at the beginning of text, quotes included.
func quoted(text []byte) int {
	for i := 1; i < len(text); i++ {
		quote := bytes.IndexByte(text[i:], '"')
		if quote < 0 {
			break
		}
		i += quote
		backslashes := 0
		for text[i-1-backslashes] == '\\' { // the opening quote ends the loop at the latest
			backslashes++
		}
		if backslashes%2 == 0 {
			return i + 1
		}
	}
	return len(text)
}

// fault returns the decoder's error for data, because that names the position. It returns err if the decoder finds no fault.
func fault(data []byte, err error) error {
	if broken := Unmarshal(data, func(d *Decoder) error { return d.Skip() }); broken != nil {
		return broken
	}
	return cause(err)
}

// EventType returns the member "type" of the object in data, which is the document of d or a part of it. It is an error if data is
// not one object and nothing else.
func EventType(d *Decoder, data []byte) (name string, err error) {
	var extra map[string]json.RawMessage
	err = Members(d, data, &name, &extra, func(name *string, key []byte, d *Decoder) (jx.Raw, error) {
		if string(key) == "type" {
			return nil, Drop(String(name, d))
		}
		return nil, d.Skip()
	}, nil)
	return name, err
}
