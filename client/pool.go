package client

import (
	"net/http"
	"sync"
	"time"
)

const (
	// idleTimeout is how long a connection of REST may be idle. It is half of the shortest idle timeout that a server can
	// announce (Keep-Alive: timeout=1), so that no request meets the server's. Source: docs/BEHAVIOUR.md, Q20.
	idleTimeout = 500 * time.Millisecond

	// An HTTP/2 connection that brings nothing for pingAfter is asked for a sign of life, and ends if there is none within
	// pingTimeout. The calls it carries then fail.
	pingAfter   = 5 * time.Second
	pingTimeout = 5 * time.Second
)

// pool carries REST where the user brings no transport. A connection can die without a word: the network has changed, or a
// router on the way has forgotten it. HTTP/2 would send every later call into it, so CloseIdleConnections has later calls
// open connections of their own, whatever the state of the old ones.
type pool struct {
	fresh func() *http.Transport // immutable

	mu      sync.Mutex
	current *generation // guarded by mu
}

// generation is a transport with the requests that it carries.
type generation struct {
	transport *http.Transport
	requests  int  // guarded by pool.mu; that have no answer yet
	retired   bool // guarded by pool.mu; there will be no further requests
}

func newPool(fresh func() *http.Transport) *pool {
	return &pool{fresh: fresh, current: &generation{transport: fresh()}}
}

// RoundTrip implements http.RoundTripper.
func (p *pool) RoundTrip(req *http.Request) (*http.Response, error) {
	p.mu.Lock()
	g := p.current
	g.requests++
	p.mu.Unlock()
	resp, err := g.transport.RoundTrip(req)
	p.mu.Lock()
	g.requests--
	last := g.retired && g.requests == 0
	p.mu.Unlock()
	if last { // what it still dials, nobody waits for
		g.transport.CloseIdleConnections()
	}
	return resp, err
}

// CloseIdleConnections closes what is idle, and retires what is in use: it ends once its calls have ended.
func (p *pool) CloseIdleConnections() {
	fresh := &generation{transport: p.fresh()}
	p.mu.Lock()
	old := p.current
	old.retired = true
	p.current = fresh
	p.mu.Unlock()
	old.transport.CloseIdleConnections()
}
