// Package commands finds the commands in what people say to a bot, and runs them.
//
//	r := commands.New()
//	r.Handle(commands.Command{Name: "ping", Help: "answers"}, func(ctx context.Context, c *commands.Context) error {
//		return c.Reply(ctx, "Pong!")
//	})
//	commands.Add(r, commands.Command{Name: "kick", Help: "puts somebody out", Permission: client.PermMembersKick},
//		func(ctx context.Context, c *commands.Context, args struct {
//			User   client.Member `arg:"below"`
//			Reason string        `arg:"rest,optional"`
//		}) error {
//			return c.Room.Kick(ctx, args.User.UserID, args.Reason)
//		})
//	cancel := r.Serve(bot)
//
// Now !ping is answered in every room of the bot, !kick @bob too loud kicks bob if who says it may kick and ranks above
// him, and !help lists both. What makes no sense in such a description, an argument of a type that no word can be made
// into for example, is a panic when the command is added.
//
// # What a command is
//
// A line that begins with a prefix ([Prefix], ! if nothing is said) and a name, in any case. What follows are its
// arguments: [Add] makes values of them, [Router.Handle] leaves them alone in [Context.Text]. Words in double quotes are
// one argument. The name of a person may have an @ in front, and behind it what follows in a sentence: "@bob," or "bob's".
//
// Lines that the bot has said itself are none, nor is what was missed while the connection was lost. A name that is
// unknown has no answer, because it may be another bot's, unless [Suggest] is given and it is nearly the name of a
// command. In private messages those commands work that are Private.
//
// # Who may use it, and how often
//
// [Command.Permission] and [Command.Role] say who; both work in rooms with the fixed roles of before autumn 2026 and
// with their own. The bot mostly may more than who talks to it: give a Member that something is done to the tag below,
// so that nobody reaches through the bot those who rank above them.
//
// [Command.Cooldown] is for the room, [Command.UserCooldown] for each person. What was said wrongly does not count.
//
// The built-in help is answered three times at once for each person and ten times at once in a room, then once in 5 s for
// each person and once in 2 s in a room. Answers to errors are limited in the same way, and counted separately.
//
// # Words of others
//
// A bot mostly may more than the people who talk to it, and other bots may obey it. What it repeats (arguments, names of
// songs, lines from elsewhere) belongs into [client.Quote], which takes the alarm out of @everyone, @mods and @djs and puts
// “!kick bob” into quotation marks; [client.User.Mention] addresses somebody:
//
//	return c.Reply(ctx, c.Author.Mention()+": "+client.Quote(args.Song)+" is in the queue.")
//
// What the router says itself, help and answers to errors, begins with a word or with the name of the person it answers,
// never with a command, and alerts nobody else.
//
// # Errors
//
// A handler returns what went wrong. People are told what they can do about it: what a command takes, who may use it,
// how long to wait ([UsageError], [PermissionError], [CooldownError]). For any other error the answer is only that something
// did not work, and the client's error handler ([client.WithErrorHandler], the log if there is none) gets the rest, as a
// [HandlerError] that names the command. [AnswerWith] changes the words.
//
// # One after the other
//
// Commands run one after the other, so that handlers need no locks for what they share. A slow handler delays the others,
// and so does one that waits for a person with [client.Next]. Two ways out:
//
//   - To ask a question, use [Context.Ask]. The handler returns, the answer has a handler of its own, and the bot is free
//     for others meanwhile. No locks are needed.
//   - For handlers that take long otherwise, such as calls to a slow service, use [Concurrent]: several people are served at
//     the same time, each of them in order still. Handlers then need locks around what they share.
//
// A router starts no goroutines: handlers run where those of [client.On] run, end with the client, and their ctx ends when
// it is closed.
//
// # Around all commands
//
// [Router.Use] takes middleware, to log what is done, to refuse some people, to give handlers a deadline.
//
// # Tests
//
// Package queuptest is a QueUp in memory: let alice Say a command there, and Await what the bot does. The examples of
// this package do that.
package commands
