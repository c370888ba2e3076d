package client_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
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
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/internal/testkit/faults"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

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

// Chat never meets a server that is just closing an idle connection: with pauses around its idle timeout, and whatever that
// is, every line arrives once, in the time that a line takes.
func TestQ20_idleConnections(t *testing.T) {
	const (
		delay    = 40 * time.Millisecond // each way
		nodeIdle = 5 * time.Second       // the default of Node.js
	)
	for _, proto := range []string{"http", "HTTP/1.1", "HTTP/2.0"} {
		for _, idle := range []time.Duration{time.Second, 2 * time.Second, nodeIdle, 75 * time.Second} {
			t.Run(fmt.Sprint(proto, " ", idle), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					server := queuptest.NewServer(queuptest.InMemory())
					defer server.Close()
					f := newFront(t, server, proto, idle, faults.Latency(delay, 0))
					_, room := joinLounge(t, server, "bot", f.options()...)
					lines, step := 100, 3*time.Millisecond
					if idle == nodeIdle {
						lines, step = 300, time.Millisecond
					}
					sent := make([]time.Time, lines)
					for i := range lines {
						time.Sleep(idle - 200*time.Millisecond + time.Duration(i)*step) // to 100 ms above it
						sent[i] = time.Now()
						if _, err := room.SendMessage(t.Context(), fmt.Sprintf("line %d", i)); err != nil {
							t.Errorf("line %d: %v", i, err)
						}
					}
					seen := f.seen()
					if len(seen) != lines {
						t.Fatalf("%d lines of %d came", len(seen), lines)
					}
					most := delay
					if proto != "http" {
						most += 2 * delay // TLS
					}
					for i, line := range seen {
						if took := line.at.Sub(sent[i]); took < delay || took > most || !strings.Contains(line.text, fmt.Sprintf("line %d", i)) {
							t.Fatalf("%q came after %v, want line %d after %v to %v", line.text, took, i, delay, most)
						}
					}
					if proto != "http" && seen[0].proto != proto {
						t.Errorf("the front was spoken to in %s", seen[0].proto)
					}
				})
			})
		}
	}
}

// Lines that follow each other share a connection.
func TestQ20_linesThatFollowEachOtherShareAConnection(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		f := newFront(t, server, "HTTP/1.1", 5*time.Second)
		_, room := joinLounge(t, server, "bot", f.options()...)
		time.Sleep(time.Minute)
		before := f.opened.Load()
		for i := range 10 {
			if _, err := room.SendMessage(t.Context(), fmt.Sprint("line ", i)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(400 * time.Millisecond)
		}
		if n := f.opened.Load() - before; n != 1 {
			t.Errorf("10 lines took %d connections", n)
		}
	})
}

// A bot whose connections of REST have died without a word is back in its room in the time of promise Q2, whatever calls they
// carried, once its link is lost.
func TestQ02_deadREST(t *testing.T) {
	for _, proto := range []string{"http", "HTTP/1.1", "HTTP/2.0"} {
		for _, busy := range []bool{false, true} {
			t.Run(fmt.Sprint(proto, ", busy ", busy), func(t *testing.T) {
				inBubble(t, func(t *testing.T, server *queuptest.Server) {
					f := newFront(t, server, proto, time.Minute, faults.Latency(20*time.Millisecond, 0))
					bot, _ := joinLounge(t, server, "bot", f.options()...)
					heard := record(bot, func(e client.Chat) string { return e.Message.Content })
					back := record(bot, func(client.Reconnected) string { return "back" })
					ctx, stop := context.WithCancel(t.Context())
					var calls sync.WaitGroup
					defer calls.Wait()
					defer stop()
					if busy { // a call each 50 ms; else the connections have just become idle
						calls.Go(func() {
							for ctx.Err() == nil {
								calls.Go(func() { _, _ = bot.FetchUser(ctx, "alice") })
								time.Sleep(50 * time.Millisecond)
							}
						})
						settle(2 * time.Second)
					}
					f.blackHole(t)
					if busy { // until some calls are lost
						settle(200 * time.Millisecond)
					}
					server.CutLinks()
					settle(3 * time.Second)
					server.Room("lounge").Say("alice", "hello")
					synctest.Wait()
					if len(back()) != 1 || !hasBot(server) || !slices.Equal(heard(), []string{"hello"}) {
						t.Errorf("after 3 s: back %v, in the room %v, heard %q", back(), hasBot(server), heard())
					}
				})
			})
		}
	}
}

