// Package events writes the Go types of a JSON Schema file, with decoders that survive what QueUp really sends.
//
// The conventions of the schema are in api/README.md. The steps: source.go reads the text, with the place of everything,
// and refuses keywords that mean nothing; model.go resolves the schema into a picture of the Go package, with names from
// names.go; emit.go writes the files, emit_types.go the types, emit_table.go the table of events, in the spelling of
// emit_code.go. problem.go reports what is wrong on the way.
package events

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Command declares the flags of the subcommand and returns what it does.
func Command(flags *flag.FlagSet) func() error {
	in := flags.String("in", "", "JSON Schema `file` to read")
	out := flags.String("out", "", "`directory` to write to; its other files that this command generated are removed")
	pkg := flags.String("package", "wire", "`name` of the Go package")
	check := flags.Bool("check", false, "write nothing, and fail if the directory does not hold what would be written")
	return func() error {
		src, err := os.ReadFile(*in)
		if err != nil {
			return err
		}
		files, err := generate(*in, src, *pkg)
		if err != nil {
			return err
		}
		if !*check {
			return write(*out, files)
		}
		diffs, err := compare(*out, files)
		if err != nil {
			return err
		}
		if len(diffs) > 0 {
			return fmt.Errorf("%s\ngenerated code differs from %s; run go generate", strings.Join(diffs, "\n"), *in)
		}
		return nil
	}
}

// generate returns the generated files by name. Its error lists everything wrong with the schema, a line each.
func generate(name string, src []byte, pkg string) (map[string][]byte, error) {
	var bad problems
	root := readSource(src, &bad)
	if len(bad) > 0 {
		return nil, bad.err(name)
	}
	m := buildModel(root, &bad)
	if len(bad) > 0 {
		return nil, bad.err(name)
	}
	return emit(m, filepath.Base(name), pkg)
}

// write brings dir in line with files. It leaves files alone that are right already, so that build caches stay warm.
func write(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text) {
			continue
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	stale, err := staleFiles(dir, files)
	for _, name := range stale {
		err = errors.Join(err, os.Remove(filepath.Join(dir, name)))
	}
	return err
}

// compare says, a line each, what write would change.
func compare(dir string, files map[string][]byte) (diffs []string, err error) {
	for name, text := range files {
		path := filepath.Join(dir, name)
		switch old, err := os.ReadFile(path); {
		case errors.Is(err, fs.ErrNotExist):
			diffs = append(diffs, path+": missing")
		case err != nil:
			return nil, err
		case !bytes.Equal(old, text):
			diffs = append(diffs, fmt.Sprintf("%s:%d: differs", path, firstDifference(old, text)))
		}
	}
	stale, err := staleFiles(dir, files)
	for _, name := range stale {
		diffs = append(diffs, filepath.Join(dir, name)+": no longer generated")
	}
	slices.Sort(diffs)
	return diffs, err
}

// firstDifference returns the number of the first line in which a and b differ.
func firstDifference(a, b []byte) int {
	line := 1
	for i := 0; i < len(a) && i < len(b) && a[i] == b[i]; i++ {
		if a[i] == '\n' {
			line++
		}
	}
	return line
}

// staleFiles returns the files in dir that an earlier run wrote and this one does not.
func staleFiles(dir string, files map[string][]byte) (stale []string, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if _, ok := files[e.Name()]; ok || !strings.HasSuffix(e.Name(), "_gen.go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		if bytes.HasPrefix(text, []byte(headerStart)) {
			stale = append(stale, e.Name())
		}
	}
	return stale, err
}
