// Package mutate makes hostile input out of good: texts of QueUp with something wrong in them, each from a seed and a
// number, so that one that did harm can be made again.
package mutate

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// Mutator makes inputs out of a corpus. It keeps nothing between them and is safe for concurrent use.
type Mutator struct {
	seed   uint64
	corpus [][]byte
}

// New makes a Mutator. The corpus holds JSON texts, or what has JSON in it, and must not be empty.
func New(seed uint64, corpus [][]byte) *Mutator {
	if len(corpus) == 0 {
		panic("mutate: the corpus is empty")
	}
	return &Mutator{seed, corpus}
}

// Huge is how often an input is huge: one of so many.
const Huge = 500

// maxHuge bounds what is made, in bytes: a little more than the largest frame that is read.
const maxHuge = 1<<20 + 1<<10

// Input returns the input of that number, at most [maxHuge] bytes of it.
func (m *Mutator) Input(number uint64) []byte {
	r := rand.New(rand.NewPCG(m.seed, number))
	text := bytes.Clone(m.pick(r))
	if number%Huge == Huge-1 {
		return clip(huge(r, text))
	}
	gentle := r.IntN(2) == 0 // what is no JSON at all is refused early, and proves little
	for range 1 + r.IntN(4) {
		if gentle {
			text = respell(r, text)
		} else {
			text = m.spoil(r, text)
		}
	}
	return clip(text)
}

func clip(text []byte) []byte { return text[:min(len(text), maxHuge)] }

func (m *Mutator) pick(r *rand.Rand) []byte { return m.corpus[r.IntN(len(m.corpus))] }

// spoil does one thing to a text.
func (m *Mutator) spoil(r *rand.Rand, text []byte) []byte {
	switch r.IntN(12) {
	case 0: // a bit
		if len(text) > 0 {
			text[r.IntN(len(text))] ^= 1 << r.IntN(8)
		}
		return text
	case 1: // something is missing
		from, to := piece(r, text)
		return append(text[:from:from], text[to:]...)
	case 2: // something comes twice
		from, to := piece(r, text)
		return splice(text, to, to, text[from:to])
	case 3: // the end is missing
		return text[:r.IntN(len(text)+1)]
	case 4: // bytes of no meaning
		noise := make([]byte, 1+r.IntN(8))
		for i := range noise {
			noise[i] = byte(r.Uint32() & 0xff)
		}
		at := r.IntN(len(text) + 1)
		return splice(text, at, at, noise)
	case 5: // the end of another text
		other := m.pick(r)
		return append(text[:r.IntN(len(text)+1)], other[r.IntN(len(other)+1):]...)
	default:
		return respell(r, text)
	}
}

// piece returns the bounds of some part.
func piece(r *rand.Rand, text []byte) (from, to int) {
	from = r.IntN(len(text) + 1)
	return from, from + r.IntN(min(len(text)-from, 64)+1)
}

// splice returns a copy of text with what instead of text[from:to].
func splice(text []byte, from, to int, what []byte) []byte {
	out := make([]byte, 0, len(text)-to+from+len(what))
	out = append(append(out, text[:from]...), what...)
	return append(out, text[to:]...)
}

// respell puts another value where a JSON value is, or a member twice.
func respell(r *rand.Rand, text []byte) []byte {
	spots := values(text)
	if len(spots) == 0 {
		return append(text, '{')
	}
	spot := spots[r.IntN(len(spots))]
	if spot.key != "" && r.IntN(5) == 0 {
		return splice(text, spot.to, spot.to, fmt.Appendf(nil, ",%s:%s", spot.key, value(r)))
	}
	return splice(text, spot.from, spot.to, []byte(value(r)))
}

// A spot is where a JSON string, number or literal stands that is no key.
type spot struct {
	from, to int
	key      string // of the member, in quotes; empty in an array
}

// values finds the simple values of a JSON text. It knows no more of JSON than it needs, as the text may be none.
func values(text []byte) (spots []spot) {
	key, escaped := "", bytes.Contains(text, []byte(`\"`))
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			end := i + 1
			for end < len(text) && text[end] != '"' {
				if text[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end+1, len(text))
			if end < len(text) && text[end] == ':' {
				key = string(text[i:end])
			} else {
				spots = append(spots, spot{i, end, key})
				key = ""
				if escaped { // JSON in a string: look into it as well
					spots = append(spots, inner(text, i, end)...)
				}
			}
			i = end
		case c >= '0' && c <= '9', c == '-', c >= 'a' && c <= 'z':
			end := i + 1
			for end < len(text) && bytes.IndexByte([]byte(",]}: \n\""), text[end]) < 0 {
				end++
			}
			spots = append(spots, spot{i, end, key})
			key, i = "", end
		default:
			if c == '{' || c == '[' {
				key = ""
			}
			i++
		}
	}
	return spots
}

