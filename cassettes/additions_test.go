package cassettes_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/queup-go/queup/cassettes"
	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// club is a server with sessions. It does not know the sessions of an earlier run, refuses other passwords than that of the canary, and
// gives a new cookie with each answer if rolling is set.
type club struct {
	run     string
	rolling bool

	mu       sync.Mutex
	sessions map[string]string // name by cookie
	asked    []string          // what was requested, in order
	n        int
}

func newClub(run string) *club { return &club{run: run, sessions: map[string]string{}} }

// next returns the cookie of a new session. The caller holds mu.
func (s *club) next(name string) string {
	s.n++
	cookie := fmt.Sprintf("live-session-%s-%d", s.run, s.n)
	s.sessions[cookie] = name
	return "connect.sid=" + cookie + "; Path=/"
}

func (s *club) RoundTrip(req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, req.Method+" "+req.URL.RequestURI())
	name, cookie := "", ""
	if sent, err := req.Cookie("connect.sid"); err == nil {
		name, cookie = s.sessions[sent.Value], sent.Value
	}
	denied := func() (*http.Response, error) {
		resp := reply(`{"code":401}`)
		resp.StatusCode, resp.Status = http.StatusUnauthorized, "401 Unauthorized"
		return resp, nil
	}
	var resp *http.Response
	switch path := req.URL.Path; {
	case path == "/auth/login":
		b, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		values, err := url.ParseQuery(string(b))
		if err != nil || values.Get("password") != canary.Password {
			return denied()
		}
		return reply(`{"code":200}`, "Set-Cookie", s.next(values.Get("username"))), nil
	case strings.HasPrefix(path, "/room"):
		resp = reply(fmt.Sprintf(`{"path":%q,"run":%q}`, path, s.run))
	case name == "":
		return denied()
	case path == "/auth/token":
		resp = reply(`{"token":"token-` + cookie + `"}`)
	default:
		resp = reply(fmt.Sprintf(`{"username":%q,"_id":"%024x","mail":"%s@example.org","path":%q}`, name, 0xb0b0+len(name)*len(name), name, path))
	}
	if s.rolling && name != "" {
		resp.Header.Add("Set-Cookie", s.next(name))
	}
	return resp, nil
}

