package client

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/queup-go/queup/internal/redact"
)

// Secret is a text that is not shown: fmt with any verb, log/slog and encoding/json have a mask in its place. A constant can be
// assigned to it as it stands, and string(s) gives the text.
type Secret string

// shown tells no more than whether there is one.
func (s Secret) shown() string {
	if s == "" {
		return ""
	}
	return redact.Mask
}

// String returns a mask, or nothing if there is no secret.
func (s Secret) String() string { return s.shown() }

// GoString is String in quotes.
func (s Secret) GoString() string { return `"` + s.shown() + `"` }

// Format masks the secret for all verbs, also for those that ask no String.
func (s Secret) Format(f fmt.State, verb rune) {
	text := s.shown()
	if verb == 'q' || verb == 'v' && f.Flag('#') {
		text = s.GoString()
	}
	_, _ = io.WriteString(f, text)
}

// LogValue is String, for handlers of log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.shown()) }

// MarshalText is String, for encoding/json and others of its kind. What they read is taken as it is.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.shown()), nil }
