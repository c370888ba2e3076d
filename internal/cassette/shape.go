package cassette

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
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

// ids also match the ids of anonymous people in older recordings, which are not hexadecimal.
var ids = regexp.MustCompile(oldMemberIDs + `[0-9a-f]{8}|[0-9a-fA-F]{24,}|\b\d+\b`)

// generalise replaces ids, so that texts that differ only by ids become equal.
func generalise(s string) string { return ids.ReplaceAllString(s, "{}") }

// unanswered stands instead of a status where there was no answer.
const unanswered = "unanswered"

// contentType is the path under which a [Shape] holds the content types of a body.
const contentType = "content type"

// AddExchange adds the answer to a request.
func (s Shapes) AddExchange(method, path string, status int, contentTypeHeader, body string) {
	name := fmt.Sprintf("%s %s %d", method, generalise(path), status)
	s.add(name, body)
	media, _, err := mime.ParseMediaType(contentTypeHeader)
	if err != nil {
		media = cmp.Or(contentTypeHeader, "none")
	}
	s[name].add(contentType, media)
}

// AddUnanswered adds a request that failed with a network error.
func (s Shapes) AddUnanswered(method, path string) {
	name := method + " " + generalise(path) + " " + unanswered
	if s[name] == nil {
		s[name] = Shape{}
	}
}

// AddFrame adds a frame of the server. Heartbeats have no shape.
func (s Shapes) AddFrame(frame []byte) {
	m := ParseMessage(frame)
	if m.Ping || m.Pong || m.Heartbeat || len(frame) == 0 {
		return
	}
	s.add(frameName(m, frame), string(frame[1:]))
}

// eventPrefix begins the names of events in [Shapes].
const eventPrefix = "event "

// frameName returns the name under which a frame stands in [Shapes].
func frameName(m Message, frame []byte) string {
	switch {
	case m.Action == actionMessage:
		return eventPrefix + generalise(m.Name)
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

// Leaves reports whether a request takes its sender out of a room. The user-leave event that QueUp sends in return reaches the
// sender only by chance, because the sender is about to close.
func Leaves(method, path string) bool { return method == "DELETE" && memberList(path) }

// Joins reports whether a request brings its sender into a room.
func Joins(method, path string) bool { return method == "POST" && memberList(path) }

func memberList(path string) bool {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	return len(parts) == 3 && parts[0] == "room" && parts[2] == "users"
}

// Farewell reports whether a frame is a user-leave event.
func Farewell(frame []byte) bool { return ParseMessage(frame).Name == "user-leave" }

// FromTape adds everything that the server sent in a recording, except user-leave events that follow the program's own leaving.
func (s Shapes) FromTape(t *Tape) {
	leaving := map[int]bool{} // by id of a request that leaves (true) or joins (false)
	for _, e := range t.HTTP {
		id, err := identify(e.Request)
		if err != nil {
			continue
		}
		method, path, _ := strings.Cut(id.Lane, " ")
		if Leaves(method, path) || Joins(method, path) {
			leaving[e.ID] = Leaves(method, path)
		}
		switch kind, _, failed := e.NetworkError(); {
		case kind == ErrAbandoned: // the program gave up, whatever the server would have said
		case failed:
			s.AddUnanswered(method, path)
		default:
			s.AddExchange(method, path, e.Response.Code, e.Response.Headers.Get("Content-Type"), e.Response.Body)
		}
	}
	left := map[int]bool{} // by connection
	for _, r := range t.Socket {
		for _, id := range r.After {
			if leaves, known := leaving[id]; known {
				left[r.Conn] = leaves
			}
		}
		if r.Frame() && r.Dir == In && (!left[r.Conn] || !Farewell(r.Data)) {
			s.AddFrame(r.Data)
		}
	}
}

// Drift is one difference in shape.
type Drift struct {
	In    string // the operation or event
	Field string
	What  string // appeared, went, changed, missing, new
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
	case "missing":
		text = d.In + " was recorded and did not come"
	case "new":
		text = d.In + " came and was not recorded"
	}
	return printable.Text(text)
}

// Verify returns the drifts of [Compare], and beside them each operation whose statuses differ and each event that only one side has.
// onlyRecorded and onlyLive are the other names that only one side has.
func Verify(recorded, live Shapes) (drifts []Drift, onlyRecorded, onlyLive []string) {
	live = live.renamed(recorded)
	drifts, onlyRecorded, onlyLive = Compare(recorded, live)
	was, is := recorded.statuses(), live.statuses()
	for _, lane := range sortedKeys(was) {
		if is[lane] != nil && !maps.Equal(was[lane], is[lane]) {
			drifts = append(drifts, Drift{In: lane, Field: "status", What: "changed", Was: was[lane].String(), Is: is[lane].String()})
		}
	}
	listed := func(names []string, other map[string]types, what string) []string {
		return slices.DeleteFunc(names, func(name string) bool {
			if strings.HasPrefix(name, eventPrefix) {
				drifts = append(drifts, Drift{In: name, What: what})
				return true
			}
			lane, _, ok := splitStatus(name)
			return ok && other[lane] != nil // named as a changed status
		})
	}
	onlyRecorded = listed(onlyRecorded, is, "missing")
	onlyLive = listed(onlyLive, was, "new")
	return drifts, onlyRecorded, onlyLive
}

// splitStatus splits the name of an answer into method and path, and status. ok is false for the name of a frame.
func splitStatus(name string) (lane, status string, ok bool) {
	i := strings.LastIndexByte(name, ' ')
	if i < 0 || !strings.Contains(name, " /") {
		return "", "", false
	}
	return name[:i], name[i+1:], true
}

// statuses returns the statuses of each operation, by method and path.
func (s Shapes) statuses() map[string]types {
	all := map[string]types{}
	for name := range s {
		if lane, status, ok := splitStatus(name); ok {
			if all[lane] == nil {
				all[lane] = types{}
			}
			all[lane][status] = true
		}
	}
	return all
}

// renamed returns the shapes under the names of the recorded ones where these hold the placeholder of a person's name: GET /user/alice
// becomes GET /user/member-{}.
func (s Shapes) renamed(recorded Shapes) Shapes {
	was := recorded.statuses()
	out := make(Shapes, len(s))
	for _, name := range sortedKeys(s) {
		to := name
		if lane, status, ok := splitStatus(name); ok && was[lane] == nil {
			for _, other := range sortedKeys(was) {
				if samePlace(other, lane) {
					to = other + " " + status
					break
				}
			}
		}
		if out[to] == nil {
			out[to] = Shape{}
		}
		for path, seen := range s[name] {
			for typ := range seen {
				out[to].add(path, typ)
			}
		}
	}
	return out
}

// samePlace reports whether two paths are equal except for the names of anonymous people.
func samePlace(recorded, live string) bool {
	was, is := strings.Split(recorded, "/"), strings.Split(live, "/")
	return slices.EqualFunc(was, is, func(a, b string) bool { return a == b || a == generalise(placeholder(kindMember, 1, "")) })
}

// Compare returns the drifts between the shapes that both sides have, and the names that only one side has. A recorded field that is
// always null has no type to compare. A field went only if the object it belonged to is still there.
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

// include reports whether each type of other is among t. It is true if t is always null.
func (t types) include(other types) bool {
	if t.onlyNull() {
		return true
	}
	for typ := range other {
		if !t[typ] {
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
