package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/internal/testkit/canary"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

const (
	withAlice = `{"_id":"v1","created":1496420594815,"latest_message":1496420600000,"latest_message_str":"salt &amp; pepper",
		"usersid":[{"_id":"65b2a1c0d4e8b90012ab0001","username":"mixmaster"},{"_id":"65b2a1c0d4e8b90012ab0002","username":"alice"}],"users_read":["65b2a1c0d4e8b90012ab0002"]}`
	withBoth = `{"_id":"v2","created":1496420594815,"latest_message":1496420599000,"latest_message_str":"hi",
		"usersid":["65b2a1c0d4e8b90012ab0003","65b2a1c0d4e8b90012ab0001","65b2a1c0d4e8b90012ab0002"],"users_read":["65b2a1c0d4e8b90012ab0001"]}`
)

// post is QueUp's private messages in a test.
type post struct {
	t       *testing.T
	answers map[string]answer // by method and path
	mu      sync.Mutex
	sent    []string
}

func (p *post) answer(req *http.Request) answer {
	line := written(p.t, req)
	p.mu.Lock()
	defer p.mu.Unlock()
	if req.URL.Path != "/auth/login" && req.URL.Path != "/auth/session" {
		p.sent = append(p.sent, line)
	}
	if a, found := p.answers[req.Method+" "+req.URL.Path]; found {
		return a
	}
	if a, found := account(req); found {
		return a
	}
	return answer{status: 404, body: `{"code":404}`}
}

// calls tells what was sent since it was last asked.
func (p *post) calls() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	sent := p.sent
	p.sent = nil
	return sent
}

func mailbox(t *testing.T, opts ...client.Option) (*client.Client, *post) {
	t.Helper()
	p := &post{t: t, answers: map[string]answer{"GET /message": ok(`[` + withAlice + `,null,` + withBoth + `,{}]`)}}
	bot := newClient(t, p.answer, opts...)
	login(t, bot)
	return bot, p
}

func names(users []client.User) []string {
	var list []string
	for _, u := range users {
		list = append(list, u.String())
	}
	return list
}

func TestConversations_recentOnesAreThereAfterLogin(t *testing.T) {
	bot, p := mailbox(t)
	expect(t, "sent", p.calls(), []string{"GET /message"})
	if n := bot.Conversations().Len(); n != 2 {
		t.Fatalf("%d conversations", n)
	}
	v, known := bot.Conversations().Get("v1")
	if !known || v.ID() != "v1" || v.CreatedAt().UnixMilli() != 1496420594815 || v.LatestMessage() != "salt & pepper" || v.LatestAt().UnixMilli() != 1496420600000 {
		t.Errorf("conversation %v: %s at %v", v, v.LatestMessage(), v.LatestAt())
	}
	if !v.HasRead(alice) || v.HasRead(me) || v.HasRead("") {
		t.Error("read by the wrong people")
	}
	expect(t, "recipients", names(v.Recipients()), []string{"alice"})
	if text := v.String(); text != "alice" {
		t.Errorf("prints %q", text)
	}
	both, _ := bot.Conversations().Get("v2") // of whom only ids were told, and one is known by now
	if text := both.String(); text != string(bob)+", alice" {
		t.Errorf("prints %q", text)
	}
	expect(t, "sent", p.calls(), nil)
}

func TestConversations_loginDoesNotNeedThem(t *testing.T) {
	t.Run("turned off", func(t *testing.T) {
		bot, p := mailbox(t, client.WithRecentConversations(false))
		expect(t, "sent", p.calls(), nil)
		if n := bot.Conversations().Len(); n != 0 {
			t.Errorf("%d conversations", n)
		}
	})
	t.Run("broken", func(t *testing.T) {
		p := &post{t: t, answers: map[string]answer{"GET /message": {status: 500, body: `{}`}}}
		if err := newClient(t, p.answer).Login(t.Context(), "mixmaster", canary.Password); err != nil {
			t.Error(err)
		}
	})
	t.Run("slow", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			bot := newClient(t, func(req *http.Request) answer {
				if req.URL.Path == "/message" {
					<-req.Context().Done()
				}
				a, _ := account(req)
				return a
			})
			start := time.Now()
			if err := bot.Login(t.Context(), "mixmaster", canary.Password); err != nil || time.Since(start) > 30*time.Second {
				t.Errorf("%v after %v", err, time.Since(start))
			}
		})
	})
	t.Run("no call of the bot", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			bot, p := mailbox(t, client.WithRateLimit(1, time.Hour))
			p.answers["GET /message/new"] = ok(`2`)
			start := time.Now()
			if n, err := bot.UnreadCount(t.Context()); err != nil || n != 2 || time.Since(start) > time.Second {
				t.Errorf("%d unread, %v after %v", n, err, time.Since(start))
			}
		})
	})
}

