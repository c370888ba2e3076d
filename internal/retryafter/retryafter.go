// Package retryafter reads the header Retry-After of HTTP answers.
package retryafter

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/queup-go/queup/internal/saturate"
)

// Read returns how long an answer asks to wait: its Retry-After in seconds, or as a date. It is never negative, and zero if
// the answer does not say. A date is compared with the Date of the same answer, because its sender's clock need not be ours;
// only an answer without one is read by our clock.
func Read(answer http.Header) time.Duration {
	value := strings.TrimSpace(answer.Get("Retry-After"))
	if value == "" {
		return 0
	}
	if strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil { // more than fit
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
