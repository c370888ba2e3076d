package commands

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/queup-go/queup/client"
)

// A Handler runs a command. The author gets the [Answer] to its error. An error that is neither this package's nor
// [client.ErrNothingPlaying] also goes to the client's error handler ([client.WithErrorHandler]).
type Handler func(ctx context.Context, c *Context) error

// A Middleware wraps a handler, to do something before, after or instead of it. See [Router.Use].
type Middleware func(next Handler) Handler

// A Command describes a command.
type Command struct {
	// Name is the word after the prefix. Case does not matter, and it has no white space.
	Name string
	// Aliases are other names for it.
	Aliases []string
	// Help says in few words what the command does, for the command help.
	Help string
	// Permission is the permission that the author needs in the room, empty for none. See [client.Room.Can].
	Permission client.Permission
	// Role is the lowest role that the author may have, empty for any; all who rank above it may use the command, too. See
	// [client.Room.AtLeast].
	Role client.RoleID
	// Cooldown is how long the command cannot be used in a room after a use.
	Cooldown time.Duration
	// UserCooldown is how long its last user cannot use it.
	UserCooldown time.Duration
	// Private makes it work in private messages, too. [Context.Room] is nil there, so such a command can need neither a
	// permission nor a role, nor have arguments of type [client.Member].
	Private bool
	// Hidden omits it from the list of the command help.
	Hidden bool
}

// entry is a command that is registered.
type entry struct {
	Command
	syntax string // its arguments, as help shows them
	// prepare parses the arguments and returns the function that runs the handler.
	prepare func(ctx context.Context, c *Context) (func(ctx context.Context) error, error)
}

// A Router runs the commands in chat lines and private messages. It is safe for concurrent use. Make one with [New].
type Router struct {
	prefixes []string // immutable, the longest first
	suggest  bool     // immutable
	answer   func(c *Context, err error) string
	missed   time.Duration // immutable; the age up to which a missed line is answered, 0 for never

	lanes     []chan struct{} // full while a command runs
	cooldowns *cooldowns
	questions *questions
	answered  *answered
	errors    *allowance // of answers to errors
	helps     *allowance // of answers of the command help
	lookups   *allowance // of names that QueUp is asked for

	mu       sync.RWMutex
	entries  map[string]*entry           // guarded by mu; by names and aliases in lower case
	fallback Handler                     // guarded by mu; nil for none
	wrappers []Middleware                // guarded by mu; replaced, never changed
	served   map[*client.Client]struct{} // guarded by mu
}

// An Option changes how [New] makes a router.
type Option func(*config)

type config struct {
	prefixes []string
	suggest  bool
	noHelp   bool
	lanes    int
	missed   time.Duration
	answer   func(c *Context, err error) string
}

// Prefix sets the prefixes of commands, in any case. The default is "!".
func Prefix(prefixes ...string) Option { return func(c *config) { c.prefixes = prefixes } }

// Suggest answers an unknown command that nearly has the name of one: "did you mean !help?". Other unknown names get no answer,
// because they may be another bot's. Without Suggest none does. With a [Router.Fallback], Suggest does nothing.
func Suggest() Option { return func(c *config) { c.suggest = true } }

// NoHelp omits the command help, for a bot that has its own. The built-in one is answered three times at once for each person and
// ten times at once in a room, then once in 5 s for each person and once in 2 s in a room.
func NoHelp() Option { return func(c *config) { c.noHelp = true } }

// Concurrent serves up to n people at the same time, each of them still one command after the other. Handlers then need locks
// around shared data. The default is 1: a command waits for the previous one. A question to a person needs neither; see
// [Context.Ask].
func Concurrent(n int) Option { return func(c *config) { c.lanes = n } }

// AnswerMissed answers commands that the bot missed, in a restart or while the connection was lost. Lines that are more than maxAge old
// when they are found, by QueUp's clock, get no answer. The default is 0: no missed line gets one, because a skip that comes late would
// hit another song. [Context.Missed] marks the lines for their handlers.
//
// Missed lines arrive as events with Resynced set ([client.Meta]), after a lost connection without further options. A line whose age is
// not known gets no answer, and no missed line answers a question of [Context.Ask].
func AnswerMissed(maxAge time.Duration) Option { return func(c *config) { c.missed = maxAge } }

