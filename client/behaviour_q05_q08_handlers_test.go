package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
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

// The promise of docs/BEHAVIOUR.md about the order of events.

// numbered is a tap that gives every event of the wire its number, where nothing but an unknown member of the event has it.
type numbered struct {
	*tap
	mu    sync.Mutex
	names []string // guarded by mu; of the events, in the order in which they were read
}

func newNumbered(dialer realtime.Dialer) *numbered {
	n := &numbered{tap: &tap{dialer: dialer}}
	n.in = func(_ int, f *realtime.Frame) (lost bool) {
		if f.Message == nil || len(f.Message.Data) < 2 || f.Message.Data[0] != '{' {
			return false
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		members, comma := f.Message.Data[1:], ","
		if members[0] == '}' {
			comma = ""
		}
		f.Message.Data = fmt.Appendf(nil, `{"wireNumber":%d%s%s`, len(n.names), comma, members)
		n.names = append(n.names, f.Message.Name)
		return false
	}
	return n
}

// numberOf returns the number that the tap gave the frame an event was made of.
func numberOf(e client.Event) (n int, ok bool) {
	var frame struct{ WireNumber *int }
	if meta := e.EventMeta(); meta.Resynced || json.Unmarshal(meta.Raw, &frame) != nil || frame.WireNumber == nil {
		return 0, false
	}
	return *frame.WireNumber, true
}

// recorder is one subscription, and the events that it received from each room.
type recorder struct {
	name string
	mu   sync.Mutex
	live map[string][]int    // the numbers, by room
	told map[string][]string // the lines of chat, by room, those of a resync included
}

func (a *recorder) receive(e client.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	room := e.EventMeta().Room
	if room == nil {
		return
	}
	_, late := e.(client.QueueUpdated) // comes when the queue has been read, some seconds after the news that it tells of
	if n, ok := numberOf(e); ok && !late {
		a.live[room.Slug()] = append(a.live[room.Slug()], n)
	}
	if c, ok := e.(client.Chat); ok {
		a.told[room.Slug()] = append(a.told[room.Slug()], string(c.Message.ID))
	}
}

// listen has four subscriptions hear all: a quick one, one that takes its time, one of the room alone, and a stream.
func listen(ctx context.Context, r *dice, bot *client.Client, room *client.Room) []*recorder {
	recorders := make([]*recorder, 4)
	for i, name := range []string{"quick", "slow", "of one room", "stream"} {
		recorders[i] = &recorder{name: name, live: make(map[string][]int), told: make(map[string][]string)}
	}
	quick, slow, one, stream := recorders[0], recorders[1], recorders[2], recorders[3]
	client.On(bot, func(_ context.Context, e client.Event) error { quick.receive(e); return nil })
	client.On(bot, func(_ context.Context, e client.Event) error {
		time.Sleep(r.upTo(500 * time.Millisecond))
		slow.receive(e)
		return nil
	})
	client.On(room, func(_ context.Context, e client.Event) error { one.receive(e); return nil })
	events := client.Stream[client.Event](ctx, bot)
	go func() {
		for e := range events {
			stream.receive(e)
			time.Sleep(r.upTo(50 * time.Millisecond))
		}
	}()
	return recorders
}

// A strand is events that keep their order whatever happens. While a QueUp that is slow is read, the strands may overtake each
// other.
type strand int

const (
	ofPeople strand = iota
	ofChat
	ofPlays
)

func strandOf(name string) strand {
	switch {
	case name == "chat-message":
		return ofChat
	case name == "chat-skip" || strings.HasPrefix(name, "room_playlist-"):
		return ofPlays
	default:
		return ofPeople
	}
}

// Two busy rooms, over a network with faults and a slow QueUp. A subscription receives the events of a room in the order of the
// wire.
func TestQ05_orderPerRoom(t *testing.T) {
	heard := map[string]int{} // by each subscription, in all seeds: one alone may have hardly a good hour
	for seed := range uint64(16) {
		slowest := []time.Duration{0, 50 * time.Millisecond, 400 * time.Millisecond}[seed%3]
		ok := t.Run(fmt.Sprintf("seed %d, answers after %v", seed, slowest), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { keepsOrder(t, seed, slowest, heard) })
		})
		if !ok {
			return
		}
	}
	for name, n := range heard {
		if n < 200 {
			t.Errorf("the %s heard %d events", name, n)
		}
	}
}

