package events

import (
	"cmp"
	"slices"
	"strings"
)

// table writes the functions that find the type for the name of an event.
func (e *emitter) table() {
	exact, suffixed := e.of(eventDef), e.of(eventDef)
	slices.SortFunc(exact, func(a, b *definition) int { return strings.Compare(a.event, b.event) })
	suffixed = slices.DeleteFunc(suffixed, func(d *definition) bool { return d.suffix == nil })
	slices.SortFunc(suffixed, func(a, b *definition) int {
		return cmp.Or(cmp.Compare(len(b.prefix()), len(a.prefix())), cmp.Compare(a.prefix(), b.prefix()))
	})

	e.body.WriteString(`
// An Event is something that happened, as QueUp tells it. The implementations are pointers to the
// event types of this package.
type Event interface {
	// EventName returns the name of the event on the wire.
	EventName() string
	// RawJSON returns the event as it came, nil if it was not received.
	RawJSON() json.RawMessage
	// Encode writes the event in QueUp's own form.
	Encode(e *jx.Encoder)

	receive(d *lenient.Decoder, name string, data []byte) error
}

// events makes an empty event for each exact name.
var events = map[string]func() Event{
`)
	for _, d := range exact {
		e.p("%q: func() Event { return new(%s) },", d.event, d.name)
	}
	e.p("}\n")
	e.p("// suffixed makes an empty event for names that begin with prefix and end with an id, longer prefixes first.")
	e.p("var suffixed = []struct {")
	e.p("prefix string")
	e.p("event func() Event")
	e.p("}{")
	for _, d := range suffixed {
		e.p("{%q, func() Event { return new(%s) }},", d.prefix(), d.name)
	}
	e.p("}")
	e.body.WriteString(`
// kindOf returns what the names of all events of a kind have in common, and what makes an empty one.
func kindOf(name string) (kind string, empty func() Event) {
	if empty, ok := events[name]; ok {
		return name, empty
	}
	for _, s := range suffixed {
		if len(name) > len(s.prefix) && strings.HasPrefix(name, s.prefix) {
			return s.prefix, s.event
		}
	}
	return "", func() Event { return new(UnknownEvent) }
}

// newEvent makes an empty event for a name.
func newEvent(name string) Event {
	_, empty := kindOf(name)
	return empty()
}

// DecodeEvent decodes the event of that name from its JSON object. The name "" or "*" means the one
// in the object's member "type", and so does any name that no type of this package stands for. If
// "type" names none either, the event is an *UnknownEvent. The only error is a *MalformedEventError, for data that is not one JSON object.
//
// The event keeps data as its Raw, so the caller must not change it afterwards.
func DecodeEvent(name string, data []byte) (Event, error) { return decodeInto(newEvent, name, data) }

// An EventDecoder decodes events one after the other into the same memory. Its zero value is ready. It
// is for one goroutine.
type EventDecoder struct {
	events map[string]Event // one of each kind that has come
}

// Decode is [DecodeEvent] for an event that is valid until the next one of its kind. What the event
// holds, such as its text, its Raw and its lists, may be kept.
func (r *EventDecoder) Decode(name string, data []byte) (Event, error) {
	return decodeInto(r.used, name, data)
}

// used returns an event of the kind that a name stands for, to be overwritten.
func (r *EventDecoder) used(name string) Event {
	if e, ok := r.events[name]; ok { // nearly always: most names are those of their kind
		return e
	}
	kind, empty := kindOf(name)
	e, ok := r.events[kind]
	if !ok {
		if r.events == nil {
			r.events = make(map[string]Event)
		}
		e = empty()
		r.events[kind] = e
	}
	return e
}

// decodeInto decodes the event of a name into what event returns for it.
func decodeInto(event func(name string) Event, name string, data []byte) (Event, error) {
	d := lenient.Lend(data)
	defer d.GiveBack()
	return decodeWith(d, event, name, data)
}

// decodeWith is decodeInto for an event that is the document of d or a part of it.
func decodeWith(d *lenient.Decoder, event func(name string) Event, name string, data []byte) (Event, error) {
	if name == "" || name == "*" {
		var err error
		if name, err = lenient.EventType(d, data); err != nil {
			return nil, &MalformedEventError{Name: name, Raw: data, Err: err}
		}
	}
	e := event(name)
	if isUnknown(e) { // QueUp's own page goes by the type
		if kind, err := lenient.EventType(d, data); err == nil && kind != name {
			if known := event(kind); !isUnknown(known) {
				e, name = known, kind
			}
		}
	}
	if err := e.receive(d, name, data); err != nil {
		return nil, &MalformedEventError{Name: name, Raw: data, Err: err}
	}
	return e, nil
}

func isUnknown(e Event) bool {
	_, is := e.(*UnknownEvent)
	return is
}

// decodeEvent decodes an event that stands in something else; its member "type" names it.
func decodeEvent(dst *Event, d *lenient.Decoder) (jx.Raw, error) {
	*dst = nil
	return lenient.Event(d, func(d *lenient.Decoder, data []byte) (err error) {
		if *dst, err = decodeWith(d, newEvent, "", data); err != nil {
			return err
		}
		return d.Take(int(reflect.TypeOf(*dst).Elem().Size()))
	})
}

// encodeEvent writes an event that stands in something else.
func encodeEvent(v Event, e *jx.Encoder) {
	if v == nil {
		e.Null()
	} else {
		v.Encode(e)
	}
}

// An UnknownEvent is an event that this package has no type for.
type UnknownEvent struct {
	Name string          // the name that it came with
	Raw  json.RawMessage // the event as it came
}

// EventName returns x.Name.
func (x *UnknownEvent) EventName() string { return x.Name }

// RawJSON returns x.Raw.
func (x *UnknownEvent) RawJSON() json.RawMessage { return x.Raw }

// Encode writes x.Raw.
func (x UnknownEvent) Encode(e *jx.Encoder) {
	if x.Raw != nil {
		e.Raw(x.Raw)
		return
	}
	o := lenient.EncodeObject(e, nil)
	o.Type(x.Name)
	o.End()
}

// MarshalJSON is Encode for encoding/json.
func (x UnknownEvent) MarshalJSON() ([]byte, error) { return lenient.Marshal(x.Encode) }

func (x *UnknownEvent) receive(d *lenient.Decoder, name string, data []byte) error {
	x.Name, x.Raw = name, data
	_, err := lenient.EventType(d, data)
	return err
}

// A MalformedEventError says that an event was not one JSON object.
type MalformedEventError struct {
	Name string          // the name that it came with, may be empty
	Raw  json.RawMessage // the event as it came
	Err  error
}

func (e *MalformedEventError) Error() string {
	return fmt.Sprintf("malformed event %q: %v", e.Name, e.Err)
}

// Unwrap returns e.Err.
func (e *MalformedEventError) Unwrap() error { return e.Err }

// Definitions returns the zero value of every type that the schema defines, by name, for tools that
// reflect.
func Definitions() map[string]any {
	return map[string]any{
`)
	for _, d := range e.model.defs {
		switch {
		case d.isStruct():
			e.p("%q: %s{},", d.name, d.name)
		case d.kind == listDef:
			e.p("%q: %s(nil),", d.name, d.name)
		case d.kind == integerDef:
			e.p("%q: %s(0),", d.name, d.name)
		default:
			e.p("%q: %s(\"\"),", d.name, d.name)
		}
	}
	e.p("}")
	e.p("}")
}
