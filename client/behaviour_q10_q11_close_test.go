package client_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/queup-go/queup/internal/testkit/canary"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/internal/testkit/faults"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// The promises of docs/BEHAVIOUR.md about the end of a client.

const (
	closeTime    = 2 * time.Second // for Close, and for Done where no code of the user hangs
	farewellTime = 5 * time.Second // for Run, whatever hangs
)

// ending is a client somewhere in its life, with calls under way that Close is to end.
type ending struct {
	t     *testing.T
	bot   *client.Client
	calls sync.WaitGroup
	out   atomic.Int32 // calls that have not come back
}

// under starts a call. It may end well before Close, and has to end with it.
func (e *ending) under(call func(ctx context.Context) error) {
	e.out.Add(1)
	e.calls.Go(func() {
		defer e.out.Add(-1)
		_ = call(e.t.Context())
	})
}

// Close at any moment that has a name, with calls under way and with a network that is dead. A handler that is stuck keeps Done
// open, and nothing else.
func TestQ10_close(t *testing.T) {
	t.Run("at a moment with a name", closeAtMoments)
	t.Run("at any moment", closeAtRandom)
	t.Run("of a network that is dead", closeOfDeadNetworks)
	t.Run("with code of the user that hangs", closeWithStuckCode)
	t.Run("by Run", closeByRun)
}

// expectEnd closes the client and fails if that, the calls under way, or the last goroutine take too long.
func (e *ending) expectEnd(stuck bool) {
	e.t.Helper()
	start := time.Now()
	if err := e.bot.Close(); err != nil {
		e.t.Errorf("Close = %v", err)
	}
	if took := time.Since(start); took > closeTime {
		e.t.Errorf("Close took %v", took)
	}
	if stuck {
		return
	}
	select {
	case <-e.bot.Done():
	case <-time.After(closeTime - time.Since(start) + time.Millisecond):
		e.t.Errorf("after %v a goroutine still runs", closeTime)
		<-e.bot.Done()
	}
	e.calls.Wait()
	if took := time.Since(start); took > closeTime+time.Millisecond {
		e.t.Errorf("all was over after %v", took)
	}
}

