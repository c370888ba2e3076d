package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/queup-go/queup/realtime"
)

// Bounds that options can change.
const (
	// DefaultCalls is how many calls a bot makes in any window of DefaultCallsPer.
	DefaultCalls = 10
	// DefaultCallsPer is the length of that window.
	DefaultCallsPer = 30 * time.Second
	// DefaultChatLines is how many chat lines a bot sends in any window of DefaultChatPer.
	DefaultChatLines = 10
	// DefaultChatPer is the length of that window.
	DefaultChatPer = 5 * time.Second
	// DefaultMessageHistory is how many chat lines a room keeps.
	DefaultMessageHistory = 512
	// DefaultMessageParts is how many lines SendLong may send.
	DefaultMessageParts = 2
	// DefaultQueue is how many events may wait for a slow handler.
	DefaultQueue = 1024
	// DefaultUserCache is how many users a client remembers besides those in its rooms.
	DefaultUserCache = 10_000
	// DefaultSongCache is how many pieces of media a client remembers.
	DefaultSongCache = 2_000
	// DefaultConversationCache is how many private conversations a client remembers.
	DefaultConversationCache = 512
)

// An Option changes how New makes a client.
type Option func(*config) error

// config holds the settings of a client.
type config struct {
	baseURL, realtimeURL *url.URL
	realtimeFrom         string // the option that set realtimeURL; empty for the default
	httpClient           *http.Client
	transport            http.RoundTripper
	dialer               realtime.Dialer
	dialContext          func(ctx context.Context, network, addr string) (net.Conn, error)
	proxy                *url.URL
	tls                  *tls.Config
	logger               *slog.Logger
	userAgent            string
	calls                int
	per                  time.Duration
	chatLines            int
	chatPer              time.Duration
	messageHistory       int
	messageParts         int
	users, songs         int
	conversations        int
	recentConversations  bool
	rawChat              bool
	reconnect            realtime.ReconnectPolicy
	random               func(stream string) float64 // in [0,1); for pauses
	queue                int
	full                 FullPolicy
	errorHandler         func(ctx context.Context, err error)
	mutedMessages        bool
	ownMessages          bool
	guest                bool
	plaintext            bool
	sessions             SessionStore // nil keeps no session
	leave                bool
}

// newConfig applies the options to the defaults. It returns all their errors joined.
func newConfig(opts []Option) (*config, error) {
	c := &config{
		userAgent:      "queup-go",
		calls:          DefaultCalls,
		per:            DefaultCallsPer,
		chatLines:      DefaultChatLines,
		chatPer:        DefaultChatPer,
		messageHistory: DefaultMessageHistory,
		messageParts:   DefaultMessageParts,
		users:          DefaultUserCache,
		songs:          DefaultSongCache,
		conversations:  DefaultConversationCache,
		queue:          DefaultQueue,
		random:         func(string) float64 { return rand.Float64() },

		recentConversations: true,
		leave:               true,
	}
	c.baseURL, _ = url.Parse(DefaultBaseURL)
	c.realtimeURL, _ = url.Parse(DefaultRealtimeURL)
	var problems []error
	for i, opt := range opts {
		if opt == nil {
			problems = append(problems, fmt.Errorf("queup: New: option %d is nil", i+1))
			continue
		}
		if err := opt(c); err != nil {
			problems = append(problems, err)
		}
	}
	if c.httpClient != nil && c.httpClient.Transport != nil && c.transport == nil && (c.proxy != nil || c.dialContext != nil || c.tls != nil) {
		problems = append(problems, optionError("WithHTTPClient", "h",
			"has a Transport of its own, to which WithProxy, WithServer, WithDialContext and WithTLSConfig do not apply: set them there, or leave it nil"))
	}
	problems = append(problems, c.exposures()...)
	return c, errors.Join(problems...)
}

func optionError(option, argument, reason string) error {
	return &ArgumentError{Op: option, Argument: argument, Reason: reason}
}

