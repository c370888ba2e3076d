// Package retryafter reads how long an HTTP answer asks the client to wait: in its header Retry-After, or in words.
package retryafter

import (
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/queup-go/queup/internal/saturate"
)

// Read returns the wait in an answer's Retry-After, which is in seconds or a date. It is never negative, and zero if there is
// none. A date is compared with the Date of the same answer, because the server's clock may differ from ours, and with our clock
// only if the answer has no Date.
func Read(answer http.Header) time.Duration {
	value := strings.TrimSpace(answer.Get("Retry-After"))
	if value == "" {
		return 0
	}
	if strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil { // out of range
			seconds = math.MaxInt64
		}
		return saturate.Times(seconds, time.Second)
	}
	until, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(answer.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return max(0, until.Sub(now))
}

// spans are durations in a row, such as "1 hour, 10 mins and 5s".
var (
	spans = regexp.MustCompile(`(?i)\b(?:(?:\d+(?:\.\d+)?\s*|(?:an?|one)\s+)(?:days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)\b(?:\s*,?\s*(?:and\s+)?)?)+`)
	span  = regexp.MustCompile(`(?i)\b(?:(\d+(?:\.\d+)?)\s*|(?:an?|one)\s+)([dhms])`)
)

var units = map[string]time.Duration{"d": 24 * time.Hour, "h": time.Hour, "m": time.Minute, "s": time.Second}

// Words returns the longest duration that a text states in words, such as 10 minutes for "10 mins", and zero if it states none.
func Words(text string) (wait time.Duration) {
	for _, row := range spans.FindAllString(text, -1) {
		sum := time.Duration(0)
		for _, m := range span.FindAllStringSubmatch(row, -1) {
			n, err := strconv.ParseFloat(m[1], 64)
			if err != nil { // "a", "an" or "one", where n is 0, or out of range, where n is infinite
				n = max(1, n)
			}
			sum = saturate.Add(sum, saturate.Float(n, units[strings.ToLower(m[2])]))
		}
		wait = max(wait, sum)
	}
	return wait
}
