package commands

import (
	"context"
	"fmt"
	"hash/fnv"
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
	prepare func(c *Context) (func(ctx context.Context) error, error)
}

// A Router runs the commands in chat lines and private messages. It is safe for concurrent use. Make one with [New].
type Router struct {
	prefixes []string // immutable, the longest first
	suggest  bool     // immutable
	answer   func(c *Context, err error) string

	lanes     []chan struct{} // full while a command runs
	cooldowns *cooldowns
	questions *questions
	errors    *allowance // of answers to errors
	helps     *allowance // of answers of the command help

	mu       sync.RWMutex
	entries  map[string]*entry // guarded by mu; by names and aliases in lower case
	wrappers []Middleware      // guarded by mu; replaced, never changed
}

// An Option changes how [New] makes a router.
type Option func(*config)

type config struct {
	prefixes []string
	suggest  bool
	noHelp   bool
	lanes    int
	answer   func(c *Context, err error) string
}

// Prefix sets the prefixes of commands, in any case. The default is "!".
func Prefix(prefixes ...string) Option { return func(c *config) { c.prefixes = prefixes } }

// Suggest answers an unknown command that nearly has the name of one: "did you mean !help?". Other unknown names get no answer,
// because they may be another bot's. Without Suggest none does.
func Suggest() Option { return func(c *config) { c.suggest = true } }

// NoHelp omits the command help, for a bot that has its own. The built-in one is answered three times at once for each person and
// ten times at once in a room, then once in 5 s for each person and once in 2 s in a room.
func NoHelp() Option { return func(c *config) { c.noHelp = true } }

