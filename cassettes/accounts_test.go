package cassettes_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/cassettes"
	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// visitor is a program with one account: it logs in, then reads and changes its own number.
type visitor struct {
	name    string
	browser *http.Client
}

func newVisitor(t *testing.T, c *cassettes.Cassette, name string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{name, &http.Client{Transport: c.Transport(), Jar: jar}}
}

// do sends a request and returns the answer's body.
func (v *visitor) do(t *testing.T, method, path, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, api+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", form)
	}
	resp, err := v.browser.Do(req)
	if err != nil {
		t.Errorf("%s: %s %s: %v", v.name, method, path, err)
		return ""
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// visit logs in, and checks that each answer is for this account.
func (v *visitor) visit(t *testing.T) {
	t.Helper()
	if got, want := v.do(t, "POST", "/auth/login", "username="+v.name+"&password=secret"), fmt.Sprintf(`{"hello":%d}`, len(v.name)); got != want {
		t.Errorf("the login of %s was answered %s, want %s", v.name, got, want)
	}
	for n := range 3 {
		if got, want := v.do(t, "GET", "/count", ""), fmt.Sprintf(`{"n":%d,"of":%d}`, n, len(v.name)); got != want {
			t.Errorf("the request of %s was answered %s, want %s", v.name, got, want)
		}
		v.do(t, "POST", "/count", "")
	}
}

// listen fetches a token, opens a websocket with it and returns the greeting.
func (v *visitor) listen(t *testing.T, c *cassettes.Cassette) string {
	t.Helper()
	var answer struct{ Token string }
	if err := json.Unmarshal([]byte(v.do(t, "GET", "/auth/token", "")), &answer); err != nil {
		t.Fatal(err)
	}
	sock, err := c.Dialer().Dial(t.Context(), "wss://ws.queup.net/ws/?EIO=3&transport=websocket&access_token="+answer.Token, nil)
	if err != nil {
		t.Errorf("the handshake of %s: %v", v.name, err)
		return ""
	}
	defer sock.Close(1000, "")
	_, data, err := sock.Read()
	if err != nil {
		t.Error(err)
	}
	return string(data)
}

// greeters greets each connection with the length of the name in its token.
type greeters struct{}

func (greeters) Dial(ctx context.Context, url string, h http.Header) (realtime.Socket, error) {
	_, name, _ := strings.Cut(url, "token-of-")
	return newScript(nil, greetingOf(name)).Dial(ctx, url, h)
}

func greetingOf(name string) string { return fmt.Sprintf(`0{"sid":"%d"}`, len(name)) }

// Three accounts log in and act in another order than they did. Each gets its own answers and its own connection.
func TestReplay_accountsInAnotherOrder(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]cassettes.Option{"plain": nil, "anonymous": {cassettes.Anonymous()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			names := []string{"robot%40example.org", "guard", "porter"}
			all := func(t *testing.T, c *cassettes.Cassette, names ...string) {
				t.Helper()
				var visitors []*visitor
				for _, name := range names {
					v := newVisitor(t, c, name)
					v.visit(t)
					visitors = append(visitors, v)
				}
				for _, v := range visitors {
					if got, want := v.listen(t, c), greetingOf(v.name); got != want {
						t.Errorf("%s was greeted by %s, want %s", v.name, got, want)
					}
				}
			}
			dir := capture(t, "accounts", counter(), greeters{}, func(t *testing.T, c *cassettes.Cassette) {
				t.Helper()
				all(t, c, names...)
			}, opts...)
			for _, order := range [][]string{{names[2], names[0], names[1]}, {names[1], names[2], names[0]}} {
				synctest.Test(t, func(t *testing.T) {
					c, fake := play(t, dir, "accounts", opts...)
					start := time.Now()
					all(t, c, order...)
					if took := time.Since(start); took > time.Second {
						t.Errorf("accounts waited for each other: %v", took)
					}
					fake.end()
					if fake.Failed() {
						t.Error(fake.failures())
					}
				})
			}
		})
	}
}

// A request is never answered with the answer of another account.
func TestReplay_refusesTheAnswerOfAnotherAccount(t *testing.T) {
	t.Parallel()
	dir := capture(t, "two", counter(), nil, func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		for _, name := range []string{"guard", "porter"} {
			v := newVisitor(t, c, name)
			v.do(t, "POST", "/auth/login", "username="+name+"&password=secret")
			if name == "porter" {
				v.do(t, "GET", "/count", "")
			}
		}
	})
	c, fake := play(t, dir, "two")
	v := newVisitor(t, c, "guard")
	v.do(t, "POST", "/auth/login", "username=guard&password=another1")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, api+"/count", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := v.browser.Do(req); !errors.Is(err, cassettes.ErrUnmatched) {
		resp.Body.Close()
		t.Errorf("the request was answered: %v", err)
	}
	for _, line := range []string{"- account: login redacted-login-2", "+ account: login redacted-login-1"} {
		if !strings.Contains(fake.failures(), line) {
			t.Errorf("%q is not in the message:\n%s", line, fake.failures())
		}
	}
}

