package commands_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/commands"
)

// shown is a handler that says what its arguments have become.
func shown[A any](ctx context.Context, c *commands.Context, args A) error {
	return c.Replyf(ctx, "%+v", args)
}

// sample is a command of each kind of arguments.
func sample(r *commands.Router) {
	add := func(name string) commands.Command { return commands.Command{Name: name} }
	commands.Add(r, add("none"), shown[struct{}])
	commands.Add(r, add("text"), shown[struct {
		First string
		Rest  string `arg:"name=words,rest,optional"`
	}])
	commands.Add(r, add("bool"), shown[struct{ On bool }])
	commands.Add(r, add("int"), shown[struct {
		A int8
		B uint8   `arg:"optional"`
		C float32 `default:"1.5"`
	}])
	commands.Add(r, add("time"), shown[struct{ For time.Duration }])
	commands.Add(r, add("song"), shown[struct{ ID client.SongID }])
	commands.Add(r, add("many"), shown[struct {
		Count   int
		Numbers []int64 `arg:"optional"`
	}])
	commands.Add(r, add("address"), shown[struct{ Where netip.Addr }])
	commands.Add(r, add("users"), func(ctx context.Context, c *commands.Context, args struct{ Users []client.User }) error {
		return c.Replyf(ctx, "%v", args.Users)
	})
	commands.Add(r, add("member"), func(ctx context.Context, c *commands.Context, args struct{ Who client.Member }) error {
		return c.Replyf(ctx, "%v %t", args.Who, args.Who.UserID != "")
	})
	commands.Add(r, add("over"), func(ctx context.Context, c *commands.Context, args struct {
		Who client.Member `arg:"below"`
	},
	) error {
		return c.Replyf(ctx, "over %v", args.Who)
	})
	commands.Add(r, add("under"), func(ctx context.Context, c *commands.Context, args struct {
		Who client.User `arg:"below"`
	},
	) error {
		return c.Replyf(ctx, "over %v", args.Who)
	})
	commands.Add(r, add("default"), shown[struct {
		Text string        `default:"a, b"`
		On   bool          `default:"true"`
		N    uint          `default:"7"`
		D    time.Duration `default:"1d12h"`
	}])
}

