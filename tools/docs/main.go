// Command docs renders the two specifications as one page, docs/site/index.html.
//
//	go run ./tools/docs
//
// The page needs no network, no server and no other file.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/queup-go/queup/tools/internal/apispec"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("docs: ")
	if err := run(os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		log.Fatal(err)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("docs", flag.ContinueOnError)
	flags.SetOutput(out)
	rest := flags.String("openapi", "api/openapi.yaml", "`file` of the REST operations")
	events := flags.String("events", "api/events.schema.json", "`file` of the entities and events")
	protocol := flags.String("protocol", "docs/PROTOCOL.md", "`file` that explains the tags of the evidence")
	site := flags.String("out", "docs/site/index.html", "`file` of the page")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	spec, err := apispec.Load(*rest, *events)
	if err != nil {
		return err
	}
	if spec.Sources, err = apispec.ReadSources(*protocol); err != nil {
		return err
	}
	page, err := render(spec)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(*site), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(*site, page, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %d operations, %d events, %d types, %d kB\n", *site, spec.CountOperations(), len(spec.Events), len(spec.Types), len(page)/1000)
	return nil
}
