package cassette

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// foldedTag marks the place of a body that is written over several lines. No text has it: the yaml package writes it for a node only.
const foldedTag = "!folded"

// foldedPlace matches such a place. The keys of a request and an answer, and nothing else, are indented by 8 columns.
var foldedPlace = regexp.MustCompile(`(?m)^ {8}body: ` + foldedTag + ` (\d+)$`)

// folder writes bodies of JSON over several lines, which the yaml package cannot.
type folder struct{ bodies []string }

// body returns a body for the yaml package: itself, or a place that fill finds.
func (f *folder) body(text string) yamlBody {
	if !foldable(text) {
		return yamlBody{text: quotedText(text)}
	}
	f.bodies = append(f.bodies, text)
	return yamlBody{place: &yaml.Node{Kind: yaml.ScalarNode, Tag: foldedTag, Value: strconv.Itoa(len(f.bodies) - 1)}}
}

// yamlBody is a body, or its place in a [folder].
type yamlBody struct {
	text  quotedText
	place *yaml.Node
}

// MarshalYAML implements yaml.Marshaler.
func (b yamlBody) MarshalYAML() (any, error) {
	if b.place != nil {
		return b.place, nil
	}
	return b.text.MarshalYAML()
}

// fill returns a document with the bodies in their places.
func (f *folder) fill(doc []byte) []byte {
	out := make([]byte, 0, 2*len(doc))
	from := 0
	for _, m := range foldedPlace.FindAllSubmatchIndex(doc, -1) {
		i, err := strconv.Atoi(string(doc[m[2]:m[3]]))
		if err != nil || i >= len(f.bodies) {
			continue // not a place of ours; Write reads back what it has written
		}
		out = append(out, doc[from:m[0]]...)
		out = appendFolded(out, f.bodies[i])
		from = m[1]
	}
	return append(out, doc[from:]...)
}

// The bounds of what is written over several lines. A short body reads well on one line. The others keep a deep or a huge body from
// growing into a much larger file.
const (
	minFolded      = 80      // bytes of a body
	maxFolded      = 1 << 20 // bytes of a body
	maxFoldedDepth = 8       // objects and lists around a line; deeper ones stay on the line of their member
)

// foldable reports whether a body is JSON on one line. JSON with line breaks is a literal block, which has several lines already.
func foldable(body string) bool {
	return minFolded <= len(body) && len(body) <= maxFolded && (body[0] == '{' || body[0] == '[') &&
		!strings.Contains(body, "\n") && utf8.ValidString(body) && json.Valid([]byte(body))
}

// appendFolded appends a JSON text as the value of a key that is indented by 8 columns: a text between double quotes, with one member of
// an object or a list on each line. A backslash at the end of a line joins it with the next one, whose indentation does not count. So
// YAML reads the same bytes.
func appendFolded(out []byte, text string) []byte {
	out = append(out, `        body: "`...)
	depth := 0
	due, empty := true, false // a line break, and an object or a list that has no member so far
	inString, escaped := false, false
	for _, c := range text {
		switch {
		case escaped:
			escaped = false
		case inString:
			escaped, inString = c == '\\', c != '"'
		case c == ' ', c == '\t', c == '\r': // stays on the line before, where YAML keeps it
		default:
			if c == '}' || c == ']' {
				due = !empty && depth <= maxFoldedDepth
				depth--
			}
			if due {
				out = append(out, "\\\n            "...)
				out = append(out, strings.Repeat("  ", depth)...)
			}
			empty = c == '{' || c == '['
			if empty {
				depth++
			}
			due = (empty || c == ',') && depth <= maxFoldedDepth
			inString = c == '"'
		}
		out = appendQuoted(out, c)
	}
	return append(out, '"')
}

// appendQuoted appends a character of a text between double quotes.
func appendQuoted(out []byte, c rune) []byte {
	switch {
	case c == '"' || c == '\\':
		return append(out, '\\', byte(c))
	case unicode.IsPrint(c):
		return utf8.AppendRune(out, c)
	case c > 0xffff:
		return fmt.Appendf(out, `\U%08X`, c)
	}
	return fmt.Appendf(out, `\u%04X`, c)
}
