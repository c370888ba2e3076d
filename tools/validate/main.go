// Command validate checks the two specifications with validators that are not ours: the OpenAPI document, with its examples, and
// the schema of entities and events, with its own examples, those of the OpenAPI document and all recorded events. Formats are
// asserted. It is a module of its own, so that its dependencies are in nobody's graph.
//
//	go -C tools/validate run . ../..
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "validate:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("name the folder of the repository")
	}
	root := args[0]
	document, err := os.ReadFile(filepath.Join(root, "api", "openapi.yaml"))
	if err != nil {
		return err
	}
	definitions, err := os.ReadFile(filepath.Join(root, "api", "events.schema.json"))
	if err != nil {
		return err
	}
	spec, specErr := readOpenAPI(document)
	schema, err := readSchema(definitions)
	if err != nil {
		return errors.Join(specErr, err)
	}
	problems := []error{specErr}
	own, err := schema.ownExamples()
	problems = append(problems, err)
	used, err := schema.openAPIExamples(spec)
	problems = append(problems, err)
	recorded, err := schema.recordings(root)
	problems = append(problems, err)
	if err := errors.Join(problems...); err != nil {
		return err
	}
	fmt.Fprintf(out, "validate: %d operations; %d examples of types, %d of them in OpenAPI; %d recorded events\n", operations(spec), own+used, used, recorded)
	return nil
}
