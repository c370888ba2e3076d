package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/htmltext"
)

// FuzzEventAgainstEncodingJSON decodes the same text with package wire and with encoding/json, under the name of any event.
// A member that has the type of the specification has the same value in both. One that encoding/json refuses and that
// nothing can be made of is kept as it came, and so is one that the specification does not know. None is made up.
func FuzzEventAgainstEncodingJSON(f *testing.F) {
	_, root := schemaOf(f, eventsSchema)
	var bad problems
	m := buildModel(root, &bad)
	var events []*definition
	for _, d := range m.defs {
		if d.event == "" {
			continue
		}
		events = append(events, d)
		for _, example := range d.node.get("examples").elements() {
			text, err := json.Marshal(example)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(len(events)-1), text)
		}
	}
	for i := range events {
		f.Add(uint8(i), []byte(`{"user":{"_id":"u","username":"a &amp; b","created":1e3,"roleid":[],"dubs":"7"},"time":"2024-01-02T03:04:05.678Z","x":[1, 2],"type":{}}`))
	}
	f.Add(uint8(0), []byte(`{"chatid":{"a":1},"message":["\ud800"],"time":{"b":2},"user":5,"queue_object":[],"queue_object":{"dubs":1.5}}`))
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		d := events[int(which)%len(events)]
		members, refErr := reference(data)
		if bytes.Count(data, []byte("{")) > 20_000 {
			return // more than is taken
		}
		for range 3 { // the last time, what is in it is remembered
			got, err := wire.DecodeEvent(d.event, bytes.Clone(data))
			if (err == nil) != (refErr == nil) {
				t.Fatalf("%s: %v, and encoding/json says %v", d.name, err, refErr)
			}
			if err == nil {
				compareObject(t, d.name, reflect.ValueOf(got).Elem(), d, members)
			}
		}
	})
}

// reference decodes an object with encoding/json.
func reference(data []byte) (members map[string]json.RawMessage, err error) {
	if err := json.Unmarshal(data, &members); err != nil {
		return nil, err
	}
	if members == nil {
		return nil, io.ErrUnexpectedEOF // null
	}
	return members, nil
}

