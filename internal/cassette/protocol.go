package cassette

import (
	_ "embed" // for protocol.txt
	"net/http"
	"slices"
	"strings"
	"sync"
)

// protocolText has the fixed words of QueUp's protocol, one a line: names of fields, paths, names of events, and values that a field
// may have. A test keeps it equal to the specifications in api/.
//
//go:embed protocol.txt
var protocolText string

// formatText has the fixed words that are not in the specifications: those of Engine.IO, of HTTP and of the two files.
const formatText = `websocket polling transport connect access_token upgrades message json probe presence
version interactions request response proto proto_major proto_minor content_length transfer_encoding trailer host remote_addr request_uri body form
headers method uncompressed duration kind source date library redactions conn open text binary close drop data data64 retry error reason after
queup-cassette queup-cassette-boundary queuptest live network timeout abandoned refused reset such
redacted-password redacted-login redacted-cookie redacted-token redacted-authorization redacted-extra redacted-email redacted-picture member
redacted.invalid api.queup.net ws.queup.net www.queup.net queup.test https http binary
GET HEAD POST PUT PATCH DELETE OPTIONS HTTP/1.1 boundary charset utf-8 form-data
application/json application/x-www-form-urlencoded multipart/form-data text/html text/plain application/octet-stream image/png image/jpeg image/gif
Path Domain Secure HttpOnly SameSite Strict Lax None Max-Age Bearer Basic realm connect.sid no-cache no-store private public must-revalidate`

// fixed are the words that redaction never touches where the protocol has them.
type fixed struct {
	keys   map[string]bool
	values map[string]map[string]bool // by field
	events []string                   // longest first
	paths  [][]string                 // by segment; a parameter is in braces
	all    string                     // all of these words, with line breaks between them
}

// protocol returns the words of [protocolText] and [formatText].
var protocol = sync.OnceValue(func() *fixed {
	f := &fixed{
		keys:   map[string]bool{"EIO": true, "transport": true, "connect": true, "access_token": true, "t": true, "b64": true},
		values: map[string]map[string]bool{"transport": {"websocket": true, "polling": true}, "upgrades": {"websocket": true}, "type": {"json": true}},
		paths:  [][]string{{"", "ws"}, {"", "ws", ""}},
	}
	words := []string{formatText}
	for line := range strings.Lines(protocolText) {
		part := strings.Fields(line)
		words = append(words, part[1:]...)
		switch part[0] {
		case "key":
			f.keys[part[1]] = true
		case "event":
			f.events = append(f.events, part[1])
		case "path":
			f.paths = append(f.paths, strings.Split(part[1], "/"))
		case "value":
			if f.values[part[1]] == nil {
				f.values[part[1]] = map[string]bool{}
			}
			f.values[part[1]][part[2]] = true
		}
	}
	slices.SortFunc(f.events, func(a, b string) int { return len(b) - len(a) })
	words = append(words, keptOfRequests...)
	words = append(words, keptOfAnswers...)
	for code := range 600 {
		words = append(words, http.StatusText(code))
	}
	f.all = strings.Join(words, "\n")
	return f
})

// has reports whether a text is among the fixed words, or a part of one that redaction would find.
func (f *fixed) has(text string) bool {
	for from := 0; ; {
		i := strings.Index(f.all[from:], text)
		if i < 0 {
			return false
		}
		start := from + i
		if len(text) >= longSecret || isWord(f.all, start, start+len(text)) {
			return true
		}
		from = start + 1
	}
}

// value returns how many bytes at the beginning of a field's value are fixed: all of the name of an event, without the id at its end,
// and the kind of a channel.
func (f *fixed) value(field, value string) int {
	switch {
	case f.values[field][value]:
		return len(value)
	case field == "channel" || field == "realTimeChannel":
		if kind, _, ok := strings.Cut(value, ":"); ok && isLetters(kind) {
			return len(kind) + 1
		}
	case field == "name" || field == "type":
		for _, event := range f.events {
			rest, ok := strings.CutPrefix(value, event)
			if ok && (rest == "" || rest[0] == '-' || rest[0] == '_') {
				return len(event)
			}
		}
	}
	return 0
}

// path returns which segments of a path are fixed. ok is false if the specifications do not have the path.
func (f *fixed) path(segments []string) (literal []bool, ok bool) {
	best := -1
	for _, template := range f.paths {
		before := len(segments) - len(template)
		if before < 0 || before > 0 && len(template) < 3 { // a server may have a prefix in front of all its paths
			continue
		}
		rest := segments[before:]
		marks, count := make([]bool, len(segments)), -100*before
		for i, part := range template {
			if i == 0 && part == "" {
				marks[before] = before == 0
				continue
			}
			if part != "" && part[0] == '{' {
				continue
			}
			if part != rest[i] {
				marks = nil
				break
			}
			marks[before+i] = true
			count++
		}
		if marks != nil && (!ok || count > best) {
			literal, best, ok = marks, count, true
		}
	}
	return literal, ok
}

func isLetters(s string) bool {
	return s != "" && strings.IndexFunc(s, func(c rune) bool { return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') }) < 0
}

// isFieldName reports whether a key can be the name of a field: letters with lines between them. A key with anything else is data: an
// id, an address, or a secret that nobody would choose as a name.
func isFieldName(key string) bool {
	return isLetters(strings.NewReplacer("_", "", "-", "", "$", "").Replace(key))
}

// key redacts the name of a field. One of the protocol stays as it is. Another one that may be a name and is also a secret is refused,
// because a recording with another name in it could not be played.
func (r *Redactor) key(name string) string {
	if protocol().keys[name] {
		return name
	}
	clean, hit := r.replace(name, nil)
	if hit != nil && isFieldName(name) {
		r.refuse(hit, "is also the name of a field, and cannot be told from it")
	}
	return clean
}

// value redacts the value of a field, except for its fixed beginning.
func (r *Redactor) value(field, value string) string {
	if public(field, value) {
		return value
	}
	n := protocol().value(field, value)
	return value[:n] + r.text(value[n:])
}

// path redacts a path, except for its fixed segments. In a path that the specifications do not have, a secret that is a word of the
// protocol is refused.
func (r *Redactor) path(path string) string {
	segments := strings.Split(path, "/")
	literal, known := protocol().path(segments)
	for i, segment := range segments {
		if known && literal[i] {
			continue
		}
		clean, hit := r.replace(segment, nil)
		if hit != nil && !known && protocol().has(hit.value) {
			r.refuse(hit, "is also a part of the path of a request, and cannot be told from it")
		}
		segments[i] = clean
	}
	return strings.Join(segments, "/")
}

// plainHeader redacts a header whose value programs understand. Words and numbers in it are not secrets.
func (r *Redactor) plainHeader(value string) string {
	clean, _ := r.replace(value, func(s *secret) bool { return isLetters(s.value) || strings.Trim(s.value, "0123456789") == "" })
	return clean
}

// refuse notes that a secret cannot be told from the protocol. [Seal] then returns the first note as an error.
func (r *Redactor) refuse(s *secret, why string) {
	switch s.kind {
	case kindMember:
		why += ": leave this person out of what is made anonymous"
	default:
		why += ": use another one"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refused == nil {
		r.refused = &LeakError{Kind: s.kind, Why: why}
	}
}

// refusal returns the note of [Redactor.refuse], if there is one.
func (r *Redactor) refusal(where string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refused == nil {
		return nil
	}
	leak := *r.refused
	leak.Where = where
	return &leak
}
