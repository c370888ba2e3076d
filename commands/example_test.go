package commands_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/commands"
	"github.com/queup-go/queup/queuptest"
)

// evening lets a bot with these commands be in the lounge of a QueUp in memory, where people say things, each after the
// bot has answered the one before, and prints all lines.
func evening(r *commands.Router, said ...[2]string) {
	server := queuptest.NewServer()
	defer server.Close()
	if err := play(server, r, said); err != nil {
		fmt.Println(err)
	}
}

func play(server *queuptest.Server, r *commands.Router, said [][2]string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	bot, err := client.New(
		client.WithBaseURL(server.URL()), client.WithRealtimeURL(server.RealtimeURL()),
		client.WithErrorHandler(func(_ context.Context, err error) { fmt.Println("error handler:", err) }),
	)
	if err != nil {
		return err
	}
	defer func() {
		_ = bot.Close()
		<-bot.Done()
	}()
	r.Serve(bot)
	if err := bot.Login(ctx, "bot", "secret"); err != nil {
		return err
	}
	if err := bot.Connect(ctx); err != nil {
		return err
	}
	if _, err := bot.JoinRoom(ctx, "lounge"); err != nil {
		return err
	}
	lounge := server.Room("lounge")
	for _, line := range said {
		before := len(lounge.Messages())
		lounge.Say(line[0], line[1])
		if _, err := server.Await(ctx, func(queuptest.Entry) bool { return len(lounge.Messages()) > before+1 }); err != nil {
			return err
		}
		for _, m := range lounge.Messages()[before:] {
			fmt.Printf("%s: %s\n", m.User, m.Text)
		}
	}
	return nil
}

func Example() {
	r := commands.New()
	r.Handle(commands.Command{Name: "ping", Aliases: []string{"p"}, Help: "answers"}, func(ctx context.Context, c *commands.Context) error {
		return c.Reply(ctx, "Pong!")
	})
	commands.Add(r, commands.Command{Name: "repeat", Help: "says something again"}, func(ctx context.Context, c *commands.Context, args struct {
		Times int
		Text  string `arg:"rest" default:"hey"`
	},
	) error {
		return c.Reply(ctx, client.Quote(strings.Repeat(args.Text+" ", min(args.Times, 5))))
	})

	// r.Serve(bot), and then:
	evening(r, [][2]string{
		{"alice", "!ping"},
		{"alice", "!P"},
		{"bob", "!repeat 3 row your boat"},
		{"bob", "!repeat 1 !kick @everyone"},
		{"bob", "!repeat three"},
		{"alice", "!help"},
		{"alice", "!help repeat"},
	}...)
	// Output:
	// alice: !ping
	// bot: Pong!
	// alice: !P
	// bot: Pong!
	// bob: !repeat 3 row your boat
	// bot: row your boat row your boat row your boat
	// bob: !repeat 1 !kick @everyone
	// bot: “!kick @ everyone”
	// bob: !repeat three
	// bot: @bob: the argument <times> must be a whole number. Usage: !repeat <times> [text…]
	// alice: !help
	// bot: Commands: !help, !ping, !repeat (!help <command> tells more)
	// alice: !help repeat
	// bot: Usage: !repeat <times> [text…]: says something again.
}

// Arguments are the fields of a struct. A user who may kick through the bot still cannot kick people who rank above them.
func ExampleAdd() {
	r := commands.New()
	commands.Add(r, commands.Command{Name: "kick", Help: "puts somebody out", Permission: client.PermMembersKick},
		func(ctx context.Context, c *commands.Context, args struct {
			User   client.Member `arg:"below"`
			Reason string        `arg:"rest" default:"no reason"`
		},
		) error {
			if err := c.Room.Kick(ctx, args.User.UserID, args.Reason); err != nil {
				return err
			}
			return c.Replyf(ctx, "out with %s: %s", args.User, client.Quote(args.Reason))
		})

	evening(r, [][2]string{
		{"alice", "!kick bob"},
		{"mod", "!kick owner for once"},
		{"mod", "!kick @Bob too loud"},
	}...)
	// Output:
	// alice: !kick bob
	// bot: @alice: the command !kick is for those with the permission members.kick.
	// mod: !kick owner for once
	// bot: @mod: the argument <user> must be somebody here who ranks below you. Usage: !kick <user> [reason…]
	// mod: !kick @Bob too loud
	// bot: out with bob: too loud
}

