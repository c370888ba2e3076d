package queuptest_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// fiftyPeople are in the lounge, and nothing is going on but the music.
func fiftyPeople() queuptest.Option {
	world := queuptest.DefaultWorld()
	for i := range 45 { // five are there already
		name := fmt.Sprintf("listener%d", i)
		world.Users = append(world.Users, queuptest.User{Name: name, Password: canary.Password})
		world.Rooms[0].Present = append(world.Rooms[0].Present, name)
	}
	return queuptest.WithWorld(world)
}

// A flood is the usual mix, in frames of the usual size, and everything in it could happen in the room as it is.
func TestFlood_isTrueToTheRoom(t *testing.T) {
	t.Parallel()
	srv := start(t, fiftyPeople())
	room := srv.Room("lounge")
	room.Vote("bob", true)
	const n = 6_000
	flood := room.PrepareFlood(queuptest.FloodConfig{Events: n, Seed: 4})
	if flood.Len() != n {
		t.Fatalf("%d events", flood.Len())
	}
	if mean := flood.Size() / n; mean < 1350 || mean > 1410 {
		t.Errorf("a frame has %d bytes, want about 1,380", mean)
	}
	kinds := flood.Kinds()
	share := func(names ...string) (sum int) {
		for _, name := range names {
			sum += kinds[name]
			delete(kinds, name)
		}
		return sum * 1000 / n
	}
	for want, got := range map[int]int{
		600: share("chat-message"), 150: share("room_playlist-dub"), 100: share("user-join", "user-leave"),
		50: share("room_playlist-update"),
		99: share("user_update", "delete-chat-message", "room_playlist-queue-update-grabs", "room_playlist-queue-update-dub"),
	} {
		if got < want-20 || got > want+20 {
			t.Errorf("%d in a thousand events, want %d", got, want)
		}
	}
	if len(kinds) > 0 {
		t.Errorf("other events are %v", kinds)
	}

	here, names := map[wire.UserID]bool{}, map[string]bool{}
	for _, m := range as[wire.RoomUsers](t, newBrowser(t, srv).get("/room/"+room.ID()+"/users")) {
		here[m.UserID], names[m.User.Username] = true, true
	}
	before := maps.Clone(here)
	said, votes := map[wire.MessageID]bool{}, map[wire.UserID]wire.DubType{}
	playing, _ := room.NowPlaying()
	for _, u := range srv.World().Users {
		if u.Name == "bob" {
			votes[wire.UserID(u.ID)] = wire.Updub
		}
	}
	play, songs := wire.PlayID(playing.ID), 0
	for text := range flood.Frames() {
		f, err := realtime.ParseFrame(text[1:])
		if err != nil || f.Channel != "room:"+room.ID() || text[0] != '4' {
			t.Fatalf("%s: %v", text, err)
		}
		e, err := wire.DecodeEvent(f.Message.Name, f.Message.Data)
		if err != nil {
			t.Fatal(err)
		}
		inside := func(u wire.User) {
			t.Helper()
			if !here[u.ID] || !names[u.Username] {
				t.Fatalf("%s is not in the room: %s", u.Username, text)
			}
		}
		switch e := e.(type) {
		case *wire.ChatMessage:
			inside(e.User)
			if said[e.ID] || e.Text == "" {
				t.Fatalf("line %s was said before, or is empty", e.ID)
			}
			said[e.ID] = true
		case *wire.DeleteChatMessage:
			if !said[e.ID] {
				t.Fatalf("nobody said %s", e.ID)
			}
			delete(said, e.ID)
		case *wire.UserLeave:
			inside(e.User)
			delete(here, e.User.ID)
		case *wire.UserJoin:
			if here[e.User.ID] || !before[e.User.ID] || e.Member.UserID != e.User.ID || !e.Member.Active {
				t.Fatalf("%s cannot come in", text)
			}
			here[e.User.ID] = true
		case *wire.RoomPlaylistUpdate:
			if e.Play.ID != play {
				songs++
				votes = map[wire.UserID]wire.DubType{}
			}
			play = e.Play.ID
			if e.Song.Name == "" || e.Song.ID != e.Play.SongID {
				t.Fatalf("the song is %+v", e.Song)
			}
		case *wire.RoomPlaylistDub:
			inside(e.User)
			if votes[e.User.ID] == e.Type || e.Play.ID != play {
				t.Fatalf("%s voted so before: %s", e.User.Username, text)
			}
			votes[e.User.ID] = e.Type
			now := int64(0)
			for _, v := range votes {
				if v == wire.Updub {
					now++
				}
			}
			if e.Play.Updubs != now || e.Play.Downdubs != int64(len(votes))-now {
				t.Fatalf("%d and %d votes, want %d of %d: %s", e.Play.Updubs, e.Play.Downdubs, now, len(votes), text)
			}
		case *wire.UserUpdate:
			if !here[e.Member.UserID] {
				t.Fatalf("%s is not in the room", e.Member.UserID)
			}
		}
	}
	if d := cmp.Diff(before, here); d != "" || play != wire.PlayID(playing.ID) || songs < n/400 {
		t.Errorf("%d songs; in the end %s plays, the room has it that %s does, members differ by\n%s", songs, play, playing.ID, d)
	}
	if len(room.Members()) != 50 || len(room.Messages()) != 0 {
		t.Error("the room has changed")
	}
	// The same seed makes the same mix of the same length, with other times and ids.
	if again := room.PrepareFlood(queuptest.FloodConfig{Events: n, Seed: 4}); cmp.Diff(flood.Kinds(), again.Kinds()) != "" {
		t.Error("the same seed makes another flood")
	}
}

