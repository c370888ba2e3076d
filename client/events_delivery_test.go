package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

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

func TestEvents_unknownAndMalformed(t *testing.T) {
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

// DA, FE and QueUp v2 go by the type inside of an event, BT, ABOT and DTM by its name.
func TestEvents_knownByTheirTypeAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot")
		lines := record(room, func(e client.Chat) string { return e.Message.Content })
		unknown := record(bot, func(e client.Unknown) string { return e.Name })
		for i, name := range []string{"realtime-message", "", "chat-message", "no-such-name"} {
			kind := "chat-message"
			if i == 3 {
				kind = "no-such-type"
			}
			server.Room("lounge").Broadcast(name, fmt.Appendf(nil, `{"type":%q,"chatid":"65b2a1c0d4e8b90012ab0001-%d","message":"line %d","time":%d,"user":{"_id":"65b2a1c0d4e8b90012ab0001","username":"x"}}`,
				kind, i, i, time.Now().UnixMilli()))
		}
		settle(time.Second)
		got := lines()
		slices.Sort(got)
		expect(t, "lines", got, []string{"line 0", "line 1", "line 2"})
		expect(t, "unknown", unknown(), []string{"no-such-name"})
	})
}

// A value that is not known is never taken for one that is: the event is emitted as Unknown, with its JSON.
func TestUnknownKinds_areEmittedAsTheyCame(t *testing.T) {
	tests := map[string]struct{ name, data string }{
		"vote":             {"room_playlist-dub", `,"dubtype":"superdub","user":{"_id":"u","username":"Uma"},"playlist":{"_id":"NOW","updubs":1,"downdubs":0}`},
		"vote, a number":   {"room_playlist-dub", `,"dubtype":1,"user":{"_id":"u","username":"Uma"},"playlist":{"_id":"NOW","updubs":1,"downdubs":0}`},
		"no vote":          {"room_playlist-dub", `,"user":{"_id":"u","username":"Uma"},"playlist":{"_id":"NOW","updubs":1,"downdubs":0}`},
		"queuePaused":      {"user-pause-queue", `,"user":{"_id":"CAROL"},"user_queue":{"_id":"m","userid":"CAROL","queuePaused":"later"}`},
		"lock":             {"room-lock-queue", `,"user":{"_id":"u"},"room":{"lockQueue":"djs"}`},
		"slow mode":        {"room-slow-mode", `,"user":{"_id":"u"},"room":{"slowMode":{"seconds":30}}`},
		"chat of guests":   {"room-allow-guest-chat", `,"user":{"_id":"u"},"room":{"allowGuestsToChat":"some"}`},
		"embeds of guests": {"room-allow-guest-embed", `,"user":{"_id":"u"},"room":{"allowGuestsToEmbed":"some"}`},
		"event":            {"room-confetti", `,"user":{"_id":"u"}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				_, room := joinLounge(t, server, "bot")
				lounge := server.Room("lounge")
				lounge.Pause("carol", true)
				settle(10 * time.Second)
				now, _ := room.NowPlaying()
				carol, _ := room.MemberNamed("carol")
				data := strings.NewReplacer("NOW", string(now.ID), "CAROL", string(carol.UserID)).Replace(tt.data)
				info := room.Info()
				events := record(room, func(e client.Event) string { return fmt.Sprintf("%T %s", e, e.EventMeta().Name) })
				raw := record(room, func(e client.Unknown) string { return string(e.Raw) })
				broadcast(server, tt.name, "%s", data)
				settle(time.Second)
				expect(t, "events", events(), []string{"client.Unknown " + tt.name})
				if got := raw(); len(got) != 1 || !strings.Contains(got[0], strings.TrimPrefix(data, ",")) {
					t.Errorf("Raw is %s", got)
				}
				if up, down := room.Votes(); len(up)+len(down) != 0 {
					t.Errorf("votes %v and %v", up, down)
				}
				if after, _ := room.MemberNamed("carol"); after.QueuePaused != carol.QueuePaused {
					t.Errorf("QueuePaused has become %v", after.QueuePaused)
				}
				if !room.Info().Equal(info) {
					t.Error("the room's info has changed")
				}
			})
		})
	}
}

func TestUnknownKinds_rowsOfVotesAreNotVotes(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		up, down := room.Votes()
		if fmt.Sprint(up, down) != "[a] [c]" {
			t.Errorf("Votes %v and %v", up, down)
		}
		up, down, err := room.FetchVotes(t.Context())
		if fmt.Sprint(up, down, err) != "[a] [c] <nil>" {
			t.Errorf("FetchVotes %v and %v, %v", up, down, err)
		}
	}, intercept(http.MethodGet, "/playlist/active/dubs", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		change(w, req, next, func(body string) string {
			_, current, _ := strings.Cut(body, `"currentSong":`)
			_, id, _ := strings.Cut(current, `"_id":"`)
			id, _, _ = strings.Cut(id, `"`)
			return fmt.Sprintf(`{"code":200,"message":"OK","data":{"currentSong":{"_id":%q},"upDubs":[{"userid":"a","type":"updub"},{"userid":"b","type":"superdub"}],"downDubs":[{"userid":"c"},{"userid":"d","type":"superdub"}]}}`, id)
		})
	}))
}

