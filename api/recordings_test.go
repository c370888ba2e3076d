package api_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/queupserver"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/cassette"
	"github.com/queup-go/queup/internal/middleware"
	"github.com/queup-go/queup/realtime"
)

const recordings = "../cassettes/testdata"

// irregular are the recordings whose answers have on purpose what no specification knows.
var irregular = []string{"quirks"}

// What is recorded has no member that the specifications do not know: not in an answer, not in an event, not in a request.
func TestRecordings(t *testing.T) {
	names, err := cassette.List(recordings)
	if err != nil {
		t.Fatal(err)
	}
	if len(names) < 12 {
		t.Fatalf("the recordings are %v", names)
	}
	strict := newStrict(t)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			recorded, err := cassette.Read(recordings, name)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range recorded.HTTP {
				o, u := strict.operation(t, e.Request.Method, e.Request.URL)
				strict.request(t, o, u, e.Request.Headers.Get("Content-Type"), e.Request.Body)
				if !isIrregular(name) {
					strict.answer(t, o, e.Response.Code, e.Response.Headers, e.Response.Body)
				}
			}
			for _, r := range recorded.Socket {
				if r.Op == cassette.OpText && (r.Dir == cassette.Out || !isIrregular(name)) {
					strict.frame(t, r.Data)
				}
			}
			if isIrregular(name) {
				strict.isIrregular(t, recorded)
			}
		})
	}
}

func isIrregular(name string) bool { return slices.Contains(irregular, name) }

// Each event that anybody has described, in the words of docs/PROTOCOL.md 6.2, typed in by hand.
func TestEventsTypedIn(t *testing.T) {
	seen := 0
	eachLine(t, "testdata/events.jsonl", func(t *testing.T, line []byte) {
		t.Helper()
		seen++
		strictEvent(t, "", line)
	})
	if seen < 40 {
		t.Errorf("there are %d", seen)
	}
}

// What bots on other people's libraries have sent to queupd, see make interop: the specification knows each request and frame.
func TestOtherClients(t *testing.T) {
	strict := newStrict(t)
	requests, frames := 0, 0
	eachLine(t, "testdata/interop.jsonl", func(t *testing.T, line []byte) {
		t.Helper()
		var sent struct {
			Origin, Kind, Method, Path, Body string
		}
		if err := json.Unmarshal(line, &sent); err != nil {
			t.Fatal(err)
		}
		switch {
		case sent.Origin != "": // the first line
		case strings.HasPrefix(sent.Path, "/ws/"): // the handshake of a websocket
		case strings.HasPrefix(sent.Path, "/room/room:"): // presence over HTTP, of the websocket's host, see docs/PROTOCOL.md 2.13
		case sent.Method != "":
			requests++
			o, u := strict.operation(t, sent.Method, "https://queup.test"+sent.Path)
			contentType := contentForm
			if strings.HasPrefix(sent.Body, "{") {
				contentType = contentJSON
			}
			if o.OperationID == "reorderQueue" { // DubAPI joins what others repeat, see docs/PROTOCOL.md 8.14
				sent.Body = strings.Replace(sent.Body, "order=", url.QueryEscape("order[]")+"=", 1)
			}
			strict.request(t, o, u, contentType, sent.Body)
		default:
			frames++
			strict.frame(t, []byte(sent.Body))
		}
	})
	if requests < 10 || frames < 3 {
		t.Errorf("there are %d requests and %d frames", requests, frames)
	}
}

// eachLine runs a test for each line of a file.
func eachLine(t *testing.T, file string, f func(t *testing.T, line []byte)) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		t.Run(fmt.Sprintf("line %d", n), func(t *testing.T) { f(t, lines.Bytes()) })
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

// strict reads what was recorded by the specifications, and complains about all that they do not know.
type strict struct {
	operations map[string]operation
	server     http.Handler
	received   middleware.Request // by server
}

func newStrict(t *testing.T) *strict {
	t.Helper()
	s := &strict{operations: map[string]operation{}}
	for _, o := range operations(t) {
		s.operations[o.OperationID] = o
	}
	server, err := queupserver.NewServer(queupserver.UnimplementedHandler{}, queupserver.WithMiddleware(
		func(req middleware.Request, _ middleware.Next) (middleware.Response, error) {
			s.received = req
			return middleware.Response{}, errors.New("read")
		}))
	if err != nil {
		t.Fatal(err)
	}
	s.server = server
	return s
}

func (s *strict) operation(t *testing.T, method, rawURL string) (operation, *url.URL) {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	found, ok := queupapi.FindOperation(method, u.EscapedPath())
	if !ok {
		t.Fatalf("%s %s is no operation", method, u.EscapedPath())
	}
	return s.operations[found.ID], u
}

