package realtime

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/queup-go/queup/internal/printable"
	"github.com/queup-go/queup/internal/retryafter"
)

// DefaultReadLimit is the default of [WebsocketDialer].ReadLimit: 1 MiB.
const DefaultReadLimit = 1 << 20

const defaultHandshakeTimeout = 30 * time.Second

// readBuffer is large enough that one system call reads all frames that a busy room sends in a moment.
const readBuffer = 32 << 10

// maxHandshake bounds how many bytes are read before the websocket is open, certificates and the answers of proxies included.
// The library would read a header of any length.
const maxHandshake = 512 << 10

// WebsocketDialer is the [Dialer] for the real network, and for anything that can make a net.Conn. Its zero value is ready
// for use. It must not be changed once in use, and may be used by many connections.
type WebsocketDialer struct {
	// NetDialContext opens the connection to the server, or to the proxy. Nil: a net.Dialer.
	NetDialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	// Proxy names the proxy for a handshake, by its https or http URL; http, https, socks5 and socks5h (which are one: the
	// proxy resolves the name) are understood. Nil: http.ProxyFromEnvironment, or none if NetDialContext is set.
	Proxy func(*http.Request) (*url.URL, error)
	// TLSConfig is for wss and for https proxies. It is copied, and may be shared with an http.Transport. Nil: the default.
	TLSConfig *tls.Config
	// ReadLimit is the largest frame in bytes; a larger one ends the link with [ErrReadLimit]. Zero: [DefaultReadLimit].
	// Negative: no limit.
	ReadLimit int64
	// HandshakeTimeout bounds all of Dial, proxy and TLS included. Zero: 30 s.
	HandshakeTimeout time.Duration
}

var errHandshakeTimeout = fmt.Errorf("realtime: the handshake took too long: %w", context.DeadlineExceeded)

// Dial opens a websocket. An answer other than a websocket is a *[HandshakeError]. No error holds the URL.
func (d *WebsocketDialer) Dial(ctx context.Context, rawURL string, h http.Header) (Socket, error) {
	if _, err := url.Parse(rawURL); err != nil {
		return nil, errors.New("realtime: the URL is malformed") // err would quote it
	}
	ctx, cancel := context.WithTimeoutCause(ctx, orDefault(d.HandshakeTimeout, defaultHandshakeTimeout), errHandshakeTimeout)
	defer cancel()

	// The library does not watch ctx while it waits for an answer, so ending ctx closes the connection under it.
	var guard guard
	defer context.AfterFunc(ctx, guard.cut)()
	p := d.proxied(guard.watch(d.netDial()))
	ws, resp, err := (&websocket.Dialer{
		NetDialContext:  p.dial,
		Proxy:           p.choose,
		TLSClientConfig: d.tlsConfig(""),
		ReadBufferSize:  readBuffer,
	}).DialContext(ctx, rawURL, h)
	if !guard.release() {
		if ws != nil {
			_ = ws.Close()
		}
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, dialError(ctx, &guard, resp, err)
	}
	if extensions := resp.Header.Get("Sec-Websocket-Extensions"); extensions != "" {
		// We offer no extension (RFC 6455 4.1). The library would decompress unasked data without any limit.
		_ = ws.Close()
		return nil, &HandshakeError{Status: resp.StatusCode, Err: errExtension}
	}
	limit := orDefault(d.ReadLimit, DefaultReadLimit)
	ws.SetReadLimit(max(limit, 0))
	return &wsSocket{ws: ws, limit: limit, ended: make(chan struct{})}, nil
}

var (
	errExtension = errors.New("the server speaks a websocket extension that was not offered")
	errHandshake = fmt.Errorf("the server sent more than %d KiB before the websocket was open", maxHandshake>>10)
)

func dialError(ctx context.Context, guard *guard, resp *http.Response, err error) error {
	if resp != nil {
		body, _ := io.ReadAll(resp.Body) // the library has cut it to 1 KiB
		return &HandshakeError{Status: resp.StatusCode, Body: body, RetryAfter: retryafter.Read(resp.Header), Err: err}
	}
	// err may hide the real cause: if the limit cuts a line, the library calls the line malformed.
	if guard.read.Load() > maxHandshake {
		return &HandshakeError{Err: errHandshake}
	}
	if deadline, _ := ctx.Deadline(); ctx.Err() == nil && !time.Now().Before(deadline) {
		<-ctx.Done() // the connection has the same deadline and was a moment faster
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if text := err.Error(); len(text) > maxReason { // it quotes the answer
		return errors.New(printable.Text("realtime: dial: " + strings.ToValidUTF8(text[:maxReason], "") + "…"))
	}
	return &unreachedError{err}
}

// unreachedError is an attempt to connect without an answer.
type unreachedError struct{ err error }

func (e *unreachedError) Error() string { return printable.Text("realtime: dial: " + e.err.Error()) }
func (e *unreachedError) Unwrap() error { return e.err }

const maxReason = 300 // bytes

func (d *WebsocketDialer) netDial() dialFunc {
	if d.NetDialContext != nil {
		return d.NetDialContext
	}
	return new(net.Dialer).DialContext
}

// tlsConfig returns a copy of our own: shared with an http.Transport, the original offers HTTP/2, which cannot carry a
// websocket.
func (d *WebsocketDialer) tlsConfig(serverName string) *tls.Config {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if d.TLSConfig != nil {
		cfg = d.TLSConfig.Clone()
	}
	cfg.NextProtos = nil
	if serverName != "" {
		cfg.ServerName = serverName
	}
	return cfg
}

// guard closes a connection whose handshake takes too long, and bounds how much the handshake may read.
type guard struct {
	mu    sync.Mutex
	conn  net.Conn // guarded by mu
	over  bool     // guarded by mu; cut came first
	ready bool     // guarded by mu; release came first

	open atomic.Bool  // the handshake is over, and so is the bound
	read atomic.Int64 // bytes so far
}

// guardedConn is a connection under a guard.
type guardedConn struct {
	net.Conn
	guard *guard
}

func (c *guardedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if !c.guard.open.Load() && c.guard.read.Add(int64(n)) > maxHandshake {
		return 0, errHandshake
	}
	return n, err
}

func (g *guard) watch(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		g.conn = conn
		if g.over {
			_ = conn.Close()
		}
		return &guardedConn{conn, g}, nil
	}
}

