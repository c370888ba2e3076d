// Package operations writes the code of the REST operations from the OpenAPI document:
//
//   - the envelopes of answers, in gen/wire (envelopes.go);
//   - what ogen generates, client and server, with three changes: answers have those envelopes, the client does not decode
//     failed answers (both in ogen.go), and one import is replaced (imports.go);
//   - for the client, the table of which operation a method and a path belong to, and what its answer has to be (routes.go):
//     ogen writes one for servers only, and a client needs it to name operations in errors;
//   - for the server, the table of what each request may hold (requests.go), for clients that write it another way.
package operations

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ogen-go/ogen"
)

// Command declares the flags of the subcommand and returns what it does.
func Command(flags *flag.FlagSet) func() error {
	in := flags.String("in", "", "OpenAPI `file` to read; ogen.client.yml and ogen.server.yml stand beside it")
	wire := flags.String("wire", "", "`directory` of the types that answers hold, for the envelopes")
	client := flags.String("client", "", "`directory` of the generated client")
	server := flags.String("server", "", "`directory` of the generated server")
	return func() error { return run(*in, *wire, *client, *server) }
}

func run(in, wire, client, server string) error {
	document, err := os.ReadFile(in)
	if err != nil {
		return err
	}
	spec, err := ogen.Parse(document)
	if err != nil {
		return fmt.Errorf("%s: %w", in, err)
	}
	// ogen loads the envelopes, so they are written before it runs.
	envelopes, err := generateEnvelopes(spec, filepath.Base(wire))
	if err != nil {
		return fmt.Errorf("%s: %w", in, err)
	}
	if err := os.WriteFile(filepath.Join(wire, "envelopes_gen.go"), envelopes, 0o644); err != nil {
		return err
	}
	forBoth, err := forOgen(document, envelopesOf(spec))
	if err != nil {
		return fmt.Errorf("%s: %w", in, err)
	}
	write := func(folder, config, tableFile string, table func(spec *ogen.Spec, packageName string) ([]byte, error)) error {
		packageName := filepath.Base(folder)
		files, err := runOgen(forBoth, filepath.Join(filepath.Dir(in), config), packageName)
		if err != nil {
			return err
		}
		if files[tableFile], err = table(spec, packageName); err != nil {
			return fmt.Errorf("%s: %w", in, err)
		}
		return writeFiles(folder, files)
	}
	if err := write(server, "ogen.server.yml", "requests_gen.go", generateRequests); err != nil {
		return err
	}
	dropDefaults(forBoth)
	return write(client, "ogen.client.yml", "operations_gen.go", generate)
}

// writeFiles writes the generated files of a folder and removes those that are generated no longer.
func writeFiles(folder string, files map[string][]byte) error {
	before, err := filepath.Glob(filepath.Join(folder, "*_gen.go"))
	if err != nil {
		return err
	}
	for _, path := range before {
		if _, ok := files[filepath.Base(path)]; !ok {
			err = errors.Join(err, os.Remove(path))
		}
	}
	for name, text := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join(folder, name), text, 0o644))
	}
	return err
}
