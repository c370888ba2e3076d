// Secrets runs the tests of this module with passwords, cookies and tokens that nothing else looks like. It fails if one gets out: into
// a log of any level, an error in any form, an event, or the output of the tests.
//
//	go run ./tools/secrets
//	go run ./tools/secrets realtime commands
//	go run ./tools/secrets -run TestQ18 client
//
// The second tests some packages, the third some tests of them.
//
// The tests are built with the tag queupcanary. queuptest then makes cookies and tokens of made-up secrets, tests log in with a
// made-up password (canary.Password), and client and realtime have hooks in the functions that emit events or return errors, and a
// logger at debug level instead of none. Without the tag the hooks are empty: see hook_off.go and hook_on.go of these packages. A
// hook that gets nothing fails the run, so that none is lost unnoticed.
//
// Tests that measure how much memory is allocated pass without a check, because hooks allocate many times as much.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/queup-go/queup/internal/testkit/canary"
)

// places are the folders that are tested, below which all packages are, and what their tests must bring about: something at each
// hook, and logins with the made-up password.
var places = map[string][]string{
	"client": {
		"the log of client", "errors of REST calls in client", "errors of operations in client", "errors for the error handler of client",
		"events of client", "logins of client",
	},
	"realtime":                  {"the log of realtime", "errors of dialling in realtime", "events of realtime"},
	"queuptest":                 {"logins of queuptest"},
	"cassettes":                 {"logins of cassettes"},
	"commands":                  {"logins of commands"},
	"examples":                  {"logins of bridge", "logins of exporter", "logins of modbot", "logins of overlay", "logins of pingbot", "logins of requestbot"},
	"internal/testkit/scenario": nil,
	"tools/record":              {"logins of record"},
	"tools/queupd":              nil,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	only := flag.String("run", "", "only the tests that match, as go test has it")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: secrets [-run regexp] [folder...], of", strings.Join(slices.Sorted(maps.Keys(places)), ", "))
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(ctx, os.Stdout, *only, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "secrets:", err)
		os.Exit(1) //nolint:gocritic // stop has nothing to clean up
	}
}

func run(ctx context.Context, out io.Writer, only string, folders []string) (err error) {
	if len(folders) == 0 {
		folders = slices.Sorted(maps.Keys(places))
	}
	args := []string{"test", "-json", "-count=1", "-tags", "queupcanary", "-run", only}
	for _, folder := range folders {
		if _, ok := places[folder]; !ok {
			return fmt.Errorf("%s is not a folder that is tested: %s", folder, strings.Join(slices.Sorted(maps.Keys(places)), ", "))
		}
		args = append(args, "./"+folder+"/...")
	}
	dir, err := os.MkdirTemp("", "queup-secrets-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	report := filepath.Join(dir, "report")
	leaks, failed := test(ctx, out, report, args)
	told, err := os.ReadFile(report)
	if errors.Is(err, fs.ErrNotExist) { // no hook got anything
		err = nil
	}
	for line := range strings.Lines(string(told)) {
		if what, ok := strings.CutPrefix(strings.TrimSpace(line), canary.Found); ok {
			leaks = append(leaks, what+" got out")
		}
	}
	slices.Sort(leaks)
	for _, leak := range slices.Compact(leaks) {
		err = errors.Join(err, errors.New(leak))
	}
	if failed != nil {
		return errors.Join(err, fmt.Errorf("the tests have failed with made-up secrets: %w", failed))
	}
	for _, folder := range folders {
		for _, place := range places[folder] {
			if only == "" && !strings.Contains(string(told), canary.Looked+place+"\n") {
				err = errors.Join(err, fmt.Errorf("%s: no %s came to a hook: is the hook still called?", folder, place))
			}
		}
	}
	if err == nil {
		fmt.Fprintf(out, "secrets: none got out of %s\n", strings.Join(folders, ", "))
	}
	return err
}

// test runs the tests and returns what it found in their output. It writes how each package ended, and what a test said that has
// failed.
func test(ctx context.Context, out io.Writer, report string, args []string) (leaks []string, err error) {
	canaries := canary.MadeUp()
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // go itself; packages and the pattern come from who runs this
	cmd.Env = append(os.Environ(), canary.EnvReport+"="+report)
	read, write := io.Pipe()
	cmd.Stdout, cmd.Stderr = write, write
	done := make(chan error, 1)
	go func() {
		err := cmd.Run()
		_ = write.Close()
		done <- err
	}()
	said := make(map[string]*strings.Builder) // by package and test, until it has passed
	events := bufio.NewReader(read)
	for {
		line, err := events.ReadString('\n')
		var e struct {
			Action, ImportPath, Package, Test, Output string
			Elapsed                                   float64
		}
		if json.Unmarshal([]byte(line), &e) != nil {
			e.Action, e.Output = "output", line // of go itself
		}
		who := strings.TrimSpace(strings.TrimPrefix(e.Package+e.ImportPath, "github.com/queup-go/queup/") + " " + e.Test)
		switch e.Action {
		case "output", "build-output":
			// A long line comes in pieces, so that nothing is looked at before the end of the test.
			if said[who] == nil {
				said[who] = new(strings.Builder)
			}
			said[who].WriteString(e.Output)
		case "pass", "fail", "skip", "build-fail":
			text := said[who]
			delete(said, who)
			leaks = append(leaks, search(canaries, who, text)...)
			if e.Test == "" && e.Action != "skip" {
				fmt.Fprintf(out, "secrets: %s: %s after %.0f s\n", who, e.Action, e.Elapsed)
			}
			if strings.HasSuffix(e.Action, "fail") {
				quote(out, text)
			}
		}
		if err != nil {
			break
		}
	}
	for who, text := range said { // of what has not come to its end
		leaks = append(leaks, search(canaries, who, text)...)
		quote(out, text)
	}
	return leaks, <-done
}

func search(canaries []canary.Canary, who string, text *strings.Builder) (leaks []string) {
	if text == nil {
		return nil
	}
	for _, bird := range canaries {
		if kind, found := bird.Find(text.String()); found {
			leaks = append(leaks, fmt.Sprintf("the %s got out, in what the tests print (%s, as %s)", bird.Name, who, kind))
		}
	}
	return leaks
}

// quote writes the last of what a test has said; some say a mebibyte in a line.
func quote(out io.Writer, text *strings.Builder) {
	if text == nil || strings.TrimSpace(text.String()) == "" {
		return
	}
	const most, width = 60, 300
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	for _, line := range lines[max(0, len(lines)-most):] {
		if len(line) > width {
			line = line[:width] + "…"
		}
		fmt.Fprintln(out, "    "+line)
	}
}
