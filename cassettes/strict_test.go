package cassettes_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/cassettes"
	"github.com/queup-go/queup/realtime"
)

// message returns the failures of a test, without the folder of this run.
func message(fake *fakeTB, dir string) string {
	return strings.ReplaceAll(fake.failures(), filepath.ToSlash(dir), "DIR")
}

func TestStrict_unmatchedRequest(t *testing.T) {
	t.Parallel()
	dir := capture(t, "strict", numbered(), nil, func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		want(t, c, "GET", api+"/room/lounge", "", "")
		want(t, c, "POST", api+"/chat/65a1", js, `{"message":"hello","type":"chat-message"}`)
		want(t, c, "POST", api+"/auth/login", form, "username=bot&password=hunter22")
	})
	c, fake := play(t, dir, "strict")
	want(t, c, "GET", api+"/room/lounge", "", "")
	want(t, c, "POST", api+"/auth/login", form, "username=bot&password=another1")
	for range 3 { // a program that retries is reported once
		_, _, err := send(t, c, "POST", api+"/chat/65a1", js, `{"message":"good bye","type":"chat-message","me":true,"password":"s3cr3t-99"}`)
		if !errors.Is(err, cassettes.ErrUnmatched) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("the program got %v", err)
		}
	}
	wanted := `cassettes: strict: no record matches this request
  sent
    POST /chat/65a1
      body.me: true
      body.message: "good bye"
      body.password: "redacted-password-"
      body.type: "chat-message"
  nearest
    DIR/strict.http.yaml:72 POST /chat/65a1 200
    + body.me: true
    - body.message: "hello"
    + body.message: "good bye"
    + body.password: "redacted-password-"
  played last
    DIR/strict.http.yaml:4 GET /room/lounge 200
    DIR/strict.http.yaml:35 POST /auth/login 200
  record it again: QUEUP_CASSETTE=rewrite go test -count=1 -run '^TestStrict_unmatchedRequest$' github.com/queup-go/queup/cassettes`
	if diff := cmp.Diff(wanted, message(fake, dir)); diff != "" {
		t.Errorf("the message (-want +got):\n%s", diff)
	}
}

// A long text is shown where it differs.
func TestStrict_showsWhereTextsDiffer(t *testing.T) {
	t.Parallel()
	same := strings.Repeat("all the same so far, ", 40)
	dir := capture(t, "long", numbered(), nil, func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		want(t, c, "POST", api+"/chat/65a1", js, `{"message":"`+same+`hello"}`)
	})
	c, fake := play(t, dir, "long")
	_, _, _ = send(t, c, "POST", api+"/chat/65a1", js, `{"message":"`+same+`good bye"}`)
	for _, part := range []string{`so far, hello"`, `so far, good bye"`} {
		if !strings.Contains(fake.failures(), part) {
			t.Errorf("%q is not in the message:\n%s", part, fake.failures())
		}
	}
}

func TestStrict_requestSentTooOften(t *testing.T) {
	t.Parallel()
	dir := capture(t, "strict", numbered(), nil, func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		want(t, c, "GET", api+"/a", "", "")
		want(t, c, "GET", api+"/b", "", "")
	})
	c, fake := play(t, dir, "strict")
	want(t, c, "GET", api+"/a", "", "")
	if _, _, err := send(t, c, "GET", api+"/a", "", ""); !errors.Is(err, cassettes.ErrUnmatched) {
		t.Errorf("answered twice: %v", err)
	}
	for _, part := range []string{"GET /a 200 (already played)", "sent more often than it was recorded"} {
		if !strings.Contains(fake.failures(), part) {
			t.Errorf("%q is not in the message:\n%s", part, fake.failures())
		}
	}
}

func TestStrict_unmatchedFrame(t *testing.T) {
	t.Parallel()
	dir := twoRooms(t)
	c, fake := play(t, dir, "rooms")
	sock := dial(t, c)
	readFrames(t, sock, 1)
	if err := sock.Write(realtime.Text, []byte(`4{"action":10,"channel":"room:c","token":"tok-secret-77"}`)); !errors.Is(err, cassettes.ErrUnmatched) {
		t.Errorf("the frame was taken: %v", err)
	}
	wanted := `cassettes: rooms: no record matches this frame
  sent
    frame action 10 on room:c
      frame.action: 10
      frame.channel: "room:c"
      frame.token: "redacted-token-"
  nearest
    DIR/rooms.ws.jsonl:4 > 4{"action":10,"channel":"room:a","reqId":"1"}
    - to: frame action 10 on room:a
    + to: frame action 10 on room:c
    - frame.channel: "room:a"
    + frame.channel: "room:c"
    + frame.token: "redacted-token-"
  played last
    DIR/rooms.ws.jsonl:2 open wss://ws.queup.net/ws/?access_token=redacted-token-1&EIO=3&transport=websocket 101
    DIR/rooms.ws.jsonl:3 < 0{"sid":"x","pingInterval":25000,"pingTimeout":60000}
  record it again: QUEUP_CASSETTE=rewrite go test -count=1 -run '^TestStrict_unmatchedFrame$' github.com/queup-go/queup/cassettes`
	if diff := cmp.Diff(wanted, message(fake, dir)); diff != "" {
		t.Errorf("the message (-want +got):\n%s", diff)
	}
}

