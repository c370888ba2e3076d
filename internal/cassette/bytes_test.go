package cassette_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	vcr "gopkg.in/dnaeon/go-vcr.v3/cassette"

	"github.com/queup-go/queup/internal/cassette"
)

// awkward are bodies that YAML writers and readers are known to change.
var awkward = map[string]string{
	"nothing":                  "",
	"a line break":             "\n",
	"two line breaks":          "\n\n",
	"a space":                  " ",
	"a tab":                    "\t",
	"CR":                       "\r",
	"CR LF":                    "a\r\nb\r\n",
	"CR between":               "a\rb\nc",
	"a line break in front":    "\nhello",
	"line breaks in front":     "\n\n  hello\n",
	"a line break behind":      "hello\n",
	"line breaks behind":       "hello\n\n\n",
	"a tab in front":           "\thello\nworld",
	"a tab in front of a line": "hello\n\tworld\n",
	"a space in front":         " hello\n  world",
	"a space behind a line":    "hello \nworld \n",
	"only white space":         " \n\t\n \n",
	"NUL":                      "a\x00b",
	"NUL and a line break":     "\n\x00\n",
	"control characters":       "\x01\x1b[31m\x7f\u0080\u009f",
	"BOM":                      "\ufeffhello",
	"BOM on a later line":      "a\n\ufeffhello\n",
	"separators of Unicode":    "a\u2028b\u2029c\u0085d\n",
	"not a character":          "\ufffe\uffff\ufffd",
	"an emoji":                 "\n😀\n",
	"not UTF-8":                "\xff\xfe\n",
	"not UTF-8 at the end":     "\nhello\xc3",
	"YAML":                     "\n- a: b\n# c\n--- \n...\n",
	"a number":                 "0x1F",
	"null":                     "~",
	"a date":                   "2026-12-01",
	"yes":                      "yes",
	"an indicator":             "!!binary x",
	"base64":                   "/w==",
	"a merge":                  "<<",
	"pretty JSON":              "\n{\n\t\"a\": [\n\t\t1\n\t]\n}\n",
	"a long line":              "\n" + strings.Repeat("word ", 1000) + "\n",
	"folded JSON":              `{"a":[],"b":{},"c":[{"d":"\"\\\u0000\/ é😀"},1.5e3,null],"e":"` + strings.Repeat(`\\`, 40) + `"}`,
	"folded JSON, spaces":      `{ "a" : [ ] , ` + "\t\r" + `"b":[1 , 2 ], "c":"` + strings.Repeat(" x ", 30) + `" } ` + "\r",
	"folded JSON, controls":    `["` + strings.Repeat("x", 80) + "\u007f\u0085\u00a0\u00ad\u2028\u202e\ufeff\ufffd\uffff\U000e0001" + `",":- #&*!|>'%@` + "`" + `"]`,
	"deep JSON":                strings.Repeat(`[{"a":`, 50) + "1" + strings.Repeat("}]", 50),
}

// conversation is a tape with one text in each place that holds texts of others.
func conversation(text string) *cassette.Tape {
	t := one("POST", other, "text/plain", text, text)
	t.HTTP[0].Response.Headers.Set("Content-Type", "text/plain")
	t.Socket = frames(text).Socket
	t.Socket = append(t.Socket, &cassette.Record{Conn: 1, Dir: cassette.Out, Op: cassette.OpBinary, Data: []byte(text)})
	return t
}

// checkBytes fails the test unless a text is the same after it was sealed, written and read.
func checkBytes(t *testing.T, dir, text string) {
	t.Helper()
	clean, err := cassette.Seal(conversation(text), cassette.NewRedactor(cassette.Rules{}))
	if err != nil {
		t.Fatal(err)
	}
	if err := cassette.Write(dir, "x", clean); err != nil {
		t.Fatalf("%q was not written: %v", text, err)
	}
	got, err := cassette.Read(dir, "x")
	if err != nil {
		t.Fatalf("%q cannot be read: %v", text, err)
	}
	e := got.HTTP[0]
	for where, is := range map[string]string{
		"request": e.Request.Body, "answer": e.Response.Body, "text frame": string(got.Socket[1].Data), "binary frame": string(got.Socket[2].Data),
	} {
		if is != text {
			t.Errorf("%s: %q became %q", where, text, is)
		}
	}
	played, err := vcr.Load(filepath.Join(dir, "x"+strings.TrimSuffix(cassette.HTTPSuffix, ".yaml")))
	if err != nil {
		t.Fatalf("go-vcr cannot read %q: %v", text, err)
	}
	if in := played.Interactions[0]; in.Request.Body != text || in.Response.Body != text {
		t.Errorf("%q is %q and %q for go-vcr", text, in.Request.Body, in.Response.Body)
	}
}

func TestWrite_keepsEveryByte(t *testing.T) {
	t.Parallel()
	for name, text := range awkward {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkBytes(t, t.TempDir(), text)
		})
	}
}

