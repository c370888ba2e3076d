//go:build interop

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/internal/testkit/canary"
)

// These tests run clients that others wrote (testdata/clients, from npm) against queupd, a process of its own. `make
// interop` installs and runs them. What holds for all of them is in this file.

const (
	interopPatience = 20 * time.Second // for what should take no time, on a busy machine

	// interopLogs, in the environment, names a folder for what those clients send, one file for each queupd, as it logs
	// it.
	interopLogs = "QUEUP_INTEROP_LOGS"
)

// program is queupd.
type program struct {
	announcement
	cmd  *exec.Cmd
	file string // of the traffic
	name string // of the file
}

// startProgram starts queupd. The test ends it, and reads the traffic, with stop; else it is killed.
func startProgram(t *testing.T, name string, args ...string) *program {
	t.Helper()
	p := &program{name: name, file: filepath.Join(t.TempDir(), "log.jsonl")}
	p.cmd = exec.CommandContext(t.Context(), os.Args[0], append(args, "-log", p.file)...)
	p.cmd.Env = append(os.Environ(), asProgram+"=1")
	p.cmd.Stderr = os.Stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	})
	if err := json.NewDecoder(stdout).Decode(&p.announcement); err != nil {
		t.Fatalf("queupd says nothing of itself: %v", err)
	}
	return p
}

// stop ends queupd and returns what went over the wire.
func (p *program) stop(t *testing.T) []line {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil { // also of a data race
		t.Errorf("queupd: %v", err)
	}
	text, err := os.ReadFile(p.file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte(p.Accounts[0].Password+`"`)) || bytes.Contains(text, []byte("password="+p.Accounts[0].Password)) {
		t.Error("a password is in the log")
	}
	var lines []line
	var theirs []byte
	for text := range bytes.Lines(text) {
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			t.Fatalf("the log has %s: %v", text, err)
		}
		lines = append(lines, l)
		if l.foreign() {
			theirs = append(theirs, text...)
		}
	}
	if folder := os.Getenv(interopLogs); folder != "" {
		if err := os.WriteFile(filepath.Join(folder, p.name+".jsonl"), theirs, 0o600); err != nil {
			t.Error(err)
		}
	}
	return lines
}

// foreign says whether a client sent it that others wrote: those of this test name themselves.
func (l line) foreign() bool {
	return l.From == "client" && l.Agent != "queup-go" && !strings.HasPrefix(l.Agent, "Go-http-client/")
}

// sent lists what a user sent with a client that others wrote, as method and path, or as the frame.
func sent(lines []line, user string) []string {
	var all []string
	for _, l := range lines {
		switch {
		case !l.foreign() || l.User != user:
		case l.Method != "":
			all = append(all, l.Method+" "+l.Path)
		default:
			all = append(all, l.Body)
		}
	}
	return all
}

// count says how many of the texts have a part.
func count(texts []string, part string) int {
	n := 0
	for _, text := range texts {
		if strings.Contains(text, part) {
			n++
		}
	}
	return n
}

// id is the id of an account.
func (p *program) id(t *testing.T, name string) string {
	t.Helper()
	i := slices.IndexFunc(p.Accounts, func(a account) bool { return a.Username == name })
	if i < 0 {
		t.Fatalf("there is no %s", name)
	}
	return p.Accounts[i].ID
}

// channel is that of the lounge.
func (p *program) channel() string { return "room:" + p.Rooms[0].ID }

// peer is an account in the lounge, driven by package client.
type peer struct {
	*client.Client
	room *client.Room
	id   client.UserID
}

