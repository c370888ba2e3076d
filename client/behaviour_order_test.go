package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
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

// ear is one subscription, and what it heard of each room.
type ear struct {
	name string
	mu   sync.Mutex
	live map[string][]int    // the numbers, by room
	told map[string][]string // the lines of chat, by room, those of a resync included
}

func (a *ear) hear(e client.Event) {
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
func listen(ctx context.Context, r *dice, bot *client.Client, room *client.Room) []*ear {
	ears := make([]*ear, 4)
	for i, name := range []string{"quick", "slow", "of one room", "stream"} {
		ears[i] = &ear{name: name, live: make(map[string][]int), told: make(map[string][]string)}
	}
	quick, slow, one, stream := ears[0], ears[1], ears[2], ears[3]
	client.On(bot, func(_ context.Context, e client.Event) error { quick.hear(e); return nil })
	client.On(bot, func(_ context.Context, e client.Event) error {
		time.Sleep(r.upTo(500 * time.Millisecond))
		slow.hear(e)
		return nil
	})
	client.On(room, func(_ context.Context, e client.Event) error { one.hear(e); return nil })
	events := client.Stream[client.Event](ctx, bot)
	go func() {
		for e := range events {
			stream.hear(e)
			time.Sleep(r.upTo(50 * time.Millisecond))
		}
	}()
	return ears
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

// Two rooms, full of life, over a network with faults and a QueUp that takes its time. What a subscription hears of a room it
// hears in the order of the wire.
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
		options = append(options, meddle(http.MethodGet, "/song/", slow(5*time.Second)))
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
	ears := listen(ctx, r, bot, room)
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
	for _, a := range ears {
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
func (a *ear) check(t *testing.T, wire *numbered, quick bool) (heard int) {
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
