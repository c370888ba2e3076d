package cassettes_test

import (
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/queup-go/queup/cassettes"
)

const (
	chatEvent = `4{"action":15,"channel":"room:a","message":{"name":"chat-message","type":"json","data":"{\"message\":\"x\"}"}}`
	pauseOf   = `4{"action":15,"channel":"room:a","message":{"name":"user-pause-queue-ID","type":"json","data":"{\"userid\":\"ID\"}"}}`
)

// speak asks for a path, and reads as many frames as there are.
func speak(t *testing.T, c *cassettes.Cassette, path string, frames int) {
	t.Helper()
	_, _, _ = send(t, c, "GET", api+path, "", "")
	sock := dial(t, c)
	readFrames(t, sock, frames)
	_ = sock.Close(1000, "")
}

// What changes for a program fails the test. The rest is listed.
func TestVerify_whatFails(t *testing.T) {
	t.Parallel()
	const body = `{"data":{"name":"x","n":1}}`
	json200 := answers(func(*http.Request) (*http.Response, error) { return reply(body, "Content-Type", js), nil })
	for name, test := range map[string]struct {
		answer answers
		events []string
		path   string
		opts   []cassettes.Option
		fails  string // part of the message; empty: it passes
		logs   string
	}{
		"nothing": {json200, []string{chatEvent}, "/a", nil, "", "0 shapes drifted"},
		"a charset": {func(*http.Request) (*http.Response, error) {
			return reply(body, "Content-Type", js+"; charset=utf-8"), nil
		}, []string{chatEvent}, "/a", nil, "", "0 shapes drifted"},
		"a status": {func(*http.Request) (*http.Response, error) {
			resp := reply(body, "Content-Type", js)
			resp.StatusCode, resp.Status = 500, "500 Internal Server Error"
			return resp, nil
		}, []string{chatEvent}, "/a", nil, "GET /a: status changed from 200 to 500", ""},
		"no answer":       {func(*http.Request) (*http.Response, error) { return nil, http.ErrServerClosed }, []string{chatEvent}, "/a", nil, "GET /a: status changed from 200 to unanswered", ""},
		"a missing event": {json200, nil, "/a", nil, "event chat-message was recorded and did not come", ""},
		"a missing event, allowed": {
			json200, nil, "/a",
			[]cassettes.Option{cassettes.AllowUnused()},
			"", "event chat-message was recorded and did not come",
		},
		"a new event": {json200, []string{chatEvent, strings.ReplaceAll(pauseOf, "ID", "65a1f0c2d4e8b90000000001")}, "/a", nil, "event user-pause-queue-{} came and was not recorded", ""},
		"a new event, allowed": {
			json200,
			[]string{chatEvent, strings.ReplaceAll(pauseOf, "ID", "65a1f0c2d4e8b90000000001")},
			"/a",
			[]cassettes.Option{cassettes.AllowUnmatched()},
			"", "event user-pause-queue-{} came and was not recorded",
		},
		"null for text": {func(*http.Request) (*http.Response, error) {
			return reply(`{"data":{"name":null,"n":1}}`, "Content-Type", js), nil
		}, []string{chatEvent}, "/a", nil, "GET /a 200: data.name changed from string to null", ""},
		"a content type": {func(*http.Request) (*http.Response, error) { return reply(body, "Content-Type", "text/html"), nil }, []string{chatEvent}, "/a", nil, "GET /a 200: content type changed from application/json to text/html", ""},
		"another path":   {json200, []string{chatEvent}, "/b", nil, "", "seen now, but not recorded\n    GET /b 200"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := capture(t, "v", json200, newScript(nil, chatEvent),
				func(t *testing.T, c *cassettes.Cassette) { t.Helper(); speak(t, c, "/a", 1) })
			fake := newFake(t)
			opts := append([]cassettes.Option{
				cassettes.Dir(dir), cassettes.WithMode(cassettes.Verify), cassettes.ThroughDialer(newScript(nil, test.events...)),
				cassettes.Through(test.answer),
			}, test.opts...)
			speak(t, cassettes.Open(fake, "v", opts...), test.path, len(test.events))
			fake.end()
			if fake.Failed() != (test.fails != "") || !strings.Contains(fake.failures(), test.fails) {
				t.Errorf("reported %q, want %q", fake.failures(), test.fails)
			}
			if !strings.Contains(fake.logged(), test.logs) {
				t.Errorf("logged %q, want %q", fake.logged(), test.logs)
			}
		})
	}
}

