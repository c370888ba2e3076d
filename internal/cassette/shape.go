package cassette

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/queup-go/queup/internal/printable"
)

// Shape is which fields JSON texts have, and of which types they are. Values do not count.
type Shape map[string]*types

// types is what was seen in one place.
type types struct {
	seen map[string]bool // string, number, bool, null, object, array
	of   int             // how many objects had the place's parent
}

// Shapes are the shapes of a conversation, by what was said: an operation and its status, or an event.
type Shapes map[string]Shape

var ids = regexp.MustCompile(`[0-9a-fA-F]{24,}|\b\d+\b`)

// generalise makes equal what is equal but for ids.
func generalise(s string) string { return ids.ReplaceAllString(s, "{}") }

// AddExchange adds the answer to a request.
func (s Shapes) AddExchange(method, path string, status int, body string) {
	s.add(fmt.Sprintf("%s %s %d", method, generalise(path), status), body)
}

// AddFrame adds a frame of the server. Heartbeats have no shape.
func (s Shapes) AddFrame(frame []byte) {
	m := ParseMessage(frame)
	if m.Ping || m.Pong || m.Heartbeat || len(frame) == 0 {
		return
	}
	name := fmt.Sprintf("frame action %d", m.Action)
	if m.Action == actionMessage {
		name = "event " + generalise(m.Name)
	} else if m.Action < 0 {
		name = fmt.Sprintf("packet %q", frame[0])
	}
	s.add(name, string(frame[1:]))
}

func (s Shapes) add(name, body string) {
	shape := s[name]
	if shape == nil {
		shape = Shape{}
		s[name] = shape
	}
	var v any
	if json.Unmarshal([]byte(body), &v) != nil {
		shape.note("", "text")
		return
	}
	shape.walk("", v, 0)
}

func (s Shape) note(path, typ string) {
	t := s[path]
	if t == nil {
		t = &types{seen: map[string]bool{}}
		s[path] = t
	}
	t.seen[typ] = true
	t.of++
}

func (s Shape) walk(path string, v any, depth int) {
	switch v := v.(type) {
	case map[string]any:
		s.note(path, "object")
		for name, member := range v {
			s.walk(path+"."+generalise(name), member, depth)
		}
	case []any:
		s.note(path, "array")
		for _, member := range v {
			s.walk(path+"[]", member, depth)
		}
	case string:
		var nested any
		if depth < maxNested && len(v) > 1 && (v[0] == '{' || v[0] == '[') && json.Unmarshal([]byte(v), &nested) == nil {
			s.walk(path+"(json)", nested, depth+1)
			return
		}
		s.note(path, "string")
	case float64:
		s.note(path, "number")
	case bool:
		s.note(path, "bool")
	default:
		s.note(path, "null")
	}
}

// FromTape adds everything the server said in a recording.
func (s Shapes) FromTape(t *Tape) {
	for _, e := range t.HTTP {
		if _, _, failed := e.NetworkError(); failed {
			continue
		}
		if id, err := identify(e.Request); err == nil {
			method, path, _ := strings.Cut(id.Lane, " ")
			s.AddExchange(method, path, e.Response.Code, e.Response.Body)
		}
	}
	for _, r := range t.Socket {
		if r.Frame() && r.Dir == In {
			s.AddFrame(r.Data)
		}
	}
}

// Drift is one difference in shape.
type Drift struct {
	In    string // the operation or event
	Field string
	What  string // appeared, went, changed
	Was   string // the types before
	Is    string // the types now
}

// String is the drift in one line.
func (d Drift) String() string {
	text := fmt.Sprintf("%s: %s changed from %s to %s", d.In, d.Field, d.Was, d.Is)
	switch d.What {
	case "appeared":
		text = fmt.Sprintf("%s: %s appeared (%s)", d.In, d.Field, d.Is)
	case "went":
		text = fmt.Sprintf("%s: %s went (was %s)", d.In, d.Field, d.Was)
	}
	return printable.Text(text)
}

