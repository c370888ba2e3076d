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

// QueUp is asked what plays while the media of the next song are looked up.
func TestSongChanged_isToldOnceThoughQueUpIsAsked(t *testing.T) {
	var asked atomic.Int32
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		songs := record(room, tellChange)
		broadcast(server, "chat-skip", `,"username":"mod"`)
		time.Sleep(4500 * time.Millisecond)
		startSong(server, strangePlay, memberOf(t, room, "alice").UserID, `,"songInfo":null`)
		settle(10 * time.Second)
		expect(t, "songs", songs(), []string{`"Artist - Title" by alice`})
	}, answerSong(1500*time.Millisecond, &asked), meddle(http.MethodGet, "/playlist/active", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if asked.Load() == 0 {
			next.ServeHTTP(w, req)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"code":200,"message":"OK","data":{"startTime":1,"song":{"_id":"` + strangePlay + `","songid":"` + strangeSong +
			`","songLength":60000},"songInfo":` + strangeMedia + `}}`))
	}))
}

// lateOnce answers the call with that number late, from then on what was true when it was asked.
func lateOnce(part string, number int32, d time.Duration) queuptest.Option {
	var calls atomic.Int32
	return meddle(http.MethodGet, part, func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if calls.Add(1) == number {
			answerLate(w, req, next, d)
			return
		}
		next.ServeHTTP(w, req)
	})
}

func TestQueue_isNotReplacedByAnOlderAnswer(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		lounge := server.Room("lounge")
		lounge.RemoveDJ("owner", "bob")
		time.Sleep(6 * time.Second)
		lounge.RemoveDJ("owner", "carol")
		settle(time.Minute)
		if n := len(room.Queue()); n != len(lounge.Queued()) {
			t.Errorf("%d songs are queued, and QueUp has %d", n, len(lounge.Queued()))
		}
	}, lateOnce("/playlist/details", 2, 8*time.Second))
}

func TestRoles_areNotReplacedByAnOlderAnswer(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		lounge := server.Room("lounge")
		id := lounge.CreateRole("owner", "Helper")
		time.Sleep(2 * time.Second)
		lounge.UpdateRole("owner", id, "Friend")
		settle(time.Minute)
		var labels []string
		for _, role := range room.Roles() {
			if string(role.ID) == id {
				labels = append(labels, role.Label)
			}
		}
		expect(t, "the role", labels, []string{"Friend"})
	}, lateOnce("/roles", 2, 8*time.Second))
}

// An event that has to wait for its media does not make those behind it news.
func TestJoinRoom_tellsNothingThatTheStateHolds(t *testing.T) {
	var asked atomic.Int32
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		bot := connect(t, server, "bot")
		muted := record(bot, func(e client.MemberMuted) string { return e.User.Username })
		lounge := server.Room("lounge")
		time.AfterFunc(time.Second, func() {
			startSong(server, strangePlay, dave, `,"songInfo":null`)
			lounge.Mute("owner", "alice")
		})
		time.AfterFunc(4500*time.Millisecond, func() { lounge.Mute("owner", "bob") })
		room := must(bot.JoinRoom(t.Context(), "lounge"))(t)
		if !memberOf(t, room, "alice").Muted {
			t.Fatal("the state does not hold the mute")
		}
		settle(10 * time.Second)
		expect(t, "muted", muted(), []string{"bob"})
	}, withDave(), answerSong(time.Second, &asked), meddle(http.MethodGet, "/users", slow(4*time.Second)))
}
