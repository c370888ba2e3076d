package events

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/go-faster/jx"

	"github.com/queup-go/queup/gen/wire"
)

func FuzzDecodeEvent(f *testing.F) {
	_, root := schemaOf(f, eventsSchema)
	for _, def := range root.get("$defs").members {
		for _, example := range def.value.get("examples").elements() {
			text, err := json.Marshal(example)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(def.value.str("x-event"), text)
		}
	}
	f.Add("user_update_x", []byte(`{"user": {"_id": [1], "roleid": {"id": 5}, "roleids": [7, {}, null, [], {"_id": "a", "id": "b"}]}}`))
	f.Add("chat-message", []byte(`{"type": {}, "message": "&amp;lt; \ud800", "time": "2024-10-27", "user": {"created": -1e3, "status": true}}`))
	f.Add("room_playlist-update", []byte(`{"startTime": "1e2", "song": {"_user": {"id": "x"}}, "songInfo": {"created": 9e99, "songBpm": "0.5"}, "x": "\u0000"}`))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		e, err := wire.DecodeEvent(name, bytes.Clone(data))
		if wellFormed := json.Valid(data) && bytes.TrimLeft(data, " \t\r\n")[0] == '{'; wellFormed != (err == nil) {
			t.Fatalf("an object: %v, but the error is %v", wellFormed, err)
		}
		if err != nil {
			return
		}
		for range 2 { // the last time, what comes again is not decoded any more
			same, err := wire.DecodeEvent(name, data)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, same, e)
		}
		again := reencode(t, e)
		if hasDuplicates(data) {
			e, again = again, reencode(t, again) // which of the two counts need not survive, but from then on all is well
		}
		equal(t, again, e)
	})
}

// What a decoder holds of one event is not changed by the next.
func TestEventDecoder(t *testing.T) {
	var decoder wire.EventDecoder
	names := make(map[string]string)
	_, root := schemaOf(t, eventsSchema)
	for _, def := range root.get("$defs").members {
		names[def.key] = def.value.str("x-event")
	}
	examples(t, func(t *testing.T, definition string, text []byte) {
		name := names[definition]
		if name == "" {
			return
		}
		want, err := wire.DecodeEvent(name, bytes.Clone(text))
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			got, err := decoder.Decode(name, bytes.Clone(text))
			if err != nil {
				t.Fatal(err)
			}
			kept := reflect.New(reflect.TypeOf(got).Elem())
			kept.Elem().Set(reflect.ValueOf(got).Elem())
			other, err := decoder.Decode(name, []byte(`{"type":"`+name+`"}`))
			if err != nil {
				t.Fatal(err)
			}
			if other != got {
				t.Error("the memory of the event is not used again")
			}
			empty, err := wire.DecodeEvent(name, []byte(`{"type":"`+name+`"}`))
			if err != nil {
				t.Fatal(err)
			}
			equal(t, other, empty)
			equal(t, kept.Interface().(wire.Event), want)
		}
	})
	for _, name := range []string{"user_update_a", "user_update_b", "no-such-event", "nor-this"} {
		e, err := decoder.Decode(name, []byte(`{}`))
		if err != nil || e.EventName() != name {
			t.Errorf("%s is a %T called %s: %v", name, e, e.EventName(), err)
		}
	}
	if _, err := decoder.Decode("chat-message", []byte(`[]`)); err == nil {
		t.Error("an array is an event")
	}
}

// reencode returns what becomes of an event that is written and read.
func reencode(t *testing.T, e wire.Event) wire.Event {
	t.Helper()
	again, err := wire.DecodeEvent(e.EventName(), []byte(encode(t, e)))
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// hasDuplicates reports whether some object in data has a member twice.
func hasDuplicates(data []byte) (found bool) {
	var visit func(d *jx.Decoder) error
	visit = func(d *jx.Decoder) error {
		switch d.Next() {
		case jx.Array:
			return d.Arr(visit)
		case jx.Object:
			seen := map[string]bool{}
			return d.Obj(func(d *jx.Decoder, key string) error {
				found = found || seen[key]
				seen[key] = true
				return visit(d)
			})
		default:
			return d.Skip()
		}
	}
	_ = visit(jx.DecodeBytes(data))
	return found
}

func BenchmarkDecodeEvent(b *testing.B) {
	_, root := schemaOf(b, eventsSchema)
	for _, name := range []string{"ChatMessage", "RoomPlaylistUpdate"} {
		data, err := json.Marshal(root.get("$defs").get(name).get("examples").items[0])
		if err != nil {
			b.Fatal(err)
		}
		event := root.get("$defs").get(name).str("x-event")
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := wire.DecodeEvent(event, data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
