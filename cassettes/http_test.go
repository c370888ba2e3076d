package cassettes_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/cassettes"
)

// echo answers each request with a number of its own.
func numbered() answers {
	n := 0
	return func(req *http.Request) (*http.Response, error) {
		n++
		return reply(fmt.Sprintf(`{"n":%d}`, n), "Content-Type", js, "Date", "Mon, 02 Jan 2006 15:04:05 GMT"), nil
	}
}

func TestReplay_recognisesTheSameRequest(t *testing.T) {
	t.Parallel()
	type request struct{ method, url, contentType, body string }
	tests := map[string]struct {
		recorded, sent request
		same           bool
	}{
		"the very same":              {request{"GET", api + "/room/a", "", ""}, request{"GET", api + "/room/a", "", ""}, true},
		"another host":               {request{"GET", "http://127.0.0.1:4711/room/a", "", ""}, request{"GET", api + "/room/a", "", ""}, true},
		"query in another order":     {request{"GET", api + "/song?name=x&type=youtube", "", ""}, request{"GET", api + "/song?type=youtube&name=x", "", ""}, true},
		"another query":              {request{"GET", api + "/room?offset=0", "", ""}, request{"GET", api + "/room?offset=20", "", ""}, false},
		"another path":               {request{"GET", api + "/room/a", "", ""}, request{"GET", api + "/room/b", "", ""}, false},
		"another method":             {request{"POST", api + "/room/a", "", ""}, request{"DELETE", api + "/room/a", "", ""}, false},
		"form in another order":      {request{"POST", api + "/x", form, "a=1&b=2"}, request{"POST", api + "/x", form, "b=2&a=1"}, true},
		"another form":               {request{"POST", api + "/x", form, "a=1&b=2"}, request{"POST", api + "/x", form, "a=1&b=3"}, false},
		"JSON in another order":      {request{"POST", api + "/x", js, `{"a":1,"b":[true,null]}`}, request{"POST", api + "/x", js, `{ "b" : [true, null], "a" : 1 }`}, true},
		"another JSON":               {request{"POST", api + "/x", js, `{"a":1}`}, request{"POST", api + "/x", js, `{"a":"1"}`}, false},
		"another time of now":        {request{"POST", api + "/x", js, `{"a":1,"time":1700000000000}`}, request{"POST", api + "/x", js, `{"a":1,"time":1800000000000}`}, true},
		"another time of now, form":  {request{"POST", api + "/x", form, "a=1&time=1700000000000"}, request{"POST", api + "/x", form, "a=1&time=1800000000000"}, true},
		"other minutes of a ban":     {request{"POST", api + "/chat/ban/x", form, "time=5"}, request{"POST", api + "/chat/ban/x", form, "time=10"}, false},
		"another id of a request":    {request{"POST", api + "/x", js, `{"reqId":"1"}`}, request{"POST", api + "/x", js, `{"reqId":"2"}`}, true},
		"another password and login": {request{"POST", api + "/auth/login", form, "username=bot&password=secret-1"}, request{"POST", api + "/auth/login", form, "username=a%40example.com&password=other-pass"}, true},
		"another token in the query": {request{"GET", api + "/x?access_token=abcdefgh1", "", ""}, request{"GET", api + "/x?access_token=qwertzui2", "", ""}, true},
		"other bytes":                {request{"POST", api + "/x", "image/png", "\x89PNG\x00\x01"}, request{"POST", api + "/x", "image/png", "\x89PNG\x00\x02"}, false},
		"parts with another boundary": {
			request{"POST", api + "/user/image", `multipart/form-data; boundary=aaa`, "--aaa\r\nContent-Disposition: form-data; name=\"image\"; filename=\"x.png\"\r\n\r\n\x89PNG\r\n--aaa--\r\n"},
			request{"POST", api + "/user/image", `multipart/form-data; boundary=bbb`, "--bbb\r\nContent-Disposition: form-data; name=\"image\"; filename=\"x.png\"\r\n\r\n\x89PNG\r\n--bbb--\r\n"},
			true,
		},
		"parts with another file": {
			request{"POST", api + "/user/image", `multipart/form-data; boundary=aaa`, "--aaa\r\nContent-Disposition: form-data; name=\"image\"; filename=\"x.png\"\r\n\r\n\x89PNG\r\n--aaa--\r\n"},
			request{"POST", api + "/user/image", `multipart/form-data; boundary=aaa`, "--aaa\r\nContent-Disposition: form-data; name=\"image\"; filename=\"x.png\"\r\n\r\n\x89GIF\r\n--aaa--\r\n"},
			false,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := capture(t, "one", numbered(), nil, func(t *testing.T, c *cassettes.Cassette) {
				t.Helper()
				want(t, c, test.recorded.method, test.recorded.url, test.recorded.contentType, test.recorded.body)
			})
			c, fake := play(t, dir, "one")
			_, body, err := send(t, c, test.sent.method, test.sent.url, test.sent.contentType, test.sent.body)
			fake.end()
			switch {
			case test.same && (err != nil || body != `{"n":1}` || fake.Failed()):
				t.Errorf("not recognised: %q, %v\n%s", body, err, fake.failures())
			case !test.same && (!errors.Is(err, cassettes.ErrUnmatched) || !fake.Failed()):
				t.Errorf("taken for the same: %q, %v", body, err)
			}
		})
	}
}