// requests returns what was requested.
func (s *club) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// moved copies a recording to another folder, because a run of the tests writes under a name only once.
func moved(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// extend opens a recording in mode New, in a fake test.
func extend(t *testing.T, dir, name string, rt http.RoundTripper, opts ...cassettes.Option) (*cassettes.Cassette, *fakeTB) {
	t.Helper()
	fake := newFake(t)
	return cassettes.Open(fake, name, append([]cassettes.Option{
		cassettes.Dir(dir), cassettes.WithMode(cassettes.New), cassettes.RecordInCI(), cassettes.Source("queuptest"), cassettes.Through(rt),
	}, opts...)...), fake
}

// passes ends a fake test that must have passed.
func passes(t *testing.T, fake *fakeTB) {
	t.Helper()
	fake.end()
	if fake.Failed() {
		t.Fatal(fake.failures())
	}
}

// requests makes requests, each a method and a path.
func requests(t *testing.T, c *cassettes.Cassette, all ...string) (answers []string) {
	t.Helper()
	for _, r := range all {
		method, path, _ := strings.Cut(r, " ")
		if method == "form" {
			path, body, _ := strings.Cut(path, " ")
			answers = append(answers, want(t, c, "POST", api+path, form, body))
			continue
		}
		answers = append(answers, want(t, c, method, api+path, "", ""))
	}
	return answers
}

func TestNew_recordsWhatIsMissing(t *testing.T) {
	t.Parallel()
	sameMethod := func(recorded, sent cassettes.Request) bool { return recorded.Method == sent.Method }
	for name, test := range map[string]struct {
		recorded, sent []string
		live           []string // what the server was asked for
		opts           []cassettes.Option
		played         []string // what is sent in replay; sent if it is empty
	}{
		"nothing": {recorded: []string{"GET /room/a"}, sent: []string{"GET /room/a"}},
		"a second request": {
			recorded: []string{"GET /room/a"}, sent: []string{"GET /room/a", "GET /room/b"}, live: []string{"GET /room/b"},
		},
		"one before and one between": {
			recorded: []string{"GET /room/b", "GET /room/d"}, sent: []string{"GET /room/a", "GET /room/b", "GET /room/c", "GET /room/d"},
			live: []string{"GET /room/a", "GET /room/c"},
		},
		"the same once more": {
			recorded: []string{"GET /room/a"}, sent: []string{"GET /room/a", "GET /room/a"}, live: []string{"GET /room/a"},
		},
		"changes": {
			recorded: []string{"form /room/a x=1", "GET /room/a"}, sent: []string{"form /room/a x=1", "GET /room/a", "form /room/a x=2", "GET /room/a"},
			live: []string{"POST /room/a", "GET /room/a"},
		},
		"an ignored field": {
			recorded: []string{"GET /room/a?nonce=1"}, sent: []string{"GET /room/a?nonce=2", "GET /room/b"}, live: []string{"GET /room/b"},
			opts: []cassettes.Option{cassettes.Ignore("GET /room/*", "query.nonce")},
		},
		"matched by a function": {
			recorded: []string{"GET /room/a"}, sent: []string{"GET /room/b", "form /room/c x=1"}, live: []string{"POST /room/c"},
			opts: []cassettes.Option{cassettes.Match("GET /room/*", sameMethod)},
		},
		"repeated": {
			recorded: []string{"GET /room/a"}, sent: []string{"GET /room/a", "GET /room/a", "GET /room/a", "GET /room/b"}, live: []string{"GET /room/b"},
			opts: []cassettes.Option{cassettes.Repeat("GET /room/a")}, played: []string{"GET /room/a", "GET /room/b"},
		},
		"unused": {
			recorded: []string{"GET /room/a", "GET /room/b"}, sent: []string{"GET /room/a", "GET /room/c"}, live: []string{"GET /room/c"},
			opts: []cassettes.Option{cassettes.AllowUnused()},
		},
		"AllowUnmatched": {
			recorded: []string{"GET /room/a"}, sent: []string{"GET /room/a", "GET /room/b"}, live: []string{"GET /room/b"},
			opts: []cassettes.Option{cassettes.AllowUnmatched()},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := moved(t, capture(t, "rooms", newClub("old"), nil, func(t *testing.T, c *cassettes.Cassette) {
				t.Helper()
				requests(t, c, test.recorded...)
			}, test.opts...))
			before := files(t, dir, "rooms")
			server := newClub("new")
			c, fake := extend(t, dir, "rooms", server, test.opts...)
			answers := requests(t, c, test.sent...)
			passes(t, fake)
			if got := server.requests(); !slices.Equal(got, test.live) {
				t.Errorf("the server was asked for %q, want %q", got, test.live)
			}
			now := files(t, dir, "rooms")
			old, _, _ := strings.Cut(before, "# pair")
			switch {
			case len(test.live) == 0 && now != before:
				t.Errorf("the files were written although nothing was missing:\n%s", now)
			case !strings.HasPrefix(now, old):
				t.Errorf("what was recorded has changed:\n%s\nnow\n%s", before, now)
			}
			if test.played != nil {
				test.sent, answers = test.played, append(answers[:1:1], answers[len(answers)-1])
			}
			c, fake = play(t, dir, "rooms", test.opts...)
			if got := requests(t, c, test.sent...); !slices.Equal(got, answers) {
				t.Errorf("played %q, want %q", got, answers)
			}
			passes(t, fake)
		})
	}
}

func TestNew_recordsEverythingWithoutARecording(t *testing.T) {
	t.Parallel()
	dir, server := t.TempDir(), newClub("new")
	c, fake := extend(t, dir, "rooms", server)
	if !c.Recording() {
		t.Error("the test does not play the parts of other people")
	}
	requests(t, c, "GET /room/a", "GET /room/b")
	passes(t, fake)
	c, fake = play(t, dir, "rooms")
	requests(t, c, "GET /room/a", "GET /room/b")
	passes(t, fake)
}