// Compare returns how the shapes of what both sides have said differ, and what only one of them has said. A null says nothing of a
// type, and a field counts as gone only if the object that had it is there.
func Compare(recorded, live Shapes) (drifts []Drift, onlyRecorded, onlyLive []string) {
	for _, name := range sortedKeys(recorded) {
		now, ok := live[name]
		if !ok {
			onlyRecorded = append(onlyRecorded, name)
			continue
		}
		drifts = append(drifts, compareShape(name, recorded[name], now)...)
	}
	for _, name := range sortedKeys(live) {
		if _, ok := recorded[name]; !ok {
			onlyLive = append(onlyLive, name)
		}
	}
	return drifts, onlyRecorded, onlyLive
}

func compareShape(in string, was, is Shape) (drifts []Drift) {
	all := maps.Clone(was)
	maps.Copy(all, is)
	for _, path := range sortedKeys(all) {
		before, now := was[path], is[path]
		field := path
		if field == "" {
			field = "the whole"
		} else {
			field = strings.TrimPrefix(field, ".")
		}
		switch {
		case before == nil:
			if was.hasParent(path) {
				drifts = append(drifts, Drift{In: in, Field: field, What: "appeared", Is: now.String()})
			}
		case now == nil:
			if is.hasParent(path) {
				drifts = append(drifts, Drift{In: in, Field: field, What: "went", Was: before.String()})
			}
		case !before.agrees(now):
			drifts = append(drifts, Drift{In: in, Field: field, What: "changed", Was: before.String(), Is: now.String()})
		}
	}
	return drifts
}

// hasParent reports whether the object was seen in which the field would be. Elements of a list tell nothing of an empty one.
func (s Shape) hasParent(path string) bool {
	if strings.HasSuffix(path, "[]") {
		return false
	}
	if nested, ok := strings.CutSuffix(path, "(json)"); ok {
		return s[nested] != nil // it was a string that is no JSON
	}
	i := strings.LastIndexByte(path, '.')
	return i >= 0 && s[path[:i]] != nil && s[path[:i]].seen["object"]
}

// agrees reports whether each side has a type that the other knows. Null agrees with all.
func (t *types) agrees(other *types) bool {
	for typ := range other.seen {
		if typ != "null" && !t.seen[typ] && !t.onlyNull() {
			return false
		}
	}
	for typ := range t.seen {
		if typ != "null" && other.seen[typ] {
			return true
		}
	}
	return t.onlyNull() || other.onlyNull()
}

func (t *types) onlyNull() bool { return len(t.seen) == 1 && t.seen["null"] }

func (t *types) String() string { return strings.Join(sortedKeys(t.seen), " or ") }

func sortedKeys[K ~string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// Stat is what is in a recording, in numbers.
type Stat struct {
	Source      string
	Requests    int
	Connections int
	In, Out     int   // frames, without heartbeats
	Heartbeats  int   // frames
	Duration    int64 // milliseconds
	Statuses    map[string]int
	Events      map[string]int
}

// Count returns what is in the recording.
func (t *Tape) Count() Stat {
	s := Stat{Source: t.Header.Source, Requests: len(t.HTTP), Statuses: map[string]int{}, Events: map[string]int{}}
	for _, e := range t.HTTP {
		if kind, _, failed := e.NetworkError(); failed {
			s.Statuses[kind]++
		} else {
			s.Statuses[strconv.Itoa(e.Response.Code)]++
		}
	}
	for _, r := range t.Socket {
		s.Duration = max(s.Duration, r.At)
		if r.Op == OpOpen {
			s.Connections++
		}
		if !r.Frame() {
			continue
		}
		m := ParseMessage(r.Data)
		switch {
		case m.Ping, m.Pong, m.Heartbeat:
			s.Heartbeats++
			continue
		case r.Dir == In:
			s.In++
		default:
			s.Out++
		}
		if m.Action == actionMessage && r.Dir == In {
			s.Events[generalise(m.Name)]++
		}
	}
	return s
}
