package redact

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"html"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/queup-go/queup/internal/printable"
)

// The bounds of secrets that are searched for by value. A secret shorter than minSecret would be found in any text. One shorter
// than longSecret only counts as a whole word. One that could be an ordinary word or number (see ordinary) only counts where it is
// quoted or assigned.
const (
	minSecret  = 4
	longSecret = 8
	maxWord    = 16 // bytes; longer than the words of error texts
	// maxKnown is how many secrets of a kind are remembered, the latest ones.
	maxKnown = 32
)

// Known masks secrets by their value in foreign texts. A server may echo a secret, and a foreign transport may quote it, where no
// shape matches. Known is safe for concurrent use, and its zero value is ready.
type Known struct {
	mu   sync.Mutex
	kind map[string][]Secret // guarded by mu; the oldest first
}

// Learn makes a secret known. The latest 32 of each kind are remembered, so that secrets that change often do not evict others.
func (k *Known) Learn(kind string, s Secret) {
	text := s.Reveal()
	if len(text) < minSecret {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	all := slices.DeleteFunc(k.kind[kind], func(o Secret) bool { return o.Reveal() == text })
	if len(all) == maxKnown {
		all = slices.Delete(all, 0, 1)
	}
	if k.kind == nil {
		k.kind = make(map[string][]Secret)
	}
	k.kind[kind] = append(all, s)
}

// Text returns s with everything masked that is a known secret or looks like one.
func (k *Known) Text(s string) string {
	s = Text(s)
	for _, f := range k.forms() {
		s = f.hide(s)
	}
	return s
}

// Bytes is Text for bytes. It does not change b.
func (k *Known) Bytes(b []byte) []byte {
	if len(b) == 0 {
		return b
	}
	return []byte(k.Text(string(b)))
}

// Error returns err if neither its text nor that of any error it wraps holds a secret. Otherwise it returns an error with a masked
// text, which does not unwrap to err. errors.Is and Timeout report the same for both, and a [net.OpError], [net.DNSError] or
// [url.Error] stays one.
func (k *Known) Error(err error) error {
	if !k.Taints(err) {
		return err
	}
	switch e := err.(type) { //nolint:errorlint // each error of the tree is looked at by itself
	case *net.OpError:
		masked := *e
		masked.Err = k.Error(e.Err)
		return k.unless(&masked, err)
	case *net.DNSError:
		masked := *e
		masked.Err, masked.Name, masked.Server, masked.UnwrapErr = k.Text(e.Err), k.Text(e.Name), k.Text(e.Server), k.Error(e.UnwrapErr)
		return k.unless(&masked, err)
	case *url.Error:
		return k.unless(&url.Error{Op: e.Op, URL: k.Text(e.URL), Err: k.Error(e.Err)}, err)
	}
	return k.masked(err)
}

// unless returns clean, or the masked error if clean still holds a secret.
func (k *Known) unless(clean, err error) error {
	if k.Taints(clean) {
		return k.masked(err)
	}
	return clean
}

func (k *Known) masked(err error) error {
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return &maskedError{
		text:    k.Text(err.Error()),
		is:      func(target error) bool { return errors.Is(err, target) },
		timeout: ok && timeout.Timeout(),
	}
}

// Taints reports whether the text of err, or of any error it wraps, holds a secret.
func (k *Known) Taints(err error) bool { return err != nil && k.taints(err, k.forms()) }

func (k *Known) taints(err error, forms []form) bool {
	text := err.Error()
	if Text(text) != text || slices.ContainsFunc(forms, func(f form) bool { return f.hide(text) != text }) {
		return true
	}
	switch err := err.(type) { //nolint:errorlint // each error of the tree is looked at by itself
	case interface{ Unwrap() error }:
		inner := err.Unwrap()
		return inner != nil && k.taints(inner, forms)
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(err.Unwrap(), func(inner error) bool { return inner != nil && k.taints(inner, forms) })
	}
	return false
}

// maskedError replaces an error that quotes a secret. It keeps that error in a function, where nothing prints it.
type maskedError struct {
	text    string
	is      func(target error) bool
	timeout bool
}

func (e *maskedError) Error() string        { return printable.Text(e.text) }
func (e *maskedError) Is(target error) bool { return e.is(target) }
func (e *maskedError) Timeout() bool        { return e.timeout }

// form is one way in which a secret may be written.
type form struct {
	text  string
	word  bool // counts only as a whole word
	value bool // counts only where it is quoted or assigned
}

// forms returns all ways in which all secrets may be written, the longest first.
func (k *Known) forms() []form {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []form
	for _, secrets := range k.kind {
		for _, s := range secrets {
			text := s.Reveal()
			for _, spelled := range spellings(text) {
				plain := spelled == text && ordinary(text)
				all = append(all, form{text: spelled, word: plain || len(text) < longSecret, value: plain})
			}
		}
	}
	slices.SortFunc(all, func(a, b form) int {
		return cmp.Or(cmp.Compare(len(b.text), len(a.text)), strings.Compare(a.text, b.text))
	})
	return slices.Compact(all)
}

// spellings returns the ways in which programs write a text into another.
func spellings(s string) []string {
	query := url.QueryEscape(s)
	digits := hex.EncodeToString([]byte(s))
	all := []string{
		s, query, url.PathEscape(s), html.EscapeString(s), escape.ReplaceAllStringFunc(query, strings.ToLower),
		digits, strings.ToUpper(digits), printable.Text(s), inJSON(s), inJSON(html.EscapeString(s)), inJSON(inJSON(s)),
	}
	// Base64 encodes groups of three bytes, which may begin at any byte of a secret in a longer text. The digits at both ends are
	// left out, because they depend on the bytes beside the secret.
	for before := range 3 {
		padded := strings.Repeat("\x00", before) + s
		whole := len(padded) / 3 * 3
		from := (before*8 + 5) / 6
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			all = append(all, enc.EncodeToString([]byte(padded[:whole]))[from:])
		}
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(spelled string) bool { return len(spelled) < minSecret })
}

