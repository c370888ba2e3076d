package realtime_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/realtime"
)

// echo is an HTTP handler that sends every frame back.
func echo(w http.ResponseWriter, r *http.Request) {
	ws, err := new(websocket.Upgrader).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	for {
		op, data, err := ws.ReadMessage()
		if err != nil || ws.WriteMessage(op, data) != nil {
			return
		}
	}
}

// roundTrip dials, sends a frame, and wants it back.
func roundTrip(t *testing.T, d *realtime.WebsocketDialer, rawURL string) {
	t.Helper()
	sock, err := d.Dial(t.Context(), rawURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer sock.Close(1000, "bye")
	for _, want := range []struct {
		op   realtime.Opcode
		data string
	}{{realtime.Text, "héllo"}, {realtime.Binary, "\x00\x01"}, {realtime.Text, strings.Repeat("long ", 10_000)}, {realtime.Text, ""}} {
		if err := sock.Write(want.op, []byte(want.data)); err != nil {
			t.Fatal(err)
		}
		op, data, err := sock.Read()
		if err != nil || op != want.op || string(data) != want.data {
			t.Fatalf("%v of %d bytes came back as %v of %d bytes, %v", want.op, len(want.data), op, len(data), err)
		}
	}
}

func wsURL(server *httptest.Server) string { return "ws" + strings.TrimPrefix(server.URL, "http") }

func TestWebsocketDialer_plain(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(echo))
	defer srv.Close()
	roundTrip(t, &realtime.WebsocketDialer{}, wsURL(srv))
}

// A TLS configuration that was used for HTTP/2 offers "h2", which no websocket survives. It is copied, not changed.
func TestWebsocketDialer_sharedTLSConfig(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(echo))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	cfg := srv.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	cfg.NextProtos = []string{"h2", "http/1.1"}
	roundTrip(t, &realtime.WebsocketDialer{TLSConfig: cfg}, wsURL(srv))
	if len(cfg.NextProtos) != 2 {
		t.Errorf("the configuration was changed: %v", cfg.NextProtos)
	}
}

func TestWebsocketDialer_handshakeError(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, strings.Repeat("slow down ", 1000))
	}))
	defer srv.Close()
	_, err := new(realtime.WebsocketDialer).Dial(t.Context(), wsURL(srv)+"?access_token=secret", nil)
	refused, ok := errors.AsType[*realtime.HandshakeError](err)
	if !ok || refused.Status != 429 || len(refused.Body) != 1024 || !strings.HasPrefix(string(refused.Body), "slow down") {
		t.Fatalf("error: %#v", err)
	}
	if got := err.Error(); got != "realtime: handshake refused: 429 Too Many Requests" {
		t.Error(got)
	}
	if !errors.Is(err, websocket.ErrBadHandshake) {
		t.Error("the cause is lost")
	}
}

func TestWebsocketDialer_badURLIsNotQuoted(t *testing.T) {
	for _, u := range []string{"ws://h/%zz?access_token=secret", "ftp://h/?access_token=secret", "ws://h\n/?access_token=secret"} {
		if _, err := new(realtime.WebsocketDialer).Dial(t.Context(), u, nil); err == nil || strings.Contains(err.Error(), canary.Password) {
			t.Errorf("error: %v", err)
		}
	}
}

