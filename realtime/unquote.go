package realtime

import (
	"bytes"

	"github.com/go-faster/jx"
)

// piece is a length that most text between two backslashes does not exceed.
const piece = 16

// unquote returns the text of a JSON string that is known to be well-formed. Event data is JSON in a string: full of
// escaped quotes, with hardly any other escape, so it is copied from one backslash to the next. A piece of fixed length is
// copied in one go; what it has too much is overwritten by the next.
func unquote(quoted jx.Raw) ([]byte, error) {
	rest := quoted[1 : len(quoted)-1]
	text, n := make([]byte, len(rest)+piece), 0
	for {
		i := bytes.IndexByte(rest, '\\')
		if i < 0 {
			n += copy(text[n:], rest)
			return text[:n:n], nil
		}
		c := unescaped[rest[i+1]]
		if c == 0 { // \u0041
			return jx.DecodeBytes(quoted).StrAppend(text[:0])
		}
		if i <= piece && len(rest) >= piece {
			*(*[piece]byte)(text[n:]) = [piece]byte(rest)
		} else {
			copy(text[n:], rest[:i])
		}
		text[n+i] = c
		n += i + 1
		rest = rest[i+2:]
	}
}

// unescaped is what stands behind a backslash for one byte.
var unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}
