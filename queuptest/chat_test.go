package queuptest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/queuptest"
)

// The history of the chat has what was said, deleted and banned, as the events that told of it.
func TestChatHistory(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	if got := s.do("", "GET /chat/{lounge}", ""); string(got.data(t)) != "[]" {
		t.Errorf("at first: %s", got.Body)
	}
	id := s.room.Say("alice", "<one>")
	s.room.DeleteMessage("mod", id)
	s.room.DeleteMessagesOf("mod", "alice")
	s.room.Ban("mod", "carol", 90*time.Second)
	s.room.Kick("mod", "bob", "") // is not in it
	var got []string
	for _, e := range as[wire.ChatHistory](t, s.do("", "GET /chat/{lounge}", "")) {
		switch e := e.(type) {
		case *wire.ChatMessage:
			got = append(got, e.EventName()+" "+string(e.ID)+" "+e.User.Username+" "+e.Text)
		case *wire.DeleteChatMessage:
			got = append(got, e.EventName()+" "+string(e.ID)+" "+e.User.Username)
		case *wire.DeleteChatMessageGlobal:
			got = append(got, e.EventName()+" "+string(e.AuthorID)+" "+e.User.Username)
		case *wire.UserBan:
			got = append(got, e.EventName()+" "+e.Target.Username+" "+e.Duration.String())
		default:
			got = append(got, e.EventName())
		}
	}
	want := []string{"chat-message " + id + " alice <one>", "delete-chat-message " + id + " mod", "delete-chat-message-global " + s.fill("{alice}") + " mod", "user-ban carol 2m0s"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("history (-want +got):\n%s", d)
	}
	for i := range 150 {
		s.room.Say("alice", fmt.Sprint(i))
	}
	last := as[wire.ChatHistory](t, s.do("", "GET /chat/{lounge}", ""))
	if first := last[0].(*wire.ChatMessage); len(last) != 100 || first.Text != "50" {
		t.Errorf("%d entries from %s on", len(last), last[0].RawJSON())
	}
}

// tooSoon fails unless a line of alice's is refused until some seconds have passed.
func (s *stage) tooSoon(text string) {
	s.t.Helper()
	got := s.do("alice", "POST /chat/{lounge}", "message=hi")
	got.refused(s.t, http.StatusTooManyRequests, shapeE2, text)
	if after := got.Header.Get("Retry-After"); after != "" {
		s.t.Errorf("Retry-After is %q; QueUp says it in the text alone", after)
	}
}

func (s *stage) chats(user string) {
	s.t.Helper()
	if got := s.do(user, "POST /chat/{lounge}", "message=hi"); got.Status != http.StatusOK {
		s.t.Fatalf("%s: %d %s", user, got.Status, got.Body)
	}
}

// In slow mode a member waits between two lines; staff does not.
func TestSlowMode(t *testing.T) {
	for name, opts := range worlds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, append(opts, queuptest.InMemory())...)
				s.chats("alice")
				s.chats("alice")
				s.room.SlowMode("mod", true)
				time.Sleep(500 * time.Millisecond)
				s.tooSoon("10 secs")
				s.chats("bob")
				s.chats("mod")
				s.chats("mod")
				s.chats("owner")
				s.chats("owner")
				time.Sleep(9500 * time.Millisecond)
				s.chats("alice")
				s.tooSoon("10 secs")
				s.room.SlowMode("mod", false)
				s.chats("alice")
			})
		})
	}
}

// Who chats too much is quiet for ten minutes. Lines of the test do not count.
func TestChatQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, queuptest.InMemory(), queuptest.ChatQuota(3, 5*time.Second))
		for range 10 {
			s.room.Say("alice", "x")
		}
		for range 4 { // never more than three in five seconds
			s.chats("alice")
			time.Sleep(2 * time.Second)
		}
		time.Sleep(5 * time.Second)
		for range 3 {
			s.chats("alice")
		}
		s.tooSoon("10 mins")
		s.chats("bob")
		time.Sleep(9*time.Minute + 30*time.Second)
		s.tooSoon("1 mins")
		time.Sleep(30 * time.Second)
		s.chats("alice")
	})
	t.Run("of nothing", func(t *testing.T) {
		if _, err := queuptest.Start(queuptest.ChatQuota(0, -1)); err == nil || !strings.Contains(err.Error(), "chat quota of 0 lines in -1ns") {
			t.Errorf("error is %v", err)
		}
	})
}
