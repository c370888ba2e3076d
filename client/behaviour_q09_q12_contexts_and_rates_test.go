package client_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/internal/testkit/canary"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// endsWithin is how soon after the end of its context a call has to return.
const endsWithin = 100 * time.Millisecond

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
	begin   func(t *testing.T, g *gate, c *cable, s *surface)
	both    bool     // every call is made with both endings; else every other one with each
	over    bool     // the context has ended before the call
	paced   bool     // a call may know how long it has to wait, and that its deadline is earlier; then it says so at once
	spent   bool     // the bot's own calls have a window
	done    []string // calls that have nothing to wait for
	refused []string // calls that are refused at once, with ErrNotLoggedIn
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
		"while the session is renewed":   {begin: from(expired), paced: true, done: []string{"Client.Logout"}, refused: []string{"Client.Resume"}},
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
				s := newSurface(t, server, client.WithRateLimit(size, time.Hour), client.WithDialContext(c.dial(server)), client.WithDialer(wire))
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
						case errors.Is(err, client.ErrNotLoggedIn) && took == 0 && slices.Contains(m.refused, call.name):
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
					opts = append(opts, intercept(tt.method, tt.part, func(_ http.ResponseWriter, req *http.Request, _ http.Handler) {
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
				if err := bot.Login(t.Context(), "bot", canary.Password); err != nil {
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
					s := newSurface(t, server, client.WithRateLimit(0, 0), client.WithDialContext(c.dial(server)))
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
					go func() { returned <- bot.Run(ctx, "bot", canary.Password) }()
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

// What the calls of this file's bots may do: the bot's own, as configured, and the others, as documented.
const (
	mostLoads       = 20 // in any second
	mostLoadsFlying = 5
	mostLogins      = 5 // at once, and one more each second
)

// A trafficLog is what QueUp sees of a client's calls: when they come, by lane, and how many it is busy with.
type trafficLog struct {
	mu     sync.Mutex
	at     map[string][]time.Time
	flying map[string]int
	most   map[string]int
	silent time.Time // until then QueUp has asked for silence
	broken []string  // calls that came in spite of that
}

// laneOf tells the lane of a call. The drivers of the test make none of the calls that loading a room makes.
func laneOf(req *http.Request) string {
	switch path := req.URL.Path; {
	case strings.HasPrefix(path, "/auth/"):
		return "session"
	case req.Method == http.MethodPost && strings.HasPrefix(path, "/chat/"):
		return "chat"
	case path == "/user/alice", path == "/playlist", path == "/room", strings.HasSuffix(path, "/following"):
		return "own"
	}
	return "load"
}

func newTrafficLog() *trafficLog {
	return &trafficLog{at: map[string][]time.Time{}, flying: map[string]int{}, most: map[string]int{}}
}

// note notes a call that QueUp sees.
func (l *trafficLog) note(req *http.Request) {
	lane := laneOf(req)
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if now.Before(l.silent) {
		l.broken = append(l.broken, fmt.Sprintf("%s %s %v before the end of the pause", req.Method, req.URL.Path, l.silent.Sub(now)))
	}
	l.at[lane] = append(l.at[lane], now)
}

// transport leads to the server, and counts the calls under way. One that was given up is not, whatever the server does.
func (l *trafficLog) transport(t *testing.T, server *queuptest.Server) http.RoundTripper {
	t.Helper()
	next := &http.Transport{DialContext: server.DialContext}
	t.Cleanup(next.CloseIdleConnections)
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		lane := laneOf(req)
		l.mu.Lock()
		l.flying[lane]++
		l.most[lane] = max(l.most[lane], l.flying[lane])
		l.mu.Unlock()
		defer func() {
			l.mu.Lock()
			l.flying[lane]--
			l.mu.Unlock()
		}()
		return next.RoundTrip(req)
	})
}

// refuse asks for silence.
func (l *trafficLog) refuse(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until := time.Now().Add(d); until.After(l.silent) {
		l.silent = until
	}
}

// closest returns the shortest time in which n+1 calls of a lane came, and false for fewer calls.
func (l *trafficLog) closest(lane string, n int) (time.Duration, bool) {
	at := l.at[lane]
	if len(at) <= n {
		return 0, false
	}
	shortest := at[n].Sub(at[0])
	for i := range at[n:] {
		shortest = min(shortest, at[i+n].Sub(at[i]))
	}
	return shortest, true
}

// check asserts the bounds of all lanes.
func (l *trafficLog) check(t *testing.T, size int, per time.Duration) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if d, ok := l.closest("own", size); ok && d <= per {
		t.Errorf("%d of the bot's own calls within %v; %d in any %v are allowed", size+1, d, size, per)
	}
	for n := mostLogins; n < mostLogins+10; n++ {
		if d, ok := l.closest("session", n); ok && d < time.Duration(n-mostLogins+1)*time.Second-time.Millisecond {
			t.Errorf("%d calls about the session within %v", n+1, d)
		}
	}
	if l.most["load"] > mostLoadsFlying || l.most["chat"] > 1 {
		t.Errorf("%d loads and %d chat lines at once", l.most["load"], l.most["chat"])
	}
	if len(l.broken) > 0 {
		t.Errorf("calls came while QueUp had asked for silence: %q", l.broken)
	}
}

// heard reports whether a call is one that nobody gives up before it is answered.
func heard(req *http.Request) bool {
	return req.URL.Path == "/playlist" || req.URL.Path == "/room" || laneOf(req) == "chat"
}

// rateSeeds returns the seeds to try: a few, or those that SEEDS asks for: a number of them, or one as =N.
func rateSeeds(t *testing.T, few int) []uint64 {
	t.Helper()
	first, count := uint64(1), few
	if text := os.Getenv("SEEDS"); strings.HasPrefix(text, "=") {
		n, err := strconv.ParseUint(text[1:], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		first, count = n, 1
	} else if text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		count = n
	}
	seeds := make([]uint64, count)
	for i := range seeds {
		seeds[i] = first + uint64(i)
	}
	return seeds
}

// QueUp never sees more calls than the lanes allow, in any window of time: whatever many goroutines ask for at once, and
// however often the session ends, the connection is lost, the host is in trouble, or calls are refused.
func TestQ12_neverAboveTheRate(t *testing.T) {
	for _, seed := range rateSeeds(t, client.UnlessShort(6, 1)) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { rateRun(t, seed) })
		})
	}
}

