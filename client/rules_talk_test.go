package client_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

func TestRule09_theSameLineTwiceIsOne(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		alice := memberOf(t, room, "alice").UserID
		heard := record(room, func(e client.Chat) string { return e.Message.Content })
		say := func(n int) {
			broadcast(server, "chat-message", `,"chatid":"%s-%d","message":"%d","user":{"_id":%q,"username":"alice"}`, alice, n, n, alice)
		}
		for n := range 512 {
			say(n)
			synctest.Wait()
		}
		say(0)
		say(511)
		synctest.Wait()
		if n := len(heard()); n != 512 || len(room.Messages()) != 512 {
			t.Fatalf("heard %d lines and kept %d, want 512 of each", n, len(room.Messages()))
		}
		say(512) // takes the place of the first
		say(1)
		say(0)
		synctest.Wait()
		expect(t, "the last lines", heard()[512:], []string{"512", "0"})
		if kept := room.Messages(); len(kept) != 512 {
			t.Errorf("kept %d lines", len(kept))
		}
	})
}

func TestRule10_aNewNameIsLearntFromChatAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot")
		alice := memberOf(t, room, "alice").UserID
		server.Room("lounge").Rename("alice", "Alicia")
		broadcast(server, fmt.Sprintf("user_update_%s", alice), `,"user":{"userid":%q,"_user":{"_id":%q,"username":"Alicia"},"dubs":4}`, alice, alice)
		server.Room("lounge").Vote("alicia", true)
		synctest.Wait()
		if name := userName(bot, alice); name != "alice" {
			t.Errorf("after events that are no chat she is %q", name)
		}
		authors := record(room, func(e client.Chat) string { return e.Author.Username })
		server.Room("lounge").Say("alicia", "call me Alicia")
		synctest.Wait()
		expect(t, "author", authors(), []string{"Alicia"})
		if m, ok := room.MemberNamed("ALICIA"); !ok || m.UserID != alice || userName(bot, alice) != "Alicia" {
			t.Errorf("after a line she is %q, and by her name there is %v", userName(bot, alice), m)
		}
		if m, ok := room.MemberNamed("alice"); ok {
			t.Errorf("her old name still leads to %v", m)
		}
		broadcast(server, "room_playlist-dub", `,"dubtype":"updub","user":{"_id":%q,"username":"alice"},"playlist":{}`, alice) // from a cache of QueUp's
		synctest.Wait()
		if name := userName(bot, alice); name != "Alicia" {
			t.Errorf("after a vote she is %q again", name)
		}
	})
}

func TestRule11_whatTheMutedSayIsHidden(t *testing.T) {
	for _, wanted := range []bool{false, true} {
		t.Run(fmt.Sprintf("wanted %v", wanted), func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				lounge := server.Room("lounge")
				lounge.Mute("mod", "bob") // which the bot learns from the list
				_, room := joinLounge(t, server, "bot", client.WithMutedMessages(wanted))
				heard := record(room, func(e client.Chat) string {
					return fmt.Sprintf("%s: %s, muted %v", e.Author, e.Message.Content, e.Member.Muted)
				})
				if !memberOf(t, room, "bob").Muted {
					t.Error("bob is not muted")
				}
				lounge.Say("bob", "psst")
				lounge.Mute("mod", "carol") // from an event
				lounge.Say("carol", "psst")
				synctest.Wait()
				if !memberOf(t, room, "carol").Muted {
					t.Error("carol is not muted")
				}
				lounge.Leave("carol") // and it stays so
				lounge.Join("carol")
				lounge.Say("carol", "am I back?")
				lounge.Unmute("mod", "bob")
				lounge.Say("bob", "free")
				synctest.Wait()
				want := []string{"bob: psst, muted true", "carol: psst, muted true", "carol: am I back?, muted true", "bob: free, muted false"}
				if !wanted {
					want = want[3:]
				}
				expect(t, "heard", heard(), want)
				if n := len(room.Messages()); n != len(want) {
					t.Errorf("%d lines are kept, want %d", n, len(want))
				}
			})
		})
	}
}

func TestRule11_whoIsMutedDoesNotTalk(t *testing.T) {
	tests := map[string]struct {
		list func(body string) string // what the list of members says
		mute func(server *queuptest.Server)
	}{
		"by the answer to joining": {
			func(body string) string { return strings.ReplaceAll(body, `"muted":true`, `"muted":false`) },
			func(*queuptest.Server) {},
		},
		"by an event": {
			func(body string) string { return body },
			func(server *queuptest.Server) { server.Room("lounge").Mute("mod", "alice") },
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				if name == "by the answer to joining" {
					server.Room("lounge").Mute("mod", "alice")
				}
				_, room := joinLounge(t, server, "alice")
				tt.mute(server)
				synctest.Wait()
				_, err := room.SendMessage(t.Context(), "hello?")
				if refusal, ok := errors.AsType[*client.PermissionError](err); !ok || refusal.Permission != client.PermChatSend {
					t.Errorf("SendMessage = %v", err)
				}
				server.Room("lounge").Unmute("mod", "alice")
				synctest.Wait()
				if _, err := room.SendMessage(t.Context(), "hello!"); err != nil {
					t.Errorf("SendMessage = %v", err)
				}
				expect(t, "said", lines(server), []string{"hello!"})
			}, meddle(http.MethodGet, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
				change(w, req, next, tt.list)
			}))
		})
	}
}

