package commands_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/commands"
	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/queuptest"
)

// A name may have the characters that people write behind one. Then the user with exactly that name is meant.
func TestAdd_findsPeopleByWordsOfASentence(t *testing.T) {
	onStageOf(t, guests("carol's", "bob,", "dotty.", "mike's.", "o'neil"), with(sample), func(_ *testing.T, s *stage) {
		for word, want := range map[string]string{
			"@carol": "carol", "@carol,": "carol", "carol:": "carol", "CAROL;": "carol", "@carol.": "carol", "carol!?": "carol",
			"@carol's": "carol's", "carol's": "carol's", "carol's,": "carol's", "@Carol’s": "carol", "carol’s:": "carol",
			"@mod's": "mod", "mod’s": "mod", "mod'": "mod", "@mod’,": "mod", "mod,’s": "mod",
			"bob": "bob", "@bob,": "bob,", "bob,,": "bob,", "bob:": "bob",
			"dotty.": "dotty.", "@dotty.'s": "dotty.", "mike's.": "mike's.", "mike's.:": "mike's.", "o'neil": "o'neil", "o'neil's": "o'neil",
		} {
			s.expect("alice", "!member "+word, want+" true")
			s.expect("alice", "!users "+word, "["+want+"]")
		}
		for _, word := range []string{"@", ",", "@,", "'s", "@'s", "mike", "@@bob", "carol,bob", "dotty"} {
			s.expect("alice", "!member "+word, "@alice: the argument <who> must be the name of somebody who is here. Usage: !member <who>")
		}
	})
}

// pardon is a router with commands about people who may be away.
func pardon(r *commands.Router) {
	commands.Add(r, commands.Command{Name: "who", Private: true}, func(ctx context.Context, c *commands.Context, args struct {
		User client.User `arg:"away"`
	},
	) error {
		return c.Replyf(ctx, "%s %t", args.User, args.User.ID != "")
	})
	commands.Add(r, commands.Command{Name: "ban"}, func(ctx context.Context, c *commands.Context, args struct {
		User client.User `arg:"away,below"`
	},
	) error {
		return c.Replyf(ctx, "bans %s", args.User)
	})
	commands.Add(r, commands.Command{Name: "all"}, func(ctx context.Context, c *commands.Context, args struct {
		Users []client.User `arg:"away"`
	},
	) error {
		return c.Replyf(ctx, "%v", args.Users)
	})
}

// absent is a world with people who are not in the lounge.
func absent(opts ...queuptest.Option) []queuptest.Option {
	w := queuptest.DefaultWorld()
	for _, name := range []string{"dave", "Erin", "frank's", "vera"} {
		w.Users = append(w.Users, queuptest.User{Name: name, Password: canary.Password})
	}
	w.Rooms[0].Banned = append(w.Rooms[0].Banned, "Erin")
	w.Rooms[0].Roles["vera"] = queuptest.Manager
	return append([]queuptest.Option{queuptest.WithWorld(w)}, opts...)
}

// lookups returns how many calls the bot has made to find people by their names.
func (s *stage) lookups() (n int) {
	for _, e := range s.server.Log() {
		if e.In && e.Method == http.MethodGet && (strings.HasPrefix(e.Path, "/user/") || strings.HasSuffix(e.Path, "/users/ban") || strings.HasSuffix(e.Path, "/users/mute")) {
			n++
		}
	}
	return n
}

func TestAway(t *testing.T) {
	const nobody = "must be the name of a user. Usage:"
	onStageOf(t, absent(), with(pardon), func(t *testing.T, s *stage) {
		calls := s.lookups()
		expectCalls := func(what string, want int) {
			t.Helper()
			if got := s.lookups() - calls; got != want {
				t.Errorf("%s: %d lookups instead of %d", what, got, want)
			}
			calls = s.lookups()
		}
		s.expect("alice", "!who bob", "bob true")
		s.expect("alice", "!who @Bob's", "bob true")
		s.lounge.Leave("bob")
		time.Sleep(time.Minute)
		s.expect("alice", "!who @BOB,", "bob true") // seen recently
		expectCalls("people who were seen", 0)
		s.expect("alice", "!who @dave", "dave true") // known to QueUp alone
		expectCalls("a user of QueUp's", 1)
		s.expect("alice", "!who dave:", "dave true")
		expectCalls("the same again", 0)
		s.expect("mod", "!who @frank's", "frank's true")
		expectCalls("an exact name", 1)
		s.expect("mod", "!who erin's", "Erin true")
		expectCalls("a name in a sentence", 2)
		s.expect("carol", "!who nobody", "@carol: the argument <user> "+nobody+" !who <user>")
		expectCalls("nobody", 3) // the user, the bans, the mutes
		s.expect("carol", "!who @..", "@carol: the argument <user> "+nobody+" !who <user>")
		expectCalls("dots", 2)
		s.expect("mod", "!all alice @erin, dave's", "[alice Erin dave]")
		s.expectPrivate("alice", "!who vera,", "vera true")
		id, _ := s.server.UserID("dave")
		s.expectPrivate("carol", "!who "+id, "dave true")
		if errs := s.errors(); errs != nil {
			t.Errorf("the error handler got %v", errs)
		}
	})
}

