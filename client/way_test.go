package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// Two people log in, meet in a room, talk, and go: all of a bot's life.
func TestTheWholeWay(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot := newBot(t, server)
		ready := record(bot, func(client.Ready) string { return "ready" })
		joined := record(bot, func(e client.RoomJoined) string { return e.Room.Name() })
		left := record(bot, func(e client.RoomLeft) string { return fmt.Sprint(e.Room.Name(), e.Err) })
		chat := record(bot, func(e client.Chat) string {
			role, _ := e.Member.Role()
			return fmt.Sprintf("%s [%s]: %s", e.Author, role, e.Message.Content)
		})

		if err := bot.Login(t.Context(), "bot@example.com", "secret"); err != nil {
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

func TestWrongOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot := newBot(t, server)
		if err := bot.Connect(t.Context()); !errors.Is(err, client.ErrNotLoggedIn) {
			t.Errorf("Connect before Login = %v", err)
		}
		if err := bot.Wait(); !errors.Is(err, client.ErrNotConnected) {
			t.Errorf("Wait before Connect = %v", err)
		}
		if err := bot.Login(t.Context(), "bot", "secret"); err != nil {
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
			"Login":   bot.Login(t.Context(), "bot", "secret"),
			"Connect": bot.Connect(t.Context()),
			"Logout":  bot.Logout(t.Context()),
		} {
			if !errors.Is(err, client.ErrClosed) {
				t.Errorf("%s after Close = %v", name, err)
			}
		}
	})
}

func TestLogin_wrongPassword(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		err := newBot(t, server).Login(t.Context(), "bot", "wrong")
		if _, ok := errors.AsType[*client.AuthorizationError](err); !ok {
			t.Errorf("err = %v", err)
		}
	})
}

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
		if err := errors.Join(bot.Login(t.Context(), "bot", "secret"), bot.Connect(t.Context())); err != nil {
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

func TestSession_expiresInTheMiddle(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		server.ExpireSessions()
		if _, err := room.SendMessage(t.Context(), "still me"); err != nil {
			t.Fatal(err)
		}
		logins := 0
		for _, e := range server.Log() {
			if e.In && e.Path == "/auth/login" {
				logins++
			}
		}
		if logins != 2 {
			t.Errorf("%d logins", logins)
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

func TestLogout_andInAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot")
		ended := make(chan error)
		go func() { ended <- bot.Wait() }()
		if err := bot.Logout(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err != nil {
			t.Errorf("Wait = %v", err)
		}
		if _, ok := bot.User(); ok || bot.LoggedIn() || room.Joined() || slices.Contains(server.Room("lounge").Members(), "bot") {
			t.Error("not all is over after Logout")
		}
		ready := record(bot, func(client.Ready) string { return "ready" })
		if err := errors.Join(bot.Login(t.Context(), "bot", "secret"), bot.Connect(t.Context())); err != nil {
			t.Fatal(err)
		}
		again, err := bot.JoinRoom(t.Context(), "lounge")
		if err != nil || again != room || !room.Joined() {
			t.Errorf("joined again: %v, %v", again, err)
		}
		synctest.Wait()
		expect(t, "ready", ready(), []string{"ready"})
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
		if err := bot.Run(ctx, "bot", "secret"); err != nil {
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

func TestRun_tellsOfABadLogin(t *testing.T) {
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
		if err := bot.Run(ctx, "bot", "secret"); err != nil {
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
		server := queuptest.NewServer(queuptest.InMemory(), meddle(http.MethodGet, "/users", func(_ http.ResponseWriter, req *http.Request, _ http.Handler) {
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

func TestJoinRoom_endsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), meddle(http.MethodGet, "/users", func(_ http.ResponseWriter, req *http.Request, _ http.Handler) {
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