// The paths and events of an anonymous recording are those of the people who are there today.
func TestVerify_anonymous(t *testing.T) {
	t.Parallel()
	const alice = "65b2a1c0d4e8b90000000004"
	server := answers(func(*http.Request) (*http.Response, error) {
		return reply(`{"data":{"_id":"`+alice+`","username":"alice"}}`, "Content-Type", js), nil
	})
	event := strings.ReplaceAll(pauseOf, "ID", alice)
	people := func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		want(t, c, "GET", api+"/user/"+alice+"/following", "", "")
		speak(t, c, "/user/alice", 1)
	}
	dir := capture(t, "people", server, newScript(nil, event), people, cassettes.Anonymous())
	if text := files(t, dir, "people"); strings.Contains(text, alice) || strings.Contains(text, "/user/alice") {
		t.Fatalf("the recording is not anonymous: %s", text)
	}
	fake := newFake(t)
	people(t, cassettes.Open(fake, "people", cassettes.Dir(dir), cassettes.WithMode(cassettes.Verify), cassettes.Through(server), cassettes.ThroughDialer(newScript(nil, event))))
	fake.end()
	if fake.Failed() || strings.Contains(fake.logged(), "recorded") {
		t.Errorf("reported %q, logged %q", fake.failures(), fake.logged())
	}
}

// Whether the user-leave of the program itself still arrives is chance.
func TestVerify_ownLeaving(t *testing.T) {
	t.Parallel()
	left := strings.ReplaceAll(chatEvent, "chat-message", "user-leave")
	leave := func(t *testing.T, c *cassettes.Cassette, frames int) {
		t.Helper()
		sock := dial(t, c)
		readFrames(t, sock, 1)
		want(t, c, "DELETE", api+"/room/65a1f0c2d4e8b90000000001/users", "", "")
		readFrames(t, sock, frames-1)
		_ = sock.Close(1000, "")
	}
	frames := [][]string{{chatEvent}, {chatEvent, left}}
	for i, recorded := range frames {
		dir := capture(t, "leave", numbered(), newScript(nil, recorded...), func(t *testing.T, c *cassettes.Cassette) { t.Helper(); leave(t, c, len(recorded)) })
		live := frames[1-i]
		fake := newFake(t)
		leave(t, cassettes.Open(fake, "leave", cassettes.Dir(dir), cassettes.WithMode(cassettes.Verify), cassettes.Through(numbered()), cassettes.ThroughDialer(newScript(nil, live...))), len(live))
		fake.end()
		if fake.Failed() {
			t.Errorf("recorded %d frames, live %d: %s", len(recorded), len(live), fake.failures())
		}
	}
}

// go test drops the log of a test that passes, so verify prints its result beside it.
func TestVerify_printsWithoutV(t *testing.T) {
	t.Parallel()
	const folder = "CASSETTES_TEST_VERIFY"
	if dir := os.Getenv(folder); dir != "" {
		want(t, cassettes.Open(t, "mode", cassettes.Dir(dir), cassettes.WithMode(cassettes.Verify), cassettes.Through(numbered())), "GET", api+"/b", "", "")
		return
	}
	dir := capture(t, "mode", numbered(), nil, func(t *testing.T, c *cassettes.Cassette) { t.Helper(); want(t, c, "GET", api+"/a", "", "") })
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestVerify_printsWithoutV$")
	cmd.Env = append(os.Environ(), folder+"="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "mode: played 0 of 0, live 1, 0 shapes drifted\n  recorded, but not seen now\n    GET /a 200\n") {
		t.Errorf("%v, printed\n%s", err, out)
	}
}
