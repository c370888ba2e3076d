//go:build !queupcanary

package client

import "log/slog"

// These are the hooks of `make secrets`. In a build with the tag queupcanary, all that they receive is searched for secrets. In any other
// build they are empty, and the compiler removes the calls. hook_on.go has the same functions.

// hookLogger returns the logger of a client without [WithLogger].
func hookLogger() *slog.Logger { return slog.New(slog.DiscardHandler) }

// hookCall receives each error of a REST call.
func hookCall(error) {}

// hookOperation receives each error that a method returns for a REST call.
func hookOperation(error) {}

// hookReport receives each error for the error handler.
func hookReport(error) {}

// hookEvent receives each event.
func hookEvent(Event) {}
