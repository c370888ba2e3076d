package events

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"
)

// A model is the Go package that the schema stands for.
type model struct {
	title, description string
	defs               []*definition // sorted by name
}

// The kinds of definitions.
type defKind string

const (
	idDef      defKind = "id"
	textDef    defKind = "text"
	integerDef defKind = "integer"
	objectDef  defKind = "object"
	listDef    defKind = "list"
	eventDef   defKind = "event"
)

// A definition is a named type.
type definition struct {
	name, doc  string
	kind       defKind
	evidence   string // a sentence for the documentation, "" if there is none
	deprecated bool

	values []constant // of an id or scalar
	item   *valueType // of a list

	fields  []*field // of an object or event
	bareID  *field   // the field that a bare id fills, nil if the object is never sent as its id
	shorten bool     // a field writes it as its bare id when it holds nothing else
	recurs  bool     // many events carry the same value of it

	event  string // the name of an event on the wire
	suffix *suffixRule

	schema *jsonschema.Schema
	node   *node
}

// isStruct reports whether the definition becomes a struct.
func (d *definition) isStruct() bool { return d.kind == objectDef || d.kind == eventDef }

// prefix returns the beginning that all names of an event with a suffix share.
func (d *definition) prefix() string { return d.event + d.suffix.separator }

// A constant is a known value of a scalar.
type constant struct {
	name, doc string
	value     any // string or json.Number
	place     place
}

// A suffixRule says what may follow the name of an event.
type suffixRule struct {
	separator, field string
	typ              *definition
}

// A field is a field of a struct and a member on the wire.
type field struct {
	name, wire, doc string
	typ             *valueType
	pointer         bool
	required        bool
	nullable        bool
	deprecated      bool
	aliases         []string
	place           place
}

// The kinds of values. Their text is the name that internal/lenient has for them.
type valueKind string

const (
	textValue         valueKind = "String"
	htmlValue         valueKind = "HTML"
	isoTimeValue      valueKind = "ISOTime"
	epochTimeValue    valueKind = "EpochTime"
	intValue          valueKind = "Int"
	millisecondsValue valueKind = "Milliseconds"
	secondsValue      valueKind = "Seconds"
	minutesValue      valueKind = "Minutes"
	floatValue        valueKind = "Float"
	boolValue         valueKind = "Bool"
	rawValue          valueKind = "Raw"
	eventValue        valueKind = "x-event" // any event, which its member "type" names
	refValue          valueKind = "$ref"
	idOrObjectValue   valueKind = "oneOf" // a $ref to an object that may be shortened to its id
	listValue         valueKind = "List"
)

// A valueType is the type of a field or of the items of a list.
type valueType struct {
	kind valueKind
	def  *definition // of a refValue or idOrObjectValue
	id   *definition // of an idOrObjectValue
	item *valueType  // of a listValue
}

// buildModel resolves the schema. The tree of nodes and the jsonschema.Schema are two views of the same file: the
// jsonschema.Schema has the standard keywords, the tree has the rest.
func buildModel(root *node, bad *problems) *model {
	doc, err := root.MarshalJSON()
	schema := new(jsonschema.Schema)
	if err == nil {
		err = json.Unmarshal(doc, schema)
	}
	if err != nil {
		bad.add(root.place, "not a JSON Schema: %v", err)
		return nil
	}
	b := &builder{bad: bad, defs: map[string]*definition{}}
	m := &model{title: schema.Title, description: schema.Description}

	// Names first, so that a definition may refer to a later one.
	for _, x := range root.get("$defs").entries() {
		d := &definition{name: x.key, schema: schema.Definitions[x.key], node: x.value}
		d.doc, d.deprecated, d.evidence = d.schema.Description, d.schema.Deprecated, evidenceText(x.value.get("x-evidence"))
		d.kind = b.kind(d, x.place)
		b.defs[d.name] = d
		m.defs = append(m.defs, d)
	}
	if len(m.defs) == 0 {
		bad.add(root.place, "there is nothing to generate; define types in $defs")
	}
	for _, d := range m.defs {
		b.constants(d)
		switch {
		case d.isStruct():
			b.object(d)
		case d.kind == listDef:
			d.item, _ = b.value(d.schema.Items, d.node.get("items"))
		}
	}
	for _, d := range m.defs {
		b.bareID(d)
		b.suffix(d)
		d.recurs = d.node.isTrue("x-recurs")
	}
	for _, d := range m.defs {
		b.shortForms(d)
	}
	b.names(m)
	b.eventNames(m)
	b.recursion(m)
	slices.SortFunc(m.defs, func(a, b *definition) int { return strings.Compare(a.name, b.name) })
	return m
}