// AnswerWith sets the function that answers errors instead of [Answer], to speak another language for example. An empty text is
// not sent.
func AnswerWith(answer func(c *Context, err error) string) Option {
	return func(c *config) { c.answer = answer }
}

// New returns a router. It panics if an option is not valid: that is a mistake in the program.
func New(opts ...Option) *Router {
	made := config{prefixes: []string{"!"}, lanes: 1, answer: Answer}
	for _, opt := range opts {
		if opt == nil {
			panic("commands: New: an option is nil")
		}
		opt(&made)
	}
	switch {
	case len(made.prefixes) == 0:
		panic("commands: Prefix: there is none")
	case slices.ContainsFunc(made.prefixes, func(p string) bool { return p == "" || strings.TrimLeftFunc(p, unicode.IsSpace) != p }):
		panic("commands: Prefix: one is empty, which would make every line a command, or begins with white space")
	case made.lanes < 1:
		panic(fmt.Sprintf("commands: Concurrent(%d): must be 1 or more", made.lanes))
	case made.missed < 0:
		panic(fmt.Sprintf("commands: AnswerMissed(%v): must not be negative", made.missed))
	case made.answer == nil:
		panic("commands: AnswerWith: the function is nil")
	}
	prefixes := slices.Clone(made.prefixes)
	slices.SortStableFunc(prefixes, func(a, b string) int { return len(b) - len(a) })
	r := &Router{
		prefixes:  prefixes,
		suggest:   made.suggest,
		answer:    made.answer,
		missed:    made.missed,
		cooldowns: newCooldowns(),
		questions: newQuestions(),
		answered:  newAnswered(),
		errors:    newAllowance(),
		helps:     newAllowance(),
		lookups:   newAllowance(),
		entries:   make(map[string]*entry),
		served:    make(map[*client.Client]struct{}),
	}
	for range made.lanes {
		r.lanes = append(r.lanes, make(chan struct{}, 1))
	}
	if !made.noHelp {
		Add(r, Command{Name: "help", Help: "lists the commands", Private: true}, r.help)
	}
	return r
}

// Handle adds a command whose handler gets the text after its name as it is; see [Context.Text]. [Add] is for a command with
// arguments. A command can be added while the router serves.
//
// Handle panics if the command is not valid: its name is taken, has the prefix in it, or it needs a permission or a role that does not
// exist. That is a mistake in the program, and best found when it starts. A permission that this version does not know can be checked
// in a middleware, with [client.Room.Can].
func (r *Router) Handle(cmd Command, handle Handler) {
	if handle == nil {
		panic(fmt.Sprintf("commands: command %q: the handler is nil", cmd.Name))
	}
	r.add(&entry{Command: cmd, prepare: func(_ context.Context, c *Context) (func(context.Context) error, error) {
		return func(ctx context.Context) error { return handle(ctx, c) }, nil
	}})
}

