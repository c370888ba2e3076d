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

// A Recall takes the value at the beginning of rest from what is remembered, and returns how long its JSON is; 0 if it is not
// remembered.
type Recall[T any] = func(x *T, key, rest []byte) int

// Members decodes data, the document of d or a part of it, which must hold one object and nothing after it, as Object does. It
// asks recall first, if there is one: most of an event is an account and a record that are known, and need not be read. That is why
// it finds its own way from member to member; a decoder has to read a value to know where the next one begins.
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

// name reads the name of a member. What follows the colon is left.
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

// trimSpace cuts off what JSON takes for white space, at the beginning.
func trimSpace(text []byte) []byte {
	for len(text) > 0 && (text[0] == ' ' || text[0] == '\n' || text[0] == '\t' || text[0] == '\r') {
		text = text[1:]
	}
	return text
}

// extent returns how long the value at the beginning of text is, if it is one; whether it is, only a decoder can say.
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
			if depth == 0 { // it belongs to what is around the value
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

// quoted returns how long the string at the beginning of text is, quotes included.
func quoted(text []byte) int {
	for i := 1; i < len(text); i++ {
		quote := bytes.IndexByte(text[i:], '"')
		if quote < 0 {
			break
		}
		i += quote
		backslashes := 0
		for text[i-1-backslashes] == '\\' { // at the latest, the first quote ends it
			backslashes++
		}
		if backslashes%2 == 0 {
			return i + 1
		}
	}
	return len(text)
}

// fault returns what the decoder says of data, because it knows the place, and err if that is nothing.
func fault(data []byte, err error) error {
	if broken := Unmarshal(data, func(d *Decoder) error { return d.Skip() }); broken != nil {
		return broken
	}
	return cause(err)
}

// EventType returns the member "type" of the object in data, the document of d or a part of it, and an error if data is not one
// object and nothing else.
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