// FuzzWrite writes a recording with arbitrary texts and reads it again. What had no secret is the same, byte by byte; what had one is
// the same as what was sealed; and no recording that can be sealed is unreadable.
func FuzzWrite(f *testing.F) {
	for _, text := range awkward {
		f.Add([]byte(text), "text/plain", text)
	}
	f.Add([]byte("a=\n&b=\t\xff&<<=x"), form, "x=\n")
	f.Add([]byte("{\"a\":\"\\n\"}\n"), js, "")
	f.Fuzz(func(t *testing.T, body []byte, contentType, text string) {
		raw := conversation(string(body))
		e := raw.HTTP[0]
		e.Request.Headers.Set("Content-Type", contentType)
		e.Response.Headers = http.Header{"Content-Disposition": {text}, "Cache-Control": {text, string(body)}}
		e.Response.Status = text
		raw.Socket = append(raw.Socket, &cassette.Record{Conn: 1, Dir: cassette.In, Op: cassette.OpClose, Code: 1000, Reason: text})
		clean, err := cassette.Seal(raw, cassette.NewRedactor(cassette.Rules{}))
		if err != nil {
			return // refused, which is always right
		}
		http, socket, err := clean.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := cassette.Parse(http, socket)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s\n%s", err, http, socket)
		}
		was, is := clean.HTTP[0], got.HTTP[0]
		if request, answer := playedBodies(t, http); request != was.Request.Body || answer != was.Response.Body {
			t.Errorf("%q and %q are %q and %q for go-vcr", was.Request.Body, was.Response.Body, request, answer)
		}
		for where, pair := range map[string][2]string{
			"request": {was.Request.Body, is.Request.Body}, "answer": {was.Response.Body, is.Response.Body}, "status": {was.Response.Status, is.Response.Status},
			"request headers": {fmt.Sprintf("%q", was.Request.Headers), fmt.Sprintf("%q", is.Request.Headers)},
			"answer headers":  {fmt.Sprintf("%q", was.Response.Headers), fmt.Sprintf("%q", is.Response.Headers)},
			"reason":          {clean.Socket[3].Reason, got.Socket[3].Reason},
		} {
			if pair[0] != pair[1] {
				t.Errorf("%s: %q became %q", where, pair[0], pair[1])
			}
		}
		for i := range clean.Socket {
			if !bytes.Equal(clean.Socket[i].Data, got.Socket[i].Data) {
				t.Errorf("frame: %q became %q", clean.Socket[i].Data, got.Socket[i].Data)
			}
		}
		untouched := maps.Equal(clean.Header.Redactions, map[string]int{"token": 1}) // that of the handshake
		if untouched && !strings.HasPrefix(contentType, "multipart/") && is.Request.Body != string(body) {
			t.Errorf("without a secret %q became %q", body, is.Request.Body)
		}
		if untouched && is.Response.Body != string(body) {
			t.Errorf("without a secret the answer %q became %q", body, is.Response.Body)
		}
	})
}

// A recording that cannot be read again does not replace one that can.
func TestWrite_readsBackBeforeItReplaces(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good, err := cassette.Seal(one("GET", other, "", "", "good"), cassette.NewRedactor(cassette.Rules{}))
	if err != nil {
		t.Fatal(err)
	}
	if err := cassette.Write(dir, "x", good); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, "x"+cassette.HTTPSuffix))
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*cassette.Tape){
		"a header of too many names": func(bad *cassette.Tape) {
			for i := range 2000 {
				bad.HTTP[0].Response.Headers[fmt.Sprint("X-", i)] = []string{"x"}
			}
		},
		"a close that JSON cannot hold": func(bad *cassette.Tape) {
			bad.Socket = append(frames().Socket, &cassette.Record{Conn: 1, Dir: cassette.In, Op: cassette.OpClose, Reason: "\xff"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			bad, err := cassette.Seal(one("GET", other, "", "", "bad"), cassette.NewRedactor(cassette.Rules{}))
			if err != nil {
				t.Fatal(err)
			}
			spoil(bad)
			if err := cassette.Write(dir, "x", bad); err == nil || !strings.Contains(err.Error(), "read back") {
				t.Errorf("written: %v", err)
			}
			after, err := os.ReadFile(filepath.Join(dir, "x"+cassette.HTTPSuffix))
			if err != nil || !bytes.Equal(before, after) {
				t.Errorf("the recording before is lost: %v\n%s", err, after)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
				t.Errorf("there is %v, %v", left, err)
			}
		})
	}
}

// An answer without a body keeps its recording, whatever Content-Encoding it has.
func TestSeal_emptyBodyWithContentEncoding(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method, encoding string
		code             int
	}{
		"HEAD":           {"HEAD", "gzip", 200},
		"304":            {"GET", "gzip", 304},
		"204":            {"DELETE", "gzip", 204},
		"HEAD of Brotli": {"HEAD", "br", 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw := one(test.method, other, "", "", "", "<Content-Encoding", test.encoding)
			raw.HTTP[0].Response.Code = test.code
			clean, err := cassette.Seal(raw, cassette.NewRedactor(cassette.Rules{}))
			if err != nil {
				t.Fatal(err)
			}
			if body := clean.HTTP[0].Response.Body; body != "" {
				t.Errorf("the body is %q", body)
			}
		})
	}
}
