package probe

import (
	"strings"
	"testing"
)

func TestReadPeak(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status string
		want   int64
		fails  bool
	}{
		"as Linux writes it": {"Name:\tbench\nVmPeak:\t 99 kB\nVmHWM:\t   12345 kB\nVmRSS:\t 1 kB\n", 12345 << 10, false},
		"without it":         {"Name:\tbench\n", 0, true},
		"no number":          {"VmHWM:\t many kB\n", 0, true},
	} {
		got, err := readPeak(strings.NewReader(test.status))
		if got != test.want || (err != nil) != test.fails {
			t.Errorf("%s: %d, %v", name, got, err)
		}
	}
}

var sink [][]byte

func TestMeter(t *testing.T) {
	m := Start()
	for range 1000 {
		sink = append(sink, make([]byte, 64))
	}
	r, err := m.Report()
	if err != nil {
		t.Fatal(err)
	}
	if r.Mallocs < 1000 || r.Wall <= 0 || r.CPU < 0 || r.PeakRSS < 1<<20 {
		t.Errorf("%+v", r)
	}
}

func TestParseFlags(t *testing.T) {
	t.Parallel()
	needed := []string{"-url", "http://127.0.0.1:1", "-realtime", "ws://127.0.0.1:1/ws/", "-room", "hall", "-user", "bot"}
	c, err := ParseFlags("test", append(needed, "-frames", "7", "-times"), nil)
	if err != nil || c.Frames != 7 || !c.Times || c.Room != "hall" {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := ParseFlags("test", needed[:6], nil); err == nil {
		t.Error("no error without a user")
	}
}
