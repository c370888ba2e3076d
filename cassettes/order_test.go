package cassettes_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/cassettes"
	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/queuptest"
)

// counter is a server with one number for each account. A POST adds one, a GET returns it. A login sets a cookie. The answers name
// an account by the length of its name, which no redaction changes.
func counter() answers {
	var mu sync.Mutex
	counts := map[string]int{}
	return func(req *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		if req.URL.Path == "/auth/login" {
			b, err := io.ReadAll(req.Body)
			if err != nil {
				return nil, err
			}
			name, _, _ := strings.Cut(strings.TrimPrefix(string(b), "username="), "&")
			return reply(fmt.Sprintf(`{"hello":%d}`, len(name)), "Set-Cookie", "connect.sid=session-of-"+name+"; Path=/"), nil
		}
		cookie := req.Header.Get("Cookie")
		if req.Method == http.MethodPost {
			counts[cookie]++
		}
		_, owner, _ := strings.Cut(cookie, "session-of-")
		if req.URL.Path == "/auth/token" {
			return reply(`{"token":"token-of-` + owner + `"}`), nil
		}
		return reply(fmt.Sprintf(`{"n":%d,"of":%d}`, counts[cookie], len(owner))), nil
	}
}

// A read that was answered after a change waits for the change.
func TestReplay_readsWaitForTheChangesThatTheySaw(t *testing.T) {
	t.Parallel()
	dir := capture(t, "reads", counter(), nil, func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		want(t, c, "POST", api+"/count", "", "")
		want(t, c, "GET", api+"/count", "", "")
	})
	synctest.Test(t, func(t *testing.T) {
		c, fake := play(t, dir, "reads")
		var sent sync.Mutex
		posted := false
		var wg sync.WaitGroup
		wg.Go(func() {
			answer := want(t, c, "GET", api+"/count", "", "")
			sent.Lock()
			defer sent.Unlock()
			if !posted || answer != `{"n":1,"of":0}` {
				t.Errorf("the read was answered %s; the change was sent before: %v", answer, posted)
			}
		})
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		sent.Lock()
		posted = true
		sent.Unlock()
		want(t, c, "POST", api+"/count", "", "")
		wg.Wait()
		fake.end()
		if fake.Failed() {
			t.Error(fake.failures())
		}
	})
}

// A change waits for the reads that were answered before it.
func TestReplay_changesWaitForTheReadsBeforeThem(t *testing.T) {
	t.Parallel()
	dir := capture(t, "changes", counter(), nil, func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		want(t, c, "GET", api+"/count", "", "")
		want(t, c, "POST", api+"/count", "", "")
		want(t, c, "GET", api+"/count", "", "")
	})
	synctest.Test(t, func(t *testing.T) {
		c, fake := play(t, dir, "changes")
		var wg sync.WaitGroup
		wg.Go(func() {
			want(t, c, "POST", api+"/count", "", "")
			if answer := want(t, c, "GET", api+"/count", "", ""); answer != `{"n":1,"of":0}` {
				t.Errorf("after the change the read was answered %s", answer)
			}
		})
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		if answer := want(t, c, "GET", api+"/count", "", ""); answer != `{"n":0,"of":0}` {
			t.Errorf("the read before the change was answered %s", answer)
		}
		wg.Wait()
		fake.end()
		if fake.Failed() {
			t.Error(fake.failures())
		}
	})
}

