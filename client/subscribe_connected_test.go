package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// What package client promises of its events, over a connection. What needs none is in subscribe_test.go.

// chatter lets somebody say n lines, and returns them.
func chatter(server *queuptest.Server, n int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprint("line ", i)
		server.Room("lounge").Say("alice", lines[i])
	}
	return lines
}

// Each subscription receives its events in QueUp's order and one at a time, however long its handler takes.
func TestSubscriptions_orderAndOneAtATime(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		const n = 100
		takes := []time.Duration{0, time.Second, 7 * time.Second}
		heard := make([][]string, len(takes))
		for i, d := range takes {
			var running atomic.Int32
			client.On(room, func(_ context.Context, e client.Event) error {
				if running.Add(1) > 1 {
					t.Error("a handler runs twice at a time")
				}
				defer running.Add(-1)
				time.Sleep(d)
				switch e := e.(type) {
				case client.Chat:
					heard[i] = append(heard[i], e.Message.Content)
				case client.MemberLeft:
					heard[i] = append(heard[i], e.User.Username+" left")
				case client.MemberJoined:
					heard[i] = append(heard[i], e.User.Username+" joined")
				}
				return nil
			})
		}
		var want []string
		for i := range n / 4 {
			text := fmt.Sprint("line ", i)
			server.Room("lounge").Say("alice", text)
			server.Room("lounge").Leave("carol")
			server.Room("lounge").Say("bob", text)
			server.Room("lounge").Join("carol")
			want = append(want, text, "carol left", text, "carol joined")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		expect(t, "the quick one heard", heard[0], want)
		time.Sleep(time.Hour)
		synctest.Wait()
		expect(t, "one heard", heard[1], want)
		expect(t, "the slow one heard", heard[2], want)
	})
}

// What an event tells, the room has when it is heard.
func TestEvents_stateIsThereBeforeTheHandlerRuns(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot")
		var checked []string
		client.On(room, func(_ context.Context, e client.Event) error {
			var ok bool
			switch e := e.(type) {
			case client.Chat:
				m, known := bot.Messages().Get(e.Message.ID)
				ok = known && m.Equal(e.Message)
			case client.MemberJoined:
				m, there := room.Members().Get(e.User.ID)
				ok = there && m.Equal(e.Member)
			case client.MemberLeft:
				_, there := room.Members().Get(e.User.ID)
				ok = !there
			case client.MemberMuted:
				m, there := room.Members().Get(e.User.ID)
				ok = there && m.Muted
			case client.RoleSet:
				ok = room.Can(e.User.ID, client.PermQueueSkip)
			case client.QueueLocked:
				ok = room.Info().QueueLocked == e.Locked
			case client.Dub:
				song, _ := room.NowPlaying()
				ok = song.Equal(e.Song) && song.Updubs == 1
			case client.SongChanged:
				song, playing := room.NowPlaying()
				ok = playing && song.Equal(e.Song) && e.Previous.Updubs == 1
			case client.QueueUpdated:
				ok = slices.EqualFunc(room.Queue(), e.Queue, client.Song.Equal)
			default:
				return nil
			}
			checked = append(checked, strings.TrimPrefix(fmt.Sprintf("%T %v", e, ok), "client."))
			return nil
		})
		lounge := server.Room("lounge")
		for _, act := range []func(){
			func() { lounge.Say("alice", "hi") },
			func() { lounge.Leave("carol") },
			func() { lounge.Join("carol") },
			func() { lounge.Mute("mod", "carol") },
			func() { lounge.SetRole("owner", "carol", queuptest.VIP) },
			func() { lounge.Lock("mod", true) },
			func() { lounge.Vote("bob", true) },
			func() { lounge.Skip("mod") },
		} {
			act()
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, want := range []string{"Chat", "MemberLeft", "MemberJoined", "MemberMuted", "RoleSet", "QueueLocked", "Dub", "SongChanged", "QueueUpdated"} {
			if !slices.Contains(checked, want+" true") || slices.Contains(checked, want+" false") {
				t.Errorf("%s: heard %q", want, checked)
			}
		}
	})
}