// Ending ctx must end a handshake that hangs, wherever it hangs.
func TestWebsocketDialer_hangingHandshake(t *testing.T) {
	ways := map[string]func(conn net.Conn){
		"nothing is read":     func(net.Conn) {},
		"nothing is answered": func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) },
		"half an answer comes": func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Swi")
		},
	}
	for name, serve := range ways {
		for _, scheme := range []string{"ws", "wss"} {
			if scheme == "wss" && name == "half an answer comes" {
				continue // no TLS, and so no answer at all
			}
			t.Run(name+" "+scheme, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var wg sync.WaitGroup
					defer wg.Wait()
					d := &realtime.WebsocketDialer{NetDialContext: func(context.Context, string, string) (net.Conn, error) {
						client, server := net.Pipe()
						wg.Go(func() { serve(server) })
						return client, nil
					}}
					cause := errors.New("changed my mind")
					ctx, cancel := context.WithCancelCause(t.Context())
					time.AfterFunc(50*time.Millisecond, func() { cancel(cause) })
					start := time.Now()
					if _, err := d.Dial(ctx, scheme+"://queup.test/", nil); !errors.Is(err, cause) || time.Since(start) != 50*time.Millisecond {
						t.Errorf("after %v: %v", time.Since(start), err)
					}
					start = time.Now()
					if _, err := d.Dial(t.Context(), scheme+"://queup.test/", nil); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 30*time.Second {
						t.Errorf("after %v: %v", time.Since(start), err)
					}
				})
			})
		}
	}
}

func TestWebsocketDialer_hangingDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &realtime.WebsocketDialer{
			HandshakeTimeout: time.Second,
			NetDialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			},
		}
		start := time.Now()
		if _, err := d.Dial(t.Context(), "ws://queup.test/", nil); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

// pipe is a socket and the websocket at its other end, in the bubble of the caller.
func pipe(t *testing.T, d realtime.WebsocketDialer) (realtime.Socket, *websocket.Conn) {
	t.Helper()
	s := newServer()
	t.Cleanup(s.shutdown)
	ready := make(chan *websocket.Conn, 1)
	s.setUpgrade(func(w http.ResponseWriter, r *http.Request) bool {
		ws, err := new(websocket.Upgrader).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
		}
		ready <- ws
		return true
	})
	d.NetDialContext = s.dial
	sock, err := d.Dial(t.Context(), "ws://queup.test/", nil)
	if err != nil {
		t.Fatal(err)
	}
	ws := <-ready
	t.Cleanup(func() {
		_ = sock.Close(0, "")
		_ = ws.NetConn().Close()
	})
	return sock, ws
}

func TestSocket_deadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sock, _ := pipe(t, realtime.WebsocketDialer{})
		_ = sock.SetReadDeadline(time.Now().Add(time.Second))
		for range 2000 { // the library panics after a thousand
			if _, _, err := sock.Read(); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("read: %v", err)
			}
		}
		_ = sock.SetWriteDeadline(time.Now().Add(time.Second))
		if err := sock.Write(realtime.Text, []byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("write: %v", err)
		}
	})
}

func TestSocket_readLimit(t *testing.T) {
	tests := map[string]struct {
		limit int64
		size  int
		ok    bool
	}{
		"default":           {0, realtime.DefaultReadLimit, true},
		"over the default":  {0, realtime.DefaultReadLimit + 1, false},
		"own limit":         {100, 100, true},
		"over one's own":    {100, 101, false},
		"no limit":          {-1, 3 << 20, true},
		"a very small one":  {1, 1, true},
		"and more than one": {1, 2, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sock, ws := pipe(t, realtime.WebsocketDialer{ReadLimit: tt.limit})
				go func() { _ = ws.WriteMessage(websocket.TextMessage, make([]byte, tt.size)) }()
				go func() { _, _, _ = ws.ReadMessage() }()
				_, data, err := sock.Read()
				switch {
				case tt.ok && (err != nil || len(data) != tt.size):
					t.Errorf("%d bytes, %v", len(data), err)
				case !tt.ok && !errors.Is(err, realtime.ErrReadLimit):
					t.Errorf("error: %v", err)
				case !tt.ok && !strings.Contains(err.Error(), "raise WebsocketDialer.ReadLimit"):
					t.Errorf("the error gives no advice: %v", err)
				}
			})
		})
	}
}

