package queuptest_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// Three hundred clients do everything at once, in a room with a crowd, while links break and tokens and sessions expire. Nobody
// gets a fault of the server for an answer, everybody hears lines in the order in which they were said, and the server can be
// closed while all of it goes on.
func TestHundredsOfClients(t *testing.T) {
	t.Parallel()
	clients := int64(300)
	if testing.Short() {
		clients = 60
	}
	world := queuptest.DefaultWorld()
	for i := range clients {
		world.Users = append(world.Users, queuptest.User{Name: fmt.Sprintf("user%d", i), Password: canary.Password})
	}
	srv := start(t, queuptest.WithWorld(world), queuptest.Crowd(queuptest.CrowdConfig{Members: 50, Rate: 20}))
	room := srv.Room("lounge")
	deeds := []struct{ method, path, form string }{
		{"POST", "/room/{room}/users", ""},
		{"POST", "/chat/{room}", "message=hello"}, // these two come first
		{"DELETE", "/room/{room}/users", ""},
		{"GET", "/room/{room}/users", ""},
		{"GET", "/chat/{room}", ""},
		{"POST", "/room/{room}/playlist/active/dubs", "type=updub"},
		{"GET", "/room/{room}/playlist/active", ""},
		{"GET", "/room/{room}/playlist/details", ""},
		{"POST", "/room/{room}/playlist", "songId=AbCdEfGhIjK&songType=youtube"},
		{"PUT", "/room/{room}/queue/pause", "queuePaused=1"},
		{"GET", "/auth/token", ""},
		{"POST", "/message", "usersid[]={owner}"},
		{"POST", "/user/{owner}/following", ""},
		{"GET", "/search?query=user", ""},
		{"GET", "/room/lounge", ""},
		{"POST", "/auth/login", "username=bob&password=wrong"},
	}
	fill := strings.NewReplacer("{room}", room.ID(), "{owner}", srv.World().Users[0].ID)
	var said, answered, heard atomic.Int64
	var wait sync.WaitGroup
	order := make([][]wire.MessageID, clients)
	open := make([]atomic.Bool, clients)
	for i := range clients {
		wait.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 0))
			b := login(t, srv, fmt.Sprintf("user%d", i))
			s := b.listen()
			open[i].Store(true)
			for n := range 4 {
				d := deeds[r.IntN(len(deeds))]
				if n == 0 || n == 1 && i%5 == 0 { // all of them talking would be deafening
					d = deeds[n]
				}
				contentType := ""
				if d.form != "" {
					contentType = "application/x-www-form-urlencoded"
				}
				got := b.send(d.method, fill.Replace(d.path), contentType, fill.Replace(d.form))
				if got.Status == http.StatusFound { // the session has expired: what was meant is done with the next one
					b.post("/auth/login", url.Values{"username": {fmt.Sprintf("user%d", i)}, "password": {canary.Password}})
					got = b.send(d.method, fill.Replace(d.path), contentType, fill.Replace(d.form))
				}
				if got.Status >= http.StatusInternalServerError {
					t.Errorf("%s %s: %d %s", d.method, d.path, got.Status, got.Body)
				}
				if d.path == "/chat/{room}" && d.method == http.MethodPost && got.Status == http.StatusOK {
					said.Add(1)
				}
				if n := answered.Add(1); n%(clients/2) == 0 { // by what was done, not by the clock: a slow machine gets as far
					srv.ExpireSessions()
				}
			}
			_ = s.conn.Close()
			for text := range s.frames { // all that came before the link was cut or closed
				heard.Add(1)
				f, err := realtime.ParseFrame([]byte(text[1:]))
				if err != nil || f.Message == nil || f.Message.Name != "chat-message" {
					continue
				}
				if e, err := wire.DecodeEvent(f.Message.Name, f.Message.Data); err == nil {
					order[i] = append(order[i], e.(*wire.ChatMessage).ID)
				}
			}
		})
	}
	stop := make(chan struct{})
	var chaos sync.WaitGroup
	chaos.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond): // real time: these are real sockets
			}
			switch i % 3 {
			case 0:
				if n := i * 7 % int(clients); open[n].Load() {
					srv.CutLinksOf(fmt.Sprintf("user%d", n))
				}
			case 1:
				room.Say("alice", "still here")
			case 2:
				if room.Members(); i%60 == 2 {
					_ = srv.Log()
				}
			}
		}
	})
	wait.Wait()
	close(stop)
	chaos.Wait()
	srv.Close()
	place := map[wire.MessageID]int{}
	for i, m := range room.Messages() {
		place[wire.MessageID(m.ID)] = i
	}
	for i, ids := range order {
		places := make([]int, len(ids))
		for k, id := range ids {
			places[k] = place[id]
		}
		if !slices.IsSorted(places) {
			t.Errorf("client %d heard lines in another order than the room's", i)
		}
	}
	if said.Load() == 0 || answered.Load() != clients*4 || heard.Load() < clients {
		t.Errorf("%d lines, %d answers, %d frames", said.Load(), answered.Load(), heard.Load())
	}
}
