package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	vcr "gopkg.in/dnaeon/go-vcr.v3/cassette"

	"github.com/queup-go/queup/internal/cassette"
	"github.com/queup-go/queup/internal/printable"
)

// The parts of HAR 1.2 that matter here, and Chrome's _webSocketMessages.
type (
	harFile struct {
		Log harLog `json:"log"`
	}
	harLog struct {
		Version string     `json:"version"`
		Creator harCreator `json:"creator"`
		Pages   []struct{} `json:"pages"`
		Entries []harEntry `json:"entries"`
	}
	harCreator struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	harEntry struct {
		Started  time.Time    `json:"startedDateTime"`
		Time     float64      `json:"time"` // milliseconds
		Request  harRequest   `json:"request"`
		Response harResponse  `json:"response"`
		Cache    struct{}     `json:"cache"`
		Timings  harTimings   `json:"timings"`
		Kind     string       `json:"_resourceType,omitempty"`
		Messages []harMessage `json:"_webSocketMessages,omitempty"`
	}
	harRequest struct {
		Method      string      `json:"method"`
		URL         string      `json:"url"`
		HTTPVersion string      `json:"httpVersion"`
		Cookies     []struct{}  `json:"cookies"`
		Headers     []harPair   `json:"headers"`
		Query       []harPair   `json:"queryString"`
		Post        *harContent `json:"postData,omitempty"`
		HeadersSize int         `json:"headersSize"`
		BodySize    int         `json:"bodySize"`
	}
	harResponse struct {
		Status      int        `json:"status"`
		StatusText  string     `json:"statusText"`
		HTTPVersion string     `json:"httpVersion"`
		Cookies     []struct{} `json:"cookies"`
		Headers     []harPair  `json:"headers"`
		Content     harContent `json:"content"`
		RedirectURL string     `json:"redirectURL"`
		HeadersSize int        `json:"headersSize"`
		BodySize    int        `json:"bodySize"`
		Error       string     `json:"_error,omitempty"`       // of Chrome
		Failure     string     `json:"_failureText,omitempty"` // of Playwright, with status -1
	}
	harTimings struct {
		Send    float64 `json:"send"`
		Wait    float64 `json:"wait"`
		Receive float64 `json:"receive"`
	}
	harContent struct {
		Size     int       `json:"size,omitempty"`
		MimeType string    `json:"mimeType"`
		Text     string    `json:"text"`
		Encoding string    `json:"encoding,omitempty"`
		Params   []harPair `json:"params,omitempty"` // of a form, if the text is missing
		File     string    `json:"_file,omitempty"`  // of Playwright: where the content is instead
	}
	harPair struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	harMessage struct {
		Type   string  `json:"type"` // send, receive, or error without a frame
		Time   float64 `json:"time"` // since 1970: seconds in Chrome, milliseconds in Playwright, -1 if it was left out
		Opcode int     `json:"opcode"`
		Data   string  `json:"data"` // base64 if the opcode is 2
	}
)

// maxHAR bounds the file that is read, in bytes.
const maxHAR = 1 << 30

