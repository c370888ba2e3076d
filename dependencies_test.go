package queup_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every direct dependency has its reason in docs/ARCHITECTURE.md, and every reason there its dependency.
func TestDirectDependencies_haveTheirReasons(t *testing.T) {
	raw, err := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json", "go.mod").Output()
	if err != nil {
		t.Fatal(err)
	}
	var module struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(raw, &module); err != nil {
		t.Fatal(err)
	}
	var needed []string
	for _, r := range module.Require {
		if !r.Indirect {
			needed = append(needed, r.Path)
		}
	}
	page, err := os.ReadFile("docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(page), "\n## Direct dependencies\n")
	if !found {
		t.Fatal("docs/ARCHITECTURE.md has no section Direct dependencies")
	}
	var reasoned []string
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|]+) \| ([^|]+) \|$`).FindAllStringSubmatch(table, -1) {
		if len(strings.TrimSpace(row[2])) < 10 || !strings.Contains(row[1], ".") {
			continue
		}
		reasoned = append(reasoned, strings.Split(row[1], ", ")...)
	}
	slices.Sort(needed)
	slices.Sort(reasoned)
	if len(needed) == 0 || !slices.Equal(needed, reasoned) {
		t.Errorf("go.mod needs\n%s\nand docs/ARCHITECTURE.md has reasons for\n%s", strings.Join(needed, "\n"), strings.Join(reasoned, "\n"))
	}
}