// A user who is banned is not in the room, so the argument is away.
func ExampleAdd_away() {
	r := commands.New()
	commands.Add(r, commands.Command{Name: "unban", Permission: client.PermMembersBan},
		func(ctx context.Context, c *commands.Context, args struct {
			User client.User `arg:"away"`
		},
		) error {
			if err := c.Room.Unban(ctx, args.User.ID); err != nil {
				return err
			}
			return c.Replyf(ctx, "%s may come back", args.User)
		})
	commands.Add(r, commands.Command{Name: "ban", Permission: client.PermMembersBan},
		func(ctx context.Context, c *commands.Context, args struct {
			User client.User `arg:"away,below"`
		},
		) error {
			if err := c.Room.Ban(ctx, args.User.ID, time.Hour); err != nil {
				return err
			}
			return c.Replyf(ctx, "out with %s", args.User)
		})

	evening(r, [][2]string{
		{"mod", "!ban @carol"},
		{"mod", "!unban @Carol,"},
		{"mod", "!unban nobody"},
	}...)
	// Output:
	// mod: !ban @carol
	// bot: out with carol
	// mod: !unban @Carol,
	// bot: carol may come back
	// mod: !unban nobody
	// bot: @mod: the argument <user> must be the name of a user. Usage: !unban <user>
}

// A room's own commands, which its people have taught the bot.
func ExampleRouter_Fallback() {
	taught := map[string]string{}
	r := commands.New()
	commands.Add(r, commands.Command{Name: "teach"}, func(ctx context.Context, c *commands.Context, args struct {
		Name string
		Text string `arg:"rest"`
	},
	) error {
		if r.Has(args.Name) {
			return c.UsageError("there is such a command")
		}
		taught[strings.ToLower(args.Name)] = args.Text
		return c.Reply(ctx, "I will.")
	})
	r.Fallback(func(ctx context.Context, c *commands.Context) error {
		text, known := taught[strings.ToLower(c.Command.Name)]
		if !known {
			return nil // it may be another bot's
		}
		return c.Reply(ctx, client.Quote(text))
	})

	evening(r, [][2]string{
		{"alice", "!teach hug hugs everybody"},
		{"alice", "!teach help none"},
		{"bob", "!Hug"},
	}...)
	// Output:
	// alice: !teach hug hugs everybody
	// bot: I will.
	// alice: !teach help none
	// bot: @alice: there is such a command. Usage: !teach <name> <text…>
	// bob: !Hug
	// bot: hugs everybody
}

// A command has a cooldown after its use, for the room or for its user.
func ExampleCommand_cooldown() {
	r := commands.New()
	r.Handle(commands.Command{Name: "cookie", Cooldown: time.Hour}, func(ctx context.Context, c *commands.Context) error {
		return c.Replyf(ctx, "%s gets the cookie", c.Author)
	})

	evening(r, [][2]string{{"alice", "!cookie"}, {"bob", "!cookie"}}...)
	// Output:
	// alice: !cookie
	// bot: alice gets the cookie
	// bob: !cookie
	// bot: @bob: please wait 1h before the next !cookie.
}

