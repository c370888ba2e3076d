package cassette

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	vcr "gopkg.in/dnaeon/go-vcr.v3/cassette"
)

// ErrNames is the error for a login that is added to a recording and has the same mark as the login of another account.
var ErrNames = errors.New("the names of two accounts cannot be told apart in this recording: record it again")

// ErrAnonymous is the error for named people who would be added to a recording in which people are anonymous.
var ErrAnonymous = errors.New("people are anonymous in the recording: give the option Anonymous, or record it again")

// Placeholders are those of a recording: the highest number of each kind.
type Placeholders map[string]int

// anyPlaceholder matches a placeholder anywhere in a text, also where it is escaped. Each group is a number or its kind.
var anyPlaceholder = regexp.MustCompile(`redacted-(password|login|cookie|token|authorization|extra|email|picture)-(\d+)` +
	`|198\.(1[89])\.(\d{1,3})\.(\d{1,3})|2001:db8::([0-9a-f]{1,4})|(?:` + memberIDs + `|` + oldMemberIDs + `)([0-9a-f]{8})|\bmember-(\d+)`)

// maxPlaceholder bounds the numbers that count. A higher one is a text that only looks like a placeholder.
const maxPlaceholder = 1 << 20

// numberOf returns the kind and the number of a match of [anyPlaceholder].
func numberOf(m []string) (kind string, n int) {
	number := func(base int, text string) int {
		n, err := strconv.ParseInt(text, base, 32)
		if err != nil || n > maxPlaceholder {
			return 0
		}
		return int(n)
	}
	switch {
	case m[1] != "":
		return m[1], number(10, m[2])
	case m[3] != "":
		return kindIP, number(10, m[3])&^18<<16 | number(10, m[4])<<8 | number(10, m[5])
	case m[6] != "":
		return kindIP, number(16, m[6])
	case m[7] != "":
		return kindMemberID, number(16, m[7])
	}
	return kindMember, number(10, m[8])
}

// Placeholders returns the placeholders of a recording.
func (t *Tape) Placeholders() Placeholders {
	all := Placeholders{}
	for kind, n := range t.Header.Redactions {
		all[kind] = min(n, maxPlaceholder)
	}
	for _, p := range texts(t) {
		for _, m := range anyPlaceholder.FindAllStringSubmatch(p.text, -1) {
			kind, n := numberOf(m)
			all[kind] = max(all[kind], n)
		}
	}
	return all
}

// Find returns the first of these placeholders in a text, and "" if there is none.
func (p Placeholders) Find(text string) string {
	for _, m := range anyPlaceholder.FindAllStringSubmatch(text, -1) {
		if kind, n := numberOf(m); n > 0 && n <= p[kind] {
			return m[0]
		}
	}
	return ""
}

// NewRedactorAfter returns a redactor for what is added to a recording. New placeholders are numbered after those of the recording.
func NewRedactorAfter(rules Rules, p Placeholders) *Redactor {
	r := NewRedactor(rules)
	for kind, n := range p {
		r.counts[kind] = max(r.counts[kind], n)
	}
	return r
}

// Adopt gives the secrets of a request the placeholders that the same request has in a recording. sent was redacted by from, which
// knows the secrets behind its placeholders.
func (r *Redactor) Adopt(from *Redactor, recorded, sent vcr.Request) {
	r.adopt(from, recorded.URL, sent.URL)
	r.adopt(from, recorded.Body, sent.Body)
	for _, name := range keptOfRequests {
		r.adopt(from, strings.Join(recorded.Headers.Values(name), "\n"), strings.Join(sent.Headers.Values(name), "\n"))
	}
}

// AdoptURL is [Redactor.Adopt] for the URL of a handshake.
func (r *Redactor) AdoptURL(from *Redactor, recorded, sent string) { r.adopt(from, recorded, sent) }

