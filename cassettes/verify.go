package cassettes

import (
	"net/http"
	"strings"
	"sync"

	"github.com/queup-go/queup/internal/cassette"
	"github.com/queup-go/queup/realtime"
)

// verification compares the shapes of the live answers and events with the recorded ones.
type verification struct {
	recorded cassette.Shapes // immutable

	mu   sync.Mutex
	live cassette.Shapes // guarded by mu
}

func newVerification(t *cassette.Tape) *verification {
	v := &verification{recorded: cassette.Shapes{}, live: cassette.Shapes{}}
	v.recorded.FromTape(t)
	return v
}

// verify sends a request over the network and adds the shape of its answer.
func (c *Cassette) verify(req *http.Request, body []byte) (*http.Response, error) {
	resp, answer, err := c.exchange(req, body)
	if err == nil {
		c.checked.mu.Lock()
		c.checked.live.AddExchange(method(req), req.URL.Path, answer.Code, answer.Body)
		c.checked.mu.Unlock()
	}
	return resp, err
}

// verifiedSocket adds the shapes of the frames that are read.
type verifiedSocket struct {
	realtime.Socket
	c *Cassette
}

// Read implements [realtime.Socket].
func (s *verifiedSocket) Read() (realtime.Opcode, []byte, error) {
	op, data, err := s.Socket.Read()
	if err == nil {
		s.c.wentLive()
		v := s.c.checked
		v.mu.Lock()
		v.live.AddFrame(data)
		v.mu.Unlock()
	}
	return op, data, err
}

// Write implements [realtime.Socket].
func (s *verifiedSocket) Write(op realtime.Opcode, data []byte) error {
	s.c.wentLive()
	return s.Socket.Write(op, data)
}

// report fails the test if shapes have drifted.
func (v *verification) report(c *Cassette) {
	v.mu.Lock()
	drifts, onlyRecorded, onlyLive := cassette.Compare(v.recorded, v.live)
	v.mu.Unlock()
	c.t.Logf("%s: played 0 of 0, live %d, %d shapes drifted", c.name, c.liveCount(), len(drifts))
	for _, list := range []struct {
		text  string
		names []string
	}{{"recorded, but not seen now", onlyRecorded}, {"seen now, but not recorded", onlyLive}} {
		if len(list.names) > 0 {
			c.t.Logf("%s: %s:\n    %s", c.name, list.text, strings.Join(list.names, "\n    "))
		}
	}
	if len(drifts) == 0 {
		return
	}
	lines := make([]string, len(drifts))
	for i, d := range drifts {
		lines[i] = d.String()
	}
	c.t.Errorf("cassettes: %s: the server no longer says what was recorded\n    %s\n  record it again: %s",
		c.name, strings.Join(lines, "\n    "), c.origin.command())
}
