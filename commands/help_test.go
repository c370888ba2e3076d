package commands_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/commands"
	"github.com/queup-go/queup/queuptest"
)

func TestHelp_explains(t *testing.T) {
	onStage(t, with(func(r *commands.Router) {
		commands.Add(r, commands.Command{Name: "Kick", Aliases: []string{"k", "boot"}, Help: "puts somebody out.", Permission: client.PermMembersKick},
			shown[struct {
				User   client.Member `arg:"below"`
				Reason string        `arg:"rest,optional"`
			}])
		r.Handle(commands.Command{Name: "dance", Help: "dances", Cooldown: 90 * time.Second, UserCooldown: 500 * time.Millisecond}, reply("~"))
		r.Handle(commands.Command{Name: "boss", Role: client.RoleManager}, reply("boss"))
		r.Handle(commands.Command{Name: "backstage", Hidden: true}, reply("backstage"))
		r.Handle(commands.Command{Name: "long", Help: strings.Repeat("what it does ", 30), Aliases: []string{strings.Repeat("l", 150)}}, reply("long"))
		r.Handle(commands.Command{Name: "longest", Help: strings.Repeat("what it does ", 60)}, reply("longest"))
	}, commands.Prefix("!", "bot ")), func(t *testing.T, s *stage) {
		s.expect("alice", "!help", "Commands: !dance, !help, !long, !longest (!help <command> tells more)")
		s.expect("mod", "bot HELP", "Commands: bot dance, bot help, bot Kick, bot long, bot longest (bot help <command> tells more)")
		s.expect("owner", "!help", "Commands: !boss, !dance, !help, !Kick, !long, !longest (!help <command> tells more)")
		s.expect("alice", "!help !kick", "Usage: !Kick <user> [reason…]: puts somebody out. Also !k, !boot. For those with the permission members.kick.")
		s.expect("alice", "!help boot", "Usage: !Kick <user> [reason…]: puts somebody out. Also !k, !boot. For those with the permission members.kick.")
		s.expect("alice", "!help dance", "Usage: !dance: dances. Once in 1m30s. Once in 1s for each of you.")
		s.expect("alice", "!help boss", "Usage: !boss. For the role Manager and those above.")
		s.expect("alice", "!help backstage", "Usage: !backstage.")
		s.expect("alice", "!help help", "Usage: !help [command]: lists the commands.")
		s.expect("alice", "!help nothing", "@alice: there is no such command. Usage: !help [command]")
		s.expect("alice", "!help 2", "@alice: it has 1 page(s). Usage: !help [command]")
		s.expect("alice", "!help 0", "@alice: it has 1 page(s). Usage: !help [command]")

		long := s.answers("alice", "!help long")
		if len(long) != 2 || !strings.HasSuffix(long[1], "what it does .") {
			t.Errorf("!help long = %q", long)
		}
		longest := s.answers("alice", "!help longest")
		if len(longest) != 2 || !strings.HasPrefix(longest[1], "it does what") || !strings.HasSuffix(longest[1], "…") {
			t.Errorf("!help longest = %q", longest)
		}
		if got := s.errors(); got != nil {
			t.Errorf("the error handler got %v", got)
		}
	})
}

func TestHelp_pages(t *testing.T) {
	onStage(t, with(func(r *commands.Router) {
		for i := range 60 {
			r.Handle(commands.Command{Name: fmt.Sprintf("command%02d", i)}, reply(""))
		}
		r.Handle(commands.Command{Name: "z" + strings.Repeat("&", 40)}, reply("")) // a line's worth in HTML
	}), func(t *testing.T, s *stage) {
		var names []string
		for page := 1; page <= 5; page++ {
			lines := s.answers("alice", fmt.Sprint("!help ", page))
			if len(lines) != 1 {
				t.Fatalf("page %d: %q", page, lines)
			}
			list, hint, _ := strings.Cut(lines[0], " … (")
			if page == 5 {
				list, hint, _ = strings.Cut(lines[0], " (")
			}
			if more := fmt.Sprintf("!help %d goes on", page+1); strings.HasPrefix(hint, more) != (page < 5) || !strings.HasSuffix(hint, "!help <command> tells more)") {
				t.Errorf("page %d: %q", page, lines)
			}
			list, begun := strings.CutPrefix(list, "Commands: ")
			if !begun {
				t.Errorf("page %d begins with a command: %q", page, lines)
			}
			names = append(names, strings.Split(list, ", ")...)
			time.Sleep(10 * time.Second)
		}
		if len(names) != 62 || names[0] != "!command00" || names[61] != "!z"+strings.Repeat("&", 40) {
			t.Errorf("%d names: %q", len(names), names)
		}
	})
}

// Alice may not announce. She asks one bot for its help, in every way, and another bot has the same command and obeys the
// first, which may.
func TestHelp_isNoCommandForAnotherBot(t *testing.T) {
	for _, prefix := range []string{"!", "/", ".", "~", "?", "-", "$", "bot ", "@bot "} {
		t.Run(prefix, func(t *testing.T) {
			obeyed := 0
			announce := func(r *commands.Router) {
				commands.Add(r, commands.Command{Name: "announce", Help: "says it to all", Permission: client.PermMembersKick},
					func(_ context.Context, c *commands.Context, _ struct {
						Text string `arg:"rest"`
					},
					) error {
						obeyed++
						return nil
					})
				for i := range 40 {
					r.Handle(commands.Command{Name: fmt.Sprintf("announce%02d", i)}, func(context.Context, *commands.Context) error {
						obeyed++
						return nil
					})
				}
			}
			onStage(t, with(announce, commands.Prefix(prefix), commands.Suggest()), func(t *testing.T, s *stage) {
				s.lounge.SetRole("owner", "bot", queuptest.Moderator)
				other := commands.New(commands.Prefix(prefix), commands.Suggest())
				announce(other)
				s.enter(t, "carol", other)
				for _, text := range []string{"help", "help announce", "help announce00", "help 2", "help 3", "help 99", "announce x", "anounce00", "help help", "help " + prefix + "announce"} {
					lines := 0
					before := len(s.lounge.Messages())
					s.lounge.Say("alice", prefix+text)
					time.Sleep(10 * time.Second)
					synctest.Wait()
					for _, m := range s.lounge.Messages()[before+1:] {
						lines++
						if strings.HasPrefix(strings.ToLower(m.Text), prefix) {
							t.Errorf("%q: %s says %q", text, m.User, m.Text)
						}
					}
					if lines != 2 { // one of each bot
						t.Errorf("%q: %d lines", text, lines)
					}
				}
				if obeyed > 0 {
					t.Errorf("%d commands were obeyed", obeyed)
				}
			})
		})
	}
}

