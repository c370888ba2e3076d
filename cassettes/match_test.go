package cassettes_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/cassettes"
)

func TestIgnore(t *testing.T) {
	t.Parallel()
	dir := capture(t, "ignore", numbered(), nil, func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		want(t, c, "POST", api+"/chat/a?nonce=1", js, `{"message":"hi","items":[{"id":1}]}`)
		want(t, c, "POST", api+"/other/a?nonce=1", "", "")
	})
	c, fake := play(t, dir, "ignore", cassettes.Ignore("POST /chat/*", "query.nonce", "body.items*"))
	want(t, c, "POST", api+"/chat/a?nonce=2", js, `{"message":"hi","items":[{"id":7},{"id":8}]}`)
	if fake.Failed() {
		t.Error(fake.failures())
	}
	if _, _, err := send(t, c, "POST", api+"/other/a?nonce=2", "", ""); !errors.Is(err, cassettes.ErrUnmatched) {
		t.Errorf("another request ignores the field: %v", err)
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	dir := capture(t, "match", numbered(), nil, func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		want(t, c, "GET", api+"/search/Aha?x=1", "", "")
		want(t, c, "GET", api+"/search/Abba?x=2", "", "")
		want(t, c, "GET", api+"/other/Abba", "", "")
	})
	letter := func(r cassettes.Request) string {
		_, rest, _ := strings.Cut(r.URL, "/search/")
		return strings.ToLower(rest[:1])
	}
	c, fake := play(t, dir, "match", cassettes.Match("GET /search/*", func(recorded, sent cassettes.Request) bool {
		return letter(recorded) == letter(sent)
	}))
	got := want(t, c, "GET", api+"/search/anything", "", "") + want(t, c, "GET", api+"/search/a", "", "")
	if got != `{"n":2}{"n":1}` && got != `{"n":1}{"n":2}` {
		t.Errorf("answered %s", got)
	}
	if _, _, err := send(t, c, "GET", api+"/search/b", "", ""); !errors.Is(err, cassettes.ErrUnmatched) {
		t.Errorf("answered although the function says no: %v", err)
	}
	want(t, c, "GET", api+"/other/Abba", "", "")
	if !strings.Contains(fake.failures(), "/search/b") {
		t.Errorf("the failure is not about the request:\n%s", fake.failures())
	}
}

func TestRepeat(t *testing.T) {
	t.Parallel()
	dir := capture(t, "poll", counter(), nil, func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		want(t, c, "GET", api+"/count", "", "")
		want(t, c, "GET", api+"/count", "", "")
		want(t, c, "POST", api+"/count", "", "")
		want(t, c, "GET", api+"/count", "", "")
	})
	for name, polls := range map[string][2]int{"as often": {2, 1}, "more often": {5, 5}, "less often": {1, 1}, "only before": {1, 0}, "never": {0, 0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, fake := play(t, dir, "poll", cassettes.Repeat("GET /count"))
				start := time.Now()
				for range polls[0] {
					if got := want(t, c, "GET", api+"/count", "", ""); got != `{"n":0,"of":0}` {
						t.Errorf("before the change: %s", got)
					}
				}
				want(t, c, "POST", api+"/count", "", "")
				for range polls[1] {
					if got := want(t, c, "GET", api+"/count", "", ""); got != `{"n":1,"of":0}` {
						t.Errorf("after the change: %s", got)
					}
				}
				fake.end()
				if fake.Failed() {
					t.Error(fake.failures())
				}
				if took := time.Since(start); took != 0 {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

func TestMatch_mistakes(t *testing.T) {
	t.Parallel()
	dir := capture(t, "match", numbered(), nil, func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		want(t, c, "GET", api+"/a", "", "")
	})
	for text, opt := range map[string]cassettes.Option{
		`the pattern "GET /[" is not valid`: cassettes.Repeat("GET /["),
		`the pattern "" is not valid`:       cassettes.Ignore("", "body"),
		"Ignore without a field":            cassettes.Ignore("GET /*"),
		`the pattern "body[" is not valid`:  cassettes.Ignore("GET /*", "body["),
		"Match without a function":          cassettes.Match("GET /*", nil),
	} {
		if _, fake := play(t, dir, "match", opt); !strings.Contains(fake.failures(), text) {
			t.Errorf("reported %q, want %q", fake.failures(), text)
		}
	}
}

func TestRecord_keepsETagAndLink(t *testing.T) {
	t.Parallel()
	dir := capture(t, "headers", answers(func(*http.Request) (*http.Response, error) {
		return reply(`{}`, "ETag", `W/"a1b2"`, "Link", `<`+api+`/a?page=2&access_token=tok-12345678>; rel="next"`, "X-Powered-By", "chance"), nil
	}), nil, func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		want(t, c, "GET", api+"/a", "", "")
	})
	c, _ := play(t, dir, "headers")
	resp, _, err := send(t, c, "GET", api+"/a", "", "")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := resp.Header.Get("ETag"), `W/"a1b2"`; got != want {
		t.Errorf("the ETag is %q, want %q", got, want)
	}
	if got, want := resp.Header.Get("Link"), `<`+api+`/a?page=2&access_token=redacted-token-1>; rel="next"`; got != want {
		t.Errorf("the Link is %q, want %q", got, want)
	}
	if got := resp.Header.Get("X-Powered-By"); got != "" {
		t.Errorf("another header was kept: %q", got)
	}
}
