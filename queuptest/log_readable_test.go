package queuptest_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

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

// A test that fails shows the end of the log and then the last refusal; one that passes shows nothing.
func TestLogOnFailure(t *testing.T) {
	t.Parallel()
	srv := start(t)
	var passed, failed recorder
	var _ queuptest.TB = &passed
	failed.failed = true
	srv.LogOnFailure(&passed)
	srv.LogOnFailure(&failed)
	for i := range 40 {
		newBrowser(t, srv).get(fmt.Sprintf("/room/nowhere%d", i))
	}
	alice := login(t, srv, "alice")
	s := alice.listen()
	srv.Room("lounge").Say("bob", "one < two\n\x1b[31m"+strings.Repeat("ü", 200))
	s.next()
	srv.Room("lounge").Skip("mod")
	s.next()
	alice.postJSON("/chat/"+srv.Room("lounge").ID(), `{"type":"chat-message","message":"`+strings.Repeat("ü", 200)+`"}`)
	alice.get("/room/gone")
	alice.get("/room/lounge")
	srv.Close()
	for _, r := range []*recorder{&passed, &failed} {
		for _, f := range r.cleanups {
			f()
		}
	}
	if passed.logged != "" {
		t.Errorf("a test that passed logs %s", passed.logged)
	}
	got := failed.logged
	lines := strings.Split(got, "\n")
	if len(lines) != 1+1+40+2 || !regexp.MustCompile(`^  \(\d+ entries before\)$`).MatchString(lines[1]) {
		t.Errorf("%d lines:\n%s", len(lines), got)
	}
	for _, line := range lines {
		if n := utf8.RuneCountInString(line); n > 112 { // package testing indents by 8
			t.Errorf("a line has %d characters: %s", n, line)
		}
	}
	for _, want := range []string{
		`> alice ws attach room:lounge`,
		`< alice ws message room:lounge chat-message bob: one < two\n\u001b[31mü`,
		`< alice ws message room:lounge chat-skip {"username":"mod"}`,
		`> alice POST /chat/lounge {"type":"chat-message","message":"ü`,
		`more)`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no line has %s:\n%s", want, got)
		}
	}
	end := regexp.MustCompile(`^the last refusal:\n  [\d:.]+ < alice GET /room/gone 404 Room not found$`)
	if last := strings.Join(lines[len(lines)-2:], "\n"); !end.MatchString(last) {
		t.Errorf("it ends with %s", last)
	}
}

// A refusal further up than the end of the log is shown as well, and a log without any says so.
func TestLogOnFailure_refusals(t *testing.T) {
	t.Parallel()
	for want, act := range map[string]func(b *browser){
		"the server refused nothing": func(*browser) {},
		`GET /room/gone 404 `:        func(b *browser) { b.get("/room/gone") },
		`ws error "unknown action 99" reqId=r9`: func(b *browser) {
			s := b.open()
			s.ask(`{"action":99,"reqId":"r9"}`)
			s.next()
		},
	} {
		srv := start(t)
		failed := recorder{failed: true}
		srv.LogOnFailure(&failed)
		b := login(t, srv, "alice")
		act(b)
		for range 30 {
			b.get("/room/lounge")
		}
		failed.cleanups[0]()
		lines := strings.Split(failed.logged, "\n")
		if last := lines[len(lines)-1]; !strings.Contains(last, want) {
			t.Errorf("it ends with %s, want %s", last, want)
		}
	}
}