// entries returns the members of an object, none if there is no object.
func (n *node) entries() []member {
	if n == nil {
		return nil
	}
	return n.members
}

// entry returns the member of that name with its place.
func (n *node) entry(key string) (m member) {
	for _, m := range n.entries() {
		if m.key == key {
			return m
		}
	}
	return m
}

type builder struct {
	bad  *problems
	defs map[string]*definition
}

// kind finds the kind of a definition and refuses keywords of the other kinds.
func (b *builder) kind(d *definition, at place) defKind {
	if !isExported(d.name) {
		b.bad.add(at, "%q becomes a Go type; name it like one: letters and digits, the first a capital", d.name)
	}
	if d.node.nullable {
		b.bad.add(d.node.get("type").place, "a definition cannot be null; say so where it is used")
	}
	var kind defKind
	var allowed []string
	switch d.schema.Type {
	case "string":
		kind, allowed = textDef, []string{"format", "x-values"}
		switch d.schema.Format {
		case "":
		case "id":
			kind = idDef
		default:
			b.bad.add(d.node.get("format").place, `a definition knows no format %q; use "id" or none`, d.schema.Format)
		}
	case "integer":
		kind, allowed = integerDef, []string{"x-values"}
	case "array":
		kind, allowed = listDef, []string{"items"}
		if d.schema.Items == nil {
			b.bad.add(d.node.place, `an array needs "items"`)
		}
	case "object":
		kind, allowed = objectDef, []string{"required", "properties", "x-id", "x-recurs"}
		if d.node.get("x-event") != nil {
			kind, allowed = eventDef, []string{"required", "properties", "x-event", "x-suffix"}
		}
	default:
		b.bad.add(d.node.place, `a definition needs a "type": string, integer, array or object`)
		return ""
	}
	for _, m := range d.node.members {
		switch m.key {
		case "format", "required", "properties", "items", "x-id", "x-event", "x-suffix", "x-values", "x-recurs":
			if !slices.Contains(allowed, m.key) {
				b.bad.add(m.place, "%q does not go with a definition of kind %s; remove it", m.key, kind)
			}
		}
	}
	return kind
}

// constants reads x-values.
func (b *builder) constants(d *definition) {
	n := d.node.get("x-values")
	if n == nil {
		return
	}
	seen := map[any]bool{}
	for _, x := range n.items {
		v := x.get("value")
		c := constant{x.str("name"), x.str("description"), v.value, x.get("name").place}
		if want := map[defKind]nodeKind{idDef: text, textDef: text, integerDef: number}[d.kind]; v.kind != want {
			b.bad.add(v.place, "the value must be %s, as its type %s is", want, d.name)
		} else if num, ok := v.value.(json.Number); ok && strings.ContainsAny(num.String(), ".eE") {
			b.bad.add(v.place, "the value must be an integer, as its type %s is", d.name)
		}
		if seen[v.value] {
			b.bad.add(v.place, "the value %v stands here twice; remove one of the two", v.value)
		}
		seen[v.value] = true
		d.values = append(d.values, c)
	}
}

// object reads the properties of an object or event.
func (b *builder) object(d *definition) {
	properties := d.node.get("properties")
	if d.schema.Properties != nil {
		for p := d.schema.Properties.Oldest(); p != nil; p = p.Next() {
			if f := b.field(d, p.Key, p.Value, properties.entry(p.Key)); f != nil {
				d.fields = append(d.fields, f)
			}
		}
	}
	seen := map[string]bool{}
	for _, n := range d.node.get("required").elements() {
		name, _ := n.value.(string)
		i := slices.IndexFunc(d.fields, func(f *field) bool { return f.wire == name })
		switch {
		case seen[name]:
			b.bad.add(n.place, "%q stands here twice; remove one of the two", name)
		case i >= 0:
			d.fields[i].required = true
		case properties.get(name) == nil:
			b.bad.add(n.place, "%q is required but no property; add it to properties or remove it here", name)
		}
		seen[name] = true
	}
	for _, f := range d.fields {
		for _, n := range properties.get(f.wire).get("x-aliases").elements() {
			alias, _ := n.value.(string)
			if seen := properties.get(alias) != nil; seen || slices.Contains(f.aliases, alias) {
				b.bad.add(n.place, "%q is another property or alias already; remove it here", alias)
			}
			f.aliases = append(f.aliases, alias)
			for _, g := range d.fields {
				if g != f && slices.Contains(g.aliases, alias) {
					b.bad.add(n.place, "%q is an alias of %q already; remove it here", alias, g.wire)
				}
			}
		}
	}
}

