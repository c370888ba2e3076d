package scenetest

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"
)

// Run is the function run of an example.
type Run func(ctx context.Context, out io.Writer, getenv func(string) string) error

// EndsWithItsContext runs the demonstration of an example for each of these times, and fails a test if it does not end soon.
func EndsWithItsContext(t *testing.T, run Run, times ...time.Duration) {
	t.Helper()
	for _, d := range times {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		start := time.Now()
		if err := run(ctx, new(bytes.Buffer), Environment(nil)); err != nil || time.Since(start) > 8*time.Second {
			t.Errorf("run = %v after %v", err, time.Since(start))
		}
		cancel()
	}
}

// NeedsAllVariablesOrNone runs an example with one of its variables, and fails a test if the error does not say what is missing.
func NeedsAllVariablesOrNone(t *testing.T, run Run) {
	t.Helper()
	for _, given := range []string{"QUEUP_EMAIL", "QUEUP_PASSWORD", "QUEUP_ROOM"} {
		err := run(t.Context(), new(bytes.Buffer), Environment(map[string]string{given: "hunter2"}))
		if err == nil || !strings.Contains(err.Error(), "QUEUP_ROOM") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("with %s alone: %v", given, err)
		}
	}
}
