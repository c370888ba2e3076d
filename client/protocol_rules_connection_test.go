package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// The tests TestRuleNN each hold one row of docs/PROTOCOL.md 7. Those about requests, joining and the connection are in
// this file, the others in protocol_rules_people_test.go and protocol_rules_playback_test.go.

func TestRule01_aLostSessionIsRenewedAndTheCallRepeatedOnceBeforeAllOthers(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot", client.WithRateLimit(1, 30*time.Second))
		server.ExpireSessions()
		posts := calls(server, "POST", string(room.ID()))
		var said sync.WaitGroup
		for _, text := range []string{"one", "two", "three"} {
			said.Go(func() {
				if _, err := room.SendMessage(t.Context(), text); err != nil {
					t.Error(err)
				}
			})
			time.Sleep(100 * time.Millisecond) // the next one waits behind it
		}
		said.Wait()
		expect(t, "said", lines(server), []string{"one", "two", "three"})
		logins, chats, followed := 0, 0, 0
		for _, e := range server.Log() {
			switch {
			case !e.In || e.Kind != queuptest.KindHTTP:
			case e.Method == http.MethodPost && e.Path == "/auth/login":
				logins++
			case e.Path == "/auth/login":
				followed++
			case e.Method == http.MethodPost && strings.HasPrefix(e.Path, "/chat/"):
				chats++
			}
		}
		if logins != 2 || chats-posts != 4 || followed != 0 {
			t.Errorf("%d logins, %d posts, %d redirects followed; want the first and one more, three lines and one of them again, none", logins, chats, followed)
		}

		// It keeps the distance of the bot's calls, and those that wait line up behind it.
		settle(time.Minute)
		server.ExpireSessions()
		start := time.Now()
		var took [2]time.Duration
		var paused sync.WaitGroup
		for i := range took {
			paused.Go(func() {
				err := room.PauseQueue(t.Context(), i == 0)
				if took[i] = time.Since(start).Round(time.Second); err != nil {
					t.Error(err)
				}
			})
			time.Sleep(100 * time.Millisecond)
		}
		paused.Wait()
		if want := [...]time.Duration{30 * time.Second, time.Minute}; took != want {
			t.Errorf("a call that met a lost session took %v, and the one after it %v; want %v", took[0], took[1], want)
		}
	}, intercept(http.MethodPost, "/auth/login", delay(time.Second)))

	t.Run("once", func(t *testing.T) {
		var posts atomic.Int32
		inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
			_, room := joinLounge(t, server, "bot")
			if _, err := room.SendMessage(t.Context(), "hello"); !errors.Is(err, client.ErrSessionExpired) || posts.Load() != 2 {
				t.Errorf("a session that is lost at once = %v after %d tries", err, posts.Load())
			}
		}, intercept(http.MethodPost, "/chat/", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			posts.Add(1)
			w.Header().Set("Location", "/auth/login")
			w.WriteHeader(http.StatusFound)
		}))
	})
}

func TestRule02_readsAreRepeatedAfterAResetAndChatNever(t *testing.T) {
	for name, fail := range map[string]func(req *http.Request){
		"reset":   func(*http.Request) { panic(http.ErrAbortHandler) },
		"timeout": func(req *http.Request) { <-req.Context().Done(); panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			var failing atomic.Bool
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				bot, room := joinLounge(t, server, "bot", client.WithHTTPClient(&http.Client{Timeout: 5 * time.Second}))
				failing.Store(true)
				if user, err := bot.FetchUser(t.Context(), "carol"); err != nil || user.Username != "carol" {
					t.Errorf("a read = %v, %v", user, err)
				}
				failing.Store(true)
				if _, err := room.SendMessage(t.Context(), "hello"); err == nil {
					t.Error("a line without an answer was taken for sent")
				}
				settle(time.Minute)
				expect(t, "said", lines(server), []string{"hello"})
			}, queuptest.WithHandler(func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
					chat := req.Method == http.MethodPost && strings.HasPrefix(req.URL.Path, "/chat/")
					if (chat || strings.HasPrefix(req.URL.Path, "/user/")) && failing.Swap(false) {
						if chat { // it arrives, and only the answer is lost
							next.ServeHTTP(discard{}, req)
						}
						fail(req)
					}
					next.ServeHTTP(w, req)
				})
			}))
		})
	}
}

// discard is where an answer gets lost.
type discard struct{}

func (discard) Header() http.Header { return http.Header{} }

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func (discard) WriteHeader(int) {}

