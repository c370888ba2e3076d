package queuptest_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/queuptest"
)

func TestCutLinks_dropsEveryWebsocketAndNothingElse(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice := login(t, srv, "alice")
	links := []*socket{alice.open(), alice.open(), newBrowser(t, srv).open()}
	token := alice.token().Token
	srv.CutLinks()
	for _, s := range links {
		var closed *websocket.CloseError
		if err := s.ended(); errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure {
			t.Errorf("the link ended with %v, want no close frame", err)
		}
	}
	if got := alice.get("/auth/session"); got.Status != http.StatusOK {
		t.Errorf("the session ended too: %d", got.Status)
	}
	dial(t, srv, token).next()
}

func TestClose_doesNotWaitForPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, queuptest.InMemory())
		token := newBrowser(t, srv).token().Token
		d := websocket.Dialer{NetDialContext: srv.DialContext}
		conn, resp, err := d.DialContext(t.Context(), srv.RealtimeURL()+"?access_token="+token, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		defer conn.Close()
		begin := time.Now()
		var wait sync.WaitGroup
		wait.Go(srv.Close)
		wait.Go(srv.Close)
		wait.Wait()
		if d := time.Since(begin); d > time.Second {
			t.Errorf("Close took %v", d)
		}
	})
}

func TestSlowLink_isDroppedAndOthersGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, queuptest.InMemory(), queuptest.Heartbeat(time.Hour, time.Hour))
		room := srv.Room("lounge")
		slow := dialWithoutReading(t, srv)
		defer slow.Close()
		s := newBrowser(t, srv).listen()
		if err := slow.WriteMessage(websocket.TextMessage, []byte(`4{"action":10,"channel":"room:`+room.ID()+`"}`)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		const lines = 3000
		go func() {
			for i := range lines {
				room.Say("alice", fmt.Sprint(i))
			}
		}()
		for i := range lines {
			if e := event[*wire.ChatMessage](s); e.Text != fmt.Sprint(i) {
				t.Fatalf("line %d is %q", i, e.Text)
			}
		}
		time.Sleep(11 * time.Second) // a write may take 10 s
		if err := slow.WriteMessage(websocket.TextMessage, []byte("2")); err == nil {
			t.Error("the link that does not read goes on")
		}
	})
}

func TestSlowLink_hasABoundedQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, queuptest.InMemory())
		slow := dialWithoutReading(t, srv)
		defer slow.Close()
		if err := slow.WriteMessage(websocket.TextMessage, []byte(`4{"action":10,"channel":"room:`+srv.Room("lounge").ID()+`"}`)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for range 17_000 {
			srv.Room("lounge").Broadcast("x", nil)
		}
		if err := slow.WriteMessage(websocket.TextMessage, []byte("2")); err == nil {
			t.Error("the link goes on with 17,000 frames behind")
		}
	})
}

func dialWithoutReading(t *testing.T, srv *queuptest.Server) *websocket.Conn {
	t.Helper()
	d := websocket.Dialer{NetDialContext: srv.DialContext}
	conn, resp, err := d.DialContext(t.Context(), srv.RealtimeURL()+"?access_token="+newBrowser(t, srv).token().Token, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return conn
}

func TestManyClients(t *testing.T) {
	t.Parallel()
	const clients = 200
	world := queuptest.DefaultWorld()
	for i := range clients {
		name := fmt.Sprintf("user%d", i)
		world.Users = append(world.Users, queuptest.User{Name: name, Password: canary.Password})
		world.Rooms[0].Present = append(world.Rooms[0].Present, name)
	}
	srv := start(t, queuptest.WithWorld(world))
	room := srv.Room("lounge")
	chatID := regexp.MustCompile(`chatid\\":\\"([0-9a-f]+-\d+)`)
	heard := make([][]string, clients)
	var ready, wait sync.WaitGroup
	ready.Add(clients)
	for i := range clients {
		wait.Go(func() {
			b := login(t, srv, fmt.Sprintf("user%d", i))
			s := b.listen()
			ready.Done()
			ready.Wait()
			if got := b.post("/chat/"+room.ID(), url.Values{"message": {"hello"}}); got.Status != http.StatusOK {
				t.Errorf("chat: %d", got.Status)
			}
			for len(heard[i]) < clients {
				match := chatID.FindStringSubmatch(<-s.frames)
				if match == nil {
					t.Errorf("client %d heard something else: %v", i, s.err)
					return
				}
				heard[i] = append(heard[i], match[1])
			}
		})
	}
	wait.Wait()
	var want []string
	for _, m := range room.Messages() {
		want = append(want, m.ID)
	}
	for i := range clients {
		if !slices.Equal(heard[i], want) {
			t.Errorf("client %d heard %d lines in another order than the room's %d", i, len(heard[i]), len(want))
		}
	}
	if n := len(srv.Log()); n != 10_000 {
		t.Errorf("the log has %d entries, want the last 10,000", n)
	}
}

// Only the websockets of the named users break.
func TestCutLinksOf(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice, bob := login(t, srv, "alice").open(), login(t, srv, "bob").open()
	srv.CutLinksOf("Alice")
	if alice.ended() == nil {
		t.Error("alice's link goes on")
	}
	bob.silent()
}