func TestUnknownKinds_banOfAnUnknownDuration(t *testing.T) {
	for value, want := range map[string]string{
		`,"time":30`:        "for 30m0s, permanent false",
		`,"time":0`:         "for 0s, permanent true",
		``:                  "for 0s, permanent true",
		`,"time":null`:      "for 0s, permanent true",
		`,"time":-5`:        "for 0s, permanent false",
		`,"time":"a week"`:  "for 0s, permanent false",
		`,"time":{"h":1}`:   "for 0s, permanent false",
		`,"time":1e300`:     "for 0s, permanent false",
		`,"time":"forever"`: "for 0s, permanent false",
	} {
		t.Run(value, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				_, room := joinLounge(t, server, "bot")
				bans := record(room, func(e client.MemberBanned) string { return fmt.Sprintf("for %v, permanent %v", e.For, e.Permanent) })
				broadcast(server, "user-ban", `,"user":{"_id":"u"},"kickedUser":{"_id":"v","username":"Vic"}%s`, value)
				settle(time.Second)
				expect(t, "bans", bans(), []string{want})
			})
		})
	}
}

// What nothing is known of stays as it is when something else is changed.
func TestUnknownKinds_roomsKeepTheirs(t *testing.T) {
	var sent atomic.Value
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "owner")
		if info := room.Info(); info.Public || info.Type != "stage" || string(info.Extra()["roomDisplay"]) != `"friends"` {
			t.Errorf("public %v, type %s, %s", info.Public, info.Type, info.Extra()["roomDisplay"])
		}
		if _, err := room.Update(t.Context(), func(s *client.RoomSettings) { s.Name = "Other" }); err != nil {
			t.Fatal(err)
		}
		body, _ := sent.Load().(string)
		if !strings.Contains(body, `"roomType":"stage"`) || !strings.Contains(body, `"roomDisplay":"friends"`) {
			t.Errorf("sent %s", body)
		}
	}, intercept(http.MethodGet, "/room/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		change(w, req, next, func(body string) string {
			body = regexp.MustCompile(`"roomType":"[a-z]*"`).ReplaceAllString(body, `"roomType":"stage"`)
			return regexp.MustCompile(`"roomDisplay":"[a-z]*"`).ReplaceAllString(body, `"roomDisplay":"friends"`)
		})
	}), intercept(http.MethodPut, "/room/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		body, _ := io.ReadAll(req.Body)
		sent.Store(string(body))
		body = bytes.ReplaceAll(bytes.ReplaceAll(body, []byte("friends"), []byte("public")), []byte("stage"), []byte("room"))
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		next.ServeHTTP(w, req)
	}))
}

