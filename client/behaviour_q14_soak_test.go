package client_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/internal/testkit/faults"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// Q14: bots live through bad days and know their rooms. Unless SOAK or SOAK_VIRTUAL says otherwise the day is short;
// `make soak` has a whole one.
//
//	SOAK=10m          so long over TCP, in real time
//	SOAK_VIRTUAL=24h  so long on virtual time
//	SOAK_SEED=7       what happens
func TestQ14_soak(t *testing.T) {
	day, overTCP, seed := client.UnlessShort(30*time.Minute, 10*time.Minute), false, uint64(14)
	for _, name := range []string{"SOAK_VIRTUAL", "SOAK"} {
		text := os.Getenv(name)
		if text == "" {
			continue
		}
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			t.Fatalf("%s=%q is no duration such as 10m", name, text)
		}
		day, overTCP, seed = d, name == "SOAK", rand.Uint64N(1_000_000)
	}
	if text := os.Getenv("SOAK_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("SOAK_SEED=%q is no number", text)
		}
		seed = n
	}
	kind, variable := "virtual", "SOAK_VIRTUAL"
	if overTCP {
		kind, variable = "real", "SOAK"
	}
	t.Logf("%v of %s time, seed %d", day, kind, seed)
	defer func() {
		if !t.Failed() {
			return
		}
		t.Logf("the same misfortunes again: %s=%v SOAK_SEED=%d go test -count=1 -v -timeout=0 -run '^TestQ14_soak$' ./client", variable, day, seed)
	}()
	if overTCP {
		soakFor(t, day, seed)
		return
	}
	synctest.Test(t, func(t *testing.T) { soakFor(t, day, seed, queuptest.InMemory()) })
}

// What the days of a soak are made of.
const (
	soakCrowd = 40               // people in the lounge
	soakRate  = 1.0              // what they do in a second
	soakEvery = 30 * time.Second // between two misfortunes
	soakIdle  = 5 * time.Second  // after which an idle connection of REST is closed
)

// soak is a QueUp, a network that is bad now and then, and bots.
type soak struct {
	t            *testing.T
	r            *dice
	server       *queuptest.Server
	rest, socket *faults.Injector
	refusal      *restTrouble
	bots         []*soakBot
	visitor      *client.Client // is several accounts, one after the other
	working      chan struct{}  // holds a token while the worker calls

	start    time.Time
	happened map[string]int
	latest   []string      // of what happened
	slowest  time.Duration // until a state was QueUp's again
	checks   int
	marks    []soakMark
}

// soakMark is what a process takes at a moment in which nothing happens.
type soakMark struct {
	at         time.Duration
	heap       uint64
	goroutines int
}

// soakBot is a bot in two rooms.
type soakBot struct {
	client *client.Client
	rooms  map[string]*soakRoom
}

// soakRoom remembers the events of a room since the last look.
type soakRoom struct {
	room   *client.Room
	lounge *queuptest.Room

	mu    sync.Mutex
	plays []string        // guarded by mu
	lines map[string]int  // guarded by mu; how often each was told
	gaps  map[string]bool // guarded by mu; of what
	last  string          // the play up to which all is well; the rooms have a past
	said  string          // the line up to which all is well; empty before the first look
}

// restTrouble has REST answer with a status, for a while.
type restTrouble struct {
	mu     sync.Mutex
	status int // guarded by mu; 0: none
}

func (f *restTrouble) set(status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status = status
}

func (f *restTrouble) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		f.mu.Lock()
		status := f.status
		f.mu.Unlock()
		if status == 0 || strings.HasPrefix(req.URL.Path, "/ws") {
			next.ServeHTTP(w, req)
			return
		}
		if status == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "3")
		}
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "<html><body><h1>%s</h1></body></html>", http.StatusText(status))
	})
}

