package queuptest_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/queup-go/queup/queuptest"
)

// An entry says in one line what it means.
func TestEntry_isReadable(t *testing.T) {
	t.Parallel()
	srv := start(t)
	room := srv.Room("lounge")
	alice := login(t, srv, "alice")
	s := alice.listen()
	s.enter("room:"+room.ID(), `{"x":1}`)
	s.ask(`{"action":99,"reqId":"r9"}`)
	s.next()
	s.write("2")
	s.next()
	room.Say("bob", `"quoted"`)
	s.next()
	alice.get("/room/nowhere")
	s.write("zzz")
	s.next()
	all := strings.Builder{}
	for _, e := range srv.Log() {
		fmt.Fprintln(&all, e)
	}
	for _, want := range []string{
		`> - POST /auth/login password=\*\*\*&username=alice\n`,
		`< alice ws open {"sid":`,
		`< alice ws connected\n`,
		`> alice ws attach room:` + room.ID() + `\n`,
		`< alice ws attached room:` + room.ID() + `\n`,
		`> alice ws presence room:\w+ enter of {"x":1} reqId=enter\n`,
		`< alice ws presence room:\w+ enter of \w{24} {"x":1} reqId=enter\n`,
		`< alice ws error "unknown action 99" reqId=r9\n`,
		`> alice ws ping\n`,
		`< alice ws pong\n`,
		`< alice ws message room:\w+ chat-message {"type":"chat-message","chatid":`,
		`< alice GET /room/nowhere 404 {"code":404,`,
		`> alice ws zzz\n`,
	} {
		if !regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d\.\d\d\d ` + want).MatchString(all.String()) {
			t.Errorf("no line is %s:\n%s", want, &all)
		}
	}
}

// recorder is a test that others watch.
type recorder struct {
	failed   bool
	cleanups []func()
	logged   string
}

func (r *recorder) Helper()                         {}
func (r *recorder) Failed() bool                    { return r.failed }
func (r *recorder) Cleanup(f func())                { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Logf(format string, args ...any) { r.logged += fmt.Sprintf(format, args...) }

// A test that fails shows the end of the log, one that passes shows nothing.
func TestLogOnFailure(t *testing.T) {
	t.Parallel()
	srv := start(t)
	var passed, failed queuptest.TB = &recorder{}, &recorder{failed: true}
	srv.LogOnFailure(passed)
	srv.LogOnFailure(failed)
	b := newBrowser(t, srv)
	for i := range 40 {
		b.get(fmt.Sprintf("/room/nowhere%d", i))
	}
	b.postJSON("/auth/login", strings.Repeat("ü", 1000))
	srv.Close()
	for _, r := range []queuptest.TB{passed, failed} {
		for _, f := range r.(*recorder).cleanups {
			f()
		}
	}
	if got := passed.(*recorder).logged; got != "" {
		t.Errorf("a test that passed logs %s", got)
	}
	got := failed.(*recorder).logged
	lines := strings.Split(strings.TrimSpace(got), "\n")
	if len(lines) != 62 || !strings.Contains(lines[1], "(22 entries before)") || !strings.Contains(got, "GET /room/nowhere39 404") ||
		strings.Contains(got, "nowhere3 ") || !strings.Contains(got, "bytes more)") || strings.ContainsRune(got, '\uFFFD') {
		t.Errorf("%d lines:\n%s", len(lines), got)
	}
}
