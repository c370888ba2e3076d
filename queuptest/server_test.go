package queuptest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/queuptest"
)

func TestServer_listensOnTheLoopback(t *testing.T) {
	t.Parallel()
	for _, opts := range [][]queuptest.Option{nil, {queuptest.Addr("localhost:0")}, {queuptest.Addr("127.0.0.9:0")}} {
		srv := start(t, opts...)
		u, err := url.Parse(srv.URL())
		if err != nil || !net.ParseIP(u.Hostname()).IsLoopback() || u.Path != "" {
			t.Errorf("URL is %s", srv.URL())
		}
		if want := "ws://" + u.Host + "/ws/"; srv.RealtimeURL() != want {
			t.Errorf("RealtimeURL is %s, want %s", srv.RealtimeURL(), want)
		}
		plain := &http.Client{Transport: &http.Transport{}}
		resp, err := plain.Get(srv.URL() + "/room/lounge") //nolint:noctx // the plainest of clients
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%v, %v", resp, err)
			continue
		}
		_ = resp.Body.Close()
		plain.CloseIdleConnections()
	}
}

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

func TestStart_anAddressThatIsTaken(t *testing.T) {
	t.Parallel()
	srv := start(t)
	if other, err := queuptest.Start(queuptest.Addr(strings.TrimPrefix(srv.URL(), "http://"))); err == nil {
		other.Close()
		t.Error("two servers listen on one address")
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

func TestCutLinks_dropsEveryWebsocketAndNothingElse(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice := login(t, srv, "alice")
	links := []*socket{alice.open(), alice.open(), newBrowser(t, srv).open()}
	token := alice.token().Token
	srv.CutLinks()
	for _, s := range links {
		var closed *websocket.CloseError
		if err := s.ended(); errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure {
			t.Errorf("the link ended with %v, want no close frame", err)
		}
	}
	if got := alice.get("/auth/session"); got.Status != http.StatusOK {
		t.Errorf("the session ended too: %d", got.Status)
	}
	dial(t, srv, token).next()
}

func TestClose_endsEverything(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]queuptest.Option{"on the loopback": nil, "in memory": {queuptest.InMemory()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := start(t, opts...)
			s := newBrowser(t, srv).open()
			var wait sync.WaitGroup
			for range 3 {
				wait.Go(srv.Close)
			}
			wait.Wait()
			srv.Close()
			if err := s.ended(); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
				t.Errorf("the link ended with %v", err)
			}
			if conn, err := srv.DialContext(t.Context(), "tcp", ""); err == nil {
				_ = conn.Close()
				t.Error("DialContext still connects")
			}
			if _, err := srv.Await(t.Context(), func(queuptest.Entry) bool { return false }); !errors.Is(err, queuptest.ErrClosed) {
				t.Errorf("Await: %v", err)
			}
			before, _ := srv.Room("lounge").NowPlaying()
			srv.Room("lounge").Skip("mod") // does no harm, and starts no clock
			if after, _ := srv.Room("lounge").NowPlaying(); after.ID != before.ID {
				t.Error("songs go on")
			}
		})
	}
}

// A handler of the test's own that hangs is told to stop, even when the request was not read to its end.
func TestClose_cancelsHandlers(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{})
	srv := start(t, queuptest.WithHandler(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(entered)
			<-r.Context().Done()
		})
	}))
	answered := make(chan error)
	go func() {
		b := newBrowser(t, srv)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL(), strings.NewReader(strings.Repeat("x", 3<<20)))
		if err == nil {
			var resp *http.Response
			if resp, err = b.client.Do(req); err == nil {
				_ = resp.Body.Close()
			}
		}
		answered <- err
	}()
	<-entered
	srv.Close()
	if err := <-answered; err == nil {
		t.Error("the request was answered")
	}
}

