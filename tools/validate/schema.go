package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

const (
	schemaURL = "https://github.com/queup-go/queup/api/events.schema.json"
	goTypes   = "github.com/queup-go/queup/gen/wire."
)

// schema is events.schema.json, with one compiled schema for each definition.
type schema struct {
	definitions map[string]definition
	compiled    map[string]*jsonschema.Schema
}

type definition struct {
	Event    string                      `json:"x-event"`
	Suffix   *struct{ Separator string } `json:"x-suffix"`
	Examples []json.RawMessage
}

// readSchema compiles all definitions. An error names what is wrong with the schema itself.
func readSchema(text []byte) (*schema, error) {
	document, err := decode(text)
	if err != nil {
		return nil, fmt.Errorf("events.schema.json: %w", err)
	}
	var parsed struct {
		Definitions map[string]definition `json:"$defs"`
	}
	if err := json.Unmarshal(text, &parsed); err != nil {
		return nil, fmt.Errorf("events.schema.json: %w", err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	for _, f := range formats {
		compiler.RegisterFormat(&f)
	}
	if err := compiler.AddResource(schemaURL, document); err != nil {
		return nil, fmt.Errorf("events.schema.json: %w", err)
	}
	if _, err := compiler.Compile(schemaURL); err != nil {
		return nil, fmt.Errorf("events.schema.json: %w", err)
	}
	s := &schema{parsed.Definitions, make(map[string]*jsonschema.Schema)}
	var problems []error
	for name := range s.definitions {
		c, err := compiler.Compile(schemaURL + "#/$defs/" + name)
		if err != nil {
			problems = append(problems, fmt.Errorf("events.schema.json, %s: %w", name, err))
		}
		s.compiled[name] = c
	}
	return s, errors.Join(problems...)
}

// check validates one value against a definition.
func (s *schema) check(name, where string, value any) error {
	c := s.compiled[name]
	if c == nil {
		return fmt.Errorf("%s: events.schema.json has no definition %s", where, name)
	}
	if err := c.Validate(value); err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	return nil
}

// ownExamples validates the examples beside the definitions and returns how many there are.
func (s *schema) ownExamples() (n int, err error) {
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(s.definitions)) {
		for i, text := range s.definitions[name].Examples {
			n++
			value, err := decode(text)
			if err == nil {
				err = s.check(name, fmt.Sprintf("events.schema.json, %s, example %d", name, i+1), value)
			}
			problems = append(problems, err)
		}
	}
	return n, errors.Join(problems...)
}

// openAPIExamples validates what stands in the examples of the OpenAPI document and has a type of ours.
func (s *schema) openAPIExamples(spec *openapi3.T) (n int, err error) {
	if spec == nil {
		return 0, nil
	}
	var problems []error
	for _, e := range examples(spec) {
		for _, part := range typedParts(e.where, e.schema, e.value) {
			n++
			name, ours := strings.CutPrefix(part.goType, goTypes)
			if !ours {
				problems = append(problems, fmt.Errorf("openapi.yaml, %s: %s is not a type of gen/wire", part.where, part.goType))
				continue
			}
			value, err := plain(part.value)
			if err == nil {
				err = s.check(name, "openapi.yaml, "+part.where, value)
			}
			problems = append(problems, err)
		}
	}
	return n, errors.Join(problems...)
}

// ofEvent finds the definition of an event by its name on the wire: an exact name wins, then the longest with a suffix.
func (s *schema) ofEvent(name string) (found string, ok bool) {
	longest := 0
	for d, def := range s.definitions {
		switch {
		case def.Event == "" || def.Event == "*":
		case def.Event == name:
			return d, true
		case def.Suffix != nil && strings.HasPrefix(name, def.Event+def.Suffix.Separator) && len(def.Event) > longest:
			found, ok, longest = d, true, len(def.Event)
		}
	}
	return found, ok
}

// decode reads JSON as the validator wants it, with numbers as they are written.
func decode(text []byte) (any, error) { return jsonschema.UnmarshalJSON(bytes.NewReader(text)) }
