// Package browser looks at pages with a headless Chromium, for the tests behind the build tag browser. It drives the browser
// with playwright-core from npm, by the script in its folder chromium; `make browser` installs that and runs the tests.
package browser

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// chosen, in the environment, names the browser to take, instead of one on the PATH.
const chosen = "QUEUP_CHROMIUM"

// names are what Chromium is called on the PATH.
var names = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// A Browser is a headless Chromium with one page. It is for one goroutine.
type Browser struct {
	t      *testing.T
	stdin  io.Writer
	stdout *bufio.Reader
}

// A View is how a page is looked at.
type View struct {
	Width  int  `json:"width"` // px
	Height int  `json:"height"`
	Dark   bool `json:"dark"` // what prefers-color-scheme says
}

// A Report is what a page did beside showing itself.
type Report struct {
	// Errors are errors and warnings on the console, exceptions, dialogs, and requests that failed.
	Errors []string `json:"errors"`
	// Requests are the addresses of all that it asked for, itself included.
	Requests []string `json:"requests"`
}

// Start starts a browser that is gone when the test ends. script is the path of look.js from the folder of the test.
func Start(t *testing.T, script string) *Browser {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", script, find(t), filepath.Join(t.TempDir(), "profile")) //nolint:gosec // the test says what to run
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	// The context of a test ends before its cleanup. The browser gets the time to go by itself, and to take its processes
	// along.
	cmd.Cancel = stdin.Close
	cmd.WaitDelay = 20 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatalf("the browser tests need Node.js 20 or newer: %v", err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		if err := cmd.Wait(); err != nil && t.Context().Err() == nil {
			t.Errorf("the browser did not end well: %v", err)
		}
	})
	b := &Browser{t, stdin, bufio.NewReader(stdout)}
	var version string
	b.answer("start", &version)
	t.Logf("Chromium %s", version)
	return b
}

// RecordHAR has a page talk to the queuptest server at url, and writes what was said to a file, as Playwright records HAR. script is
// the path of har.js from the folder of the test.
func RecordHAR(t *testing.T, script, url, file string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", script, find(t), url, file) //nolint:gosec // the test says what to run
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the page has failed: %v\n%s", err, out)
	}
}

func find(t *testing.T) string {
	t.Helper()
	if path := os.Getenv(chosen); path != "" {
		return path
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("none of %q is on the PATH: install Chromium, or name one by %s", names, chosen)
	return ""
}

// For is the same browser, whose failures are those of another test.
func (b *Browser) For(t *testing.T) *Browser { return &Browser{t, b.stdin, b.stdout} }

// do sends a command and reads its answer.
func (b *Browser) do(result any, act string, args ...any) {
	b.t.Helper()
	command, err := json.Marshal(map[string]any{"act": act, "args": append([]any{}, args...)})
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(b.stdin, "%s\n", command); err != nil {
		b.t.Fatalf("%s: the browser is gone: %v", act, err)
	}
	b.answer(act, result)
}

func (b *Browser) answer(act string, result any) {
	b.t.Helper()
	line, err := b.stdout.ReadBytes('\n')
	if err != nil {
		b.t.Fatalf("%s: the browser is gone: %v", act, err)
	}
	var answer struct {
		Result json.RawMessage `json:"result"`
		Error  string          `json:"error"`
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		b.t.Fatalf("%s: %v in %s", act, err, line)
	}
	if answer.Error != "" {
		b.t.Fatalf("%s: %s", act, answer.Error)
	}
	if result == nil {
		return
	}
	if err := json.Unmarshal(answer.Result, result); err != nil {
		b.t.Fatalf("%s: %v in %s", act, err, answer.Result)
	}
}

// Open opens a page and waits until its document is there.
func (b *Browser) Open(url string, v View) {
	b.t.Helper()
	b.do(nil, "open", url, v)
}

// Wait waits, 20 seconds at most, until a JavaScript expression is true in the page.
func (b *Browser) Wait(expression string) {
	b.t.Helper()
	b.do(nil, "wait", expression)
}

// Evaluate writes the value of a JavaScript expression to what result points at.
func (b *Browser) Evaluate(expression string, result any) {
	b.t.Helper()
	b.do(result, "evaluate", expression)
}

// Type replaces what stands in a field.
func (b *Browser) Type(selector, text string) {
	b.t.Helper()
	b.do(nil, "type", selector, text)
}

// Click clicks on an element, once it can be clicked on.
func (b *Browser) Click(selector string) {
	b.t.Helper()
	b.do(nil, "click", selector)
}

// Screenshot writes what is seen to a PNG file; transparent leaves out the white that a browser has behind every page.
func (b *Browser) Screenshot(file string, transparent bool) {
	b.t.Helper()
	b.do(nil, "screenshot", file, transparent)
}

// Report tells what the page did since the last report.
func (b *Browser) Report() (r Report) {
	b.t.Helper()
	b.do(&r, "report")
	return r
}