// elements returns the items of an array, none if there is no array.
func (n *node) elements() []*node {
	if n == nil {
		return nil
	}
	return n.items
}

// field reads one property.
func (b *builder) field(d *definition, name string, s *jsonschema.Schema, m member) *field {
	n := m.value
	if d.kind == eventDef && name == "type" {
		b.bad.add(m.place, `every event has the member "type"; remove it here`)
		return nil
	}
	if name == "" || strings.ContainsAny(name, "`\\\",") {
		b.bad.add(m.place, "the name %q does not fit into a Go struct tag", name)
		return nil
	}
	f := &field{
		name: n.str("x-go-name"), wire: name, doc: s.Description, deprecated: s.Deprecated,
		pointer: n.isTrue("x-pointer"), place: m.place,
	}
	if f.name == "" {
		f.name = goName(name)
		if !isExported(f.name) {
			b.bad.add(m.place, "no Go name can be made of %q; give one by x-go-name", name)
			return nil
		}
	} else if !isExported(f.name) {
		b.bad.add(n.get("x-go-name").place, "%q cannot name a Go field: letters and digits, the first a capital", f.name)
	}
	f.typ, f.nullable = b.value(s, n)
	if f.typ == nil {
		return nil
	}
	if f.pointer && (f.typ.kind == listValue || f.typ.kind == rawValue || f.typ.kind == eventValue || f.typ.def != nil && f.typ.def.kind == listDef) {
		b.bad.add(n.get("x-pointer").place, "a list, an event or a value without a type is nil when it is missing; remove x-pointer")
	}
	return f
}

// value finds the type of a property or of the items of a list.
func (b *builder) value(s *jsonschema.Schema, n *node) (t *valueType, nullable bool) {
	if s == nil || n == nil {
		return nil, false
	}
	if n.kind != object {
		return nil, false
	}
	exclusive := []string{}
	for _, key := range []string{"$ref", "oneOf", "type"} {
		if n.get(key) != nil {
			exclusive = append(exclusive, key)
		}
	}
	if len(exclusive) > 1 {
		b.bad.add(n.place, "%q and %q do not go together; keep one of the two", exclusive[0], exclusive[1])
		return nil, false
	}
	defer b.modifiers(s, n)
	switch {
	case s.Ref != "":
		d := b.ref(n.get("$ref"))
		if d == nil {
			return nil, false
		}
		return &valueType{kind: refValue, def: d}, false
	case n.get("oneOf") != nil:
		return b.oneOf(s, n)
	}
	t = &valueType{}
	switch s.Type {
	case "":
		t.kind, nullable = rawValue, true
	case "string":
		t.kind = b.format(s, n, map[string]valueKind{"": textValue, "date-time": isoTimeValue})
		if n.get("x-text") != nil {
			t.kind = htmlValue
		}
	case "integer":
		t.kind = b.format(s, n, map[string]valueKind{
			"": intValue, "epoch-ms": epochTimeValue,
			"duration-ms": millisecondsValue, "duration-s": secondsValue, "duration-min": minutesValue,
		})
	case "number":
		t.kind = floatValue
	case "boolean":
		t.kind = boolValue
	case "array":
		t.kind = listValue
		if s.Items == nil {
			b.bad.add(n.place, `an array needs "items"`)
			return nil, false
		}
		if t.item, _ = b.value(s.Items, n.get("items")); t.item == nil {
			return nil, false
		}
	case "object":
		t.kind = eventValue
		if n.get("x-event") == nil {
			b.bad.add(n.get("type").place, "%q cannot stand here; define the type in $defs and refer to it", s.Type)
			return nil, false
		}
	default:
		b.bad.add(n.get("type").place, "%q cannot stand here; define the type in $defs and refer to it", s.Type)
		return nil, false
	}
	return t, nullable || n.nullable
}

// format finds what the format of a type means.
func (b *builder) format(s *jsonschema.Schema, n *node, kinds map[string]valueKind) valueKind {
	kind, ok := kinds[s.Format]
	if !ok {
		b.bad.add(n.get("format").place, "the type %s knows no format %q; see the table in api/README.md", s.Type, s.Format)
	}
	return kind
}

