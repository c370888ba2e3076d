package operations

import (
	"bytes"
	"fmt"
	"go/format"
)

// Packages of ogen's runtime that a package of ours stands in for. ogen has no option for it.
const (
	ogenErrors     = "ogenerrors"
	ogenMiddleware = "middleware"
)

// replaceImports makes files that ogen has written import our packages instead of ogen's. It fails if none of them imports a
// package that is named: then ogen has changed, and the replacement may be needed no longer.
func replaceImports(files map[string][]byte, packages ...string) error {
	for _, name := range packages {
		from := fmt.Appendf(nil, "\t%q\n", "github.com/ogen-go/ogen/"+name)
		to := fmt.Appendf(nil, "\t%q\n", "github.com/queup-go/queup/internal/"+name)
		found := false
		for file, text := range files {
			if bytes.Contains(text, from) {
				found = true
				sorted, err := format.Source(bytes.ReplaceAll(text, from, to))
				if err != nil {
					return fmt.Errorf("%s: %w", file, err)
				}
				files[file] = sorted
			}
		}
		if !found {
			return fmt.Errorf("ogen has written no file that imports %s", bytes.TrimSpace(from))
		}
	}
	return nil
}