// Names other than those of the recording are paired in the order of their logins.
func TestReplay_otherNamesInTheSameOrder(t *testing.T) {
	t.Parallel()
	dir := capture(t, "names", counter(), nil, func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		newVisitor(t, c, "guard").visit(t)
		newVisitor(t, c, "porter").visit(t)
	})
	c, fake := play(t, dir, "names")
	newVisitor(t, c, "other").visit(t)
	newVisitor(t, c, "second").visit(t)
	fake.end()
	if fake.Failed() {
		t.Error(fake.failures())
	}
}

// twoBots logs in two bots at the same time, and checks who they are. The order of their logins is chance.
func twoBots(t *testing.T, c *cassettes.Cassette, server *queuptest.Server) {
	t.Helper()
	var opts []client.Option
	if server != nil {
		opts = append(opts, client.WithBaseURL(server.URL()), client.WithRealtimeURL(server.RealtimeURL()))
	}
	var wg sync.WaitGroup
	for _, name := range []string{"bot", "mod"} {
		wg.Go(func() {
			bot, err := client.New(append(opts, client.WithTransport(c.Transport()), client.WithDialer(c.Dialer()))...)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() {
				_ = bot.Close()
				<-bot.Done()
			}()
			if err := errors.Join(bot.Login(t.Context(), name, "secret"), bot.Connect(t.Context())); err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			if user, _ := bot.User(); user.Username != name {
				t.Errorf("%s was answered as %s", name, user.Username)
			}
			if _, err := bot.CreatePlaylist(t.Context(), "songs of "+name); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			lists, err := bot.FetchPlaylists(t.Context())
			if err != nil || len(lists) != 1 || lists[0].Name != "songs of "+name {
				t.Errorf("%s has the playlists %v, %v", name, lists, err)
			}
		})
	}
	wg.Wait()
}

func TestReplay_twoBotsAtTheSameTime(t *testing.T) {
	t.Parallel()
	server := queuptest.NewServer(queuptest.InMemory())
	t.Cleanup(server.Close)
	dir := capture(t, "bots", nil, nil, func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		twoBots(t, c, server)
	}, through(server)...)
	for range 5 {
		c, fake := play(t, dir, "bots")
		twoBots(t, c, nil)
		fake.end()
		if fake.Failed() {
			t.Fatal(fake.failures())
		}
	}
}

// oneAfterAnother brings bots into the room, each after the one before it has left.
func oneAfterAnother(t *testing.T, c *cassettes.Cassette, server *queuptest.Server, names ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	for _, name := range names {
		bot := newBot(t, c, server)
		if err := errors.Join(bot.Login(ctx, name, "secret"), bot.Connect(ctx)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		room, err := bot.JoinRoom(ctx, "lounge")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if user, _ := bot.User(); user.Username != name {
			t.Errorf("%s was answered as %s", name, user.Username)
		}
		said, err := room.SendMessage(ctx, "I am here")
		if err := errors.Join(err, room.Updub(ctx), room.Leave(ctx)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if author, _ := said.Author(); author.Username != name {
			t.Errorf("the message of %s is from %s", name, author.Username)
		}
		time.Sleep(time.Second) // what a program sends while it closes is chance
	}
}

func TestReplay_botsOneAfterAnother(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory())
		t.Cleanup(server.Close)
		c := cassettes.Open(t, "bots", append(through(server),
			cassettes.Dir(dir), cassettes.WithMode(cassettes.Rewrite), cassettes.RecordInCI())...)
		oneAfterAnother(t, c, server, "bot", "mod", "alice")
	})
	for _, pace := range []cassettes.Option{cassettes.AtOnce(), cassettes.Speed(10)} {
		for _, names := range [][]string{{"bot", "mod", "alice"}, {"mod", "alice", "bot"}, {"alice", "mod", "bot"}} {
			synctest.Test(t, func(t *testing.T) {
				c := cassettes.Open(t, "bots", cassettes.Dir(dir), cassettes.WithMode(cassettes.Replay), pace)
				oneAfterAnother(t, c, nil, names...)
			})
		}
	}
}
