package cassettes_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/queup-go/queup/cassettes"
)

// A merge conflict in a recording is called so, with the command that records again. Text that looks like one is not.
func TestOpen_mergeConflict(t *testing.T) {
	t.Parallel()
	const body = "<<<<<<< ours\n=======\n>>>>>>> theirs\n"
	for _, file := range []string{"merge.http.yaml", "merge.ws.jsonl"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			dir := capture(t, "merge", numbered(), newScript(nil, chatEvent, "4"+body), func(t *testing.T, c *cassettes.Cassette) {
				t.Helper()
				want(t, c, "POST", api+"/a", "text/plain", body)
				speak(t, c, "/b", 2)
			})
			c, fake := play(t, dir, "merge")
			want(t, c, "POST", api+"/a", "text/plain", body)
			speak(t, c, "/b", 2)
			fake.end()
			if fake.Failed() {
				t.Fatal(fake.failures())
			}
			path := filepath.Join(dir, file)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			first, rest, _ := strings.Cut(string(text), "\n")
			err = os.WriteFile(path, []byte(first+"\n<<<<<<< HEAD\n"+rest+"=======\n"+rest+">>>>>>> theirs\n"), 0o600)
			if err != nil {
				t.Fatal(err)
			}
			_, fake = play(t, dir, "merge")
			for _, part := range []string{file + ": line 2: a merge conflict", "record it again: QUEUP_CASSETTE=rewrite go test -count=1 -run '^TestOpen_mergeConflict$/"} {
				if !strings.Contains(fake.failures(), part) {
					t.Errorf("%q is not in %q", part, fake.failures())
				}
			}
		})
	}
}
