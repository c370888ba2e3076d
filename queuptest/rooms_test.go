package queuptest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/queuptest"
)

// lobbyWorld has 45 rooms, r00 to r44, of which the last ones have the most people, and a private one.
func lobbyWorld() queuptest.World {
	w := queuptest.World{}
	for i := range 10 {
		w.Users = append(w.Users, queuptest.User{Name: fmt.Sprintf("u%d", i), Password: canary.Password})
	}
	for i := range 45 {
		spec := queuptest.RoomSpec{Slug: fmt.Sprintf("r%02d", i), Name: fmt.Sprintf("Deep House %02d", i), Owner: "u0"}
		for _, u := range w.Users[:i/5] {
			spec.Present = append(spec.Present, u.Name)
		}
		w.Rooms = append(w.Rooms, spec)
	}
	w.Rooms = append(w.Rooms, queuptest.RoomSpec{Slug: "hidden", Name: "Deep Secret", Owner: "u0", Password: "x"})
	return w
}

func TestRooms_arePagedTheBusiestFirst(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, start(t, queuptest.WithWorld(lobbyWorld())))
	for name, path := range map[string]string{"lobby": "/room?offset=%d", "search": "/room/term/deep%%20HOUSE?offset=%d"} {
		var got []string
		for _, c := range [][2]int{{0, 20}, {20, 20}, {40, 5}, {60, 0}} {
			rooms := as[wire.Rooms](t, b.get(fmt.Sprintf(path, c[0])))
			if len(rooms) != c[1] {
				t.Errorf("%s: at %d there are %d", name, c[0], len(rooms))
			}
			for _, r := range rooms {
				got = append(got, fmt.Sprintf("%s %d", r.Slug, r.ActiveUsers))
			}
		}
		var want []string
		for group := 8; group >= 0; group-- { // of five rooms with as many people
			for i := range 5 {
				want = append(want, fmt.Sprintf("r%02d %d", group*5+i, group))
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		first, _, _ := strings.Cut(path, "?")
		if rooms := as[wire.Rooms](t, b.get(strings.ReplaceAll(first, "%%", "%"))); len(rooms) != 20 || rooms[0].Slug != "r40" {
			t.Errorf("%s without an offset: %+v", name, rooms)
		}
	}
	if rooms := as[wire.Rooms](t, b.get("/room/term/nowhere")); len(rooms) != 0 {
		t.Errorf("found %+v", rooms)
	}
	if rooms := as[wire.Rooms](t, b.get("/room/term/secret")); len(rooms) != 1 || rooms[0].Display != "private" {
		t.Errorf("found %+v", rooms)
	}
}

// Search answers a few members of rooms and users, nothing else.
func TestSearch(t *testing.T) {
	t.Parallel()
	srv := start(t)
	b := newBrowser(t, srv)
	got := as[wire.SearchResult](t, b.get("/search?query=LOUNGE"))
	if len(got.Users) != 0 || len(got.Rooms) != 1 || got.Rooms[0].Slug != "lounge" || got.Rooms[0].Name != "The Lounge" || got.Rooms[0].ActiveUsers != 5 {
		t.Errorf("found %+v", got)
	}
	body := b.get("/search?query=o")
	got = as[wire.SearchResult](t, body)
	var names []string
	for _, u := range got.Users {
		names = append(names, u.Username)
	}
	if d := cmp.Diff([]string{"owner", "bot", "mod", "bob", "carol"}, names); d != "" || len(got.Rooms) != 1 {
		t.Errorf("users (-want +got):\n%s\nrooms are %+v", d, got.Rooms)
	}
	for _, absent := range []string{"created", "currentSong", "userid"} {
		if strings.Contains(body.Body, absent) {
			t.Errorf("there is %s in %s", absent, body.Body)
		}
	}
	if got := as[wire.SearchResult](t, b.get("/search?query=")); len(got.Users)+len(got.Rooms) != 0 {
		t.Errorf("found without a word: %+v", got)
	}
	if got := b.get("/search"); got.Status != http.StatusBadRequest {
		t.Errorf("without a query: %d %s", got.Status, got.Body)
	}
}

// createRoom sends settings as JSON.
func (b *browser) createRoom(settings map[string]any) reply {
	b.tb.Helper()
	body, err := json.Marshal(settings)
	if err != nil {
		b.tb.Fatal(err)
	}
	return b.postJSON("/room", string(body))
}

// A new room can be found, joined and listened to, and belongs to its creator.
func TestCreateRoom(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice := login(t, srv, "alice")
	room := as[wire.Room](t, alice.createRoom(map[string]any{
		"name": " Night & Day! ", "description": "late", "maxLengthSong": 7, "lockQueue": true, "welcomeMessage": "hi {username}",
	}))
	if room.Name != "Night & Day!" || room.Slug != "night-day" || room.OwnerID != alice.me().ID || room.MaxLengthSong != 7*time.Minute ||
		room.Description != "late" || !room.LockQueue || room.ActiveUsers != 0 || time.Since(room.Created) > time.Minute {
		t.Errorf("room is %+v", room)
	}
	if got := as[wire.Room](t, newBrowser(t, srv).get("/room/night-day")); got.ID != room.ID || got.Owner.Username != "alice" {
		t.Errorf("by its slug: %+v", got)
	}
	s := newBrowser(t, srv).open()
	s.ask(`{"action":10,"channel":"room:` + string(room.ID) + `"}`)
	s.frame()
	as[wire.JoinResult](t, alice.send(http.MethodPost, "/room/"+string(room.ID)+"/users", "", ""))
	if e := event[*wire.UserJoin](s); e.User.Username != "alice" {
		t.Errorf("event is %s", e.Raw)
	}
	if got := srv.Room("night-day").Members(); len(got) != 1 || got[0] != "alice" {
		t.Errorf("members are %v", got)
	}
	if got := as[wire.Rooms](t, alice.get("/room")); len(got) != 2 || got[1].ID != room.ID {
		t.Errorf("lobby is %+v", got)
	}
	if n := len(srv.World().Rooms); n != 1 {
		t.Errorf("the server started with %d rooms", n)
	}
}

func TestCreateRoom_private(t *testing.T) {
	t.Parallel()
	srv := start(t)
	room := as[wire.Room](t, login(t, srv, "alice").createRoom(map[string]any{
		"name": "Hidden", "roomDisplay": "private", "roomPassword": "sesame",
	}))
	if room.Display != "private" || room.Password != "" {
		t.Errorf("room is %+v", room)
	}
	bob, path := login(t, srv, "bob"), "/room/"+string(room.ID)+"/users"
	if got := bob.send(http.MethodPost, path, "", ""); got.Status != http.StatusBadRequest {
		t.Errorf("without the password: %d", got.Status)
	}
	as[wire.JoinResult](t, bob.post(path, url.Values{"password-room": {"sesame"}}))
	if got := as[wire.Rooms](t, bob.get("/room")); len(got) != 1 {
		t.Errorf("lobby is %+v", got)
	}
}

// A room need not be in the lobby, nor be found; it is there all the same.
func TestCreateRoom_outOfSight(t *testing.T) {
	t.Parallel()
	alice := login(t, start(t), "alice")
	as[wire.Room](t, alice.createRoom(map[string]any{"name": "Deep One", "displayInLobby": false}))
	as[wire.Room](t, alice.createRoom(map[string]any{"name": "Deep Two", "displayInSearch": false}))
	slugs := func(rooms wire.Rooms) (slugs []string) {
		for _, r := range rooms {
			slugs = append(slugs, r.Slug)
		}
		return slugs
	}
	for what, c := range map[string]struct {
		got  wire.Rooms
		want []string
	}{
		"lobby":  {as[wire.Rooms](t, alice.get("/room")), []string{"lounge", "deep-two"}},
		"term":   {as[wire.Rooms](t, alice.get("/room/term/deep")), []string{"deep-one"}},
		"search": {as[wire.SearchResult](t, alice.get("/search?query=deep")).Rooms, []string{"deep-one"}},
	} {
		if d := cmp.Diff(c.want, slugs(c.got)); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
	}
	if got := as[wire.Room](t, alice.get("/room/deep-two")); got.Name != "Deep Two" {
		t.Errorf("room is %+v", got)
	}
}

func TestCreateRoom_limitAndRefusals(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice := login(t, srv, "alice")
	for _, name := range []any{"", "  ", nil} {
		settings := map[string]any{"description": "x"}
		if name != nil {
			settings["name"] = name
		}
		alice.createRoom(settings).refused(t, 400, shapeE1, "name is required, with 100 characters at most")
	}
	if got := alice.createRoom(map[string]any{"name": strings.Repeat("x", 101)}); got.Status != http.StatusBadRequest {
		t.Errorf("with a long name: %d %s", got.Status, got.Body)
	}
	var slugs []string
	for _, name := range []string{"Twins", "twins", "!!!", "65b2a1c0d4e8b90000000001", "The Lounge"} {
		slugs = append(slugs, as[wire.Room](t, alice.createRoom(map[string]any{"name": name})).Slug)
	}
	if d := cmp.Diff([]string{"twins", "twins-2", "room", "room-65b2a1c0d4e8b90000000001", "the-lounge"}, slugs); d != "" {
		t.Errorf("slugs (-want +got):\n%s", d)
	}
	alice.createRoom(map[string]any{"name": "sixth"}).refused(t, 400, shapeE1, "You have reached the limit of 5 rooms")
	if got := as[wire.Room](t, login(t, srv, "owner").createRoom(map[string]any{"name": "Lounge"})); got.Slug != "lounge-2" {
		t.Errorf("room is %+v", got)
	}
}
