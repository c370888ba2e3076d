package cassettes_test

import (
	"fmt"
	"testing"

	"github.com/queup-go/queup/cassettes"
)

// flood is how many events the recording of the benchmarks has.
const flood = 10_000

// floodOf makes a recording of many events, and returns its folder.
func floodOf(b *testing.B) (dir string) {
	b.Helper()
	lines := []string{greeting}
	for i := range flood {
		lines = append(lines, event("a", fmt.Sprint(i)))
	}
	dir = b.TempDir()
	tb := &exampleTest{TB: b}
	c := cassettes.Open(tb, "flood", cassettes.Dir(dir), cassettes.WithMode(cassettes.Rewrite), cassettes.RecordInCI(),
		cassettes.ThroughDialer(newScript(nil, lines...)))
	receive(b, c)
	tb.end()
	return dir
}

// receive reads all frames of a recording.
func receive(b *testing.B, c *cassettes.Cassette) {
	b.Helper()
	sock, err := c.Dialer().Dial(b.Context(), fmt.Sprintf(wsURL, "abcdefgh"), nil)
	if err != nil {
		b.Fatal(err)
	}
	for range flood + 1 {
		if _, _, err := sock.Read(); err != nil {
			b.Fatal(err)
		}
	}
	_ = sock.Close(1000, "")
}

// BenchmarkReplay_atOnce plays 10,000 events at once to a program that only reads them. Reading the files is not
// measured.
func BenchmarkReplay_atOnce(b *testing.B) {
	dir := floodOf(b)
	for range b.N {
		b.StopTimer()
		tb := &exampleTest{TB: b}
		c := cassettes.Open(tb, "flood", cassettes.Dir(dir), cassettes.WithMode(cassettes.Replay))
		b.StartTimer()
		receive(b, c)
		tb.end()
	}
}
