package queuptest_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/internal/testkit/source"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// uncaused are the events that no method of a Room or a Server causes, and why.
var uncaused = map[string]string{
	"user-avatar-update": "the site's own name for user-update, see docs/PROTOCOL.md 6.1",
}

// documented returns the lines of all events that docs/PROTOCOL.md 6.2 lists, by name without suffix.
func documented(t *testing.T) map[string]string {
	t.Helper()
	lines, section := map[string]string{}, ""
	row := regexp.MustCompile("^\\| `([a-z_-]+)")
	for i, line := range strings.Split(source.Read(t, "docs/PROTOCOL.md"), "\n") {
		if strings.HasPrefix(line, "#") {
			section = line
		}
		if m := row.FindStringSubmatch(line); m != nil && strings.HasPrefix(section, "### 6.2 ") {
			lines[strings.TrimRight(m[1], "_-")] = fmt.Sprintf("docs/PROTOCOL.md:%d", i+1)
		}
	}
	return lines
}

// A test can cause every event that is known, without a client.
func TestSpec_everyEventCanBeCaused(t *testing.T) {
	t.Parallel()
	caused := map[string]bool{}
	suffix := regexp.MustCompile(`[_-][0-9a-f]{24}$`)
	for _, opts := range worlds {
		srv := start(t, opts...)
		room := srv.Room("lounge")
		alice := login(t, srv, "alice")
		ears := alice.listen()
		ears.ask(`{"action":10,"channel":"user:` + alice.token().ClientID + `"}`)
		ears.next()

		id := room.Say("alice", "one")
		room.DeleteMessage("alice", id)
		room.DeleteMessagesOf("mod", "alice")
		room.Vote("bob", true)
		room.Grab("bob")
		comment := room.Comment("bob", "nice")
		room.VoteComment("alice", comment, true)
		room.RemoveComment("bob", comment)
		room.Queue("alice", queuptest.Song{Name: "One", Length: time.Minute}, queuptest.Song{Name: "Two", Length: time.Minute})
		room.Reorder("mod", "alice", "carol", "bob")
		room.PauseDJ("mod", "carol", true)
		room.Pause("bob", true)
		room.RemoveSong("mod", "bob")
		room.RemoveDJ("mod", "alice")
		room.Skip("mod")
		room.Configure("bot", func(s *queuptest.Settings) { s.Title = "Elsewhere" })
		room.Lock("mod", true)
		room.SlowMode("mod", true)
		room.GuestChat("mod", false)
		room.GuestEmbed("mod", false)
		room.SetRole("bot", "alice", queuptest.VIP)
		room.UnsetRole("bot", "alice", queuptest.VIP)
		if roles := room.Roles(); len(roles) > 0 {
			crew := room.CreateRole("bot", "Crew", "queue.skip")
			room.UpdateRole("bot", crew, "Late Crew")
			room.ReorderRoles("owner", room.Roles()...)
			room.DeleteRole("bot", crew)
		}
		room.Avatar("carol")
		room.Mute("mod", "carol")
		room.Unmute("mod", "carol")
		room.Kick("mod", "carol", "")
		room.Join("carol")
		room.Ban("mod", "carol", time.Hour)
		room.Unban("mod", "carol")
		srv.Message("bob", "psst", "alice")

		ears.write("2")
		for text := ears.next(); text != "3"; text = ears.next() {
			f, err := realtime.ParseFrame([]byte(text[1:]))
			if err != nil || f.Message == nil {
				t.Fatalf("%s: %v", text, err)
			}
			caused[suffix.ReplaceAllString(f.Message.Name, "")] = true
		}
	}
	docs := documented(t)
	calls, list := source.Line(t, "queuptest/every_event_test.go", `"psst", `+`"alice")`), source.Line(t, "queuptest/every_event_test.go", "var uncaused"+" = ")
	for name, at := range docs {
		switch _, listed := uncaused[name]; {
		case !caused[name] && !listed:
			t.Errorf("%s: nothing here causes %s.\n%s: add a call that causes it below this line. To leave it for later, instead:\n%s: add %q with the reason to uncaused",
				at, name, calls, list, name)
		case caused[name] && listed:
			t.Errorf("%s: remove %s from uncaused, because a call here causes it", list, name)
		}
	}
	for name := range caused {
		if docs[name] == "" {
			t.Errorf("docs/PROTOCOL.md 6.2 has no row for %s, which queuptest sends; make generate names the line for it", name)
		}
	}
	for name := range uncaused {
		if docs[name] == "" {
			t.Errorf("%s: docs/PROTOCOL.md 6.2 has no row for %s; remove it from uncaused", list, name)
		}
	}
}