func TestAdd_readsArguments(t *testing.T) {
	const person = "must be the name of somebody who is here. Usage:"
	tests := []struct{ user, text, want string }{
		{"alice", "!none", "{}"},
		{"alice", "!none x", "@alice: that is more than it takes; several words for one go into double quotes. Usage: !none"},

		{"alice", "!text", "@alice: the argument <first> is missing. Usage: !text <first> [words…]"},
		{"alice", "!text one", "{First:one Rest:}"},
		{"alice", `!text "one two"  three "four"`, `{First:one two Rest:three "four"}`},
		{"alice", `!text “one two” 3`, "{First:one two Rest:3}"},
		{"alice", `!text „one two“ 3`, "{First:one two Rest:3}"},
		{"alice", `!text "say \"hi\" \\ there" 3`, `{First:say "hi" \ there Rest:3}`},
		{"alice", `!text "" 3`, "{First: Rest:3}"},
		{"alice", `!text "one two`, `{First:"one Rest:two}`},
		{"alice", `!text 12" mix`, `{First:12" Rest:mix}`},
		{"alice", `!text "a"b c`, `{First:a Rest:b c}`},
		{"alice", "!text don't stop", "{First:don't Rest:stop}"},
		{"alice", "!text a\nb\n c", "{First:a Rest:b\n c}"},

		{"alice", "!bool yes", "{On:true}"},
		{"alice", "!bool OFF", "{On:false}"},
		{"alice", "!bool maybe", "@alice: the argument <on> must be yes or no. Usage: !bool <on>"},

		{"alice", "!int -7", "{A:-7 B:0 C:1.5}"},
		{"alice", "!int 7 8 2.5", "{A:7 B:8 C:2.5}"},
		{"alice", "!int 128", "@alice: the argument <a> must be a whole number. Usage: !int <a> [b] [c]"},
		{"alice", "!int 1 -1", "@alice: the argument <b> must be a whole number, not below 0. Usage: !int <a> [b] [c]"},
		{"alice", "!int 1 1 NaN", "@alice: the argument <c> must be a number. Usage: !int <a> [b] [c]"},
		{"alice", "!int 1 1 inf", "@alice: the argument <c> must be a number. Usage: !int <a> [b] [c]"},
		{"alice", "!int 1 1 x", "@alice: the argument <c> must be a number. Usage: !int <a> [b] [c]"},

		{"alice", "!time 90s", "{For:1m30s}"},
		{"alice", "!time 2D", "{For:48h0m0s}"},
		{"alice", "!time 1d1h30m", "{For:25h30m0s}"},
		{"alice", "!time -5m", "@alice: the argument <for> must be a time, such as 90s, 10m, 1h30m or 2d. Usage: !time <for>"},
		{"alice", "!time 60000d2000000h", "@alice: the argument <for> must be a time, such as 90s, 10m, 1h30m or 2d. Usage: !time <for>"}, // more than fits
		{"alice", "!time 5", "@alice: the argument <for> must be a time, such as 90s, 10m, 1h30m or 2d. Usage: !time <for>"},
		{"alice", "!time xd", "@alice: the argument <for> must be a time, such as 90s, 10m, 1h30m or 2d. Usage: !time <for>"},

		{"alice", "!song abc", "{ID:abc}"},

		{"alice", "!many 1", "{Count:1 Numbers:[]}"},
		{"alice", "!many 1 2 3", "{Count:1 Numbers:[2 3]}"},
		{"alice", "!many 1 2 x", "@alice: the argument <numbers> must be a whole number. Usage: !many <count> [numbers…]"},

		{"alice", "!address 127.0.0.1", "{Where:127.0.0.1}"},
		{"alice", "!address @everyone", "@alice: the argument <where> is not accepted: ParseAddr(\"everyone\"): unable to parse IP. Usage: !address <where>"},

		{"alice", "!address " + strings.Repeat("x", 200), "@alice: the argument <where> is not accepted: ParseAddr(\"" + strings.Repeat("x", 109) + "…. Usage: !address <where>"},

		{"alice", "!users @Bob carol", "[bob carol]"},
		{"alice", "!users bob nobody", "@alice: the argument <users> " + person + " !users <users…>"},
		{"alice", "!users", "@alice: the argument <users> is missing. Usage: !users <users…>"},
		{"alice", "!member bob", "bob true"},
		{"alice", "!member @nobody", "@alice: the argument <who> " + person + " !member <who>"},

		{"alice", "!member @Bob, please", "@alice: that is more than it takes; several words for one go into double quotes. Usage: !member <who>"},
		{"alice", "!member @bob,", "bob true"},
		{"alice", "!member bob:", "bob true"},
		{"alice", "!member @bob's", "bob true"},
		{"alice", "!member BOB’s:", "bob true"},
		{"alice", "!member bob'", "bob true"},
		{"alice", "!member bob!?", "bob true"},
		{"alice", `!member "@bob,"`, "bob true"},
		{"alice", "!member dotty.", "dotty. true"}, // a name may end in a dot
		{"alice", "!member @dotty.,", "dotty. true"},
		{"alice", "!member bob,carol", "@alice: the argument <who> " + person + " !member <who>"}, // one of them would be forgotten
		{"alice", "!member @,", "@alice: the argument <who> " + person + " !member <who>"},
		{"alice", "!users @bob, carol: @mod's", "[bob carol mod]"},

		{"mod", "!over bob:", "over bob"},
		{"mod", "!under @bob,", "over bob"},
		{"mod", "!over bob", "over bob"},
		{"mod", "!under @bob", "over bob"},
		{"mod", "!over owner", "@mod: the argument <who> must be somebody here who ranks below you. Usage: !over <who>"},
		{"mod", "!over mod", "@mod: the argument <who> must be somebody here who ranks below you. Usage: !over <who>"},
		{"alice", "!under bob", "@alice: the argument <who> must be somebody here who ranks below you. Usage: !under <who>"},
		{"alice", "!over nobody", "@alice: the argument <who> must be somebody here who ranks below you. Usage: !over <who>"},

		{"alice", "!default", "{Text:a, b On:true N:7 D:36h0m0s}"},
		{"alice", "!default x no 8 1s", "{Text:x On:false N:8 D:1s}"},
	}
	onStageOf(t, guests("dotty."), with(sample), func(_ *testing.T, s *stage) {
		for _, tt := range tests {
			s.expect(tt.user, tt.text, tt.want)
		}
	})
}

