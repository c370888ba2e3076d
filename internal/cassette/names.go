package cassette

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/mod/module"
)

// maxName bounds a name, in bytes. With the folders above it, a path still fits into the 260 characters of Windows.
const maxName = 128

var goodName = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)*$`)

// CheckName returns an error, which names the rule, if files of that name would harm the module they are committed to: such
// a module cannot be downloaded, or not be checked out on Windows or macOS. dir is the folder that the name starts from.
func CheckName(dir, name string) error {
	if !goodName.MatchString(name) {
		return fmt.Errorf("the name %q is not valid: use letters, digits, dots, hyphens and underscores, and slashes between folders", name)
	}
	if len(name) > maxName {
		return fmt.Errorf("the name %q is not valid: it has %d characters, and %d are the limit", name, len(name), maxName)
	}
	for _, suffix := range []string{HTTPSuffix, SocketSuffix} {
		err := module.CheckFilePath(name + suffix)
		if wrong, ok := errors.AsType[*module.InvalidPathError](err); ok {
			err = wrong.Err
		}
		if err != nil {
			return fmt.Errorf("the name %q is not valid: with such a file nobody can download the module: %w", name, err)
		}
	}
	return checkCase(dir, name)
}

// checkCase returns an error if a folder has an entry that differs from a part of the name only by case. Module zips refuse such
// a pair, and most file systems of Windows and macOS hold only one of the two.
func checkCase(dir, name string) error {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		wanted := []string{part}
		if i == len(parts)-1 {
			wanted = []string{part + HTTPSuffix, part + SocketSuffix}
		}
		entries, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, entry := range entries {
			for _, want := range wanted {
				if entry.Name() != want && strings.EqualFold(entry.Name(), want) {
					return fmt.Errorf("the name %q is not valid: %s differs only by case from %s", name, want, filepath.ToSlash(filepath.Join(dir, entry.Name())))
				}
			}
		}
		dir = filepath.Join(dir, part)
	}
	return nil
}
