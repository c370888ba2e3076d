package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
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

// What a room tells is right though it took a while to find out what was missed.
func TestResync_withASlowHistory(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		wire := newTap(server)
		wire.in = func(link int, f *realtime.Frame) (lost bool) { // so that a departure alone has it read again
			return link > 1 && f.Message != nil && strings.HasPrefix(f.Message.Name, "room_playlist-queue")
		}
		_, room := joinLounge(t, server, "bot", client.WithDialer(wire))
		lounge := server.Room("lounge")
		start := time.Now()
		before, _ := room.Elapsed()
		server.CutLinks()
		time.Sleep(10 * time.Second)
		lounge.RemoveDJ("owner", "carol")
		lounge.Leave("mod")
		settle(time.Minute)
		if elapsed, _ := room.Elapsed(); (elapsed - before - time.Since(start)).Abs() > 1500*time.Millisecond {
			t.Errorf("the song plays for %v, and was told %v ago to play for %v", elapsed, time.Since(start), before)
		}
		if n := len(room.Queue()); n != len(lounge.Queued()) {
			t.Errorf("%d songs are queued, and QueUp has %d", n, len(lounge.Queued()))
		}
	}, meddle(http.MethodGet, "/playlist/history", slow(20*time.Second)))
}

// Whoever leaves while QueUp has not yet let them back in is gone.
func TestLeave_whileComingBack(t *testing.T) {
	var enters atomic.Int32
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot")
		me, _ := bot.User()
		broadcast(server, "user-leave", `,"user":{"_id":%q,"username":"bot"}`, me.ID)
		time.Sleep(6 * time.Second)
		if err := room.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		settle(time.Minute)
		if enters.Load() != 2 {
			t.Fatalf("the bot entered %d times", enters.Load())
		}
		if hasBot(server) {
			t.Error("the bot has left, and is there")
		}
	}, meddle(http.MethodPost, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if enters.Add(1) == 2 {
			time.Sleep(5 * time.Second)
		}
		next.ServeHTTP(w, req)
	}))
}

// refuse answers all calls but the first with a status.
func refuse(part string, status int) queuptest.Option {
	var calls atomic.Int32
	return meddle(http.MethodGet, part, func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if calls.Add(1) == 1 {
			next.ServeHTTP(w, req)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"code":%d,"message":"no","data":{}}`, status)
	})
}

func TestResync_tellsThatTheChatCannotBeRead(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		wait := func(int, error) (time.Duration, bool) { return 10 * time.Second, true }
		bot, _ := joinLounge(t, server, "bot", client.WithReconnect(wait))
		gaps := record(bot, func(e client.Gap) string {
			return fmt.Sprintf("%s for %v", e.What, e.To.Sub(e.From).Round(time.Second))
		})
		time.Sleep(time.Minute)
		server.CutLinks()
		synctest.Wait()
		server.Room("lounge").Say("alice", "missed")
		settle(time.Minute)
		// The last frame came 10 s before the cut, the bot was back 10 s after it, and QueUp's clock is known to 2 s.
		expect(t, "gaps", gaps(), []string{"chat for 22s"})
	}, refuse("/chat/", http.StatusForbidden))
}

func TestResync_endsARoomThatIsGone(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot")
		left := record(bot, func(e client.RoomLeft) string { return fmt.Sprint(errors.Is(e.Err, client.ErrNotFound)) })
		server.CutLinks()
		settle(10 * time.Minute)
		expect(t, "RoomLeft", left(), []string{"true"})
		if room.Joined() {
			t.Error("joined a room that is not there")
		}
	}, refuse("/users", http.StatusNotFound))
}

// A room whose channel takes its time is not given up as long as the connection lasts.
func TestReconnect_asksForARoomUntilThereIsAnAnswer(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		wire := newTap(server)
		lounge := "room:" + server.Room("lounge").ID()
		var asked atomic.Int32
		wire.out = func(link int, f *realtime.Frame) (lost bool) {
			return link == 2 && f.Channel == lounge && f.Action == realtime.ActionAttach && asked.Add(1) <= 4
		}
		bot, room := joinLounge(t, server, "bot", client.WithDialer(wire))
		must(bot.JoinRoom(t.Context(), "attic"))(t)
		server.CutLinks()
		time.Sleep(5 * time.Minute)
		expectAlive(t, server, room)
	}, queuptest.WithWorld(twoRooms()))
}

// What did not begin does not end.
func TestRoomLeft_onlyOfARoomThatWasJoined(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		never := func(int, error) (time.Duration, bool) { return 0, false }
		bot := connect(t, server, "bot", client.WithReconnect(never))
		left := record(bot, func(client.RoomLeft) string { return "left" })
		time.AfterFunc(time.Second, server.CutLinks)
		if _, err := bot.JoinRoom(t.Context(), "lounge"); err == nil {
			t.Error("joined without a connection")
		}
		settle(time.Minute)
		expect(t, "RoomLeft", left(), nil)
	}, meddle(http.MethodGet, "/users", slow(10*time.Second)))
}

// What changed between the first look at a room and its channel is known.
func TestJoinRoom_knowsTheSettings(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		bot := connect(t, server, "bot")
		time.AfterFunc(time.Second, func() { server.Room("lounge").Lock("owner", true) })
		room := must(bot.JoinRoom(t.Context(), "lounge"))(t)
		settle(time.Minute)
		if !room.Info().QueueLocked {
			t.Error("the queue is locked, and the room does not know it")
		}
	}, meddle(http.MethodPost, "/users", slow(2*time.Second)))
}