// request wants the generated server to read the request, and to know each parameter and each member of the body.
func (s *strict) request(t *testing.T, o operation, u *url.URL, contentType, body string) {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), o.method, u.RequestURI(), strings.NewReader(body))
	if body != "" {
		req.Header.Set("Content-Type", contentType)
	}
	s.received = middleware.Request{}
	rec := httptest.NewRecorder()
	s.server.ServeHTTP(rec, req)
	if s.received.OperationID != o.OperationID {
		t.Errorf("%s: the server does not read %s %q: %s", o, u.RequestURI(), body, rec.Body)
		return
	}
	for name := range u.Query() {
		known := false
		for _, p := range o.parameters {
			known = known || p.In == "query" && p.Name == name
		}
		if !known {
			t.Errorf("%s: the parameter %q is unknown", o, name)
		}
	}
	if body == "" {
		return
	}
	sent := members(t, contentType, body)
	if o.RequestBody == nil {
		if len(sent) > 0 {
			t.Errorf("%s takes no body, and was sent %s", o, body)
		}
		return
	}
	got := reflect.Indirect(reflect.ValueOf(s.received.Body))
	if got.IsValid() && got.Kind() == reflect.Struct && got.FieldByName("AdditionalProps").IsValid() {
		return // the specification takes others
	}
	known := knownMembers(got)
	for _, name := range sent {
		if !known[name] {
			t.Errorf("%s: the member %q of the request is unknown: %s", o, name, body)
		}
	}
}

// members are the names of what a body has.
func members(t *testing.T, contentType, body string) (names []string) {
	t.Helper()
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		t.Fatalf("%q: %v", contentType, err)
	}
	switch media {
	case contentForm:
		form, err := url.ParseQuery(body)
		if err != nil {
			t.Fatal(err)
		}
		for name := range form {
			names = append(names, name)
		}
	case contentJSON:
		var object map[string]json.RawMessage
		parse(t, []byte(body), &object)
		for name := range object {
			names = append(names, name)
		}
	default:
		t.Fatalf("a body of %s", media)
	}
	return names
}

// knownMembers are those that a type has on the wire.
func knownMembers(v reflect.Value) map[string]bool {
	known := map[string]bool{}
	for v.IsValid() && optional(v).IsValid() {
		v = reflect.Indirect(v.FieldByName("Value"))
	}
	if !v.IsValid() || v.Kind() != reflect.Struct {
		return known
	}
	for field := range v.Fields() {
		tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		known[tag] = true
	}
	return known
}

// answer wants the generated client to read the answer, with nothing left over.
func (s *strict) answer(t *testing.T, o operation, status int, header http.Header, body string) {
	t.Helper()
	result, err := s.read(t, o, status, header, body)
	switch {
	case o.redirects && status == http.StatusFound, status == http.StatusOK:
		if err != nil {
			t.Errorf("%s: %v", o, err)
			return
		}
		nothingExtra(t, result, o.String())
	case status == http.StatusFound:
		if header.Get("Location") != "/auth/login" {
			t.Errorf("%s: a redirect to %q", o, header.Get("Location"))
		}
	default:
		got, refusal := refusalOf(t, err)
		if got != status {
			t.Errorf("%s: the refusal with status %d is read as %v", o, status, err)
			return
		}
		nothingExtra(t, reflect.ValueOf(refusal), o.String())
	}
}

func (s *strict) read(t *testing.T, o operation, status int, header http.Header, body string) (reflect.Value, error) {
	t.Helper()
	var example []byte
	var arg any
	if o.RequestBody != nil {
		for contentType, media := range o.RequestBody.Content {
			example, arg = media.Example, bodies[o.OperationID+" "+contentType]
		}
	}
	return o.call(t, func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: header.Clone(), Body: io.NopCloser(strings.NewReader(body))}, nil
	}, example, arg)
}

// frame wants a frame to be read, and its event, with nothing left over.
func (s *strict) frame(t *testing.T, data []byte) {
	t.Helper()
	if len(data) == 0 || data[0] != '4' { // of Engine.IO alone
		return
	}
	f, err := realtime.ParseFrame(data[1:])
	if err != nil {
		t.Errorf("%s: %v", data, err)
		return
	}
	for name := range f.Extra {
		t.Errorf("the member %q of a frame is unknown: %s", name, data)
	}
	if f.Message != nil && f.Message.Name != "" {
		strictEvent(t, f.Message.Name, f.Message.Data)
	}
}

var idAtEnd = regexp.MustCompile(`[_-][0-9a-f]{24}$`)

// strictEvent wants an event to be known, with all that it has.
func strictEvent(t *testing.T, name string, data []byte) {
	t.Helper()
	e, err := wire.DecodeEvent(name, data)
	if err != nil {
		t.Error(err)
		return
	}
	nothingExtra(t, reflect.ValueOf(&e), "event "+idAtEnd.ReplaceAllString(e.EventName(), ""))
}

// isIrregular wants a recording to have what an exemption is for.
func (s *strict) isIrregular(t *testing.T, recorded *cassette.Tape) {
	t.Helper()
	for _, e := range recorded.HTTP {
		if strings.Contains(e.Response.Body, `"featureFlags"`) {
			return
		}
	}
	t.Error("it has no answer with a member that nobody knows, and needs no exemption")
}