func TestReplay_answersEqualRequestsInOrder(t *testing.T) {
	t.Parallel()
	dir := capture(t, "order", numbered(), nil, func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		for _, path := range []string{"/a", "/b", "/a", "/b", "/a"} {
			want(t, c, "GET", api+path, "", "")
		}
	})
	c, fake := play(t, dir, "order")
	for _, call := range []struct{ path, answer string }{{"/b", `{"n":2}`}, {"/b", `{"n":4}`}, {"/a", `{"n":1}`}, {"/a", `{"n":3}`}, {"/a", `{"n":5}`}} {
		if got := want(t, c, "GET", api+call.path, "", ""); got != call.answer {
			t.Errorf("GET %s = %s, want %s", call.path, got, call.answer)
		}
	}
	fake.end()
	if fake.Failed() {
		t.Error(fake.failures())
	}
	if log := fake.logged(); !strings.Contains(log, "order: played 5 of 5, live 0") {
		t.Errorf("the summary is %q", log)
	}
}

// The header of an answer is the caller's own, also when equal requests are under way together.
func TestReplay_clonesHeaders(t *testing.T) {
	t.Parallel()
	const calls = 8
	dir := capture(t, "headers", numbered(), nil, func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		for range calls {
			want(t, c, "GET", api+"/a", "", "")
		}
	})
	c, fake := play(t, dir, "headers")
	var wg sync.WaitGroup
	for range calls {
		wg.Go(func() {
			resp, _, err := send(t, c, "GET", api+"/a", "", "")
			if err != nil {
				t.Error(err)
				return
			}
			resp.Header.Set("Content-Type", "spoilt")
			resp.Header["Content-Type"][0] = "spoilt more"
		})
	}
	wg.Wait()
	fake.end()
	again, _ := play(t, dir, "headers")
	if resp, _, err := send(t, again, "GET", api+"/a", "", ""); err != nil || resp.Header.Get("Content-Type") != js {
		t.Errorf("the header is %v, %v", resp, err)
	}
}

