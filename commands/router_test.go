package commands_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/commands"
	"github.com/queup-go/queup/queuptest"
)

func TestRouter_findsCommands(t *testing.T) {
	onStage(t, with(func(r *commands.Router) {
		r.Handle(commands.Command{Name: "ping", Aliases: []string{"P", "Ünï"}}, reply("Pong!"))
		r.Handle(commands.Command{Name: "echo"}, func(ctx context.Context, c *commands.Context) error {
			return c.Replyf(ctx, "%s%s by %s (%d roles), %s: %s", c.Prefix, c.Command.Name, c.Author, len(c.Member.RoleIDs), c.Room, c.Text)
		})
	}, commands.Prefix("!", "!!", "Bot, ")), func(_ *testing.T, s *stage) {
		s.expect("alice", "!ping", "Pong!")
		s.expect("alice", "  !PiNg  ", "Pong!")
		s.expect("alice", "!p", "Pong!")
		s.expect("alice", "!üNÏ", "Pong!")
		s.expect("alice", "!ping and what follows", "Pong!")
		s.expect("alice", "!!ping", "Pong!")
		s.expect("alice", "bot, ping", "Pong!")
		s.expect("mod", "!echo  \"as  it\" was\ttyped\n!ping ", "!echo by mod (1 roles), The Lounge: \"as  it\" was\ttyped\n!ping")
		for _, text := range []string{"ping", "! ping", "!", "!!", "!!!", "bot, ", "bot", "say !ping", "!pin", "~ping", "€"} {
			s.expect("alice", text)
		}
		if errs := s.errors(); errs != nil {
			s.t.Errorf("the error handler got %v", errs)
		}
	})
}

func TestRouter_hearsNeitherItselfNorWhatIsLate(t *testing.T) {
	var received []string
	onStage(t, with(func(r *commands.Router) {
		r.Handle(commands.Command{Name: "note"}, func(_ context.Context, c *commands.Context) error {
			received = append(received, c.Text)
			return nil
		})
	}), func(t *testing.T, s *stage) {
		if _, err := s.room.SendMessage(t.Context(), "!note own"); err != nil {
			t.Fatal(err)
		}
		s.expect("alice", "!note before")
		missed := 0
		client.On(s.bot, func(_ context.Context, e client.Chat) error {
			if e.Resynced {
				missed++
			}
			return nil
		})
		s.server.CutLinks()
		s.lounge.Say("alice", "!note missed")
		time.Sleep(time.Minute)
		s.expect("alice", "!note after")
		if got := strings.Join(received, ", "); got != "before, after" || missed != 1 {
			t.Errorf("received %s, and missed %d lines", got, missed)
		}
	}, client.WithOwnMessages(true))
}