// Concurrent serves up to n people at the same time, each of them still one command after the other. Handlers then need locks
// around shared data. The default is 1: a command waits for the previous one. A question to a person needs neither; see
// [Context.Ask].
func Concurrent(n int) Option { return func(c *config) { c.lanes = n } }

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
	case made.answer == nil:
		panic("commands: AnswerWith: the function is nil")
	}
	prefixes := slices.Clone(made.prefixes)
	slices.SortStableFunc(prefixes, func(a, b string) int { return len(b) - len(a) })
	r := &Router{
		prefixes:  prefixes,
		suggest:   made.suggest,
		answer:    made.answer,
		cooldowns: newCooldowns(),
		questions: newQuestions(),
		errors:    newAllowance(),
		helps:     newAllowance(),
		entries:   make(map[string]*entry),
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
// arguments. Handle panics if the command is not valid or its name is taken: that is a mistake in the program, and best found
// when it starts.
func (r *Router) Handle(cmd Command, handle Handler) {
	if handle == nil {
		panic(fmt.Sprintf("commands: command %q: the handler is nil", cmd.Name))
	}
	r.add(&entry{Command: cmd, prepare: func(c *Context) (func(context.Context) error, error) {
		return func(ctx context.Context) error { return handle(ctx, c) }, nil
	}})
}

// Add adds a command with arguments: A is a struct, and each of its fields is an argument, in their order. An argument is a
// word, or several words in double quotes. Words that do not fit the fields are a [*UsageError], and the handler is not called.
//
// A field is a string, a bool (yes, no, on, off, true, false), a whole number or a float, a [time.Duration] (90s, 1h30m, 2d), a
// [client.User] or [client.Member] by name, a type that implements [encoding.TextUnmarshaler], or, as the last field, a slice of
// one of these for all words that follow. A name may have an @ before it, and a comma, a colon or 's after it. A Member is a
// person in the room; a User may in a private message be any user that the client knows. The author gets the error of
// UnmarshalText, without @ and at most 120 characters of it.
//
// The tag arg has these words, with commas between them:
//
//	name=song  its name in help, else the field's name in lower case
//	optional   may be left out, and is zero then
//	rest       of a string, the last field: the rest of the line, as it was typed
//	below      of a User or Member: a person whom the author outranks
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
// Add panics as [Router.Handle] does, and if A is not such a struct.
func Add[A any](r *Router, cmd Command, handle func(ctx context.Context, c *Context, args A) error) {
	if handle == nil {
		panic(fmt.Sprintf("commands: command %q: the handler is nil", cmd.Name))
	}
	params, err := paramsOf(reflect.TypeFor[A](), cmd)
	if err != nil {
		panic(fmt.Sprintf("commands: command %q: %v", cmd.Name, err))
	}
	r.add(&entry{Command: cmd, syntax: syntaxOf(params), prepare: func(c *Context) (func(context.Context) error, error) {
		var args A
		if err := parse(c, params, reflect.ValueOf(&args).Elem()); err != nil {
			return nil, err
		}
		return func(ctx context.Context) error { return handle(ctx, c, args) }, nil
	}})
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
// ends that; a command that is running continues. A router may serve several clients.
//
// Lines of the client itself are not commands, nor are lines that were missed while the connection was lost: a skip that comes
// late would hit another song.
func (r *Router) Serve(bot *client.Client) (cancel func()) {
	var cancels []func()
	for lane := range r.lanes {
		cancels = append(
			cancels,
			client.On(bot, func(ctx context.Context, e client.Chat) error {
				return r.serve(ctx, lane, e.Resynced, &Context{Bot: bot, Room: e.Room, Message: e.Message, Author: e.Author, Member: e.Member})
			}),
			client.On(bot, func(ctx context.Context, e client.PrivateMessage) error {
				return r.serve(ctx, lane, e.Resynced, &Context{Bot: bot, Conversation: e.Conversation, Message: e.Message, Author: e.Author})
			}),
		)
	}
	return func() {
		for _, cancel := range cancels {
			cancel()
		}
	}
}

// serve runs the command in a line, or the handler that waits for the line as an answer, if the line belongs to the lane.
func (r *Router) serve(ctx context.Context, lane int, late bool, c *Context) error {
	if late || r.laneOf(c.Author.ID) != lane {
		return nil
	}
	if me, known := c.Bot.User(); known && me.ID == c.Author.ID {
		return nil
	}
	prefix, name, text, ok := r.cut(c.Message.Content)
	if !ok && !r.questions.open(c) {
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
		e = r.find(name)
	}
	if e == nil {
		if q, asked := r.questions.close(c); asked {
			return q.answered(ctx, c)
		}
		if !ok {
			return nil
		}
		c.Prefix, c.Text = prefix, text
		return r.unknown(ctx, c, name)
	}
	c.Prefix, c.Text = prefix, text
	c.Command, c.syntax, c.entry = e.Command, e.syntax, e
	return r.run(ctx, c, e, r.checked(e))
}

// laneOf returns the lane of a user. The commands of one person run in one lane, one after the other.
func (r *Router) laneOf(u client.UserID) int {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(u))
	return int(sum.Sum32() % uint32(len(r.lanes))) //nolint:gosec // there are not so many lanes
}

// cut splits a line and reports whether it may be a command at all.
func (r *Router) cut(line string) (prefix, name, text string, ok bool) {
	line = strings.TrimSpace(line)
	for _, prefix := range r.prefixes {
		if len(line) < len(prefix) || !strings.EqualFold(line[:len(prefix)], prefix) {
			continue
		}
		command := line[len(prefix):]
		end := strings.IndexFunc(command, unicode.IsSpace)
		if end < 0 {
			end = len(command)
		}
		return prefix, command[:end], strings.TrimSpace(command[end:]), end > 0
	}
	return "", "", "", false
}

// find returns the command with a name, nil if there is none.
func (r *Router) find(name string) *entry {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.entries[strings.ToLower(name)]
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
		do, err := e.prepare(c)
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

// unknown answers a command that does not exist, if Suggest is given and there is a similar one.
func (r *Router) unknown(ctx context.Context, c *Context, name string) error {
	if !r.suggest {
		return nil
	}
	if similar := r.similar(c, name); similar != "" {
		r.answerError(ctx, c, &UnknownError{Name: name, Similar: similar})
	}
	return nil
}

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
	if _, _, _, is := r.cut(text); is {
		return "“" + text + "”"
	}
	return text
}

// add checks a command and registers it.
func (r *Router) add(e *entry) {
	e.Aliases = slices.Clone(e.Aliases)
	r.mu.Lock()
	defer r.mu.Unlock()
	if reason := e.flaw(); reason != "" {
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

// flaw returns the fault of a command, empty if there is none.
func (e *entry) flaw() string {
	for _, name := range slices.Concat([]string{e.Name}, e.Aliases) {
		if name == "" || strings.ContainsFunc(name, unicode.IsSpace) {
			return fmt.Sprintf("the name %q is empty or has white space in it", name)
		}
	}
	switch {
	case e.Cooldown < 0 || e.UserCooldown < 0:
		return "a cooldown is negative"
	case e.Private && (e.Permission != "" || e.Role != ""):
		return "it is Private, where nobody has a permission or a role; leave out one or the other"
	}
	return ""
}

// usage is the syntax of the command, without the prefix.
func (e *entry) usage() string { return strings.TrimSpace(e.Name + " " + e.syntax) }