func keepsOrder(t *testing.T, seed uint64, slowest time.Duration, heard map[string]int) {
	t.Helper()
	r := &dice{r: rand.New(rand.NewPCG(seed, 5))}
	options := []queuptest.Option{queuptest.InMemory(), queuptest.WithWorld(twoRoomsOfCuts())}
	if slowest > 0 {
		options = append(options, late(r, slowest))
	}
	if seed%4 == 3 { // a song now and then that QueUp does not hand over: the events behind it wait for 2 s
		options = append(options, intercept(http.MethodGet, "/song/", delay(5*time.Second)))
	}
	server := queuptest.NewServer(options...)
	defer server.Close()
	network := faults.New(seed)
	wire := newNumbered(network.Dialer(&realtime.WebsocketDialer{NetDialContext: server.DialContext}))
	bot, room := joinLounge(t, server, "bot", client.WithDialer(wire), client.WithQueue(100_000, client.DropOldest), client.WithMutedMessages(true),
		client.WithReconnect(func(int, error) (time.Duration, bool) { return r.upTo(5 * time.Second), true }))
	attic := must(bot.JoinRoom(t.Context(), "attic"))(t)
	ctx, stop := context.WithCancel(t.Context())
	defer func() { // who listens to a stream may be taking its time, and time ends with the test
		stop()
		time.Sleep(time.Second)
	}()
	recorders := listen(ctx, r, bot, room)
	gaps := record(bot, func(e client.Gap) string { return e.What })
	rooms := []*queuptest.Room{server.Room("lounge"), server.Room("attic")}
	said := map[string]int{"lounge": len(rooms[0].Messages()), "attic": len(rooms[1].Messages())}
	bad := []faults.Fault{
		faults.Latency(400*time.Millisecond, 300*time.Millisecond), faults.Slicer(64, 60, time.Millisecond), faults.Bandwidth(4000),
		faults.Stall(), faults.Stall().Down(), faults.Reset(0), faults.Truncate(700), faults.HalfOpen(),
	}
	for n := range 120 {
		lounge := rooms[r.IntN(len(rooms))]
		switch r.IntN(25) {
		case 0:
			server.CutLinks()
		case 1:
			network.Set(bad[r.IntN(len(bad))])
		case 2, 3:
			network.Set()
		case 4, 5: // a song that nobody has heard of, with lines right behind it
			startUnknown(lounge, n)
			lounge.Say("owner", fmt.Sprint("right behind song ", n))
			act(r, lounge, n, 20*time.Second)
		default:
			act(r, lounge, n, 20*time.Second)
		}
		if r.IntN(3) == 0 {
			time.Sleep(r.upTo(time.Second))
		}
	}
	network.Set()
	time.Sleep(3 * time.Minute) // a link that is half open has to be noticed
	settle(5 * time.Minute)     // and the slow one has to come to its end
	if !room.Joined() || !attic.Joined() {
		t.Fatal("a room is lost")
	}
	expect(t, "gaps", gaps(), nil)
	for _, a := range recorders {
		heard[a.name] += a.check(t, wire, slowest < 100*time.Millisecond && seed%4 != 3)
		for _, lounge := range rooms {
			if a.name == "of one room" && lounge.Slug() != room.Slug() {
				continue
			}
			var want []string
			for _, m := range lounge.Messages()[said[lounge.Slug()]:] {
				want = append(want, m.ID)
			}
			got := slices.Sorted(slices.Values(a.told[lounge.Slug()]))
			expect(t, "lines of "+lounge.Slug()+" heard by the "+a.name, got, slices.Sorted(slices.Values(want)))
		}
	}
}

