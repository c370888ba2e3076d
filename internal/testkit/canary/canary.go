// Package canary looks for secrets in what a program has written, in all the ways in which programs write one text into
// another. It is for tests, and shares no code with what masks secrets.
package canary

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A Canary is a made-up secret: nothing else looks like it, so that finding it means that it got out.
type Canary struct {
	// Name says what it is, for a report that must not tell the secret either.
	Name  string
	forms []form
}

type form struct{ kind, text string }

// New makes a canary of a secret. It panics for one so short that it could stand anywhere by chance: that is a mistake in the
// test.
func New(name, secret string) Canary {
	if len(secret) < 8 {
		panic("canary: " + name + " is too short to be told from other text")
	}
	c := Canary{Name: name}
	known := make(map[string]bool) // what needs no escapes looks the same in many of them
	add := func(kind string, texts ...string) {
		for _, text := range texts {
			if !known[text] {
				known[text] = true
				c.forms = append(c.forms, form{kind, text})
			}
		}
	}
	quoted, inner := inJSON(secret, true), inJSON(secret, false)
	add("raw", secret)
	add("percent", url.QueryEscape(secret), url.PathEscape(secret), strings.ReplaceAll(url.QueryEscape(secret), "+", "%20"))
	add("percent", lowered(url.QueryEscape(secret)), lowered(url.PathEscape(secret)))
	add("JSON", quoted, inner, inJSON(quoted, true), inJSON(inner, false))
	add("Go quotes", within(strconv.Quote(secret)), within(strconv.QuoteToASCII(secret)), within(strconv.Quote(within(strconv.Quote(secret)))))
	add("HTML", html.EscapeString(secret), inJSON(html.EscapeString(secret), false))
	digits := hex.EncodeToString([]byte(secret))
	add("hexadecimal", digits, strings.ToUpper(digits), spaced("%02x ", secret), spaced("%02X ", secret), spaced("0x%x, ", secret))
	add("bytes", spaced("%d ", secret), spaced("%d,", secret))
	for before := range 3 { // where in its group of three bytes the secret begins
		head := (before*8 + 5) / 6
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := enc.EncodeToString([]byte(strings.Repeat("\x00", before) + secret))
			if (before+len(secret))%3 != 0 { // the last digit depends on what follows
				text = text[:len(text)-1]
			}
			add("base64", text[head:])
		}
	}
	return c
}

func inJSON(s string, forHTML bool) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(forHTML)
	if enc.Encode(s) != nil {
		return s
	}
	return within(strings.TrimSpace(b.String()))
}

func within(quoted string) string { return quoted[1 : len(quoted)-1] }

// lowered writes %2F as %2f.
func lowered(s string) string {
	b := []byte(s)
	for i := range b {
		if i+2 < len(b) && b[i] == '%' {
			copy(b[i:], strings.ToLower(s[i:i+3]))
		}
	}
	return string(b)
}

func spaced(format, secret string) string {
	var b strings.Builder
	for i := range len(secret) {
		fmt.Fprintf(&b, format, secret[i])
	}
	return strings.TrimRight(b.String(), " ,")
}

// Find returns the form in which the canary stands in a text, and false if it does not.
func (c Canary) Find(text string) (kind string, found bool) {
	for _, f := range c.forms {
		if strings.Contains(text, f.text) {
			return f.kind, true
		}
	}
	return "", false
}

// Spell returns a value in every way in which a program may print it: by the verbs of fmt, by encoding/json and by both
// handlers of log/slog; and, one after the other, the errors inside of an error.
func Spell(v any) string {
	var b strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%+q", "%x", "%X", "%d"} {
		if verb == "%d" && !plain(v) {
			continue
		}
		fmt.Fprintf(&b, verb+"\n", v)
	}
	if encoded, err := json.Marshal(v); err == nil {
		b.Write(encoded)
	}
	for _, log := range []*slog.Logger{slog.New(slog.NewTextHandler(&b, nil)), slog.New(slog.NewJSONHandler(&b, nil))} {
		log.LogAttrs(context.Background(), slog.LevelError, "spelt", slog.Any("value", v))
	}
	if err, ok := v.(error); ok {
		for _, inner := range unwrapped(err) {
			b.WriteString("\n" + Spell(inner))
		}
		b.WriteString("\n" + fmt.Sprintf("%v %+v", fmt.Errorf("wrapped: %w", err), errors.Join(err, err)))
	}
	return b.String()
}

// plain reports whether a value has no methods of its own to print by; with them, %d goes past them and reads what may be
// changing meanwhile.
func plain(v any) bool {
	switch v.(type) {
	case fmt.Stringer, fmt.GoStringer, fmt.Formatter, error:
		return false
	}
	return true
}

func unwrapped(err error) []error {
	switch err := err.(type) { //nolint:errorlint // each error of the tree is looked at by itself
	case interface{ Unwrap() error }:
		if inner := err.Unwrap(); inner != nil {
			return []error{inner}
		}
	case interface{ Unwrap() []error }:
		return slices.DeleteFunc(slices.Clone(err.Unwrap()), func(e error) bool { return e == nil })
	}
	return nil
}
