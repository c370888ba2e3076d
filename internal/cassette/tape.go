package cassette

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	vcr "gopkg.in/dnaeon/go-vcr.v3/cassette"

	"github.com/queup-go/queup/internal/printable"
)

// The version of the format that is written. Readers accept older versions and newer minor ones.
const (
	Major = 2
	Minor = 0
)

// Kind is the kind in every header.
const Kind = "queup-cassette"

// The sources of recordings.
const (
	SourceTest = "queuptest"
	SourceLive = "live"
)

// Header is the first line of <name>.ws.jsonl. It applies to both files.
type Header struct {
	Version    string         `json:"version"`
	Kind       string         `json:"kind"`
	Source     string         `json:"source"`
	Date       time.Time      `json:"date,omitzero"`
	Library    string         `json:"library,omitempty"`    // only of live recordings
	Redactions map[string]int `json:"redactions,omitempty"` // distinct secrets of each kind
	Pair       string         `json:"pair,omitempty"`       // the same at the end of the HTTP half; older recordings have none
	Requests   int            `json:"requests,omitempty"`   // how many the HTTP half has
	Records    int            `json:"records,omitempty"`    // how many lines follow the header
}

// Exchange is a request and its answer. An answer with status 0 is a network error, see [NetworkError].
type Exchange struct {
	*vcr.Interaction
	Line  int   // in the file; 0 if it was not read from one
	Order int   // number of the request, as they were sent; 0 if it was read from a file
	After []int // orders of the requests that came before its answer; empty if it was read from a file, see [Exchange.Before]
	// Events is how many events came before its answer, by connection. It is empty if it was read from a file, see
	// [Exchange.EventsBefore].
	Events map[int]int
}

// The directions of a [Record].
const (
	In  = "<" // from the server
	Out = ">" // from the client
)

// The operations of a [Record].
const (
	OpOpen   = "open"   // the handshake: URL and Status, or Error
	OpText   = "text"   // a text frame
	OpBinary = "binary" // a binary frame
	OpClose  = "close"  // a close frame of the side that Dir names
	OpDrop   = "drop"   // the connection broke without one
)

// Record is one line of <name>.ws.jsonl.
type Record struct {
	At     int64  // milliseconds since the beginning, monotonic
	Conn   int    // number of the connection, from 1
	Dir    string // In or Out; of frames and closes
	Op     string
	Data   []byte // of frames, and the beginning of the answer to a refused handshake; exactly as it came, with redactions
	URL    string // of OpOpen
	Status int    // of OpOpen: 101, or that of the refusal; 0 with Error
	Retry  int64  // of a refused OpOpen: seconds to wait
	Error  string // of OpOpen: the kind of network error
	Code   int    // of OpClose
	Reason string // of OpClose
	After  []int  // ids of requests that were sent before: those since the last frame, with OpClose and OpDrop all

	Line int // in the file; 0 if it was not read from one
}

