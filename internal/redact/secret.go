package redact

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a text that prints as a mask, however it is printed. Only Reveal returns the text. The zero value has none.
//
// The text is in a function, because fmt calls no methods on values in unexported fields but prints their contents. Of a function
// it prints the address, and so does every other package that walks through values.
type Secret struct {
	reveal func() string
}

// New makes a secret of a text.
func New(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{reveal: func() string { return text }}
}

// Reveal returns the secret itself. Call it only where the secret is sent to QueUp.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsZero reports whether there is no text.
func (s Secret) IsZero() bool { return s.reveal == nil }

// String returns the mask.
func (s Secret) String() string { return Mask }

// GoString returns the mask.
func (s Secret) GoString() string { return Mask }

// Format writes the mask for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Mask) }

// LogValue returns the mask.
func (s Secret) LogValue() slog.Value { return slog.StringValue(Mask) }

// MarshalText returns the mask, so that no encoder writes the secret.
func (s Secret) MarshalText() ([]byte, error) { return []byte(Mask), nil }
