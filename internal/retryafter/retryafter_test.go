package retryafter_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/internal/retryafter"
	"github.com/queup-go/queup/internal/saturate"
)

func TestRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		at := func(d time.Duration) string { return now.Add(d).UTC().Format(http.TimeFormat) }
		for name, test := range map[string]struct {
			value, date string
			want        time.Duration
		}{
			"nothing":                        {"", "", 0},
			"seconds":                        {"120", "", 2 * time.Minute},
			"seconds with white space":       {" 120 ", "", 2 * time.Minute},
			"more seconds than a duration":   {"9999999999999", "", saturate.Longest},
			"more seconds than an integer":   {"99999999999999999999999", "", saturate.Longest},
			"less than none":                 {"-5", "", 0},
			"a word":                         {"soon", "", 0},
			"a date":                         {at(90 * time.Second), "", 90 * time.Second},
			"a date of the past":             {at(-90 * time.Second), "", 0},
			"a date by a clock that is fast": {at(time.Hour + 2*time.Second), at(time.Hour), 2 * time.Second},
			"a date by a clock that is slow": {at(2*time.Second - time.Hour), at(-time.Hour), 2 * time.Second},
			"seconds by any clock":           {"2", at(time.Hour), 2 * time.Second},
			"beside a Date that is none":     {at(3 * time.Second), "today", 3 * time.Second},
		} {
			h := http.Header{}
			h.Set("Retry-After", test.value)
			h.Set("Date", test.date)
			if got := retryafter.Read(h); got != test.want {
				t.Errorf("%s: %v, want %v", name, got, test.want)
			}
		}
	})
}
