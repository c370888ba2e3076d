package operations

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/queup-go/queup/gen/wire"
)

const withEnvelopes = `
openapi: 3.1.0
info: {title: t, version: "1"}
paths:
  /room:
    get:
      operationId: room
      responses:
        default: {description: failed}
        "200": {description: ok, content: {application/json: {schema: {$ref: "#/components/schemas/RoomEnvelope"}}}}
  /done:
    post:
      operationId: act
      responses:
        "200": {description: ok, content: {application/json: {schema: {$ref: "#/components/schemas/DoneEnvelope"}}}}
components:
  schemas:
    Envelope: {type: object, properties: {code: {type: integer}}}
    DoneEnvelope:
      allOf:
        - {$ref: "#/components/schemas/Envelope"}
        - {type: object, properties: {data: {}}}
    RoomEnvelope:
      description: RoomEnvelope carries a room.
      allOf:
        - {$ref: "#/components/schemas/Envelope"}
        - {type: object, required: [data], properties: {data: {x-ogen-type: github.com/queup-go/queup/gen/wire.Room}}}
`

func TestEnvelopes(t *testing.T) {
	code, err := envelopesCode(envelopesOf(parse(t, withEnvelopes)), "openapi.yaml", "wire")
	if err != nil {
		t.Fatal(err)
	}
	if want := "// RoomEnvelope carries a room. Without data it does not decode.\ntype RoomEnvelope struct {\n\tEnvelope\n\tData Room\n}\n"; !strings.Contains(string(code), want) {
		t.Errorf("it does not have\n%s\nbut is\n%s", want, code)
	}
	if bytes.Contains(code, []byte("DoneEnvelope")) {
		t.Error("an envelope without a type of data is among those of gen/wire")
	}
}

// An envelope is read however QueUp writes it, as long as there is data. It is written in QueUp's own form.
func TestEnvelope(t *testing.T) {
	tests := map[string]struct{ text, written, err string }{
		"complete":              {text: `{"code":200,"message":"OK","data":{"action":17,"token":"t"}}`, written: `{"code":200,"message":"OK","data":{"action":17,"token":"t"}}`},
		"only data":             {text: `{"data":{"token":"t"}}`, written: `{"data":{"token":"t"}}`},
		"another order":         {text: `{"data":{"token":"t"},"code":"404","message":null,"more":[1]}`, written: `{"code":404,"data":{"token":"t"}}`},
		"null as data":          {text: `{"code":200,"data":null}`, written: `{"code":200,"data":{"token":""}}`},
		"values of other types": {text: `{"code":{},"message":[],"data":7}`, written: `{"data":{"token":""}}`},
		"no data":               {text: `{"code":200}`, err: `invalid: data (field required)`},
		"a list":                {text: `[]`, err: `decode envelope: "{" expected: unexpected byte 91 '[' at 0`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var envelope wire.TokenEnvelope
			err := json.Unmarshal([]byte(tt.text), &envelope)
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("err = %v, want %s", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			written, err := json.Marshal(envelope)
			if err != nil || string(written) != tt.written {
				t.Errorf("%v, written as %s, want %s", err, written, tt.written)
			}
		})
	}
}
