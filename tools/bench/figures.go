package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/queup-go/queup/tools/bench/internal/probe"
)

// Figures are what one program did in one round, or the medians of several.
type Figures struct {
	EventsPerSecond float64 `json:"eventsPerSecond,omitzero"`
	CPU             float64 `json:"cpuMicrosPerEvent,omitzero"`
	Allocations     float64 `json:"allocationsPerEvent,omitzero"`
	PeakRSS         float64 `json:"peakRSSMiB,omitzero"`
	P50             float64 `json:"p50Micros,omitzero"` // from the server's write to the handler
	P99             float64 `json:"p99Micros,omitzero"`
	Ready           float64 `json:"readyMillis,omitzero"` // from the start of the process
	Calls           float64 `json:"callsMillis,omitzero"` // all of them
	CallsCPU        float64 `json:"callsCPUMillis,omitzero"`
}

// A Round is what each program did, one after the other, so that a machine that is busy now and then is busy for all of them.
type Round map[string]Figures

// A Plan is how much a run does.
type Plan struct {
	Rounds     int `json:"rounds"`
	WarmEvents int `json:"warmEvents"` // before what counts
	Events     int `json:"events"`
	SlowEvents int `json:"slowEvents"`
	Rate       int `json:"rate"` // of the slow events, a second
	Calls      int `json:"calls"`
}

// run runs the rounds.
func (s *stage) run(ctx context.Context, all contestants, p Plan, progress func(string)) ([]Round, error) {
	fast, slow := s.prepareShow(p.WarmEvents, p.Events, 0), s.prepareShow(p.WarmEvents, p.SlowEvents, p.Rate)
	var rounds []Round
	for i := range p.Rounds {
		round := Round{}
		contests := []contestant{all.read, all.decode, all.subject}
		if all.peer != nil {
			contests = append(contests, *all.peer)
		}
		for _, c := range rotate(contests, i) {
			progress(fmt.Sprintf("round %d of %d: %s", i+1, p.Rounds, c.name))
			f, err := s.compete(ctx, c, fast, slow)
			if err != nil {
				return nil, err
			}
			round[c.name] = f
		}
		for _, c := range rotate([]contestant{all.decode, all.subject}, i) {
			progress(fmt.Sprintf("round %d of %d: %s, calls", i+1, p.Rounds, c.name))
			r, err := s.call(ctx, c, p.Calls)
			if err != nil {
				return nil, err
			}
			f := round[c.name]
			f.Calls, f.CallsCPU = millis(r.Wall), millis(r.CPU)
			round[c.name] = f
		}
		joiners := []contestant{all.hand, all.subject}
		if all.peer != nil {
			joiners = append(joiners, *all.peer)
		}
		progress(fmt.Sprintf("round %d of %d: joins", i+1, p.Rounds))
		took, err := s.joins(ctx, joiners)
		if err != nil {
			return nil, err
		}
		for name, ready := range took {
			f := round[name]
			f.Ready = ready
			round[name] = f
		}
		rounds = append(rounds, round)
	}
	return rounds, nil
}

// rotate has another program begin in each round.
func rotate[T any](list []T, by int) []T {
	by %= len(list)
	return slices.Concat(list[by:], list[:by])
}

// joinings is how often each program joins in a round: it takes a moment, of which the start of a process is a good part.
const joinings = 5

// joins has programs join in turns, and returns how many milliseconds that took each, in the median.
func (s *stage) joins(ctx context.Context, all []contestant) (map[string]float64, error) {
	took := make(map[string][]float64)
	for i := range joinings {
		for _, c := range rotate(all, i) {
			ready, err := s.join(ctx, c)
			if err != nil {
				return nil, err
			}
			took[c.name] = append(took[c.name], millis(int64(ready)))
		}
	}
	medians := make(map[string]float64)
	for name, times := range took {
		medians[name] = median(times)
	}
	return medians, nil
}

