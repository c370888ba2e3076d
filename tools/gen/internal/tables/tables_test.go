package tables

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/queup-go/queup/internal/testkit/source"
	"github.com/queup-go/queup/tools/internal/apispec"
)

// The tables of docs/PROTOCOL.md say what the specifications say.
func TestTables_areUpToDate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "PROTOCOL.md")
	before := readFile(t, "../../../../docs/PROTOCOL.md")
	if err := os.WriteFile(file, before, 0o600); err != nil {
		t.Fatal(err)
	}
	flags := flag.NewFlagSet("tables", flag.ContinueOnError)
	generate := Command(flags)
	if err := flags.Parse([]string{"-openapi", "../../../../api/openapi.yaml", "-events", "../../../../api/events.schema.json", "-page", file}); err != nil {
		t.Fatal(err)
	}
	if err := generate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if string(readFile(t, file)) != string(before) {
		t.Error("docs/PROTOCOL.md is not what api/ generates: run make generate")
	}
}

// The figures in README.md are those of the specifications.
func TestSpec_figuresOfTheReadme(t *testing.T) {
	spec, err := apispec.Load("../../../../api/openapi.yaml", "../../../../api/events.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{"operations": spec.CountOperations(), "events": len(spec.Events)}
	figure := regexp.MustCompile(`\ball (\d+) (?:REST )?(operations|events)\b`)
	for i, line := range strings.Split(source.Read(t, "README.md"), "\n") {
		for _, m := range figure.FindAllStringSubmatch(strings.ToLower(line), -1) {
			if want := strconv.Itoa(counts[m[2]]); m[1] != want {
				t.Errorf("README.md:%d: write %s %s instead of %s", i+1, want, m[2], m[1])
			}
		}
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// small is a specification with two operations and an event.
func small() *apispec.Spec {
	return &apispec.Spec{
		Tags: []*apispec.Tag{{Operations: []*apispec.Operation{
			{
				Name: "skip", Method: "POST", Path: "/chat/skip/{roomId}", Optional: true, Data: new(apispec.Words(apispec.Nothing)),
				Requests: []apispec.Body{{Encodings: []string{"application/x-www-form-urlencoded", "application/json"}, Fields: []apispec.Field{{Name: "a", Required: true}, {Name: "b"}}}},
				Evidence: apispec.Evidence{Sources: []string{"FE", "UAPI", "D+26"}, Confidence: "high", Alive: "2026", Section: "2.9"},
			},
			{
				Name: "Room", Method: "GET", Path: "/room", Redirect: true, Parameters: []apispec.Field{{Name: "roomId", In: "path", Required: true}, {Name: "v", In: "query"}},
				Evidence: apispec.Evidence{Sources: []string{"DA"}, Confidence: "low", Alive: "dubtrack", Section: "2.3"},
			},
		}}},
		Events: []*apispec.Definition{{Name: "ChatSkip", Event: "chat-skip_<UserID>", Fields: []apispec.Field{
			{Name: "user", Required: true, Type: apispec.Type{{Text: "User", ID: "type-User"}, {Text: " or null"}}}, {Name: "time", Type: apispec.Words("integer (duration, s)")},
		}}},
	}
}

const handwritten = "### 2.9 Chat\n\n<!-- generated: known-from -->\n" +
	"| Operation | What it does | Known from |\n|---|---|---|\n" +
	"| `POST /chat/skip/{roomId}` | skip; E1 | FE, UAPI (as `/skip`, once), NDA (never called); medium; 2021 |\n" +
	"| `GET /room` | where | |\n" +
	"| `GET /auth/login` | no operation | FE; low; 2016 |\n" +
	"<!-- /generated -->\n\n### 2.14 All\n\n<!-- generated: operations -->\nold\n<!-- /generated -->\n\n### 6.2 Events\n\n" +
	"| Event | Happens when |\n|---|---|\n" +
	"| `chat-skip_<userId>`, in rooms | a song is skipped |\n\nwords\n<!-- generated: events -->\n<!-- /generated -->\nend\n"

func TestTables(t *testing.T) {
	want := "### 2.9 Chat\n\n<!-- generated: known-from -->\n" +
		"| Operation | What it does | Known from |\n|---|---|---|\n" +
		"| `POST /chat/skip/{roomId}` | skip; E1 | FE, UAPI (as `/skip`, once), D+26; high; 2026 |\n" +
		"| `GET /room` | where | DA; low; dubtrack |\n" +
		"| `GET /auth/login` | no operation | FE; low; 2016 |\n" +
		"<!-- /generated -->\n\n### 2.14 All\n\n<!-- generated: operations -->\n\n" +
		"| `operationId` | Operation | Sends | `data` of the answer | See |\n|---|---|---|---|---|\n" +
		"| `Room` | `GET /room` | query: `v`? | redirect | 2.3 |\n" +
		"| `skip` | `POST /chat/skip/{roomId}` | form or JSON: `a`, `b`?, or nothing | – | 2.9 |\n" +
		"\n<!-- /generated -->\n\n### 6.2 Events\n\n" +
		"| Event | Happens when |\n|---|---|\n" +
		"| `chat-skip_<userId>`, in rooms | a song is skipped |\n\nwords\n<!-- generated: events -->\n\n" +
		"| Event | Type | Members |\n|---|---|---|\n" +
		"| `chat-skip_<UserID>` | `ChatSkip` | `user` User or null, `time`? integer (duration, s) |\n" +
		"\n<!-- /generated -->\nend\n"
	got, err := writeTables("page.md", handwritten, small())
	if err != nil || got != want {
		t.Errorf("%v, wrote\n%s\nwant\n%s", err, got, want)
	}
	again, err := writeTables("page.md", got, small())
	if err != nil || again != got {
		t.Errorf("%v, a second time it wrote\n%s", err, again)
	}
}

func TestTables_refuse(t *testing.T) {
	without := func(part string) string { return strings.Replace(handwritten, part, "", 1) }
	tests := map[string]struct{ text, want string }{
		"a marker without its end": {strings.Replace(handwritten, "<!-- /generated -->\nend", "end", 1), "page.md: of 5 markers only 4 belong together"},
		"an unknown name": {
			strings.Replace(handwritten, "generated: events", "generated: people", 1), "page.md: <!-- generated: people --> is not one of known-from, operations and events",
		},
		"a table without markers": {without("<!-- generated: operations -->\nold\n<!-- /generated -->\n"), "page.md: the line <!-- generated: operations --> is missing"},
		"an operation without a row": {
			without("| `POST /chat/skip/{roomId}` | skip; E1 | FE, UAPI (as `/skip`, once), NDA (never called); medium; 2021 |\n"),
			"page.md:7: add a row for skip below this line: | `POST /chat/skip/{roomId}` | what it does | needs | sends | answer | |",
		},
		"an operation of a section that is not there": {
			without("| `GET /room` | where | |\n"), `page.md: section "2.3" has no table for GET /room; correct the section in the x-evidence of Room`,
		},
		"an event without a row": {
			strings.Replace(handwritten, "| `chat-skip_<userId>`, in rooms | a song is skipped |\n", "", 1),
			"page.md:20: add a row for ChatSkip below this line: | `chat-skip_<UserID>` | happens when | carries | known from |",
		},
		"a row without an event": {
			strings.Replace(handwritten, "| `chat-skip_<userId>`", "| `chat-hop_<userId>`", 1), "page.md:21: no event of the schema is called chat-hop_<userId>;",
		},
		"a page without a table of events": {without("### 6.2 Events"), "page.md: section 6.2 has no table of events"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := writeTables("page.md", tt.text, small()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, want %q", err, tt.want)
			}
		})
	}
}
