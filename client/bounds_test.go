package client_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/internal/testkit/canary"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// The defaults are promised in docs and options.
func TestBounds_defaults(t *testing.T) {
	for name, got := range map[string][2]int{
		"users":         {client.DefaultUserCache, 10_000},
		"songs":         {client.DefaultSongCache, 2_000},
		"conversations": {client.DefaultConversationCache, 512},
		"lines":         {client.DefaultMessageHistory, 512},
		"queue":         {client.DefaultQueue, 1024},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %d instead of %d", name, got[0], got[1])
		}
	}
}

func TestMessages_areBounded(t *testing.T) {
	tests := map[string]struct {
		opts []client.Option
		want int
	}{
		"by default": {nil, client.DefaultMessageHistory},
		"ten":        {[]client.Option{client.WithMessageHistory(10)}, 10},
		"none":       {[]client.Option{client.WithMessageHistory(0)}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				bot, room := joinLounge(t, server, "bot", tt.opts...)
				const said = client.DefaultMessageHistory + 100
				for i := range said {
					server.Room("lounge").Say("alice", fmt.Sprint(i))
					time.Sleep(time.Millisecond)
				}
				synctest.Wait()
				lines := room.Messages()
				if len(lines) != tt.want || bot.Messages().Len() != tt.want {
					t.Fatalf("%d lines are kept, and %d in all rooms; want %d", len(lines), bot.Messages().Len(), tt.want)
				}
				for i, m := range lines {
					if want := fmt.Sprint(said - tt.want + i); m.Content != want {
						t.Fatalf("line %d is %q instead of %q", i, m.Content, want)
					}
				}
			})
		})
	}
}

// What plays and what waits has its media, however few are remembered.
func TestSongs_areBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(songs(60)))
		defer server.Close()
		bot, room := joinLounge(t, server, "bot", client.WithSongCache(1))
		played := record(room, func(e client.SongChanged) string {
			info, ok := e.Song.Info()
			if !ok || e.Info.Name != info.Name {
				t.Errorf("%s came without its media", e.Song.ID)
			}
			return e.Info.Name
		})
		for i := range 50 {
			server.Room("lounge").Skip("alice")
			time.Sleep(time.Minute)
			if n := bot.Songs().Len(); n > 1 {
				t.Fatalf("%d songs are remembered", n)
			}
			now, _ := room.NowPlaying()
			if info, ok := now.Info(); !ok || info.Name != fmt.Sprintf("Song %d", i+1) {
				t.Fatalf("%v plays instead of song %d", info, i+1)
			}
			for _, song := range room.Queue() {
				if info, ok := song.Info(); !ok || info.Name == "" {
					t.Fatal("a song of the queue has lost its media")
				}
			}
		}
		if n := len(played()); n != 50 {
			t.Errorf("%d songs were told", n)
		}
	})
}

func TestSongs_theLatestAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(songs(60)))
		defer server.Close()
		bot, room := joinLounge(t, server, "bot", client.WithSongCache(5))
		var ids []client.SongID
		for range 50 {
			server.Room("lounge").Skip("alice")
			time.Sleep(10 * time.Second)
			now, _ := room.NowPlaying()
			ids = append(ids, now.SongID)
		}
		if n := bot.Songs().Len(); n != 5 {
			t.Errorf("%d songs are remembered", n)
		}
		if _, known := bot.Songs().Get(ids[0]); known {
			t.Error("the first song is remembered")
		}
		if _, known := bot.Songs().Get(ids[len(ids)-1]); !known {
			t.Error("the last song is forgotten")
		}
	})
}

// A member who has left is remembered for ten seconds, and no longer.
func TestLeftMembers_areRememberedForTenSeconds(t *testing.T) {
	for _, after := range []time.Duration{0, 9 * time.Second, 11 * time.Second, time.Hour} {
		t.Run(after.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				_, room := joinLounge(t, server, "bot")
				carol, ok := room.MemberNamed("carol")
				if !ok {
					t.Fatal("carol is not there")
				}
				kicked := record(room, func(e client.MemberKicked) string { return fmt.Sprint(e.User.Username, " ", e.Member.ID) })
				server.Room("lounge").Leave("carol")
				time.Sleep(after)
				server.Room("lounge").Broadcast("user-kick", fmt.Appendf(nil, `{"kickedUser":{"_id":%q},"user":{}}`, carol.UserID))
				synctest.Wait()
				want := "carol " + string(carol.ID)
				if after > 10*time.Second {
					want = "carol "
				}
				expect(t, "kicked", kicked(), []string{want})
			})
		})
	}
}

// Handles on rooms that were only looked at do not pile up; the room that the bot is in is not one of them.
func TestRooms_thatWereOnlyLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := queuptest.DefaultWorld()
		for i := range 200 {
			world.Rooms = append(world.Rooms, queuptest.RoomSpec{Slug: fmt.Sprintf("room-%d", i), Owner: "owner"})
		}
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(world))
		defer server.Close()
		bot, lounge := joinLounge(t, server, "bot", client.WithRateLimit(0, 0))
		for i := range 200 {
			room, err := bot.FetchRoom(t.Context(), fmt.Sprintf("room-%d", i))
			if err != nil {
				t.Fatal(err)
			}
			if n := bot.Rooms().Len(); n > 64 {
				t.Fatalf("%d rooms are remembered", n)
			}
			if known, ok := bot.Rooms().Get(room.ID()); !ok || known != room {
				t.Fatal("the room that was looked at last is forgotten")
			}
		}
		if room, ok := bot.Rooms().BySlug("lounge"); !ok || room != lounge {
			t.Error("the room that the bot is in is forgotten")
		}
		expectAlive(t, server, lounge)
	})
}

// A bot that leaves a room, is in a thousand others and comes back has the same room, and its subscriptions go on.
func TestHandles_roomAfterAThousandOthers(t *testing.T) {
	others := client.UnlessShort(1000, 200)
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

// Fetching the room returns the same one.
func TestHandles_roomThatIsFetched(t *testing.T) {
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
func TestHandles_conversationAfterOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := queuptest.DefaultWorld()
		for i := range 20 {
			world.Users = append(world.Users, queuptest.User{Name: fmt.Sprintf("user%d", i), Password: canary.Password})
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

// A bot that visits room after room remembers the latest of them, and always those that it is in.
func TestRooms_areForgottenSomeTimeAfterTheyWereLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rooms = 200
		world := queuptest.DefaultWorld()
		for i := range rooms {
			room := world.Rooms[0]
			room.Slug, room.Songs = fmt.Sprintf("room-%d", i), nil
			if i%2 == 1 {
				room.Banned = []string{"bot"}
			}
			world.Rooms = append(world.Rooms, room)
		}
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(world))
		defer server.Close()
		bot, lounge := joinLounge(t, server, "bot")
		last := lounge
		for i := range rooms {
			room, err := bot.JoinRoom(t.Context(), fmt.Sprintf("room-%d", i))
			if i%2 == 1 {
				if !errors.Is(err, client.ErrBanned) {
					t.Fatal(err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := room.Leave(t.Context()); err != nil {
				t.Fatal(err)
			}
			last = room
		}
		if n := bot.Rooms().Len(); n < 2 || n > 100 {
			t.Errorf("%d rooms are remembered", n)
		}
		if room, ok := bot.Rooms().Get(lounge.ID()); !ok || room != lounge {
			t.Error("the room that the bot is in is forgotten")
		}
		if room, ok := bot.Rooms().Get(last.ID()); !ok || room != last {
			t.Error("the room that was left last is forgotten")
		}
		expectAlive(t, server, lounge)
	})
}
