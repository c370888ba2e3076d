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

func TestJoinRoom_ofFiveThousand(t *testing.T) {
	took := joinTime(t, crowded(5000))
	t.Log(took)
	if took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestJoinRoom_ofTenRoomsAtOnce(t *testing.T) {
	took := joinTime(t, crowded(slices.Repeat([]int{500}, 10)...))
	t.Log(took)
	if took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

var _ = synctest.Wait
var _ client.Event
