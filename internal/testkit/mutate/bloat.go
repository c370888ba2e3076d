package mutate

import (
	"fmt"
	"iter"
	"reflect"
	"strings"
)

// tiny are values of few bytes, of which a decoder may make much.
var tiny = []string{
	`0`, `7`, `""`, `"a"`, `"0123456789abcdef01234567"`, `{}`, `[]`, `null`, `true`, `[[]]`, `[0]`, `[{}]`, `{"a":0}`, `{"_id":"a"}`, `{"type":"a"}`,
}

// fewTiny are one of each kind.
var fewTiny = []string{`0`, `""`, `"a"`, `{}`, `[0]`, `{"a":0}`}

// Bloated yields JSON of about size bytes for a type that decodes it, with a name each. It is what takes most memory for its
// length: every list that the type holds, full of tiny values; every field, many times; and many unknown fields. Of structs
// in fields only their lists are bloated, with fewer kinds of values. Each of more is another tiny entry for lists whose type is an interface.
func Bloated(t reflect.Type, size int, more ...string) iter.Seq2[string, []byte] {
	return func(yield func(name string, data []byte) bool) {
		b := bloater{size: size, more: more, yield: yield}
		b.value(t, t.Name(), "", "")
		if t.Kind() == reflect.Struct {
			b.fields(t)
		}
	}
}

type bloater struct {
	size  int
	more  []string
	yield func(name string, data []byte) bool
	done  bool
}

// emit yields begin, part as often as it takes, and end.
func (b *bloater) emit(name, begin string, part func(i int) string, end string) {
	if b.done {
		return
	}
	var text strings.Builder
	text.WriteString(begin)
	for i := 0; i == 0 || text.Len() < b.size; i++ {
		if i > 0 {
			text.WriteByte(',')
		}
		text.WriteString(part(i))
	}
	text.WriteString(end)
	b.done = !b.yield(name, []byte(text.String()))
}

// value emits documents in which the lists of a value of type t, between begin and end, are bloated.
func (b *bloater) value(t reflect.Type, name, begin, end string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		b.list(t.Elem(), name+"[]", begin+"[", "]"+end)
	case t.Kind() == reflect.Struct:
		for f := range t.Fields() {
			if field := jsonName(f); field != "" {
				b.value(f.Type, name+"."+field, begin+`{"`+field+`":`, "}"+end)
			}
		}
	}
}

func (b *bloater) list(entry reflect.Type, name, begin, end string) {
	entries := tiny
	if strings.Contains(name, ".") { // a list in a struct; those of its own type have all kinds
		entries = fewTiny
	}
	if entry.Kind() == reflect.Interface {
		entries = append(b.more, tiny...)
	}
	for _, value := range entries {
		b.emit(name+" of "+value, begin, func(int) string { return value }, end)
	}
	if entry.Kind() != reflect.Struct {
		return
	}
	for _, ratio := range []int{16, 20, 22, 24, 26, 32} { // of memory to JSON, around any limit
		value := "{" + strings.Repeat(" ", max(0, int(entry.Size())/ratio-2)) + "}"
		b.emit(fmt.Sprintf("%s of empty objects of %d bytes", name, len(value)), begin, func(int) string { return value }, end)
	}
	if strings.Contains(name, ".") {
		return
	}
	for f := range entry.Fields() {
		if field := jsonName(f); field != "" {
			for _, value := range fewTiny {
				b.emit(fmt.Sprintf("%s of .%s: %s", name, field, value), begin, func(int) string { return `{"` + field + `":` + value + `}` }, end)
			}
		}
	}
}

// fields emits objects with one field again and again, and with many unknown ones.
func (b *bloater) fields(t reflect.Type) {
	b.emit(t.Name()+" with unknown fields", "{", func(i int) string { return fmt.Sprintf(`"%x":0`, i) }, "}")
	b.emit(t.Name()+" with an unknown field again and again", "{", func(int) string { return `"a":0` }, "}")
	for f := range t.Fields() {
		if field := jsonName(f); field != "" {
			for _, value := range tiny {
				b.emit(fmt.Sprintf("%s.%s again and again: %s", t.Name(), field, value), "{", func(int) string { return `"` + field + `":` + value }, "}")
			}
		}
	}
}

// jsonName returns the name of a field in JSON, empty if it has none.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return strings.Trim(name, "-")
}
