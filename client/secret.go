package client

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/queup-go/queup/internal/redact"
)

// Secret is a text that is never printed: fmt with any verb, log/slog and encoding/json show a mask instead. A constant can
// be assigned to it directly, and string(s) returns the text.
type Secret string

// shown returns what is printed. It reveals only whether there is a secret.
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

// Format masks the secret for all verbs, including those that do not call String.
func (s Secret) Format(f fmt.State, verb rune) {
	text := s.shown()
	if verb == 'q' || verb == 'v' && f.Flag('#') {
		text = s.GoString()
	}
	_, _ = io.WriteString(f, text)
}

// LogValue is String, for handlers of log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.shown()) }

// MarshalText is String, for encoding/json and similar encoders. Decoders set the text as it is.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.shown()), nil }
