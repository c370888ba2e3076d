package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// chatIn records what is said in the rooms of a client, or in one of them.
func chatIn(s client.Source) func() []string {
	return record(s, func(e client.Chat) string { return e.Message.Content })
}

// expectAlive makes sure that a room which claims to be joined is: QueUp has the bot in it, and the bot hears.
func expectAlive(t *testing.T, server *queuptest.Server, room *client.Room) {
	t.Helper()
	heard := chatIn(room)
	server.Room("lounge").Say("alice", "hello")
	synctest.Wait()
	if !room.Joined() || !hasBot(server) || !slices.Equal(heard(), []string{"hello"}) {
		t.Errorf("Joined() = %v, a member at QueUp: %v, heard %q", room.Joined(), hasBot(server), heard())
	}
}

// Nothing of a departure may come after the join that follows it.
func TestJoinRoom_whenARoomHasJustBeenLeft(t *testing.T) {
	for _, tt := range []struct {
		name     string
		takes    time.Duration // of QueUp, to let the bot go
		presence bool          // is shown back
	}{
		{"at once", 0, true},
		{"while QueUp takes its time", time.Second, true},
		{"while presence is not confirmed", 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 10 { // it depends on who comes first
				synctest.Test(t, func(t *testing.T) {
					server := queuptest.NewServer(queuptest.InMemory(), meddle(http.MethodDelete, "/users", slow(tt.takes)))
					defer server.Close()
					wire := newTap(server)
					var leaving atomic.Bool
					wire.in = func(_ int, f *realtime.Frame) (lost bool) {
						return !tt.presence && leaving.Load() && f.Action == realtime.ActionPresence
					}
					bot, room := joinLounge(t, server, "bot", client.WithDialer(wire))
					client.On(bot, func(ctx context.Context, _ client.RoomLeft) error {
						_, err := bot.JoinRoom(ctx, "lounge")
						return err
					})
					leaving.Store(true)
					if err := room.Leave(t.Context()); err != nil {
						t.Error(err)
					}
					time.Sleep(30 * time.Second)
					expectAlive(t, server, room)
				})
			}
		})
	}
}

func TestJoinRoom_everyCallerTriesAPasswordOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := queuptest.DefaultWorld()
		world.Rooms[0].Password = "open sesame"
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(world), meddle(http.MethodPost, "/users", slow(time.Second)))
		defer server.Close()
		bot := connect(t, server, "bot")
		without := make(chan error)
		go func() {
			_, err := bot.JoinRoom(t.Context(), "lounge")
			without <- err
		}()
		time.Sleep(500 * time.Millisecond)
		if _, err := bot.JoinRoom(t.Context(), "lounge", client.RoomPassword("open sesame")); err != nil {
			t.Errorf("with the password = %v", err)
		}
		if err := <-without; !errors.Is(err, client.ErrRoomPassword) {
			t.Errorf("without it = %v", err)
		}
	})
}

func TestJoinRoom_whileListeningBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), meddle(http.MethodGet, "/users", slow(time.Second)))
		defer server.Close()
		bot := connect(t, server, "bot")
		listening := make(chan error)
		go func() {
			_, err := bot.JoinRoom(t.Context(), "lounge", client.Listen())
			listening <- err
		}()
		time.Sleep(500 * time.Millisecond)
		room, err := bot.JoinRoom(t.Context(), "lounge")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := room.SendMessage(t.Context(), "hi"); err != nil {
			t.Errorf("SendMessage in a room that is joined = %v", err)
		}
		if err := <-listening; err != nil {
			t.Errorf("to listen = %v", err)
		}
	})
}

// A listener that cannot become a member goes on listening.
func TestJoinRoom_thatFailsEndsNoListening(t *testing.T) {
	tests := map[string]struct {
		method string // of the call that fails
		silent bool   // presence is never confirmed, and the caller does not wait
		fails  bool
	}{
		"QueUp refuses":              {http.MethodPost, false, true},
		"the members cannot be read": {http.MethodGet, false, false}, // they are known
		"the caller gives up":        {"", true, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var broken atomic.Bool
				server := queuptest.NewServer(queuptest.InMemory(), meddle(tt.method, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
					if broken.Load() {
						w.WriteHeader(http.StatusInternalServerError)
						return
					}
					next.ServeHTTP(w, req)
				}))
				defer server.Close()
				wire := newTap(server)
				wire.in = func(_ int, f *realtime.Frame) (lost bool) { return tt.silent && f.Action == realtime.ActionPresence }
				bot := connect(t, server, "bot", client.WithDialer(wire))
				room, err := bot.JoinRoom(t.Context(), "lounge", client.Listen())
				if err != nil {
					t.Fatal(err)
				}
				heard := chatIn(room)
				left := record(room, func(e client.RoomLeft) string { return fmt.Sprint(e.Err) })
				broken.Store(true)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if _, err := bot.JoinRoom(ctx, "lounge"); (err != nil) != tt.fails {
					t.Errorf("JoinRoom = %v", err)
				}
				time.Sleep(time.Minute)
				server.Room("lounge").Say("alice", "hello")
				synctest.Wait()
				expect(t, "heard", heard(), []string{"hello"})
				expect(t, "left", left(), nil)
				if !room.Joined() || hasBot(server) == tt.fails {
					t.Errorf("Joined() = %v, a member at QueUp: %v", room.Joined(), hasBot(server))
				}
				if _, err := room.SendMessage(t.Context(), "hi"); errors.Is(err, client.ErrNotJoined) != tt.fails {
					t.Errorf("SendMessage = %v", err)
				}
			})
		})
	}
}

