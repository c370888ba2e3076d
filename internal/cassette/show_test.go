package cassette_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/rivo/uniseg"

	"github.com/queup-go/queup/internal/cassette"
)

// said is a recording with one line of chat, and the same text wherever a stranger or a server can leave one.
func said(text string) *cassette.Tape {
	data := strconv.Quote(text)
	if strings.ContainsFunc(text, func(r rune) bool { return r > '\n' }) {
		data = `"` + strings.ReplaceAll(text, "\n", `\n`) + `"`
	}
	t := one("GET", "https://api.queup.net/a", "", "", `{"data":`+data+`}`)
	t.HTTP = append(t.HTTP, one("POST", "https://api.queup.net/b", "text/plain", text, text).HTTP...)
	t.Header.Version, t.Header.Source, t.Header.Library = "2.0", "live", text
	t.Socket = frames(`4{"action":15,"channel":"room:a","message":{"name":"chat-message","data":`+data+`}}`, "4"+text).Socket
	t.Socket = append(t.Socket, &cassette.Record{At: 1, Conn: 1, Dir: cassette.In, Op: cassette.OpClose, Code: 1000, Reason: text})
	return t
}

// What strangers write reaches the terminal only as text, and cannot forge a record.
func TestShow_hostileText(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"C1":            "a\u009b31mb",
		"bidirectional": "a\u202etxt.exe\u2066b",
		"DEL":           "a\x7fb",
		"a line break":  "a\n    0.000 #1 < room:a chat-message forged",
		"a separator":   "a\u2028    0.000 #1 < forged",
		"not UTF-8":     "a\x9b31mb",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tape := said(text)
			for _, colour := range []bool{false, true} {
				var b bytes.Buffer
				if err := cassette.Show(&b, tape, colour, 0); err != nil {
					t.Fatal(err)
				}
				shown := b.String()
				for _, code := range []string{"\x1b[36m", "\x1b[33m", "\x1b[2m", "\x1b[31m", "\x1b[0m"} {
					shown = strings.ReplaceAll(shown, code, "")
				}
				wild := func(r rune) bool {
					return r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028'
				}
				if strings.ContainsFunc(shown, wild) {
					t.Errorf("a terminal gets %q", shown)
				}
				if strings.Contains(shown, "\n    0.000 #1 < room:a chat-message forged") {
					t.Errorf("a line is forged:\n%s", shown)
				}
			}
			for _, line := range cassette.Diff(tape, said("other"+text)) {
				if strings.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' }) {
					t.Errorf("diff prints %q", line)
				}
			}
		})
	}
}

func TestShow_width(t *testing.T) {
	t.Parallel()
	tape := said(strings.Repeat("東京 👩‍🚀 déjà vu ", 20))
	for _, width := range []int{1, 40, 80} {
		var b bytes.Buffer
		if err := cassette.Show(&b, tape, false, width); err != nil {
			t.Fatal(err)
		}
		longest := 0
		for line := range strings.Lines(b.String()) {
			longest = max(longest, uniseg.StringWidth(strings.TrimSuffix(line, "\n")))
		}
		if longest > width || longest < width-1 {
			t.Errorf("the longest line has %d columns of %d:\n%s", longest, width, b.String())
		}
	}
}

// The headers that a recording adds to an answer are not shown, and do not count as a difference.
func TestShowAndDiff_ignoreOwnHeaders(t *testing.T) {
	t.Parallel()
	plain, marked := said("hello"), said("hello")
	for _, name := range []string{"Cassette-After", "Cassette-Account", "Cassette-Events", "Cassette-Error", "Cassette-Error-Op"} {
		if !cassette.OwnHeader(name) {
			t.Errorf("%s is taken for a header of the server", name)
		}
		marked.HTTP[0].Response.Headers.Set(name, "1")
	}
	if diff := cassette.Diff(plain, marked); diff != nil {
		t.Errorf("they differ: %q", diff)
	}
	var b bytes.Buffer
	if err := cassette.Show(&b, marked, false, 0); err != nil || strings.Contains(b.String(), "Cassette-") {
		t.Errorf("%v, shown:\n%s", err, b.String())
	}
}

// Two recordings of one scene differ in ids and times. What was said to whom is compared.
func TestDiff_ofOneScene(t *testing.T) {
	t.Parallel()
	scene := func(mod, guest, at, message, kicked string) *cassette.Tape {
		t.Helper()
		tape := one("GET", "https://api.queup.net/room/"+mod+"/users", "", "",
			`{"data":[{"userid":"`+mod+`","username":"mod","created":`+at+`},{"userid":"`+guest+`","username":"guest","seen":"2026-01-02T03:04:05.`+at[10:]+`Z"}]}`)
		tape.Socket = frames(`0{"sid":"s`+at+`","pingInterval":25000}`,
			`4{"action":15,"channel":"room:`+mod+`","message":{"name":"chat-message","data":"{\"message\":\"`+message+`\",\"chatid\":\"`+guest+`-`+at+`\"}"}}`,
			`4{"action":15,"channel":"room:`+mod+`","message":{"name":"user-kick-`+kicked+`","data":"{\"userid\":\"`+kicked+`\"}"}}`).Socket
		return tape
	}
	const (
		mod1, guest1 = "65b2a1c0d4e8b90000000001", "65b2a1c0d4e8b90000000002"
		mod2, guest2 = "75b2a1c0d4e8b9000000000a", "75b2a1c0d4e8b9000000000b"
	)
	first := scene(mod1, guest1, "1700000000123", "hello", guest1)
	for name, test := range map[string]struct {
		second *cassette.Tape
		want   []string
	}{
		"the same": {scene(mod2, guest2, "1800000000456", "hello", guest2), nil},
		"another message": {scene(mod2, guest2, "1800000000456", "good bye", guest2), []string{
			"  #1 < chat-message room:{id 1}",
			`-   < message.data(json).message = "hello"`,
			`+   < message.data(json).message = "good bye"`,
		}},
		"another person": {scene(mod2, guest2, "1800000000456", "hello", mod2), []string{
			"- #1 < user-kick-{id 2} room:{id 1}",
			"+ #1 < user-kick-{id 1} room:{id 1}",
			`-   < message.data(json).userid = "{id 2}"`,
			`+   < message.data(json).userid = "{id 1}"`,
			`-   < message.name = "user-kick-{id 2}"`,
			`+   < message.name = "user-kick-{id 1}"`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := cassette.Diff(first, test.second); strings.Join(got, "\n") != strings.Join(test.want, "\n") {
				t.Errorf("differences\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}
