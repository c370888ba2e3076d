// Package source finds lines of this module's files, so that a failing test can name the line to change.
package source

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Line returns the only line of a file that contains the text, as "client/events.go:441". The path is relative to the folder of
// go.mod. Without such a line, or with more than one, the test fails.
func Line(tb testing.TB, path, text string) string {
	tb.Helper()
	at := 0
	for i, line := range strings.Split(Read(tb, path), "\n") {
		if !strings.Contains(line, text) {
			continue
		}
		if at > 0 {
			tb.Fatalf("%s: both line %d and line %d contain %q", path, at, i+1, text)
		}
		at = i + 1
	}
	if at == 0 {
		tb.Fatalf("%s: no line contains %q", path, text)
	}
	return fmt.Sprintf("%s:%d", path, at)
}

// Read returns the content of a file. The path is relative to the folder of go.mod.
func Read(tb testing.TB, path string) string {
	tb.Helper()
	content, err := os.ReadFile(filepath.Join(root(tb), filepath.FromSlash(path)))
	if err != nil {
		tb.Fatal(err)
	}
	return string(content)
}

// root returns the folder of go.mod, which is the working directory of the test or above it.
func root(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if filepath.Dir(dir) == dir {
			tb.Fatal("no folder above the working directory has a go.mod")
		}
		dir = filepath.Dir(dir)
	}
}
