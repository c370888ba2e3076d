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

// A bot is built from few modules. A change that adds one has a reason, and raises the number here.
func TestClient_compilesFewDependencies(t *testing.T) {
	const mostModules, mostPackages = 16, 37
	env := []string{"GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0", "GOPROXY=off"} // the same graph on every machine
	list := run(t, env, "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{$.ImportPath}}{{end}}{{end}}", "./client")
	packages := strings.Split(strings.TrimSpace(list), "\n")
	var modules []string
	for _, line := range packages {
		module, _, _ := strings.Cut(line, " ")
		modules = append(modules, module)
	}
	slices.Sort(modules)
	modules = slices.Compact(modules)
	if !slices.Contains(modules, "github.com/gorilla/websocket") {
		t.Fatalf("the websocket library is not in the list, so the list is not of client:\n%s", list)
	}
	if len(modules) > mostModules || len(packages) > mostPackages {
		t.Errorf("a program that imports client compiles %d packages of %d other modules, want at most %d of %d:\n%s",
			len(packages), len(modules), mostPackages, mostModules, list)
	}
}
