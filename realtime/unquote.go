package realtime

import (
	"bytes"

	"github.com/go-faster/jx"
)

// unquote returns the text of a JSON string that is known to be well-formed. Event data is JSON in a string: full of
// escaped quotes, with hardly any other escape, so it is copied from one backslash to the next.
func unquote(quoted jx.Raw) ([]byte, error) {
	rest := quoted[1 : len(quoted)-1]
	text := make([]byte, 0, len(rest))
	for {
		i := bytes.IndexByte(rest, '\\')
		if i < 0 {
			return append(text, rest...), nil
		}
		c := unescaped[rest[i+1]]
		if c == 0 { // \u0041
			return jx.DecodeBytes(quoted).StrAppend(text[:0])
		}
		text = append(append(text, rest[:i]...), c)
		rest = rest[i+2:]
	}
}

// unescaped is what stands behind a backslash for one byte.
var unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}