// Only a test that passes changes the files, and a record that was not used fails it.
func TestNew_changesNothingWhenTheTestFails(t *testing.T) {
	t.Parallel()
	record := func(t *testing.T) string {
		t.Helper()
		return moved(t, capture(t, "rooms", newClub("old"), nil, func(t *testing.T, c *cassettes.Cassette) {
			t.Helper()
			requests(t, c, "GET /room/a", "GET /room/b")
		}))
	}
	for name, test := range map[string]struct {
		sent []string
		end  func(fake *fakeTB)
		says string
	}{
		"failed": {
			sent: []string{"GET /room/a", "GET /room/b", "GET /room/c"},
			end:  func(fake *fakeTB) { fake.Error("something else"); fake.end() }, says: "nothing was added, because the test failed",
		},
		"unused":  {sent: []string{"GET /room/a", "GET /room/c"}, end: (*fakeTB).end, says: "1 of 2 records were never used"},
		"skipped": {sent: []string{"GET /room/a", "GET /room/b", "GET /room/c"}, end: endByGoexit, says: "the test did not come to its end"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := record(t)
			before := files(t, dir, "rooms")
			c, fake := extend(t, dir, "rooms", newClub("new"))
			requests(t, c, test.sent...)
			test.end(fake)
			if files(t, dir, "rooms") != before {
				t.Error("the files have changed")
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
				t.Errorf("left: %v, %v", left, err)
			}
			if !strings.Contains(fake.logged()+fake.failures(), test.says) {
				t.Errorf("%q is not in %q and %q", test.says, fake.logged(), fake.failures())
			}
		})
	}
}

// endByGoexit ends a fake test as Skip does.
func endByGoexit(fake *fakeTB) {
	var wg sync.WaitGroup
	wg.Go(func() {
		defer fake.end()
		fake.SkipNow()
	})
	wg.Wait()
}

// A program that logs in with two accounts, of which the recording has one. What the recording has keeps its placeholders, and what is
// new gets others.
func TestNew_accountsKeepApart(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]cassettes.Option{"plain": nil, "anonymous": {cassettes.Anonymous()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			visit := func(t *testing.T, c *cassettes.Cassette, name string, paths ...string) (answers []string) {
				t.Helper()
				v := newVisitor(t, c, name)
				v.do(t, "POST", "/auth/login", "username="+name+"&password="+url.QueryEscape(canary.Password))
				for _, path := range paths {
					answers = append(answers, v.do(t, "GET", path, ""))
				}
				return answers
			}
			dir := moved(t, capture(t, "accounts", newClub("old"), nil, func(t *testing.T, c *cassettes.Cassette) {
				t.Helper()
				visit(t, c, "alice", "/user/me")
			}, opts...))
			c, fake := extend(t, dir, "accounts", newClub("new"), opts...)
			visit(t, c, "alice", "/user/me")
			if got := visit(t, c, "zoe", "/user/me", "/user/other"); !strings.Contains(got[0], "zoe") {
				t.Errorf("zoe was answered %s", got)
			}
			passes(t, fake)
			text := files(t, dir, "accounts")
			for _, secret := range []string{"live-session", canary.Password, "alice@example.org", "zoe@example.org"} {
				if strings.Contains(text, secret) {
					t.Errorf("%q is in the files", secret)
				}
			}
			placeholders := []string{"redacted-login-2", "redacted-cookie-2", "redacted-email-2@", `"login":2`, `"cookie":2`, `"password":1`, `"email":2`}
			if opts != nil {
				placeholders = append(placeholders, "member-1", "member-2", "00000000000a11a500000002", `"member":2`, `"memberid":2`)
				if strings.Contains(text, "alice") || strings.Contains(text, "zoe") {
					t.Error("a name is in the files")
				}
			}
			for _, p := range placeholders {
				if !strings.Contains(text, p) {
					t.Errorf("%q is not in the files:\n%s", p, text)
				}
			}
			for _, p := range []string{"-3", "redacted-password-2"} {
				if regexp.MustCompile(`redacted-\w+`+p).MatchString(text) || strings.Contains(text, p+"\"") {
					t.Errorf("%q is in the files:\n%s", p, text)
				}
			}
			for _, names := range [][]string{{"alice", "zoe"}, {"zoe", "alice"}} {
				c, fake := play(t, dir, "accounts", opts...)
				for _, name := range names {
					paths := []string{"/user/me"}
					if name == "zoe" {
						paths = append(paths, "/user/other")
					}
					number := map[string]string{"alice": "-1@", "zoe": "-2@"}[name]
					if got := visit(t, c, name, paths...); !strings.Contains(got[0], "redacted-email"+number) {
						t.Errorf("%s was answered %s", name, got)
					}
				}
				passes(t, fake)
			}
		})
	}
}

