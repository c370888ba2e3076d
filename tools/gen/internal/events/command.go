// Package events generates Go types from a JSON Schema file, with decoders that tolerate what QueUp really sends.
//
// api/README.md has the conventions of the schema. The steps, a file each:
//
//   - source.go reads the text with the line and column of every value, and refuses keywords that mean nothing;
//   - model.go resolves the schema into a model of the Go package, with names from names.go;
//   - emit.go writes the files: emit_types.go the types, emit_table.go the table of events, and emit_values.go how a value
//     of each kind is declared, decoded and encoded.
//
// problem.go collects the mistakes in a schema, so that an author sees all of them at once.
package events

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/queup-go/queup/tools/gen/internal/output"
)

// Command declares the flags of the subcommand and returns what it does.
func Command(flags *flag.FlagSet) func(context.Context) error {
	in := flags.String("in", "", "JSON Schema `file` to read")
	out := flags.String("out", "", "`directory` to write to; its other files that this command generated are removed")
	pkg := flags.String("package", "wire", "`name` of the Go package")
	check := flags.Bool("check", false, "write nothing, and fail if the directory does not hold what would be written")
	return func(context.Context) error {
		src, err := os.ReadFile(*in)
		if err != nil {
			return err
		}
		files, err := generate(*in, src, *pkg)
		if err != nil {
			return err
		}
		dir := output.Directory{Path: *out, Owned: output.Header(*in)}
		if !*check {
			return dir.Write(files)
		}
		diffs, err := dir.Differences(files)
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
	return emit(m, name, pkg)
}
