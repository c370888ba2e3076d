package client

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// inLounge runs a test on virtual time with a bot that is connected to a QueUp in memory.
func inLounge(t *testing.T, test func(t *testing.T, server *queuptest.Server, bot *Client), opts ...queuptest.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(append([]queuptest.Option{queuptest.InMemory()}, opts...)...)
		defer server.Close()
		bot := newStage(t, WithBaseURL(server.URL()), WithRealtimeURL(server.RealtimeURL()), WithDialContext(server.DialContext))
		if err := bot.Login(t.Context(), "bot", "secret"); err != nil {
			t.Fatal(err)
		}
		if err := bot.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		test(t, server, bot)
	})
}

// delayed lets the calls of a method, to paths that end in suffix, wait before QueUp hears of them.
func delayed(method, suffix string, wait func(call int32)) queuptest.Option {
	var calls atomic.Int32
	return queuptest.WithHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method == method && strings.HasSuffix(req.URL.Path, suffix) {
				wait(calls.Add(1))
			}
			next.ServeHTTP(w, req)
		})
	})
}

// onGoroutine runs f on the goroutine of the bot's connection.
func onGoroutine(t *testing.T, bot *Client, f func(l *connection)) {
	t.Helper()
	l, err := bot.link()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.do(t.Context(), func() { f(l) }); err != nil {
		t.Fatal(err)
	}
}

// A connection that is lost again at once is not the one that the room was read again for.
func TestResync_endsWithItsConnection(t *testing.T) {
	inLounge(t, func(t *testing.T, _ *queuptest.Server, bot *Client) {
		room, err := bot.JoinRoom(t.Context(), "lounge")
		if err != nil {
			t.Fatal(err)
		}
		lost := realtime.Disconnected{Err: errors.New("cut")}
		onGoroutine(t, bot, func(l *connection) {
			l.receive(lost)
			l.receive(realtime.Connected{Reconnected: true})
			l.receive(lost)
		})
		time.Sleep(10 * time.Second)
		onGoroutine(t, bot, func(*connection) {
			if room.tracker.waiting.level != holdAll {
				t.Error("there is no connection, and the events of the next one would not wait")
			}
		})
	})
}

// Of a room that is listened to, and over before it is joined, nothing may be kept up to date.
func TestJoinRoom_whileListeningEnds(t *testing.T) {
	inLounge(t, func(t *testing.T, _ *queuptest.Server, bot *Client) {
		room, err := bot.JoinRoom(t.Context(), "lounge", Listen())
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(2*time.Second, func() {
			onGoroutine(t, bot, func(l *connection) { l.endRoom(room.channel(), errDetachedByServer) })
		})
		_, err = bot.JoinRoom(t.Context(), "lounge")
		if (err == nil) != room.Joined() {
			t.Errorf("JoinRoom = %v, joined: %v", err, room.Joined())
		}
		time.Sleep(time.Minute)
		onGoroutine(t, bot, func(l *connection) {
			if l.rooms[room.channel()] == nil && room.Joined() {
				t.Error("joined without a channel")
			}
		})
	}, delayed(http.MethodPost, "/users", func(int32) { time.Sleep(5 * time.Second) }))
}

// The last word of a connection gets lost when nobody has time to hear it.
func TestLogout_endsRoomsThoughNobodyListens(t *testing.T) {
	inLounge(t, func(t *testing.T, server *queuptest.Server, bot *Client) {
		room, err := bot.JoinRoom(t.Context(), "lounge")
		if err != nil {
			t.Fatal(err)
		}
		left := 0
		On(bot, func(context.Context, RoomLeft) error { left++; return nil })
		l, err := bot.link()
		if err != nil {
			t.Fatal(err)
		}
		go func() { _ = l.do(t.Context(), func() { time.Sleep(10 * time.Second) }) }()
		time.Sleep(time.Second)
		for range 400 {
			server.Room("lounge").Say("alice", "hello")
		}
		synctest.Wait()
		bot.disconnect()
		_ = bot.Wait()
		synctest.Wait()
		if room.Joined() || left != 1 {
			t.Errorf("joined: %v, RoomLeft: %d times", room.Joined(), left)
		}
	})
}
