package rest

import (
	"context"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// idleTimeout is how long a REST connection may be idle. It is half of the shortest idle timeout that a server can
	// announce (Keep-Alive: timeout=1), so that no request meets a connection that the server closes. Source:
	// docs/BEHAVIOUR.md, Q20.
	idleTimeout = 500 * time.Millisecond

	// An HTTP/2 connection that is silent for pingAfter is sent a ping. Without a response within pingTimeout it ends, and
	// the calls it carries fail.
	pingAfter   = 5 * time.Second
	pingTimeout = 5 * time.Second
)

// A Pool is the transport of REST if the user does not set one. A connection can die silently, because the network has
// changed or a router on the way has forgotten it. HTTP/2 would send every later call over it. After CloseIdleConnections
// later calls therefore open new connections, whatever the state of the old ones.
type Pool struct {
	newTransport func() *http.Transport // immutable

	mu      sync.Mutex
	current *generation          // guarded by mu
	open    map[*pooled]struct{} // guarded by mu; all connections
}

// pooled is a connection of a Pool.
type pooled struct {
	net.Conn
	pool *Pool
}

// Close closes the connection, and the pool forgets it.
func (c *pooled) Close() error {
	c.pool.mu.Lock()
	delete(c.pool.open, c)
	c.pool.mu.Unlock()
	return c.Conn.Close()
}

// generation is a transport and the number of its requests.
type generation struct {
	transport *http.Transport
	requests  int  // guarded by Pool.mu; without a response yet
	retired   bool // guarded by Pool.mu; there will be no further requests
}

// NewPool returns a pool over the transports that newTransport makes. It sets how long their connections may be idle or
// silent.
func NewPool(newTransport func() *http.Transport) *Pool {
	p := &Pool{newTransport: newTransport, open: make(map[*pooled]struct{})}
	p.current = p.newGeneration()
	return p
}

func (p *Pool) newGeneration() *generation {
	t := p.newTransport()
	t.IdleConnTimeout = idleTimeout
	dial := t.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		c := &pooled{conn, p}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.open[c] = struct{}{}
		return c, nil
	}
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout}
	return &generation{transport: t}
}

// RoundTrip implements [http.RoundTripper].
func (p *Pool) RoundTrip(req *http.Request) (*http.Response, error) {
	p.mu.Lock()
	g := p.current
	g.requests++
	p.mu.Unlock()
	resp, err := g.transport.RoundTrip(req)
	p.mu.Lock()
	g.requests--
	last := g.retired && g.requests == 0
	p.mu.Unlock()
	if last { // nobody needs the connections that it still opens
		g.transport.CloseIdleConnections()
	}
	return resp, err
}

// CloseIdleConnections closes idle connections and retires those in use, which end once their calls have ended.
func (p *Pool) CloseIdleConnections() {
	fresh := p.newGeneration()
	p.mu.Lock()
	old := p.current
	old.retired = true
	p.current = fresh
	p.mu.Unlock()
	old.transport.CloseIdleConnections()
}

// Close closes all connections, idle or not. Requests must have ended: a connection becomes idle a moment after its response
// was read, and CloseIdleConnections can come too early for it.
func (p *Pool) Close() {
	p.CloseIdleConnections()
	p.mu.Lock()
	open := slices.Collect(maps.Keys(p.open))
	p.mu.Unlock()
	for _, c := range open {
		_ = c.Close()
	}
}
