package realtime

import (
	"errors"
	"fmt"

	"github.com/queup-go/queup/internal/redact"
)

// The kinds of secrets that a connection knows.
const (
	secretToken    = "token"
	secretPassword = "password" // in the configured URL
)

// hide returns err without a secret. We put none anywhere, but a foreign dialer may quote the URL, and a server may send
// back what it was sent. What callers look into is copied with its texts masked; any other error that quotes a secret is
// replaced by one that matches the same errors and cannot be unwrapped.
func (c *Conn) hide(err error) error {
	clean := err
	if refused, ok := errors.AsType[*HandshakeError](err); ok {
		if body := c.known.Bytes(refused.Body); string(body) != string(refused.Body) || c.known.Error(refused.Err) != refused.Err { //nolint:errorlint // the same or not
			masked := *refused
			masked.Body, masked.Err = body, c.known.Error(refused.Err)
			if clean = &masked; IsPermanent(err) {
				clean = Permanent(clean)
			}
		}
	}
	if closed, ok := errors.AsType[*CloseError](err); ok {
		if reason := c.known.Text(closed.Reason); reason != closed.Reason {
			clean = &CloseError{Code: closed.Code, Reason: reason}
		}
	}
	return c.known.Error(clean)
}

// Format prints a frame as any other struct, with its token masked.
func (f Frame) Format(s fmt.State, verb rune) {
	type plain Frame
	masked := plain(f)
	if masked.Token != "" {
		masked.Token = redact.Mask
	}
	_, _ = fmt.Fprintf(s, fmt.FormatString(s, verb), masked)
}