// adopt compares two texts that are the same but for the numbers of their placeholders.
func (r *Redactor) adopt(from *Redactor, recorded, sent string) {
	recorded, sent = unescapePercent(recorded), unescapePercent(sent)
	if blank(recorded) != blank(sent) {
		return
	}
	theirs := numbered.FindAllString(recorded, -1)
	for i, mask := range numbered.FindAllString(sent, -1) {
		if s := from.behind(mask); s != nil {
			r.keep(s.kind, s.value, theirs[i])
		}
	}
}

// behind returns the secret that a placeholder stands for, nil if there is none.
func (r *Redactor) behind(mask string) *secret {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.known {
		if s.mask == mask {
			return s
		}
	}
	return nil
}

// KeepCookie gives the value of a cookie the placeholder of another one, which it stands for.
func (r *Redactor) KeepCookie(value, mask string) {
	if plain, err := url.QueryUnescape(value); err == nil {
		value = plain
	}
	r.keep(kindCookie, value, mask)
}

// keep makes a secret known with a placeholder that the recording has, unless it has one.
func (r *Redactor) keep(kind, value, mask string) {
	if value == "" || isPlaceholder(value) || !isPlaceholder(mask) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if key := kind + "\x00" + value; r.known[key] == nil {
		r.add(key, &secret{kind: kind, value: value, mask: mask})
	}
}

// Learn makes the secrets of an exchange known that is not recorded itself.
func (r *Redactor) Learn(in *vcr.Interaction) error {
	_, err := r.exchange(&Exchange{Interaction: in}, 0)
	return err
}

// Extend returns the recording with what was captured in addition, as it may be written. r comes from [NewRedactorAfter]. What is in the
// recording stays as it is, and comes first. Then everything is searched for the secrets of the addition.
func (t *Tape) Extend(raw *Tape, r *Redactor) (*Tape, error) {
	if t.Header.Redactions[kindMember] > 0 && !r.rules.Anonymous {
		return nil, ErrAnonymous
	}
	first, conns, latest := 0, 0, int64(0)
	for _, e := range t.HTTP {
		first = max(first, e.ID+1)
	}
	for _, rec := range t.Socket {
		conns, latest = max(conns, rec.Conn), max(latest, rec.At)
	}
	added, err := clean(raw, r, first)
	if err != nil {
		return nil, err
	}
	if err := t.markAdded(raw, added); err != nil {
		return nil, err
	}
	for _, e := range added.HTTP {
		events := make(map[int]int, len(e.Events))
		for conn, n := range e.Events {
			events[conn+conns] = n
		}
		e.Events = events
		setEvents(&e.Response, events)
	}
	for _, rec := range added.Socket {
		rec.Conn += conns
		rec.At += latest // it was made later
	}
	out := &Tape{Header: t.Header, HTTP: slices.Concat(t.HTTP, added.HTTP), Socket: slices.Concat(t.Socket, added.Socket), sealed: true}
	if err := r.finish(out); err != nil {
		return nil, err
	}
	return out, nil
}

// markAdded marks the logins that are added if there are several accounts then. The recording's own logins keep their marks: with one
// account, it has none and needs none.
func (t *Tape) markAdded(raw, added *Tape) error {
	recorded, others := map[string][]*Exchange{}, map[string]bool{} // by the placeholder of the name
	for _, e := range t.HTTP {
		if mask := LoginName(e.Request); mask != "" {
			recorded[mask] = append(recorded[mask], e)
			others[mask] = true
		}
	}
	masks := map[int]string{} // by order
	for _, e := range added.HTTP {
		if mask := LoginName(e.Request); mask != "" {
			masks[e.Order] = mask
			delete(others, mask)
		}
	}
	for _, e := range raw.HTTP {
		name := LoginName(e.Request)
		if name == "" {
			continue
		}
		for mask, logins := range recorded {
			if mask != masks[e.Order] && slices.ContainsFunc(logins, func(e *Exchange) bool { return e.Marked(name) }) {
				return fmt.Errorf("a login that is new: %w", ErrNames)
			}
		}
	}
	added.mark(markLogins(raw.HTTP, len(others)))
	return nil
}
