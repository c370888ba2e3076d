package client_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

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

// What the client knows stays until it can be read again.
func TestQ03_answersWithoutAList(t *testing.T) {
	for name, data := range noLists {
		t.Run(name, func(t *testing.T) {
			var odd atomic.Value
			var log strings.Builder
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				bot, room := joinLounge(t, server, "bot", client.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
				lounge := server.Room("lounge")
				settle(10 * time.Second)
				state := func() string {
					return fmt.Sprint(room.Members().Len(), len(room.Queue()), len(room.Roles()), room.Can(memberOf(t, room, "mod").UserID, client.PermMembersKick))
				}
				known := state()
				left := record(room, func(e client.MemberLeft) string { return e.User.Username })
				joined := record(room, func(e client.MemberJoined) string { return fmt.Sprint(e.User, e.Resynced) })
				odd.Store("-" + data)
				server.CutLinks()
				settle(5 * time.Second)
				lounge.Queue("carol", queuptest.Song{Name: "Another", Length: time.Minute})
				settle(20 * time.Second)
				if bot.Health().LastResync.IsZero() {
					t.Error("the room was not read again")
				}
				if now := state(); now != known {
					t.Errorf("known %s, and then %s", known, now)
				}
				if !strings.Contains(log.String(), `msg="not read" what=members`) || !strings.Contains(log.String(), "queue not read") || !strings.Contains(log.String(), "roles not read") {
					t.Errorf("log %s", &log)
				}
				odd.Store("")
				settle(20 * time.Second)
				want := playsOf(must(room.FetchQueue(t.Context()))(t))
				expect(t, "queue", playsOf(room.Queue()), want)
				expect(t, "left", left(), nil)
				expect(t, "joined", joined(), nil)
			}, oddLists(&odd, "/users", "/playlist/details", "/roles"))
		})
	}
}

func playsOf(songs []client.Song) (ids []string) {
	for _, s := range songs {
		ids = append(ids, string(s.ID))
	}
	return ids
}

// A room whose roster cannot be read can be joined; who is there is told when it can.
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
