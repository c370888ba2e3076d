package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

const root = "../.."

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(root + "/api/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// replaced returns the text with one change, which must apply exactly once.
func replaced(t *testing.T, text, before, after string) string {
	t.Helper()
	if n := strings.Count(text, before); n != 1 {
		t.Fatalf("%q occurs %d times", before, n)
	}
	return strings.Replace(text, before, after, 1)
}

func TestRun_acceptsTheSpecifications(t *testing.T) {
	var out bytes.Buffer
	if err := run([]string{root}, &out); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%d operations", strings.Count(read(t, "openapi.yaml"), "operationId: ")); !strings.Contains(out.String(), want) {
		t.Errorf("it says %q, want %s", out.String(), want)
	}
}

// Two templates of one path are the same path. Until November 2026 the document had both of these.
func TestReadOpenAPI_findsOnePathUnderTwoNames(t *testing.T) {
	faulty := read(t, "openapi.yaml")
	faulty = replaced(t, faulty, "  /room/{roomId}:\n    get:", "  /room/{idOrSlug}:\n    get:")
	faulty = replaced(t, faulty, "        - name: roomId\n          in: path\n          required: true\n          description: The room's id, or its slug.", "        - name: idOrSlug\n          in: path\n          required: true\n          description: The room's id, or its slug.")
	faulty = replaced(t, faulty, "    put:\n      operationId: updateRoom", "  /room/{roomId}:\n    put:\n      operationId: updateRoom")
	_, err := readOpenAPI([]byte(faulty))
	if _, ok := errors.AsType[*openapi3.ConflictingPathsError](err); !ok {
		t.Errorf("the error is %v", err)
	}
}

func TestOpenAPI_findsFaultyExamples(t *testing.T) {
	tests := map[string]struct{ before, after, fault string }{
		"of a parameter": {
			"description: How many rooms to leave out, a multiple of 20.\n      schema: {type: integer}\n      example: 20",
			"description: How many rooms to leave out, a multiple of 20.\n      schema: {type: integer}\n      example: twenty",
			"integer",
		},
		"of a request": {
			"example: {username: mixmaster2}", "example: {username: [mixmaster2]}", "string",
		},
		"of an answer with a type of ours": {
			"data: {username: mixmaster, taken: true}", "data: {username: mixmaster, taken: {}}", "/taken",
		},
		"of an id": {
			"schema: {type: string, x-ogen-type: github.com/queup-go/queup/gen/wire.CommentID}\n      example: 66180726304e1f0018010001",
			"schema: {type: string, x-ogen-type: github.com/queup-go/queup/gen/wire.CommentID}\n      example: no id",
			"is not an id",
		},
	}
	definitions, err := readSchema([]byte(read(t, "events.schema.json")))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			spec, err := readOpenAPI([]byte(replaced(t, read(t, "openapi.yaml"), test.before, test.after)))
			_, typedErr := definitions.openAPIExamples(spec)
			if err = errors.Join(err, typedErr); err == nil || !strings.Contains(err.Error(), test.fault) {
				t.Errorf("the error is %v, want %q", err, test.fault)
			}
		})
	}
}

func TestReadSchema_findsAFaultySchema(t *testing.T) {
	faulty := strings.Replace(read(t, "events.schema.json"), `"type": "object"`, `"type": "thing"`, 1)
	if _, err := readSchema([]byte(faulty)); err == nil {
		t.Error("there is no error")
	}
}

// The formats are asserted, both those of JSON Schema and our own.
func TestSchema_findsFaultyExamples(t *testing.T) {
	tests := map[string]struct{ property, example string }{
		"a type":                    {`{"type": "string"}`, `1`},
		"an id with a blank":        {`{"type": "string", "format": "id"}`, `"a b"`},
		"a time in seconds":         {`{"type": "integer", "format": "epoch-ms"}`, `1730000000`},
		"a time in microseconds":    {`{"type": "integer", "format": "epoch-ms"}`, `1730000000000000`},
		"a time with a fraction":    {`{"type": "integer", "format": "epoch-ms"}`, `1730000000000.5`},
		"a date that is not ISO":    {`{"type": "string", "format": "date-time"}`, `"30 November 2026"`},
		"a duration past all years": {`{"type": "integer", "format": "duration-min"}`, `9223372036854775807`},
		"an entry that is null":     {`{"type": "array", "items": {"type": "string"}}`, `[null]`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s, err := readSchema([]byte(`{"$id": "` + schemaURL + `", "$defs": {"Thing": {
				"type": "object", "properties": {"it": ` + test.property + `}, "examples": [{"it": ` + test.example + `}]}}}`))
			if err != nil {
				t.Fatal(err)
			}
			if n, err := s.ownExamples(); n != 1 || err == nil || !strings.Contains(err.Error(), "/it") {
				t.Errorf("%d examples, error %v", n, err)
			}
		})
	}
}

// An event is found by its name, with or without an id behind it.
func TestOfEvent(t *testing.T) {
	s, err := readSchema([]byte(read(t, "events.schema.json")))
	if err != nil {
		t.Fatal(err)
	}
	for event, want := range map[string]string{
		"user_update_65b2a1c0d4e8b90012ab0003": "UserUpdate",
		"user-update-65b2a1c0d4e8b90012ab0003": "UserImageUpdate",
		"chat-message":                         "ChatMessage",
		"chat-unheard-of":                      "",
	} {
		if got, ok := s.ofEvent(event); got != want || ok != (want != "") {
			t.Errorf("%s is %q, %t", event, got, ok)
		}
	}
}
