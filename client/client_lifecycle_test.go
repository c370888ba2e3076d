package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/internal/testkit/canary"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// Two people log in, meet in a room, talk, and go: all of a bot's life.
func TestClient_wholeLife(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot := newBot(t, server)
		ready := record(bot, func(client.Ready) string { return "ready" })
		joined := record(bot, func(e client.RoomJoined) string { return e.Room.Name() })
		left := record(bot, func(e client.RoomLeft) string { return fmt.Sprint(e.Room.Name(), e.Err) })
		chat := record(bot, func(e client.Chat) string {
			role, _ := e.Member.Role()
			return fmt.Sprintf("%s [%s]: %s", e.Author, role, e.Message.Content)
		})

		if err := bot.Login(t.Context(), "bot@example.com", canary.Password); err != nil {
			t.Fatal(err)
		}
		if me, ok := bot.User(); !ok || me.Username != "bot" || !bot.LoggedIn() {
			t.Errorf("logged in as %v", me)
		}
		if err := bot.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		room, err := bot.JoinRoom(t.Context(), "lounge")
		if err != nil {
			t.Fatal(err)
		}
		if !room.Joined() || room.Slug() != "lounge" || room.Info().OwnerID == "" {
			t.Errorf("joined %+v", room.Info())
		}
		for _, name := range []string{"alice", "bob", "carol", "mod", "owner", "bot"} {
			if _, ok := room.MemberNamed(strings.ToUpper(name)); !ok {
				t.Errorf("%s is not among the members", name)
			}
		}
		song, playing := room.NowPlaying()
		info, known := song.Info()
		user, _ := song.User()
		if !playing || !known || song.Length != 3*time.Minute || info.Name == "" || user.Username != "alice" {
			t.Errorf("playing: %v, %v, queued by %v", playing, song, user)
		}

		_, mods := joinLounge(t, server, "mod")
		heardByMod := record(mods, func(e client.Chat) string { return e.Author.Username + ": " + e.Message.Content })
		if _, err := mods.SendMessage(t.Context(), "  <b>hello</b> & welcome "); err != nil {
			t.Fatal(err)
		}
		sent, err := room.SendMessage(t.Context(), `"hi" it's me`)
		if err != nil {
			t.Fatal(err)
		}
		if author, ok := sent.Author(); !ok || author.Username != "bot" || sent.Content != `"hi" it's me` || sent.ID == "" || sent.CreatedAt.IsZero() {
			t.Errorf("sent %+v", sent)
		}
		synctest.Wait()
		expect(t, "the bot hears", chat(), []string{"mod [Moderator]: <b>hello</b> & welcome"})
		expect(t, "mod hears", heardByMod(), []string{`bot: "hi" it's me`})
		if lines := room.Messages(); len(lines) != 2 || lines[1].Content != sent.Content {
			t.Errorf("the history holds %v", lines)
		}
		if m, ok := bot.Messages().Get(sent.ID); !ok || !m.Equal(sent) {
			t.Errorf("bot.Messages has %+v, sent was %+v", m, sent)
		}

		if err := room.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		if room.Joined() || slices.Contains(server.Room("lounge").Members(), "bot") {
			t.Error("still in the room after Leave")
		}
		if _, err := mods.SendMessage(t.Context(), "anyone?"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		expect(t, "the bot hears after it has left", chat(), []string{"mod [Moderator]: <b>hello</b> & welcome"})
		expect(t, "ready", ready(), []string{"ready"})
		expect(t, "joined", joined(), []string{"The Lounge"})
		expect(t, "left", left(), []string{"The Lounge<nil>"})
		if err := room.Leave(t.Context()); !errors.Is(err, client.ErrNotJoined) {
			t.Errorf("a second Leave = %v", err)
		}
	})
}

func TestCalls_inTheWrongOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot := newBot(t, server)
		if err := bot.Connect(t.Context()); !errors.Is(err, client.ErrNotLoggedIn) {
			t.Errorf("Connect before Login = %v", err)
		}
		if err := bot.Wait(); !errors.Is(err, client.ErrNotConnected) {
			t.Errorf("Wait before Connect = %v", err)
		}
		if err := bot.Login(t.Context(), "bot", canary.Password); err != nil {
			t.Fatal(err)
		}
		if _, err := bot.JoinRoom(t.Context(), "lounge"); !errors.Is(err, client.ErrNotConnected) {
			t.Errorf("JoinRoom before Connect = %v", err)
		}
		if err := bot.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := bot.Connect(t.Context()); err != nil {
			t.Errorf("a second Connect = %v", err)
		}
		_ = bot.Close()
		if err := bot.Wait(); err != nil {
			t.Errorf("Wait after Close = %v", err)
		}
		for name, err := range map[string]error{
			"Login":   bot.Login(t.Context(), "bot", canary.Password),
			"Connect": bot.Connect(t.Context()),
			"Logout":  bot.Logout(t.Context()),
		} {
			if !errors.Is(err, client.ErrClosed) {
				t.Errorf("%s after Close = %v", name, err)
			}
		}
	})
}