func soakFor(t *testing.T, day time.Duration, seed uint64, opts ...queuptest.Option) {
	t.Helper()
	s := &soak{
		t: t, r: &dice{r: rand.New(rand.NewPCG(seed, 14))},
		rest: faults.New(seed), socket: faults.New(seed + 1), refusal: new(restTrouble),
		working: make(chan struct{}, 1), happened: map[string]int{},
	}
	world := twoRooms()
	for _, name := range []string{"dave", "worker", "visitor", "caller"} {
		world.Users = append(world.Users, queuptest.User{Name: name})
	}
	for i := range world.Users { // each password stands in some error text as well
		world.Users[i].Password = soakPassword(world.Users[i].Name)
	}
	for i := range world.Rooms {
		world.Rooms[i].Roles["worker"] = queuptest.Moderator
	}
	offset := s.r.upTo(2*time.Hour) - time.Hour
	t.Logf("QueUp's clock is %v ahead", offset)
	s.server = queuptest.NewServer(append(opts,
		queuptest.WithWorld(world),
		queuptest.WithHandler(s.refusal.wrap),
		queuptest.ClockOffset(offset), queuptest.OddLists(),
		queuptest.Crowd(queuptest.CrowdConfig{Members: soakCrowd, Rate: soakRate, Seed: seed}),
		queuptest.SessionLife(max(day/24, 20*time.Second)), queuptest.TokenLife(max(day/48, 10*time.Second)))...)
	defer s.server.Close()
	for i, name := range []string{"bot", "worker"} {
		s.join(name, &dice{r: rand.New(rand.NewPCG(seed, 100+uint64(i)))})
	}
	s.visitor = newBot(t, s.server)
	s.start = time.Now()
	ctx, stop := context.WithCancel(t.Context())
	var worker sync.WaitGroup
	worker.Go(func() { s.work(ctx, rand.New(rand.NewPCG(seed, 15))) })
	defer worker.Wait()
	defer stop()

	s.look()
	for n := 0; time.Since(s.start) < day && !t.Failed(); n++ {
		time.Sleep(soakEvery/2 + s.r.upTo(soakEvery/2))
		s.people(n)
		s.misfortune()
		if s.r.IntN(8) == 0 {
			s.look()
		}
	}
	if !t.Failed() {
		s.look()
	}
	s.tell()
}

// join makes a bot and has it join both rooms.
func (s *soak) join(name string, chance *dice) {
	t := s.t
	t.Helper()
	// A transport as the client makes it, but one that closes idle connections soon: they are no leak.
	transport := &http.Transport{
		DialContext: s.rest.DialContext(s.server.DialContext), MaxIdleConnsPerHost: 8, IdleConnTimeout: soakIdle,
	}
	t.Cleanup(transport.CloseIdleConnections)
	policy := realtime.Backoff{Rand: func() float64 { return float64(chance.upTo(time.Second)) / float64(time.Second) }}
	bot := newBot(t, s.server, client.WithTransport(transport), client.WithMutedMessages(true), client.WithOwnMessages(true),
		client.WithDialer(s.socket.Dialer(&realtime.WebsocketDialer{NetDialContext: s.server.DialContext, HandshakeTimeout: 15 * time.Second})),
		client.WithReconnect(policy.Next), client.WithErrorHandler(func(_ context.Context, err error) {
			if _, deaf := errors.AsType[*client.MailboxError](err); !deaf { // which lasts if one misfortune follows another
				t.Errorf("error handler: %v", err)
			}
		}))
	if err := bot.Login(t.Context(), name, soakPassword(name)); err != nil {
		t.Fatal(err)
	}
	if err := bot.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := &soakBot{client: bot, rooms: map[string]*soakRoom{}}
	for _, slug := range []string{"lounge", "attic"} {
		room, err := bot.JoinRoom(t.Context(), slug)
		if err != nil {
			t.Fatal(err)
		}
		b.rooms[slug] = watchSoak(room, s.server.Room(slug))
	}
	client.On(bot, func(_ context.Context, e client.RoomLeft) error {
		t.Errorf("%s has lost the room %s: %v", name, e.Room.Slug(), e.Err)
		return nil
	})
	s.bots = append(s.bots, b)
}

// watchSoak remembers the events of a room from now on.
func watchSoak(room *client.Room, lounge *queuptest.Room) *soakRoom {
	w := &soakRoom{room: room, lounge: lounge, lines: map[string]int{}, gaps: map[string]bool{}}
	if past := lounge.History(); len(past) > 0 {
		w.last = past[0].ID
	}
	client.On(room, func(_ context.Context, e client.Event) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		switch e := e.(type) {
		case client.SongChanged:
			if e.Playing {
				w.plays = append(w.plays, string(e.Song.ID))
			}
		case client.Chat:
			w.lines[string(e.Message.ID)]++
		case client.Gap:
			w.gaps[e.What] = true
		}
		return nil
	})
	return w
}

