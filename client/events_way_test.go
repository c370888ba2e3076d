package client_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

func TestEvents_ofPeople(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		joined := record(room, func(e client.MemberJoined) string { return e.User.Username })
		left := record(room, func(e client.MemberLeft) string { return e.User.Username })
		lounge := server.Room("lounge")
		alice, ok := room.MemberNamed("alice")
		if !ok {
			t.Fatal("alice is not there")
		}
		lounge.Leave("alice")
		synctest.Wait()
		if _, ok := room.Members().Get(alice.UserID); ok {
			t.Error("alice is still a member")
		}
		lounge.Join("alice")
		synctest.Wait()
		if back, ok := room.Members().Get(alice.UserID); !ok || back.ID != alice.ID {
			t.Errorf("alice is back as %+v, was %+v", back, alice)
		}
		if user, ok := alice.User(); !ok || user.Username != "alice" {
			t.Errorf("the account is %+v", user)
		}
		expect(t, "left", left(), []string{"alice"})
		expect(t, "joined", joined(), []string{"alice"})
	})
}

func TestEvents_ofTheSong(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot")
		lounge := server.Room("lounge")
		dubs := record(room, func(e client.Dub) string { return fmt.Sprint(e.User, e.Up, e.Song.NetDubs()) })
		changes := record(room, func(e client.SongChanged) string {
			return fmt.Sprintf("%s by %s after %s's (%+d, skipped %v)", e.Info.Provider, e.User, userName(bot, e.Previous.UserID), e.Previous.NetDubs(), e.Previous.Skipped)
		})
		skips := record(room, func(e client.SongSkipped) string { return "skipped by " + e.By.Username })
		updates := record(room, func(e client.MemberUpdated) string { return fmt.Sprint(e.Member, " has ", e.Member.Dubs) })

		alice, _ := room.MemberNamed("alice")
		lounge.Vote("bob", true)
		lounge.Vote("carol", false)
		lounge.Vote("carol", true) // takes the place of her first vote
		synctest.Wait()
		expect(t, "votes", dubs(), []string{"bob true 1", "carol false 0", "carol true 2"})
		if song, _ := room.NowPlaying(); song.Updubs != 2 || song.Downdubs != 0 {
			t.Errorf("score %d:%d", song.Updubs, song.Downdubs)
		}
		if now, ok := room.Members().Get(alice.UserID); !ok || now.Dubs <= alice.Dubs || len(updates()) == 0 {
			t.Errorf("alice's votes went from %d to %d; heard %q", alice.Dubs, now.Dubs, updates())
		}

		time.Sleep(4 * time.Minute) // the song ends by itself
		synctest.Wait()
		if len(changes()) == 0 || !strings.Contains(changes()[0], "after alice's (+2, skipped false)") {
			t.Fatalf("changes %q", changes())
		}
		before := len(changes())
		lounge.Skip("mod")
		synctest.Wait()
		expect(t, "skips", skips(), []string{"skipped by mod"})
		if len(changes()) != before+1 || !strings.Contains(changes()[before], "skipped true") {
			t.Errorf("changes %q", changes())
		}
	})
}

func TestEvents_ofChat(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot", client.WithMessageHistory(2))
		deleted := record(room, func(e client.ChatDeleted) string {
			return fmt.Sprintf("%s deleted %q", e.By, e.Message.Content)
		})
		lounge := server.Room("lounge")
		old := lounge.Say("alice", "one")
		lounge.Say("alice", "two")
		last := lounge.Say("bob", "three")
		synctest.Wait()
		if lines := room.Messages(); len(lines) != 2 || lines[0].Content != "two" {
			t.Errorf("the history holds %v", lines)
		}
		lounge.DeleteMessage("mod", last)
		lounge.DeleteMessage("alice", old)
		synctest.Wait()
		expect(t, "deleted", deleted(), []string{`mod deleted "three"`, `alice deleted ""`})
		if m, ok := bot.Messages().Get(client.MessageID(last)); !ok || !m.Deleted || m.Content != "three" {
			t.Errorf("the deleted line is %+v", m)
		}
	})
}

