package client_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// manyRooms is a world with the lounge and n other rooms.
func manyRooms(n int) queuptest.World {
	world := queuptest.DefaultWorld()
	for i := range n {
		world.Rooms = append(world.Rooms, queuptest.RoomSpec{Slug: fmt.Sprintf("room-%d", i), Owner: "owner"})
	}
	return world
}

// A bot that leaves a room, is in a thousand others and comes back has the same room, and its subscriptions go on.
func TestHeld_roomAfterAThousandOthers(t *testing.T) {
	others := 1000
	if testing.Short() {
		others = 200
	}
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(manyRooms(others)))
		defer server.Close()
		bot, room := joinLounge(t, server, "bot", client.WithRateLimit(0, 0))
		heard := record(room, func(e client.Chat) string { return e.Message.Content })
		if err := room.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range others {
			other, err := bot.JoinRoom(t.Context(), fmt.Sprintf("room-%d", i))
			if err != nil {
				t.Fatal(err)
			}
			if err := other.Leave(t.Context()); err != nil {
				t.Fatal(err)
			}
			if i%100 == 0 {
				runtime.GC()
			}
		}
		if _, known := bot.Rooms().Get(room.ID()); known {
			t.Error("the room is not forgotten: the test proves nothing")
		}
		again, err := bot.JoinRoom(t.Context(), "lounge")
		if err != nil || again != room {
			t.Fatalf("the room is %p, and was %p: %v", again, room, err)
		}
		server.Room("lounge").Say("alice", "welcome back")
		settle(time.Second)
		expect(t, "heard in the room", heard(), []string{"welcome back"})
		if known, ok := bot.Rooms().Get(room.ID()); !ok || known != room || !room.Joined() {
			t.Error("the room is not among those of the client")
		}
		expectAlive(t, server, room)
	})
}

// Whoever fetches the room meets the same one.
func TestHeld_roomThatIsFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(manyRooms(100)))
		defer server.Close()
		bot := connect(t, server, "bot", client.WithRateLimit(0, 0))
		held := must(bot.FetchRoom(t.Context(), "lounge"))(t)
		for i := range 100 {
			must(bot.FetchRoom(t.Context(), fmt.Sprintf("room-%d", i)))(t)
		}
		if again := must(bot.FetchRoom(t.Context(), "lounge"))(t); again != held {
			t.Errorf("the room is %p, and was %p", again, held)
		}
		if joined := must(bot.JoinRoom(t.Context(), "lounge"))(t); joined != held || !held.Joined() {
			t.Errorf("joined %p, and held %p", joined, held)
		}
	})
}

// A conversation that somebody holds learns of what is written, however many others there were.
func TestHeld_conversationAfterOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := queuptest.DefaultWorld()
		for i := range 20 {
			world.Users = append(world.Users, queuptest.User{Name: fmt.Sprintf("user%d", i), Password: "secret"})
		}
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(world))
		defer server.Close()
		bot := connect(t, server, "bot", client.WithConversationCache(2))
		var told []*client.Conversation
		client.On(bot, func(_ context.Context, e client.PrivateMessage) error {
			if e.Author.Username == "alice" {
				told = append(told, e.Conversation)
			}
			return nil
		})
		settle(time.Second)
		held := must(bot.OpenConversation(t.Context(), id(t, bot, "alice")))(t)
		for i := range 20 {
			server.Message(fmt.Sprintf("user%d", i), "hello", "bot")
			settle(time.Second)
		}
		runtime.GC()
		server.Message("alice", "hello", "bot")
		settle(10 * time.Second)
		if !slices.Equal(told, []*client.Conversation{held}) || held.LatestMessage() != "hello" {
			t.Errorf("told in %p, the latest of %p is %q", told, held, held.LatestMessage())
		}
	})
}