func TestStrict_unused(t *testing.T) {
	t.Parallel()
	dir := capture(t, "strict", numbered(), newScript(nil, greeting), func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		want(t, c, "GET", api+"/a", "", "")
		sock := dial(t, c)
		defer sock.Close(1000, "")
		readFrames(t, sock, 1)
		writeFrames(t, sock, attach("a", "1"))
	})
	_, fake := play(t, dir, "strict")
	fake.end()
	wanted := `cassettes: strict: 4 of 4 records were never used
    DIR/strict.http.yaml:4 GET /a 200
    DIR/strict.ws.jsonl:2 open wss://ws.queup.net/ws/?access_token=redacted-token-1&EIO=3&transport=websocket 101
    DIR/strict.ws.jsonl:3 < 0{"sid":"x","pingInterval":25000,"pingTimeout":60000}
    DIR/strict.ws.jsonl:4 > 4{"action":10,"channel":"room:a","reqId":"1"}
  record it again: QUEUP_CASSETTE=rewrite go test -count=1 -run '^TestStrict_unused$' github.com/queup-go/queup/cassettes
  or allow it:     cassettes.AllowUnused()`
	if diff := cmp.Diff(wanted, message(fake, dir)); diff != "" {
		t.Errorf("the message (-want +got):\n%s", diff)
	}
}

func TestStrict_allowed(t *testing.T) {
	t.Parallel()
	dir := twoRooms(t)
	c, fake := play(t, dir, "rooms", cassettes.AllowUnmatched(), cassettes.AllowUnused())
	if _, _, err := send(t, c, "GET", api+"/a", "", ""); !errors.Is(err, cassettes.ErrUnmatched) {
		t.Errorf("a request that is not there: %v", err)
	}
	sock := dial(t, c)
	if err := sock.Write(realtime.Text, []byte(`4{"action":12,"channel":"room:z"}`)); err != nil {
		t.Errorf("a frame that is not there: %v", err)
	}
	fake.end()
	if fake.Failed() {
		t.Error(fake.failures())
	}
}

// Frames that a program had no time to read before it closed do not fail the test.
func TestStrict_unreadFramesCountAsUsed(t *testing.T) {
	t.Parallel()
	c, fake := play(t, longNight(t), "night")
	sock := dial(t, c)
	readFrames(t, sock, 2)
	_ = sock.Close(1000, "")
	fake.end()
	if fake.Failed() {
		t.Error(fake.failures())
	}
}

func TestOpen_mistakes(t *testing.T) {
	t.Parallel()
	future := t.TempDir()
	for file, text := range map[string]string{
		"future.http.yaml": "---\nversion: 2\ninteractions: []\n",
		"future.ws.jsonl":  `{"version":"3.0","kind":"queup-cassette","source":"live","what":"nobody knows yet"}` + "\n",
	} {
		if err := os.WriteFile(filepath.Join(future, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		name string
		opts []cassettes.Option
		want string
	}{
		"no recording":      {"gone", nil, "there is no recording"},
		"how to record":     {"gone", nil, "QUEUP_CASSETTE=rewrite go test"},
		"a bad name":        {"../up", nil, `the name "../up" is not valid`},
		"an empty name":     {"", nil, `the name "" is not valid`},
		"a name of Windows": {"con/one", nil, `"con" disallowed as path element component on Windows`},
		"another case":      {"Future", []cassettes.Option{cassettes.Dir(future)}, "Future.http.yaml differs only by case from"},
		"a nil option":      {"x", []cassettes.Option{nil}, "option 2 is nil"},
		"all mistakes":      {"x", []cassettes.Option{cassettes.Dir(""), cassettes.Speed(-1)}, "the folder is empty\nspeed -1"},
		"a bad mode":        {"x", []cassettes.Option{cassettes.WithMode("play")}, `mode "play" is not valid`},
		"a bad source":      {"x", []cassettes.Option{cassettes.Source("here")}, `source "here"`},
		"not an id":         {"x", []cassettes.Option{cassettes.StableIDs("lounge")}, `"lounge" is not an id`},
		"a short secret":    {"x", []cassettes.Option{cassettes.Secrets("abc")}, "secret 1 is shorter than 4"},
		"no transport":      {"x", []cassettes.Option{cassettes.Through(nil)}, "Through without"},
		"no dialer":         {"x", []cassettes.Option{cassettes.ThroughDialer(nil)}, "ThroughDialer without"},
		"no clock":          {"x", []cassettes.Option{cassettes.Clock(nil)}, "Clock without"},
		"a drop at once":    {"x", []cassettes.Option{cassettes.DropAfter(0)}, "at least one"},
		"a stall at once":   {"x", []cassettes.Option{cassettes.StallAfter(0)}, "at least one"},
		"a negative cut":    {"x", []cassettes.Option{cassettes.Truncate(-1)}, "-1 bytes"},
		"a newer format":    {"future", []cassettes.Option{cassettes.Dir(future)}, "the cassette has version 3.0, and this library reads versions up to 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := newFake(t)
			c := cassettes.Open(fake, test.name, append([]cassettes.Option{cassettes.WithMode(cassettes.Replay)}, test.opts...)...)
			if !strings.Contains(fake.failures(), test.want) {
				t.Errorf("reported %q, want %q", fake.failures(), test.want)
			}
			if _, _, err := send(t, c, "GET", api+"/a", "", ""); err == nil {
				t.Error("a cassette that is not open answers")
			}
		})
	}
}
