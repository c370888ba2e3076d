// Secrets runs the tests of this module with passwords, cookies and tokens that nothing else looks like, and fails if one gets out: into
// a log of any level, an error in any form, an event, or what the tests print.
//
//	go run ./tools/secrets
//	go run ./tools/secrets -run TestQ18 client
//
// The second takes a part of it, for whoever looks for a leak: some tests, some packages, and no complaint of places not heard of.
//
// Nothing in the library knows of it. The compiler is given changed copies of a few files (go test -overlay): tests and queuptest with
// other secrets, and client and realtime with a logger that listens at debug level where they would be silent, and with an ear at the
// places through which every error and event goes. A place that is no longer there is an error, so that this cannot go deaf.
//
// All tests are run. What some of them weigh is not asked: an ear prints what it hears, and that takes many times the memory.
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
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/queup-go/queup/internal/testkit/canary"
)

// The made-up secrets. They stand in URLs, cookies and tokens without escapes.
const (
	password = "KanariPassword9q18"
	cookie   = "KanariCookie9q18"
	token    = "KanariToken9q18"
)

func birds() map[string]string {
	return map[string]string{"password": password, "cookie": cookie, "token": token}
}

// watched are the packages whose tests go through with secrets.
var watched = []string{"client", "realtime", "queuptest", "cassettes", "commands", "examples", "tools/record", "tools/queupd"}

// change is what the copy of a file has otherwise. Each old text must be there.
type change struct{ file, old, new string }

var changes = []change{
	{"queuptest/session.go", `return id + "." + base64`, `return "` + cookie + `" + id + "." + base64`},
	{"queuptest/session.go", `+ "." + signature`, `+ "." + "` + token + `" + signature`},
	{"client/transport.go", "slog.New(slog.DiscardHandler)", "canaryLogger()"},
	{"client/doer.go", "func (d *doer) Do(", "func (d *doer) doUnheard("},
	{"client/failure.go", "func failed(", "func failedUnheard("},
	{"client/client.go", "func (c *Client) report(", "func (c *Client) reportUnheard("},
	{"client/hub.go", "func (h *hub) emit(", "func (h *hub) emitUnheard("},
	{"realtime/conn.go", "slog.New(slog.DiscardHandler)", "canaryLogger()"},
	{"realtime/supervisor.go", "func (c *Conn) emit(", "func (c *Conn) emitUnheard("},
	{"realtime/supervisor.go", "func (c *Conn) dial(", "func (c *Conn) dialUnheard("},
	// How much memory something allocates has no answer beside an ear: nothing, then, and the rest of these tests holds.
	{"client/bounds_internal_test.go", "return int(after.TotalAlloc - before.TotalAlloc)", "return 0"},
	{"client/behaviour_q16_q17_hostile_servers_test.go", "return after.TotalAlloc - before.TotalAlloc, took", "return 0, took"},
}

// unasked says what these changes take out of the tests.
const unasked = "how many bytes events, mutated input (Q15) and hostile servers (Q16) have us allocate: the ears allocate more"

// ears are files that the packages get beside their own.
var ears = map[string]string{
	"client/zz_canary.go": `package client

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/queup-go/queup/internal/testkit/canary"
)

func canaryLogger() *slog.Logger { return canary.Logger("the log of client") }

func (d *doer) Do(req *http.Request) (*http.Response, error) {
	resp, err := d.doUnheard(req)
	canary.Watch("errors of client", err)
	return resp, err
}

func failed(op string, err error) error {
	err = failedUnheard(op, err)
	canary.Watch("errors of client", err)
	return err
}

func (c *Client) report(ctx context.Context, err error) {
	canary.Watch("what handlers report", err)
	c.reportUnheard(ctx, err)
}

func (h *hub) emit(e Event) {
	canary.Watch("events of client", e)
	h.emitUnheard(e)
}
`,
	"realtime/zz_canary.go": `package realtime

import (
	"context"
	"log/slog"

	"github.com/queup-go/queup/internal/testkit/canary"
)

func canaryLogger() *slog.Logger { return canary.Logger("the log of realtime") }

func (c *Conn) emit(e Event) {
	canary.Watch("events of realtime", e)
	c.emitUnheard(e)
}

func (c *Conn) dial(ctx context.Context) (*link, error) {
	l, err := c.dialUnheard(ctx)
	canary.Watch("errors of realtime", err)
	return l, err
}
`,
}

