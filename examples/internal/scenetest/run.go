package scenetest

import (
	"bytes"
	"context"
	"io"
	"slices"
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

// NeedsAllVariablesOrNone runs a bot with one of its variables, own ones included, and fails a test if the error does not name those
// that are missing.
func NeedsAllVariablesOrNone(t *testing.T, run Run, own ...string) {
	t.Helper()
	needed := []string{"QUEUP_EMAIL", "QUEUP_PASSWORD", "QUEUP_ROOM"}
	for _, given := range slices.Concat(needed, []string{"QUEUP_URL"}, own) {
		var out bytes.Buffer
		err := run(t.Context(), &out, Environment(map[string]string{given: "hunter2"}))
		missing := strings.Join(slices.DeleteFunc(slices.Clone(needed), func(name string) bool { return name == given }), ", ")
		if err == nil || !strings.HasPrefix(err.Error(), "not set: "+missing+".") || strings.Contains(err.Error(), "hunter2") || out.Len() > 0 {
			t.Errorf("with %s alone: %v, printed %q; want an error that names %s", given, err, &out, missing)
		}
	}
}