// A program that acts in another order than it did waits a little, and gets its answers.
func TestReplay_anotherOrderDoesNotHang(t *testing.T) {
	t.Parallel()
	dir := capture(t, "swapped", numbered(), nil, func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		for _, user := range []string{"a", "b", "c"} {
			want(t, c, "GET", api+"/user/"+user, "", "")
			want(t, c, "POST", api+"/user/mute/"+user, "", "")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c, fake := play(t, dir, "swapped")
		start := time.Now()
		for _, user := range []string{"c", "b", "a"} {
			want(t, c, "GET", api+"/user/"+user, "", "")
			want(t, c, "POST", api+"/user/mute/"+user, "", "")
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
		fake.end()
		if fake.Failed() {
			t.Error(fake.failures())
		}
		if !strings.Contains(fake.logged(), "was sent earlier when it was recorded") {
			t.Errorf("nothing is said about the order:\n%s", fake.logged())
		}
	})
}

// A request that waits ends with its context.
func TestReplay_waitingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	dir := capture(t, "given-up", counter(), nil, func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		want(t, c, "POST", api+"/count", "", "")
		want(t, c, "GET", api+"/count", "", "")
	})
	synctest.Test(t, func(t *testing.T) {
		c, fake := play(t, dir, "given-up")
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, api+"/count", nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := c.Transport().RoundTrip(req); err == nil {
			resp.Body.Close()
			t.Error("the read was answered before the change that it saw")
		}
		want(t, c, "POST", api+"/count", "", "")
		fake.end()
		if fake.Failed() {
			t.Error(fake.failures())
		}
	})
}

// order notes when changes are sent and which answers are received.
type order struct {
	http.RoundTripper
	mu      sync.Mutex
	created bool
	early   bool
}

// RoundTrip implements http.RoundTripper.
func (o *order) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodPost && strings.HasSuffix(req.URL.Path, "/playlist") {
		o.mu.Lock()
		o.created = true
		o.mu.Unlock()
	}
	return o.RoundTripper.RoundTrip(req)
}

// seen notes what a list of playlists held.
func (o *order) seen(mine bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.early = o.early || mine && !o.created
}

// createAndLook creates a playlist while it reads the list of playlists.
func createAndLook(t *testing.T, c *cassettes.Cassette, server *queuptest.Server, readFirst bool) {
	t.Helper()
	o := &order{RoundTripper: c.Transport()}
	opts := []client.Option{client.WithTransport(o), client.WithDialer(c.Dialer())}
	if server != nil {
		opts = append(opts, client.WithBaseURL(server.URL()), client.WithRealtimeURL(server.RealtimeURL()))
	}
	bot, err := client.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = bot.Close()
		<-bot.Done()
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if err := bot.Login(ctx, "bot", canary.Password); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	look := func() {
		mine := false
		all, err := bot.FetchPlaylists(ctx)
		if err != nil {
			t.Error(err)
			return
		}
		for _, list := range all {
			mine = mine || list.Name == "late hours"
		}
		o.seen(mine)
	}
	create := func() {
		if _, err := bot.CreatePlaylist(ctx, "late hours"); err != nil {
			t.Error(err)
		}
	}
	first, second := create, look
	if readFirst {
		first, second = look, create
	}
	wg.Go(first)
	time.Sleep(time.Millisecond)
	wg.Go(second)
	wg.Wait()
	if o.early {
		t.Error("a playlist was listed before it was created")
	}
}

// A bot lists its playlists while it creates one: it never sees a playlist that it has not created yet.
func TestReplay_readsAndChangesAtTheSameTime(t *testing.T) {
	t.Parallel()
	for _, readFirst := range []bool{false, true} {
		dir := t.TempDir()
		server := queuptest.NewServer(queuptest.InMemory())
		t.Cleanup(server.Close)
		fake := newFake(t)
		c := cassettes.Open(fake, "playlists", append(through(server), cassettes.Dir(dir), cassettes.WithMode(cassettes.Rewrite), cassettes.RecordInCI())...)
		createAndLook(t, c, server, readFirst)
		fake.end()
		if fake.Failed() {
			t.Fatal(fake.failures())
		}
		for range 5 {
			for _, playedFirst := range []bool{false, true} {
				c, fake := play(t, dir, "playlists")
				createAndLook(t, c, nil, playedFirst)
				fake.end()
				if fake.Failed() {
					t.Fatal(fake.failures())
				}
			}
		}
	}
}