// Half of the state that a join reads may be from before the cut: it is read again, and events still follow RoomJoined.
func TestJoinRoom_whenTheConnectionIsLostMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reads atomic.Int32
		server := queuptest.NewServer(queuptest.InMemory(), meddle(http.MethodGet, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
			if reads.Add(1) == 1 {
				answerLate(w, req, next, 20*time.Second)
				return
			}
			next.ServeHTTP(w, req)
		}))
		defer server.Close()
		bot := connect(t, server, "bot")
		synctest.Wait() // Ready is over
		heard := record(bot, func(e client.Event) string { return fmt.Sprintf("%T", e) })
		joined := make(chan *client.Room)
		go func() {
			room, err := bot.JoinRoom(t.Context(), "lounge")
			if err != nil {
				t.Error(err)
			}
			joined <- room
		}()
		time.Sleep(time.Second)
		server.CutLinks()
		time.Sleep(5 * time.Second)
		server.Room("lounge").Say("alice", "early")
		server.Room("lounge").Leave("carol")
		room := <-joined
		synctest.Wait()
		expect(t, "heard", heard(), []string{"client.Disconnected", "client.Reconnected", "client.RoomJoined", "client.Chat"})
		if _, there := room.MemberNamed("carol"); there {
			t.Error("carol, who has left, is a member")
		}
	})
}

func TestJoinRoom_showsTheBotThoughTheConnectionIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory())
		defer server.Close()
		wire := newTap(server)
		var cut atomic.Bool
		wire.in = func(_ int, f *realtime.Frame) (lost bool) {
			if f.Action == realtime.ActionAttached && cut.CompareAndSwap(false, true) {
				server.CutLinks() // between the channel and presence
			}
			return false
		}
		var shown atomic.Int64 // on which websocket
		wire.out = func(link int, f *realtime.Frame) (lost bool) {
			if f.Action == realtime.ActionPresence && link > 1 {
				shown.Store(int64(link))
			}
			return false
		}
		wait := func(int, error) (time.Duration, bool) { return 5 * time.Second, true } // longer than JoinRoom waits for presence
		_, room := joinLounge(t, server, "bot", client.WithDialer(wire), client.WithReconnect(wait))
		time.Sleep(time.Minute)
		if shown.Load() != 2 {
			t.Errorf("presence was entered on websocket %d, want the second", shown.Load())
		}
		expectAlive(t, server, room)
	})
}

func TestReconnect_asksAgainForARoomThatGotNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(twoRooms()))
		defer server.Close()
		wire := newTap(server)
		var lostOne atomic.Bool
		lounge := "room:" + server.Room("lounge").ID()
		wire.out = func(link int, f *realtime.Frame) (lost bool) {
			return link == 2 && f.Action == realtime.ActionAttach && f.Channel == lounge && lostOne.CompareAndSwap(false, true)
		}
		bot, room := joinLounge(t, server, "bot", client.WithDialer(wire))
		if _, err := bot.JoinRoom(t.Context(), "attic"); err != nil { // whose answer shows that the websocket works
			t.Fatal(err)
		}
		left := record(bot, func(e client.RoomLeft) string { return fmt.Sprint(e.Room, e.Err) })
		server.CutLinks()
		time.Sleep(time.Minute)
		expectAlive(t, server, room)
		expect(t, "left", left(), nil)
		if !lostOne.Load() || wire.links.Load() != 2 {
			t.Errorf("nothing was lost, or the websocket was opened %d times", wire.links.Load())
		}
	})
}

func twoRooms() queuptest.World {
	world := queuptest.DefaultWorld()
	attic := world.Rooms[0]
	attic.Slug, attic.Name, attic.Songs = "attic", "The Attic", nil
	world.Rooms = append(world.Rooms, attic)
	return world
}