// work has the worker call QueUp until ctx ends, whatever comes of it.
func (s *soak) work(ctx context.Context, r *rand.Rand) {
	bot := s.bots[1]
	for n := 0; ; n++ {
		timer := time.NewTimer(time.Duration(5+r.IntN(20)) * time.Second)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		room := bot.rooms[[]string{"lounge", "attic"}[r.IntN(2)]].room
		what := r.IntN(6)
		s.working <- struct{}{}
		s.call(ctx, room, what, n)
		<-s.working
	}
}

// call is one call. That it may fail is what a bad day is; what it must not do is change what the bot knows for the worse.
func (s *soak) call(ctx context.Context, room *client.Room, what, n int) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	switch what {
	case 0, 1:
		_, _ = room.SendMessage(ctx, fmt.Sprint("working on it & more: ", n))
	case 2:
		_ = room.Updub(ctx)
	case 3:
		_ = room.Downdub(ctx)
	case 4:
		_ = room.Skip(ctx)
	case 5:
		_, _ = room.FetchQueue(ctx)
	}
}

// people have those who are of no crowd do what a crowd does not: roles, locks, titles.
func (s *soak) people(n int) {
	for i := range s.r.IntN(6) {
		room := s.server.Room([]string{"lounge", "attic", "attic"}[s.r.IntN(3)])
		act(s.r, room, 10*n+i, 20*time.Second)
	}
}

// A misfortune is something bad. Those that damage what TCP and TLS never damage in silence are followed by a reset, as they
// would be there: what a bot has heard wrong, it reads again then.
type misfortune struct {
	name  string
	fault faults.Fault
	reset bool
}

// misfortunes are what a network does to REST and to the websocket. Flipped bits are not among them: TLS has them end the
// connection, which is a reset, and of a number that is another number no client can know.
func misfortunes() []misfortune {
	return []misfortune{
		{name: "latency", fault: faults.Latency(400*time.Millisecond, 50*time.Millisecond)},
		{name: "jitter", fault: faults.Latency(300*time.Millisecond, 300*time.Millisecond)},
		{name: "bandwidth", fault: faults.Bandwidth(2 << 10)},
		{name: "slicer", fault: faults.Slicer(64, 60, time.Millisecond)},
		{name: "reset", fault: faults.Reset(0)},
		{name: "stall", fault: faults.Stall()},
		{name: "half-open", fault: faults.HalfOpen(), reset: true},
		{name: "truncate", fault: faults.Truncate(512)},
	}
}

// misfortunesOfFrames are what may happen to frames besides.
func misfortunesOfFrames() []misfortune {
	return []misfortune{
		{name: "frames twice", fault: faults.Duplicate(0.3).Down().Frames()},
		{name: "frames swallowed", fault: faults.HalfOpen().Frames(), reset: true},
		{name: "frames cut short", fault: faults.Truncate(40).Down().Frames(), reset: true},
	}
}

// misfortune has something bad happen, and returns when it is over.
func (s *soak) misfortune() {
	r := s.r
	lasts := time.Second + r.upTo(15*time.Second)
	switch r.IntN(15) {
	case 0, 1, 2:
		m := pick(r, misfortunes())
		s.suffer("REST: "+m.name, m, lasts, s.rest)
	case 3, 4, 5:
		m := pick(r, append(misfortunes(), misfortunesOfFrames()...))
		s.suffer("websocket: "+m.name, m, lasts, s.socket)
	case 6:
		m := pick(r, misfortunes())
		s.suffer("both: "+m.name, m, lasts, s.rest, s.socket)
	case 7, 8:
		status := pick(r, []int{http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusTooManyRequests})
		s.note(fmt.Sprint("REST: ", status))
		s.refusal.set(status)
		if r.IntN(2) == 0 {
			s.server.CutLinks()
		}
		time.Sleep(lasts)
		s.refusal.set(0)
	case 9:
		s.note("links cut")
		for range 1 + r.IntN(4) {
			s.server.CutLinks()
			time.Sleep(r.upTo(2 * time.Second))
		}
	case 10:
		s.note("expiry")
		s.server.ExpireSessions()
		s.server.ExpireTokens()
		if r.IntN(2) == 0 {
			s.server.CutLinks()
		}
	case 11:
		s.note("restart")
		if r.IntN(2) == 0 {
			s.server.CutLinks()
		}
		down := lasts
		if r.IntN(4) == 0 {
			down = 90 * time.Second // longer than QueUp waits for who has gone
		}
		if err := s.server.Restart(down); err != nil {
			s.t.Errorf("restart: %v", err)
		}
	case 12:
		s.note("links flap")
		stop := s.server.Flap(r.upTo(5 * time.Second))
		s.server.CutLinks()
		time.Sleep(lasts)
		stop()
	case 13:
		s.note("mailbox closed")
		mailbox := s.server.MailboxOf(pick(r, []string{"bot", "worker"}))
		stop := s.server.RefuseChannel(mailbox)
		if r.IntN(2) == 0 {
			s.server.CutLinks()
		} else {
			s.server.DetachChannel(mailbox)
		}
		time.Sleep(lasts)
		stop()
	case 14:
		s.note("another account")
		s.changeAccounts()
	}
}