// WithHTTPClient makes REST calls through a copy of h. The copy has a Timeout of 60 s if h has none. It never follows
// redirects, because QueUp answers a lost session with one and nobody else should get the cookies. It does not use the Jar
// of h. Each login of each client has a cookie jar of its own, so that two bots with the same h never act as each other.
//
// If h has no Transport, the client makes one. It closes connections after 0.5 s without a call and pings HTTP/2. When a
// link is lost or a call has timed out, it opens fresh connections. A Transport of h is used as it is, as by
// [WithTransport].
func WithHTTPClient(h *http.Client) Option {
	return func(c *config) error {
		if h == nil {
			return optionError("WithHTTPClient", "h", "is nil")
		}
		c.httpClient = h
		return nil
	}
}

// WithTransport makes REST calls through rt, for example for proxies, recordings, logs and injected faults. For REST it
// replaces WithHTTPClient's Transport, WithDialContext, WithProxy and WithTLSConfig.
//
// If rt has the method CloseIdleConnections, as *http.Transport has, the client calls it before each attempt to reconnect
// and after a call that has timed out. This also affects others who share rt. Everything else is up to rt. To keep chat
// lines from meeting a server that closes an idle connection, set IdleConnTimeout well below the server's (Node.js: 5 s).
// To notice a dead HTTP/2 connection, set HTTP2.SendPingTimeout.
func WithTransport(rt http.RoundTripper) Option {
	return func(c *config) error {
		if rt == nil {
			return optionError("WithTransport", "rt", "is nil")
		}
		c.transport = rt
		return nil
	}
}

// WithDialer opens the websocket through d, for example for recordings and injected faults. For the websocket it replaces
// WithDialContext, WithProxy and WithTLSConfig.
func WithDialer(d realtime.Dialer) Option {
	return func(c *config) error {
		if d == nil {
			return optionError("WithDialer", "d", "is nil")
		}
		c.dialer = d
		return nil
	}
}

// WithDialContext makes the network connections of REST and websocket with f.
func WithDialContext(f func(ctx context.Context, network, addr string) (net.Conn, error)) Option {
	return func(c *config) error {
		if f == nil {
			return optionError("WithDialContext", "f", "is nil")
		}
		c.dialContext = f
		return nil
	}
}

// WithProxy sends REST and websocket traffic through a proxy: http, https, socks5 or socks5h, with a user and password if
// the URL has them.
func WithProxy(u *url.URL) Option {
	return func(c *config) error {
		if u == nil {
			return optionError("WithProxy", "u", "is nil")
		}
		if !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) || u.Host == "" {
			return optionError("WithProxy", "u", "must start with http://, https://, socks5:// or socks5h:// and name a host")
		}
		c.proxy = u
		return nil
	}
}

// WithTLSConfig sets the TLS configuration of REST and websocket. The configuration is copied.
func WithTLSConfig(t *tls.Config) Option {
	return func(c *config) error {
		if t == nil {
			return optionError("WithTLSConfig", "t", "is nil")
		}
		c.tls = t.Clone()
		return nil
	}
}

// WithLogger sets the logger of the client: frames and changes of state at Debug, connections at Info, retries at Warn,
// errors of handlers at Error. By default the client logs only the following, through [slog.Default]: a lost connection at
// Warn and its return at Info, a handler that does not return after Close at Warn, and the errors described at
// [WithErrorHandler]. A logger with [slog.DiscardHandler] logs nothing.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) error {
		if l == nil {
			return optionError("WithLogger", "l", "is nil; for silence, give a logger with slog.DiscardHandler")
		}
		c.logger = l
		return nil
	}
}

// WithUserAgent sets the User-Agent of REST calls and of the websocket's handshake; the default is queup-go.
func WithUserAgent(s string) Option {
	return func(c *config) error {
		if strings.TrimSpace(s) == "" || strings.ContainsAny(s, "\r\n") {
			return optionError("WithUserAgent", "s", "must be one line of text")
		}
		c.userAgent = s
		return nil
	}
}

// WithRateLimit sets how many calls the bot makes in any window of time; the default is [DefaultCalls] in
// [DefaultCallsPer], and 0 requests turn it off. A call over the limit waits. A call that would have to wait past its
// deadline is not sent, and returns a [*RateLimitError].
//
// Some calls have a lane of their own, so that they never wait for the bot's other calls:
//
//   - logging in and connecting
//   - chat, one line at a time ([WithChatRate])
//   - the requests made while joining a room, at most 5 at once and 20 in any second
//
// When QueUp answers 429, or sends Retry-After, all lanes wait. When only the chat quota is used up, only chat waits.
// Source: docs/PROTOCOL.md 1.6.
func WithRateLimit(requests int, per time.Duration) Option {
	return func(c *config) error {
		if requests < 0 {
			return optionError("WithRateLimit", "requests", "must not be negative; 0 turns the limit off")
		}
		if requests > 0 && per <= 0 {
			return optionError("WithRateLimit", "per", "must be positive")
		}
		c.calls, c.per = requests, per
		return nil
	}
}