// modifiers refuses keywords that do not go with the type of the property.
func (b *builder) modifiers(s *jsonschema.Schema, n *node) {
	for key, types := range map[string]string{"format": "string integer", "x-text": "string", "items": "array", "x-event": "object"} {
		if m := n.entry(key); m.value != nil && (s.Type == "" || !slices.Contains(strings.Fields(types), s.Type)) {
			b.bad.add(m.place, "%q goes with the type %s only; remove it", key, strings.ReplaceAll(types, " ", " or "))
		}
	}
	if n.get("x-text") != nil && n.get("format") != nil {
		b.bad.add(n.entry("x-text").place, "a string has a format or x-text, not both; remove one of the two")
	}
}

// ref finds the definition that a $ref names.
func (b *builder) ref(n *node) *definition {
	ref, _ := n.value.(string)
	name, ok := strings.CutPrefix(ref, "#/$defs/")
	if !ok {
		b.bad.add(n.place, "%q leads out of $defs; use #/$defs/Name", ref)
		return nil
	}
	d := b.defs[name]
	if d == nil {
		b.bad.add(n.place, "there is no %s; define it in $defs or correct the name", name)
	}
	return d
}

// oneOf reads a choice: a value or null, or an id or the object with that id.
func (b *builder) oneOf(s *jsonschema.Schema, n *node) (t *valueType, nullable bool) {
	nodes := n.get("oneOf").items
	var types []*valueType
	for i, alternative := range s.OneOf {
		if alternative.Type == "null" {
			nullable = true
			continue
		}
		t, null := b.value(alternative, nodes[i])
		if t == nil {
			return nil, false
		}
		nullable = nullable || null
		types = append(types, t)
	}
	if len(types) == 1 {
		return types[0], nullable
	}
	if len(types) == 2 {
		for _, pair := range [][2]*valueType{{types[0], types[1]}, {types[1], types[0]}} {
			id, obj := pair[0], pair[1]
			if id.kind == refValue && id.def.kind == idDef && obj.kind == refValue && obj.def.kind == objectDef {
				return &valueType{kind: idOrObjectValue, def: obj.def, id: id.def}, nullable
			}
		}
	}
	b.bad.add(n.get("oneOf").place, "a choice is one type or null, or an id and the object with that id, or these and null")
	return nil, false
}

// bareID resolves x-id.
func (b *builder) bareID(d *definition) {
	n := d.node.get("x-id")
	if n == nil || !d.isStruct() {
		return
	}
	name, _ := n.value.(string)
	for _, f := range d.fields {
		if f.wire != name {
			continue
		}
		isID := f.typ.kind == textValue || f.typ.kind == refValue && (f.typ.def.kind == idDef || f.typ.def.kind == textDef)
		if !isID || f.pointer {
			b.bad.add(n.place, "the property %q cannot hold a bare id; it must be an id or a string, without x-pointer", name)
		}
		d.bareID = f
		return
	}
	b.bad.add(n.place, "there is no property %q; x-id names the property that a bare id fills", name)
}

// suffix reads x-suffix.
func (b *builder) suffix(d *definition) {
	n := d.node.get("x-suffix")
	if n == nil || d.kind != eventDef {
		return
	}
	d.suffix = &suffixRule{separator: n.str("separator"), field: n.str("field"), typ: b.defs[n.str("type")]}
	if d.suffix.separator == "" {
		b.bad.add(n.get("separator").place, "the separator cannot be empty")
	}
	if !isExported(d.suffix.field) {
		b.bad.add(n.get("field").place, "%q cannot name a Go field: letters and digits, the first a capital", d.suffix.field)
	}
	if d.suffix.typ == nil || d.suffix.typ.kind != idDef {
		b.bad.add(n.get("type").place, "%q is not an id in $defs; what follows the name of an event is one", n.str("type"))
	}
}

// shortForms marks the objects that are written as bare ids somewhere, which takes an x-id of the right type.
func (b *builder) shortForms(d *definition) {
	var visit func(t *valueType, n *node)
	visit = func(t *valueType, n *node) {
		switch {
		case t == nil:
		case t.kind == listValue:
			visit(t.item, n.get("items"))
		case t.kind == idOrObjectValue:
			t.def.shorten = true
			switch bare := t.def.bareID; {
			case bare == nil && t.def.node.get("x-id") == nil:
				b.bad.add(n.place, "%s does not say which property a bare id fills; give it an x-id", t.def.name)
			case bare != nil && bare.typ.kind == refValue && bare.typ.def != t.id:
				b.bad.add(n.place, "the bare id of %s is %s, not %s; name that one", t.def.name, bare.typ.def.name, t.id.name)
			}
		}
	}
	for _, f := range d.fields {
		visit(f.typ, d.node.get("properties").get(f.wire))
	}
	visit(d.item, d.node.get("items"))
}