// check fails where a later event came before an earlier one. Unless QueUp was quick all the time, each strand has an order of
// its own. It returns how many events there were.
func (a *recorder) check(t *testing.T, wire *numbered, quick bool) (heard int) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	for room, numbers := range a.live {
		last := map[strand]int{ofPeople: -1, ofChat: -1, ofPlays: -1}
		for _, n := range numbers {
			s := ofPeople
			if !quick {
				s = strandOf(wire.names[n])
			}
			if n < last[s] {
				t.Errorf("%s: the %s heard %d (%s) after %d (%s)", room, a.name, n, wire.names[n], last[s], wire.names[last[s]])
			}
			last[s] = n
		}
		heard += len(numbers)
	}
	return heard
}

// startUnknown tells that a song began which the event says nothing about, and that has to be looked up.
func startUnknown(room *queuptest.Room, n int) {
	room.Broadcast("room_playlist-update", fmt.Appendf(nil,
		`{"startTime":-1,"song":{"_id":"65d4c3e2f60adb0014c%05x","songLength":60000,"songid":"65e5d4f3071bec0015d%05x"}}`, n, n))
}

// twoRoomsOfCuts are the lounge and the attic, with people whom act knows in both.
func twoRoomsOfCuts() queuptest.World {
	world := worldOfCuts()
	attic := world.Rooms[0]
	attic.Slug, attic.Name = "attic", "The Attic"
	world.Rooms = append(world.Rooms, attic)
	return world
}

// The promises of docs/BEHAVIOUR.md about handlers that are slow.

// A handler does not return for ten minutes. All other handlers receive every line the moment it is said, the link is
// pinged as ever, and calls go through.
func TestQ06_slowHandler(t *testing.T) {
	const silent = 10 * time.Minute
	stuck := func(context.Context, client.Chat) error { time.Sleep(silent); return nil }
	for name, listen := range map[string]func(t *testing.T, bot *client.Client, room *client.Room){
		"a handler of the room": func(_ *testing.T, _ *client.Client, room *client.Room) { client.On(room, stuck) },
		"a handler of everything": func(_ *testing.T, bot *client.Client, _ *client.Room) {
			client.On(bot, func(context.Context, client.Event) error { time.Sleep(silent); return nil })
		},
		"twenty handlers": func(_ *testing.T, bot *client.Client, _ *client.Room) {
			for range 20 {
				client.On(bot, stuck)
			}
		},
		"a stream that nobody reads": func(t *testing.T, bot *client.Client, _ *client.Room) {
			t.Helper()
			_ = client.Stream[client.Event](t.Context(), bot)
		},
		"a handler, and who hears of its loss": func(_ *testing.T, bot *client.Client, room *client.Room) {
			client.On(room, stuck)
			client.On(bot, func(context.Context, client.Lagged) error { time.Sleep(silent); return nil })
		},
		"the error handler": func(_ *testing.T, _ *client.Client, room *client.Room) {
			client.On(room, func(context.Context, client.Chat) error { return errors.New("out of luck") })
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				bot, room := joinLounge(t, server, "bot", client.WithQueue(8, client.DropOldest), client.WithErrorHandler(func(context.Context, error) {
					time.Sleep(silent)
				}))
				listen(t, bot, room)
				outlive(t, server, bot, room, silent)
			})
		})
	}
}