// lookUp asks for so many different songs at once, and waits for the answers.
func lookUp(ctx context.Context, bot *client.Client, n int, number func(n int) int) {
	var lookups sync.WaitGroup
	for range n {
		lookups.Go(func() { _, _ = bot.FetchSong(ctx, client.SongID(fmt.Sprintf("65e5d4f3071bec0015%06x", number(1<<24)))) })
	}
	lookups.Wait()
}

// Loading rooms and looking up media has a bound of its own, which is as exact.
func TestQ12_neverAboveTheRateOfLoads(t *testing.T) {
	log := newTrafficLog()
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot", client.WithTransport(log.transport(t, server)))
		r := &dice{r: rand.New(rand.NewPCG(1, 12))}
		for range 10 {
			lookUp(t.Context(), bot, 60, r.IntN)
			time.Sleep(r.upTo(2 * time.Second))
			if err := room.Leave(t.Context()); err != nil {
				t.Fatal(err)
			}
			must(bot.JoinRoom(t.Context(), "lounge"))(t)
			server.CutLinks()
		}
		log.mu.Lock()
		defer log.mu.Unlock()
		if d, ok := log.closest("load", mostLoads); !ok || d < time.Second {
			t.Errorf("%d of %d loads within %v", mostLoads+1, len(log.at["load"]), d)
		}
		if log.most["load"] != mostLoadsFlying {
			t.Errorf("%d loads at once", log.most["load"])
		}
	}, queuptest.WithHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.URL.Path != "/ws/" {
				log.note(req)
				time.Sleep(100 * time.Millisecond)
			}
			next.ServeHTTP(w, req)
		})
	}))
}

