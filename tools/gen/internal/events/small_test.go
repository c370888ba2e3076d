package events

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/queup-go/queup/tools/gen/internal/events/testdata/small"
)

// The tests of this file put the golden package to use: it has what the real schema happens not to have.

// everything has each property of small.Everything.
const everything = `{"text":"<b>","html":"&lt;b&gt;","iso":"2024-01-02T03:04:05.678Z","epoch":1704164645678,"number":1152921504606846976,` +
	`"length_ms":1500,"length_s":2,"length_min":3,"ratio":0.5,"flag":true,"anything":{"a":[1]},` +
	`"user_id":"u1","color":"red","level":9007199254740993,"role":{"_id":"r1","label":"Boss"},"owner":"u1",` +
	`"guest":{"_id":"u2","userName":"Bob"},"team":[{"_id":"u1"},{"_id":"u2","bestFriend":{"_id":"u3"}}],` +
	`"tags":["a","b"],"titles":["R&amp;B"],"times":[1704164645678],"grid":[[1,2],[],[3]],"roles":[{"_id":"r1"}],` +
	`"people":["u1",{"_id":"u2","userName":"Bob"}],"blobs":[1,{}],"maybe_text":"x","maybe_role":{"label":"x"},` +
	`"position":0,"since":1704164645678,"boss":"u9","favorite":"blue",` +
	`"needed_null":"n","needed_list":[1],"needed_time":1704164645678,"needed_iso":"2024-01-02T03:04:05.678Z","needed_user":"u1",` +
	`"__roomUrl":"room","displayDJs":true,"last_event":{"type":"user_update_role-r1","role":{"_id":"r1"}}}`

