package client_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// An answer that was on its way through two cuts is older than the events that came since.
func TestReload_neverBringsBackDepartedMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reads atomic.Int32
		server := queuptest.NewServer(queuptest.InMemory(), intercept(http.MethodGet, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
			switch reads.Add(1) {
			case 2: // after the first cut
				answerLate(w, req, next, 12*time.Second)
			case 3: // after the second
				answerLate(w, req, next, 30*time.Second)
			default:
				next.ServeHTTP(w, req)
			}
		}))
		defer server.Close()
		bot, room := joinLounge(t, server, "bot")
		left := record(bot, func(e client.MemberLeft) string { return e.User.Username })
		server.CutLinks()
		time.Sleep(5 * time.Second)
		server.CutLinks()
		time.Sleep(15 * time.Second)
		server.Room("lounge").Leave("carol")
		for range 60 {
			time.Sleep(time.Second)
			synctest.Wait()
			if _, there := room.MemberNamed("carol"); there && len(left()) > 0 {
				t.Fatal("MemberLeft was told, and carol is a member again")
			}
		}
		expect(t, "left", left(), []string{"carol"})
	})
}

// When QueUp does not tell what a room is like, the bot talks with the people who are there all the same.
func TestReload_holdsEventsForSecondsAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		server := queuptest.NewServer(queuptest.InMemory(), intercept(http.MethodGet, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
			if down.Load() {
				<-req.Context().Done()
				return
			}
			next.ServeHTTP(w, req)
		}))
		defer server.Close()
		bot, _ := joinLounge(t, server, "bot")
		var waited atomic.Int64
		heard := record(bot, func(e client.Chat) string {
			waited.Store(max(waited.Load(), int64(time.Since(e.Message.CreatedAt))))
			return e.Message.Content
		})
		down.Store(true)
		server.CutLinks()
		time.Sleep(5 * time.Second)
		var said []string
		for i := range 300 { // for five minutes
			text := fmt.Sprint(i)
			server.Room("lounge").Say("alice", text)
			said = append(said, text)
			time.Sleep(time.Second)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		expect(t, "heard", heard(), said)
		if longest := time.Duration(waited.Load()); longest > 3*time.Second {
			t.Errorf("a line waited for %v", longest)
		}
	})
}

func TestReload_isTriedUntilItSucceeds(t *testing.T) {
	tests := map[string]func(w http.ResponseWriter, req *http.Request){
		"QueUp hangs":   func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() },
		"QueUp refuses": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
	}
	for name, refuse := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var down atomic.Bool
				server := queuptest.NewServer(queuptest.InMemory(), intercept(http.MethodGet, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
					if down.Load() {
						refuse(w, req)
						return
					}
					next.ServeHTTP(w, req)
				}))
				defer server.Close()
				_, room := joinLounge(t, server, "bot")
				down.Store(true)
				server.CutLinks()
				server.Room("lounge").Leave("carol") // behind the bot's back
				time.Sleep(10 * time.Minute)
				if _, there := room.MemberNamed("carol"); !there {
					t.Fatal("the room was read")
				}
				down.Store(false)
				time.Sleep(time.Minute)
				if _, there := room.MemberNamed("carol"); there {
					t.Error("the room was not read again")
				}
				expectAlive(t, server, room)
			})
		})
	}
}

func TestReload_afterALateAttachNeverBringsBackDepartedMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(twoRooms()), intercept(http.MethodGet, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
			answerLate(w, req, next, time.Second)
		}))
		defer server.Close()
		wire := newTap(server)
		var lostOne atomic.Bool
		lounge := "room:" + server.Room("lounge").ID()
		wire.out = func(link int, f *realtime.Frame) (lost bool) {
			return link == 2 && f.Channel == lounge && f.Action == realtime.ActionAttach && lostOne.CompareAndSwap(false, true)
		}
		bot, room := joinLounge(t, server, "bot", client.WithDialer(wire))
		if _, err := bot.JoinRoom(t.Context(), "attic"); err != nil {
			t.Fatal(err)
		}
		back := make(chan struct{})
		client.On(bot, func(context.Context, client.Reconnected) error { close(back); return nil })
		left := record(room, func(e client.MemberLeft) string { return e.User.Username })
		server.CutLinks()
		<-back
		time.Sleep(500 * time.Millisecond)
		server.Room("lounge").Leave("carol")
		time.Sleep(time.Hour)
		expect(t, "left", left(), []string{"carol"})
		if _, there := room.MemberNamed("carol"); there {
			t.Error("MemberLeft was told, and carol is a member again, for good")
		}
	})
}

