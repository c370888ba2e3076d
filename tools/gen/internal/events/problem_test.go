package events

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every row is a schema with one mistake, marked by ^ where the mistake stands, and what the generator says about it. The
// mark is taken out before the schema is read. A row that begins with a quote is what stands in $defs.
var mistakes = []struct{ name, schema, want string }{
	{"not JSON", `{"$defs": ^}`, "/$defs: not JSON: invalid character '}'"},
	{"cut off", `{"$defs": {"A": {"type": "string"}^`, "/$defs: not JSON: unexpected EOF"},
	{"more than one value", `{"$defs": {"A": {"type": "string"}}} ^{}`, "/: not JSON: there is more after the schema"},
	{"half a value more", "{\"$defs\": {\"A\": {\"type\": \"string\"}}}\n^\"x\n", "/: not JSON: there is more after the schema"},
	{"not an object", `^[]`, "/: must be an object, not an array"},
	{"nothing defined", `^{"title": "t"}`, "/: there is nothing to generate"},
	{"another dialect", `{"$schema": ^"http://json-schema.org/draft-07/schema#"}`, `/$schema: "http://json-schema.org/draft-07/schema#" is not known here`},
	{"unknown root keyword", `{^"definitions": {}, "$defs": {"A": {"type": "string"}}}`, `/definitions: the keyword "definitions" means nothing here`},

	{"member twice", `"A": {"type": "string", ^"type": "string"}`, `/$defs/A/type: "type" stands here twice`},
	{"definition twice", `"A": {"type": "string"}, ^"A": {"type": "string"}`, `/$defs/A: "A" stands here twice`},
	{"boolean schema", `"A": ^true`, "/$defs/A: must be an object, not true or false"},
	{"a constraint", `"A": {"type": "string", ^"minLength": 1}`, `/$defs/A/minLength: the keyword "minLength" means nothing here; remove it or say it in the description (allowed: `},
	{"a keyword of definitions in a property", `"A": {"type": "object", "properties": {"p": {"type": "string", ^"x-values": []}}}`, `/$defs/A/properties/p/x-values: the keyword "x-values" means nothing here`},
	{"a keyword of properties in an item", `"A": {"type": "array", "items": {"type": "string", ^"x-pointer": true}}`, `/$defs/A/items/x-pointer: the keyword "x-pointer" means nothing here`},
	{"escaped pointer", `"A": {"type": "object", "properties": {"a/b~c": {^"enum": []}}}`, `/$defs/A/properties/a~1b~0c/enum: the keyword "enum" means nothing here`},
	{"value of another kind", `"A": {"type": "object", "properties": {"p": {"type": "string", "x-pointer": ^"true"}}}`, "/$defs/A/properties/p/x-pointer: must be true or false, not text"},
	{"description is not text", `"A": {"type": "string", "description": ^1}`, "/$defs/A/description: must be text, not a number"},
	{"unknown type", `"A": {"type": ^"text"}`, `/$defs/A/type: "text" is not known here; use one of string, `},
	{"type is not text", `"A": {"type": ^null}`, "/$defs/A/type: must be text, not null"},
	{"three types", `"A": {"type": "object", "properties": {"p": {"type": ^["string", "integer", "null"]}}}`, `/$defs/A/properties/p/type: a list of types must be a pair of one type and "null"`},
	{"two types without null", `"A": {"type": "object", "properties": {"p": {"type": ^["string", "integer"]}}}`, "/$defs/A/properties/p/type: a list of types must be a pair"},
	{"unknown type in a pair", `"A": {"type": "object", "properties": {"p": {"type": [^"text", "null"]}}}`, `/$defs/A/properties/p/type/0: "text" is not known here`},
	{"unknown x-text", `"A": {"type": "object", "properties": {"p": {"type": "string", "x-text": ^"markdown"}}}`, `/$defs/A/properties/p/x-text: "markdown" is not known here; use one of html`},
	{"evidence without confidence", `"A": {"type": "string", "x-evidence": ^{"sources": [], "alive": "2026", "section": "1"}}`, `/$defs/A/x-evidence: "confidence" is missing`},
	{"evidence from no year", `"A": {"type": "string", "x-evidence": {"sources": [], "confidence": "low", "alive": ^"recently", "section": "1"}}`, `/$defs/A/x-evidence/alive: "recently" is not a year`},

	{"definition without a type", `"A": ^{"description": "d"}`, `/$defs/A: a definition needs a "type"`},
	{"definition of a number", `"A": ^{"type": "number"}`, `/$defs/A: a definition needs a "type"`},
	{"definition with a small name", `^"a": {"type": "string"}`, `/$defs/a: "a" becomes a Go type`},
	{"definition that may be null", `"A": {"type": ^["string", "null"]}`, "/$defs/A/type: a definition cannot be null"},
	{"definition with a format", `"A": {"type": "string", "format": ^"date-time"}`, `/$defs/A/format: a definition knows no format "date-time"`},
	{"integer id", `"A": {"type": "integer", ^"format": "id"}`, `/$defs/A/format: "format" does not go with a definition of kind integer`},
	{"scalar with properties", `"A": {"type": "string", ^"properties": {}}`, `/$defs/A/properties: "properties" does not go with a definition of kind text`},
	{"suffix without event", `"A": {"type": "object", ^"x-suffix": {"separator": "-", "field": "F", "type": "I"}}`, `/$defs/A/x-suffix: "x-suffix" does not go with a definition of kind object`},
	{"list without items", `"A": ^{"type": "array"}`, `/$defs/A: an array needs "items"`},
	{"generated name", `"Event": ^{"type": "string"}`, "/$defs/Event: the Go name Event is taken by the generated interface"},
	{"constant with the name of a type", `"A": {"type": "string", "x-values": [{"value": "b", "name": ^"B", "description": "d"}]}, "B": {"type": "string"}`, "/$defs/A/x-values/0/name: the Go name B is taken by the type B"},

	{"constant of another type", `"A": {"type": "integer", "x-values": [{"value": ^"1", "name": "One", "description": "d"}]}`, "/$defs/A/x-values/0/value: the value must be a number, as its type A is"},
	{"constant with a fraction", `"A": {"type": "integer", "x-values": [{"value": ^1.5, "name": "One", "description": "d"}]}`, "/$defs/A/x-values/0/value: the value must be an integer"},
	{"constant twice", `"A": {"type": "string", "x-values": [{"value": "a", "name": "One", "description": "d"}, {"value": ^"a", "name": "Two", "description": "d"}]}`, "/$defs/A/x-values/1/value: the value a stands here twice"},
	{"constant with a small name", `"A": {"type": "string", "x-values": [{"value": "a", "name": ^"one", "description": "d"}]}`, `/$defs/A/x-values/0/name: "one" cannot name a Go constant`},
	{"constant without a description", `"A": {"type": "string", "x-values": [^{"value": "a", "name": "One"}]}`, `/$defs/A/x-values/0: "description" is missing`},
	{"two constants of one name", `"A": {"type": "string", "x-values": [{"value": "a", "name": "One", "description": "d"}]}, "B": {"type": "string", "x-values": [{"value": "a", "name": ^"One", "description": "d"}]}`, "/$defs/B/x-values/0/name: the Go name One is taken by a constant of A"},

	{"reference to nothing", `"A": {"type": "object", "properties": {"p": {"$ref": ^"#/$defs/B"}}}`, "/$defs/A/properties/p/$ref: there is no B"},
	{"reference to another file", `"A": {"type": "object", "properties": {"p": {"$ref": ^"other.json#/$defs/B"}}}`, `/$defs/A/properties/p/$ref: "other.json#/$defs/B" leads out of $defs`},
	{"reference in a list", `"A": {"type": "array", "items": {"$ref": ^"#/$defs/B"}}`, "/$defs/A/items/$ref: there is no B"},
	{"reference and type", `"A": {"type": "object", "properties": {"p": ^{"$ref": "#/$defs/A", "type": "object"}}}`, `/$defs/A/properties/p: "$ref" and "type" do not go together`},
	{"inline object", `"A": {"type": "object", "properties": {"p": {"type": ^"object"}}}`, `/$defs/A/properties/p/type: "object" cannot stand here; define the type in $defs`},
	{"event in an event that has a name", `"A": {"type": "object", "properties": {"p": {"type": "object", "x-event": ^"a"}}}`, `/$defs/A/properties/p/x-event: "a" is not known here; use one of *`},
	{"x-event of a string", `"A": {"type": "array", "items": {"type": "string", ^"x-event": "*"}}`, `/$defs/A/items/x-event: "x-event" goes with the type object only`},
	{"inline list without items", `"A": {"type": "object", "properties": {"p": ^{"type": "array"}}}`, `/$defs/A/properties/p: an array needs "items"`},
	{"unknown format of a string", `"A": {"type": "object", "properties": {"p": {"type": "string", "format": ^"uri"}}}`, `/$defs/A/properties/p/format: the type string knows no format "uri"`},
	{"unknown format of an integer", `"A": {"type": "object", "properties": {"p": {"type": "integer", "format": ^"int64"}}}`, `/$defs/A/properties/p/format: the type integer knows no format "int64"`},
	{"format of a boolean", `"A": {"type": "object", "properties": {"p": {"type": "boolean", ^"format": "date-time"}}}`, `/$defs/A/properties/p/format: "format" goes with the type string or integer only`},
	{"x-text of an integer", `"A": {"type": "object", "properties": {"p": {"type": "integer", ^"x-text": "html"}}}`, `/$defs/A/properties/p/x-text: "x-text" goes with the type string only`},
	{"x-text of a time", `"A": {"type": "object", "properties": {"p": {"type": "string", "format": "date-time", ^"x-text": "html"}}}`, "/$defs/A/properties/p/x-text: a string has a format or x-text, not both"},
	{"items of a string", `"A": {"type": "object", "properties": {"p": {"type": "string", ^"items": {}}}}`, `/$defs/A/properties/p/items: "items" goes with the type array only`},
	{"pointer to a list", `"A": {"type": "object", "properties": {"p": {"type": "array", "items": {}, "x-pointer": ^true}}}`, "/$defs/A/properties/p/x-pointer: a list, an event or a value without a type is nil when it is missing"},
	{"pointer to an event", `"A": {"type": "object", "properties": {"p": {"type": "object", "x-event": "*", "x-pointer": ^true}}}`, "/$defs/A/properties/p/x-pointer: a list, an event or a value without a type is nil"},
	{"choice of two texts", `"A": {"type": "object", "properties": {"p": {"oneOf": ^[{"type": "string"}, {"type": "integer"}]}}}`, "/$defs/A/properties/p/oneOf: a choice is one type or null, or an id and the object with that id"},
	{"choice of nothing", `"A": {"type": "object", "properties": {"p": {"oneOf": ^[{"type": "null"}]}}}`, "/$defs/A/properties/p/oneOf: a choice is one type or null"},
	{"bare id without x-id", `"A": {"type": "object", "properties": {"p": ^{"oneOf": [{"$ref": "#/$defs/I"}, {"$ref": "#/$defs/B"}]}}}, "B": {"type": "object"}, "I": {"type": "string", "format": "id"}`, "/$defs/A/properties/p: B does not say which property a bare id fills"},
	{"bare id of another type", `"A": {"type": "object", "properties": {"p": ^{"oneOf": [{"$ref": "#/$defs/I"}, {"$ref": "#/$defs/B"}]}}}, "B": {"type": "object", "x-id": "id", "properties": {"id": {"$ref": "#/$defs/J"}}}, "I": {"type": "string", "format": "id"}, "J": {"type": "string", "format": "id"}`, "/$defs/A/properties/p: the bare id of B is J, not I"},

	{"x-id of a missing property", `"A": {"type": "object", "x-id": ^"_id"}`, `/$defs/A/x-id: there is no property "_id"`},
	{"x-id of a number", `"A": {"type": "object", "x-id": ^"_id", "properties": {"_id": {"type": "integer"}}}`, `/$defs/A/x-id: the property "_id" cannot hold a bare id`},
	{"required but missing", `"A": {"type": "object", "required": [^"p"]}`, `/$defs/A/required/0: "p" is required but no property`},
	{"required twice", `"A": {"type": "object", "required": ["p", ^"p"], "properties": {"p": {}}}`, `/$defs/A/required/1: "p" stands here twice`},
	{"name with a comma", `"A": {"type": "object", "properties": {^"a,b": {}}}`, `/$defs/A/properties/a,b: the name "a,b" does not fit into a Go struct tag`},
	{"no Go name", `"A": {"type": "object", "properties": {^"_": {}}}`, `/$defs/A/properties/_: no Go name can be made of "_"`},
	{"Go name that is none", `"A": {"type": "object", "properties": {"p": {"x-go-name": ^"my name"}}}`, `/$defs/A/properties/p/x-go-name: "my name" cannot name a Go field`},
	{"two fields of one name", `"A": {"type": "object", "properties": {"id": {}, ^"_id": {}}}`, `/$defs/A/properties/_id: the Go name ID is taken by the property "id"`},
	{"field of a reserved name", `"A": {"type": "object", "properties": {^"extra": {}}}`, "/$defs/A/properties/extra: the Go name Extra is taken by what every such type has"},
	{"alias of another property", `"A": {"type": "object", "properties": {"id": {}, "_id": {"x-go-name": "Other", "x-aliases": [^"id"]}}}`, `/$defs/A/properties/_id/x-aliases/0: "id" is another property or alias already`},
	{"alias twice", `"A": {"type": "object", "properties": {"a": {"x-aliases": ["c"]}, "b": {"x-aliases": [^"c"]}}}`, `/$defs/A/properties/b/x-aliases/0: "c" is an alias of "a" already`},
	{"struct in itself", `"A": {"type": "object", "properties": {"b": {"$ref": "#/$defs/B"}}}, "B": {"type": "object", "properties": {^"a": {"$ref": "#/$defs/A"}}}`, "/$defs/B/properties/a: A would contain itself here"},

	{"event without a name", `"A": {"type": "object", "x-event": ^""}`, `/$defs/A/x-event: "" cannot name an event`},
	{"event with a type", `"A": {"type": "object", "x-event": "a", "properties": {^"type": {"type": "string"}}}`, `/$defs/A/properties/type: every event has the member "type"`},
	{"event with a field Raw", `"A": {"type": "object", "x-event": "a", "properties": {^"raw": {}}}`, "/$defs/A/properties/raw: the Go name Raw is taken by what every such type has"},
	{"two events of one name", `"A": {"type": "object", "x-event": "a"}, "B": {"type": "object", "x-event": ^"a"}`, `/$defs/B/x-event: "a" is the name of A already`},
	{"two suffix rules of one prefix", `"I": {"type": "string", "format": "id"}, "A": {"type": "object", "x-event": "a", "x-suffix": {"separator": "--", "field": "F", "type": "I"}}, "B": {"type": "object", "x-event": ^"a-", "x-suffix": {"separator": "-", "field": "F", "type": "I"}}`, `/$defs/B/x-event: names that begin with "a--" belong to A already`},
	{"suffix of no id", `"A": {"type": "object", "x-event": "a", "x-suffix": {"separator": "-", "field": "F", "type": ^"A"}}`, `/$defs/A/x-suffix/type: "A" is not an id in $defs`},
	{"suffix without a separator", `"I": {"type": "string", "format": "id"}, "A": {"type": "object", "x-event": "a", "x-suffix": {"separator": ^"", "field": "F", "type": "I"}}`, "/$defs/A/x-suffix/separator: the separator cannot be empty"},
	{"suffix in a small field", `"I": {"type": "string", "format": "id"}, "A": {"type": "object", "x-event": "a", "x-suffix": {"separator": "-", "field": ^"f", "type": "I"}}`, `/$defs/A/x-suffix/field: "f" cannot name a Go field`},
	{"suffix in a taken field", `"I": {"type": "string", "format": "id"}, "A": {"type": "object", "x-event": "a", "x-suffix": {"separator": "-", "field": ^"Name", "type": "I"}}`, "/$defs/A/x-suffix/field: the Go name Name is taken by what every such type has"},
	{"suffix and property", `"I": {"type": "string", "format": "id"}, "A": {"type": "object", "x-event": "a", "x-suffix": {"separator": "-", "field": "F", "type": "I"}, "properties": {^"f": {}}}`, "/$defs/A/properties/f: the Go name F is taken by x-suffix"},
}