func TestGuest_listens(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		guest := newBot(t, server, client.WithGuest())
		if err := guest.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		room, err := guest.JoinRoom(t.Context(), "lounge", client.Listen())
		if err != nil {
			t.Fatal(err)
		}
		heard := record(room, func(e client.Chat) string { return e.Message.Content })
		server.Room("lounge").Say("alice", "hello")
		synctest.Wait()
		expect(t, "heard", heard(), []string{"hello"})
		if _, err := room.SendMessage(t.Context(), "me too"); !errors.Is(err, client.ErrNotJoined) {
			t.Errorf("a guest says something: %v", err)
		}
		if err := room.Leave(t.Context()); err != nil || room.Joined() {
			t.Errorf("Leave = %v", err)
		}
	})
}

func TestRun(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot := newBot(t, server)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		client.On(bot, func(ctx context.Context, _ client.Ready) error {
			_, err := bot.JoinRoom(ctx, "lounge")
			return err
		})
		client.On(bot, func(ctx context.Context, e client.Chat) error {
			if e.Message.Content != "~ping" {
				return nil
			}
			_, err := e.Room.SendMessage(ctx, "Pong!")
			return err
		})
		time.AfterFunc(time.Minute, func() { server.Room("lounge").Say("alice", "~ping") })
		time.AfterFunc(time.Hour, stop)
		if err := bot.Run(ctx, "bot", canary.Password); err != nil {
			t.Errorf("Run = %v", err)
		}
		said := server.Room("lounge").Messages()
		if len(said) != 2 || said[1].User != "bot" || said[1].Text != "Pong!" {
			t.Errorf("said in the room: %v", said)
		}
		if slices.Contains(server.Room("lounge").Members(), "bot") {
			t.Error("Run has not left the room")
		}
		select {
		case <-bot.Done():
		default:
			t.Error("something still runs after Run")
		}
	})
}

func TestRun_reportsABadLogin(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		err := newBot(t, server).Run(t.Context(), "bot", "wrong")
		if _, ok := errors.AsType[*client.AuthorizationError](err); !ok {
			t.Errorf("Run = %v", err)
		}
	})
}

func TestRun_doesNotWaitForeverForAHandler(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot := newBot(t, server)
		gate := make(chan struct{})
		defer close(gate)
		client.On(bot, func(context.Context, client.Ready) error { <-gate; return nil })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		if err := bot.Run(ctx, "bot", canary.Password); err != nil {
			t.Errorf("Run = %v", err)
		}
		if took := time.Since(start); took != 65*time.Second {
			t.Errorf("Run took %v, want a minute and five seconds for the handler", took)
		}
	})
}

func TestClose_inTheMiddleOfAJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reading := make(chan struct{})
		server := queuptest.NewServer(queuptest.InMemory(), intercept(http.MethodGet, "/users", func(_ http.ResponseWriter, req *http.Request, _ http.Handler) {
			close(reading)
			<-req.Context().Done() // the members never come
		}))
		defer server.Close()
		bot := connect(t, server, "bot")
		left := record(bot, func(client.RoomLeft) string { return "left" })
		joined := make(chan error)
		go func() {
			_, err := bot.JoinRoom(t.Context(), "lounge")
			joined <- err
		}()
		<-reading
		start := time.Now()
		_ = bot.Close()
		if err := <-joined; !errors.Is(err, client.ErrClosed) {
			t.Errorf("JoinRoom = %v", err)
		}
		<-bot.Done()
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("all was over after %v", took)
		}
		expect(t, "left", left(), nil)
	})
}

func TestDone_waitsForADialerThatIgnoresItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		var dialing atomic.Bool
		bot := newBot(t, server, client.WithDialer(dialFunc(func(context.Context, string, http.Header) (realtime.Socket, error) {
			dialing.Store(true)
			defer dialing.Store(false)
			time.Sleep(time.Hour)
			return nil, errors.New("nobody answers")
		})))
		if err := bot.Login(t.Context(), "bot", canary.Password); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := bot.Connect(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Connect = %v", err)
		}
		if !dialing.Load() {
			t.Fatal("the dialer is through")
		}
		_ = bot.Close()
		<-bot.Done()
		if dialing.Load() {
			t.Error("Done is closed, and the dialer still runs")
			time.Sleep(time.Hour)
		}
	})
}

