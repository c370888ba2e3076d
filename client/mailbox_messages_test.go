package client_test

import (
	"context"
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

// mailFrom records private messages: who wrote, what, and whether it was found out later.
func mailFrom(bot *client.Client) func() []string {
	return record(bot, func(e client.PrivateMessage) string {
		line := fmt.Sprintf("%s: %s", e.Author, e.Message.Content)
		if e.Resynced {
			line += " (resynced)"
		}
		return line
	})
}

// letter opens a conversation and writes into it.
func letter(t *testing.T, from *client.Client, text string, to ...client.UserID) *client.Conversation {
	t.Helper()
	v := must(from.OpenConversation(t.Context(), to...))(t)
	must(v.SendMessage(t.Context(), text))(t)
	return v
}

func TestPrivateMessage_hasTextAndAuthor(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, alice := connect(t, server, "bot"), loggedIn(t, server, "alice")
		botID, aliceID := id(t, alice, "bot"), id(t, alice, "alice")
		heard := make(chan client.PrivateMessage, 1)
		client.On(bot, func(_ context.Context, e client.PrivateMessage) error { heard <- e; return nil })
		settle(time.Second)
		time.Sleep(time.Hour)
		v := letter(t, alice, "salt &amp; <pepper>", botID)
		e := <-heard
		m := e.Message
		if m.ID == "" || m.Content != "salt &amp; <pepper>" || m.AuthorID != aliceID || m.ConversationID != v.ID() || m.RoomID != "" || time.Since(m.CreatedAt) > time.Second {
			t.Errorf("message %+v", m)
		}
		if author, known := m.Author(); !known || author.Username != "alice" || !author.Equal(e.Author) {
			t.Errorf("written by %+v, the event says %+v", author, e.Author)
		}
		if _, ok := m.Room(); ok || e.Room != nil || e.Resynced || !e.At.Equal(m.CreatedAt) || e.Name != "new-message" {
			t.Errorf("meta %+v", e.Meta)
		}
		if want := fmt.Sprintf(`"messageid":"%s"`, v.ID()); !strings.Contains(string(e.Raw), want) {
			t.Errorf("raw %s, want it to hold %s", e.Raw, want)
		}
		expect(t, "recipients", names(e.Conversation.Recipients()), []string{"alice"})
		if known, ok := bot.Conversations().ByRecipients(aliceID); !ok || known != e.Conversation {
			t.Errorf("the conversation with alice is %v, the event has %v", known, e.Conversation)
		}
		if with, ok := m.Conversation(); !ok || with != e.Conversation || with.LatestMessage() != m.Content || with.HasRead(botID) || !with.HasRead(aliceID) {
			t.Errorf("the message is of %v", with)
		}

		// The bot answers, and what it has read is read.
		must(e.Conversation.SendMessage(t.Context(), "thanks"))(t)
		if err := e.Conversation.MarkAsRead(t.Context()); err != nil || !e.Conversation.HasRead(botID) || e.Conversation.HasRead(aliceID) {
			t.Errorf("after the answer: read by the bot %v, by alice %v, %v", e.Conversation.HasRead(botID), e.Conversation.HasRead(aliceID), err)
		}
		if n := must(alice.UnreadCount(t.Context()))(t); n != 1 {
			t.Errorf("alice has %d unread", n)
		}
		settle(time.Second)
		if len(heard) > 0 {
			t.Errorf("the bot heard its own answer: %v", (<-heard).Message)
		}
	})
}