func TestRouter_severalRoomsAndCancel(t *testing.T) {
	onStage(t, with(func(r *commands.Router) {
		r.Handle(commands.Command{Name: "where"}, func(ctx context.Context, c *commands.Context) error { return c.Reply(ctx, c.Room.Slug()) })
	}), func(t *testing.T, s *stage) {
		made, err := s.bot.CreateRoom(t.Context(), client.RoomSettings{Name: "Attic"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.bot.JoinRoom(t.Context(), made.Slug()); err != nil {
			t.Fatal(err)
		}
		attic := s.server.Room(made.Slug())
		attic.Join("alice")
		s.lounge, attic = attic, s.lounge
		s.expect("alice", "!where", "attic")
		s.lounge = attic
		s.expect("alice", "!where", "lounge")
		s.cancel()
		s.expect("alice", "!where")
	})
}

func TestRouter_privateMessages(t *testing.T) {
	onStage(t, with(func(r *commands.Router) {
		r.Handle(commands.Command{Name: "ping", Private: true}, reply("Pong!"))
		r.Handle(commands.Command{Name: "dance"}, reply("in the room"))
		commands.Add(r, commands.Command{Name: "who", Private: true, UserCooldown: time.Minute, Cooldown: time.Hour}, func(ctx context.Context, c *commands.Context, args struct{ User client.User }) error {
			return c.Reply(ctx, "that is "+args.User.Username)
		})
	}), func(_ *testing.T, s *stage) {
		s.expectPrivate("alice", "!ping", "Pong!")
		s.expectPrivate("alice", "!who @BOB", "that is bob")
		s.expectPrivate("alice", "!who bob", "please wait 55s before the next !who.")
		s.expectPrivate("carol", "!who alice", "that is alice") // in private nobody waits for others
		s.expectPrivate("bob", "!who nobody", "the argument &lt;user&gt; must be the name of somebody who is here. Usage: !who &lt;user&gt;")
		s.expectPrivate("bob", "!dance", "it works in a room only. Usage: !dance")
		s.expectPrivate("bob", "!help", "Commands: !help, !ping, !who (!help &lt;command&gt; tells more)")
		s.expectPrivate("bob", "hello")
	})
}

func TestRouter_permissionsAndRanks(t *testing.T) {
	for name, opts := range map[string][]queuptest.Option{"custom roles": nil, "classic roles": {queuptest.ClassicRoles()}} {
		t.Run(name, func(t *testing.T) {
			onStageOf(t, opts, with(func(r *commands.Router) {
				r.Handle(commands.Command{Name: "skip", Permission: client.PermQueueSkip}, reply("skipped"))
				r.Handle(commands.Command{Name: "staff", Role: client.RoleModerator}, reply("staff"))
				r.Handle(commands.Command{Name: "boss", Role: client.RoleManager}, reply("boss"))
				r.Handle(commands.Command{Name: "other", Role: "0123456789abcdef01234567"}, reply("other"))
			}), func(_ *testing.T, s *stage) {
				s.expect("alice", "!skip", "@alice: the command !skip is for those with the permission queue.skip.")
				s.expect("mod", "!skip", "skipped")
				s.expect("alice", "!staff", "@alice: the command !staff is for the role Moderator and those above.")
				s.expect("mod", "!staff", "staff")
				s.expect("mod", "!boss", "@mod: the command !boss is for the role Manager and those above.")
				s.expect("owner", "!boss", "boss")
				s.expect("mod", "!other", "@mod: the command !other is for people of a higher role.")
				s.expect("owner", "!other", "other")
				if errs := s.errors(); errs != nil {
					s.t.Errorf("the error handler got %v", errs)
				}
			})
		})
	}
}

func TestRouter_cooldowns(t *testing.T) {
	onStage(t, with(func(r *commands.Router) {
		add := func(name string, room, user time.Duration) {
			commands.Add(r, commands.Command{Name: name, Cooldown: room, UserCooldown: user},
				func(ctx context.Context, c *commands.Context, args struct {
					Number int `arg:"optional"`
				},
				) error {
					return c.Replyf(ctx, "%s %d", name, args.Number)
				})
		}
		add("room", time.Minute, 0)
		add("user", 0, time.Minute)
		add("both", 10*time.Second, 30*time.Second)
	}), func(_ *testing.T, s *stage) { // each expect takes five seconds
		s.expect("alice", "!room one", "@alice: the argument <number> must be a whole number. Usage: !room [number]")
		s.expect("alice", "!room 1", "room 1") // a line with an error did not count
		s.expect("bob", "!room 2", "@bob: please wait 55s before the next !room.")
		s.expect("alice", "!user 1", "user 1")
		s.expect("bob", "!user 2", "user 2")
		s.expect("alice", "!user 3", "@alice: please wait 50s before the next !user.")
		time.Sleep(50 * time.Second)
		s.expect("bob", "!room 3", "room 3")
		s.expect("alice", "!user 4", "user 4")

		s.expect("alice", "!both", "both 0")
		s.expect("alice", "!both", "@alice: please wait 25s before the next !both.")
		s.expect("bob", "!both 1", "both 1")
		s.expect("carol", "!both 2", "@carol: please wait 5s before the next !both.")
		s.expect("carol", "!both 3", "both 3")
	})
}

func TestRouter_answersNotEveryError(t *testing.T) {
	onStage(t, with(func(r *commands.Router) {
		r.Handle(commands.Command{Name: "skip", Permission: client.PermQueueSkip}, reply("skipped"))
		r.Handle(commands.Command{Name: "ping"}, reply("Pong!"))
	}), func(t *testing.T, s *stage) {
		count := 0
		for range 20 {
			count += len(s.answers("alice", "!skip"))
		}
		if count != 3+3 { // three at once, and one every five seconds of the twenty
			t.Errorf("%d answers", count)
		}
		s.expect("alice", "!ping", "Pong!")
		s.expect("bob", "!skip", "@bob: the command !skip is for those with the permission queue.skip.")
	})
}

func TestRouter_errorsOfHandlers(t *testing.T) {
	secret := errors.New("token s3cr3t is wrong")
	failing := map[string]struct {
		err    error
		answer string
		handed bool // to the error handler
	}{
		"internal":  {secret, "sorry, that did not work.", true},
		"forbidden": {fmt.Errorf("kick: %w", client.ErrForbidden), "sorry, I may not do that here.", true},
		"rate":      {&client.RateLimitError{Op: "queueSong"}, "sorry, that is too much for me at the moment. Please try again later.", true},
		"silence":   {client.ErrNothingPlaying, "nothing plays, or another song by now.", false},
		"usage":     {nil, "say more. Usage: !usage", false},
		"panic":     {nil, "sorry, that did not work.", true},
	}
	onStage(t, with(func(r *commands.Router) {
		for name, tt := range failing {
			r.Handle(commands.Command{Name: name}, func(_ context.Context, c *commands.Context) error {
				switch name {
				case "usage":
					return fmt.Errorf("wrapped: %w", c.UsageError("say more"))
				case "panic":
					panic("oops")
				}
				return tt.err
			})
		}
	}), func(t *testing.T, s *stage) {
		for name, tt := range failing {
			s.expect("alice", "!"+name, "@alice: "+tt.answer)
			received := s.errors()
			if (len(received) == 1) != tt.handed {
				t.Errorf("%s: the error handler got %v", name, received)
				continue
			}
			if tt.err == nil || !tt.handed {
				continue
			}
			failed, ok := errors.AsType[*commands.HandlerError](received[0])
			if !ok || failed.Command != name || !errors.Is(received[0], tt.err) || !strings.Contains(received[0].Error(), "commands: "+name+": "+tt.err.Error()) {
				t.Errorf("%s: the error handler got %v", name, received[0])
			}
		}
	})
}

func TestRouter_saysNothingWhenItEnds(t *testing.T) {
	onStage(t, with(func(r *commands.Router) {
		r.Handle(commands.Command{Name: "wait", Private: true}, func(ctx context.Context, _ *commands.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
	}), func(t *testing.T, s *stage) {
		s.lounge.Say("alice", "!wait")
		time.Sleep(time.Second)
		s.server.Message("bob", "!wait", "bot") // waits for alice's
		time.Sleep(5 * time.Second)
		_ = s.bot.Close()
		<-s.bot.Done()
		for _, m := range s.lounge.Messages() {
			if m.User == "bot" {
				t.Errorf("said %q", m.Text)
			}
		}
	})
}

func TestRouter_middleware(t *testing.T) {
	var steps []string
	step := func(name string) commands.Middleware {
		return func(next commands.Handler) commands.Handler {
			return func(ctx context.Context, c *commands.Context) error {
				err := next(ctx, c)
				_, refused := errors.AsType[*commands.PermissionError](err)
				steps = append(steps, fmt.Sprintf("%s %s %t", name, c.Command.Name, refused))
				return err
			}
		}
	}
	onStage(t, with(func(r *commands.Router) {
		r.Handle(commands.Command{Name: "ping"}, reply("Pong!"))
		r.Use(step("outer"), step("inner"))
		r.Use(func(next commands.Handler) commands.Handler {
			return func(ctx context.Context, c *commands.Context) error {
				if c.Author.Username == "bob" {
					return nil
				}
				return next(ctx, c)
			}
		})
		r.Handle(commands.Command{Name: "skip", Permission: client.PermQueueSkip}, reply("skipped"))
	}), func(t *testing.T, s *stage) {
		s.expect("alice", "!ping", "Pong!")
		s.expect("alice", "!skip", "@alice: the command !skip is for those with the permission queue.skip.")
		s.expect("bob", "!ping")
		want := "inner ping false, outer ping false, inner skip true, outer skip true, inner ping false, outer ping false"
		if got := strings.Join(steps, ", "); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	})
}

// nap is a command that takes ten seconds. It counts how many people sleep at the same time, at most.
func nap(most *atomic.Int32) func(*commands.Router) {
	var now atomic.Int32
	return func(r *commands.Router) {
		r.Handle(commands.Command{Name: "nap", Private: true}, func(ctx context.Context, c *commands.Context) error {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			time.Sleep(10 * time.Second)
			return c.Reply(ctx, "done with "+c.Text)
		})
	}
}

func TestRouter_oneAfterTheOther(t *testing.T) {
	var most atomic.Int32
	onStage(t, with(nap(&most)), func(t *testing.T, s *stage) {
		s.lounge.Say("alice", "!nap 1")
		s.lounge.Say("bob", "!nap 2")
		s.server.Message("carol", "!nap 3", "bot")
		time.Sleep(31 * time.Second)
		synctest.Wait()
		lines := s.lounge.Messages()[2:]
		if len(lines) != 2 || lines[0].Text != "done with 1" || lines[1].Text != "done with 2" {
			t.Errorf("in the room: %v", lines)
		}
		if got := s.private(); len(got) != 1 || got[0] != "done with 3" {
			t.Errorf("in private: %q", got)
		}
		if n := most.Load(); n != 1 {
			t.Errorf("%d at the same time", n)
		}
	})
}

func TestRouter_concurrent(t *testing.T) {
	var most atomic.Int32
	onStage(t, with(nap(&most), commands.Concurrent(64)), func(t *testing.T, s *stage) {
		start := time.Now()
		for _, user := range []string{"alice", "bob", "carol", "mod", "alice"} {
			s.lounge.Say(user, "!nap "+user)
		}
		time.Sleep(21 * time.Second)
		synctest.Wait()
		after := map[string][]time.Duration{}
		for _, m := range s.lounge.Messages()[5:] {
			after[m.Text] = append(after[m.Text], m.At.Sub(start).Round(time.Second))
		}
		for _, user := range []string{"alice", "bob", "carol", "mod"} {
			if got := after["done with "+user]; len(got) == 0 || got[0] != 10*time.Second {
				t.Errorf("%s after %v", user, got)
			}
		}
		if got := after["done with alice"]; len(got) != 2 || got[1] != 20*time.Second {
			t.Errorf("alice again after %v", got)
		}
	})
}

func TestContext_replyNowhere(t *testing.T) {
	if err := new(commands.Context).Reply(t.Context(), "hello"); !errors.Is(err, client.ErrDetached) {
		t.Errorf("Reply = %v", err)
	}
}

// A text that SendLong refuses is cut.
func TestContext_replyShortens(t *testing.T) {
	for name, tt := range map[string]struct {
		parts int
		text  string
		want  []string
	}{
		"fits":           {2, "hello", []string{"hello"}},
		"two lines":      {2, strings.Repeat("a", 300), []string{strings.Repeat("a", 255), strings.Repeat("a", 45)}},
		"three lines":    {2, strings.Repeat("a", 600), []string{strings.Repeat("a", 255), strings.Repeat("a", 254) + "…"}},
		"one line":       {1, strings.Repeat("🇳🇿", 100), []string{strings.Repeat("🇳🇿", 63) + "…"}},
		"HTML in a line": {1, strings.Repeat("<", 100), []string{strings.Repeat("<", 63) + "…"}},
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, with(func(r *commands.Router) {
				r.Handle(commands.Command{Name: "say", Private: true}, reply(tt.text))
			}), func(t *testing.T, s *stage) {
				s.expect("alice", "!say", tt.want...)
				s.expectPrivate("alice", "!say", html.EscapeString(tt.text)) // QueUp knows no limit there
				if errs := s.errors(); errs != nil {
					t.Errorf("the error handler got %v", errs)
				}
			}, client.WithMessageParts(tt.parts))
		})
	}
}

func TestRouter_answersInOtherWords(t *testing.T) {
	onStage(t, with(func(r *commands.Router) {
		r.Handle(commands.Command{Name: "ping"}, reply("Pong!"))
		r.Handle(commands.Command{Name: "skip", Permission: client.PermQueueSkip}, reply("skipped"))
	}, commands.Suggest(), commands.AnswerWith(func(c *commands.Context, err error) string {
		if e, ok := errors.AsType[*commands.UnknownError](err); ok {
			return fmt.Sprintf("meinst du %s%s?", c.Prefix, e.Similar)
		}
		return ""
	})), func(_ *testing.T, s *stage) {
		s.expect("alice", "!pnig", "@alice: meinst du !ping?")
		s.expect("alice", "!skip")
	})
}

// A handler may repeat a line, and people choose their names.
func TestRouter_alertsNobody(t *testing.T) {
	onStageOf(t, guests("everyone", "Mods"), with(func(r *commands.Router) {
		r.Handle(commands.Command{Name: "find", Private: true}, func(_ context.Context, c *commands.Context) error {
			return c.UsageError(c.Text + " is not here")
		})
	}), func(_ *testing.T, s *stage) {
		s.expect("alice", "!find @everyone, @MODS", "@alice: “@ everyone, @ MODS is not here”. Usage: !find")
		s.expect("alice", "!find @bob", "@alice: “@bob is not here”. Usage: !find")
		s.expect("everyone", "!find x", "@ everyone: x is not here. Usage: !find")
		s.expect("Mods", "!find x", "@ Mods: x is not here. Usage: !find")
		s.expectPrivate("alice", "!find !kick @djs", "“!kick @ djs is not here”. Usage: !find")
	})
}

func TestErrors_say(t *testing.T) {
	tests := map[string]error{
		"commands: roll: <sides> is missing":                      &commands.UsageError{Command: "roll", Reason: "<sides> is missing"},
		"commands: kick: its author lacks the permission x":       &commands.PermissionError{Command: "kick", Permission: "x"},
		"commands: kick: its author ranks below the role r":       &commands.PermissionError{Command: "kick", Role: "r"},
		"commands: roll: rests for 1.5s more":                     &commands.CooldownError{Command: "roll", Wait: 1500 * time.Millisecond},
		`commands: "pnig" is not a command, ping is`:              &commands.UnknownError{Name: "pnig", Similar: "ping"},
		"commands: roll: queup: nothing playing, or another song": &commands.HandlerError{Command: "roll", Err: client.ErrNothingPlaying},
	}
	for want, err := range tests {
		if err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}

// The texts of errors do nothing to a terminal or a log, whatever a handler has put into them.
func TestErrors_printNothingThatActs(t *testing.T) {
	const evil = "a\x1b]52;c;aGk=\x07 \u009b31m \u202e\u2028\x7f\nlevel=ERROR\r\xff"
	for _, err := range []error{
		&commands.UsageError{Command: "roll", Reason: evil},
		&commands.HandlerError{Command: "roll", Err: errors.New(evil)},
		&commands.UnknownError{Name: evil, Similar: "roll"},
	} {
		if text := err.Error(); !strings.Contains(text, `\x1b]52`) || strings.ContainsFunc(text, func(r rune) bool { return !strconv.IsPrint(r) }) {
			t.Errorf("%T prints %q", err, text)
		}
	}
}

func TestErrors_sayAnyWait(t *testing.T) {
	const longest = time.Duration(math.MaxInt64)
	for d, want := range map[time.Duration]string{0: "1s", time.Second + 1: "2s", 2 * time.Hour: "2h", longest: "2562047h47m16s", -longest: "1s"} {
		if got := commands.Spoken(d); got != want {
			t.Errorf("%v is written as %q, want %q", int64(d), got, want)
		}
	}
}

// What can never work is refused when the program starts.
func TestRegistration_refuses(t *testing.T) {
	do := reply("")
	command := func(cmd commands.Command) func(*commands.Router) {
		return func(r *commands.Router) { r.Handle(cmd, do) }
	}
	tests := map[string]func(*commands.Router){
		`command "": the name "" is empty`:                    command(commands.Command{}),
		`command "a b": the name "a b" is empty or has white`: command(commands.Command{Name: "a b"}),
		`command "a": the name "" is empty`:                   command(commands.Command{Name: "a", Aliases: []string{""}}),
		`command "HELP": the name "HELP" is taken`:            command(commands.Command{Name: "HELP"}),
		`command "a": the name "Help" is taken`:               command(commands.Command{Name: "a", Aliases: []string{"Help"}}),
		`command "a": the name "A" is taken`:                  command(commands.Command{Name: "a", Aliases: []string{"A"}}),
		`command "a": a cooldown is negative`:                 command(commands.Command{Name: "a", Cooldown: -1}),
		`command "b": a cooldown is negative`:                 command(commands.Command{Name: "b", UserCooldown: -1}),
		`command "a": it is Private`:                          command(commands.Command{Name: "a", Private: true, Role: client.RoleVIP}),
		`command "b": it is Private`:                          command(commands.Command{Name: "b", Private: true, Permission: client.PermQueueSkip}),
		`command "a": the handler is nil`:                     func(r *commands.Router) { r.Handle(commands.Command{Name: "a"}, nil) },
		`command "b": the handler is nil`:                     func(r *commands.Router) { commands.Add[struct{}](r, commands.Command{Name: "b"}, nil) },
		`Use: a middleware is nil`:                            func(r *commands.Router) { r.Use(nil) },
		`New: an option is nil`:                               func(*commands.Router) { commands.New(nil) },
		`Prefix: there is none`:                               func(*commands.Router) { commands.New(commands.Prefix()) },
		`Prefix: one is empty`:                                func(*commands.Router) { commands.New(commands.Prefix("!", "")) },
		`or begins with white space`:                          func(*commands.Router) { commands.New(commands.Prefix(" !")) },
		`Concurrent(0): must be 1 or more`:                    func(*commands.Router) { commands.New(commands.Concurrent(0)) },
		`AnswerMissed(-1s): must not be negative`:             func(*commands.Router) { commands.New(commands.AnswerMissed(-time.Second)) },
		`Fallback: the handler is nil`:                        func(r *commands.Router) { r.Fallback(nil) },
		`AnswerWith: the function is nil`:                     func(*commands.Router) { commands.New(commands.AnswerWith(nil)) },
		`client: On[client.Chat]: the source is nil`:          func(r *commands.Router) { r.Serve(nil) },
	}
	for want, register := range tests {
		t.Run(want, func(t *testing.T) { expectPanic(t, want, register) })
	}
}

func expectPanic(t *testing.T, want string, register func(*commands.Router)) {
	t.Helper()
	defer func() {
		t.Helper()
		if v := recover(); v == nil || !strings.Contains(fmt.Sprint(v), want) {
			t.Errorf("panicked with %v, want %q", v, want)
		}
	}()
	register(commands.New())
}
