package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strings"
	"time"
	"unicode"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// formats are those of api/README.md that JSON Schema does not have. Formats say nothing about values of other types.
var formats = []jsonschema.Format{
	{Name: "id", Validate: validID},
	{Name: "epoch-ms", Validate: validEpoch},
	{Name: "duration-ms", Validate: validDuration(time.Millisecond)},
	{Name: "duration-s", Validate: validDuration(time.Second)},
	{Name: "duration-min", Validate: validDuration(time.Minute)},
}

// validID wants an id that can stand in a path: no blank and no control character.
func validID(value any) error {
	if s, ok := value.(string); ok && strings.ContainsFunc(s, func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) || c == '/' }) {
		return fmt.Errorf("%q is not an id", s)
	}
	return nil
}

// validEpoch wants 0 or a time between 1990 and 2100; a time in seconds or microseconds is far outside.
func validEpoch(value any) error {
	n, ok := integer(value)
	if !ok || n == 0 {
		return nil
	}
	if year := time.UnixMilli(n).UTC().Year(); year < 1990 || year >= 2100 {
		return fmt.Errorf("%d ms after 1970 is in the year %d", n, year)
	}
	return nil
}

// validDuration wants a duration of that unit that fits in a [time.Duration]. QueUp does send negative ones.
func validDuration(unit time.Duration) func(value any) error {
	return func(value any) error {
		n, ok := integer(value)
		if ok && (n < math.MinInt64/int64(unit) || n > math.MaxInt64/int64(unit)) {
			return fmt.Errorf("%d is not a duration in %v", n, unit)
		}
		return nil
	}
}

// integer is a number as the validator hands it to formats. A number that is not an integer is left to the keyword type.
func integer(value any) (int64, bool) {
	number, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	r, ok := new(big.Rat).SetString(string(number))
	if !ok || !r.IsInt() || !r.Num().IsInt64() {
		return 0, false
	}
	return r.Num().Int64(), true
}
