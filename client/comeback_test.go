package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// whileAway cuts the links and has something happen before they are back.
func whileAway(t *testing.T, server *queuptest.Server, away func()) {
	t.Helper()
	server.CutLinks()
	synctest.Wait()
	away()
}

// When Resynced is emitted the bot is in its room, whether QueUp has forgotten it or not: what a handler says then is said.
func TestResynced_isEmittedInTheRoom(t *testing.T) {
	for name, tt := range map[string]struct {
		arrange func(t *testing.T, room *client.Room)
		away    func(t *testing.T, server *queuptest.Server)
		fails   int32  // of the attempts to enter the room once more
		status  int    // with which they fail
		answer  string // and its text
	}{
		"a short loss": {away: func(*testing.T, *queuptest.Server) {}},
		"QueUp has forgotten the bot": {
			away: func(_ *testing.T, server *queuptest.Server) { server.Room("lounge").Leave("bot") },
		},
		"QueUp has forgotten the bot, and does not let it in at first": {
			away:  func(_ *testing.T, server *queuptest.Server) { server.Room("lounge").Leave("bot") },
			fails: 3, status: http.StatusInternalServerError, answer: `{"code":500,"message":"not now"}`,
		},
		"QueUp has forgotten the bot, and a proxy does not let it through at first": {
			away:  func(_ *testing.T, server *queuptest.Server) { server.Room("lounge").Leave("bot") },
			fails: 3, status: http.StatusForbidden, answer: "<html>Forbidden</html>",
		},
		"a long restart": {
			away: func(t *testing.T, server *queuptest.Server) {
				if err := server.Restart(2 * time.Minute); err != nil {
					t.Error(err)
				}
			},
		},
		"a long restart, and the bot is invisible": {
			arrange: func(t *testing.T, room *client.Room) {
				if err := room.ChangePresence(t.Context(), client.PresenceExit); err != nil {
					t.Error(err)
				}
			},
			away: func(t *testing.T, server *queuptest.Server) {
				server.Room("lounge").Leave("bot")
				if err := server.Restart(2 * time.Minute); err != nil {
					t.Error(err)
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var left atomic.Int32
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				bot, room := joinLounge(t, server, "bot", client.WithReconnect(func(int, error) (time.Duration, bool) { return time.Second, true }))
				said := record(bot, func(e client.Resynced) string {
					_, err := e.Room.SendMessage(t.Context(), "back again")
					return fmt.Sprint(hasBot(server), " ", err)
				})
				if tt.arrange != nil {
					tt.arrange(t, room)
				}
				left.Store(tt.fails)
				whileAway(t, server, func() { tt.away(t, server) })
				time.Sleep(time.Minute)
				expect(t, "in the room, and the error of the line", said(), []string{"true <nil>"})
				if !room.Joined() || left.Load() > 0 {
					t.Errorf("joined: %v, %d failures left", room.Joined(), left.Load())
				}
			}, meddle(http.MethodPost, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
				if left.Add(-1) >= 0 {
					http.Error(w, tt.answer, tt.status)
					return
				}
				next.ServeHTTP(w, req)
			}))
		})
	}
}

// A bot that may not come back has lost the room: RoomLeft says why, and Resynced is not emitted.
func TestResynced_isNotEmittedToWhoMayNotComeBack(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot")
		resynced := record(bot, func(client.Resynced) string { return "resynced" })
		lost := make(chan error, 1)
		client.On(bot, func(_ context.Context, e client.RoomLeft) error { lost <- e.Err; return nil })
		whileAway(t, server, func() { server.Room("lounge").Ban("owner", "bot", time.Hour) })
		if err := <-lost; !errors.Is(err, client.ErrBanned) || room.Joined() {
			t.Errorf("lost with %v, joined %v", err, room.Joined())
		}
		time.Sleep(time.Minute)
		expect(t, "events", resynced(), nil)
	})
}

// A room that is only listened to is not entered.
func TestResynced_ofAListener(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot := connect(t, server, "bot")
		must(bot.JoinRoom(t.Context(), "lounge", client.Listen()))(t)
		resynced := record(bot, func(client.Resynced) string { return "resynced" })
		whileAway(t, server, func() {})
		time.Sleep(time.Minute)
		expect(t, "events", resynced(), []string{"resynced"})
		if hasBot(server) {
			t.Error("a listener has entered the room")
		}
	})
}

// A link that is lost in the middle of a join, and a QueUp that has forgotten the bot by then, do not leave it outside.
func TestJoinRoom_entersAgainAfterALostLink(t *testing.T) {
	var reads atomic.Int32
	var server *queuptest.Server
	inBubbleWith(t, func(t *testing.T, s *queuptest.Server) {
		server = s
		bot := connect(t, s, "bot", client.WithReconnect(func(int, error) (time.Duration, bool) { return time.Second, true }))
		room := must(bot.JoinRoom(t.Context(), "lounge"))(t)
		if _, err := room.SendMessage(t.Context(), "hello"); err != nil || !hasBot(s) {
			t.Errorf("in the room: %v, error %v", hasBot(s), err)
		}
	}, meddle(http.MethodGet, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if reads.Add(1) == 1 {
			server.CutLinks()
			server.Room("lounge").Leave("bot")
			time.Sleep(time.Second)
		}
		next.ServeHTTP(w, req)
	}))
}