// What the other helpers do is what clients would have done.
func TestRoom_moreThatClientsDo(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, s *stage) {
		room := s.room
		room.Configure("bot", func(c *queuptest.Settings) {
			c.Description, c.MaxLength, c.MaxDJs, c.Password, c.RecycleDJs = "quiet", 5*time.Minute, 7, "sesame", false
		})
		s.hears("room-update")
		room.Configure("bot", func(c *queuptest.Settings) {
			if c.Title != "The Lounge" || c.Description != "quiet" || c.MaxLength != 5*time.Minute || c.Repeat != time.Hour ||
				c.MaxDJs != 7 || c.Password != "sesame" || c.RecycleDJs {
				t.Errorf("settings are %+v", *c)
			}
			c.Password, c.MaxDJs = "", 0
		})
		s.hears("room-update")
		if got := s.do("bot", "POST /room/{lounge}/users", ""); got.Status != 200 {
			t.Errorf("a public room: %s", got.Body)
		}
		s.hears("user-join")

		ids := room.Queue("alice", queuptest.Song{Name: "One", Length: time.Minute}, queuptest.Song{Name: "Two", Length: time.Minute},
			queuptest.Song{Name: "Three", Length: time.Minute})
		s.heard()
		room.ReorderOwn("alice", ids[2], ids[0], ids[1])
		s.hears(queueNews...)
		room.RemoveOwn("alice", ids[0])
		s.hears(queueNews...)
		if q := room.QueueOf("alice"); len(q) != 2 || q[0].ID != ids[2] || q[1].ID != ids[1] {
			t.Errorf("queue is %v", q)
		}
		room.ClearQueue("alice")
		s.hears(queueNews...)
		room.Grab("bob")
		room.Grab("bob")
		s.hears("room_playlist-queue-update-grabs")
		if got := s.do("bob", "GET /playlist", ""); !strings.Contains(got.Body, `"name":"Favourites"`) {
			t.Errorf("bob's playlists are %s", got.Body)
		}
		id := s.srv.Message("alice", "a & b", "bob", "carol")
		if again := s.srv.Message("bob", "yes", "carol", "alice"); again != id {
			t.Errorf("conversations are %s and %s", id, again)
		}
		if got := s.do("carol", "GET /message/"+id, ""); !strings.Contains(got.Body, `"message":"a &amp; b"`) {
			t.Errorf("carol reads %s", got.Body)
		}
		if roles := room.Roles(); len(roles) > 0 {
			crew := room.CreateRole("bot", "Crew", "queue.skip")
			room.AssignRole("bot", "alice", crew, true)
			s.hears("room-role-create", "user-setrole")
			if d := cmp.Diff([]string{"Crew"}, room.RolesOf("alice")); d != "" {
				t.Error(d)
			}
			room.AssignRole("bot", "alice", crew, false)
			s.hears("user-unsetrole")
		}
	})
}

func TestMore_whatCannotBePanics(t *testing.T) {
	t.Parallel()
	srv := start(t)
	classic := start(t, queuptest.ClassicRoles()).Room("lounge")
	room := srv.Room("lounge")
	comment := room.Comment("bob", "x")
	for want, call := range map[string]func(){
		"Room.Configure: bob: Unauthorized action":            func() { room.Configure("bob", func(*queuptest.Settings) {}) },
		"Room.Configure: bot: a number is out of range":       func() { room.Configure("bot", func(s *queuptest.Settings) { s.MaxLength = -time.Hour }) },
		"Room.GuestChat: bob: Unauthorized action":            func() { room.GuestChat("bob", true) },
		"Room.GuestEmbed: bob: Unauthorized action":           func() { room.GuestEmbed("bob", true) },
		"Room.Grab: bot is not in lounge; Join first":         func() { room.Grab("bot") },
		`Room.Avatar: there is no user "zoe"`:                 func() { room.Avatar("zoe") },
		"Room.RemoveOwn: bob: The song is not in your queue":  func() { room.RemoveOwn("bob", "x") },
		"Room.ReorderOwn: bob: order must have":               func() { room.ReorderOwn("bob") },
		"Room.Comment: bob: comment is required":              func() { room.Comment("bob", " ") },
		"Room.VoteComment: bob: Comment not found":            func() { room.VoteComment("bob", "x", true) },
		"Room.RemoveComment: alice: The comment is not yours": func() { room.RemoveComment("alice", comment) },
		"Room.CreateRole: bob: Unauthorized action":           func() { room.CreateRole("bob", "x") },
		"Room.UpdateRole: bot: Role not found":                func() { room.UpdateRole("bot", "x", "y") },
		"Room.DeleteRole: bot: Role not found":                func() { room.DeleteRole("bot", "x") },
		"Room.ReorderRoles: bot: order must have":             func() { room.ReorderRoles("bot") },
		"Room.AssignRole: bot: Role not found":                func() { room.AssignRole("bot", "bob", "x", true) },
		"Room.CreateRole: lounge has the fixed roles":         func() { classic.CreateRole("bot", "x") },
		`Server.Message: there is no user "zoe"`:              func() { srv.Message("zoe", "x", "bob") },
		"Server.Message: 0 others":                            func() { srv.Message("bob", "x", "Bob") },
		"Server.Message: a text of 0 characters":              func() { srv.Message("bob", "", "alice") },
		`Server.CutLinksOf: there is no user "zoe"`:           func() { srv.CutLinksOf("zoe") },
		`Server.MailboxOf: there is no user "zoe"`:            func() { srv.MailboxOf("zoe") },
	} {
		func() {
			defer func() {
				if v, _ := recover().(string); !strings.HasPrefix(v, "queuptest: "+want) {
					t.Errorf("panic is %v, want %s", v, want)
				}
			}()
			call()
		}()
	}
}
