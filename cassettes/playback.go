package cassettes

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	vcr "gopkg.in/dnaeon/go-vcr.v3/cassette"

	"github.com/queup-go/queup/internal/cassette"
	"github.com/queup-go/queup/internal/saturate"
)

// playback is a recording that is being played. One mutex guards it and its sockets. It is not held while something is
// reported to the test or the program.
type playback struct {
	c    *Cassette
	tape *cassette.Tape
	real bool // immutable; whether time is real, and not that of a synctest bubble

	mu        sync.Mutex
	requests  map[string][]*request // by key; immutable
	last      map[string]*request   // guarded by mu; the latest one played, by key and account
	all       []*request            // immutable except for played
	sent      map[int]bool          // guarded by mu; ids of requests that the program has sent
	begun     map[int]bool          // guarded by mu; those of them that no longer wait for what came before them
	skipped   map[int]bool          // guarded by mu; ids of requests that nothing waits for any more
	accounts  *accounts             // guarded by mu
	flying    map[*request]int      // guarded by mu; how often each request is in flight, if events may wait for its answer
	turn      chan struct{}         // guarded by mu; closed and replaced when a request may go on
	held      int                   // guarded by mu; how many requests wait for a turn
	lines     []*line               // connections, in order; immutable except for their fields
	stops     []*step               // events and ends, in the order of time; immutable
	released  int                   // guarded by mu; how many of stops may be played, when stepped
	players   []*player             // guarded by mu; open sockets
	broken    *line                 // guarded by mu; the connection that a fault has ended, until it is dialled again
	spent     bool                  // guarded by mu; the fault that ends connections has happened
	moved     time.Time             // guarded by mu; when the last record was played
	handling  handling              // guarded by mu
	replied   time.Time             // guarded by mu; when the last answer was returned for which events may wait
	frames    int                   // guarded by mu; from the server, heartbeats aside; for faults
	history   []string              // guarded by mu; the latest records played, oldest first
	unmatched map[string]bool       // guarded by mu; what was already reported
	ended     error                 // guarded by mu; why there are no connections any more, after a mismatch
	watch     *watch                // immutable; nil with AllowUnused
	order     []entry               // records of the websockets, as in the file; immutable
	byID      map[int]*request      // immutable
	progress  int                   // guarded by mu; how many records were played for the first time, and how often the test asked for events
	inFlight  int                   // guarded by mu; requests
	expired   bool                  // guarded by mu; the watch has ended the test, and its connections have still to end
}

// entry is a record of a websocket: a handshake, or a step.
type entry struct {
	line *line
	step *step // nil for a handshake
}

// at returns when it was recorded.
func (e entry) at() int64 {
	if e.step == nil {
		return e.line.open.At
	}
	return e.step.At
}

// request is one exchange of the recording.
type request struct {
	*cassette.Exchange
	id      cassette.Identity
	before  []*request    // immutable; what was sent before its answer
	events  map[*line]int // immutable; how many events came before its answer, of each connection that was open
	account string        // immutable; of the one who sent it
	repeats bool          // immutable; may be sent more or less often than it was recorded
	played  bool          // guarded by playback.mu
}

// line is one recorded connection.
type line struct {
	open    *cassette.Record
	id      cassette.Identity
	token   string // immutable; of the handshake
	account string // immutable; to which the token was given
	steps   []*step
	events  []*step // those of steps that are events of the server; immutable
	first   int     // guarded by playback.mu; all steps before it are done
	come    int     // guarded by playback.mu; all events before it are done
	used    bool    // guarded by playback.mu
}

// step is one record of a connection after the handshake.
type step struct {
	*cassette.Record
	msg     cassette.Message
	id      cassette.Identity // of a frame of the program
	rank    int               // among stops; -1 for a step that is not a stop
	event   int               // among the events of the connection; -1 for a step that is not an event
	free    bool              // played by the player itself, such as heartbeats, and not counted
	done    bool              // guarded by playback.mu
	forgone bool              // guarded by playback.mu; no answer waits for this event as long as it waits for the program
	lost    bool              // guarded by playback.mu; no answer waits for this event any more
	// goodbye is set for a frame of the program that it may leave out because it closes; see goodbye.go.
	goodbye bool
	late    time.Time // guarded by playback.mu; since when events wait for this frame of another channel
	// repeatable is set on a resumed connection for the steps before the fault. Guarded by playback.mu.
	repeatable bool
}

// stop reports whether a step waits for the test if the pace is Stepped.
func (s *step) stop() bool {
	return !s.free && (s.Frame() && s.Dir == cassette.In && s.msg.Event() || s.ends())
}

// ends reports whether the server's side of the connection ends here.
func (s *step) ends() bool {
	return s.Op == cassette.OpDrop || s.Op == cassette.OpClose && s.Dir == cassette.In
}