func TestConversations_areForgottenWithTheAccount(t *testing.T) {
	for name, leave := range map[string]func(bot *client.Client, p *post) error{
		"logout": func(bot *client.Client, p *post) error {
			p.answers["GET /auth/logout"] = ok(`{}`)
			return bot.Logout(t.Context())
		},
		"another account": func(bot *client.Client, p *post) error {
			p.answers["GET /auth/session"] = ok(`{"_id":"65b2a1c0d4e8b90012ab0002","username":"alice"}`)
			p.answers["GET /message"] = ok(`[]`)
			return bot.Login(t.Context(), "alice", canary.Password)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bot, p := mailbox(t)
			if err := leave(bot, p); err != nil {
				t.Fatal(err)
			}
			if n := bot.Conversations().Len(); n != 0 {
				t.Errorf("%d conversations", n)
			}
		})
	}
	t.Run("but not by logging in again", func(t *testing.T) {
		bot, p := mailbox(t)
		before, _ := bot.Conversations().Get("v1")
		p.answers["GET /message"] = ok(`[]`)
		login(t, bot)
		if after, _ := bot.Conversations().Get("v1"); before == nil || after != before {
			t.Error("the handle is not the same")
		}
	})
}

func TestConversations_byRecipients(t *testing.T) {
	bot, p := mailbox(t)
	p.answers["GET /message"] = ok(`[{"_id":"v5"}]`) // of which it is not known who takes part
	if _, err := bot.FetchConversations(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		users []client.UserID
		want  client.ConversationID
	}{
		{[]client.UserID{alice}, "v1"},
		{[]client.UserID{alice, me, alice}, "v1"},
		{[]client.UserID{alice, bob}, "v2"},
		{[]client.UserID{bob, alice}, "v2"},
		{[]client.UserID{bob}, ""},
		{[]client.UserID{me}, ""},
		{nil, ""},
	} {
		v, found := bot.Conversations().ByRecipients(tt.users...)
		if found != (tt.want != "") || found && v.ID() != tt.want {
			t.Errorf("with %v: %v, %v", tt.users, v, found)
		}
	}
}

func TestFetchConversations(t *testing.T) {
	bot, p := mailbox(t)
	first, _ := bot.Conversations().Get("v1")
	p.answers["GET /message"] = ok(`[{"_id":"v3","usersid":["65b2a1c0d4e8b90012ab0003"]},{"_id":"v1","latest_message":1496420700000,"latest_message_str":"later","users_read":[]},` + withBoth + `]`)
	list, err := bot.FetchConversations(t.Context())
	if err != nil || len(list) != 3 || list[0].ID() != "v3" || list[1] != first || list[2].ID() != "v2" {
		t.Fatalf("conversations %v, %v", list, err)
	}
	if first.LatestMessage() != "later" || first.HasRead(alice) || first.CreatedAt().IsZero() || first.String() != "alice" {
		t.Errorf("%v: %q, read by alice: %v", first, first.LatestMessage(), first.HasRead(alice))
	}
	p.answers["GET /message"] = ok(`[` + withAlice + `]`) // an answer that took its time
	if _, err := bot.FetchConversations(t.Context()); err != nil || first.LatestMessage() != "later" || first.HasRead(alice) {
		t.Errorf("an older state is taken: %q, %v", first.LatestMessage(), err)
	}
}

