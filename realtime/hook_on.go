//go:build queupcanary

package realtime

import (
	"log/slog"

	"github.com/queup-go/queup/internal/testkit/canary"
)

// The hooks of `make secrets`; hook_off.go says what they get. tools/secrets lists the places.

func hookLogger() *slog.Logger { return canary.Logger("the log of realtime") }

func hookDial(err error) { canary.Watch("errors of dialling in realtime", err) }

func hookEvent(e Event) { canary.Watch("events of realtime", e) }
