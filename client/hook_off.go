//go:build !queupcanary

package client

import "log/slog"

// The hooks of `make secrets`: what they get is searched for secrets in a build with the tag queupcanary. In any other they are
// empty, and the compiler leaves the calls out. hook_on.go has the same functions.

// hookLogger returns the logger of a client without [WithLogger].
func hookLogger() *slog.Logger { return slog.New(slog.DiscardHandler) }

// hookCall gets each error of a REST call.
func hookCall(error) {}

// hookOperation gets each error that a method returns for a REST call.
func hookOperation(error) {}

// hookReport gets each error for the error handler.
func hookReport(error) {}

// hookEvent gets each event.
func hookEvent(Event) {}
