package cassette

import (
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// stableIDs numbers the ids of a recording in the order of their appearance, so that two recordings of one scene have the same ones. A
// placeholder is as long as the id, and consists of hexadecimal digits if the id does. A nil *stableIDs changes nothing.
type stableIDs struct {
	keep  map[string]bool
	masks map[string]string // by id of 24 digits
	other map[string]string // by id of a connection or a request
	names *strings.Replacer // of other; nil: to be made
}

// The beginnings of placeholders. A number follows.
const (
	stablePrefix     = "00000000000001d5" // of an id, and of the id of a request
	connectionPrefix = "c0nnect10n"
)

var (
	longHex      = regexp.MustCompile(`[0-9a-f]{24,}`)
	connectionID = regexp.MustCompile(`"(?:sid|connectionId|connectionKey)":"([\w-]{16,64})"`)
	requestID    = regexp.MustCompile(`"(?:reqId|clientId)":"([0-9a-f]{32})"`)
)

// IsID reports whether a text is an id of QueUp; see docs/PROTOCOL.md 1.
func IsID(s string) bool { return id24.MatchString(s) }

// numberIDs numbers the ids of a tape that is not sorted yet. The shape of a request is what it is whatever its ids. Requests of one shape
// may be in flight at the same time, so those whose shape comes once are read first, then the websocket.
func numberIDs(exchanges []keyed, records []*Record, keep []string) *stableIDs {
	s := &stableIDs{keep: map[string]bool{}, masks: map[string]string{}, other: map[string]string{}}
	for _, id := range keep {
		s.keep[id] = true
	}
	type shaped struct {
		keyed
		shape string
	}
	all := make([]shaped, len(exchanges))
	count := map[string]int{}
	for i, e := range exchanges {
		all[i] = shaped{e, longHex.ReplaceAllString(e.fine, "{id}")}
		count[all[i].shape]++
	}
	slices.SortStableFunc(all, func(a, b shaped) int {
		return cmp.Or(strings.Compare(a.shape, b.shape), cmp.Compare(a.Order, b.Order))
	})
	read := func(e shaped) {
		s.text(e.Request.URL)
		s.text(e.Request.Body)
		s.text(e.Response.Body)
	}
	for _, e := range all {
		if count[e.shape] == 1 {
			read(e)
		}
	}
	for _, r := range sortedRecords(records) {
		s.text(r.URL)
		s.text(string(r.Data))
	}
	for _, e := range all {
		if count[e.shape] > 1 {
			read(e)
		}
	}
	return s
}

// text returns a text with placeholders instead of ids. It numbers those that it has not met before.
func (s *stableIDs) text(text string) string {
	if s == nil || !utf8.ValidString(text) {
		return text
	}
	for _, m := range connectionID.FindAllStringSubmatch(text, -1) {
		s.learn(connectionPrefix, m[1])
	}
	for _, m := range requestID.FindAllStringSubmatch(text, -1) {
		s.learn(stablePrefix, m[1])
	}
	if s.names == nil {
		var pairs []string
		for _, id := range sortedKeys(s.other) {
			pairs = append(pairs, id, s.other[id])
		}
		s.names = strings.NewReplacer(pairs...)
	}
	text = s.names.Replace(text)
	var b strings.Builder
	from := 0
	for _, m := range longHex.FindAllStringIndex(text, -1) {
		id := text[m[0]:m[1]]
		if len(id) != 24 || s.keep[id] || isPlaceholder(id) || !separate(text, m[0], m[1]) {
			continue
		}
		mask := s.masks[id]
		if mask == "" {
			mask = fmt.Sprintf("%s%08x", stablePrefix, len(s.masks)+1)
			s.masks[id] = mask
		}
		b.WriteString(text[from:m[0]])
		b.WriteString(mask)
		from = m[1]
	}
	if from == 0 {
		return text
	}
	b.WriteString(text[from:])
	return b.String()
}

// separate reports whether no letter and no digit is beside text[start:end]. The names of events have ids behind an underscore, and an
// escape such as \n does not belong to the id behind it.
func separate(text string, start, end int) bool {
	alphanumeric := func(b byte) bool { return b != '_' && wordByte(b) }
	if end < len(text) && alphanumeric(text[end]) {
		return false
	}
	return start == 0 || !alphanumeric(text[start-1]) || escapeBefore.MatchString(text[max(start-6, 0):start])
}

// learn numbers the id of a connection or a request.
func (s *stableIDs) learn(prefix, id string) {
	if s.keep[id] || s.other[id] != "" {
		return
	}
	s.other[id] = fmt.Sprintf("%s%0*d", prefix, max(len(id)-len(prefix), 0), len(s.other)+1)
	s.names = nil
}

// tape replaces the ids of a sealed tape.
func (s *stableIDs) tape(t *Tape) {
	for _, e := range t.HTTP {
		req, resp := &e.Request, &e.Response
		for _, part := range []*string{&req.URL, &req.Body, &resp.Body, &resp.Status} {
			*part = s.text(*part)
		}
		s.values(req.Headers)
		s.values(http.Header(req.Form))
		s.values(resp.Headers)
	}
	for _, r := range t.Socket {
		r.URL, r.Reason = s.text(r.URL), s.text(r.Reason)
		if r.Data != nil {
			r.Data = []byte(s.text(string(r.Data)))
		}
	}
}

func (s *stableIDs) values(values map[string][]string) {
	for name, all := range values {
		for i, v := range all {
			all[i] = s.text(v)
		}
		values[name] = all
	}
}
