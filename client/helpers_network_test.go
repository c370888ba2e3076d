package client_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/queup-go/queup/internal/testkit/canary"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/internal/testkit/faults"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// A site is QueUp's REST in a test: a function from requests to answers.
type site func(req *http.Request) answer

type answer struct {
	status int
	body   string
	header http.Header
}

func (s site) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	a := s(req)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	header := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	maps.Copy(header, a.header)
	return &http.Response{
		StatusCode:    a.status,
		Header:        header,
		Body:          io.NopCloser(strings.NewReader(a.body)),
		ContentLength: int64(len(a.body)),
		Request:       req,
	}, nil
}

func ok(data string) answer {
	return answer{status: 200, body: `{"code":200,"message":"OK","data":` + data + `}`}
}

func toLogin() answer {
	return answer{status: 302, body: "<html>log in</html>", header: http.Header{"Location": {"/auth/login"}, "Content-Type": {"text/html"}}}
}

func newClient(t *testing.T, s site, opts ...client.Option) *client.Client {
	t.Helper()
	bot, err := client.New(append([]client.Option{client.WithTransport(s)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = bot.Close()
		<-bot.Done()
	})
	return bot
}

// fetchRoom is any call that needs no more than an answer.
func fetchRoom(ctx context.Context, bot *client.Client) error {
	_, err := bot.REST().Room(ctx, queupapi.RoomParams{RoomID: "night-room"})
	return err
}

// endless never stops sending.
type endless struct{ sent atomic.Int64 }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	copy(p, `{"data":"`)
	e.sent.Add(int64(len(p)))
	return len(p), nil
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// Ids of the tests' QueUp.
const (
	me    = client.UserID("65b2a1c0d4e8b90012ab0001")
	alice = client.UserID("65b2a1c0d4e8b90012ab0002")
	bob   = client.UserID("65b2a1c0d4e8b90012ab0003")

	nightRide = client.SongID("65e5d4f3071bec0015de0001")
	lateHours = client.PlaylistID("6600f0a51d2c8e0015aa0001")
)

// account answers the calls that make a bot somebody who has a playlist.
func account(req *http.Request) (answer, bool) {
	switch req.Method + " " + req.URL.Path {
	case "POST /auth/login":
		return ok(`{}`), true
	case "GET /auth/session":
		return ok(`{"_id":"65b2a1c0d4e8b90012ab0001","username":"mixmaster","profileImage":{"url":"http://img.example/old.png"}}`), true
	case "GET /message":
		return ok(`[]`), true
	case "GET /playlist":
		return ok(`[{"_id":"6600f0a51d2c8e0015aa0001","name":"late hours","userid":"65b2a1c0d4e8b90012ab0001","totalItems":2}]`), true
	}
	return answer{}, false
}

// login logs a bot in and returns its account.
func login(t *testing.T, bot *client.Client) client.AuthenticatedUser {
	t.Helper()
	if err := bot.Login(t.Context(), "mixmaster", canary.Password); err != nil {
		t.Fatal(err)
	}
	account, found := bot.User()
	if !found {
		t.Fatal("nobody is logged in")
	}
	return account
}

// playlist returns the one that the account has.
func playlist(t *testing.T, bot *client.Client) client.Playlist {
	t.Helper()
	playlists, err := bot.FetchPlaylists(t.Context())
	if err != nil || len(playlists) != 1 {
		t.Fatalf("playlists %v, %v", playlists, err)
	}
	return playlists[0]
}

// written writes a request as one line: what, where, and its body in one form however it was encoded. The sender's
// clock is left out.
func written(t *testing.T, req *http.Request) string {
	t.Helper()
	line := req.Method + " " + req.URL.RequestURI()
	if req.Body == nil {
		return line
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		t.Error(err)
	}
	if len(body) == 0 {
		return line
	}
	kind, params, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if err != nil {
		t.Error(err)
	}
	switch kind {
	case "application/json":
		var members map[string]any
		if err := json.Unmarshal(body, &members); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		delete(members, "time")
		var text bytes.Buffer
		e := json.NewEncoder(&text)
		e.SetEscapeHTML(false)
		if err := e.Encode(members); err != nil {
			t.Error(err)
		}
		return line + " json " + strings.TrimSpace(text.String())
	case "multipart/form-data":
		file, err := multipart.NewReader(bytes.NewReader(body), params["boundary"]).NextPart()
		if err != nil {
			t.Error(err)
			return line
		}
		content, _ := io.ReadAll(file)
		return line + " file " + file.FormName() + " " + file.FileName() + " " + file.Header.Get("Content-Type") + " " + string(content)
	}
	decoded, err := url.QueryUnescape(string(body))
	if err != nil {
		t.Error(err)
	}
	return line + " form " + decoded
}

func first[T any](list func(func(T, error) bool)) error {
	for _, err := range list {
		return err
	}
	return nil
}

func second[T any](_ T, err error) error { return err }

var errGoingHome = errors.New("bot is going home")

func people(n int) []client.UserID {
	var ids []client.UserID
	for i := range n {
		ids = append(ids, client.UserID("65b2a1c0d4e8b90012ab01"+string(rune('a'+i))+"0"))
	}
	return ids
}

// lost is a transport without a network.
type lost struct{}

func (lost) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: `no such host: "queup", password queup`, Name: "api.queup.net", IsNotFound: true, IsTimeout: true}}
}

