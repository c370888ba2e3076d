package operations

import (
	"bytes"
	"testing"
)

const withRequests = `
openapi: 3.1.0
info: {title: t, version: "1"}
paths:
  /room/{roomId}/order:
    post:
      operationId: reorder
      parameters:
        - {$ref: "#/components/parameters/Page"}
      requestBody:
        content:
          application/x-www-form-urlencoded:
            schema: {$ref: "#/components/schemas/Order"}
          application/json:
            schema: {type: object, properties: {public: {type: boolean}}}
      responses: {"200": {description: ok}}
  /room:
    get: {operationId: rooms, responses: {"200": {description: ok}}}
components:
  parameters:
    Page: {name: page, in: query, schema: {type: integer}}
  schemas:
    Order:
      type: object
      required: ["order[]"]
      properties:
        "order[]": {type: array, items: {type: string}}
        lock: {type: string, x-ogen-type: github.com/queup-go/queup/gen/wire.Switch}
        name: {type: string}
`

func TestRequests(t *testing.T) {
	code, err := requestsCode(parse(t, withRequests), "openapi.yaml", "server")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`{"order[]", MemberList, true}`, `{"lock", MemberSwitch, false}`, `{"name", MemberText, false}`,
		`{"public", MemberBoolean, false}`, `{"page", MemberInteger, false}`,
	} {
		if !bytes.Contains(code, []byte(want)) {
			t.Errorf("no %s in\n%s", want, code)
		}
	}
	if bytes.Contains(code, []byte(`"rooms"`)) {
		t.Error("an operation that takes nothing is in the table")
	}
}
