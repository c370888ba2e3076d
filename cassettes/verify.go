package cassettes

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	vcr "gopkg.in/dnaeon/go-vcr.v3/cassette"

	"github.com/queup-go/queup/internal/cassette"
	"github.com/queup-go/queup/internal/printable"
	"github.com/queup-go/queup/realtime"
)

// verification compares the shapes of the live answers and events with the recorded ones.
type verification struct {
	recorded cassette.Shapes // immutable

	mu   sync.Mutex
	live cassette.Shapes // guarded by mu
	left bool            // guarded by mu; the program has left its room, and is about to close
}

func newVerification(t *cassette.Tape) *verification {
	v := &verification{recorded: cassette.Shapes{}, live: cassette.Shapes{}}
	v.recorded.FromTape(t)
	return v
}

// verify sends a request over the network and adds the shape of its answer.
func (c *Cassette) verify(req *http.Request, body []byte) (*http.Response, error) {
	c.checked.moved(req)
	resp, answer, err := c.exchange(req, body)
	c.checked.answered(req, answer, err)
	return resp, err
}

// answered adds the shape of an answer, or that there was none. A request that the program gave up says nothing of the server.
func (v *verification) answered(req *http.Request, answer vcr.Response, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case err == nil:
		v.live.AddExchange(method(req), req.URL.Path, answer.Code, answer.Headers.Get("Content-Type"), answer.Body)
	case req.Context().Err() == nil:
		v.live.AddUnanswered(method(req), req.URL.Path)
	}
}

// moved notes that the program joins or leaves a room.
func (v *verification) moved(req *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case cassette.Leaves(method(req), req.URL.Path):
		v.left = true
	case cassette.Joins(method(req), req.URL.Path):
		v.left = false
	}
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
		if !v.left || !cassette.Farewell(data) {
			v.live.AddFrame(data)
		}
		v.mu.Unlock()
	}
	return op, data, err
}

// Write implements [realtime.Socket].
func (s *verifiedSocket) Write(op realtime.Opcode, data []byte) error {
	s.c.wentLive()
	return s.Socket.Write(op, data)
}

// report fails the test if the server has changed, and prints the result in any case.
func (v *verification) report(c *Cassette) {
	v.mu.Lock()
	drifts, onlyRecorded, onlyLive := cassette.Verify(v.recorded, v.live)
	v.mu.Unlock()
	failures := slices.DeleteFunc(slices.Clone(drifts), func(d cassette.Drift) bool {
		return d.What == "missing" && c.cfg.allowUnused || d.What == "new" && c.cfg.allowUnmatched
	})
	var b strings.Builder
	fmt.Fprintf(&b, "%s: played 0 of 0, live %d, %d shapes drifted", c.name, c.liveCount(), len(drifts))
	list := func(text string, names []string) {
		for i, name := range names {
			if i == 0 {
				fmt.Fprintf(&b, "\n  %s", text)
			}
			b.WriteString("\n    " + printable.Text(name))
		}
	}
	if len(failures) == 0 {
		list("allowed by an option", texts(drifts))
	}
	list("recorded, but not seen now", onlyRecorded)
	list("seen now, but not recorded", onlyLive)
	c.t.Logf("%s", b.String())
	if logDropped := !testing.Verbose() && !c.t.Failed() && len(failures) == 0; logDropped {
		fmt.Fprintln(os.Stderr, b.String()) // go test drops the log of a test that has passed
	}
	if len(failures) > 0 {
		c.t.Errorf("cassettes: %s: the server no longer says what was recorded\n    %s\n  record it again: %s",
			c.name, strings.Join(texts(failures), "\n    "), c.origin.command())
	}
}

func texts(drifts []cassette.Drift) []string {
	lines := make([]string, len(drifts))
	for i, d := range drifts {
		lines[i] = d.String()
	}
	return lines
}