func closeAtMoments(t *testing.T) {
	hang := func(_ http.ResponseWriter, req *http.Request, _ http.Handler) { <-req.Context().Done() }
	login := func(e *ending) {
		if err := e.bot.Login(e.t.Context(), "bot", canary.Password); err != nil {
			e.t.Fatal(err)
		}
	}
	connected := func(e *ending) {
		login(e)
		if err := e.bot.Connect(e.t.Context()); err != nil {
			e.t.Fatal(err)
		}
	}
	joined := func(e *ending) *client.Room {
		connected(e)
		room, err := e.bot.JoinRoom(e.t.Context(), "lounge")
		if err != nil {
			e.t.Fatal(err)
		}
		return room
	}
	joining := func(e *ending) {
		connected(e)
		e.under(func(ctx context.Context) error { _, err := e.bot.JoinRoom(ctx, "lounge"); return err })
	}
	type moment struct {
		hangs  []string // method and part of the path of what QueUp does not answer
		arrive func(e *ending, server *queuptest.Server)
	}
	moments := map[string]moment{
		"before anything": {nil, func(*ending, *queuptest.Server) {}},
		"login": {[]string{"POST /auth/login"}, func(e *ending, _ *queuptest.Server) {
			e.under(func(ctx context.Context) error { return e.bot.Login(ctx, "bot", canary.Password) })
		}},
		"session": {[]string{"GET /auth/session"}, func(e *ending, _ *queuptest.Server) {
			e.under(func(ctx context.Context) error { return e.bot.Login(ctx, "bot", canary.Password) })
		}},
		"token": {[]string{"GET /auth/token"}, func(e *ending, _ *queuptest.Server) {
			login(e)
			e.under(e.bot.Connect)
		}},
		"handshake": {[]string{"GET /ws/"}, func(e *ending, _ *queuptest.Server) {
			login(e)
			e.under(e.bot.Connect)
		}},
		"in no room":       {nil, func(e *ending, _ *queuptest.Server) { connected(e) }},
		"room by its slug": {[]string{"GET /room/lounge"}, func(e *ending, _ *queuptest.Server) { joining(e) }},
		"enter":            {[]string{"POST /room/"}, func(e *ending, _ *queuptest.Server) { joining(e) }},
		"load":             {[]string{"GET /room/65", "GET /chat/", "GET /song/"}, func(e *ending, _ *queuptest.Server) { joining(e) }},
		"joined":           {nil, func(e *ending, _ *queuptest.Server) { joined(e) }},
		"leaving": {[]string{"DELETE /room/"}, func(e *ending, _ *queuptest.Server) {
			room := joined(e)
			e.under(room.Leave)
		}},
		"logging out": {[]string{"GET /auth/logout"}, func(e *ending, _ *queuptest.Server) {
			joined(e)
			e.under(e.bot.Logout)
		}},
		"a lost link": {nil, func(e *ending, server *queuptest.Server) {
			joined(e)
			server.CutLinks()
		}},
		"a new token": {nil, func(e *ending, server *queuptest.Server) {
			joined(e)
			server.CutLinks()
			server.ExpireSessions()
		}},
		"calls of all sorts": {[]string{"POST /chat/", "GET /user/"}, func(e *ending, _ *queuptest.Server) {
			joined(e)
			room, _ := e.bot.Rooms().BySlug("lounge")
			for range 20 { // more than the rate allows: most of them wait for their turn
				e.under(func(ctx context.Context) error { _, err := room.SendMessage(ctx, "hi"); return err })
				e.under(func(ctx context.Context) error { _, err := e.bot.FetchUser(ctx, "carol"); return err })
			}
			e.under(func(ctx context.Context) error { return room.ChangePresence(ctx, client.PresenceUpdate) })
			e.under(func(ctx context.Context) error { _, err := client.Next[client.Chat](ctx, room, nil); return err })
			e.under(func(ctx context.Context) error {
				for range client.Stream[client.Event](ctx, e.bot) {
					continue
				}
				return nil
			})
			e.under(func(context.Context) error { return e.bot.Wait() })
			e.under(func(ctx context.Context) error { _, err := e.bot.JoinRoom(ctx, "nowhere"); return err })
			e.under(func(ctx context.Context) error {
				var errs []error
				for _, err := range room.History(ctx) {
					errs = append(errs, err)
				}
				return errors.Join(errs...)
			})
		}},
	}
	for name, m := range moments {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var options []queuptest.Option
				for _, h := range m.hangs {
					var method, part string
					if _, err := fmt.Sscan(h, &method, &part); err != nil {
						t.Fatal(err)
					}
					options = append(options, intercept(method, part, hang))
				}
				server := queuptest.NewServer(append(options, queuptest.InMemory())...)
				defer server.Close()
				e := &ending{t: t, bot: newBot(t, server)}
				m.arrive(e, server)
				settle(3 * time.Second)
				if len(m.hangs) > 0 && e.out.Load() == 0 {
					t.Error("no call is under way, so this is not the moment it is called")
				}
				e.expectEnd(false)
			})
		})
	}
}

// closeAtRandom has a bot log in, join, lose its link and heal, with answers that take their time, and closes it somewhere.
func closeAtRandom(t *testing.T) {
	for seed := range client.UnlessShort[uint64](60, 15) {
		synctest.Test(t, func(t *testing.T) {
			r := &dice{r: rand.New(rand.NewPCG(seed, 10))}
			server := queuptest.NewServer(queuptest.InMemory(), late(r, 300*time.Millisecond))
			defer server.Close()
			e := &ending{t: t, bot: newBot(t, server, client.WithErrorHandler(func(context.Context, error) {}))}
			client.On(e.bot, func(ctx context.Context, c client.Chat) error {
				_, err := c.Room.SendMessage(ctx, "pong")
				return err
			})
			e.under(func(ctx context.Context) error {
				if err := errors.Join(e.bot.Login(ctx, "bot", canary.Password), e.bot.Connect(ctx)); err != nil {
					return err
				}
				_, err := e.bot.JoinRoom(ctx, "lounge")
				return err
			})
			lounge := server.Room("lounge")
			for range r.IntN(12) {
				time.Sleep(r.upTo(time.Second))
				act(r, lounge, r.IntN(1000), 20*time.Second)
				if r.IntN(3) == 0 {
					server.CutLinks()
				}
			}
			time.Sleep(r.upTo(time.Second))
			e.expectEnd(false)
			if t.Failed() {
				t.Errorf("seed %d", seed)
			}
		})
	}
}

