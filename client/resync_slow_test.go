package client_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// heardAt notes when the first event of each name was heard, name being what of makes of it.
type heardAt struct {
	mu    sync.Mutex
	first map[string]time.Time // guarded by mu
}

func (h *heardAt) note(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, twice := h.first[name]; !twice {
		h.first[name] = time.Now()
	}
}

// after returns how long after some time it was heard, and false if it was not.
func (h *heardAt) after(begin time.Time, name string) (time.Duration, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at, ok := h.first[name]
	return at.Sub(begin), ok
}

func listenForReturn(c *client.Client) *heardAt {
	h := &heardAt{first: make(map[string]time.Time)}
	client.On(c, func(_ context.Context, e client.Chat) error { h.note(e.Message.Content); return nil })
	client.On(c, func(_ context.Context, e client.MemberJoined) error { h.note("joined " + e.User.Username); return nil })
	client.On(c, func(_ context.Context, e client.Reconnected) error { h.note("reconnected"); return nil })
	client.On(c, func(_ context.Context, e client.Resynced) error { h.note("resynced " + e.Room.Slug()); return nil })
	return h
}

// Answers that take longer than live chat may wait do not leave a room unread: chat goes out, and the rest waits for them.
func TestQ03_slowAnswers(t *testing.T) {
	for _, latency := range []time.Duration{1500 * time.Millisecond, 3 * time.Second, 9 * time.Second} {
		t.Run(latency.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var slow atomic.Bool
				server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithHandler(func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
						if slow.Load() && strings.HasPrefix(req.URL.Path, "/room") {
							time.Sleep(latency)
						}
						next.ServeHTTP(w, req)
					})
				}))
				defer server.Close()
				bot, room := joinLounge(t, server, "bot")
				lounge := server.Room("lounge")
				heard := listenForReturn(bot)
				slow.Store(true)
				begin := time.Now()
				lounge.Leave("carol")
				server.CutLinks()
				time.Sleep(300 * time.Millisecond)
				lounge.Say("alice", "first")
				for i := range 240 {
					time.Sleep(500 * time.Millisecond)
					lounge.Say("alice", fmt.Sprint("line ", i))
					if i == 4 {
						lounge.Join("carol")
					}
				}
				time.Sleep(time.Second)
				for i := range 240 {
					said := 300*time.Millisecond + time.Duration(i+1)*500*time.Millisecond
					if at, ok := heard.after(begin, fmt.Sprint("line ", i)); !ok || at > said+2500*time.Millisecond {
						t.Fatalf("line %d was said after %v, and heard: %v, after %v", i, said, ok, at)
					}
				}
				if at, ok := heard.after(begin, "resynced lounge"); !ok || at > 8*latency+10*time.Second {
					t.Errorf("read again: %v, after %v", ok, at)
				}
				if _, there := room.MemberNamed("carol"); !there {
					t.Error("carol, who came back meanwhile, is not there")
				}
				slow.Store(false)
				expectSame(t, room, lounge)
			})
		})
	}
}

// A bot of many rooms has them read one after the other, and none starves.
func TestQ03_manyRooms(t *testing.T) {
	const rooms = 60
	synctest.Test(t, func(t *testing.T) {
		server, bot := roomsOf(t, rooms)
		heard := listenForReturn(bot)
		begin := time.Now()
		server.CutLinks()
		time.Sleep(time.Second)
		for i := range rooms {
			server.Room(fmt.Sprint("room-", i)).Say("alice", fmt.Sprint("line ", i))
		}
		time.Sleep(5 * time.Minute)
		var last time.Duration
		for i := range rooms {
			if at, ok := heard.after(begin, fmt.Sprint("line ", i)); !ok || at > 4*time.Second {
				t.Errorf("room %d: the line was heard: %v, after %v", i, ok, at)
			}
			at, ok := heard.after(begin, fmt.Sprint("resynced room-", i))
			if !ok {
				t.Errorf("room %d was not read again", i)
			}
			last = max(last, at)
		}
		const least = rooms * 8 / 20 * time.Second // what the lane of the loads takes for so many calls
		t.Logf("all were read again after %v, and could not be before %v", last, least)
		if last > 2*least {
			t.Errorf("all were read again after %v", last)
		}
	})
}

// When the connection is lost again, who still reads a room for the last one makes room at once.
func TestQ03_lostAgain(t *testing.T) {
	const rooms = 6
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Bool
		server, bot := roomsOf(t, rooms, queuptest.WithHandler(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if slow.Load() && strings.HasPrefix(req.URL.Path, "/room") {
					select {
					case <-time.After(10 * time.Minute):
					case <-req.Context().Done():
					}
				}
				next.ServeHTTP(w, req)
			})
		}))
		for round := range 10 {
			slow.Store(true)
			server.CutLinks()
			time.Sleep(3*time.Minute + time.Duration(round)*7*time.Second) // a try to read a room may take half a minute by now
			slow.Store(false)
			heard := listenForReturn(bot)
			begin := time.Now()
			server.CutLinks()
			time.Sleep(10 * time.Second)
			for i := range rooms {
				if at, ok := heard.after(begin, fmt.Sprint("resynced room-", i)); !ok || at > 5*time.Second {
					t.Errorf("round %d: room %d was read again: %v, after %v", round, i, ok, at)
				}
			}
		}
	})
}

// roomsOf makes a bot that is in many rooms.
func roomsOf(t *testing.T, rooms int, opts ...queuptest.Option) (*queuptest.Server, *client.Client) {
	t.Helper()
	var world queuptest.World
	people := []string{"owner", "alice", "bob"}
	for _, name := range append(people, "bot") {
		world.Users = append(world.Users, queuptest.User{Name: name, Password: "secret"})
	}
	for i := range rooms {
		world.Rooms = append(world.Rooms, queuptest.RoomSpec{
			Slug: fmt.Sprint("room-", i), Owner: "owner", Present: people, Songs: []queuptest.Song{{By: "alice", Name: "Song", Length: withoutEnd}},
		})
	}
	server := queuptest.NewServer(append(opts, queuptest.InMemory(), queuptest.WithWorld(world))...)
	t.Cleanup(server.Close)
	bot := connect(t, server, "bot")
	var joins sync.WaitGroup
	for i := range rooms {
		joins.Go(func() {
			if _, err := bot.JoinRoom(t.Context(), fmt.Sprint("room-", i)); err != nil {
				t.Error(err)
			}
		})
	}
	joins.Wait()
	return server, bot
}
