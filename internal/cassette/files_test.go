package cassette_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	vcr "gopkg.in/dnaeon/go-vcr.v3/cassette"

	"github.com/queup-go/queup/internal/cassette"
)

func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const noHTTP = "---\nversion: 2\ninteractions: []\n"

func TestRead_upgradesVersion1(t *testing.T) {
	t.Parallel()
	old, err := cassette.Read("testdata", "old")
	if err != nil {
		t.Fatal(err)
	}
	if !old.Upgrade() || old.Header.Source != cassette.SourceLive {
		t.Errorf("read as %+v", old.Header)
	}
	up, err := old.Upgraded()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := cassette.Write(dir, "upgraded", up); err != nil {
		t.Fatal(err)
	}
	_, file := cassette.Files(dir, "upgraded")
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(read(t, "upgraded.golden")), string(got)); diff != "" {
		t.Errorf("upgraded (-want +got):\n%s", diff)
	}
	again, err := cassette.Read(dir, "upgraded")
	if err != nil || again.Upgrade() {
		t.Errorf("it is old still: %v, %v", again, err)
	}
	// What was not clean does not become so by an upgrade.
	leaky, err := cassette.Parse([]byte(noHTTP), []byte(`{"v":1,"kind":"queup-ws","url":"wss://x/?access_token=tok-12345678"}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := leaky.Upgraded(); err == nil {
		t.Error("a token was upgraded")
	}
}

func TestParse_mistakes(t *testing.T) {
	t.Parallel()
	const (
		header = `{"version":"2.0","kind":"queup-cassette","source":"live","pair":"84601b038c9fbd85","records":4}` + "\n"
		open   = `{"at":0,"conn":1,"op":"open","url":"wss://x/","status":101}` + "\n"
		first  = "---\nversion: 2\ninteractions:\n"
		item   = "  - id: 0\n    request: {method: GET, url: 'https://x/a'}\n    response: {code: 200}\n"
	)
	for name, test := range map[string]struct{ http, socket, want string }{
		"empty":               {noHTTP, "", "line 1: no header"},
		"no version":          {noHTTP, "{}", `version "" is not valid`},
		"newer":               {noHTTP, `{"version":"3.1"}`, "the cassette has version 3.1, and this library reads versions up to 2"},
		"no kind":             {noHTTP, `{"version":"2.0"}`, `kind "" is not`},
		"no source":           {noHTTP, `{"version":"2.0","kind":"queup-cassette"}`, `source ""`},
		"not JSON":            {noHTTP, header + open + "nonsense", "line 3: invalid character"},
		"unknown op":          {noHTTP, header + open + `{"at":0,"conn":1,"op":"sing"}`, `line 3: op "sing"`},
		"frame without data":  {noHTTP, header + open + `{"at":0,"conn":1,"dir":"<","op":"text"}`, "a frame without data"},
		"data twice":          {noHTTP, header + open + `{"at":0,"conn":1,"dir":"<","op":"text","data":"","data64":""}`, "both data and data64"},
		"bad base64":          {noHTTP, header + open + `{"at":0,"conn":1,"dir":"<","op":"text","data64":"%"}`, "data64"},
		"no direction":        {noHTTP, header + open + `{"at":0,"conn":1,"op":"text","data":""}`, `dir ""`},
		"a drop with one":     {noHTTP, header + open + `{"at":0,"conn":1,"dir":"<","op":"drop"}`, `dir "<" does not go`},
		"not opened":          {noHTTP, header + `{"at":0,"conn":1,"op":"drop"}`, "connection 1 was not opened"},
		"opened twice":        {noHTTP, header + open + open, "opened twice"},
		"after the end":       {noHTTP, header + open + `{"at":0,"conn":1,"op":"drop"}` + "\n" + `{"at":0,"conn":1,"dir":"<","op":"text","data":""}`, "connection 1 is over"},
		"back in time":        {noHTTP, header + open + `{"at":9,"conn":1,"dir":"<","op":"text","data":""}` + "\n" + `{"at":8,"conn":1,"dir":"<","op":"text","data":""}`, "time goes back"},
		"connection zero":     {noHTTP, header + `{"at":0,"conn":0,"op":"open","url":"x","status":101}`, "count from 1"},
		"open without status": {noHTTP, header + `{"at":0,"conn":1,"op":"open","url":"x"}`, "without status or error"},
		"no such request":     {noHTTP, header + open + `{"at":0,"conn":1,"dir":"<","op":"text","data":"","after":[7]}`, "comes after interaction 7"},
		"no YAML":             {"\t", header, "found character that cannot start any token"},
		"old go-vcr":          {"version: 1\n", header, "version 1 of the format of go-vcr"},
		"empty interaction":   {first + "  - null\n", header, "interaction 0 is empty"},
		"equal ids":           {first + item + item, header, "two interactions have the id 0"},
		"malformed URL":       {first + "  - request: {url: ':'}\n", header, "line 4: interaction 0: its URL is malformed"},
		"pattern of version1": {noHTTP, `{"v":1,"kind":"queup-ws","url":"x"}` + "\n" + `{"dir":">","op":"text","match":"2.*"}`, "record the cassette again"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := cassette.Parse([]byte(test.http), []byte(test.socket)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want %q", err, test.want)
			}
		})
	}
	if _, err := cassette.Parse([]byte(noHTTP), []byte(`{"version":"9"}`)); !isVersion(err) {
		t.Errorf("a newer version is %v", err)
	}
	if _, err := cassette.Read(t.TempDir(), "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no files: %v", err)
	}
	// A newer minor version only adds what may be left aside.
	if _, err := cassette.Parse([]byte(noHTTP), []byte(`{"version":"2.9","kind":"queup-cassette","source":"live","mood":"fine"}`)); err != nil {
		t.Errorf("a newer minor version: %v", err)
	}
}

func isVersion(err error) bool {
	_, ok := errors.AsType[*cassette.VersionError](err)
	return ok
}

// sample is a tape with a bit of everything.
func sample(t *testing.T) *cassette.Tape {
	t.Helper()
	raw := one("POST", "https://api.queup.net/chat/a", form, "a=1", `{"code":200,"text":"a long line that is cut at some point"}`)
	gone := one("GET", "https://api.queup.net/gone", "", "", "").HTTP[0]
	gone.Order = 2
	cassette.SetNetworkError(&gone.Response, cassette.ErrRefused, "dial", "")
	raw.HTTP = append(raw.HTTP, gone)
	raw.Header.Date = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	raw.Socket = frames("0{}", "2", "3", `4{"action":15,"channel":"room:a","message":{"name":"chat-message","type":"json","data":"{\"message\":\"x\"}"}}`).Socket
	raw.Socket[2].Dir = cassette.Out
	raw.Socket[4].At, raw.Socket[4].After = 1500, []int{1}
	raw.Socket = append(raw.Socket,
		&cassette.Record{At: 1500, Conn: 1, Dir: cassette.In, Op: cassette.OpBinary, Data: []byte{1, 0xff}},
		&cassette.Record{At: 2000, Conn: 1, Dir: cassette.In, Op: cassette.OpClose, Code: 1001, Reason: "bye"})
	clean, err := cassette.Seal(raw, cassette.NewRedactor(cassette.Rules{}))
	if err != nil {
		t.Fatal(err)
	}
	// By key, and the record's request with it.
	clean.HTTP[0], clean.HTTP[1] = clean.HTTP[1], clean.HTTP[0]
	clean.HTTP[0].ID, clean.HTTP[1].ID = 0, 1
	clean.Socket[4].After = []int{0}
	return clean
}

func TestEncode_roundTrip(t *testing.T) {
	t.Parallel()
	before := sample(t)
	http, socket, err := before.Encode()
	if err != nil {
		t.Fatal(err)
	}
	after, err := cassette.Parse(http, socket)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range after.Socket {
		r.Line = 0
	}
	if diff := cmp.Diff(before.Socket, after.Socket); diff != "" {
		t.Errorf("records (-before +after):\n%s", diff)
	}
	if after.HTTP[1].Line == 0 || after.HTTP[1].Line <= after.HTTP[0].Line {
		t.Errorf("the lines are %d and %d", after.HTTP[0].Line, after.HTTP[1].Line)
	}
	http2, socket2, err := after.Encode()
	if err != nil || !bytes.Equal(http, http2) || !bytes.Equal(socket, socket2) {
		t.Errorf("encoded again it differs: %v", err)
	}
	// go-vcr itself reads the file.
	dir := t.TempDir()
	if err := cassette.Write(dir, "vcr", before); err != nil {
		t.Fatal(err)
	}
	c, err := vcr.Load(filepath.Join(dir, "vcr.http"))
	if err != nil || len(c.Interactions) != 2 || c.Interactions[0].Request.Body != "a=1" {
		t.Errorf("go-vcr reads %v, %v", c, err)
	}
}

func TestShow(t *testing.T) {
	t.Parallel()
	s := sample(t)
	s.Header.Version = "2.0"
	var b bytes.Buffer
	if err := cassette.Show(&b, s, false, 35); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(read(t, "show.golden")), b.String()); diff != "" {
		t.Errorf("shown (-want +got):\n%s", diff)
	}
	b.Reset()
	if err := cassette.Show(&b, s, true, 0); err != nil || !strings.Contains(b.String(), "\x1b[36m") {
		t.Errorf("in colour: %v, %s", err, b.String())
	}
	evil := frames("4\x1b]0;pwned\x07")
	b.Reset()
	if err := cassette.Show(&b, evil, false, 0); err != nil || strings.ContainsAny(b.String(), "\x1b\x07") {
		t.Errorf("a terminal gets %q, %v", b.String(), err)
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	a, b := sample(t), sample(t)
	if diff := cassette.Diff(a, b); diff != nil {
		t.Errorf("the same differ: %q", diff)
	}
	b.HTTP[0].Response.Body = `{"text":"another","code":200,"more":true}`
	b.Socket[4].At++
	b.Socket = b.Socket[:len(b.Socket)-1]
	want := []string{
		`POST /chat/a 200`, `  < text = "a long line that is cut at some point"`, `  < more = true`, `  < text = "another"`, `#1 < close 1001 bye`,
	}
	marks := []string{"  ", "- ", "+ ", "+ ", "- "}
	for i := range want {
		want[i] = marks[i] + want[i]
	}
	if diff := cmp.Diff(want, cassette.Diff(a, b)); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	want := cassette.Stat{
		Source: "queuptest", Requests: 2, Connections: 1, In: 3, Heartbeats: 2, Duration: 2000,
		Statuses: map[string]int{"200": 1, "refused": 1}, Events: map[string]int{"chat-message": 1},
	}
	if diff := cmp.Diff(want, sample(t).Count()); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}