// withRows makes QueUp answer a list of these rows.
func withRows(part string, rows ...string) queuptest.Option {
	return intercept(http.MethodGet, part, func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if !strings.HasSuffix(req.URL.Path, part) {
			next.ServeHTTP(w, req)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"code":200,"message":"OK","data":[` + strings.Join(rows, ",") + `]}`))
	})
}

const (
	deletedUser = "65c0ffee0000000000000001" // whom QueUp does not know any more
	anonymous   = "65c0ffee0000000000000002" // whom it knows, when asked
)

// answerAccounts makes QueUp answer who the strangers are, and counts how often it is asked.
func answerAccounts(asked *atomic.Int32) queuptest.Option {
	return intercept(http.MethodGet, "/user/65c0ffee", func(w http.ResponseWriter, req *http.Request, _ http.Handler) {
		asked.Add(1)
		time.Sleep(100 * time.Millisecond)
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(req.URL.Path, deletedUser) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"code":404,"message":"Not Found","data":{"err":{"details":{"code":404,"message":"no user"}}}}`))
			return
		}
		_, _ = fmt.Fprintf(w, `{"code":200,"message":"OK","data":{"_id":%q,"username":"Ann"}}`, anonymous)
	})
}

// known prints a user as the client knows them.
func known(u client.User, ok bool) string { return fmt.Sprintf("%s %q %v", u.ID, u.Username, ok) }

// Source: docs/PROTOCOL.md 1.8.
func TestNameless_rowsOfTheRoster(t *testing.T) {
	rows := []string{
		`{"_id":"m1","userid":"` + deletedUser + `","_user":null}`,
		`{"_id":"m2","userid":"` + anonymous + `","_user":"` + anonymous + `"}`,
		`{"_id":"m3","userid":"65c0ffee0000000000000003","_user":{"username":"Bea"}}`,
		`{"_id":"m4","userid":"65c0ffee0000000000000004","_user":{"userInfo":{"userid":"65c0ffee0000000000000004"},"username":"Cy"}}`,
	}
	var asked atomic.Int32
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot")
		updates := record(room, func(e client.MemberUpdated) string { return known(e.Member.User()) })
		check := func(when, id, want string) {
			t.Helper()
			m, present := room.Members().Get(client.UserID(id))
			if !present {
				t.Fatalf("%s: %s is not a member", when, id)
			}
			if got := known(m.User()); got != want {
				t.Errorf("%s: User of %s = %s, want %s", when, id, got, want)
			}
			name := userName(bot, client.UserID(id))
			if m, found := room.MemberNamed(name); name != "" && (!found || string(m.UserID) != id) {
				t.Errorf("%s: MemberNamed(%q) = %s, %v", when, name, m.UserID, found)
			}
		}
		check("at once", deletedUser, deletedUser+` "" false`)
		check("at once", anonymous, anonymous+` "" false`)
		check("at once", "65c0ffee0000000000000003", `65c0ffee0000000000000003 "Bea" true`)
		check("at once", "65c0ffee0000000000000004", `65c0ffee0000000000000004 "Cy" true`)
		for u := range bot.Users().Values() {
			if u.Username == "" {
				t.Errorf("among Users: %s without a name", u.ID)
			}
		}
		settle(time.Second)
		check("later", deletedUser, deletedUser+` "" false`)
		check("later", anonymous, anonymous+` "Ann" true`)
		expect(t, "MemberUpdated", updates(), []string{anonymous + ` "Ann" true`})
		settle(10 * time.Minute)
		if n := asked.Load(); n != 2 {
			t.Errorf("QueUp was asked for 2 names %d times", n)
		}
		if _, found := room.MemberNamed(""); found {
			t.Error("a member is found by an empty name")
		}
	}, withRows("/users", rows...), answerAccounts(&asked))
}

func TestNameless_thatJoin(t *testing.T) {
	var asked atomic.Int32
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		updates := record(room, func(e client.MemberUpdated) string { return known(e.Member.User()) })
		joins := record(room, func(e client.MemberJoined) string { return known(e.Member.User()) })
		for range 3 {
			broadcast(server, "user-join", `,"roomUser":{"_id":"m","userid":%q,"_user":null}`, anonymous)
			broadcast(server, "user-join", `,"roomUser":{"_id":"n","userid":%q,"_user":null}`, deletedUser)
		}
		settle(time.Minute)
		expect(t, "MemberJoined", joins(), []string{anonymous + ` "" false`, deletedUser + ` "" false`})
		expect(t, "MemberUpdated", updates(), []string{anonymous + ` "Ann" true`})
		if n := asked.Load(); n > 3 {
			t.Errorf("QueUp was asked for 2 names %d times", n)
		}
	}, answerAccounts(&asked))
}

