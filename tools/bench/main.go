// Bench measures package client: a bot that keeps the full state of a room of 50 people, in a process of its own, against
// prepared frames of package queuptest. Beside it, in the same run, stand two floors: a program that reads frames and drops
// them, and one that decodes them with encoding/json into plain structs. docs/PERFORMANCE.md explains the figures.
//
//	go run ./tools/bench                     # what make bench does
//	go run ./tools/bench -rounds 1 -scale=false
//	go run ./tools/bench -from docs/performance/figures.json -svg docs/performance/curves.svg -page docs/PERFORMANCE.md
package main

import (
	"bytes"
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
	Plan    Plan     `json:"plan"`
	Rounds  []Round  `json:"rounds,omitempty"`
	Medians Round    `json:"medians,omitempty"`
	Scale   []Series `json:"scale,omitempty"`
	Marks   []Mark   `json:"marks"`
}

type options struct {
	plan Plan

	load, scale                        bool
	scaleRounds                        int
	peers, json, text, svg, page, from string
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&o.plan.Rounds, "rounds", 5, "how often each program is measured; the table has the medians")
	flags.IntVar(&o.plan.WarmEvents, "warm-events", 20_000, "events that each program hears before what counts")
	flags.IntVar(&o.plan.Events, "events", 100_000, "events of a flood")
	flags.IntVar(&o.plan.SlowEvents, "slow-events", 2000, "events at -rate, to see how long each takes")
	flags.IntVar(&o.plan.Rate, "rate", 200, "events a second, then")
	flags.IntVar(&o.plan.Calls, "calls", 2000, "calls of REST, one after the other")
	flags.BoolVar(&o.load, "load", true, "run the programs")
	flags.BoolVar(&o.scale, "scale", true, "run the benchmarks that show how the costs grow")
	flags.IntVar(&o.scaleRounds, "scale-rounds", 5, "how often, each")
	flags.StringVar(&o.peers, "peers", "", "measure npm dubapi too, by bench.js in this `folder`, where npm install was run; needs node")
	flags.StringVar(&o.json, "json", "", "`file` for all figures as JSON")
	flags.StringVar(&o.text, "text", "", "`file` for what the benchmarks print, for benchstat")
	flags.StringVar(&o.svg, "svg", "", "`file` for a picture of the curves")
	flags.StringVar(&o.page, "page", "", "Markdown `file` whose figures, between two comments, are replaced")
	flags.StringVar(&o.from, "from", "", "measure nothing: take the figures from this `file` that -json wrote")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	if flags.NArg() > 0 || min(o.plan.Rounds, o.plan.WarmEvents, o.plan.Events, o.plan.SlowEvents, o.plan.Rate, o.plan.Calls, o.scaleRounds) < 1 {
		fmt.Fprintln(stderr, "bench: all numbers are at least 1, and nothing follows the flags")
		return 2
	}
	if o.plan.SlowEvents < minSlowEvents {
		fmt.Fprintf(stderr, "bench: -slow-events is at least %d, so that there are lines of chat among them\n", minSlowEvents)
		return 2
	}
	if err := bench(ctx, o, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return 1
	}
	return 0
}

// minSlowEvents is the shortest flood whose latencies are worth a percentile.
const minSlowEvents = 50

func bench(ctx context.Context, o options, stdout, stderr io.Writer) error {
	var result Result
	if o.from != "" {
		if err := result.read(o.from); err != nil {
			return err
		}
		return result.write(o)
	}
	begin := time.Now()
	result.Machine, result.Plan = thisMachine(ctx), o.plan
	fmt.Fprintln(stdout, result.Machine)
	if err := result.measure(ctx, o, stdout, stderr); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "\n%s\n%.0f s\n", marksTable(result.Marks), time.Since(begin).Seconds())
	return result.write(o)
}

// measure builds the programs and does what was asked for.
func (r *Result) measure(ctx context.Context, o options, stdout, stderr io.Writer) (err error) {
	folder, err := os.MkdirTemp("", "queup-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	all, err := build(ctx, folder, o.peers)
	if err != nil {
		return err
	}
	if o.load {
		if err := r.load(ctx, all, o, stdout, stderr); err != nil {
			return err
		}
	}
	if o.scale {
		return r.grow(ctx, all.subject, o, stdout, stderr)
	}
	return nil
}

// load runs the programs.
func (r *Result) load(ctx context.Context, all contestants, o options, stdout, stderr io.Writer) error {
	s, err := newStage(people)
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
	fmt.Fprintf(stdout, "\n%s", r.figures())
	return nil
}

func (r *Result) read(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, r); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// write writes the files that were asked for.
func (r *Result) write(o options) error {
	if o.json != "" {
		text, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.json, append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	if o.svg != "" {
		svg, err := draw(r.Scale)
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.svg, svg, 0o644); err != nil {
			return err
		}
	}
	if o.page != "" {
		text, err := os.ReadFile(o.page)
		if err != nil {
			return err
		}
		if text, err = r.insert(text); err != nil {
			return fmt.Errorf("%s: %w", o.page, err)
		}
		return os.WriteFile(o.page, text, 0o644)
	}
	return nil
}

// What stands between these two lines of a page is written by insert.
const (
	figuresBegin = "<!-- figures: make bench-docs writes them -->\n"
	figuresEnd   = "<!-- end of figures -->\n"
)

// insert puts the figures into a page, in the place of those that are there.
func (r *Result) insert(page []byte) ([]byte, error) {
	head, rest, ok := bytes.Cut(page, []byte(figuresBegin))
	_, tail, found := bytes.Cut(rest, []byte(figuresEnd))
	if !ok || !found {
		return nil, fmt.Errorf("the lines %q and %q are not there", figuresBegin, figuresEnd)
	}
	var out bytes.Buffer
	out.Write(head)
	fmt.Fprintf(&out, "%s%s.\n", figuresBegin, r.Machine)
	if len(r.Rounds) > 0 {
		fmt.Fprintf(&out, "\n```\n%s```\n", r.figures())
	}
	fmt.Fprintf(&out, "\n```\n%s```\n", marksTable(r.Marks))
	if len(r.Scale) > 0 {
		fmt.Fprintf(&out, "\n```\n%s```\n", scaleTable(r.Scale))
	}
	out.WriteString(figuresEnd)
	out.Write(tail)
	return out.Bytes(), nil
}

// figures is the table of the programs, with what they had to do.
func (r *Result) figures() string {
	return fmt.Sprintf("%d events a flood, medians of %d rounds; latency at %d events/s; %d calls\n\n%s",
		r.Plan.Events, r.Plan.Rounds, r.Plan.Rate, r.Plan.Calls, figuresTable(r.Medians, contestantNames(r.Rounds)))
}
