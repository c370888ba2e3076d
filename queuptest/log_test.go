package queuptest_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

func TestLog_holdsEverythingInOrder(t *testing.T) {
	t.Parallel()
	srv := start(t)
	room := srv.Room("lounge")
	alice := login(t, srv, "alice")
	s := alice.listen()
	alice.postJSON("/chat/"+room.ID(), `{"message":"hello"}`)
	s.next()
	alice.get("/room/nowhere?page=2")

	var got []string
	for _, e := range srv.Log() {
		line := "<"
		if e.In {
			line = ">"
		}
		line += e.Kind + " " + e.User + " " + e.Method + " " + e.Path
		if e.Status != 0 {
			line += " " + []string{"", "1xx", "2xx", "3xx", "4xx", "5xx"}[e.Status/100]
		}
		if f, ok := e.Frame(); ok {
			line += f.Action.String()
		}
		got = append(got, line)
		if e.Agent != "Go-http-client/1.1" {
			t.Errorf("%s is of %q", line, e.Agent)
		}
		if e.At.IsZero() || time.Since(e.At) > time.Minute {
			t.Errorf("entry of %v", e.At)
		}
	}
	ws := "/ws/?EIO=3&access_token=***&connect=1&transport=websocket"
	want := []string{
		">http  POST /auth/login", "<http alice POST /auth/login 2xx",
		">http alice GET /auth/token", "<http alice GET /auth/token 2xx",
		">http  GET " + ws, "<http alice GET " + ws + " 1xx",
		"<ws alice  ", "<ws alice  connected",
		">ws alice  attach", "<ws alice  attached",
		">http alice POST /chat/" + room.ID(), "<ws alice  message", "<http alice POST /chat/" + room.ID() + " 2xx",
		">http alice GET /room/nowhere?page=2", "<http alice GET /room/nowhere?page=2 4xx",
	}
	// The answer to a call and the event it causes leave by different doors.
	sortAnswer := func(lines []string) {
		for i := 1; i < len(lines); i++ {
			if strings.HasSuffix(lines[i], "message") && strings.HasPrefix(lines[i-1], "<http") {
				lines[i], lines[i-1] = lines[i-1], lines[i]
			}
		}
	}
	sortAnswer(got)
	if a, b := strings.Join(got, "\n"), strings.Join(want, "\n"); a != b {
		t.Errorf("log is\n%s\nwant\n%s", a, b)
	}
}

func TestLog_holdsNoSecrets(t *testing.T) {
	t.Parallel()
	srv := start(t)
	b := newBrowser(t, srv)
	b.postJSON("/auth/login", `{"username":"bot","password":"hunter2"}`)
	b.send("POST", "/auth/login", "application/x-www-form-urlencoded", "username=bot&password=hunter2")
	login := b.postJSON("/auth/login", `{"username":"bot","password":"`+canary.Password+`"}`)
	cookie := login.Header.Get("Set-Cookie")
	cookie = strings.TrimPrefix(cookie[:strings.Index(cookie, ";")], "connect.sid=")
	s := b.open()
	s.ask(`{"action":17,"clientId":"","reqId":"r"}`)
	token := s.frame().Token
	s.ask(`{"action":0,"token":"` + token + `"}`)
	s.next()
	fetched := b.token().Token

	entries := srv.Log()
	for _, e := range entries {
		for _, secret := range []string{"hunter2", strconv.Quote(canary.Password), cookie, token, fetched} {
			if strings.Contains(e.String(), secret) {
				t.Errorf("%q is in %s", secret, e)
			}
		}
	}
	if !strings.Contains(entries[0].Body, `"password":"***"`) || !strings.Contains(entries[0].String(), "> - POST /auth/login {") {
		t.Errorf("the first entry is %s", entries[0])
	}
}

func TestLog_cutsLongBodies(t *testing.T) {
	t.Parallel()
	srv := start(t)
	newBrowser(t, srv).postJSON("/auth/login", strings.Repeat("x", 100_000))
	if e := srv.Log()[0]; len(e.Body) != 64<<10 {
		t.Errorf("the body has %d bytes", len(e.Body))
	}
}

func TestAwait_findsWhatWasAndWhatComes(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice := login(t, srv, "alice")
	attached := func(e queuptest.Entry) bool {
		f, ok := e.Frame()
		return ok && e.In && e.User == "alice" && f.Action == realtime.ActionAttach
	}
	found := make(chan error)
	go func() {
		_, err := srv.Await(soon(t), attached)
		found <- err
	}()
	s := alice.listen()
	if err := <-found; err != nil {
		t.Errorf("what comes: %v", err)
	}
	e, err := srv.Await(soon(t), attached)
	if err != nil || !strings.HasPrefix(e.Body, `4{"action":10`) {
		t.Errorf("what was: %v, %v", e, err)
	}
	// It sees a frame before the client does, so that a test that has seen the frame finds it.
	srv.Room("lounge").Say("bob", "hello")
	s.next()
	if !strings.Contains(srv.Log()[len(srv.Log())-1].Body, "hello") {
		t.Errorf("the last entry is %v", srv.Log()[len(srv.Log())-1])
	}
}