// dialFunc is a function that is a Dialer.
type dialFunc func(ctx context.Context, url string, h http.Header) (realtime.Socket, error)

func (f dialFunc) Dial(ctx context.Context, url string, h http.Header) (realtime.Socket, error) {
	return f(ctx, url, h)
}

// counted is a network connection that is counted while it is open.
type counted struct {
	net.Conn
	open   *atomic.Int32
	closed atomic.Bool
}

func (c *counted) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		c.open.Add(-1)
	}
	return c.Conn.Close()
}

// A tap is a Dialer at whose websockets a test can listen in: it sees QueUp's frames, and decides which of them get
// lost. The websockets are counted from 1.
type tap struct {
	dialer realtime.Dialer
	in     func(link int, f *realtime.Frame) (lost bool) // from the server, which it may change; nil lets all through
	out    func(link int, f *realtime.Frame) (lost bool) // from the client; the same
	links  atomic.Int32
}

// newTap makes a tap on the way to a server. Its in and out are set before the client connects.
func newTap(server *queuptest.Server) *tap {
	return &tap{dialer: &realtime.WebsocketDialer{NetDialContext: server.DialContext}}
}

func (t *tap) Dial(ctx context.Context, url string, h http.Header) (realtime.Socket, error) {
	socket, err := t.dialer.Dial(ctx, url, h)
	if err != nil {
		return nil, err
	}
	return &tapped{socket, t, int(t.links.Add(1))}, nil
}

// tapped is one websocket of a tap.
type tapped struct {
	realtime.Socket
	tap  *tap
	link int
}

func (s *tapped) Read() (realtime.Opcode, []byte, error) {
	for {
		op, data, err := s.Socket.Read()
		if err != nil {
			return op, data, err
		}
		if data, lost := s.pass(s.tap.in, data); !lost {
			return op, data, nil
		}
	}
}

func (s *tapped) Write(op realtime.Opcode, data []byte) error {
	data, lost := s.pass(s.tap.out, data)
	if lost {
		return nil
	}
	return s.Socket.Write(op, data)
}

// pass shows a packet to the test, if there is a frame in it.
func (s *tapped) pass(show func(int, *realtime.Frame) bool, data []byte) (passed []byte, lost bool) {
	packet, err := realtime.ParsePacket(data)
	if show == nil || err != nil || packet.Type != realtime.PacketMessage {
		return data, false
	}
	f, err := realtime.ParseFrame(packet.Data)
	if err != nil {
		return data, false
	}
	lost = show(s.link, &f)
	return realtime.AppendPacket(nil, packet.Type, realtime.AppendFrame(nil, f)), lost
}

// talk has alice say a number of lines, in her own time.
func talk(server *queuptest.Server, lines int) {
	for i := range lines {
		server.Room("lounge").Say("alice", fmt.Sprint("line ", i))
		time.Sleep(10 * time.Second)
	}
}

