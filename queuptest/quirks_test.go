package queuptest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// tree is the data of an answer as plain JSON.
func (r reply) tree(tb testing.TB) any {
	tb.Helper()
	return as[any](tb, r)
}

// objects calls see with every object in v.
func objects(v any, see func(o map[string]any)) {
	switch v := v.(type) {
	case []any:
		for _, w := range v {
			objects(w, see)
		}
	case map[string]any:
		see(v)
		for _, key := range slices.Sorted(maps.Keys(v)) {
			objects(v[key], see)
		}
	}
}

// form names the type of a member: absent, null, or what JSON calls it.
func form(o map[string]any, key string) string {
	v, ok := o[key]
	if !ok {
		return "absent"
	}
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "bool"
	case float64:
		return "number"
	case string:
		return "text"
	case []any:
		return "list"
	}
	return "object"
}

// Each quirk of docs/PROTOCOL.md 1.8 turns up sooner or later, beside the regular form.
func TestQuirks_allTurnUp(t *testing.T) {
	t.Parallel()
	world := queuptest.DefaultWorld()
	world.Rooms[0].Present = append(world.Rooms[0].Present, "bot")
	srv := start(t, queuptest.Quirks(), queuptest.WithWorld(world))
	alice := login(t, srv, "alice")
	room := "/room/" + srv.Room("lounge").ID()
	path := alice.newPlaylist("x")
	as[wire.Playlist](t, alice.post("/playlist/import/youtube", url.Values{"yt_playlistid": {"PLabcdefghijk"}, "id": {strings.TrimPrefix(path, "/playlist/")}}))
	alice.talk("bob", "carol")
	as[wire.User](t, alice.upload("/user/image", "image", pngFile))
	srv.Room("lounge").Skip("mod")
	listener := newBrowser(t, srv).listen()

	seen := map[string]bool{}
	forms := func(what string, v any, keys ...string) {
		objects(v, func(o map[string]any) {
			for _, key := range keys {
				seen[what+" "+key+" "+form(o, key)] = true
			}
		})
	}
	for range 60 {
		details := alice.get(room + "/playlist/details").tree(t).([]any)
		seen["queue with null"] = seen["queue with null"] || slices.Contains(details, any(nil))
		forms("active", []any{alice.get(room + "/playlist/active").tree(t)}, "song", "songInfo", "startTime")
		for _, row := range alice.get(room + "/playlist/history").tree(t).([]any) {
			seen["past _song "+form(row.(map[string]any), "_song")] = true
			seen["past played "+form(row.(map[string]any), "played")] = true
		}
		for _, row := range alice.get(path + "/songs").tree(t).([]any) {
			seen["listed name "+form(row.(map[string]any)["_song"].(map[string]any), "name")] = true
		}
		for _, row := range alice.get(room + "/users").tree(t).([]any) {
			for _, key := range []string{"queuePaused", "order", "updated", "roleid"} {
				seen["member "+key+" "+form(row.(map[string]any), key)] = true
			}
			roles, _ := row.(map[string]any)["roleids"].([]any)
			for _, role := range roles {
				o, ok := role.(map[string]any)
				seen[fmt.Sprintf("role is an object %t with _id %t", ok, ok && form(o, "_id") == "text")] = true
			}
		}
		for _, p := range alice.get("/message").tree(t).([]any)[0].(map[string]any)["usersid"].([]any) {
			_, isText := p.(string)
			seen[fmt.Sprintf("talker as text %t", isText)] = true
		}
		me, bob := alice.get("/user/alice").tree(t).(map[string]any), alice.get("/user/bob").tree(t).(map[string]any)
		for _, key := range []string{"userInfo", "featureFlags", "__v"} {
			seen["user "+key+" "+form(me, key)] = true
		}
		seen["user profileImage "+form(bob, "profileImage")] = true
		image := me["profileImage"].(map[string]any)
		seen["picture version "+form(image, "version")] = true
		seen["picture public_id "+form(image, "public_id")] = true
		srv.Room("lounge").Say("bob", "hi")
		var chat map[string]any
		if f := listener.frame(); f.Action != realtime.ActionMessage || f.Message.Name != "chat-message" {
			t.Fatalf("got %+v", f)
		} else if err := json.Unmarshal(f.Message.Data, &chat); err != nil {
			t.Fatal(err)
		}
		seen["chat time "+form(chat, "time")] = true
		seen["chat userInfo "+form(chat["user"].(map[string]any), "userInfo")] = true
	}
	for _, want := range []string{
		"queue with null",
		"active song object", "active song absent", "active songInfo object", "active songInfo null", "active songInfo absent",
		"active startTime number", "active startTime absent", "active startTime text",
		"past _song object", "past _song null", "past played number", "past played text", "past played null",
		"listed name text", "listed name absent",
		"member queuePaused null", "member queuePaused bool", "member queuePaused number", "member order number", "member order text",
		"member updated number", "member updated text", "member roleid null", "member roleid absent",
		"role is an object false with _id false", "role is an object true with _id false", "role is an object true with _id true",
		"talker as text true", "talker as text false",
		"user userInfo object", "user userInfo absent", "user featureFlags object", "user featureFlags absent",
		"user __v number", "user __v absent", "user profileImage object", "user profileImage null", "user profileImage absent",
		"picture version number", "picture version text", "picture public_id text", "picture public_id null",
		"chat time number", "chat time text", "chat userInfo object", "chat userInfo absent",
	} {
		if !seen[want] {
			t.Errorf("never: %s", want)
		}
	}
	if t.Failed() {
		t.Logf("seen: %q", slices.Sorted(maps.Keys(seen)))
	}
}