func TestConversations_areBounded(t *testing.T) {
	bot, p := mailbox(t, client.WithConversationCache(2))
	p.answers["GET /message"] = ok(`[{"_id":"v3","usersid":["65b2a1c0d4e8b90012ab0003"]},` + withAlice + `,` + withBoth + `]`)
	list, err := bot.FetchConversations(t.Context())
	if err != nil || len(list) != 3 || bot.Conversations().Len() != 2 {
		t.Fatalf("%v, %v; %d are kept", list, err, bot.Conversations().Len())
	}
	if _, kept := bot.Conversations().Get("v3"); !kept {
		t.Error("the latest is forgotten")
	}
	if list[2].String() == "" {
		t.Error("a handle that is forgotten is of no use")
	}
	if _, found := bot.Conversations().ByRecipients(alice); !found {
		t.Error("the second latest is forgotten")
	}
	p.answers["POST /message"] = ok(`{"_id":"v9"}`)
	if _, err := bot.OpenConversation(t.Context(), people(1)...); err != nil {
		t.Fatal(err)
	}
	if _, kept := bot.Conversations().Get("v1"); !kept {
		t.Error("one that was asked for is forgotten before one that was not")
	}
	if _, err := client.New(client.WithConversationCache(0)); err == nil {
		t.Error("a cache of nothing is allowed")
	}
}

func TestOpenConversation_reusesWhatItKnows(t *testing.T) {
	bot, p := mailbox(t)
	known, _ := bot.Conversations().Get("v1")
	p.calls()
	user, _ := bot.Users().Get(alice)
	for range 2 {
		if v, err := user.OpenConversation(t.Context()); err != nil || v != known {
			t.Errorf("%v, %v", v, err)
		}
	}
	expect(t, "sent", p.calls(), nil)

	p.answers["POST /message"] = ok(`{"_id":"v9","created":1496420594815}`) // which does not say with whom
	opened, err := bot.OpenConversation(t.Context(), bob, me)
	if err != nil || opened.ID() != "v9" || len(opened.Recipients()) != 1 || opened.Recipients()[0].ID != bob {
		t.Fatalf("%v, %v", opened, err)
	}
	again, err := bot.OpenConversation(t.Context(), bob)
	if err != nil || again != opened {
		t.Errorf("%v, %v", again, err)
	}
	expect(t, "sent", p.calls(), []string{"POST /message form usersid[]=65b2a1c0d4e8b90012ab0003"})

	p.answers["POST /message"] = ok(withAlice) // one that QueUp knows under other people
	if v, err := bot.OpenConversation(t.Context(), people(10)...); err != nil || v != known {
		t.Errorf("%v, %v", v, err)
	}
	p.answers["POST /message"] = ok(`{}`)
	if v, err := bot.OpenConversation(t.Context(), people(1)...); err == nil {
		t.Errorf("an answer without a conversation is %v", v)
	}
}

