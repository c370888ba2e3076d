package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"testing"

	"github.com/queup-go/queup/realtime"
)

// A crowd is a room full of people on a connection without a network. The test that made it is the connection's goroutine:
// what it receives is decoded, applied and emitted before receive returns.
type crowd struct {
	connection *connection
	room       *Room
	events     int
}

const crowdPlay = "65d4c3e2f60adb0014cd0001"

func newCrowd(tb testing.TB, members int, opts ...Option) *crowd {
	tb.Helper()
	nobody := roundTrip(func(*http.Request) (*http.Response, error) { return nil, errNoNetwork })
	c, err := New(append([]Option{WithTransport(nobody)}, opts...)...)
	if err != nil {
		tb.Fatal(err)
	}
	l := &connection{client: c, life: c.workers.Context(), commands: make(chan func()), ended: make(chan struct{}), rooms: make(map[string]*tracker)}
	tb.Cleanup(func() {
		_ = c.Close()
		close(l.ended)
		<-c.Done()
	})
	r := c.rooms.Handle("65a1f0c2d4e8b90012ab34cd")
	r.tracker.link = l
	l.rooms[r.channel] = r.tracker
	r.tracker.setJoined(true)
	k := &crowd{connection: l, room: r}
	for i := range members {
		k.join(i)
	}
	k.play(crowdPlay)
	if n := r.Members().Len(); n != members {
		tb.Fatalf("%d members instead of %d", n, members)
	}
	return k
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

var errNoNetwork = errors.New("there is no network")

func crowdID(i int) UserID { return UserID(fmt.Sprintf("65b2a1c0d4e8b9%010x", i)) }

func crowdName(i int) string { return fmt.Sprintf("Listener %d", i) }

func (k *crowd) receive(name, data string) {
	k.events++
	k.connection.receive(realtime.Message{Channel: k.room.channel, Name: name, Type: "json", Data: []byte(data)})
}

func (k *crowd) join(i int) { k.receive("user-join", joinFrame(i)) }

func joinFrame(i int) string {
	return fmt.Sprintf(`{"type":"user-join","user":{"_id":%[1]q,"username":%[2]q,"userInfo":{"userid":%[1]q}},"roomUser":{"_id":"65c3b2d1e5%014[3]x",`+
		`"userid":%[1]q,"_user":%[1]q,"roomid":"65a1f0c2d4e8b90012ab34cd","updated":1730000001000,"active":false,"authorized":true,"dubs":0,`+
		`"order":99999,"playedCount":0,"skippedCount":0,"songsInQueue":0,"queuePaused":null,"waitLine":0,"ot_token":null}}`, crowdID(i), crowdName(i), i)
}

func leaveFrame(i int) string {
	return fmt.Sprintf(`{"type":"user-leave","user":{"_id":%q,"username":%q},"room":"65a1f0c2d4e8b90012ab34cd"}`, crowdID(i), crowdName(i))
}

func chatFrame(i, n int) string {
	return fmt.Sprintf(`{"type":"chat-message","chatid":"%[1]s-%[3]d","message":"hello &amp; welcome","time":%[3]d,"user":{"_id":%[1]q,"username":%[2]q,`+
		`"status":1,"roleid":1,"dubs":0,"created":1700000000000,"userInfo":{"_id":"65b2a1c0d4e8b90012ab0002","userid":%[1]q,"__v":0},"__v":0},`+
		`"queue_object":{"_id":"65c3b2d1e5f9ca0013bc0001","updated":1729999000000,"skippedCount":0,"playedCount":12,"songsInQueue":3,"active":true,`+
		`"dubs":40,"order":99999,"roomid":"65a1f0c2d4e8b90012ab34cd","userid":%[1]q,"_user":%[1]q,"authorized":true,"ot_token":null,"queuePaused":null,`+
		`"waitLine":0,"roleid":"52d1ce33c38a06510c000001","__v":0}}`, crowdID(i), crowdName(i), 1730000000000+n)
}

func dubFrame(i int, vote string) string {
	return fmt.Sprintf(`{"type":"room_playlist-dub","dubtype":%[3]q,"user":{"_id":%[1]q,"username":%[2]q,"userInfo":{"userid":%[1]q}},"playlist":{"_id":%[4]q,`+
		`"updubs":1,"downdubs":0,"songLength":215000,"played":1730000000000,"isActive":true,"isPlayed":false,"skipped":false,"order":4,`+
		`"roomid":"65a1f0c2d4e8b90012ab34cd","userid":"65b2a1c0d4e8b90000000000","songid":"65e5d4f3071bec0015de0001","created":1729998000000}}`,
		crowdID(i), crowdName(i), vote, crowdPlay)
}

func playFrame(play string) string {
	return fmt.Sprintf(`{"type":"room_playlist-update","startTime":-1,"song":{"_id":%q,"created":1729998000000,"played":1730000000000,"isActive":true,`+
		`"isPlayed":false,"skipped":false,"order":4,"roomid":"65a1f0c2d4e8b90012ab34cd","songLength":215000,"updubs":0,"downdubs":0,`+
		`"userid":"65b2a1c0d4e8b90000000000","songid":"65e5d4f3071bec0015de0001","_user":"65b2a1c0d4e8b90000000000","_song":"65e5d4f3071bec0015de0001","__v":0},`+
		`"songInfo":{"_id":"65e5d4f3071bec0015de0001","name":"Artist - Title","type":"youtube","fkid":"AbCdEfGhIjK","songLength":215000,`+
		`"images":{"thumbnail":"https://i.example/AbCdEfGhIjK.jpg"},"created":"2024-01-02T03:04:05.678Z","__v":0}}`, play)
}

func (k *crowd) play(id string) { k.receive("room_playlist-update", playFrame(id)) }

// The frames of a benchmark are made before it, so that it measures the client alone.
const crowdFrames = 1024

func frames(frame func(i int) string) []string {
	list := []string{}
	for i := range crowdFrames {
		list = append(list, frame(i))
	}
	return list
}

// inRooms runs a benchmark in a small and in a large room. An event must cost the same in both.
func inRooms(b *testing.B, bench func(b *testing.B, k *crowd, members int)) {
	b.Helper()
	for _, members := range []int{50, 5000} {
		b.Run(fmt.Sprint(members), func(b *testing.B) {
			k := newCrowd(b, members)
			runtime.GC()
			b.ReportAllocs()
			bench(b, k, members)
		})
	}
}

// comeAndGo has somebody come, and somebody else go.
func comeAndGo(members int) (join, leave []string) {
	return frames(func(i int) string { return joinFrame(members + i) }), frames(func(i int) string { return leaveFrame(members + i) })
}

// Each round is a join and a leave.
func BenchmarkJoinAndLeave(b *testing.B) {
	inRooms(b, func(b *testing.B, k *crowd, members int) {
		b.Helper()
		join, leave := comeAndGo(members)
		for i := 0; b.Loop(); i++ {
			k.receive("user-join", join[i%crowdFrames])
			k.receive("user-leave", leave[i%crowdFrames])
		}
	})
}

// Somebody looks at all members now and then.
func BenchmarkJoinAndLeave_readRarely(b *testing.B) {
	inRooms(b, func(b *testing.B, k *crowd, members int) {
		b.Helper()
		join, leave := comeAndGo(members)
		for i := 0; b.Loop(); i++ {
			k.receive("user-join", join[i%crowdFrames])
			k.receive("user-leave", leave[i%crowdFrames])
			if i%1000 == 0 {
				k.countMembers(b, members)
			}
		}
	})
}

// Somebody looks at all members after each change: this costs what there is to look at, and no more.
func BenchmarkJoinAndLeave_readAlways(b *testing.B) {
	inRooms(b, func(b *testing.B, k *crowd, members int) {
		b.Helper()
		join, leave := comeAndGo(members)
		for i := 0; b.Loop(); i++ {
			k.receive("user-join", join[i%crowdFrames])
			k.countMembers(b, members+1)
			k.receive("user-leave", leave[i%crowdFrames])
			k.countMembers(b, members)
		}
	})
}

func (k *crowd) countMembers(b *testing.B, want int) {
	b.Helper()
	n := 0
	for range k.room.Members().All() {
		n++
	}
	if n != want {
		b.Fatalf("%d members", n)
	}
}

// A handler looks up who has come, by id and by name, and the benchmark waits for it.
func BenchmarkJoinAndLeave_handled(b *testing.B) {
	inRooms(b, func(b *testing.B, k *crowd, members int) {
		b.Helper()
		join, leave := comeAndGo(members)
		found := make(chan bool)
		On(k.room, func(_ context.Context, e MemberJoined) error {
			_, byID := e.Room.Members().Get(e.User.ID)
			_, byName := e.Room.MemberNamed(e.User.Username)
			found <- byID && byName
			return nil
		})
		for i := 0; b.Loop(); i++ {
			k.receive("user-join", join[i%crowdFrames])
			if !<-found {
				b.Fatal("not found")
			}
			k.receive("user-leave", leave[i%crowdFrames])
		}
	})
}

func BenchmarkChat(b *testing.B) {
	inRooms(b, func(b *testing.B, k *crowd, members int) {
		b.Helper()
		lines := frames(func(i int) string { return chatFrame(i%members, i) })
		for i := 0; b.Loop(); i++ {
			k.receive("chat-message", lines[i%crowdFrames])
		}
	})
}

// A handler looks up who has spoken, by id and by name, and the benchmark waits for it.
func BenchmarkChat_handled(b *testing.B) {
	inRooms(b, func(b *testing.B, k *crowd, members int) {
		b.Helper()
		lines := frames(func(i int) string { return chatFrame(i%members, i) })
		found := make(chan bool)
		On(k.room, func(_ context.Context, e Chat) error {
			_, byID := e.Room.Members().Get(e.Author.ID)
			_, byName := e.Room.MemberNamed(e.Author.Username)
			found <- byID && byName
			return nil
		})
		for i := 0; b.Loop(); i++ {
			k.receive("chat-message", lines[i%crowdFrames])
			if !<-found {
				b.Fatal("not found")
			}
		}
	})
}

func BenchmarkDub(b *testing.B) {
	inRooms(b, func(b *testing.B, k *crowd, members int) {
		b.Helper()
		votes := frames(func(i int) string { return dubFrame(i%members, []string{"updub", "downdub"}[i/members%2]) })
		for i := 0; b.Loop(); i++ {
			k.receive("room_playlist-dub", votes[i%crowdFrames])
		}
	})
}

// News of the song that plays.
func BenchmarkPlaylistUpdate(b *testing.B) {
	inRooms(b, func(b *testing.B, k *crowd, _ int) {
		b.Helper()
		news := playFrame(crowdPlay)
		for b.Loop() {
			k.receive("room_playlist-update", news)
		}
	})
}

// Each round is another song.
func BenchmarkSongChange(b *testing.B) {
	inRooms(b, func(b *testing.B, k *crowd, _ int) {
		b.Helper()
		songs := frames(func(i int) string { return playFrame(fmt.Sprintf("65d4c3e2f60adb%010x", i)) })
		for i := 0; b.Loop(); i++ {
			k.receive("room_playlist-update", songs[i%crowdFrames])
		}
	})
}