func (g *guard) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ready {
		return
	}
	g.over = true
	if g.conn != nil {
		_ = g.conn.Close()
	}
}

// release ends the watch and reports whether the connection is still open.
func (g *guard) release() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ready = true
	g.open.Store(true)
	return !g.over
}

// wsSocket is a [Socket] on a gorilla connection.
type wsSocket struct {
	ws    *websocket.Conn
	limit int64

	buf     []byte // owned by the reader
	readErr error  // owned by the reader; the library panics when read again after an error

	reading   atomic.Bool   // a Read is waiting
	ended     chan struct{} // closed when a Read has failed
	endOnce   sync.Once
	closeOnce sync.Once
	closeErr  error // owned by closeOnce
}

// Read implements [Socket].
func (s *wsSocket) Read() (Opcode, []byte, error) {
	if s.readErr != nil {
		return 0, nil, s.readErr
	}
	s.reading.Store(true)
	defer s.reading.Store(false)
	kind, r, err := s.ws.NextReader()
	if err == nil {
		s.buf, err = readInto(s.buf[:0], r)
	}
	if err != nil {
		s.readErr = s.explain(err)
		s.endOnce.Do(func() { close(s.ended) })
		return 0, nil, s.readErr
	}
	return Opcode(kind), s.buf, nil
}

func readInto(buf []byte, r io.Reader) ([]byte, error) {
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
}

func (s *wsSocket) explain(err error) error {
	if errors.Is(err, websocket.ErrReadLimit) {
		return fmt.Errorf("%w: the server sent a frame of more than %d bytes; raise WebsocketDialer.ReadLimit", ErrReadLimit, s.limit)
	}
	if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
		return &CloseError{Code: closed.Code, Reason: closed.Text}
	}
	return deadline(err)
}

// deadline makes a timeout match os.ErrDeadlineExceeded, which the library replaces with an error of its own.
func deadline(err error) error {
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() && !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%w: %w", err, os.ErrDeadlineExceeded)
	}
	return err
}

// Write implements [Socket].
func (s *wsSocket) Write(op Opcode, data []byte) error {
	return deadline(s.ws.WriteMessage(int(op), data))
}

// SetReadDeadline implements [Socket].
func (s *wsSocket) SetReadDeadline(t time.Time) error { return s.ws.SetReadDeadline(t) }

// SetWriteDeadline implements [Socket].
func (s *wsSocket) SetWriteDeadline(t time.Time) error { return s.ws.SetWriteDeadline(t) }

const (
	closeFrameTimeout = time.Second            // for the peer to accept our close frame
	closeReplyTimeout = 500 * time.Millisecond // for its own to arrive, if a Read waits for it
)

// Close implements [Socket]. With a code it gives the peer time to answer: closing while the peer still sends resets the
// connection, and the close frame is lost.
func (s *wsSocket) Close(code int, reason string) error {
	s.closeOnce.Do(func() {
		if code != 0 {
			s.sayGoodbye(code, reason)
		}
		s.closeErr = s.netConn().Close()
	})
	return s.closeErr
}

func (s *wsSocket) sayGoodbye(code int, reason string) {
	const maxReason = 123 // RFC 6455 5.5
	frame := websocket.FormatCloseMessage(code, reason[:min(len(reason), maxReason)])
	if s.ws.WriteControl(websocket.CloseMessage, frame, time.Now().Add(closeFrameTimeout)) != nil || !s.reading.Load() {
		return
	}
	t := time.NewTimer(closeReplyTimeout)
	defer t.Stop()
	select {
	case <-s.ended:
	case <-t.C:
	}
}

// netConn returns the connection under TLS, whose own Close may wait 5 s for a dead peer.
func (s *wsSocket) netConn() net.Conn {
	conn := s.ws.NetConn()
	for {
		tlsConn, ok := conn.(*tls.Conn)
		if !ok {
			return conn
		}
		conn = tlsConn.NetConn()
	}
}
