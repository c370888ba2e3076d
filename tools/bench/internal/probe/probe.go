// Package probe is what a program under test tells the benchmark about itself: when it was ready, and what the work cost it.
// Both are one JSON object on a line of standard output, so that a program in any language can take part.
package probe

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Begin and End are the names of the events before and after what counts. Nobody sends such events but the benchmark.
const (
	Begin = "bench-begin"
	End   = "bench-end"
)

// Ready is the first line: the program has joined the room.
type Ready struct {
	At int64 `json:"ready"` // ns since 1970
}

// A Report is the second line.
type Report struct {
	Done    int     `json:"done"`            // events or calls
	Chats   int     `json:"chats,omitzero"`  // lines of chat among them
	Wall    int64   `json:"wall"`            // ns, from the first to the last
	CPU     int64   `json:"cpu"`             // ns of processor time meanwhile, user and system
	Mallocs uint64  `json:"mallocs"`         // meanwhile; 0 where it cannot be known
	PeakRSS int64   `json:"peakRSS"`         // bytes, since the program started
	Heard   []int64 `json:"heard,omitempty"` // when each line of chat was heard, in order; ns since 1970
}

// A Meter measures one piece of work of this process.
type Meter struct {
	at      time.Time
	cpu     time.Duration
	mallocs uint64
}

// Start begins to measure.
func Start() Meter { return Meter{time.Now(), cpu(), mallocs()} }

// Report says what the work has cost so far.
func (m Meter) Report() (Report, error) {
	r := Report{Wall: int64(time.Since(m.at)), CPU: int64(cpu() - m.cpu), Mallocs: mallocs() - m.mallocs}
	var err error
	r.PeakRSS, err = peakRSS()
	return r, err
}

// warmUp is how many calls are made before those that count.
const warmUp = 50

// Calls makes n calls one after the other, and reports what they cost. The calls of a warm-up are not counted.
func Calls(n int, call func() error) error {
	for range warmUp {
		if err := call(); err != nil {
			return err
		}
	}
	meter := Start()
	for range n {
		if err := call(); err != nil {
			return err
		}
	}
	r, err := meter.Report()
	if err != nil {
		return err
	}
	r.Done = n
	return Tell(r)
}

// Tell writes one line to standard output.
func Tell(line any) error { return json.NewEncoder(os.Stdout).Encode(line) }

// TellReady tells that the room is joined.
func TellReady() error { return Tell(Ready{time.Now().UnixNano()}) }

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0 // not to be had here; the benchmark then refuses the report
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

// peakRSS asks Linux, which alone counts it for this program and not for the one that started it: Maxrss of getrusage keeps
// what was before exec.
func peakRSS() (int64, error) {
	file, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, fmt.Errorf("peak RSS: %w", err)
	}
	defer file.Close()
	return readPeak(file)
}

func readPeak(status io.Reader) (int64, error) {
	lines := bufio.NewScanner(status)
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), "VmHWM:")
		if !ok {
			continue
		}
		kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("peak RSS: %w", err)
		}
		return kib << 10, nil
	}
	if err := lines.Err(); err != nil {
		return 0, fmt.Errorf("peak RSS: %w", err)
	}
	return 0, fmt.Errorf("peak RSS: /proc/self/status has no VmHWM")
}