func TestHelp_isAnsweredRarely(t *testing.T) {
	crowd := make([]string, 40)
	for i := range crowd {
		crowd[i] = fmt.Sprintf("guest%02d", i)
	}
	for name, tt := range map[string]struct {
		users []string
		most  int
	}{
		"one person":   {[]string{"alice"}, 2 * (3 + 12)}, // help, and errors: three at once, then one every five seconds
		"forty people": {crowd, 2 * (10 + 30)},            // ten at once, then one every two seconds
	} {
		t.Run(name, func(t *testing.T) {
			onStageOf(t, guests(crowd...), with(func(*commands.Router) {}), func(t *testing.T, s *stage) {
				before := len(s.lounge.Messages())
				for i := range 120 {
					s.lounge.Say(tt.users[i%len(tt.users)], "!help")
					time.Sleep(500 * time.Millisecond)
				}
				synctest.Wait()
				helped, said := 0, 0
				for _, m := range s.lounge.Messages()[before:] {
					if m.User == "bot" {
						said++
						if strings.HasPrefix(m.Text, "Commands: ") {
							helped++
						}
					}
				}
				if helped == 0 || said > tt.most {
					t.Errorf("120 times !help in a minute: %d lines, %d of them help, want at most %d", said, helped, tt.most)
				}
				s.expect("mod", "!help", "Commands: !help (!help <command> tells more)") // a user who has not asked before is answered
			})
		})
	}
}

func TestHelp_canBeTheBotsOwn(t *testing.T) {
	onStage(t, with(func(r *commands.Router) {
		r.Handle(commands.Command{Name: "help"}, reply("look at the wall"))
	}, commands.NoHelp()), func(_ *testing.T, s *stage) { s.expect("alice", "!help", "look at the wall") })
}

func TestSuggest(t *testing.T) {
	onStage(t, with(func(r *commands.Router) {
		r.Handle(commands.Command{Name: "ping"}, reply("Pong!"))
		r.Handle(commands.Command{Name: "queue", Aliases: []string{"list"}}, reply("queue"))
		r.Handle(commands.Command{Name: "kick", Permission: client.PermMembersKick}, reply("kicked"))
		r.Handle(commands.Command{Name: "x"}, reply("x"))
	}, commands.Suggest()), func(_ *testing.T, s *stage) {
		for said, meant := range map[string]string{
			"pnig": "ping", "PONG": "ping", "hlep": "help", "qeueu": "queue", "lits": "list", "queues": "queue", "helpme": "help",
		} {
			s.expect("alice", "!"+said, "@alice: there is no such command. Did you mean !"+meant+"?")
		}
		for _, said := range []string{"weather", "kcik", "y", "!!", "@everyone", strings.Repeat("ping", 9)} {
			s.expect("alice", "!"+said)
		}
		s.expect("mod", "!kcik", "@mod: there is no such command. Did you mean !kick?")
	})
}

func TestHelp_whenTheChatTakesOneLine(t *testing.T) {
	onStage(t, with(func(r *commands.Router) {
		commands.Add(r, commands.Command{Name: "long", Help: strings.Repeat("does ", 40), Aliases: []string{strings.Repeat("l", 50)}, Cooldown: time.Second},
			func(context.Context, *commands.Context, struct{}) error { return nil })
	}), func(_ *testing.T, s *stage) {
		s.expect("alice", "!help long", "Usage: !long: "+strings.Repeat("does ", 40)+".")
	}, client.WithMessageParts(1))
}

// A prefix may be letters, or @, with which answers begin; a command may be named for a crowd.
func TestHelp_withAnOddPrefixOrName(t *testing.T) {
	for _, prefix := range []string{"@", "co", "us"} {
		t.Run(prefix, func(t *testing.T) {
			setup := func(r *commands.Router) {
				for _, name := range []string{strings.TrimPrefix("@everyone", prefix), "mods", "djs"} {
					r.Handle(commands.Command{Name: name, Help: "x"}, func(_ context.Context, c *commands.Context) error { return c.UsageError("no") })
				}
			}
			onStage(t, with(setup, commands.Prefix(prefix)), func(t *testing.T, s *stage) {
				for _, text := range []string{"help", "help mods", "mods", "help 99"} {
					before := len(s.lounge.Messages())
					s.lounge.Say("alice", prefix+text)
					time.Sleep(10 * time.Second)
					synctest.Wait()
					for _, m := range s.lounge.Messages()[before+1:] {
						if low := strings.ToLower(m.Text); strings.HasPrefix(low, prefix) || strings.Contains(low, "@everyone") || strings.Contains(low, "@mods") {
							t.Errorf("%q is answered %q", text, m.Text)
						}
					}
				}
			})
		})
	}
}