// names refuses two declarations with one Go name.
func (b *builder) names(m *model) {
	taken := map[string]string{
		"Event": "the generated interface", "UnknownEvent": "a generated type", "MalformedEventError": "a generated type",
		"DecodeEvent": "a generated function", "Definitions": "a generated function",
	}
	claim := func(at place, name, what string) {
		if by, ok := taken[name]; ok {
			b.bad.add(at, "the Go name %s is taken by %s; choose another", name, by)
			return
		}
		taken[name] = what
	}
	for _, d := range m.defs {
		claim(d.node.place, d.name, "the type "+d.name)
	}
	for _, d := range m.defs {
		for _, c := range d.values {
			if !isExported(c.name) {
				b.bad.add(c.place, "%q cannot name a Go constant: letters and digits, the first a capital", c.name)
			}
			claim(c.place, c.name, "a constant of "+d.name)
		}
		if !d.isStruct() {
			continue
		}
		fields := map[string]string{}
		methods := []string{"Extra", "Decode", "Encode", "IsZero", "MarshalJSON", "UnmarshalJSON"}
		if d.kind == eventDef {
			methods = append(methods, "Name", "Raw", "EventName", "RawJSON")
		}
		for _, name := range methods {
			fields[name] = "what every such type has"
		}
		if d.suffix != nil {
			if by, ok := fields[d.suffix.field]; ok {
				b.bad.add(d.node.get("x-suffix").get("field").place, "the Go name %s is taken by %s; choose another", d.suffix.field, by)
			}
			fields[d.suffix.field] = "x-suffix"
		}
		for _, f := range d.fields {
			if by, ok := fields[f.name]; ok {
				b.bad.add(f.place, "the Go name %s is taken by %s; choose another by x-go-name", f.name, by)
			}
			fields[f.name] = fmt.Sprintf("the property %q", f.wire)
		}
	}
}

// eventNames refuses two events with one name on the wire.
func (b *builder) eventNames(m *model) {
	exact, prefixes := map[string]string{}, map[string]string{}
	for _, d := range m.defs {
		if d.kind != eventDef {
			continue
		}
		n := d.node.get("x-event")
		if d.event, _ = n.value.(string); d.event == "" || d.event == "*" {
			b.bad.add(n.place, "%q cannot name an event", d.event)
			continue
		}
		if by := exact[d.event]; by != "" {
			b.bad.add(n.place, "%q is the name of %s already; choose one of the two", d.event, by)
		}
		exact[d.event] = d.name
		if d.suffix != nil {
			prefix := d.event + d.suffix.separator
			if by := prefixes[prefix]; by != "" {
				b.bad.add(n.place, "names that begin with %q belong to %s already; choose another separator", prefix, by)
			}
			prefixes[prefix] = d.name
		}
	}
}

// recursion refuses a struct that would contain itself.
func (b *builder) recursion(m *model) {
	const unseen, visiting, done = 0, 1, 2
	state := map[*definition]int{}
	var visit func(d *definition)
	visit = func(d *definition) {
		state[d] = visiting
		for _, f := range d.fields {
			next := f.typ.def
			if f.pointer || next == nil || !next.isStruct() {
				continue
			}
			switch state[next] {
			case visiting:
				b.bad.add(f.place, "%s would contain itself here; break the circle by x-pointer", next.name)
			case unseen:
				visit(next)
			}
		}
		state[d] = done
	}
	for _, d := range m.defs {
		if state[d] == unseen {
			visit(d)
		}
	}
}

// evidenceText turns x-evidence into a sentence.
func evidenceText(n *node) string {
	if n == nil {
		return ""
	}
	seen := "not seen since Dubtrack"
	if alive := n.str("alive"); alive != "dubtrack" {
		seen = "seen on QueUp in " + alive
	}
	return fmt.Sprintf("Evidence: %s (%s), %s; docs/PROTOCOL.md %s.",
		strings.Join(n.strs("sources"), ", "), n.str("confidence"), seen, n.str("section"))
}
