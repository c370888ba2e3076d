package queuptest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/queup-go/queup/internal/redact"
)

// Server is QueUp in one process. Its methods are safe for concurrent use.
type Server struct {
	*state
	config   config
	log      *journal
	door     *door
	host     string // of the URLs
	http     *http.Server
	network  *badNetwork        // nil: a good one
	cancel   context.CancelFunc // of the context of all requests
	served   chan struct{}      // closed when nothing is accepted any more
	closing  chan struct{}      // closed when Close is called
	ended    chan struct{}      // closed when Close is through
	restarts chan struct{}      // holds a token while the server restarts

	conns sync.WaitGroup // connections and handlers
}

// NewServer starts a server on a random port of 127.0.0.1, with [DefaultWorld]. It panics on what [Start] returns as an
// error. The caller closes it. In a testing/synctest bubble it needs [InMemory], and panics without it.
func NewServer(opts ...Option) *Server {
	s, err := Start(opts...)
	if err != nil {
		panic(err.Error())
	}
	return s
}

// Start is NewServer for a program: it returns what is wrong with the options, all of it, or why the address is not to be
// had.
func Start(opts ...Option) (*Server, error) {
	c, err := newConfig(opts)
	if err != nil {
		return nil, fmt.Errorf("queuptest: %w", err)
	}
	s := &Server{
		state:   newState(c, time.Now().Add(c.rules.ahead)),
		config:  c,
		log:     &journal{},
		served:  make(chan struct{}),
		closing: make(chan struct{}),
		ended:   make(chan struct{}),

		restarts: make(chan struct{}, 1),
	}
	if c.crowd != nil {
		if s.crowd, err = s.newCrowd(*c.crowd); err != nil {
			return nil, fmt.Errorf("queuptest: %w", err)
		}
	}
	if err := s.listen(); err != nil {
		return nil, fmt.Errorf("queuptest: %w", err)
	}
	handler, err := s.routes()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("queuptest: %w", err), s.door.Close())
	}
	for i := range c.wrap {
		handler = c.wrap[len(c.wrap)-1-i](handler)
	}
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(context.Background())
	s.http = &http.Server{
		Handler:           s.counted(dated(s.state, logged(s.state, s.log, handler))),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnState:         s.connState,
		ErrorLog:          log.New(io.Discard, "", 0),
		ReadHeaderTimeout: time.Minute,
	}
	var listener net.Listener = s.door
	if c.faults != nil {
		s.network = newBadNetwork(*c.faults)
		listener = faultyListener{listener, s.network}
	}
	s.begin()
	go func() {
		defer close(s.served)
		_ = s.http.Serve(listener) // ends with Close
	}()
	return s, nil
}

// routes makes the handler of REST, the websocket and presence lists.
func (s *Server) routes() (http.Handler, error) {
	routes, err := newREST(s.state)
	if err != nil {
		return nil, err
	}
	routes = s.quirks.wrap(routes)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isSocketPath(r.URL.Path) {
			s.serveSocket(w, r)
		} else if channel, ok := channelOfPath(r.URL.Path); ok {
			s.servePresence(w, r, channel)
		} else {
			routes.ServeHTTP(w, r)
		}
	}), nil
}

// listen opens the listener, and makes sure that it is not reachable from elsewhere.
func (s *Server) listen() error {
	if s.config.inMemory {
		s.door, s.host = newDoor(newPipeListener()), inMemoryHost
		return nil
	}
	if inBubble() {
		return errBubble
	}
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", s.config.addr)
	if err != nil {
		return err
	}
	if a, ok := l.Addr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
		return errors.Join(fmt.Errorf("address %q leads to %v, which is not on the loopback", s.config.addr, l.Addr()), l.Close())
	}
	s.door, s.host = newDoor(l), l.Addr().String()
	return nil
}

// begin starts the first song in each room, and the life of the crowd.
func (s *Server) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rooms {
		r.advance(s.start, false)
	}
	if s.crowd != nil {
		s.crowd.begin(s.start)
	}
}

// URL returns the base of REST, without a slash at the end: http://127.0.0.1:PORT, or http://queup.test in memory, where
// only [Server.DialContext] leads.
func (s *Server) URL() string { return "http://" + s.host }

// RealtimeURL returns the address of the websocket, without a query: ws://127.0.0.1:PORT/ws/, or ws://queup.test/ws/ in
// memory.
func (s *Server) RealtimeURL() string { return "ws://" + s.host + socketPath }

// DialContext connects to this server, whatever the address says; client.WithServer uses it. With it a client that has QueUp's own hosts built in can
// be led here (without TLS). In memory it is the only way to connect.
func (s *Server) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	if s.config.inMemory {
		return s.door.dialPipe(ctx)
	}
	if s.isClosed() {
		return nil, ErrClosed
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", s.host)
}

// Room returns the room with that slug. A slug that is none is a mistake in the test: Room panics.
func (s *Server) Room(slug string) *Room {
	if r := s.roomBySlug(slug); r != nil {
		return &Room{r}
	}
	panic(fmt.Sprintf("queuptest: no room has the slug %q", slug))
}

// World returns what the server started with, with all ids filled in.
func (s *Server) World() World {
	s.directory.RLock()
	defer s.directory.RUnlock()
	w := s.config.world.clone()
	for i := range w.Users { // those who sign up come after them
		w.Users[i].ID = string(s.accounts[i].id)
	}
	for i := range w.Rooms {
		w.Rooms[i].ID = string(s.rooms[i].id)
	}
	return w
}

// CutLinks drops every websocket without a word, as a lost network does. Sessions and tokens stay good.
func (s *Server) CutLinks() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.links {
		l.cut()
	}
}

// ExpireSessions ends all sessions: who calls what needs one is redirected to the login. Websockets and their tokens are
// not touched.
func (s *Server) ExpireSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions.clear()
}

// ExpireTokens ends all tokens for the websocket: the next one must be fetched anew. Links that are open go on.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens.clear()
}

// Close ends all songs and connections, and returns when no goroutine of the server is left. A websocket is told that the
// server is going away, if its peer reads. It may be called more than once.
func (s *Server) Close() {
	if !s.shutdown() {
		<-s.ended
		return
	}
	defer close(s.ended)
	close(s.closing)
	s.network.end()
	_ = s.http.Close() // what it returns is about a listener that is closed
	s.cancel()
	<-s.served
	s.conns.Wait()
	s.timers.Wait()
}

// shutdown stops what would go on by itself. It returns false if that was done before.
func (s *state) shutdown() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.closed = true
	s.crowd.end()
	for _, r := range s.rooms {
		if r.playing != nil && r.playing.timer.Stop() {
			s.timers.Done()
		}
		for _, m := range r.members {
			r.expect(m)
		}
	}
	for l := range s.links {
		l.goAway()
	}
	return true
}

func (s *Server) isClosed() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// connState counts connections, so that Close can wait for them.
func (s *Server) connState(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.conns.Add(1) // not a race with Wait, which comes after the end of Serve
		if s.isClosed() {
			_ = c.Close() // the HTTP server may have missed it
		}
		s.door.noted(c, state)
	case http.StateHijacked, http.StateClosed:
		s.door.noted(c, state)
		s.conns.Done()
	case http.StateActive, http.StateIdle:
	}
}

// counted counts running handlers, so that Close waits for those that took their connection over.
func (s *Server) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.conns.Add(1) // not a race with Wait: the connection is counted already
		defer s.conns.Done()
		next.ServeHTTP(w, r)
	})
}

// maskPath is the path and query of a request, without secrets.
func maskPath(u *url.URL) string { return redact.Text(u.RequestURI()) }
