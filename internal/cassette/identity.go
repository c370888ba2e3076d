package cassette

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	vcr "gopkg.in/dnaeon/go-vcr.v3/cassette"
)

// Identity decides whether two requests, or two frames of the client, are the same: it holds their fields without those that are
// new each time. Placeholders of credentials are equal whatever their number, because the number is only their order.
type Identity struct {
	Lane   string            // equal lanes are played in order: method and path, or action and channel
	Fields map[string]string // "query.page", "body.message", and so on
}

// Key is the identity as text.
func (id Identity) Key() string {
	var b strings.Builder
	b.WriteString(id.Lane)
	for _, name := range slices.Sorted(maps.Keys(id.Fields)) {
		fmt.Fprintf(&b, "\n%s=%q", name, id.Fields[name])
	}
	return b.String()
}

// Difference is a field in which two identities differ. A missing value is empty, and its flag false.
type Difference struct {
	Field            string
	Recorded, Sent   string
	Had, HasSomewhat bool // the record has the field; the sent message has it
}

// Differences returns how a sent message differs from a record, sorted by field.
func Differences(recorded, sent Identity) (diff []Difference) {
	if recorded.Lane != sent.Lane {
		diff = append(diff, Difference{Field: "to", Recorded: recorded.Lane, Sent: sent.Lane, Had: true, HasSomewhat: true})
	}
	names := map[string]bool{}
	for name := range recorded.Fields {
		names[name] = true
	}
	for name := range sent.Fields {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was, had := recorded.Fields[name]
		is, has := sent.Fields[name]
		if was != is || had != has {
			diff = append(diff, Difference{Field: name, Recorded: was, Sent: is, Had: had, HasSomewhat: has})
		}
	}
	return diff
}

// distance is how much two identities differ. The method and the path weigh more than any field. See [fieldDistance].
func distance(recorded, sent Identity) int {
	d := 0
	for _, diff := range Differences(recorded, sent) {
		d += fieldDistance(diff)
	}
	if recorded.Lane == sent.Lane {
		return d
	}
	was, is := strings.Fields(recorded.Lane), strings.Fields(sent.Lane)
	for i := range max(len(was), len(is)) {
		if i >= len(was) || i >= len(is) {
			d += 100 * fieldWeight
			continue
		}
		if was[i] == is[i] {
			continue
		}
		a, b := strings.Split(was[i], "/"), strings.Split(is[i], "/")
		d += 20 * fieldWeight * max(len(a)-len(b), len(b)-len(a))
		for k := range min(len(a), len(b)) {
			if a[k] != b[k] {
				d += 20 * fieldWeight
			}
		}
	}
	return d
}

// Nearest returns the index of the candidate most similar to the sent message, the first of equals. It is -1 if there is none.
func Nearest(sent Identity, candidates []Identity) int {
	best, at := 0, -1
	for i, c := range candidates {
		if d := distance(c, sent); at < 0 || d < best {
			best, at = d, i
		}
	}
	return at
}

// volatile reports whether a field is new with every request: the id of a request, or a time in milliseconds. A small number
// called time is the minutes of a ban, and not volatile.
func volatile(name, value string) bool {
	switch strings.ToLower(name) {
	case "reqid", "requestid", "request_id":
		return true
	case "time":
		ms, err := strconv.ParseFloat(value, 64)
		return err == nil && ms >= 1e11
	}
	return false
}

// Identify returns the identity of a redacted request.
func Identify(r vcr.Request) (Identity, error) { return identify(r) }

func identify(r vcr.Request) (Identity, error) {
	u, err := url.Parse(r.URL)
	if err != nil {
		return Identity{}, errors.New("its URL is malformed")
	}
	id := Identity{Lane: r.Method + " " + blank(u.Path), Fields: map[string]string{}}
	addValues(id.Fields, "query.", u.Query())
	addBody(id.Fields, r.Headers.Get("Content-Type"), r.Body)
	return id, nil
}

// IdentifyOpen returns the identity of a handshake, by its redacted URL.
func IdentifyOpen(rawURL string) Identity {
	id := Identity{Lane: "open", Fields: map[string]string{}}
	u, err := url.Parse(rawURL)
	if err != nil {
		id.Fields["url"] = rawURL
		return id
	}
	id.Lane += " " + blank(u.Path)
	q := u.Query()
	q.Del("clientId") // of the previous link, which the same program may or may not know
	addValues(id.Fields, "query.", q)
	return id
}

func addValues(fields map[string]string, prefix string, values url.Values) {
	for name, all := range values {
		for i, v := range all {
			if volatile(name, v) {
				continue
			}
			key := prefix + name
			if len(all) > 1 {
				key += "[" + strconv.Itoa(i) + "]"
			}
			fields[key] = blank(v)
		}
	}
}

