package realtime

import (
	"errors"
	"net/http"
	"strings"
)

var (
	// ErrRateLimited is matched by a [ServerError], a *[CloseError], a *[HandshakeError] and a *[PresenceListError] that report a
	// rate limit. QueUp's front-end knows the word "rateLimited"; how it arrives is not known, so all four are searched for it.
	// See docs/PROTOCOL.md 5.7.
	ErrRateLimited = errors.New("realtime: rate limited")
	// ErrSpectatorLimit is matched by the same errors if they contain "spectatorLimitReached".
	ErrSpectatorLimit = errors.New("realtime: spectator limit reached")
)

// limited reports whether an answer means target. It is false for any target but the two errors above.
func limited(target error, status int, text string) bool {
	switch target {
	case ErrRateLimited: //nolint:errorlint // this implements errors.Is
		return status == http.StatusTooManyRequests || says(text, "ratelimit") || says(text, "toomanyrequests")
	case ErrSpectatorLimit:
		return says(text, "spectatorlimit")
	}
	return false
}

// says reports whether text contains words in any spelling: rateLimited, rate_limited, "Rate limit exceeded".
func says(text, words string) bool {
	letters := strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		case r >= 'a' && r <= 'z':
			return r
		}
		return -1
	}, text)
	return strings.Contains(letters, words)
}

// Is matches [ErrRateLimited] and [ErrSpectatorLimit].
func (e ServerError) Is(target error) bool { return limited(target, 0, e.Text) }

// Is matches [ErrRateLimited] and [ErrSpectatorLimit].
func (e *CloseError) Is(target error) bool { return limited(target, 0, e.Reason) }

// Is matches [ErrRateLimited] and [ErrSpectatorLimit].
func (e *HandshakeError) Is(target error) bool { return limited(target, e.Status, string(e.Body)) }
