package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/internal/testkit/canary"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// A refuser answers like QueUp when it will not, and notes what it was asked.
type refuser struct {
	mu    sync.Mutex
	asked []string // guarded by mu
}

// take returns what was asked since the last time.
func (r *refuser) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	asked := r.asked
	r.asked = nil
	return asked
}

func (r *refuser) refuse(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		r.asked = append(r.asked, req.Method+" "+req.URL.Path)
		r.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"code":%d,"message":"no","data":{}}`, status)
	}
}

// What QueUp refuses is asked once: no call is repeated, and what a call would do next is not done.
func TestQ13_permanentErrors(t *testing.T) {
	left := map[string]string{
		"Client.Run":                         "TestQ13_runEndsForGood",
		"Client.Logout":                      "leaves the rooms as well, which it was asked to",
		"AuthenticatedUser.OpenConversation": "is refused before it is sent",
		"Room.ChangePresence":                "is no call to REST",
		"Next":                               "is no call to REST",
		"Stream":                             "is no call to REST",
	}
	// What QueUp has been seen to answer although it had done what it was asked for, and the read that shows it.
	looks := map[string]struct {
		status int
		read   string
	}{
		"Room.ClearQueue": {500, "/queue"}, "Room.RemoveOwnSong": {500, "/queue"},
		"Room.Updub": {404, "/active/dubs"}, "Room.Downdub": {404, "/active/dubs"}, "Song.Updub": {404, "/active/dubs"}, "Song.Downdub": {404, "/active/dubs"},
	}
	for _, status := range []int{400, 401, 403, 404, 409, 410, 422, 500} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var g gate
				server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(twoRooms()), g.option())
				defer server.Close()
				s := newSurface(t, server, client.WithRateLimit(0, 0))
				settle(20 * time.Second) // what the client does by itself is done
				var no refuser
				g.set(no.refuse(status))
				for _, call := range s.calls(t) {
					if !call.ctx || left[call.name] != "" {
						continue
					}
					no.take()
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					err := call.call(ctx)
					cancel()
					answer, refused := errors.AsType[*client.APIError](err)
					asked := no.take()
					if status == http.StatusNotFound && len(asked) == 1 && strings.HasSuffix(asked[0], "/roles") {
						continue // such a room has the fixed roles
					}
					if status == http.StatusNotFound && len(asked) == 1 && call.name == "Room.FetchNowPlaying" {
						continue // no song is playing
					}
					if look := looks[call.name]; look.status == status && len(asked) == 2 && strings.HasPrefix(asked[1], "GET ") && strings.HasSuffix(asked[1], look.read) {
						asked = asked[:1]
					}
					if len(asked) != 1 || !refused || answer.Status != status {
						t.Errorf("%s: asked %q, %v", call.name, asked, err)
					}
				}
			})
		})
	}
}

// What cannot be is not sent.
func TestQ13_badArguments(t *testing.T) {
	// Calls to which their zero arguments make sense.
	sensible := []string{
		"Room.ReorderOwnQueue", "Room.ReorderRoles", // which ask what there is to put in order
		"Comment.Vote", "Playlist.Songs", "Room.ChangePresence", "Room.LockQueue", "Room.PauseQueue", "Room.SetGuestChat", "Room.SetGuestEmbed",
		"Room.SetSlowMode",
	}
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		s := newSurface(t, server, client.WithRateLimit(0, 0))
		settle(20 * time.Second)
		before := len(server.Log())
		tried := 0
		for owner, receiver := range s.receivers {
			v := reflect.ValueOf(receiver())
			for m, f := range v.Methods() {
				name := owner + "." + m.Name
				if f.Type().NumIn() < 2 || f.Type().In(0) != contextType || name == "Client.Run" || slices.Contains(sensible, name) {
					continue
				}
				args := []reflect.Value{reflect.ValueOf(t.Context())}
				for i := 1; i < f.Type().NumIn() && (i < f.Type().NumIn()-1 || !f.Type().IsVariadic()); i++ {
					args = append(args, reflect.Zero(f.Type().In(i)))
				}
				if err := outcome(f.Call(args)); !isArgument(err) {
					t.Errorf("%s with nothing: %v", name, err)
				}
				tried++
			}
		}
		if sent := server.Log()[before:]; len(sent) > 0 {
			t.Errorf("%d entries in the log, the first of which is %v", len(sent), sent[0])
		}
		if tried < 40 {
			t.Errorf("%d calls tried", tried)
		}
	}, queuptest.WithWorld(twoRooms()))
}

// seen returns how often the server was asked, or heard an action on the websocket, since an entry of its log.
func seen(server *queuptest.Server, since int) map[string]int {
	counts := map[string]int{}
	for _, e := range server.Log()[since:] {
		if !e.In {
			continue
		}
		if f, ok := e.Frame(); ok {
			counts[f.Action.String()]++
		} else if e.Kind == queuptest.KindHTTP {
			counts[e.Method+" "+e.Path]++
		}
	}
	return counts
}

// Run returns when the password is wrong, or is not right any more, after it was tried once.
func TestQ13_runEndsForGood(t *testing.T) {
	changed := func(status int) (option queuptest.Option, change func()) {
		var isChanged atomic.Bool
		return intercept(http.MethodPost, "/auth/login", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
			if !isChanged.Load() {
				next.ServeHTTP(w, req)
				return
			}
			new(refuser).refuse(status)(w, req)
		}), func() { isChanged.Store(true) }
	}
	tests := map[string]struct {
		password string
		during   func(server *queuptest.Server, change func()) // nil: it does not get that far
	}{
		"a wrong password": {password: "wrong"},
		"another password since, noticed as the connection comes back": {canary.Password, func(server *queuptest.Server, change func()) {
			change()
			server.ExpireSessions()
			server.CutLinks()
		}},
		"and while it is away": {canary.Password, func(server *queuptest.Server, change func()) {
			server.CutLinks()
			change()
			server.ExpireSessions()
		}},
	}
	for name, tt := range tests {
		for _, status := range []int{400, 401, 403} {
			t.Run(fmt.Sprintf("%s, %d", name, status), func(t *testing.T) {
				option, change := changed(status)
				inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
					bot := newBot(t, server)
					client.On(bot, func(ctx context.Context, _ client.Ready) error { return second(bot.JoinRoom(ctx, "lounge")) })
					returned := make(chan error, 1)
					if tt.during == nil {
						change()
					}
					go func() { returned <- bot.Run(t.Context(), "bot", tt.password) }()
					since := 0
					if tt.during != nil {
						settle(time.Minute)
						since = len(server.Log())
						tt.during(server, change)
					}
					select {
					case err := <-returned:
						if _, refused := errors.AsType[*client.AuthorizationError](err); !refused || !errors.Is(err, client.ErrUnauthorized) {
							t.Errorf("Run = %v", err)
						}
					case <-time.After(15 * time.Second):
						t.Error("Run goes on")
					}
					settle(time.Minute) // the room that was lost is tidied up
					if n := seen(server, since)["POST /auth/login"]; n != 1 {
						t.Errorf("%d logins", n)
					}
					ended := len(server.Log())
					settle(time.Hour)
					if after := seen(server, ended); len(after) > 0 {
						t.Errorf("after Run: %v", after)
					}
				}, option)
			})
		}
	}
}

// Credentials that QueUp has refused are not tried again by the next call, and not by the one after it; Login clears that.
func TestQ13_refusedCredentials(t *testing.T) {
	t.Parallel()
	var changed atomic.Bool
	option := intercept(http.MethodPost, "/auth/login", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if changed.Load() {
			new(refuser).refuse(http.StatusUnauthorized)(w, req)
			return
		}
		next.ServeHTTP(w, req)
	})
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		bot := newBot(t, server)
		if err := bot.Login(t.Context(), "bot", canary.Password); err != nil {
			t.Fatal(err)
		}
		changed.Store(true)
		server.ExpireSessions()
		since := len(server.Log())
		for i := range 3 {
			_, err := bot.FetchConversations(t.Context())
			if _, refused := errors.AsType[*client.AuthorizationError](err); !refused {
				t.Errorf("call %d = %v", i, err)
			}
			settle(time.Minute)
		}
		if n := seen(server, since)["POST /auth/login"]; n != 1 {
			t.Errorf("%d logins", n)
		}
		changed.Store(false)
		if err := bot.Login(t.Context(), "bot", canary.Password); err != nil {
			t.Fatal(err)
		}
		server.ExpireSessions()
		if _, err := bot.FetchConversations(t.Context()); err != nil {
			t.Errorf("after Login: %v", err)
		}
	}, option)
}

// A room that QueUp does not let one into, or has put one out of, ends once, and nobody knocks again.
func TestQ13_roomsEndForGood(t *testing.T) {
	const room = "/room/65a1f0c2d4e8b90000000001"
	tests := map[string]struct {
		refuses func(req *http.Request) (status int) // once the room is joined; nil: nothing
		wire    func(f *realtime.Frame)              // the same, for QueUp's frames
		cut     bool
		act     func(lounge *queuptest.Room)
		is      error  // of RoomLeft
		asked   string // what is asked, or said, once
		times   int
	}{
		"kicked":       {act: func(r *queuptest.Room) { r.Kick("owner", "bot", "rude") }, is: client.ErrKicked, asked: "POST " + room + "/users"},
		"banned":       {act: func(r *queuptest.Room) { r.Ban("owner", "bot", time.Hour) }, is: client.ErrBanned, asked: "POST " + room + "/users"},
		"banned since": {act: func(r *queuptest.Room) { r.Ban("owner", "bot", 0) }, cut: true, is: client.ErrBanned, asked: "POST " + room + "/users", times: 1},
		"the room is gone": {
			refuses: func(req *http.Request) int {
				if strings.HasPrefix(req.URL.Path, room) {
					return http.StatusNotFound
				}
				return 0
			}, cut: true, is: client.ErrNotFound, asked: "GET " + room + "/users", times: 1,
		},
		"there is a password now": {
			refuses: func(req *http.Request) int {
				if req.Method == http.MethodPost && strings.HasPrefix(req.URL.Path, room) {
					return -1
				}
				return 0
			}, act: func(r *queuptest.Room) { r.Leave("bot") }, is: client.ErrRoomPassword, asked: "POST " + room + "/users", times: 1,
		},
		"the channel is refused": {
			wire: func(f *realtime.Frame) {
				if f.Action == realtime.ActionAttached && strings.HasPrefix(f.Channel, "room:") {
					f.Action, f.Error = realtime.ActionError, "not for you"
				}
			}, cut: true, asked: "attach", times: 2, // the mailbox's, too
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var joined atomic.Bool
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				wire := newTap(server)
				wire.in = func(_ int, f *realtime.Frame) (lost bool) {
					if joined.Load() && tt.wire != nil {
						tt.wire(f)
					}
					return false
				}
				wait := func(int, error) (time.Duration, bool) { return 5 * time.Second, true }
				bot, _ := joinLounge(t, server, "bot", client.WithDialer(wire), client.WithReconnect(wait))
				left := record(bot, func(e client.RoomLeft) string {
					return fmt.Sprint(e.Err != nil && (tt.is == nil || errors.Is(e.Err, tt.is)))
				})
				settle(time.Minute)
				since := len(server.Log())
				joined.Store(true)
				if tt.cut {
					server.CutLinks()
					settle(time.Second)
				}
				if tt.act != nil {
					tt.act(server.Room("lounge"))
				}
				settle(time.Hour)
				expect(t, "RoomLeft as it should be", left(), []string{"true"})
				if n := seen(server, since)[tt.asked]; n != tt.times {
					t.Errorf("%s: %d times, want %d; all: %v", tt.asked, n, tt.times, seen(server, since))
				}
			}, queuptest.WithHandler(func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
					if !joined.Load() || tt.refuses == nil {
						next.ServeHTTP(w, req)
						return
					}
					switch status := tt.refuses(req); status {
					case 0:
						next.ServeHTTP(w, req)
					case -1:
						w.Header().Set("Content-Type", "application/json")
						w.WriteHeader(http.StatusBadRequest)
						_, _ = w.Write([]byte(`{"code":400,"data":{"err":{"details":{"message":{"err":"invalidPassword"}}}}}`))
					default:
						new(refuser).refuse(status)(w, req)
					}
				})
			}))
		})
	}
}

// A websocket that is refused for good, by what makes its token or dials it, is not asked for again; one that is refused
// for now is asked for at the pace of the policy.
func TestQ13_websocketsEndForGood(t *testing.T) {
	for n := range 4 {
		again, quoted := n%2 == 1, n/2 == 1
		t.Run(fmt.Sprintf("at the first time %v, quoting the token %v", !again, quoted), func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				inner := &realtime.WebsocketDialer{NetDialContext: server.DialContext}
				var dials atomic.Int32
				bot := newBot(t, server, client.WithDialer(dialFunc(func(ctx context.Context, url string, h http.Header) (realtime.Socket, error) {
					if dials.Add(1) == 1 && again {
						return inner.Dial(ctx, url, h)
					}
					if quoted { // which is masked, and is as permanent then
						return nil, realtime.Permanent(&realtime.HandshakeError{Status: http.StatusForbidden, Body: []byte("go away with " + url)})
					}
					return nil, realtime.Permanent(errors.New("go away"))
				})))
				returned := make(chan error, 1)
				go func() { returned <- bot.Run(t.Context(), "bot", canary.Password) }()
				settle(time.Minute)
				want := int32(1)
				if again {
					server.CutLinks()
					want = 2
				}
				select {
				case err := <-returned:
					if err == nil || !realtime.IsPermanent(err) {
						t.Errorf("Run = %v", err)
					}
				case <-time.After(10 * time.Second):
					t.Error("Run goes on")
				}
				settle(time.Hour)
				if n := dials.Load(); n != want {
					t.Errorf("%d dials", n)
				}
			})
		})
	}
	t.Run("for now", func(t *testing.T) {
		inBubble(t, func(t *testing.T, server *queuptest.Server) {
			inner := &realtime.WebsocketDialer{NetDialContext: server.DialContext}
			var dials atomic.Int32
			bot := newBot(t, server, client.WithDialer(dialFunc(func(ctx context.Context, url string, h http.Header) (realtime.Socket, error) {
				if dials.Add(1) == 1 {
					return inner.Dial(ctx, url, h)
				}
				return nil, &realtime.HandshakeError{Status: http.StatusForbidden}
			})))
			if err := bot.Login(t.Context(), "bot", canary.Password); err != nil {
				t.Fatal(err)
			}
			if err := bot.Connect(t.Context()); err != nil {
				t.Fatal(err)
			}
			server.CutLinks()
			settle(time.Hour)
			if n := dials.Load(); n < 100 || n > 500 { // 15 s on average, between them
				t.Errorf("%d dials in an hour", n)
			}
		})
	})
}

// lie makes QueUp answer calls with an error: after it has done what it was asked for, if done.
func lie(method, part string, status int, done bool, asked *atomic.Int32) queuptest.Option {
	return intercept(method, part, func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		asked.Add(1)
		if done {
			next.ServeHTTP(httptest.NewRecorder(), req)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"code":%d,"message":"Error","data":{"err":{"details":{"message":"no"}}}}`, status)
	})
}

