package cassette

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/zip"
)

// A name is taken if and only if its two files can be in a module beside those that are there, and be checked out everywhere.
func TestCheckName(t *testing.T) {
	dir := t.TempDir()
	for _, file := range []string{"lounge.http.yaml", "rooms/night.ws.jsonl"} {
		file = filepath.Join(dir, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"lounge": "", "rooms/night": "", "rooms/2026-11-30_a.b": "", "new/folder/x": "", "null": "", "console": "", "x.": "", "a/nul-1": "",
		strings.Repeat("a", 128): "",

		"": "use letters", "../up": "use letters", "/a": "use letters", "a/": "use letters", "a//b": "use letters", ".hidden": "use letters",
		"a b": "use letters", "a ": "use letters", "é": "use letters", `a\b`: "use letters",
		"a:b": "use letters", "a*": "use letters", "a?": "use letters", `a"b`: "use letters", "a<b": "use letters", "a>b": "use letters", "a|b": "use letters",

		"nul": "disallowed as path element", "NUL": "disallowed as path element", "aux": "disallowed as path element", "con/one": "disallowed as path element",
		"a/prn/b": "disallowed as path element", "com1": "disallowed as path element", "lpt9.x": "disallowed as path element", "nul.a": "disallowed as path element",
		"a./b": "trailing dot",

		strings.Repeat("a", 129): "it has 129 characters, and 128 are the limit",

		"Lounge": "differs only by case from", "LOUNGE": "differs only by case from", "Rooms/other": "differs only by case from", "rooms/NIGHT": "differs only by case from",
	} {
		err := CheckName(dir, name)
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", name, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v, want %q", name, err, want)
		}
	}
	if err := CheckName(filepath.Join(dir, "nothing", "here"), "a/b"); err != nil {
		t.Errorf("in a folder that does not exist: %v", err)
	}
}

// What a module zip refuses is refused by name, so whatever is recorded can be published.
func TestCheckName_asModuleZipsDo(t *testing.T) {
	for _, name := range []string{"lounge", "x.", "a/b.c/d", "nul", "a/con", "a./b", "Com5.x", "lpt0", "conin", "clock", strings.Repeat("a", 128)} {
		dir := t.TempDir()
		httpFile, socketFile := Files(dir, name)
		for _, file := range []string{filepath.Join(dir, "go.mod"), httpFile, socketFile} {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, refused := zip.CheckDir(dir)
		if err := CheckName(dir, name); (err != nil) != (refused != nil) {
			t.Errorf("%q: %v, and the module zip says: %v", name, err, refused)
		}
	}
}
