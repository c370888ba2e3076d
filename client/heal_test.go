package client_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

func TestReconnect_showsTheBotInARoomThatGotNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(twoRooms()))
		defer server.Close()
		wire := newTap(server)
		var lostOne, shown atomic.Bool
		lounge := "room:" + server.Room("lounge").ID()
		wire.out = func(link int, f *realtime.Frame) (lost bool) {
			if link != 2 || f.Channel != lounge {
				return false
			}
			if f.Action == realtime.ActionPresence {
				shown.Store(true)
			}
			return f.Action == realtime.ActionAttach && lostOne.CompareAndSwap(false, true)
		}
		bot, room := joinLounge(t, server, "bot", client.WithDialer(wire))
		if _, err := bot.JoinRoom(t.Context(), "attic"); err != nil {
			t.Fatal(err)
		}
		server.CutLinks()
		time.Sleep(time.Minute)
		expectAlive(t, server, room)
		if !shown.Load() {
			t.Error("presence was not entered again")
		}
	})
}

func TestReload_afterALateAttachNeverBringsBackWhoHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(twoRooms()), meddle(http.MethodGet, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
			answerLate(w, req, next, time.Second)
		}))
		defer server.Close()
		wire := newTap(server)
		var lostOne atomic.Bool
		lounge := "room:" + server.Room("lounge").ID()
		wire.out = func(link int, f *realtime.Frame) (lost bool) {
			return link == 2 && f.Channel == lounge && f.Action == realtime.ActionAttach && lostOne.CompareAndSwap(false, true)
		}
		bot, room := joinLounge(t, server, "bot", client.WithDialer(wire))
		if _, err := bot.JoinRoom(t.Context(), "attic"); err != nil {
			t.Fatal(err)
		}
		back := make(chan struct{})
		client.On(bot, func(context.Context, client.Reconnected) error { close(back); return nil })
		left := record(room, func(e client.MemberLeft) string { return e.User.Username })
		server.CutLinks()
		<-back
		time.Sleep(500 * time.Millisecond)
		server.Room("lounge").Leave("carol")
		time.Sleep(time.Hour)
		expect(t, "left", left(), []string{"carol"})
		if _, there := room.MemberNamed("carol"); there {
			t.Error("MemberLeft was told, and carol is a member again, for good")
		}
	})
}

func TestReload_doesNotLetEventsOutOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reads atomic.Int32
		server := queuptest.NewServer(queuptest.InMemory(), meddle(http.MethodGet, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
			switch reads.Add(1) {
			case 2:
				answerLate(w, req, next, time.Minute)
			case 3:
				answerLate(w, req, next, 1200*time.Millisecond)
			default:
				next.ServeHTTP(w, req)
			}
		}))
		defer server.Close()
		wait := func(int, error) (time.Duration, bool) { return 100 * time.Millisecond, true }
		bot, room := joinLounge(t, server, "bot", client.WithReconnect(wait))
		left := record(bot, func(e client.MemberLeft) string { return e.User.Username })
		server.CutLinks()
		time.Sleep(1500 * time.Millisecond)
		server.CutLinks()
		time.Sleep(300 * time.Millisecond)
		server.Room("lounge").Leave("carol")
		for range 50 {
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
			if _, there := room.MemberNamed("carol"); there && len(left()) > 0 {
				t.Fatal("MemberLeft was told, and carol is a member again")
			}
		}
	})
}

func TestConnect_fromAHandlerOfDisconnected(t *testing.T) {
	for range 200 { // it depends on who comes first
		inBubble(t, func(t *testing.T, server *queuptest.Server) {
			never := func(int, error) (time.Duration, bool) { return 0, false }
			bot := connect(t, server, "bot", client.WithReconnect(never))
			ready := record(bot, func(client.Ready) string { return "ready" })
			again := make(chan error, 1)
			client.On(bot, func(ctx context.Context, _ client.Disconnected) error {
				again <- bot.Connect(ctx)
				return nil
			})
			synctest.Wait()
			before := len(ready())
			server.CutLinks()
			err := <-again
			synctest.Wait()
			if err == nil && len(ready()) == before {
				t.Errorf("Connect = nil, and there is no connection: Wait = %v", bot.Wait())
			}
		})
	}
}
