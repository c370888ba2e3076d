package operations

import (
	"cmp"
	"slices"
	"text/template"

	"github.com/ogen-go/ogen"

	"github.com/queup-go/queup/tools/gen/internal/output"
)

// An envelope is a schema whose member data is a value of gen/wire.
type envelope struct {
	Name, Data  string // Go types
	Description string
}

// envelopesOf lists the envelopes of a document by name.
func envelopesOf(spec *ogen.Spec) (list []envelope) {
	for name, schema := range spec.Components.Schemas {
		if data := dataType(spec, schema); data != "" {
			list = append(list, envelope{name, data, schema.Description})
		}
	}
	slices.SortFunc(list, func(a, b envelope) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// envelopesCode returns the Go file with the envelopes.
func envelopesCode(envelopes []envelope, source, packageName string) ([]byte, error) {
	return output.Execute(source, envelopesFile, map[string]any{"Package": packageName, "Envelopes": envelopes})
}

// Each envelope is a type of its own and none is generic: every package that imports a client would compile the methods of
// a generic type again.
var envelopesFile = template.Must(template.New("envelopes").Parse(`package {{.Package}}

import (
	"errors"
	"fmt"

	"github.com/go-faster/jx"

	"github.com/queup-go/queup/internal/lenient"
)

// An Envelope is what each REST answer has beside its data. Both fields may be missing.
type Envelope struct {
	Code    Code
	Message StatusText
}

var errNoData = errors.New("invalid: data (field required)")

// decode reads an envelope with its data. Without data it fails.
func (x *Envelope) decode(d *jx.Decoder, data interface{ Decode(d *jx.Decoder) error }) error {
	found := false
	err := d.ObjBytes(func(d *jx.Decoder, key []byte) (err error) {
		switch string(key) {
		case "code":
			err = x.Code.Decode(d)
		case "message":
			err = x.Message.Decode(d)
		case "data":
			found = true
			err = data.Decode(d)
		default:
			return d.Skip()
		}
		if err != nil {
			return fmt.Errorf("decode field %q: %w", key, err)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("decode envelope: %w", err)
	}
	if !found {
		return errNoData
	}
	return nil
}

// encode writes an envelope with its data.
func (x *Envelope) encode(e *jx.Encoder, data interface{ Encode(e *jx.Encoder) }) {
	o := lenient.EncodeObject(e, nil)
	o.Int("code", int64(x.Code), lenient.Optional)
	o.String("message", string(x.Message), lenient.Optional)
	o.Field("data", false, lenient.Required)
	data.Encode(e)
	o.End()
}
{{range .Envelopes}}
// {{.Description}} Without data it does not decode.
type {{.Name}} struct {
	Envelope
	Data {{.Data}}
}

// Decode reads the envelope.
func (x *{{.Name}}) Decode(d *jx.Decoder) error {
	*x = {{.Name}}{}
	return x.decode(d, &x.Data)
}

// Encode writes the envelope.
func (x {{.Name}}) Encode(e *jx.Encoder) { x.encode(e, &x.Data) }

// UnmarshalJSON is Decode for encoding/json.
func (x *{{.Name}}) UnmarshalJSON(data []byte) error { return x.Decode(jx.DecodeBytes(data)) }

// MarshalJSON is Encode for encoding/json.
func (x {{.Name}}) MarshalJSON() ([]byte, error) { return lenient.Marshal(x.Encode) }
{{end}}`))
