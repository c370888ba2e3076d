package events

import (
	"fmt"
	"slices"
)

// The functions below return Go code for a value: its type, the calls that decode and encode it, and when it is zero.

// goType returns the Go type of a value.
func goType(t *valueType) string {
	switch t.kind {
	case textValue, htmlValue:
		return "string"
	case isoTimeValue, epochTimeValue:
		return "time.Time"
	case intValue:
		return "int64"
	case millisecondsValue, secondsValue, minutesValue:
		return "time.Duration"
	case floatValue:
		return "float64"
	case boolValue:
		return "bool"
	case listValue:
		return "[]" + goType(t.item)
	case refValue, idOrObjectValue:
		return t.def.name
	case eventValue:
		return "Event"
	default:
		return "json.RawMessage"
	}
}

func fieldType(f *field) string {
	if f.pointer {
		return "*" + goType(f.typ)
	}
	return goType(f.typ)
}

// decodeField returns the call that decodes a field of d.
func decodeField(d *definition, f *field) string {
	at := "&x." + f.name
	switch {
	case f.pointer:
		return fmt.Sprintf("lenient.Pointer(%s, d, %s)", at, decodeFunc(f.typ))
	case f.typ.kind == listValue:
		return fmt.Sprintf("%s(%s, d, %s)", listFunc(f.typ.item), at, decodeFunc(f.typ.item))
	case remembered(d, f):
		return fmt.Sprintf("%s.Learn(%s, d, %s)", memory(f.typ.def), at, decodeFunc(f.typ))
	case f.typ.def != nil && (f.typ.def.isStruct() || f.typ.def.kind == listDef):
		return fmt.Sprintf("x.%s.decode(d)", f.name)
	default:
		return fmt.Sprintf("%s(%s, d)", decodeFunc(f.typ), at)
	}
}

// remembered reports whether the value of a field of d is recognised when another event carries the same.
func remembered(d *definition, f *field) bool {
	return d.kind == eventDef && !f.pointer && f.typ.def != nil && f.typ.def.recurs
}

// recallFunc returns the function that takes remembered values of the fields of d.
func recallFunc(d *definition) string {
	if slices.ContainsFunc(d.fields, func(f *field) bool { return remembered(d, f) }) {
		return "(*" + d.name + ").recall"
	}
	return "nil"
}

// memory returns the name of the variable with the remembered values of d.
func memory(d *definition) string { return "recent" + d.name }

// listFunc returns the function that decodes a list of such entries.
func listFunc(item *valueType) string {
	if item.def != nil && item.def.bareID != nil {
		return "lenient.Objects"
	}
	return "lenient.List"
}

// decodeFunc returns the function that decodes a value.
func decodeFunc(t *valueType) string {
	switch t.kind {
	case isoTimeValue, epochTimeValue:
		return "lenient.Time"
	case listValue:
		return fmt.Sprintf("func(v *%s, d *lenient.Decoder) (jx.Raw, error) { return %s(v, d, %s) }", goType(t), listFunc(t.item), decodeFunc(t.item))
	case refValue, idOrObjectValue:
		switch t.def.kind {
		case idDef:
			return "lenient.ID"
		case textDef:
			return "lenient.String"
		case integerDef:
			return "lenient.Int"
		default:
			return "(*" + t.def.name + ").decode"
		}
	case eventValue:
		return "decodeEvent"
	default:
		return "lenient." + string(t.kind)
	}
}

// encodeFunc returns the function that writes a value.
func encodeFunc(t *valueType) string {
	switch t.kind {
	case listValue:
		return fmt.Sprintf("func(v %s, e *jx.Encoder) { lenient.EncodeList(v, e, %s) }", goType(t), encodeFunc(t.item))
	case refValue:
		return t.def.name + ".Encode"
	case idOrObjectValue: // an empty id would not be read as an entry
		return fmt.Sprintf(`func(v %s, e *jx.Encoder) {
			if v.IsZero() {
				v.Encode(e)
			} else {
				v.encodeShort(e)
			}
		}`, t.def.name)
	case eventValue:
		return "encodeEvent"
	default:
		return "lenient.Encode" + string(t.kind)
	}
}

// encodeMethod returns the method of lenient.ObjectEncoder that writes a field, and its argument; "" if there is none.
func encodeMethod(f *field) (method, arg string) {
	arg = "x." + f.name
	switch {
	case f.pointer || f.typ.kind == listValue || f.typ.kind == idOrObjectValue || f.typ.kind == eventValue:
		return "", ""
	case f.typ.kind != refValue:
		return string(f.typ.kind), arg
	}
	switch f.typ.def.kind {
	case idDef, textDef:
		return "String", "string(" + arg + ")"
	case integerDef:
		return "Int", "int64(" + arg + ")"
	default:
		return "", ""
	}
}

// isZero returns the condition that a field holds nothing.
func isZero(f *field) string {
	v := "x." + f.name
	if f.pointer {
		return v + " == nil"
	}
	switch f.typ.kind {
	case textValue, htmlValue:
		return v + ` == ""`
	case intValue, floatValue, millisecondsValue, secondsValue, minutesValue:
		return v + " == 0"
	case boolValue:
		return "!" + v
	case isoTimeValue, epochTimeValue:
		return v + ".IsZero()"
	case listValue, rawValue, eventValue:
		return v + " == nil"
	default:
		switch f.typ.def.kind {
		case idDef, textDef:
			return v + ` == ""`
		case integerDef:
			return v + " == 0"
		case listDef:
			return v + " == nil"
		default:
			return v + ".IsZero()"
		}
	}
}
