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
	"github.com/queup-go/queup/internal/redact"
)

// A Client is one account at QueUp: its session, its websocket, its rooms and what it has seen. It is safe for
// concurrent use. Make one with New and end it with Close, or let Run do everything.
type Client struct {
	config      *config          // immutable
	log         *slog.Logger     // immutable
	clock       *rest.Clock      // immutable; QueUp's
	transport   *rest.Pool       // immutable; nil if REST goes through one of the user's
	doer        *rest.Doer       // immutable; sends the calls of rest and loads
	rest        *queupapi.Client // immutable; the calls that the bot makes
	loads       *queupapi.Client // immutable; those that joining and rejoining rooms makes
	resyncSlots chan struct{}    // a place for each room that is read again
	session     *rest.Session    // immutable
	loginLock   semaphore        // held by a login or a logout
	entrance    semaphore        // a place for each room that is being entered, until its channel is attached
	events      *hub
	workers     *tasks.Group
	secrets     *rest.Secrets           // immutable; what no error and no log may hold
	running     atomic.Bool             // Run is under way
	joining     atomic.Int32            // joins under way
	runFailed   chan error              // for Run: what keeps the bot out of its only room
	end         context.CancelCauseFunc // ends the workers' context
	done        chan struct{}           // closed when the last goroutine has returned after Close

	users   *userCache
	songs   *cache.Expiring[SongID, SongInfo]
	lookups tasks.SharedCalls[SongID, SongInfo] // of media, under way
	names   tasks.SharedCalls[UserID, User]     // of accounts, under way
	rooms   *cache.Handles[RoomID, Room]

	conversations *cache.BoundedHandles[ConversationID, Conversation]
	mailEmitted   mailEmitted

	mu         sync.Mutex
	me         *AuthenticatedUser // guarded by mu; nil when logged out
	connection *connection        // guarded by mu; nil before Connect
	lastEvent  time.Time          // guarded by mu
	lastResync time.Time          // guarded by mu
}

// New makes a client. It does not touch the network. All that is wrong with the options comes back in one joined error.
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
		loginLock:   make(semaphore, 1),
		entrance:    make(semaphore, joinsAtOnce),
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

// String tells who is logged in. A client never prints its password.
func (c *Client) String() string {
	if me, ok := c.User(); ok {
		return "queup client of " + me.Username
	}
	return "queup client"
}

// GoString is String, so that %#v prints no secret either.
func (c *Client) GoString() string { return c.String() }

// Login logs in. email may also be the username. It is an [*AuthorizationError] if QueUp refuses the pair. The client
// keeps both in memory, to log in again when QueUp ends the session. If they are refused then, that is what every call that
// needs a session returns from there on, without trying them once more, until Login is called again. Login also reads the
// recent conversations, and succeeds without them ([WithRecentConversations]). It does not connect.
//
// A login that fails changes nothing: who was logged in still is. While connected, only the same account can log in again; another
// one is an [*ArgumentError], and [Client.Logout] has to come first. Otherwise another account replaces the first one, whose calls
// under way end with an error that matches [ErrNotLoggedIn]. Source: docs/PROTOCOL.md 1.2.
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
	ctx, release := tasks.Bound(ctx, c.workers.Context())
	defer release()
	if err := c.loginLock.acquire(ctx); err != nil {
		return err
	}
	defer c.loginLock.release()
	as := c.session.NewAccount(email, redact.New(password))
	user, err := c.session.Login(ctx, as)
	if err != nil {
		return publicError(err)
	}
	me := AuthenticatedUser{c.learnUser(user, true)}
	if err := c.become(as, me); err != nil {
		_ = c.session.Logout(ctx, as) // a session that nobody will use
		return err
	}
	c.readRecent(ctx)
	return nil
}

// become makes calls those of an account, unless the client is connected as another one.
func (c *Client) become(as *rest.Account, me AuthenticatedUser) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	same := c.me != nil && c.me.ID == me.ID
	if !same && c.connection != nil && c.connection.conn.Err() == nil {
		who := "a guest"
		if c.me != nil {
			who = c.me.Username
		}
		return &ArgumentError{
			Op: "Client.Login", Argument: "email",
			Reason: fmt.Sprintf("is the account %s, and the client is connected as %s: call Logout first", me.Username, who),
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

// Logout leaves the rooms, ends the connection and ends the session. Calls that are still under way then end with an error that
// matches [ErrNotLoggedIn]. The client can log in again, also after an error, which is an [*APIError] or a [*CallError] and means
// that QueUp may not have ended its part; the client has forgotten the session in any case.
func (c *Client) Logout(ctx context.Context) error {
	if c.closed() {
		return ErrClosed
	}
	ctx, release := tasks.Bound(ctx, c.workers.Context())
	defer release()
	if err := c.loginLock.acquire(ctx); err != nil {
		return err
	}
	defer c.loginLock.release()
	c.leaveRooms(ctx)
	as := c.session.Account()
	c.forget(ctx)
	return publicError(c.session.Logout(ctx, as))
}

// forget is the end of a login, and of the connection that was made with it.
func (c *Client) forget(ctx context.Context) {
	c.mu.Lock()
	c.me = nil // from here on, no Connect is for this account
	c.mu.Unlock()
	c.disconnect()
	c.session.Forget(ctx, errLoggedOut)
	c.conversations.Clear()
	c.doer.ResumeChat()
}

// Rooms are the rooms that this client has joined, the latest of those it has left included.
func (c *Client) Rooms() *RoomCollection {
	return &RoomCollection{Collection[RoomID, *Room]{c.rooms.Table}}
}

// Users are the users this client has seen and knows by name: all who are in its rooms, and the latest of the others
// ([WithUserCache]). Of some QueUp tells the id alone. Those in the rooms are looked up; until then, and if QueUp does not know the
// account any more, they are not among Users. [Client.FetchUser] asks for one.
func (c *Client) Users() *Collection[UserID, User] { return &Collection[UserID, User]{c.users} }

// Messages are the chat lines that the histories of the client's rooms hold ([WithMessageHistory]).
func (c *Client) Messages() *Collection[MessageID, Message] {
	return &Collection[MessageID, Message]{allMessages{c.rooms.Table}}
}

// Songs are the media this client has seen last ([WithSongCache]).
func (c *Client) Songs() *Collection[SongID, SongInfo] { return &Collection[SongID, SongInfo]{c.songs} }

// REST returns the generated client, for what this package has no method for. It shares the session and the errors.
// Its types follow api/openapi.yaml and change with it.
func (c *Client) REST() *queupapi.Client { return c.rest }

// report tells the error handler what went wrong in a handler, or with the mailbox. Without one it is logged, so that it is never lost, unless
// Run returns it.
func (c *Client) report(ctx context.Context, err error) {
	hookReport(err)
	returned := c.failRun(err)
	log := c.config.logger
	if log == nil {
		log = slog.Default()
	}
	if c.config.errorHandler == nil {
		if returned {
			return
		}
		attrs := []slog.Attr{slog.Any("error", err)}
		if p, ok := errors.AsType[*PanicError](err); ok {
			attrs = append(attrs, slog.String("stack", string(p.Stack)))
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
