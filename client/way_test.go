package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// inBubble runs a test on virtual time, against a QueUp in memory.
func inBubble(t *testing.T, test func(t *testing.T, server *queuptest.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory())
		defer server.Close()
		test(t, server)
	})
}

// newBot makes a client of the server that is closed with the test.
func newBot(t *testing.T, server *queuptest.Server, opts ...client.Option) *client.Client {
	t.Helper()
	bot, err := client.New(append([]client.Option{
		client.WithBaseURL(server.URL()),
		client.WithRealtimeURL(server.RealtimeURL()),
		client.WithDialContext(server.DialContext),
		client.WithErrorHandler(func(_ context.Context, err error) { t.Errorf("error handler: %v", err) }),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = bot.Close()
		<-bot.Done()
	})
	return bot
}

// connect logs in and connects.
func connect(t *testing.T, server *queuptest.Server, name string, opts ...client.Option) *client.Client {
	t.Helper()
	bot := newBot(t, server, opts...)
	if err := bot.Login(t.Context(), name, "secret"); err != nil {
		t.Fatal(err)
	}
	if err := bot.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	return bot
}

// joinLounge logs in, connects and joins the lounge.
func joinLounge(t *testing.T, server *queuptest.Server, name string, opts ...client.Option) (*client.Client, *client.Room) {
	t.Helper()
	bot := connect(t, server, name, opts...)
	room, err := bot.JoinRoom(t.Context(), "lounge")
	if err != nil {
		t.Fatal(err)
	}
	return bot, room
}

// record collects the events of a type as text; the function it returns tells what was heard so far.
func record[E client.Event](s client.Source, text func(E) string) func() []string {
	var mu sync.Mutex
	var heard []string
	client.On(s, func(_ context.Context, e E) error {
		line := text(e)
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, line)
		return nil
	})
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(heard)
	}
}

func expect(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

// meddle hands the calls of a method, to paths that contain part, to a handler of the test's own; next is QueUp's.
func meddle(method, part string, handle func(w http.ResponseWriter, req *http.Request, next http.Handler)) queuptest.Option {
	return queuptest.WithHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method == method && strings.Contains(req.URL.Path, part) {
				handle(w, req, next)
				return
			}
			next.ServeHTTP(w, req)
		})
	})
}

// slow is for meddle: QueUp takes its time before it does what it is asked for.
func slow(d time.Duration) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		time.Sleep(d)
		next.ServeHTTP(w, req)
	}
}

// answerLate sends an answer that was true when it was asked for, some time ago.
func answerLate(w http.ResponseWriter, req *http.Request, next http.Handler, d time.Duration) {
	answer := httptest.NewRecorder()
	next.ServeHTTP(answer, req)
	time.Sleep(d)
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = answer.Body.WriteTo(w)
}

// hasBot reports whether QueUp has the bot in the lounge.
func hasBot(server *queuptest.Server) bool {
	return slices.Contains(server.Room("lounge").Members(), "bot")
}

// requests returns the REST calls of the bot that the server saw.
func requests(server *queuptest.Server) []string {
	var calls []string
	for _, e := range server.Log() {
		if e.In && e.Kind == "http" && e.User == "bot" {
			calls = append(calls, e.Method+" "+e.Path)
		}
	}
	return calls
}

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

func isArgument(err error) bool {
	_, ok := errors.AsType[*client.ArgumentError](err)
	return ok
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

func TestSendMessage_sendsNothingThatCannotBeSaid(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot")
		before := len(requests(server))
		for _, text := range []string{"", " \n\t "} {
			if _, err := room.SendMessage(t.Context(), text); !isArgument(err) {
				t.Errorf("SendMessage(%q) = %v", text, err)
			}
		}
		for text, length := range map[string]int{
			strings.Repeat("x", 256):             256,
			strings.Repeat("&", 52):              260, // &amp; each
			strings.Repeat("🎵", 128):             256, // two UTF-16 units each
			strings.Repeat("x", 255) + " " + "y": 257,
		} {
			_, err := room.SendMessage(t.Context(), text)
			if long, ok := errors.AsType[*client.MessageTooLongError](err); !ok || long.Length != length || long.Limit != 255 {
				t.Errorf("SendMessage of %d characters = %v", length, err)
			}
		}
		if err := room.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := room.SendMessage(t.Context(), "hi"); !errors.Is(err, client.ErrNotJoined) {
			t.Errorf("SendMessage after Leave = %v", err)
		}
		for _, call := range requests(server)[before:] {
			if strings.HasPrefix(call, "POST /chat/") {
				t.Errorf("sent %s", call)
			}
		}
		_ = bot
	})
}

