package cassettes_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/queup-go/queup/cassettes"
)

// What the program got when it was recorded, it gets in replay, byte by byte.
func TestReplay_keepsEveryByte(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"\nhello", "\n", "\thello\nworld\n", " \n", "a\r\nb\r", "a\x00b\n", "\xff\xfe\n", "\ufeffa\u2028\n"} {
		through := answers(func(*http.Request) (*http.Response, error) { return reply(text, "Content-Type", "text/plain"), nil })
		dir := capture(t, "bytes", through, nil, func(t *testing.T, c *cassettes.Cassette) {
			t.Helper()
			want(t, c, "POST", api+"/x", "text/plain", text)
		})
		c, fake := play(t, dir, "bytes")
		if got := want(t, c, "POST", api+"/x", "text/plain", text); got != text {
			t.Errorf("%q became %q", text, got)
		}
		fake.end()
		if fake.Failed() {
			t.Error(fake.failures())
		}
	}
}

// A HEAD has the headers of a GET, Content-Encoding included, but no body to unpack.
func TestReplay_headOfPackedAnswer(t *testing.T) {
	t.Parallel()
	through := answers(func(req *http.Request) (*http.Response, error) {
		if req.Method == http.MethodHead {
			return reply("", "Content-Encoding", "gzip", "Content-Type", js), nil
		}
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write([]byte(`{"n":1}`))
		_ = w.Close()
		return reply(b.String(), "Content-Encoding", "gzip", "Content-Type", js), nil
	})
	dir := capture(t, "head", through, nil, func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		want(t, c, "HEAD", api+"/x", "", "")
		want(t, c, "GET", api+"/x", "", "")
	})
	c, fake := play(t, dir, "head")
	if got := want(t, c, "HEAD", api+"/x", "", ""); got != "" {
		t.Errorf("HEAD = %q", got)
	}
	if got := want(t, c, "GET", api+"/x", "", ""); got != `{"n":1}` {
		t.Errorf("GET = %q", got)
	}
	fake.end()
	if fake.Failed() {
		t.Error(fake.failures())
	}
}

// A connection that ended before an answer is another error than one that ended within it.
func TestReplay_tellsEndFromUnexpectedEnd(t *testing.T) {
	t.Parallel()
	for _, sent := range []error{io.EOF, io.ErrUnexpectedEOF} {
		through := answers(func(*http.Request) (*http.Response, error) { return nil, sent })
		dir := capture(t, "end", through, nil, func(t *testing.T, c *cassettes.Cassette) {
			t.Helper()
			if _, _, err := send(t, c, "GET", api+"/x", "", ""); !errors.Is(err, sent) {
				t.Fatal(err)
			}
		})
		c, fake := play(t, dir, "end")
		if _, _, err := send(t, c, "GET", api+"/x", "", ""); !errors.Is(err, sent) {
			t.Errorf("recorded %v, played %v", sent, err)
		}
		fake.end()
		if fake.Failed() {
			t.Error(fake.failures())
		}
	}
}
