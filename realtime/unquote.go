package realtime

import (
	"encoding/binary"
	"math/bits"
)

// unquote appends the text of a JSON string to dst, which has to have room for all of quoted and a word more, and says how much
// of quoted the string took. Quoted begins behind the opening quote; what follows the closing one is not looked at. Event data
// is JSON in a string: full of escaped quotes, with hardly any other escape, so it is copied word by word, and what a word has
// too much behind a backslash is overwritten by what follows. It is false for an escape of more than one letter, and for what is
// no JSON string.
func unquote(dst, quoted []byte) (text []byte, size int, ok bool) {
	rest := quoted
	n := len(dst)
	dst = dst[:n+len(rest)+word]
	for len(rest) > word {
		w := binary.LittleEndian.Uint64(rest)
		binary.LittleEndian.PutUint64(dst[n:], w)
		i := firstSpecial(w)
		if i == word {
			n, rest = n+word, rest[word:]
			continue
		}
		if rest[i] == '"' {
			return dst[:n+i], len(quoted) - len(rest) + i + 1, true
		}
		c := unescaped[rest[i+1]]
		if rest[i] != '\\' || c == 0 {
			return nil, 0, false
		}
		dst[n+i] = c
		n, rest = n+i+1, rest[i+2:]
	}
	for len(rest) > 0 {
		c, size := rest[0], 1
		switch {
		case c == '"':
			return dst[:n], len(quoted) - len(rest) + 1, true
		case c == '\\' && len(rest) > 1:
			c, size = unescaped[rest[1]], 2
		}
		if c < ' ' && size == 1 || c == 0 || c == '\\' && size == 1 {
			return nil, 0, false
		}
		dst[n] = c
		n, rest = n+1, rest[size:]
	}
	return nil, 0, false
}

const word = 8 // bytes in a uint64

// firstSpecial returns which byte of a word is the first that does not stand for itself in a JSON string: a quote, a backslash
// or a control character. It is word for none. A byte is less than n, and its highest bit survives, where subtracting n from it
// borrows; a borrow may mark the bytes above too, but never one below.
func firstSpecial(w uint64) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	quote, backslash := w^ones*'"', w^ones*'\\'
	special := (quote-ones)&^quote | (backslash-ones)&^backslash | (w-ones*' ')&^w
	return bits.TrailingZeros64(special&highs) / word
}

// unescaped is what stands behind a backslash for one byte; u, which stands for more, is not among them.
var unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}
