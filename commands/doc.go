// Package commands is a command router for bots: it finds the commands in chat lines and private messages, and runs them.
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
// Now !ping is answered in every room of the bot. "!kick @bob too loud" kicks bob if its author may kick and ranks above him, and
// !help lists both. A description that cannot work panics when the command is added: an argument of a type that has no text form, a name
// with the prefix in it, a permission or a role that does not exist.
//
// # What a command is
//
// A command is a line that begins with a prefix ([Prefix], default !) and a name, in any case. The rest are its arguments:
// [Add] parses them into values, [Router.Handle] leaves them in [Context.Text]. Words in double quotes are one argument. The name
// of a person may have an @ before it and punctuation or an 's after it: "@bob," or "bob's". If somebody is called exactly that, they are
// meant. People are looked for in the room; an argument with the tag away finds others, too, for example to unban them.
//
// Lines of the bot itself are not commands. An unknown name gets no answer, because it may be another bot's, unless [Suggest] is given
// and the name is nearly that of a command, or [Router.Fallback] handles it. In private messages only commands that are Private work.
// Commands can be added and removed ([Router.Remove]) while the router serves.
//
// # Lines that were missed
//
// Lines that the bot missed, in a restart or while the connection was lost, get no answer, however short the loss was: a skip that comes
// late would hit another song. With [AnswerMissed] they are answered up to a given age. The handler finds them by [Context.Missed].
// A router answers each line once, also if it arrives again.
//
// # Who may use it, and how often
//
// [Command.Permission] and [Command.Role] restrict who may use a command. Both work in rooms with the fixed roles of before autumn
// 2026 and in rooms with roles of their own. A bot usually has more rights than the people who talk to it. So give an argument
// whose person is acted on the tag below: then nobody can use the bot against people who rank above them.
//
// [Command.Cooldown] is for the room, [Command.UserCooldown] for each person. A line with an error does not count.
//
// The built-in help is answered three times at once for each person and ten times at once in a room, then once in 5 s for
// each person and once in 2 s in a room. Answers to errors are limited in the same way, and counted separately.
//
// # Words of others
//
// A bot usually has more rights than the people who talk to it, and other bots may obey it. Pass texts that it repeats (arguments,
// names of songs, lines from elsewhere) through [client.Quote], which disarms @everyone, @mods and @djs and puts “!kick bob” into
// quotation marks. [client.User.Mention] addresses a person:
//
//	return c.Reply(ctx, c.Author.Mention()+": "+client.Quote(args.Song)+" is in the queue.")
//
// The router's own lines, help and answers to errors, begin with a word or with the name of the person they answer, never with a
// command, and alert nobody else.
//
// # Errors
//
// A handler returns its error. Errors that the author can fix are answered with how: the arguments of the command, who may use it,
// how long to wait ([UsageError], [PermissionError], [CooldownError]). For any other error the answer is only that something
// did not work, and the client's error handler ([client.WithErrorHandler], else the log) gets a [HandlerError] that names the
// command. [AnswerWith] changes the words.
//
// # Concurrency
//
// Commands run one after the other, so that handlers need no locks for shared data. A slow handler delays the others, and so does
// one that waits for a person with [client.Next]. Two ways out:
//
//   - To ask a question, use [Context.Ask]. The handler returns, the answer has a handler of its own, and the bot serves
//     others meanwhile. No locks are needed.
//   - For other slow handlers, such as calls to a slow service, use [Concurrent]: several people are served at the same time,
//     each of them still in order. Handlers then need locks around shared data.
//
// A router starts no goroutines: handlers run where those of [client.On] run, end with the client, and their ctx ends when
// it is closed.
//
// # Middleware
//
// [Router.Use] takes middleware, for example to log commands, to refuse some people or to give handlers a deadline.
//
// # Tests
//
// Package queuptest is a QueUp in memory: let alice Say a command there, and Await the bot's reaction. The examples of this
// package do that.
package commands