func closeOfDeadNetworks(t *testing.T) {
	for name, fault := range map[string]faults.Fault{
		"half-open":  faults.HalfOpen(),
		"stalled":    faults.Stall(),
		"stalled up": faults.Stall().Up(),
		"slow":       faults.Bandwidth(1),
		"far away":   faults.Latency(time.Hour, 0),
		"reset":      faults.Reset(0),
		"truncated":  faults.Truncate(1),
		"spoilt":     faults.Corrupt(1),
	} {
		for _, stage := range []string{"new", "logged in", "joined", "joining"} {
			t.Run(name+", "+stage, func(t *testing.T) {
				inBubble(t, func(t *testing.T, server *queuptest.Server) {
					network := faults.New(1)
					defer network.Set()
					e := &ending{t: t, bot: newBot(t, server, client.WithDialContext(network.DialContext(server.DialContext)))}
					prepare(t, e.bot, stage)
					network.Set(fault)
					switch stage {
					case "new":
						e.under(func(ctx context.Context) error { return e.bot.Login(ctx, "bot", canary.Password) })
					case "logged in":
						e.under(e.bot.Connect)
					default:
						e.under(func(ctx context.Context) error { _, err := e.bot.JoinRoom(ctx, "lounge"); return err })
						e.under(func(ctx context.Context) error { _, err := e.bot.FetchUser(ctx, "carol"); return err })
						if room, ok := e.bot.Rooms().BySlug("lounge"); ok {
							e.under(func(ctx context.Context) error { return room.ChangePresence(ctx, client.PresenceUpdate) })
							e.under(func(ctx context.Context) error { _, err := room.SendMessage(ctx, "hi"); return err })
						}
					}
					settle(time.Second)
					e.expectEnd(false)
					network.Set()
					settle(time.Minute)
					if n := network.Open(); n != 0 {
						t.Errorf("%d connections are open", n)
					}
				})
			})
		}
	}
}

// prepare brings a client to a stage of its life.
func prepare(t *testing.T, bot *client.Client, stage string) {
	t.Helper()
	steps := map[string]int{"new": 0, "logged in": 1, "joining": 2, "joined": 3}[stage]
	for _, step := range []func() error{
		func() error { return bot.Login(t.Context(), "bot", canary.Password) },
		func() error { return bot.Connect(t.Context()) },
		func() error { _, err := bot.JoinRoom(t.Context(), "lounge"); return err },
	}[:steps] {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
}

// stuckCode are the pieces of a program that the client calls, each of them hanging until release is closed.
var stuckCode = map[string]func(release <-chan struct{}, wire realtime.Dialer) (opts []client.Option, on func(bot *client.Client)){
	"a handler": func(release <-chan struct{}, _ realtime.Dialer) ([]client.Option, func(*client.Client)) {
		return nil, func(bot *client.Client) {
			client.On(bot, func(context.Context, client.Chat) error { <-release; return nil })
		}
	},
	"a handler, with Block": func(release <-chan struct{}, _ realtime.Dialer) ([]client.Option, func(*client.Client)) {
		return []client.Option{client.WithQueue(1, client.Block)}, func(bot *client.Client) {
			client.On(bot, func(context.Context, client.Chat) error { <-release; return nil })
		}
	},
	"the error handler": func(release <-chan struct{}, _ realtime.Dialer) ([]client.Option, func(*client.Client)) {
		return []client.Option{client.WithErrorHandler(func(context.Context, error) { <-release })}, func(bot *client.Client) {
			client.On(bot, func(context.Context, client.Chat) error { return errors.New("out of luck") })
		}
	},
	"the policy for reconnects": func(release <-chan struct{}, _ realtime.Dialer) ([]client.Option, func(*client.Client)) {
		return []client.Option{client.WithReconnect(func(int, error) (time.Duration, bool) { <-release; return 0, true })}, nil
	},
	"the dialer": func(release <-chan struct{}, wire realtime.Dialer) ([]client.Option, func(*client.Client)) {
		var dials atomic.Int32
		return []client.Option{client.WithDialer(dialFunc(func(ctx context.Context, url string, h http.Header) (realtime.Socket, error) {
			if dials.Add(1) > 1 {
				<-release
			}
			return wire.Dial(ctx, url, h)
		}))}, nil
	},
	"the websocket's Close": func(release <-chan struct{}, wire realtime.Dialer) ([]client.Option, func(*client.Client)) {
		return []client.Option{client.WithDialer(dialFunc(func(ctx context.Context, url string, h http.Header) (realtime.Socket, error) {
			socket, err := wire.Dial(ctx, url, h)
			return clingingSocket{socket, release}, err
		}))}, nil
	},
}

// clingingSocket does not close before it is told to.
type clingingSocket struct {
	realtime.Socket
	release <-chan struct{}
}

func (s clingingSocket) Close(code int, reason string) error {
	<-s.release
	return s.Socket.Close(code, reason)
}

// inStuckCode joins the lounge with a piece of code that hangs from now on.
func inStuckCode(t *testing.T, name string, test func(t *testing.T, server *queuptest.Server, bot *client.Client)) {
	t.Helper()
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		release := make(chan struct{})
		defer close(release)
		opts, on := stuckCode[name](release, &realtime.WebsocketDialer{NetDialContext: server.DialContext})
		bot := newBot(t, server, append([]client.Option{client.WithErrorHandler(func(context.Context, error) {})}, opts...)...)
		if on != nil {
			on(bot)
		}
		client.On(bot, func(ctx context.Context, _ client.Ready) error {
			_, err := bot.JoinRoom(ctx, "lounge")
			return err
		})
		test(t, server, bot)
	})
}

