package queup_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The steps of CONTRIBUTING.md, "Changing a specification", lead from a change in api/ to tests that pass. They are followed in a copy
// of the tree.
func TestContributing(t *testing.T) {
	page, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "\n## Changing a specification\n")
	text, _, _ = strings.Cut(text, "\n## ")
	steps := regexp.MustCompile(`(?m)^\d+\. `).Split(text, -1)[1:]
	if len(steps) != 10 {
		t.Fatalf("CONTRIBUTING.md has %d steps, and this test follows 10", len(steps))
	}
	w := walk{t.TempDir()}
	w.copyTree(t)

	w.edit(t, steps[0], 4)
	w.edit(t, steps[1], 2)
	if testing.Short() { // the commands build the generators and four packages
		for i, n := range map[int]int{5: 1, 6: 1, 7: 5} {
			w.edit(t, steps[i], n)
		}
		return
	}
	generate, ask := command(t, steps[2]), command(t, steps[3])
	said, err := w.run(t, generate)
	if err != nil || strings.Count(said, "\n") != 1 { // the line of make
		t.Fatalf("%s: %v\n%s", generate, err, said)
	}
	row := regexp.MustCompile("(?m)^\\| `GET /room/\\{roomId\\}/weather` .* FE; low; 2026 \\|$")
	if !row.MatchString(w.read(t, "docs/PROTOCOL.md")) {
		t.Error("the last cell of the new row was not filled")
	}

	// Each place that is left is named, with its line.
	said, err = w.run(t, ask)
	if err == nil {
		t.Errorf("%s passes, although the steps from 5 on are left", ask)
	}
	for _, place := range []string{
		`(?s)queuptest answers 501 to RoomWeather.*\nqueuptest/rest\.go:\d+: .*queuptest/rest_unwritten_internal_test\.go:\d+: `,
		`(?s)docs/PROTOCOL\.md:\d+: nothing here causes room-weather.*queuptest/every_event_test\.go:\d+: .*queuptest/every_event_test\.go:\d+: `,
		`(?s)no row has the event wire\.RoomWeather.*client/events_rows_test\.go:\d+: .*client/tracker_apply\.go:\d+: .*client/events\.go:\d+: `,
	} {
		if !regexp.MustCompile(place).MatchString(strings.ReplaceAll(said, "\n        ", "\n")) {
			t.Errorf("%s does not say %s:\n%s", ask, place, said)
		}
	}
	if strings.Contains(said, "[build failed]") {
		t.Errorf("a package does not build:\n%s", said)
	}

	w.correctFigures(t, said)
	for i, n := range map[int]int{5: 1, 6: 1, 7: 5} {
		w.edit(t, steps[i], n)
	}
	w.write(t, "queuptest/weather_test.go", weatherTest)
	if said, err := w.run(t, ask); err != nil {
		t.Errorf("after the last step, %s: %v\n%s", ask, err, said)
	}
	// The new event in the form that its row has, and in every odd form.
	if said, err := w.run(t, "go test -short -run TestEvents_everyOneAndItsOddForms/room-weather ./client"); err != nil || strings.Contains(said, "no tests to run") {
		t.Errorf("the new event: %v\n%s", err, said)
	}
}

// weatherTest asks queuptest for the new operation, for which it has no method.
const weatherTest = `package queuptest_test

import "testing"

func TestSpec_weather(t *testing.T) {
	srv := start(t)
	if got := login(t, srv, "alice").get("/room/x/weather"); got.Status != 501 {
		t.Errorf("the answer is %d %s", got.Status, got.Body)
	}
}
`

// A walk follows the steps in a copy of the tree.
type walk struct{ dir string }

func (w walk) copyTree(t *testing.T) {
	t.Helper()
	for _, path := range trackedFiles(t) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		w.write(t, path, string(content))
	}
}

func (w walk) write(t *testing.T, path, text string) {
	t.Helper()
	path = filepath.Join(w.dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

func (w walk) read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// shown is an edit as a step shows it: the file, where in it, and the lines.
var shown = regexp.MustCompile("(?s)in\\s+`([^`]+)`, (above|below) the line that begins\\s+with (?:``(.+?)``|`([^`]+)`)\n\n   ```\\w+\n(.*?)\n   ```\n")

// edit makes the edits that a step shows.
func (w walk) edit(t *testing.T, step string, want int) {
	t.Helper()
	edits := shown.FindAllStringSubmatch(step, -1)
	if len(edits) != want {
		t.Fatalf("there are %d edits, want %d, in the step of CONTRIBUTING.md\n%s", len(edits), want, step)
	}
	for _, e := range edits {
		path, start := e[1], e[3]+e[4]
		lines := strings.Split(w.read(t, path), "\n")
		at := -1
		for i, line := range lines {
			if !strings.HasPrefix(strings.TrimSpace(line), start) {
				continue
			}
			if at >= 0 {
				t.Fatalf("CONTRIBUTING.md: both line %d and line %d of %s begin with %s", at+1, i+1, path, start)
			}
			at = i
		}
		if at < 0 {
			t.Fatalf("CONTRIBUTING.md: no line of %s begins with %s", path, start)
		}
		if e[2] == "below" {
			at++
		}
		added := strings.ReplaceAll("\n"+e[5], "\n   ", "\n")[1:]
		w.write(t, path, strings.Join(lines[:at], "\n")+"\n"+added+"\n"+strings.Join(lines[at:], "\n"))
	}
}

// command returns the only command that a step shows.
func command(t *testing.T, step string) string {
	t.Helper()
	m := regexp.MustCompile("\n   ```sh\n   (.*)\n   ```\n").FindAllStringSubmatch(step, -1)
	if len(m) != 1 {
		t.Fatalf("there are %d commands, want one, in the step of CONTRIBUTING.md\n%s", len(m), step)
	}
	return m[0][1]
}

// run runs a command in the copy, and returns what it writes. make lint vets the packages of this module.
func (w walk) run(t *testing.T, line string) (string, error) {
	t.Helper()
	args := strings.Fields(line)
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir, cmd.Env = w.dir, append(os.Environ(), "GOFLAGS=-vet=off -buildvcs=false", "GOWORK=off", "MAKEFLAGS=", "MAKELEVEL=0")
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	t.Logf("%s: %v of processor time", line, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	return out.String(), err
}

// correctFigures makes the corrections in README.md that a test has named.
func (w walk) correctFigures(t *testing.T, said string) {
	t.Helper()
	corrections := regexp.MustCompile(`README\.md:\d+: write (\d+ \w+) instead of (\d+)`).FindAllStringSubmatch(said, -1)
	readme := w.read(t, "README.md")
	for _, c := range corrections {
		_, what, _ := strings.Cut(c[1], " ")
		readme = strings.ReplaceAll(readme, "ll "+c[2]+" "+what, "ll "+c[1])
	}
	w.write(t, "README.md", readme)
}
