package client_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// withRows makes QueUp answer a list of these rows.
func withRows(part string, rows ...string) queuptest.Option {
	return meddle(http.MethodGet, part, func(w http.ResponseWriter, req *http.Request, next http.Handler) {
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
	return meddle(http.MethodGet, "/user/65c0ffee", func(w http.ResponseWriter, req *http.Request, _ http.Handler) {
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
	}, withRows("/users", rows...), meddle(http.MethodGet, "/user/65d", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
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
