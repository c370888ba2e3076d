package lenient

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/go-faster/jx"

	"github.com/queup-go/queup/internal/htmltext"
)

// A Presence says how a member with the zero value is written.
type Presence uint8

// The ways to write a member with the zero value.
const (
	Optional Presence = iota // it is left out
	Required                 // it is written
	Nullable                 // it is written as null
)

// An ObjectEncoder writes an object, member by member.
//
// A member in the extra map did not fit when it was read. It is written from there, instead of the typed value.
type ObjectEncoder struct {
	e     *jx.Encoder
	extra map[string]json.RawMessage
	done  []string // keys of extra that are written already
}

// EncodeObject begins an object. Its End writes the members of extra.
func EncodeObject(e *jx.Encoder, extra map[string]json.RawMessage) ObjectEncoder {
	e.ObjStart()
	return ObjectEncoder{e: e, extra: extra}
}

// End writes the rest of the extra members, sorted by name, and ends the object.
func (o *ObjectEncoder) End() {
	if len(o.extra) > len(o.done) {
		for _, key := range sortedKeys(o.extra) {
			if !slices.Contains(o.done, key) {
				o.e.FieldStart(key)
				EncodeRaw(o.extra[key], o.e)
			}
		}
	}
	o.e.ObjEnd()
}

// Field begins the member name and reports whether its value is now to be written.
func (o *ObjectEncoder) Field(name string, zero bool, p Presence) bool {
	if v, ok := o.extra[name]; ok {
		o.e.FieldStart(name)
		EncodeRaw(v, o.e)
		o.done = append(o.done, name)
		return false
	}
	if zero && p == Optional {
		return false
	}
	o.e.FieldStart(name)
	if zero && p == Nullable {
		o.e.Null()
		return false
	}
	return true
}

// Type writes the member that names an event, even if the extra map has another value for it.
func (o *ObjectEncoder) Type(name string) {
	o.e.FieldStart("type")
	o.e.Str(name)
	if _, ok := o.extra["type"]; ok {
		o.done = append(o.done, "type")
	}
}

// String writes text.
func (o *ObjectEncoder) String(name, v string, p Presence) {
	if o.Field(name, v == "", p) {
		o.e.Str(v)
	}
}

// HTML writes text that carries HTML entities on the wire.
func (o *ObjectEncoder) HTML(name, v string, p Presence) {
	if o.Field(name, v == "", p) {
		EncodeHTML(v, o.e)
	}
}

// Int writes an integer.
func (o *ObjectEncoder) Int(name string, v int64, p Presence) {
	if o.Field(name, v == 0, p) {
		o.e.Int64(v)
	}
}

// Float writes a number.
func (o *ObjectEncoder) Float(name string, v float64, p Presence) {
	if o.Field(name, v == 0, p) {
		o.e.Float64(v)
	}
}

// Bool writes a boolean.
func (o *ObjectEncoder) Bool(name string, v bool, p Presence) {
	if o.Field(name, !v, p) {
		o.e.Bool(v)
	}
}

// EpochTime writes a moment as epoch milliseconds.
func (o *ObjectEncoder) EpochTime(name string, v time.Time, p Presence) {
	if o.Field(name, v.IsZero(), p) {
		EncodeEpochTime(v, o.e)
	}
}

// ISOTime writes a moment as ISO 8601 text.
func (o *ObjectEncoder) ISOTime(name string, v time.Time, p Presence) {
	if o.Field(name, v.IsZero(), p) {
		EncodeISOTime(v, o.e)
	}
}

// Milliseconds writes a length in whole milliseconds.
func (o *ObjectEncoder) Milliseconds(name string, v time.Duration, p Presence) {
	o.Int(name, v.Milliseconds(), p)
}

// Seconds writes a length in whole seconds.
func (o *ObjectEncoder) Seconds(name string, v time.Duration, p Presence) {
	o.Int(name, int64(v/time.Second), p)
}

// Minutes writes a length in whole minutes.
func (o *ObjectEncoder) Minutes(name string, v time.Duration, p Presence) {
	o.Int(name, int64(v/time.Minute), p)
}

// Raw writes a value as it came.
func (o *ObjectEncoder) Raw(name string, v json.RawMessage, p Presence) {
	if o.Field(name, len(v) == 0, p) {
		EncodeRaw(v, o.e)
	}
}

// The functions below write entries of lists and targets of pointers. Their parameters have the order of a method expression, so
// that a generated Encode method can be used like them.

// EncodeList writes a list; nil is an empty one.
func EncodeList[T any](list []T, e *jx.Encoder, encode func(v T, e *jx.Encoder)) {
	e.ArrStart()
	for _, v := range list {
		encode(v, e)
	}
	e.ArrEnd()
}

// EncodeString writes text.
func EncodeString(v string, e *jx.Encoder) { e.Str(v) }

// EncodeHTML writes text that carries HTML entities on the wire.
func EncodeHTML(v string, e *jx.Encoder) { e.Str(htmltext.Encode(v)) }

// EncodeInt writes an integer.
func EncodeInt(v int64, e *jx.Encoder) { e.Int64(v) }

// EncodeFloat writes a number.
func EncodeFloat(v float64, e *jx.Encoder) { e.Float64(v) }

// EncodeBool writes a boolean.
func EncodeBool(v bool, e *jx.Encoder) { e.Bool(v) }

// EncodeEpochTime writes a moment as epoch milliseconds.
func EncodeEpochTime(v time.Time, e *jx.Encoder) {
	if v.IsZero() {
		e.Int(0)
	} else {
		e.Int64(v.UnixMilli())
	}
}

// EncodeISOTime writes a moment as ISO 8601 text in the form of JavaScript, with milliseconds and in UTC. It writes the zero
// Time as the number 0, as QueUp does.
func EncodeISOTime(v time.Time, e *jx.Encoder) {
	if v.IsZero() {
		e.Int(0)
	} else {
		e.Str(v.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
}

// EncodeMilliseconds writes a length in whole milliseconds.
func EncodeMilliseconds(v time.Duration, e *jx.Encoder) { e.Int64(v.Milliseconds()) }

// EncodeSeconds writes a length in whole seconds.
func EncodeSeconds(v time.Duration, e *jx.Encoder) { e.Int64(int64(v / time.Second)) }

// EncodeMinutes writes a length in whole minutes.
func EncodeMinutes(v time.Duration, e *jx.Encoder) { e.Int64(int64(v / time.Minute)) }

// EncodeRaw writes a value as it came. An empty one is written as null.
func EncodeRaw(v json.RawMessage, e *jx.Encoder) {
	if len(v) == 0 {
		e.Null()
	} else {
		e.Raw(v)
	}
}
