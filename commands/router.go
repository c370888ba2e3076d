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

// A Handler does what a command says. What it returns is answered as [Answer] says, and an error that is neither this
// package's nor [client.ErrNothingPlaying] goes to the client's error handler ([client.WithErrorHandler]).
type Handler func(ctx context.Context, c *Context) error

// A Middleware makes a handler of another one, to do something before and after it, or in its place. See
// [Router.Use].
type Middleware func(next Handler) Handler

// A Command describes what people can say.
type Command struct {
	// Name is what follows the prefix. Case does not matter, and it has no white space.
	Name string
	// Aliases are other names for it.
	Aliases []string
	// Help says in few words what it does, for the command help.
	Help string
	// Permission is what the author needs in the room, empty for none. See [client.Room.Can].
	Permission client.Permission
	// Role is the lowest role that the author may have, empty for everybody; everybody who ranks above it will do. See
	// [client.Room.AtLeast].
	Role client.RoleID
	// Cooldown is how long the command rests in a room after somebody has used it.
	Cooldown time.Duration
	// UserCooldown is how long it rests for the one who has used it.
	UserCooldown time.Duration
	// Private makes it work in private messages, too. [Context.Room] is nil there, so such a command can need neither a
	// permission nor a role, nor have arguments of type [client.Member].
	Private bool
	// Hidden leaves it out of the list that the command help gives.
	Hidden bool
}

// entry is a command that is registered.
type entry struct {
	Command
	syntax string // its arguments, as people read them
	// prepare reads the arguments and returns what is left to do.
	prepare func(c *Context) (func(ctx context.Context) error, error)
}

// A Router finds the command in what people say, and runs it. It is safe for concurrent use. Make one with [New].
type Router struct {
	prefixes []string // immutable, the longest first
	suggest  bool     // immutable
	answer   func(c *Context, err error) string

	lanes     []chan struct{} // full while a command runs
	cooldowns *cooldowns
	questions *questions
	errors    *allowance // how often somebody gets an answer to an error
	helps     *allowance // how often the command help is answered

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

// Prefix sets what a command begins with, in any case; each of several will do. The default is "!".
func Prefix(prefixes ...string) Option { return func(c *config) { c.prefixes = prefixes } }

// Suggest answers a command that does not exist but nearly has the name of one: "did you mean !help?". Without it, as
// with other names, there is no answer: they may be another bot's.
func Suggest() Option { return func(c *config) { c.suggest = true } }

// NoHelp leaves out the command help, for a bot that has its own. The built-in one is answered three times at once for each
// person and ten times at once in a room, then once in 5 s for each person and once in 2 s in a room.
func NoHelp() Option { return func(c *config) { c.noHelp = true } }

// Concurrent lets up to n people be served at the same time, each of them still one command after the other. Handlers
// then need locks around what they share. The default is 1: a command waits for the one before. For a question to a person
// there is [Context.Ask], which needs neither.
func Concurrent(n int) Option { return func(c *config) { c.lanes = n } }

// AnswerWith sets what is said of an error in the place of [Answer], to speak another language for example. The empty
// text says nothing.
func AnswerWith(answer func(c *Context, err error) string) Option {
	return func(c *config) { c.answer = answer }
}

// New makes a router. It panics if an option makes no sense: that is a mistake in the program.
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
		Add(r, Command{Name: "help", Help: "tells what there is to say", Private: true}, r.help)
	}
	return r
}

// Handle adds a command that takes what follows its name as it is; see [Context.Text]. [Add] is for a command with
// arguments. It panics if the command makes no sense or has a name that is taken: that is a mistake in the program,
// and best found when it starts.
func (r *Router) Handle(cmd Command, handle Handler) {
	if handle == nil {
		panic(fmt.Sprintf("commands: command %q: the handler is nil", cmd.Name))
	}
	r.add(&entry{Command: cmd, prepare: func(c *Context) (func(context.Context) error, error) {
		return func(ctx context.Context) error { return handle(ctx, c) }, nil
	}})
}

// Add adds a command with arguments: A is a struct, and each of its fields is one, in their order. An argument is a
// word, or several in double quotes. What does not fit the fields is a [*UsageError], and the handler is not called.
//
// A field is a string, a bool (yes, no, on, off, true, false), a whole number or a float, a [time.Duration] (90s,
// 1h30m, 2d), a [client.User] or [client.Member] by their name, with or without @, a comma, colon or 's, what implements
// [encoding.TextUnmarshaler], or, as the last field, a slice of one of these for all that follow. A Member is somebody
// in the room; a User may in a private message be anybody the client knows. What UnmarshalText says is wrong is told to who said
// it, without @ and in 120 characters at most.
//
// The tag arg has these words, with commas between them:
//
//	name=song  what it is called in help, else the field's name in lower case
//	optional   may be left out, and is zero then
//	rest       of a string, the last field: all that follows, as it was typed
//	below      of a User or Member: somebody whom the author outranks
//
// and the tag default has the value of what is left out. A kick, for example:
//
//	commands.Add(r, commands.Command{Name: "kick", Permission: client.PermMembersKick},
//		func(ctx context.Context, c *commands.Context, args struct {
//			User   client.Member `arg:"below"`
//			Reason string        `arg:"rest" default:"no reason"`
//		}) error {
//			return c.Room.Kick(ctx, args.User.UserID, args.Reason)
//		})
//
// Add panics as [Router.Handle] does, and if A is not what is said above.
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