// A question leaves the bot free for others until its answer comes. A handler that waits by itself, in client.Next for
// example, does not.
func ExampleContext_Ask() {
	r := commands.New()
	r.Handle(commands.Command{Name: "ping"}, func(ctx context.Context, c *commands.Context) error { return c.Reply(ctx, "Pong!") })
	r.Handle(commands.Command{Name: "reset", Permission: client.PermRoomManage}, func(ctx context.Context, c *commands.Context) error {
		question := c.Author.Mention() + ": do you want to reset all scores?"
		return c.Ask(ctx, question, 30*time.Second, func(ctx context.Context, c *commands.Context) error {
			if !strings.EqualFold(c.Text, "yes") {
				return c.Reply(ctx, "All stays as it is.")
			}
			return c.Reply(ctx, "All scores are 0.")
		})
	})

	evening(r, [][2]string{
		{"owner", "!reset"},
		{"alice", "!ping"},
		{"owner", "Yes"},
	}...)
	// Output:
	// owner: !reset
	// bot: @owner: do you want to reset all scores?
	// alice: !ping
	// bot: Pong!
	// owner: Yes
	// bot: All scores are 0.
}

// Middleware stands around all commands and their checks.
func ExampleRouter_Use() {
	r := commands.New()
	r.Handle(commands.Command{Name: "ping"}, func(ctx context.Context, c *commands.Context) error { return c.Reply(ctx, "Pong!") })
	r.Handle(commands.Command{Name: "skip", Permission: client.PermQueueSkip}, func(ctx context.Context, c *commands.Context) error {
		return c.Room.Skip(ctx)
	})

	r.Use(func(next commands.Handler) commands.Handler {
		return func(ctx context.Context, c *commands.Context) error {
			ctx, cancel := context.WithTimeout(ctx, 10*time.Second) // no command takes longer
			defer cancel()
			err := next(ctx, c)
			fmt.Printf("log: %s %s: %v\n", c.Author, c.Command.Name, err)
			return err
		}
	})

	evening(r, [][2]string{{"alice", "!ping"}, {"alice", "!skip"}}...)
	// Unordered output:
	// log: alice ping: <nil>
	// alice: !ping
	// bot: Pong!
	// log: alice skip: commands: skip: its author lacks the permission queue.skip
	// alice: !skip
	// bot: @alice: the command !skip is for those with the permission queue.skip.
}

// An internal error goes to the error handler only.
func ExampleHandlerError() {
	r := commands.New()
	r.Handle(commands.Command{Name: "weather"}, func(context.Context, *commands.Context) error {
		return errors.New("the weather station does not answer")
	})

	evening(r, [][2]string{{"alice", "!weather"}}...)
	// Unordered output:
	// alice: !weather
	// bot: @alice: sorry, that did not work.
	// error handler: queup: handler of Chat: commands: weather: the weather station does not answer
}

// A bot that answers in the room's language.
func ExampleAnswerWith() {
	r := commands.New(commands.AnswerWith(func(c *commands.Context, err error) string {
		if e, ok := errors.AsType[*commands.UsageError](err); ok {
			return "so geht es: " + e.Usage
		}
		return commands.Answer(c, err)
	}))
	commands.Add(r, commands.Command{Name: "sag"}, func(ctx context.Context, c *commands.Context, args struct {
		Was string `arg:"rest"`
	},
	) error {
		return c.Reply(ctx, client.Quote(args.Was))
	})

	evening(r, [][2]string{{"alice", "!sag"}, {"alice", "!sag hallo"}}...)
	// Output:
	// alice: !sag
	// bot: @alice: so geht es: !sag <was…>
	// alice: !sag hallo
	// bot: hallo
}

// A near miss gets a hint. Any other name may be another bot's command and gets none.
func ExampleSuggest() {
	r := commands.New(commands.Suggest())
	r.Handle(commands.Command{Name: "ping"}, func(ctx context.Context, c *commands.Context) error { return c.Reply(ctx, "Pong!") })

	evening(r, [2]string{"alice", "!pign"})
	// Output:
	// alice: !pign
	// bot: @alice: there is no such command. Did you mean !ping?
}
