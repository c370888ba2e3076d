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
// one argument.
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
// # Errors
//
// A handler returns what went wrong. People are told what they can do about it: what a command takes, who may use it,
// how long to wait ([UsageError], [PermissionError], [CooldownError]). Of any other error they hear that something did
// not work, and the client's error handler ([client.WithErrorHandler], the log if there is none) hears the rest, as a
// [HandlerError] that names the command. [AnswerWith] changes the words. Answers to errors are few: three at once for
// each person, then one in five seconds.
//
// # One after the other
//
// Commands run one after the other, so that handlers need no locks for what they share; a slow one delays the others.
// With [Concurrent] several people are served at the same time, each of them in order still. A router starts no
// goroutines: handlers run where those of [client.On] run, end with the client, and their ctx ends when it is closed.
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