// A flood reaches everybody who is attached, whole and in order, and lets other events through.
func TestFlood_reachesEverybodyInOrder(t *testing.T) {
	t.Parallel()
	srv := start(t)
	room := srv.Room("lounge")
	flood := room.PrepareFlood(queuptest.FloodConfig{Events: 3000, Mix: queuptest.Mix{Chat: 1, Others: 1}, Size: 900})
	sockets := []*socket{newBrowser(t, srv).listen(), newBrowser(t, srv).listen()}
	done, said := make(chan error, 1), make(chan struct{})
	go func() {
		err := room.SendFlood(t.Context(), flood, 0)
		<-said
		room.Say("alice", "that was all")
		done <- err
	}()
	room.Say("bob", "in between")
	close(said)
	for i, s := range sockets {
		between := 0
		for text := range flood.Frames() {
			got := s.next()
			if strings.Contains(got, "in between") {
				between++
				got = s.next()
			}
			if got != string(text) {
				t.Fatalf("socket %d got %s, want %s", i, got, text)
			}
		}
		last := s.next()
		if strings.Contains(last, "in between") {
			between++
			last = s.next()
		}
		if between != 1 || !strings.Contains(last, "that was all") {
			t.Errorf("socket %d heard bob %d times, and in the end %s", i, between, last)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A paced flood takes its time, on the clock of the test.
func TestFlood_paced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, queuptest.InMemory())
		room := srv.Room("lounge")
		flood := room.PrepareFlood(queuptest.FloodConfig{Events: 400})
		s := newBrowser(t, srv).listen()
		begin := time.Now()
		if err := room.SendFlood(t.Context(), flood, 200); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(begin); d < 1990*time.Millisecond || d > 2*time.Second {
			t.Errorf("400 events at 200 a second took %v", d)
		}
		for range flood.Len() {
			s.next()
		}
		s.silent()

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := room.SendFlood(ctx, flood, 200); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after the end of its context: %v", err)
		}
		go func() {
			time.Sleep(time.Second)
			srv.CutLinks()
		}()
		if err := room.SendFlood(t.Context(), flood, 200); err == nil || !strings.Contains(err.Error(), "a websocket was lost") {
			t.Errorf("after the end of the link: %v", err)
		}
		synctest.Wait()
		if err := room.SendFlood(t.Context(), flood, 0); err == nil || !strings.Contains(err.Error(), "nobody is attached") {
			t.Errorf("without anybody: %v", err)
		}
	})
}