// change is for meddle: QueUp's answer with another body.
func change(w http.ResponseWriter, req *http.Request, next http.Handler, body func(string) string) {
	answer := httptest.NewRecorder()
	next.ServeHTTP(answer, req)
	w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
	w.WriteHeader(answer.Code)
	_, _ = io.WriteString(w, body(answer.Body.String()))
}

func TestRule21_textIsDecodedAndEncoded(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot", client.WithRateLimit(0, 0))
		alice := memberOf(t, room, "alice").UserID
		chat := record(room, func(e client.Chat) string { return e.Message.Content })
		kicks := record(room, func(e client.MemberKicked) string { return e.Reason })
		titles := record(room, func(e client.SongChanged) string { return e.Info.Name })
		broadcast(server, "chat-message", `,"chatid":"%s-1","message":"a &lt;b&gt; &amp;lt; &#39;c&#39; &quot;d&quot;","user":{"_id":%q}`, alice, alice)
		broadcast(server, "user-kick", `,"user":{"username":"owner"},"kickedUser":{"_id":%q},"message":"Tom &amp; Jerry"`, alice)
		broadcast(server, "room_playlist-update", `,"startTime":-1,"song":{"_id":"65d4c3e2f60adb0014cd0001","songid":"65e5d4f3071bec0015de0001","userid":%q,"songLength":60000},`+
			`"songInfo":{"_id":"65e5d4f3071bec0015de0001","name":"Rock &amp; Roll &#34;Live&#34;","type":"youtube","fkid":"AbCdEfGhIjK","songLength":60000}`, alice)
		settle(3 * time.Second)
		expect(t, "chat", chat(), []string{`a <b> &lt; 'c' "d"`})
		expect(t, "kicks", kicks(), []string{"Tom & Jerry"})
		expect(t, "titles", titles(), []string{`Rock & Roll "Live"`})

		const text = `5 < 6 & "so" on`
		if m, err := room.SendMessage(t.Context(), text); err != nil || m.Content != text {
			t.Errorf("SendMessage = %+v, %v", m, err)
		}
		if err := room.Kick(t.Context(), memberOf(t, room, "bob").UserID, text); err != nil {
			t.Error(err)
		}
		encoded := 0
		for _, e := range server.Log() {
			if e.In && e.Kind == queuptest.KindHTTP && e.Method == http.MethodPost && strings.HasPrefix(e.Path, "/chat/") {
				if strings.Contains(e.Body, "&lt;") || strings.Contains(e.Body, "%26lt%3B") || strings.Contains(e.Body, `\u0026lt;`) {
					encoded++
				} else {
					t.Errorf("sent %s", e.Body)
				}
			}
		}
		if encoded != 2 {
			t.Errorf("%d texts were sent encoded, want the line and the reason", encoded)
		}
		expect(t, "said", lines(server), []string{text})
	})
}

func TestRule27_aPrivateMessageIsFetched(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, alice := connect(t, server, "bot", client.WithRateLimit(0, 0)), connect(t, server, "alice", client.WithRateLimit(0, 0))
		me, her := id(t, alice, "bot"), id(t, bot, "alice")
		synctest.Wait() // until the bot listens
		heard := make(chan client.PrivateMessage, 10)
		record(bot, func(e client.PrivateMessage) string { heard <- e; return "" })
		next := func() (e client.PrivateMessage) {
			t.Helper()
			settle(time.Second)
			if len(heard) != 1 {
				t.Fatalf("heard %d private messages, want 1", len(heard))
			}
			return <-heard
		}
		hers := must(alice.OpenConversation(t.Context(), me))(t)
		must(hers.SendMessage(t.Context(), "salt & <pepper>"))(t)
		e := next()
		if e.Message.Content != "salt & <pepper>" || e.Author.Username != "alice" || e.Conversation == nil || e.Conversation.ID() != hers.ID() {
			t.Fatalf("heard %+v", e)
		}
		if e.Conversation.HasRead(me) {
			t.Error("a message counts as read that nobody was shown")
		}
		if err := e.Conversation.MarkAsRead(t.Context()); err != nil || !e.Conversation.HasRead(me) {
			t.Errorf("MarkAsRead = %v", err)
		}
		if n := must(bot.UnreadCount(t.Context()))(t); n != 0 {
			t.Errorf("%d are unread at QueUp", n)
		}
		synctest.Wait()
		fetched := calls(server, "GET", "/message/"+string(hers.ID()))
		must(e.Conversation.SendMessage(t.Context(), "thanks"))(t)
		settle(time.Minute)
		if len(heard) != 0 || calls(server, "GET", "/message/"+string(hers.ID())) != fetched {
			t.Error("what the bot writes itself is fetched, or comes back to it")
		}
		must(hers.SendMessage(t.Context(), "you are welcome"))(t)
		if e := next(); e.Message.Content != "you are welcome" || e.Message.AuthorID != her {
			t.Errorf("then heard %+v", e.Message)
		}
	})
}

