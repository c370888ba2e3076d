package realtime_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/queup-go/queup/realtime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is a small QueUp websocket over net.Pipe, so that it lives in a synctest bubble. By itself it does what
// docs/PROTOCOL.md 5 says; the fields change that.
type server struct {
	// Set before the first dial.
	open   realtime.Open
	hello  func(p *peer)                        // instead of the open packet and "connected"
	answer func(p *peer, f realtime.Frame) bool // looks at a frame first; true: that was all
	mute   func(p *peer) bool                   // true: pings are not answered
	queue  int                                  // frames that wait for a client to read them

	conns    chan net.Conn
	stop     chan struct{}
	stopOnce sync.Once
	wg       sync.WaitGroup
	http     *http.Server

	mu       sync.Mutex
	peers    []*peer      // guarded by mu; every websocket there ever was
	requests []url.Values // guarded by mu; the query of every handshake
	log      []string     // guarded by mu; every frame received, pings as "ping"
	down     error        // guarded by mu; dials fail with it
	upgrade  handler      // guarded by mu; handles a handshake first; true: no websocket is opened
	closing  bool         // guarded by mu; shutdown has begun
}

type handler = func(http.ResponseWriter, *http.Request) bool

// peer is the server's side of one websocket.
type peer struct {
	s    *server
	id   string // connectionId: k1, k2 and so on
	ws   *websocket.Conn
	out  chan []byte // to the goroutine that writes
	gone chan struct{}
}

func newServer() *server {
	s := &server{
		open:  realtime.Open{SID: "s", PingInterval: 25 * time.Second, PingTimeout: 60 * time.Second},
		queue: 1 << 14,
		conns: make(chan net.Conn),
		stop:  make(chan struct{}),
	}
	s.http = &http.Server{Handler: s}
	s.wg.Go(func() { _ = s.http.Serve(s) })
	return s
}

// Accept, Addr and Close make the server its own net.Listener.
func (s *server) Accept() (net.Conn, error) {
	select {
	case c := <-s.conns:
		return c, nil
	case <-s.stop:
		return nil, net.ErrClosed
	}
}

func (s *server) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (s *server) Close() error {
	s.stopOnce.Do(func() { close(s.stop) })
	return nil
}

// shutdown ends everything and waits for it.
func (s *server) shutdown() {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	_ = s.http.Close()
	_ = s.Close()
	s.cut()
	s.wg.Wait()
}

// dial is for WebsocketDialer.NetDialContext.
func (s *server) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	s.mu.Lock()
	down := s.down
	s.mu.Unlock()
	if down != nil {
		return nil, down
	}
	client, conn := net.Pipe()
	select {
	case s.conns <- conn:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.URL.Query())
	upgrade := s.upgrade
	s.mu.Unlock()
	if upgrade != nil && upgrade(w, r) {
		return
	}
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	ws, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		_ = ws.NetConn().Close()
		return
	}
	p := &peer{s: s, id: "k" + strconv.Itoa(len(s.peers)+1), ws: ws, out: make(chan []byte, s.queue), gone: make(chan struct{})}
	s.peers = append(s.peers, p)
	s.wg.Go(p.write)
	s.wg.Go(p.read)
}

func (p *peer) write() {
	for {
		select {
		case data := <-p.out:
			if p.ws.WriteMessage(websocket.TextMessage, data) != nil {
				return
			}
		case <-p.gone:
			return
		}
	}
}

func (p *peer) read() {
	defer close(p.gone)
	defer p.ws.Close()
	if p.s.hello != nil {
		p.s.hello(p)
	} else {
		p.packet(realtime.PacketOpen, realtime.AppendOpen(nil, p.s.open))
		p.frame(realtime.Frame{Action: realtime.ActionConnected, ClientID: "bot", ConnectionID: p.id})
	}
	for {
		_, data, err := p.ws.ReadMessage()
		if err != nil {
			if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
				p.s.note("close " + strconv.Itoa(closed.Code))
			}
			return
		}
		p.handle(data)
	}
}

func (p *peer) handle(data []byte) {
	packet, err := realtime.ParsePacket(data)
	if err != nil {
		p.s.note("bad packet")
		return
	}
	if packet.Type != realtime.PacketMessage {
		p.s.note(packet.Type.String() + string(packet.Data))
		if packet.Type == realtime.PacketPing && (p.s.mute == nil || !p.s.mute(p)) {
			p.packet(realtime.PacketPong, packet.Data)
		}
		return
	}
	f, err := realtime.ParseFrame(packet.Data)
	if err != nil {
		p.s.note("bad frame")
		return
	}
	p.s.note(strings.TrimSpace(p.id + " " + describe(f)))
	if p.s.answer == nil || !p.s.answer(p, f) {
		p.confirm(f)
	}
}

// confirm answers as QueUp does.
func (p *peer) confirm(f realtime.Frame) {
	f.ClientID, f.ConnectionID = "bot", p.id
	switch f.Action {
	case realtime.ActionAttach:
		f.Action = realtime.ActionAttached
	case realtime.ActionDetach:
		f.Action = realtime.ActionDetached
	case realtime.ActionPresence:
		if f.Presence == nil {
			return // spoilt on the way
		}
		f.ClientID, f.ConnectionID = "", ""
		f.Presence.ClientID, f.Presence.ConnectionID = "bot", p.id
	default:
		return
	}
	p.frame(f)
}

