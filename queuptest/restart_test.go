package queuptest_test

import (
	"errors"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/queup-go/queup/queuptest"
)

func TestRestart_keepsTheWorldAndItsAddress(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]queuptest.Option{
		"on the loopback": nil,
		"in memory":       {queuptest.InMemory()},
		"on a bad network": {queuptest.Faults(queuptest.FaultConfig{
			Names: []string{"latency"}, Every: time.Hour,
		})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := start(t, opts...)
			alice := login(t, srv, "alice")
			link := alice.listen()
			token, address := alice.token().Token, srv.URL()
			srv.Room("lounge").Say("bob", "before")
			back := make(chan error)
			go func() { back <- srv.Restart(200 * time.Millisecond) }()
			if err := link.ended(); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
				t.Errorf("the link ended with %v", err)
			}
			if _, err := srv.DialContext(t.Context(), "tcp", ""); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("while it is down, DialContext = %v", err)
			}
			srv.Room("lounge").Say("bob", "meanwhile")
			if err := <-back; err != nil {
				t.Fatal(err)
			}
			if srv.URL() != address {
				t.Errorf("it is at %s, and was at %s", srv.URL(), address)
			}
			if got := alice.get("/auth/session"); got.Status != http.StatusOK {
				t.Errorf("the session is over: %d", got.Status)
			}
			dial(t, srv, token).next()
			var lines []string
			for _, m := range srv.Room("lounge").Messages() {
				lines = append(lines, m.Text)
			}
			if !slices.Equal(lines[len(lines)-2:], []string{"before", "meanwhile"}) {
				t.Errorf("the chat is %q", lines)
			}
		})
	}
}

// A request that is under way is lost, and so are connections that nobody uses at the moment.
func TestRestart_breaksRequests(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	var once sync.Once
	srv := start(t, queuptest.WithHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			once.Do(func() {
				close(arrived)
				<-r.Context().Done()
			})
			next.ServeHTTP(w, r)
		})
	}))
	b := newBrowser(t, srv)
	failed := make(chan error)
	go func() {
		_, err := read(b.client, srv.URL()+"/room/lounge")
		failed <- err
	}()
	<-arrived
	if err := srv.Restart(0); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err == nil {
		t.Error("the request was answered")
	}
	if got := b.get("/room/lounge"); got.Status != http.StatusOK {
		t.Errorf("status %d", got.Status)
	}
}

func TestRestart_ofAServerThatIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, queuptest.InMemory())
		ends := make(chan error, 2)
		go func() { ends <- srv.Restart(time.Hour) }()
		synctest.Wait()
		go func() { ends <- srv.Restart(time.Hour) }() // waits for its turn
		time.Sleep(time.Minute)
		srv.Close()
		for range 2 {
			if err := <-ends; !errors.Is(err, queuptest.ErrClosed) {
				t.Errorf("Restart = %v", err)
			}
		}
		if err := srv.Restart(0); !errors.Is(err, queuptest.ErrClosed) {
			t.Errorf("Restart after Close = %v", err)
		}
		if _, err := srv.DialContext(t.Context(), "tcp", ""); !errors.Is(err, queuptest.ErrClosed) {
			t.Errorf("DialContext after Close = %v", err)
		}
	})
}

// Restarts and connections that come and go at the same time harm nobody.
func TestRestart_whileEverybodyConnects(t *testing.T) {
	t.Parallel()
	srv := start(t)
	stop := make(chan struct{})
	var people sync.WaitGroup
	for range 4 {
		people.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				transport := &http.Transport{DialContext: srv.DialContext}
				_, _ = read(&http.Client{Transport: transport, Timeout: 5 * time.Second}, srv.URL()+"/room/lounge") // as it may
				transport.CloseIdleConnections()
			}
		})
	}
	for range 20 {
		if err := srv.Restart(time.Millisecond); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	people.Wait()
	if got := newBrowser(t, srv).get("/room/lounge"); got.Status != http.StatusOK {
		t.Errorf("status %d", got.Status)
	}
}

func TestIdleCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, queuptest.InMemory(), queuptest.Crowd(queuptest.CrowdConfig{Members: 30, Rate: 5}))
		lounge := srv.Room("lounge")
		for range 10 {
			said := len(lounge.Messages())
			time.Sleep(time.Minute)
			if n := len(lounge.Messages()); n < said+50 {
				t.Errorf("%d lines in a minute", n-said)
			}
			srv.IdleCrowd(true)
			srv.IdleCrowd(true)
			before := lounge.Snapshot()
			said = len(lounge.Messages())
			time.Sleep(5 * time.Second)
			if after := lounge.Snapshot(); len(lounge.Messages()) != said || len(after.Members) != len(before.Members) {
				t.Error("the crowd is not idle")
			}
			srv.IdleCrowd(false)
			srv.IdleCrowd(true) // at once
			srv.IdleCrowd(false)
		}
		srv.IdleCrowd(true)
	})
}

func TestIdleCrowd_withoutACrowd(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	start(t).IdleCrowd(true)
}