// A peer that does not read cannot hold up Close, nor those who wait for it.
func TestClose_doesNotWaitForPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, queuptest.InMemory())
		token := newBrowser(t, srv).token().Token
		d := websocket.Dialer{NetDialContext: srv.DialContext}
		conn, resp, err := d.DialContext(t.Context(), srv.RealtimeURL()+"?access_token="+token, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		defer conn.Close()
		begin := time.Now()
		var wait sync.WaitGroup
		wait.Go(srv.Close)
		wait.Go(srv.Close)
		wait.Wait()
		if d := time.Since(begin); d > time.Second {
			t.Errorf("Close took %v", d)
		}
	})
}

// A link that does not read is dropped; the others hear everything.
func TestSlowLink_isDroppedAndOthersGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, queuptest.InMemory(), queuptest.Heartbeat(time.Hour, time.Hour))
		room := srv.Room("lounge")
		slow := dialWithoutReading(t, srv)
		defer slow.Close()
		s := newBrowser(t, srv).listen()
		if err := slow.WriteMessage(websocket.TextMessage, []byte(`4{"action":10,"channel":"room:`+room.ID()+`"}`)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		const lines = 3000
		go func() {
			for i := range lines {
				room.Say("alice", fmt.Sprint(i))
			}
		}()
		for i := range lines {
			if e := event[*wire.ChatMessage](s); e.Text != fmt.Sprint(i) {
				t.Fatalf("line %d is %q", i, e.Text)
			}
		}
		time.Sleep(11 * time.Second) // a write may take 10 s
		if err := slow.WriteMessage(websocket.TextMessage, []byte("2")); err == nil {
			t.Error("the link that does not read goes on")
		}
	})
}

// Many frames for one that does not read at all, faster than a write times out.
func TestSlowLink_hasABoundedQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, queuptest.InMemory())
		slow := dialWithoutReading(t, srv)
		defer slow.Close()
		if err := slow.WriteMessage(websocket.TextMessage, []byte(`4{"action":10,"channel":"room:`+srv.Room("lounge").ID()+`"}`)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for range 17_000 {
			srv.Room("lounge").Broadcast("x", nil)
		}
		if err := slow.WriteMessage(websocket.TextMessage, []byte("2")); err == nil {
			t.Error("the link goes on with 17,000 frames behind")
		}
	})
}

// dialWithoutReading opens a websocket of which nobody reads.
func dialWithoutReading(t *testing.T, srv *queuptest.Server) *websocket.Conn {
	t.Helper()
	d := websocket.Dialer{NetDialContext: srv.DialContext}
	conn, resp, err := d.DialContext(t.Context(), srv.RealtimeURL()+"?access_token="+newBrowser(t, srv).token().Token, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return conn
}

func TestInMemory_hasItsOwnAddressAndTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, queuptest.InMemory())
		if srv.URL() != "http://queup.test" || srv.RealtimeURL() != "ws://queup.test/ws/" {
			t.Errorf("URLs are %s and %s", srv.URL(), srv.RealtimeURL())
		}
		alice := login(t, srv, "alice")
		s := alice.listen()
		srv.Room("lounge").Say("bob", "hello")
		if e := event[*wire.ChatMessage](s); !e.SentAt.Equal(time.Now()) {
			t.Errorf("said at %v, it is %v", e.SentAt, time.Now())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, err := srv.Await(ctx, func(queuptest.Entry) bool { return false }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Await: %v", err)
		}
		cancel()
		for range 20 { // it must not be a matter of luck
			if _, err := srv.DialContext(ctx, "tcp", "queup.test:80"); err == nil {
				t.Fatal("DialContext ignores its context")
			}
		}
	})
}