func TestMistakes(t *testing.T) {
	for _, tt := range mistakes {
		t.Run(tt.name, func(t *testing.T) {
			schema := tt.schema
			if strings.HasPrefix(schema, `"`) || strings.HasPrefix(schema, `^"`) {
				schema = "{\n  \"$defs\": {\n    " + schema + "\n  }\n}\n"
			}
			before, after, marked := strings.Cut(schema, "^")
			if !marked {
				t.Fatal("the schema has no mark")
			}
			line := strings.Count(before, "\n") + 1
			col := len(before) - strings.LastIndexByte(before, '\n')

			files, err := generate("x.json", []byte(before+after), "p")
			if err == nil {
				t.Fatalf("no error, but %d files", len(files))
			}
			if want := fmt.Sprintf("x.json:%d:%d: %s", line, col, tt.want); !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got  %v\nwant %s…", err, want)
			}
		})
	}
}

// All mistakes are reported at once, in the order of the file.
func TestMistakesAreCollected(t *testing.T) {
	const schema = `{
  "$defs": {
    "A": {"type": "object", "x-id": "nosuch", "required": ["nosuch"],
      "properties": {
        "a": {"$ref": "#/$defs/Nosuch"},
        "b": {"type": "string", "format": "nosuch"}
      }}
  }
}`
	const want = `x.json:3:37: /$defs/A/x-id: there is no property "nosuch"; x-id names the property that a bare id fills
x.json:3:60: /$defs/A/required/0: "nosuch" is required but no property; add it to properties or remove it here
x.json:5:23: /$defs/A/properties/a/$ref: there is no Nosuch; define it in $defs or correct the name
x.json:6:43: /$defs/A/properties/b/format: the type string knows no format "nosuch"; see the table in api/README.md`
	_, err := generate("x.json", []byte(schema), "p")
	if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
