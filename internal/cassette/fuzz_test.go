package cassette_test

import (
	"bytes"
	"testing"

	"github.com/queup-go/queup/internal/cassette"
)

// FuzzParse reads both files of a cassette. Whatever is in them, reading does not panic; what was read can be written and read again; and
// what redaction lets through does not change when it is redacted again.
func FuzzParse(f *testing.F) {
	add := func(t *cassette.Tape) {
		http, socket, err := t.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(http, socket)
	}
	add(one("POST", login, form, "username=bot&password=hunter22", `{"token":"tok-12345678","mail":"a@example.org"}`, "Cookie", "connect.sid=abcdefghij"))
	add(one("GET", other+"?access_token=x", "", "", `<a href="mailto:a%40example.org">203.0.113.9</a>`, "<Set-Cookie", "a=b; Max-Age=0"))
	add(frames("0{}", "2", "3", `4{"action":15,"channel":"room:a","message":{"name":"x","data":"{\"password\":\"y\"}"}}`, "4["))
	f.Add([]byte(noHTTP), []byte(`{"v":1,"kind":"queup-ws","url":"wss://x/"}`+"\n"+`{"at":1,"dir":"<","op":"close","code":-1}`))
	f.Fuzz(func(t *testing.T, http, socket []byte) {
		read, err := cassette.Parse(http, socket)
		if err != nil {
			return
		}
		http2, socket2, err := read.Encode()
		if err != nil {
			t.Fatalf("a tape that was read cannot be written: %v", err)
		}
		again, err := cassette.Parse(http2, socket2)
		if err != nil {
			t.Fatalf("a tape that was written cannot be read: %v\n%s\n%s", err, http2, socket2)
		}
		cassette.Diff(read, again)
		if err := cassette.Show(&bytes.Buffer{}, read, true, 80); err != nil {
			t.Fatal(err)
		}
		shapes := cassette.Shapes{}
		shapes.FromTape(read)
		if drifts, _, _ := cassette.Compare(shapes, shapes); drifts != nil {
			t.Errorf("a shape drifts from itself: %v", drifts)
		}
		for i, e := range read.HTTP {
			e.Order = i + 1
		}
		for _, r := range read.Socket {
			r.After = nil
		}
		sealed, err := cassette.Seal(read, cassette.NewRedactor(cassette.Rules{}))
		if err != nil {
			return // refused, which is always right
		}
		twice, err := cassette.Seal(sealed, cassette.NewRedactor(cassette.Rules{}))
		if err != nil {
			t.Fatalf("a sealed tape is refused: %v", err)
		}
		if n := twice.Header.Redactions; n != nil {
			t.Errorf("a sealed tape held more secrets: %v", n)
		}
	})
}
