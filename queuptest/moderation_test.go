package queuptest_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/queuptest"
)

const noRight = "Unauthorized action"

// A kick throws out who is in the room; they may come back.
func TestKick(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, s *stage) {
		const kick = "POST /chat/kick/{lounge}/user/"
		s.refuses("alice", kick+"{bob}", "", noRight)
		s.refuses("mod", kick+"{mod}", "", "You cannot do that to yourself")
		s.refuses("mod", kick+"{owner}", "", "You cannot do that to the owner of the room")
		s.do("mod", kick+"{lounge}", "").refused(t, http.StatusNotFound, shapeE1, "User not found")
		s.do("mod", kick+"{bob}", "message="+strings.Repeat("x", 256)).refused(t, http.StatusBadRequest, shapeE1, "message is too long")

		s.do("mod", kick+"{bob}", "realTimeChannel=dubtrackfm-lounge&message=rude+%26amp%3B+loud").done(t)
		events := s.hears("user-kick", "user-leave")
		e := at[*wire.UserKick](t, events, 0)
		if e.User.Username != "mod" || e.Target.Username != "bob" || e.Reason != "rude & loud" || !strings.Contains(string(e.RawJSON()), "rude &amp; loud") {
			t.Errorf("event is %s", e.RawJSON())
		}
		if e := at[*wire.UserLeave](t, events, 1); e.User.Username != "bob" {
			t.Errorf("event is %s", e.RawJSON())
		}
		if slices.Contains(s.room.Members(), "bob") {
			t.Error("bob is still there")
		}
		s.do("mod", kick+"{bob}", "").refused(t, http.StatusNotFound, shapeE1, "The user is not in this room")
		if m := as[wire.RoomUser](t, s.do("", "GET /room/{lounge}/users/{bob}", "")); m.KickCount != 1 || m.KickedAt.IsZero() || m.Active || m.User.Username != "bob" {
			t.Errorf("record is %+v", m)
		}
		if got := s.do("bob", "POST /room/{lounge}/users", ""); got.Status != http.StatusOK {
			t.Errorf("back: %s", got.Body)
		}
		s.hears("user-join")
		s.do("mod", kick+"{alice}", "").done(t) // without a reason
		if e := at[*wire.UserKick](t, s.hears("user-kick", "user-leave"), 0); strings.Contains(string(e.RawJSON()), `"message"`) {
			t.Errorf("event is %s", e.RawJSON())
		}
	})
}

// Staff is safe where roles are fixed; with custom roles rank decides.
func TestModeration_ofStaff(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.refuses("mod", "POST /chat/kick/{lounge}/user/{bot}", "", "You cannot do that to a member of your rank or above")
	s.refuses("bot", "POST /chat/mute/{lounge}/user/{mod}", "", "You cannot do that to staff")
	s.do("bot", "POST /chat/kick/{lounge}/user/{mod}", "").done(t)
	s.hears("user-kick", "user-leave")
	s.do("owner", "POST /chat/ban/{lounge}/user/{bot}", "time=0").done(t)
	s.hears("user-ban")
	s.refuses("bot", "POST /chat/kick/{lounge}/user/{mod}", "", "You are banned from this room")

	s = newStage(t, queuptest.ClassicRoles())
	for _, user := range []string{"bot", "owner"} {
		for _, request := range []string{"POST /chat/kick/{lounge}/user/{mod}", "POST /chat/ban/{lounge}/user/{mod}", "POST /chat/mute/{lounge}/user/{mod}"} {
			s.refuses(user, request, "time=1", "You cannot do that to staff")
		}
	}
}

