package events

import (
	"fmt"
	"strconv"
	"strings"
)

// scalars writes ids, named texts and named integers.
func (e *emitter) scalars() {
	for _, d := range e.of(idDef, textDef, integerDef) {
		basic, encode, decode := "string", "e.Str(string(x))", "String"
		if d.kind == idDef {
			decode = "ID"
		}
		if d.kind == integerDef {
			basic, encode, decode = "int64", "e.Int64(int64(x))", "Int"
		}
		e.doc(d)
		e.p("type %s %s\n", d.name, basic)
		e.constants(d)
		e.p(`// Decode reads x from whatever fits; see the package documentation.
func (x *%[1]s) Decode(d *jx.Decoder) error { return lenient.Decode(x, d, lenient.%[2]s) }

// Encode writes x.
func (x %[1]s) Encode(e *jx.Encoder) { %[3]s }
`, d.name, decode, encode)
		if d.kind != integerDef {
			e.p(`// String returns x as it is on the wire.
func (x %s) String() string { return string(x) }
`, d.name)
		}
	}
}

func (e *emitter) constants(d *definition) {
	if len(d.values) == 0 {
		return
	}
	e.p("// Known values of %s. Others may come.", d.name)
	e.p("const (")
	for _, c := range d.values {
		e.comment(c.doc)
		if s, ok := c.value.(string); ok {
			e.p("%s %s = %q", c.name, d.name, s)
		} else {
			e.p("%s %s = %v", c.name, d.name, c.value)
		}
	}
	e.p(")\n")
}

// entities writes objects and lists.
func (e *emitter) entities() {
	for _, d := range e.of(objectDef, listDef) {
		e.doc(d)
		if d.kind == listDef {
			e.list(d)
			continue
		}
		e.p("type %s struct {", d.name)
		e.fields(d)
		e.p("}\n")

		decode := fmt.Sprintf("Object(d, x, &x.Extra, (*%s).member)", d.name)
		if d.bareID != nil {
			decode = fmt.Sprintf("ObjectOrID(d, &x.%s, x, &x.Extra, (*%s).member)", d.bareID.name, d.name)
		}
		e.p(`func (x *%[1]s) decode(d *lenient.Decoder) (jx.Raw, error) {
	*x = %[1]s{}
	return lenient.%[2]s
}
`, d.name, decode)
		if d.recurs {
			e.p("// %[1]s holds the values of %[2]s in recent events.\nvar %[1]s lenient.Memory[%[2]s]\n", memory(d), d.name)
		}
		e.structMethods(d)
	}
}

// list writes a named slice type.
func (e *emitter) list(d *definition) {
	e.p(`type %[1]s []%[2]s

func (x *%[1]s) decode(d *lenient.Decoder) (jx.Raw, error) { return %[5]s(x, d, %[3]s) }

// Encode writes x; nil is an empty list.
func (x %[1]s) Encode(e *jx.Encoder) { lenient.EncodeList(x, e, %[4]s) }
`, d.name, goType(d.item), decodeFunc(d.item), encodeFunc(d.item), listFunc(d.item))
	e.codec(d)
}

// events writes the event structs.
func (e *emitter) events() {
	for _, d := range e.of(eventDef) {
		e.doc(d)
		e.p("type %s struct {", d.name)
		e.eventFields(d)
		e.fields(d)
		e.p("}\n")

		e.p(`// EventName returns the name of the event on the wire.
func (x *%s) EventName() string {`, d.name)
		if s := d.suffix; s != nil {
			e.p(`if x.Name == "" && x.%[1]s != "" {
				return %[2]q + string(x.%[1]s)
			}`, s.field, d.prefix())
		}
		e.p(`return cmp.Or(x.Name, %[2]q)
}

// RawJSON returns x.Raw.
func (x *%[1]s) RawJSON() json.RawMessage { return x.Raw }

func (x *%[1]s) receive(d *lenient.Decoder, name string, data []byte) error {
	*x = %[1]s{}
	err := lenient.Members(d, data, x, &x.Extra, (*%[1]s).member, %[3]s)
	x.Name, x.Raw = cmp.Or(name, x.Name), data`, d.name, d.event, recallFunc(d))
		if s := d.suffix; s != nil {
			e.p(`if id, ok := strings.CutPrefix(x.Name, %q); ok {
				x.%s = %s(id)
			}`, d.prefix(), s.field, s.typ.name)
		}
		e.p(`return err
}

func (x *%[1]s) decode(d *lenient.Decoder) (jx.Raw, error) {
	*x = %[1]s{}
	return lenient.Event(d, func(d *lenient.Decoder, data []byte) error { return x.receive(d, "", data) })
}
`, d.name)
		e.recall(d)
		e.structMethods(d)
	}
}

// recall writes the method of an event that takes remembered values of its fields.
func (e *emitter) recall(d *definition) {
	if recallFunc(d) == "nil" {
		return
	}
	e.p(`func (x *%s) recall(key, rest []byte) int {
	switch string(key) {`, d.name)
	for _, f := range d.fields {
		if remembered(d, f) {
			e.p(`case %q:
		return %s.Recall(&x.%s, rest)`, f.wire, memory(f.typ.def), f.name)
		}
	}
	e.p(`}
	return 0
}
`)
}