// A flood waits for a client that does not read, and does not fill the memory meanwhile.
func TestFlood_waitsForTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, queuptest.InMemory(), queuptest.Heartbeat(time.Hour, time.Hour))
		room := srv.Room("lounge")
		flood := room.PrepareFlood(queuptest.FloodConfig{Events: 4_000}) // more than waits for a link at most
		s := newBrowser(t, srv).listen()
		for range cap(s.frames) { // the reader stops when these are full
			room.Broadcast("filler", nil)
		}
		synctest.Wait()
		done := make(chan error, 1)
		go func() { done <- room.SendFlood(t.Context(), flood, 0) }()
		time.Sleep(5 * time.Second)
		select {
		case err := <-done:
			t.Fatalf("it did not wait: %v", err)
		default:
		}
		for range cap(s.frames) + flood.Len() {
			s.next()
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestFlood_whatCannotBePanics(t *testing.T) {
	t.Parallel()
	world := queuptest.World{
		Users: []queuptest.User{{Name: "owner", Password: canary.Password}},
		Rooms: []queuptest.RoomSpec{
			{Slug: "silent", Owner: "owner", Present: []string{"owner"}},
			{Slug: "empty", Owner: "owner", Songs: []queuptest.Song{{By: "owner", Name: "x", Length: time.Minute}}},
			{Slug: "full", Owner: "owner", Present: []string{"owner"}, Songs: []queuptest.Song{{By: "owner", Name: "x", Length: time.Minute}}},
		},
	}
	srv := start(t, queuptest.WithWorld(world))
	full := srv.Room("full")
	one := full.PrepareFlood(queuptest.FloodConfig{Events: 1})
	for want, call := range map[string]func(){
		"nothing plays in silent":      func() { srv.Room("silent").PrepareFlood(queuptest.FloodConfig{Events: 1}) },
		"nobody is in empty":           func() { srv.Room("empty").PrepareFlood(queuptest.FloodConfig{Events: 1}) },
		"a flood of 0 events":          func() { full.PrepareFlood(queuptest.FloodConfig{}) },
		"no weights below zero":        func() { full.PrepareFlood(queuptest.FloodConfig{Events: 1, Mix: queuptest.Mix{Chat: -1}}) },
		"the flood is of full, the ra": func() { _ = srv.Room("empty").SendFlood(t.Context(), one, 0) },
	} {
		func() {
			defer func() {
				if v := recover(); v == nil || !strings.Contains(fmt.Sprint(v), want) {
					t.Errorf("panic is %v, want %s", v, want)
				}
			}()
			call()
		}()
	}
	if k := full.PrepareFlood(queuptest.FloodConfig{Events: 500}).Kinds(); k["user-leave"] != 0 || k["chat-message"] < 200 {
		t.Errorf("of one person alone: %v", k)
	}
}

// Both parts together are the flood, in content and count.
func TestFlood_Split(t *testing.T) {
	t.Parallel()
	flood := start(t, fiftyPeople()).Room("lounge").PrepareFlood(queuptest.FloodConfig{Events: 200, Seed: 4})
	frames := func(floods ...*queuptest.Flood) (texts []string) {
		for _, flood := range floods {
			for text := range flood.Frames() {
				texts = append(texts, string(text))
			}
		}
		return texts
	}
	for _, n := range []int{0, 1, 120, 200} {
		first, rest := flood.Split(n)
		if first.Len() != n || rest.Len() != flood.Len()-n || first.Size()+rest.Size() != flood.Size() {
			t.Errorf("split at %d: %d and %d events, %d and %d bytes", n, first.Len(), rest.Len(), first.Size(), rest.Size())
		}
		if diff := cmp.Diff(frames(flood), frames(first, rest)); diff != "" {
			t.Errorf("split at %d (-whole +parts)\n%s", n, diff)
		}
		kinds := first.Kinds()
		for kind, more := range rest.Kinds() {
			kinds[kind] += more
		}
		if diff := cmp.Diff(flood.Kinds(), kinds); diff != "" {
			t.Errorf("split at %d (-whole +parts)\n%s", n, diff)
		}
	}
	for _, n := range []int{-1, 201} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d events of 200 are no mistake", n)
				}
			}()
			flood.Split(n)
		}()
	}
}
