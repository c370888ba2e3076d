// Record makes cassettes and looks after them: the recordings that package cassettes plays to tests.
//
//	go run ./tools/record record                 makes the library's own cassettes anew, from a QueUp in memory
//	go run ./tools/record record -from live join records from QueUp, with QUEUP_EMAIL, QUEUP_PASSWORD and QUEUP_ROOM
//	go run ./tools/record lint                   looks for secrets in all cassettes
//	go run ./tools/record show join              shows one to people
//	go run ./tools/record import-har room.har    makes one of what Chrome or Playwright has saved
//
// Its exit status is 0 if all is well, 1 if something was found or failed, and 2 if it was called in a wrong way.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/queup-go/queup/internal/cassette"
	"github.com/queup-go/queup/internal/printable"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	p := &program{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv,
		asks: terminal(os.Stdin), colour: terminal(os.Stdout) && os.Getenv("NO_COLOR") == "", progress: terminal(os.Stderr),
	}
	code := p.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// terminal reports whether somebody looks at a file.
func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// program is what a run of record touches.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	asks           bool // somebody can answer
	colour         bool // somebody looks at stdout, and likes colours
	progress       bool // somebody looks at stderr
}

// command is a subcommand. What run returns is told; a [usageError] with the usage.
type command struct {
	name, args, about string
	run               func(p *program, ctx context.Context, flags *flag.FlagSet, args []string) error
}

func commands() []command {
	return []command{
		{"record", "[flags] [scenario ...]", "make cassettes of scenarios, from a QueUp in memory or from the live service", (*program).record},
		{"lint", "[flags] [folder or cassette ...]", "look for secrets, and for files that cannot be read, in cassettes", (*program).lint},
		{"show", "[flags] cassette ...", "show cassettes to people", (*program).show},
		{"diff", "[flags] cassette cassette", "compare what two cassettes say, whatever their times and ids", (*program).diff},
		{"stat", "[flags] [folder or cassette ...]", "count what is in cassettes", (*program).stat},
		{"import-har", "[flags] file.har", "make a cassette of what Chrome or Playwright has saved as HAR, websocket included", (*program).importHAR},
		{"export-har", "[flags] cassette", "write a cassette as HAR, for the network panel of a browser", (*program).exportHAR},
	}
}

// usageError is a call that cannot be understood.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// errFound ends a command that has told already what is wrong.
var errFound = errors.New("found")

// run is main with everything it touches as fields. It returns the exit status.
func (p *program) run(ctx context.Context, args []string) int {
	if len(args) == 0 || slices.Contains([]string{"help", "-h", "-help", "--help"}, args[0]) {
		p.usage()
		if len(args) == 0 {
			return 2
		}
		return 0
	}
	all := commands()
	i := slices.IndexFunc(all, func(c command) bool { return c.name == args[0] })
	if i < 0 {
		fmt.Fprintf(p.stderr, "record: there is no command %q; record help lists them\n", args[0])
		return 2
	}
	c := all[i]
	flags := flag.NewFlagSet("record "+c.name, flag.ContinueOnError)
	flags.SetOutput(p.stderr)
	flags.Usage = func() {
		fmt.Fprintf(p.stderr, "usage: record %s %s\n\n%s.\n", c.name, c.args, strings.ToUpper(c.about[:1])+c.about[1:])
		flags.PrintDefaults()
	}
	err := c.run(p, ctx, flags, args[1:])
	wrong, misused := errors.AsType[*usageError](err)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errFound):
		return 1
	case misused:
		if wrong.text != "" { // else package flag has told
			fmt.Fprintf(p.stderr, "record %s: %s; record %s -h says how\n", c.name, wrong.text, c.name)
		}
		return 2
	}
	for i, line := range strings.Split(err.Error(), "\n") { // it may quote a file
		if i == 0 {
			line = "record " + c.name + ": " + line
		}
		fmt.Fprintln(p.stderr, printable.Text(line))
	}
	return 1
}

func (p *program) usage() {
	fmt.Fprint(p.stderr, "Record makes cassettes and looks after them.\n\nusage: record command [flags] [arguments]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(p.stderr, "  %-11s %s\n", c.name, c.about)
	}
	fmt.Fprint(p.stderr, "\nrecord command -h says more. A cassette is named by its path without .http.yaml and .ws.jsonl,\n"+
		"or, in the folder of this module, by the name of one of the library's own: record show join\n")
}

// parse parses flags and returns the arguments.
func parse(flags *flag.FlagSet, args []string) ([]string, error) {
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil, err
	case err != nil:
		return nil, &usageError{}
	}
	return flags.Args(), nil
}

// own is where the library's cassettes are.
const own = "cassettes/testdata"

// find returns the folder and the name of a cassette that somebody has named.
func find(arg string) (dir, name string, err error) {
	path := strings.TrimSuffix(strings.TrimSuffix(arg, cassette.HTTPSuffix), cassette.SocketSuffix)
	for _, dir := range []string{filepath.Dir(path), filepath.Join(own, filepath.Dir(path))} {
		if cassette.Exist(dir, filepath.Base(path)) {
			return dir, filepath.Base(path), nil
		}
	}
	httpFile, socketFile := cassette.Files(filepath.Dir(path), filepath.Base(path))
	return "", "", fmt.Errorf("there is no cassette %s: it would be %s and %s", arg, httpFile, socketFile)
}

// read reads a cassette that somebody has named.
func read(arg string) (*cassette.Tape, error) {
	dir, name, err := find(arg)
	if err != nil {
		return nil, err
	}
	return cassette.Read(dir, name)
}

// place is where a cassette is.
type place struct{ dir, name string }

func (c place) String() string { return filepath.ToSlash(filepath.Join(c.dir, c.name)) }

// named returns the cassettes that an argument names: all below a folder, or the one that a file belongs to.
func named(arg string) (found, halves []place, err error) {
	if info, err := os.Stat(arg); err == nil && info.IsDir() {
		return below(arg)
	}
	dir, name, err := find(arg)
	if err == nil {
		return []place{{dir, name}}, nil, nil
	}
	if _, missing := os.Stat(arg); missing != nil {
		return nil, nil, err
	}
	if found, halves, err = below(arg); err == nil && len(found)+len(halves) == 0 {
		err = fmt.Errorf("%s is not a cassette: its name ends with neither %s nor %s", arg, cassette.HTTPSuffix, cassette.SocketSuffix)
	}
	return found, halves, err
}

// below returns all cassettes below a folder, and those of which one file is missing. Folders that hold no code are
// left out, as the go command does, and node_modules.
func below(root string) (found, halves []place, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != root && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		}
		base, socket := strings.CutSuffix(name, cassette.SocketSuffix)
		if !socket {
			var http bool
			if base, http = strings.CutSuffix(name, cassette.HTTPSuffix); !http {
				return nil
			}
		}
		at := place{filepath.Dir(path), base}
		switch {
		case !cassette.Exist(at.dir, at.name):
			halves = append(halves, at)
		case socket:
			found = append(found, at)
		}
		return nil
	})
	return found, halves, err
}
