package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// replaced are the imports of ogen's code that a package of ours stands in for. ogen has no option for it.
var replaced = map[string]string{
	"github.com/ogen-go/ogen/ogenerrors": "github.com/queup-go/queup/internal/ogenerrors",
}

// replaceImports rewrites the imports of the files that ogen has written into a folder. It fails if an import is
// nowhere: then ogen has changed, and the replacement is to be looked at.
func replaceImports(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "oas_*_gen.go"))
	if err != nil {
		return err
	}
	for from, to := range replaced {
		old, replacement := fmt.Appendf(nil, "%q\n", from), fmt.Appendf(nil, "%q\n", to)
		found := false
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			changed := bytes.ReplaceAll(text, old, replacement)
			found = found || bytes.Contains(changed, replacement)
			if !bytes.Equal(changed, text) {
				if err := os.WriteFile(file, changed, 0o644); err != nil {
					return err
				}
			}
		}
		if !found {
			return errors.New(dir + ": no file imports " + from)
		}
	}
	return nil
}