func TestSendMessage_takesWhatFits(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		_, raw := joinLounge(t, server, "mod", client.WithRawChat(true))
		heard := record(raw, func(e client.Chat) string { return e.Message.Content })
		var want []string
		for _, text := range []string{strings.Repeat("x", 255), strings.Repeat("&", 51), strings.Repeat("🎵", 127), "two\nlines"} {
			if m, err := room.SendMessage(t.Context(), " "+text+"\n"); err != nil || m.Content != text {
				t.Errorf("SendMessage(%q) = %q, %v", text, m.Content, err)
			}
			want = append(want, text)
		}
		synctest.Wait()
		expect(t, "heard", heard(), want)
		if m, err := raw.SendMessage(t.Context(), strings.Repeat("&", 255)); err != nil {
			t.Errorf("raw chat of 255 = %v, %v", m, err)
		}
	})
}

func TestSendLong_splitsIntoLines(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot", client.WithMessageParts(3))
		_, mods := joinLounge(t, server, "mod")
		heard := chatIn(mods)
		a, b, c := strings.Repeat("a", 200), strings.Repeat("&", 40), strings.Repeat("c", 255)
		var want []string
		for _, lines := range [][]string{{"short"}, {a, b}, {a, b, c}} {
			sent, err := room.SendLong(t.Context(), " "+strings.Join(lines, " \n ")+" ")
			if err != nil {
				t.Error(err)
			}
			var said []string
			for _, m := range sent {
				said = append(said, m.Content)
			}
			expect(t, "sent", said, lines)
			want = append(want, lines...)
		}
		synctest.Wait()
		expect(t, "heard", heard(), want)
	})
}

func TestSendLong_sendsNothingThatDoesNotFit(t *testing.T) {
	tests := map[string]struct {
		opts  []client.Option
		parts int
	}{
		"into two lines, as by default": {nil, client.DefaultMessageParts},
		"into one line":                 {[]client.Option{client.WithMessageParts(1)}, 1},
		"into four lines":               {[]client.Option{client.WithMessageParts(4)}, 4},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				_, room := joinLounge(t, server, "bot", tt.opts...)
				text := strings.Repeat("x", 255*tt.parts+1)
				sent, err := room.SendLong(t.Context(), text)
				if long, ok := errors.AsType[*client.MessageTooLongError](err); !ok || *long != (client.MessageTooLongError{Length: len(text), Limit: 255, Parts: tt.parts}) || sent != nil {
					t.Errorf("SendLong of %d characters = %v, %v", len(text), sent, err)
				}
				if _, err := room.SendLong(t.Context(), " \n"); !isArgument(err) {
					t.Errorf("SendLong of nothing = %v", err)
				}
				if said := server.Room("lounge").Messages(); len(said) != 0 {
					t.Errorf("said %v", said)
				}
				if sent, err := room.SendLong(t.Context(), text[1:]); err != nil || len(sent) != tt.parts {
					t.Errorf("SendLong of one character less = %v, %v", sent, err)
				}
			})
		})
	}
}

func TestSendLong_tellsWhatWasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines atomic.Int32
		server := queuptest.NewServer(queuptest.InMemory(), meddle(http.MethodPost, "/chat/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
			if lines.Add(1) == 2 {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, req)
		}))
		defer server.Close()
		_, room := joinLounge(t, server, "bot", client.WithMessageParts(3))
		sent, err := room.SendLong(t.Context(), strings.Repeat("x", 3*255))
		if !errors.Is(err, client.ErrForbidden) || len(sent) != 1 || lines.Load() != 2 {
			t.Errorf("SendLong = %v, %v after %d lines", sent, err, lines.Load())
		}
	})
}