// A room that does not come back with the connection is over, at QueUp too, unless the bot joins it again.
func TestReconnect_withoutARoom(t *testing.T) {
	for _, again := range []bool{false, true} {
		t.Run(fmt.Sprintf("joined again %v", again), func(t *testing.T) {
			for range 10 { // it depends on who comes first
				synctest.Test(t, func(t *testing.T) {
					server := queuptest.NewServer(queuptest.InMemory())
					defer server.Close()
					wire := newTap(server)
					var refused atomic.Bool
					wire.in = func(link int, f *realtime.Frame) (lost bool) {
						if link == 2 && f.Action == realtime.ActionAttached && strings.HasPrefix(f.Channel, "room:") && refused.CompareAndSwap(false, true) {
							f.Action, f.Error = realtime.ActionError, "not for you"
						}
						return link == 2 && f.Action == realtime.ActionPresence // which slows the tidying up down
					}
					bot, room := joinLounge(t, server, "bot", client.WithDialer(wire))
					left := record(bot, func(e client.RoomLeft) string { return fmt.Sprint(e.Room, " ", e.Err != nil) })
					client.On(bot, func(ctx context.Context, _ client.RoomLeft) (err error) {
						if again {
							_, err = bot.JoinRoom(ctx, "lounge")
						}
						return err
					})
					server.CutLinks()
					time.Sleep(time.Minute)
					synctest.Wait()
					expect(t, "left", left(), []string{"The Lounge true"})
					if again {
						expectAlive(t, server, room)
					} else if room.Joined() || hasBot(server) {
						t.Errorf("Joined() = %v, a member at QueUp: %v", room.Joined(), hasBot(server))
					}
				})
			}
		})
	}
}

func TestLeave_detachesTheChannel(t *testing.T) {
	for range 10 { // it depends on who comes first
		synctest.Test(t, func(t *testing.T) {
			server := queuptest.NewServer(queuptest.InMemory())
			defer server.Close()
			wire := newTap(server)
			var leaving, detached atomic.Bool
			wire.in = func(_ int, f *realtime.Frame) (lost bool) {
				return leaving.Load() && f.Action == realtime.ActionPresence // QueUp need not show it back
			}
			wire.out = func(_ int, f *realtime.Frame) (lost bool) {
				if f.Action == realtime.ActionDetach {
					detached.Store(true)
				}
				return false
			}
			_, room := joinLounge(t, server, "bot", client.WithDialer(wire))
			leaving.Store(true)
			if err := room.Leave(t.Context()); err != nil {
				t.Error(err)
			}
			time.Sleep(2 * time.Second) // in the background
			if !detached.Load() {
				t.Error("the channel is still attached")
			}
		})
	}
}

// After an error the bot is in the room as before, and can leave it later.
func TestLeave_thatFails(t *testing.T) {
	tests := map[string]struct {
		refuses bool // QueUp
		ended   bool // the caller's context
	}{
		"QueUp refuses":         {refuses: true},
		"the context has ended": {ended: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for range 10 { // with an ended context it depends on who comes first
				synctest.Test(t, func(t *testing.T) {
					var broken atomic.Bool
					server := queuptest.NewServer(queuptest.InMemory(), meddle(http.MethodDelete, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
						if broken.Load() {
							w.WriteHeader(http.StatusServiceUnavailable)
							return
						}
						next.ServeHTTP(w, req)
					}))
					defer server.Close()
					_, room := joinLounge(t, server, "bot")
					broken.Store(tt.refuses)
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					if tt.ended {
						cancel()
					}
					if err := room.Leave(ctx); err == nil {
						t.Error("Leave succeeded")
					}
					broken.Store(false)
					time.Sleep(time.Minute)
					expectAlive(t, server, room)
					if err := room.Leave(t.Context()); err != nil || room.Joined() || hasBot(server) {
						t.Errorf("a second Leave = %v, Joined() = %v, a member at QueUp: %v", err, room.Joined(), hasBot(server))
					}
				})
			}
		})
	}
}

func TestWait_afterLogout(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot := connect(t, server, "bot")
		if err := bot.Logout(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := bot.Wait(); err != nil {
			t.Errorf("Wait = %v", err)
		}
	})
}

func TestRun_endsInTheMiddleOfAJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), meddle(http.MethodGet, "/users", slow(time.Second)))
		defer server.Close()
		bot := newBot(t, server)
		heard := record(bot, func(e client.Event) string { return fmt.Sprintf("%T", e) })
		joined := make(chan error, 1)
		client.On(bot, func(ctx context.Context, _ client.Ready) error {
			_, err := bot.JoinRoom(ctx, "lounge")
			joined <- err
			return nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if err := bot.Run(ctx, "bot", "secret"); err != nil {
			t.Errorf("Run = %v", err)
		}
		if hasBot(server) {
			t.Error("Run has returned, and the bot is still in the room")
		}
		if err := <-joined; !errors.Is(err, client.ErrClosed) {
			t.Errorf("JoinRoom = %v", err)
		}
		expect(t, "heard", heard(), []string{"client.Ready"})
	})
}
