//go:build queupcanary

package client

import (
	"log/slog"

	"github.com/queup-go/queup/internal/testkit/canary"
)

// These are the hooks of `make secrets`; hook_off.go says what each receives. tools/secrets lists the places that call them.

func hookLogger() *slog.Logger { return canary.Logger("the log of client") }

func hookCall(err error) { canary.Watch("errors of REST calls in client", err) }

func hookOperation(err error) { canary.Watch("errors of operations in client", err) }

func hookReport(err error) { canary.Watch("errors for the error handler of client", err) }

func hookEvent(e Event) { canary.Watch("events of client", e) }
