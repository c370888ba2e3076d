package queup_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The tables of docs/ARCHITECTURE.md are the listing itself: each folder and each file of client is in one row, and nothing else is.
func TestArchitecture_tablesAreTheListing(t *testing.T) {
	page, err := os.ReadFile("docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	section := func(heading string) string {
		_, text, found := strings.Cut(string(page), "\n## "+heading+"\n")
		if !found {
			t.Fatalf("docs/ARCHITECTURE.md has no section %s", heading)
		}
		text, _, _ = strings.Cut(text, "\n## ")
		return text
	}
	for name, tt := range map[string]struct{ listed, there []string }{
		"the files of client":   {firstCells(section("Files of client"), `\.go$`), files(t, "client")},
		"the folders of client": {firstCells(section("Files of client"), `^internal/`), folders(t, "client", "internal")},
		"the internal packages": {firstCells(section("Folders"), `^internal/(testkit/)?[a-z]+$`), slices.Concat(folders(t, ".", "internal"), folders(t, ".", "internal/testkit"))},
		"the tools":             {firstCells(section("Folders"), `^tools/(internal/)?[a-z]+$`), slices.Concat(folders(t, ".", "tools"), folders(t, ".", "tools/internal"))},
	} {
		parent := func(path string) bool { return path == "internal/testkit" || path == "tools/internal" }
		tt.listed, tt.there = slices.DeleteFunc(tt.listed, parent), slices.DeleteFunc(tt.there, parent)
		slices.Sort(tt.listed)
		slices.Sort(tt.there)
		if len(tt.there) == 0 || !slices.Equal(tt.listed, tt.there) {
			t.Errorf("%s: docs/ARCHITECTURE.md lists\n%s\nand there are\n%s", name, strings.Join(tt.listed, " "), strings.Join(tt.there, " "))
		}
	}
}

// firstCells returns the names in code style that match, from the first cells of all table rows of a text.
func firstCells(text, pattern string) []string {
	matches := regexp.MustCompile(pattern).MatchString
	var names []string
	for _, cell := range regexp.MustCompile(`(?m)^\| ([^|]+) \|`).FindAllStringSubmatch(text, -1) {
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell[1], -1) {
			if name := strings.TrimSuffix(name[1], "/"); matches(name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// files returns the names of the Go files of a folder, without tests.
func files(t *testing.T, folder string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range paths {
		if !strings.HasSuffix(path, "_test.go") {
			names = append(names, filepath.Base(path))
		}
	}
	return names
}

// folders returns the folders in root/folder, each with its path from root.
func folders(t *testing.T, root, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, folder))
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, entry := range entries {
		if entry.IsDir() {
			paths = append(paths, folder+"/"+entry.Name())
		}
	}
	return paths
}