func TestConversation_fetch(t *testing.T) {
	bot, p := mailbox(t)
	v, _ := bot.Conversations().Get("v1")
	p.answers["GET /message/v1"] = ok(`[
		{"_id":"m3","created":1496420700000,"message":"&lt;3","userid":"65b2a1c0d4e8b90012ab0002","messageid":"v1","_user":{"_id":"65b2a1c0d4e8b90012ab0002","username":"Alice2"},"new":1},
		null,
		{"_id":"m2","created":1496420600000,"message":"salt &amp;amp; pepper","_user":{"_id":"65b2a1c0d4e8b90012ab0001","username":"mixmaster"}},
		{"_id":"m1","created":1496420594815,"message":"hi","userid":"65b2a1c0d4e8b90012ab0002"}]`)
	messages, err := v.Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, m := range messages {
		lines = append(lines, string(m.ID)+" "+m.String())
		if m.ConversationID != "v1" || m.RoomID != "" {
			t.Errorf("message %+v", m)
		}
		if with, known := m.Conversation(); !known || with != v {
			t.Errorf("%s is of %v", m.ID, with)
		}
		if _, inRoom := m.Room(); inRoom {
			t.Errorf("%s is in a room", m.ID)
		}
		if _, inRoom := m.Member(); inRoom {
			t.Errorf("%s is of a member", m.ID)
		}
	}
	expect(t, "messages", lines, []string{"m1 Alice2: hi", "m2 mixmaster: salt &amp; pepper", "m3 Alice2: <3"})
	if len(messages[2].Extra()) != 1 || messages[0].CreatedAt.UnixMilli() != 1496420594815 {
		t.Errorf("message %+v", messages[2])
	}
	if v.LatestMessage() != "<3" || v.LatestAt().UnixMilli() != 1496420700000 || !v.HasRead(alice) || v.HasRead(me) {
		t.Errorf("latest %q", v.LatestMessage())
	}
	p.answers["GET /message/v1"] = ok(`[{"_id":"m1","created":1496420594815,"message":"hi","userid":"65b2a1c0d4e8b90012ab0002"}]`) // an answer that took its time
	if _, err := v.Fetch(t.Context()); err != nil || v.LatestMessage() != "<3" {
		t.Errorf("an older message is the latest: %q, %v", v.LatestMessage(), err)
	}
	p.answers["GET /message/v1"] = ok(`[]`)
	if messages, err := v.Fetch(t.Context()); err != nil || len(messages) != 0 || v.LatestMessage() != "<3" {
		t.Errorf("messages %v, %v", messages, err)
	}
	delete(p.answers, "GET /message/v1")
	if _, err := v.Fetch(t.Context()); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("err = %v", err)
	}
}

// Whether QueUp always tells the newest first is not known.
func TestConversation_fetchPutsInOrder(t *testing.T) {
	bot, p := mailbox(t)
	v, _ := bot.Conversations().Get("v1")
	p.answers["GET /message/v1"] = ok(`[{"_id":"m1","created":1496420594815},{"_id":"m3","created":1496420700000},{"_id":"m2b","created":1496420600000},{"_id":"m2a","created":1496420600000}]`)
	messages, err := v.Fetch(t.Context())
	var ids []string
	for _, m := range messages {
		ids = append(ids, string(m.ID))
	}
	expect(t, fmt.Sprint("messages, ", err), ids, []string{"m1", "m2a", "m2b", "m3"})
}

// What has been read stays read when the message list tells the time of the last message a little differently.
func TestConversation_fetchLeavesReadMarks(t *testing.T) {
	bot, p := mailbox(t)
	v, _ := bot.Conversations().Get("v1")
	p.answers["GET /message/v1"] = ok(`[{"_id":"m1","created":1496420600007,"message":"salt &amp; pepper","userid":"65b2a1c0d4e8b90012ab0003"}]`)
	if _, err := v.Fetch(t.Context()); err != nil || !v.HasRead(alice) {
		t.Errorf("alice has read it: %v, %v", v.HasRead(alice), err)
	}
}

