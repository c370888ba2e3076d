package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/internal/testkit/canary"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

func TestJoinRoom_refused(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, _ := joinLounge(t, server, "bot")
		_, err := bot.JoinRoom(t.Context(), "no-such-room")
		if refusal, ok := errors.AsType[*client.APIError](err); !ok || !errors.Is(err, client.ErrNotFound) || refusal.Op != "room" {
			t.Errorf("an unknown slug = %v", err)
		}
		for name, opts := range map[string][]client.JoinOption{"": nil, "lounge": {nil}} {
			if _, err := bot.JoinRoom(t.Context(), name, opts...); !isArgument(err) {
				t.Errorf("JoinRoom(%q, %v) = %v", name, opts, err)
			}
		}
	})
}

func TestJoinRoom_sharesOneRoom(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot := newBot(t, server)
		if err := errors.Join(bot.Login(t.Context(), "bot", canary.Password), bot.Connect(t.Context())); err != nil {
			t.Fatal(err)
		}
		joined := record(bot, func(client.RoomJoined) string { return "joined" })
		rooms := make(chan *client.Room)
		for range 10 {
			go func() {
				room, err := bot.JoinRoom(t.Context(), "lounge")
				if err != nil {
					t.Error(err)
				}
				rooms <- room
			}()
		}
		first := <-rooms
		for range 9 {
			if room := <-rooms; room != first {
				t.Error("two handles for one room")
			}
		}
		again, err := bot.JoinRoom(t.Context(), string(first.ID()))
		if err != nil || again != first {
			t.Errorf("joined again by id: %v, %v", again, err)
		}
		if bySlug, ok := bot.Rooms().BySlug("LOUNGE"); !ok || bySlug != first {
			t.Errorf("BySlug = %v", bySlug)
		}
		if byRTC, ok := bot.Rooms().ByRTC(first.RTC()); !ok || byRTC != first {
			t.Errorf("ByRTC = %v", byRTC)
		}
		synctest.Wait()
		expect(t, "joined", joined(), []string{"joined"})
		joins := 0
		for _, call := range requests(server) {
			if call == "POST /room/"+string(first.ID())+"/users" {
				joins++
			}
		}
		if joins != 1 {
			t.Errorf("%d joins reached QueUp", joins)
		}
	})
}

func TestJoinRoom_endsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), intercept(http.MethodGet, "/users", func(_ http.ResponseWriter, req *http.Request, _ http.Handler) {
			<-req.Context().Done() // the members never come
		}))
		defer server.Close()
		bot := connect(t, server, "bot")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := bot.JoinRoom(ctx, "lounge"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("JoinRoom = %v", err)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if hasBot(server) {
			t.Error("a join that was given up leaves the bot in the room")
		}
	})
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
					server := queuptest.NewServer(queuptest.InMemory(), intercept(http.MethodDelete, "/users", delay(tt.takes)))
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
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(world), intercept(http.MethodPost, "/users", delay(time.Second)))
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
		server := queuptest.NewServer(queuptest.InMemory(), intercept(http.MethodGet, "/users", delay(time.Second)))
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
				server := queuptest.NewServer(queuptest.InMemory(), intercept(tt.method, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
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
		server := queuptest.NewServer(queuptest.InMemory(), intercept(http.MethodGet, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
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
					server := queuptest.NewServer(queuptest.InMemory(), intercept(http.MethodDelete, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
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

// Joins that hang keep no other room from being joined.
func TestJoinRoom_besideJoinsThatHang(t *testing.T) {
	for name, path := range map[string]string{"at the first look": "/room/", "at the load": "/users"} {
		t.Run(name, func(t *testing.T) {
			world := crowded(30, 30, 30)
			slow := world.Rooms[0].Slug
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				bot := connect(t, server, "bot")
				for range 3 {
					go func() { _, _ = bot.JoinRoom(t.Context(), slow) }()
				}
				settle(time.Second)
				began := time.Now()
				must(bot.JoinRoom(t.Context(), world.Rooms[1].Slug))(t)
				if took := time.Since(began); took > 6*time.Second {
					t.Errorf("it took %v", took)
				}
				_ = bot.Close()
			}, queuptest.WithWorld(world), intercept(http.MethodGet, path, func(w http.ResponseWriter, req *http.Request, next http.Handler) {
				if strings.Contains(req.URL.Path, slow) || path == "/users" && strings.Contains(req.URL.Path, "0001/") {
					select {
					case <-req.Context().Done():
					case <-time.After(10 * time.Minute):
					}
					return
				}
				next.ServeHTTP(w, req)
			}))
		})
	}
}

// swallowing is a Socket that loses the frames that drop picks.
type swallowing struct {
	realtime.Socket
	drop func(data []byte) bool
}

func (s swallowing) Write(op realtime.Opcode, data []byte) error {
	if s.drop(data) {
		return nil
	}
	return s.Socket.Write(op, data)
}

// A room whose channel gets no answer on a new link and is refused when asked again has ended, and says so.
func TestRoomLeft_whenTheChannelIsRefusedLater(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		var mu sync.Mutex
		armed := false
		lounge := server.Room("lounge").Channel()
		wire := &realtime.WebsocketDialer{NetDialContext: server.DialContext}
		_, room := joinLounge(t, server, "bot", client.WithDialer(dialFunc(func(ctx context.Context, url string, h http.Header) (realtime.Socket, error) {
			socket, err := wire.Dial(ctx, url, h)
			if err != nil {
				return nil, err
			}
			return swallowing{socket, func(data []byte) bool {
				mu.Lock()
				defer mu.Unlock()
				if armed && bytes.Contains(data, []byte(lounge)) && bytes.Contains(data, []byte(`"action":10`)) {
					armed = false
					server.RefuseChannel(lounge)
					return true
				}
				return false
			}}, nil
		})))
		left := record(room, func(e client.RoomLeft) string { return fmt.Sprint(e.Err != nil) })
		settle(time.Minute)
		mu.Lock()
		armed = true
		mu.Unlock()
		server.CutLinks()
		settle(10 * time.Minute)
		expect(t, "RoomLeft with a reason", left(), []string{"true"})
		if room.Joined() {
			t.Error("the room counts as joined, and is deaf")
		}
	})
}

// onRecord is a handler of logs that calls a function for a message.
type onRecord struct {
	slog.Handler
	message string
	call    func()
}

func (h onRecord) Handle(_ context.Context, r slog.Record) error {
	if r.Message == h.message {
		h.call()
	}
	return nil
}

// A join that a lost link interrupts may be done before the client knows that the link is back. Nothing is missing then.
func TestJoinRoom_doneBeforeReconnected(t *testing.T) {
	var reads atomic.Int32
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		talk(server, 100)
		wait := func(int, error) (time.Duration, bool) { return 10 * time.Second, true }
		logger := slog.New(onRecord{slog.NewTextHandler(io.Discard, nil), "realtime connected", func() { time.Sleep(time.Second) }})
		bot := connect(t, server, "bot", client.WithReconnect(wait), client.WithLogger(logger))
		gaps := record(bot, func(e client.Gap) string { return e.What })
		time.AfterFunc(5*time.Second, server.CutLinks)
		must(bot.JoinRoom(t.Context(), "lounge"))(t)
		settle(time.Minute)
		expect(t, "gaps", gaps(), nil)
	}, intercept(http.MethodGet, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if reads.Add(1) == 1 {
			time.Sleep(10 * time.Second)
		}
		next.ServeHTTP(w, req)
	}))
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
	}, intercept(http.MethodGet, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if reads.Add(1) == 1 {
			server.CutLinks()
			server.Room("lounge").Leave("bot")
			time.Sleep(time.Second)
		}
		next.ServeHTTP(w, req)
	}))
}

