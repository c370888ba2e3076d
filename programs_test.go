//go:build unix

package queup_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// programRoom is the room that the programs in the documentation join.
const programRoom = "my-awesome-room"

// patience is how long a test waits for what should happen at once, on a slow machine.
const patience = time.Minute

// A program is a main of the documentation or the examples.
type program struct {
	name   string
	source string   // of a program in the documentation, empty for an example
	args   []string // of its command line
	env    []string // beyond QUEUP_URL and the account
	room   string   // the room that it joins last
	line   string   // what it answers there; empty for a program that only listens
	path   string
}

// Each bot that a newcomer copies leaves its room on SIGINT and on SIGTERM, which docker, systemd and Kubernetes send, and ends with
// status 0. A second signal ends it at once, even if QueUp does not answer when it leaves. An example names a flag that it does not
// have. One build serves all of it.
func TestPrograms_signalsAndFlags(t *testing.T) {
	programs := documented(t)
	shown := len(programs)
	if shown < 3 {
		t.Fatalf("the documentation has %d programs, want those of README.md and client/doc.go", shown)
	}
	programs = append(programs,
		program{name: "pingbot", room: programRoom, line: "!ping"},
		program{name: "modbot", room: programRoom, line: "!rules"},
		program{name: "requestbot", room: programRoom, line: "!help"},
		program{name: "statsbot", room: programRoom, line: "!top"},
		program{name: "bridge", room: "lounge", line: "hello", env: []string{"QUEUP_ROOM2=lounge"}},
		program{name: "overlay", args: []string{"-listen", "127.0.0.1:0"}},
		program{name: "exporter"},
	)
	signals := []syscall.Signal{syscall.SIGTERM, syscall.SIGINT}
	if testing.Short() {
		programs, signals = []program{programs[0], programs[shown]}, signals[:1]
	}
	build(t, programs)
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			ends := endsPolitely
			if p.name == "exporter" {
				ends = endsIncomplete
			}
			for _, sig := range signals {
				t.Run(sig.String(), func(t *testing.T) { ends(t, p, sig) })
			}
			if p.source == "" {
				t.Run("flags", func(t *testing.T) { rejectsFlags(t, p) })
			}
			if p.line != "" {
				t.Run("twice", func(t *testing.T) { endsAtOnce(t, p, signals[0]) })
			}
		})
	}
}

// endsPolitely starts a program and ends it with a signal.
func endsPolitely(t *testing.T, p program, sig syscall.Signal) {
	server := newProgramServer()
	defer server.Close()
	run := start(t, server, p)
	run.joins(server, p)
	run.signal(sig)
	status := run.wait()
	if status.Signaled() || status.ExitStatus() != 0 {
		t.Errorf("after %v it ends with %s, want status 0", sig, run.cmd.ProcessState)
	}
	if run.stderr.Len() > 0 || strings.Contains(run.stdout.String(), "<nil>") {
		t.Errorf("it prints %q and the errors %q", &run.stdout, &run.stderr)
	}
	if p.line != "" && !slices.ContainsFunc(server.Log(), leaves) {
		t.Error("it does not leave the room")
	}
	if slices.Contains(server.Room(programRoom).Members(), "bot") {
		t.Error("it is still in the room")
	}
}

// endsAtOnce starts a program in a QueUp that does not answer when it leaves, and signals twice.
func endsAtOnce(t *testing.T, p program, sig syscall.Signal) {
	leaving := make(chan struct{})
	saidGoodbye := sync.OnceFunc(func() { close(leaving) })
	server := newProgramServer(queuptest.WithHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method == http.MethodDelete && strings.HasSuffix(req.URL.Path, "/users") {
				saidGoodbye()
				<-req.Context().Done()
				return
			}
			next.ServeHTTP(w, req)
		})
	}))
	defer server.Close()
	run := start(t, server, p)
	run.joins(server, p)
	run.signal(sig)
	select {
	case <-leaving:
	case <-run.ended:
	case <-time.After(patience):
		t.Fatal("it does not leave the room")
	}
	for over := false; !over; { // the default effect of the signal is back a moment after the first one
		run.signal(sig)
		select {
		case <-run.ended:
			over = true
		case <-time.After(10 * time.Millisecond):
		}
	}
	if status := run.wait(); !status.Signaled() || status.Signal() != sig {
		t.Errorf("after a second %v it ends with %s, want the signal's own effect", sig, run.cmd.ProcessState)
	}
}