// A call that met a dead connection ends with its context, or over HTTP/2 after two pings at the latest, and the next one takes
// another connection. The link is as it was.
func TestQ20_deadConnection(t *testing.T) {
	for proto, most := range map[string]time.Duration{"http": 15 * time.Second, "HTTP/1.1": 15 * time.Second, "HTTP/2.0": 10 * time.Second} {
		t.Run(proto, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				f := newFront(t, server, proto, time.Minute, faults.Latency(20*time.Millisecond, 0))
				_, room := joinLounge(t, server, "bot", f.options()...)
				if _, err := room.SendMessage(t.Context(), "one"); err != nil {
					t.Fatal(err)
				}
				f.blackHole(t)
				begin := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
				defer cancel()
				if _, err := room.SendMessage(ctx, "two"); err == nil {
					t.Error("a line was sent through a dead connection")
				}
				if took := time.Since(begin); took > most+100*time.Millisecond {
					t.Errorf("the line failed after %v, want %v", took, most)
				}
				begin = time.Now()
				if _, err := room.SendMessage(t.Context(), "three"); err != nil {
					t.Errorf("the next line: %v", err)
				}
				if took := time.Since(begin); took > time.Second {
					t.Errorf("the next line took %v", took)
				}
				if n := len(f.seen()); n != 2 {
					t.Errorf("%d lines came", n)
				}
			})
		})
	}
}

// While many calls with short deadlines run out of time on a dead connection, each new one has a chance.
func TestQ20_deadConnectionUnderLoad(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		f := newFront(t, server, "HTTP/2.0", time.Minute, faults.Latency(20*time.Millisecond, 0))
		bot, _ := joinLounge(t, server, "bot", f.options()...)
		var calls sync.WaitGroup
		var mu sync.Mutex
		lost := map[time.Duration]error{} // by when the call began, after the death
		var died time.Time
		for i := range 100 {
			if i == 20 {
				f.blackHole(t)
				died = time.Now()
			}
			calls.Go(func() {
				begin := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if _, err := bot.FetchUser(ctx, "alice"); err != nil {
					mu.Lock()
					defer mu.Unlock()
					lost[begin.Sub(died)] = err
				}
			})
			time.Sleep(100 * time.Millisecond)
		}
		calls.Wait()
		for after, err := range lost {
			if after > time.Second || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a call %v after the death: %v", after, err)
			}
		}
		if len(lost) == 0 {
			t.Error("the connection was not dead")
		}
	})
}

// idler counts how often a transport of the user is asked to close its idle connections.
type idler struct {
	http.RoundTripper
	asked atomic.Int32
}

func (i *idler) CloseIdleConnections() { i.asked.Add(1) }

// A transport of the user is asked to close its idle connections where the client's own opens fresh ones: when a link is lost,
// for each attempt, and when a call has run out of time. Other failures, and calls that are given up, leave it alone.
func TestWithTransport_idleConnections(t *testing.T) {
	var stall atomic.Bool
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		next := &http.Transport{DialContext: server.DialContext}
		defer next.CloseIdleConnections()
		for name, opt := range map[string]func(*idler) client.Option{
			"WithTransport":  func(i *idler) client.Option { return client.WithTransport(i) },
			"WithHTTPClient": func(i *idler) client.Option { return client.WithHTTPClient(&http.Client{Transport: i}) },
		} {
			asked := &idler{RoundTripper: next}
			bot := must(client.New(client.WithBaseURL(server.URL()), client.WithRealtimeURL(server.RealtimeURL()), opt(asked),
				client.WithDialer(&realtime.WebsocketDialer{NetDialContext: server.DialContext})))(t)
			defer bot.Close()
			if err := cmp.Or(bot.Login(t.Context(), "bot", "secret"), bot.Connect(t.Context())); err != nil {
				t.Fatal(err)
			}
			if n := asked.asked.Load(); n != 0 {
				t.Errorf("%s: asked %d times by a bot that connects", name, n)
			}
			server.CutLinks()
			settle(time.Second)
			if n := asked.asked.Swap(0); n != 1 {
				t.Errorf("%s: asked %d times after a lost link", name, n)
			}
			if _, err := bot.FetchUser(t.Context(), "nobody"); err == nil {
				t.Error("there is somebody called nobody")
			}
			stall.Store(true)
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			_, given := bot.FetchUser(ctx, "alice")
			if n := asked.asked.Load(); n != 0 || !errors.Is(given, context.Canceled) {
				t.Errorf("%s: asked %d times after a call that was given up: %v", name, n, given)
			}
			ctx, cancel = context.WithTimeout(t.Context(), time.Second)
			_, late := bot.FetchUser(ctx, "alice")
			cancel()
			if n := asked.asked.Load(); n != 1 || !errors.Is(late, context.DeadlineExceeded) {
				t.Errorf("%s: asked %d times after a call that ran out of time: %v", name, n, late)
			}
			stall.Store(false)
			if err := cmp.Or(bot.Logout(t.Context()), bot.Close()); err != nil {
				t.Fatal(err)
			}
		}
	}, meddle(http.MethodGet, "/user/alice", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if stall.Load() {
			<-req.Context().Done()
			return
		}
		next.ServeHTTP(w, req)
	}))
}
