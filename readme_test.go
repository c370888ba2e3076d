package queup_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The programs in README.md and docs/START.md are built, and the test among them passes.
func TestReadme(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs the go command, which compiles again what go test is compiling meanwhile")
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, text []byte) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for i, program := range readmePrograms(t) {
		write([]string{"ping/main.go", "mybot/main.go", "mybot/main_test.go"}[i], program)
	}
	// A module beside this one, with its dependencies.
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if name == "go.mod" {
			text = bytes.Replace(text, []byte("module github.com/queup-go/queup\n"), []byte("module example.com/mybot\n"), 1)
			text = append(text, "\nrequire github.com/queup-go/queup v0.0.0\nreplace github.com/queup-go/queup => "+root+"\n"...)
		}
		write(name, text)
	}
	for _, args := range [][]string{{"vet", "-mod=mod", "./..."}, {"test", "-mod=mod", "./mybot"}} {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// readmePrograms returns the program in README.md, and those in docs/START.md: a bot and its test.
func readmePrograms(t *testing.T) (programs [][]byte) {
	t.Helper()
	for _, name := range []string{"README.md", "docs/START.md"} {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(page, -1) {
			programs = append(programs, block[1])
		}
	}
	if len(programs) != 3 {
		t.Fatalf("the pages have %d programs", len(programs))
	}
	return programs
}
