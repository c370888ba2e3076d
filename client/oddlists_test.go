package client_test

import (
	"testing"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// Lists may hold anything: what is in them besides is neither lost nor counted.
func TestOddLists_changeNothing(t *testing.T) {
	told := func(opts ...queuptest.Option) (told []string) {
		inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
			bot, room := joinLounge(t, server, "bot")
			told = append(told, describeRoom(room)...)
			for song, err := range room.History(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				told = append(told, "history "+string(song.ID))
			}
			for _, v := range must(bot.FetchConversations(t.Context()))(t) {
				told = append(told, "conversation "+string(v.ID()))
			}
			for _, m := range must(room.FetchStaff(t.Context()))(t) {
				told = append(told, "staff "+string(m.UserID))
			}
		}, opts...)
		return told
	}
	expect(t, "with odd lists", told(queuptest.OddLists()), told())
}

// describeRoom tells what a room has.
func describeRoom(room *client.Room) (told []string) {
	for m := range room.Members().Values() {
		user, known := m.User()
		if !known || user.Username == "" || m.UserID == "" {
			told = append(told, "a member without a name")
		}
	}
	for _, s := range room.Queue() {
		told = append(told, "queue "+string(s.ID))
	}
	for _, role := range room.Roles() {
		told = append(told, "role "+string(role.ID))
	}
	for _, m := range room.Messages() {
		told = append(told, "line "+string(m.ID))
	}
	song, _ := room.NowPlaying()
	return append(told, "song "+string(song.ID))
}