func TestRule28_aRoomUpdateIsForItsRoom(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		heard := record(room, func(e client.RoomUpdated) string { return e.Info.Name })
		broadcast(server, "room-update", `,"room":{"_id":"65a1f0c2d4e8b90012ab34cd","name":"Somewhere else"}`)
		broadcast(server, "room-lock-queue", `,"room":{"_id":"65a1f0c2d4e8b90012ab34cd","lockQueue":true}`)
		synctest.Wait()
		if room.Name() != "The Lounge" || room.Info().QueueLocked {
			t.Errorf("the room is called %q, locked %v", room.Name(), room.Info().QueueLocked)
		}
		broadcast(server, "room-update", `,"room":{"_id":%q,"name":"Here and Now"}`, room.ID())
		synctest.Wait()
		expect(t, "heard", heard(), []string{"Here and Now"})
		if room.Name() != "Here and Now" || room.Slug() != "lounge" {
			t.Errorf("the room is called %q, at %q", room.Name(), room.Slug())
		}
	})
}

func TestRule28_whoHasNoRoleJoinsAgainAfterANewPassword(t *testing.T) {
	for name, joins := range map[string]int{"alice": 2, "bot": 1} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				_, room := joinLounge(t, server, name)
				broadcast(server, "room-update", `,"room":{"_id":%q},"passwordUpdated":true`, room.ID())
				settle(time.Minute)
				n := 0
				for _, e := range server.Log() {
					if e.In && e.User == name && e.Method == http.MethodPost && strings.HasSuffix(e.Path, "/users") {
						n++
					}
				}
				if n != joins || !room.Joined() {
					t.Errorf("%d joins, joined %v; want %d", n, room.Joined(), joins)
				}
			})
		})
	}
}

func TestRule28_whoDoesNotKnowTheNewPasswordIsOut(t *testing.T) {
	var refusing atomic.Bool
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "alice")
		left := record(room, func(e client.RoomLeft) string { return fmt.Sprint(errors.Is(e.Err, client.ErrRoomPassword)) })
		refusing.Store(true)
		broadcast(server, "room-update", `,"room":{"_id":%q},"passwordUpdated":true`, room.ID())
		settle(time.Minute)
		expect(t, "left", left(), []string{"true"})
	}, meddle(http.MethodPost, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if !refusing.Load() {
			next.ServeHTTP(w, req)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"code":400,"message":"Bad Request","data":{"err":{"details":{"code":400,"message":{"err":"invalidPassword"}}}}}`)
	}))
}

func TestRule29_aUserIsWhoTheIDSays(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		alice, bob := memberOf(t, room, "alice"), memberOf(t, room, "bob")
		heard := record(room, func(e client.Event) string {
			switch e := e.(type) {
			case client.Chat:
				return "chat of " + e.Author.Username + " with the record of " + string(e.Member.UserID)
			case client.Dub:
				return "dub of " + e.User.Username
			case client.MemberLeft:
				return "leave of " + e.User.Username
			}
			return fmt.Sprintf("%T", e)
		})
		playing, _ := room.NowPlaying()
		both := fmt.Sprintf(`"user":{"_id":%q,"username":"alice","userInfo":{"_id":"65b2a1c0d4e8b90012ab0002","userid":%q}}`, alice.UserID, bob.UserID)
		broadcast(server, "chat-message", `,"chatid":"1","message":"hi",%s`, both)
		broadcast(server, "room_playlist-dub", `,"dubtype":"updub",%s,"playlist":{"_id":%q,"updubs":1}`, both, playing.ID)
		broadcast(server, "user-leave", `,%s`, both)
		broadcast(server, "user-leave", `,"user":{"username":"bob","userInfo":{"userid":%q}}`, bob.UserID) // better than nothing
		synctest.Wait()
		expect(t, "heard", heard(), []string{"chat of alice with the record of " + string(alice.UserID), "dub of alice", "leave of alice", "leave of bob"})
	})
}

func TestRule30_whoIsThereTwiceIsGoneWithTheLast(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		heard := record(room, func(e client.MemberPresence) string { return e.User.Username + " " + e.Presence.String() })
		tabs := make([]*client.Client, 2)
		rooms := make([]*client.Room, 2)
		for i := range tabs {
			tabs[i], rooms[i] = joinLounge(t, server, "alice")
		}
		synctest.Wait()
		expect(t, "when she is there", heard(), []string{"alice enter"})
		if err := rooms[0].ChangePresence(t.Context(), client.PresenceExit); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		expect(t, "when one of two is gone", heard(), []string{"alice enter"})
		if err := rooms[1].ChangePresence(t.Context(), client.PresenceExit); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		expect(t, "when both are", heard(), []string{"alice enter", "alice exit"})
	})
}