// wireRecord is the JSON form of a Record.
type wireRecord struct {
	At     int64   `json:"at"`
	Conn   int     `json:"conn"`
	Dir    string  `json:"dir,omitempty"`
	Op     string  `json:"op"`
	Data   *string `json:"data,omitempty"`
	Data64 *string `json:"data64,omitempty"` // base64, for data that is not UTF-8
	URL    string  `json:"url,omitempty"`
	Status int     `json:"status,omitempty"`
	Retry  int64   `json:"retry,omitempty"`
	Error  string  `json:"error,omitempty"`
	Code   int     `json:"code,omitempty"`
	Reason string  `json:"reason,omitempty"`
	After  []int   `json:"after,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (r *Record) MarshalJSON() ([]byte, error) {
	w := wireRecord{
		At: r.At, Conn: r.Conn, Dir: r.Dir, Op: r.Op, URL: r.URL, Status: r.Status, Retry: r.Retry, Error: r.Error,
		Code: r.Code, Reason: r.Reason, After: r.After,
	}
	switch {
	case r.Data == nil:
	case r.Op != OpBinary && utf8.Valid(r.Data):
		w.Data = new(string(r.Data))
	default:
		w.Data64 = new(base64.StdEncoding.EncodeToString(r.Data))
	}
	return marshal(w)
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *Record) UnmarshalJSON(b []byte) error {
	var w wireRecord
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*r = Record{
		At: w.At, Conn: w.Conn, Dir: w.Dir, Op: w.Op, URL: w.URL, Status: w.Status, Retry: w.Retry, Error: w.Error,
		Code: w.Code, Reason: w.Reason, After: w.After,
	}
	switch {
	case w.Data != nil && w.Data64 != nil:
		return fmt.Errorf("both data and data64")
	case w.Data != nil:
		r.Data = []byte(*w.Data)
	case w.Data64 != nil:
		data, err := base64.StdEncoding.DecodeString(*w.Data64)
		if err != nil {
			return fmt.Errorf("data64: %w", err)
		}
		r.Data = data
	}
	return r.check()
}

func (r *Record) check() error {
	directed := false
	switch r.Op {
	case OpOpen:
		if r.URL == "" {
			return fmt.Errorf("an open without a url")
		}
		if r.Status == 0 && r.Error == "" {
			return fmt.Errorf("an open without status or error")
		}
	case OpText, OpBinary:
		directed = true
		if r.Data == nil {
			return fmt.Errorf("a frame without data")
		}
	case OpClose:
		directed = true
	case OpDrop:
	default:
		return fmt.Errorf("op %q is not one of open, text, binary, close, drop", r.Op)
	}
	if directed != (r.Dir == In || r.Dir == Out) || !directed && r.Dir != "" {
		return fmt.Errorf("dir %q does not go with op %q", r.Dir, r.Op)
	}
	if r.Conn < 1 || r.At < 0 {
		return fmt.Errorf("conn %d at %d: connections count from 1, time from 0", r.Conn, r.At)
	}
	return nil
}

// Frame reports whether r is a frame, text or binary.
func (r *Record) Frame() bool { return r.Op == OpText || r.Op == OpBinary }

// Tape is a whole recording.
type Tape struct {
	Header Header
	HTTP   []*Exchange
	Socket []*Record

	sealed bool
}

// Upgrade reports whether the tape was read from an older version of the format.
func (t *Tape) Upgrade() bool {
	major, minor, err := parseVersion(t.Header.Version)
	return err == nil && (major < Major || major == Major && minor < Minor)
}

// label names a request for people.
func label(method, rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return method + " (a malformed URL)"
	}
	text := method + " " + u.EscapedPath()
	if u.RawQuery != "" {
		text += "?" + u.RawQuery
	}
	return text
}

// Label is method, path and query of the request and the status of the answer.
func (e *Exchange) Label() string {
	text := printable.Text(label(e.Request.Method, e.Request.URL))
	if kind, _, failed := e.NetworkError(); failed {
		return text + " " + kind
	}
	return fmt.Sprintf("%s %d", text, e.Response.Code)
}

const maxLabel = 100 // bytes of a frame in a label

// Label is the record in a few words, without control characters.
func (r *Record) Label() string { return printable.Text(r.label()) }

func (r *Record) label() string {
	switch r.Op {
	case OpOpen:
		if r.Error != "" {
			return "open " + r.URL + " " + r.Error
		}
		return fmt.Sprintf("open %s %d", r.URL, r.Status)
	case OpClose:
		return strings.TrimSpace(fmt.Sprintf("%s close %d %s", r.Dir, r.Code, r.Reason))
	case OpDrop:
		return "drop"
	}
	text := string(r.Data)
	if r.Op == OpBinary || !utf8.Valid(r.Data) {
		text = fmt.Sprintf("%d bytes", len(r.Data))
	}
	return r.Dir + " " + clip(text, maxLabel)
}

// clip cuts a text that is too long.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// Headers of a network error that is recorded instead of an answer.
const (
	errorHeader   = "Cassette-Error"
	errorOpHeader = "Cassette-Error-Op"
)

// The kinds of network errors.
const (
	ErrTimeout   = "timeout"   // no answer in time
	ErrAbandoned = "abandoned" // the caller gave up
	ErrRefused   = "refused"
	ErrReset     = "reset"
	ErrEOF       = "eof" // the connection ended in the middle of an answer: io.ErrUnexpectedEOF
	ErrEnd       = "end" // the connection ended before an answer: io.EOF
	ErrNoHost    = "no such host"
	ErrOther     = "other" // with its text in the body
)

// SetNetworkError sets r to a network error of a kind. op is the Op of a net.OpError: dial, read, write, or empty.
func SetNetworkError(r *vcr.Response, kind, op, text string) {
	*r = vcr.Response{Status: "network error", Headers: map[string][]string{errorHeader: {kind}}}
	if op != "" {
		r.Headers[errorOpHeader] = []string{op}
	}
	if kind == ErrOther {
		r.Body = text
		r.ContentLength = int64(len(text))
	}
}

// NetworkError returns the kind of network error that was recorded instead of an answer, and the operation that failed.
func (e *Exchange) NetworkError() (kind, op string, failed bool) {
	if e.Response.Code != 0 {
		return "", "", false
	}
	if kind = e.Response.Headers.Get(errorHeader); kind == "" {
		kind = ErrOther
	}
	return kind, e.Response.Headers.Get(errorOpHeader), true
}

// Changes reports whether a request with this method may change something.
func Changes(method string) bool { return method != "GET" && method != "HEAD" && method != "OPTIONS" }