// The first news of several messages finds all of them, or only the first.
func TestPrivateMessage_inQuickSuccession(t *testing.T) {
	for name, tt := range map[string]struct {
		takes  time.Duration // of QueUp, to hand the messages over
		before bool          // they have talked before the bot logged in
		opts   []client.Option
	}{
		"in a new conversation":                      {},
		"in a new conversation, read late":           {takes: 3 * time.Second},
		"in an old one":                              {before: true},
		"in an old one, read late":                   {before: true, takes: 3 * time.Second},
		"in an old one that nothing was known of":    {before: true, takes: time.Second, opts: []client.Option{client.WithRecentConversations(false)}},
		"in an old one that is forgotten every time": {before: true, opts: []client.Option{client.WithConversationCache(1)}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := queuptest.NewServer(queuptest.InMemory(), intercept(http.MethodGet, "/message/", delay(tt.takes)))
				defer server.Close()
				alice, bob := loggedIn(t, server, "alice"), loggedIn(t, server, "bob")
				botID := id(t, alice, "bot")
				if tt.before {
					letter(t, alice, "long ago", botID)
					letter(t, alice, "some day", botID)
					time.Sleep(time.Hour)
				}
				bot := connect(t, server, "bot", tt.opts...)
				heard := mailFrom(bot)
				settle(time.Second)
				var want []string
				for i := range 10 {
					letter(t, alice, fmt.Sprint("line ", i), botID)
					want = append(want, fmt.Sprint("alice: line ", i))
					if i%3 == 2 {
						time.Sleep(100 * time.Millisecond)
					}
				}
				letter(t, bob, "me too", botID) // in a conversation of its own
				want = append(want, "bob: me too")
				time.Sleep(10 * time.Minute)
				expect(t, "heard", heard(), want)
				letter(t, alice, "last", botID)
				time.Sleep(time.Minute)
				expect(t, "heard", heard(), append(want, "alice: last"))
			})
		})
	}
}

func TestPrivateMessage_ofOneself(t *testing.T) {
	for _, wanted := range []bool{false, true} {
		t.Run(fmt.Sprintf("WithOwnMessages(%v)", wanted), func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				bot := connect(t, server, "bot", client.WithOwnMessages(wanted), client.WithRateLimit(0, 0))
				alice := loggedIn(t, server, "alice")
				heard := mailFrom(bot)
				settle(time.Second)
				aliceID := id(t, alice, "alice")
				v := letter(t, bot, "one", aliceID)
				must(v.SendMessage(t.Context(), "two"))(t)
				settle(time.Second)
				letter(t, alice, "three", id(t, alice, "bot"))
				settle(time.Second)
				want := []string{"alice: three"}
				if wanted {
					want = []string{"bot: one", "bot: two", "alice: three"}
				}
				expect(t, "heard", heard(), want)
			})
		})
	}
}

// Somebody with whom the bot shares no room writes, and several people do in one conversation.
func TestPrivateMessage_fromPeopleTheBotDoesNotKnow(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot := connect(t, server, "bot", client.WithRecentConversations(false))
		alice, bob := loggedIn(t, server, "alice"), loggedIn(t, server, "bob")
		heard := mailFrom(bot)
		people := record(bot, func(e client.PrivateMessage) string {
			list := names(e.Conversation.Recipients())
			slices.Sort(list)
			return strings.Join(list, " and ")
		})
		settle(time.Second)
		aliceID, bobID, botID := id(t, alice, "alice"), id(t, alice, "bob"), id(t, alice, "bot")
		if n := bot.Users().Len(); n > 1 {
			t.Fatalf("the bot knows %d users", n)
		}
		three := letter(t, alice, "hello you two", botID, bobID)
		settle(time.Second)
		letter(t, bob, "hello", botID, aliceID)
		letter(t, bob, "between us", botID)
		settle(time.Second)
		expect(t, "heard", heard(), []string{"alice: hello you two", "bob: hello", "bob: between us"})
		expect(t, "conversations", people(), []string{"alice and bob", "alice and bob", "bob"})
		found, ok := bot.Conversations().ByRecipients(bobID, aliceID)
		if !ok || found.ID() != three.ID() {
			t.Errorf("with both: %v", found)
		}
		before := len(requests(server))
		if again := must(bot.OpenConversation(t.Context(), aliceID, bobID))(t); again != found || len(requests(server)) != before {
			t.Errorf("opened %v with %q", again, requests(server)[before:])
		}
		if v := must(must(bot.FetchUser(t.Context(), "bob"))(t).OpenConversation(t.Context()))(t); v.ID() == found.ID() || v.LatestMessage() != "between us" {
			t.Errorf("with bob alone: %v", v)
		}
	})
}