// refuse answers with an error.
func (p *peer) refuse(f realtime.Frame, text string) {
	p.frame(realtime.Frame{Action: realtime.ActionError, Error: text, ReqID: f.ReqID})
}

func (p *peer) packet(t realtime.PacketType, data []byte) {
	p.out <- realtime.AppendPacket(nil, t, data)
}

func (p *peer) frame(f realtime.Frame) {
	p.packet(realtime.PacketMessage, realtime.AppendFrame(nil, f))
}

// say sends an event to a channel.
func (p *peer) say(channel, name string) {
	p.frame(realtime.Frame{Action: realtime.ActionMessage, Channel: channel, Message: &realtime.MessageBody{
		Name: name, Type: "json", Data: []byte(`{"type":"` + name + `"}`),
	}})
}

// describe makes a line of a frame that was received: "attach room:a", "presence room:a enter {}".
func describe(f realtime.Frame) string {
	text := f.Action.String() + " " + f.Channel
	if f.Presence != nil {
		text += " " + f.Presence.Action.String() + " " + string(f.Presence.Data)
	}
	return text
}

func (s *server) note(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, line)
}

// received returns the lines of log that begin with one of the prefixes, or all.
func (s *server) received(prefixes ...string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.log), func(line string) bool {
		return len(prefixes) > 0 && !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(line, p) })
	})
}

func (s *server) queries() []url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// last is the newest websocket.
func (s *server) last() *peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peers[len(s.peers)-1]
}

// cut breaks all links without a close frame.
func (s *server) cut() {
	s.mu.Lock()
	peers := slices.Clone(s.peers)
	s.mu.Unlock()
	for _, p := range peers {
		_ = p.ws.NetConn().Close()
	}
}

func (s *server) setDown(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = err
}

func (s *server) setUpgrade(h handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.upgrade = h
}

// config is for a connection to s that retries after exactly one second.
func (s *server) config() realtime.Config {
	return realtime.Config{
		URL:       "ws://queup.test/ws/",
		Token:     func(context.Context) (string, error) { return "secret-token", nil },
		Dialer:    &realtime.WebsocketDialer{NetDialContext: s.dial},
		Reconnect: func(int, error) (time.Duration, bool) { return time.Second, true },
	}
}

// bubble runs a test in virtual time against a server.
func bubble(t *testing.T, test func(t *testing.T, s *server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		defer s.shutdown()
		test(t, s)
	})
}

// client is a connection whose events are written down as they come.
type client struct {
	*realtime.Conn
	t    *testing.T
	wg   sync.WaitGroup
	mu   sync.Mutex
	seen []realtime.Event // guarded by mu
}

func newClient(t *testing.T, cfg realtime.Config) *client {
	t.Helper()
	conn, err := realtime.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{Conn: conn, t: t}
	c.wg.Go(func() {
		for e := range conn.Events() {
			c.mu.Lock()
			c.seen = append(c.seen, e)
			c.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		_ = conn.Close()
		<-conn.Done()
		c.wg.Wait()
	})
	return c
}

// connected is newClient and Connect.
func connected(t *testing.T, cfg realtime.Config) *client {
	t.Helper()
	c := newClient(t, cfg)
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

// unread returns a connection whose events nobody reads, with a buffer for that many.
func unread(t *testing.T, cfg realtime.Config, buffer int) *realtime.Conn {
	t.Helper()
	cfg.Buffer = buffer
	conn, err := realtime.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	return conn
}

// attach attaches channels, one after the other.
func (c *client) attach(channels ...string) {
	c.t.Helper()
	for _, ch := range channels {
		if err := c.Attach(c.t.Context(), ch); err != nil {
			c.t.Fatal(err)
		}
	}
}

// events returns the events so far, once all goroutines wait.
func (c *client) events() []realtime.Event {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.seen)
}

// of returns the events of one type.
func of[E realtime.Event](events []realtime.Event) []E {
	var out []E
	for _, e := range events {
		if e, ok := e.(E); ok {
			out = append(out, e)
		}
	}
	return out
}

// story makes short lines of events, to compare their order.
func story(events []realtime.Event) []string {
	var lines []string
	for _, e := range events {
		switch e := e.(type) {
		case realtime.Connected:
			line := "connected " + e.ConnectionID
			if e.Reconnected {
				line = "re" + line
			}
			lines = append(lines, line)
		case realtime.Disconnected:
			line := "disconnected"
			if e.Final {
				line = "final"
			}
			lines = append(lines, line)
		case realtime.Message:
			lines = append(lines, e.Channel+" "+e.Name)
		case realtime.Presence:
			lines = append(lines, e.Channel+" "+e.Action.String()+" "+e.ClientID)
		case realtime.AttachFailed:
			lines = append(lines, "attach failed "+e.Channel)
		case realtime.Detached:
			lines = append(lines, "detached "+e.Channel)
		case realtime.ServerError:
			lines = append(lines, "error "+e.Text)
		case realtime.UnknownAction:
			lines = append(lines, "unknown "+e.Frame.Action.String())
		case realtime.Malformed:
			lines = append(lines, "malformed "+string(e.Raw))
		}
	}
	return lines
}