func TestBan_throwsOutAndEndsByTheClock(t *testing.T) {
	for name, opts := range worlds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, append(opts, queuptest.InMemory(), queuptest.Heartbeat(10_000*time.Hour, time.Hour))...)
				const ban = "POST /chat/ban/{lounge}/user/"
				s.refuses("alice", ban+"{bob}", "time=5", noRight)
				s.refuses("mod", ban+"{owner}", "time=5", "You cannot do that to the owner of the room")
				s.do("mod", ban+"{bob}", "time=-1").refused(t, http.StatusBadRequest, shapeE1, "time must be a number of minutes, 0 for good")

				s.do("mod", ban+"{bob}", "time=5").done(t)
				// bob has songs: they leave the rotation.
				events := s.hears("user-ban", "user-leave", "room_playlist-queue-update-dub", "user_update", "room_playlist-update")
				if e := at[*wire.UserBan](t, events, 0); e.User.Username != "mod" || e.Target.Username != "bob" || e.Duration != 5*time.Minute {
					t.Errorf("event is %s", e.RawJSON())
				}
				bans := as[wire.RoomUsers](t, s.do("", "GET /room/{lounge}/users/ban", ""))
				if len(bans) != 1 || bans[0].User.Username != "bob" || !bans[0].Banned || bans[0].BannedUntil.Sub(bans[0].BannedAt) != 5*time.Minute {
					t.Errorf("bans are %+v", bans)
				}
				if got := s.room.Banned(); !slices.Equal(got, []string{"bob"}) {
					t.Errorf("banned are %v", got)
				}
				for _, request := range []string{"POST /room/{lounge}/users", "DELETE /room/{lounge}/playlist"} {
					s.refuses("bob", request, "", "You are banned from this room")
				}
				time.Sleep(5*time.Minute - time.Second)
				s.heard()
				s.do("bob", "POST /room/{lounge}/users", "").refused(t, http.StatusUnauthorized, shapeE1, "You are banned from this room")
				time.Sleep(time.Second)
				synctest.Wait()
				if got := s.do("bob", "POST /room/{lounge}/users", ""); got.Status != http.StatusOK {
					t.Errorf("after the ban: %s", got.Body)
				}
				if bans := as[wire.RoomUsers](t, s.do("", "GET /room/{lounge}/users/ban", "")); len(bans) != 0 {
					t.Errorf("bans are %+v", bans)
				}

				// For good, and lifted; bob is in the room again.
				s.heard()
				s.do("mod", ban+"{bob}", "time=0").done(t)
				s.hears("user-ban", "user-leave")
				time.Sleep(1000 * time.Hour)
				s.heard()
				const unban = "DELETE /chat/ban/{lounge}/user/{bob}"
				s.refuses("alice", unban, "", noRight)
				s.do("mod", unban, "realTimeChannel=dubtrackfm-lounge").done(t)
				if e := at[*wire.UserUnban](t, s.hears("user-unban"), 0); e.User.Username != "mod" || e.Target.Username != "bob" {
					t.Errorf("event is %s", e.RawJSON())
				}
				s.do("mod", unban, "").done(t) // nothing to lift is no event
				s.hears()
				if got := s.do("bob", "POST /room/{lounge}/users", ""); got.Status != http.StatusOK {
					t.Errorf("after the ban: %s", got.Body)
				}
			})
		})
	}
}

// Who has never been in the room can be banned from it.
func TestBan_ofAStranger(t *testing.T) {
	t.Parallel()
	world := queuptest.DefaultWorld()
	world.Users = append(world.Users, queuptest.User{Name: "zoe", Password: canary.Password})
	s := newStage(t, queuptest.WithWorld(world))
	s.do("", "GET /room/{lounge}/users/{zoe}", "").refused(t, http.StatusNotFound, shapeE1, "The user was never in this room")
	s.do("mod", "POST /chat/ban/{lounge}/user/{zoe}", "time=1").done(t)
	s.hears("user-ban")
	s.refuses("zoe", "POST /room/{lounge}/users", "", "You are banned from this room")
	if m := as[wire.RoomUser](t, s.do("", "GET /room/{lounge}/users/{zoe}", "")); m.ID == "" || !m.Banned {
		t.Errorf("record is %+v", m)
	}
}

func TestMute(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, s *stage) {
		const mute, unmute = "POST /chat/mute/{lounge}/user/{bob}", "DELETE /chat/mute/{lounge}/user/{bob}"
		s.refuses("alice", mute, "", noRight)
		s.do("mod", mute, "").done(t)
		if e := at[*wire.UserMute](t, s.hears("user-mute"), 0); e.User.Username != "mod" || e.Target.Username != "bob" {
			t.Errorf("event is %s", e.RawJSON())
		}
		s.do("mod", mute, "").done(t) // muted already is no event
		s.refuses("bob", "POST /chat/{lounge}", "message=hi", "You are muted in this room")
		mutes := as[wire.RoomUsers](t, s.do("", "GET /room/{lounge}/users/mute", ""))
		if len(mutes) != 1 || mutes[0].User.Username != "bob" || !mutes[0].Muted || !slices.Equal(s.room.Muted(), []string{"bob"}) {
			t.Errorf("mutes are %+v, %v", mutes, s.room.Muted())
		}
		if joined := as[wire.JoinResult](t, s.do("bob", "POST /room/{lounge}/users", "")); !joined.User.Muted {
			t.Errorf("bob's own record is %+v", joined.User)
		}
		s.hears("user-join")
		s.refuses("bob", unmute, "", noRight)
		s.do("mod", unmute, "").done(t)
		if e := at[*wire.UserUnmute](t, s.hears("user-unmute"), 0); e.User.Username != "mod" || e.Target.Username != "bob" {
			t.Errorf("event is %s", e.RawJSON())
		}
		s.do("mod", unmute, "").done(t)
		s.hears()
		if got := s.do("bob", "POST /chat/{lounge}", "message=hi"); got.Status != http.StatusOK {
			t.Errorf("bob: %s", got.Body)
		}
		s.hears("chat-message")
	})
}

