package realtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/queup-go/queup/internal/redact"
)

// Config configures a [Conn] for [New]. URL and Token are required.
type Config struct {
	// URL of the websocket, ws or wss, such as wss://ws.queup.net/ws/. Its query is kept and completed as
	// docs/PROTOCOL.md 5.1 says.
	URL string
	// Token fetches an access token; it is called before every attempt to connect, with a ctx that ends with the attempt.
	// An error marked by [Permanent] ends the connection, any other is followed by the next attempt.
	Token func(ctx context.Context) (string, error)
	// Dialer opens the websocket. Nil: a zero [WebsocketDialer].
	Dialer Dialer
	// Reconnect decides about the next attempt when a link is lost. Nil: [DefaultReconnect].
	Reconnect ReconnectPolicy
	// Header is sent with the handshake. It is not looked at after New.
	Header http.Header
	// Logger gets state changes (Info), lost links and failed attempts (Warn) and frames without their content (Debug).
	// Nil: silent.
	Logger *slog.Logger
	// RequestTimeout bounds the wait for the server's answer to one request. Zero: 15 s.
	RequestTimeout time.Duration
	// ConnectTimeout bounds one attempt, from the call of Token to the server's "connected". Zero: 30 s.
	ConnectTimeout time.Duration
	// WriteTimeout bounds the sending of one frame; a peer that takes longer to accept it is given up. Zero: 10 s. It is never
	// more than the pingTimeout that the server announces.
	WriteTimeout time.Duration
	// SuspendAfter is how long there may be no usable link before the connection counts as [StateSuspended]. Zero: 2 min.
	SuspendAfter time.Duration
	// Buffer is the capacity of Conn.Events: how many events are read ahead of their receiver. Zero: 1024, about 1.5 MiB in a busy
	// room.
	Buffer int
	// NamePresence puts the clientId and connectionId of the link into what Conn.Presence announces, as backtracked did. The
	// server knows them without it.
	NamePresence bool
	// Guest says that Token returns tokens of guests. Each token names a new client, so a reconnect does not ask for the client id
	// of the previous link.
	Guest bool
	// Transport carries Conn.PresenceList. Nil: an http.Transport that dials as Dialer does if that is a [WebsocketDialer].
	Transport http.RoundTripper
}

// Conn is a connection to QueUp that heals by itself. Its methods are safe for concurrent use.
type Conn struct {
	cfg    Config   // immutable, defaults filled in
	base   *url.URL // immutable
	events chan Event
	// ctx ends with the connection. It is the parent of every wait in this package.
	ctx    context.Context
	cancel context.CancelCauseFunc

	own    sync.WaitGroup // Connect and the supervisor, which waits for reader and writer
	user   sync.WaitGroup // functions of the user: Token, Dialer, Reconnect
	finish sync.Once
	quiet  chan struct{} // closed when own is done; events is closed by then
	done   chan struct{} // closed when user is done, too

	mu           sync.Mutex    // leaf: held for a few assignments, never across anything that blocks
	status       Status        // guarded by mu
	suspension   *time.Timer   // guarded by mu; runs from the loss of a link to the next usable one
	outage       int           // guarded by mu; counts the losses of a usable link
	changed      chan struct{} // guarded by mu; closed and replaced when status or link change
	token        redact.Secret // guarded by mu; of the latest link, for PresenceList
	link         *link         // guarded by mu; nil unless StateConnected
	restoring    bool          // guarded by mu; a new link is up and the channels are being attached again
	clientID     string        // guarded by mu
	connectionID string        // guarded by mu
	channels     []*channel    // guarded by mu; in the order they were attached
	err          error         // guarded by mu; why the connection ended for good

	known redact.Known // the secrets that no error and no log may hold

	suspended chan time.Time // buffered; to the supervisor: the time since when there has been no link
	complete  time.Time      // owned by the supervisor: link.complete of the latest usable link that was lost; zero while there is one
	stats     counters
}