func (p *program) join(t *testing.T, name string) *peer {
	t.Helper()
	c, err := client.New(client.WithBaseURL(p.URL), client.WithRealtimeURL(p.RealtimeURL), client.WithRateLimit(0, 0),
		client.WithErrorHandler(func(_ context.Context, err error) { t.Errorf("%s: %v", name, err) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(); <-c.Done() })
	must(t, c.Login(t.Context(), name, canary.Password))
	must(t, c.Connect(t.Context()))
	room, err := c.JoinRoom(t.Context(), "lounge")
	must(t, err)
	return &peer{Client: c, room: room, id: client.UserID(p.id(t, name))}
}

// listen keeps the events of a type, and returns what waits for one of them.
func listen[E client.Event](t *testing.T, from client.Source) (next func(match func(E) bool) E) {
	t.Helper()
	events := make(chan E, 1024)
	t.Cleanup(client.On(from, func(_ context.Context, e E) error { events <- e; return nil }))
	return func(match func(E) bool) E {
		t.Helper()
		timeout := time.After(interopPatience)
		for {
			select {
			case e := <-events:
				if match(e) {
					return e
				}
			case <-timeout:
				t.Fatalf("package client heard no such %T", *new(E))
			}
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// script is a client of testdata/clients as a process; see drive.js there.
type script struct {
	name  string
	cmd   *exec.Cmd
	stdin io.WriteCloser
	wg    sync.WaitGroup

	mu      sync.Mutex // guards these
	lines   []scriptLine
	heard   map[string]int // by event, how many of lines were looked at
	asked   int
	ended   bool
	changed chan struct{} // closed when there is more
}

type scriptLine struct {
	ID     int
	Result json.RawMessage
	Error  string
	Event  string
	Data   json.RawMessage
}

func startScript(t *testing.T, name, url string) *script {
	t.Helper()
	s := &script{name: name, heard: map[string]int{}, changed: make(chan struct{})}
	s.cmd = exec.CommandContext(t.Context(), "node", name+".js", url)
	s.cmd.Dir = "testdata/clients"
	var stderr bytes.Buffer // some clients are chatty
	s.cmd.Stderr = &stderr
	var err error
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("%v (run make interop, which needs node)", err)
	}
	t.Cleanup(func() {
		s.kill()
		if t.Failed() && stderr.Len() > 0 {
			t.Logf("standard error of %s:\n%s", name, stderr.Bytes())
		}
	})
	s.wg.Go(func() {
		lines := bufio.NewReader(stdout)
		for {
			text, err := lines.ReadBytes('\n')
			if err != nil {
				s.add(nil)
				return
			}
			var l scriptLine
			if err := json.Unmarshal(text, &l); err != nil {
				t.Errorf("%s says %q: %v", name, text, err)
				continue
			}
			s.add(&l)
		}
	})
	return s
}

// kill ends the script without a word to anybody. It may be called more than once.
func (s *script) kill() {
	_ = s.cmd.Process.Kill()
	s.wg.Wait()
	_ = s.cmd.Wait()
}

// add keeps a line, or the end of them.
func (s *script) add(l *scriptLine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l == nil {
		s.ended = true
	} else {
		s.lines = append(s.lines, *l)
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// await waits until find has found something in the lines, which it looks through under the lock.
func (s *script) await(t *testing.T, what string, find func() bool) {
	t.Helper()
	timeout := time.After(interopPatience)
	for {
		s.mu.Lock()
		found, ended, changed := find(), s.ended, s.changed
		s.mu.Unlock()
		if found {
			return
		}
		if ended {
			t.Fatalf("%s ended before %s.%s", s.name, what, s.latest())
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("%s: no %s.%s", s.name, what, s.latest())
		}
	}
}

// latest shows what the script said last, for a failure.
func (s *script) latest() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	b.WriteString(" The last it said:")
	for _, l := range s.lines[max(0, len(s.lines)-12):] {
		data := append(l.Result, l.Data...)
		fmt.Fprintf(&b, "\n\t%d %s%s %.300s", l.ID, l.Event, l.Error, data)
	}
	return b.String()
}

// try has the script act, and returns what came of it.
func (s *script) try(t *testing.T, act string, args ...any) (result json.RawMessage, failure string) {
	t.Helper()
	s.asked++
	id := s.asked
	if args == nil {
		args = []any{}
	}
	command, err := json.Marshal(map[string]any{"id": id, "act": act, "args": args})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.stdin.Write(append(command, '\n')); err != nil {
		t.Fatalf("%s: %v.%s", s.name, err, s.latest())
	}
	s.await(t, fmt.Sprintf("answer to %s%v", act, args), func() bool {
		i := slices.IndexFunc(s.lines, func(l scriptLine) bool { return l.ID == id })
		if i >= 0 {
			result, failure = s.lines[i].Result, s.lines[i].Error
		}
		return i >= 0
	})
	return result, failure
}

// act is try for what must not fail.
func (s *script) act(t *testing.T, act string, args ...any) json.RawMessage {
	t.Helper()
	result, failure := s.try(t, act, args...)
	if failure != "" {
		t.Fatalf("%s: %s%v: %s", s.name, act, args, failure)
	}
	return result
}

// got is act with a result of some type.
func got[T any](t *testing.T, s *script, act string, args ...any) T {
	t.Helper()
	return as[T](t, s.act(t, act, args...))
}

func as[T any](t *testing.T, text json.RawMessage) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// hear waits for an event for which match is true. Those before it are not looked at again.
func hear[T any](t *testing.T, s *script, event string, match func(T) bool) T {
	t.Helper()
	var heard T
	s.await(t, event+" of the kind wanted", func() bool {
		for i := s.heard[event]; i < len(s.lines); i++ {
			s.heard[event] = i + 1
			if s.lines[i].Event != event {
				continue
			}
			if heard = as[T](t, s.lines[i].Data); match(heard) {
				return true
			}
		}
		return false
	})
	return heard
}

func anyOf[T any](T) bool { return true }

// times says how often an event came.
func (s *script) times(event string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, l := range s.lines {
		if l.Event == event {
			n++
		}
	}
	return n
}

// A client that would talk to anybody else is stopped, whichever way it tries: the process ends, and says where it
// wanted to go.
func TestInterop_noOtherHostIsReached(t *testing.T) {
	const port = "40001"
	for name, c := range map[string]struct{ code, want string }{
		"https":                {`require('https').get('https://example.com/')`, "example.com:443 is refused"},
		"http":                 {`require('http').get('http://example.com/')`, "example.com:80 is refused"},
		"fetch":                {`fetch('https://example.com/').catch(() => {})`, "example.com:443 is refused"},
		"an address":           {`require('net').connect(443, '192.0.2.1').on('error', () => {})`, "192.0.2.1:443 is refused"},
		"TLS":                  {`require('tls').connect({ host: 'example.com', port: 443 }).on('error', () => {})`, "example.com:443 is refused"},
		"another port":         {`require('net').connect(22, '127.0.0.1').on('error', () => {})`, "127.0.0.1:22 is refused"},
		"no host":              {`require('net').connect(22).on('error', () => {})`, "localhost:22 is refused"},
		"a local socket":       {`require('net').connect('/tmp/x').on('error', () => {})`, "the local socket /tmp/x is refused"},
		"a look-up":            {`require('dns').lookup('example.com', () => {})`, "lookup of example.com is refused"},
		"a promised look-up":   {`require('dns').promises.resolve4('example.com')`, "resolve4 of example.com is refused"},
		"UDP":                  {`require('dgram').createSocket('udp4').send('x', 53, '192.0.2.1')`, "UDP is refused"},
		"a client of the list": {`new (require('dubapi'))({ username: 'x', password: 'y' }, () => {})`, "api.queup.net:443 is refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			script := `const n = require('./network'); n.lead(['ws.queup.net'], 'http://127.0.0.1:` + port + `'); ` + c.code
			ctx, cancel := context.WithTimeout(t.Context(), interopPatience)
			defer cancel()
			cmd := exec.CommandContext(ctx, "node", "-e", script)
			cmd.Dir = "testdata/clients"
			out, err := cmd.CombinedOutput()
			if cmd.ProcessState.ExitCode() != 97 || !bytes.Contains(out, []byte("network: "+c.want+"; allowed: ws.queup.net, 127.0.0.1")) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	out, err := exec.CommandContext(t.Context(), "node", "-e",
		`require('./testdata/clients/network').lead([], 'http://192.0.2.1:80')`).CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("is not an address of the loopback")) {
		t.Errorf("%v: %s", err, out)
	}
}
