package cassette_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"html"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	vcr "gopkg.in/dnaeon/go-vcr.v3/cassette"

	"github.com/queup-go/queup/internal/cassette"
)

// one is a tape of one exchange.
func one(method, url, contentType, body, answer string, headers ...string) *cassette.Tape {
	in := &vcr.Interaction{
		Request:  vcr.Request{Method: method, URL: url, Body: body, Headers: http.Header{}},
		Response: vcr.Response{Code: 200, Status: "200 OK", Body: answer, Headers: http.Header{"Content-Type": {"application/json"}}},
	}
	if contentType != "" {
		in.Request.Headers.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if name, ok := strings.CutPrefix(headers[i], "<"); ok {
			in.Response.Headers.Add(name, headers[i+1])
		} else {
			in.Request.Headers.Add(headers[i], headers[i+1])
		}
	}
	return &cassette.Tape{Header: cassette.Header{Source: cassette.SourceTest}, HTTP: []*cassette.Exchange{{Interaction: in, Order: 1}}}
}

// frames is a tape of one connection.
func frames(data ...string) *cassette.Tape {
	t := &cassette.Tape{Header: cassette.Header{Source: cassette.SourceTest}}
	t.Socket = append(t.Socket, &cassette.Record{Conn: 1, Op: cassette.OpOpen, URL: "wss://ws.queup.net/ws/?access_token=tok-12345678&EIO=3", Status: 101})
	for _, d := range data {
		t.Socket = append(t.Socket, &cassette.Record{Conn: 1, Dir: cassette.In, Op: cassette.OpText, Data: []byte(d)})
	}
	return t
}

const (
	form  = "application/x-www-form-urlencoded"
	js    = "application/json"
	login = "https://api.queup.net/auth/login"
	other = "https://api.queup.net/room/a"
	jwt   = "eyJhbGciOiJIUzI1NiJ9.eyJjbGllbnRJZCI6IjEifQ.c2lnbmF0dXJl"
)

// sealed returns what would be written, and the bodies on one line.
func sealed(t *testing.T, raw *cassette.Tape, rules cassette.Rules) string {
	t.Helper()
	clean, err := cassette.Seal(raw, cassette.NewRedactor(rules))
	if err != nil {
		t.Fatal(err)
	}
	http, socket, err := clean.Encode()
	if err != nil {
		t.Fatal(err)
	}
	text := string(http) + string(socket)
	for _, e := range clean.HTTP {
		text += e.Request.Body + "\n" + e.Response.Body + "\n"
	}
	return text
}

