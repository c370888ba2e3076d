package client

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/internal/testkit/canary"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// inLounge runs a test on virtual time with a bot that is connected to a QueUp in memory.
func inLounge(t *testing.T, test func(t *testing.T, server *queuptest.Server, bot *Client), opts ...queuptest.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(append([]queuptest.Option{queuptest.InMemory()}, opts...)...)
		defer server.Close()
		bot := newStage(t, WithServer(server))
		if err := bot.Login(t.Context(), "bot", canary.Password); err != nil {
			t.Fatal(err)
		}
		if err := bot.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		test(t, server, bot)
	})
}

// delayed lets the calls of a method, to paths that end in suffix, wait before QueUp receives them.
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

// A room may be over while requests for it are in flight. The race detector finds what they share with the end of the room.
func TestTracker_isResetWhileRequestsAreInFlight(t *testing.T) {
	inLounge(t, func(t *testing.T, _ *queuptest.Server, bot *Client) {
		room, err := bot.JoinRoom(t.Context(), "lounge")
		if err != nil {
			t.Fatal(err)
		}
		onGoroutine(t, bot, func(l *connection) {
			for _, read := range []func(){
				room.tracker.readInfo, room.tracker.readUsers, room.tracker.readRoles, room.tracker.readVotes, room.tracker.readQueue,
			} {
				read()
			}
			if n := len(room.tracker.requests); n != 5 {
				t.Errorf("%d requests are in flight", n)
			}
			l.endRoom(room.channel, errDetachedByServer)
		})
		time.Sleep(time.Minute)
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
			onGoroutine(t, bot, func(l *connection) { l.endRoom(room.channel, errDetachedByServer) })
		})
		_, err = bot.JoinRoom(t.Context(), "lounge")
		if (err == nil) != room.Joined() {
			t.Errorf("JoinRoom = %v, joined: %v", err, room.Joined())
		}
		time.Sleep(time.Minute)
		onGoroutine(t, bot, func(l *connection) {
			if l.rooms[room.channel] == nil && room.Joined() {
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

// Someone whose presence is not known has neither come nor gone by it.
func TestPresence_ofAnUnknownActionChangesNothing(t *testing.T) {
	inLounge(t, func(t *testing.T, _ *queuptest.Server, bot *Client) {
		room, err := bot.JoinRoom(t.Context(), "lounge")
		if err != nil {
			t.Fatal(err)
		}
		var heard []string
		On(room, func(_ context.Context, e MemberPresence) error {
			heard = append(heard, e.Presence.String())
			return nil
		})
		onGoroutine(t, bot, func(*connection) {
			for _, action := range []realtime.PresenceAction{7, realtime.PresenceEnter, 7, realtime.PresenceEnter, realtime.PresenceLeave} {
				room.tracker.applyPresence(realtime.Presence{ClientID: "stranger", ConnectionID: "1", Action: action})
			}
		})
		synctest.Wait()
		if want := []string{"presence 7", "enter", "presence 7", "exit"}; !slices.Equal(heard, want) {
			t.Errorf("heard %q, want %q", heard, want)
		}
	})
}

// A user without news stays the same value, not a copy. News makes a new value, and a handler that received the old one keeps it.
func TestPeople_replaceOnlyByNews(t *testing.T) {
	t.Parallel()
	for name, present := range map[string]bool{"in a room": true, "seen before": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := new(Client)
			p := newUserCache(10)
			if present {
				p.enter("1") // as a member whose account is not known yet
				if u := p.update(User{ID: "1", client: c}, false); u.client != c {
					t.Error("who is known by the id alone has no client, and is ErrDetached for ever")
				}
			}
			first := p.update(User{ID: "1", Username: "ann", Avatar: "a.png", client: c}, true)
			if first.client != c || first.Username != "ann" {
				t.Fatalf("%+v", *first)
			}
			for _, told := range []User{{ID: "1", client: c}, {ID: "1", Username: "ann", client: c}, {ID: "1", Username: "other", Avatar: "a.png", client: c}} {
				if again := p.update(told, false); again != first {
					t.Errorf("%+v makes a new user: %+v", told, *again)
				}
			}
			renamed := p.update(User{ID: "1", Username: "anna", client: c}, true)
			if renamed.Username != "anna" || renamed.Avatar != "a.png" || renamed.client != c {
				t.Errorf("%+v", *renamed)
			}
			if first.Username != "ann" {
				t.Error("who was told of the old name has lost it")
			}
			if known, ok := p.Get("1"); !ok || !known.Equal(*renamed) {
				t.Errorf("%+v, %v", known, ok)
			}
			_, named := p.byName("anna")
			if _, old := p.byName("ann"); named != present || old {
				t.Errorf("found by the new name: %v, by the old one: %v", named, old)
			}
		})
	}
}

// An account without an id is nobody, and is not kept.
func TestPeople_ignoreUsersWithoutAnID(t *testing.T) {
	t.Parallel()
	c := new(Client)
	p := newUserCache(10)
	if u := p.update(User{Username: "x", client: c}, true); u.Username != "x" || u.client != c || p.Len() != 0 {
		t.Errorf("%+v, %d kept", *u, p.Len())
	}
}

// The author of a private message may be there without an id, with one in another place, or not at all.
func TestPeople_authorsOfPrivateMessages(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		message wire.ConversationMessage
		id      UserID
		known   bool
	}{
		"no account":    {wire.ConversationMessage{AuthorID: "1"}, "1", false},
		"no id":         {wire.ConversationMessage{AuthorID: "1", Author: wire.User{Username: "ann"}}, "1", true},
		"the inner id":  {wire.ConversationMessage{Author: wire.User{Username: "ann", UserInfo: wire.UserInfo{UserID: "1"}}}, "1", true},
		"just a number": {wire.ConversationMessage{Author: wire.User{ID: "1"}}, "1", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &Client{users: newUserCache(10)}
			m := newPrivateMessage(c, "c", tt.message)
			if u, ok := m.Author(); m.AuthorID != tt.id || ok != tt.known || ok && (u.ID != tt.id || u.Username != "ann") {
				t.Errorf("%s: %+v, %v", m.AuthorID, u, ok)
			}
		})
	}
}
