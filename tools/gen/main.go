// Command gen generates gen/ and the tables of docs/PROTOCOL.md from the two specifications in api/. generate.go in the root
// has its three calls:
//
//	gen events      events.schema.json: the entities and events of gen/wire
//	gen operations  openapi.yaml: the envelopes of gen/wire, and gen/queupapi and gen/queupserver with ogen
//	gen tables      both: the tables between the markers of docs/PROTOCOL.md
//
// How a schema becomes a struct:
//
//  1. A definition in $defs has the name of a Go type. An object becomes a struct, an array a slice, an id a string type.
//  2. source.go reads the file. An unknown keyword is an error, with its line and column.
//  3. model.go makes a field of each property. Its name follows from the member's (roomUrl becomes RoomURL), its type from
//     type and format ("integer" is int64, "epoch-ms" is time.Time), or from the definition that $ref names.
//  4. emit_types.go writes the struct, with the descriptions as comments, and its Decode and Encode.
//  5. For each field, Decode has a call of internal/lenient (emit_values.go). A value that does not fit leaves the field zero
//     and is kept in the map Extra, like a member that the schema does not know.
//  6. An object with x-event also becomes a row of the table that finds the type for an event's name (emit_table.go).
//  7. In openapi.yaml, x-ogen-type names such a type, and ogen's code calls its Decode. The envelope of an answer
//     becomes a struct that embeds Envelope and has the data.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/queup-go/queup/tools/gen/internal/events"
	"github.com/queup-go/queup/tools/gen/internal/operations"
	"github.com/queup-go/queup/tools/gen/internal/tables"
)

// commands are the subcommands. Each declares its flags and returns what it does once they are parsed.
var commands = map[string]func(flags *flag.FlagSet) func(context.Context) error{
	"events": events.Command, "operations": operations.Command, "tables": tables.Command,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stderr)
	stop()
	os.Exit(code)
}

// run is main without the process around it. The results follow package flag: 2 for wrong usage, 1 for other failures.
func run(ctx context.Context, args []string, stderr io.Writer) int {
	if len(args) == 0 || commands[args[0]] == nil {
		fmt.Fprintln(stderr, "usage: gen events|operations|tables [flags]; -h lists the flags")
		return 2
	}
	flags := flag.NewFlagSet("gen "+args[0], flag.ContinueOnError)
	flags.SetOutput(stderr)
	generate := commands[args[0]](flags)
	if err := flags.Parse(args[1:]); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	complete := flags.NArg() == 0
	flags.VisitAll(func(f *flag.Flag) { complete = complete && f.Value.String() != "" }) // a flag without a default is required
	if !complete {
		flags.Usage()
		return 2
	}
	if err := generate(ctx); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}
