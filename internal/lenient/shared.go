package lenient

import (
	"hash/maphash"
	"sync/atomic"
	"unicode/utf8"
)

const (
	sharedStrings   = 8192 // remembered at most; a power of two
	maxSharedLength = 32   // bytes; longer ones, such as the ids of chat lines, hardly come twice
)

// recent holds the strings that were decoded last, each in the place that its hash gives it: ids, names and the like come
// again and again, and need not be made each time. Whoever comes next to a place takes it.
var (
	recent [sharedStrings]atomic.Pointer[string]
	seed   = maphash.MakeSeed()
)

// shared returns valid UTF-8 text with the content of b: a string that was made before, if one is remembered.
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
