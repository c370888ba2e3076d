package client_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// The connection is lost after the room was attached, and before it is read.
func TestJoinRoom_readsTheRoomOnceItIsAttachedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reads atomic.Int32
		server := queuptest.NewServer(queuptest.InMemory(), meddle(http.MethodGet, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
			if reads.Add(1) == 1 {
				next.ServeHTTP(w, req)
				return
			}
			answerLate(w, req, next, time.Second)
		}))
		defer server.Close()
		wire := newTap(server)
		var cut atomic.Bool
		wire.in = func(_ int, f *realtime.Frame) (lost bool) {
			if f.Action == realtime.ActionAttached && f.Channel == "room:"+server.Room("lounge").ID() && cut.CompareAndSwap(false, true) {
				server.CutLinks() // while the bot waits for its presence
			}
			return false
		}
		wait := func(int, error) (time.Duration, bool) { return 5 * time.Second, true }
		time.AfterFunc(5500*time.Millisecond, func() { server.Room("lounge").Leave("carol") })
		bot, room := joinLounge(t, server, "bot", client.WithDialer(wire), client.WithReconnect(wait))
		if state := bot.Health().State; state != realtime.StateConnected {
			t.Errorf("JoinRoom returned while the connection was %v", state)
		}
		time.Sleep(20 * time.Second)
		if _, there := room.MemberNamed("carol"); there {
			t.Error("carol has left, and is a member")
		}
	})
}

// talk has alice say a number of lines, in her own time.
func talk(server *queuptest.Server, lines int) {
	for i := range lines {
		server.Room("lounge").Say("alice", fmt.Sprint("line ", i))
		time.Sleep(10 * time.Second)
	}
}

// What was said is known up to the moment the room is joined, whatever happened before.
func TestResync_afterAJoinKnowsWhereTheChatWas(t *testing.T) {
	tests := map[string]struct {
		opts func() []queuptest.Option
		join func(t *testing.T, server *queuptest.Server, bot *client.Client)
	}{
		"that a cut interrupted": {
			func() []queuptest.Option {
				var reads atomic.Int32
				return []queuptest.Option{meddle(http.MethodGet, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
					if reads.Add(1) == 1 {
						time.Sleep(10 * time.Second)
					}
					next.ServeHTTP(w, req)
				})}
			},
			func(t *testing.T, server *queuptest.Server, bot *client.Client) {
				t.Helper()
				time.AfterFunc(5*time.Second, server.CutLinks)
				if _, err := bot.JoinRoom(t.Context(), "lounge"); err != nil {
					t.Fatal(err)
				}
			},
		},
		"of a room that was left during a cut": {
			func() []queuptest.Option { return nil },
			func(t *testing.T, server *queuptest.Server, bot *client.Client) {
				t.Helper()
				room, err := bot.JoinRoom(t.Context(), "lounge")
				if err != nil {
					t.Fatal(err)
				}
				server.CutLinks()
				time.Sleep(time.Second)
				if err := room.Leave(t.Context()); err != nil {
					t.Fatal(err)
				}
				talk(server, 300)
				if _, err := bot.JoinRoom(t.Context(), "lounge"); err != nil {
					t.Fatal(err)
				}
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := queuptest.NewServer(append(tt.opts(), queuptest.InMemory())...)
				defer server.Close()
				talk(server, 100)
				wait := func(int, error) (time.Duration, bool) { return 10 * time.Second, true }
				bot := connect(t, server, "bot", client.WithReconnect(wait))
				heard := record(bot, func(e client.Chat) string { return e.Message.Content })
				gaps := record(bot, func(e client.Gap) string { return e.What })
				tt.join(t, server, bot)
				time.Sleep(time.Minute)
				server.Room("lounge").Say("alice", "live")
				time.Sleep(time.Minute)
				server.CutLinks()
				synctest.Wait()
				server.Room("lounge").Say("alice", "missed")
				time.Sleep(time.Minute)
				expect(t, "heard", heard(), []string{"live", "missed"})
				expect(t, "gaps", gaps(), nil)
			})
		})
	}
}