func addBody(fields map[string]string, contentType, body string) {
	if body == "" {
		return
	}
	media, params, _ := mime.ParseMediaType(contentType) // both are empty if it is malformed
	switch {
	case media == "application/x-www-form-urlencoded":
		if values, err := url.ParseQuery(body); err == nil {
			addValues(fields, "body.", values)
			return
		}
	case strings.HasPrefix(media, "multipart/"):
		if addParts(fields, body, params["boundary"]) {
			return
		}
	default:
		if addJSON(fields, "body", body) {
			return
		}
	}
	fields["body"] = digest(body)
}

// digest returns the text itself if it can be shown, else its length and hash.
func digest(s string) string {
	const short = 512
	if len(s) <= short && utf8.ValidString(s) {
		return blank(s)
	}
	sum := sha256.Sum256([]byte(s))
	return fmt.Sprintf("%d bytes, sha256 %s", len(s), hex.EncodeToString(sum[:8]))
}

func addParts(fields map[string]string, body, boundary string) bool {
	if boundary == "" {
		return false
	}
	r := multipart.NewReader(strings.NewReader(body), boundary)
	for i := 0; ; i++ {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return i > 0
		}
		if err != nil {
			return false
		}
		b, err := io.ReadAll(p)
		if err != nil {
			return false
		}
		name := fmt.Sprintf("part[%d].%s", i, p.FormName())
		if file := p.FileName(); file != "" {
			name += "(" + file + ")"
		}
		fields[name] = digest(string(b))
	}
}

func addJSON(fields map[string]string, prefix, text string) bool {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil || d.More() {
		return false
	}
	flatten(fields, prefix, v)
	return true
}

// flatten adds the fields and entries of a JSON value by their paths.
func flatten(fields map[string]string, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 {
			fields[path] = "{}"
		}
		for name, field := range v {
			if n, ok := field.(json.Number); ok && volatile(name, n.String()) {
				continue
			}
			if s, ok := field.(string); ok && volatile(name, s) {
				continue
			}
			flatten(fields, path+"."+name, field)
		}
	case []any:
		if len(v) == 0 {
			fields[path] = "[]"
		}
		for i, entry := range v {
			flatten(fields, path+"["+strconv.Itoa(i)+"]", entry)
		}
	case string:
		fields[path] = strconv.Quote(blank(v))
	case json.Number:
		fields[path] = v.String()
	case bool:
		fields[path] = strconv.FormatBool(v)
	default:
		fields[path] = "null"
	}
}

// The packets of Engine.IO that a cassette interprets; see docs/PROTOCOL.md 5.2.
const (
	packetPing    = '2'
	packetPong    = '3'
	packetMessage = '4'
)

// The actions of QueUp that a cassette interprets; see docs/PROTOCOL.md 5.3.
const (
	actionHeartbeat = 0
	actionPresence  = 14
	actionMessage   = 15
)

// Message is a frame as a cassette interprets it.
type Message struct {
	Ping, Pong bool // of Engine.IO, with Data
	Heartbeat  bool // QueUp's own, action 0
	Data       []byte
	Action     int // -1 if there is none
	Channel    string
	ReqID      string
	Name       string // of an event
}

// Event reports whether the frame is an event and not an answer.
func (m Message) Event() bool {
	return m.Action == actionMessage || m.Action == actionPresence && m.ReqID == ""
}

// ParseMessage reads a frame. A frame that it cannot read has action -1.
func ParseMessage(frame []byte) Message {
	m := Message{Action: -1}
	if len(frame) == 0 {
		return m
	}
	switch frame[0] {
	case packetPing:
		m.Ping, m.Data = true, frame[1:]
		return m
	case packetPong:
		m.Pong, m.Data = true, frame[1:]
		return m
	case packetMessage:
	default:
		return m
	}
	var f struct {
		Action  *json.Number    `json:"action"`
		Channel json.RawMessage `json:"channel"`
		ReqID   json.RawMessage `json:"reqId"`
		Message json.RawMessage `json:"message"`
	}
	if json.Unmarshal(frame[1:], &f) != nil {
		return m
	}
	if f.Action != nil {
		if n, err := strconv.Atoi(f.Action.String()); err == nil {
			m.Action = n
			m.Heartbeat = n == actionHeartbeat
		}
	}
	m.Channel, m.ReqID = jsonString(f.Channel), jsonString(f.ReqID)
	var body struct {
		Name json.RawMessage `json:"name"`
	}
	if json.Unmarshal(f.Message, &body) == nil {
		m.Name = jsonString(body.Name)
	}
	return m
}

// jsonString returns the text of a JSON string, and "" for any other value.
func jsonString(raw json.RawMessage) (s string) {
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// IdentifyFrame returns the identity of a redacted frame of the client.
func IdentifyFrame(frame []byte) Identity {
	m := ParseMessage(frame)
	id := Identity{Lane: fmt.Sprintf("frame action %d", m.Action), Fields: map[string]string{}}
	if m.Channel != "" {
		id.Lane += " on " + blank(m.Channel)
	}
	body, isMessage := bytes.CutPrefix(frame, []byte{packetMessage})
	if !isMessage || !addJSON(id.Fields, "frame", string(body)) {
		id.Fields["frame"] = digest(string(frame))
	}
	return id
}
