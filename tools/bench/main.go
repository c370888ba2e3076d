// Bench measures package client: a bot that keeps the full state of a room of 50 people, in a process of its own, against
// prepared frames of package queuptest. Beside it, in the same run, stand two floors: a program that reads frames and drops
// them, and one that decodes them with encoding/json into plain structs. docs/PERFORMANCE.md explains the figures.
//
//	go run ./tools/bench                     # what make bench does
//	go run ./tools/bench -rounds 1 -scale=false
//	go run ./tools/bench -draw bench.json -svg docs/performance/curves.svg
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// A Result is all that a run found out.
type Result struct {
	Machine Machine  `json:"machine"`
	Events  int      `json:"events"`
	Rounds  []Round  `json:"rounds,omitempty"`
	Medians Round    `json:"medians,omitempty"`
	Scale   []Series `json:"scale,omitempty"`
	Marks   []Mark   `json:"marks"`
}

type options struct {
	plan
	load, scale                  bool
	scaleRounds                  int
	peers, json, text, svg, draw string
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&o.rounds, "rounds", 5, "how often each program is measured; the table has the medians")
	flags.IntVar(&o.events, "events", 50_000, "events of a flood")
	flags.IntVar(&o.slowEvents, "slow-events", 500, "events at -rate, to see how long each takes")
	flags.IntVar(&o.rate, "rate", 200, "events a second, then")
	flags.IntVar(&o.calls, "calls", 2000, "calls of REST, one after the other")
	flags.BoolVar(&o.load, "load", true, "run the programs")
	flags.BoolVar(&o.scale, "scale", true, "run the benchmarks that show how the costs grow")
	flags.IntVar(&o.scaleRounds, "scale-rounds", 3, "how often, each")
	flags.StringVar(&o.peers, "peers", "", "measure npm dubapi too, by bench.js in this `folder`, where npm install was run; needs node")
	flags.StringVar(&o.json, "json", "", "`file` for all figures as JSON")
	flags.StringVar(&o.text, "text", "", "`file` for what the benchmarks print, for benchstat")
	flags.StringVar(&o.svg, "svg", "", "`file` for a picture of the curves")
	flags.StringVar(&o.draw, "draw", "", "measure nothing, and draw the picture from this `file` that -json wrote")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	if flags.NArg() > 0 || min(o.rounds, o.events, o.slowEvents, o.rate, o.calls, o.scaleRounds) < 1 {
		fmt.Fprintln(stderr, "bench: all numbers are at least 1, and nothing follows the flags")
		return 2
	}
	if err := bench(ctx, o, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return 1
	}
	return 0
}

func bench(ctx context.Context, o options, stdout, stderr io.Writer) error {
	if o.draw != "" {
		return redraw(o)
	}
	begin := time.Now()
	result := Result{Machine: thisMachine(ctx), Events: o.events}
	m := result.Machine
	fmt.Fprintf(stdout, "%s, %d cores, %s, %s, load %s\n", m.CPU, m.Cores, m.OS, m.Go, m.Load)
	if o.load {
		if err := result.load(ctx, o, stdout, stderr); err != nil {
			return err
		}
	}
	if o.scale {
		if err := result.grow(ctx, o, stdout, stderr); err != nil {
			return err
		}
	}
	fmt.Fprintf(stdout, "\n%s\n%.0f s\n", marksTable(result.Marks), time.Since(begin).Seconds())
	if err := result.save(o.json); err != nil {
		return err
	}
	return result.picture(o.svg)
}

// load runs the programs.
func (r *Result) load(ctx context.Context, o options, stdout, stderr io.Writer) (err error) {
	folder, err := os.MkdirTemp("", "queup-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	all, err := build(ctx, folder, o.peers)
	if err != nil {
		return err
	}
	s, err := newStage()
	if err != nil {
		return err
	}
	defer s.srv.Close()
	r.Rounds, err = s.run(ctx, all, o.plan, func(what string) { fmt.Fprintln(stderr, what) })
	if err != nil {
		return err
	}
	r.Medians = medians(r.Rounds)
	r.Marks = append(r.Marks, loadMarks(r.Rounds)...)
	fmt.Fprintf(stdout, "\n%d events a flood, medians of %d rounds; latency at %d events/s; %d calls\n\n%s",
		o.events, o.rounds, o.rate, o.calls, figuresTable(r.Medians, contestantNames(r.Rounds)))
	for _, note := range notes(r.Rounds) {
		fmt.Fprintf(stdout, "\n  %s\n", note)
	}
	return nil
}

func (r *Result) save(file string) error {
	if file == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

func (r *Result) picture(file string) error {
	if file == "" {
		return nil
	}
	svg, err := draw(r.Scale)
	if err != nil {
		return err
	}
	return os.WriteFile(file, svg, 0o644)
}

// redraw draws the picture of an earlier run.
func redraw(o options) error {
	text, err := os.ReadFile(o.draw)
	if err != nil {
		return err
	}
	var r Result
	if err := json.Unmarshal(text, &r); err != nil {
		return fmt.Errorf("%s: %w", o.draw, err)
	}
	if o.svg == "" {
		return errors.New("-draw needs -svg")
	}
	return r.picture(o.svg)
}