// thing is a type that no word can be made into.
type thing struct{ X int }

func TestAdd_refuses(t *testing.T) {
	tests := map[string]func(r *commands.Router){
		`must be a struct with a field for each, and are string`:  register[string],
		`argument a: must be exported`:                            register[struct{ a string }],
		`argument X: is a commands_test.thing, which no word can`: register[struct{ X thing }],
		`argument X: is a []commands_test.thing`:                  register[struct{ X []thing }],
		`argument X: is a *int`:                                   register[struct{ X *int }],
		`argument X: is a complex64`:                              register[struct{ X complex64 }],
		`argument X: the tag arg has "optinal"`: register[struct {
			X int `arg:"optinal"`
		}],
		`argument X: the tag arg has "name="`: register[struct {
			X int `arg:"name="`
		}],
		`argument X: is rest and not a string`: register[struct {
			X int `arg:"rest"`
		}],
		`argument Y: is rest and not a string`: register[struct {
			Y []string `arg:"rest"`
		}],
		`argument X: is below and not a client.User`: register[struct {
			X string `arg:"below"`
		}],
		`argument X: is away and not a client.User`: register[struct {
			X client.Member `arg:"away"`
		}],
		`argument Y: is away and not a client.User`: register[struct {
			Y string `arg:"away"`
		}],
		`argument Z: needs a room, and the command is Private`: registerPrivate[struct {
			Z client.User `arg:"away,below"`
		}],
		`it knows name=, optional, rest, below and away`: register[struct {
			X client.User `arg:"gone"`
		}],
		`argument X: needs a room, and the command is Private`: registerPrivate[struct{ X client.Member }],
		`argument Y: needs a room, and the command is Private`: registerPrivate[struct {
			Y client.User `arg:"below"`
		}],
		`argument X: can have no default`: register[struct {
			X client.User `default:"bob"`
		}],
		`argument Y: can have no default`: register[struct {
			Y []int `default:"1"`
		}],
		`argument X: the default "x" must be a whole number`: register[struct {
			X int `default:"x"` //nolint:revive // that is the mistake
		}],
		`argument Where: the default "here" is not accepted: ParseAddr("here"): unable to parse IP`: register[struct {
			Where netip.Addr `default:"here"`
		}],
		`argument Y: stands behind x, which takes all that follows`: register[struct {
			X string `arg:"rest"`
			Y string
		}],
		`argument Y: stands behind numbers`: register[struct {
			X []int `arg:"name=numbers"`
			Y []int
		}],
		`argument Y: must be optional, because x before it is`: register[struct {
			X int `default:"1"`
			Y int
		}],
	}
	for want, register := range tests {
		t.Run(want, func(t *testing.T) { expectPanic(t, want, register) })
	}
}

func register[A any](r *commands.Router) { commands.Add(r, commands.Command{Name: "x"}, shown[A]) }

func registerPrivate[A any](r *commands.Router) {
	commands.Add(r, commands.Command{Name: "x", Private: true}, shown[A])
}

// Whatever is said, an argument is not made of more than was said, and nothing panics.
func FuzzRouter(f *testing.F) {
	for _, text := range []string{"", "a", `"a b" c`, `"\`, "“a” „b“ «c»", "1 2 3", "\xff\"\xfe", "2d1h -1"} {
		f.Add(text)
	}
	handlers := commands.New(commands.NoHelp())
	var got []string
	commands.Add(handlers, commands.Command{Name: "x"}, func(_ context.Context, _ *commands.Context, args struct {
		D time.Duration
		N int8
		W []string
	},
	) error {
		got = append(args.W, fmt.Sprint(args.N), args.D.String())
		return nil
	})
	f.Fuzz(func(t *testing.T, text string) {
		got = nil
		if err := commands.Run(t.Context(), handlers, &commands.Context{Text: text}, "x"); err != nil || got == nil {
			return
		}
		for _, word := range got[:len(got)-2] {
			if len(word) > len(text) {
				t.Errorf("%q has the word %q", text, word)
			}
		}
	})
}
