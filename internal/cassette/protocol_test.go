package cassette_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/queup-go/queup/internal/cassette"
)

var fieldName = regexp.MustCompile(`^[A-Za-z_$][\w$-]*$`)

// vocabulary collects the fixed words of the protocol.
type vocabulary struct {
	lines map[string]bool
	defs  map[string]any
}

func (v *vocabulary) add(words ...string) { v.lines[strings.Join(words, " ")] = true }

// walk reads a part of a specification.
func (v *vocabulary) walk(node any) {
	switch node := node.(type) {
	case []any:
		for _, entry := range node {
			v.walk(entry)
		}
	case map[string]any:
		if name, ok := node["x-event"].(string); ok && name != "*" {
			v.add("event", strings.NewReplacer("{", "", "}", "").Replace(regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(name, "*")))
		}
		if name, ok := node["name"].(string); ok && node["in"] != nil && fieldName.MatchString(name) {
			v.add("key", name)
			v.values(name, node["schema"])
		}
		properties, _ := node["properties"].(map[string]any)
		for name, property := range properties {
			if fieldName.MatchString(name) {
				v.add("key", name)
				v.values(name, property)
			}
		}
		for name, part := range node {
			if name != "example" && name != "examples" {
				v.walk(part)
			}
		}
	}
}

// values adds the values that a field may have.
func (v *vocabulary) values(field string, schema any) {
	s, _ := schema.(map[string]any)
	if ref, ok := s["$ref"].(string); ok {
		s, _ = v.defs[ref[strings.LastIndexByte(ref, '/')+1:]].(map[string]any)
	}
	all, _ := s["x-values"].([]any)
	for _, entry := range all {
		e, _ := entry.(map[string]any)
		if value, ok := e["value"].(string); ok && value != "" {
			v.add("value", field, value)
		}
	}
}

// recorded adds the names of fields in recorded JSON, which the specifications do not know.
func (v *vocabulary) recorded(node any) {
	switch node := node.(type) {
	case []any:
		for _, entry := range node {
			v.recorded(entry)
		}
	case map[string]any:
		for name, part := range node {
			if fieldName.MatchString(name) {
				v.add("key", name)
			}
			v.recorded(part)
		}
	case string:
		var nested any
		if strings.HasPrefix(node, "{") && json.Unmarshal([]byte(node), &nested) == nil {
			v.recorded(nested)
		}
	}
}

// protocol.txt has the fixed words of QueUp's protocol. With UPDATE_PROTOCOL=1 the test writes it again.
func TestProtocol_isThatOfTheSpecifications(t *testing.T) {
	t.Parallel()
	v := &vocabulary{lines: map[string]bool{}}
	var events, api map[string]any
	b, err := os.ReadFile(filepath.Join("..", "..", "api", "events.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &events); err != nil {
		t.Fatal(err)
	}
	if b, err = os.ReadFile(filepath.Join("..", "..", "api", "openapi.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(b, &api); err != nil {
		t.Fatal(err)
	}
	v.defs, _ = events["$defs"].(map[string]any)
	v.walk(events)
	v.walk(api)
	paths, _ := api["paths"].(map[string]any)
	for path := range paths {
		v.add("path", path)
	}
	dir := filepath.Join("..", "..", "cassettes", "testdata")
	names, err := cassette.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		tape, err := cassette.Read(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range tape.HTTP {
			var body any
			if json.Unmarshal([]byte(e.Response.Body), &body) == nil {
				v.recorded(body)
			}
		}
		for _, r := range tape.Socket {
			var body any
			if len(r.Data) > 1 && json.Unmarshal(r.Data[1:], &body) == nil {
				v.recorded(body)
			}
		}
	}
	want := strings.Join(slices.Sorted(maps.Keys(v.lines)), "\n") + "\n"
	if os.Getenv("UPDATE_PROTOCOL") != "" {
		if err := os.WriteFile("protocol.txt", []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("protocol.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("run UPDATE_PROTOCOL=1 go test ./internal/cassette -run TestProtocol (-want +got):\n%s", diff)
	}
}
