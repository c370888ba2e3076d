package cassette_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/queup-go/queup/internal/cassette"
)

// Promise Q15: a recording takes no more memory than its length allows, whatever its lists are full of.
func TestQ15_memoryOfRecordings(t *testing.T) {
	const size, anyway, perByte = 256 << 10, 1 << 20, 600
	const header, open = `{"version":"2.0","kind":"queup-cassette","source":"queuptest"`, `{"conn":1,"op":"open","url":"wss://ws.example/","status":101`
	const http, socket = "version: 2\ninteractions: []\n", header + "}\n" + open + "}\n"
	recordings := make(map[string][2]string) // requests and answers; the websocket
	for _, entry := range []string{"- {}\n", "- []\n", "- 0\n", "- \n", "-\n", "- {id: 1}\n", "- request: {}\n", "- {request: {form: {a: [b]}}}\n", "a: b\n", "? a\n", "# a\n"} {
		recordings["interactions of "+entry] = [2]string{"version: 2\ninteractions:\n" + strings.Repeat(entry, size/len(entry)), socket}
	}
	for _, entry := range []string{"{}", "[]", "0", "", "{id: 1}", "{a}"} {
		recordings["a list of "+entry] = [2]string{"version: 2\ninteractions: [" + strings.Repeat(entry+",", size/(len(entry)+1)) + "{}]", socket}
	}
	for _, entry := range []string{"{}", "0", "[]", `""`} {
		list := "[" + strings.Repeat(entry+",", size/(len(entry)+1)) + entry + "]}\n"
		recordings["a header with a list of "+entry] = [2]string{http, header + `,"note":` + list}
		recordings["after a list of "+entry] = [2]string{http, header + "}\n" + open + `,"after":` + list}
	}
	for _, line := range []string{"{}\n", "0\n", "[]\n", `{"conn":1,"op":"text","dir":"in","data":""}` + "\n", `{"conn":1,"op":"text","dir":"in"}` + "\n"} {
		recordings["records of "+line] = [2]string{http, socket + strings.Repeat(line, size/len(line))}
	}
	worst, worstName := 0.0, ""
	for name, r := range recordings {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := cassette.Parse([]byte(r[0]), []byte(r[1]))
		runtime.ReadMemStats(&after)
		length, cost := len(r[0])+len(r[1]), int(after.TotalAlloc-before.TotalAlloc)
		if ratio := float64(cost-anyway) / float64(length); ratio > worst {
			worst, worstName = ratio, name
		}
		if cost > anyway+perByte*length {
			t.Errorf("%q: %d bytes allocated for %d, error %.200v", name, cost, length, err)
		}
	}
	t.Logf("%.0f bytes for a byte at worst: %q", worst, worstName)
}
