package queuptest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/queup-go/queup/internal/redact"
	"github.com/queup-go/queup/realtime"
)

// The two kinds of [Entry].
const (
	KindHTTP = "http"
	KindWS   = "ws"
)

// An Entry is one thing that went over the wire: an HTTP request or its answer, or one websocket frame. Passwords, cookies
// and tokens in it are masked; no header is kept but the one that names the program.
type Entry struct {
	At     time.Time
	In     bool   // true: from the client to the server
	Kind   string // KindHTTP or KindWS
	Agent  string // the User-Agent of the request, or of the one that opened the websocket; empty if it named none
	User   string // the account's name; empty without a session, for a guest, and for a login before it succeeded
	Method string // of the HTTP request, also with its answer
	Path   string // of the HTTP request, with the query if there is one, also with its answer
	Status int    // of the HTTP answer; 0 if the server broke off before it had one
	Body   string // of the HTTP request or answer, or the frame; cut after 64 KiB
}

// Frame reads the QueUp message in a websocket frame, and says whether there is one.
func (e Entry) Frame() (realtime.Frame, bool) {
	if e.Kind != KindWS {
		return realtime.Frame{}, false
	}
	p, err := realtime.ParsePacket([]byte(e.Body))
	if err != nil || p.Type != realtime.PacketMessage {
		return realtime.Frame{}, false
	}
	f, err := realtime.ParseFrame(p.Data)
	return f, err == nil
}

// String is the entry in one line. Of a websocket frame it is what the frame means: an event with its data as the client parses
// it, without the quotes within quotes of the wire.
func (e Entry) String() string {
	var b strings.Builder
	b.WriteString(e.At.Format("15:04:05.000"))
	if e.In {
		b.WriteString(" > ")
	} else {
		b.WriteString(" < ")
	}
	if e.User == "" {
		b.WriteString("-")
	}
	b.WriteString(e.User)
	if e.Kind == KindHTTP {
		fmt.Fprintf(&b, " %s %s", e.Method, e.Path)
		if !e.In {
			fmt.Fprintf(&b, " %d", e.Status)
		}
	} else {
		b.WriteString(" ws")
	}
	if body := e.content(); body != "" {
		fmt.Fprintf(&b, " %s", body)
	}
	return b.String()
}

// content is the body for people.
func (e Entry) content() string {
	body := strings.TrimSpace(e.Body)
	if e.Kind == KindHTTP || body == "" {
		return body
	}
	if f, ok := e.Frame(); ok {
		words := []string{f.Action.String(), f.Channel}
		switch {
		case f.Message != nil:
			words = append(words, f.Message.Name, string(f.Message.Data))
		case f.Presence != nil:
			words = append(words, f.Presence.Action.String(), "of", f.Presence.ClientID, string(f.Presence.Data))
		case f.Error != "":
			words = append(words, strconv.Quote(f.Error))
		}
		if f.ReqID != "" {
			words = append(words, "reqId="+f.ReqID)
		}
		return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
	}
	if p, err := realtime.ParsePacket([]byte(e.Body)); err == nil {
		return strings.TrimSpace(p.Type.String() + " " + string(p.Data))
	}
	return body
}

const (
	maxLogEntries = 10_000
	maxLogBytes   = 64 << 20 // all bodies together
	maxLogBody    = 64 << 10 // one body
)

// ErrClosed is returned by [Server.Await] and [Server.DialContext] after [Server.Close].
var ErrClosed = errors.New("queuptest: server closed")

// logText is a text that may hold secrets. They are looked for when somebody reads the log, and once for a frame that went
// to many.
type logText struct {
	size int // immutable
	once sync.Once
	raw  []byte // until once
	text string // from once on
}

// newLogText makes a logText that keeps raw, or the beginning of it.
func newLogText(raw []byte) *logText {
	raw = raw[:min(len(raw), maxLogBody)]
	return &logText{size: len(raw), raw: raw}
}

func (t *logText) masked() string {
	t.once.Do(func() { t.text, t.raw = string(redact.Bytes(t.raw)), nil })
	return t.text
}

// record is an Entry as it is kept.
type record struct {
	entry Entry // without Body
	body  *logText
}

func (r record) read() Entry {
	r.entry.Body = r.body.masked()
	return r.entry
}

// journal keeps the latest records.
type journal struct {
	mu      sync.Mutex
	records []record
	first   uint64 // the number of records[0], counted from the start of the server
	bytes   int
	changed chan struct{} // closed when a record is added; nil if nobody waits
}

// add keeps an entry with the given body.
func (j *journal) add(e Entry, body *logText) {
	r := record{entry: e, body: body}
	j.mu.Lock()
	defer j.mu.Unlock()
	r.entry.At = time.Now() // here, so that the log is in the order of its times
	j.records = append(j.records, r)
	j.bytes += body.size
	for len(j.records) > maxLogEntries || j.bytes > maxLogBytes {
		j.bytes -= j.records[0].body.size
		j.records[0] = record{}
		j.records = j.records[1:]
		j.first++
	}
	if j.changed != nil {
		close(j.changed)
		j.changed = nil
	}
}

// since returns the records from number from on, the number of the next one, and what tells that there is more.
func (j *journal) since(from uint64) (records []record, next uint64, changed <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.changed == nil {
		j.changed = make(chan struct{})
	}
	skip := max(from, j.first) - j.first
	return append(records, j.records[skip:]...), j.first + uint64(len(j.records)), j.changed
}

// Log returns what went over the wire so far, oldest first: at most the last 10,000 entries, and fewer if their bodies
// exceed 64 MiB. The entry of a request precedes its effects, the entry of an answer or a frame precedes its arrival.
func (s *Server) Log() []Entry {
	records, _, _ := s.log.since(0)
	entries := make([]Entry, len(records))
	for i, r := range records {
		entries[i] = r.read()
	}
	return entries
}

// Await returns the first entry of the log for which match is true, and waits for one if there is none yet. It ends with
// the error of ctx, or with [ErrClosed] when the server is closed.
func (s *Server) Await(ctx context.Context, match func(Entry) bool) (Entry, error) {
	var next uint64
	for {
		closed := s.isClosed() // asked before the log, which a closed server no longer adds to
		records, n, changed := s.log.since(next)
		for _, r := range records {
			if e := r.read(); match(e) {
				return e, nil
			}
		}
		if closed {
			return Entry{}, ErrClosed
		}
		next = n
		select {
		case <-changed:
		case <-s.closing:
		case <-ctx.Done():
			return Entry{}, fmt.Errorf("queuptest: await: %w", context.Cause(ctx))
		}
	}
}
