package queup_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A test that does less with the race detector is one that make memory runs without it. Otherwise make check would run it
// nowhere in full.
func TestMakefile_runsInFullWhatTheRaceDetectorShortens(t *testing.T) {
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`(?m)^MEMORY_TESTS = (.*)$`).FindSubmatch(makefile)
	if match == nil {
		t.Fatal("the Makefile has no MEMORY_TESTS")
	}
	inFull := regexp.MustCompile(fmt.Sprintf(`^Test(%s)$`, match[1]))
	recipe := regexp.MustCompile(`(?m)^\t@\$\(GOTEST\) -run '\^Test\(\$\(MEMORY_TESTS\)\)\$\$' (.*)$`).FindSubmatch(makefile)
	if recipe == nil {
		t.Fatal("the Makefile does not run MEMORY_TESTS")
	}
	var folders []string
	for _, path := range trackedFiles(t) {
		if text, err := os.ReadFile(path); err == nil && strings.HasSuffix(path, "_test.go") && bytes.HasPrefix(text, []byte("//go:build race\n")) {
			folders = append(folders, filepath.ToSlash(filepath.Dir(path)))
		}
	}
	slices.Sort(folders)
	if ran := strings.Fields(strings.ReplaceAll(string(recipe[1]), "./", "")); len(folders) == 0 || !slices.Equal(ran, folders) {
		t.Errorf("make memory runs the packages %q, and %q have tests that know of the race detector", ran, folders)
	}
	for _, folder := range folders {
		for _, name := range testsUsing(t, folder, "UnderRace", "underRace") {
			if !inFull.MatchString(name) {
				t.Errorf("%s in %s does less with the race detector, and is not among MEMORY_TESTS in the Makefile", name, folder)
			}
		}
	}
}

// testsUsing returns the tests of a folder in which one of some names occurs, or that call a function in which it occurs.
func testsUsing(t *testing.T, folder string, names ...string) (tests []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	mentions := map[string][]string{} // the names that occur in each function
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok {
				ast.Inspect(function.Body, func(n ast.Node) bool {
					if name, ok := n.(*ast.Ident); ok {
						mentions[function.Name.Name] = append(mentions[function.Name.Name], name.Name)
					}
					return true
				})
			}
		}
	}
	for found := true; found; {
		found = false
		for function, mentioned := range mentions {
			if !slices.Contains(names, function) && slices.ContainsFunc(mentioned, func(name string) bool { return slices.Contains(names, name) }) {
				names, found = append(names, function), true
			}
		}
	}
	for _, name := range names {
		if strings.HasPrefix(name, "Test") && name != "TestMain" {
			tests = append(tests, name)
		}
	}
	return tests
}
