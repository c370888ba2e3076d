// Package tables writes the tables of docs/PROTOCOL.md that say what the specifications say, and leaves the words of people
// alone.
package tables

import (
	"context"
	"flag"
	"os"

	"github.com/queup-go/queup/tools/gen/internal/output"
	"github.com/queup-go/queup/tools/internal/apispec"
)

// Command declares the flags of the subcommand and returns what it does.
func Command(flags *flag.FlagSet) func(context.Context) error {
	rest := flags.String("openapi", "", "`file` of the REST operations")
	events := flags.String("events", "", "`file` of the entities and events")
	page := flags.String("page", "", "`file` whose tables are written, between its markers")
	return func(context.Context) error {
		spec, err := apispec.Load(*rest, *events)
		if err != nil {
			return err
		}
		return rewrite(*page, spec)
	}
}

// rewrite writes the tables of a page.
func rewrite(page string, spec *apispec.Spec) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	written, err := writeTables(page, string(text), spec)
	if err != nil {
		return err
	}
	return output.WriteFile(page, []byte(written))
}
