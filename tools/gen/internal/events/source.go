package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// readSource returns the schema as a tree in the order of the file, with the place of every value. The tree has what a
// jsonschema.Schema drops or cannot hold: places, duplicate members, our x- keywords, and types that are a pair with
// "null". Such a pair is replaced by the other type, and the node is marked nullable.
func readSource(src []byte, bad *problems) *node {
	r := &reader{src: src, dec: json.NewDecoder(bytes.NewReader(src)), bad: bad}
	r.dec.UseNumber()
	root, err := r.value("")
	if err == nil {
		if rest := bytes.TrimSpace(src[r.dec.InputOffset():]); len(rest) > 0 {
			r.last = r.place(int64(bytes.LastIndex(src, rest)), "")
			err = errors.New("there is more after the schema; a file holds one object")
		}
	}
	if err != nil {
		bad.add(r.last, "not JSON: %v", err)
		return root
	}
	rootSchema(checker{bad}, root)
	return root
}

// The kinds of nodes.
type nodeKind string

const (
	object  nodeKind = "an object"
	array   nodeKind = "an array"
	text    nodeKind = "text"
	number  nodeKind = "a number"
	boolean nodeKind = "true or false"
	null    nodeKind = "null"
)

// A node is a JSON value at its place.
type node struct {
	place
	kind     nodeKind
	members  []member // of an object
	items    []*node  // of an array
	value    any      // of anything else: string, json.Number, bool, nil
	nullable bool     // "type" was a pair with "null"
}

type member struct {
	place // of the key
	key   string
	value *node
}

// get returns the member of that name, nil if there is none.
func (n *node) get(key string) *node {
	if n != nil {
		for _, m := range n.members {
			if m.key == key {
				return m.value
			}
		}
	}
	return nil
}

// str returns the text of the member of that name, "" if there is none.
func (n *node) str(key string) string {
	if v := n.get(key); v != nil {
		s, _ := v.value.(string)
		return s
	}
	return ""
}

// isTrue reports whether the member of that name is true.
func (n *node) isTrue(key string) bool {
	v := n.get(key)
	return v != nil && v.value == true
}

// strs returns the texts of the array of that name.
func (n *node) strs(key string) (list []string) {
	if v := n.get(key); v != nil {
		for _, item := range v.items {
			s, _ := item.value.(string)
			list = append(list, s)
		}
	}
	return list
}

// MarshalJSON writes the tree in its own order, for a model that knows JSON but not nodes.
func (n *node) MarshalJSON() ([]byte, error) {
	switch n.kind {
	case array:
		return json.Marshal(append([]*node{}, n.items...))
	case object:
		b := []byte{'{'}
		for i, m := range n.members {
			if i > 0 {
				b = append(b, ',')
			}
			key, _ := json.Marshal(m.key)
			value, err := json.Marshal(m.value)
			if err != nil {
				return nil, err
			}
			b = append(append(append(b, key...), ':'), value...)
		}
		return append(b, '}'), nil
	default:
		return json.Marshal(n.value)
	}
}

type reader struct {
	src  []byte
	dec  *json.Decoder
	bad  *problems
	last place // of the token read last
}

func (r *reader) place(offset int64, pointer string) place {
	before := r.src[:min(offset, int64(len(r.src)))]
	line := bytes.Count(before, []byte{'\n'}) + 1
	return place{line, len(before) - bytes.LastIndexByte(before, '\n'), pointer}
}

// next returns the next token and its place.
func (r *reader) next(pointer string) (json.Token, place, error) {
	offset := r.dec.InputOffset()
	for offset < int64(len(r.src)) && strings.IndexByte(" \t\r\n,:", r.src[offset]) >= 0 {
		offset++
	}
	t, err := r.dec.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	r.last = r.place(offset, pointer)
	return t, r.last, err
}

var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1")

func (r *reader) value(pointer string) (*node, error) {
	t, at, err := r.next(pointer)
	n := &node{place: at, value: t}
	if err != nil {
		return n, err
	}
	switch t := t.(type) {
	case json.Delim:
		n.value = nil
		if t == '[' {
			n.kind = array
			for r.dec.More() {
				item, err := r.value(fmt.Sprintf("%s/%d", pointer, len(n.items)))
				if err != nil {
					return n, err
				}
				n.items = append(n.items, item)
			}
		} else {
			n.kind = object
			for r.dec.More() {
				t, at, err := r.next(pointer)
				if err != nil {
					return n, err
				}
				key, _ := t.(string)
				at.pointer += "/" + pointerEscaper.Replace(key)
				if n.get(key) != nil {
					r.bad.add(at, "%q stands here twice; remove one of the two", key)
				}
				value, err := r.value(at.pointer)
				if err != nil {
					return n, err
				}
				n.members = append(n.members, member{at, key, value})
			}
		}
		_, _, err = r.next(pointer)
		return n, err
	case string:
		n.kind = text
	case json.Number:
		n.kind = number
	case bool:
		n.kind = boolean
	default:
		n.kind = null
	}
	return n, nil
}

// A checker refuses keywords that mean nothing to the generator: a constraint that is written but not generated would be
// a lie.
type checker struct{ bad *problems }

// A rule checks the value of one keyword.
type rule func(c checker, n *node)

