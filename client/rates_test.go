package client_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

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
	for _, seed := range rateSeeds(t, 6) {
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
	untilDone(func() error { return bot.Login(ctx, "bot", "secret") })
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
