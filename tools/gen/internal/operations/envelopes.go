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

// ogen takes an envelope for a type that others have written. It loads a struct that embeds Envelope, but neither an
// alias nor Envelope[Room] itself.
var envelopesFile = template.Must(template.New("envelopes").Parse(`package {{.Package}}

import (
	"errors"
	"fmt"

	"github.com/go-faster/jx"

	"github.com/queup-go/queup/internal/lenient"
)

// An Envelope surrounds the data of a REST answer. Without data it does not decode; code and message may be missing. T
// is a type of this package, which also decodes itself.
type Envelope[T interface{ Encode(e *jx.Encoder) }] struct {
	Code    Code
	Message StatusText
	Data    T
}

var errNoData = errors.New("invalid: data (field required)")

// Decode reads an envelope with its data.
func (x *Envelope[T]) Decode(d *jx.Decoder) error {
	*x = Envelope[T]{}
	found := false
	err := d.ObjBytes(func(d *jx.Decoder, key []byte) (err error) {
		switch string(key) {
		case "code":
			err = x.Code.Decode(d)
		case "message":
			err = x.Message.Decode(d)
		case "data":
			found = true
			err = any(&x.Data).(interface{ Decode(d *jx.Decoder) error }).Decode(d)
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

// Encode writes the envelope.
func (x Envelope[T]) Encode(e *jx.Encoder) {
	o := lenient.EncodeObject(e, nil)
	o.Int("code", int64(x.Code), lenient.Optional)
	o.String("message", string(x.Message), lenient.Optional)
	o.Field("data", false, lenient.Required)
	x.Data.Encode(e)
	o.End()
}

// UnmarshalJSON is Decode for encoding/json.
func (x *Envelope[T]) UnmarshalJSON(data []byte) error { return x.Decode(jx.DecodeBytes(data)) }

// MarshalJSON is Encode for encoding/json.
func (x Envelope[T]) MarshalJSON() ([]byte, error) { return lenient.Marshal(x.Encode) }
{{range .Envelopes}}
// {{.Description}}
type {{.Name}} struct{ Envelope[{{.Data}}] }
{{end}}`))
