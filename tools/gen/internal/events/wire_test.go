package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/go-faster/jx"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/invopop/jsonschema"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/tools/gen/internal/output"
)

const eventsSchema = "../../../../api/events.schema.json"

func TestWireIsUpToDate(t *testing.T) {
	files, err := generate(eventsSchema, []byte(readFile(t, eventsSchema)), "wire")
	if err != nil {
		t.Fatal(err)
	}
	if diffs, err := (output.Directory{Path: "../../../../gen/wire", Owned: output.Header(eventsSchema)}).Differences(files); err != nil || len(diffs) > 0 {
		t.Errorf("gen/wire is older than its schema: %v, %v", diffs, err)
	}
}

// decode decodes a T as encoding/json, the REST client and a named event do.
func decode[T any](t *testing.T, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%T from %s: %v", v, text, err)
	}
	return v
}

// event decodes an event and wants it to be of type T.
func event[T wire.Event](t *testing.T, name, text string) T {
	t.Helper()
	e, err := wire.DecodeEvent(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	v, ok := e.(T)
	if !ok {
		t.Fatalf("the event %q is a %T, want %T", name, e, v)
	}
	return v
}

// encode encodes v. It goes around json.Marshal, which escapes & and tidies up raw values.
func encode(t *testing.T, v any) string {
	t.Helper()
	var e jx.Encoder
	v.(interface{ Encode(e *jx.Encoder) }).Encode(&e)
	if !json.Valid(e.Bytes()) {
		t.Fatalf("%T encodes to %q, which is not JSON", v, e.Bytes())
	}
	return e.String()
}

// equal wants got to be want, apart from the bytes that events keep.
func equal(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, ignoreRaw, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

var ignoreRaw = cmp.FilterPath(func(p cmp.Path) bool {
	f, ok := p.Last().(cmp.StructField)
	return ok && f.Name() == "Raw"
}, cmp.Ignore())

// TestQuirks has a subtest for each row of docs/PROTOCOL.md 1.8 that package wire must survive.
func TestQuirks(t *testing.T) {
	t.Run("arrays can contain null entries", func(t *testing.T) {
		equal(t, decode[wire.Plays](t, `[null, {"_id": "p1"}, null, {"_id": "p2"}, null]`), wire.Plays{{ID: "p1"}, {ID: "p2"}})
		equal(t, decode[wire.RoomUser](t, `{"userid": "u", "roleids": [null, "r"]}`).Roles, []wire.RoomRole{{ID: "r"}})
		equal(t, decode[wire.Actor](t, `{"roles": [null, "r"], "permissions": [null, "queue.skip"]}`),
			wire.Actor{Roles: []wire.RoleID{"r"}, Permissions: []string{"queue.skip"}})
		lists := 0
		for name, zero := range wire.Definitions() {
			if v := reflect.New(reflect.TypeOf(zero)); v.Elem().Kind() == reflect.Slice {
				lists++
				if err := json.Unmarshal([]byte("[null, null]"), v.Interface()); err != nil || v.Elem().Len() != 0 || v.Elem().IsNil() {
					t.Errorf("%s from nulls: %v, %v; want an empty list", name, v.Elem(), err)
				}
			}
		}
		if lists < 13 {
			t.Errorf("only %d list types were tried", lists)
		}
	})
	t.Run("playlist active without song, or with songInfo null", func(t *testing.T) {
		equal(t, decode[wire.ActiveSong](t, `{"startTime": 3}`), wire.ActiveSong{Elapsed: 3 * time.Second})
		equal(t, decode[wire.ActiveSong](t, `{"song": {"_id": "p"}, "songInfo": null}`), wire.ActiveSong{Play: wire.Play{ID: "p"}})
	})
	t.Run("playlist details no longer embeds _song", func(t *testing.T) {
		play := decode[wire.Plays](t, `[{"_id": "p", "songid": "s"}]`)[0]
		if play.SongID != "s" || !play.Song.IsZero() {
			t.Errorf("got %+v", play)
		}
	})
	t.Run("songs without name, type and fkid", func(t *testing.T) {
		equal(t, decode[wire.Song](t, `{"_id": "s", "songLength": 1000}`), wire.Song{ID: "s", Length: time.Second})
		equal(t, decode[wire.PlaylistSong](t, `{"_id": "e", "_song": {"_id": "s"}}`), wire.PlaylistSong{ID: "e", Song: wire.Song{ID: "s"}})
	})
	t.Run("history rows with _song null and played null", func(t *testing.T) {
		equal(t, decode[wire.Plays](t, `[{"_id": "p", "_song": null, "played": null, "updubs": 2}]`), wire.Plays{{ID: "p", Updubs: 2}})
	})
	t.Run("roleid in a room user and in a user, roleids", func(t *testing.T) {
		vip := wire.Role{ID: "r", Type: "vip"}
		for text, want := range map[string]wire.Role{
			`{"userid": "u"}`:                                        {},
			`{"userid": "u", "roleid": null}`:                        {},
			`{"userid": "u", "roleid": "r"}`:                         {ID: "r"},
			`{"userid": "u", "roleid": {"_id": "r", "type": "vip"}}`: vip,
			`{"userid": "u", "roleid": {"id": "r", "type": "vip"}}`:  vip,
		} {
			equal(t, decode[wire.RoomUser](t, text), wire.RoomUser{UserID: "u", Role: want})
		}
		equal(t, decode[wire.User](t, `{"_id": "u", "roleid": 1}`), wire.User{ID: "u", GlobalRole: 1})
		equal(t, decode[wire.User](t, `{"_id": "u", "roleid": "1"}`), wire.User{ID: "u", GlobalRole: 1})
		m := decode[wire.RoomUser](t, `{"roleids": ["a", {"id": "b", "label": "B"}, {"_id": "c", "label": "C"}]}`)
		equal(t, m.Roles, []wire.RoomRole{{ID: "a"}, {ID: "b", Label: "B"}, {ID: "c", Label: "C"}})
	})
	t.Run("_user and _song are ids or objects", func(t *testing.T) {
		ids := decode[wire.Play](t, `{"_id": "p", "_user": "u", "_song": "s"}`)
		equal(t, ids, wire.Play{ID: "p", User: wire.User{ID: "u"}, Song: wire.Song{ID: "s"}})
		objects := decode[wire.Play](t, `{"_id": "p", "_user": {"_id": "u", "username": "n"}, "_song": {"_id": "s", "name": "t"}}`)
		equal(t, objects, wire.Play{ID: "p", User: wire.User{ID: "u", Username: "n"}, Song: wire.Song{ID: "s", Name: "t"}})
		equal(t, decode[wire.PlaylistSong](t, `{"_song": "s"}`), wire.PlaylistSong{Song: wire.Song{ID: "s"}})
		equal(t, decode[wire.AuditEntry](t, `{"_user": "u", "_mod": null}`), wire.AuditEntry{User: wire.User{ID: "u"}})
	})
	t.Run("usersid in a conversation is ids or users", func(t *testing.T) {
		want := []wire.User{{ID: "a"}, {ID: "b"}}
		equal(t, decode[wire.Conversation](t, `{"usersid": ["a", "b"]}`).Users, want)
		want[0].Username = "n"
		equal(t, decode[wire.Conversation](t, `{"usersid": [{"_id": "a", "username": "n"}, "b"]}`).Users, want)
	})
	t.Run("profileImage is absent, null or an object whose members vary", func(t *testing.T) {
		for text, want := range map[string]wire.ProfileImage{
			`{"_id": "u"}`:                       {},
			`{"_id": "u", "profileImage": null}`: {},
			`{"_id": "u", "profileImage": {"public_id": "x", "version": 1456000000}}`:       {PublicID: "x", Version: "1456000000"},
			`{"_id": "u", "profileImage": {"public_id": null, "key": "k", "version": "2"}}`: {Key: "k", Version: "2"},
		} {
			equal(t, decode[wire.User](t, text), wire.User{ID: "u", ProfileImage: want})
		}
	})
	t.Run("queuePaused is null, a boolean or a number", func(t *testing.T) {
		for value, want := range map[string]bool{"null": false, "false": false, "0": false, `"0"`: false, "true": true, "1": true, `"1"`: true} {
			equal(t, decode[wire.RoomUser](t, `{"queuePaused": `+value+`}`), wire.RoomUser{QueuePaused: want})
		}
	})
	t.Run("created of a song is ISO 8601 text, elsewhere epoch milliseconds", func(t *testing.T) {
		at := time.Date(2024, 1, 2, 3, 4, 5, 678e6, time.UTC)
		for _, value := range []string{`"2024-01-02T03:04:05.678Z"`, `"2024-01-02T05:04:05.678+02:00"`, "1704164645678", `"1704164645678"`, "1704164645678.0"} {
			equal(t, decode[wire.Song](t, `{"created": `+value+`}`), wire.Song{Created: at})
			equal(t, decode[wire.Play](t, `{"created": `+value+`}`), wire.Play{Created: at})
		}
	})
	t.Run("time of a chat message is a number or text", func(t *testing.T) {
		at := time.UnixMilli(1730000000000)
		for _, value := range []string{"1730000000000", `"1730000000000"`, `"2024-10-27T03:33:20.000Z"`} {
			if e := event[*wire.ChatMessage](t, "chat-message", `{"time": `+value+`}`); !e.SentAt.Equal(at) {
				t.Errorf("%s is %v, want %v", value, e.SentAt, at)
			}
			list := decode[wire.ChatHistory](t, `[{"type": "chat-message", "time": `+value+`}]`)
			if e, ok := list[0].(*wire.ChatMessage); !ok || !e.SentAt.Equal(at) {
				t.Errorf("%s in the history is %+v, want %v", value, list[0], at)
			}
		}
	})
	t.Run("startTime is seconds, -1, missing or not a number", func(t *testing.T) {
		for text, want := range map[string]time.Duration{
			`{"startTime": 12}`: 12 * time.Second, `{"startTime": -1}`: -time.Second, `{"startTime": 1.9}`: time.Second,
			`{}`: 0, `{"startTime": null}`: 0, `{"startTime": "NaN"}`: 0, `{"startTime": {}}`: 0,
		} {
			e := event[*wire.RoomPlaylistUpdate](t, "room_playlist-update", text)
			if e.Elapsed != want {
				t.Errorf("%s gives %v, want %v", text, e.Elapsed, want)
			}
			equal(t, decode[wire.ActiveSong](t, text).Elapsed, want)
		}
		e := event[*wire.RoomPlaylistUpdate](t, "room_playlist-update", `{"startTime": "NaN", "song": {"_id": "p"}}`)
		if e.Play.ID != "p" || string(e.Extra["startTime"]) != `"NaN"` {
			t.Errorf("the value that does not fit cost the rest, or was lost: %+v", e)
		}
	})
	t.Run("songLength of 99999000 ms marks a live stream", func(t *testing.T) {
		equal(t, decode[wire.Song](t, `{"songLength": 99999000}`), wire.Song{Length: 99999 * time.Second})
	})
	t.Run("grabs is missing until the first grab", func(t *testing.T) {
		equal(t, decode[wire.Play](t, `{"_id": "p"}`).Grabs, int64(0))
		equal(t, decode[wire.Play](t, `{"_id": "p", "grabs": 3}`).Grabs, int64(3))
	})
	t.Run("userInfo may be missing in event users, _id is always present", func(t *testing.T) {
		e := event[*wire.UserJoin](t, "user-join", `{"user": {"_id": "u", "username": "n"}}`)
		equal(t, e.User, wire.User{ID: "u", Username: "n"})
	})
	t.Run("_force_updated appears only in session and event users", func(t *testing.T) {
		equal(t, decode[wire.User](t, `{"_id": "u", "_force_updated": 1729990000000}`), wire.User{ID: "u", ForceUpdated: time.UnixMilli(1729990000000)})
		equal(t, decode[wire.User](t, `{"_id": "u"}`), wire.User{ID: "u"})
	})
	t.Run("__v appears everywhere", func(t *testing.T) {
		// Where the schema does not know it, it is kept like any other member.
		for name, zero := range wire.Definitions() {
			v := reflect.New(reflect.TypeOf(zero))
			if v.Elem().Kind() != reflect.Struct {
				continue
			}
			if err := json.Unmarshal([]byte(`{"__v": 3}`), v.Interface()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if text := encode(t, v.Interface()); !strings.Contains(text, `"__v":3`) {
				t.Errorf("%s became %s", name, text)
			}
		}
	})
	t.Run("the path user query availabilty is misspelled on the server", func(t *testing.T) {
		if op, ok := queupapi.FindOperation("GET", "/user/query/availabilty"); !ok || op.ID != "usernameAvailability" {
			t.Errorf("the operation is %+v", op)
		}
		equal(t, decode[wire.UsernameAvailability](t, `{"username": "n", "taken": 1}`), wire.UsernameAvailability{Username: "n", Taken: true})
	})
	t.Run("the field userdid in delete-chat-message-global", func(t *testing.T) {
		e := event[*wire.DeleteChatMessageGlobal](t, "delete-chat-message-global", `{"userdid": "u", "user": {"_id": "m"}}`)
		equal(t, e, &wire.DeleteChatMessageGlobal{Name: "delete-chat-message-global", AuthorID: "u", User: wire.User{ID: "m"}})
	})
	t.Run("ot_token and otSession are leftovers of OpenTok", func(t *testing.T) {
		equal(t, decode[wire.User](t, `{"_id": "u", "ot_token": null, "otSession": "x"}`), wire.User{ID: "u", OTSession: "x"})
		equal(t, decode[wire.RoomUser](t, `{"userid": "u", "ot_token": null}`), wire.RoomUser{UserID: "u"})
		equal(t, decode[wire.Room](t, `{"_id": "r", "otSession": null}`), wire.Room{ID: "r"})
	})
}

// TestTolerance is about what no row of docs/PROTOCOL.md 1.8 names and decoders survive all the same.
func TestTolerance(t *testing.T) {
	t.Run("an object where an id belongs", func(t *testing.T) {
		equal(t, decode[wire.Play](t, `{"_id": "p", "userid": {"_id": "u", "username": "n"}}`), wire.Play{ID: "p", UserID: "u"})
	})
	t.Run("a rank that is null, missing or 0", func(t *testing.T) {
		for text, want := range map[string]*int64{`{"position": null}`: nil, `{}`: nil, `{"position": 0}`: new(int64(0)), `{"position": "640"}`: new(int64(640))} {
			equal(t, decode[wire.Actor](t, text).Position, want)
		}
	})
	t.Run("a duration of a ban that is a number, text, 0 or missing", func(t *testing.T) {
		for text, want := range map[string]time.Duration{`{"time": 30}`: 30 * time.Minute, `{"time": "30"}`: 30 * time.Minute, `{"time": 0}`: 0, `{}`: 0} {
			equal(t, event[*wire.UserBan](t, "user-ban", text).Duration, want)
		}
	})
	t.Run("room of user-leave is an id or an object", func(t *testing.T) {
		equal(t, event[*wire.UserLeave](t, "user-leave", `{"room": "r"}`).Room, wire.Room{ID: "r"})
		equal(t, event[*wire.UserLeave](t, "user-leave", `{"room": {"_id": "r", "name": "n"}}`).Room, wire.Room{ID: "r", Name: "n"})
	})
	t.Run("entities in text", func(t *testing.T) {
		const text = `"&lt;b&gt; &amp;amp; it&#39;s ?a=1&copy=2"`
		const want = "<b> &amp; it's ?a=1&copy=2"
		equal(t, event[*wire.ChatMessage](t, "chat-message", `{"message": `+text+`}`).Text, want)
		equal(t, decode[wire.ConversationMessage](t, `{"message": `+text+`}`).Text, want)
		equal(t, decode[wire.Conversation](t, `{"latest_message_str": `+text+`}`).LatestText, want)
	})
	t.Run("null instead of everything", func(t *testing.T) {
		for name, zero := range wire.Definitions() {
			v := reflect.New(reflect.TypeOf(zero))
			if err := v.Interface().(decoder).Decode(jx.DecodeStr("null")); err != nil || !v.Elem().IsZero() {
				t.Errorf("%s from null: %+v, %v", name, v.Elem(), err)
			}
		}
	})
	t.Run("unknown members", func(t *testing.T) {
		const text = `{"_id":"u","username":"","a":[1,{"b":null}],"z":null}`
		u := decode[wire.User](t, text)
		equal(t, u, wire.User{ID: "u", Extra: map[string]json.RawMessage{"a": json.RawMessage(`[1,{"b":null}]`), "z": json.RawMessage("null")}})
		equal(t, encode(t, u), text)
	})
	t.Run("values of a wrong type", func(t *testing.T) {
		const text = `{"_id":[1],"username":"n","status":"zz","created":"soon","profileImage":"x","userInfo":7}`
		u := decode[wire.User](t, text)
		if u.Username != "n" || u.ID != "" || u.Status != 0 || !u.Created.IsZero() || len(u.Extra) != 5 {
			t.Errorf("got %+v", u)
		}
		equal(t, encode(t, u), text) // in place of the typed members, not beside them
	})
}

type decoder interface{ Decode(d *jx.Decoder) error }

// A member that fits after all, because it occurs twice, leaves nothing behind.
func TestLastOfTwoMembersCounts(t *testing.T) {
	equal(t, decode[wire.User](t, `{"status": "zz", "status": 1}`).Extra, map[string]json.RawMessage(nil))
	equal(t, decode[wire.User](t, `{"status": 1, "status": "zz"}`), wire.User{Extra: map[string]json.RawMessage{"status": json.RawMessage(`"zz"`)}})
}

func TestObjectsAreShortenedOnlyWhereIDsMayStand(t *testing.T) {
	equal(t, encode(t, wire.RoomUser{UserID: "u", User: wire.User{ID: "u"}}), `{"userid":"u","_user":"u"}`)
	equal(t, encode(t, wire.RoomUser{UserID: "u", User: wire.User{ID: "u", Username: "n"}}), `{"userid":"u","_user":{"_id":"u","username":"n"}}`)
	equal(t, encode(t, &wire.UserJoin{User: wire.User{ID: "u"}}), `{"type":"user-join","user":{"_id":"u","username":""}}`)
}

// Values and pointers alike work with encoding/json, wherever they stand.
func TestEncodingJSON(t *testing.T) {
	type all struct {
		User    wire.User
		Pointer *wire.User
		List    wire.Plays
		Event   wire.Event
		ID      wire.RoomID
	}
	in := all{wire.User{ID: "u"}, &wire.User{ID: "u"}, wire.Plays{{ID: "p"}}, &wire.ChatSkip{Username: "n"}, "r"}
	const want = `{"User":{"_id":"u","username":""},"Pointer":{"_id":"u","username":""},"List":[{"_id":"p","updubs":0,"downdubs":0}],` +
		`"Event":{"type":"chat-skip","username":"n"},"ID":"r"}`
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, string(text), want)

	out := all{Event: new(wire.ChatSkip)}
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	in.Event.(*wire.ChatSkip).Name = "chat-skip"
	equal(t, out, in)
}

func TestSuffixRule(t *testing.T) {
	for name, want := range map[string]wire.UserID{"user_update": "", "user_update_u1": "u1", "user_update_u_1-x": "u_1-x"} {
		e := event[*wire.UserUpdate](t, name, `{"type": "other", "user": {"userid": "u1"}}`)
		if e.Subject != want || e.EventName() != name || e.Member.UserID != "u1" {
			t.Errorf("%s gives %+v", name, e)
		}
		equal(t, encode(t, e), fmt.Sprintf(`{"type":%q,"user":{"userid":"u1"}}`, name))
	}
	for _, name := range []string{"user_update_", "user_updateX", "user_updat", "USER_UPDATE"} {
		event[*wire.UnknownEvent](t, name, `{}`)
	}
	equal(t, (&wire.UserUpdate{}).EventName(), "user_update")
	equal(t, (&wire.UserUpdate{Subject: "u1"}).EventName(), "user_update_u1")
	equal(t, (&wire.UserUpdate{Subject: "u1", Name: "user_update"}).EventName(), "user_update")
}

func TestNameInTheEvent(t *testing.T) {
	for _, name := range []string{"", "*"} {
		if e := event[*wire.UserUpdate](t, name, `{"user": {}, "type": "user_update_u1"}`); e.Subject != "u1" || e.Name != "user_update_u1" {
			t.Errorf("got %+v", e)
		}
		event[*wire.UnknownEvent](t, name, `{"user": {}}`)
	}
	// Where both are known the name of the message counts: it is what QueUp dispatches by.
	if e := event[*wire.ChatSkip](t, "chat-skip", `{"type": "chat-message", "username": "n"}`); e.Name != "chat-skip" || e.Username != "n" || e.Extra != nil {
		t.Errorf("got %+v", e)
	}
}

func TestEventKeepsItsBytes(t *testing.T) {
	const text = ` {"type": "chat-skip", "username" : "n"} `
	for _, name := range []string{"", "chat-skip", "no-such-event"} {
		e, err := wire.DecodeEvent(name, []byte(text))
		if err != nil || string(e.RawJSON()) != text {
			t.Errorf("%q: got %q, %v", name, e.RawJSON(), err)
		}
	}
	data := []byte(text)
	var e wire.ChatSkip
	if err := e.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	clear(data) // encoding/json wants a copy, unlike DecodeEvent
	equal(t, string(e.Raw), strings.TrimSpace(text))
	equal(t, e.Name, "chat-skip")
}

func TestUnknownEvent(t *testing.T) {
	const text = `{"type":"new-thing","n":1}`
	e := event[*wire.UnknownEvent](t, "new-thing", text)
	equal(t, *e, wire.UnknownEvent{Name: "new-thing"})
	equal(t, encode(t, e), text)
	equal(t, encode(t, wire.UnknownEvent{Name: "x"}), `{"type":"x"}`)
}

func TestMalformedEvent(t *testing.T) {
	for _, text := range []string{
		``, ` `, `null`, `1`, `"text"`, `[{}]`, `{`, `{"user"`, `{"user": {"_id": "u}`, `{"user": {}} {}`, `{} [[],`, `{"a": 1}]`, `{"a": 1,}`, `{a: 1}`,
		`{"message": "\x"}`, `{"time": 01}`, `{"user": tru}`, strings.Repeat(`{"user":`, 20000), strings.Repeat(`{"a":[`, 20000),
		`{"room": ` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`,
	} {
		for _, name := range []string{"chat-message", "no-such-event", ""} {
			e, err := wire.DecodeEvent(name, []byte(text))
			var malformed *wire.MalformedEventError
			if e != nil || !errors.As(err, &malformed) {
				t.Errorf("%q from %.40q: %v, %v; want a MalformedEventError", name, text, e, err)
			} else if malformed.Name != name || string(malformed.Raw) != text || malformed.Err == nil || !errors.Is(err, malformed.Err) {
				t.Errorf("%q from %.40q: got %+v", name, text, malformed)
			}
		}
	}
	_, err := wire.DecodeEvent("chat-skip", []byte(`{"username": "a`))
	if want := `malformed event "chat-skip": `; !strings.HasPrefix(fmt.Sprint(err), want) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want %s…", err, want)
	}
}

// schemaOf reads a schema as the generator does, up to the point where it becomes Go.
func schemaOf(tb testing.TB, path string) (*jsonschema.Schema, *node) {
	tb.Helper()
	var bad problems
	root := readSource([]byte(readFile(tb, path)), &bad)
	if len(bad) > 0 {
		tb.Fatal(bad.err(path))
	}
	text, err := json.Marshal(root)
	if err != nil {
		tb.Fatal(err)
	}
	schema := new(jsonschema.Schema)
	if err := json.Unmarshal(text, schema); err != nil {
		tb.Fatal(err)
	}
	return schema, root
}

// examples calls f with every example of the schema.
func examples(t *testing.T, f func(t *testing.T, definition string, text []byte)) {
	_, root := schemaOf(t, eventsSchema)
	for _, def := range root.get("$defs").members {
		for i, example := range def.value.get("examples").elements() {
			t.Run(fmt.Sprintf("%s/%d", def.key, i), func(t *testing.T) {
				text, err := json.Marshal(example)
				if err != nil {
					t.Fatal(err)
				}
				f(t, def.key, text)
			})
		}
	}
}

func TestExamples(t *testing.T) {
	examples(t, func(t *testing.T, definition string, text []byte) {
		v := reflect.New(reflect.TypeOf(wire.Definitions()[definition])).Interface()
		if err := json.Unmarshal(text, v); err != nil {
			t.Fatal(err)
		}
		noExtra(t, reflect.ValueOf(v).Elem(), definition)

		encoded := encode(t, v)
		again := reflect.New(reflect.TypeOf(v).Elem()).Interface()
		if err := json.Unmarshal([]byte(encoded), again); err != nil {
			t.Fatal(err)
		}
		equal(t, again, v)
		// Members that say nothing and are not required are not written; the rest must be what it was.
		equal(t, withoutZeros(t, []byte(encoded)), withoutZeros(t, text))

		streamed := reflect.New(reflect.TypeOf(v).Elem()).Interface()
		if err := streamed.(decoder).Decode(jx.Decode(iotest.OneByteReader(bytes.NewReader(text)), 1)); err != nil {
			t.Fatal(err)
		}
		equal(t, streamed, v)

		if e, ok := v.(wire.Event); ok {
			got, err := wire.DecodeEvent("", text)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, got, e)
		}
	})
}

// noExtra wants no value in v to have members that the schema does not know or that do not fit.
func noExtra(t *testing.T, v reflect.Value, path string) {
	t.Helper()
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if unknown, ok := reflect.TypeAssert[*wire.UnknownEvent](v); ok {
			t.Errorf("%s: the event %q is unknown", path, unknown.Name)
		} else if !v.IsNil() {
			noExtra(t, v.Elem(), path)
		}
	case reflect.Slice:
		for i := range v.Len() {
			noExtra(t, v.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
	case reflect.Struct:
		if v.IsZero() || v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for field, value := range v.Fields() {
			if field.Name == "Extra" {
				for key, raw := range value.Interface().(map[string]json.RawMessage) {
					t.Errorf("%s: the member %q is unknown or does not fit: %s", path, key, raw)
				}
			} else if field.IsExported() {
				noExtra(t, value, path+"."+field.Name)
			}
		}
	}
}

// withoutZeros decodes text and drops all members that are null, 0, false or "".
func withoutZeros(t *testing.T, text []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	var prune func(v any)
	prune = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				prune(item)
			}
		case map[string]any:
			maps.DeleteFunc(v, func(_ string, member any) bool {
				prune(member)
				return member == nil || member == false || member == "" || member == json.Number("0")
			})
		}
	}
	prune(v)
	return v
}