// stick makes what hangs hang.
func stick(server *queuptest.Server) {
	settle(2 * time.Second)
	chatter(server, 3)
	settle(time.Second)
	server.CutLinks()
	settle(10 * time.Second)
}

func closeWithStuckCode(t *testing.T) {
	for name := range stuckCode {
		t.Run(name, func(t *testing.T) {
			inStuckCode(t, name, func(t *testing.T, server *queuptest.Server, bot *client.Client) {
				prepare(t, bot, "joining")
				stick(server)
				e := &ending{t: t, bot: bot}
				e.expectEnd(true)
				time.Sleep(time.Minute)
				select {
				case <-bot.Done():
					t.Error("everything is over, and the code still hangs")
				default:
				}
			})
		})
	}
}

// closeByRun ends the context of Run, with the same things hanging.
func closeByRun(t *testing.T) {
	runs := func(t *testing.T, bot *client.Client, hang func()) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		var stopped, ended time.Time
		done := make(chan error, 1)
		go func() {
			err := bot.Run(ctx, "bot", canary.Password)
			ended = time.Now()
			done <- err
		}()
		settle(2 * time.Second)
		hang()
		stopped = time.Now()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
		if took := ended.Sub(stopped); took > farewellTime {
			t.Errorf("Run returned after %v", took)
		}
	}
	for name := range stuckCode {
		t.Run(name, func(t *testing.T) {
			inStuckCode(t, name, func(t *testing.T, server *queuptest.Server, bot *client.Client) {
				runs(t, bot, func() { stick(server) })
			})
		})
	}
	for name, fault := range map[string]faults.Fault{"half-open": faults.HalfOpen(), "stalled": faults.Stall(), "reset": faults.Reset(0)} {
		for _, after := range []time.Duration{0, time.Second, 20 * time.Second, 10 * time.Minute} {
			t.Run(fmt.Sprintf("%s for %v", name, after), func(t *testing.T) {
				inBubble(t, func(t *testing.T, server *queuptest.Server) {
					network := faults.New(1)
					defer network.Set()
					bot := newBot(t, server, client.WithDialContext(network.DialContext(server.DialContext)))
					client.On(bot, func(ctx context.Context, _ client.Ready) error {
						_, err := bot.JoinRoom(ctx, "lounge")
						return err
					})
					runs(t, bot, func() {
						network.Set(fault)
						settle(after)
					})
				})
			})
		}
	}
}

// openFiles counts the descriptors of this process, or returns 0 where that cannot be seen.
func openFiles() int {
	entries, _ := os.ReadDir("/proc/self/fd")
	return len(entries)
}

// quietCounts returns the goroutines and descriptors that are there when nothing happens.
func quietCounts() (goroutines, files int) {
	goroutines, files = runtime.NumGoroutine(), openFiles()
	for quiet := 0; quiet < 20; quiet++ {
		time.Sleep(10 * time.Millisecond)
		if g, f := runtime.NumGoroutine(), openFiles(); g < goroutines || f < files {
			goroutines, files, quiet = min(g, goroutines), min(f, files), 0
		}
	}
	return goroutines, files
}