func TestDone_leavesNoConnectionOpen(t *testing.T) {
	tests := map[string]struct {
		opts  []client.Option
		users bool // REST goes through a transport of the user's
	}{
		"by default":                        {},
		"with the user's http.Client":       {opts: []client.Option{client.WithHTTPClient(new(http.Client))}},
		"but those of the user's transport": {users: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				var open atomic.Int32
				dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
					conn, err := server.DialContext(ctx, network, addr)
					if err != nil {
						return nil, err
					}
					open.Add(1)
					return &counted{Conn: conn, open: &open}, nil
				}
				opts := append([]client.Option{client.WithDialContext(dial)}, tt.opts...)
				if tt.users {
					transport := &http.Transport{DialContext: dial}
					defer transport.CloseIdleConnections()
					opts = append(opts, client.WithTransport(transport))
				}
				bot, _ := joinLounge(t, server, "bot", opts...)
				if open.Load() < 2 {
					t.Fatalf("%d connections while REST and the websocket are in use", open.Load())
				}
				_ = bot.Close()
				<-bot.Done()
				if n := open.Load(); (n > 0) != tt.users {
					t.Errorf("%d connections are open", n)
				}
			})
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
		server := queuptest.NewServer(queuptest.InMemory(), intercept(http.MethodGet, "/users", delay(time.Second)))
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
		if err := bot.Run(ctx, "bot", canary.Password); err != nil {
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

func TestReconnect_bringsTheRoomBack(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot")
		lounge := server.Room("lounge")
		heard := record(bot, func(e client.Event) string {
			switch e := e.(type) {
			case client.Disconnected:
				return fmt.Sprintf("disconnected for a reason: %v", e.Err != nil)
			case client.Chat:
				return e.Message.Content
			default:
				return fmt.Sprintf("%T", e)
			}
		})
		server.CutLinks()
		lounge.Leave("carol") // behind the bot's back
		time.Sleep(5 * time.Second)
		synctest.Wait()
		lounge.Say("alice", "are you there?")
		synctest.Wait()
		expect(t, "heard", heard(), []string{"disconnected for a reason: true", "client.Reconnected", "client.MemberLeft", "client.Resynced", "are you there?"})
		if _, ok := room.MemberNamed("carol"); ok || !room.Joined() {
			t.Error("the members are those from before the cut")
		}
		if _, err := room.SendMessage(t.Context(), "yes"); err != nil {
			t.Error(err)
		}
	})
}

func TestReconnect_endsWhenThePasswordIsNoLongerGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changed atomic.Bool
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithHandler(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if changed.Load() && req.URL.Path == "/auth/login" {
					w.WriteHeader(http.StatusBadRequest)
					_, _ = io.WriteString(w, `{"code":400,"message":"Bad Request","data":{"details":{"message":"Invalid credentials"}}}`)
					return
				}
				next.ServeHTTP(w, req)
			})
		}))
		defer server.Close()
		bot, room := joinLounge(t, server, "bot")
		left := record(bot, func(e client.RoomLeft) string { return fmt.Sprint(e.Err != nil) })
		changed.Store(true)
		server.ExpireSessions() // from now on QueUp takes the client for a guest
		server.CutLinks()
		err := bot.Wait()
		if _, ok := errors.AsType[*client.AuthorizationError](err); !ok {
			t.Errorf("Wait = %v", err)
		}
		synctest.Wait()
		expect(t, "left", left(), []string{"true"})
		if room.Joined() {
			t.Error("still joined")
		}
		attempts := 0
		for _, e := range server.Log() {
			if e.In && e.Path == "/auth/login" {
				attempts++
			}
		}
		if attempts != 2 {
			t.Errorf("%d logins, want the first and one more", attempts)
		}
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

// A Connect whose context ends as the link comes up still has a mailbox.
func TestConnect_mailboxWhateverBecomesOfTheContext(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		logger := slog.New(onRecord{slog.NewTextHandler(io.Discard, nil), "realtime connected", cancel})
		bot := newBot(t, server, client.WithLogger(logger))
		if err := bot.Login(t.Context(), "bot", canary.Password); err != nil {
			t.Fatal(err)
		}
		heard := record(bot, func(e client.PrivateMessage) string { return e.Message.Content })
		if err := bot.Connect(ctx); err != nil {
			if err := bot.Connect(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		settle(time.Minute)
		server.Message("alice", "hi", "bot")
		settle(time.Minute)
		expect(t, "private messages", heard(), []string{"hi"})
	})
}