// changeAccounts has one client be several accounts, one after the other, whose sessions expire at times.
func (s *soak) changeAccounts() {
	t, ctx := s.t, s.t.Context()
	t.Helper()
	attic := s.server.Room("attic")
	for _, name := range []string{"visitor", "caller"} {
		if err := s.visitor.Login(ctx, name, soakPassword(name)); err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if s.r.IntN(3) == 0 {
			s.server.ExpireSessions()
		}
		if err := s.visitor.Connect(ctx); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.visitor.JoinRoom(ctx, "attic"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !slices.Equal(visitors(attic), []string{name}) {
			t.Errorf("%s has joined, and QueUp has %q", name, visitors(attic))
		}
		if err := s.visitor.Logout(ctx); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(visitors(attic)) != 0 {
			t.Errorf("%s has logged out, and QueUp has %q", name, visitors(attic))
		}
	}
}

// visitors returns which accounts of changeAccounts are in a room.
func visitors(room *queuptest.Room) []string {
	return slices.DeleteFunc(room.Members(), func(name string) bool { return name != "visitor" && name != "caller" })
}

// soakPassword is the password of an account: a word of the texts that errors and answers have.
func soakPassword(name string) string {
	words := []string{"queup", "user", "room", "Found", "session", "login", "refused", "lounge"}
	return words[len(name)*int(name[0])%len(words)]
}

// note notes what happens, and when.
func (s *soak) note(what string) {
	s.happened[what]++
	s.latest = append(s.latest, fmt.Sprintf("%v %s", time.Since(s.start).Round(time.Second), what))
	s.latest = s.latest[max(0, len(s.latest)-10):]
}

// suffer has a misfortune befall some connections for a while.
func (s *soak) suffer(name string, m misfortune, lasts time.Duration, on ...*faults.Injector) {
	s.note(name)
	for _, in := range on {
		in.Set(m.fault)
	}
	time.Sleep(lasts)
	if m.reset {
		for _, in := range on {
			in.Set(faults.Reset(0))
		}
		time.Sleep(10 * time.Millisecond)
	}
	for _, in := range on {
		in.Set()
	}
}

func pick[T any](r *dice, list []T) T { return list[r.IntN(len(list))] }

// look waits until nothing happens, and fails if a bot does not know then what QueUp knows. It notes what the process takes.
func (s *soak) look() {
	t := s.t
	t.Helper()
	s.checks++
	s.working <- struct{}{} // nobody works meanwhile
	defer func() { <-s.working }()
	s.server.IdleCrowd(true)
	defer s.server.IdleCrowd(false)
	s.waitFor("the connections to come back", 3*time.Minute, func() bool {
		return !slices.ContainsFunc(s.bots, func(b *soakBot) bool {
			h := b.client.Health()
			return h.State != realtime.StateConnected || h.MailErr != nil
		})
	})
	quiet := time.Now()
	for _, slug := range []string{"lounge", "attic"} { // a new name is told with the next thing that somebody does
		for _, name := range s.server.Room(slug).Members() {
			mutter(s.server.Room(slug), name)
		}
	}
	var wrong []string
	s.waitFor("everything to be known and told", 3*time.Minute, func() bool {
		time.Sleep(500 * time.Millisecond) // handlers, too, have to hear it
		wrong = nil
		for _, b := range s.bots {
			for _, w := range b.rooms {
				wrong = append(wrong, w.wrong(t)...)
			}
		}
		return len(wrong) == 0
	})
	if len(wrong) > 0 {
		t.Errorf("the bots are wrong:\n%s\nThis had happened: %s", strings.Join(wrong[:min(len(wrong), 50)], "\n"), strings.Join(s.latest, ", "))
		return
	}
	s.slowest = max(s.slowest, time.Since(quiet))
	for _, b := range s.bots {
		for _, w := range b.rooms {
			w.forget()
		}
	}
	for range 4 { // a song may have ended meanwhile, and been asked about
		time.Sleep(2 * soakIdle)
		if len(s.marks) == 0 || runtime.NumGoroutine() <= s.marks[0].goroutines {
			break
		}
	}
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.marks = append(s.marks, soakMark{time.Since(s.start), m.HeapAlloc, runtime.NumGoroutine()})
}

// mutter has somebody say a word, unless they may not.
func mutter(room *queuptest.Room, name string) {
	defer func() { _ = recover() }() // muted, or slow
	room.Say(name, "hm")
}

// waitFor waits until something is so.
func (s *soak) waitFor(what string, most time.Duration, is func() bool) {
	s.t.Helper()
	for until := time.Now().Add(most); time.Now().Before(until); time.Sleep(500 * time.Millisecond) {
		if is() {
			return
		}
	}
	s.t.Errorf("waited for %s for %v in vain", what, most)
}

// wrong returns what a bot does not know of a room, and which plays and lines since the last look were not emitted, or twice.
func (w *soakRoom) wrong(t *testing.T) (wrong []string) {
	t.Helper()
	slug := w.lounge.Slug()
	if got, want := pretty(t, snapshotOf(w.room)), pretty(t, w.lounge.Snapshot()); got != want {
		wrong = append(wrong, fmt.Sprintf("the %s is not QueUp's:\n%s", slug, difference(got, want)))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.said == "" { // the first look
		return wrong
	}
	if plays := playsSince(w.lounge, w.last); !w.gaps["plays"] && !slices.Equal(w.plays, plays) {
		wrong = append(wrong, fmt.Sprintf("plays in the %s:\n got %q\nwant %q", slug, w.plays, plays))
	}
	messages := w.lounge.Messages()
	since := slices.IndexFunc(messages, func(m queuptest.Message) bool { return m.ID == w.said }) + 1
	for _, m := range messages[since:] {
		if n := w.lines[m.ID]; n > 1 || n == 0 && !m.Deleted && !w.gaps["chat"] {
			wrong = append(wrong, fmt.Sprintf("line %s in the %s was told %d times: %q of %s", m.ID, slug, n, m.Text, m.User))
		}
	}
	return wrong
}

// forget notes that all was well up to now.
func (w *soakRoom) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	plays := playsSince(w.lounge, w.last)
	if len(plays) > 0 {
		w.last = plays[len(plays)-1]
	}
	if messages := w.lounge.Messages(); len(messages) > 0 {
		w.said = messages[len(messages)-1].ID
	}
	w.plays = nil
	clear(w.lines)
	clear(w.gaps)
}

// tell tells what has happened, and fails if the process has grown.
func (s *soak) tell() {
	t := s.t
	t.Helper()
	var reconnects int64
	for _, b := range s.bots {
		reconnects += b.client.Health().Reconnects
	}
	n := 0
	for _, times := range s.happened {
		n += times
	}
	t.Logf("after %v: %d misfortunes, %d reconnects, looked %d times, and the state was QueUp's within %v", time.Since(s.start).Round(time.Second),
		n, reconnects, s.checks, s.slowest)
	t.Logf("misfortunes: %v", s.happened)
	step := max(1, len(s.marks)/8)
	for i := 0; i < len(s.marks); i += step {
		m := s.marks[i]
		t.Logf("%12v: heap %5.1f MiB, %d goroutines", m.at.Round(time.Second), float64(m.heap)/(1<<20), m.goroutines)
	}
	first, last := s.marks[len(s.marks)/4], s.marks[len(s.marks)-1]
	t.Logf("%12v: heap %5.1f MiB, %d goroutines", last.at.Round(time.Second), float64(last.heap)/(1<<20), last.goroutines)
	const room = 24 << 20 // what the server keeps of a day, within its own bounds
	if last.heap > first.heap+room || last.goroutines > first.goroutines+8 {
		t.Errorf("since %v the heap went from %d to %d bytes, and from %d to %d goroutines",
			first.at.Round(time.Second), first.heap, last.heap, first.goroutines, last.goroutines)
	}
}