// keywords checks that n is an object with no other keywords than those in rules.
func (c checker) keywords(n *node, rules map[string]rule) {
	if !c.is(n, object) {
		return
	}
	for _, m := range n.members {
		if check, ok := rules[m.key]; ok {
			check(c, m.value)
			continue
		}
		c.bad.add(m.place, "the keyword %q means nothing here; remove it or say it in the description (allowed: %s)",
			m.key, strings.Join(slices.Sorted(maps.Keys(rules)), ", "))
	}
}

func (c checker) is(n *node, kind nodeKind) bool {
	if n.kind != kind {
		c.bad.add(n.place, "must be %s, not %s", kind, n.kind)
	}
	return n.kind == kind
}

// a is the rule that a value has this kind.
func a(kind nodeKind) rule {
	return func(c checker, n *node) { c.is(n, kind) }
}

// anything is the rule for values that are not checked.
func anything(checker, *node) {}

// oneOf is the rule that a value is one of these texts.
func oneOf(values ...string) rule {
	return func(c checker, n *node) {
		if s, _ := n.value.(string); c.is(n, text) && !slices.Contains(values, s) {
			c.bad.add(n.place, "%q is not known here; use one of %s", s, strings.Join(values, ", "))
		}
	}
}

// alive is the rule for the year in which something was last seen.
func alive(c checker, n *node) {
	s, _ := n.value.(string)
	if _, err := time.Parse("2006", s); c.is(n, text) && s != "dubtrack" && err != nil {
		c.bad.add(n.place, `%q is not a year; write "2026" or "dubtrack"`, s)
	}
}

// each is the rule for the items of an array.
func each(item rule) rule {
	return func(c checker, n *node) {
		if c.is(n, array) {
			for _, i := range n.items {
				item(c, i)
			}
		}
	}
}

// members is the rule for the values of an object whose keys are free.
func members(value rule) rule {
	return func(c checker, n *node) {
		if c.is(n, object) {
			for _, m := range n.members {
				value(c, m.value)
			}
		}
	}
}

// shape is the rule for an object with exactly these members.
func shape(rules map[string]rule) rule {
	return func(c checker, n *node) {
		c.keywords(n, rules)
		for _, key := range slices.Sorted(maps.Keys(rules)) {
			if n.kind == object && n.get(key) == nil {
				c.bad.add(n.place, "%q is missing", key)
			}
		}
	}
}

// schema checks a schema with these keywords and the common ones, and collapses its type.
func (c checker) schema(n *node, keywords map[string]rule) {
	maps.Copy(keywords, map[string]rule{
		"title": a(text), "description": a(text), "$comment": a(text), "deprecated": a(boolean), "examples": a(array),
		"type": collapse,
	})
	c.keywords(n, keywords)
	if t := n.get("type"); t != nil && t.nullable {
		n.nullable = true
	}
}

// collapse replaces a type that is a pair with "null" by the other type.
func collapse(c checker, n *node) {
	types := oneOf("string", "integer", "number", "boolean", "object", "array", "null")
	if n.kind != array {
		types(c, n)
		return
	}
	others := slices.DeleteFunc(slices.Clone(n.items), func(i *node) bool { return i.value == "null" })
	if len(n.items) != 2 || len(others) != 1 {
		c.bad.add(n.place, `a list of types must be a pair of one type and "null"`)
		return
	}
	types(c, others[0])
	n.kind, n.value, n.items, n.nullable = text, others[0].value, nil, true
}

// The keywords, by the place they stand in. Which of them go together is the business of the model.

func rootSchema(c checker, n *node) {
	c.keywords(n, map[string]rule{
		"$schema": oneOf("https://json-schema.org/draft/2020-12/schema"), "$id": a(text), "$comment": a(text),
		"title": a(text), "description": a(text), "$defs": members(definitionSchema),
	})
}

func definitionSchema(c checker, n *node) {
	c.schema(n, map[string]rule{
		"format": a(text), "required": each(a(text)), "properties": members(propertySchema), "items": valueSchema,
		"x-id": a(text), "x-event": a(text), "x-suffix": suffix, "x-values": constants, "x-evidence": evidence, "x-recurs": a(boolean),
	})
}

func propertySchema(c checker, n *node) {
	c.schema(n, map[string]rule{
		"$ref": a(text), "format": a(text), "items": valueSchema, "oneOf": each(valueSchema), "x-text": oneOf("html"), "x-event": oneOf("*"),
		"x-go-name": a(text), "x-aliases": each(a(text)), "x-pointer": a(boolean),
	})
}

func valueSchema(c checker, n *node) {
	c.schema(n, map[string]rule{
		"$ref": a(text), "format": a(text), "items": valueSchema, "oneOf": each(valueSchema), "x-text": oneOf("html"), "x-event": oneOf("*"),
	})
}

var (
	evidence = shape(map[string]rule{
		"sources": each(a(text)), "confidence": oneOf("high", "medium", "low"), "alive": alive, "section": a(text),
	})
	constants = each(shape(map[string]rule{"value": anything, "name": a(text), "description": a(text)}))
	suffix    = shape(map[string]rule{"separator": a(text), "field": a(text), "type": a(text)})
)