func TestSocket_close(t *testing.T) {
	tests := map[string]struct {
		code   int
		reason string
		read   bool // somebody reads our end
		peer   bool // the peer reads, and so answers
		seen   error
		within time.Duration
	}{
		"with a peer that answers": {1000, "bye", true, true, &websocket.CloseError{Code: 1000, Text: "bye"}, 0},
		"with nobody reading":      {1000, "bye", false, true, &websocket.CloseError{Code: 1000, Text: "bye"}, time.Second},
		"with a dead peer":         {1000, "bye", true, false, nil, 1500 * time.Millisecond},
		"without a code":           {0, "", true, true, &websocket.CloseError{Code: 1006, Text: "unexpected EOF"}, 0},
		"with too many words":      {1000, strings.Repeat("x", 500), true, true, &websocket.CloseError{Code: 1000, Text: strings.Repeat("x", 123)}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sock, ws := pipe(t, realtime.WebsocketDialer{})
				var wg sync.WaitGroup
				if tt.read {
					wg.Go(func() { _, _, _ = sock.Read() })
				}
				seen := make(chan error, 1)
				if tt.peer {
					wg.Go(func() { _, _, err := ws.ReadMessage(); seen <- err })
				}
				synctest.Wait()
				start := time.Now()
				for range 2 {
					_ = sock.Close(tt.code, tt.reason)
				}
				if took := time.Since(start); took > tt.within {
					t.Errorf("took %v, want at most %v", took, tt.within)
				}
				wg.Wait() // a waiting Read has returned
				if tt.peer {
					if err := <-seen; fmt.Sprint(err) != fmt.Sprint(tt.seen) {
						t.Errorf("the peer saw %v, want %v", err, tt.seen)
					}
				}
			})
		})
	}
}

// Over TLS, the close of the standard library waits up to 5 s for a peer that accepts nothing.
func TestSocket_closeOverTLS(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(echo))
	defer srv.Close()
	var stuck stuckConn
	d := &realtime.WebsocketDialer{
		TLSConfig: srv.Client().Transport.(*http.Transport).TLSClientConfig,
		NetDialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			stuck.Conn, stuck.closed = conn, make(chan struct{})
			return &stuck, err
		},
	}
	sock, err := d.Dial(t.Context(), wsURL(srv), nil)
	if err != nil {
		t.Fatal(err)
	}
	stuck.on.Store(true)
	start := time.Now()
	_ = sock.Close(0, "")
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
}

// stuckConn accepts nothing once it is on, until it is closed.
type stuckConn struct {
	net.Conn
	on     atomic.Bool
	closed chan struct{}
}

func (c *stuckConn) Write(b []byte) (int, error) {
	if c.on.Load() {
		<-c.closed
		return 0, net.ErrClosed
	}
	return c.Conn.Write(b)
}

func (c *stuckConn) Close() error {
	close(c.closed)
	return c.Conn.Close()
}

func TestErrors_speakForThemselves(t *testing.T) {
	for want, err := range map[string]error{
		"realtime: handshake refused: 401 Unauthorized": &realtime.HandshakeError{Status: 401},
		"realtime: handshake refused: 599":              &realtime.HandshakeError{Status: 599},
		"realtime: websocket closed (1006)":             &realtime.CloseError{Code: 1006},
		"realtime: websocket closed (1001): going away": &realtime.CloseError{Code: 1001, Reason: "going away"},
		"realtime: the server reports an error":         realtime.ServerError{},
		"realtime: the server reports: no":              realtime.ServerError{Text: "no"},
		"wrong password":                                realtime.Permanent(errors.New("wrong password")),
	} {
		if err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	}
	if realtime.Permanent(nil) != nil {
		t.Error("Permanent(nil) is an error")
	}
	if err := fmt.Errorf("login: %w", realtime.Permanent(io.EOF)); !realtime.IsPermanent(err) || !errors.Is(err, io.EOF) {
		t.Errorf("a wrapped permanent error is not known as one: %v", err)
	}
	if realtime.IsPermanent(io.EOF) || realtime.IsPermanent(nil) {
		t.Error("too much is permanent")
	}
}
