package queuptest_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/queuptest"
)

func TestRoomUser_presentOrNot(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	if m := as[wire.RoomUser](t, s.do("", "GET /room/{lounge}/users/{bob}", "")); m.User.Username != "bob" || m.SongsInQueue != 2 || !m.Active {
		t.Errorf("record is %+v", m)
	}
	if m := as[wire.RoomUser](t, s.do("", "GET /room/{lounge}/users/{bot}", "")); m.User.Username != "bot" || m.Active {
		t.Errorf("record is %+v", m)
	}
	s.do("", "GET /room/{lounge}/users/{lounge}", "").refused(t, http.StatusNotFound, shapeE1, "The user was never in this room")
}

func TestLeaveRoomBeacon(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.refuses("alice", "GET /room/beacon/{lounge}/{bob}", "", "That is not you")
	s.do("alice", "GET /room/beacon/{lounge}/{alice}", "").done(t)
	if e := at[*wire.UserLeave](t, s.hears("user-leave"), 0); e.User.Username != "alice" || slices.Contains(s.room.Members(), "alice") {
		t.Errorf("event is %s", e.RawJSON())
	}
	s.refuses("alice", "GET /room/beacon/{lounge}/{alice}", "", "You are not in this room")
}

// After five wrong passwords not even the right one is heard, for two hours.
func TestJoin_tooManyPasswords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := queuptest.DefaultWorld()
		world.Rooms[0].Password = "sesame"
		s := newStage(t, queuptest.WithWorld(world), queuptest.InMemory())
		join := func(user, password, want string) {
			t.Helper()
			got := s.do(user, "POST /room/{lounge}/users", "password-room="+password)
			if ok := got.Status == http.StatusOK; ok != (want == "") || !ok && (got.Status != http.StatusBadRequest || !strings.Contains(got.Body, `{"err":"`+want+`"}`)) {
				t.Errorf("%s with %s: %d %s", user, password, got.Status, got.Body)
			}
		}
		for range 4 {
			join("bot", "x", "invalidPassword")
		}
		join("bot", "sesame", "") // forgets them
		for range 5 {
			join("bot", "x", "invalidPassword")
		}
		join("bot", "sesame", "tooManyInvalidPassword")
		join("alice", "sesame", "")
		time.Sleep(2*time.Hour - time.Second)
		join("bot", "sesame", "tooManyInvalidPassword")
		time.Sleep(time.Second)
		join("bot", "x", "invalidPassword") // counts anew
		join("bot", "sesame", "")
	})
}

// Every operation on rooms that needs a session sends who has none to the login, before it looks at anything else; every
// operation answers 404 for a room that is not there.
func TestRoomOperations_needASessionAndARoom(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	const object, open = "object", "open"
	for request, kind := range map[string]string{
		"PUT /room/x":                           object,
		"POST /room/x/modsettings":              "action=slowMode&value=true",
		"PUT /room/x/lockQueue":                 "lockQueue=1",
		"GET /room/beacon/x/{alice}":            "",
		"POST /room/x/playlist/active/dubs":     "type=updub",
		"POST /room/x/playlist/y/dubs":          "type=updub",
		"POST /room/x/queue/order":              "order[]=y",
		"DELETE /room/x/queue/user/{bob}":       "",
		"DELETE /room/x/queue/user/{bob}/all":   "",
		"PUT /room/x/queue/user/{bob}/pause":    "",
		"POST /room/x/playlist":                 "songId=AbCdEfGhIjK&songType=youtube",
		"POST /room/x/queueplaylist/y":          "",
		"DELETE /room/x/playlist/y":             "",
		"DELETE /room/x/playlist":               "",
		"PUT /room/x/queue/pause":               "queuePaused=1",
		"GET /user/session/room/x/queue":        "",
		"POST /user/session/room/x/queue/order": "order[]=y",
		"DELETE /chat/x/y":                      "",
		"POST /chat/skip/x/y":                   "",
		"POST /chat/kick/x/user/{bob}":          "",
		"POST /chat/ban/x/user/{bob}":           "time=1",
		"DELETE /chat/ban/x/user/{bob}":         "",
		"POST /chat/mute/x/user/{bob}":          "",
		"DELETE /chat/mute/x/user/{bob}":        "",
		"GET /room/x/roles":                     "",
		"GET /room/x/permissions/me":            "",
		"POST /room/x/roles":                    object,
		"PUT /room/x/roles/y":                   object,
		"DELETE /room/x/roles/y":                "",
		"PUT /room/x/roles/order":               `{"order":[]}`,
		"PUT /room/x/users/{bob}/roles/y":       "",
		"DELETE /room/x/users/{bob}/roles/y":    "",
		"GET /room/x/audit":                     open,
		"GET /room/x/users/{bob}":               open,
		"GET /room/x/users/staff":               open,
		"GET /room/x/users/ban":                 open,
		"GET /room/x/users/mute":                open,
		"GET /room/x/playlist":                  open,
		"GET /room/x/playlist/waitlist":         open,
		"GET /room/x/playlist/history":          open,
		"GET /chat/x":                           open,
	} {
		body := kind
		switch kind {
		case object:
			body = `{"label":"y","name":"y"}`
		case open:
			s.do("", request, "").refused(t, http.StatusNotFound, shapeE1, "Room not found")
			continue
		}
		if got := s.do("", request, body); got.Status != http.StatusFound || got.Header.Get("Location") != "/auth/login" {
			t.Errorf("%s without a session: %d %s", request, got.Status, got.Body)
		}
		s.do("alice", request, body).refused(t, http.StatusNotFound, shapeE1, "Room not found")
	}
	s.hears()
}
