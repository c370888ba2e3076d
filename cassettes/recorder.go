package cassettes

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/queup-go/queup/realtime"
)

// Recorder makes a recording in a program that is not a test. It is safe for concurrent use.
type Recorder struct{ c *Cassette }

// NewRecorder begins the recording of that name. It is refused where CI is set, unless [RecordInCI] is given.
func NewRecorder(name string, opts ...Option) (*Recorder, error) {
	c := &Cassette{name: name, origin: origin{pkg: "."}}
	if err := c.open(append(slices.Clone(opts), WithMode(Rewrite))); err != nil {
		return nil, fmt.Errorf("cassettes: %s: %w", name, err)
	}
	return &Recorder{c}, nil
}

// Transport returns the transport for the program's requests.
func (r *Recorder) Transport() http.RoundTripper { return r.c.Transport() }

// Dialer returns the dialer for the program's websockets.
func (r *Recorder) Dialer() realtime.Dialer { return r.c.Dialer() }

// Save writes the recording so far, as [Open] does at the end of a test: without secrets, or not at all. It returns how
// many requests and records of the websocket were written. The program closes its client before.
func (r *Recorder) Save() (requests, records int, err error) {
	sealed, err := r.c.write()
	if err != nil {
		return 0, 0, fmt.Errorf("cassettes: %s: nothing was written: %w", r.c.name, err)
	}
	if r.c.idle != nil {
		r.c.idle.CloseIdleConnections()
	}
	return len(sealed.HTTP), len(sealed.Socket), nil
}
