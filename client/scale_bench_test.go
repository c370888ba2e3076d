//go:build unix

package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/queup-go/queup/internal/testkit/canary"

	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// How the costs of a client grow: tools/bench runs these benchmarks and draws their metrics.

// hallWorld has rooms of so many people each. A user is in one room only, so that each costs what a user costs.
func hallWorld(rooms, people int, songs bool) queuptest.World {
	w := queuptest.World{Users: []queuptest.User{{Name: "bot", Password: canary.Password}, {Name: "owner", Password: canary.Password}}}
	for i := range rooms {
		hall := queuptest.RoomSpec{Slug: hallSlug(i), Name: fmt.Sprintf("Hall %d", i), Owner: "owner"}
		for j := range people {
			name := fmt.Sprintf("listener%d.%d", i, j)
			w.Users = append(w.Users, queuptest.User{Name: name, Password: canary.Password})
			hall.Present = append(hall.Present, name)
		}
		if songs {
			hall.Songs = []queuptest.Song{{By: hall.Present[0], Name: "Song", Length: 24 * time.Hour}}
		}
		w.Rooms = append(w.Rooms, hall)
	}
	return w
}

func hallSlug(i int) string { return fmt.Sprintf("hall-%d", i) }

// newHalls starts a server with such a world.
func newHalls(b *testing.B, rooms, people int, songs bool) *queuptest.Server {
	b.Helper()
	server := queuptest.NewServer(queuptest.WithWorld(hallWorld(rooms, people, songs)))
	b.Cleanup(server.Close)
	return server
}

// visitor is a client that is in all halls of a server, and hears all.
type visitor struct {
	*Client
	server *queuptest.Server
	heard  chan struct{} // one for each halt that was heard
	deaf   []func()      // cancel what it hears
}

const halt = "bench-end"

func enter(b *testing.B, server *queuptest.Server, rooms int) *visitor {
	b.Helper()
	c, err := New(WithBaseURL(server.URL()), WithRealtimeURL(server.RealtimeURL()), WithRateLimit(0, 0), WithQueue(DefaultQueue, Block))
	if err != nil {
		b.Fatal(err)
	}
	WithoutRateLimits(b, c) // 200 rooms would take more than a minute, of which all is waiting
	v := &visitor{Client: c, server: server, heard: make(chan struct{}, rooms)}
	v.deaf = []func(){
		On(c, func(context.Context, Chat) error { return nil }),
		On(c, func(_ context.Context, e Event) error {
			if e.EventMeta().Name == halt {
				v.heard <- struct{}{}
			}
			return nil
		}),
	}
	if err := c.Login(b.Context(), "bot", canary.Password); err != nil {
		b.Fatal(err)
	}
	if err := c.Connect(b.Context()); err != nil {
		b.Fatal(err)
	}
	for i := range rooms {
		if _, err := c.JoinRoom(b.Context(), hallSlug(i)); err != nil {
			b.Fatal(err)
		}
	}
	return v
}

// leave ends a visit, and waits until nothing of it is at work.
func (v *visitor) leave() {
	_ = v.Close()
	<-v.Done()
	v.transport.CloseIdleConnections()
}

// hear plays a tape in each hall and waits until all is heard.
func (v *visitor) hear(b *testing.B, tapes []*queuptest.Flood) {
	b.Helper()
	var floods sync.WaitGroup
	for i, tape := range tapes {
		room := v.server.Room(hallSlug(i))
		floods.Go(func() {
			if err := room.SendFlood(b.Context(), tape, 0); err != nil {
				b.Error(err)
			}
			room.Broadcast(halt, json.RawMessage(`{}`))
		})
	}
	floods.Wait()
	for range tapes {
		<-v.heard
	}
}

// benchmarkHalls measures an event of the usual mix, from the wire to the handler. The server's part is small and the same
// everywhere: it writes what is ready.
func benchmarkHalls(b *testing.B, rooms, people int) {
	b.Helper()
	const events = 10_000 // at least, in all rooms
	const passes = 10     // of the tape: a tenth of a second alone is at the mercy of the machine
	server := newHalls(b, rooms, people, true)
	var tapes []*queuptest.Flood
	n := 0
	for i := range rooms {
		tape := server.Room(hallSlug(i)).PrepareFlood(queuptest.FloodConfig{Events: max(events/rooms, 50), Seed: uint64(i)})
		tapes = append(tapes, tape)
		n += tape.Len()
	}
	v := enter(b, server, rooms)
	defer v.leave()
	for range passes { // what was hardly ever heard before costs more: in the largest room, a pass has two events of each person
		v.hear(b, tapes)
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	used, done := processorTime(b), 0
	for b.Loop() {
		for range passes {
			v.hear(b, tapes)
		}
		done += passes * n
	}
	used = processorTime(b) - used
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(used.Nanoseconds())/float64(done), "cpu-ns/event")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(done), "ns/event")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(done), "allocs/event")
	b.ReportMetric(0, "ns/op") // of a whole tape, which says nothing
}