// Source: docs/PROTOCOL.md 1.3.
func TestQ13_falseErrorsOfVotes(t *testing.T) {
	votes := map[string]struct {
		room func(context.Context, *client.Room) error
		has  func(*client.Room) int
	}{
		"updub":   {func(ctx context.Context, r *client.Room) error { return r.Updub(ctx) }, func(r *client.Room) int { up, _ := r.Votes(); return len(up) }},
		"downdub": {func(ctx context.Context, r *client.Room) error { return r.Downdub(ctx) }, func(r *client.Room) int { _, down := r.Votes(); return len(down) }},
	}
	for name, vote := range votes {
		for _, tt := range []struct {
			name   string
			status int
			done   bool
			ok     bool
		}{{"counted", 404, true, true}, {"not counted", 404, false, false}, {"too many", 429, false, false}} {
			t.Run(name+", "+tt.name, func(t *testing.T) {
				var asked atomic.Int32
				inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
					_, room := joinLounge(t, server, "bot")
					err := vote.room(t.Context(), room)
					if (err == nil) != tt.ok {
						t.Errorf("error %v", err)
					}
					if tt.status == 404 && !tt.ok && !errors.Is(err, client.ErrNotFound) {
						t.Errorf("error %v is not QueUp's own", err)
					}
					if n := asked.Load(); n != 1 {
						t.Errorf("the vote was sent %d times", n)
					}
					if has := vote.has(room); (has == 1) != tt.ok {
						t.Errorf("%d votes", has)
					}
				}, lie(http.MethodPost, "/dubs", tt.status, tt.done, &asked))
			})
		}
	}
}