// If the recorded accounts are marked, another one may log in before them.
func TestNew_anotherAccountFirst(t *testing.T) {
	t.Parallel()
	visit := func(t *testing.T, c *cassettes.Cassette, names ...string) {
		t.Helper()
		for _, name := range names {
			v := newVisitor(t, c, name)
			v.do(t, "POST", "/auth/login", "username="+name+"&password="+url.QueryEscape(canary.Password))
			if got := v.do(t, "GET", "/user/me", ""); !strings.Contains(got, `"username":"`+name+`"`) {
				t.Errorf("%s was answered %s", name, got)
			}
		}
	}
	dir := moved(t, capture(t, "third", newClub("old"), nil, func(t *testing.T, c *cassettes.Cassette) { t.Helper(); visit(t, c, "alice", "bob") }))
	server := newClub("new")
	c, fake := extend(t, dir, "third", server)
	visit(t, c, "zoe", "bob", "alice")
	passes(t, fake)
	if got := server.requests(); len(got) != 2 {
		t.Errorf("the server was asked for %q", got)
	}
	c, fake = play(t, dir, "third")
	visit(t, c, "bob", "alice", "zoe")
	passes(t, fake)
}

// A login that was played is sent to the server as soon as a missing request needs its session. The recording keeps its own login.
func TestNew_sessionOfTheRecording(t *testing.T) {
	t.Parallel()
	for name, rolling := range map[string]bool{"one cookie": false, "a cookie with each answer": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			visit := func(t *testing.T, c *cassettes.Cassette, paths ...string) (answers []string) {
				t.Helper()
				v := newVisitor(t, c, "alice")
				v.do(t, "POST", "/auth/login", "username=alice&password="+url.QueryEscape(canary.Password))
				for _, path := range paths {
					answers = append(answers, v.do(t, "GET", path, ""))
					if u, err := url.Parse(api); err != nil || !c.Recording() && !strings.Contains(v.browser.Jar.Cookies(u)[0].Value, "redacted-cookie") {
						t.Errorf("after %s the program has the server's cookie (%v)", path, err)
					}
				}
				return answers
			}
			old := newClub("old")
			old.rolling = rolling
			dir := moved(t, capture(t, "session", old, nil, func(t *testing.T, c *cassettes.Cassette) {
				t.Helper()
				visit(t, c, "/user/me", "/user/last")
			}))
			server := newClub("new")
			server.rolling = rolling
			c, fake := extend(t, dir, "session", server)
			paths := []string{"/user/me", "/user/new", "/user/newer", "/user/last"}
			answers := visit(t, c, paths...)
			passes(t, fake)
			if got, want := server.requests(), []string{"POST /auth/login", "GET /user/new", "GET /user/newer"}; !slices.Equal(got, want) {
				t.Errorf("the server was asked for %q, want %q", got, want)
			}
			if !strings.Contains(answers[1], `"username":"alice"`) {
				t.Errorf("answered %s", answers[1])
			}
			text := files(t, dir, "session")
			if strings.Contains(text, "live-session") || strings.Count(text, "/auth/login") != 1 {
				t.Errorf("the files are wrong:\n%s", text)
			}
			c, fake = play(t, dir, "session")
			if got := visit(t, c, paths...); !strings.Contains(got[1], `"path":"/user/new"`) {
				t.Errorf("played %q", got)
			}
			passes(t, fake)
		})
	}
}

