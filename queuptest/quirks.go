package queuptest

import (
	"bytes"
	"encoding/json"
	"errors"
	"hash/fnv"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Quirks makes answers and events as irregular as those of the service, in every way that docs/PROTOCOL.md 1.8 lists:
// lists with null in them, a current song without its media or its play, media without a name, numbers in quotes, members
// that are missing, null or of another type, and members that nobody knows. State, statuses, errors, ids, names of events
// and all that a login needs are as without it.
//
// What becomes of an answer depends on nothing but its path and how often that was answered before, and of an event on the events
// before it: the same run meets the same quirks, even if requests that are sent side by side arrive in another order.
func Quirks() Option {
	return func(c *config) error {
		c.quirks = true
		return nil
	}
}

// quirks bends the JSON that leaves the server. A nil one bends nothing.
type quirks struct {
	mu      sync.Mutex
	rand    *rand.Rand
	met     map[string]uint64 // how often something was bent, by what it is
	actives int               // answers to what plays so far
}

func newQuirks(on bool) *quirks {
	if !on {
		return nil
	}
	return &quirks{met: map[string]uint64{}}
}

// maxMet bounds how many paths are told apart.
const maxMet = 10_000

// draw sets what becomes of the next answer or event of that kind. The caller holds mu.
func (q *quirks) draw(what string) {
	if len(q.met) >= maxMet {
		clear(q.met)
	}
	h := fnv.New64a()
	_, _ = io.WriteString(h, what) // it never fails
	q.rand = rand.New(rand.NewPCG(h.Sum64(), q.met[what]))
	q.met[what]++
}

// once is true one time in n.
func (q *quirks) once(n int) bool { return q.rand.IntN(n) == 0 }

// object is a JSON object.
type object = map[string]any

// event bends the data of an event.
func (q *quirks) event(data []byte) []byte {
	if q == nil {
		return data
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.draw("event")
	return bend(data, func(o object) {
		if _, ok := o["songInfo"]; ok && q.once(6) {
			o["songInfo"] = nil
		}
		q.object(o)
	})
}

// answer bends the body of an answer.
func (q *quirks) answer(path string, body []byte) []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.draw(path)
	return bend(body, func(envelope object) {
		data, ok := envelope["data"]
		switch {
		case !ok:
			return
		case strings.HasSuffix(path, "/playlist/active"):
			data = q.active(data)
		case strings.HasSuffix(path, "/playlist/history"):
			data = q.history(data)
		}
		data = q.value(data)
		if strings.HasSuffix(path, "/playlist/details") {
			data = q.nulls(data)
		}
		envelope["data"] = data
	})
}

// bend reads a JSON object and writes it again after change. What is none stays as it is.
func bend(data []byte, change func(object)) []byte {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber() // no digit is lost
	var o object
	if err := d.Decode(&o); err != nil || o == nil {
		return data
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) { // something follows
		return data
	}
	change(o)
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(o); err != nil {
		return data
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// active bends what plays. The first answer of five is whole, so that it is there for who asks again.
func (q *quirks) active(data any) any {
	if o, ok := data.(object); ok {
		switch q.actives % 5 {
		case 1:
			o["songInfo"] = nil
		case 2:
			delete(o, "song")
		case 3:
			delete(o, "startTime")
		case 4:
			delete(o, "songInfo")
			o["startTime"] = "live"
		}
		q.actives++
	}
	return data
}

// history takes media and times from past plays.
func (q *quirks) history(data any) any {
	list, _ := data.([]any)
	for _, row := range list {
		o, ok := row.(object)
		if !ok {
			continue
		}
		if q.once(5) {
			o["_song"] = nil
		}
		if q.once(5) {
			o["played"] = nil
		}
	}
	return data
}

// nulls puts null into a list, between the others and at its ends.
func (q *quirks) nulls(data any) any {
	list, ok := data.([]any)
	if !ok {
		return data
	}
	bent := []any{}
	for _, v := range list {
		if q.once(3) {
			bent = append(bent, nil)
		}
		bent = append(bent, v)
	}
	return append(bent, nil)
}

// value bends what is in a value.
func (q *quirks) value(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = q.value(v[i])
		}
	case object:
		q.object(v)
	}
	return v
}

// object bends the members of an object, those of the members first.
func (q *quirks) object(o object) {
	for _, key := range slices.Sorted(maps.Keys(o)) { // in this order, for the sake of the next run
		switch v := o[key].(type) {
		case json.Number:
			o[key] = q.number(key, v)
		case []any:
			q.list(key, v)
		case object:
			q.object(v)
			if key == "_song" && q.once(6) || key == "songInfo" && q.once(8) {
				broken(v)
			}
		}
	}
	switch {
	case has(o, "username") && has(o, "_id"):
		q.user(o)
	case has(o, "authorized") && has(o, "userid"):
		q.member(o)
	}
	if has(o, "_id") && q.once(3) {
		o["__v"] = q.rand.IntN(4)
	} else if q.once(3) {
		delete(o, "__v")
	}
	if q.once(6) {
		o["featureFlags"] = object{"beta": []any{true, nil, object{}}}
	}
}

// list bends a list that is a member.
func (q *quirks) list(key string, list []any) {
	q.value(list)
	for i, v := range list {
		o, ok := v.(object)
		switch {
		case key == "usersid" && ok && has(o, "_id") && q.once(3):
			list[i] = o["_id"]
		case key == "usersid" && !ok && q.once(3):
			list[i] = object{"_id": v}
		case key == "roleids" && ok && has(o, "id") && q.once(3):
			list[i] = o["id"]
		case key == "roleids" && ok && has(o, "id") && q.once(2):
			o["_id"] = o["id"]
			delete(o, "id")
		}
	}
}

// number writes some numbers as text. Times are text more often.
func (q *quirks) number(key string, n json.Number) any {
	often := 8
	if _, err := strconv.ParseInt(n.String(), 10, 64); err == nil && len(n) >= 13 || key == "time" {
		often = 3
	}
	if q.once(often) {
		return n.String()
	}
	return n
}

// broken takes from media what a failed import never wrote.
func broken(song object) {
	for _, key := range []string{"name", "type", "fkid"} {
		delete(song, key)
	}
}

// user bends an account: its picture, and what is of no use in it.
func (q *quirks) user(o object) {
	if q.once(3) {
		delete(o, "userInfo")
	}
	image, ok := o["profileImage"].(object)
	switch {
	case ok && q.once(2): // as Cloudinary has it
		image["public_id"] = image["key"]
		delete(image, "key")
		if v, ok := image["version"].(string); ok {
			if _, err := strconv.ParseInt(v, 10, 64); err == nil {
				image["version"] = json.Number(v)
			}
		}
	case ok:
		image["public_id"] = nil
		delete(image, "type")
		delete(image, "resource_type")
	case q.once(3):
		o["profileImage"] = nil
	case q.once(3):
		o["profileImage"] = object{"public_id": nil, "key": nil}
	}
}

// member bends the record of somebody in a room. Nothing it says of the queue or the role changes, only the way it says it.
func (q *quirks) member(o object) {
	paused := false
	switch v := o["queuePaused"].(type) {
	case bool:
		paused = v
	case json.Number:
		paused = v != "0"
	case string:
		paused = v != "0" && v != "" && v != "false"
	}
	if paused {
		o["queuePaused"] = []any{true, 1}[q.rand.IntN(2)]
	} else {
		o["queuePaused"] = []any{nil, false, 0}[q.rand.IntN(3)]
	}
	switch role := o["roleid"].(type) {
	case nil:
		if q.once(2) {
			o["roleid"] = nil
		}
	case object:
		if id, ok := role["_id"]; ok && q.once(3) {
			o["roleid"] = id
		}
	}
}

func has(o object, key string) bool {
	_, ok := o[key]
	return ok
}

// wrap bends the answers of next that are no errors. The token is left alone: all depends on it.
func (q *quirks) wrap(next http.Handler) http.Handler {
	if q == nil {
		return next
	}
	bent := bending(next, q.answer)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/auth/token" {
			next.ServeHTTP(w, r)
			return
		}
		bent.ServeHTTP(w, r)
	})
}

// bending changes the JSON answers of next that are no errors.
func bending(next http.Handler, change func(path string, body []byte) []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ws/" {
			next.ServeHTTP(w, r)
			return
		}
		b := &bentWriter{ResponseWriter: w}
		next.ServeHTTP(b, r)
		if b.status == http.StatusOK && strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
			_, _ = w.Write(change(r.URL.Path, b.body.Bytes())) // if it fails, the client has gone
		}
	})
}

// bentWriter holds back what is to be bent.
type bentWriter struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader implements http.ResponseWriter.
func (w *bentWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *bentWriter) Write(p []byte) (int, error) {
	if w.status == http.StatusOK && strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		return w.body.Write(p)
	}
	return w.ResponseWriter.Write(p)
}
