// Command gen writes everything that is generated from api/. go generate runs its three subcommands (generate.go in the
// root).
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/queup-go/queup/tools/gen/internal/events"
	"github.com/queup-go/queup/tools/gen/internal/operations"
	"github.com/queup-go/queup/tools/gen/internal/tables"
)

// commands are the subcommands. Each declares its flags and returns what it does once they are parsed.
var commands = map[string]func(flags *flag.FlagSet) func() error{
	"events": events.Command, "operations": operations.Command, "tables": tables.Command,
}

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

// run is main without the process around it. The results follow package flag: 2 for wrong usage, 1 for other failures.
func run(args []string, stderr io.Writer) int {
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
	if err := generate(); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}
