package operations

import (
	"bytes"
	"strings"
	"testing"

	"github.com/ogen-go/ogen"
	"gopkg.in/yaml.v3"

	"github.com/queup-go/queup/gen/queupapi"
)

const document = `
openapi: 3.1.0
info: {title: t, version: "1"}
paths:
  /chat/{roomId}/{chatId}:
    delete: {operationId: deleteChat, responses: {"200": {description: ok}}}
  /chat/skip/{playId}:
    delete: {operationId: skip, responses: {"200": {description: ok}}}
  /room:
    get: {operationId: rooms, responses: {"200": {description: ok}}}
  /song/{songId}/redirect:
    get: {operationId: songLink, responses: {"302": {description: elsewhere}}}
`

func parse(t *testing.T, document string) *ogen.Spec {
	t.Helper()
	spec, err := ogen.Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func TestGenerate_mostParticularPathFirst(t *testing.T) {
	code, err := generate(parse(t, document), "api")
	if err != nil {
		t.Fatal(err)
	}
	skip, remove := bytes.Index(code, []byte(`"/chat/skip/*", OperationInfo{"skip", false, false}`)), bytes.Index(code, []byte(`"/chat/*/*", OperationInfo{"deleteChat", false, false}`))
	if skip < 0 || remove < 0 || skip > remove {
		t.Errorf("skip at %d, deleteChat at %d in\n%s", skip, remove, code)
	}
	again, err := generate(parse(t, document), "api")
	if err != nil || !bytes.Equal(code, again) {
		t.Errorf("a second run differs (%v)", err)
	}
}

func TestGenerate_refusesNamelessOperations(t *testing.T) {
	_, err := generate(parse(t, strings.Replace(document, "operationId: rooms, ", "", 1)), "api")
	if err == nil || !strings.Contains(err.Error(), "GET /room has no operationId") {
		t.Errorf("err = %v", err)
	}
}

func TestFindOperation_knowsWhichAnswersHoldData(t *testing.T) {
	for path, want := range map[string]bool{"/room/night-room": true, "/auth/token": true, "/auth/logout": false} {
		if got, ok := queupapi.FindOperation("GET", path); !ok || got.Data != want {
			t.Errorf("FindOperation(GET %s) = %+v, want data: %v", path, got, want)
		}
	}
}

func TestFindOperation(t *testing.T) {
	tests := []struct{ method, path, want string }{
		{"POST", "/auth/login", "login"},
		{"GET", "/room/night-room", "room"},
		{"POST", "/room/65a1f0c2d4e8b90012ab34cd/users", "joinRoom"},
		{"DELETE", "/room/65a1f0c2d4e8b90012ab34cd/users", "leaveRoom"},
		{"GET", "/room/a%2Fb", "room"},
		{"GET", "/room/a/playlist/active", "activeSong"},
		{"GET", "/room/a/playlist/active/dubs", "activeDubs"},
		{"GET", "/room/a/users/staff", "roomStaff"},
		{"GET", "/room/a/users/b", "roomUser"},
		{"GET", "/room/beacon/a/b", "leaveRoomBeacon"},
		{"GET", "/room/term/users", "searchRooms"},
		{"GET", "/room/term/audit", "searchRooms"},
		{"PUT", "/room/a/roles/order", "reorderRoles"},
		{"PUT", "/room/a/roles/b", "updateRole"},
		{"POST", "/chat/ban/a/user/b", "ban"},
		{"POST", "/chat/b/a/user/c", "setRole"},
		{"POST", "/chat/skip/a/b", "skip"},
		{"DELETE", "/chat/a/b", "deleteChat"},
		{"GET", "/user/query/availabilty", "usernameAvailability"},
		{"GET", "/user/session/room/a/queue", "ownQueue"},
		{"GET", "/message/new", "unreadCount"},
		{"GET", "/message/a", "conversationMessages"},
		{"PUT", "/auth/login", ""},
		{"GET", "/room/", ""},
		{"GET", "/", ""},
		{"GET", "", ""},
		{"GET", "/nowhere", ""},
	}
	for _, tt := range tests {
		if got, ok := queupapi.FindOperation(tt.method, tt.path); got.ID != tt.want || ok != (tt.want != "") {
			t.Errorf("FindOperation(%s %s) = %+v, %v, want %q", tt.method, tt.path, got, ok, tt.want)
		}
	}
}

func TestGenerate_redirects(t *testing.T) {
	code, err := generate(parse(t, document), "api")
	if err != nil || !bytes.Contains(code, []byte(`OperationInfo{"songLink", false, true}`)) || !bytes.Contains(code, []byte(`OperationInfo{"rooms", false, false}`)) {
		t.Errorf("%v, in\n%s", err, code)
	}
}

func TestFindOperation_knowsWhichAnswersAreRedirects(t *testing.T) {
	for path, want := range map[string]bool{"/song/a/redirect": true, "/user/a/image": true, "/song/a": false} {
		if got, ok := queupapi.FindOperation("GET", path); !ok || got.Redirect != want {
			t.Errorf("FindOperation(GET %s) = %+v, want redirect: %v", path, got, want)
		}
	}
}

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

func TestGenerateRequests(t *testing.T) {
	code, err := generateRequests(parse(t, withRequests), "server")
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

func TestGenerateEnvelopes(t *testing.T) {
	code, err := generateEnvelopes(parse(t, withEnvelopes), "wire")
	if err != nil {
		t.Fatal(err)
	}
	if want := "// RoomEnvelope carries a room.\ntype RoomEnvelope struct{ Envelope[Room] }\n"; !strings.HasSuffix(string(code), want) {
		t.Errorf("it does not end with\n%s\nbut is\n%s", want, code)
	}
	if bytes.Contains(code, []byte("DoneEnvelope")) {
		t.Error("an envelope without a type of data is among those of gen/wire")
	}
}

// ogen gets the Go type wherever an answer has an envelope of gen/wire, and is given the rest as it is.
func TestForOgen(t *testing.T) {
	spec := prepared(t, func(*yaml.Node) {})
	room, act := spec.Paths["/room"].Get.Responses, spec.Paths["/done"].Post.Responses
	schema := room["200"].Content["application/json"].Schema
	if got := schema.Common.Extensions["x-ogen-type"].Value; schema.Ref != "" || got != "github.com/queup-go/queup/gen/wire.RoomEnvelope" {
		t.Errorf("the answer of room is a %q, or refers to %q", got, schema.Ref)
	}
	if ref := act["200"].Content["application/json"].Schema.Ref; ref != "#/components/schemas/DoneEnvelope" {
		t.Errorf("the answer of act refers to %q", ref)
	}
	if room["default"] == nil {
		t.Error("the default response of room is lost")
	}
}

func TestDropDefaults(t *testing.T) {
	spec := prepared(t, dropDefaults)
	for path, responses := range map[string]ogen.Responses{"/room": spec.Paths["/room"].Get.Responses, "/done": spec.Paths["/done"].Post.Responses} {
		if responses["default"] != nil || responses["200"] == nil || len(responses) != 1 {
			t.Errorf("%s has the responses %v", path, responses)
		}
	}
}

// prepared returns withEnvelopes as ogen reads it, after a last change.
func prepared(t *testing.T, change func(*yaml.Node)) *ogen.Spec {
	t.Helper()
	document, err := forOgen([]byte(withEnvelopes), envelopesOf(parse(t, withEnvelopes)))
	if err != nil {
		t.Fatal(err)
	}
	change(document)
	text, err := yaml.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(text))
}

func TestReplaceImports(t *testing.T) {
	files := map[string][]byte{"a.go": []byte("package a\n\nimport (\n\t\"io\"\n\t\"github.com/ogen-go/ogen/ogenerrors\"\n\t\"github.com/ogen-go/ogen/uri\"\n)\n"), "b.go": []byte("package a\n")}
	if err := replaceImports(files); err != nil {
		t.Fatal(err)
	}
	want := "package a\n\nimport (\n\t\"github.com/ogen-go/ogen/uri\"\n\t\"github.com/queup-go/queup/internal/ogenerrors\"\n\t\"io\"\n)\n"
	if string(files["a.go"]) != want || string(files["b.go"]) != "package a\n" {
		t.Errorf("%s", files)
	}
	if err := replaceImports(map[string][]byte{"b.go": []byte("package a\n")}); err == nil || !strings.Contains(err.Error(), "ogen/ogenerrors") {
		t.Errorf("without the import: err = %v", err)
	}
}
