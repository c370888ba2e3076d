package realtime

import (
	"encoding/binary"
	"math/bits"

	"github.com/go-faster/jx"
)

// unquote appends the text of a JSON string that is known to be well-formed to dst, which has to have room for it and a word
// more. Event data is JSON in a string: full of escaped quotes, with hardly any other escape, so it is copied word by word, and
// what a word has too much behind a backslash is overwritten by what follows. It is false for an escape of more than one letter.
func unquote(dst []byte, quoted jx.Raw) ([]byte, bool) {
	rest := quoted[1 : len(quoted)-1]
	n := len(dst)
	dst = dst[:n+len(rest)+word]
	for len(rest) > word {
		w := binary.LittleEndian.Uint64(rest)
		binary.LittleEndian.PutUint64(dst[n:], w)
		i := firstBackslash(w)
		if i == word {
			n, rest = n+word, rest[word:]
			continue
		}
		c := unescaped[rest[i+1]]
		if c == 0 {
			return nil, false
		}
		dst[n+i] = c
		n, rest = n+i+1, rest[i+2:]
	}
	for len(rest) > 0 {
		c, size := rest[0], 1
		if c == '\\' {
			if c, size = unescaped[rest[1]], 2; c == 0 {
				return nil, false
			}
		}
		dst[n] = c
		n, rest = n+1, rest[size:]
	}
	return dst[:n], true
}

const word = 8 // bytes in a uint64

// firstBackslash returns which byte of a word is the first backslash, and word for none. A byte is zero, and its highest bit
// survives, where subtracting 1 from it borrows.
func firstBackslash(w uint64) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	w ^= ones * '\\'
	return bits.TrailingZeros64((w-ones)&^w&highs) / word
}

// unescaped is what stands behind a backslash for one byte; u, which stands for more, is not among them.
var unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}