func TestCompare_shapes(t *testing.T) {
	t.Parallel()
	shapes := func(bodies ...string) cassette.Shapes {
		s := cassette.Shapes{}
		for _, b := range bodies {
			s.AddExchange("GET", "/room/65a1f0c2d4e8b90000000001", 200, "application/json", b)
		}
		return s
	}
	for name, test := range map[string]struct {
		before, after []string
		want          []string
	}{
		"values":              {[]string{`{"a":1,"b":"x"}`}, []string{`{"a":2,"b":"y"}`}, nil},
		"a field that came":   {[]string{`{"a":1}`}, []string{`{"a":1,"b":[{"c":1}]}`}, []string{"b appeared (array)"}},
		"a field that went":   {[]string{`{"a":{"b":1}}`}, []string{`{"a":{}}`}, []string{"a.b went (was number)"}},
		"another type":        {[]string{`{"a":1}`}, []string{`{"a":"1"}`}, []string{"a changed from number to string"}},
		"a type beside":       {[]string{`{"a":1}`}, []string{`{"a":1}`, `{"a":"1"}`}, []string{"a changed from number to number or string"}},
		"one type of two":     {[]string{`{"a":1}`, `{"a":"1"}`}, []string{`{"a":1}`}, nil},
		"null for once":       {[]string{`{"a":1}`}, []string{`{"a":null}`}, []string{"a changed from number to null"}},
		"null again":          {[]string{`{"a":1}`, `{"a":null}`}, []string{`{"a":null}`}, nil},
		"no longer null":      {[]string{`{"a":null}`}, []string{`{"a":1}`}, nil},
		"an empty list":       {[]string{`{"a":[{"b":1}]}`}, []string{`{"a":[]}`}, nil},
		"an object for an id": {[]string{`{"a":"id"}`}, []string{`{"a":{"_id":"id"}}`}, []string{"a changed from string to object"}},
		"keys that are ids":   {[]string{`{"65a1f0c2d4e8b90000000001":1}`}, []string{`{"65a1f0c2d4e8b90000000002":1}`}, nil},
		"JSON in a string":    {[]string{`{"a":"{\"b\":1}"}`}, []string{`{"a":"{\"b\":true}"}`}, []string{"a(json).b changed from number to bool"}},
		"not JSON any more":   {[]string{`{"a":1}`}, []string{`<html>`}, []string{"the whole changed from object to text"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			drifts, _, _ := cassette.Compare(shapes(test.before...), shapes(test.after...))
			var got []string
			for _, d := range drifts {
				got = append(got, strings.TrimPrefix(d.String(), "GET /room/{} 200: "))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("drifts (-want +got):\n%s", diff)
			}
		})
	}
	all := cassette.Shapes{}
	all.FromTape(sample(t))
	_, gone, came := cassette.Compare(all, cassette.Shapes{"GET /new 200": {}})
	if !cmp.Equal(gone, []string{"GET /gone unanswered", "POST /chat/a 200", "event chat-message", `packet '0'`, `packet '\x01'`}) || !cmp.Equal(came, []string{"GET /new 200"}) {
		t.Errorf("only recorded %q, only live %q", gone, came)
	}
}
