package lenient

import (
	"hash/maphash"
	"sync/atomic"
	"unicode/utf8"
)

const (
	sharedStrings   = 8192 // remembered at most; a power of two
	maxSharedLength = 32   // bytes; longer strings, such as the ids of chat lines, hardly come twice
)

// recent holds the strings that were decoded last, each in the place that its hash chooses. Ids, names and the like come
// repeatedly and need not be allocated each time. The next string with the same place replaces the one there.
var (
	recent [sharedStrings]atomic.Pointer[string]
	seed   = maphash.MakeSeed()
)

// shared returns valid UTF-8 text with the content of b: an earlier string if one is remembered.
func shared(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if len(b) > maxSharedLength {
		return valid(string(b))
	}
	place := &recent[maphash.Bytes(seed, b)&(sharedStrings-1)]
	if s := place.Load(); s != nil && *s == string(b) {
		return *s
	}
	s := valid(string(b))
	place.Store(&s)
	return s
}

// valid returns text with a U+FFFD for each byte that is not UTF-8, as encoding/json does.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}