// Requests that need the session at the same time share one login.
func TestNew_sharedSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		login := "username=alice&password=" + url.QueryEscape(canary.Password)
		dir := moved(t, capture(t, "session", newClub("old"), nil, func(t *testing.T, c *cassettes.Cassette) {
			t.Helper()
			newVisitor(t, c, "alice").do(t, "POST", "/auth/login", login)
		}))
		server := newClub("new")
		c, fake := extend(t, dir, "session", far{server})
		all := func(c *cassettes.Cassette) {
			v := newVisitor(t, c, "alice")
			v.do(t, "POST", "/auth/login", login)
			var wg sync.WaitGroup
			for i := range 5 {
				wg.Go(func() {
					if got := v.do(t, "GET", fmt.Sprintf("/user/%d", i), ""); !strings.Contains(got, "alice") {
						t.Errorf("answered %s", got)
					}
				})
			}
			wg.Wait()
		}
		all(c)
		passes(t, fake)
		if got := server.requests(); len(got) != 6 || got[0] != "POST /auth/login" {
			t.Errorf("the server was asked for %q", got)
		}
		c, fake = play(t, dir, "session")
		all(c)
		passes(t, fake)
	})
}

// What the server cannot understand is not sent to it. The test fails, and says why and what to do.
func TestNew_refuses(t *testing.T) {
	t.Parallel()
	login := func(password string) string { return "username=alice&password=" + url.QueryEscape(password) }
	begin := func(t *testing.T, c *cassettes.Cassette, password string) (v *visitor, token string) {
		t.Helper()
		v = newVisitor(t, c, "alice")
		v.do(t, "POST", "/auth/login", login(password))
		token = v.do(t, "GET", "/auth/token", "")
		return v, token[len(`{"token":"`) : len(token)-2]
	}
	for name, test := range map[string]struct {
		password string
		opts     []cassettes.Option
		do       func(t *testing.T, c *cassettes.Cassette, v *visitor, token string) error
		says     string
		live     int // requests that reached the server
	}{
		"a password that only the recording takes": {
			password: "another-1", live: 1, says: "it answered 401: give the test a name and a password that are valid there",
			do: func(t *testing.T, _ *cassettes.Cassette, v *visitor, _ string) error {
				t.Helper()
				return v.get(t, "/user/x")
			},
		},
		"a token in a header": {
			says: "its header X-Access-Token has redacted-token-1 from the recording, which the server does not know",
			do: func(t *testing.T, c *cassettes.Cassette, _ *visitor, token string) error {
				t.Helper()
				_, _, err := send(t, c, "GET", api+"/user/x", "", "", "X-Access-Token", token)
				return err
			},
		},
		"a token in the URL": {
			says: "its URL has redacted-token-1",
			do: func(t *testing.T, _ *cassettes.Cassette, v *visitor, token string) error {
				t.Helper()
				return v.get(t, "/user/"+token)
			},
		},
		"a token in the body": {
			says: "its body has redacted-token-1",
			do: func(t *testing.T, c *cassettes.Cassette, _ *visitor, token string) error {
				t.Helper()
				_, _, err := send(t, c, "POST", api+"/user/x", form, "csrf="+token)
				return err
			},
		},
		"a session without a login": {
			says: "its cookie has redacted-cookie-",
			do: func(t *testing.T, c *cassettes.Cassette, _ *visitor, token string) error {
				t.Helper()
				_, _, err := send(t, c, "GET", api+"/user/x", "", "", "Cookie", "other=redacted-cookie-1")
				return err
			},
		},
		"a connection with a token of the recording": {
			says: "its URL has redacted-token-1",
			do: func(t *testing.T, c *cassettes.Cassette, _ *visitor, token string) error {
				t.Helper()
				_, err := c.Dialer().Dial(t.Context(), "wss://ws.queup.net/ws/?access_token="+token, nil)
				return err
			},
		},
		"a connection with a cookie of the recording": {
			says: "its header Cookie has redacted-cookie-1",
			do: func(t *testing.T, c *cassettes.Cassette, _ *visitor, _ string) error {
				t.Helper()
				_, err := c.Dialer().Dial(t.Context(), "wss://ws.queup.net/ws/", http.Header{"Cookie": {"connect.sid=redacted-cookie-1"}})
				return err
			},
		},
		"a connection with Stepped": {
			says: "with Stepped, a connection is played or recorded as a whole", opts: []cassettes.Option{cassettes.Stepped()},
			do: func(t *testing.T, c *cassettes.Cassette, _ *visitor, _ string) error {
				t.Helper()
				_, err := c.Dialer().Dial(t.Context(), "wss://ws.queup.net/ws/", nil)
				return err
			},
		},
		"another source": {
			says: "the recording is from queuptest, and this test records from live", opts: []cassettes.Option{cassettes.Source("live")},
			do: func(t *testing.T, _ *cassettes.Cassette, v *visitor, _ string) error {
				t.Helper()
				return v.get(t, "/room/x")
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := moved(t, capture(t, "refused", newClub("old"), nil, func(t *testing.T, c *cassettes.Cassette) {
				t.Helper()
				begin(t, c, canary.Password)
			}))
			before := files(t, dir, "refused")
			server := newClub("new")
			c, fake := extend(t, dir, "refused", server, append(test.opts, cassettes.ThroughDialer(dials{errors.New("a dial")}))...)
			if test.password == "" {
				test.password = canary.Password
			}
			v, token := begin(t, c, test.password)
			err := test.do(t, c, v, token)
			if !errors.Is(err, cassettes.ErrNotAdded) || !errors.Is(err, cassettes.ErrUnmatched) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("the program got %v, want %q", err, test.says)
			}
			if cause := context.Cause(c.Context()); !errors.Is(cause, cassettes.ErrNotAdded) {
				t.Errorf("the context ended with %v", cause)
			}
			if err := v.get(t, "/room/y"); !errors.Is(err, cassettes.ErrUnmatched) {
				t.Errorf("after a mismatch: %v", err)
			}
			if got := server.requests(); len(got) != test.live {
				t.Errorf("the server was asked for %q", got)
			}
			fake.end()
			for _, part := range []string{test.says, "it cannot be added", "QUEUP_CASSETTE=rewrite go test"} {
				if !strings.Contains(fake.failures(), part) {
					t.Errorf("%q is not in the message:\n%s", part, fake.failures())
				}
			}
			if strings.Contains(fake.failures()+fake.logged()+err.Error(), canary.Password) {
				t.Error("the password is in the message")
			}
			if files(t, dir, "refused") != before {
				t.Error("the files have changed")
			}
		})
	}
}