// Redaction happens when the files are written: the recording program gets the server's answers, and a session that is recorded
// works.
func TestRecord_leavesTheLiveAnswerAlone(t *testing.T) {
	t.Parallel()
	server := answers(func(req *http.Request) (*http.Response, error) {
		if req.URL.Path == "/auth/login" {
			b, _ := io.ReadAll(req.Body)
			if string(b) != "username=bot&password=hunter2!x" {
				t.Errorf("the server got %q", b)
			}
			return reply(`{"token":"tok-12345678"}`, "Set-Cookie", "connect.sid=s%3Alive-session.abc; Path=/; Expires=Wed, 09 Jun 2027 10:18:14 GMT; Max-Age=3600; HttpOnly"), nil
		}
		if cookie, err := req.Cookie("connect.sid"); err != nil || cookie.Value != "s%3Alive-session.abc" {
			t.Errorf("the session was lost: %v, %v", cookie, err)
		}
		return reply(`{}`), nil
	})
	dir := capture(t, "login", server, nil, func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		browser := &http.Client{Transport: c.Transport(), Jar: jar}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, api+"/auth/login", strings.NewReader("username=bot&password=hunter2!x"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", form)
		resp, err := browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(b) != `{"token":"tok-12345678"}` || !strings.Contains(resp.Header.Get("Set-Cookie"), "s%3Alive-session.abc") {
			t.Errorf("the caller got %s with %v", b, resp.Header)
		}
		req, err = http.NewRequestWithContext(t.Context(), http.MethodGet, api+"/auth/session", nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err = browser.Do(req); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	})
	text := files(t, dir, "login")
	for _, secret := range []string{"hunter2", "tok-12345678", "live-session", "Expires", "Max-Age", "username=bot"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in the recording", secret)
		}
	}
	if !strings.Contains(text, "connect.sid=redacted-cookie-1; Path=/; HttpOnly") {
		t.Error("the cookie has lost its name or path")
	}
	// And the jar keeps the recorded cookie, however old it is.
	c, fake := play(t, dir, "login")
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Transport: c.Transport(), Jar: jar}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, api+"/auth/login", strings.NewReader("username=x&password=yyyy"))
	req.Header.Set("Content-Type", form)
	resp, err := browser.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if cookies := jar.Cookies(req.URL); len(cookies) != 1 || cookies[0].Value != "redacted-cookie-1" {
		t.Errorf("the jar holds %v", cookies)
	}
	want(t, c, "GET", api+"/auth/session", "", "")
	fake.end()
	if fake.Failed() {
		t.Error(fake.failures())
	}
}

func TestRecord_aDeletedCookieStaysDeleted(t *testing.T) {
	t.Parallel()
	dir := capture(t, "logout", answers(func(*http.Request) (*http.Response, error) {
		return reply(`{}`, "Set-Cookie", "connect.sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"), nil
	}), nil, func(t *testing.T, c *cassettes.Cassette) { t.Helper(); want(t, c, "GET", api+"/auth/logout", "", "") })
	c, _ := play(t, dir, "logout")
	resp, _, err := send(t, c, "GET", api+"/auth/logout", "", "")
	if err != nil {
		t.Fatal(err)
	}
	if cookies := resp.Cookies(); len(cookies) != 1 || cookies[0].MaxAge >= 0 {
		t.Errorf("the cookie would live on: %v", cookies)
	}
}

func TestRecord_networkErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err   error
		same  error // what the replayed error matches
		check func(error) bool
	}{
		"refused": {err: &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}, same: syscall.ECONNREFUSED, check: func(err error) bool {
			op, ok := errors.AsType[*net.OpError](err)
			return ok && op.Op == "dial"
		}},
		"reset":   {err: &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}, same: syscall.ECONNRESET},
		"eof":     {err: io.ErrUnexpectedEOF, same: io.ErrUnexpectedEOF},
		"timeout": {err: &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}, same: os.ErrDeadlineExceeded},
		"no host": {err: &net.DNSError{Err: "no such host", Name: "api.queup.net", IsNotFound: true}, check: func(err error) bool {
			dns, ok := errors.AsType[*net.DNSError](err)
			return ok && dns.IsNotFound
		}},
		"other": {err: errors.New("the moon is full, says bob@example.org"), check: func(err error) bool {
			return err.Error() == "the moon is full, says redacted-email-1@redacted.invalid"
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := capture(t, "error", answers(func(*http.Request) (*http.Response, error) { return nil, test.err }), nil, func(t *testing.T, c *cassettes.Cassette) {
				t.Helper()
				if _, _, err := send(t, c, "GET", api+"/a", "", ""); !errors.Is(err, test.err) {
					t.Errorf("who records gets %v", err)
				}
			})
			c, fake := play(t, dir, "error")
			_, _, err := send(t, c, "GET", api+"/a", "", "")
			if err == nil || test.same != nil && !errors.Is(err, test.same) || test.check != nil && !test.check(err) {
				t.Errorf("replayed as %#v", err)
			}
			fake.end()
			if fake.Failed() {
				t.Error(fake.failures())
			}
		})
	}
}