// rateRun is two minutes of a bad day.
func rateRun(t *testing.T, seed uint64) {
	t.Helper()
	r := &dice{r: rand.New(rand.NewPCG(seed, 12))}
	size, per := 1+r.IntN(12), time.Duration(1+r.IntN(15))*time.Second
	if size > 10 {
		size = 10
	}
	log := newTrafficLog()
	meddling := queuptest.WithHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.URL.Path == "/ws/" {
				next.ServeHTTP(w, req)
				return
			}
			log.note(req)
			time.Sleep(r.upTo(300 * time.Millisecond))
			switch chance := r.IntN(1000); {
			case chance < 40:
				w.WriteHeader(http.StatusBadGateway)
			case chance < 50 && heard(req): // 429 is for who is there to hear it
				log.refuse(7 * time.Second)
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(http.StatusTooManyRequests)
			default:
				next.ServeHTTP(w, req)
			}
		})
	})
	server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(twoRooms()), meddling)
	defer server.Close()
	bot := newBot(t, server, client.WithRateLimit(size, per), client.WithTransport(log.transport(t, server)), client.WithErrorHandler(func(context.Context, error) {}))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	untilDone := func(call func() error) {
		for ctx.Err() == nil && call() != nil {
			time.Sleep(time.Second)
		}
	}
	untilDone(func() error { return bot.Login(ctx, "bot", canary.Password) })
	untilDone(func() error { return bot.Connect(ctx) })

	var drivers sync.WaitGroup
	drive := func(pause time.Duration, act func()) {
		drivers.Go(func() {
			for ctx.Err() == nil {
				act()
				time.Sleep(r.upTo(pause))
			}
		})
	}
	for i := range 8 { // the bot's own calls, some of which are given up
		drive(time.Second, func() {
			ctx, cancel := ctx, func() {}
			if i%2 == 0 {
				ctx, cancel = context.WithCancel(ctx)
				time.AfterFunc(r.upTo(2*per), cancel)
			}
			defer cancel()
			switch i % 4 {
			case 0:
				_, _ = bot.FetchUser(ctx, "alice")
			case 1:
				_, _ = bot.FetchPlaylists(ctx)
			case 2:
				_ = bot.Follow(ctx, "65b2a1c0d4e8b90012ab0002")
			case 3:
				_ = first(bot.FetchRooms(ctx))
			}
		})
	}
	for i := range 3 {
		drive(time.Second, func() {
			if room, ok := bot.Rooms().BySlug("lounge"); ok {
				_, _ = room.SendMessage(ctx, fmt.Sprint("line of ", i))
			}
		})
	}
	drive(5*time.Second, func() { lookUp(ctx, bot, 10+r.IntN(20), r.IntN) })
	for _, slug := range []string{"lounge", "attic"} {
		drive(10*time.Second, func() {
			if room, err := bot.JoinRoom(ctx, slug); err == nil && r.IntN(3) == 0 {
				_ = room.Leave(ctx)
			}
		})
	}
	drive(20*time.Second, server.ExpireSessions)
	drive(30*time.Second, server.CutLinks)
	<-ctx.Done()
	drivers.Wait()
	if err := bot.Close(); err != nil {
		t.Error(err)
	}
	<-bot.Done()
	log.check(t, size, per)
	for _, lane := range []string{"own", "chat", "load", "session"} {
		if len(log.at[lane]) < 5 && (lane != "own" || size >= 3) {
			t.Errorf("%d calls in lane %s: nothing is shown", len(log.at[lane]), lane)
		}
	}
	if t.Failed() {
		t.Logf("%d calls in any %v; SEEDS==%d shows it again", size, per, seed)
	}
}
