package lenient

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-faster/jx"

	"github.com/queup-go/queup/internal/htmltext"
)

// String decodes text; numbers and booleans become the text they are written with.
func String[T ~string](dst *T, d *Decoder) (jx.Raw, error) {
	*dst = ""
	switch d.Next() {
	case jx.String:
		b, err := d.StrBytes()
		if err == nil {
			*dst = T(shared(b))
		}
		return nil, err
	case jx.Number, jx.Bool:
		b, err := d.Raw()
		*dst = T(shared(b))
		return nil, err
	case jx.Null:
		return nil, d.Null()
	default:
		return d.Raw()
	}
}

// HTML decodes text that carries HTML entities on the wire.
func HTML[T ~string](dst *T, d *Decoder) (jx.Raw, error) {
	if d.Next() != jx.String {
		return String(dst, d)
	}
	b, err := d.StrBytes()
	*dst = T(valid(htmltext.Decode(b)))
	return nil, err
}

// ID decodes an id: text, a number, or an object that holds one of the two under "_id" or, failing that, "id".
func ID[T ~string](dst *T, d *Decoder) (jx.Raw, error) {
	*dst = ""
	switch d.Next() {
	case jx.String, jx.Number, jx.Null:
		return String(dst, d)
	}
	b, err := d.Raw()
	if err != nil || b[0] != '{' {
		return b, err
	}
	var found bool
	inner := d.within(b)
	defer inner.GiveBack()
	err = inner.ObjBytes(func(_ *jx.Decoder, key []byte) error {
		underscored := string(key) == "_id"
		if t := inner.Next(); (underscored || string(key) == "id" && !found) && (t == jx.String || t == jx.Number) {
			found = found || underscored
			return Drop(String(dst, inner))
		}
		return inner.Skip()
	})
	if err != nil || *dst != "" {
		return nil, err
	}
	return b, nil
}

// Int decodes an integer: a number or numeric text, whose fraction is cut off, or a boolean, as 0 or 1.
func Int[T ~int64](dst *T, d *Decoder) (jx.Raw, error) {
	b, err := raw(d)
	if err != nil {
		return nil, err
	}
	n, ok := parseInt(b)
	*dst = T(n)
	return unless(ok, b), nil
}

// Float decodes a number or numeric text.
func Float[T ~float64](dst *T, d *Decoder) (jx.Raw, error) {
	*dst = 0
	b, err := raw(d)
	if err != nil || b[0] == 'n' {
		return nil, err
	}
	f, ok := parseFloat(numeric(b))
	if ok {
		*dst = T(f)
	}
	return unless(ok, b), nil
}

// Bool decodes a boolean; a number, of which only 0 is false; or one of the texts "0", "1", "true" and "false".
func Bool[T ~bool](dst *T, d *Decoder) (jx.Raw, error) {
	*dst = false
	b, err := raw(d)
	if err != nil {
		return nil, err
	}
	switch string(b) {
	case "null", "false", `"false"`, `"0"`:
	case "true", `"true"`, `"1"`:
		*dst = true
	default:
		if b[0] != '-' && (b[0] < '0' || b[0] > '9') {
			return b, nil
		}
		*dst = T(strings.ContainsAny(mantissa(b), "123456789"))
	}
	return nil, nil
}