// A handler may call anything.
func TestHandlers_mayCallAnything(t *testing.T) {
	calls := map[string]func(ctx context.Context, bot *client.Client, room *client.Room) error{
		"SendMessage": func(ctx context.Context, _ *client.Client, room *client.Room) error {
			_, err := room.SendMessage(ctx, "pong")
			return err
		},
		"FetchUser": func(ctx context.Context, bot *client.Client, _ *client.Room) error {
			_, err := bot.FetchUser(ctx, "carol")
			return err
		},
		"Kick, and what it has the room tell": func(ctx context.Context, _ *client.Client, room *client.Room) error {
			carol, _ := room.MemberNamed("carol")
			gone := client.Stream[client.MemberKicked](ctx, room)
			if err := room.Kick(ctx, carol.UserID, ""); err != nil {
				return err
			}
			for e := range gone {
				if e.User.ID != carol.UserID {
					return fmt.Errorf("%v was kicked", e.User)
				}
				break
			}
			return nil
		},
		"JoinRoom": func(ctx context.Context, bot *client.Client, _ *client.Room) error {
			attic, err := bot.JoinRoom(ctx, "attic")
			if err == nil && !attic.Joined() {
				err = errors.New("the attic is not joined")
			}
			return err
		},
		"Leave and JoinRoom": func(ctx context.Context, bot *client.Client, room *client.Room) error {
			if err := room.Leave(ctx); err != nil {
				return err
			}
			again, err := bot.JoinRoom(ctx, "lounge")
			if err == nil && again != room {
				err = errors.New("the room is another one")
			}
			return err
		},
		"ChangePresence": func(ctx context.Context, _ *client.Client, room *client.Room) error {
			return room.ChangePresence(ctx, client.PresenceExit)
		},
		"On": func(ctx context.Context, bot *client.Client, room *client.Room) error {
			heard := make(chan string, 8)
			cancel := client.On(bot, func(_ context.Context, e client.Chat) error {
				heard <- e.Message.Content
				return nil
			})
			defer cancel()
			alice, _ := room.MemberNamed("alice")
			user, _ := alice.User()
			if _, err := user.OpenConversation(ctx); err != nil {
				return err
			}
			if text := <-heard; text != "second" {
				return fmt.Errorf("heard %q", text)
			}
			return nil
		},
		"Next": func(ctx context.Context, bot *client.Client, _ *client.Room) error {
			e, err := client.Next(ctx, bot, func(e client.Chat) bool { return e.Message.Content == "second" })
			if err == nil && e.Author.Username != "alice" {
				err = fmt.Errorf("%s said it", e.Author)
			}
			return err
		},
		"Logout": func(ctx context.Context, bot *client.Client, _ *client.Room) error { return bot.Logout(ctx) },
		"Close, and Close again": func(ctx context.Context, bot *client.Client, _ *client.Room) error {
			if err := errors.Join(bot.Close(), bot.Close()); err != nil {
				return err
			}
			if !errors.Is(context.Cause(ctx), client.ErrClosed) {
				return fmt.Errorf("the handler's context ends with %w", context.Cause(ctx))
			}
			select {
			case <-bot.Done():
				return errors.New("everything is over, and the handler still runs")
			default:
				return nil
			}
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(twoRooms()))
				defer server.Close()
				bot, room := joinLounge(t, server, "bot", client.WithRateLimit(0, 0))
				other := record(bot, func(e client.Chat) string { return e.Message.Content })
				done := make(chan error, 8)
				client.On(bot, func(ctx context.Context, e client.Chat) error {
					if e.Message.Content == "first" {
						done <- call(ctx, bot, room)
					}
					return nil
				})
				server.Room("lounge").Say("alice", "first")
				time.Sleep(time.Second)
				server.Room("lounge").Say("alice", "second")
				select {
				case err := <-done:
					if err != nil {
						t.Error(err)
					}
				case <-time.After(time.Minute):
					t.Error("the handler hangs")
				}
				if heard := other(); !slices.Contains(heard, "first") && !strings.HasPrefix(name, "Close") {
					t.Errorf("another handler heard %q", heard)
				}
			})
		})
	}
}

