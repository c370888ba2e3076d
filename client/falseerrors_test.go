package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// lie makes QueUp answer calls with an error: after it has done what it was asked for, if done.
func lie(method, part string, status int, done bool, asked *atomic.Int32) queuptest.Option {
	return meddle(method, part, func(w http.ResponseWriter, req *http.Request, next http.Handler) {
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
					meddle(http.MethodGet, "/queue", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
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
