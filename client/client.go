package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/queup-go/queup/client/internal/cache"
	"github.com/queup-go/queup/client/internal/rest"
	"github.com/queup-go/queup/client/internal/tasks"
	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/redact"
)

// A Client is one account at QueUp: its session, its websocket, its rooms and its caches. It is safe for concurrent use. Make one with
// New and end it with Close, or let Run do everything.
type Client struct {
	config      *config          // immutable
	detached    bool             // immutable; it belongs to values that no other client made, see detachedClient
	log         *slog.Logger     // immutable
	clock       *rest.Clock      // immutable; QueUp's
	transport   *rest.Pool       // immutable; nil if the bot has given a transport of its own
	doer        *rest.Doer       // immutable; sends the calls of rest and loads
	rest        *queupapi.Client // immutable; the calls that the bot makes
	loads       *queupapi.Client // immutable; the calls that load rooms and conversations
	resyncSlots chan struct{}    // one for each room that is read again at a time
	session     *rest.Session    // immutable
	keeper      *sessionKeeper   // immutable
	loginLock   tasks.Semaphore  // held by a login or a logout
	entrance    tasks.Semaphore  // one place for each room that is being entered, until its channel is attached
	events      *hub
	workers     *tasks.Group
	secrets     *rest.Secrets           // immutable; what no error and no log may hold
	running     atomic.Bool             // Run is in progress
	joining     atomic.Int32            // joins in progress
	runFailed   chan error              // ends Run with the error of a handler of Ready that could not join the only room
	end         context.CancelCauseFunc // ends the workers' context
	done        chan struct{}           // closed when the last goroutine has returned after Close

	users   *userCache
	songs   *cache.Expiring[SongID, SongInfo]
	lookups tasks.SharedCalls[SongID, SongInfo] // of media, in flight
	names   tasks.SharedCalls[UserID, User]     // of accounts, in flight
	rooms   *cache.Handles[RoomID, Room]

	conversations *cache.BoundedHandles[ConversationID, Conversation]
	mailEmitted   mailEmitted

	mu         sync.Mutex
	me         *AuthenticatedUser // guarded by mu; nil when logged out
	connection *connection        // guarded by mu; nil before Connect
	lastEvent  time.Time          // guarded by mu
	lastResync time.Time          // guarded by mu
}

// New returns a client. It does not touch the network. All mistakes in the options are returned as one joined error.
func New(opts ...Option) (*Client, error) {
	config, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	httpClient, transport := config.newHTTPClient()
	life, end := context.WithCancelCause(context.Background())
	c := &Client{
		config:      config,
		log:         config.newLogger(),
		clock:       new(rest.Clock),
		transport:   transport,
		workers:     tasks.NewGroup(life, ErrClosed),
		loginLock:   tasks.NewSemaphore(1),
		entrance:    tasks.NewSemaphore(joinsAtOnce),
		end:         end,
		done:        make(chan struct{}),
		users:       newUserCache(config.users),
		songs:       cache.NewRenewing[SongID, SongInfo](config.songs, songTTL),
		resyncSlots: make(chan struct{}, resyncsAtOnce),
		runFailed:   make(chan error, 1),
	}
	c.rooms = c.newRoomTable()
	c.conversations = cache.NewBoundedHandles(config.conversations, func(id ConversationID) *Conversation {
		return &Conversation{client: c, id: id}
	})
	c.secrets = newSecrets(config)
	c.doer = c.newDoer(httpClient)
	c.session = c.doer.Session()
	c.keeper = &sessionKeeper{
		store: config.sessions, session: c.session, workers: c.workers, log: c.log, report: c.report, pending: tasks.NewSemaphore(1),
	}
	c.events = &hub{workers: c.workers, report: c.report}
	if c.rest, err = c.newREST(c.doer); err == nil {
		c.loads, err = c.newREST(c.doer.ForLoads())
	}
	if err != nil {
		return nil, fmt.Errorf("queup: New: %w", err)
	}
	return c, nil
}

func (c *Client) source() (*Client, *Room) { return c, nil }

// String returns a text with the name of the account that is logged in. A client never prints its password.
func (c *Client) String() string {
	if me, ok := c.User(); ok {
		return "queup client of " + me.Username
	}
	return "queup client"
}

// GoString returns String, so that %#v does not print secrets either.
func (c *Client) GoString() string { return c.String() }

