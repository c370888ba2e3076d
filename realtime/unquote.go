package realtime

import (
	"encoding/binary"
	"math/bits"
)

// unquote appends the text of a JSON string to dst and returns how many bytes of quoted the string took. Quoted begins after
// the opening quote; bytes after the closing one are ignored. dst must have room for all of quoted and one word more. ok is
// false for text that is not a JSON string, and for an escape of more than one letter.
//
// Event data is JSON in a string: many escaped quotes and hardly any other escape. So it is copied word by word, and the bytes
// that a word has after a backslash are overwritten by the next word.
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

// firstSpecial returns the index of the first byte of a word that does not stand for itself in a JSON string: a quote, a
// backslash or a control character. It returns word if there is none. Subtracting n from a byte borrows, and so sets the
// highest bit, if the byte is less than n. A borrow may mark the bytes above too, but never one below.
func firstSpecial(w uint64) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	quote, backslash := w^ones*'"', w^ones*'\\'
	special := (quote-ones)&^quote | (backslash-ones)&^backslash | (w-ones*' ')&^w
	return bits.TrailingZeros64(special&highs) / word
}

// unescaped maps the letter after a backslash to the byte it stands for. It is zero for u, which is followed by four digits.
var unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}