func TestEvents_ofPeople(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		joined := record(room, func(e client.MemberJoined) string { return e.User.Username })
		left := record(room, func(e client.MemberLeft) string { return e.User.Username })
		lounge := server.Room("lounge")
		alice, ok := room.MemberNamed("alice")
		if !ok {
			t.Fatal("alice is not there")
		}
		lounge.Leave("alice")
		synctest.Wait()
		if _, ok := room.Members().Get(alice.UserID); ok {
			t.Error("alice is still a member")
		}
		lounge.Join("alice")
		synctest.Wait()
		if back, ok := room.Members().Get(alice.UserID); !ok || back.ID != alice.ID {
			t.Errorf("alice is back as %+v, was %+v", back, alice)
		}
		if user, ok := alice.User(); !ok || user.Username != "alice" {
			t.Errorf("the account is %+v", user)
		}
		expect(t, "left", left(), []string{"alice"})
		expect(t, "joined", joined(), []string{"alice"})
	})
}

func TestEvents_ofTheSong(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot")
		lounge := server.Room("lounge")
		dubs := record(room, func(e client.Dub) string { return fmt.Sprint(e.User, e.Up, e.Song.NetDubs()) })
		changes := record(room, func(e client.SongChanged) string {
			return fmt.Sprintf("%s by %s after %s's (%+d, skipped %v)", e.Info.Provider, e.User, userName(bot, e.Previous.UserID), e.Previous.NetDubs(), e.Previous.Skipped)
		})
		skips := record(room, func(e client.SongSkipped) string { return "skipped by " + e.By.Username })
		updates := record(room, func(e client.MemberUpdated) string { return fmt.Sprint(e.Member, " has ", e.Member.Dubs) })

		alice, _ := room.MemberNamed("alice")
		lounge.Vote("bob", true)
		lounge.Vote("carol", false)
		lounge.Vote("carol", true) // takes the place of her first vote
		synctest.Wait()
		expect(t, "votes", dubs(), []string{"bob true 1", "carol false 0", "carol true 2"})
		if song, _ := room.NowPlaying(); song.Updubs != 2 || song.Downdubs != 0 {
			t.Errorf("score %d:%d", song.Updubs, song.Downdubs)
		}
		if now, ok := room.Members().Get(alice.UserID); !ok || now.Dubs <= alice.Dubs || len(updates()) == 0 {
			t.Errorf("alice's votes went from %d to %d; heard %q", alice.Dubs, now.Dubs, updates())
		}

		time.Sleep(4 * time.Minute) // the song ends by itself
		synctest.Wait()
		if len(changes()) == 0 || !strings.Contains(changes()[0], "after alice's (+2, skipped false)") {
			t.Fatalf("changes %q", changes())
		}
		before := len(changes())
		lounge.Skip("mod")
		synctest.Wait()
		expect(t, "skips", skips(), []string{"skipped by mod"})
		if len(changes()) != before+1 || !strings.Contains(changes()[before], "skipped true") {
			t.Errorf("changes %q", changes())
		}
	})
}

func userName(bot *client.Client, id client.UserID) string {
	user, _ := bot.Users().Get(id)
	return user.Username
}

func TestEvents_ofChat(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot", client.WithMessageHistory(2))
		deleted := record(room, func(e client.ChatDeleted) string {
			return fmt.Sprintf("%s deleted %q", e.By, e.Message.Content)
		})
		lounge := server.Room("lounge")
		old := lounge.Say("alice", "one")
		lounge.Say("alice", "two")
		last := lounge.Say("bob", "three")
		synctest.Wait()
		if lines := room.Messages(); len(lines) != 2 || lines[0].Content != "two" {
			t.Errorf("the history holds %v", lines)
		}
		lounge.DeleteMessage("mod", last)
		lounge.DeleteMessage("alice", old)
		synctest.Wait()
		expect(t, "deleted", deleted(), []string{`mod deleted "three"`, `alice deleted ""`})
		if m, ok := bot.Messages().Get(client.MessageID(last)); !ok || !m.Deleted || m.Content != "three" {
			t.Errorf("the deleted line is %+v", m)
		}
	})
}