// Login logs in. email may also be the username. It returns an [*AuthorizationError] if QueUp refuses the pair. The client keeps both in
// memory, to log in again when QueUp ends the session. If QueUp refuses them then, every call that needs a session returns that error,
// without another try, until Login is called again. Login also reads the recent conversations, and succeeds without them
// ([WithRecentConversations]). It does not connect.
//
// A login that fails changes nothing: the account that was logged in still is. While connected, only the same account can log in again.
// Another one is an [*ArgumentError] until [Client.Logout] is called. While not connected, another account replaces the first one, whose
// calls in flight end with an error that matches [ErrNotLoggedIn]. Source: docs/PROTOCOL.md 1.2.
func (c *Client) Login(ctx context.Context, email, password string) error {
	if c.closed() {
		return ErrClosed
	}
	if strings.TrimSpace(email) == "" {
		return &ArgumentError{Op: "Client.Login", Argument: "email", Reason: isEmpty}
	}
	if password == "" {
		return &ArgumentError{Op: "Client.Login", Argument: "password", Reason: isEmpty}
	}
	return c.logIn(ctx, func(ctx context.Context) (*rest.Account, wire.User, error) {
		return c.resumeOrLogin(ctx, email, redact.New(password))
	})
}

// logIn makes the account that authenticate returns, with its user, the one of the client's calls.
func (c *Client) logIn(ctx context.Context, authenticate func(ctx context.Context) (*rest.Account, wire.User, error)) error {
	if c.closed() {
		return ErrClosed
	}
	ctx, release := tasks.Bound(ctx, c.workers.Context())
	defer release()
	if err := c.loginLock.Acquire(ctx); err != nil {
		return err
	}
	defer c.loginLock.Release()
	as, user, err := authenticate(ctx)
	if err != nil {
		return publicError(err)
	}
	me := AuthenticatedUser{c.learnUser(user, true)}
	if err := c.become(as, me); err != nil {
		if !as.Resumed() {
			_ = c.session.Logout(ctx, as) // the session will not be used
		}
		return err
	}
	c.keeper.use(as, me.ID)
	c.readRecent(ctx)
	return nil
}

// become makes an account the one of the client's calls. It returns an error if the client is connected as another one.
func (c *Client) become(as *rest.Account, me AuthenticatedUser) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	same := c.me != nil && c.me.ID == me.ID
	if !same && c.connection != nil && c.connection.conn.Err() == nil {
		current := "a guest"
		if c.me != nil {
			current = c.me.Username
		}
		return &ArgumentError{
			Op: "Client.Login", Argument: "email",
			Reason: fmt.Sprintf("is the account %s, and the client is connected as %s: call Logout first", me.Username, current),
		}
	}
	if c.me == nil || same {
		c.session.Use(as, nil)
	} else {
		c.session.Use(as, errOtherLogin)
		c.conversations.Clear()
		c.doer.ResumeChat()
	}
	c.me = &me
	return nil
}

// LoggedIn reports whether Login has succeeded and Logout has not been called since.
func (c *Client) LoggedIn() bool { return c.session.LoggedIn() }

// User returns the account that is logged in, and false if none is.
func (c *Client) User() (AuthenticatedUser, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.me == nil {
		return AuthenticatedUser{}, false
	}
	me := *c.me
	if known, ok := c.users.Get(me.ID); ok {
		me.User = known
	}
	return me, true
}

// myID returns the id of the account that is logged in, empty if none is.
func (c *Client) myID() UserID {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.me == nil {
		return ""
	}
	return c.me.ID
}

// isMe reports whether id is the account that is logged in.
func (c *Client) isMe(id UserID) bool { return id != "" && id == c.myID() }

// Logout leaves the rooms, ends the connection and ends the session. Calls that are still in flight then end with an error that matches
// [ErrNotLoggedIn]. An error of Logout is an [*APIError] or a [*CallError], and means that QueUp may not have ended the session. The
// client has dropped it in any case and can log in again.
func (c *Client) Logout(ctx context.Context) error {
	if c.closed() {
		return ErrClosed
	}
	ctx, release := tasks.Bound(ctx, c.workers.Context())
	defer release()
	if err := c.loginLock.Acquire(ctx); err != nil {
		return err
	}
	defer c.loginLock.Release()
	c.leaveRooms(ctx)
	as := c.session.Account()
	c.forget(ctx)
	err := publicError(c.session.Logout(ctx, as))
	if kept := c.keeper.forget(ctx); kept != nil {
		return errors.Join(err, kept)
	}
	return err
}