// get makes a request that may fail.
func (v *visitor) get(t *testing.T, path string) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, api+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := v.browser.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// With AllowUnmatched, what cannot be added has an error and a line in the log, and the test goes on.
func TestNew_refusesLeniently(t *testing.T) {
	t.Parallel()
	dir := moved(t, capture(t, "lenient", newClub("old"), nil, func(t *testing.T, c *cassettes.Cassette) { t.Helper(); requests(t, c, "GET /room/a") },
		cassettes.Secrets("secret-room")))
	c, fake := extend(t, dir, "lenient", newClub("new"), cassettes.AllowUnmatched(), cassettes.Source("live"))
	requests(t, c, "GET /room/a")
	if _, _, err := send(t, c, "GET", api+"/room/b", "", ""); !errors.Is(err, cassettes.ErrNotAdded) {
		t.Errorf("GET /room/b: %v", err)
	}
	passes(t, fake)
	if !strings.Contains(fake.logged(), "it cannot be added") {
		t.Errorf("logged %q", fake.logged())
	}
}

// Hosts that do not belong to the recording are treated as in the other modes.
func TestNew_otherHosts(t *testing.T) {
	t.Parallel()
	opts := []cassettes.Option{cassettes.PassThrough("other.example"), cassettes.Refuse("refused.example")}
	dir := moved(t, capture(t, "hosts", newClub("old"), nil, func(t *testing.T, c *cassettes.Cassette) { t.Helper(); requests(t, c, "GET /room/a") }, opts...))
	before := files(t, dir, "hosts")
	server := newClub("new")
	c, fake := extend(t, dir, "hosts", server, opts...)
	requests(t, c, "GET /room/a")
	want(t, c, "GET", "https://other.example/room/b", "", "")
	if _, _, err := send(t, c, "GET", "https://refused.example/room/c", "", ""); !errors.Is(err, cassettes.ErrRefusedHost) {
		t.Errorf("a refused host: %v", err)
	}
	passes(t, fake)
	if files(t, dir, "hosts") != before {
		t.Error("the files have changed")
	}
}