func TestConversation_sendMessage(t *testing.T) {
	tests := map[string]struct {
		text, sent, answer string
		content            string
		opts               []client.Option
	}{
		"as QueUp stored it": {
			" <3 & \"you\"\n", `{"message":"&lt;3 &amp; &#34;you&#34;","userid":"65b2a1c0d4e8b90012ab0001"}`,
			`{"_id":"m7","created":1700000000000,"message":"&lt;3 &amp;amp; you","userid":"65b2a1c0d4e8b90012ab0001","messageid":"v1"}`, "<3 &amp; you", nil,
		},
		"the same again":             {"salt & pepper", `{"message":"salt &amp; pepper","userid":"65b2a1c0d4e8b90012ab0001"}`, `{}`, "salt & pepper", nil},
		"an answer that says little": {"<3", `{"message":"&lt;3","userid":"65b2a1c0d4e8b90012ab0001"}`, `{}`, "<3", nil},
		"raw":                        {"a &amp; b", `{"message":"a &amp; b","userid":"65b2a1c0d4e8b90012ab0001"}`, `{}`, "a & b", []client.Option{client.WithRawChat(true)}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bot, p := mailbox(t, tt.opts...)
			p.calls()
			p.answers["POST /message/v1"] = ok(tt.answer)
			v, _ := bot.Conversations().Get("v1")
			m, err := v.SendMessage(t.Context(), tt.text)
			if err != nil || m.Content != tt.content || m.AuthorID != me || m.ConversationID != "v1" || m.CreatedAt.IsZero() {
				t.Errorf("message %+v, %v", m, err)
			}
			if author, known := m.Author(); !known || author.Username != "mixmaster" {
				t.Errorf("author %v", author)
			}
			expect(t, "sent", p.calls(), []string{"POST /message/v1 json " + tt.sent})
			if v.LatestMessage() != tt.content || !v.HasRead(me) || v.HasRead(alice) {
				t.Errorf("latest %q", v.LatestMessage())
			}
		})
	}
	t.Run("nothing", func(t *testing.T) {
		bot, p := mailbox(t)
		p.calls()
		v, _ := bot.Conversations().Get("v1")
		if _, err := v.SendMessage(t.Context(), " \n\t"); err == nil {
			t.Error("an empty text is sent")
		} else if wrong, is := errors.AsType[*client.ArgumentError](err); !is || wrong.Argument != "text" {
			t.Errorf("err = %v", err)
		}
		expect(t, "sent", p.calls(), nil)
	})
	t.Run("refused", func(t *testing.T) {
		bot, p := mailbox(t)
		p.answers["POST /message/v1"] = answer{status: 403, body: `{"code":403}`}
		v, _ := bot.Conversations().Get("v1")
		if _, err := v.SendMessage(t.Context(), "hi"); !errors.Is(err, client.ErrForbidden) || v.LatestMessage() != "salt & pepper" {
			t.Errorf("%v, latest %q", err, v.LatestMessage())
		}
	})
}

func TestConversation_markAsRead(t *testing.T) {
	for name, data := range map[string]string{
		"the conversation": `{"_id":"v1","latest_message":1496420600000,"users_read":["65b2a1c0d4e8b90012ab0002","65b2a1c0d4e8b90012ab0001"]}`,
		"a part of it":     `{"_id":"v1","latest_message":1496420600000}`,
		"the last message": `{"_id":"m2","created":1496420600000,"message":"salt &amp; pepper","messageid":"v1"}`,
		"nothing":          `{}`,
	} {
		t.Run(name, func(t *testing.T) {
			bot, p := mailbox(t)
			p.calls()
			p.answers["POST /message/v1/read"] = ok(data)
			v, _ := bot.Conversations().Get("v1")
			for range 2 {
				if err := v.MarkAsRead(t.Context()); err != nil || !v.HasRead(me) || !v.HasRead(alice) || v.LatestMessage() != "salt & pepper" || v.CreatedAt().UnixMilli() != 1496420594815 {
					t.Errorf("read: %v, %v; latest %q", v.HasRead(me), err, v.LatestMessage())
				}
			}
			expect(t, "sent", p.calls(), []string{"POST /message/v1/read", "POST /message/v1/read"})
		})
	}
	bot, p := mailbox(t)
	p.answers["POST /message/v1/read"] = answer{status: 500, body: `{}`}
	v, _ := bot.Conversations().Get("v1")
	if err := v.MarkAsRead(t.Context()); err == nil || v.HasRead(me) {
		t.Errorf("read: %v, %v", v.HasRead(me), err)
	}
}

