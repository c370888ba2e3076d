// Command gotest runs go test with the given flags and packages, and prints the result of each package as soon as it has
// finished. go test prints results in the order of its arguments, so that one slow package holds back all that follow.
//
// Of a package that fails it prints the output of the tests that did not pass. Packages without tests are left out. The
// environment variable GO names another go command.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main without the process around it. The result is 1 if a test fails.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	began := time.Now()
	cmd := exec.CommandContext(ctx, cmp.Or(os.Getenv("GO"), "go"), append([]string{"test", "-json"}, args...)...) //nolint:gosec // the caller's own command
	cmd.Stderr = stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // go test then ends its tests, too
	events, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(stderr, "gotest:", err)
		return 1
	}
	passed, failed, reportErr := report(events, stdout)
	waitErr := cmd.Wait()
	if len(failed) > 0 {
		fmt.Fprintf(stdout, "FAIL: %s\n", strings.Join(failed, " "))
		return 1
	}
	if err := errors.Join(reportErr, waitErr); err != nil {
		fmt.Fprintln(stderr, "gotest:", err)
		return 1
	}
	fmt.Fprintf(stdout, "ok: %d packages in %.0f s\n", passed, time.Since(began).Seconds())
	return 0
}

// An event is a line of go test -json. The command test2json documents it.
type event struct {
	Action, Package, Test, Output string
}

// result collects the output of a package until the package has finished.
type result struct {
	lines []event
	done  map[string]bool // the tests that passed or were skipped
}

// report reads the events of go test and prints the result of each package. It returns how many packages passed, and which
// failed.
func report(events io.Reader, w io.Writer) (passed int, failed []string, err error) {
	running := map[string]*result{}
	for d := json.NewDecoder(events); ; {
		var e event
		if err := d.Decode(&e); errors.Is(err, io.EOF) {
			return passed, failed, nil
		} else if err != nil {
			return passed, failed, fmt.Errorf("read the output of go test -json: %w", err)
		}
		r := running[e.Package]
		if r == nil {
			r = &result{done: map[string]bool{}}
			running[e.Package] = r
		}
		switch e.Action {
		case "build-output": // of the compiler or the linker; it names the file, and e.Package is empty
			fmt.Fprint(w, e.Output)
		case "output":
			r.lines = append(r.lines, e)
		case "pass", "skip", "fail":
			switch {
			case e.Test != "":
				r.done[e.Test] = e.Action != "fail"
				continue
			case e.Action == "pass":
				passed++
				r.summary(w)
			case e.Action == "fail":
				failed = append(failed, e.Package)
				r.details(w)
			}
			delete(running, e.Package)
		}
	}
}

// summary prints the line of a package that passed.
func (r *result) summary(w io.Writer) {
	for _, line := range r.lines {
		if line.Test == "" && strings.HasPrefix(line.Output, "ok ") {
			fmt.Fprint(w, line.Output)
		}
	}
}

// details prints what a package that failed has written, without the tests that passed.
func (r *result) details(w io.Writer) {
	for _, line := range r.lines {
		if !r.done[line.Test] && !strings.HasPrefix(line.Output, "=== ") {
			fmt.Fprint(w, line.Output)
		}
	}
}