var escape = regexp.MustCompile(`%[0-9A-F]{2}`)

func inJSON(s string) string {
	quoted, err := json.Marshal(s)
	if err != nil {
		return s
	}
	return string(quoted[1 : len(quoted)-1])
}

// hide masks the form everywhere in s.
func (f form) hide(s string) string {
	at := f.index(s, 0)
	if at < 0 {
		return s
	}
	var b strings.Builder
	from := 0
	for at >= 0 {
		b.WriteString(s[from:at])
		b.WriteString(Mask)
		from = at + len(f.text)
		at = f.index(s, from)
	}
	b.WriteString(s[from:])
	return b.String()
}

func (f form) index(s string, from int) int {
	for from < len(s) {
		at := strings.Index(s[from:], f.text)
		if at < 0 {
			return -1
		}
		at += from
		if end := at + len(f.text); (!f.word || alone(s, at, end)) && (!f.value || isValue(s, at, end)) {
			return at
		}
		from = at + 1
	}
	return -1
}

// ordinary reports whether a secret could be an ordinary word or number: up to 15 letters, all small, all capital or only the first
// capital, or up to 7 digits. Masking every such word makes texts unreadable, and the gap would give the word away.
func ordinary(secret string) bool {
	digits := strings.TrimLeft(secret, "0123456789")
	if digits == "" {
		return len(secret) < longSecret
	}
	first, size := utf8.DecodeRuneInString(secret)
	rest := secret[size:]
	cased := rest == strings.ToLower(rest) || secret == strings.ToUpper(secret)
	return len(secret) < maxWord && unicode.IsLetter(first) && cased &&
		strings.IndexFunc(rest, func(r rune) bool { return !unicode.IsLetter(r) }) < 0
}

// isValue reports whether s[start:end] is quoted, assigned with =, or follows a word for secrets. The quoted name of a JSON field is
// not a value.
func isValue(s string, start, end int) bool {
	if start > 0 && strings.IndexByte("\"'`", s[start-1]) >= 0 {
		return !fieldName.MatchString(s[end:])
	}
	return start > 0 && s[start-1] == '=' || secretWord.MatchString(s[max(0, start-24):start])
}

var (
	fieldName  = regexp.MustCompile(`^\\?"\s*:`)
	secretWord = regexp.MustCompile(`(?i)\b(?:password|passwd|token|cookie|secret)\b[^\pL\pN]{1,4}$`)
)

// alone reports whether s[start:end] is not a part of a longer word.
func alone(s string, start, end int) bool {
	return (start == 0 || !wordByte(s[start-1])) && (end == len(s) || !wordByte(s[end]))
}

func wordByte(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= utf8.RuneSelf
}