// The connection is lost after the room was attached, and before it is read.
func TestJoinRoom_readsTheRoomOnceItIsAttachedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reads atomic.Int32
		server := queuptest.NewServer(queuptest.InMemory(), intercept(http.MethodGet, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
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

// An event that has to wait for its media does not make those behind it news.
func TestJoinRoom_emitsNothingThatTheStateHolds(t *testing.T) {
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
	}, withDave(), answerSong(time.Second, &asked), intercept(http.MethodGet, "/users", delay(4*time.Second)))
}

// A bot that leaves a room before QueUp has let it back in is out.
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
	}, intercept(http.MethodPost, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if enters.Add(1) == 2 {
			time.Sleep(5 * time.Second)
		}
		next.ServeHTTP(w, req)
	}))
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
	}, intercept(http.MethodGet, "/users", delay(10*time.Second)))
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
	}, intercept(http.MethodPost, "/users", delay(2*time.Second)))
}

// joinTime joins all rooms of a world at once, with default options, and returns how long that takes.
func joinTime(t *testing.T, world queuptest.World) (took time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(world))
		defer server.Close()
		bot := connect(t, server, "bot")
		began := time.Now()
		joined := make(chan error)
		for _, room := range world.Rooms {
			go func() {
				_, err := bot.JoinRoom(t.Context(), room.Slug)
				joined <- err
			}()
		}
		for range world.Rooms {
			if err := <-joined; err != nil {
				t.Error(err)
			}
		}
		took = time.Since(began)
		people := 1 // the bot
		for _, spec := range world.Rooms {
			people += len(spec.Present)
			room, ok := bot.Rooms().BySlug(spec.Slug)
			if !ok {
				t.Fatalf("%s is not there", spec.Slug)
			}
			if n := room.Members().Len(); n != len(spec.Present)+1 {
				t.Errorf("%s has %d members instead of %d", spec.Slug, n, len(spec.Present)+1)
			}
			if _, playing := room.NowPlaying(); !playing || len(room.Queue()) != 19 {
				t.Errorf("%s: playing %v, and %d songs wait", spec.Slug, playing, len(room.Queue()))
			}
		}
		if n := bot.Users().Len(); n != people {
			t.Errorf("%d users are known instead of %d", n, people)
		}
	})
	return took
}

func TestJoinRoom_ofFiveThousandMembers(t *testing.T) {
	if took := joinTime(t, crowded(5000)); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestJoinRoom_ofTenRoomsAtOnce(t *testing.T) {
	if took := joinTime(t, crowded(slices.Repeat([]int{500}, 10)...)); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}