// forget drops the account and its session, and ends the connection that was made with it.
func (c *Client) forget(ctx context.Context) {
	c.mu.Lock()
	c.me = nil // from here on, Connect does not use this account
	c.mu.Unlock()
	c.disconnect()
	c.session.Forget(ctx, errLoggedOut)
	c.conversations.Clear()
	c.doer.ResumeChat()
}

// Rooms returns the rooms that the client has joined, including the latest of those that it has left.
func (c *Client) Rooms() *RoomCollection {
	return &RoomCollection{Collection[RoomID, *Room]{c.rooms.Table}}
}

// Users returns the users that the client has seen and knows by name: all users in its rooms, and the latest of the others
// ([WithUserCache]). QueUp sends some users with their id alone. The client looks up those in its rooms. Until then, and if QueUp does
// not know the account any more, they are not among Users. [Client.FetchUser] reads one user.
func (c *Client) Users() *Collection[UserID, User] { return &Collection[UserID, User]{c.users} }

// Messages returns the chat lines in the histories of the client's rooms ([WithMessageHistory]).
func (c *Client) Messages() *Collection[MessageID, Message] {
	return &Collection[MessageID, Message]{allMessages{c.rooms.Table}}
}

// Songs returns the media that the client has seen last ([WithSongCache]).
func (c *Client) Songs() *Collection[SongID, SongInfo] { return &Collection[SongID, SongInfo]{c.songs} }

// REST returns the generated client, for endpoints that this package has no method for. It shares the session and the errors.
// Its types follow api/openapi.yaml and change with it.
func (c *Client) REST() *queupapi.Client { return c.rest }

// report passes an error of a handler or of the mailbox to the error handler. Without an error handler the error is logged, unless Run
// returns it, so that it is never lost.
func (c *Client) report(ctx context.Context, err error) {
	hookReport(err)
	returned := c.failRun(err)
	log := c.notices()
	if c.config.errorHandler == nil {
		if returned {
			return
		}
		attrs := []slog.Attr{slog.Any("error", err)}
		if p, ok := errors.AsType[*PanicError](err); ok {
			attrs = append(attrs, slog.String("stack", string(p.Stack)))
		}
		if _, ok := errors.AsType[*sessionError](err); ok {
			log.LogAttrs(ctx, slog.LevelError, "queup: the session is not kept", attrs...)
			return
		}
		if _, ok := errors.AsType[*MailboxError](err); ok {
			log.LogAttrs(ctx, slog.LevelError, "queup: private messages are not received", attrs...)
			return
		}
		log.LogAttrs(ctx, slog.LevelError, "queup: a handler failed", attrs...)
		return
	}
	defer func() {
		if v := recover(); v != nil {
			log.ErrorContext(ctx, "queup: the error handler panicked", slog.Any("panic", v), slog.Any("error", err))
		}
	}()
	c.config.errorHandler(ctx, err)
}

const (
	// resyncsAtOnce is how many rooms are read again at a time: as many as the lane of the loads serves well within maxHold. If all
	// rooms were read at once, none would be complete in time, and their calls would be wasted.
	resyncsAtOnce = 2
	// maxPatience bounds a try to read a room. Each failed try doubles the time for the next one, from maxHold up to this.
	maxPatience = 30 * time.Second
	// maxReloadWait is the longest pause between two tries to read a room again.
	maxReloadWait = 30 * time.Second
	// historyPatience is how long a failing read of the history is retried, before the missed plays are given up.
	historyPatience = 30 * time.Second
	// maxBackfill bounds the pages of the history that are read for the missed plays: some ten days of plays.
	maxBackfill = 200
)

// joinsAtOnce is how many rooms are entered at a time. Entering all rooms of a bot at once would be a burst of calls that
// no other client of QueUp makes.
const joinsAtOnce = 2

func (c *Client) closed() bool { return c.workers.Context().Err() != nil }

// leaveRooms leaves all rooms at the same time, as far as ctx allows. It ends the joins in progress first.
func (c *Client) leaveRooms(ctx context.Context) {
	if l, err := c.link(); err == nil {
		l.stopJoins(ErrClosed)
	}
	var leaving sync.WaitGroup
	for room := range c.Rooms().Values() {
		leaving.Go(func() {
			if err := room.joinLock.Acquire(ctx); err == nil { // then a join that was ended has tidied up
				room.joinLock.Release()
			}
			if err := room.Leave(ctx); err != nil && !errors.Is(err, ErrNotJoined) {
				c.log.WarnContext(ctx, "room not left", room.logged(), slog.Any("error", err))
			}
		})
	}
	leaving.Wait()
}