func TestQ13_falseErrorsOfTheOwnQueue(t *testing.T) {
	calls := map[string]func(context.Context, *client.Room, client.PlayID) error{
		"clear":  func(ctx context.Context, r *client.Room, _ client.PlayID) error { return r.ClearQueue(ctx) },
		"remove": func(ctx context.Context, r *client.Room, id client.PlayID) error { return r.RemoveOwnSong(ctx, id) },
	}
	for name, call := range calls {
		for _, tt := range []struct {
			name string
			done bool
			read string // what the own queue says then; empty for the truth
			ok   bool
		}{{"done", true, "", true}, {"not done", false, "", false}, {"unreadable", true, `{}`, false}, {"null", true, `null`, false}} {
			t.Run(name+", "+tt.name, func(t *testing.T) {
				var asked atomic.Int32
				var lying atomic.Bool
				inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
					_, room := joinLounge(t, server, "bot")
					song, err := room.QueueSong(t.Context(), client.YouTube, "dQw4w9WgXcQ")
					if err != nil {
						t.Fatal(err)
					}
					lying.Store(true)
					if err := call(t.Context(), room, song.ID); (err == nil) != tt.ok {
						t.Errorf("error %v", err)
					} else if answer, is := errors.AsType[*client.APIError](err); !tt.ok && (!is || answer.Status != 500) {
						t.Errorf("error %v is not QueUp's own", err)
					}
					if n := asked.Load(); n != 1 {
						t.Errorf("it was sent %d times", n)
					}
				}, lie(http.MethodDelete, "/playlist", http.StatusInternalServerError, tt.done, &asked),
					intercept(http.MethodGet, "/queue", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
						if !lying.Load() || tt.read == "" || !strings.HasSuffix(req.URL.Path, "/queue") {
							next.ServeHTTP(w, req)
							return
						}
						w.Header().Set("Content-Type", "application/json")
						_, _ = w.Write([]byte(`{"code":200,"message":"OK","data":` + tt.read + `}`))
					}))
			})
		}
	}
}
