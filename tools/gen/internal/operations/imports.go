package operations

import (
	"bytes"
	"fmt"
	"go/format"
)

// replaced are the imports of ogen's code that a package of ours stands in for. ogen has no option for it.
var replaced = map[string]string{
	"github.com/ogen-go/ogen/ogenerrors": "github.com/queup-go/queup/internal/ogenerrors",
}

// replaceImports rewrites the imports of files that ogen has written. It fails if none of them has such an import: then
// ogen has changed, and the replacement may be needed no longer.
func replaceImports(files map[string][]byte) error {
	for from, to := range replaced {
		from, to := fmt.Appendf(nil, "\t%q\n", from), fmt.Appendf(nil, "\t%q\n", to)
		found := false
		for name, text := range files {
			if bytes.Contains(text, from) {
				found = true
				sorted, err := format.Source(bytes.ReplaceAll(text, from, to))
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				files[name] = sorted
			}
		}
		if !found {
			return fmt.Errorf("ogen has written no file that imports %s", bytes.TrimSpace(from))
		}
	}
	return nil
}
