package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/tools/bench/internal/probe"
)

// A short run of everything but the curves, with the programs under test as they are.
func TestRun(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "bench.json")
	var stdout, stderr bytes.Buffer
	args := []string{ // more events than a queue holds, or all could be decoded before the first is heard, which is when the measuring begins
		"-rounds", "1", "-warm-events", "2000", "-events", "4000", "-slow-events", "50", "-rate", "500", "-calls", "10", "-scale=false", "-json", file,
	}
	if code := run(t.Context(), args, &stdout, &stderr); code != 0 {
		t.Fatalf("exit status %d\n%s", code, stderr.String())
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r Result
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"queup", "encoding/json", "read"} {
		f := r.Medians[name]
		if f.EventsPerSecond <= 0 || f.CPU <= 0 || f.Allocations <= 0 || f.PeakRSS < 1 || f.P50 <= 0 || f.P99 < f.P50 {
			t.Errorf("%s: %+v", name, f)
		}
		if !strings.Contains(stdout.String(), name) {
			t.Errorf("the table lacks %s", name)
		}
	}
	for _, name := range []string{"queup", "encoding/json"} {
		if f := r.Medians[name]; f.Calls <= 0 || f.CallsCPU <= 0 {
			t.Errorf("%s: %+v", name, f)
		}
	}
	for _, name := range []string{"queup", "by hand"} {
		if f := r.Medians[name]; f.Ready <= 0 {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if len(r.Marks) != 7 {
		t.Errorf("%d marks:\n%s", len(r.Marks), stdout.String())
	}
}

func TestRun_refusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-rounds", "0"}, {"-slow-events", "49"}, {"-no-such-flag"}, {"argument"}} {
		var stderr bytes.Buffer
		if code := run(t.Context(), args, io.Discard, &stderr); code != 2 || stderr.Len() == 0 {
			t.Errorf("%q: exit status %d, %q", args, code, stderr.String())
		}
	}
}