// Behind the quirks everything is as it should be: the types of package wire read the same ids, names and counts as ever.
func TestQuirks_hideNothingThatMatters(t *testing.T) {
	t.Parallel()
	plain, bent := start(t), start(t, queuptest.Quirks())
	here, there := login(t, plain, "alice"), login(t, bent, "alice")
	room := "/room/" + plain.Room("lounge").ID()
	if bent.Room("lounge").ID() != plain.Room("lounge").ID() {
		t.Fatal("the ids of two servers differ")
	}
	members := func(b *browser) (all []string) {
		for _, m := range as[wire.RoomUsers](t, b.get(room+"/users")) {
			all = append(all, fmt.Sprint(m.ID, m.UserID, m.User.Username, m.Order, m.SongsInQueue, m.QueuePaused))
		}
		return all
	}
	queue := func(b *browser) (all []string) {
		for _, p := range as[wire.Plays](t, b.get(room+"/playlist/details")) {
			if p.ID != "" { // null
				all = append(all, fmt.Sprint(p.ID, p.SongID, p.UserID, p.Length, p.User.Username))
			}
		}
		return all
	}
	for range 30 {
		if d := cmp.Diff(members(here), members(there)); d != "" {
			t.Fatalf("members (-without quirks +with):\n%s", d)
		}
		if d := cmp.Diff(queue(here), queue(there)); d != "" {
			t.Fatalf("queue (-without quirks +with):\n%s", d)
		}
		token := there.token()
		if token.Action != 17 || len(token.ClientID) != 24 {
			t.Fatalf("token is %+v", token)
		}
	}
	listener := there.listen()
	for i := range 30 {
		text := fmt.Sprint("line ", i)
		id := bent.Room("lounge").Say("bob", text)
		if e := event[*wire.ChatMessage](listener); string(e.ID) != id || e.Text != text || e.SentAt.IsZero() || e.User.Username != "bob" {
			t.Fatalf("chat is %s", e.Raw)
		}
	}
	// What a test broadcasts is its own.
	bent.Room("lounge").Broadcast("chat-message", json.RawMessage(`{"time":1730000000000,"chatid":7}`))
	if f := listener.frame(); string(f.Message.Data) != `{"time":1730000000000,"chatid":7}` {
		t.Errorf("broadcast as %s", f.Message.Data)
	}
}

// Errors and redirects are those of every server.
func TestQuirks_leaveErrorsAlone(t *testing.T) {
	t.Parallel()
	srv := start(t, queuptest.Quirks())
	alice, guest := login(t, srv, "alice"), newBrowser(t, srv)
	for range 20 {
		alice.get("/user/nobody").refused(t, 404, shapeE1, "User not found")
		alice.post("/playlist/import/youtube", url.Values{"yt_playlistid": {"x"}}).refused(t, 400, shapeE5, "The playlist could not be found")
		if got := guest.get("/auth/session"); got.Status != http.StatusFound || got.Header.Get("Location") != "/auth/login" {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
		if got := alice.get("/message/new"); string(got.data(t)) != "0" {
			t.Fatalf("unread: %s", got.Body)
		}
	}
}
