package queuptest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// Restart is the service being restarted: every websocket is told that the server is going away, as with [Server.Close], every
// other connection breaks, and for as long as down nobody can connect. Then the server is back at its address. Its world is as
// it was: sessions, tokens and all that is in a database stay, and songs, crowds and bans go by the clock meanwhile. Who was
// present is not, until they come back ([PresenceGrace]). For a crash, without a word, call [Server.CutLinks] before.
//
// Restart returns when the server is back. It is [ErrClosed] if the server is closed before, and another error if the
// address cannot be had again. One that is called meanwhile waits for its turn.
func (s *Server) Restart(down time.Duration) error {
	select {
	case s.restarts <- struct{}{}:
		defer func() { <-s.restarts }()
	case <-s.closing:
		return ErrClosed
	}
	if !s.goDown() {
		return ErrClosed
	}
	wait := time.NewTimer(down)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-s.closing:
		return ErrClosed
	}
	return s.comeBack()
}

// goDown ends all connections and lets nobody in. It returns false if the server is closed.
func (s *Server) goDown() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.down = true
	s.door.shut()
	for l := range s.links {
		l.goAway()
	}
	return true
}

// comeBack lets everybody in again.
func (s *Server) comeBack() error {
	l, err := s.listenAgain()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.Join(ErrClosed, l.Close())
	}
	s.down = false
	s.door.reopen(l)
	return nil
}

// listenAgain opens a listener at the address of the first one, which somebody else may have for a moment.
func (s *Server) listenAgain() (net.Listener, error) {
	if s.config.inMemory {
		return newPipeListener(), nil
	}
	for try := 1; ; try++ {
		var lc net.ListenConfig
		l, err := lc.Listen(context.Background(), "tcp", s.host)
		if err == nil {
			return l, nil
		}
		if try == 50 {
			return nil, fmt.Errorf("queuptest: restart: %w", err)
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-s.closing:
			return nil, ErrClosed
		}
	}
}

// door is the listener of a server that can be shut for a while. It knows the connections that came in and are HTTP still.
type door struct {
	ended chan struct{} // closed by Close
	once  sync.Once

	mu      sync.Mutex
	inner   net.Listener          // guarded by mu; nil while it is shut
	changed chan struct{}         // guarded by mu; closed when inner changes
	inside  map[net.Conn]struct{} // guarded by mu
}

func newDoor(inner net.Listener) *door {
	return &door{ended: make(chan struct{}), inner: inner, changed: make(chan struct{}), inside: map[net.Conn]struct{}{}}
}

// current returns the listener, nil while the door is shut, and what is closed when it is another one.
func (d *door) current() (inner net.Listener, changed <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.inner, d.changed
}

// become sets the listener. The caller holds mu.
func (d *door) become(inner net.Listener) {
	d.inner = inner
	close(d.changed)
	d.changed = make(chan struct{})
}

// shut closes the listener and all connections inside.
func (d *door) shut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inner != nil {
		_ = d.inner.Close() // nobody accepts from it any more, whatever it says
	}
	d.become(nil)
	for c := range d.inside {
		_ = c.Close()
	}
}

func (d *door) reopen(inner net.Listener) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.become(inner)
}

// noted notes the state of a connection, and closes one that slipped in while the door was being shut.
func (d *door) noted(c net.Conn, state http.ConnState) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch state {
	case http.StateNew:
		d.inside[c] = struct{}{}
		if d.inner == nil {
			_ = c.Close()
		}
	case http.StateHijacked, http.StateClosed:
		delete(d.inside, c)
	case http.StateActive, http.StateIdle:
	}
}

// dialPipe connects to a server in memory.
func (d *door) dialPipe(ctx context.Context) (net.Conn, error) {
	inner, _ := d.current()
	if p, ok := inner.(*pipeListener); ok {
		conn, err := p.dial(ctx)
		if !errors.Is(err, ErrClosed) {
			return conn, err
		}
	}
	select {
	case <-d.ended:
		return nil, ErrClosed
	default:
		return nil, &net.OpError{Op: "dial", Net: "pipe", Addr: pipeAddr{}, Err: syscall.ECONNREFUSED}
	}
}

// Accept implements net.Listener.
func (d *door) Accept() (net.Conn, error) {
	for {
		inner, changed := d.current()
		if inner != nil {
			c, err := inner.Accept()
			if now, _ := d.current(); err == nil || now == inner {
				return c, err
			}
			continue
		}
		select {
		case <-changed:
		case <-d.ended:
			return nil, net.ErrClosed
		}
	}
}

// Close implements net.Listener.
func (d *door) Close() error {
	d.once.Do(func() { close(d.ended) })
	if inner, _ := d.current(); inner != nil {
		return inner.Close()
	}
	return nil
}

// Addr implements net.Listener.
func (d *door) Addr() net.Addr {
	if inner, _ := d.current(); inner != nil {
		return inner.Addr()
	}
	return pipeAddr{}
}