// endsIncomplete starts a program whose work has an end, and interrupts it before. That must not look like success.
func endsIncomplete(t *testing.T, p program, sig syscall.Signal) {
	server := newProgramServer(queuptest.WithHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if strings.HasSuffix(req.URL.Path, "/playlist/history") {
				<-req.Context().Done()
				return
			}
			next.ServeHTTP(w, req)
		})
	}))
	defer server.Close()
	run := start(t, server, p)
	run.await(server, func(e queuptest.Entry) bool { return e.In && strings.Contains(e.Path, "/playlist/history") })
	run.signal(sig)
	status := run.wait()
	if errors := run.stderr.String(); status.Signaled() || status.ExitStatus() != 1 || !strings.Contains(errors, "start again to go on") {
		t.Errorf("after %v it ends with %s and the errors %q, want status 1 and how to go on", sig, run.cmd.ProcessState, errors)
	}
}

// rejectsFlags starts an example with arguments that it does not have, and for its usage.
func rejectsFlags(t *testing.T, p program) {
	for _, tt := range []struct {
		arg  string
		good bool
		want string
	}{
		{"-nonsense", false, "-nonsense"}, {"nonsense", false, "nonsense"}, {"-h", true, "QUEUP_ROOM"},
	} {
		out, err := exec.CommandContext(t.Context(), p.path, tt.arg).CombinedOutput()
		if (err == nil) != tt.good || !strings.Contains(string(out), tt.want) {
			t.Errorf("with %s: %v, it prints %q, want %s", tt.arg, err, out, tt.want)
		}
	}
}

// newProgramServer starts a QueUp with the room of the documentation.
func newProgramServer(opts ...queuptest.Option) *queuptest.Server {
	world := queuptest.DefaultWorld()
	world.Rooms = append(world.Rooms, queuptest.RoomSpec{Slug: programRoom, Owner: "owner", Present: []string{"alice"}})
	return queuptest.NewServer(append(opts, queuptest.WithWorld(world))...)
}

// leaves reports whether an entry is a request to leave a room.
func leaves(e queuptest.Entry) bool {
	return e.In && e.Method == http.MethodDelete && strings.HasSuffix(e.Path, "/users")
}

// A running is a program that has been started.
type running struct {
	t              *testing.T
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer // to be read after wait
	ended          chan struct{}
}

// start starts a program.
func start(t *testing.T, server *queuptest.Server, p program) *running {
	t.Helper()
	run := &running{t: t, cmd: exec.CommandContext(t.Context(), p.path, p.args...), ended: make(chan struct{})}
	run.cmd.Dir = t.TempDir()
	run.cmd.Env = append([]string{
		"QUEUP_URL=" + server.URL(), "QUEUP_EMAIL=bot", "QUEUP_PASSWORD=secret", "QUEUP_ROOM=" + programRoom, "HOME=" + run.cmd.Dir,
	}, p.env...)
	run.cmd.Stdout, run.cmd.Stderr = &run.stdout, &run.stderr
	if err := run.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(run.ended)
		_ = run.cmd.Wait() // ProcessState has it
	}()
	t.Cleanup(func() {
		_ = run.cmd.Process.Kill()
		<-run.ended
	})
	return run
}

// joins waits until a program is in its room and its handlers run.
func (r *running) joins(server *queuptest.Server, p program) {
	r.t.Helper()
	if p.line == "" { // it shows the queue
		r.await(server, func(e queuptest.Entry) bool { return !e.In && strings.HasSuffix(e.Path, "/playlist/details") })
		return
	}
	room := server.Room(p.room)
	r.await(server, func(e queuptest.Entry) bool {
		f, ok := e.Frame()
		return ok && e.In && f.Action == realtime.ActionPresence && f.Channel == room.Channel()
	})
	// A line that is said while the bot still joins may be part of the history that it reads, so it is said until it is answered.
	answered := make(chan struct{})
	defer close(answered)
	go func() {
		for {
			room.Say("alice", p.line)
			select {
			case <-answered:
				return
			case <-time.After(5 * time.Second):
			}
		}
	}()
	r.await(server, func(e queuptest.Entry) bool {
		return !e.In && e.User == "bot" && e.Method == http.MethodPost && e.Status == http.StatusOK && strings.HasPrefix(e.Path, "/chat/")
	})
}