func TestRule03_joiningGoesInItsOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		channel, path := "room:"+string(room.ID()), "/room/"+string(room.ID())
		var steps []string
		for _, e := range server.Log() {
			f, isFrame := e.Frame()
			switch {
			case !e.In:
			case isFrame && f.Channel == channel:
				steps = append(steps, f.Action.String())
			case e.Kind == queuptest.KindHTTP:
				steps = append(steps, e.Method+" "+e.Path)
			}
		}
		first := []string{"GET /room/lounge", "POST " + path + "/users", realtime.ActionAttach.String(), realtime.ActionPresence.String()}
		state := []string{"GET " + path + "/users", "GET " + path + "/roles", "GET " + path + "/playlist/active", "GET " + path + "/playlist/active/dubs", "GET " + path + "/playlist/details"}
		at := -1
		for _, step := range first {
			i := slices.Index(steps, step)
			if i <= at {
				t.Errorf("%s is step %d, after step %d; all: %q", step, i, at, steps)
			}
			at = i
		}
		for _, step := range state {
			if i := slices.Index(steps, step); i <= at {
				t.Errorf("%s is step %d, want it after presence", step, i)
			}
		}
	})
	world := queuptest.DefaultWorld()
	world.Rooms[0].Present, world.Rooms[0].Banned, world.Rooms[0].Password = nil, []string{"alice"}, "pssst"
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		if _, err := connect(t, server, "alice").JoinRoom(t.Context(), "lounge", client.RoomPassword("pssst")); !errors.Is(err, client.ErrBanned) {
			t.Errorf("who is banned joins: %v", err)
		}
		if _, err := connect(t, server, "bob").JoinRoom(t.Context(), "lounge"); !errors.Is(err, client.ErrRoomPassword) {
			t.Errorf("who has no password joins: %v", err)
		}
		if _, err := connect(t, server, "bob").JoinRoom(t.Context(), "lounge", client.RoomPassword("pssst")); err != nil {
			t.Errorf("who has the password joins: %v", err)
		}
	}, queuptest.WithWorld(world))
}

func TestRule04_eventsCountOnlyWhileTheRoomIsJoined(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		wire := newTap(server)
		wire.out = func(_ int, f *realtime.Frame) (lost bool) { return f.Action == realtime.ActionDetach } // QueUp goes on sending
		bot := connect(t, server, "bot", client.WithDialer(wire))
		heard := record(bot, func(e client.Event) string {
			if chat, ok := e.(client.Chat); ok {
				_, known := chat.Room.NowPlaying()
				return fmt.Sprintf("%s, loaded %v", chat.Message.Content, chat.Room.Joined() && known)
			}
			return fmt.Sprintf("%T", e)
		})
		synctest.Wait()
		before := len(heard())
		joined := make(chan *client.Room)
		go func() {
			room, err := bot.JoinRoom(t.Context(), "lounge")
			if err != nil {
				t.Error(err)
			}
			joined <- room
		}()
		settle(500 * time.Millisecond)
		server.Room("lounge").Say("alice", "early")
		settle(100 * time.Millisecond)
		expect(t, "heard before the room was loaded", heard()[before:], nil)
		room := <-joined
		synctest.Wait()
		expect(t, "heard", heard()[before:], []string{"client.RoomJoined", "early, loaded true"})

		if err := room.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		before = len(heard())
		server.Room("lounge").Say("alice", "late")
		server.Room("lounge").Leave("carol")
		settle(time.Minute)
		expect(t, "heard after leaving", heard()[before:], nil)
	}, intercept(http.MethodGet, "/users", delay(time.Second)))
}