// Add adds a command with arguments: A is a struct, and each of its fields is an argument, in their order. An argument is a
// word, or several words in double quotes. Words that do not fit the fields are a [*UsageError], and the handler is not called.
//
// A field is a string, a bool (yes, no, on, off, true, false), a whole number or a float, a [time.Duration] (90s, 1h30m, 2d), a
// [client.User] or [client.Member] by name, a type that implements [encoding.TextUnmarshaler], or, as the last field, a slice of
// one of these for all words that follow. A name may have an @ before it, and a comma, a colon or 's after it, unless somebody has
// exactly that name. A Member is a person in the room, and so is a User; in a private message, a User is any user that the client
// knows. The author gets the error of UnmarshalText, without @ and at most 120 characters of it.
//
// The tag arg has these words, with commas between them:
//
//	name=song  its name in help, else the field's name in lower case
//	optional   may be left out, and is zero then
//	rest       of a string, the last field: the rest of the line, as it was typed
//	below      of a User or Member: a person whom the author outranks
//	away       of a User: a person who need not be in the room
//
// and the tag default has the value if it is left out. A kick, for example:
//
//	commands.Add(r, commands.Command{Name: "kick", Permission: client.PermMembersKick},
//		func(ctx context.Context, c *commands.Context, args struct {
//			User   client.Member `arg:"below"`
//			Reason string        `arg:"rest" default:"no reason"`
//		}) error {
//			return c.Room.Kick(ctx, args.User.UserID, args.Reason)
//		})
//
// A person who is away is first looked for in the room and among the users that the client knows ([client.Client.Users]). If nobody
// there has the name, QueUp is asked for the user, and for the users who are banned or muted in the room. That takes up to six calls.
// So each person can have three names looked up at once, then one in 5 s, and a room ten at once, then one in 2 s. With below as well,
// QueUp is asked for the roles of a person who is not in the room. If it does not answer, the command fails as if its handler had.
//
// Add panics as [Router.Handle] does, and if A is not such a struct.
func Add[A any](r *Router, cmd Command, handle func(ctx context.Context, c *Context, args A) error) {
	if handle == nil {
		panic(fmt.Sprintf("commands: command %q: the handler is nil", cmd.Name))
	}
	params, err := paramsOf(reflect.TypeFor[A](), cmd)
	if err != nil {
		panic(fmt.Sprintf("commands: command %q: %v", cmd.Name, err))
	}
	r.add(&entry{Command: cmd, syntax: syntaxOf(params), prepare: func(ctx context.Context, c *Context) (func(context.Context) error, error) {
		var args A
		if err := parse(ctx, c, params, reflect.ValueOf(&args).Elem()); err != nil {
			return nil, err
		}
		return func(ctx context.Context) error { return handle(ctx, c, args) }, nil
	}})
}

// Fallback sets the handler of lines that have the prefix but match no command. The Name of [Context.Command] is then the word after the
// prefix, as it was typed, and [Context.Text] is the text behind it. A word needs a letter, a digit or a picture, so "!!!" is not handled.
// Nor is a line that answers a question ([Context.Ask]). Middleware wraps the handler, and its errors are answered, as for a command.
//
// Other bots may have commands with the same prefix, so do not answer every line. A later Fallback replaces the handler. Fallback panics
// for a nil handler.
func (r *Router) Fallback(handle Handler) {
	if handle == nil {
		panic("commands: Fallback: the handler is nil")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fallback = handle
}

// Has reports whether there is a command with that name or alias, in any case and without a prefix. It includes the command help.
func (r *Router) Has(name string) bool { return r.find(name) != nil }

// Remove removes the command with that name or alias, with all of its names, and reports whether there was one. It may be called while
// the router serves. A command that is running continues, and a question that it has asked ([Context.Ask]) can still be answered. If a
// command with the same name is added later, it has the cooldowns of the removed one.
func (r *Router) Remove(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.entries[strings.ToLower(name)]
	if e == nil {
		return false
	}
	maps.DeleteFunc(r.entries, func(_ string, other *entry) bool { return other == e })
	return true
}

// Use wraps every command in middleware, including commands that were added before. The first middleware is the outermost. It
// wraps the checks as well: next may return a [*UsageError], a [*PermissionError] or a [*CooldownError]. A middleware that does
// not call next and returns nil leaves a command unanswered. Use panics for a nil middleware.
func (r *Router) Use(wrap ...Middleware) {
	if slices.ContainsFunc(wrap, func(m Middleware) bool { return m == nil }) {
		panic("commands: Use: a middleware is nil")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wrappers = slices.Concat(r.wrappers, wrap)
}

// Serve runs the commands that a client receives in all of its rooms, including rooms that it joins later, and in private. cancel
// ends that; a command that is running continues. A router may serve several clients. If two of them are in one room, only one of them
// answers a line there. Serve panics if the router serves the client already, because each command would run twice.
//
// Lines of the client itself are not commands, nor are lines that were missed, unless [AnswerMissed] is given. No line is answered
// twice, even if it arrives again, for example through another client after a restart.
func (r *Router) Serve(bot *client.Client) (cancel func()) {
	var cancels []func()
	if bot != nil { // for nil, On panics
		r.startServing(bot)
		cancels = append(cancels, func() { r.stopServing(bot) })
	}
	for lane := range r.lanes {
		cancels = append(
			cancels,
			client.On(bot, func(ctx context.Context, e client.Chat) error {
				return r.serve(ctx, lane, &Context{
					Bot: bot, Room: e.Room, Message: e.Message, Author: e.Author, Member: e.Member, Missed: e.Resynced,
				})
			}),
			client.On(bot, func(ctx context.Context, e client.PrivateMessage) error {
				return r.serve(ctx, lane, &Context{Bot: bot, Conversation: e.Conversation, Message: e.Message, Author: e.Author, Missed: e.Resynced})
			}),
		)
	}
	return sync.OnceFunc(func() {
		for _, cancel := range cancels {
			cancel()
		}
	})
}

// startServing notes that the router serves a client. It forgets the clients that are closed.
func (r *Router) startServing(bot *client.Client) {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.served, func(other *client.Client, _ struct{}) bool { return isClosed(other) })
	if _, twice := r.served[bot]; twice {
		panic("commands: Serve: the router serves this client already; call the function that Serve returned before you call it again")
	}
	r.served[bot] = struct{}{}
}

func (r *Router) stopServing(bot *client.Client) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.served, bot)
}