// places are where something must have been looked at, or the tests did not go past the ears.
var places = []string{
	"the log of client", "errors of client", "what handlers report", "events of client",
	"the log of realtime", "events of realtime", "errors of realtime",
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	only := flag.String("run", "", "only the tests that match, as go test has it")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: secrets [-run regexp] [package...], packages being of", strings.Join(watched, ", "))
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(ctx, os.Stdout, *only, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "secrets:", err)
		os.Exit(1) //nolint:gocritic // stop has nothing to clean up
	}
}

func run(ctx context.Context, out io.Writer, only string, folders []string) (err error) {
	for _, folder := range folders {
		if !slices.Contains(watched, folder) {
			return fmt.Errorf("%s is none of the packages that are watched: %s", folder, strings.Join(watched, ", "))
		}
	}
	dir, err := os.MkdirTemp("", "queup-secrets-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	packages, err := overlay(dir)
	if err != nil {
		return err
	}
	part := only != "" || len(folders) > 0
	if len(folders) > 0 {
		packages = packages[:0]
		for _, folder := range folders {
			packages = append(packages, "./"+folder+"/...")
		}
	}
	report := filepath.Join(dir, "report")
	args := append([]string{"test", "-json", "-count=1", "-run", only, "-overlay", filepath.Join(dir, "overlay.json")}, packages...)
	leaks, failed := test(ctx, out, report, args)
	told, err := os.ReadFile(report)
	if errors.Is(err, fs.ErrNotExist) { // nothing came by an ear
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
		return errors.Join(err, fmt.Errorf("the tests, with other secrets than usual, have failed: %w", failed))
	}
	for _, place := range places {
		if !part && !strings.Contains(string(told), canary.Looked+place+"\n") {
			err = errors.Join(err, fmt.Errorf("nothing was heard of %s: is tools/secrets up to date?", place))
		}
	}
	fmt.Fprintln(out, "secrets: not asked:", unasked)
	if err == nil {
		fmt.Fprintf(out, "secrets: none got out of %s\n", strings.Join(packages, " "))
	}
	return err
}

// overlay writes the changed files and says which packages to test.
func overlay(dir string) (packages []string, err error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	replace := make(map[string]string)
	put := func(file, text string) error {
		at := filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
		replace[filepath.Join(root, file)] = at
		return os.WriteFile(at, []byte(text), 0o600)
	}
	texts := make(map[string]string)
	for _, c := range changes {
		if texts[c.file] == "" {
			raw, err := os.ReadFile(c.file)
			if err != nil {
				return nil, err
			}
			texts[c.file] = string(raw)
		}
		if strings.Count(texts[c.file], c.old) != 1 {
			return nil, fmt.Errorf("%s does not say %q once any more: bring tools/secrets up to date", c.file, c.old)
		}
		texts[c.file] = strings.Replace(texts[c.file], c.old, c.new, 1)
	}
	disguised := 0
	for _, folder := range watched {
		found := false
		err := filepath.WalkDir(folder, func(file string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) && file == folder {
				return fs.SkipDir
			}
			if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") {
				return err
			}
			found = true
			text, known := texts[file]
			if !known {
				raw, err := os.ReadFile(file) //nolint:gosec // our own tests
				if err != nil {
					return err
				}
				text = string(raw)
			}
			if other := disguise(text); other != text {
				disguised++
				texts[file] = other
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		if found {
			packages = append(packages, "./"+folder+"/...")
		}
	}
	if disguised < 10 {
		return nil, fmt.Errorf("only %d files log in with the password of queuptest: bring tools/secrets up to date", disguised)
	}
	for file, text := range texts {
		if err := put(file, text); err != nil {
			return nil, err
		}
	}
	for file, text := range ears {
		if err := put(file, text); err != nil {
			return nil, err
		}
	}
	raw, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return nil, err
	}
	return packages, os.WriteFile(filepath.Join(dir, "overlay.json"), raw, 0o600)
}

var usual = regexp.MustCompile("(\"|`|password=|:)secret(\"|`|&|@)")

// disguise gives the accounts of queuptest another password, there and in what logs in.
func disguise(text string) string { return usual.ReplaceAllString(text, "${1}"+password+"${2}") }

// test runs the tests and returns what it found in their output. It writes how each package ended, and what a test said that has
// failed.
func test(ctx context.Context, out io.Writer, report string, args []string) (leaks []string, err error) {
	var env []string
	var canaries []canary.Canary
	for name, secret := range birds() {
		canaries = append(canaries, canary.New(name, secret))
		env = append(env, name+"="+secret)
	}
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // go itself; packages and the pattern come from who runs this
	cmd.Env = append(os.Environ(), canary.Env+"="+strings.Join(env, ","), canary.EnvReport+"="+report)
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