func (p *program) importHAR(_ context.Context, flags *flag.FlagSet, args []string) error {
	out := flags.String("o", "", "`path` of the cassette; empty: testdata/ and the name of the file")
	hosts := flags.String("hosts", "api.queup.net,ws.queup.net", "`names` of the hosts to keep, with commas between them")
	anonymous := flags.Bool("anonymous", false, "take the names, ids and pictures of people out")
	except := flags.String("except", "", "like -anonymous, but leave the people of these `names` in, with commas between them, such as that of the bot")
	files, err := parse(flags, args)
	if err != nil {
		return err
	}
	if len(files) != 1 {
		return usagef("it takes one file")
	}
	path := *out
	if path == "" {
		path = filepath.Join("testdata", strings.TrimSuffix(filepath.Base(files[0]), ".har"))
	}
	if err := cassette.CheckName(filepath.Dir(path), filepath.Base(path)); err != nil {
		return fmt.Errorf("%w; name another one with -o", err)
	}
	info, err := os.Stat(files[0])
	if err != nil {
		return err
	}
	if info.Size() > maxHAR {
		return fmt.Errorf("%s has %d bytes, and %d are the limit: save less of the network panel", files[0], info.Size(), maxHAR)
	}
	p.step("read %s", files[0])
	text, err := os.ReadFile(files[0])
	if err != nil {
		return err
	}
	var har harFile
	if err := json.Unmarshal(text, &har); err != nil {
		return fmt.Errorf("%s is no HAR file: %w", files[0], err)
	}
	raw, warnings, err := har.tape(strings.Split(*hosts, ","))
	if err != nil {
		return fmt.Errorf("%s: %w", files[0], err)
	}
	for _, warning := range warnings {
		fmt.Fprintln(p.stderr, printable.Text(fmt.Sprintf("%s: %s", files[0], warning)))
	}
	rules := cassette.Rules{Anonymous: *anonymous || *except != ""}
	if *except != "" {
		rules.Except = strings.Split(*except, ",")
	}
	p.step("take secrets out")
	sealed, err := cassette.Seal(raw, cassette.NewRedactor(rules))
	p.step("")
	if err != nil {
		return fmt.Errorf("nothing was written: %w", err)
	}
	httpText, socketText, err := sealed.Encode()
	if err != nil {
		return err
	}
	if _, err := cassette.Parse(httpText, socketText); err != nil {
		return fmt.Errorf("nothing was written, for it could not be played: %w", err)
	}
	if err := cassette.Write(filepath.Dir(path), filepath.Base(path), sealed); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "%s: wrote %d requests and %d records of the websocket; read them before you commit them\n", path, len(sealed.HTTP), len(sealed.Socket))
	return nil
}

// tape makes a tape of what the file has of these hosts, before any secret is taken out. warnings name what the file lacks.
func (f *harFile) tape(hosts []string) (t *cassette.Tape, warnings []string, err error) {
	entries := slices.DeleteFunc(slices.Clone(f.Log.Entries), func(e harEntry) bool {
		u, err := url.Parse(e.Request.URL)
		return err != nil || !slices.Contains(hosts, u.Hostname()) || e.Request.Method == http.MethodOptions
	})
	if len(entries) == 0 {
		return nil, nil, fmt.Errorf("none of its %d requests is one of %s", len(f.Log.Entries), strings.Join(hosts, ", "))
	}
	slices.SortStableFunc(entries, func(a, b harEntry) int { return a.Started.Compare(b.Started) })
	start := entries[0].Started
	t = &cassette.Tape{Header: cassette.Header{
		Source: cassette.SourceLive, Date: start.UTC().Truncate(time.Second), Library: strings.TrimSpace(f.Log.Creator.Name + " " + f.Log.Creator.Version),
	}}
	var changes []change
	empty := 0 // answers whose content was not saved
	for _, e := range entries {
		if e.socket() {
			continue
		}
		if e.Response.Content.missing() {
			empty++
		}
		interaction, err := e.interaction()
		if err != nil {
			return nil, nil, fmt.Errorf("%s %s: %w", e.Request.Method, withoutQuery(e.Request.URL), err)
		}
		order := len(t.HTTP) + 1
		t.HTTP = append(t.HTTP, &cassette.Exchange{Interaction: interaction, Order: order})
		if cassette.Changes(e.Request.Method) {
			changes = append(changes, change{order, e.Started.Sub(start).Milliseconds()})
		}
	}
	if empty > 0 {
		warnings = append(warnings, fmt.Sprintf("%d of %d answers have no content and cannot be played: %s", empty, len(t.HTTP), saveContent))
	}
	conn := 0
	for _, e := range entries {
		if !e.socket() {
			continue
		}
		conn++
		records, odd, err := e.records(conn, start, changes)
		if err != nil {
			return nil, nil, fmt.Errorf("the websocket %s: %w", withoutQuery(e.Request.URL), err)
		}
		t.Socket = append(t.Socket, records...)
		warnings = append(warnings, odd...)
	}
	return t, warnings, nil
}