func newPlayback(c *Cassette, t *cassette.Tape) (*playback, error) {
	p := &playback{
		c: c, tape: t, real: !inBubble(time.Now()), requests: map[string][]*request{}, last: map[string]*request{}, unmatched: map[string]bool{},
		sent: map[int]bool{}, begun: map[int]bool{}, skipped: map[int]bool{}, flying: map[*request]int{}, turn: make(chan struct{}),
	}
	for _, e := range t.HTTP {
		id, err := c.cfg.request.identity(e.Request)
		if err != nil {
			return nil, fmt.Errorf("interaction %d: %w", e.ID, err)
		}
		r := &request{Exchange: e, id: id, repeats: c.cfg.request.repeatable(id)}
		if r.repeats { // nothing waits for it
			p.sent[r.ID], p.begun[r.ID] = true, true
		}
		p.all = append(p.all, r)
		p.requests[id.Key()] = append(p.requests[id.Key()], r)
	}
	if err := p.connectRequests(); err != nil {
		return nil, err
	}
	lines := map[int]*line{}
	for _, r := range t.Socket {
		if r.Op == cassette.OpOpen {
			l := &line{open: r, id: cassette.IdentifyOpen(r.URL)}
			lines[r.Conn] = l
			p.lines = append(p.lines, l)
			p.order = append(p.order, entry{line: l})
			continue
		}
		s := &step{Record: r, rank: -1, event: -1}
		if r.Frame() {
			s.msg = cassette.ParseMessage(r.Data)
			if r.Dir == cassette.Out {
				s.id = cassette.IdentifyFrame(r.Data)
				s.free = s.msg.Ping || s.msg.Pong || s.msg.Heartbeat
				s.goodbye = goodbye(s.msg, r.Data)
			} else {
				s.free = s.msg.Pong // the player answers the program's pings, not the recorded ones
			}
		}
		s.free = s.free || r.Op == cassette.OpClose && r.Dir == cassette.Out // a test may leave that to its end
		s.done = s.free
		l := lines[r.Conn]
		l.steps = append(l.steps, s)
		if r.Frame() && r.Dir == cassette.In && s.msg.Event() {
			s.event = len(l.events)
			l.events = append(l.events, s)
		}
		p.order = append(p.order, entry{l, s})
		if s.stop() {
			p.stops = append(p.stops, s)
		}
	}
	if err := p.connectEvents(lines); err != nil {
		return nil, err
	}
	slices.SortStableFunc(p.stops, func(a, b *step) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Conn, b.Conn)) })
	for i, s := range p.stops {
		s.rank = i
	}
	p.findAccounts()
	return p, nil
}

// nextAnswer returns the next recorded answer to a request of the same account, nil if there is none. raw is the request as it was
// sent, all are the recorded requests that match it, and host is
// its redacted host.
func (p *playback) nextAnswer(id cassette.Identity, raw vcr.Request, all []*request, host string) *request {
	p.mu.Lock()
	defer p.mu.Unlock()
	queue := slices.DeleteFunc(slices.Clone(all), func(r *request) bool { return r.played || !sameHost(r.Request.Host, host) })
	var r *request
	if i := p.accounts.choose(queue, raw); i >= 0 {
		r = p.current(queue[i], queue[i+1:])
	}
	account, _ := p.accounts.of(raw)
	latest := id.Key() + "\n" + account
	last := p.last[latest]
	switch {
	case r == nil && last != nil && (last.repeats || p.c.cfg.faults.breaks()): // after a fault, a program repeats its requests
		r = last
	case r == nil:
		return nil
	case r.repeats && last != nil && len(p.missing(r)) > 0:
		r = last
	}
	p.last[latest] = r
	p.moved = time.Now()
	p.sent[r.ID] = true
	p.departed(r)
	if !r.played {
		r.played = true
		httpFile, _ := p.c.file()
		p.note(cite(httpFile, r.Line, r.Label()))
	}
	p.wake() // other requests may have waited for this one
	return r
}

// current returns the answer to a repeated request that is not older than the changes the program has sent since. later are the answers
// after r. The caller holds mu.
func (p *playback) current(r *request, later []*request) *request {
	for _, next := range later {
		if !r.repeats || next.account != r.account {
			continue
		}
		sent := !slices.ContainsFunc(next.before, func(change *request) bool { return !p.begun[change.ID] })
		if sent && slices.ContainsFunc(next.before, func(change *request) bool { return !slices.Contains(r.before, change) }) {
			r = next
		}
	}
	return r
}

// shown is how many of the latest records a message shows.
const shown = 3

// cite names a record for a message: its file, line and content.
func cite(file string, line int, label string) string {
	return fmt.Sprintf("%s:%d %s", file, line, label)
}

// note adds a record to the history. The caller holds mu.
func (p *playback) note(text string) {
	p.progress++
	p.history = append(p.history, text)
	if len(p.history) > shown {
		p.history = slices.Delete(p.history, 0, len(p.history)-shown)
	}
}