// visitOnce is a client's life, and returns what tells whether it is still in memory.
func visitOnce(ctx context.Context, server *queuptest.Server, name string, n int) (weak.Pointer[client.Client], error) {
	var mu sync.Mutex
	var conns []net.Conn // guarded by mu
	bot, err := client.New(client.WithBaseURL(server.URL()), client.WithRealtimeURL(server.RealtimeURL()),
		client.WithReconnect(func(int, error) (time.Duration, bool) { return 0, true }),
		client.WithDialContext(func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			if err == nil {
				mu.Lock()
				conns = append(conns, conn)
				mu.Unlock()
			}
			return conn, err
		}))
	if err != nil {
		return weak.Pointer[client.Client]{}, err
	}
	defer func() {
		_ = bot.Close()
		<-bot.Done()
	}()
	back := client.Stream[client.Reconnected](ctx, bot)
	client.On(bot, func(context.Context, client.Event) error { return nil })
	if err := errors.Join(bot.Login(ctx, name, canary.Password), bot.Connect(ctx)); err != nil {
		return weak.Make(bot), err
	}
	room, err := bot.JoinRoom(ctx, "lounge")
	if err != nil {
		return weak.Make(bot), err
	}
	switch n % 3 {
	case 0:
		return weak.Make(bot), room.Leave(ctx)
	case 1:
		mu.Lock()
		for _, conn := range conns {
			_ = conn.Close()
		}
		mu.Unlock()
		for range back {
			break
		}
	}
	return weak.Make(bot), nil
}

// A thousand clients over real sockets, each from login to Close by way of a room, some at a time and one in three after its link
// was cut. Afterwards nothing of them is there: no goroutine, no descriptor, and none of the clients in memory.
func TestQ11_nothingIsLeft(t *testing.T) {
	cycles, abreast := client.UnlessShort(1000, 80), 40
	if client.UnderRace {
		cycles = min(cycles, 120)
	}
	world := queuptest.World{
		Users: []queuptest.User{{Name: "owner", Password: canary.Password}},
		Rooms: []queuptest.RoomSpec{{Slug: "lounge", Owner: "owner", Present: []string{"owner"}}},
	}
	for i := range abreast {
		world.Users = append(world.Users, queuptest.User{Name: fmt.Sprint("bot", i), Password: canary.Password})
	}
	server := queuptest.NewServer(queuptest.WithWorld(world))
	defer server.Close()
	for n := range 3 { // what is made once
		if _, err := visitOnce(t.Context(), server, "bot0", n); err != nil {
			t.Fatal(err)
		}
	}
	goroutines, files := quietCounts()
	var mu sync.Mutex
	var clients []weak.Pointer[client.Client]
	var visits sync.WaitGroup
	next := make(chan int)
	for i := range abreast {
		visits.Go(func() {
			for n := range next {
				kept, err := visitOnce(t.Context(), server, fmt.Sprint("bot", i), n)
				mu.Lock()
				clients = append(clients, kept)
				if err != nil {
					t.Errorf("cycle %d: %v", n, err)
				}
				mu.Unlock()
			}
		})
	}
	for n := range cycles {
		next <- n
	}
	close(next)
	visits.Wait()
	alive := func() int {
		// A timer that was stopped can stand in its processor's heap, with what it would have called, until a quarter of the
		// heap is stopped ones. The runtime drops them then.
		var churn sync.WaitGroup
		for range 2 * runtime.GOMAXPROCS(0) {
			churn.Go(func() {
				for range 100 {
					time.AfterFunc(time.Hour, func() {}).Stop()
				}
				time.Sleep(time.Millisecond)
			})
		}
		churn.Wait()
		runtime.GC()
		return len(slices.DeleteFunc(slices.Clone(clients), func(p weak.Pointer[client.Client]) bool { return p.Value() == nil }))
	}
	over := time.Now()
	deadline := over.Add(10 * time.Second) // the server has to notice, too
	for runtime.NumGoroutine() > goroutines || openFiles() > files || alive() > 0 {
		if time.Now().After(deadline) {
			t.Fatalf("goroutines: %d, then %d; descriptors: %d, then %d; %d clients in memory", goroutines, runtime.NumGoroutine(), files, openFiles(), alive())
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Logf("%d cycles; all was gone %v after the last", cycles, time.Since(over))
}