// Connected may be received before or after a late channel is attached. Here both wait for a slow handler.
func TestReload_afterALateAttachHappensOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(twoRooms()))
		defer server.Close()
		lounge, attic := "room:"+server.Room("lounge").ID(), "room:"+server.Room("attic").ID()
		wire := newTap(server)
		var latest atomic.Int32 // the latest link that has lost its first attach of the lounge
		wire.out = func(link int, f *realtime.Frame) (lost bool) {
			return link > 1 && f.Channel == lounge && f.Action == realtime.ActionAttach && latest.Swap(int32(link)) != int32(link)
		}
		restored := make(chan struct{})
		var busy atomic.Bool
		wire.in = func(link int, f *realtime.Frame) (lost bool) {
			switch {
			case link == 1 || f.Channel != attic:
			case f.Action == realtime.ActionAttached:
				busy.Store(true)
				restored <- struct{}{}
			case busy.Load():
				f.Action = 99
			}
			return false
		}
		bot, room := joinLounge(t, server, "bot", client.WithDialer(wire), client.WithQueue(1, client.Block))
		if _, err := bot.JoinRoom(t.Context(), "attic"); err != nil {
			t.Fatal(err)
		}
		gate := make(chan struct{}, 1)
		client.On(bot, func(context.Context, client.Unknown) error {
			gate <- struct{}{}
			<-gate
			return nil
		})
		resynced := record(room, func(client.Resynced) string { return "resynced" })
		var want []string
		for range 10 { // either may come first
			gate <- struct{}{}
			server.CutLinks()
			<-restored
			for range 3 { // one is being handled, one waits in the queue, and one blocks the rest
				server.Room("attic").Say("alice", "hello")
			}
			time.Sleep(10 * time.Second)
			busy.Store(false)
			<-gate
			time.Sleep(time.Minute)
			want = append(want, "resynced")
			expect(t, "resynced", resynced(), want)
		}
	})
}

func TestReload_isNotDueAfterAJoinThatWasFaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reads atomic.Int32
		server := queuptest.NewServer(queuptest.InMemory(), intercept(http.MethodGet, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
			if reads.Add(1) == 1 { // by the join, until the next link is up
				answerLate(w, req, next, 20*time.Second)
				return
			}
			answerLate(w, req, next, time.Second)
		}))
		defer server.Close()
		wire := newTap(server)
		lounge, late := "room:"+server.Room("lounge").ID(), make(chan struct{})
		var attaches atomic.Int32
		wire.out = func(link int, f *realtime.Frame) (lost bool) {
			if link != 2 || f.Channel != lounge || f.Action != realtime.ActionAttach {
				return false
			}
			n := attaches.Add(1)
			if n == 4 { // after the third, which is the join's
				close(late)
			}
			return n <= 2
		}
		bot := connect(t, server, "bot", client.WithDialer(wire))
		left := record(bot, func(e client.MemberLeft) string { return e.User.Username })
		time.AfterFunc(time.Second, server.CutLinks)
		room, err := bot.JoinRoom(t.Context(), "lounge")
		if err != nil {
			t.Fatal(err)
		}
		<-late
		time.Sleep(500 * time.Millisecond)
		server.Room("lounge").Leave("carol")
		time.Sleep(time.Minute)
		expect(t, "left", left(), []string{"carol"})
		if _, there := room.MemberNamed("carol"); there {
			t.Error("MemberLeft was emitted, and carol is a member again")
		}
	})
}

func TestReload_doesNotLetEventsOutOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reads atomic.Int32
		server := queuptest.NewServer(queuptest.InMemory(), intercept(http.MethodGet, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
			switch reads.Add(1) {
			case 2:
				answerLate(w, req, next, time.Minute)
			case 3:
				answerLate(w, req, next, 1200*time.Millisecond)
			default:
				next.ServeHTTP(w, req)
			}
		}))
		defer server.Close()
		wait := func(int, error) (time.Duration, bool) { return 100 * time.Millisecond, true }
		bot, room := joinLounge(t, server, "bot", client.WithReconnect(wait))
		left := record(bot, func(e client.MemberLeft) string { return e.User.Username })
		server.CutLinks()
		time.Sleep(1500 * time.Millisecond)
		server.CutLinks()
		time.Sleep(300 * time.Millisecond)
		server.Room("lounge").Leave("carol")
		for range 50 {
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
			if _, there := room.MemberNamed("carol"); there && len(left()) > 0 {
				t.Fatal("MemberLeft was told, and carol is a member again")
			}
		}
	})
}

// noLists are what may come where a list should, as the member data of an answer.
var noLists = map[string]string{
	"null": `,"data":null`, "absent": ``, "an object": `,"data":{}`, "a text": `,"data":"soon"`, "a number": `,"data":0`,
	"a list of nothing that can be read": `,"data":[true,[]]`,
}

