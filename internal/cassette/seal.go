package cassette

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"

	vcr "gopkg.in/dnaeon/go-vcr.v3/cassette"
)

// LeakError is returned for a recording that holds, or would have held, a secret. It does not contain the secret.
type LeakError struct {
	Where string // the record, or the line
	Kind  string // of the secret
	Why   string
}

// Error names the place and the kind of secret.
func (e *LeakError) Error() string {
	text := e.Where + ": a secret (" + e.Kind + ")"
	if e.Why != "" {
		return text + " " + e.Why
	}
	return text + " is still in it"
}

// Seal returns a captured tape as it may be written: sorted, numbered and without secrets. After redaction it searches everything
// for every known secret, in all spellings, and fails if it finds one.
func Seal(raw *Tape, r *Redactor) (*Tape, error) {
	t, err := clean(raw, r, 0)
	if err != nil {
		return nil, err
	}
	t.mark(markLogins(raw.HTTP, 0))
	if err := r.finish(t); err != nil {
		return nil, err
	}
	return t, nil
}

// clean returns a captured tape sorted, numbered from first on, and redacted.
func clean(raw *Tape, r *Redactor, first int) (*Tape, error) {
	t := &Tape{Header: raw.Header, sealed: true}
	keys := keysOf(raw.HTTP)
	var ids *stableIDs
	if r.rules.StableIDs || r.rules.Anonymous { // the order of anonymous people must not depend on their ids
		ids = numberIDs(keys, raw.Socket, r.rules.KeepIDs)
	}
	t.HTTP = sorted(keys, ids)
	t.Socket = sortedRecords(raw.Socket)
	numbers := make(map[int]int, len(t.HTTP)) // by order
	for i, e := range t.HTTP {
		numbers[e.Order] = first + i
	}
	for _, e := range t.HTTP {
		e.After = renumbered(e.After, numbers)
	}
	for _, rec := range t.Socket {
		rec.After = renumbered(rec.After, numbers)
	}
	if r.rules.Anonymous {
		for _, e := range t.HTTP {
			r.meet(e.Response.Body)
		}
		for _, rec := range t.Socket {
			r.meet(string(rec.Data))
		}
	}
	// The first pass learns all secrets, in an order that does not depend on timing. The second one redacts also those that were
	// learned after their first appearance.
	for pass := range 2 {
		for i, e := range t.HTTP {
			id := first + i
			clean, err := r.exchange(e, id)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", label(e.Request.Method, r.URL(e.Request.URL)), err)
			}
			if err := r.refusal(fmt.Sprintf("interaction %d", id)); err != nil {
				return nil, err
			}
			if pass == 1 {
				t.HTTP[i] = clean
			}
		}
		for i, rec := range t.Socket {
			clean := r.record(rec)
			if err := r.refusal(fmt.Sprintf("websocket record %d of connection %d", i+1, rec.Conn)); err != nil {
				return nil, err
			}
			if pass == 1 {
				t.Socket[i] = clean
			}
		}
	}
	if r.rules.StableIDs {
		ids.tape(t)
	}
	return t, nil
}

// finish searches a tape for secrets and counts them in its header.
func (r *Redactor) finish(t *Tape) error {
	if err := r.searchAll(t); err != nil {
		return err
	}
	t.Header.Redactions = r.Counts()
	if len(t.Header.Redactions) == 0 {
		t.Header.Redactions = nil
	}
	return nil
}

// renumbered returns the ids of requests instead of their orders, sorted. Requests that are not recorded are left out.
func renumbered(orders []int, ids map[int]int) (after []int) {
	for _, order := range orders {
		if id, ok := ids[order]; ok {
			after = append(after, id)
		}
	}
	slices.Sort(after)
	return slices.Clip(after)
}

func (r *Redactor) exchange(e *Exchange, id int) (*Exchange, error) {
	path := ""
	if _, rest, ok := strings.Cut(e.Request.URL, "://"); ok {
		_, path, _ = strings.Cut(rest, "/")
		path, _, _ = strings.Cut("/"+path, "?")
	}
	answer, err := r.response(e.Response, path)
	if err != nil {
		return nil, err
	}
	setAfter(&answer, e.After)
	setEvents(&answer, e.Events)
	clean := &vcr.Interaction{ID: id, Request: r.Request(e.Request), Response: answer}
	return &Exchange{Interaction: clean, Order: e.Order, After: e.After, Events: e.Events}, nil
}

// keyed is an exchange with its lane and its identity.
type keyed struct {
	*Exchange
	coarse, fine string
}