// Every event, and every object that is not merely a part of others, shows an example.
func TestExamplesAreThere(t *testing.T) {
	var bad problems
	_, root := schemaOf(t, eventsSchema)
	m := buildModel(root, &bad)
	part := map[*definition]bool{}
	for _, d := range m.defs {
		for _, f := range d.fields {
			for typ := f.typ; typ != nil; typ = typ.item {
				part[typ.def] = true
			}
		}
	}
	for _, d := range m.defs {
		if n := len(d.node.get("examples").elements()); n == 0 && d.isStruct() && !part[d] {
			t.Errorf("%s has no example in %s", d.name, eventsSchema)
		}
	}
}

// A zero value shows which members the encoder writes in any case: the required ones, in the order of the schema.
func TestRequiredMembersAreWritten(t *testing.T) {
	schema, root := schemaOf(t, eventsSchema)
	for name, def := range schema.Definitions {
		if def.Type != "object" {
			continue
		}
		var want []string
		if root.get("$defs").get(name).get("x-event") != nil {
			want = append(want, "type")
		}
		for _, p := range root.get("$defs").get(name).get("properties").entries() {
			if slices.Contains(def.Required, p.key) {
				want = append(want, p.key)
			}
		}
		var got []string
		if err := jx.DecodeStr(encode(t, wire.Definitions()[name])).Obj(func(d *jx.Decoder, key string) error {
			got = append(got, key)
			return d.Skip()
		}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("the zero %s has the members %q, want %q", name, got, want)
		}
	}
}