// Of two tests that add to one recording in one run, the second is refused. One that plays it only is not.
func TestNew_twoTestsWithOneRecording(t *testing.T) {
	t.Parallel()
	dir := moved(t, capture(t, "shared", newClub("old"), nil, func(t *testing.T, c *cassettes.Cassette) { t.Helper(); requests(t, c, "GET /room/a") }))
	c, first := extend(t, dir, "shared", newClub("new"))
	other, second := extend(t, dir, "shared", newClub("new"))
	third, playing := extend(t, dir, "shared", newClub("new"))
	requests(t, c, "GET /room/a", "GET /room/b")
	requests(t, other, "GET /room/a")
	requests(t, third, "GET /room/a")
	if _, _, err := send(t, other, "GET", api+"/room/c", "", ""); !errors.Is(err, cassettes.ErrNotAdded) {
		t.Errorf("the second test: %v", err)
	}
	passes(t, first)
	passes(t, playing)
	second.end()
	if !strings.Contains(second.failures(), "has recorded under this name in the same run") {
		t.Errorf("reported %q", second.failures())
	}
	if text := files(t, dir, "shared"); !strings.Contains(text, "/room/b") || strings.Contains(text, "/room/c") {
		t.Errorf("the files are wrong:\n%s", text)
	}
}

// A recording without names does not get any because an option was left out.
func TestNew_keepsPeopleAnonymous(t *testing.T) {
	t.Parallel()
	server := answers(func(*http.Request) (*http.Response, error) {
		return reply(`{"username":"alice","_id":"65a1f0c2d4e8b90000000001"}`), nil
	})
	dir := moved(t, capture(t, "people", server, nil, func(t *testing.T, c *cassettes.Cassette) { t.Helper(); requests(t, c, "GET /user/a") }, cassettes.Anonymous()))
	before := files(t, dir, "people")
	c, fake := extend(t, dir, "people", server)
	requests(t, c, "GET /user/a", "GET /user/b")
	fake.end()
	if !strings.Contains(fake.failures(), "people are anonymous in the recording: give the option Anonymous") {
		t.Errorf("reported %q", fake.failures())
	}
	if files(t, dir, "people") != before {
		t.Error("the files have changed")
	}
}

// A recording with stable ids has ids that QueUp does not know, so nothing can be added to it.
func TestNew_refusesStableIDs(t *testing.T) {
	t.Parallel()
	dir := moved(t, capture(t, "stable", newClub("old"), nil, func(t *testing.T, c *cassettes.Cassette) { t.Helper(); requests(t, c, "GET /room/a") }, cassettes.StableIDs()))
	_, fake := extend(t, dir, "stable", newClub("new"), cassettes.StableIDs())
	if !strings.Contains(fake.failures(), "mode new cannot add to a recording with StableIDs") {
		t.Errorf("reported %q", fake.failures())
	}
}