// eventFields writes the fields that only events have.
func (e *emitter) eventFields(d *definition) {
	names := strconv.Quote(d.event)
	if d.suffix != nil {
		names += fmt.Sprintf(", or %q and an id", d.prefix())
	}
	e.p("// Name is the name that the event came with: %s.", names)
	e.p("Name string `json:\"-\"`")
	e.p("// Raw is the event as it came, nil if it was not received.")
	e.p("Raw json.RawMessage `json:\"-\"`")
	if s := d.suffix; s != nil {
		e.p("// %s is the id in the name, if there is one.", s.field)
		e.p("%s %s `json:\"-\"`", s.field, s.typ.name)
	}
}

// fields writes the fields that objects and events have in common.
func (e *emitter) fields(d *definition) {
	for _, f := range d.fields {
		e.comment(f.doc, deprecation(f.deprecated))
		tag := f.wire
		if !f.required {
			tag += ",omitzero"
		}
		e.p("%s %s `json:%q`", f.name, fieldType(f), tag)
	}
	e.p("")
	e.p("// Extra keeps members that no field can hold, as they came.")
	e.p("Extra map[string]json.RawMessage `json:\"-\"`")
}

// structMethods writes the methods that objects and events have in common.
func (e *emitter) structMethods(d *definition) {
	e.p(`func (x *%s) member(key []byte, d *lenient.Decoder) (jx.Raw, error) {
	switch string(key) {`, d.name)
	if d.kind == eventDef {
		e.p(`case "type":
		return nil, lenient.Drop(lenient.String(&x.Name, d))`)
	}
	for _, f := range d.fields {
		e.p(`case %q:
		return %s`, f.wire, decodeField(d, f))
		for _, alias := range f.aliases {
			e.p(`case %q: // another name of %s
			if %s {
				delete(x.Extra, %q)
				return %s
			}`, alias, f.wire, isZero(f), f.wire, decodeField(d, f))
		}
	}
	e.p(`}
	return d.Raw()
}

// Encode writes x in QueUp's own form.
func (x %s) Encode(e *jx.Encoder) {
	o := lenient.EncodeObject(e, x.Extra)`, d.name)
	if d.kind == eventDef {
		e.p("o.Type(x.EventName())")
	}
	for _, f := range d.fields {
		e.encodeField(f)
	}
	e.p(`o.End()
}
`)
	if d.shorten {
		e.p(`// encodeShort writes x as its bare id if it holds nothing else.
func (x %[1]s) encodeShort(e *jx.Encoder) {
	rest := x
	if rest.%[2]s = ""; rest.IsZero() {
		e.Str(string(x.%[2]s))
	} else {
		x.Encode(e)
	}
}
`, d.name, d.bareID.name)
	}
	e.p(`// IsZero reports whether x holds nothing.
func (x %s) IsZero() bool {
	return %s
}
`, d.name, joinTerms(zeroTerms(d), 100))
	e.codec(d)
}

// encodeField writes the statement that encodes a field.
func (e *emitter) encodeField(f *field) {
	presence := "lenient.Optional"
	if f.required {
		presence = "lenient.Required"
		if f.nullable || f.pointer {
			presence = "lenient.Nullable"
		}
	}
	v := "x." + f.name
	if method, arg := encodeMethod(f); method != "" {
		e.p("o.%s(%q, %s, %s)", method, f.wire, arg, presence)
		return
	}
	e.p("if o.Field(%q, %s, %s) {", f.wire, isZero(f), presence)
	switch f.typ.kind {
	case listValue:
		e.p("lenient.EncodeList(%s, e, %s)", v, encodeFunc(f.typ.item))
	case refValue, eventValue:
		e.p("%s.Encode(e)", v)
	case idOrObjectValue:
		e.p("%s.encodeShort(e)", v)
	default:
		e.p("%s(*%s, e)", encodeFunc(f.typ), v)
	}
	e.p("}")
}

// zeroTerms returns the conditions under which a struct is zero.
func zeroTerms(d *definition) (terms []string) {
	if d.kind == eventDef {
		terms = append(terms, `x.Name == ""`, "x.Raw == nil")
	}
	if d.suffix != nil {
		terms = append(terms, "x."+d.suffix.field+` == ""`)
	}
	for _, f := range d.fields {
		terms = append(terms, isZero(f))
	}
	return append(terms, "len(x.Extra) == 0")
}

// joinTerms joins terms by && in lines of about that width.
func joinTerms(terms []string, width int) string {
	var b strings.Builder
	line := len("\treturn ")
	for i, term := range terms {
		if i > 0 {
			b.WriteString(" &&")
			if line+len(term)+len(" && ") > width {
				b.WriteString("\n")
				line = len("\t\t")
			} else {
				b.WriteString(" ")
				line += len(" && ")
			}
		}
		b.WriteString(term)
		line += len(term)
	}
	return b.String()
}

// codec writes the exported methods that decode and encode.
func (e *emitter) codec(d *definition) {
	e.p(`// Decode reads x, which becomes zero if there is null or nothing that fits.
func (x *%[1]s) Decode(d *jx.Decoder) error { return lenient.Decode(x, d, (*%[1]s).decode) }

// MarshalJSON is Encode for encoding/json.
func (x %[1]s) MarshalJSON() ([]byte, error) { return lenient.Marshal(x.Encode) }

// UnmarshalJSON is Decode for encoding/json.
func (x *%[1]s) UnmarshalJSON(data []byte) error {
	return lenient.Unmarshal(data, func(d *lenient.Decoder) error { return lenient.Drop(x.decode(d)) })
}
`, d.name)
}