// compareObject compares a struct of package wire with the members that encoding/json has found.
func compareObject(t *testing.T, path string, got reflect.Value, d *definition, members map[string]json.RawMessage) {
	t.Helper()
	extra := got.FieldByName("Extra").Interface().(map[string]json.RawMessage)
	known := map[string]bool{"type": d.event != ""}
	for _, f := range d.fields {
		names := append([]string{f.wire}, f.aliases...)
		var there []string
		for _, name := range names {
			known[name] = true
			if _, ok := members[name]; ok {
				there = append(there, name)
			}
		}
		v := got.FieldByName(f.name)
		switch len(there) {
		case 0:
			if !v.IsZero() && d.suffix == nil {
				t.Errorf("%s.%s is made up: %v", path, f.name, v)
			}
		case 1:
			raw := members[there[0]]
			kept, unfit := extra[there[0]]
			if unfit && !bytes.Equal(kept, raw) {
				t.Errorf("%s.%s is kept as %s, and was %s", path, f.name, kept, raw)
			}
			compareValue(t, path+"."+f.name, v, f.typ, raw, unfit)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if kept, ok := extra[name]; !known[name] && (!ok || !bytes.Equal(kept, members[name])) {
			t.Errorf("%s has lost the member %q: %s, not %s", path, name, kept, members[name])
		}
	}
	for name := range extra {
		if _, ok := members[name]; !ok {
			t.Errorf("%s has the extra member %q from nowhere", path, name)
		}
	}
}

// compareValue compares one member. unfit says whether package wire has kept it as something that does not fit.
func compareValue(t *testing.T, path string, got reflect.Value, typ *valueType, raw json.RawMessage, unfit bool) {
	t.Helper()
	if string(raw) == "null" || unfit {
		if !got.IsZero() {
			t.Errorf("%s is %v, from %s", path, got, raw)
		}
		if string(raw) == "null" {
			if unfit {
				t.Errorf("%s: null does not fit", path)
			}
			return
		}
	}
	if got.Kind() == reflect.Pointer && !got.IsNil() {
		got = got.Elem()
	}
	want, fits := plain(typ, raw)
	switch {
	case fits && unfit:
		t.Errorf("%s: %s does not fit, and encoding/json makes %v of it", path, raw, want)
	case fits && want != nil:
		is := got.Interface()
		if got.Type() != reflect.TypeOf(want) {
			is = got.Convert(reflect.TypeOf(want)).Interface()
		}
		if is != want && (is != 0.0 || want != 0.0) { // minus zero
			t.Errorf("%s is %v, and encoding/json makes %v of %s", path, is, want, raw)
		}
	case fits:
		compareParts(t, path, got, typ, raw)
	case !unfit && hopeless(typ, raw):
		t.Errorf("%s fits, and is %s", path, raw)
	}
}

// compareParts compares objects and lists.
func compareParts(t *testing.T, path string, got reflect.Value, typ *valueType, raw json.RawMessage) {
	t.Helper()
	item := typ.item
	switch {
	case typ.def != nil && typ.def.isStruct():
		members, err := reference(raw)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		compareObject(t, path, got, typ.def, members)
		return
	case typ.def != nil && typ.def.kind == listDef:
		item = typ.def.item
	case typ.kind != listValue:
		return
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	items = slices.DeleteFunc(items, func(item json.RawMessage) bool { return string(item) == "null" })
	if got.Len() > len(items) {
		t.Errorf("%s has %d entries of %d", path, got.Len(), len(items))
	}
	for _, entry := range items {
		if _, fits := plain(item, entry); !fits {
			return // some may be left out
		}
	}
	if got.Len() != len(items) {
		t.Errorf("%s has %d entries of %d", path, got.Len(), len(items))
		return
	}
	for i, entry := range items {
		compareValue(t, fmt.Sprintf("%s[%d]", path, i), got.Index(i), item, entry, false)
	}
}

// plain decodes a value with encoding/json as what the specification says. want is nil for objects, lists and whatever keeps
// its own text.
func plain(typ *valueType, raw json.RawMessage) (want any, fits bool) {
	kind := typ.kind
	if typ.def != nil {
		switch typ.def.kind {
		case idDef, textDef:
			kind = textValue
		case integerDef:
			kind = intValue
		case listDef:
			kind = listValue
		}
	}
	switch kind {
	case textValue, htmlValue:
		s, err := as[string](raw)
		if kind == htmlValue {
			s = htmltext.Decode([]byte(s))
		}
		return s, err == nil
	case intValue:
		n, err := as[int64](raw)
		return n, err == nil
	case millisecondsValue:
		return length(raw, time.Millisecond)
	case secondsValue:
		return length(raw, time.Second)
	case minutesValue:
		return length(raw, time.Minute)
	case floatValue:
		x, err := as[float64](raw)
		return x, err == nil
	case boolValue:
		b, err := as[bool](raw)
		return b, err == nil
	case isoTimeValue, epochTimeValue:
		return moment(raw)
	case listValue:
		return nil, raw[0] == '['
	case refValue, idOrObjectValue:
		return nil, raw[0] == '{'
	}
	return nil, true
}

func as[T any](raw json.RawMessage) (v T, err error) {
	if string(raw) == "null" {
		return v, errors.New("null")
	}
	err = json.Unmarshal(raw, &v)
	return v, err
}

func length(raw json.RawMessage, unit time.Duration) (want any, fits bool) {
	n, err := as[int64](raw)
	limit := math.MaxInt64 / int64(unit)
	return time.Duration(n) * unit, err == nil && n <= limit && n >= -limit
}

func moment(raw json.RawMessage) (want any, fits bool) {
	ms, err := as[int64](raw)
	if err != nil {
		t, err := as[time.Time](raw)
		if err != nil || t.Nanosecond()%1e6 != 0 {
			return nil, false
		}
		ms = t.UnixMilli()
	}
	if ms == 0 {
		return time.Time{}, true
	}
	t := time.UnixMilli(ms).UTC()
	return t, t.Year() >= 1 && t.Year() <= 9999
}

// hopeless reports whether nothing can be made of a value: a list or an object of a scalar, or the other way round.
func hopeless(typ *valueType, raw json.RawMessage) bool {
	composed := raw[0] == '{' || raw[0] == '['
	switch {
	case typ.kind == rawValue, typ.kind == eventValue:
		return false
	case typ.kind == listValue, typ.def != nil && typ.def.kind == listDef:
		return raw[0] != '['
	case typ.kind == idOrObjectValue:
		return raw[0] == '[' || raw[0] == 't' || raw[0] == 'f'
	case typ.def != nil && typ.def.isStruct():
		return raw[0] != '{' && typ.def.bareID == nil || raw[0] == '['
	case typ.def != nil && typ.def.kind == idDef:
		return raw[0] == '[' || strings.TrimSpace(string(raw)) == "{}"
	}
	return composed
}