// QueUp does not hand the messages over: for a moment, or for good.
func TestPrivateMessage_thatCannotBeRead(t *testing.T) {
	for name, tt := range map[string]struct {
		failures int32
		want     []string
		after    []string // and one more message
	}{
		"twice":    {2, []string{"alice: one"}, []string{"alice: one", "alice: two"}},
		"for good": {3, []string{"alice: "}, []string{"alice: ", "alice: one", "alice: two"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var left atomic.Int32
				left.Store(tt.failures)
				server := queuptest.NewServer(queuptest.InMemory(), intercept(http.MethodGet, "/message/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
					if !strings.HasSuffix(req.URL.Path, "/new") && left.Add(-1) >= 0 {
						http.Error(w, `{"code":400,"message":"not now"}`, http.StatusBadRequest)
						return
					}
					next.ServeHTTP(w, req)
				}))
				defer server.Close()
				bot, alice := connect(t, server, "bot"), loggedIn(t, server, "alice")
				botID, aliceID := id(t, alice, "bot"), id(t, alice, "alice")
				heard := mailFrom(bot)
				ids := record(bot, func(e client.PrivateMessage) string {
					return fmt.Sprint(e.Message.ID != "", e.Message.AuthorID == aliceID, e.Message.CreatedAt.IsZero(), names(e.Conversation.Recipients()))
				})
				settle(time.Second)
				letter(t, alice, "one", botID)
				time.Sleep(time.Minute)
				expect(t, "heard", heard(), tt.want)
				expect(t, "it is", ids(), []string{fmt.Sprint(tt.want[0] != "alice: ", true, false, []string{"alice"})})
				letter(t, alice, "two", botID)
				time.Sleep(time.Minute)
				expect(t, "heard", heard(), tt.after)
			})
		})
	}
}

// While the connection is lost, old friends write, and a stranger.
func TestPrivateMessage_missedWhileTheConnectionWasLost(t *testing.T) {
	for name, tt := range map[string]struct {
		failures int32 // of the list of conversations, after the cut
		opts     []client.Option
	}{
		"as it should be":                          {},
		"with a list that comes late":              {failures: 3},
		"though nothing was read at login":         {opts: []client.Option{client.WithRecentConversations(false)}},
		"with own messages, which were heard then": {opts: []client.Option{client.WithOwnMessages(true)}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var left atomic.Int32
				server := queuptest.NewServer(queuptest.InMemory(), intercept(http.MethodGet, "/message", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
					if req.URL.Path == "/message" && left.Add(-1) >= 0 {
						http.Error(w, `{"code":400,"message":"not now"}`, http.StatusBadRequest)
						return
					}
					next.ServeHTTP(w, req)
				}))
				defer server.Close()
				alice, bob, carol := loggedIn(t, server, "alice"), loggedIn(t, server, "bob"), loggedIn(t, server, "carol")
				botID, bobID := id(t, alice, "bot"), id(t, alice, "bob")
				letter(t, alice, "before the login", botID)
				letter(t, carol, "and never again", botID)
				time.Sleep(time.Hour)
				opts := append([]client.Option{client.WithReconnect(func(int, error) (time.Duration, bool) { return time.Minute, true })}, tt.opts...)
				bot := connect(t, server, "bot", opts...)
				settle(time.Second)
				v := letter(t, bot, "hello bob", bobID)
				settle(time.Second)
				heard := mailFrom(bot)
				letter(t, bob, "hello", botID)
				settle(time.Second)
				expect(t, "heard before", heard(), []string{"bob: hello"})

				back := make(chan struct{})
				client.On(bot, func(context.Context, client.Reconnected) error { close(back); return nil })
				time.Sleep(time.Hour)
				server.CutLinks()
				time.Sleep(5 * time.Second)
				left.Store(tt.failures)
				for i := range 3 {
					letter(t, alice, fmt.Sprint("line ", i), botID)
					time.Sleep(time.Second)
				}
				letter(t, bob, "are you there?", botID, id(t, bob, "alice")) // a new conversation
				letter(t, bob, "hello?", botID, id(t, bob, "alice"))
				letter(t, bob, "well", botID)
				must(v.SendMessage(t.Context(), "not connected"))(t)
				<-back
				time.Sleep(5 * time.Minute)
				want := []string{
					"bob: hello", "alice: line 0 (resynced)", "alice: line 1 (resynced)", "alice: line 2 (resynced)",
					"bob: are you there? (resynced)", "bob: hello? (resynced)", "bob: well (resynced)",
				}
				if strings.HasPrefix(name, "with own") {
					want = append(want, "bot: not connected (resynced)")
				}
				expect(t, "heard", heard(), want)
				letter(t, bob, "there you are", botID)
				time.Sleep(time.Minute)
				expect(t, "heard", heard(), append(want, "bob: there you are"))
			})
		})
	}
}