// mantissa returns a number without its exponent, which does not decide whether the number is 0.
func mantissa(b []byte) string {
	if i := bytes.IndexAny(b, "eE"); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

// Time decodes a moment: epoch milliseconds, as a number or as text, or ISO 8601 text. 0, "" and null are the zero
// Time. The result is in UTC and has whole milliseconds, because only those can be written back. Moments outside the years 1 to
// 9999 have no ISO form and do not fit.
func Time(dst *time.Time, d *Decoder) (jx.Raw, error) {
	*dst = time.Time{}
	b, err := raw(d)
	if err != nil {
		return nil, err
	}
	t, ok := parseTime(b)
	if ok {
		*dst = t
	}
	return unless(ok, b), nil
}

// Milliseconds decodes a length that is sent in whole milliseconds.
func Milliseconds(dst *time.Duration, d *Decoder) (jx.Raw, error) {
	if d.Next() == jx.Bool { // true never means 1 ms
		*dst = 0
		return d.Raw()
	}
	return duration(dst, d, time.Millisecond)
}

// Seconds decodes a length that is sent in whole seconds.
func Seconds(dst *time.Duration, d *Decoder) (jx.Raw, error) {
	return duration(dst, d, time.Second)
}

// Minutes decodes a length that is sent in whole minutes.
func Minutes(dst *time.Duration, d *Decoder) (jx.Raw, error) {
	return duration(dst, d, time.Minute)
}

func duration(dst *time.Duration, d *Decoder, unit time.Duration) (jx.Raw, error) {
	*dst = 0
	b, err := raw(d)
	if err != nil {
		return nil, err
	}
	n, ok := parseInt(b)
	if limit := math.MaxInt64 / int64(unit); n > limit || n < -limit {
		ok = false
	}
	if ok {
		*dst = time.Duration(n) * unit
	}
	return unless(ok, b), nil
}

// Raw keeps any value as it came; null is nil.
func Raw(dst *json.RawMessage, d *Decoder) (jx.Raw, error) {
	*dst = nil
	b, err := raw(d)
	if err == nil && b[0] != 'n' {
		*dst = bytes.Clone(b)
	}
	return nil, err
}

// unless returns b, the unfit value, unless it fits.
func unless(fits bool, b jx.Raw) jx.Raw {
	if fits {
		return nil
	}
	return b
}

func parseInt(b jx.Raw) (n int64, ok bool) {
	switch b[0] {
	case 'n', 'f':
		return 0, true
	case 't':
		return 1, true
	}
	if n, ok := plainInt(b); ok {
		return n, true
	}
	s := numeric(b)
	if s == "" {
		return 0, false
	}
	// An integer, with or without a fraction, is never converted to float64, which is exact up to 2^53 only.
	digits, fraction, _ := strings.Cut(s, ".")
	if strings.Trim(fraction, "0123456789") == "" {
		n, err := strconv.ParseInt(digits, 10, 64)
		switch {
		case err == nil:
			return n, true
		case errors.Is(err, strconv.ErrRange):
			return 0, false
		}
	}
	f, ok := parseFloat(s)
	if f = math.Trunc(f); !ok || f < math.MinInt64 || f >= math.MaxInt64 { // the limit itself rounds to 2^63: too large
		return 0, false
	}
	return int64(f), true
}

// plainInt reads an integer of at most 18 digits without allocating a string. Nearly all numbers are such integers.
func plainInt(b []byte) (n int64, ok bool) {
	digits := bytes.TrimPrefix(b, minus)
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if len(digits) < len(b) {
		n = -n
	}
	return n, true
}

var minus = []byte("-")

func parseFloat(s string) (float64, bool) {
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// numeric returns a number, bare or in quotes, as text, and "" for any other value. It refuses numbers of strconv that JSON does
// not have: NaN, infinities, hexadecimal digits, underscores.
func numeric(b jx.Raw) string {
	var s string
	switch b[0] {
	case '"':
		s = strings.TrimSpace(unquote(b))
	case '{', '[', 't', 'f', 'n':
		return ""
	default:
		s = string(b)
	}
	if strings.Trim(s, "0123456789+-.eE") != "" {
		return ""
	}
	return s
}

// unquote returns the text of a JSON string that is known to be well-formed.
func unquote(b jx.Raw) (s string) {
	if bytes.IndexByte(b, '\\') < 0 {
		return string(b[1 : len(b)-1])
	}
	d := Lend(b)
	defer d.GiveBack()
	s, _ = d.Str()
	return s
}

// isoLayouts are the forms of ISO 8601 in use, the one of JavaScript first. Text without a zone means UTC. Parse accepts a
// fraction of a second where the layout has none.
var isoLayouts = []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05", time.DateTime, time.DateOnly}

func parseTime(b jx.Raw) (t time.Time, ok bool) {
	switch b[0] {
	case 'n':
		return t, true
	case '{', '[', 't', 'f':
		return t, false
	}
	ms, ok := parseInt(b)
	if !ok && b[0] == '"' {
		s := strings.TrimSpace(unquote(b))
		if s == "" {
			return t, true
		}
		for _, layout := range isoLayouts {
			if iso, err := time.Parse(layout, s); err == nil {
				ms, ok = iso.UnixMilli(), true
				break
			}
		}
	}
	if !ok || ms == 0 {
		return t, ok
	}
	if t = time.UnixMilli(ms).UTC(); t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, false
	}
	return t, true
}