func TestWithHandler_answersInsteadOfTheServer(t *testing.T) {
	t.Parallel()
	var order []string
	note := func(name string) queuptest.Option {
		return queuptest.WithHandler(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/order" {
					order = append(order, name)
				}
				next.ServeHTTP(w, r)
			})
		})
	}
	srv := start(t, note("first"), note("second"), queuptest.WithHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/room/down":
				w.Header().Set("Content-Type", "text/html")
				w.WriteHeader(http.StatusServiceUnavailable)
				_, _ = io.WriteString(w, "<h1>Service Unavailable</h1>")
			case "/room/endless":
				for r.Context().Err() == nil {
					if _, err := io.WriteString(w, strings.Repeat(" ", 1<<16)); err != nil {
						return
					}
					_ = http.NewResponseController(w).Flush()
				}
			case "/room/hanging":
				<-r.Context().Done()
			case "/room/broken":
				panic(http.ErrAbortHandler)
			case "/ws/":
				w.WriteHeader(http.StatusBadGateway)
			default:
				next.ServeHTTP(w, r)
			}
		})
	}))
	b := newBrowser(t, srv)
	if got := b.get("/order"); got.Status != http.StatusNotFound || !slices.Equal(order, []string{"first", "second"}) {
		t.Errorf("%d, handlers ran in the order %v", got.Status, order)
	}
	if got := b.get("/room/lounge"); got.Status != http.StatusOK {
		t.Errorf("what is passed on: %d", got.Status)
	}
	if got := b.get("/room/down"); got.Status != http.StatusServiceUnavailable || got.Body != "<h1>Service Unavailable</h1>" {
		t.Errorf("down: %d %s", got.Status, got.Body)
	}
	if _, resp, err := websocket.DefaultDialer.DialContext(t.Context(), srv.RealtimeURL(), nil); err == nil || resp.StatusCode != http.StatusBadGateway {
		t.Errorf("handshake: %v, %v", resp, err)
	} else {
		_ = resp.Body.Close()
	}
	for _, path := range []string{"/room/broken", "/room/endless", "/room/hanging"} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL()+path, nil)
		resp, err := b.client.Do(req)
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
		if err == nil {
			t.Errorf("%s was answered in full", path)
		}
		cancel()
	}
	aborted, err := srv.Await(soon(t), func(e queuptest.Entry) bool { return e.Path == "/room/broken" && !e.In })
	if err != nil || aborted.Status != 0 {
		t.Errorf("the log says %v (%v)", aborted, err)
	}
	srv.Close() // although a handler may still hang
}

// Hundreds of clients at once: everybody hears every line, in the order in which the room heard them.
func TestManyClients(t *testing.T) {
	t.Parallel()
	const clients = 200
	world := queuptest.DefaultWorld()
	for i := range clients {
		name := fmt.Sprintf("user%d", i)
		world.Users = append(world.Users, queuptest.User{Name: name, Password: "secret"})
		world.Rooms[0].Present = append(world.Rooms[0].Present, name)
	}
	srv := start(t, queuptest.WithWorld(world))
	room := srv.Room("lounge")
	chatID := regexp.MustCompile(`chatid\\":\\"([0-9a-f]+-\d+)`)
	heard := make([][]string, clients)
	var ready, wait sync.WaitGroup
	ready.Add(clients)
	for i := range clients {
		wait.Go(func() {
			b := login(t, srv, fmt.Sprintf("user%d", i))
			s := b.listen()
			ready.Done()
			ready.Wait()
			if got := b.post("/chat/"+room.ID(), url.Values{"message": {"hello"}}); got.Status != http.StatusOK {
				t.Errorf("chat: %d", got.Status)
			}
			for len(heard[i]) < clients {
				match := chatID.FindStringSubmatch(<-s.frames)
				if match == nil {
					t.Errorf("client %d heard something else: %v", i, s.err)
					return
				}
				heard[i] = append(heard[i], match[1])
			}
		})
	}
	wait.Wait()
	var want []string
	for _, m := range room.Messages() {
		want = append(want, m.ID)
	}
	for i := range clients {
		if !slices.Equal(heard[i], want) {
			t.Errorf("client %d heard %d lines in another order than the room's %d", i, len(heard[i]), len(want))
		}
	}
	if n := len(srv.Log()); n != 10_000 {
		t.Errorf("the log has %d entries, want the last 10,000", n)
	}
}