func TestDeleteChat(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, s *stage) {
		s.name("own", s.room.Say("alice", "oops"))
		s.name("other", s.room.Say("bob", "spam"))
		s.hears("chat-message", "chat-message")
		s.refuses("alice", "DELETE /chat/{lounge}/{other}", "", noRight)
		s.do("alice", "DELETE /chat/{lounge}/nothing", "").refused(t, http.StatusNotFound, shapeE1, "Message not found")
		s.do("alice", "DELETE /chat/{lounge}/{own}", "").done(t)
		s.do("mod", "DELETE /chat/{lounge}/{other}", "realTimeChannel=dubtrackfm-lounge").done(t)
		events := s.hears("delete-chat-message", "delete-chat-message")
		if e := at[*wire.DeleteChatMessage](t, events, 1); string(e.ID) != s.fill("{other}") || e.User.Username != "mod" {
			t.Errorf("event is %s", e.RawJSON())
		}
		s.do("mod", "DELETE /chat/{lounge}/{other}", "").refused(t, http.StatusNotFound, shapeE1, "Message not found")
	})
}

// A skip names the play, so that a late one does not hit the next song.
func TestSkip_byREST(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, s *stage) {
		now, _ := s.room.NowPlaying()
		s.name("play", now.ID)
		s.refuses("bob", "POST /chat/skip/{lounge}/{play}", "", noRight)
		s.do("alice", "POST /chat/skip/{lounge}/{play}", "").done(t) // her own song
		events := s.hears("chat-skip", "room_playlist-update", "user_update", "user_update")
		if e := at[*wire.ChatSkip](t, events, 0); e.Username != "alice" {
			t.Errorf("event is %s", e.RawJSON())
		}
		s.do("mod", "POST /chat/skip/{lounge}/{play}", "").refused(t, http.StatusNotFound, shapeE1, "The song is not playing")
		s.hears()
		for range 3 {
			if now, ok := s.room.NowPlaying(); ok {
				s.do("mod", "POST /chat/skip/{lounge}/"+now.ID, "").done(t)
			}
		}
		s.do("mod", "POST /chat/skip/{lounge}/{play}", "").refused(t, http.StatusNotFound, shapeE1, "no songs in active queue")
		if past := s.room.History()[0]; !past.Skipped || past.User != "bob" {
			t.Errorf("last play is %+v", past)
		}
	})
}

func TestAudit_tellsWhatModeratorsDid(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, s *stage) {
		id := s.room.Say("alice", "oops")
		now, _ := s.room.NowPlaying()
		for _, request := range [][2]string{
			{"DELETE /chat/{lounge}/" + id, ""},
			{"POST /chat/skip/{lounge}/" + now.ID, ""},
			{"POST /chat/mute/{lounge}/user/{alice}", ""},
			{"DELETE /chat/mute/{lounge}/user/{alice}", ""},
			{"POST /chat/kick/{lounge}/user/{alice}", ""},
			{"POST /chat/ban/{lounge}/user/{alice}", "time=2"},
			{"DELETE /chat/ban/{lounge}/user/{alice}", ""},
			{"PUT /room/{lounge}/lockQueue", "lockQueue=1"},
			{"PUT /room/{lounge}/lockQueue", "lockQueue=0"},
			{"POST /room/{lounge}/modsettings", "action=slowMode&value=true"},
			{"PUT /room/{lounge}/queue/user/{bob}/pause", ""},
			{"DELETE /room/{lounge}/queue/user/{bob}", ""},
			{"DELETE /room/{lounge}/queue/user/{carol}/all", ""},
			{"POST /room/{lounge}/queue/order", "order[]="},
		} {
			if got := s.do("mod", request[0], request[1]); got.Status != http.StatusOK && request[1] != "order[]=" {
				t.Errorf("%v: %s", request, got.Body)
			}
		}
		var got []string
		entries := as[wire.AuditEntries](t, s.do("", "GET /room/{lounge}/audit", ""))
		for _, e := range slices.Backward(entries) {
			if e.Moderator.Username != "mod" || e.Created.IsZero() {
				t.Errorf("entry is %+v", e)
			}
			got = append(got, strings.TrimSpace(e.Type+" "+e.User.Username+" "+e.Duration.String()))
		}
		want := []string{
			"delete-chat alice 0s", "skip alice 0s", "mute alice 0s", "unmute alice 0s", "kick alice 0s", "ban alice 2m0s",
			"unban alice 0s", "lock  0s", "unlock  0s", "slowMode  0s", "pause-dj bob 0s", "remove-song bob 0s", "remove-dj carol 0s",
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("audit (-want +got):\n%s", d)
		}
		if audit := s.room.Audit(); len(audit) != len(want) || audit[5].By != "mod" || audit[5].User != "alice" || audit[5].Duration != 2*time.Minute {
			t.Errorf("audit is %+v", audit)
		}
	})
}