// outlive says a line now and then for some time, and fails if a quick handler receives one late, if the link is not
// pinged, or if a call does not go through.
func outlive(t *testing.T, server *queuptest.Server, bot *client.Client, room *client.Room, d time.Duration) {
	t.Helper()
	var heard []string
	var said time.Time // of the latest line; nothing is said before it was heard
	client.On(room, func(_ context.Context, e client.Chat) error {
		heard = append(heard, e.Message.Content)
		if late := time.Since(said); late > 0 {
			t.Errorf("%q was heard %v after it was said", e.Message.Content, late)
		}
		return nil
	})
	var want []string
	logged := len(server.Log())
	start := time.Now()
	for i := 0; time.Since(start) < d-time.Second; i++ {
		text := fmt.Sprint("line ", i)
		said = time.Now()
		server.Room("lounge").Say("alice", text)
		want = append(want, text)
		synctest.Wait()
		if i%50 == 25 {
			call, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := room.SendMessage(call, "still here"); err != nil {
				t.Errorf("after %v: %v", time.Since(start), err)
			}
			cancel()
		}
		if h := bot.Health(); h.State != realtime.StateConnected || time.Since(h.LastFrame) > 25*time.Second {
			t.Fatalf("after %v: %+v", time.Since(start), h)
		}
		time.Sleep(2900 * time.Millisecond)
	}
	pings := 0
	for _, e := range server.Log()[logged:] {
		if e.Kind == queuptest.KindWS && e.In && e.User == "bot" && e.Body == "2" {
			pings++
		}
	}
	if want := int((d - 2*time.Second) / (25 * time.Second)); pings < want {
		t.Errorf("%d pings in %v, want %d", pings, d, want)
	}
	if n := bot.Health().Reconnects; n != 0 {
		t.Errorf("%d connections were lost", n)
	}
	expect(t, "another handler heard", heard, want)
}

// load is a handler that is slow for a while and quick for another, and what it is offered.
type load struct {
	limit int
	lines []time.Duration // when which line is said, after the start; apart from each other
	takes []time.Duration // how long the handler takes for the first, second and so on that it gets
	end   time.Duration   // when the subscription is cancelled
}

// newLoad draws one. The times are such that nothing ever happens at the same moment.
func newLoad(r *rand.Rand) load {
	l := load{limit: []int{1, 2, 3, 8, 50}[r.IntN(5)]}
	at := time.Duration(0)
	for burst := range 2 + r.IntN(8) {
		pace := []time.Duration{time.Millisecond, 20 * time.Millisecond, 700 * time.Millisecond}[r.IntN(3)]
		for range 1 + r.IntN(120) {
			at += time.Millisecond * (1 + time.Duration(r.Int64N(int64(pace/time.Millisecond)*2+1)))
			l.lines = append(l.lines, at)
		}
		slow := []time.Duration{0, 10 * time.Millisecond, time.Second, 45 * time.Second}[r.IntN(4)]
		for range 1 + r.IntN(60) {
			l.takes = append(l.takes, time.Duration(r.Int64N(int64(slow)+1)).Truncate(time.Millisecond)+time.Duration(burst+1)*time.Microsecond)
		}
		at += time.Duration(r.Int64N(int64(20 * time.Second))).Truncate(time.Millisecond)
	}
	l.end = at + 10*time.Minute + 500*time.Nanosecond
	if r.IntN(3) == 0 { // in the middle of it
		l.end = time.Duration(r.Int64N(int64(at))).Truncate(time.Millisecond) + 500*time.Nanosecond
	}
	return l
}

// expected is what the promise says of a load, worked out without the code that keeps it: the lines that are handled, and what
// Lagged reports of the others. An episode begins with the first loss. It is reported when half of the queue is free again, with the
// next loss after 30 s, or when the subscription ends.
func (l load) expected() (handled []int, lagged []string) {
	var queue []int
	var free time.Duration // when the handler returns
	dropped, since := 0, time.Duration(0)
	tell := func() {
		if dropped > 0 {
			lagged = append(lagged, fmt.Sprintf("%d since %v", dropped, since))
		}
		dropped = 0
	}
	runUntil := func(t time.Duration) {
		for len(queue) > 0 && free <= t {
			handled = append(handled, queue[0])
			queue = queue[1:]
			if len(queue) <= l.limit/2 {
				tell()
			}
			free += l.takes[(len(handled)-1)%len(l.takes)]
		}
	}
	for i, at := range l.lines {
		if at > l.end {
			break
		}
		runUntil(at)
		if len(queue) == l.limit {
			queue = queue[1:]
			if dropped++; dropped == 1 {
				since = at
			}
			if at-since >= 30*time.Second {
				tell()
			}
		}
		queue = append(queue, i)
		free = max(free, at)
		runUntil(at)
	}
	runUntil(l.end)
	tell()
	return handled, lagged
}

