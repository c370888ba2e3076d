package client_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// inTrouble has QueUp fail at calls to paths that end so, for as long as the returned flag is set.
func inTrouble(end string) (*atomic.Bool, queuptest.Option) {
	bad := new(atomic.Bool)
	return bad, meddle(http.MethodGet, "/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
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
				option = meddle(http.MethodGet, tt.path, func(w http.ResponseWriter, req *http.Request, next http.Handler) {
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
				option := meddle(http.MethodGet, "/room/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
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
