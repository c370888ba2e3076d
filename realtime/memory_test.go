package realtime_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/queup-go/queup/realtime"
)

// bloatedFrames are frames and presence lists that take most memory for their length.
func bloatedFrames(size int) map[string]string {
	texts := make(map[string]string)
	for _, entry := range []string{`0`, `""`, `"a"`, `{}`, `[]`, `[[]]`, `{"a":0}`, `{"clientId":0}`, `{"data":0}`, `{"data":{},"a":0}`} {
		texts["a list of "+entry] = "[" + strings.Repeat(entry+",", size/len(entry)) + entry + "]"
		texts["data with a list of "+entry] = `{"action":15,"message":{"name":"a","type":"json","data":` + texts["a list of "+entry] + `}}`
	}
	for _, name := range []string{"action", "channel", "clientId", "connectionId", "socketId", "reqId", "token", "error", "presence", "message", "unknown"} {
		for _, value := range []string{`0`, `"a"`, `{}`, `[]`, `{"a":0}`} {
			field := fmt.Sprintf("%q:%s", name, value)
			texts["repeated "+field] = "{" + strings.Repeat(field+",", size/len(field)) + field + "}"
		}
	}
	for _, begin := range []string{`{`, `{"message":{`, `{"presence":{`, `[{`} {
		var text strings.Builder
		text.WriteString(begin)
		for i := 0; text.Len() < size; i++ {
			fmt.Fprintf(&text, `"%x":0,`, i)
		}
		text.WriteString(`"":0` + strings.NewReplacer("{", "}", "[", "]").Replace(strings.Trim(begin, `"mesagprnc:`)))
		texts["unknown fields in "+begin] = text.String()
	}
	return texts
}

// Promise Q15: a frame and a presence list take no more memory than their length allows.
func TestQ15_memoryOfFrames(t *testing.T) {
	const size, anyway, perByte = 256 << 10, 1 << 20, 64
	worst := 0.0
	for what, text := range bloatedFrames(size) {
		for name, parse := range map[string]func(text []byte) error{
			"frame":         func(text []byte) error { _, err := realtime.ParseFrame(text); return err },
			"presence list": func(text []byte) error { _, err := realtime.ParsePresenceList(text); return err },
		} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := parse([]byte(text))
			runtime.ReadMemStats(&after)
			cost := int(after.TotalAlloc - before.TotalAlloc)
			worst = max(worst, float64(cost-anyway)/float64(len(text)))
			if cost > anyway+perByte*len(text) {
				t.Errorf("%s as a %s: %d bytes allocated for %d, error %v", what, name, cost, len(text), err)
			}
			if what == "a list of {}" && name == "presence list" && (err == nil || !strings.Contains(err.Error(), "more objects and list entries than fit into")) {
				t.Errorf("%s as a %s: error %v", what, name, err)
			}
		}
	}
	t.Logf("%.1f bytes for a byte at worst", worst)
}

func TestParsePresenceList_takesALargeRoom(t *testing.T) {
	const people = 50_000
	entry := `{"action":1,"clientId":"65b2a1c0d4e8b90012ab0003","connectionId":"abcdefghijkl","data":{"a":"b"},"more":1}`
	list, err := realtime.ParsePresenceList([]byte("[" + strings.Repeat(entry+",", people-1) + entry + "]"))
	if err != nil || len(list) != people {
		t.Errorf("%d entries, error %v", len(list), err)
	}
}