// oddLists makes QueUp answer these paths with what odd holds, while it holds something.
func oddLists(odd *atomic.Value, paths ...string) queuptest.Option {
	return queuptest.WithHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			data, _ := odd.Load().(string)
			if req.Method == http.MethodGet && data != "" {
				for _, path := range paths {
					if strings.HasSuffix(req.URL.Path, path) {
						w.Header().Set("Content-Type", "application/json")
						_, _ = fmt.Fprintf(w, `{"code":200,"message":"OK"%s}`, strings.TrimPrefix(data, "-"))
						return
					}
				}
			}
			next.ServeHTTP(w, req)
		})
	})
}

func TestLists_whatIsNotOneIsAnError(t *testing.T) {
	paths := []string{"/users", "/users/staff", "/users/ban", "/users/mute", "/chat/", "/audit", "/queue", "/playlist/details", "/playlist/history", "/playlist", "/songs", "/room", "/message", "/comments"}
	calls := map[string]func(context.Context, *client.Client, *client.Room) (int, error){
		"FetchMembers": func(ctx context.Context, _ *client.Client, r *client.Room) (int, error) {
			l, err := r.FetchMembers(ctx)
			return len(l), err
		},
		"FetchStaff": func(ctx context.Context, _ *client.Client, r *client.Room) (int, error) {
			l, err := r.FetchStaff(ctx)
			return len(l), err
		},
		"FetchBanned": func(ctx context.Context, _ *client.Client, r *client.Room) (int, error) {
			l, err := r.FetchBanned(ctx)
			return len(l), err
		},
		"FetchMuted": func(ctx context.Context, _ *client.Client, r *client.Room) (int, error) {
			l, err := r.FetchMuted(ctx)
			return len(l), err
		},
		"FetchQueue": func(ctx context.Context, _ *client.Client, r *client.Room) (int, error) {
			l, err := r.FetchQueue(ctx)
			return len(l), err
		},
		"OwnQueue": func(ctx context.Context, _ *client.Client, r *client.Room) (int, error) {
			l, err := r.OwnQueue(ctx)
			return len(l), err
		},
		"Conversations": func(ctx context.Context, c *client.Client, _ *client.Room) (int, error) {
			l, err := c.FetchConversations(ctx)
			return len(l), err
		},
		"Playlists": func(ctx context.Context, c *client.Client, _ *client.Room) (int, error) {
			l, err := c.FetchPlaylists(ctx)
			return len(l), err
		},
		"History": func(ctx context.Context, _ *client.Client, r *client.Room) (n int, err error) {
			for _, e := range r.History(ctx) {
				if e != nil {
					return n, e
				}
				n++
			}
			return n, nil
		},
		"FetchRooms": func(ctx context.Context, c *client.Client, _ *client.Room) (n int, err error) {
			for _, e := range c.FetchRooms(ctx) {
				if e != nil {
					return n, e
				}
				n++
			}
			return n, nil
		},
	}
	for name, data := range noLists {
		t.Run(name, func(t *testing.T) {
			var odd atomic.Value
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				bot, room := joinLounge(t, server, "bot", client.WithRateLimit(0, 0))
				odd.Store("-" + data)
				for call, fetch := range calls {
					if n, err := fetch(t.Context(), bot, room); err == nil || n != 0 || !strings.Contains(err.Error(), "200 OK: answered without") {
						t.Errorf("%s: %d rows, %v", call, n, err)
					}
				}
				odd.Store(`,"data":[]`)
				for call, fetch := range calls {
					if n, err := fetch(t.Context(), bot, room); err != nil || n != 0 {
						t.Errorf("%s of an empty list: %d rows, %v", call, n, err)
					}
				}
				for _, rows := range []string{`[null,null]`, `[{},{}]`} {
					odd.Store(`,"data":` + rows)
					for call, fetch := range calls {
						n, err := fetch(t.Context(), bot, room)
						if isQueue := call == "FetchQueue"; (err == nil) != isQueue || n != 0 { // QueUp was seen to have null in it
							t.Errorf("%s of %s: %d rows, %v", call, rows, n, err)
						}
					}
				}
			}, oddLists(&odd, paths...))
		})
	}
}

func playsOf(songs []client.Song) (ids []string) {
	for _, s := range songs {
		ids = append(ids, string(s.ID))
	}
	return ids
}

// A room whose roster cannot be read can be joined; its members are emitted when it can.
func TestLists_joinWithoutARoster(t *testing.T) {
	var odd atomic.Value
	odd.Store(`,"data":{}`)
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		if n := room.Members().Len(); n != 1 {
			t.Errorf("%d members", n)
		}
		joined := record(room, func(e client.MemberJoined) string { return fmt.Sprint(e.Resynced) })
		odd.Store("")
		settle(15 * time.Second)
		if n := len(joined()); n == 0 || room.Members().Len() != n+1 || strings.Contains(fmt.Sprint(joined()), "false") {
			t.Errorf("%d members, %v", room.Members().Len(), joined())
		}
	}, oddLists(&odd, "/users"))
}