func TestSeal_takesOutEverySecret(t *testing.T) {
	t.Parallel()
	const s = "hunter2-Secret"
	tests := map[string]struct {
		raw    *cassette.Tape
		secret string
		want   string
		rules  cassette.Rules
	}{
		"password in a form":          {raw: one("POST", login, form, "username=bot&password="+s, "{}"), secret: s, want: "password=redacted-password-1"},
		"password in JSON":            {raw: one("POST", login, js, `{"username":"bot","password":"`+s+`"}`, "{}"), secret: s, want: `"password":"redacted-password-1"`},
		"password as a number":        {raw: one("POST", login, js, `{"password":123456789}`, "{}"), secret: "123456789", want: `"password":"redacted-password-1"`},
		"password with special signs": {raw: one("POST", login, form, "password="+url.QueryEscape(`p&"ä<s>' +`), `{"echo":`+quote(`p&"ä<s>' +`)+`}`), secret: "<s>", want: `"echo":"redacted-password-1"`},
		"login":                       {raw: one("POST", login, form, "username=somebody&password="+s, "{}"), secret: "somebody", want: "username=redacted-login-1"},
		"login by mail":               {raw: one("POST", login, form, "username=me%40example.com&password="+s, `{"email":"me@example.com"}`), secret: "example.com", want: `"email":"redacted-login-1"`},
		"password of a room":          {raw: one("POST", other, form, "password-room="+s, "{}"), secret: s, want: "password-room=redacted-password-1"},
		"new password of a room":      {raw: one("PUT", other, js, `{"roomPassword":"`+s+`"}`, "{}"), secret: s, want: `"roomPassword":"redacted-password-1"`},
		"echoed in the answer":        {raw: one("POST", login, form, "password="+s, `{"data":{"details":"no `+s+` please"}}`), secret: s, want: `"no redacted-password-1 please"`},
		"cookie":                      {raw: one("GET", other, "", "", "{}", "Cookie", "connect.sid=s%3Aabcdefgh.xyz; lang=en"), secret: "abcdefgh", want: "connect.sid=redacted-cookie-1; lang=redacted-cookie-2"},
		"set-cookie":                  {raw: one("GET", other, "", "", "{}", "<Set-Cookie", "connect.sid=s%3Aabcdefgh.xyz; Path=/; HttpOnly; Max-Age=5"), secret: "abcdefgh", want: "connect.sid=redacted-cookie-1; Path=/; HttpOnly"},
		"malformed set-cookie":        {raw: one("GET", other, "", "", "{}", "<Set-Cookie", "abcdefgh"), secret: "abcdefgh", want: "redacted-cookie-1"},
		"authorization":               {raw: one("GET", other, "", "", "{}", "Authorization", "Bearer "+s), secret: s, want: "redacted-authorization-1"},
		"token header":                {raw: one("GET", other, "", "", "{}", "X-Access-Token", s), secret: s, want: "redacted-token-1"},
		"unknown header":              {raw: one("GET", other, "", "", "{}", "X-Api-Key", s, "<X-Session", s), secret: s, want: "GET"},
		"token in a query":            {raw: one("GET", other+"?access_token="+s, "", "", "{}"), secret: s, want: "access_token=redacted-token-1"},
		"user in a URL":               {raw: one("GET", "https://bot:"+s+"@api.queup.net/a", "", "", "{}"), secret: s, want: "redacted-authorization-1@api"},
		"token answer":                {raw: one("GET", other, "", "", `{"data":{"token":"`+s+`"}}`), secret: s, want: `"token":"redacted-token-1"`},
		"jwt anywhere":                {raw: one("GET", other, "", "", `{"x":"see `+jwt+` there"}`), secret: "eyJ", want: "see redacted-token-1 there"},
		"location":                    {raw: one("GET", other, "", "", "", "<Location", "/x?token="+s), secret: s, want: "/x?token=redacted-token-1"},
		"mail":                        {raw: one("GET", other, "", "", `{"x":"write to Bob.B+x@mail.example.co.uk!"}`), secret: "Bob.B", want: "write to redacted-email-1@redacted.invalid!"},
		"mail in HTML":                {raw: one("GET", other, "", "", `<p>bob&#64;example.org</p>`), secret: "bob", want: "<p>redacted-email-1@redacted.invalid</p>"},
		"mail in a query":             {raw: one("GET", other+"?q=bob%40example.org", "", "", ""), secret: "bob", want: "q=redacted-email-1%40redacted.invalid"},
		"address":                     {raw: one("GET", other, "", "", `{"ip":"203.0.113.9"}`), secret: "203.0", want: `"ip":"198.18.0.1"`},
		"address of version 6":        {raw: one("GET", other, "", "", `{"ip":"2a01:4f8:c17:b8f::2"}`), secret: "4f8", want: `"ip":"2001:db8::1"`},
		"the caller's":                {raw: one("GET", other, "", "", `{"x":"a `+s+`b"}`), secret: s, want: "a redacted-extra-1b", rules: cassette.Rules{Secrets: []string{s}}},
		"the caller's, in a key":      {raw: one("GET", other, "", "", `{"`+s+`":1}`), secret: s, want: `{"redacted-extra-1":1}`, rules: cassette.Rules{Secrets: []string{s}}},
		"the caller's, in a path":     {raw: one("GET", "https://api.queup.net/x/"+s+"/y", "", "", ``), secret: s, want: `/x/redacted-extra-1/y`, rules: cassette.Rules{Secrets: []string{s}}},
		"token in the handshake":      {raw: frames("0{}"), secret: "tok-12345678", want: "access_token=redacted-token-1"},
		"token in a frame":            {raw: frames(`4{"action":17,"token":"` + s + `"}`), secret: s, want: `\"token\":\"redacted-token-2\"`},
		"password inside an event":    {raw: frames(`4{"action":15,"message":{"data":"{\"password\":\"` + s + `\"}"}}`), secret: s, want: `redacted-password-1`},
		"mail inside an event":        {raw: frames(`4{"action":15,"message":{"data":"{\"message\":\"a\\nbob@example.org\"}"}}`), secret: "example.org", want: `a\\\\nredacted-email-1@redacted.invalid`},
		"mail in text, not JSON":      {raw: frames(`4hello bob@example.org`), secret: "bob", want: `4hello redacted-email-1@redacted.invalid`},
		"reason of a close":           {raw: &cassette.Tape{Socket: []*cassette.Record{{Conn: 1, Op: cassette.OpOpen, URL: "wss://x/", Status: 101}, {Conn: 1, Dir: cassette.In, Op: cassette.OpClose, Code: 1008, Reason: "token=" + s}}}, secret: s, want: "token=redacted-token-1"},
		"list of secrets":             {raw: one("GET", other, "", "", `{"token":["`+s+`","other-one"]}`), secret: "other-one", want: `["redacted-token-1","redacted-token-2"]`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := sealed(t, test.raw, test.rules)
			if strings.Contains(got, test.secret) {
				t.Errorf("%q survives:\n%s", test.secret, got)
			}
			if !strings.Contains(got, test.want) {
				t.Errorf("%q is not there:\n%s", test.want, got)
			}
		})
	}
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestSeal_leavesTheRest(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"code":200,  "message":"OK", "x":1e3,"y":"\u0041\/<&>"}`,
		`{"time":"12:30:45","v":"1.2.3","w":"a::b","ratio":"1:2:3:4","ip":"127.0.0.1","any":"0.0.0.0"}`,
		`{"nextPageToken":"abcdef","passwords":[],"token":"","at":"user@localhost"}`,
		`not JSON { at all`,
		"\x89PNG\x00\xff",
		`[{"a":[[],{}]},null,true]`,
	} {
		clean, err := cassette.Seal(one("POST", other, js, body, body), cassette.NewRedactor(cassette.Rules{}))
		if err != nil {
			t.Fatal(err)
		}
		if e := clean.HTTP[0]; e.Response.Body != body || e.Request.Body != body {
			t.Errorf("%q became %q and %q", body, e.Request.Body, e.Response.Body)
		}
		if clean.Header.Redactions != nil {
			t.Errorf("%q: redacted %v", body, clean.Header.Redactions)
		}
	}
}

// One secret has one placeholder, wherever and however it is written; another one has another.
func TestSeal_placeholdersAreStable(t *testing.T) {
	t.Parallel()
	raw := one("POST", login, form, "username=bot&password=first-password", `{"a":"first-password","b":"second@example.org","c":"third@example.org","d":"second%40example.org"}`)
	again := sealed(t, raw, cassette.Rules{})
	for _, want := range []string{`"a":"redacted-password-1"`, `"b":"redacted-email-1@redacted.invalid"`, `"c":"redacted-email-2@redacted.invalid"`, `"d":"redacted-email-1@redacted.invalid"`} {
		if !strings.Contains(again, want) {
			t.Errorf("%s is not in\n%s", want, again)
		}
	}
	for range 5 {
		if got := sealed(t, raw, cassette.Rules{}); got != again {
			t.Fatalf("another time it is\n%s", got)
		}
	}
	// What is redacted stays as it is.
	clean, err := cassette.Seal(raw, cassette.NewRedactor(cassette.Rules{}))
	if err != nil {
		t.Fatal(err)
	}
	twice, err := cassette.Seal(clean, cassette.NewRedactor(cassette.Rules{}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(clean.HTTP[0].Response.Body, twice.HTTP[0].Response.Body); diff != "" || twice.Header.Redactions != nil {
		t.Errorf("it was redacted again: %v\n%s", twice.Header.Redactions, diff)
	}
}

func TestSeal_anonymous(t *testing.T) {
	t.Parallel()
	const alice, bot = "65b2a1c0d4e8b90000000004", "65b2a1c0d4e8b90000000002"
	raw := one("GET", "https://api.queup.net/user/alice", "", "", `{"data":[{"_id":"`+alice+`","username":"alice","profileImage":{"url":"https://img.example/alice.png"}},{"_id":"`+bot+`","username":"Bot"}]}`)
	raw.Socket = frames(`4{"action":15,"message":{"data":"{\"chatid\":\"`+alice+`-170\",\"message\":\"hi @alice, malice\\nalice!\",\"user\":{\"_id\":\"65b2a1c0d4e8b90000000009\",\"username\":\"al\"}}"}}`,
		`4{"action":15,"message":{"data":"{\"message\":\"al and alice and bot\"}"}}`).Socket
	got := sealed(t, raw, cassette.Rules{Anonymous: true, Except: []string{"bot"}})
	for _, gone := range []string{alice, `@alice`, "65b2a1c0d4e8b90000000009", "img.example"} {
		if strings.Contains(got, gone) {
			t.Errorf("%q survives:\n%s", gone, got)
		}
	}
	for _, kept := range []string{
		"/user/member-1", `"username":"member-1"`, bot, `"username":"Bot"`, `hi @member-1, malice`, `nmember-1!`, `member-2 and member-1 and bot`,
		`00000000000a11a500000001-170`,
	} {
		if !strings.Contains(got, kept) {
			t.Errorf("%q is not in\n%s", kept, got)
		}
	}
}

// Whatever way a known secret is written in which redaction does not undo, the tape is refused, and the error says where.
func TestSeal_failsClosed(t *testing.T) {
	t.Parallel()
	const s = "hunter2/Se cret=ä"
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for name, text := range map[string]string{
		"base64":                encode(s),
		"base64, one off":       encode("x" + s + "y"),
		"base64, two off":       encode("xy" + s),
		"base64 for URLs":       base64.RawURLEncoding.EncodeToString([]byte("~~" + s)),
		"base64 of base64":      encode(encode(s)),
		"percent, all of it":    "%68%75nter2%2F%53e%20cret%3D%C3%A4",
		"percent, twice":        url.QueryEscape(url.QueryEscape(s)),
		"JSON, needless":        `\u0068unter2\/Se cret=\u00e4`,
		"JSON in JSON in JSON":  quote(quote(strings.ReplaceAll(s, "h", `\u0068`))),
		"HTML, needless":        "&#104;unter2/Se cret=&auml;",
		"HTML in a URL":         url.QueryEscape(html.EscapeString("&#104;" + s[1:])),
		"base64 in a query":     "a=" + url.QueryEscape(encode(s)),
		"JSON of a URL of HTML": quote(url.QueryEscape("&#x68;" + s[1:])),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for where, raw := range map[string]*cassette.Tape{
				"interaction 0, GET /room/a 200: response body": one("GET", other, "", "", "say "+text),
				"websocket record 2 of connection 1, < text":    frames("4 say " + text),
			} {
				_, err := cassette.Seal(raw, cassette.NewRedactor(cassette.Rules{Secrets: []string{s}}))
				leak, ok := errors.AsType[*cassette.LeakError](err)
				if !ok || leak.Where != where {
					t.Errorf("%s: %v", where, err)
				}
				if err != nil && strings.Contains(err.Error(), "unter2") {
					t.Errorf("the error contains the secret: %v", err)
				}
			}
		})
	}
	_, err := cassette.Seal(one("POST", login, form, "password=abc", "{}"), cassette.NewRedactor(cassette.Rules{}))
	if err == nil || !strings.Contains(err.Error(), "shorter than 4 characters") {
		t.Errorf("a password that cannot be searched for: %v", err)
	}
	_, err = cassette.Seal(one("POST", login, form, "password=message", `{"message":"OK"}`), cassette.NewRedactor(cassette.Rules{}))
	if _, ok := errors.AsType[*cassette.LeakError](err); err != nil && !ok {
		t.Errorf("a password that is the name of a field: %v", err)
	}
}

func TestWrite_takesOnlyWhatIsSealed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := cassette.Write(dir, "x", one("GET", other, "", "", "{}")); err == nil {
		t.Error("a raw tape was written")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("there is %v, %v", left, err)
	}
}

func TestLint(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clean, err := cassette.Seal(one("POST", login, form, "username=bot&password=first-password", `{"mail":"a@example.org"}`, "Cookie", "connect.sid=abcdefghij"), cassette.NewRedactor(cassette.Rules{}))
	if err != nil {
		t.Fatal(err)
	}
	clean.Socket = frames("0{}", `4{"action":4,"x":"y"}`).Socket
	if clean, err = cassette.Seal(clean, cassette.NewRedactor(cassette.Rules{})); err != nil {
		t.Fatal(err)
	}
	if err := cassette.Write(dir, "a/b", clean); err != nil {
		t.Fatal(err)
	}
	names, err := cassette.List(dir)
	if err != nil || !cmp.Equal(names, []string{"a/b"}) {
		t.Fatalf("List = %q, %v", names, err)
	}
	if found, err := cassette.Lint(dir, "a/b"); err != nil || len(found) != 0 {
		t.Fatalf("a clean cassette: %v, %v", found, err)
	}
	if found, err := cassette.Lint(dir, "a/b", "queup.net/ws"); err != nil || len(found) != 1 {
		t.Errorf("a secret that the caller knows: %v, %v", found, err)
	}
	httpFile, socketFile := cassette.Files(dir, "a/b")
	for name, test := range map[string]struct{ file, old, new, where, kind string }{
		"password":  {httpFile, "redacted-password-1", "my-password", httpFile + ":4", "password"},
		"cookie":    {httpFile, "connect.sid=redacted-cookie-1", "connect.sid=abcdefghijkl", httpFile + ":4", "cookie"},
		"mail":      {httpFile, "redacted-email-1@redacted.invalid", "a@example.org", httpFile + ":4", "email"},
		"header":    {httpFile, "Cookie:", "X-Api-Key:", httpFile + ":4", "header"},
		"token":     {socketFile, "redacted-token-1", "tok-987654321", socketFile + ":2", "token"},
		"in frames": {socketFile, `\"x\":\"y\"`, `\"x\":\"from 203.0.113.9\"`, socketFile + ":4", "ip"},
	} {
		t.Run(name, func(t *testing.T) {
			before, err := os.ReadFile(test.file)
			if err != nil {
				t.Fatal(err)
			}
			after := strings.ReplaceAll(string(before), test.old, test.new)
			if after == string(before) {
				t.Fatalf("%q is not in %s", test.old, before)
			}
			write(t, test.file, after)
			defer write(t, test.file, string(before))
			found, err := cassette.Lint(dir, "a/b")
			if err != nil || len(found) == 0 || found[0].Where != test.where || found[0].Kind != test.kind {
				t.Errorf("found %v, %v", found, err)
			}
		})
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A report about a server's text has no control characters for the terminal.
func TestReports_doNothingToATerminal(t *testing.T) {
	const evil = "a\x1b]52;c;aGk=\x07\u009b31m\u202e\nb"
	record := cassette.Record{Op: cassette.OpClose, Code: 4000, Reason: evil}
	open := cassette.Record{Op: cassette.OpOpen, URL: "/ws/" + evil, Status: 101}
	text := cassette.Record{Op: cassette.OpText, Data: []byte(evil)}
	drift := cassette.Drift{In: "room", Field: evil, What: "changed", Was: "text", Is: "number"}
	for _, s := range []string{record.Label(), open.Label(), text.Label(), drift.String()} {
		if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == '\u202e' }) {
			t.Errorf("printed as %q", s)
		}
	}
}