// WithChatRate sets how many chat lines the bot sends in any window of time. The default is [DefaultChatLines] in any
// [DefaultChatPer], and 0 lines turn it off. QueUp's moderators mute and ban accounts that say more than a person could. A
// line over the limit waits. A line that would have to wait past its deadline is not sent, and returns a [*RateLimitError].
//
// When QueUp says that the chat quota is used up, lines wait as long as it says, and at most 2 h. If that cannot be read,
// they wait 30 s. Other calls do not wait. Source: docs/PROTOCOL.md 1.6.
func WithChatRate(lines int, per time.Duration) Option {
	return func(c *config) error {
		if lines < 0 {
			return optionError("WithChatRate", "lines", "must not be negative; 0 turns the limit off")
		}
		if lines > 0 && per <= 0 {
			return optionError("WithChatRate", "per", "must be positive")
		}
		c.chatLines, c.chatPer = lines, per
		return nil
	}
}

// WithMessageHistory sets how many chat lines each room keeps; the default is [DefaultMessageHistory], 0 keeps none.
func WithMessageHistory(n int) Option {
	return func(c *config) error {
		if n < 0 {
			return optionError("WithMessageHistory", "n", "must not be negative")
		}
		c.messageHistory = n
		return nil
	}
}

// WithMessageParts sets how many lines [Room.SendLong] may split a text into; the default is [DefaultMessageParts], at
// least 1.
func WithMessageParts(n int) Option {
	return func(c *config) error {
		if n < 1 {
			return optionError("WithMessageParts", "n", "must be at least 1")
		}
		c.messageParts = n
		return nil
	}
}

// WithUserCache sets how many users are remembered besides those in the client's rooms; the default is [DefaultUserCache],
// at least 1.
func WithUserCache(n int) Option {
	return func(c *config) error {
		if n < 1 {
			return optionError("WithUserCache", "n", "must be at least 1")
		}
		c.users = n
		return nil
	}
}

// WithSongCache sets how many pieces of media are remembered; the default is [DefaultSongCache], at least 1.
func WithSongCache(n int) Option {
	return func(c *config) error {
		if n < 1 {
			return optionError("WithSongCache", "n", "must be at least 1")
		}
		c.songs = n
		return nil
	}
}

// WithConversationCache sets how many private conversations are remembered; the default is [DefaultConversationCache], at
// least 1. An evicted conversation gets a new handle when it is fetched or opened again, unless the bot still holds the old
// one.
func WithConversationCache(n int) Option {
	return func(c *config) error {
		if n < 1 {
			return optionError("WithConversationCache", "n", "must be at least 1")
		}
		c.conversations = n
		return nil
	}
}

// WithRecentConversations sets whether Login reads the account's recent conversations into [Client.Conversations]. By
// default it does. A failure is logged at Warn, and Login succeeds all the same. After a lost connection they are read in
// any case, to find the messages that were missed.
func WithRecentConversations(on bool) Option {
	return func(c *config) error {
		c.recentConversations = on
		return nil
	}
}

// WithRawChat sends chat and private messages as they are. By default they are HTML-encoded, as QueUp's own page does, so
// that people read what was sent.
func WithRawChat(on bool) Option {
	return func(c *config) error {
		c.rawChat = on
		return nil
	}
}

// WithReconnect sets when a lost websocket is opened again; the default is [realtime.DefaultReconnect].
func WithReconnect(p realtime.ReconnectPolicy) Option {
	return func(c *config) error {
		if p == nil {
			return optionError("WithReconnect", "p", "is nil")
		}
		c.reconnect = p
		return nil
	}
}

// WithLeave sets whether [Client.Run] leaves its rooms before it returns, which is the default. With false it closes the connection and
// stays a member at QueUp, so that the next process of a bot can continue without a visible leave and join. How long QueUp keeps a
// member without a connection is not known. Source: docs/PROTOCOL.md 2.4.
func WithLeave(on bool) Option {
	return func(c *config) error {
		c.leave = on
		return nil
	}
}