// The connection is lost again while it is read what was missed, and nothing is missed for it.
func TestPrivateMessage_missedInTwoCuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), intercept(http.MethodGet, "/message", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
			answerLate(w, req, next, 3*time.Second)
		}))
		defer server.Close()
		alice := loggedIn(t, server, "alice")
		botID := id(t, alice, "bot")
		bot := connect(t, server, "bot", client.WithReconnect(func(int, error) (time.Duration, bool) { return time.Second, true }))
		heard := mailFrom(bot)
		settle(time.Second)
		for i := range 2 {
			server.CutLinks()
			time.Sleep(500 * time.Millisecond)
			letter(t, alice, fmt.Sprint("line ", i), botID)
			time.Sleep(time.Second)
		}
		time.Sleep(5 * time.Minute)
		expect(t, "heard", heard(), []string{"alice: line 0 (resynced)", "alice: line 1 (resynced)"})
	})
}

// A message that QueUp never hands over is reported as a Gap.
func TestPrivateMessage_missedForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		server := queuptest.NewServer(queuptest.InMemory(), intercept(http.MethodGet, "/message", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
			if broken.Load() {
				http.Error(w, `{"code":400,"message":"not now"}`, http.StatusBadRequest)
				return
			}
			next.ServeHTTP(w, req)
		}))
		defer server.Close()
		began := time.Now()
		bot := connect(t, server, "bot")
		gaps := record(bot, func(e client.Gap) string {
			return fmt.Sprint(e.What, " ", !e.From.Before(began), " ", e.To.After(e.From))
		})
		settle(time.Second)
		broken.Store(true)
		server.CutLinks()
		time.Sleep(time.Hour)
		expect(t, "gaps", gaps(), []string{"private messages true true"})
	})
}

// The account's own channel comes back late: what was written meanwhile is not lost.
func TestPrivateMessage_whenItsChannelGotNoAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		alice := loggedIn(t, server, "alice")
		botID := id(t, alice, "bot")
		wire := newTap(server)
		var lostOne, lost atomic.Bool
		wire.out = func(link int, f *realtime.Frame) bool {
			if link == 2 && f.Channel == "user:"+string(botID) && f.Action == realtime.ActionAttach && lostOne.CompareAndSwap(false, true) {
				lost.Store(true)
				return true
			}
			return false
		}
		bot := connect(t, server, "bot", client.WithDialer(wire))
		heard := mailFrom(bot)
		settle(time.Second)
		server.CutLinks()
		for !lost.Load() {
			time.Sleep(time.Second)
		}
		time.Sleep(5 * time.Second)
		letter(t, alice, "do you hear me?", botID)
		time.Sleep(5 * time.Minute)
		letter(t, alice, "and now?", botID)
		settle(time.Second)
		expect(t, "heard", heard(), []string{"alice: do you hear me? (resynced)", "alice: and now?"})
	})
}

// A bot that is closed while a message is fetched ends within a minute and emits nothing.
func TestPrivateMessage_endsWithClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), intercept(http.MethodGet, "/message/", delay(time.Hour)))
		defer server.Close()
		bot, alice := connect(t, server, "bot"), loggedIn(t, server, "alice")
		heard := mailFrom(bot)
		settle(time.Second)
		letter(t, alice, "hello", id(t, alice, "bot"))
		settle(time.Second)
		_ = bot.Close()
		start := time.Now()
		<-bot.Done()
		if waited := time.Since(start); waited > time.Minute || len(heard()) > 0 {
			t.Errorf("closed after %v, heard %q", waited, heard())
		}
	})
}
