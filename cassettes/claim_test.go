package cassettes_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/queup-go/queup/cassettes"
)

// A recording without a request is a mistake, both when it is made and when it is played.
func TestRecord_withoutRequest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fake := newFake(t)
	cassettes.Open(fake, "empty", cassettes.Dir(dir), cassettes.WithMode(cassettes.Rewrite), cassettes.RecordInCI())
	fake.end()
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 || !strings.Contains(fake.failures(), "there was no request: does the program use") {
		t.Errorf("reported %q, left %v (%v)", fake.failures(), left, err)
	}
	for file, text := range map[string]string{
		"empty.http.yaml": "---\nversion: 2\ninteractions: []\n",
		"empty.ws.jsonl":  `{"version":"2.0","kind":"queup-cassette","source":"live"}` + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, fake := play(t, dir, "empty"); !strings.Contains(fake.failures(), "the recording has no request") {
		t.Errorf("reported %q", fake.failures())
	}
}

// Of two tests that record under one name in one run, the second fails at once, and the first one's recording stays.
func TestRecord_twiceUnderOneName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := func(dir string) (*cassettes.Cassette, *fakeTB) {
		fake := newFake(t)
		return cassettes.Open(fake, "name", cassettes.Dir(dir), cassettes.WithMode(cassettes.Rewrite), cassettes.RecordInCI(), cassettes.Through(numbered())), fake
	}
	c, first := open(dir)
	want(t, c, "GET", api+"/a", "", "")
	_, second := open(filepath.Join(dir, "..", filepath.Base(dir)))
	first.end()
	second.end()
	_, third := open(dir)
	third.end()
	if first.Failed() || !strings.Contains(second.failures(), "has recorded under this name in the same run") || !third.Failed() {
		t.Errorf("reported %q, %q and %q", first.failures(), second.failures(), third.failures())
	}
	if _, fake := play(t, dir, "name"); fake.Failed() {
		t.Error(fake.failures())
	}
}

// Halves of two recordings are noticed, and files that were cut at the end of a line.
func TestOpen_noticesHalves(t *testing.T) {
	t.Parallel()
	capturePair := func() (dir string) {
		s := newScript(nil, greeting, event("a", "one"))
		return capture(t, "half", numbered(), s, func(t *testing.T, c *cassettes.Cassette) {
			t.Helper()
			want(t, c, "GET", api+"/a", "", "")
			want(t, c, "GET", api+"/b", "", "")
			sock := dial(t, c)
			defer sock.Close(1000, "")
			writeFrames(t, sock, attach("a", "1"))
			readFrames(t, sock, 2)
		})
	}
	dir, other := capturePair(), capturePair()
	read := func(file string) string {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	check := func(what, http, socket string, fine bool) {
		t.Helper()
		in := t.TempDir()
		for file, text := range map[string]string{"half.http.yaml": http, "half.ws.jsonl": socket} {
			if err := os.WriteFile(filepath.Join(in, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, fake := play(t, in, "half", cassettes.AllowUnused()); fake.Failed() == fine {
			t.Errorf("%s: reported %q", what, fake.failures())
		}
	}
	http, socket := read(filepath.Join(dir, "half.http.yaml")), read(filepath.Join(dir, "half.ws.jsonl"))
	check("whole", http, socket, true)
	check("whole, with the line ends of Windows", http, strings.ReplaceAll(socket, "\n", "\r\n"), true)
	check("the socket of another", http, strings.ReplaceAll(read(filepath.Join(other, "half.ws.jsonl")), `"at":0`, `"at":1`), strings.Contains(read(filepath.Join(other, "half.ws.jsonl")), pair(http)))
	check("without pair, as older ones", strings.Replace(http, "# pair "+pair(http)+"\n", "", 1), strings.Replace(socket, `,"pair":"`+pair(http)+`"`, "", 1), true)
	for name, text := range map[string]string{"http": http, "socket": socket} {
		lines := strings.SplitAfter(text, "\n")
		for n := 1; n < len(lines)-1; n++ {
			cut := strings.Join(lines[:n], "")
			if name == "http" {
				check("the first lines of http", cut, socket, false)
			} else {
				check("the first lines of socket", http, cut, false)
			}
		}
	}
}

// pair returns the id of the pair that an HTTP half is of.
func pair(http string) string {
	_, id, _ := strings.Cut(http, "# pair ")
	return strings.TrimSpace(id)
}
