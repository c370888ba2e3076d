package queuptest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/queuptest"
)

func TestServer_listensOnTheLoopback(t *testing.T) {
	t.Parallel()
	for _, opts := range [][]queuptest.Option{nil, {queuptest.Addr("localhost:0")}, {queuptest.Addr("127.0.0.9:0")}} {
		srv := start(t, opts...)
		u, err := url.Parse(srv.URL())
		if err != nil || !net.ParseIP(u.Hostname()).IsLoopback() || u.Path != "" {
			t.Errorf("URL is %s", srv.URL())
		}
		if want := "ws://" + u.Host + "/ws/"; srv.RealtimeURL() != want {
			t.Errorf("RealtimeURL is %s, want %s", srv.RealtimeURL(), want)
		}
		plain := &http.Client{Transport: &http.Transport{}}
		resp, err := plain.Get(srv.URL() + "/room/lounge") //nolint:noctx // the plainest of clients
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%v, %v", resp, err)
			continue
		}
		_ = resp.Body.Close()
		plain.CloseIdleConnections()
	}
}

func TestStart_anAddressThatIsTaken(t *testing.T) {
	t.Parallel()
	srv := start(t)
	if other, err := queuptest.Start(queuptest.Addr(strings.TrimPrefix(srv.URL(), "http://"))); err == nil {
		other.Close()
		t.Error("two servers listen on one address")
	}
}

func TestClose_endsEverything(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]queuptest.Option{"on the loopback": nil, "in memory": {queuptest.InMemory()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := start(t, opts...)
			s := newBrowser(t, srv).open()
			var wait sync.WaitGroup
			for range 3 {
				wait.Go(srv.Close)
			}
			wait.Wait()
			srv.Close()
			if err := s.ended(); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
				t.Errorf("the link ended with %v", err)
			}
			if conn, err := srv.DialContext(t.Context(), "tcp", ""); err == nil {
				_ = conn.Close()
				t.Error("DialContext still connects")
			}
			if _, err := srv.Await(t.Context(), func(queuptest.Entry) bool { return false }); !errors.Is(err, queuptest.ErrClosed) {
				t.Errorf("Await: %v", err)
			}
			before, _ := srv.Room("lounge").NowPlaying()
			srv.Room("lounge").Skip("mod") // does no harm, and starts no clock
			if after, _ := srv.Room("lounge").NowPlaying(); after.ID != before.ID {
				t.Error("songs go on")
			}
		})
	}
}

// A handler of the test's own that hangs is told to stop, even when the request was not read to its end.
func TestClose_cancelsHandlers(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{})
	srv := start(t, queuptest.WithHandler(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(entered)
			<-r.Context().Done()
		})
	}))
	answered := make(chan error)
	go func() {
		b := newBrowser(t, srv)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL(), strings.NewReader(strings.Repeat("x", 3<<20)))
		if err == nil {
			var resp *http.Response
			if resp, err = b.client.Do(req); err == nil {
				_ = resp.Body.Close()
			}
		}
		answered <- err
	}()
	<-entered
	srv.Close()
	if err := <-answered; err == nil {
		t.Error("the request was answered")
	}
}

// A peer that does not read cannot hold up Close, nor those who wait for it.
// A link that does not read is dropped; the others hear everything.
// Many frames for one that does not read at all, faster than a write times out.
// dialWithoutReading opens a websocket of which nobody reads.
func TestInMemory_hasItsOwnAddressAndTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, queuptest.InMemory())
		if srv.URL() != "http://queup.test" || srv.RealtimeURL() != "ws://queup.test/ws/" {
			t.Errorf("URLs are %s and %s", srv.URL(), srv.RealtimeURL())
		}
		alice := login(t, srv, "alice")
		s := alice.listen()
		srv.Room("lounge").Say("bob", "hello")
		if e := event[*wire.ChatMessage](s); !e.SentAt.Equal(time.Now()) {
			t.Errorf("said at %v, it is %v", e.SentAt, time.Now())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, err := srv.Await(ctx, func(queuptest.Entry) bool { return false }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Await: %v", err)
		}
		cancel()
		for range 20 { // it must not be a matter of luck
			if _, err := srv.DialContext(ctx, "tcp", "queup.test:80"); err == nil {
				t.Fatal("DialContext ignores its context")
			}
		}
	})
}

func TestWithHandler_answersInsteadOfTheServer(t *testing.T) {
	t.Parallel()
	var order []string
	note := func(name string) queuptest.Option {
		return queuptest.WithHandler(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/order" {
					order = append(order, name)
				}
				next.ServeHTTP(w, r)
			})
		})
	}
	srv := start(t, note("first"), note("second"), queuptest.WithHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/room/down":
				w.Header().Set("Content-Type", "text/html")
				w.WriteHeader(http.StatusServiceUnavailable)
				_, _ = io.WriteString(w, "<h1>Service Unavailable</h1>")
			case "/room/endless":
				for r.Context().Err() == nil {
					if _, err := io.WriteString(w, strings.Repeat(" ", 1<<16)); err != nil {
						return
					}
					_ = http.NewResponseController(w).Flush()
				}
			case "/room/hanging":
				<-r.Context().Done()
			case "/room/broken":
				panic(http.ErrAbortHandler)
			case "/ws/":
				w.WriteHeader(http.StatusBadGateway)
			default:
				next.ServeHTTP(w, r)
			}
		})
	}))
	b := newBrowser(t, srv)
	if got := b.get("/order"); got.Status != http.StatusNotFound || !slices.Equal(order, []string{"first", "second"}) {
		t.Errorf("%d, handlers ran in the order %v", got.Status, order)
	}
	if got := b.get("/room/lounge"); got.Status != http.StatusOK {
		t.Errorf("what is passed on: %d", got.Status)
	}
	if got := b.get("/room/down"); got.Status != http.StatusServiceUnavailable || got.Body != "<h1>Service Unavailable</h1>" {
		t.Errorf("down: %d %s", got.Status, got.Body)
	}
	if _, resp, err := websocket.DefaultDialer.DialContext(t.Context(), srv.RealtimeURL(), nil); err == nil || resp.StatusCode != http.StatusBadGateway {
		t.Errorf("handshake: %v, %v", resp, err)
	} else {
		_ = resp.Body.Close()
	}
	for _, path := range []string{"/room/broken", "/room/endless", "/room/hanging"} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL()+path, nil)
		resp, err := b.client.Do(req)
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
		if err == nil {
			t.Errorf("%s was answered in full", path)
		}
		cancel()
	}
	aborted, err := srv.Await(soon(t), func(e queuptest.Entry) bool { return e.Path == "/room/broken" && !e.In })
	if err != nil || aborted.Status != 0 {
		t.Errorf("the log says %v (%v)", aborted, err)
	}
	srv.Close() // although a handler may still hang
}

// Hundreds of clients at once: everybody hears every line, in the order in which the room heard them.