// processorTime is that of the whole process.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// An event in one room with more and more people in it.
func BenchmarkScaleMembers(b *testing.B) {
	for _, people := range []int{50, 150, 500, 1500, 5000} {
		b.Run(fmt.Sprint(people), func(b *testing.B) { benchmarkHalls(b, 1, people) })
	}
}

// An event in one of more and more rooms on one socket, all of which are as loud.
func BenchmarkScaleRooms(b *testing.B) {
	for _, rooms := range []int{1, 10, 50, 200} {
		b.Run(fmt.Sprint(rooms), func(b *testing.B) { benchmarkHalls(b, rooms, 50) })
	}
}

// heapOf returns how much memory a client takes that is in all halls of a server: what is free again after it. The server is in
// the same process, and keeps what it has.
func heapOf(b *testing.B, server *queuptest.Server, rooms int) (bytes float64, joins time.Duration) {
	b.Helper()
	for range 5 {
		if bytes, joins, ok := heapOnce(b, server, rooms); ok {
			return bytes, joins
		}
		b.Log("a client was still in memory two seconds after its end: measured again")
	}
	b.Fatal("clients stay in memory after their end")
	return 0, 0
}

// heapOnce reports false if the client did not go away, so that nobody knows what it took.
func heapOnce(b *testing.B, server *queuptest.Server, rooms int) (bytes float64, joins time.Duration, ok bool) {
	b.Helper()
	begin := time.Now()
	v := enter(b, server, rooms)
	joins = time.Since(begin)
	with := heapInUse()
	if n := v.Rooms().Len(); n != rooms {
		b.Fatalf("%d rooms instead of %d", n, rooms)
	}
	gone := make(chan struct{})
	runtime.AddCleanup(v.Client, func(gone chan struct{}) { close(gone) }, gone)
	transport := v.transport
	v.leave()
	server.CutLinks()
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
		transport.CloseIdleConnections() // one that has just become idle holds on to its last request, and so to the client
		without := heapInUse()
		select {
		case <-gone:
			return float64(with) - float64(without), joins, true
		case <-time.After(20 * time.Millisecond):
		}
	}
	return 0, joins, false
}

// heapInUse is what is in use once the garbage is gone; what finalizers let go takes a second round.
func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// benchmarkHeap measures the memory of a client. What it costs to join is measured along the way.
func benchmarkHeap(b *testing.B, rooms, people int, songs bool) {
	b.Helper()
	server := newHalls(b, rooms, people, songs)
	enter(b, server, 1).leave() // what is made once in a process is made now
	bytes, joins, n := 0.0, time.Duration(0), 0
	for b.Loop() {
		more, took := heapOf(b, server, rooms)
		bytes, joins, n = bytes+more, joins+took, n+1
	}
	b.ReportMetric(bytes/float64(n), "heap-B")
	b.ReportMetric(joins.Seconds()*1000/float64(n)/float64(rooms), "join-ms/room")
	b.ReportMetric(0, "ns/op") // with the collections of garbage, which says nothing
}

// The memory of a client in one room with more and more people in it.
func BenchmarkScaleHeapMembers(b *testing.B) {
	for _, people := range []int{50, 1500, 5000} {
		b.Run(fmt.Sprint(people), func(b *testing.B) { benchmarkHeap(b, 1, people, true) })
	}
}

// The memory of a client in more and more rooms where one person is and nothing happens.
func BenchmarkScaleHeapIdleRooms(b *testing.B) {
	for _, rooms := range []int{1, 100, 200} {
		b.Run(fmt.Sprint(rooms), func(b *testing.B) { benchmarkHeap(b, rooms, 1, false) })
	}
}

// The memory of a client, and its joins, in more and more rooms of a hundred people.
func BenchmarkScaleHeapRooms(b *testing.B) {
	for _, rooms := range []int{1, 100, 200} {
		b.Run(fmt.Sprint(rooms), func(b *testing.B) { benchmarkHeap(b, rooms, 100, true) })
	}
}