// keysOf returns the exchanges with their keys. Each key comes from a redactor of its own, because the numbers of placeholders depend on
// the order.
func keysOf(exchanges []*Exchange) []keyed {
	all := make([]keyed, len(exchanges))
	for i, e := range exchanges {
		r := NewRedactor(Rules{})
		req := r.Request(e.Request)
		all[i] = keyed{Exchange: e}
		if id, err := identify(req); err == nil {
			all[i].coarse, all[i].fine = id.Lane, id.Key()
		}
	}
	return all
}

// sorted sorts by lane, then by identity, then by order, so that concurrent requests have the same order in each recording.
func sorted(all []keyed, ids *stableIDs) []*Exchange {
	for i := range all {
		all[i].coarse, all[i].fine = ids.text(all[i].coarse), ids.text(all[i].fine)
	}
	slices.SortStableFunc(all, func(a, b keyed) int {
		return cmp.Or(strings.Compare(a.coarse, b.coarse), strings.Compare(a.fine, b.fine), cmp.Compare(a.Order, b.Order))
	})
	out := make([]*Exchange, len(all))
	for i, k := range all {
		out[i] = &Exchange{Interaction: k.Interaction, Order: k.Order, After: k.After, Events: k.Events}
	}
	return out
}

// sortedRecords sorts records by connection. Those of one connection keep their order.
func sortedRecords(records []*Record) []*Record {
	out := make([]*Record, len(records))
	for i, rec := range records {
		c := *rec
		out[i] = &c
	}
	slices.SortStableFunc(out, func(a, b *Record) int { return cmp.Compare(a.Conn, b.Conn) })
	return out
}

// searchAll returns a LeakError if a text of the tape, or its files as they would be written, hold a secret.
func (r *Redactor) searchAll(t *Tape) error {
	for kind, short := range r.tooShort() {
		if short {
			return &LeakError{Where: "the recording", Kind: kind, Why: fmt.Sprintf("is shorter than %d characters and cannot be searched for; use a longer one", minSecret)}
		}
	}
	s := r.searcher()
	for _, p := range texts(t) {
		if kind, found := s.find(p.text); found {
			return &LeakError{Where: p.where, Kind: kind}
		}
	}
	if leaks := r.searchWords(t, s); len(leaks) > 0 {
		return leaks[0].leak
	}
	http, socket, err := t.Encode()
	if err != nil {
		return err
	}
	for name, b := range map[string][]byte{HTTPSuffix: http, SocketSuffix: socket} {
		for n, line := range strings.Split(string(b), "\n") {
			if kind, found := s.find(line); found {
				return &LeakError{Where: "line " + strconv.Itoa(n+1) + " of " + name, Kind: kind}
			}
		}
	}
	return nil
}

// wordLeak is a leak that searchWords found, with its place: an exchange or a record.
type wordLeak struct {
	leak     *LeakError
	exchange *Exchange
	record   *Record
}

// searchWords searches for secrets that are words of the protocol, too. They are not secrets where the protocol has them, so only the
// texts are searched that redaction would have changed.
func (r *Redactor) searchWords(t *Tape, s *searcher) (leaks []wordLeak) {
	words := &searcher{secrets: s.words}
	if len(words.secrets) == 0 {
		return nil
	}
	kind, found := "", false
	r.visit = func(text string) {
		if k, is := words.find(text); is {
			kind, found = k, true
		}
	}
	defer func() { r.visit = nil }()
	for _, e := range t.HTTP {
		found = false
		if _, err := r.exchange(e, e.ID); err == nil && found {
			leaks = append(leaks, wordLeak{&LeakError{Where: fmt.Sprintf("interaction %d, %s", e.ID, e.Label()), Kind: kind}, e, nil})
		}
	}
	for i, rec := range t.Socket {
		found = false
		if r.record(rec); found {
			leaks = append(leaks, wordLeak{&LeakError{Where: fmt.Sprintf("websocket record %d of connection %d", i+1, rec.Conn), Kind: kind}, nil, rec})
		}
	}
	return leaks
}

// tooShort returns the kinds of which a secret is too short to be searched for.
func (r *Redactor) tooShort() map[string]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	short := map[string]bool{}
	for _, s := range r.known {
		if !s.inPlace && s.kind != kindMember && len(s.value) < minSecret {
			short[s.kind] = true
		}
	}
	return short
}

// place is a text of a tape and the name of its place.
type place struct{ where, text string }

