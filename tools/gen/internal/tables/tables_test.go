package tables

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
	if n := strings.Count(string(before), "<!-- generated: "); n != 14 {
		t.Errorf("docs/PROTOCOL.md has %d generated tables, want 14: a pair of markers got lost", n)
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

const handwritten = "intro\n\n<!-- generated: known-from -->\n" +
	"| Operation | What it does | Known from |\n|---|---|---|\n" +
	"| `POST /chat/skip/{roomId}` | skip; E1 | FE, UAPI (as `/skip`, once), NDA (never called); medium; 2021 |\n" +
	"| `GET /room` | where | DA; low; dubtrack |\n" +
	"| `GET /auth/login` | no operation | FE; low; 2016 |\n" +
	"<!-- /generated -->\n\nmiddle\n\n<!-- generated: operations -->\nold\n<!-- /generated -->\n<!-- generated: events --><!-- /generated -->\nend\n"

func TestTables(t *testing.T) {
	text := strings.ReplaceAll(handwritten, "events --><!--", "events -->\n<!--")
	want := "intro\n\n<!-- generated: known-from -->\n" +
		"| Operation | What it does | Known from |\n|---|---|---|\n" +
		"| `POST /chat/skip/{roomId}` | skip; E1 | FE, UAPI (as `/skip`, once), D+26; high; 2026 |\n" +
		"| `GET /room` | where | DA; low; dubtrack |\n" +
		"| `GET /auth/login` | no operation | FE; low; 2016 |\n" +
		"<!-- /generated -->\n\nmiddle\n\n<!-- generated: operations -->\n\n" +
		"| `operationId` | Operation | Sends | `data` of the answer | See |\n|---|---|---|---|---|\n" +
		"| `Room` | `GET /room` | query: `v`? | redirect | 2.3 |\n" +
		"| `skip` | `POST /chat/skip/{roomId}` | form or JSON: `a`, `b`?, or nothing | – | 2.9 |\n" +
		"\n<!-- /generated -->\n<!-- generated: events -->\n\n" +
		"| Event | Type | Members |\n|---|---|---|\n" +
		"| `chat-skip_<UserID>` | `ChatSkip` | `user` User or null, `time`? integer (duration, s) |\n" +
		"\n<!-- /generated -->\nend\n"
	got, err := writeTables(text, small())
	if err != nil || got != want {
		t.Errorf("%v, wrote\n%s\nwant\n%s", err, got, want)
	}
	again, err := writeTables(got, small())
	if err != nil || again != got {
		t.Errorf("%v, a second time it wrote\n%s", err, again)
	}
}

func TestTables_refuse(t *testing.T) {
	good := strings.ReplaceAll(handwritten, "events --><!--", "events -->\n<!--")
	tests := map[string]struct{ text, want string }{
		"a marker without its end":     {strings.Replace(good, "<!-- /generated -->\nend", "end", 1), "belong together"},
		"an unknown name":              {strings.Replace(good, "generated: events", "generated: people", 1), "nothing is called people"},
		"an operation without a row":   {strings.Replace(good, "| `GET /room` |", "| `GET /rooms` |", 1), "no table has a row for GET /room"},
		"a page without any operation": {"no tables\n", "no table has a row for GET /room\nno table has a row for POST /chat/skip/{roomId}"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := writeTables(tt.text, small()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, want %q", err, tt.want)
			}
		})
	}
}
