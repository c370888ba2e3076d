package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// endsWithin is how soon after the end of its context a call has to return.
const endsWithin = 100 * time.Millisecond

// A gate stands before QueUp's REST and makes it misbehave from some moment on.
type gate struct {
	handle atomic.Pointer[http.HandlerFunc]
}

func (g *gate) option() queuptest.Option {
	return queuptest.WithHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if handle := g.handle.Load(); handle != nil && req.URL.Path != "/ws/" {
				(*handle)(w, req)
				return
			}
			next.ServeHTTP(w, req)
		})
	})
}

// set has QueUp answer every call like this.
func (g *gate) set(handle http.HandlerFunc) { g.handle.Store(&handle) }

// never answers nothing.
func never(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() }

// dribble begins an answer, and does not come to its end.
func dribble(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"code":200,"message":"OK","data":`))
		for req.Context().Err() == nil {
			_, _ = w.Write([]byte(" "))
			_ = http.NewResponseController(w).Flush()
			time.Sleep(30 * time.Millisecond)
		}
	}
}

// expired has every call but the login meet a lost session, and the login wait.
func expired(w http.ResponseWriter, req *http.Request) {
	if req.URL.Path == "/auth/login" {
		never(w, req)
		return
	}
	w.Header().Set("Location", "/auth/login")
	w.WriteHeader(http.StatusFound)
}

// A cable leads to the server, and can be cut: then no connection works, and none is made.
type cable struct {
	mu    sync.Mutex
	conns []net.Conn
	isCut bool
}

func (c *cable) dial(server *queuptest.Server) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.isCut {
			c.mu.Unlock()
			<-ctx.Done()
			c.mu.Lock()
			return nil, context.Cause(ctx)
		}
		conn, err := server.DialContext(ctx, network, addr)
		if err == nil {
			c.conns = append(c.conns, conn)
		}
		return conn, err
	}
}

func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isCut = true
	for _, conn := range c.conns {
		_ = conn.Close()
	}
}

// ended is a way for a context to end: its moment, and how.
type ended struct {
	after    time.Duration
	deadline bool
}

func (e ended) context(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	if e.deadline {
		return context.WithTimeout(t.Context(), e.after)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if e.after == 0 {
		cancel()
		return ctx, cancel
	}
	timer := time.AfterFunc(e.after, cancel)
	return ctx, func() { timer.Stop(); cancel() }
}

func (e ended) want() error {
	if e.deadline {
		return context.DeadlineExceeded
	}
	return context.Canceled
}

// A contextMoment is what calls are doing when their context ends.
type contextMoment struct {
	begin func(t *testing.T, g *gate, c *cable, s *surface)
	both  bool     // every call is made with both endings; else every other one with each
	over  bool     // the context has ended before the call
	paced bool     // a call may know how long it has to wait, and that its deadline is earlier; then it says so at once
	spent bool     // the bot's own calls have a window
	done  []string // calls that have nothing to wait for
}

func contextMoments() map[string]contextMoment {
	from := func(handle http.HandlerFunc) func(*testing.T, *gate, *cable, *surface) {
		return func(_ *testing.T, g *gate, _ *cable, _ *surface) { g.set(handle) }
	}
	return map[string]contextMoment{
		"before the call":                {begin: from(never), over: true, both: true},
		"while QueUp never answers":      {begin: from(never), both: true},
		"while an answer dribbles in":    {begin: from(dribble(http.StatusOK))},
		"while a refusal dribbles in":    {begin: from(dribble(http.StatusInternalServerError))},
		"while a bad gateway dribbles":   {begin: from(dribble(http.StatusBadGateway))},
		"while the network is down":      {begin: func(_ *testing.T, _ *gate, c *cable, _ *surface) { c.cut() }},
		"while the session is renewed":   {begin: from(expired), paced: true, done: []string{"Client.Logout"}},
		"while QueUp has asked to pause": {begin: askForAPause, paced: true, both: true},
		"while the window is spent":      {begin: spendTheWindow, paced: true, spent: true},
		"while the lanes are full":       {begin: fillTheLanes},
	}
}

func askForAPause(t *testing.T, g *gate, _ *cable, s *surface) {
	t.Helper()
	g.set(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	if _, err := s.bot.FetchUser(t.Context(), "alice"); !errors.Is(err, client.ErrRateLimited) {
		t.Fatal(err)
	}
	if _, err := s.second.FetchUser(t.Context(), "alice"); !errors.Is(err, client.ErrRateLimited) {
		t.Fatal(err)
	}
}

func spendTheWindow(t *testing.T, g *gate, _ *cable, s *surface) {
	t.Helper()
	for range windowSize + 1 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		_, err := s.bot.FetchUser(ctx, "alice")
		cancel()
		if errors.Is(err, client.ErrRateLimited) {
			g.set(never)
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the window is not spent")
}

// windowSize is how many calls the bot may make in the hour of the test.
const windowSize = 60

func fillTheLanes(t *testing.T, g *gate, _ *cable, s *surface) {
	t.Helper()
	g.set(never)
	ctx, cancel := context.WithCancel(t.Context())
	var blockers sync.WaitGroup
	for i := range 5 {
		blockers.Go(func() { _, _ = s.bot.FetchSong(ctx, client.SongID(fmt.Sprint("blocker-", i))) })
	}
	blockers.Go(func() { _, _ = s.room.SendMessage(ctx, "blocker") })
	synctest.Wait()
	t.Cleanup(func() {
		cancel()
		blockers.Wait()
	})
}

// Every public call that takes a context returns within 100 ms of its end, with an error that says so, whatever it is
// doing at that moment.
func TestQ09_callsEndWithTheirContext(t *testing.T) {
	// What is not called, or not always.
	exceptions := map[string]string{
		"Client.Run":                         "ends with nil, after a farewell of 5 s at most: TestQ09_runEndsWithItsContext",
		"AuthenticatedUser.OpenConversation": "is refused before it is sent: nobody writes to themselves",
	}
	const ()
	for moment, m := range contextMoments() {
		t.Run(moment, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var g gate
				var c cable
				server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(twoRooms()), g.option())
				defer server.Close()
				wire := &tap{dialer: &realtime.WebsocketDialer{NetDialContext: c.dial(server)}}
				var deaf atomic.Bool
				wire.in = func(_ int, f *realtime.Frame) (lost bool) { return deaf.Load() && f.Action == realtime.ActionPresence }
				size := 0
				if m.spent {
					size = windowSize
				}
				s := furnish(t, server, client.WithRateLimit(size, time.Hour), client.WithDialContext(c.dial(server)), client.WithDialer(wire))
				deaf.Store(true)
				calls := s.calls(t)
				m.begin(t, &g, &c, s)
				endings := []ended{{37 * time.Millisecond, false}, {250 * time.Millisecond, true}}
				if m.over {
					endings = []ended{{0, false}, {0, true}}
				}
				slices.SortStableFunc(calls, func(a, b publicCall) int { // which ends the others' connection
					if a.name == "Client.Logout" {
						return 1
					}
					if b.name == "Client.Logout" {
						return -1
					}
					return 0
				})
				for i, call := range calls {
					if !call.ctx || exceptions[call.name] != "" {
						continue
					}
					for j, end := range endings {
						if !m.both && (i+j)%2 == 0 {
							continue
						}
						late, took, err := callUntil(t, end, call)
						_, early := errors.AsType[*client.RateLimitError](err)
						switch {
						case late > endsWithin:
							t.Errorf("%s returned %v after its context had ended: %v", call.name, late, err)
						case m.paced && early && took == 0 && (end.deadline || call.name == "Client.Connect"): // which has deadlines of its own
						case err == nil && took == 0 && slices.Contains(m.done, call.name):
						case !errors.Is(err, end.want()):
							t.Errorf("%s with %v returned %v after %v", call.name, end.want(), err, took)
						case late < 0:
							t.Errorf("%s returned %v before its context had ended: %v", call.name, -late, err)
						}
					}
				}
			})
		})
	}
}

// callUntil makes a call, and returns how long it took and how long after its context had ended it returned.
func callUntil(t *testing.T, end ended, call publicCall) (late, took time.Duration, err error) {
	t.Helper()
	ctx, cancel := end.context(t)
	defer cancel()
	start := time.Now()
	returned := make(chan error, 1)
	go func() { returned <- call.call(ctx) }()
	select {
	case err = <-returned:
	case <-time.After(end.after + time.Minute):
		t.Fatalf("%s has not returned a minute after its context had ended", call.name)
	}
	took = time.Since(start)
	return took - end.after, took, err
}

// meet asserts that a call returned in time, and that its error says why.
func (e ended) meet(t *testing.T, call publicCall) {
	t.Helper()
	late, took, err := callUntil(t, e, call)
	if late < 0 || late > endsWithin || !errors.Is(err, e.want()) {
		t.Errorf("%s with %v returned %v after %v", call.name, e.want(), err, took)
	}
}

// A join has many steps; it can be given up at each of them, and by each of those that join at the same time.
func TestQ09_joinsEndWithTheirContext(t *testing.T) {
	steps := map[string]struct {
		method, part string          // of the call that QueUp does not answer
		lost         realtime.Action // that does not arrive
		turn         bool            // another join is under way
	}{
		"looking it up":           {method: http.MethodGet, part: "/room/attic"},
		"entering":                {method: http.MethodPost, part: "/users"},
		"attaching":               {lost: realtime.ActionAttached},
		"showing up":              {lost: realtime.ActionPresence},
		"reading who is there":    {method: http.MethodGet, part: "/users"},
		"reading what plays":      {method: http.MethodGet, part: "/playlist/active"},
		"reading the queue":       {method: http.MethodGet, part: "/playlist/details"},
		"reading the roles":       {method: http.MethodGet, part: "/roles"},
		"reading the chat":        {method: http.MethodGet, part: "/chat/"},
		"waiting for its turn":    {method: http.MethodPost, part: "/users", turn: true},
		"waiting to leave":        {},
		"waiting for the network": {},
	}
	for step, tt := range steps {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var c cable
				wire := &tap{}
				opts := []queuptest.Option{queuptest.InMemory(), queuptest.WithWorld(twoRooms())}
				if tt.method != "" {
					opts = append(opts, meddle(tt.method, tt.part, func(_ http.ResponseWriter, req *http.Request, _ http.Handler) {
						<-req.Context().Done()
					}))
				}
				server := queuptest.NewServer(opts...)
				defer server.Close()
				wire.dialer = &realtime.WebsocketDialer{NetDialContext: c.dial(server)}
				attic := "room:" + server.Room("attic").ID()
				wire.in = func(_ int, f *realtime.Frame) (lost bool) {
					return tt.lost != 0 && f.Action == tt.lost && f.Channel == attic
				}
				bot := connect(t, server, "bot", client.WithDialContext(c.dial(server)), client.WithDialer(wire))
				join := publicCall{name: "Client.JoinRoom", call: func(ctx context.Context) error { return second(bot.JoinRoom(ctx, "attic")) }}
				switch {
				case tt.turn:
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					go func() { _ = join.call(ctx) }()
					synctest.Wait()
				case step == "waiting to leave":
					room := must(bot.JoinRoom(t.Context(), "attic"))(t)
					wire.in = nil
					c.cut()
					join = publicCall{name: "Room.Leave", call: room.Leave}
				case step == "waiting for the network":
					c.cut()
				}
				ended{37 * time.Millisecond, false}.meet(t, join)
				time.Sleep(10 * time.Second) // so that its tidying up is over, and no lane is spent
				ended{250 * time.Millisecond, true}.meet(t, join)
			})
		})
	}
}

// What Connect does can be given up, too.
func TestQ09_connectEndsWithItsContext(t *testing.T) {
	steps := map[string]func(server *queuptest.Server) realtime.Dialer{
		"dialing": func(*queuptest.Server) realtime.Dialer {
			return dialFunc(func(ctx context.Context, _ string, _ http.Header) (realtime.Socket, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			})
		},
		"a dialer that takes no notice": func(*queuptest.Server) realtime.Dialer {
			return dialFunc(func(context.Context, string, http.Header) (realtime.Socket, error) {
				time.Sleep(time.Minute)
				return nil, errors.New("nobody answers")
			})
		},
		"waiting to be connected": func(server *queuptest.Server) realtime.Dialer {
			wire := newTap(server)
			wire.in = func(_ int, f *realtime.Frame) (lost bool) { return f.Action == realtime.ActionConnected }
			return wire
		},
	}
	for step, dialer := range steps {
		t.Run(step, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				bot := newBot(t, server, client.WithDialer(dialer(server)))
				if err := bot.Login(t.Context(), "bot", "secret"); err != nil {
					t.Fatal(err)
				}
				connecting := publicCall{name: "Client.Connect", call: bot.Connect}
				ended{37 * time.Millisecond, false}.meet(t, connecting)
				ended{250 * time.Millisecond, true}.meet(t, connecting)
			})
		})
	}
}

// trickle is a picture that comes in one byte at a time, and does not come to its end.
type trickle struct{}

func (trickle) Read(b []byte) (int, error) {
	time.Sleep(20 * time.Millisecond)
	return copy(b[:1], "x"), nil
}

func TestQ09_uploadsEndWithTheirContext(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "owner")
		account, _ := bot.User()
		for name, upload := range map[string]func(ctx context.Context) error{
			"UploadAvatar":     func(ctx context.Context) error { return second(account.UploadAvatar(ctx, "a.png", trickle{})) },
			"UploadBackground": func(ctx context.Context) error { return room.UploadBackground(ctx, "a.png", trickle{}) },
		} {
			ended{37 * time.Millisecond, false}.meet(t, publicCall{name: name, call: upload})
			ended{250 * time.Millisecond, true}.meet(t, publicCall{name: name, call: upload})
		}
	})
}

// Run ends with nil, and takes its leave of the rooms for 5 s at most, whatever it is doing when its context ends.
func TestQ09_runEndsWithItsContext(t *testing.T) {
	for moment, m := range contextMoments() {
		if m.spent { // Run makes no call of that kind
			continue
		}
		for _, before := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, before the login %v", moment, before), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var g gate
					var c cable
					server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(twoRooms()), g.option())
					defer server.Close()
					s := furnish(t, server, client.WithRateLimit(0, 0), client.WithDialContext(c.dial(server)))
					bot := newBot(t, server, client.WithDialContext(c.dial(server)))
					client.On(bot, func(ctx context.Context, _ client.Ready) error {
						_, err := bot.JoinRoom(ctx, "lounge")
						return err
					})
					s.bot = bot // which the moment is to meet
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					if before {
						m.begin(t, &g, &c, s)
					}
					returned := make(chan error, 1)
					go func() { returned <- bot.Run(ctx, "bot", "secret") }()
					time.Sleep(500 * time.Millisecond)
					if !before {
						m.begin(t, &g, &c, s)
					}
					cancel()
					start := time.Now()
					if err := <-returned; err != nil || time.Since(start) > 5*time.Second+endsWithin {
						t.Errorf("Run returned %v, %v after its context had ended", err, time.Since(start))
					}
				})
			})
		}
	}
}
