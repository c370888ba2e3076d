package client_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// crowded is a world with rooms of the given sizes. Everybody is in one of them alone.
func crowded(sizes ...int) queuptest.World {
	world := queuptest.World{Users: []queuptest.User{{Name: "bot", Password: "secret"}}}
	for i, size := range sizes {
		room := queuptest.RoomSpec{Slug: fmt.Sprintf("hall-%d", i), Owner: "bot"}
		for j := range size {
			name := fmt.Sprintf("guest-%d-%d", i, j)
			world.Users = append(world.Users, queuptest.User{Name: name, Password: "secret"})
			room.Present = append(room.Present, name)
		}
		for j := range 20 {
			room.Songs = append(room.Songs, queuptest.Song{By: room.Present[j], Name: fmt.Sprintf("Song %d of %d", j, i), Length: 3 * time.Minute})
		}
		world.Rooms = append(world.Rooms, room)
	}
	return world
}

// joinTime joins all rooms of a world at once, with default options, and returns how long that takes.
func joinTime(t *testing.T, world queuptest.World) (took time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(world))
		defer server.Close()
		bot := connect(t, server, "bot")
		began := time.Now()
		joined := make(chan error)
		for _, room := range world.Rooms {
			go func() {
				_, err := bot.JoinRoom(t.Context(), room.Slug)
				joined <- err
			}()
		}
		for range world.Rooms {
			if err := <-joined; err != nil {
				t.Error(err)
			}
		}
		took = time.Since(began)
		people := 1 // the bot
		for _, spec := range world.Rooms {
			people += len(spec.Present)
			room, ok := bot.Rooms().BySlug(spec.Slug)
			if !ok {
				t.Fatalf("%s is not there", spec.Slug)
			}
			if n := room.Members().Len(); n != len(spec.Present)+1 {
				t.Errorf("%s has %d members instead of %d", spec.Slug, n, len(spec.Present)+1)
			}
			if _, playing := room.NowPlaying(); !playing || len(room.Queue()) != 19 {
				t.Errorf("%s: playing %v, and %d songs wait", spec.Slug, playing, len(room.Queue()))
			}
		}
		if n := bot.Users().Len(); n != people {
			t.Errorf("%d users are known instead of %d", n, people)
		}
	})
	return took
}

func TestJoinRoom_ofFiveThousandMembers(t *testing.T) {
	if took := joinTime(t, crowded(5000)); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestJoinRoom_ofTenRoomsAtOnce(t *testing.T) {
	if took := joinTime(t, crowded(slices.Repeat([]int{500}, 10)...)); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

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

// songs makes a world in which many songs wait.
func songs(n int) queuptest.World {
	world := queuptest.DefaultWorld()
	room := &world.Rooms[0]
	room.Songs, room.History = nil, nil
	for i := range n {
		room.Songs = append(room.Songs, queuptest.Song{By: "alice", Name: fmt.Sprintf("Song %d", i), Length: 3 * time.Minute})
	}
	return world
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

// Who has left is remembered for ten seconds, and no longer.
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
