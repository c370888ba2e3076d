package operations

import (
	"bytes"
	"strings"
	"testing"

	"github.com/ogen-go/ogen"

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

func TestRoutes_mostParticularPathFirst(t *testing.T) {
	code, err := routesCode(parse(t, document), "openapi.yaml", "api")
	if err != nil {
		t.Fatal(err)
	}
	skip, remove := bytes.Index(code, []byte(`"/chat/skip/*", OperationInfo{"skip", false, false}`)), bytes.Index(code, []byte(`"/chat/*/*", OperationInfo{"deleteChat", false, false}`))
	if skip < 0 || remove < 0 || skip > remove {
		t.Errorf("skip at %d, deleteChat at %d in\n%s", skip, remove, code)
	}
	again, err := routesCode(parse(t, document), "openapi.yaml", "api")
	if err != nil || !bytes.Equal(code, again) {
		t.Errorf("a second run differs (%v)", err)
	}
}

func TestRoutes_refusesNamelessOperations(t *testing.T) {
	_, err := routesCode(parse(t, strings.Replace(document, "operationId: rooms, ", "", 1)), "openapi.yaml", "api")
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

func TestRoutes_redirects(t *testing.T) {
	code, err := routesCode(parse(t, document), "openapi.yaml", "api")
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