// Use puts middleware around every command, those that were added before included. The first one is the outermost. It
// stands around the checks as well: what next returns may be a [*UsageError], a [*PermissionError] or a
// [*CooldownError]; and a middleware that does not call next, and returns nil, leaves a command unanswered. It panics
// for a nil one.
func (r *Router) Use(wrap ...Middleware) {
	if slices.ContainsFunc(wrap, func(m Middleware) bool { return m == nil }) {
		panic("commands: Use: a middleware is nil")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wrappers = slices.Concat(r.wrappers, wrap)
}

// Serve has the router hear all that is said to a client: in each of its rooms, those that it joins later included, and
// in private. cancel ends that; a command that is running goes on. A router may serve several clients.
//
// What the client says itself is no command, nor is what was missed and found out after a lost connection: a skip that
// comes late would hit another song.
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

// serve runs the command that a line is, or the handler that waits for it as an answer, if there is one and the line
// belongs to the lane.
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
		if q, asked := r.questions.take(c); asked {
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

// laneOf tells who is served one after the other: the commands of one person always are.
func (r *Router) laneOf(u client.UserID) int {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(u))
	return int(sum.Sum32() % uint32(len(r.lanes))) //nolint:gosec // there are not so many lanes
}

// cut takes a line apart, and says whether it may be a command at all.
func (r *Router) cut(line string) (prefix, name, text string, ok bool) {
	line = strings.TrimSpace(line)
	for _, prefix := range r.prefixes {
		if len(line) < len(prefix) || !strings.EqualFold(line[:len(prefix)], prefix) {
			continue
		}
		said := line[len(prefix):]
		end := strings.IndexFunc(said, unicode.IsSpace)
		if end < 0 {
			end = len(said)
		}
		return prefix, said[:end], strings.TrimSpace(said[end:]), end > 0
	}
	return "", "", "", false
}

// find returns the command with a name, nil if there is none.
func (r *Router) find(name string) *entry {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.entries[strings.ToLower(name)]
}

// run runs a handler of a command, with the middleware around it, and says what is to be said of its error.
func (r *Router) run(ctx context.Context, c *Context, e *entry, handle Handler) error {
	r.mu.RLock()
	wrappers := r.wrappers
	r.mu.RUnlock()
	for _, wrap := range slices.Backward(wrappers) {
		handle = wrap(handle)
	}
	returned := false
	defer func() {
		if !returned { // a panic, which the client reports with its stack; the author should not wait for an answer
			r.say(ctx, c, errPanicked)
		}
	}()
	err := handle(ctx, c)
	returned = true
	if err == nil {
		return nil
	}
	r.say(ctx, c, err)
	if isRefusal(err) {
		return nil
	}
	return &HandlerError{Command: e.Name, Err: err}
}

// checked returns the handler that looks whether the command may be run now.
func (r *Router) checked(e *entry) Handler {
	return func(ctx context.Context, c *Context) error {
		if err := e.allowed(c); err != nil {
			return err
		}
		do, err := e.prepare(c)
		if err != nil {
			return err
		}
		if err := r.cooldowns.take(c, e); err != nil { // last, so that a slip of the pen costs nothing
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

// unknown answers a command that does not exist, if it is to be answered.
func (r *Router) unknown(ctx context.Context, c *Context, name string) error {
	if !r.suggest {
		return nil
	}
	if similar := r.similar(c, name); similar != "" {
		r.say(ctx, c, &UnknownError{Name: name, Similar: similar})
	}
	return nil
}

// say tells the author what is to be said of an error. An error of that is ignored. What a handler or the type of an
// argument says may repeat the author's words.
func (r *Router) say(ctx context.Context, c *Context, err error) {
	text := r.answer(c, err)
	if text == "" || ctx.Err() != nil || r.errors.take(c) > 0 {
		return
	}
	text = client.Quote(text)
	if c.Room != nil {
		text = c.Author.Mention() + ": " + text
	}
	_ = c.Reply(ctx, r.noCommand(text))
}

// noCommand returns a line of the router's own so that it does not begin with one of its prefixes, which may be letters or @.
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

// flaw says what is wrong with a command, empty if nothing is.
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

// usage is the command as it is to be typed, without the prefix.
func (e *entry) usage() string { return strings.TrimSpace(e.Name + " " + e.syntax) }
