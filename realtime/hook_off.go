//go:build !queupcanary

package realtime

import "log/slog"

// The hooks of `make secrets`: what they get is searched for secrets in a build with the tag queupcanary. In any other they are
// empty, and the compiler leaves the calls out. hook_on.go has the same functions.

// hookLogger returns the logger of a connection without a [Config.Logger].
func hookLogger() *slog.Logger { return slog.New(slog.DiscardHandler) }

// hookDial gets each error of an attempt to get a link.
func hookDial(error) {}

// hookEvent gets each event.
func hookEvent(Event) {}