// saveContent says how a HAR file gets its contents.
const saveContent = "in Chrome, save the HAR with content; in Playwright, record with content: 'embed'"

// missing reports whether there was a content that was not saved.
func (c harContent) missing() bool {
	return c.Text == "" && len(c.Params) == 0 && (c.Size > 0 || c.File != "")
}

// withoutQuery is a URL without what may be secret.
func withoutQuery(raw string) string {
	path, _, _ := strings.Cut(raw, "?")
	return path
}

// change is a request that may have changed something.
type change struct {
	order int
	at    int64 // milliseconds
}

func (e harEntry) socket() bool {
	return e.Kind == "websocket" || strings.HasPrefix(e.Request.URL, "ws:") || strings.HasPrefix(e.Request.URL, "wss:") || len(e.Messages) > 0
}

func header(pairs []harPair) http.Header {
	h := http.Header{}
	for _, pair := range pairs {
		if !strings.HasPrefix(pair.Name, ":") { // HTTP/2 has the method, the host and the path there
			h.Add(pair.Name, pair.Value)
		}
	}
	return h
}

// bytes is the body as it was sent.
func (c harContent) bytes() (string, error) {
	switch {
	case c.Encoding == "base64":
		b, err := base64.StdEncoding.DecodeString(c.Text)
		return string(b), err
	case c.Text == "" && len(c.Params) > 0:
		pairs := make([]string, len(c.Params))
		for i, pair := range c.Params {
			pairs[i] = url.QueryEscape(unescaped(pair.Name)) + "=" + url.QueryEscape(unescaped(pair.Value))
		}
		return strings.Join(pairs, "&"), nil
	}
	return c.Text, nil
}

