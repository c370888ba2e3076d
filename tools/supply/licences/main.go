// Command licences finds out under which licences the modules are that a module is built with, and fails if one is unknown or not
// allowed. It reads the licence texts, not what somebody says about them.
//
//	go -C tools/supply run ./licences ../..
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// allowed are the licences that ask for no more than to be named, and MPL-2.0, which asks for the source of its own files only.
var allowed = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "MPL-2.0", "Unlicense", "CC0-1.0", "0BSD"}

// enough is how much of a licence file must be the text of a licence, in percent.
const enough = 75

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

type module struct {
	Path, Version, Dir string
	Main               bool
	Replace            *module
}

func run(folders []string, out io.Writer) error {
	if len(folders) == 0 {
		return errors.New("name the folders of the modules to look at")
	}
	var problems []error
	known := make(map[string][]string)
	for _, folder := range folders {
		modules, err := built(folder)
		if err != nil {
			return err
		}
		for _, m := range modules {
			id := strings.TrimSpace(m.Path + " " + m.Version)
			if known[id] != nil {
				continue
			}
			found, err := licences(m.Dir)
			if err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", id, err))
				continue
			}
			known[id] = found
			if !slices.ContainsFunc(found, func(l string) bool { return slices.Contains(allowed, l) }) {
				problems = append(problems, fmt.Errorf("%s: %s is not on the list of tools/supply/licences", id, strings.Join(found, ", ")))
			}
		}
	}
	count := make(map[string]int)
	for _, found := range known {
		count[strings.Join(found, " and ")]++
	}
	names := make([]string, 0, len(count))
	for name, n := range count {
		names = append(names, fmt.Sprintf("%s %d", name, n))
	}
	slices.Sort(names)
	fmt.Fprintf(out, "%d modules: %s\n", len(known), strings.Join(names, ", "))
	return errors.Join(problems...)
}

// built returns the modules that the packages, tests and tools of a module are built of, without those it shares a go.sum with and
// needs nothing of.
func built(folder string) ([]module, error) {
	cmd := exec.Command("go", "list", "-deps", "-test", "-json=Module", "./...", "tool") //nolint:noctx // it ends with us
	cmd.Dir, cmd.Stderr = folder, os.Stderr
	listed, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list in %s: %w", folder, err)
	}
	var modules []module
	for d := json.NewDecoder(bytes.NewReader(listed)); ; {
		var p struct{ Module *module }
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return modules, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list in %s: %w", folder, err)
		}
		if p.Module == nil || p.Module.Main { // the standard library, and the module itself
			continue
		}
		m := *p.Module
		if m.Replace != nil {
			m.Dir = m.Replace.Dir
		}
		if !slices.ContainsFunc(modules, func(o module) bool { return o.Path == m.Path }) {
			modules = append(modules, m)
		}
	}
}

// licences returns what the licence files of a module's folder are, sorted.
func licences(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, entry := range entries {
		if !licenceFile(entry) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return nil, err
		}
		cover := licensecheck.Scan(text)
		if cover.Percent < enough {
			continue // a notice, or a text that only names licences
		}
		for _, match := range cover.Match {
			found = append(found, match.ID)
		}
	}
	if len(found) == 0 {
		return nil, errors.New("no licence that is known: look at it, and add it to the list or do without the module")
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

func licenceFile(entry fs.DirEntry) bool {
	name := strings.ToUpper(entry.Name())
	for _, start := range []string{"LICENSE", "LICENCE", "COPYING", "UNLICENSE", "MIT-LICENSE"} {
		if strings.HasPrefix(name, start) && !entry.IsDir() {
			return true
		}
	}
	return false
}
