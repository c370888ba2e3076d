package scene

import (
	"flag"
	"fmt"
	"os"
)

// Variables describes the variables that every bot among the examples has, for [NoArguments].
const Variables = `
  QUEUP_EMAIL     the name or the mail address of the bot's account
  QUEUP_PASSWORD  its password
  QUEUP_ROOM      the last part of the room's address
  QUEUP_URL       another QueUp, such as that of go run ./tools/queupd
`

// NoArguments ends the program if it was started with arguments, because an example is set up by its environment. With -h it
// prints usage and ends with status 0. With anything else it names the argument, prints usage and ends with status 2.
func NoArguments(usage string) {
	flag.Usage = func() { fmt.Fprint(flag.CommandLine.Output(), usage) }
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(flag.CommandLine.Output(), "unexpected argument: %q\n", flag.Arg(0))
		flag.Usage()
		os.Exit(2)
	}
}