func isClosed(bot *client.Client) bool {
	select {
	case <-bot.Done():
		return true
	default:
		return false
	}
}

// serve runs the command in a line, or the handler that waits for the line as an answer, if the line belongs to the lane.
func (r *Router) serve(ctx context.Context, lane int, c *Context) error {
	if r.laneOf(c.Author.ID) != lane || c.Missed && !r.answersMissed(c) {
		return nil
	}
	if me, known := c.Bot.User(); known && me.ID == c.Author.ID {
		return nil
	}
	l, ok := r.cut(c.Message.Content)
	if !ok && (c.Missed || !r.questions.open(c)) {
		return nil
	}
	select {
	case r.lanes[lane] <- struct{}{}:
		defer func() { <-r.lanes[lane] }()
	case <-ctx.Done():
		return nil
	}
	c.router = r
	var e *entry
	if ok {
		e = r.find(l.name)
	}
	if e == nil && !c.Missed {
		if q, asked := r.questions.close(c); asked {
			return q.answered(ctx, c)
		}
	}
	c.Prefix, c.Text = l.prefix, l.text
	switch {
	case e != nil:
		return r.answerOnce(ctx, c, e, r.checked(e))
	case ok:
		return r.unknown(ctx, c, l.name)
	}
	return nil
}

// answersMissed reports whether a line that the bot missed is recent enough for an answer.
func (r *Router) answersMissed(c *Context) bool {
	at := c.Message.CreatedAt
	return r.missed > 0 && !at.IsZero() && c.Bot.Now().Sub(at).Abs() <= r.missed // a line from the future has a wrong time
}

// laneOf returns the lane of a user. The commands of one person run in one lane, one after the other.
func (r *Router) laneOf(u client.UserID) int {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(u))
	return int(sum.Sum32() % uint32(len(r.lanes))) //nolint:gosec // there are not so many lanes
}

// line is a line of chat that may be a command.
type line struct{ prefix, name, text string }

// cut splits a line and reports whether it may be a command at all.
func (r *Router) cut(text string) (l line, ok bool) {
	text = strings.TrimSpace(text)
	for _, prefix := range r.prefixes {
		if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
			continue
		}
		command := text[len(prefix):]
		end := strings.IndexFunc(command, unicode.IsSpace)
		if end < 0 {
			end = len(command)
		}
		return line{prefix, command[:end], strings.TrimSpace(command[end:])}, end > 0
	}
	return line{}, false
}

// find returns the command with a name, nil if there is none.
func (r *Router) find(name string) *entry {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.entries[strings.ToLower(name)]
}

// answerOnce is run for a line that no command has answered yet. For any other line it does nothing.
func (r *Router) answerOnce(ctx context.Context, c *Context, e *entry, handle Handler) error {
	if !r.answered.add(c.Message.ID) {
		return nil
	}
	c.Command, c.syntax, c.entry = e.Command, e.syntax, e
	return r.run(ctx, c, e, handle)
}

