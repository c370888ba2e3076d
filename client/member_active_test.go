package client_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

func TestMember_LastActive(t *testing.T) {
	for name, tt := range map[string]struct {
		act  func(lounge *queuptest.Room)
		who  string
		want bool
	}{
		"a chat line":                    {func(lounge *queuptest.Room) { lounge.Say("alice", "hello") }, "alice", true},
		"a chat line of somebody else":   {func(lounge *queuptest.Room) { lounge.Say("bob", "hello") }, "alice", false},
		"a vote":                         {func(lounge *queuptest.Room) { lounge.Vote("bob", true) }, "bob", true},
		"songs that are queued":          {func(lounge *queuptest.Room) { lounge.Queue("bob", queuptest.Song{Name: "x", Length: time.Minute}) }, "bob", true},
		"the own queue that rests":       {func(lounge *queuptest.Room) { lounge.Pause("bob", true) }, "bob", true},
		"a queue that a moderator sorts": {func(lounge *queuptest.Room) { lounge.Reorder("mod", "carol", "bob") }, "mod", true},
		"a member who arrives":           {func(lounge *queuptest.Room) { lounge.Leave("alice"); lounge.Join("alice") }, "alice", true},
		"a member who is muted":          {func(lounge *queuptest.Room) { lounge.Mute("mod", "alice") }, "alice", false},
		"the next song":                  {func(lounge *queuptest.Room) { lounge.Skip("mod") }, "bob", false},
	} {
		t.Run(name, func(t *testing.T) {
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				bot, room := joinLounge(t, server, "bot")
				if at := memberOf(t, room, tt.who).LastActive(); !at.IsZero() {
					t.Errorf("at first: %v", at)
				}
				settle(time.Minute)
				began := bot.Now()
				tt.act(server.Room("lounge"))
				settle(time.Minute)
				at := memberOf(t, room, tt.who).LastActive()
				if !tt.want && !at.IsZero() {
					t.Errorf("is active %v", at)
				}
				if late := at.Sub(began); tt.want && late.Abs() > 2*time.Second { // the margin of QueUp's clock
					t.Errorf("%v after it happened", late)
				}
			}, queuptest.ClockOffset(time.Hour))
		})
	}
}

// A member stays who it was after leaving, and the lines that QueUp still has from before the bot came count.
func TestMember_LastActive_followsTheUser(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		lounge := server.Room("lounge")
		lounge.Say("alice", "is anybody here?")
		said := time.Now()
		settle(time.Minute)
		bot, room := joinLounge(t, server, "bot")
		alice := memberOf(t, room, "alice")
		expectActive := func(what string, m client.Member, want time.Time) {
			t.Helper()
			if d := m.LastActive().Sub(want); d.Abs() > 2*time.Second {
				t.Errorf("%s: %v, off by %v", what, m.LastActive(), d)
			}
		}
		expectActive("before the bot came", alice, said)

		var spoke, left client.Member
		client.On(bot, func(_ context.Context, e client.Chat) error { spoke = e.Member; return nil })
		client.On(bot, func(_ context.Context, e client.MemberLeft) error { left = e.Member; return nil })
		lounge.Say("alice", "hello")
		spokeAt := bot.Now()
		settle(time.Minute)
		expectActive("an older value", alice, spokeAt)
		expectActive("the value of the event", spoke, spokeAt)
		fetched := must(room.FetchMember(t.Context(), alice.UserID))(t)
		expectActive("a value that was fetched", fetched, spokeAt)

		server.CutLinks()
		lounge.Vote("alice", true)
		settle(time.Minute)
		if !alice.LastActive().After(spokeAt.Add(50 * time.Second)) {
			t.Errorf("after a vote that was missed: %v", alice.LastActive())
		}
		lounge.Say("alice", "good bye")
		leftAt := bot.Now()
		lounge.Leave("alice")
		settle(time.Minute)
		expectActive("after the end", left, leftAt)
		lounge.Join("alice")
		rejoined := bot.Now()
		settle(time.Minute)
		expectActive("back again", memberOf(t, room, "alice"), rejoined)

		var made client.Member
		if err := json.Unmarshal(must(json.Marshal(alice))(t), &made); err != nil {
			t.Fatal(err)
		}
		if at := made.LastActive(); !at.IsZero() {
			t.Errorf("of a value that was unmarshalled: %v", at)
		}
	})
}