// Cancel ends a subscription at once: its own from its handler, another one, and one whose handler is busy.
func TestSubscriptions_cancel(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		var own, busy, other []string
		var cancelOwn, cancelBusy, cancelOther func()
		gate := make(chan struct{})
		cancelBusy = client.On(room, func(_ context.Context, e client.Chat) error {
			<-gate
			busy = append(busy, e.Message.Content)
			return nil
		})
		cancelOther = client.On(room, func(_ context.Context, e client.Chat) error {
			other = append(other, e.Message.Content)
			return nil
		})
		cancelOwn = client.On(room, func(_ context.Context, e client.Chat) error {
			own = append(own, e.Message.Content)
			if e.Message.Content == "line 2" {
				cancelOwn()
				cancelOther()
			}
			return nil
		})
		chatter(server, 3)
		synctest.Wait()
		chatter(server, 10)
		synctest.Wait()
		start := time.Now()
		cancelBusy()
		cancelBusy()
		if waited := time.Since(start); waited > 0 {
			t.Errorf("cancel took %v", waited)
		}
		close(gate)
		synctest.Wait()
		expect(t, "its own", own, []string{"line 0", "line 1", "line 2"})
		if len(other) > 3 { // which of both hears a line first is not said
			t.Errorf("another one heard %q", other)
		}
		expect(t, "the busy one", busy, []string{"line 0"})
	})
}

// One of three handlers panics each time, and one fails. The connection and the others notice nothing, and it is logged.
func TestHandlers_panicInOneOfThree(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		var mu sync.Mutex
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(lockedWriter{&mu, &log}, &slog.HandlerOptions{Level: slog.LevelError}))
		bot := must(client.New(client.WithServer(server), client.WithLogger(logger)))(t)
		defer func() {
			_ = bot.Close()
			<-bot.Done()
		}()
		if err := errors.Join(bot.Login(t.Context(), "bot", canary.Password), bot.Connect(t.Context())); err != nil {
			t.Fatal(err)
		}
		room := must(bot.JoinRoom(t.Context(), "lounge"))(t)
		var panics, failures int
		client.On(room, func(context.Context, client.Chat) error { panics++; panic("the sky falls") })
		client.On(room, func(context.Context, client.Chat) error { failures++; return errors.New("out of luck") })
		heard := chatIn(room)
		lines := chatter(server, 5)
		synctest.Wait()
		time.Sleep(10 * time.Minute)
		expect(t, "heard", heard(), lines)
		if panics != 5 || failures != 5 || bot.Health().Reconnects != 0 || !room.Joined() {
			t.Errorf("%d panics, %d failures, %+v", panics, failures, bot.Health())
		}
		mu.Lock()
		defer mu.Unlock()
		if text := log.String(); strings.Count(text, "the sky falls") < 5 || strings.Count(text, "out of luck") != 5 || !strings.Contains(text, "subscribe_connected_test.go") {
			t.Errorf("logged %s", text)
		}
	})
}

type lockedWriter struct {
	mu *sync.Mutex
	w  *bytes.Buffer
}

func (l lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// A subscription to Lagged, or to everything, counts its own overflow and does not report it. That of a stream is reported.
func TestLagged_reportsOtherSubscriptions(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		var mu sync.Mutex
		var reported []string
		bot, room := joinLounge(t, server, "bot", client.WithQueue(4, client.DropOldest), client.WithErrorHandler(func(_ context.Context, err error) {
			mu.Lock()
			defer mu.Unlock()
			l, _ := errors.AsType[client.Lagged](err)
			reported = append(reported, fmt.Sprint(l.Type, " ", l.Dropped))
		}))
		gate := make(chan struct{})
		client.On(bot, func(context.Context, client.Event) error { <-gate; return nil })
		heard := record(bot, func(e client.Lagged) string { return fmt.Sprint(e.Type, " ", e.Dropped) })
		lines := client.Stream[client.Chat](t.Context(), room)
		texts := chatter(server, 30)
		synctest.Wait()
		var got []string
		for e := range lines {
			if got = append(got, e.Message.Content); len(got) == 4 {
				break
			}
		}
		close(gate)
		synctest.Wait()
		expect(t, "the stream has", got, texts[26:])
		expect(t, "lagged", heard(), []string{"Chat 26"})
		mu.Lock()
		defer mu.Unlock()
		expect(t, "the error handler heard", reported, []string{"Chat 26"})
	})
}