// QueUp sends some lines twice. To notice it, the history need not keep them.
func TestEvents_chatThatComesTwice(t *testing.T) {
	for _, size := range []int{client.DefaultMessageHistory, 1, 0} {
		t.Run(fmt.Sprintf("with a history of %d", size), func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				bot, _ := joinLounge(t, server, "bot", client.WithMessageHistory(size))
				heard := record(bot, func(e client.Chat) string { return e.Message.Content })
				for _, text := range []string{"one", "two", "one", "two"} {
					server.Room("lounge").Broadcast("chat-message", json.RawMessage(`{"type":"chat-message","chatid":"65b2a1c0d4e8b90012ab0001-`+text+`",`+
						`"message":"`+text+`","time":1,"user":{"_id":"65b2a1c0d4e8b90012ab0001","username":"dave"}}`))
				}
				synctest.Wait()
				expect(t, "heard", heard(), []string{"one", "two"})
			})
		})
	}
}

// An update tells a role in full, by its id alone, or not at all.
func TestEvents_memberUpdatesForgetNoRole(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		heard := record(room, func(e client.MemberUpdated) string {
			role, _ := e.Member.Role()
			return fmt.Sprintf("%d votes, %s %v", e.Member.Dubs, role.Label, role.Permissions)
		})
		alice, ok := room.MemberNamed("alice")
		if !ok {
			t.Fatal("alice is not there")
		}
		for i, roles := range []string{
			`,"roleids":[{"id":"65f6e504182cfd0016ef0007","label":"Night Crew","position":128,"permissions":["members.kick"]}]`,
			`,"roleids":["65f6e504182cfd0016ef0007"]`,
			``,
		} {
			server.Room("lounge").Broadcast("user_update_"+string(alice.UserID), json.RawMessage(fmt.Sprintf(
				`{"type":"user_update_%[1]s","user":{"_id":"%[2]s","userid":"%[1]s","_user":"%[1]s","dubs":%[3]d%[4]s}}`, alice.UserID, alice.ID, i+1, roles)))
		}
		synctest.Wait()
		expect(t, "heard", heard(), []string{"1 votes, Night Crew [members.kick]", "2 votes, Night Crew [members.kick]", "3 votes, Night Crew [members.kick]"})
		now, _ := room.Members().Get(alice.UserID)
		if role, held := now.Role(); !held || role.Label != "Night Crew" || now.Dubs != 3 {
			t.Errorf("alice has %d votes and the role %q", now.Dubs, role.Label)
		}
	})
}

func TestEvents_nobodyKnows(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		unknown := record(room, func(e client.Unknown) string { return e.Name + " " + string(e.Raw) })
		malformed := record(room, func(e client.Malformed) string { return fmt.Sprint(e.Name, " ", string(e.Raw), e.Err != nil) })
		chat := record(room, func(e client.Chat) string { return e.Author.Username + e.Message.Content })
		lounge := server.Room("lounge")
		lounge.Broadcast("room-fireworks", json.RawMessage(`{"type":"room-fireworks","colour":"red"}`))
		lounge.Broadcast("chat-message", json.RawMessage(`[1,2]`))
		lounge.Broadcast("chat-message", json.RawMessage(`{"chatid":"x-1","message":null,"time":"soon","user":"65b2a1c0d4e8b90012ab0001","queue_object":7}`))
		lounge.Say("alice", "still here")
		synctest.Wait()
		expect(t, "unknown", unknown(), []string{`room-fireworks {"type":"room-fireworks","colour":"red"}`})
		expect(t, "malformed", malformed(), []string{"chat-message [1,2]true"})
		expect(t, "chat", chat(), []string{"", "alicestill here"})
		if _, ok := room.Members().Get("x"); ok {
			t.Error("the author of a line is taken for a member")
		}
	})
}

func TestOwnMessages(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot", client.WithOwnMessages(true))
		heard := record(room, func(e client.Chat) string { return e.Message.Content })
		if _, err := room.SendMessage(t.Context(), "echo"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		expect(t, "heard", heard(), []string{"echo"})
	})
}