func texts(t *Tape) (all []place) {
	for _, e := range t.HTTP {
		where := fmt.Sprintf("interaction %d, %s: ", e.ID, e.Label())
		all = append(all,
			place{where + "URL", e.Request.URL}, place{where + "request body", e.Request.Body}, place{where + "form", e.Request.Form.Encode()},
			place{where + "response status", e.Response.Status}, place{where + "response body", e.Response.Body})
		for name, values := range e.Request.Headers {
			all = append(all, place{where + "request header " + name, strings.Join(values, "\n")})
		}
		for name, values := range e.Response.Headers {
			all = append(all, place{where + "response header " + name, strings.Join(values, "\n")})
		}
	}
	for i, rec := range t.Socket {
		where := fmt.Sprintf("websocket record %d of connection %d, %s %s", i+1, rec.Conn, rec.Dir, rec.Op)
		all = append(all, place{where, rec.URL}, place{where, string(rec.Data)}, place{where, rec.Reason})
	}
	return all
}

// searcher finds known secrets in all spellings.
type searcher struct {
	secrets []*secret
	words   []*secret // those that are words of the protocol, too, for searchWords
}

func (r *Redactor) searcher() *searcher {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &searcher{}
	for _, sec := range r.known {
		if !sec.inPlace && sec.kind != kindMember && len(sec.value) >= minSecret {
			if protocol().has(sec.value) {
				s.words = append(s.words, sec)
			} else {
				s.secrets = append(s.secrets, sec)
			}
		}
	}
	for _, all := range [][]*secret{s.secrets, s.words} {
		slices.SortFunc(all, func(a, b *secret) int {
			return cmp.Or(strings.Compare(a.value, b.value), strings.Compare(a.kind, b.kind))
		})
	}
	return s
}

// rounds is how often a text is unescaped, to find secrets that were escaped more than once.
const rounds = 4

// find returns the kind of a secret that is in the text: as it is, escaped for a URL, JSON or HTML, or in base64.
func (s *searcher) find(text string) (kind string, found bool) {
	if len(s.secrets) == 0 || len(text) < minSecret {
		return "", false
	}
	seen := map[string]bool{}
	layer := []string{text}
	for round := range rounds {
		var next []string
		for _, t := range layer {
			if seen[t] {
				continue
			}
			seen[t] = true
			if kind, found := s.plain(t); found {
				return kind, true
			}
			next = append(next, unescapePercent(t), unescapeJSON(t), html.UnescapeString(t))
			if round < 2 { // decoded text is hardly ever base64 again
				next = append(next, decodeBase64(t)...)
			}
		}
		layer = next
	}
	return "", false
}

func (s *searcher) plain(text string) (kind string, found bool) {
	for _, sec := range s.secrets {
		word := sec.kind == kindIP || len(sec.value) < longSecret
		for from := 0; ; {
			i := strings.Index(text[from:], sec.value)
			if i < 0 {
				break
			}
			start := from + i
			if !word || isWord(text, start, start+len(sec.value)) {
				return sec.kind, true
			}
			from = start + 1
		}
	}
	return "", false
}

var percentEscapes = regexp.MustCompile(`(?:%[0-9a-fA-F]{2})+`)

func unescapePercent(s string) string {
	if strings.Contains(s, "+") {
		s = strings.ReplaceAll(s, "+", " ")
	}
	return percentEscapes.ReplaceAllStringFunc(s, func(run string) string {
		b := make([]byte, 0, len(run)/3)
		for i := 0; i+2 < len(run); i += 3 {
			n, _ := strconv.ParseUint(run[i+1:i+3], 16, 8) // the pattern matches only hexadecimal digits
			b = append(b, byte(n))
		}
		return string(b)
	})
}

var jsonEscapes = regexp.MustCompile(`(?:\\u[0-9a-fA-F]{4})+|\\["\\/bfnrt]`)

func unescapeJSON(s string) string {
	return jsonEscapes.ReplaceAllStringFunc(s, func(run string) string {
		if plain, err := strconv.Unquote(`"` + strings.ReplaceAll(run, `\/`, `/`) + `"`); err == nil {
			return plain
		}
		return run
	})
}

var base64Runs = regexp.MustCompile(`[A-Za-z0-9+/_-]{6,}`)

// decodeBase64 returns the texts that each run of base64 may stand for, one for each possible start of a group of four.
func decodeBase64(s string) (all []string) {
	for _, run := range base64Runs.FindAllString(s, -1) {
		run = strings.NewReplacer("-", "+", "_", "/").Replace(run)
		for offset := range 4 {
			if offset >= len(run) {
				break
			}
			part := run[offset:]
			if len(part)%4 == 1 {
				part = part[:len(part)-1]
			}
			if b, err := base64.RawStdEncoding.DecodeString(part); err == nil && len(b) >= minSecret {
				all = append(all, string(b))
			}
		}
	}
	return all
}