// Block loses nothing: the client stops to read from the socket, and whoever else listens waits, too.
func TestBlock_isBackPressure(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		wire := newTap(server)
		var read atomic.Int32
		wire.in = func(_ int, f *realtime.Frame) (lost bool) {
			if f.Message != nil && f.Message.Name == "chat-message" {
				read.Add(1)
			}
			return false
		}
		const lines = 4000
		bot, room := joinLounge(t, server, "bot", client.WithDialer(wire), client.WithQueue(4, client.Block))
		gate := make(chan struct{})
		var slow []string
		client.On(room, func(_ context.Context, e client.Chat) error {
			<-gate
			slow = append(slow, e.Message.Content)
			return nil
		})
		other := chatIn(room)
		texts := chatter(server, lines)
		time.Sleep(5 * time.Second) // less than QueUp waits
		if n := int(read.Load()); n < 5 || n > lines/2 {
			t.Errorf("%d of %d lines were read from the socket while a handler was busy", n, lines)
		}
		if n := len(other()); n > 6 { // one is being handled, four wait, one is offered
			t.Errorf("another handler heard %d lines", n)
		}
		close(gate)
		time.Sleep(time.Second)
		synctest.Wait()
		expect(t, "heard", slow, texts)
		expect(t, "another handler heard", other(), texts)
		if n := bot.Health().Reconnects; n != 0 {
			t.Errorf("%d connections were lost", n)
		}
	})
}

// DropOldest keeps the newest, and nobody else waits.
func TestDropOldest_keepsTheNewest(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot", client.WithQueue(4, client.DropOldest), client.WithErrorHandler(func(context.Context, error) {}))
		gate := make(chan struct{})
		var slow []string
		client.On(room, func(_ context.Context, e client.Chat) error {
			<-gate
			slow = append(slow, e.Message.Content)
			return nil
		})
		other := chatIn(room)
		var lagged []client.Lagged
		client.On(bot, func(_ context.Context, e client.Lagged) error { lagged = append(lagged, e); return nil })
		server.Room("lounge").Say("alice", "first")
		synctest.Wait()
		var texts []string
		for i := range 50 { // one by one, so that the other one keeps up
			texts = append(texts, fmt.Sprint("line ", i))
			server.Room("lounge").Say("alice", texts[i])
			synctest.Wait()
		}
		expect(t, "another handler heard", other(), append([]string{"first"}, texts...))
		close(gate)
		synctest.Wait()
		expect(t, "heard", slow, append([]string{"first"}, texts[46:]...))
		if len(lagged) != 1 || lagged[0].Dropped != 46 || lagged[0].Type != "Chat" {
			t.Errorf("lagged %+v", lagged)
		}
	})
}

// A song whose media QueUp does not hand over holds back its room, for two seconds at most, and no other room.
func TestEvents_aLookUpHoldsBackOneRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(twoRooms()), intercept(http.MethodGet, "/song/65e5d4f3071bec0015deaaaa", delay(5*time.Second)))
		defer server.Close()
		bot, lounge := joinLounge(t, server, "bot")
		attic := must(bot.JoinRoom(t.Context(), "attic"))(t)
		var start time.Time
		heard := record(bot, func(e client.Event) string {
			switch e := e.(type) {
			case client.Chat:
				return fmt.Sprint(e.Message.Content, " in ", e.Room.Slug(), " after ", time.Since(start))
			case client.SongChanged:
				return fmt.Sprint("song ", e.Info.ID, " after ", time.Since(start))
			}
			return ""
		})
		time.Sleep(10 * time.Second)
		start = time.Now()
		server.Room("lounge").Broadcast("room_playlist-update", json.RawMessage(`{"startTime":-1,"song":{"_id":"65d4c3e2f60adb0014cdaaaa","songLength":60000,"songid":"65e5d4f3071bec0015deaaaa"}}`))
		server.Room("lounge").Say("alice", "hi")
		server.Room("attic").Broadcast("chat-message", json.RawMessage(`{"chatid":"65b2a1c0d4e8b90012ab0001-1","message":"hello","user":{"_id":"65b2a1c0d4e8b90012ab0001","username":"dave"}}`))
		time.Sleep(4 * time.Second)
		synctest.Wait()
		expect(t, "heard", slices.DeleteFunc(heard(), func(line string) bool { return line == "" }), []string{
			"hello in attic after 0s", "song 65e5d4f3071bec0015deaaaa after 2s", "hi in lounge after 2s",
		})
		if !lounge.Joined() || !attic.Joined() {
			t.Error("a room is lost")
		}
	})
}