// inTrouble has QueUp fail at calls to paths that end so, for as long as the returned flag is set.
func inTrouble(end string) (*atomic.Bool, queuptest.Option) {
	bad := new(atomic.Bool)
	return bad, intercept(http.MethodGet, "/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if bad.Load() && strings.HasSuffix(req.URL.Path, end) {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		next.ServeHTTP(w, req)
	})
}

// deleteRole takes a role away from the room.
func deleteRole(lounge *queuptest.Room) {
	for _, role := range lounge.Snapshot().Roles {
		if role.Label == "VIP" {
			lounge.DeleteRole("owner", role.ID)
		}
	}
}

// What an event says has changed is read again until it is known, however long QueUp is in trouble.
func TestReading_isTriedAgain(t *testing.T) {
	for name, tt := range map[string]struct {
		path   string
		change func(lounge *queuptest.Room)
	}{
		"of the queue": {"/playlist/details", func(lounge *queuptest.Room) {
			lounge.RemoveDJ("owner", "carol")
		}},
		"of the media in the queue": {"/song/", func(lounge *queuptest.Room) {
			lounge.Queue("mod", queuptest.Song{Name: "New", Length: time.Minute})
		}},
		"of the roles": {"/roles", deleteRole},
		"of who voted": {"/dubs", func(lounge *queuptest.Room) {
			lounge.Skip("mod")
			lounge.Vote("carol", true)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			bad, option := inTrouble(tt.path)
			if tt.path == "/song/" { // any of them
				option = intercept(http.MethodGet, tt.path, func(w http.ResponseWriter, req *http.Request, next http.Handler) {
					if bad.Load() {
						w.WriteHeader(http.StatusInternalServerError)
						return
					}
					next.ServeHTTP(w, req)
				})
			}
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				_, room := joinLounge(t, server, "bot")
				queues := record(room, func(client.QueueUpdated) string { return "queue" })
				bad.Store(true)
				tt.change(server.Room("lounge"))
				settle(time.Minute)
				told := len(queues())
				bad.Store(false)
				settle(15 * time.Second)
				expectSame(t, room, server.Room("lounge"))
				if tt.path == "/playlist/details" && (told != 0 || len(queues()) != 1) {
					t.Errorf("QueueUpdated was told %d times while the queue was not known, and %d times in all", told, len(queues()))
				}
			}, option)
		})
	}
}

// What could not be read of a room after a lost connection, or when it was joined, is read later.
func TestReading_thatFailedForARoomIsTriedAgain(t *testing.T) {
	for _, end := range []string{"/playlist/details", "/roles", "/dubs", "the room"} {
		for _, joining := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, joining %v", strings.Trim(end, "/"), joining), func(t *testing.T) {
				var lounge *queuptest.Room
				bad := new(atomic.Bool)
				option := intercept(http.MethodGet, "/room/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
					if bad.Load() && (strings.HasSuffix(req.URL.Path, end) || end == "the room" && req.URL.Path == "/room/"+lounge.ID()) {
						w.WriteHeader(http.StatusInternalServerError)
						return
					}
					next.ServeHTTP(w, req)
				})
				inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
					lounge = server.Room("lounge")
					bot := connect(t, server, "bot")
					bad.Store(joining)
					room := must(bot.JoinRoom(t.Context(), "lounge"))(t)
					settled := record(room, func(client.Resynced) string { return "resynced" })
					if !joining {
						bad.Store(true)
						server.CutLinks()
						lounge.Lock("owner", true)
						lounge.RemoveDJ("owner", "carol")
						deleteRole(lounge)
						lounge.Vote("carol", true)
						settle(5 * time.Second)
						expect(t, "told", settled(), []string{"resynced"})
					}
					settle(time.Minute)
					bad.Store(false)
					settle(15 * time.Second)
					expectSame(t, room, lounge)
				}, option)
			})
		}
	}
}

// What QueUp refuses a guest is not asked for over and over.
func TestReading_thatIsRefusedIsNotTriedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot := newBot(t, server, client.WithGuest())
		if err := bot.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := bot.JoinRoom(t.Context(), "lounge", client.Listen()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute) // no song ends, so that no event asks for the queue
		asked := make(map[string]int)
		for _, e := range server.Log() {
			if e.Kind == queuptest.KindHTTP && e.In && (strings.HasSuffix(e.Path, "/roles") || strings.HasSuffix(e.Path, "/playlist/details")) {
				asked[e.Path]++
			}
		}
		for path, n := range asked {
			if n != 1 {
				t.Errorf("GET %s was sent %d times", path, n)
			}
		}
		if len(asked) != 2 {
			t.Errorf("asked for %v", asked)
		}
	})
}
