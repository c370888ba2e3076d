package queuptest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/queuptest"
)

// A test makes happen what clients make happen by REST, with the same events.
func TestRoom_actsLikeClients(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, s *stage) {
		room := s.room
		ids := room.Queue("alice", queuptest.Song{Name: "One", Length: time.Minute}, queuptest.Song{MediaID: "AbCdEfGhIjK"})
		s.hears(append(slices.Clone(queueNews), queueNews...)...)
		if own := room.QueueOf("alice"); len(ids) != 2 || len(own) != 2 || own[0].ID != ids[0] || own[0].Name != "One" || own[1].ID != ids[1] {
			t.Errorf("ids are %v, queue is %v", ids, own)
		}
		room.Reorder("mod", "Alice", "carol", "bob")
		s.hears("room_playlist-queue-reorder", "room_playlist-queue-update", "room_playlist-update")
		s.order("alice", "carol", "bob")
		room.PauseDJ("mod", "alice", true)
		s.hears(append([]string{"user-pause-queue-mod"}, queueNews...)...)
		room.Pause("alice", false)
		s.hears(append([]string{"user-pause-queue"}, queueNews...)...)
		s.order("carol", "bob", "alice")
		room.RemoveSong("mod", "bob")
		s.hears(append([]string{"room_playlist-queue-remove-user-song"}, queueNews...)...)
		room.RemoveDJ("mod", "bob")
		s.hears(append([]string{"room_playlist-queue-remove-user"}, queueNews...)...)
		room.Lock("mod", true)
		room.Lock("mod", false)
		s.hears("room-lock-queue", "room-lock-queue")
		room.SlowMode("mod", true)
		room.Retitle("bot", "Elsewhere")
		s.hears("room-slow-mode", "room-update")
		room.SetRole("owner", "alice", queuptest.VIP)
		room.UnsetRole("owner", "alice", queuptest.VIP)
		s.hears("user-setrole", "user-unsetrole")
		room.Mute("mod", "bob")
		room.Unmute("mod", "bob")
		s.hears("user-mute", "user-unmute")
		room.Kick("mod", "bob", "a & b")
		if e := at[*wire.UserKick](t, s.hears("user-kick", "user-leave"), 0); e.Reason != "a & b" {
			t.Errorf("event is %s", e.RawJSON())
		}
		room.Ban("mod", "bob", 0)
		room.Unban("mod", "bob")
		s.hears("user-ban", "user-unban")
		if room.Name() != "Elsewhere" || len(room.Banned()) != 0 {
			t.Errorf("room is %s, banned are %v", room.Name(), room.Banned())
		}
		if past := room.History(); len(past) != 45 || past[0].Started.Before(past[44].Started) || past[0].Name == "" {
			t.Errorf("history is %v", past)
		}
	})
}

func TestRoom_whatCannotBeDonePanics(t *testing.T) {
	t.Parallel()
	srv := start(t)
	room := srv.Room("lounge")
	song := queuptest.Song{Name: "x", Length: time.Minute}
	for want, call := range map[string]func(){
		"Room.Kick: alice: Unauthorized action":                                func() { room.Kick("alice", "bob", "") },
		`Room.Kick: there is no user "zoe"`:                                    func() { room.Kick("mod", "zoe", "") },
		"Room.Kick: mod: You cannot do that to a member of your rank or above": func() { room.Kick("mod", "bot", "") },
		"Room.Ban: mod: time must be a number of minutes":                      func() { room.Ban("mod", "bob", -time.Hour) },
		"Room.Mute: mod: You cannot do that to yourself":                       func() { room.Mute("mod", "mod") },
		"Room.Unmute: bob: Unauthorized action":                                func() { room.Unmute("bob", "alice") },
		"Room.Unban: bob: Unauthorized action":                                 func() { room.Unban("bob", "alice") },
		"Room.DeleteMessagesOf: bob: Unauthorized action":                      func() { room.DeleteMessagesOf("bob", "alice") },
		"Room.SetRole: mod: Unauthorized action":                               func() { room.SetRole("mod", "bob", queuptest.VIP) },
		`Room.SetRole: lounge has no role "king"`:                              func() { room.SetRole("bot", "bob", "king") },
		"Room.UnsetRole: bot: The user does not hold the role":                 func() { room.UnsetRole("bot", "bob", queuptest.VIP) },
		"Room.Lock: bob: Unauthorized action":                                  func() { room.Lock("bob", true) },
		"Room.SlowMode: bob: Unauthorized action":                              func() { room.SlowMode("bob", true) },
		"Room.Retitle: bot: name is required":                                  func() { room.Retitle("bot", "") },
		"Room.Queue: bot: You are not in this room":                            func() { room.Queue("bot", song) },
		`Room.Queue: the song "x" needs a name and a length`:                   func() { room.Queue("bob", queuptest.Song{Name: "x"}) },
		"Room.Pause: bot: You are not in this room":                            func() { room.Pause("bot", false) },
		"Room.PauseDJ: mod: The user has nothing in the queue":                 func() { room.PauseDJ("mod", "owner", true) },
		"Room.Reorder: mod: order must have everybody":                         func() { room.Reorder("mod", "bob") },
		"Room.RemoveSong: mod: The user has nothing in the queue":              func() { room.RemoveSong("mod", "owner") },
		"Room.RemoveDJ: bob: Unauthorized action":                              func() { room.RemoveDJ("bob", "carol") },
		`Room.Rename: the name "Bob" is taken`:                                 func() { room.Rename("alice", "Bob") },
		`Room.Rename: "a b": A username has`:                                   func() { room.Rename("alice", "a b") },
	} {
		func() {
			defer func() {
				if v := recover(); v == nil || !strings.HasPrefix(fmt.Sprint(v), "queuptest: "+want) {
					t.Errorf("panic is %v, want %s", v, want)
				}
			}()
			call()
		}()
	}
	room.Ban("owner", "mod", time.Minute)
	defer func() {
		if v := recover(); v != "queuptest: Room.Kick: mod is banned from lounge" {
			t.Errorf("panic is %v", v)
		}
	}()
	room.Kick("mod", "bob", "")
}