// A room full of deleted accounts costs a bounded number of calls.
func TestNameless_areLookedUpWithinBounds(t *testing.T) {
	var rows []string
	for i := range 3000 {
		rows = append(rows, fmt.Sprintf(`{"_id":"m%d","userid":"65d%021d","_user":null}`, i, i))
	}
	var asked atomic.Int32
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		joinLounge(t, server, "bot")
		settle(9 * time.Second)
		if n := asked.Load(); n > 20 {
			t.Errorf("%d names were asked for at once", n)
		}
		settle(time.Hour)
		if n := asked.Load(); n < 1000 || n > 1100 {
			t.Errorf("%d names were asked for", n)
		}
	}, withRows("/users", rows...), intercept(http.MethodGet, "/user/65d", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		asked.Add(1)
		http.Error(w, `{"code":404,"message":"Not Found","data":{}}`, http.StatusNotFound)
	}))
}

func TestNameless_rowsOfOtherLists(t *testing.T) {
	member := `{"_id":"m3","userid":"65c0ffee0000000000000003","_user":{"username":"Bea"}}`
	gone := `{"_id":"m1","userid":"` + deletedUser + `","_user":null}`
	play := `{"_id":"p1","userid":"65c0ffee0000000000000004","songid":"s","_user":{"username":"Cy"}}`
	gonePlay := `{"_id":"p2","userid":"` + deletedUser + `","songid":"s","_user":null}`
	var asked atomic.Int32
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		wantMembers := []string{`65c0ffee0000000000000003 "Bea" true`, ` "" false`}
		for name, fetch := range map[string]func(context.Context) ([]client.Member, error){"staff": room.FetchStaff, "bans": room.FetchBanned, "mutes": room.FetchMuted} {
			members, err := fetch(t.Context())
			var got []string
			for _, m := range members {
				got = append(got, known(m.User()))
			}
			expect(t, fmt.Sprint(name, err), got, slices.Clone(wantMembers))
		}
		wantSongs := []string{`65c0ffee0000000000000004 "Cy" true`, ` "" false`}
		songs, err := room.FetchQueue(t.Context())
		var got []string
		for _, s := range songs {
			got = append(got, known(s.User()))
		}
		expect(t, fmt.Sprint("queue", err), got, wantSongs)
		got = nil
		for s, err := range room.History(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, known(s.User())); len(got) == 2 {
				break
			}
		}
		expect(t, "history", got, wantSongs)
	}, withRows("/users/staff", member, gone), withRows("/users/ban", member, gone), withRows("/users/mute", member, gone),
		withRows("/playlist/details", play, gonePlay), withRows("/playlist/history", play, gonePlay), answerAccounts(&asked))
}

// Lists may hold anything: what is in them besides is neither lost nor counted.
func TestOddLists_changeNothing(t *testing.T) {
	told := func(opts ...queuptest.Option) (told []string) {
		inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
			bot, room := joinLounge(t, server, "bot")
			told = append(told, describeRoom(room)...)
			for song, err := range room.History(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				told = append(told, "history "+string(song.ID))
			}
			for _, v := range must(bot.FetchConversations(t.Context()))(t) {
				told = append(told, "conversation "+string(v.ID()))
			}
			for _, m := range must(room.FetchStaff(t.Context()))(t) {
				told = append(told, "staff "+string(m.UserID))
			}
		}, opts...)
		return told
	}
	expect(t, "with odd lists", told(queuptest.OddLists()), told())
}

// describeRoom tells what a room has.
func describeRoom(room *client.Room) (told []string) {
	for m := range room.Members().Values() {
		user, known := m.User()
		if !known || user.Username == "" || m.UserID == "" {
			told = append(told, "a member without a name")
		}
	}
	for _, s := range room.Queue() {
		told = append(told, "queue "+string(s.ID))
	}
	for _, role := range room.Roles() {
		told = append(told, "role "+string(role.ID))
	}
	for _, m := range room.Messages() {
		told = append(told, "line "+string(m.ID))
	}
	song, _ := room.NowPlaying()
	return append(told, "song "+string(song.ID))
}