// QueUp may not find a name that is written in another case, but the lists of the room are read here.
func TestAway_bannedAndMuted(t *testing.T) {
	strict := queuptest.WithHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if name, is := strings.CutPrefix(req.URL.Path, "/user/"); is && name == strings.ToLower(name) && req.Method == http.MethodGet {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			next.ServeHTTP(w, req)
		})
	})
	onStageOf(t, absent(strict), with(pardon), func(t *testing.T, s *stage) {
		s.expect("mod", "!who @erin's", "Erin true")
		s.lounge.Mute("mod", "carol")
		s.lounge.Leave("carol")
		time.Sleep(time.Minute)
		s.lounge.Leave("bob") // the bot remembers one user who has left
		time.Sleep(time.Minute)
		s.expect("mod", "!who carol", "carol true")
		s.expect("mod", "!who vera", "@mod: the argument <user> must be the name of a user. Usage: !who <user>")
	}, client.WithUserCache(1))
}

// A moderator cannot have the bot ban a manager who is away.
func TestAway_below(t *testing.T) {
	for name, opts := range map[string][]queuptest.Option{"custom roles": nil, "classic roles": {queuptest.ClassicRoles()}} {
		t.Run(name, func(t *testing.T) {
			const refused = "the argument <user> must be somebody who ranks below you. Usage: !ban <user>"
			onStageOf(t, absent(opts...), with(pardon), func(t *testing.T, s *stage) {
				s.expect("mod", "!ban dave", "bans dave")
				s.expect("mod", "!ban bob", "bans bob")
				s.expect("mod", "!ban vera", "@mod: "+refused)
				s.expect("owner", "!ban vera", "bans vera")
				s.expect("mod", "!ban owner", "@mod: "+refused)
				s.lounge.Leave("owner")
				s.expect("mod", "!ban owner", "@mod: "+refused)
				s.expect("mod", "!ban mod", "@mod: "+refused)
				s.expect("alice", "!ban dave", "@alice: "+refused)
				s.expect("mod", "!ban nobody", "@mod: "+refused)
				s.lounge.SetRole("owner", "alice", queuptest.Manager)
				time.Sleep(time.Minute)
				s.expect("alice", "!ban vera", "@alice: "+refused) // they rank alike
			})
		})
	}
}

func TestAway_limitsLookups(t *testing.T) {
	onStageOf(t, absent(), with(pardon), func(t *testing.T, s *stage) {
		before := s.lookups()
		lines := s.answers("alice", "!all nobody1 x")
		for _, text := range []string{"!all nobody2", "!all nobody3", "!all nobody4", "!all nobody5"} {
			lines = append(lines, s.answers("alice", text)...)
		}
		if n := s.lookups() - before; n != 3*3 {
			t.Errorf("%d lookups, and said %q", n, lines)
		}
		s.expect("bob", "!who dave", "dave true")
	})
}

// An error of QueUp's is not the author's mistake.
func TestAway_whenQueUpFails(t *testing.T) {
	broken := queuptest.WithHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if strings.HasPrefix(req.URL.Path, "/user/dave") || strings.HasSuffix(req.URL.Path, "/users/staff") {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			next.ServeHTTP(w, req)
		})
	})
	onStageOf(t, absent(broken), with(pardon), func(t *testing.T, s *stage) {
		for _, text := range []string{"!who dave", "!ban erin"} {
			s.expect("mod", text, "@mod: sorry, that did not work.")
			errs := s.errors()
			if len(errs) != 1 {
				t.Fatalf("%s: the error handler got %v", text, errs)
			}
			if _, ok := errors.AsType[*client.APIError](errs[0]); !ok {
				t.Errorf("%s: the error handler got %v", text, errs[0])
			}
		}
	})
}
