package realtime

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The parser of a link is used again and again and remembers strings. It reads each frame as one that has read nothing does,
// and what it has returned before stays as it was.
func FuzzParserIsUsedAgain(f *testing.F) {
	f.Add([]byte(`{"action":15,"channel":"room:a","message":{"name":"x","type":"json","data":"{\"a\":1}"}}`), []byte(`{"action":15,"message":{"data":"x"}}`))
	f.Add([]byte(`{"action":14,"presence":{"clientId":"u","data":[1]},"extra":{}}`), []byte(`{"action":14,"presence":{}}`))
	f.Add([]byte(`{"action":9,"error":"no","socketId":"s"}`), []byte(`{"action":4,"connectionId":null,"socketId":"t"}`))
	f.Add([]byte(`[`), []byte(`{"action":"4"}`))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		used := parser{known: make(map[string]string)}
		firstErr := used.parse(first)
		kept := used.owned()
		secondErr := used.parse(second)
		for _, tt := range []struct {
			text []byte
			got  Frame
			err  error
		}{{first, kept, firstErr}, {second, used.owned(), secondErr}} {
			want, err := ParseFrame(tt.text)
			if (err == nil) != (tt.err == nil) {
				t.Fatalf("%q: %v, alone %v", tt.text, tt.err, err)
			}
			if err != nil {
				continue
			}
			if diff := cmp.Diff(want, tt.got); diff != "" {
				t.Errorf("%q (-alone +again):\n%s", tt.text, diff)
			}
		}
		if len(used.known) > maxKnown {
			t.Errorf("%d strings are remembered", len(used.known))
		}
	})
}
