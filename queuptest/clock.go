package queuptest

import (
	"fmt"
	"net/http"
	"time"
)

// maxClockOffset bounds [ClockOffset], so that no time of the server leaves the years that its formats can express.
const maxClockOffset = 100 * 365 * 24 * time.Hour

// ClockOffset sets the server's clock d ahead of the client's, or behind it if d is negative; at most 100 years. Everything
// that the server states is by that clock: the Date header of each answer, the times of events, messages, plays and records,
// and ids that hold a time. How long things last does not change. The times of [Server.Log] stay those of package time.
func ClockOffset(d time.Duration) Option {
	return func(c *config) error {
		if d < -maxClockOffset || d > maxClockOffset {
			return fmt.Errorf("clock offset of %v: at most %v either way", d, maxClockOffset)
		}
		c.rules.ahead = d
		return nil
	}
}

// now returns the time by the server's clock.
func (s *state) now() time.Time { return time.Now().Add(s.ahead) }

// dated has each answer say the time by the server's clock. net/http would say its own.
func dated(s *state, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
		next.ServeHTTP(w, r)
	})
}
