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

// hide returns err without secrets. This package puts none into errors, but a foreign dialer may quote the URL, and a server
// may echo our data. The errors of this package keep their type and have their texts masked. Any other error that quotes a
// secret is replaced by one that matches the same errors and cannot be unwrapped.
func (c *Conn) hide(err error) error {
	switch e := err.(type) { //nolint:errorlint // each error of the tree is looked at by itself
	case *HandshakeError:
		masked := *e
		masked.Body, masked.Err = c.known.Bytes(e.Body), c.known.Error(e.Err)
		return &masked
	case *CloseError:
		return &CloseError{Code: e.Code, Reason: c.known.Text(e.Reason)}
	case *permanentError:
		return &permanentError{c.hide(e.err)}
	}
	if !c.known.Taints(err) {
		return err
	}
	// If the wrapper of one of our errors quotes a secret, drop the wrapper and keep our error.
	masked := c.known.Error(err)
	if refused, ok := errors.AsType[*HandshakeError](err); ok {
		masked = c.hide(refused)
	} else if closed, ok := errors.AsType[*CloseError](err); ok {
		masked = c.hide(closed)
	}
	if IsPermanent(err) {
		return Permanent(masked)
	}
	return masked
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
