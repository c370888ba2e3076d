package queuptest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/queuptest"
)

func TestStart_saysAllThatIsWrong(t *testing.T) {
	t.Parallel()
	bad := queuptest.World{
		Users: []queuptest.User{{Name: "ann", Password: "x"}, {Name: "ANN", Password: "x"}, {Name: "a@b", Password: "x"}, {Name: "ben", ID: "1"}, {}},
		Rooms: []queuptest.RoomSpec{
			{Slug: "two words", Owner: "ann"},
			{Slug: "r", Owner: "zoe", Roles: map[string]queuptest.Role{"ann": "king", "Ann": queuptest.VIP, "yan": queuptest.DJ}, Present: []string{"xi", "ann"}, Banned: []string{"Ann"}},
			{Slug: "r", Owner: "ann", Songs: []queuptest.Song{{By: "ann", Name: "Silence"}}},
			{Slug: "65a1f0c2d4e8b90000000001", Owner: "ann"},
		},
	}
	for name, c := range map[string]struct {
		opts []queuptest.Option
		want []string
	}{
		"any interface":     {[]queuptest.Option{queuptest.Addr(":8080")}, []string{`":8080" would leave the loopback`}},
		"all interfaces":    {[]queuptest.Option{queuptest.Addr("0.0.0.0:0")}, []string{"would leave the loopback"}},
		"all of IPv6":       {[]queuptest.Option{queuptest.Addr("[::]:0")}, []string{"would leave the loopback"}},
		"a network":         {[]queuptest.Option{queuptest.Addr("192.0.2.1:0")}, []string{"would leave the loopback"}},
		"a name":            {[]queuptest.Option{queuptest.Addr("example.com:0")}, []string{"would leave the loopback"}},
		"nearly localhost":  {[]queuptest.Option{queuptest.Addr("localhost.example.com:0")}, []string{"would leave the loopback"}},
		"no port":           {[]queuptest.Option{queuptest.Addr("127.0.0.1")}, []string{"missing port"}},
		"a port too far":    {[]queuptest.Option{queuptest.Addr("127.0.0.1:99999")}, []string{"99999"}},
		"no options":        {[]queuptest.Option{nil, queuptest.WithHandler(nil)}, []string{"option 1 is nil", "WithHandler without a function"}},
		"no heart":          {[]queuptest.Option{queuptest.Heartbeat(0, time.Second), queuptest.Heartbeat(time.Second, -1)}, []string{"heartbeat of 0s", "-1ns"}},
		"here and there":    {[]queuptest.Option{queuptest.InMemory(), queuptest.Addr("127.0.0.1:0")}, []string{"InMemory and Addr"}},
		"a world of nobody": {[]queuptest.Option{queuptest.WithWorld(queuptest.World{})}, []string{"the world is empty"}},
		"a bad world": {[]queuptest.Option{queuptest.WithWorld(bad)}, []string{
			`user "ANN" is there twice`, `user "a@b": a name has no @`, `user "ben": the id "1" is not`, `user "ben" has no password`, "a user has no name",
			`room "two words"`, `owner "zoe" is no user`, `"king" is no role`, `has two roles`, `"yan" is no user`, `present "xi"`, `"Ann" is banned and present`,
			`room "r" is there twice`, `the song "Silence" needs`, `the slug looks like an id`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, err := queuptest.Start(c.opts...)
			if err == nil {
				srv.Close()
				t.Fatal("it started")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error lacks %q:\n%v", want, err)
				}
			}
			defer func() {
				if v := recover(); v != err.Error() {
					t.Errorf("NewServer panicked with %v", v)
				}
			}()
			queuptest.NewServer(c.opts...)
		})
	}
}