// noteStep adds a record of the websocket to the history. The caller holds mu.
func (p *playback) noteStep(r *cassette.Record) {
	_, socketFile := p.c.file()
	p.note(cite(socketFile, r.Line, r.Label()))
}

// sending counts a request that is in flight, until the function that it returns is called.
func (p *playback) sending() (done func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inFlight++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.inFlight--
	}
}

// wake makes all sockets and requests check again whether they may go on. The caller holds mu.
func (p *playback) wake() {
	p.wakeRequests()
	for _, pl := range p.players {
		pl.wake()
	}
}

// wakeRequests makes all requests check again whether they may go on. The caller holds mu.
func (p *playback) wakeRequests() {
	if p.held > 0 {
		close(p.turn)
		p.turn = make(chan struct{})
	}
}

// pending reports whether events from this step on wait for a request. The caller holds mu.
func (p *playback) pending(s *step) bool {
	if p.c.cfg.allowUnused {
		return false
	}
	return slices.ContainsFunc(s.After, func(id int) bool {
		if r := p.byID[id]; r != nil && len(r.events) > 0 { // its answer has its place among the events
			return !p.sent[id]
		}
		return !p.begun[id]
	})
}

// unreleased reports whether a step waits for the test to ask for it. The caller holds mu.
func (p *playback) unreleased(s *step) bool { return p.c.cfg.pace.stepped && s.rank >= p.released }

// finish checks at the end of the test that every record was played.
func (p *playback) finish() {
	p.mu.Lock()
	for _, pl := range p.players {
		pl.drain()
	}
	played, all := 0, 0
	var left []string
	count := func(done bool, file string, line int, label func() string) {
		all++
		if done {
			played++
		} else {
			left = append(left, cite(file, line, label()))
		}
	}
	httpFile, socketFile := p.c.file()
	for _, r := range p.all {
		count(r.played || r.repeats, httpFile, r.Line, r.Label)
	}
	for _, l := range p.lines {
		count(l.used, socketFile, l.open.Line, l.open.Label)
		for _, s := range l.steps {
			if !s.free {
				count(s.done, socketFile, s.Line, s.Label)
			}
		}
	}
	p.mu.Unlock()
	t := p.c.t
	t.Logf("%s: played %d of %d, live %d", p.c.name, played, all, p.c.liveCount())
	if p.c.ending.ended(t) { // what was not played is a consequence
		return
	}
	if len(left) == 0 || p.c.cfg.allowUnused {
		return
	}
	const most = 10
	more := ""
	if len(left) > most {
		more = fmt.Sprintf("\n    and %d more", len(left)-most)
		left = left[:most]
	}
	t.Errorf("cassettes: %s: %d of %d records were never used\n    %s%s\n  record it again: %s\n  or allow it:     cassettes.AllowUnused()",
		p.c.name, all-played, all, strings.Join(left, "\n    "), more, p.c.origin.command())
}

// release allows the first n stops to be played.
func (p *playback) release(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.released = max(p.released, n)
	p.progress++
	p.wake()
}

// Frame is a frame of the recorded server, or the end of a connection, for [Cassette.Next] and [Cassette.Until].
type Frame struct {
	At      time.Duration // since the recording began
	Conn    int           // of the recorded connections, from 1
	Op      string        // text, binary, close or drop
	Channel string        // of an event
	Name    string        // of an event, such as chat-message; empty for presence
	Data    []byte        // as it was recorded
}

// Next releases the next event, in the order of their recorded times, and returns it; false if there is none left. It is
// for the pace [Stepped], and does not wait: an event on a channel that the program has not attached yet arrives once the
// channel is attached.
//
// In the modes that use the network, Next returns the next event that has come, or waits for it. It is false when the test's
// time is over.
func (c *Cassette) Next() (Frame, bool) {
	c.t.Helper()
	return c.Until(func(Frame) bool { return true })
}

// Until releases events up to the first one for which match is true, and returns that one. If there is none, it releases
// nothing and returns false. In the modes that use the network it waits, as Next does. Events that came before the call count,
// unless Next or Until has passed them.
func (c *Cassette) Until(match func(Frame) bool) (Frame, bool) {
	c.t.Helper()
	if c.cfg.pace.stepped && c.task != playing {
		return c.untilLive(match)
	}
	if c.play == nil || !c.cfg.pace.stepped {
		c.report(func(tb testing.TB) {
			tb.Helper()
			tb.Errorf("cassettes: %s: Next and Until are for the option Stepped", c.name)
		})
		return Frame{}, false
	}
	p := c.play
	p.mu.Lock()
	from := p.released
	p.mu.Unlock()
	for i := from; i < len(p.stops); i++ {
		s := p.stops[i]
		f := Frame{
			At: saturate.Times(s.At, time.Millisecond), Conn: s.Conn, Op: s.Op, Channel: s.msg.Channel, Name: s.msg.Name, Data: slices.Clone(s.Data),
		}
		if match(f) {
			p.release(i + 1)
			return f, true
		}
	}
	return Frame{}, false
}