// unescaped is a value of a form; Chrome keeps them as they were sent.
func unescaped(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

func (e harEntry) interaction() (*vcr.Interaction, error) {
	request := vcr.Request{Method: e.Request.Method, URL: e.Request.URL, Headers: header(e.Request.Headers)}
	if e.Request.Post != nil {
		body, err := e.Request.Post.bytes()
		if err != nil {
			return nil, fmt.Errorf("the body of the request: %w", err)
		}
		request.Body = body
		if request.Headers.Get("Content-Type") == "" && e.Request.Post.MimeType != "" {
			request.Headers.Set("Content-Type", e.Request.Post.MimeType)
		}
	}
	if e.Response.Status <= 0 { // there was no answer
		answer := vcr.Response{}
		cassette.SetNetworkError(&answer, cassette.ErrOther, "", cmp.Or(e.Response.Error, e.Response.Failure, "the browser got no answer"))
		return &vcr.Interaction{Request: request, Response: answer}, nil
	}
	body, err := e.Response.Content.bytes()
	if err != nil {
		return nil, fmt.Errorf("the answer: %w", err)
	}
	answer := vcr.Response{
		Status: fmt.Sprintf("%d %s", e.Response.Status, cmp.Or(e.Response.StatusText, http.StatusText(e.Response.Status))),
		Code:   e.Response.Status, Headers: header(e.Response.Headers), Body: body, ContentLength: int64(len(body)),
	}
	for _, name := range []string{"Content-Encoding", "Content-Length", "Transfer-Encoding"} { // the body is kept as it was read
		answer.Headers.Del(name)
	}
	return &vcr.Interaction{Request: request, Response: answer}, nil
}

// records makes the records of a websocket. odd names what was left out.
func (e harEntry) records(conn int, start time.Time, changes []change) (all []*cassette.Record, odd []string, err error) {
	last := max(0, e.Started.Sub(start).Milliseconds())
	open := &cassette.Record{At: last, Conn: conn, Op: cassette.OpOpen, URL: e.Request.URL, Status: max(0, e.Response.Status)}
	switch open.Status {
	case 0:
		open.Error = cassette.ErrOther
	case http.StatusOK: // a websocket over HTTP/2 is accepted so, RFC 8441
		open.Status = http.StatusSwitchingProtocols
	}
	all = append(all, open)
	for len(changes) > 0 && changes[0].at <= last { // before the handshake
		changes = changes[1:]
	}
	if open.Status != http.StatusSwitchingProtocols && len(e.Messages) > 0 {
		return nil, nil, fmt.Errorf("it has messages, and the status %d", open.Status)
	}
	if e.Response.Content.File != "" && len(e.Messages) == 0 {
		odd = append(odd, "the frames of a websocket are in another file: "+saveContent)
	}
	for i, m := range e.Messages {
		at := m.since(start, last)
		last = max(last, at)
		r := &cassette.Record{At: last, Conn: conn, Op: cassette.OpText, Data: []byte(m.Data)}
		switch m.Type {
		case "send":
			r.Dir = cassette.Out
		case "receive":
			r.Dir = cassette.In
		case "error": // a message of the browser to its user
			odd = append(odd, fmt.Sprintf("the websocket %s: frame %d is an error of the browser and is left out", withoutQuery(e.Request.URL), i+1))
			continue
		default:
			return nil, nil, fmt.Errorf("message %d is of type %q, which is neither send nor receive", i+1, m.Type)
		}
		switch m.Opcode {
		case 1:
		case 2:
			data, err := base64.StdEncoding.DecodeString(m.Data)
			if err != nil {
				return nil, nil, fmt.Errorf("message %d: %w", i+1, err)
			}
			r.Op, r.Data = cassette.OpBinary, data
		default: // pings and closes of the websocket itself
			continue
		}
		for r.Dir == cassette.In && len(changes) > 0 && changes[0].at <= at {
			r.After = append(r.After, changes[0].order)
			changes = changes[1:]
		}
		all = append(all, r)
	}
	return all, odd, nil
}

// since returns the time of a message in milliseconds after start, or last if the file does not have a possible one. Seconds
// and milliseconds are told apart by which of them is nearer to start.
func (m harMessage) since(start time.Time, last int64) int64 {
	const (
		leastMillis = 1e11 // the year 1973; the year 5138 in seconds
		most        = 1e15 // milliseconds, the year 33658
	)
	at := m.Time * 1000
	if from := float64(start.UnixMilli()); m.Time >= leastMillis && math.Abs(m.Time-from) < math.Abs(at-from) {
		at = m.Time
	}
	if at < 0 || at > most {
		return last
	}
	return int64(at+0.5) - start.UnixMilli()
}

func (p *program) exportHAR(_ context.Context, flags *flag.FlagSet, args []string) error {
	out := flags.String("o", "", "`file` to write; empty: standard output")
	names, err := parse(flags, args)
	if err != nil {
		return err
	}
	if len(names) != 1 {
		return usagef("it takes one cassette")
	}
	t, err := read(names[0])
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(toHAR(t), "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if *out == "" {
		_, err = p.stdout.Write(text)
		return err
	}
	return os.WriteFile(*out, text, 0o644)
}

// toHAR writes a tape as HAR. A cassette does not know when requests were sent; they get the time just before the first
// frame that came after them, or that of the beginning.
func toHAR(t *cassette.Tape) harFile {
	start := t.Header.Date
	if start.IsZero() {
		start = time.UnixMilli(0).UTC()
	}
	before := map[int]int64{} // by id
	for _, r := range t.Socket {
		for _, id := range r.After {
			if _, known := before[id]; !known {
				before[id] = r.At
			}
		}
	}
	har := harFile{Log: harLog{Version: "1.2", Creator: harCreator{"queup record", t.Header.Version}, Pages: []struct{}{}, Entries: []harEntry{}}}
	last := map[string]int64{} // by what was asked: equal requests stay in their order
	for _, e := range t.HTTP {
		at := before[e.ID]
		if id, err := cassette.Identify(e.Request); err == nil {
			at = max(at, last[id.Key()])
			last[id.Key()] = at
		}
		entry := newEntry(e.Request.Method, e.Request.URL, start.Add(time.Duration(at)*time.Millisecond))
		entry.Kind = "xhr"
		entry.Request.Headers = pairs(e.Request.Headers)
		if e.Request.Body != "" {
			post := newContent(e.Request.Headers.Get("Content-Type"), e.Request.Body)
			entry.Request.Post = &post
		}
		if kind, _, failed := e.NetworkError(); failed {
			entry.Response.Error = kind
		} else {
			entry.Response.Status = e.Response.Code
			_, entry.Response.StatusText, _ = strings.Cut(e.Response.Status, " ")
		}
		answer := e.Response.Headers.Clone()
		maps.DeleteFunc(answer, func(name string, _ []string) bool { return cassette.OwnHeader(name) })
		entry.Response.Headers = pairs(answer)
		entry.Response.RedirectURL = e.Response.Headers.Get("Location")
		entry.Response.Content = newContent(e.Response.Headers.Get("Content-Type"), e.Response.Body)
		har.Log.Entries = append(har.Log.Entries, entry)
	}
	lines := map[int]int{} // connections, by number: where they are among the entries
	for _, r := range t.Socket {
		if r.Op == cassette.OpOpen {
			entry := newEntry(http.MethodGet, r.URL, start.Add(time.Duration(r.At)*time.Millisecond))
			entry.Kind, entry.Response.Status, entry.Response.Error = "websocket", r.Status, r.Error
			entry.Response.StatusText = http.StatusText(r.Status)
			lines[r.Conn] = len(har.Log.Entries)
			har.Log.Entries = append(har.Log.Entries, entry)
			continue
		}
		if !r.Frame() {
			continue // HAR has no word for it
		}
		m := harMessage{Type: "receive", Time: float64(start.UnixMilli()+r.At) / 1000, Opcode: 1, Data: string(r.Data)}
		if r.Dir == cassette.Out {
			m.Type = "send"
		}
		if r.Op == cassette.OpBinary || !utf8.Valid(r.Data) {
			m.Opcode, m.Data = 2, base64.StdEncoding.EncodeToString(r.Data)
		}
		entry := &har.Log.Entries[lines[r.Conn]]
		entry.Messages = append(entry.Messages, m)
	}
	slices.SortStableFunc(har.Log.Entries, func(a, b harEntry) int { return a.Started.Compare(b.Started) })
	return har
}

func newEntry(method, rawURL string, at time.Time) harEntry {
	e := harEntry{Started: at.UTC()}
	e.Request = harRequest{
		Method: method, URL: rawURL, HTTPVersion: "HTTP/1.1", Cookies: []struct{}{}, Headers: []harPair{}, Query: []harPair{}, HeadersSize: -1, BodySize: -1,
	}
	if u, err := url.Parse(rawURL); err == nil {
		for _, name := range slices.Sorted(maps.Keys(u.Query())) {
			for _, value := range u.Query()[name] {
				e.Request.Query = append(e.Request.Query, harPair{name, value})
			}
		}
	}
	e.Response = harResponse{HTTPVersion: "HTTP/1.1", Cookies: []struct{}{}, Headers: []harPair{}, HeadersSize: -1, BodySize: -1}
	return e
}

func newContent(mimeType, body string) harContent {
	c := harContent{Size: len(body), MimeType: mimeType, Text: body}
	if !utf8.ValidString(body) {
		c.Text, c.Encoding = base64.StdEncoding.EncodeToString([]byte(body)), "base64"
	}
	return c
}

func pairs(h http.Header) []harPair {
	all := []harPair{}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			all = append(all, harPair{name, value})
		}
	}
	return all
}
