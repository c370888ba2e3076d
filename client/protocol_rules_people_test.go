package client_test

import (
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
	"github.com/queup-go/queup/gen/queupapi"
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

func TestRule11_aMutedBotDoesNotTalk(t *testing.T) {
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
			}, intercept(http.MethodGet, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
				change(w, req, next, tt.list)
			}))
		})
	}
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

func TestRule28_aBotWithoutARoleJoinsAgainAfterANewPassword(t *testing.T) {
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

func TestRule28_aBotWithoutTheNewPasswordIsOut(t *testing.T) {
	var refusing atomic.Bool
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "alice")
		left := record(room, func(e client.RoomLeft) string { return fmt.Sprint(errors.Is(e.Err, client.ErrRoomPassword)) })
		refusing.Store(true)
		broadcast(server, "room-update", `,"room":{"_id":%q},"passwordUpdated":true`, room.ID())
		settle(time.Minute)
		expect(t, "left", left(), []string{"true"})
	}, intercept(http.MethodPost, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if !refusing.Load() {
			next.ServeHTTP(w, req)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"code":400,"message":"Bad Request","data":{"err":{"details":{"code":400,"message":{"err":"invalidPassword"}}}}}`)
	}))
}

func TestRule29_theIDSaysWhichUserItIs(t *testing.T) {
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

func TestRule30_aMemberWithTwoConnectionsLeavesWithTheLast(t *testing.T) {
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

func TestRule24_permissionsAreCheckedBeforeQueUpIsAsked(t *testing.T) {
	for world, opts := range map[string][]queuptest.Option{"custom": nil, "classic": {queuptest.ClassicRoles()}} {
		t.Run(world, func(t *testing.T) {
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				_, room := joinLounge(t, server, "alice", client.WithRateLimit(0, 0))
				bob := memberOf(t, room, "bob").UserID
				before := len(server.Log())
				ctx := t.Context()
				for name, err := range map[string]error{
					"Kick": room.Kick(ctx, bob, ""), "Ban": room.Ban(ctx, bob, time.Hour), "Unban": room.Unban(ctx, bob),
					"Mute": room.Mute(ctx, bob), "Unmute": room.Unmute(ctx, bob), "MoveDJ": room.MoveDJ(ctx, bob, 0),
					"RemoveDJ": room.RemoveDJ(ctx, bob), "RemoveSong": room.RemoveSong(ctx, bob), "PauseDJ": room.PauseDJ(ctx, bob, true),
					"LockQueue": room.LockQueue(ctx, true), "SetRole": room.SetRole(ctx, bob, client.RoleVIP), "UnsetRole": room.UnsetRole(ctx, bob, client.RoleVIP),
				} {
					if _, ok := errors.AsType[*client.PermissionError](err); !ok || !errors.Is(err, client.ErrForbidden) {
						t.Errorf("%s = %v", name, err)
					}
				}
				for _, e := range server.Log()[before:] {
					if e.In && e.Kind == queuptest.KindHTTP {
						t.Errorf("sent %v", e)
					}
				}
				server.Room("lounge").SetRole("owner", "alice", queuptest.Moderator)
				settle(5 * time.Second)
				if err := room.Kick(ctx, bob, ""); err != nil {
					t.Errorf("as a moderator: %v", err)
				}
			}, opts...)
		})
	}
}

func TestRule24_rolesAreReadAgainAfterTheyHaveChanged(t *testing.T) {
	const role = `"role":{"id":"65f6e504182cfd0016ef0007","label":"Night Crew","position":128,"permissions":["members.kick"]}`
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot")
		me, _ := bot.User()
		reads := func() int { return calls(server, "GET", "/roles") }
		for name, cause := range map[string]func(){
			"made":      func() { broadcast(server, "room-role-create", ","+role) },
			"changed":   func() { broadcast(server, "room-role-update", ","+role) },
			"deleted":   func() { broadcast(server, "room-role-delete", `,"roleid":"65f6e504182cfd0016ef0007"`) },
			"reordered": func() { broadcast(server, "room-roles-reorder", `,"roles":[]`) },
			"our own": func() {
				broadcast(server, "user-setrole", `,"user":{"username":"owner"},"targetUser":{"_id":%q},%s`, me.ID, role)
			},
		} {
			before := reads()
			cause()
			cause()
			synctest.Wait()
			if n := reads() - before; n != 0 {
				t.Errorf("%s: read %d times at once", name, n)
			}
			settle(5 * time.Second)
			if n := reads() - before; n != 1 {
				t.Errorf("%s: read %d times, want 1", name, n)
			}
		}
		if !room.Can(me.ID, client.PermMembersKick) || slices.ContainsFunc(room.Roles(), func(r client.Role) bool { return r.Label == "Night Crew" }) {
			t.Errorf("the roles are not those of QueUp: %v", room.Roles())
		}
	})
}

func TestRule24_aRoleEventMayNameAbsentUsers(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		heard := record(room, func(e client.Event) string {
			switch e := e.(type) {
			case client.RoleSet:
				return fmt.Sprintf("%s is now %s, with a record for %s", e.User, e.Role.Label, e.Member.UserID)
			case client.RoleUnset:
				return fmt.Sprintf("%s is no longer %s", e.User, e.Role.Label)
			}
			return fmt.Sprintf("%T", e)
		})
		const nobody = "65b2a1c0d4e8b90012ab0099"
		members := room.Members().Len()
		broadcast(server, "user-setrole", `,"user":{"username":"owner"},"targetUser":{"_id":%q,"username":"zoe"},"role":{"id":"65f6e504182cfd0016ef0007","label":"Crew","position":1}`, nobody)
		broadcast(server, "user-unsetrole", `,"user":{"username":"owner"},"modUser":{"_id":%q,"username":"zoe"},"role_object":{"_id":"5615feb8e596154fc2000002","label":"VIP","type":"vip"}`, nobody)
		settle(5 * time.Second)
		expect(t, "heard", heard(), []string{"zoe is now Crew, with a record for " + nobody, "zoe is no longer VIP"})
		if room.Members().Len() != members {
			t.Error("who is not there became a member")
		}
	})
}

func TestRule25_aRoleIsReadBeforeItIsWritten(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "owner", client.WithRateLimit(0, 0))
		role := must(room.CreateRole(t.Context(), client.RoleSettings{
			Label: "Night Crew", Color: "#00aeff", Permissions: []client.Permission{client.PermQueueSkip}, Mentionable: true, DisplaySeparately: true,
		}))(t)
		// The colour is changed by a call that the room knows nothing of, and then the label.
		_, err := bot.REST().UpdateRole(t.Context(), &queupapi.RoleSettings{
			Label: role.Label, Color: queupapi.NewOptString("#ff0000"), Permissions: []string{string(client.PermQueueSkip)},
			Mentionable: queupapi.NewOptBool(true), DisplaySeparately: queupapi.NewOptBool(true),
		}, queupapi.UpdateRoleParams{RoomID: room.ID(), RoleID: role.ID})
		if err != nil {
			t.Fatal(err)
		}
		_, err = room.UpdateRole(t.Context(), role.ID, func(s *client.RoleSettings) {
			if s.Label != "Night Crew" || s.Color != "#ff0000" || !s.Mentionable || !s.DisplaySeparately || !slices.Equal(s.Permissions, []client.Permission{client.PermQueueSkip}) {
				t.Errorf("what the role has now is %+v", *s)
			}
			s.Label = "Late Crew"
		})
		if err != nil {
			t.Fatal(err)
		}
		roles := must(room.FetchRoles(t.Context()))(t)
		i := slices.IndexFunc(roles, func(r client.Role) bool { return r.ID == role.ID })
		if i < 0 || roles[i].Label != "Late Crew" || roles[i].Color != "#ff0000" || !roles[i].Can(client.PermQueueSkip) {
			t.Errorf("the roles are %+v", roles)
		}
	})
}

func TestRule32_staffCannotBeModerated(t *testing.T) {
	for world, opts := range map[string][]queuptest.Option{"custom": nil, "classic": {queuptest.ClassicRoles()}} {
		t.Run(world, func(t *testing.T) {
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				_, room := joinLounge(t, server, "owner", client.WithRateLimit(0, 0))
				mod := memberOf(t, room, "mod").UserID
				var refused *client.PermissionError
				if err := room.Mute(t.Context(), mod); !errors.As(err, &refused) || refused.User != mod {
					t.Errorf("Mute = %v", err)
				}
				if calls(server, http.MethodPost, string(mod)) != 0 {
					t.Error("the mute was sent")
				}
				if world == "classic" {
					if err := room.Kick(t.Context(), mod, ""); !errors.Is(err, client.ErrForbidden) {
						t.Errorf("Kick = %v", err)
					}
					if err := room.Ban(t.Context(), mod, time.Minute); !errors.Is(err, client.ErrForbidden) {
						t.Errorf("Ban = %v", err)
					}
				}
				expect(t, "muted", server.Room("lounge").Muted(), []string{})
				expect(t, "banned", server.Room("lounge").Banned(), []string{})
			}, opts...)
		})
	}
}

func TestRule32_aMuteForSomeTimeIsATimer(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		bob := memberOf(t, room, "bob").UserID
		if err := room.Mute(t.Context(), bob); err != nil {
			t.Fatal(err)
		}
		unmuted := make(chan error, 1)
		time.AfterFunc(10*time.Minute, func() { unmuted <- room.Unmute(t.Context(), bob) })
		settle(10*time.Minute - time.Second)
		if !memberOf(t, room, "bob").Muted {
			t.Error("the mute ended by itself")
		}
		settle(2 * time.Second)
		if err := <-unmuted; err != nil || memberOf(t, room, "bob").Muted {
			t.Errorf("Unmute = %v", err)
		}
	})
}

func TestRule33_aDJMayLoseTheRoleByItself(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		server.Room("lounge").SetRole("owner", "carol", queuptest.DJ)
		_, room := joinLounge(t, server, "bot")
		carol := memberOf(t, room, "carol")
		if role, ok := carol.Role(); !ok || role.TemplateKey != "dj" {
			t.Fatalf("carol is %+v", role)
		}
		role, _ := carol.Role()
		heard := record(room, func(e client.Event) string {
			if unset, ok := e.(client.RoleUnset); ok {
				return fmt.Sprintf("%s lost %s by %q", unset.User, unset.Role.TemplateKey, unset.By.Username)
			}
			return fmt.Sprintf("%T", e)
		})
		event := fmt.Sprintf(`,"modUser":{"_id":%q,"username":"carol"},"role_object":{"_id":%q,"type":"dj","label":"DJ"}`, carol.UserID, role.ID)
		broadcast(server, "user-unsetrole", "%s", event)
		broadcast(server, "user-unsetrole", "%s", event) // and there is nothing left to lose
		settle(5 * time.Second)
		expect(t, "heard", heard(), []string{`carol lost dj by ""`, `carol lost dj by ""`})
		if roles := memberOf(t, room, "carol").Roles(); len(roles) != 0 {
			t.Errorf("carol holds %v", roles)
		}
	}, queuptest.ClassicRoles())
}
