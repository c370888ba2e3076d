package events

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/invopop/jsonschema"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/tools/gen/internal/events/testdata/small"
)

// TestDrift compares the schemas with the generated types as reflection sees them. It does not share a line with the
// generator beyond reading the file, so it finds what the generator gets wrong, and types that are older than the schema.
func TestDrift(t *testing.T) {
	for path, definitions := range map[string]map[string]any{eventsSchema: wire.Definitions(), smallSchema: small.Definitions()} {
		schema, _ := schemaOf(t, path)
		if diff := cmp.Diff(slices.Sorted(maps.Keys(schema.Definitions)), slices.Sorted(maps.Keys(definitions))); diff != "" {
			t.Errorf("%s: the definitions differ (-schema +go):\n%s", path, diff)
		}
		for name, def := range schema.Definitions {
			if v, ok := definitions[name]; ok {
				if diff := cmp.Diff(shapeOfSchema(def), shapeOfType(reflect.TypeOf(v))); diff != "" {
					t.Errorf("%s: %s differs (-schema +go):\n%s", path, name, diff)
				}
			}
		}
	}
}

// TestUnitsAndText checks what reflection cannot see: that each property reads and writes its own unit, form of time and
// form of text.
func TestUnitsAndText(t *testing.T) {
	at := time.UnixMilli(1704164645678).UTC()
	probes := map[string]struct {
		in, out string
		value   any
	}{
		"string":               {`"&quot;"`, `"&quot;"`, "&quot;"},
		"string html":          {`"&quot;"`, `"&#34;"`, `"`},
		"string date-time":     {`1704164645678`, `"2024-01-02T03:04:05.678Z"`, at},
		"integer epoch-ms":     {`"2024-01-02T03:04:05.678Z"`, `1704164645678`, at},
		"integer duration-ms":  {`"2"`, `2`, 2 * time.Millisecond},
		"integer duration-s":   {`"2"`, `2`, 2 * time.Second},
		"integer duration-min": {`"2"`, `2`, 2 * time.Minute},
	}
	found := map[string]bool{}
	for path, definitions := range map[string]map[string]any{eventsSchema: wire.Definitions(), smallSchema: small.Definitions()} {
		schema, root := schemaOf(t, path)
		for name, def := range schema.Definitions {
			for _, property := range root.get("$defs").get(name).get("properties").entries() {
				s, _ := def.Properties.Get(property.key)
				kind := strings.Join(strings.Fields(s.Type+" "+s.Format+" "+property.value.str("x-text")), " ")
				probe, ok := probes[kind]
				if !ok || property.value.isTrue("x-pointer") {
					continue
				}
				found[kind] = true
				v := reflect.New(reflect.TypeOf(definitions[name]))
				if err := json.Unmarshal([]byte(`{"`+property.key+`": `+probe.in+`}`), v.Interface()); err != nil {
					t.Fatal(err)
				}
				for field, value := range v.Elem().Fields() {
					if wire, _, _ := strings.Cut(field.Tag.Get("json"), ","); wire == property.key && !reflect.DeepEqual(value.Interface(), probe.value) {
						t.Errorf("%s.%s from %s is %v, want %v", name, field.Name, probe.in, value, probe.value)
					}
				}
				if got := encode(t, v.Interface()); !strings.Contains(got, `"`+property.key+`":`+probe.out) {
					t.Errorf("%s with %q: %s is written as %s, want the value %s", name, property.key, probe.in, got, probe.out)
				}
			}
		}
	}
	if len(found) != len(probes) {
		t.Errorf("only %v were found", found)
	}
}

// A typeShape is what a schema and a Go type must agree on.
type typeShape struct {
	Kind       string
	Properties []propertyShape // in order
}

type propertyShape struct {
	Name, Kind string
	Required   bool
}

func shapeOfSchema(def *jsonschema.Schema) (s typeShape) {
	s.Kind = kindOfSchema(def)
	if def.Properties == nil {
		return s
	}
	for p := def.Properties.Oldest(); p != nil; p = p.Next() {
		s.Properties = append(s.Properties, propertyShape{p.Key, kindOfValue(p.Value), slices.Contains(def.Required, p.Key)})
	}
	return s
}

// kindOfValue is kindOfSchema for a schema that is not a definition: an object without a name is any event.
func kindOfValue(s *jsonschema.Schema) string {
	if k := kindOfSchema(s); k != "object" {
		return k
	}
	return "Event"
}

func kindOfSchema(s *jsonschema.Schema) string {
	switch {
	case s.Ref != "":
		return strings.TrimPrefix(s.Ref, "#/$defs/")
	case len(s.OneOf) > 0:
		// The object of a choice is the more telling alternative, and no definition of an object is named like an id.
		kinds := []string{}
		for _, alternative := range s.OneOf {
			if k := kindOfSchema(alternative); k != "null" && !strings.HasSuffix(k, "ID") || len(s.OneOf) == 2 && s.OneOf[1].Type == "null" && k != "null" {
				kinds = append(kinds, k)
			}
		}
		return strings.Join(kinds, " or ")
	case s.Format == "date-time", s.Format == "epoch-ms":
		return "time"
	case strings.HasPrefix(s.Format, "duration"):
		return "duration"
	case s.Type == "array":
		return "list of " + kindOfValue(s.Items)
	default:
		return s.Type
	}
}

func shapeOfType(t reflect.Type) (s typeShape) {
	reflector := jsonschema.Reflector{
		Anonymous: true, AllowAdditionalProperties: true, ExpandedStruct: true,
		Mapper: func(field reflect.Type) *jsonschema.Schema {
			switch {
			case field == t, field == reflect.TypeFor[json.RawMessage]():
				return nil
			case field == reflect.TypeFor[time.Time]():
				return &jsonschema.Schema{Type: "string", Format: "date-time"}
			case field == reflect.TypeFor[time.Duration]():
				return &jsonschema.Schema{Type: "integer", Format: "duration"}
			case field.PkgPath() != "":
				return &jsonschema.Schema{Ref: "#/$defs/" + field.Name()}
			}
			return nil
		},
	}
	return shapeOfSchema(reflector.ReflectFromType(t))
}