// New checks cfg and returns a connection that does nothing before [Conn.Connect]. One error joins all faults of cfg.
func New(cfg Config) (*Conn, error) {
	base, err := url.Parse(cfg.URL)
	var errs []error
	if err != nil || base.Host == "" || base.Scheme != "ws" && base.Scheme != "wss" {
		errs = append(errs, errors.New("URL is not a ws:// or wss:// URL")) // not quoted, it may hold a password
	}
	if cfg.Token == nil {
		errs = append(errs, errors.New("the function Token is nil"))
	}
	for name, d := range map[string]*time.Duration{
		"RequestTimeout": &cfg.RequestTimeout, "ConnectTimeout": &cfg.ConnectTimeout, "WriteTimeout": &cfg.WriteTimeout,
		"SuspendAfter": &cfg.SuspendAfter,
	} {
		if *d < 0 {
			errs = append(errs, fmt.Errorf("%s is negative: %v", name, *d))
		}
	}
	if cfg.Buffer < 0 {
		errs = append(errs, fmt.Errorf("the capacity Buffer is negative: %d", cfg.Buffer))
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("realtime: config: %w", errors.Join(errs...))
	}

	cfg.RequestTimeout = orDefault(cfg.RequestTimeout, 15*time.Second)
	cfg.ConnectTimeout = orDefault(cfg.ConnectTimeout, 30*time.Second)
	cfg.WriteTimeout = orDefault(cfg.WriteTimeout, 10*time.Second)
	cfg.SuspendAfter = orDefault(cfg.SuspendAfter, 2*time.Minute)
	cfg.Buffer = orDefault(cfg.Buffer, 1024)
	cfg.Header = cfg.Header.Clone()
	if cfg.Dialer == nil {
		cfg.Dialer = &WebsocketDialer{}
	}
	if cfg.Reconnect == nil {
		cfg.Reconnect = DefaultReconnect
	}
	if cfg.Transport == nil {
		cfg.Transport = newTransport(cfg.Dialer)
	}
	if cfg.Logger == nil {
		cfg.Logger = hookLogger()
	}
	c := &Conn{
		cfg:     cfg,
		base:    base,
		events:  make(chan Event, cfg.Buffer),
		quiet:   make(chan struct{}),
		done:    make(chan struct{}),
		changed: make(chan struct{}),
		status:  Status{Since: time.Now()},

		suspended: make(chan time.Time, 1),
	}
	if password, ok := base.User.Password(); ok {
		c.known.Learn(secretPassword, redact.New(password))
	}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	return c, nil
}

// Connect makes the first link: token, websocket, open packet, and the server's confirmation that the link is usable. ctx
// bounds this call, not the connection. Connect makes one attempt, and may be called again if that fails. Once it has
// succeeded, lost links heal by themselves until [Conn.Close] or a permanent error, and Connect returns [ErrAlreadyConnected].
func (c *Conn) Connect(ctx context.Context) error {
	if err := c.begin(); err != nil {
		return err
	}
	defer c.own.Done()
	l, err := c.dial(ctx)
	if err != nil {
		c.failed(err)
		return fmt.Errorf("connect: %w", err)
	}
	c.up(l, false, nil)
	c.own.Go(func() { c.supervise(l) })
	return nil
}

// begin claims the right to connect, and has own wait for the caller.
func (c *Conn) begin() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.status.State {
	case StateIdle:
		c.setStatusLocked(Status{State: StateConnecting})
		c.own.Add(1)
		return nil
	case StateClosed:
		return c.closedLocked()
	}
	return ErrAlreadyConnected
}

// Events returns the single stream of all events, in order. It must be read: when its buffer is full, the connection stops
// reading from the network, and answers to calls wait behind the events. It continues to send pings, and does not mistake the
// silence that it causes itself for a dead link. So a goroutine that reads Events must not wait for a call of this package
// unless another goroutine continues to read. The channel is closed when the connection has ended.
func (c *Conn) Events() <-chan Event { return c.events }

// ClientID returns the id the server gave this client, empty before the first [Connected].
func (c *Conn) ClientID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.clientID
}

// ConnectionID returns the id of the current link or, while there is none, of the last one.
func (c *Conn) ConnectionID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.connectionID
}

// Done is closed when the connection has ended and the last of its goroutines has returned, including those that run Token,
// Dialer or Reconnect.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err returns nil until the connection has ended for good. Then it returns [ErrClosed] after [Conn.Close], or else the error
// that ended the connection.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// closeTimeout is how long Close waits for our own goroutines. They need less, unless a foreign Socket hangs in Close.
const closeTimeout = 2 * time.Second

// Close ends the connection: the websocket is closed with code 1000, waiting calls return [ErrClosed], Events is closed. It
// may be called more than once and from anywhere, Token and Dialer included. It does not wait for code of the user, takes at
// most 2 s and returns nil.
func (c *Conn) Close() error {
	_ = c.conclude(ErrClosed)
	c.shutdown(ErrClosed)
	t := time.NewTimer(closeTimeout)
	defer t.Stop()
	select {
	case <-c.quiet:
	case <-t.C:
	}
	return nil
}

// conclude sets the state to closed with the reason err. The first reason counts and is returned.
func (c *Conn) conclude(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
		c.setStatusLocked(Status{State: StateClosed, Err: err})
	}
	return c.err
}

// shutdown stops all goroutines. It is called after conclude, when nothing new can start.
func (c *Conn) shutdown(err error) {
	c.cancel(err)
	c.finish.Do(func() {
		go func() {
			c.own.Wait()
			close(c.events)
			close(c.quiet)
			c.user.Wait()
			close(c.done)
		}()
	})
}

// closedLocked returns the error of calls after the end of the connection: ErrClosed, and the reason if there is another one.
func (c *Conn) closedLocked() error {
	if errors.Is(c.err, ErrClosed) {
		return ErrClosed
	}
	return fmt.Errorf("%w: %w", ErrClosed, c.err)
}
