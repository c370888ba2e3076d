package realtime

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The parser of a link is reused and remembers strings. It reads each frame as a new parser does, and earlier results do not
// change.
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

// The fast path takes only valid JSON, and its result is that of the decoder, which is the reference. A parser that shares strings
// and memory between frames is held to the same.
func FuzzFastPath(f *testing.F) {
	for _, text := range []string{
		`{"action":15,"channel":"room:a","message":{"name":"x","type":"json","data":"{\"a\":\"b\\\\\n\"}"}}`,
		`{"action":15,"message":{"data":"\"text\"","type":"string"}}`, `{"action":15,"message":{"data":"","name":""},"clientId":"c"}`,
		`{"action":1,"action":15,"message":{"data":"1"},"message":{"name":"y"},"connectionId":"s"}`, `{"action":0}`, `{"action":07}`,
		`{"action":150}`, `{"action":1.0}`, `{"action":15,}`, `{"action":15}}`, `{"action":15,"channel":"a\u0041"}`, "{\"channel\":\"\x01\"}",
		"{\"message\":{\"data\":\"12345678\x1f\"}}", "{\"message\":{\"data\":\"\xff\x00\"}}", `{"message":{"data":"1234567\x"}}`, `{"message":{"data":"\`,
		`{"message":{"data":"12345678\`, `{"message":{"data":"\ud83d"}}`, `{}`, `{"message":{}}`, ` {"action":15}`, `{"socketId":"s"}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var reference parser
		err := reference.decode(text)
		for name, fast := range map[string]*parser{"new": {}, "of a link": {known: make(map[string]string)}} {
			if !fast.parseFast(text) {
				continue
			}
			if !json.Valid(text) {
				t.Fatalf("parser %s: the fast path took %q, which is not valid JSON", name, text)
			}
			if err != nil {
				t.Fatalf("parser %s: the fast path took %q, the decoder did not: %v", name, text, err)
			}
			if diff := cmp.Diff(reference.owned(), fast.owned()); diff != "" {
				t.Errorf("parser %s: %q (-decoder +fast path):\n%s", name, text, diff)
			}
		}
	})
}

// The fast path takes nearly everything that QueUp sends. The decoder gets the rest.
func TestFastPath_takes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`{"action":15,"channel":"room:a","message":{"name":"x","type":"json","data":"{\"a\":1}"}}`: true,
		`{"action":15,"channel":"room:a","message":{"type":"json","data":"{\"a\":1}","name":"x"}}`: true,
		`{"action":11,"channel":"room:a"}`:                         true,
		`{"action":15,"message":{"type":"string","data":"\"a\""}}`: false,
		`{"action":15,"message":{"data":{"a":1}}}`:                 false,
		`{"action":15,"message":{"data":"\u0041"}}`:                false,
		`{"action":15,"new":1}`:                                    false,
		`{"action": 15}`:                                           false,
		`{"action":"15"}`:                                          false,
		`{"action":015}`:                                           false,
	} {
		if got := new(parser).parseFast([]byte(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