// A request that its caller gave up waits for its caller to give up again.
func TestReplay_abandonedRequest(t *testing.T) {
	t.Parallel()
	patient := func(t *testing.T, c *cassettes.Cassette) (time.Duration, error) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, api+"/slow", nil)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		resp, err := c.Transport().RoundTrip(req)
		if err == nil {
			resp.Body.Close()
		}
		return time.Since(start), err
	}
	synctest.Test(t, func(t *testing.T) {
		dir := capture(t, "slow", answers(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		}), nil, func(t *testing.T, c *cassettes.Cassette) {
			t.Helper()
			if _, err := patient(t, c); err == nil {
				t.Error("no error")
			}
		})
		c, fake := play(t, dir, "slow")
		took, err := patient(t, c)
		fake.end()
		if took != 3*time.Second || !errors.Is(err, context.DeadlineExceeded) || fake.Failed() {
			t.Errorf("it took %v: %v\n%s", took, err, fake.failures())
		}
	})
}

// The time that an answer took is not played: a recording of minutes costs nothing, and ends with the context.
func TestReplay_skipsLatency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := capture(t, "latency", answers(func(*http.Request) (*http.Response, error) {
			time.Sleep(time.Minute)
			return reply(`{}`), nil
		}), nil, func(t *testing.T, c *cassettes.Cassette) { t.Helper(); want(t, c, "GET", api+"/a", "", "") })
		c, _ := play(t, dir, "latency")
		start := time.Now()
		want(t, c, "GET", api+"/a", "", "")
		if took := time.Since(start); took != 0 {
			t.Errorf("it took %v", took)
		}
		if text := files(t, dir, "latency"); !strings.Contains(text, "duration: 0s") {
			t.Error("the recording holds a duration")
		}
	})
}

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRecord_compressedAnswers(t *testing.T) {
	t.Parallel()
	body := zipped(t, `{"token":"abcdefgh12345"}`)
	dir := capture(t, "gzip", answers(func(*http.Request) (*http.Response, error) {
		return reply(body, "Content-Encoding", "gzip", "Content-Type", js), nil
	}), nil, func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		if _, got, err := send(t, c, "GET", api+"/a", "", "", "Accept-Encoding", "gzip"); err != nil || got != body {
			t.Errorf("who records gets %q, %v", got, err)
		}
	})
	c, _ := play(t, dir, "gzip")
	if got := want(t, c, "GET", api+"/a", "", ""); got != `{"token":"redacted-token-1"}` {
		t.Errorf("replayed as %q", got)
	}

	fake := newFake(t)
	out := t.TempDir()
	c = cassettes.Open(fake, "br", cassettes.Dir(out), cassettes.WithMode(cassettes.Rewrite), cassettes.RecordInCI(),
		cassettes.Through(answers(func(*http.Request) (*http.Response, error) {
			return reply("\x1b\x03", "Content-Encoding", "br"), nil
		})))
	want(t, c, "GET", api+"/a", "", "")
	fake.end()
	if !strings.Contains(fake.failures(), "cannot be searched") {
		t.Errorf("a body that cannot be read was not refused: %q", fake.failures())
	}
	if left, err := os.ReadDir(out); err != nil || len(left) != 0 {
		t.Errorf("something was written: %v, %v", left, err)
	}
}