func TestEveryKindOfProperty(t *testing.T) {
	at := time.Date(2024, 1, 2, 3, 4, 5, 678e6, time.UTC)
	full := small.Everything{
		Text: "<b>", Html: "<b>", Iso: at, Epoch: at, Number: 1 << 60,
		LengthMs: 1500 * time.Millisecond, LengthS: 2 * time.Second, LengthMin: 3 * time.Minute,
		Ratio: 0.5, Flag: true, Anything: json.RawMessage(`{"a":[1]}`),
		UserID: "u1", Color: small.Red, Level: small.Top,
		Role:  small.Role{ID: "r1", Label: "Boss"},
		Owner: small.User{ID: "u1"},
		Guest: small.User{ID: "u2", UserName: "Bob"},
		Team:  small.Users{{ID: "u1"}, {ID: "u2", BestFriend: &small.User{ID: "u3"}}},
		Tags:  []string{"a", "b"}, Titles: []string{"R&B"}, Times: []time.Time{at}, Grid: [][]int64{{1, 2}, {}, {3}},
		Roles: []small.Role{{ID: "r1"}}, People: []small.User{{ID: "u1"}, {ID: "u2", UserName: "Bob"}},
		Blobs:     []json.RawMessage{json.RawMessage(`1`), json.RawMessage(`{}`)},
		MaybeText: "x", MaybeRole: small.Role{Label: "x"},
		Position: new(int64(0)), Since: &at, Boss: &small.User{ID: "u9"}, Favorite: new(small.Blue),
		NeededNull: "n", NeededList: []int64{1}, NeededTime: at, NeededIso: at, NeededUser: small.User{ID: "u1"},
		RoomURL: "room", DisplayDJs: true,
		LastEvent: &small.UserUpdateRole{
			Name: "user_update_role-r1", Raw: json.RawMessage(`{"type":"user_update_role-r1","role":{"_id":"r1"}}`), Subject: "r1", Role: small.Role{ID: "r1"},
		},
	}
	if diff := cmp.Diff(everything, encode(t, full)); diff != "" {
		t.Errorf("encoded (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(full, decode[small.Everything](t, everything)); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
}

func TestZeroValuesOfRequiredMembers(t *testing.T) {
	const want = `{"text":"","number":0,"needed_null":null,"needed_list":[],"needed_time":null,"needed_iso":0,"needed_user":""}`
	equal(t, encode(t, small.Everything{}), want)
	if !decode[small.Everything](t, `{}`).IsZero() || decode[small.Everything](t, `{"tags": []}`).IsZero() {
		t.Error("IsZero does not tell an empty list from no list")
	}
}

func TestNullAndAbsenceOfPointers(t *testing.T) {
	for text, want := range map[string]*int64{
		`{}`: nil, `{"position": null}`: nil, `{"position": "zz"}`: nil, `{"position": 0}`: new(int64(0)), `{"position": "7"}`: new(int64(7)),
	} {
		equal(t, decode[small.Everything](t, text).Position, want)
	}
	equal(t, decode[small.User](t, `{"bestFriend": "u2"}`).BestFriend, &small.User{ID: "u2"})
}

func TestAliases(t *testing.T) {
	raw := func(text string) map[string]json.RawMessage {
		return map[string]json.RawMessage{"id": json.RawMessage(text)}
	}
	for text, want := range map[string]small.User{
		`{"_id": "a"}`:            {ID: "a"},
		`{"id": "a"}`:             {ID: "a"},
		`{"_id": "a", "id": "a"}`: {ID: "a", Extra: raw(`"a"`)},
		`{"_id": "a", "id": "b"}`: {ID: "a", Extra: raw(`"b"`)},
		`{"id": "b", "_id": "a"}`: {ID: "a"},
		`{"_id": null, "id": 5}`:  {ID: "5"},
		`{"_id": [1], "id": "a"}`: {ID: "a"},
		`{"id": [1]}`:             {Extra: raw(`[1]`)},
	} {
		equal(t, decode[small.User](t, text), want)
	}
}

func TestBareIDs(t *testing.T) {
	equal(t, decode[small.Users](t, `["a", 5, {"_id": "b"}, null, true, []]`), small.Users{{ID: "a"}, {ID: "5"}, {ID: "b"}})
	equal(t, encode(t, small.Users{{ID: "a"}}), `[{"_id":"a"}]`)
	equal(t, decode[small.Friends](t, `["a", {"_id": "b", "userName": "B"}]`), small.Friends{{ID: "a"}, {ID: "b", UserName: "B"}})
	equal(t, encode(t, small.Friends{{ID: "a"}, {ID: "b", UserName: "B"}}), `["a",{"_id":"b","userName":"B"}]`)
	// A Role is never shortened, so its id alone does not fit.
	equal(t, decode[small.Everything](t, `{"role": "r1"}`).Extra, map[string]json.RawMessage{"role": json.RawMessage(`"r1"`)})
}

func TestLists(t *testing.T) {
	equal(t, decode[small.Words](t, `["a", null, 1, {}, "b"]`), small.Words{"a", "1", "b"})
	if list := decode[small.Words](t, `[]`); list == nil {
		t.Error("an empty list became nil")
	}
	for _, text := range []string{`null`, `{}`, `"a"`, `1`} {
		if list := decode[small.Words](t, text); list != nil {
			t.Errorf("%s became %v, want nil", text, list)
		}
	}
	equal(t, encode(t, small.Words(nil)), `[]`)
	equal(t, decode[small.Everything](t, `{"team": {"0": "a"}, "tags": "a"}`).Extra,
		map[string]json.RawMessage{"team": json.RawMessage(`{"0": "a"}`), "tags": json.RawMessage(`"a"`)})
}

func TestEventsInLists(t *testing.T) {
	const text = `[{"type":"ping"},null,{"type":"user_update_role-r1","role":{"_id":"r1"}},{"type":"new","n":1},7,{}]`
	list := decode[small.History](t, text)
	equal(t, list, small.History{
		&small.Ping{Name: "ping"}, &small.UserUpdateRole{Name: "user_update_role-r1", Subject: "r1", Role: small.Role{ID: "r1"}},
		&small.UnknownEvent{Name: "new"}, &small.UnknownEvent{},
	})
	equal(t, encode(t, list), `[{"type":"ping"},{"type":"user_update_role-r1","role":{"_id":"r1"}},{"type":"new","n":1},{}]`)
	equal(t, encode(t, small.History{nil}), `[null]`)
	equal(t, string(list[2].RawJSON()), `{"type":"new","n":1}`)
	for _, text := range []string{`{"last_event": 7}`, `{"last_event": "ping"}`} {
		if v := decode[small.Everything](t, text); v.LastEvent != nil || v.Extra["last_event"] == nil {
			t.Errorf("%s became %+v", text, v)
		}
	}
}

// The exact name wins over a suffix rule, and the longer prefix over the shorter.
func TestWhichEventWins(t *testing.T) {
	for name, want := range map[string]small.Event{
		"ping":                  &small.Ping{Name: "ping"},
		"ping_":                 &small.UnknownEvent{Name: "ping_"},
		"user_update":           &small.UserUpdate{Name: "user_update"},
		"user_update_u1":        &small.UserUpdate{Name: "user_update_u1", Subject: "u1"},
		"user_update_role":      &small.UserUpdateRole{Name: "user_update_role"},
		"user_update_role-r1":   &small.UserUpdateRole{Name: "user_update_role-r1", Subject: "r1"},
		"user_update_role-":     &small.UserUpdate{Name: "user_update_role-", Subject: "role-"},
		"user_update_role_more": &small.UserUpdate{Name: "user_update_role_more", Subject: "role_more"},
	} {
		got, err := small.DecodeEvent(name, []byte(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, got, want)
	}
}

func TestConstants(t *testing.T) {
	equal(t, []any{small.Nobody, small.Red, small.Blue, small.Top},
		[]any{small.UserID("0"), small.Color("red"), small.Color("blue"), small.Level(9007199254740993)})
	equal(t, small.Red.String()+small.Nobody.String(), "red0")
}

// A type that may contain itself is where hostile nesting would show.
func TestNestingOfARecursiveType(t *testing.T) {
	nested := func(levels int) []byte {
		return []byte(strings.Repeat(`{"bestFriend":`, levels) + `"u"` + strings.Repeat("}", levels))
	}
	u := decode[small.User](t, string(nested(5000)))
	equal(t, len(encode(t, u)), len(`{"_id":"","bestFriend":}`)*5000+len(`{"_id":"u"}`))
	if err := u.UnmarshalJSON(nested(1_000_000)); err == nil || !strings.Contains(err.Error(), "depth") {
		t.Errorf("a million levels: %v", err)
	}
}

func FuzzEverything(f *testing.F) {
	f.Add([]byte(`{"text": 1, "html": "&amp;amp;", "iso": 5, "epoch": "2024-01-02", "grid": [[1, "x"], null, 7], "people": ["a", {}, {"id": "b"}], "blobs": [null, 1]}`))
	f.Add([]byte(`{"position": "zz", "since": "", "boss": {}, "favorite": 5, "role": "x", "team": {}, "needed_user": {"id": 1}, "anything": false, "length_min": 1e18}`))
	f.Add([]byte(everything))
	f.Fuzz(func(t *testing.T, data []byte) {
		var first small.Everything
		if first.UnmarshalJSON(data) != nil {
			return
		}
		second := decodeExactly(t, encode(t, first))
		if hasDuplicates(data) {
			first, second = second, decodeExactly(t, encode(t, second))
		}
		if diff := cmp.Diff(first, second, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("changed by writing and reading:\n%s", diff)
		}
	})
}

// decodeExactly decodes what an encoder wrote. Package encoding/json would tidy up raw values.
func decodeExactly(t *testing.T, text string) (v small.Everything) {
	t.Helper()
	if err := v.UnmarshalJSON([]byte(text)); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}