// inner finds values in the escaped JSON of the string text[from:to]: what stands between an escaped colon and a comma.
func inner(text []byte, from, to int) (spots []spot) {
	for i := from; i < to; i++ {
		if text[i] != ':' || i+1 >= to {
			continue
		}
		end := i + 1
		for end < to-1 && text[end] != ',' && text[end] != '}' {
			end++
		}
		spots = append(spots, spot{from: i + 1, to: end})
	}
	return spots
}

// odd are values that somebody may not have thought of.
var odd = []string{
	"null", "true", "false", "0", "-0", "-1", "1e999", "-1e999", "1e-999", "0.1", "9223372036854775807", "9223372036854775808", "-9223372036854775809",
	"18446744073709551616", "1.7976931348623157e309", "253402300800000", "-62135596800001", "01", "+1", ".5", "1.", "1e", "NaN", "Infinity", "0x10",
	"[]", "{}", "[null]", "[[]]", "[{}]", `[{"_id":{}}]`, `{"_id":null}`, `{"_id":{"_id":"x"}}`, `{"":""}`, `{"a":1,"a":2}`, `{"type":"chat-message"}`,
	`""`, `" "`, `"0"`, `"1e3"`, `"NaN"`, `"-"`, `"true"`, `"null"`, `"2024-01-02T03:04:05.678Z"`, `"9999-12-31T23:59:59.999Z"`, `"0000-00-00"`, `"10000-01-01"`,
	`"\ud800"`, `"\udc00\ud800"`, `"\ud83d\ude00"`, `"\u0000"`, `"\uffff"`, "\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\x00\"", "\"\n\"",
	`"\x"`, `"\u12"`, `"`, `"&amp;lt;"`, `"&#0;"`, `"&#xD800;"`, `"&#99999999999;"`, `"&"`, `"&&&&;"`, `"<script>"`, `"%s%n%!"`, `"../../etc"`, `"__proto__"`,
	`"65b2a1c0d4e8b90012ab0001"`, `"\u202e"`, `"🎵"`, `"\\\\\""`, "tru", "nul", "undefined", "'x'", "", ",", ":", "}", "]", "/**/1",
}

// value returns a value that somebody may not have thought of, or one that is long or deep, if not very.
func value(r *rand.Rand) string {
	switch r.IntN(12) {
	case 0:
		return strconv.FormatUint(r.Uint64(), 10)
	case 1:
		return strconv.Quote(strings.Repeat("a&b;", r.IntN(500)))
	case 2:
		return nested(r, r.IntN(200))
	case 3:
		return strings.Repeat("9", r.IntN(400)) + "." + strings.Repeat("9", r.IntN(400))
	default:
		return odd[r.IntN(len(odd))]
	}
}

// nested returns lists or objects in each other, mostly closed again.
func nested(r *rand.Rand, levels int) string {
	open, shut := "[", "]"
	switch r.IntN(3) {
	case 0:
		open, shut = `{"user":`, "}"
	case 1:
		open, shut = `{"_id":[`, "]}"
	}
	text := strings.Repeat(open, levels) + "1"
	if r.IntN(4) > 0 {
		text += strings.Repeat(shut, levels)
	}
	return text
}

// huge returns a text with one value that is out of all proportion.
func huge(r *rand.Rand, text []byte) []byte {
	const size = 1 << 20
	var what string
	switch r.IntN(10) {
	case 0:
		what = nested(r, 9_000+r.IntN(3_000)) // about the deepest that is read
	case 1:
		what = nested(r, size/4)
	case 2:
		what = `"` + strings.Repeat("a", size) + `"`
	case 3:
		what = `"` + strings.Repeat([]string{"&", "&amp;", "&#x41;", "&a"}[r.IntN(4)], size/6) + `"`
	case 4:
		what = `"` + strings.Repeat([]string{`\ud800`, `\"`, "\xff", `\\`}[r.IntN(4)], size/6) + `"`
	case 5:
		what = strings.Repeat("9", size/2) + "." + strings.Repeat("9", size/2)
	case 6:
		what = "[" + strings.Repeat([]string{"{},", `"",`, "null,", "[],", "0,"}[r.IntN(5)], size/6) + "{}]"
	case 7:
		what = `{` + strings.Repeat(`"a":1,`, size/6) + `"a":2}`
	case 8:
		var b strings.Builder
		for i := range size / 12 {
			fmt.Fprintf(&b, `"k%d":%d,`, i, i%10)
		}
		what = `{` + b.String() + `"k":0}`
	default:
		what = strings.Repeat(" ", size)
	}
	spots := values(text)
	if len(spots) == 0 {
		return []byte(what)
	}
	spot := spots[r.IntN(len(spots))]
	return splice(text, spot.from, spot.to, []byte(what))
}
