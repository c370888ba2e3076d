package queuptest_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start makes a server that is closed when the test is over.
func start(tb testing.TB, opts ...queuptest.Option) *queuptest.Server {
	tb.Helper()
	srv := queuptest.NewServer(opts...)
	tb.Cleanup(srv.Close)
	return srv
}

// browser is an HTTP client with cookies that follows no redirects.
type browser struct {
	tb     testing.TB
	srv    *queuptest.Server
	client *http.Client
}

func newBrowser(tb testing.TB, srv *queuptest.Server) *browser {
	tb.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	transport := &http.Transport{DialContext: srv.DialContext}
	tb.Cleanup(transport.CloseIdleConnections)
	return &browser{tb: tb, srv: srv, client: &http.Client{
		Jar:           jar,
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// login makes a browser in which somebody is logged in.
func login(tb testing.TB, srv *queuptest.Server, name string) *browser {
	tb.Helper()
	b := newBrowser(tb, srv)
	if got := b.post("/auth/login", url.Values{"username": {name}, "password": {canary.Password}}); got.Status != http.StatusOK {
		tb.Fatalf("login of %s: %d %s", name, got.Status, got.Body)
	}
	return b
}

// reply is an answer, read.
type reply struct {
	Status int
	Header http.Header
	Body   string
}

// data is the data of the envelope, which must repeat the status.
func (r reply) data(tb testing.TB) json.RawMessage {
	tb.Helper()
	var envelope struct {
		Code    int
		Message string
		Data    json.RawMessage
	}
	if err := json.Unmarshal([]byte(r.Body), &envelope); err != nil {
		tb.Fatalf("%v in %s", err, r.Body)
	}
	if envelope.Code != r.Status || envelope.Message != http.StatusText(r.Status) {
		tb.Fatalf("envelope of a %d: %s", r.Status, r.Body)
	}
	return envelope.Data
}

// as decodes the data of a 200.
func as[T any](tb testing.TB, r reply) T {
	tb.Helper()
	var v T
	if r.Status != http.StatusOK {
		tb.Fatalf("status %d: %s", r.Status, r.Body)
	}
	if err := json.Unmarshal(r.data(tb), &v); err != nil {
		tb.Fatal(err)
	}
	return v
}

// send makes a request; an empty contentType sends none.
func (b *browser) send(method, path, contentType, body string) reply {
	b.tb.Helper()
	var content io.Reader // nil, not empty: some servers care
	if body != "" {
		content = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(b.tb.Context(), method, b.srv.URL()+path, content)
	if err != nil {
		b.tb.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return b.do(req)
}

// do makes a request of the test's own.
func (b *browser) do(req *http.Request) reply {
	b.tb.Helper()
	resp, err := b.client.Do(req)
	if err != nil {
		b.tb.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.tb.Fatal(err)
	}
	return reply{Status: resp.StatusCode, Header: resp.Header, Body: string(text)}
}

func (b *browser) get(path string) reply {
	b.tb.Helper()
	return b.send(http.MethodGet, path, "", "")
}

func (b *browser) delete(path string) reply {
	b.tb.Helper()
	return b.send(http.MethodDelete, path, "", "")
}

func (b *browser) post(path string, form url.Values) reply {
	b.tb.Helper()
	return b.send(http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode())
}

func (b *browser) postJSON(path, body string) reply {
	b.tb.Helper()
	return b.send(http.MethodPost, path, "application/json", body)
}

// token fetches a websocket token.
func (b *browser) token() wire.Token {
	b.tb.Helper()
	return as[wire.Token](b.tb, b.get("/auth/token"))
}

// socket is a websocket of which a goroutine reads all that comes.
type socket struct {
	tb     testing.TB
	conn   *websocket.Conn
	frames chan string // closed at the end of the link
	err    error       // why it ended; to be read once frames is closed
}

// dial opens a websocket.
func dial(tb testing.TB, srv *queuptest.Server, token string) *socket {
	tb.Helper()
	d := websocket.Dialer{NetDialContext: srv.DialContext, HandshakeTimeout: 10 * time.Second}
	query := url.Values{"connect": {"1"}, "access_token": {token}, "EIO": {"3"}, "transport": {"websocket"}}
	conn, resp, err := d.DialContext(tb.Context(), srv.RealtimeURL()+"?"+query.Encode(), nil)
	if err != nil {
		tb.Fatalf("websocket: %v", err)
	}
	_ = resp.Body.Close()
	s := &socket{tb: tb, conn: conn, frames: make(chan string, 4096)}
	go func() {
		defer close(s.frames)
		for {
			var data []byte
			if _, data, s.err = conn.ReadMessage(); s.err != nil {
				return
			}
			s.frames <- string(data)
		}
	}()
	tb.Cleanup(s.close)
	return s
}

func (s *socket) close() {
	_ = s.conn.Close()
	for range s.frames { // until the reader is gone
	}
}

// open opens a websocket and reads what the server begins with.
func (b *browser) open() *socket {
	b.tb.Helper()
	s := dial(b.tb, b.srv, b.token().Token)
	s.next() // open packet
	if f := s.frame(); f.Action != realtime.ActionConnected {
		b.tb.Fatalf("first message is %v, want connected", f.Action)
	}
	return s
}

// listen opens a websocket and attaches it to the lounge.
func (b *browser) listen() *socket {
	b.tb.Helper()
	s := b.open()
	s.ask(`{"action":10,"channel":"room:` + b.srv.Room("lounge").ID() + `"}`)
	if f := s.frame(); f.Action != realtime.ActionAttached {
		b.tb.Fatalf("answer to attach is %v (%s)", f.Action, f.Error)
	}
	return s
}

// write sends a text frame.
func (s *socket) write(text string) {
	s.tb.Helper()
	if err := s.conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		s.tb.Fatal(err)
	}
}

// ask sends a message of QueUp.
func (s *socket) ask(message string) { s.tb.Helper(); s.write("4" + message) }

// next waits for a frame.
func (s *socket) next() string {
	s.tb.Helper()
	select {
	case f, ok := <-s.frames:
		if !ok {
			s.tb.Fatalf("the link ended: %v", s.err)
		}
		return f
	case <-time.After(10 * time.Second):
		s.tb.Fatal("no frame came")
		return ""
	}
}

// frame waits for a message of QueUp.
func (s *socket) frame() realtime.Frame {
	s.tb.Helper()
	text := s.next()
	f, err := realtime.ParseFrame([]byte(strings.TrimPrefix(text, "4")))
	if err != nil || text[0] != '4' {
		s.tb.Fatalf("%q is no message: %v", text, err)
	}
	return f
}

// event waits for an event, which must be an E.
func event[E wire.Event](s *socket) E {
	s.tb.Helper()
	f := s.frame()
	if f.Action != realtime.ActionMessage || f.Message.Type != "json" {
		s.tb.Fatalf("%+v is no event", f)
	}
	e, err := wire.DecodeEvent(f.Message.Name, f.Message.Data)
	if err != nil {
		s.tb.Fatal(err)
	}
	typed, ok := e.(E)
	if !ok {
		s.tb.Fatalf("event is %s %s, want a %T", e.EventName(), e.RawJSON(), *new(E))
	}
	return typed
}

// silent fails if something comes before the answer to a ping.
func (s *socket) silent() {
	s.tb.Helper()
	s.write("2")
	if f := s.next(); f != "3" {
		s.tb.Fatalf("got %s, want nothing", f)
	}
}

// ended waits for the end of the link and says why it ended.
func (s *socket) ended() error {
	s.tb.Helper()
	for {
		select {
		case _, ok := <-s.frames:
			if !ok {
				return s.err
			}
		case <-time.After(10 * time.Second):
			s.tb.Fatal("the link goes on")
		}
	}
}

// soon bounds what should not take long.
func soon(tb testing.TB) context.Context {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 10*time.Second)
	tb.Cleanup(cancel)
	return ctx
}
