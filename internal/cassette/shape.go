package cassette

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/queup-go/queup/internal/printable"
)

// Shape holds the fields of JSON texts, by path, and their types. Values do not count.
type Shape map[string]types

// types are the JSON types seen in one place: string, number, bool, null, object, array, or text for a body that is not JSON.
type types map[string]bool

// Shapes are the shapes of a conversation, by operation and status, or by event.
type Shapes map[string]Shape

var ids = regexp.MustCompile(`[0-9a-fA-F]{24,}|\b\d+\b`)

// generalise replaces ids, so that texts that differ only by ids become equal.
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
	s.add(frameName(m, frame), string(frame[1:]))
}

// frameName returns the name under which a frame stands in [Shapes].
func frameName(m Message, frame []byte) string {
	switch {
	case m.Action == actionMessage:
		return "event " + generalise(m.Name)
	case m.Action < 0:
		return fmt.Sprintf("packet %q", frame[0])
	}
	return fmt.Sprintf("frame action %d", m.Action)
}

func (s Shapes) add(name, body string) {
	shape := s[name]
	if shape == nil {
		shape = Shape{}
		s[name] = shape
	}
	var v any
	if json.Unmarshal([]byte(body), &v) != nil {
		shape.add("", "text")
		return
	}
	shape.walk("", v, 0)
}

func (s Shape) add(path, typ string) {
	if s[path] == nil {
		s[path] = types{}
	}
	s[path][typ] = true
}

// walk adds a value and all that it contains. JSON in strings is walked, too, down to a depth of maxNested.
func (s Shape) walk(path string, v any, depth int) {
	switch v := v.(type) {
	case map[string]any:
		s.add(path, "object")
		for name, field := range v {
			s.walk(path+"."+generalise(name), field, depth)
		}
	case []any:
		s.add(path, "array")
		for _, entry := range v {
			s.walk(path+"[]", entry, depth)
		}
	case string:
		var nested any
		if depth < maxNested && jsonInside(v, &nested) {
			s.walk(path+"(json)", nested, depth+1)
		} else {
			s.add(path, "string")
		}
	case float64:
		s.add(path, "number")
	case bool:
		s.add(path, "bool")
	default:
		s.add(path, "null")
	}
}

// jsonInside decodes a string that is the JSON text of an object or a list, and reports whether it is one.
func jsonInside(s string, v *any) bool {
	mayBeJSON := len(s) > 1 && (s[0] == '{' || s[0] == '[')
	return mayBeJSON && json.Unmarshal([]byte(s), v) == nil
}

// FromTape adds everything that the server sent in a recording.
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
	Was   string // the recorded types
	Is    string // the live types
}

// String returns the drift in one line.
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

// Compare returns the drifts between the shapes that both sides have, and the names that only one side has. A field that is always
// null has no type to compare. A field went only if the object it belonged to is still there.
func Compare(recorded, live Shapes) (drifts []Drift, onlyRecorded, onlyLive []string) {
	for _, name := range sortedKeys(recorded) {
		if shape, ok := live[name]; ok {
			drifts = append(drifts, compareShape(name, recorded[name], shape)...)
		} else {
			onlyRecorded = append(onlyRecorded, name)
		}
	}
	for _, name := range sortedKeys(live) {
		if _, ok := recorded[name]; !ok {
			onlyLive = append(onlyLive, name)
		}
	}
	return drifts, onlyRecorded, onlyLive
}

func compareShape(in string, recorded, live Shape) (drifts []Drift) {
	all := maps.Clone(recorded)
	maps.Copy(all, live)
	for _, path := range sortedKeys(all) {
		was, is := recorded[path], live[path]
		drift := Drift{In: in, Field: cmp.Or(strings.TrimPrefix(path, "."), "the whole"), Was: was.String(), Is: is.String()}
		switch {
		case was == nil && recorded.hasParent(path):
			drift.What = "appeared"
		case is == nil && live.hasParent(path):
			drift.What = "went"
		case was != nil && is != nil && !was.include(is):
			drift.What = "changed"
		default:
			continue
		}
		drifts = append(drifts, drift)
	}
	return drifts
}

// hasParent reports whether the shape has the object that the field of that path belongs to. An entry of a list has none: a list
// without entries says nothing about them.
func (s Shape) hasParent(path string) bool {
	if strings.HasSuffix(path, "[]") {
		return false
	}
	if outer, ok := strings.CutSuffix(path, "(json)"); ok {
		return s[outer] != nil // a string that is not JSON
	}
	i := strings.LastIndexByte(path, '.')
	return i >= 0 && s[path[:i]]["object"]
}

// include reports whether each type of other but null is among t. It is true if either of them is always null.
func (t types) include(other types) bool {
	if t.onlyNull() || other.onlyNull() {
		return true
	}
	for typ := range other {
		if typ != "null" && !t[typ] {
			return false
		}
	}
	return true
}

func (t types) onlyNull() bool { return len(t) == 1 && t["null"] }

func (t types) String() string { return strings.Join(sortedKeys(t), " or ") }

func sortedKeys[K ~string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// Stat holds the figures of a recording.
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

// Count returns the figures of the recording.
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
