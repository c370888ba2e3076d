package cassette_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	vcr "gopkg.in/dnaeon/go-vcr.v3/cassette"
	"gopkg.in/yaml.v3"

	"github.com/queup-go/queup/internal/cassette"
)

// written returns the lines of the HTTP half of a recording with this answer.
func written(t *testing.T, answer string) []string {
	t.Helper()
	http, _, err := one("GET", other, "", "", answer).Encode()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(http), "\n")
}

// bodyLines returns the lines of an answer in the HTTP half of a recording.
func bodyLines(t *testing.T, answer string) (lines []string) {
	t.Helper()
	_, response, _ := strings.Cut(strings.Join(written(t, answer), "\n"), "uncompressed: false\n")
	body, _, _ := strings.Cut(response, "\n        headers:")
	return strings.Split(body, "\n")
}

func TestEncode_foldsJSON(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 80)
	for name, test := range map[string]struct {
		body string
		want []string
	}{
		"members": {
			`{"code":200,"message":"OK","data":[{"_id":"65b2a1c0d4e8b90000000002","tags":["a","b"],"n":{},"l":[]}]}`,
			[]string{
				`        body: "\`,
				`            {\`,
				`              \"code\":200,\`,
				`              \"message\":\"OK\",\`,
				`              \"data\":[\`,
				`                {\`,
				`                  \"_id\":\"65b2a1c0d4e8b90000000002\",\`,
				`                  \"tags\":[\`,
				`                    \"a\",\`,
				`                    \"b\"\`,
				`                  ],\`,
				`                  \"n\":{},\`,
				`                  \"l\":[]\`,
				`                }\`,
				`              ]\`,
				`            }"`,
			},
		},
		"white space and escapes": {
			`{ "a" : "{,\"\\` + long + "\u2028\u202e\U000e0001é" + `" ,` + "\t\r" + `"b":[ ] } `,
			[]string{
				`        body: "\`,
				`            { \`,
				`              \"a\" : \"{,\\\"\\\\` + long + `\u2028\u202E\U000E0001é\" ,\u0009\u000D\`,
				`              \"b\":[ ] \`,
				`            } "`,
			},
		},
		"more than eight deep": {
			`[[[[[[[["` + long + `",[1,{"a":2}]]]]]]]]]`,
			[]string{
				`        body: "\`,
				`            [\`,
				`              [\`,
				`                [\`,
				`                  [\`,
				`                    [\`,
				`                      [\`,
				`                        [\`,
				`                          [\`,
				`                            \"` + long + `\",\`,
				`                            [1,{\"a\":2}]\`,
				`                          ]\`,
				`                        ]\`,
				`                      ]\`,
				`                    ]\`,
				`                  ]\`,
				`                ]\`,
				`              ]\`,
				`            ]"`,
			},
		},
		"short":          {`{"code":200,"message":"OK"}`, []string{`        body: '{"code":200,"message":"OK"}'`}},
		"not JSON":       {`{` + long, []string{`        body: '{` + long + `'`}},
		"a text of JSON": {`"` + long + `"`, []string{`        body: '"` + long + `"'`}},
		"with line breaks": {
			"{\n  \"a\": \"" + long + "\"\n}",
			[]string{`        body: |-`, `            {`, `              "a": "` + long + `"`, `            }`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, bodyLines(t, test.body)); diff != "" {
				t.Error(diff)
			}
			checkBytes(t, t.TempDir(), test.body)
		})
	}
}

// A member that has changed is one line of a diff, whatever is beside it. The other line is the pair at the end.
func TestEncode_oneMemberOneLine(t *testing.T) {
	t.Parallel()
	const body = `{"code":200,"message":"OK","data":[{"_id":"65b2a1c0d4e8b90000000002","username":"bot"},{"_id":"65b2a1c0d4e8b90000000003","dubs":17}]}`
	before, after := written(t, body), written(t, strings.Replace(body, `"dubs":17`, `"dubs":18`, 1))
	var changed []string
	for i, line := range before {
		if line != after[i] {
			changed = append(changed, strings.TrimSpace(line))
		}
	}
	if len(before) != len(after) || len(changed) != 2 || changed[0] != `\"dubs\":17\` {
		t.Errorf("changed: %q", changed)
	}
}

// A text that looks like the place of a body is not one.
func TestEncode_textsThatLookLikeAPlace(t *testing.T) {
	t.Parallel()
	const place = "body: !folded 0"
	long := `{"a":"` + strings.Repeat("x", 80) + `"}`
	for _, text := range []string{place, "\n        " + place + "\n", "a\n" + place, "!folded 0", "!folded 7"} {
		tape := one("POST", other, "text/plain", text, long, "<Cache-Control", text)
		tape.HTTP[0].Response.Status = text
		http, socket, err := tape.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := cassette.Parse(http, socket)
		if err != nil {
			t.Fatalf("%q: %v\n%s", text, err, http)
		}
		e := got.HTTP[0]
		if e.Request.Body != text || e.Response.Status != text || e.Response.Body != long || e.Response.Headers.Get("Cache-Control") != text {
			t.Errorf("%q became %q, %q and %q\n%s", text, e.Request.Body, e.Response.Status, e.Response.Headers, http)
		}
	}
}

// playedBodies returns the bodies that go-vcr reads from a HTTP half in memory.
func playedBodies(t *testing.T, http []byte) (request, answer string) {
	t.Helper()
	var c vcr.Cassette
	if err := yaml.Unmarshal(http, &c); err != nil { // as vcr.Load does
		t.Fatalf("go-vcr cannot read it: %v\n%s", err, http)
	}
	return c.Interactions[0].Request.Body, c.Interactions[0].Response.Body
}

// Any JSON text, with white space anywhere, is read as the same bytes by this package and by go-vcr.
func TestEncode_foldsAnyJSON(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		text := randomJSON(r, 12)
		http, socket, err := one("POST", other, js, text, text).Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := cassette.Parse(http, socket)
		if err != nil {
			t.Fatalf("%q cannot be read: %v", text, err)
		}
		request, answer := playedBodies(t, http)
		if e := got.HTTP[0]; e.Request.Body != text || e.Response.Body != text || request != text || answer != text {
			t.Fatalf("%q became\n%q and\n%q, for go-vcr\n%q and\n%q", text, e.Request.Body, e.Response.Body, request, answer)
		}
	}
}

// randomJSON returns an object or a list, at most as deep as that.
func randomJSON(r *rand.Rand, depth int) string {
	space := func() string { return strings.Repeat([]string{" ", "\t", "\r"}[r.IntN(3)], max(r.IntN(12)-9, 0)) }
	text := func() string {
		parts := []string{"a", " ", `\"`, `\\`, `\n`, `\u0000`, "{", "}", "[", "]", ",", ":", "'", "#", "%", "-", "\x7f", "\u0085", "\u2028", "\ufeff", "é", "😀", "\U000e0001"}
		var b strings.Builder
		for range r.IntN(20) {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		return `"` + b.String() + `"`
	}
	value := func() string {
		if depth > 0 && r.IntN(3) == 0 {
			return randomJSON(r, depth-1)
		}
		return []string{text(), "null", "true", "-1.5e+3", "0"}[r.IntN(5)]
	}
	var members []string
	object := r.IntN(2) == 0
	for range r.IntN(8) {
		member := space() + value() + space()
		if object {
			member = space() + text() + space() + ":" + member
		}
		members = append(members, member)
	}
	all := strings.Join(members, ",")
	if len(members) == 0 {
		all = space()
	}
	if object {
		return "{" + all + "}"
	}
	return "[" + all + "]"
}
