package retryafter_test

import (
	"math"
	"net/http"
	"strings"
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

func TestWords(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"10 mins":                          10 * time.Minute,
		"wait 10 Minutes please":           10 * time.Minute,
		"1 mins":                           time.Minute,
		"30s":                              30 * time.Second,
		"7 secs":                           7 * time.Second,
		"an hour":                          time.Hour,
		"1 hour, 5 mins and 3 seconds":     time.Hour + 5*time.Minute + 3*time.Second,
		"1.5 hours":                        90 * time.Minute,
		"2 days":                           48 * time.Hour,
		"20 lines in 30 secs: 10 mins":     10 * time.Minute,
		"":                                 0,
		"slow down":                        0,
		"10":                               0,
		"500 ms":                           0,
		"10 monkeys":                       0,
		"99999999999999999999999 days":     math.MaxInt64,
		strings.Repeat("9", 400) + " mins": math.MaxInt64,
	} {
		if got := retryafter.Words(text); got != want {
			t.Errorf("Words(%.40q) = %v, want %v", text, got, want)
		}
	}
}