// QueUp sends some lines twice. To notice it, the history need not keep them.
func TestEvents_chatThatComesTwice(t *testing.T) {
	for _, size := range []int{client.DefaultMessageHistory, 1, 0} {
		t.Run(fmt.Sprintf("with a history of %d", size), func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				bot, _ := joinLounge(t, server, "bot", client.WithMessageHistory(size))
				heard := record(bot, func(e client.Chat) string { return e.Message.Content })
				for _, text := range []string{"one", "two", "one", "two"} {
					server.Room("lounge").Broadcast("chat-message", json.RawMessage(`{"type":"chat-message","chatid":"65b2a1c0d4e8b90012ab0001-`+text+`",`+
						`"message":"`+text+`","time":1,"user":{"_id":"65b2a1c0d4e8b90012ab0001","username":"dave"}}`))
				}
				synctest.Wait()
				expect(t, "heard", heard(), []string{"one", "two"})
			})
		})
	}
}

// An update tells a role in full, by its id alone, or not at all.
func TestEvents_memberUpdatesForgetNoRole(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		heard := record(room, func(e client.MemberUpdated) string {
			role, _ := e.Member.Role()
			return fmt.Sprintf("%d votes, %s %v", e.Member.Dubs, role.Label, role.Permissions)
		})
		alice, ok := room.MemberNamed("alice")
		if !ok {
			t.Fatal("alice is not there")
		}
		for i, roles := range []string{
			`,"roleids":[{"id":"65f6e504182cfd0016ef0007","label":"Night Crew","position":128,"permissions":["members.kick"]}]`,
			`,"roleids":["65f6e504182cfd0016ef0007"]`,
			``,
		} {
			server.Room("lounge").Broadcast("user_update_"+string(alice.UserID), json.RawMessage(fmt.Sprintf(
				`{"type":"user_update_%[1]s","user":{"_id":"%[2]s","userid":"%[1]s","_user":"%[1]s","dubs":%[3]d%[4]s}}`, alice.UserID, alice.ID, i+1, roles)))
		}
		synctest.Wait()
		expect(t, "heard", heard(), []string{"1 votes, Night Crew [members.kick]", "2 votes, Night Crew [members.kick]", "3 votes, Night Crew [members.kick]"})
		now, _ := room.Members().Get(alice.UserID)
		if role, held := now.Role(); !held || role.Label != "Night Crew" || now.Dubs != 3 {
			t.Errorf("alice has %d votes and the role %q", now.Dubs, role.Label)
		}
	})
}

func TestEvents_nobodyKnows(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		unknown := record(room, func(e client.Unknown) string { return e.Name + " " + string(e.Raw) })
		malformed := record(room, func(e client.Malformed) string { return fmt.Sprint(e.Name, " ", string(e.Raw), e.Err != nil) })
		chat := record(room, func(e client.Chat) string { return e.Author.Username + e.Message.Content })
		lounge := server.Room("lounge")
		lounge.Broadcast("room-fireworks", json.RawMessage(`{"type":"room-fireworks","colour":"red"}`))
		lounge.Broadcast("chat-message", json.RawMessage(`[1,2]`))
		lounge.Broadcast("chat-message", json.RawMessage(`{"chatid":"x-1","message":null,"time":"soon","user":"65b2a1c0d4e8b90012ab0001","queue_object":7}`))
		lounge.Say("alice", "still here")
		synctest.Wait()
		expect(t, "unknown", unknown(), []string{`room-fireworks {"type":"room-fireworks","colour":"red"}`})
		expect(t, "malformed", malformed(), []string{"chat-message [1,2]true"})
		expect(t, "chat", chat(), []string{"", "alicestill here"})
		if _, ok := room.Members().Get("x"); ok {
			t.Error("the author of a line is taken for a member")
		}
	})
}

func TestOwnMessages(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot", client.WithOwnMessages(true))
		heard := record(room, func(e client.Chat) string { return e.Message.Content })
		if _, err := room.SendMessage(t.Context(), "echo"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		expect(t, "heard", heard(), []string{"echo"})
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
		expect(t, "heard", heard(), []string{"disconnected for a reason: true", "client.Reconnected", "are you there?"})
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