// A connection that the recording does not have is recorded behind those that it has.
func TestNew_connections(t *testing.T) {
	t.Parallel()
	first := func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		sock := dial(t, c)
		readFrames(t, sock, 1)
		writeFrames(t, sock, attach("a", "1"))
		if got := readFrames(t, sock, 1); got[0] != attached("a", "1") {
			t.Errorf("the first connection got %q", got)
		}
		_ = sock.Close(1000, "")
	}
	second := func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		requests(t, c, "GET /room/b")
		sock := dial(t, c)
		readFrames(t, sock, 1)
		writeFrames(t, sock, attach("b", "1"))
		if got := readFrames(t, sock, 1); got[0] != attached("b", "1") {
			t.Errorf("the second connection got %q", got)
		}
		_ = sock.Close(1000, "")
	}
	dir := moved(t, capture(t, "links", newClub("old"), newScript(nil, greeting, attached("a", "1")), first))
	before := files(t, dir, "links")
	c, fake := extend(t, dir, "links", newClub("new"), cassettes.ThroughDialer(newScript(nil, greeting, attached("b", "1"))))
	first(t, c)
	second(t, c)
	passes(t, fake)
	if !strings.Contains(fake.logged(), "added 1 requests and 5 records of the websocket") {
		t.Errorf("logged %q", fake.logged())
	}
	if text := files(t, dir, "links"); strings.Contains(text, "tok-abcdefgh") || !strings.Contains(text, before[strings.Index(before, `{"at":`):]) {
		t.Errorf("the files are wrong:\n%s", text)
	}
	c, fake = play(t, dir, "links")
	first(t, c)
	second(t, c)
	passes(t, fake)
}

// A connection that is played cannot be continued at the server.
func TestNew_frameBeyondTheRecording(t *testing.T) {
	t.Parallel()
	dir := moved(t, capture(t, "frames", nil, newScript(nil, greeting), func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		sock := dial(t, c)
		readFrames(t, sock, 1)
		_ = sock.Close(1000, "")
	}))
	before := files(t, dir, "frames")
	c, fake := extend(t, dir, "frames", newClub("new"), cassettes.ThroughDialer(newScript(nil, greeting)))
	sock := dial(t, c)
	live := dial(t, c)
	readFrames(t, sock, 1)
	if err := sock.Write(realtime.Text, []byte(attach("a", "1"))); !errors.Is(err, cassettes.ErrNotAdded) {
		t.Errorf("the frame: %v", err)
	}
	readFrames(t, live, 1)
	if _, _, err := live.Read(); err == nil {
		t.Error("the connection to the server is still open")
	}
	fake.end()
	for _, part := range []string{"no record matches this frame", "the connection is from the recording", "QUEUP_CASSETTE=rewrite go test"} {
		if !strings.Contains(fake.failures(), part) {
			t.Errorf("%q is not in the message:\n%s", part, fake.failures())
		}
	}
	if files(t, dir, "frames") != before {
		t.Error("the files have changed")
	}
}

// A test of a bot gets one more call: the bot logs in, joins and answers from the recording, and only the call goes to the server.
func TestNew_bot(t *testing.T) {
	t.Parallel()
	dir := moved(t, record(t, "bot", talk))
	longer := func(t *testing.T, bot *client.Client, server *queuptest.Server) {
		t.Helper()
		talk(t, bot, server)
		lists, err := bot.FetchPlaylists(t.Context())
		if err != nil || len(lists) != 0 {
			t.Errorf("the playlists are %v, %v", lists, err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory())
		t.Cleanup(server.Close)
		direct := &http.Transport{DialContext: server.DialContext, DisableKeepAlives: true}
		c := cassettes.Open(t, "bot", append(through(server), cassettes.Through(direct), cassettes.Dir(dir), cassettes.WithMode(cassettes.New), cassettes.RecordInCI())...)
		if c.Recording() {
			t.Error("the parts of other people are in the recording")
		}
		bot := newBot(t, c, server)
		longer(t, bot, nil)
	})
	if text := files(t, dir, "bot"); strings.Count(text, "/auth/login") != 1 || !strings.Contains(text, "/playlist") {
		t.Errorf("the files are wrong:\n%s", text)
	}
	for range 50 {
		replay(t, dir, "bot", longer)
	}
}