// A handle is used by many: nothing may race.
func TestConversation_concurrently(t *testing.T) {
	bot, p := mailbox(t, client.WithRateLimit(0, 0), client.WithConversationCache(1))
	p.answers["GET /message/v1"] = ok(`[{"_id":"m1","created":1496420700000,"message":"hi","userid":"65b2a1c0d4e8b90012ab0002"}]`)
	p.answers["POST /message/v1"] = ok(`{}`)
	p.answers["POST /message/v1/read"] = ok(withAlice)
	p.answers["POST /message"] = ok(withAlice)
	v, err := bot.OpenConversation(t.Context(), alice)
	if err != nil {
		t.Fatal(err)
	}
	var calls sync.WaitGroup
	for _, call := range []func(ctx context.Context) error{
		func(ctx context.Context) error { return second(v.Fetch(ctx)) },
		func(ctx context.Context) error { return second(v.SendMessage(ctx, "hi")) },
		v.MarkAsRead,
		func(ctx context.Context) error { return second(bot.FetchConversations(ctx)) },
		func(ctx context.Context) error { return second(bot.OpenConversation(ctx, alice)) },
		func(context.Context) error { _, _ = bot.Conversations().ByRecipients(alice, bob); return nil },
		func(context.Context) error {
			_ = fmt.Sprint(v, v.Recipients(), v.HasRead(me), v.LatestMessage(), v.LatestAt(), v.CreatedAt())
			return nil
		},
	} {
		for range 8 {
			calls.Go(func() {
				if err := call(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	}
	calls.Wait()
	if !slices.Equal(names(v.Recipients()), []string{"alice"}) {
		t.Errorf("recipients %v", v.Recipients())
	}
}

// Two people write to each other: what one does, the other finds.
func TestConversations_onBothSides(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, alice := loggedIn(t, server, "bot"), loggedIn(t, server, "alice")
		botID, aliceID := id(t, alice, "bot"), id(t, bot, "alice")

		mine := must(bot.OpenConversation(t.Context(), aliceID))(t)
		expect(t, "recipients", names(mine.Recipients()), []string{"alice"})
		sent := must(mine.SendMessage(t.Context(), "salt & <pepper>"))(t)
		if sent.ID == "" || sent.Content != "salt & <pepper>" || sent.AuthorID != botID || sent.ConversationID != mine.ID() || sent.CreatedAt.IsZero() {
			t.Errorf("sent %+v", sent)
		}

		if n := must(alice.UnreadCount(t.Context()))(t); n != 1 {
			t.Errorf("alice has %d unread", n)
		}
		list := must(alice.FetchConversations(t.Context()))(t)
		if len(list) != 1 || list[0].ID() != mine.ID() || list[0].LatestMessage() != "salt & <pepper>" || list[0].HasRead(aliceID) || !list[0].HasRead(botID) {
			t.Fatalf("alice has %v", list)
		}
		hers := list[0]
		expect(t, "her recipients", names(hers.Recipients()), []string{"bot"})
		if found, known := alice.Conversations().ByRecipients(botID); !known || found != hers {
			t.Errorf("by recipients: %v", found)
		}
		messages := must(hers.Fetch(t.Context()))(t)
		if len(messages) != 1 || !messages[0].Equal(sent) || messages[0].String() != "bot: salt & <pepper>" {
			t.Errorf("she reads %v, want %+v", messages, sent)
		}
		if err := hers.MarkAsRead(t.Context()); err != nil || !hers.HasRead(aliceID) {
			t.Errorf("read: %v, %v", hers.HasRead(aliceID), err)
		}
		if n := must(alice.UnreadCount(t.Context()))(t); n != 0 {
			t.Errorf("alice has %d unread", n)
		}
		must(bot.FetchConversations(t.Context()))(t)
		if !mine.HasRead(aliceID) {
			t.Error("the bot does not know that she has read it")
		}
		must(hers.SendMessage(t.Context(), "thanks"))(t)
		var lines []string
		for _, m := range must(mine.Fetch(t.Context()))(t) {
			lines = append(lines, m.String())
		}
		expect(t, "the bot reads", lines, []string{"bot: salt & <pepper>", "alice: thanks"})
		if mine.LatestMessage() != "thanks" || mine.HasRead(botID) {
			t.Errorf("latest %q, read by the bot: %v", mine.LatestMessage(), mine.HasRead(botID))
		}

		// A client that comes later finds it at login, and opens no second one.
		later := loggedIn(t, server, "bot")
		before := len(requests(server))
		again := must(later.OpenConversation(t.Context(), aliceID))(t)
		if again.ID() != mine.ID() || len(requests(server)) != before {
			t.Errorf("opened %s with %q", again.ID(), requests(server)[before:])
		}
		three := must(later.OpenConversation(t.Context(), aliceID, id(t, later, "bob")))(t)
		people := names(three.Recipients())
		slices.Sort(people)
		expect(t, "recipients", people, []string{"alice", "bob"})
		if three.ID() == mine.ID() {
			t.Error("three people have the conversation of two")
		}
	})
}