// lateOnce answers the call with that number late, from then on what was true when it was asked.
func lateOnce(part string, number int32, d time.Duration) queuptest.Option {
	var calls atomic.Int32
	return intercept(http.MethodGet, part, func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if calls.Add(1) == number {
			answerLate(w, req, next, d)
			return
		}
		next.ServeHTTP(w, req)
	})
}

// refuse answers all calls but the first with a status.
func refuse(part string, status int) queuptest.Option {
	var calls atomic.Int32
	return intercept(http.MethodGet, part, func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if calls.Add(1) == 1 {
			next.ServeHTTP(w, req)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"code":%d,"message":"no","data":{}}`, status)
	})
}

// A rawServer answers each connection with bytes of its own choice, in memory and on virtual time.
type rawServer struct {
	answer func(conn net.Conn, req *http.Request) // may write until the client has had enough
	wg     sync.WaitGroup
}

func (w *rawServer) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	w.wg.Go(func() {
		defer theirs.Close()
		req, err := http.ReadRequest(bufio.NewReader(theirs))
		if err != nil {
			return
		}
		client.TakeBody(req)
		w.answer(theirs, req)
	})
	return ours, nil
}

// say is an answer that is always the same.
func say(text string) func(net.Conn, *http.Request) {
	return func(conn net.Conn, _ *http.Request) { _, _ = io.WriteString(conn, text) }
}

// nothing never answers.
func nothing(conn net.Conn, _ *http.Request) { _, _ = io.Copy(io.Discard, conn) }

// endlessly is an answer that begins like that and goes on like this.
func endlessly(begin, next string) func(net.Conn, *http.Request) {
	chunk := strings.Repeat(next, max(1, 32<<10/len(next)))
	return func(conn net.Conn, _ *http.Request) {
		_, err := io.WriteString(conn, begin)
		for err == nil {
			_, err = io.WriteString(conn, chunk)
		}
	}
}

// drip is an answer that begins like that and goes on with a byte a second.
func drip(begin string) func(net.Conn, *http.Request) {
	return func(conn net.Conn, _ *http.Request) {
		_, err := io.WriteString(conn, begin)
		for err == nil {
			time.Sleep(time.Second)
			_, err = io.WriteString(conn, "a")
		}
	}
}

// redirect leads somewhere else.
func redirect(to string) func(net.Conn, *http.Request) {
	return say("HTTP/1.1 302 Found\r\nLocation: " + to + "\r\nContent-Length: 0\r\n\r\n")
}

const jsonHeader = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

// A gate stands before QueUp's REST and makes it misbehave from some moment on.
type gate struct {
	handle atomic.Pointer[http.HandlerFunc]
}

func (g *gate) option() queuptest.Option {
	return queuptest.WithHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if handle := g.handle.Load(); handle != nil && req.URL.Path != "/ws/" {
				(*handle)(w, req)
				return
			}
			next.ServeHTTP(w, req)
		})
	})
}

// set has QueUp answer every call like this.
func (g *gate) set(handle http.HandlerFunc) { g.handle.Store(&handle) }

// never answers nothing.
func never(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() }

// dribble begins an answer, and does not come to its end.
func dribble(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"code":200,"message":"OK","data":`))
		for req.Context().Err() == nil {
			_, _ = w.Write([]byte(" "))
			_ = http.NewResponseController(w).Flush()
			time.Sleep(30 * time.Millisecond)
		}
	}
}

// expired has every call but the login meet a lost session, and the login wait.
func expired(w http.ResponseWriter, req *http.Request) {
	if req.URL.Path == "/auth/login" {
		never(w, req)
		return
	}
	w.Header().Set("Location", "/auth/login")
	w.WriteHeader(http.StatusFound)
}

// A cable leads to the server, and can be cut: then no connection works, and none is made.
type cable struct {
	mu    sync.Mutex
	conns []net.Conn
	isCut bool
}

func (c *cable) dial(server *queuptest.Server) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.isCut {
			c.mu.Unlock()
			<-ctx.Done()
			c.mu.Lock()
			return nil, context.Cause(ctx)
		}
		conn, err := server.DialContext(ctx, network, addr)
		if err == nil {
			c.conns = append(c.conns, conn)
		}
		return conn, err
	}
}

