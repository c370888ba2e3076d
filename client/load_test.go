package client_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// An answer that was on its way through two cuts is older than the events that came since.
func TestReload_neverBringsBackWhoHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reads atomic.Int32
		server := queuptest.NewServer(queuptest.InMemory(), meddle(http.MethodGet, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
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
		server := queuptest.NewServer(queuptest.InMemory(), meddle(http.MethodGet, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
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
				server := queuptest.NewServer(queuptest.InMemory(), meddle(http.MethodGet, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
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