// compete has one program hear the fast show and then, started anew, the slow one.
func (s *stage) compete(ctx context.Context, c contestant, fast, slow show) (f Figures, err error) {
	r, _, err := s.perform(ctx, c, fast)
	if err != nil {
		return f, err
	}
	events := float64(r.Done)
	f = Figures{
		EventsPerSecond: events / time.Duration(r.Wall).Seconds(),
		CPU:             float64(r.CPU) / 1000 / events,
		Allocations:     float64(r.Mallocs) / events,
		PeakRSS:         float64(r.PeakRSS) / (1 << 20),
	}
	r, sent, err := s.perform(ctx, c, slow)
	if err != nil {
		return f, err
	}
	took, err := latencies(r, sent, slow.flood, c.all)
	if err != nil {
		return f, fmt.Errorf("%s: %w", c.name, err)
	}
	f.P50, f.P99 = percentile(took, 50), percentile(took, 99)
	return f, nil
}

// latencies returns the time of each line of chat from the server's write to the program, in microseconds.
func latencies(r probe.Report, sent []int64, t flood, all bool) ([]float64, error) {
	heard := r.Heard
	if all { // it cannot tell lines of chat from other events, but we can
		if len(heard) != t.Len() {
			return nil, fmt.Errorf("it heard %d of %d events", len(heard), t.Len())
		}
		heard = nil
		for i, at := range r.Heard {
			if t.chat[i] {
				heard = append(heard, at)
			}
		}
	}
	if len(heard) != t.chats || len(sent) != t.chats {
		return nil, fmt.Errorf("%d lines of chat: %d were sent and %d heard", t.chats, len(sent), len(heard))
	}
	took := make([]float64, t.chats)
	for i := range took {
		took[i] = float64(heard[i]-sent[i]) / 1000
	}
	return took, nil
}

func millis(ns int64) float64 { return float64(ns) / 1e6 }

// percentile is the smallest value that p per cent do not exceed.
func percentile(values []float64, p int) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// columns are the figures, in the order of the table.
var columns = []struct {
	title  string
	format string
	of     func(f *Figures) *float64
}{
	{"events/s", "%.0f", func(f *Figures) *float64 { return &f.EventsPerSecond }},
	{"CPU us/event", "%.2f", func(f *Figures) *float64 { return &f.CPU }},
	{"allocs/event", "%.2f", func(f *Figures) *float64 { return &f.Allocations }},
	{"peak RSS MiB", "%.1f", func(f *Figures) *float64 { return &f.PeakRSS }},
	{"p50 us", "%.0f", func(f *Figures) *float64 { return &f.P50 }},
	{"p99 us", "%.0f", func(f *Figures) *float64 { return &f.P99 }},
	{"ready ms", "%.1f", func(f *Figures) *float64 { return &f.Ready }},
	{"calls ms", "%.0f", func(f *Figures) *float64 { return &f.Calls }},
	{"calls CPU ms", "%.0f", func(f *Figures) *float64 { return &f.CallsCPU }},
}

// medians returns the medians of all rounds, by program.
func medians(rounds []Round) Round {
	m := Round{}
	for _, name := range contestantNames(rounds) {
		var f Figures
		for _, column := range columns {
			var values []float64
			for _, round := range rounds {
				figures := round[name]
				values = append(values, *column.of(&figures))
			}
			*column.of(&f) = median(values)
		}
		m[name] = f
	}
	return m
}

// contestantNames are the programs of all rounds, in the order of the table.
func contestantNames(rounds []Round) []string {
	var names []string
	for _, name := range []string{"queup", "encoding/json", "read", "by hand", "dubapi"} {
		if slices.ContainsFunc(rounds, func(r Round) bool { _, ok := r[name]; return ok }) {
			names = append(names, name)
		}
	}
	return names
}

// table lines up cells; the first column stands left, the others right.
func table(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	var out strings.Builder
	for _, row := range rows {
		fmt.Fprintf(&out, "  %-*s", widths[0], row[0])
		for i, cell := range row[1:] {
			fmt.Fprintf(&out, "  %*s", widths[i+1], cell)
		}
		out.WriteByte('\n')
	}
	return out.String()
}

func figuresTable(m Round, names []string) string {
	rows := [][]string{{"program"}}
	for _, column := range columns {
		rows[0] = append(rows[0], column.title)
	}
	for _, name := range names {
		row := []string{name}
		f := m[name]
		for _, column := range columns {
			cell := "-"
			if v := *column.of(&f); v != 0 {
				cell = fmt.Sprintf(column.format, v)
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	return table(rows)
}