func TestWorld_ofTheTestsOwn(t *testing.T) {
	t.Parallel()
	world := queuptest.World{
		Users: []queuptest.User{
			{Name: "Ann", Password: "a", ID: "65b2a1c0d4e8b90000000002"}, // as the second would be, if it were made
			{Name: "ben", Password: "b"},
			{Name: "cat", Password: "c"},
		},
		Rooms: []queuptest.RoomSpec{
			{Slug: "one", Owner: "ann", Songs: []queuptest.Song{
				{By: "ben", Name: "First", Length: time.Minute, MediaID: "x"},
				{By: "ann", Name: "First", Length: time.Minute, MediaID: "x"},
				{By: "ben", Name: "Third", Length: time.Minute},
				{By: "cat", Name: "Fourth", Length: time.Minute},
			}},
			{Slug: "two", Name: "Two", Owner: "ben", Roles: map[string]queuptest.Role{"ann": queuptest.VIP}},
		},
	}
	srv := start(t, queuptest.WithWorld(world))
	if p, ok := srv.Room("one").NowPlaying(); !ok || p.User != "ben" || p.Name != "First" {
		t.Errorf("one plays %+v", p)
	}
	if _, ok := srv.Room("two").NowPlaying(); ok {
		t.Error("two plays something")
	}
	if r := srv.Room("one"); r.Name() != "one" || r.Slug() != "one" || len(r.Members()) != 0 {
		t.Errorf("room is %s, %s, %v", r.Slug(), r.Name(), r.Members())
	}
	got := srv.World()
	ids := map[string]bool{}
	for _, u := range got.Users {
		ids[u.ID] = true
	}
	if got.Users[0].ID != world.Users[0].ID || len(ids) != 3 || got.Rooms[0].ID != srv.Room("one").ID() {
		t.Errorf("world is %+v", got)
	}
	// A world with ids makes the same world again.
	again := start(t, queuptest.WithWorld(got))
	if d := cmp.Diff(got, again.World()); d != "" {
		t.Errorf("the same world again:\n%s", d)
	}
	got.Rooms[1].Roles["ann"] = queuptest.DJ // a copy
	if srv.World().Rooms[1].Roles["ann"] != queuptest.VIP {
		t.Error("World gave away its own map")
	}
	// The same media in two queues are one song.
	b := newBrowser(t, srv)
	if r := b.postJSON("/auth/login", `{"username":"cat","password":"c"}`); r.Status != http.StatusOK {
		t.Fatal(r.Body)
	}
	queue := as[wire.Plays](t, b.get("/room/"+srv.Room("one").ID()+"/playlist/details"))
	playing, _ := srv.Room("one").NowPlaying()
	if len(queue) != 3 || string(queue[0].SongID) != playing.SongID || queue[1].SongID == queue[0].SongID || queue[2].SongID == queue[1].SongID {
		t.Errorf("queue is %+v, playing is %+v", queue, playing)
	}
}

func TestRoom_whatCannotBePanics(t *testing.T) {
	t.Parallel()
	world := queuptest.DefaultWorld()
	world.Rooms = append(world.Rooms, queuptest.RoomSpec{Slug: "silent", Owner: "owner", Present: []string{"alice"}, Banned: []string{"bob"}})
	srv := start(t, queuptest.WithWorld(world))
	lounge, silent := srv.Room("lounge"), srv.Room("silent")
	id := lounge.Say("alice", "hello")
	for want, call := range map[string]func(){
		`queuptest: no room has the slug "attic"`:                  func() { srv.Room("attic") },
		`queuptest: Room.Say: there is no user "zoe"`:              func() { lounge.Say("zoe", "hi") },
		`queuptest: Room.Say: bot is not in lounge; Join first`:    func() { lounge.Say("bot", "hi") },
		`queuptest: Room.Say: a text of 260 characters`:            func() { lounge.Say("alice", strings.Repeat("&", 52)) },
		`queuptest: Room.Say: a text of 0 characters`:              func() { lounge.Say("alice", "") },
		`queuptest: Room.DeleteMessage: no message has the id "x"`: func() { lounge.DeleteMessage("mod", "x") },
		`queuptest: Room.DeleteMessage: bob may not delete`:        func() { lounge.DeleteMessage("bob", id) },
		`queuptest: Room.Join: there is no user "zoe"`:             func() { lounge.Join("zoe") },
		`queuptest: Room.Join: bob is banned from silent`:          func() { silent.Join("bob") },
		`queuptest: Room.Leave: bot is not in lounge; Join first`:  func() { lounge.Leave("bot") },
		`queuptest: Room.Vote: nothing plays in silent`:            func() { silent.Vote("alice", true) },
		`queuptest: Room.Vote: bob is not in silent; Join first`:   func() { silent.Vote("bob", true) },
		`queuptest: Room.Skip: nothing plays in silent`:            func() { silent.Skip("alice") },
		`queuptest: Room.Skip: bob may not skip a song of alice`:   func() { lounge.Skip("bob") },
	} {
		func() {
			defer func() {
				if v := recover(); v == nil || !strings.HasPrefix(fmt.Sprint(v), want) {
					t.Errorf("panic is %v, want %s", v, want)
				}
			}()
			call()
		}()
	}
	lounge.Join("bot") // no panic has kept the lock
	lounge.Leave("bot")
	if slices.Contains(lounge.Members(), "bot") {
		t.Error("bot has not left")
	}
}
