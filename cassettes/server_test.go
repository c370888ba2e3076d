package cassettes_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/queup-go/queup/cassettes"
	"github.com/queup-go/queup/realtime"
)

// answers is a server in the form of a transport.
type answers func(req *http.Request) (*http.Response, error)

func (a answers) RoundTrip(req *http.Request) (*http.Response, error) { return a(req) }

// reply returns an answer of status 200. Headers are pairs of name and value.
func reply(body string, headers ...string) *http.Response {
	h := http.Header{}
	for i := 0; i+1 < len(headers); i += 2 {
		h.Add(headers[i], headers[i+1])
	}
	return &http.Response{StatusCode: http.StatusOK, Status: "200 OK", Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

// script is a websocket that sends its lines and records the frames that it receives. After its last line it waits to be
// closed, or ends with the error end.
type script struct {
	mu       sync.Mutex
	lines    []string
	received []string
	end      error
	closed   chan struct{}
	once     sync.Once
}

func newScript(end error, lines ...string) *script {
	return &script{lines: lines, end: end, closed: make(chan struct{})}
}

func (s *script) Dial(context.Context, string, http.Header) (realtime.Socket, error) {
	return &scriptSocket{script: s}, nil
}

// dials is a dialer that fails.
type dials struct{ err error }

func (d dials) Dial(context.Context, string, http.Header) (realtime.Socket, error) { return nil, d.err }

type scriptSocket struct {
	realtime.Socket // nil: the other methods are not called
	*script
}

func (s *scriptSocket) Read() (realtime.Opcode, []byte, error) {
	s.mu.Lock()
	if len(s.lines) > 0 {
		line := s.lines[0]
		s.lines = s.lines[1:]
		s.mu.Unlock()
		if data, binary := strings.CutPrefix(line, "binary:"); binary {
			return realtime.Binary, []byte(data), nil
		}
		return realtime.Text, []byte(line), nil
	}
	end := s.end
	s.mu.Unlock()
	if end != nil {
		return 0, nil, end
	}
	<-s.closed
	return 0, nil, errors.New("closed")
}

func (s *scriptSocket) Write(_ realtime.Opcode, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.received = append(s.received, string(data))
	return nil
}

func (s *scriptSocket) Close(int, string) error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

// capture records what run does, and returns the folder of the recording.
func capture(t *testing.T, name string, rt http.RoundTripper, d realtime.Dialer, run func(t *testing.T, c *cassettes.Cassette), opts ...cassettes.Option) (dir string) {
	t.Helper()
	dir = t.TempDir()
	all := []cassettes.Option{cassettes.Dir(dir), cassettes.WithMode(cassettes.Rewrite), cassettes.RecordInCI(), cassettes.Source("queuptest")}
	if rt != nil {
		all = append(all, cassettes.Through(rt))
	}
	if d != nil {
		all = append(all, cassettes.ThroughDialer(d))
	}
	fake := newFake(t)
	c := cassettes.Open(fake, name, slices.Concat(all, opts)...)
	run(t, c)
	fake.end()
	if fake.Failed() {
		t.Fatal(fake.failures())
	}
	return dir
}

// play opens a recording in a fake test.
func play(t *testing.T, dir, name string, opts ...cassettes.Option) (*cassettes.Cassette, *fakeTB) {
	t.Helper()
	fake := newFake(t)
	return cassettes.Open(fake, name, append([]cassettes.Option{cassettes.Dir(dir), cassettes.WithMode(cassettes.Replay)}, opts...)...), fake
}

// send makes a request of a cassette and returns the answer's body.
func send(t *testing.T, c *cassettes.Cassette, method, url, contentType, body string, headers ...string) (*http.Response, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body == "" {
		req.Body, req.GetBody = nil, nil
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := c.Transport().RoundTrip(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b), nil
}

// want is send for a request that must succeed.
func want(t *testing.T, c *cassettes.Cassette, method, url, contentType, body string) string {
	t.Helper()
	_, answer, err := send(t, c, method, url, contentType, body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	return answer
}

const (
	form = "application/x-www-form-urlencoded"
	js   = "application/json"
	api  = "https://api.queup.net"
)
