// Package printable makes foreign texts safe to print in an error or a log: they cannot move the cursor, begin a line or change
// the direction of reading.
package printable

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text returns s with every control character escaped as in JSON: C0, DEL and C1, line breaks included, those of bidirectional
// text, and the separators of lines and paragraphs. Bytes that are not UTF-8 are escaped as in Go. Text is idempotent.
func Text(s string) string {
	first := strings.IndexFunc(s, acts)
	if first < 0 {
		return s
	}
	var b strings.Builder
	b.WriteString(s[:first])
	for i := first; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r != utf8.RuneError && acts(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

// acts reports whether a character may be escaped. All of them have at most four hexadecimal digits. A replacement character is
// one of them, because bytes that are not UTF-8 are decoded as one.
func acts(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' || r == utf8.RuneError
}