// run runs a handler of a command within the middleware, and answers its error.
func (r *Router) run(ctx context.Context, c *Context, e *entry, handle Handler) error {
	r.mu.RLock()
	wrappers := r.wrappers
	r.mu.RUnlock()
	for _, wrap := range slices.Backward(wrappers) {
		handle = wrap(handle)
	}
	returned := false
	defer func() {
		if !returned { // a panic, which the client reports with its stack; the author gets an answer
			r.answerError(ctx, c, errPanicked)
		}
	}()
	err := handle(ctx, c)
	returned = true
	if err == nil {
		return nil
	}
	r.answerError(ctx, c, err)
	if isRefusal(err) {
		return nil
	}
	return &HandlerError{Command: e.Name, Err: err}
}

// checked returns the handler that checks whether the command may run now, and then runs it.
func (r *Router) checked(e *entry) Handler {
	return func(ctx context.Context, c *Context) error {
		if err := e.allowed(c); err != nil {
			return err
		}
		do, err := e.prepare(ctx, c)
		if err != nil {
			return err
		}
		if err := r.cooldowns.start(c, e); err != nil { // last, so that a line with an error starts no cooldown
			return err
		}
		return do(ctx)
	}
}

// allowed returns why the author of a line may not use the command there, nil if they may.
func (e *entry) allowed(c *Context) error {
	if c.Room == nil {
		if !e.Private {
			return &UsageError{Command: e.Name, Usage: c.Prefix + e.usage(), Reason: "it works in a room only"}
		}
		return nil
	}
	if e.Permission != "" && !c.Room.Can(c.Author.ID, e.Permission) {
		return &PermissionError{Command: e.Name, Permission: e.Permission}
	}
	if e.Role != "" && !c.Room.AtLeast(c.Author.ID, e.Role) {
		return &PermissionError{Command: e.Name, Role: e.Role}
	}
	return nil
}

// unknown handles a line with a prefix whose name is not that of a command: with the fallback if there is one, else with a suggestion
// if Suggest is given and there is a similar command.
func (r *Router) unknown(ctx context.Context, c *Context, name string) error {
	r.mu.RLock()
	fallback := r.fallback
	r.mu.RUnlock()
	if fallback != nil {
		if !strings.ContainsFunc(name, isWordy) {
			return nil
		}
		return r.answerOnce(ctx, c, &entry{Command: Command{Name: name, Private: true}}, fallback)
	}
	if !r.suggest {
		return nil
	}
	if similar := r.similar(c, name); similar != "" && r.answered.add(c.Message.ID) {
		r.answerError(ctx, c, &UnknownError{Name: name, Similar: similar})
	}
	return nil
}

// isWordy reports whether a character makes a word of what people type after a prefix: a letter, a digit or a picture.
func isWordy(r rune) bool { return unicode.In(r, unicode.L, unicode.N, unicode.So) }

// answerError sends the answer to an error to the author of a line, and ignores an error in sending. The answer is quoted, because
// the error of a handler or of an argument's type may repeat the author's words.
func (r *Router) answerError(ctx context.Context, c *Context, err error) {
	text := r.answer(c, err)
	if text == "" || ctx.Err() != nil || r.errors.use(c) > 0 {
		return
	}
	text = client.Quote(text)
	if c.Room != nil {
		text = c.Author.Mention() + ": " + text
	}
	_ = c.Reply(ctx, r.noCommand(text))
}

// noCommand quotes one of the router's own lines if it would be a command, because prefixes may be letters or @.
func (r *Router) noCommand(text string) string {
	if _, is := r.cut(text); is {
		return "“" + text + "”"
	}
	return text
}

// add checks a command and registers it.
func (r *Router) add(e *entry) {
	e.Aliases = slices.Clone(e.Aliases)
	r.mu.Lock()
	defer r.mu.Unlock()
	if reason := r.flaw(e); reason != "" {
		panic(fmt.Sprintf("commands: command %q: %s", e.Name, reason))
	}
	names := slices.Concat([]string{e.Name}, e.Aliases)
	for i, name := range names {
		key := strings.ToLower(name)
		if r.entries[key] != nil || slices.ContainsFunc(names[:i], func(n string) bool { return strings.ToLower(n) == key }) {
			panic(fmt.Sprintf("commands: command %q: the name %q is taken", e.Name, name))
		}
	}
	for _, name := range names {
		r.entries[strings.ToLower(name)] = e
	}
}

// usage is the syntax of the command, without the prefix.
func (e *entry) usage() string { return strings.TrimSpace(e.Name + " " + e.syntax) }
