package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"
	"unicode/utf16"

	"github.com/queup-go/queup/gen/wire"
)

// TimeFromMillis converts epoch milliseconds, as QueUp sends them, to a time in UTC. It is backtracked's utils.dt.
func TimeFromMillis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// Millis converts a time to epoch milliseconds; smaller fractions are cut off. It is backtracked's utils.ts.
func Millis(t time.Time) int64 { return t.UnixMilli() }

// ParseTimestamp reads an ISO 8601 timestamp with date, time and zone, for example 2017-06-02T16:23:14.815Z, and returns
// it in UTC. It is backtracked's utils.tzdt. Any other text is a *time.ParseError.
func ParseTimestamp(iso string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, iso)
	if err != nil {
		return time.Time{}, err
	}
	return t.UTC(), nil
}

// FormatSongLength writes a length as a player shows it: minutes and seconds (03:54), with hours in front from one hour on
// (1:02:03). Parts of a second are cut off and a negative length counts as zero. It is backtracked's utils.song_length.
func FormatSongLength(d time.Duration) string {
	seconds := int64(max(d, 0) / time.Second)
	if seconds < 3600 {
		return fmt.Sprintf("%02d:%02d", seconds/60, seconds%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
}

// Find returns the first value of seq that match accepts. It is backtracked's utils.get, with a function instead of
// attributes.
func Find[T any](seq iter.Seq[T], match func(T) bool) (T, bool) {
	for v := range seq {
		if match(v) {
			return v, true
		}
	}
	var none T
	return none, false
}

// extra holds the members of a wire object that its value has no field for. It is embedded in the values.
type extra struct {
	members map[string]json.RawMessage // not changed once set
}

// Extra returns the fields that QueUp sent and that the value cannot hold, by their name on the wire: those this version
// does not know, and those whose value did not fit. The map and its values are copies.
func (x extra) Extra() map[string]json.RawMessage {
	members := maps.Clone(x.members)
	for name, value := range members {
		members[name] = bytes.Clone(value)
	}
	return members
}

func (x extra) sameExtra(y extra) bool {
	return maps.EqualFunc(x.members, y.members, func(a, b json.RawMessage) bool { return bytes.Equal(a, b) })
}

// isPermutation reports whether both lists have the same ids, in any order, and no id twice.
func isPermutation[T ~string](list, of []T) bool {
	list, of = slices.Sorted(slices.Values(list)), slices.Sorted(slices.Values(of))
	return slices.Equal(list, of) && len(slices.Compact(list)) == len(of)
}

// utf16Len returns the length as JavaScript counts it.
func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// pictureURL returns the best address of an uploaded picture.
func pictureURL(p wire.ProfileImage) string {
	if p.SecureURL != "" {
		return p.SecureURL
	}
	return p.URL
}