// Lagged reports each overflow of a queue, with the exact number of lost events, to its handlers and to the error handler.
func TestQ07_laggedIsExact(t *testing.T) {
	total := 0
	for seed := range uint64(25) {
		inBubble(t, func(t *testing.T, server *queuptest.Server) {
			l := newLoad(rand.New(rand.NewPCG(seed, 7)))
			handled, lagged := l.expected()
			total += len(lagged)
			gotHandled, gotLagged, reported := l.play(t, server)
			if !slices.Equal(gotHandled, handled) {
				t.Errorf("seed %d: handled %v, want %v", seed, gotHandled, handled)
			}
			expect(t, fmt.Sprint("lagged, seed ", seed), gotLagged, lagged)
			expect(t, fmt.Sprint("the error handler, seed ", seed), reported, lagged)
		})
	}
	if total < 50 {
		t.Errorf("only %d episodes", total)
	}
}

// play has a bot live through a load.
func (l load) play(t *testing.T, server *queuptest.Server) (handled []int, lagged, reported []string) {
	t.Helper()
	var mu sync.Mutex
	var start time.Time
	tell := func(list *[]string, e client.Lagged) {
		mu.Lock()
		defer mu.Unlock()
		*list = append(*list, fmt.Sprintf("%d since %v", e.Dropped, e.Since.Sub(start)))
	}
	bot, room := joinLounge(t, server, "bot", client.WithQueue(l.limit, client.DropOldest), client.WithErrorHandler(func(_ context.Context, err error) {
		if e, ok := errors.AsType[client.Lagged](err); ok {
			tell(&reported, e)
		}
	}))
	client.On(bot, func(_ context.Context, e client.Lagged) error { tell(&lagged, e); return nil })
	cancel := client.On(room, func(_ context.Context, e client.Chat) error {
		var n int
		if _, err := fmt.Sscan(e.Message.Content, &n); err != nil {
			t.Error(err)
		}
		took := l.takes[len(handled)%len(l.takes)]
		handled = append(handled, n)
		time.Sleep(took)
		return nil
	})
	start = time.Now()
	for i, at := range l.lines {
		if at > l.end {
			break
		}
		time.Sleep(time.Until(start.Add(at)))
		server.Room("lounge").Say("alice", fmt.Sprint(i))
		synctest.Wait()
	}
	time.Sleep(time.Until(start.Add(l.end)))
	cancel()
	settle(time.Hour)
	return handled, lagged, reported
}

// heapInUse is what is in use after a collection.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Ten minutes at 200 events a second, of all kinds and 1,380 bytes each on average, of which a slow handler handles next to
// none: what waits for it is bounded, and so is everything else.
func TestQ08_slowHandlerMemory(t *testing.T) {
	const (
		rate = 200
		most = 16 << 20
	)
	lasts := 10 * time.Minute
	if client.UnderRace || testing.Short() {
		lasts = 2 * time.Minute
	}
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot", client.WithErrorHandler(func(context.Context, error) {}))
		tape := server.Room("lounge").PrepareFlood(queuptest.FloodConfig{Events: rate * int(lasts/time.Second), Seed: 8})
		heard, handled := 0, 0
		client.On(bot, func(context.Context, client.Event) error { heard++; return nil })
		before := heapInUse()
		client.On(bot, func(ctx context.Context, _ client.Event) error {
			handled++
			select {
			case <-time.After(time.Minute):
			case <-ctx.Done():
			}
			return nil
		})
		if err := server.Room("lounge").SendFlood(t.Context(), tape, rate); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		grown := heapInUse() - before
		t.Logf("%d events of %d bytes, %d handled by the slow one: grown by %d KiB", heard, tape.Size()/tape.Len(), handled, grown>>10)
		if grown > most {
			t.Errorf("the heap grew by %d KiB", grown>>10)
		}
		if heard < tape.Len()*4/5 || handled != int(lasts/time.Minute) || bot.Health().Reconnects != 0 || !room.Joined() {
			t.Errorf("%d events heard and %d handled, %+v", heard, handled, bot.Health())
		}
		runtime.KeepAlive(tape)
	})
}