func TestRule05_aLeaveOfOurselvesIsDoubted(t *testing.T) {
	tests := map[string]struct {
		explain func(server *queuptest.Server, me client.UserID) // 3 s later; nil for nothing
		joins   int
		left    []string
	}{
		"a mistake": {nil, 2, nil},
		"a kick follows": {func(server *queuptest.Server, me client.UserID) {
			broadcast(server, "user-kick", `,"user":{"username":"owner"},"kickedUser":{"_id":%q}`, me)
		}, 1, []string{"kicked true, banned false"}},
		"a ban follows": {func(server *queuptest.Server, me client.UserID) {
			broadcast(server, "user-ban", `,"user":{"username":"owner"},"kickedUser":{"_id":%q},"time":5`, me)
		}, 1, []string{"kicked false, banned true"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				bot, room := joinLounge(t, server, "bot")
				me, _ := bot.User()
				left := record(bot, func(e client.RoomLeft) string {
					return fmt.Sprintf("kicked %v, banned %v", errors.Is(e.Err, client.ErrKicked), errors.Is(e.Err, client.ErrBanned))
				})
				gone := record(bot, func(e client.MemberLeft) string { return e.User.Username })
				server.Room("lounge").Leave("bot")
				settle(3 * time.Second)
				if tt.explain != nil {
					tt.explain(server, me.ID)
				}
				settle(1900 * time.Millisecond)
				if n := calls(server, "POST", "/users"); n != 1 {
					t.Errorf("%d joins before five seconds are over", n)
				}
				settle(time.Minute)
				if n := calls(server, "POST", "/users"); n != tt.joins {
					t.Errorf("%d joins, want %d", n, tt.joins)
				}
				expect(t, "left", left(), tt.left)
				expect(t, "members left", gone(), nil)
				if back := tt.left == nil; room.Joined() != back || hasBot(server) != back {
					t.Errorf("joined %v, at QueUp %v, want %v", room.Joined(), hasBot(server), back)
				}
			})
		})
	}
}

func TestRule06_expelledMembersLeave(t *testing.T) {
	tests := map[string]struct {
		act  func(r *queuptest.Room)
		told string
		err  error
	}{
		"kick": {func(r *queuptest.Room) { r.Kick("owner", "bot", "rude & loud") }, "client.MemberKicked", client.ErrKicked},
		"ban":  {func(r *queuptest.Room) { r.Ban("owner", "bot", time.Hour) }, "client.MemberBanned", client.ErrBanned},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				bot, room := joinLounge(t, server, "bot")
				heard := record(bot, func(e client.Event) string {
					switch e := e.(type) {
					case client.RoomLeft:
						return fmt.Sprintf("left: %v", errors.Is(e.Err, tt.err))
					case client.MemberKicked:
						return "client.MemberKicked"
					default:
						return fmt.Sprintf("%T", e)
					}
				})
				tt.act(server.Room("lounge"))
				synctest.Wait()
				server.Room("lounge").Say("alice", "who was that?")
				settle(10 * time.Second)
				expect(t, "heard", heard(), []string{tt.told, "left: true"})
				if room.Joined() {
					t.Error("still joined")
				}
				detached := slices.ContainsFunc(server.Log(), func(e queuptest.Entry) bool {
					f, ok := e.Frame()
					return ok && e.In && f.Action == realtime.ActionDetach && f.Channel == "room:"+string(room.ID())
				})
				if !detached {
					t.Error("the channel was not detached")
				}
				if _, err := room.SendMessage(t.Context(), "I"); !errors.Is(err, client.ErrNotJoined) {
					t.Errorf("SendMessage = %v", err)
				}
			})
		})
	}
}

func TestRule07_departedMembersAreRememberedForTenSeconds(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		carol := memberOf(t, room, "carol")
		playing, _ := server.Room("lounge").NowPlaying()
		late := func(e client.Event) string {
			switch e := e.(type) {
			case client.Dub:
				return "dub by " + e.User.Username
			case client.Chat:
				return fmt.Sprintf("chat by %s with her record: %v", e.Author, e.Member.ID == carol.ID)
			case client.MemberBanned:
				return fmt.Sprintf("ban of %s with her record: %v", e.User, e.Member.ID == carol.ID)
			}
			return ""
		}
		heard := record(room, late)
		events := func(line string) {
			broadcast(server, "room_playlist-dub", `,"dubtype":"updub","user":{"_id":%q},"playlist":{"_id":%q,"updubs":1}`, carol.UserID, playing.ID)
			broadcast(server, "chat-message", `,"chatid":"%s-%s","message":"bye","user":{"_id":%q}`, carol.UserID, line, carol.UserID)
			broadcast(server, "user-ban", `,"user":{"username":"owner"},"kickedUser":{"_id":%q},"time":5`, carol.UserID)
		}
		server.Room("lounge").Leave("carol")
		settle(10*time.Second - time.Millisecond)
		if _, there := room.Members().Get(carol.UserID); there {
			t.Error("who has left is still a member")
		}
		before := len(heard())
		events("1")
		synctest.Wait()
		expect(t, "after nearly ten seconds", heard()[before:], []string{"dub by carol", "chat by carol with her record: true", "ban of carol with her record: true"})

		settle(2 * time.Millisecond)
		before = len(heard())
		events("2")
		synctest.Wait()
		expect(t, "after ten seconds", heard()[before:], []string{"dub by carol", "chat by carol with her record: false", "ban of carol with her record: false"})
	})
}

func TestRule08_aJoinOfAMemberChangesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		before := memberOf(t, room, "alice")
		heard := record(room, func(e client.Event) string { return fmt.Sprintf("%T", e) })
		broadcast(server, "user-join", `,"user":{"_id":%q,"username":"alice"},"roomUser":{"_id":"65c3b2d1e5f9ca0013bc0004","userid":%q,"dubs":0,"playedCount":77}`, before.UserID, before.UserID)
		server.Room("lounge").Join("alice")
		synctest.Wait()
		expect(t, "heard", heard(), nil)
		if now := memberOf(t, room, "alice"); !now.Equal(before) {
			t.Errorf("alice was %+v and is %+v", before, now)
		}
		server.Room("lounge").Leave("alice")
		server.Room("lounge").Join("alice")
		synctest.Wait()
		expect(t, "heard", heard(), []string{"client.MemberLeft", "client.MemberJoined"})
	})
}

func TestRule26_aLostConnectionIsMadeAgain(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		bot, lounge := joinLounge(t, server, "bot")
		attic := must(bot.JoinRoom(t.Context(), "attic"))(t)
		me, _ := bot.User()
		before := len(server.Log())
		server.CutLinks()
		settle(10 * time.Second)
		seen := map[string]bool{}
		for _, e := range server.Log()[before:] {
			if f, ok := e.Frame(); ok && e.In {
				seen[f.Action.String()+" "+f.Channel] = true
			} else if e.In && e.Kind == queuptest.KindHTTP {
				seen[e.Path] = true
			}
		}
		want := []string{"/auth/token", realtime.ActionAttach.String() + " user:" + string(me.ID)}
		for _, room := range []*client.Room{lounge, attic} {
			path, channel := "/room/"+string(room.ID()), " room:"+string(room.ID())
			want = append(want, realtime.ActionAttach.String()+channel, realtime.ActionPresence.String()+channel,
				path+"/users", path+"/roles", path+"/playlist/active", path+"/playlist/active/dubs", path+"/playlist/details")
		}
		for _, step := range want {
			if !seen[step] {
				t.Errorf("%s is missing after the cut", step)
			}
		}
	}, queuptest.WithWorld(twoRooms()))
}

func TestRule31_pagesEndWithTheFirstEmptyOneAndCountNothingTwice(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		seen := map[client.PlayID]int{}
		n := 0
		for song, err := range room.History(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 20 { // the list grows at its front while it is read
				server.Room("lounge").Skip("mod")
				server.Room("lounge").Skip("mod")
			}
			seen[song.ID]++
		}
		for id, times := range seen {
			if times != 1 {
				t.Errorf("%s came %d times", id, times)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if len(seen) != 45 || len(asked) != 4 {
			t.Errorf("%d plays from the pages %q, want the 45 of three pages, and an empty one", len(seen), asked)
		}
	}, intercept(http.MethodGet, "/playlist/history", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		mu.Lock()
		asked = append(asked, req.URL.Query().Get("page"))
		mu.Unlock()
		next.ServeHTTP(w, req)
	}))
}

func TestRule34_oneselfIsKnownBeforeTheFirstEvent(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		bot := connect(t, server, "bot")
		heard := record(bot, func(e client.Event) string {
			room := e.EventMeta().Room
			if room == nil {
				return ""
			}
			me, known := bot.User()
			record, there := room.Members().Get(me.ID)
			return fmt.Sprintf("%T: known %v, a member %v, may skip %v", e, known, there && record.ID != "", room.Can(me.ID, client.PermQueueSkip))
		})
		time.AfterFunc(500*time.Millisecond, func() { server.Room("lounge").Say("alice", "early") })
		if _, err := bot.JoinRoom(t.Context(), "lounge"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		var ofRoom []string
		for _, line := range heard() {
			if line != "" {
				ofRoom = append(ofRoom, line)
			}
		}
		expect(t, "heard", ofRoom, []string{
			"client.RoomJoined: known true, a member true, may skip true",
			"client.Chat: known true, a member true, may skip true",
		})
	}, intercept(http.MethodGet, "/users", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		time.Sleep(time.Second)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"code":200,"message":"OK","data":[]}`)) // the list does not have the bot yet
	}))
}