// The program by hand is a measure for the time to ready only if it asks for the same.
func TestHand_sendsTheRequestsOfTheClient(t *testing.T) {
	t.Parallel()
	all, err := build(t.Context(), t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	asked := func(c contestant) (requests []string) {
		s, err := newStage(people)
		if err != nil {
			t.Fatal(err)
		}
		defer s.srv.Close()
		if _, err := s.join(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		for _, e := range s.srv.Log() {
			switch {
			case !e.In:
			case e.Kind == queuptest.KindHTTP:
				path, _, _ := strings.Cut(e.Path, "?")
				requests = append(requests, e.Method+" "+path)
			case strings.HasPrefix(e.Body, "4"):
				body, _, _ := strings.Cut(e.Body, `,"reqId"`)
				requests = append(requests, strings.TrimRight(body, "}"))
			}
		}
		slices.Sort(requests)
		return requests
	}
	want := asked(all.subject)
	if len(want) < 15 {
		t.Fatalf("the client asks for %q", want)
	}
	if diff := cmp.Diff(want, asked(all.hand)); diff != "" {
		t.Errorf("(-client +by hand)\n%s", diff)
	}
}

func TestProcess_tellsWhyAProgramFailed(t *testing.T) {
	t.Parallel()
	s, err := newStage(people)
	if err != nil {
		t.Fatal(err)
	}
	defer s.srv.Close()
	_, err = s.join(t.Context(), contestant{name: "broken", args: []string{"go", "no-such-command"}})
	if err == nil || !strings.Contains(err.Error(), "broken") || !strings.Contains(err.Error(), "no-such-command") {
		t.Errorf("%v", err)
	}
}

func TestCutFrame(t *testing.T) {
	t.Parallel()
	small := append([]byte{0x81, 3}, "abc"...)
	middle := append(binary.BigEndian.AppendUint16([]byte{0x81, 126}, 300), bytes.Repeat([]byte("m"), 300)...)
	large := append(binary.BigEndian.AppendUint64([]byte{0x81, 127}, 70_000), bytes.Repeat([]byte("l"), 70_000)...)
	rest := slices.Concat(small, middle, large)
	for i, size := range []int{3, 300, 70_000} {
		payload, after, err := cutFrame(rest)
		if err != nil || len(payload) != size {
			t.Fatalf("frame %d: %d bytes, %v", i, len(payload), err)
		}
		rest = after
	}
	if len(rest) != 0 {
		t.Errorf("%d bytes are left", len(rest))
	}
	for _, part := range [][]byte{{0x81}, small[:4], middle[:3], middle[:50], large[:9]} {
		if _, _, err := cutFrame(part); !errors.Is(err, errNoFrame) {
			t.Errorf("%d bytes of a frame: %v", len(part), err)
		}
	}
}

func TestLatencies(t *testing.T) {
	t.Parallel()
	s, err := newStage(people)
	if err != nil {
		t.Fatal(err)
	}
	defer s.srv.Close()
	flood := s.prepare(100)
	if flood.chats == 0 || flood.chats == flood.Len() || flood.chats != flood.Kinds()["chat-message"] {
		t.Fatalf("%d lines of chat in %d events", flood.chats, flood.Len())
	}
	var sent, all, chats []int64
	for i, is := range flood.chat {
		at := int64(i) * 1000
		all = append(all, at+7000)
		if is {
			sent, chats = append(sent, at), append(chats, at+7000)
		}
	}
	for name, test := range map[string]struct {
		heard []int64
		all   bool
		fails bool
	}{
		"each line":       {chats, false, false},
		"each event":      {all, true, false},
		"one line less":   {chats[1:], false, true},
		"one event less":  {all[1:], true, true},
		"lines as events": {chats, true, true},
	} {
		took, err := latencies(probe.Report{Heard: test.heard}, sent, flood, test.all)
		if (err != nil) != test.fails {
			t.Errorf("%s: %v", name, err)
		}
		for _, us := range took {
			if us != 7 {
				t.Fatalf("%s: %v µs", name, us)
			}
		}
	}
}

func TestMedianAndPercentile(t *testing.T) {
	t.Parallel()
	values := []float64{5, 1, 4, 2, 3}
	for name, test := range map[string]struct{ got, want float64 }{
		"median":         {median(values), 3},
		"median of four": {median(values[:4]), 3},
		"p50":            {percentile(values, 50), 3},
		"p99":            {percentile(values, 99), 5},
		"p0":             {percentile(values, 0), 1},
	} {
		if test.got != test.want {
			t.Errorf("%s: %v, not %v", name, test.got, test.want)
		}
	}
	if !math.IsNaN(median(nil)) || !math.IsNaN(percentile(nil, 50)) {
		t.Error("nothing has a median")
	}
}

func TestLoadMarks_areMediansOfRatios(t *testing.T) {
	t.Parallel()
	round := func(factor float64) Round {
		// On a machine that is factor times slower everything takes that much longer, so the ratios stay.
		return Round{
			"queup":         {EventsPerSecond: 60 / factor, CPU: 3 * factor, Allocations: 12, PeakRSS: 40, P99: 2*factor + 100, Ready: 14 * factor, Calls: 12, CallsCPU: 14},
			"encoding/json": {CPU: 10 * factor, Calls: 10, CallsCPU: 10},
			"read":          {P99: 2 * factor},
			"by hand":       {Ready: 10 * factor},
			"dubapi":        {EventsPerSecond: 10 / factor},
		}
	}
	var got []bool
	for _, m := range loadMarks([]Round{round(1), round(5), round(2)}) {
		got = append(got, m.Met)
	}
	want := []bool{true, true, true, true, true, false, true, false}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("met (-want +got)\n%s", diff)
	}
}

const output = `goos: linux
BenchmarkScaleMembers/5000-2  	 1	 38.47 allocs/event	 3000 cpu-ns/event
BenchmarkScaleMembers/50-2    	 1	 38.26 allocs/event	 1000 cpu-ns/event
BenchmarkScaleMembers/50-2    	 1	 38.20 allocs/event	 2000 cpu-ns/event
BenchmarkScaleMembers/50-2    	 1	 38.20 allocs/event	 9000 cpu-ns/event
BenchmarkScaleRooms/1-2       	 1	 1000 cpu-ns/event
BenchmarkScaleRooms/200-2     	 1	 1600 cpu-ns/event
BenchmarkScaleHeapMembers/50-2      1	 1000 heap-B
BenchmarkScaleHeapMembers/5000-2    1	 5069800 heap-B
BenchmarkScaleHeapIdleRooms/1-2     1	 1000 heap-B
BenchmarkScaleHeapIdleRooms/200-2   1	 20000 heap-B
BenchmarkScaleHeapRooms/1-2         1	 1000 heap-B
BenchmarkScaleHeapRooms/200-2       1	 20000 heap-B
BenchmarkScaleHistory/2000-2        1	 1000 heap-B
BenchmarkScaleHistory/48000-2       1	 1400 heap-B
PASS
`

// curves are those of output, and that of larger rooms.
func curves(t *testing.T) []Series {
	t.Helper()
	all, err := parseBenchmarks([]byte(output))
	if err != nil {
		t.Fatal(err)
	}
	return append(all, Series{Benchmark: "Crowd", Unit: "cpu-ns/event", Points: []Point{{50, 2000}, {5000, 2800}}})
}

func TestParseBenchmarks(t *testing.T) {
	t.Parallel()
	all, err := parseBenchmarks([]byte(output))
	if err != nil {
		t.Fatal(err)
	}
	want := Series{Benchmark: "ScaleMembers", Unit: "cpu-ns/event", Points: []Point{{50, 2000}, {5000, 3000}}}
	got, err := find(all, "ScaleMembers", "cpu-ns/event")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, err := parseBenchmarks([]byte("BenchmarkScaleMembers/many-2 1 2 B/op\n")); err == nil {
		t.Error("no error for a size that is no number")
	}
}

func TestScaleMarks(t *testing.T) {
	t.Parallel()
	all := curves(t)
	marks, err := scaleMarks(all)
	if err != nil {
		t.Fatal(err)
	}
	var met []bool
	for _, m := range marks {
		met = append(met, m.Met)
	}
	if diff := cmp.Diff([]bool{true, false, true, true, true}, met); diff != "" {
		t.Errorf("met (-want +got)\n%s", diff)
	}
	if marks[0].Value != 1.4 {
		t.Errorf("%v times the cost in a larger room", marks[0].Value)
	}
	if marks[2].Value != 1 {
		t.Errorf("%v KiB a member", marks[2].Value)
	}
	if _, err := scaleMarks(all[:1]); err == nil {
		t.Error("no error without the curves")
	}
}

// A room has as many people as the curve says.
func TestWorld(t *testing.T) {
	t.Parallel()
	for _, n := range []int{4, people} {
		s, err := newStage(n)
		if err != nil {
			t.Fatal(err)
		}
		speakers := map[string]bool{}
		for frame := range s.prepare(40 * n).Frames() {
			if _, after, ok := bytes.Cut(frame, []byte(`\"username\":\"`)); ok && isChat(frame) {
				name, _, _ := bytes.Cut(after, []byte(`\"`))
				speakers[string(name)] = true
			}
		}
		s.srv.Close()
		if len(speakers) != n {
			t.Errorf("%d of %d people speak", len(speakers), n)
		}
	}
}

// A client hears a line once: if what counts held one of the warm-up again, a program would wait for it in vain.
func TestPrepareShow_hasNoLineTwice(t *testing.T) {
	t.Parallel()
	s, err := newStage(people)
	if err != nil {
		t.Fatal(err)
	}
	defer s.srv.Close()
	show := s.prepareShow(2000, 1000, 200)
	if show.warm.Len() != 2000 || show.flood.Len() < 1000 || show.rate != 200 {
		t.Fatalf("%d and %d events, %d a second", show.warm.Len(), show.flood.Len(), show.rate)
	}
	lines := map[string]bool{}
	for _, flood := range []flood{show.warm, show.flood} {
		for frame := range flood.Frames() {
			if _, after, ok := bytes.Cut(frame, []byte(`\"chatid\":\"`)); ok && isChat(frame) {
				id, _, _ := bytes.Cut(after, []byte(`\"`))
				lines[string(id)] = true
			}
		}
	}
	if n := show.warm.chats + show.flood.chats; len(lines) != n || n < 1500 {
		t.Errorf("%d lines, %d of them different", n, len(lines))
	}
}

// The curve has a point for each size. A flood is longer than a queue is, or all could be decoded before the first is heard.
func TestCrowd(t *testing.T) {
	t.Parallel()
	all, err := build(t.Context(), t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	series, err := crowd(t.Context(), all.subject, []int{20, 40}, 3000, 2, func(what string) { said = append(said, what) })
	if err != nil {
		t.Fatal(err)
	}
	if len(series) != 2 || len(said) != 2 {
		t.Fatalf("%d curves, %q", len(series), said)
	}
	for _, s := range series {
		if s.Benchmark != "Crowd" || len(s.Points) != 2 || s.first().X != 20 || s.last().X != 40 || min(s.first().Y, s.last().Y) <= 0 {
			t.Errorf("%+v", s)
		}
	}
	broken := contestant{name: "broken", args: []string{"go", "no-such-command"}}
	if _, err := crowd(t.Context(), broken, []int{20}, 100, 1, func(string) {}); err == nil || !strings.Contains(err.Error(), "among 20 people") {
		t.Errorf("%v", err)
	}
}

func TestDraw(t *testing.T) {
	t.Parallel()
	all := curves(t)
	picture, err := draw(all)
	if err != nil {
		t.Fatal(err)
	}
	again, err := draw(all)
	if err != nil || !bytes.Equal(picture, again) {
		t.Errorf("the same figures make another picture: %v", err)
	}
	elements := map[string]int{}
	for d := xml.NewDecoder(bytes.NewReader(picture)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok {
			elements[e.Name.Local]++
		}
	}
	if elements["polyline"] != 2*len(panels) || elements["circle"] != 2*len(panels) {
		t.Errorf("%v", elements)
	}
	if bytes.Contains(picture, []byte("NaN")) || bytes.Contains(picture, []byte("Inf")) {
		t.Error("a point is nowhere")
	}
	if _, err := draw(nil); err == nil {
		t.Error("no error without figures")
	}
}

func TestRun_writesFromFiguresOfAnEarlierRun(t *testing.T) {
	t.Parallel()
	all := curves(t)
	folder := t.TempDir()
	figures, svg, page := filepath.Join(folder, "figures.json"), filepath.Join(folder, "curves.svg"), filepath.Join(folder, "page.md")
	ones := Figures{1, 1, 1, 1, 1, 1, 1, 1, 1}
	round := Round{"queup": ones, "encoding/json": ones, "read": ones, "by hand": ones}
	earlier := Result{Rounds: []Round{round}, Medians: round, Scale: all, Marks: loadMarks([]Round{round})}
	if err := earlier.write(options{json: figures}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(page, []byte("before\n"+figuresBegin+"old\n"+figuresEnd+"after\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"-from", figures, "-svg", svg, "-page", page}
	for range 2 { // the second time, what the first has written is replaced
		var stderr bytes.Buffer
		if code := run(t.Context(), args, io.Discard, &stderr); code != 0 {
			t.Fatalf("exit status %d\n%s", code, stderr.String())
		}
	}
	got, err := os.ReadFile(svg)
	if err != nil {
		t.Fatal(err)
	}
	want, err := draw(all)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("the picture differs: %v", err)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	written := string(text)
	if !strings.HasPrefix(written, "before\n") || !strings.HasSuffix(written, "after\n") || strings.Contains(written, "old") {
		t.Errorf("around the figures the page changed:\n%s", written)
	}
	if strings.Count(written, figuresBegin) != 1 || strings.Count(written, "CPU an event, of encoding/json's") != 1 {
		t.Errorf("the figures do not stand there once:\n%s", written)
	}
	if _, err := earlier.insert([]byte("no place\n")); err == nil {
		t.Error("no error for a page without a place for figures")
	}
}