// WithSeed makes every random choice of the client depend on seed alone: the pause before a lost websocket is opened again, and the
// pause before a failed call is repeated. A test with a seed therefore sees the same times in every run. Without it the choices
// differ, so that clients which lost their connections together do not come back together: give each client of a test a seed of its
// own, and a bot in production none. A policy of [WithReconnect] makes its own choices.
func WithSeed(seed uint64) Option {
	return func(c *config) error {
		c.random = seeded(seed)
		return nil
	}
}

// seeded returns a source of random numbers in [0,1) that is safe for concurrent use. Each stream, the link or an operation of REST,
// has numbers of its own: the order in which concurrent calls fail does not matter.
func seeded(seed uint64) func(stream string) float64 {
	var mu sync.Mutex
	streams := make(map[string]*rand.Rand) // as many as there are operations
	return func(stream string) float64 {
		mu.Lock()
		defer mu.Unlock()
		random, ok := streams[stream]
		if !ok {
			name := fnv.New64a()
			_, _ = name.Write([]byte(stream))
			random = rand.New(rand.NewPCG(seed, name.Sum64()))
			streams[stream] = random
		}
		return random.Float64()
	}
}

// FullPolicy says what happens to an event when a subscription's queue is full.
type FullPolicy int

const (
	// DropOldest drops the oldest waiting event and reports the loss with Lagged. This is the default.
	DropOldest FullPolicy = iota
	// Block loses no event: everything waits for the slowest handler, down to the socket. It is meant for offline tools.
	// docs/BEHAVIOUR.md lists what it changes; above all, a handler that waits for another event or calls Close deadlocks.
	Block
)

// WithQueue sets how many events may wait for a handler, and what happens when the queue is full; the default is
// [DefaultQueue] and [DropOldest].
func WithQueue(size int, full FullPolicy) Option {
	return func(c *config) error {
		if size < 1 {
			return optionError("WithQueue", "size", "must be at least 1")
		}
		if full != DropOldest && full != Block {
			return optionError("WithQueue", "full", "must be DropOldest or Block")
		}
		c.queue, c.full = size, full
		return nil
	}
}

// WithErrorHandler sets the function that receives the errors that no call can return. They are [*HandlerError],
// [*PanicError] and [Lagged] from handlers, and [*MailboxError] when private messages are not received. By default such
// errors are logged at Error, so that none is silently dropped. They are logged through [slog.Default] if WithLogger was
// not used.
func WithErrorHandler(f func(ctx context.Context, err error)) Option {
	return func(c *config) error {
		if f == nil {
			return optionError("WithErrorHandler", "f", "is nil")
		}
		c.errorHandler = f
		return nil
	}
}

// WithMutedMessages also delivers the chat of muted members, and keeps it in the history. By default their lines are
// dropped.
func WithMutedMessages(on bool) Option {
	return func(c *config) error {
		c.mutedMessages = on
		return nil
	}
}

// WithOwnMessages also delivers the chat of the client's own account. By default a bot does not receive its own lines.
func WithOwnMessages(on bool) Option {
	return func(c *config) error {
		c.ownMessages = on
		return nil
	}
}

// WithGuest lets Connect work without Login, with a guest's token. Such a client can listen but not act.
func WithGuest() Option {
	return func(c *config) error {
		c.guest = true
		return nil
	}
}

// WithPlaintext lets the client use http and ws with other machines. The password, the cookies and the token then travel in
// plain text: anyone on the way can read them and act as the account. It is meant for a private network.
//
// Without it, New refuses an http base URL and a ws realtime URL, unless the connection ends on this machine. That means at
// localhost, an address of 127.0.0.0/8 or ::1. This may be the URL's own host or, with [WithProxy], the proxy, such as an
// SSH tunnel.
//
// Traffic that the client does not carry itself is not checked. That is REST with [WithTransport] or with a client of
// [WithHTTPClient] that has a Transport, the websocket with [WithDialer], and both with [WithDialContext].
//
// In any case, secrets go to these two hosts only: redirects are never followed.
func WithPlaintext() Option {
	return func(c *config) error {
		c.plaintext = true
		return nil
	}
}