// plays answers as a room with a long history does.
func plays(total int) roundTrip {
	return func(req *http.Request) (*http.Response, error) {
		var data strings.Builder
		page := 0
		switch {
		case strings.HasSuffix(req.URL.Path, "/history"):
			if _, err := fmt.Sscan(req.URL.Query().Get("page"), &page); err != nil {
				return nil, err
			}
			data.WriteByte('[')
			for i := (page - 1) * pageSize; i < min(page*pageSize, total); i++ {
				if data.Len() > 1 {
					data.WriteByte(',')
				}
				fmt.Fprintf(&data, `{"_id":"65d4c3e2f60adb%010[1]x","created":1729998000000,"played":%[2]d,"isActive":true,"isPlayed":true,"skipped":false,`+
					`"order":999,"songLength":215000,"updubs":3,"downdubs":1,"grabs":1,"roomid":"65a1f0c2d4e8b90012ab34cd","userid":"65b2a1c0d4e8b9%010[3]x",`+
					`"songid":"65e5d4f3071bec%010[1]x","_user":{"_id":"65b2a1c0d4e8b9%010[3]x","username":"Listener %[3]d","status":1,"roleid":1,`+
					`"created":1700000000000},"_song":{"_id":"65e5d4f3071bec%010[1]x","name":"Artist - Title %[1]d","type":"youtube","fkid":"id%09[1]d",`+
					`"songLength":215000,"images":{"thumbnail":"https://queup.test/%[1]d.jpg"},"created":"2024-01-02T03:04:05.678Z"}}`,
					i, int64(1730000000000)-int64(i)*215000, i%300)
			}
			data.WriteByte(']')
		default:
			data.WriteString(`{"_id":"65a1f0c2d4e8b90012ab34cd","roomUrl":"hall","name":"Hall"}`)
		}
		return &http.Response{
			StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
			Header: http.Header{"Content-Type": {"application/json"}},
			Body:   io.NopCloser(strings.NewReader(`{"code":200,"message":"OK","data":` + data.String() + `}`)),
		}, nil
	}
}

// What is in use while a history of 48,000 plays is read, after so many of them.
func BenchmarkScaleHistory(b *testing.B) {
	for _, at := range []int{2_000, 12_000, 24_000, 48_000} {
		b.Run(fmt.Sprint(at), func(b *testing.B) {
			grown, n := 0.0, 0
			for b.Loop() {
				grown, n = grown+historyHeap(b, at), n+1
			}
			b.ReportMetric(grown/float64(n), "heap-B")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n)/float64(at), "ns/play")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// historyHeap returns what is in use after so many plays, above what was before the first.
func historyHeap(b *testing.B, at int) float64 {
	b.Helper()
	const total = 48_000
	c, err := New(WithTransport(plays(total)), WithRateLimit(0, 0))
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = c.Close()
		<-c.Done()
	}()
	room, err := c.FetchRoom(b.Context(), "hall")
	if err != nil {
		b.Fatal(err)
	}
	before, grown, n := heapInUse(), 0.0, 0
	for _, err := range room.History(b.Context()) {
		if err != nil {
			b.Fatal(err)
		}
		if n++; n == at {
			grown = float64(heapInUse()) - float64(before)
			break
		}
	}
	if n != at {
		b.Fatalf("%d plays of %d", n, at)
	}
	return grown
}

// An event of the usual mix, without a network: decoded, applied and emitted. Unheard has no handlers; heard has one handler for chat
// and one for all events.
func BenchmarkMix(b *testing.B) {
	for _, heard := range []bool{false, true} {
		b.Run(map[bool]string{false: "unheard", true: "heard"}[heard], func(b *testing.B) {
			server := newHalls(b, 1, 50, true)
			var messages []realtime.Message
			for packet := range server.Room(hallSlug(0)).PrepareFlood(queuptest.FloodConfig{Events: 5000}).Frames() {
				var frame struct {
					Channel string
					Message struct{ Name, Type, Data string }
				}
				if err := json.Unmarshal(packet[1:], &frame); err != nil {
					b.Fatal(err)
				}
				messages = append(messages, realtime.Message{
					Channel: frame.Channel, Name: frame.Message.Name, Type: frame.Message.Type, Data: []byte(frame.Message.Data), At: time.Now(),
				})
			}
			v := enter(b, server, 1)
			defer v.leave()
			if !heard {
				for _, cancel := range v.deaf {
					cancel()
				}
			}
			b.ReportAllocs()
			if err := v.connection.do(b.Context(), func() { // its goroutine is the one that receives
				for i := 0; b.Loop(); i++ {
					v.connection.receive(messages[i%len(messages)])
				}
			}); err != nil {
				b.Fatal(err)
			}
		})
	}
}
