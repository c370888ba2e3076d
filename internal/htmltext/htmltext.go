// Package htmltext turns the HTML text that QueUp sends into plain text and back.
package htmltext

import (
	"bytes"
	"html"
	"strings"
)

// Encode escapes the five characters that QueUp's clients escape: & < > " and '.
func Encode(s string) string { return html.EscapeString(s) }

// Decode returns s with each entity replaced by its character, once and from left to right: "&amp;lt;" becomes "&lt;". Only
// entities that end with a semicolon count. Browsers accept some without it, but that would destroy addresses such as
// "?a=1&copy=2".
func Decode(s []byte) string {
	i := bytes.IndexByte(s, '&')
	if i < 0 {
		return string(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	for i >= 0 {
		b.Write(s[:i])
		s = s[i:]
		n := entityLen(s)
		if text, ok := decodeEntity(s[:n]); ok {
			b.WriteString(text)
		} else {
			n = 1
			b.WriteByte('&')
		}
		s = s[n:]
		i = bytes.IndexByte(s, '&')
	}
	b.Write(s)
	return b.String()
}

// entityLen returns the length of the entity at the start of s, which begins with '&', known or not. It is 0 if there is none.
func entityLen(s []byte) int {
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == ';':
			return i + 1
		case c == '#' && i == 1, '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		default:
			return 0
		}
	}
	return 0
}

// decodeEntity returns the text of a single entity. Package html also replaces a mere prefix, such as the "&not" in "&notit;", and
// leaves the rest with its semicolon. That is how it is recognised here: no entity but that of the semicolon itself has a text that
// ends with one.
func decodeEntity(name []byte) (text string, ok bool) {
	switch string(name) { // nearly all entities of QueUp, without a search
	case "&amp;":
		return "&", true
	case "&lt;":
		return "<", true
	case "&gt;":
		return ">", true
	case "&quot;", "&#34;":
		return `"`, true
	case "&#39;":
		return "'", true
	}
	entity := string(name)
	if entity == "" || strings.EqualFold(entity, "&#x;") { // package html takes the latter for the number 0
		return "", false
	}
	text = html.UnescapeString(entity)
	if text == entity || len(text) > 1 && strings.HasSuffix(text, ";") {
		return "", false
	}
	return text, true
}