func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isCut = true
	for _, conn := range c.conns {
		_ = conn.Close()
	}
}

// mend ends a cut.
func (c *cable) mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isCut, c.conns = false, nil
}

// frontHost is the host of a front; its certificate is for it.
const frontHost = "example.com"

// A front is a web server of its own before a QueUp in memory, for REST only, as a host or a content network has one. The
// connections to it can be broken all at once, which spares those that are opened later.
type front struct {
	baseURL string
	dial    func(ctx context.Context, network, addr string) (net.Conn, error) // to the front, or to the QueUp behind it
	tls     *tls.Config                                                       // which trusts it

	wire    []faults.Fault // of all connections
	network atomic.Pointer[faults.Injector]
	opened  atomic.Int32 // connections

	mu    sync.Mutex
	chats []sight // guarded by mu
}

// A sight is a chat line as the front sees it come.
type sight struct {
	at    time.Time
	proto string
	text  string
}

// frontListener accepts the far ends of pipes.
type frontListener struct {
	net.Listener
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *frontListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *frontListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}

// newFront makes a front that speaks http or https, the latter as HTTP/1.1 or HTTP/2, and closes connections that were idle
// for some time.
func newFront(t *testing.T, server *queuptest.Server, proto string, idle time.Duration, wire ...faults.Fault) *front {
	t.Helper()
	f := &front{wire: wire}
	f.network.Store(f.newNetwork())
	behind, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	way := &http.Transport{DialContext: server.DialContext}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(behind)
			r.Out.Host = behind.Host
		},
		Transport: way,
		ErrorLog:  log.New(io.Discard, "", 0),
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodPost && strings.HasPrefix(req.URL.Path, "/chat/") {
			body, _ := io.ReadAll(req.Body)
			req.Body = io.NopCloser(strings.NewReader(string(body)))
			f.mu.Lock()
			f.chats = append(f.chats, sight{time.Now(), req.Proto, string(body)})
			f.mu.Unlock()
		}
		proxy.ServeHTTP(w, req)
	}))
	_ = srv.Listener.Close()
	listener := &frontListener{Listener: srv.Listener, conns: make(chan net.Conn), done: make(chan struct{})}
	srv.Listener = listener
	srv.Config.IdleTimeout, srv.Config.ErrorLog = idle, log.New(io.Discard, "", 0)
	srv.EnableHTTP2 = proto == "HTTP/2.0"
	if proto == "http" {
		f.baseURL = "http://" + frontHost
		srv.Start()
	} else {
		f.baseURL = "https://" + frontHost
		srv.StartTLS()
		f.tls = srv.Client().Transport.(*http.Transport).TLSClientConfig
	}
	t.Cleanup(func() {
		f.network.Load().Set()
		srv.Close()
		way.CloseIdleConnections()
	})
	pipe := func(ctx context.Context, _, _ string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		select {
		case listener.conns <- theirs:
			f.opened.Add(1)
			return ours, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-listener.done:
			return nil, net.ErrClosed
		}
	}
	f.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if strings.HasPrefix(addr, frontHost+":") {
			return f.network.Load().DialContext(pipe)(ctx, network, addr)
		}
		return server.DialContext(ctx, network, addr)
	}
	return f
}

func (f *front) newNetwork() *faults.Injector {
	in := faults.New(1)
	in.Set(f.wire...)
	return in
}

// blackHole makes every connection that is open swallow what is sent, both ways and its end included, until the test ends.
func (f *front) blackHole(t *testing.T) {
	t.Helper()
	old := f.network.Swap(f.newNetwork())
	old.Set(faults.HalfOpen())
	t.Cleanup(func() { old.Set() })
}

// options make a client's REST go through the front.
func (f *front) options() []client.Option {
	opts := []client.Option{client.WithBaseURL(f.baseURL), client.WithDialContext(f.dial), client.WithRateLimit(0, 0)}
	if f.tls != nil {
		opts = append(opts, client.WithTLSConfig(f.tls))
	}
	return opts
}

// seen returns the chat lines that have come.
func (f *front) seen() []sight {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.chats)
}
