package queuptest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/queuptest"
)

// An update changes what it names; the room hears all of it, also what is no or 0.
func TestUpdateRoom(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, s *stage) {
		const update = "PUT /room/{lounge}"
		s.refuses("mod", update, `{"name":"Mine"}`, noRight)
		for body, why := range map[string]string{
			`{"name":" "}`: "name is required, with 100 characters at most",
			`{"name":"` + strings.Repeat("x", 101) + `"}`:           "a text is too long",
			`{"welcomeMessage":"` + strings.Repeat("x", 301) + `"}`: "a text is too long",
			`{"maxLengthSong":-1}`:                                  "a number is out of range",
			`{"roomDisplay":"secret"}`:                              "roomDisplay must be public or private",
			`{"roomType":"television"}`:                             "roomType must be room or iframe",
		} {
			s.do("bot", update, body).refused(t, 400, shapeE1, why)
		}
		if s.room.Name() != "The Lounge" {
			t.Errorf("the room is called %q", s.room.Name())
		}
		s.hears()
		room := as[wire.Room](t, s.do("bot", update, `{"name":"The Parlour","description":"a\nb","maxLengthSong":7,"timeSongQueueRepeat":0,"displayInLobby":false,"activeUsers":99}`))
		e := at[*wire.RoomUpdate](t, s.hears("room-update"), 0)
		for _, w := range []wire.Room{room, e.Room, as[wire.Room](t, s.do("", "GET /room/lounge", ""))} {
			if w.Name != "The Parlour" || w.Description != "a\nb" || w.MaxLengthSong != 7*time.Minute || w.TimeSongQueueRepeat != 0 ||
				w.DisplayInLobby || !w.DisplayInSearch || w.ActiveUsers != 5 || w.Slug != "lounge" || w.Display != "public" {
				t.Errorf("room is %+v", w)
			}
		}
		if e.PasswordUpdated || room.Owner.Username != "owner" {
			t.Errorf("event is %s", e.RawJSON())
		}
		var raw struct{ Room map[string]json.RawMessage }
		_ = json.Unmarshal(e.RawJSON(), &raw)
		for name, want := range map[string]string{"displayInLobby": "false", "lockQueue": "false", "timeSongQueueRepeat": "0", "welcomeMessage": `""`} {
			if string(raw.Room[name]) != want {
				t.Errorf("%s is %s", name, raw.Room[name])
			}
		}
		// The lock is one of the settings, and tells of itself.
		as[wire.Room](t, s.do("bot", update, `{"lockQueue":true}`))
		s.hears("room-lock-queue", "room-update")
		if !s.room.Locked() {
			t.Error("it is not locked")
		}
	})
}

// A private room asks for its password, which nobody can read; who tries too often has to wait for two hours.
func TestUpdateRoom_password(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	room := as[wire.Room](t, s.do("owner", "PUT /room/{lounge}", `{"roomDisplay":"private","roomPassword":"sesame"}`))
	if e := at[*wire.RoomUpdate](t, s.hears("room-update"), 0); !e.PasswordUpdated || strings.Contains(string(e.RawJSON()), "sesame") || room.Password != "" || room.Display != "private" {
		t.Errorf("event is %s", e.RawJSON())
	}
	const join = "POST /room/{lounge}/users"
	if got := s.do("bot", join, "password-room=x"); got.Status != http.StatusBadRequest || !strings.Contains(got.Body, `{"err":"invalidPassword"}`) {
		t.Errorf("wrong: %s", got.Body)
	}
	if got := s.do("bot", join, "password-room=sesame"); got.Status != http.StatusOK {
		t.Errorf("right: %s", got.Body)
	}
	s.heard()
	as[wire.Room](t, s.do("owner", "PUT /room/{lounge}", `{"roomDisplay":"public"}`))
	if e := at[*wire.RoomUpdate](t, s.hears("room-update"), 0); e.PasswordUpdated {
		t.Errorf("event is %s", e.RawJSON())
	}
	if got := s.do("alice", join, ""); got.Status != http.StatusOK {
		t.Errorf("public: %s", got.Body)
	}
}

func TestSetModSetting(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, s *stage) {
		const set = "POST /room/{lounge}/modsettings"
		s.refuses("alice", set, "action=slowMode&value=true", noRight)
		s.do("mod", set, "action=fun&value=true").refused(t, 400, shapeE1, "action must be slowMode, allowGuestsToChat or allowGuestsToEmbed")
		room := func() wire.Room { return as[wire.Room](t, s.do("", "GET /room/lounge", "")) }

		s.do("mod", set, "action=slowMode&value=true").done(t)
		if e := at[*wire.RoomSlowMode](t, s.hears("room-slow-mode"), 0); !e.Room.SlowMode || e.User.Username != "mod" || string(e.Room.ID) != s.room.ID() || !room().SlowMode {
			t.Errorf("event is %s", e.RawJSON())
		}
		s.do("mod", set, "action=allowGuestsToChat&value=false").done(t)
		if e := at[*wire.RoomAllowGuestChat](t, s.hears("room-allow-guest-chat"), 0); !strings.Contains(string(e.RawJSON()), `"allowGuestsToChat":false`) || room().AllowGuestsToChat {
			t.Errorf("event is %s", e.RawJSON())
		}
		s.refuses("alice", "POST /chat/{lounge}", "message=hi", "Members without a role may not chat in this room")
		if got := s.do("mod", "POST /chat/{lounge}", "message=hi"); got.Status != http.StatusOK {
			t.Errorf("mod: %s", got.Body)
		}
		s.room.SetRole("owner", "alice", queuptest.ResidentDJ)
		if got := s.do("alice", "POST /chat/{lounge}", "message=hi"); got.Status != http.StatusOK {
			t.Errorf("alice with a role: %s", got.Body)
		}
		s.hears("chat-message", "user-setrole", "chat-message")
		s.do("mod", set, "action=allowGuestsToEmbed&value=false").done(t)
		if e := at[*wire.RoomAllowGuestEmbed](t, s.hears("room-allow-guest-embed"), 0); !strings.Contains(string(e.RawJSON()), `"allowGuestsToEmbed":false`) || room().AllowGuestsToEmbed {
			t.Errorf("event is %s", e.RawJSON())
		}
	})
}
