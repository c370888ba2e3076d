package queuptest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// An Option changes how [NewServer] and [Start] make a server.
type Option func(*config) error

// config is what the options fill in.
type config struct {
	inMemory     bool
	addr         string
	world        World
	rules        rules
	quirks       bool
	crowd        *CrowdConfig
	faults       *FaultConfig
	wrap         []func(http.Handler) http.Handler
	pingInterval time.Duration
	pingTimeout  time.Duration
}

// The heartbeat that a server announces unless [Heartbeat] says otherwise; Engine.IO's own, see docs/PROTOCOL.md 5.2.
const (
	defaultPingInterval = 25 * time.Second
	defaultPingTimeout  = 60 * time.Second
)

func newConfig(opts []Option) (config, error) {
	c := config{
		rules:        rules{quotaLines: defaultQuotaLines, quotaTime: defaultQuotaTime, grace: defaultGrace},
		pingInterval: defaultPingInterval, pingTimeout: defaultPingTimeout,
	}
	var errs []error
	for i, opt := range opts {
		if opt == nil {
			errs = append(errs, fmt.Errorf("option %d is nil", i+1))
			continue
		}
		errs = append(errs, opt(&c))
	}
	if c.inMemory && c.addr != "" {
		errs = append(errs, errors.New("InMemory and Addr exclude each other"))
	}
	if c.addr == "" {
		c.addr = "127.0.0.1:0"
	}
	if c.world.isZero() {
		c.world = DefaultWorld()
	}
	errs = append(errs, c.world.check())
	return c, errors.Join(errs...)
}

// InMemory makes a server without a listener: [Server.DialContext] is the only way in, over net.Pipe, and client.WithServer
// uses it. No port is opened, and the server runs inside a testing/synctest bubble if it is made, used and closed there.
func InMemory() Option {
	return func(c *config) error {
		c.inMemory = true
		return nil
	}
}

// Addr sets the address to listen on instead of a random port of 127.0.0.1. The host is an address of the loopback
// (127.0.0.0/8 or ::1) or localhost; any other is refused, because the server knows no real security.
func Addr(hostport string) Option {
	return func(c *config) error {
		host, _, err := net.SplitHostPort(hostport)
		if err != nil {
			return fmt.Errorf("address %q: %w", hostport, err)
		}
		if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.Unmap().IsLoopback()) {
			return fmt.Errorf("address %q would leave the loopback: the host must be localhost, ::1 or in 127.0.0.0/8", hostport)
		}
		c.addr = hostport
		return nil
	}
}

// WithWorld sets what the server starts with instead of [DefaultWorld].
func WithWorld(w World) Option {
	return func(c *config) error {
		if w.isZero() {
			return errors.New("the world is empty")
		}
		c.world = w.clone()
		return nil
	}
}

// ClassicRoles makes a server with the fixed roles that QueUp had until custom roles came in autumn 2026: members carry roleid,
// /chat/{roleId}/{roomId}/user/{userId} sets a role and /room/{roomId}/roles is not there. See docs/PROTOCOL.md 4.
func ClassicRoles() Option {
	return func(c *config) error {
		c.rules.classic = true
		return nil
	}
}

// ChatQuota sets how many lines an account may send to a room in some time before it is refused for ten minutes. The default
// is 100 in 30 seconds; what QueUp allows is not known. Lines that [Room.Say] makes do not count.
func ChatQuota(lines int, per time.Duration) Option {
	return func(c *config) error {
		if lines < 1 || per <= 0 {
			return fmt.Errorf("chat quota of %d lines in %v: both must be more than zero", lines, per)
		}
		c.rules.quotaLines, c.rules.quotaTime = lines, per
		return nil
	}
}

// WithHandler puts a handler of the test's own before the server's, which is next: to answer some requests itself, with
// things the server never says, and to pass on the others. It sees every HTTP request, also the one that opens the
// websocket (path /ws/). Given twice, the first one is the outermost.
func WithHandler(wrap func(next http.Handler) http.Handler) Option {
	return func(c *config) error {
		if wrap == nil {
			return errors.New("WithHandler without a function")
		}
		c.wrap = append(c.wrap, wrap)
		return nil
	}
}

// Heartbeat sets what the server announces when a websocket opens: how often the client is to ping, and how long it may
// wait for the answer. A link that has not pinged for the sum of both is closed. The default is 25 s and 60 s. Both are
// whole milliseconds on the wire.
func Heartbeat(interval, timeout time.Duration) Option {
	return func(c *config) error {
		if interval < time.Millisecond || timeout < time.Millisecond {
			return fmt.Errorf("heartbeat of %v and %v: both must be at least a millisecond", interval, timeout)
		}
		c.pingInterval, c.pingTimeout = interval, timeout
		return nil
	}
}

// SessionLife has sessions end by themselves some time after the login: what needs one is redirected to the login then. Without
// it they last until the logout; how long QueUp's last is not known. [Server.ExpireSessions] ends all of them at once.
func SessionLife(d time.Duration) Option {
	return func(c *config) error { return setLife(&c.rules.sessionLife, "session", d) }
}

// TokenLife has tokens for the websocket end some time after they were given out: no websocket opens with one then, and links
// that are open go on. Without it they last as long as the server; the only token that was ever seen has no end.
// [Server.ExpireTokens] ends all of them at once.
func TokenLife(d time.Duration) Option {
	return func(c *config) error { return setLife(&c.rules.tokenLife, "token", d) }
}

// PresenceGrace sets how long someone who was present in a room by a websocket stays in its list of members after the last
// such websocket is gone. Then the room hears user-leave; entering presence again brings them back. The default is a minute,
// which is an assumption. Who never was present by a websocket, such as those that a world puts there, stays.
func PresenceGrace(d time.Duration) Option {
	return func(c *config) error { return setLife(&c.rules.grace, "presence", d) }
}

func setLife(life *time.Duration, what string, d time.Duration) error {
	if d <= 0 {
		return fmt.Errorf("%s life of %v: it must be more than zero", what, d)
	}
	*life = d
	return nil
}
