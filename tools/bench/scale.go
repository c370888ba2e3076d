package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// A Series is one curve: how one metric of a benchmark grows.
type Series struct {
	Benchmark string  `json:"benchmark"` // without Benchmark in front
	Unit      string  `json:"unit"`
	Points    []Point `json:"points"` // in the order of X
}

// A Point is the median of what was measured at one size.
type Point struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

func (s Series) first() Point { return s.Points[0] }
func (s Series) last() Point  { return s.Points[len(s.Points)-1] }

// slope is what one more costs, from the smallest size to the largest.
func (s Series) slope() float64 {
	return (s.last().Y - s.first().Y) / (s.last().X - s.first().X)
}

// swing is the highest point, as a multiple of the first.
func (s Series) swing() float64 {
	highest := slices.MaxFunc(s.Points, func(a, b Point) int { return int(math.Copysign(1, a.Y-b.Y)) })
	return highest.Y / s.first().Y
}

// grow shows how costs grow, by the program under test in larger rooms and by the benchmarks of package client.
func (r *Result) grow(ctx context.Context, subject contestant, o options, stdout, stderr io.Writer) error {
	larger, err := crowd(ctx, subject, crowds, crowdEvents, o.scaleRounds, func(what string) { fmt.Fprintln(stderr, what) })
	if err != nil {
		return err
	}
	var out []byte
	for round := range o.scaleRounds { // with all sizes in each, so that a machine that is busy for a while is busy for many of them
		fmt.Fprintf(stderr, "round %d of %d: go test -bench BenchmarkScale ./client\n", round+1, o.scaleRounds)
		cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkScale", "-benchtime", "1x", "-count", "1",
			"-timeout", "5m", "github.com/queup-go/queup/client")
		printed, err := cmd.Output()
		if failed, ok := errors.AsType[*exec.ExitError](err); ok {
			return fmt.Errorf("go test: %w\n%s%s", err, printed, failed.Stderr)
		}
		if err != nil {
			return fmt.Errorf("go test: %w", err)
		}
		out = append(out, printed...)
	}
	if o.text != "" {
		if err := os.WriteFile(o.text, out, 0o644); err != nil {
			return err
		}
	}
	benchmarks, err := parseBenchmarks(out)
	if err != nil {
		return err
	}
	r.Scale = slices.Concat(larger, benchmarks)
	marks, err := scaleMarks(r.Scale)
	if err != nil {
		return err
	}
	r.Marks = append(r.Marks, marks...)
	fmt.Fprintf(stdout, "\nhow it grows, medians of %d\n\n%s", o.scaleRounds, scaleTable(r.Scale))
	return nil
}

// parseBenchmarks reads the output of go test -bench. The last part of a name is the size.
func parseBenchmarks(out []byte) ([]Series, error) {
	type key struct{ benchmark, unit string }
	measured := map[key]map[float64][]float64{}
	var order []key
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		benchmark, size, ok := strings.Cut(strings.TrimPrefix(fields[0], "Benchmark"), "/")
		if !ok {
			continue
		}
		size, _, _ = strings.Cut(size, "-") // of the processors
		x, err := strconv.ParseFloat(size, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: the size is no number: %w", fields[0], err)
		}
		for i := 2; i+1 < len(fields); i += 2 {
			y, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", fields[0], err)
			}
			k := key{benchmark, fields[i+1]}
			if measured[k] == nil {
				measured[k] = map[float64][]float64{}
				order = append(order, k)
			}
			measured[k][x] = append(measured[k][x], y)
		}
	}
	var all []Series
	for _, k := range order {
		s := Series{Benchmark: k.benchmark, Unit: k.unit}
		for x, ys := range measured[k] {
			s.Points = append(s.Points, Point{x, median(ys)})
		}
		slices.SortFunc(s.Points, func(a, b Point) int { return int(a.X - b.X) })
		all = append(all, s)
	}
	return all, nil
}

func find(all []Series, benchmark, unit string) (Series, error) {
	for _, s := range all {
		if s.Benchmark == benchmark && s.Unit == unit && len(s.Points) > 1 {
			return s, nil
		}
	}
	return Series{}, fmt.Errorf("there is no curve of %s of Benchmark%s", unit, benchmark)
}

// What the curves are to stay under.
const (
	flat        = 1.5       // times the first point
	memberBytes = 2 << 10   // for one more member
	roomBytes   = 64 << 10  // for one more idle room
	kib         = 1024.0    // bytes
	mib         = kib * kib // bytes
)

func scaleMarks(all []Series) ([]Mark, error) {
	var marks []Mark
	var errs []error
	add := func(what, benchmark, unit string, limit float64, of func(Series) float64) {
		s, err := find(all, benchmark, unit)
		if err != nil {
			errs = append(errs, err)
			return
		}
		marks = append(marks, newMark(what, of(s), limit, false))
	}
	add("CPU an event in a larger room, of one with 50 members", "Crowd", "cpu-ns/event", flat, Series.swing)
	add("CPU an event in more rooms, of one room", "ScaleRooms", "cpu-ns/event", flat, Series.swing)
	add("KiB a member (absolute)", "ScaleHeapMembers", "heap-B", memberBytes/kib, func(s Series) float64 { return s.slope() / kib })
	add("KiB an idle room (absolute)", "ScaleHeapIdleRooms", "heap-B", roomBytes/kib, func(s Series) float64 { return s.slope() / kib })
	add("memory after 48,000 plays of history, of 2,000", "ScaleHistory", "heap-B", flat, Series.swing)
	return marks, errors.Join(errs...)
}

func scaleTable(all []Series) string {
	var out strings.Builder
	for _, s := range all {
		rows := [][]string{{s.Benchmark}, {s.Unit}}
		for _, p := range s.Points {
			rows[0] = append(rows[0], fmt.Sprintf("%.0f", p.X))
			rows[1] = append(rows[1], fmt.Sprintf("%.4g", p.Y))
			if p.Y >= 10_000 {
				rows[1][len(rows[1])-1] = fmt.Sprintf("%.0f", p.Y)
			}
		}
		out.WriteString(table(rows))
	}
	return out.String()
}
