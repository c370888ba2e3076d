package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/queup-go/queup/tools/bench/internal/probe"
)

// A contestant is a program under test.
type contestant struct {
	name string
	args []string // the program and its own arguments; those of probe.Config follow
	all  bool     // it tells when it heard each event, not each line of chat
}

// contestants are the programs that a run compares.
type contestants struct {
	subject, read, decode contestant
	hand                  contestant // only joins; the floor's own join is the same program
	peer                  *contestant
}

// build builds the programs under test. They are programs of their own so that nothing is in them that a bot does not need.
func build(ctx context.Context, folder string, peers string) (contestants, error) {
	program := func(name string) (string, error) {
		file := filepath.Join(folder, name)
		cmd := exec.CommandContext(ctx, "go", "build", "-o", file, "github.com/queup-go/queup/tools/bench/"+name) //nolint:gosec // one of two names
		out, err := cmd.CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("go build %s: %w\n%s", name, err, out)
		}
		return file, nil
	}
	subject, err := program("subject")
	if err != nil {
		return contestants{}, err
	}
	floor, err := program("floor")
	if err != nil {
		return contestants{}, err
	}
	all := contestants{
		subject: contestant{name: "queup", args: []string{subject}},
		read:    contestant{name: "read", args: []string{floor}, all: true},
		decode:  contestant{name: "encoding/json", args: []string{floor, "-decode"}},
		hand:    contestant{name: "by hand", args: []string{floor}},
	}
	if peers != "" {
		all.peer = &contestant{name: "dubapi", args: []string{"node", filepath.Join(peers, "bench.js")}}
	}
	return all, nil
}

// process is a program under test at work.
type process struct {
	cmd     *exec.Cmd
	lines   *bufio.Reader
	errors  bytes.Buffer
	started time.Time
}

// start starts a program, beside a tidy server.
func (s *stage) start(ctx context.Context, c contestant, more ...string) (*process, error) {
	tidy()
	args := append(append([]string{}, c.args[1:]...),
		"-url", s.srv.URL(), "-realtime", s.srv.RealtimeURL(), "-room", slug, "-user", account, "-password", password)
	p := &process{cmd: exec.CommandContext(ctx, c.args[0], append(args, more...)...)} //nolint:gosec // programs that build made, and node
	p.cmd.Stderr = &p.errors
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.lines = bufio.NewReader(out)
	p.started = time.Now()
	return p, p.cmd.Start()
}

// next reads the next line of a program.
func (p *process) next(line any) error {
	text, err := p.lines.ReadBytes('\n')
	if errors.Is(err, io.EOF) {
		return errors.Join(errors.New("it ended too early"), p.end())
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, line)
}

// ready waits until the program is, and returns how long it took from its start.
func (p *process) ready() (time.Duration, error) {
	var line probe.Ready
	if err := p.next(&line); err != nil {
		return 0, err
	}
	return time.Unix(0, line.At).Sub(p.started), nil
}

// end waits for the end of the program.
func (p *process) end() error {
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("%w\n%s", err, p.errors.Bytes())
	}
	return nil
}

// kill ends a program that is of no use any more.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may be over, which is as well
	_ = p.cmd.Wait()
}

// trial bounds each start of a program.
const trial = time.Minute

// perform gives a show to a program, and returns what it tells.
func (s *stage) perform(ctx context.Context, c contestant, show show) (r probe.Report, sent []int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, trial)
	defer cancel()
	more := []string{
		"-warm-frames", strconv.Itoa(show.warm.Len()), "-warm-chats", strconv.Itoa(show.warm.chats),
		"-frames", strconv.Itoa(show.flood.Len()), "-chats", strconv.Itoa(show.flood.chats),
	}
	if show.rate > 0 {
		more = append(more, "-times")
	}
	p, err := s.start(ctx, c, more...)
	if err != nil {
		return r, nil, fmt.Errorf("%s: %w", c.name, err)
	}
	defer p.kill()
	if _, err = p.ready(); err != nil {
		return r, nil, fmt.Errorf("%s: %w", c.name, err)
	}
	if err := s.play(ctx, show); err != nil {
		return r, nil, fmt.Errorf("%s: %w", c.name, err)
	}
	if err := p.next(&r); err != nil {
		return r, nil, fmt.Errorf("%s: %w", c.name, err)
	}
	if r.Done != show.flood.Len() || r.CPU <= 0 {
		return r, nil, fmt.Errorf("%s: it reports %d events of %d, and %d ns of processor time", c.name, r.Done, show.flood.Len(), r.CPU)
	}
	if r.Chats != show.flood.chats && !c.all {
		return r, nil, fmt.Errorf("%s: it reports %d lines of chat of %d", c.name, r.Chats, show.flood.chats)
	}
	return r, s.stamps.taken(), p.end()
}

// join has a program join the room and end.
func (s *stage) join(ctx context.Context, c contestant) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, trial)
	defer cancel()
	p, err := s.start(ctx, c)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", c.name, err)
	}
	defer p.kill()
	took, err := p.ready()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", c.name, err)
	}
	return took, p.end()
}

// call has a program make calls of REST.
func (s *stage) call(ctx context.Context, c contestant, calls int) (r probe.Report, err error) {
	ctx, cancel := context.WithTimeout(ctx, trial)
	defer cancel()
	p, err := s.start(ctx, c, "-calls", strconv.Itoa(calls))
	if err != nil {
		return r, fmt.Errorf("%s: %w", c.name, err)
	}
	defer p.kill()
	if err := p.next(&r); err != nil {
		return r, fmt.Errorf("%s: %w", c.name, err)
	}
	return r, p.end()
}