// await waits for an entry in the log of the server, as long as the program runs.
func (r *running) await(server *queuptest.Server, match func(e queuptest.Entry) bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	go func() {
		select {
		case <-r.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	if _, err := server.Await(ctx, match); err != nil {
		_ = r.cmd.Process.Kill()
		<-r.ended
		r.t.Fatalf("it is not in the room: %v, %s, it prints %q and the errors %q", err, r.cmd.ProcessState, &r.stdout, &r.stderr)
	}
}

// signal sends a signal, unless the program has ended.
func (r *running) signal(sig syscall.Signal) { _ = r.cmd.Process.Signal(sig) }

// wait waits until the program has ended.
func (r *running) wait() syscall.WaitStatus {
	r.t.Helper()
	select {
	case <-r.ended:
	case <-time.After(patience):
		r.t.Fatal("it does not end")
	}
	return r.cmd.ProcessState.Sys().(syscall.WaitStatus)
}

var (
	markdownCode = regexp.MustCompile("(?s)```go\n(.*?)```")
	commentCode  = regexp.MustCompile(`(?m)(?:^//(?:\t.*)?\n)+`)
	mainFunction = regexp.MustCompile(`(?m)^func main\(\) {$`)
)

// documented returns the programs in README.md, docs and the package comments.
func documented(t *testing.T) (programs []program) {
	t.Helper()
	files := []string{"README.md"}
	for _, pattern := range []string{"docs/*.md", "*/doc.go"} {
		more, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, more...)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var blocks []string
		if filepath.Ext(file) == ".md" {
			for _, block := range markdownCode.FindAllStringSubmatch(string(text), -1) {
				blocks = append(blocks, block[1])
			}
		} else {
			for _, block := range commentCode.FindAllString(string(text), -1) {
				blocks = append(blocks, regexp.MustCompile(`(?m)^//\t?`).ReplaceAllString(block, ""))
			}
		}
		for _, block := range blocks {
			if mainFunction.MatchString(block) {
				name := strings.NewReplacer("/", "-", ".", "-").Replace(file)
				programs = append(programs, program{
					name: fmt.Sprintf("%s-%d", name, len(programs)+1), source: redirected(block), room: programRoom, line: "!ping",
				})
			}
		}
	}
	return programs
}

// header is what a program in a package comment leaves out.
const header = `package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/queup-go/queup/client"
)

`

// redirected returns a program of the documentation that differs in one point: its client goes to the QueUp that QUEUP_URL names.
func redirected(source string) string {
	if !strings.HasPrefix(source, "package main\n") {
		source = header + source
	}
	source = strings.Replace(source, "import (\n", "import (\n\t\"github.com/queup-go/queup/programs/elsewhere\"\n", 1)
	return strings.ReplaceAll(source, "client.New(", "elsewhere.New(")
}

const elsewhere = `package elsewhere

import (
	"os"
	"strings"

	"github.com/queup-go/queup/client"
)

func New(opts ...client.Option) (*client.Client, error) {
	url := os.Getenv("QUEUP_URL")
	return client.New(append(opts, client.WithBaseURL(url), client.WithRealtimeURL(strings.Replace(url, "http", "ws", 1)+"/ws/"))...)
}
`

// build builds programs, those of the documentation as packages that exist in an overlay only.
func build(t *testing.T, programs []program) {
	t.Helper()
	dir := t.TempDir()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	overlay := struct{ Replace map[string]string }{make(map[string]string)}
	place := func(pkg, source string) {
		file := filepath.Join(dir, pkg+".go")
		if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay.Replace[filepath.Join(root, "programs", pkg, "main.go")] = file
	}
	place("elsewhere", elsewhere)
	// go test reuses a result until a file that the test looked at has changed, so it looks at the sources of the programs.
	for _, pattern := range []string{"client/*.go", "commands/*.go", "examples/*/*.go", "examples/internal/*/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if _, err := os.Stat(file); err != nil {
				t.Fatal(err)
			}
		}
	}
	args := []string{"build", "-ldflags=-s -w", "-o", dir + "/"}
	packages := []string{"-overlay", filepath.Join(dir, "overlay.json")}
	own := ""
	for i, p := range programs {
		programs[i].path = filepath.Join(dir, p.name)
		switch {
		case p.source != "":
			place(p.name, p.source)
			packages = append(packages, "./programs/"+p.name)
		case p.name == "statsbot": // a module of its own
			own = p.name
		default:
			packages = append(packages, "./examples/"+p.name)
		}
	}
	text, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	compile := func(folder string, packages ...string) {
		cmd := exec.CommandContext(t.Context(), "go", append(slices.Clone(args), packages...)...)
		cmd.Dir, cmd.Env = folder, append(os.Environ(), "GOFLAGS=", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go build %s: %v\n%s", strings.Join(packages, " "), err, out)
		}
	}
	compile(root, packages...)
	if own != "" {
		compile(filepath.Join(root, "examples", own), ".")
	}
}
