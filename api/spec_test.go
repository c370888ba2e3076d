package api_test

import (
	_ "embed"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/ogen-go/ogen"
)

//go:embed openapi.yaml
var document []byte

// rows are all operations that anybody has ever seen, in the order of docs/PROTOCOL.md 2.1 to 2.12.
var rows = []string{
	// 2.1 session and account
	"POST /auth/login",
	"POST /auth/dubtrack",
	"GET /auth/login",
	"GET /auth/session",
	"GET /auth/token",
	"GET /auth/logout",
	"POST /auth/signup",
	"POST /auth/reset",
	"POST /auth/change-password",
	"GET /auth/facebook",
	"GET /auth/twitter",
	// 2.2 users
	"GET /user/{idOrUsername}",
	"POST /user/updateUsername",
	"GET /user/query/availabilty",
	// 2.3 rooms
	"GET /room",
	"GET /room/term/{term}",
	"GET /room/{roomId}",
	"POST /room",
	"PUT /room/{roomId}",
	"GET /room/{roomId}/audit",
	"POST /room/{roomId}/modsettings",
	"PUT /room/{roomId}/lockQueue",
	// 2.4 members of a room
	"POST /room/{roomId}/users",
	"GET /room/{roomId}/users",
	"DELETE /room/{roomId}/users",
	"GET /room/beacon/{roomId}/{userId}",
	"GET /room/{roomId}/users/{userId}",
	"GET /room/{roomId}/users/staff",
	"GET /room/{roomId}/users/ban",
	"GET /room/{roomId}/users/mute",
	// 2.5 queue and playback of a room
	"GET /room/{roomId}/playlist",
	"GET /room/{roomId}/playlist/details",
	"GET /room/{roomId}/playlist/waitlist",
	"GET /room/{roomId}/playlist/active",
	"GET /room/{roomId}/playlist/active/dubs",
	"POST /room/{roomId}/playlist/active/dubs",
	"POST /room/{roomId}/playlist/{playId}/dubs",
	"GET /room/{roomId}/playlist/history",
	"POST /room/{roomId}/queue/order",
	"DELETE /room/{roomId}/queue/user/{userId}",
	"DELETE /room/{roomId}/queue/user/{userId}/all",
	"PUT /room/{roomId}/queue/user/{userId}/pause",
	// 2.6 one's own queue
	"POST /room/{roomId}/playlist",
	"DELETE /room/{roomId}/playlist/{queueItemId}",
	"DELETE /room/{roomId}/playlist",
	"POST /room/{roomId}/queueplaylist/{playlistId}",
	"PUT /room/{roomId}/queue/pause",
	"GET /user/session/room/{roomId}/queue",
	"POST /user/session/room/{roomId}/queue/order",
	// 2.7 playlists
	"GET /playlist",
	"POST /playlist",
	"PUT /playlist/{playlistId}",
	"DELETE /playlist/{playlistId}",
	"GET /playlist/{playlistId}",
	"GET /playlist/{playlistId}/songs",
	"POST /playlist/{playlistId}/songs",
	"DELETE /playlist/{playlistId}/songs/{playlistSongId}",
	"POST /playlist/{playlistId}/order",
	"POST /playlist/{playlistId}/order/randomize",
	"GET /playlist/soundcloud",
	"POST /playlist/import/youtube",
	"POST /playlist/import/soundcloud",
	// 2.8 songs
	"GET /song",
	"GET /song/{songId}",
	"GET /song/{songId}/redirect",
	"GET /song/{songId}/image/large",
	// 2.9 chat and moderation
	"GET /chat/{roomId}",
	"POST /chat/{roomId}",
	"DELETE /chat/{roomId}/{chatId}",
	"POST /chat/skip/{roomId}/{playId}",
	"POST /chat/kick/{roomId}/user/{userId}",
	"POST /chat/ban/{roomId}/user/{userId}",
	"DELETE /chat/ban/{roomId}/user/{userId}",
	"POST /chat/mute/{roomId}/user/{userId}",
	"DELETE /chat/mute/{roomId}/user/{userId}",
	// 2.10 roles
	"POST /chat/{roleId}/{roomId}/user/{userId}",
	"DELETE /chat/{roleId}/{roomId}/user/{userId}",
	"GET /permissions",
	"GET /room/{roomId}/roles",
	"GET /room/{roomId}/permissions/me",
	"POST /room/{roomId}/roles",
	"PUT /room/{roomId}/roles/{roleId}",
	"DELETE /room/{roomId}/roles/{roleId}",
	"PUT /room/{roomId}/roles/order",
	"PUT /room/{roomId}/users/{userId}/roles/{roleId}",
	"DELETE /room/{roomId}/users/{userId}/roles/{roleId}",
	// 2.11 private messages
	"GET /message",
	"GET /message/new",
	"POST /message",
	"GET /message/{conversationId}",
	"POST /message/{conversationId}",
	"POST /message/{conversationId}/read",
	// 2.12 search, followers, comments, images
	"GET /search",
	"GET /user/{userId}/following",
	"GET /user/{userId}/follows",
	"POST /user/{userId}/following",
	"DELETE /user/{userId}/following",
	"GET /song/{songId}/comments",
	"POST /song/{songId}/comments",
	"DELETE /song/{songId}/comments/{commentId}",
	"POST /comments/{commentId}/dubs",
	"POST /comments/{commentId}/flag",
	"GET /user/{userId}/image",
	"GET /user/{userId}/image/large",
	"POST /user/image",
	"POST /user/imagegif",
	"GET /room/{roomId}/image",
	"GET /room/{roomId}/image/thumbnail",
	"GET /room/{roomId}/image/thumbnail-small",
	"POST /room/{roomId}/image",
	"/dubs",
}

// left are the rows that are no operations of the specification, and why.
var left = map[string]string{
	"GET /auth/login":            "where an expired session is redirected to; nobody calls it",
	"GET /auth/facebook":         "for browsers",
	"GET /auth/twitter":          "for browsers",
	"GET /playlist/{playlistId}": "does not exist at QueUp",
	"/dubs":                      "a name without a method, never called",
}

func TestEveryRowIsAnOperation(t *testing.T) {
	var want, got []string
	for _, row := range rows {
		if left[row] == "" {
			want = append(want, row)
		}
	}
	for _, o := range operations(t) {
		got = append(got, o.row)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the operations differ (-rows +openapi.yaml):\n%s", diff)
	}
	for row := range left {
		if !slices.Contains(rows, row) {
			t.Errorf("%s is left out but no row", row)
		}
	}
	if len(slices.Compact(want)) != 106 {
		t.Errorf("%d rows, want 106: one got lost", len(want))
	}
}

// An evidence is what docs/PROTOCOL.md and the specification both say about where an operation is known from.
type evidence struct {
	Sources    []string `yaml:"sources"`
	Confidence string   `yaml:"confidence"`
	Section    string   `yaml:"section"`
	alive      string
}

// documented reads the tables of docs/PROTOCOL.md 2.1 to 2.12.
func documented(t *testing.T) map[string]evidence {
	t.Helper()
	text, err := os.ReadFile("../docs/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	heading := regexp.MustCompile(`^### (2\.\d+) `)
	operation := regexp.MustCompile("^\\| `((?:[A-Z]+ )?/[^`]*)` \\|.*\\| ([^|]+); (\\w+); (\\w+) \\|$")
	remark := regexp.MustCompile(` \([^)]*\)`)
	found := map[string]evidence{}
	section := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if m := heading.FindStringSubmatch(line); m != nil {
			section = m[1]
		}
		if m := operation.FindStringSubmatch(line); m != nil && section != "" {
			found[m[1]] = evidence{strings.Split(remark.ReplaceAllString(m[2], ""), ", "), m[3], section, m[4]}
		}
	}
	return found
}

func TestEvidence(t *testing.T) {
	docs := documented(t)
	for _, row := range rows {
		if _, ok := docs[row]; !ok {
			t.Errorf("docs/PROTOCOL.md has no row for %s", row)
		}
	}
	for row := range docs {
		if !slices.Contains(rows, row) {
			t.Errorf("docs/PROTOCOL.md has a row for %s, which is not among the rows of this test", row)
		}
	}
	for _, o := range operations(t) {
		t.Run(o.OperationID, func(t *testing.T) {
			var got evidence
			node, ok := o.Common.Extensions["x-evidence"]
			if !ok {
				t.Fatal("there is no x-evidence")
			}
			if err := node.Decode(&got); err != nil {
				t.Fatal(err)
			}
			node, ok = o.Common.Extensions["x-alive"]
			if !ok {
				t.Fatal("there is no x-alive")
			}
			if err := node.Decode(&got.alive); err != nil {
				t.Fatal(err)
			}
			if _, err := time.Parse("2006", got.alive); err != nil && got.alive != "dubtrack" {
				t.Errorf("x-alive is %q, want a year or dubtrack", got.alive)
			}
			if diff := cmp.Diff(docs[o.row], got, cmp.AllowUnexported(evidence{})); diff != "" {
				t.Errorf("the evidence differs (-docs/PROTOCOL.md +openapi.yaml):\n%s", diff)
			}
		})
	}
}

func TestEveryOperationIsDescribed(t *testing.T) {
	spec := load(t)
	tags := map[string]bool{} // whether it is used
	for _, tag := range spec.Tags {
		tags[tag.Name] = false
	}
	seen := map[string]string{}
	for _, o := range operations(t) {
		t.Run(o.row, func(t *testing.T) {
			if !regexp.MustCompile(`^[a-z]+([A-Z][A-Za-z]*)?$`).MatchString(o.OperationID) {
				t.Errorf("operationId %q", o.OperationID)
			}
			if by := seen[o.OperationID]; by != "" {
				t.Errorf("%s has the operationId %q, too", by, o.OperationID)
			}
			seen[o.OperationID] = o.row
			if o.Summary == "" || strings.HasSuffix(o.Summary, ".") {
				t.Errorf("summary %q, want a line without a full stop", o.Summary)
			}
			if d := strings.TrimSpace(o.Description); len(d) <= len(o.Summary) || !strings.HasSuffix(d, ".") {
				t.Errorf("description %q, want sentences that say more than the summary", d)
			}
			if len(o.Tags) != 1 {
				t.Errorf("tags %q, want one", o.Tags)
			}
			for _, tag := range o.Tags {
				if _, ok := tags[tag]; !ok {
					t.Errorf("the tag %q is not declared", tag)
				}
				tags[tag] = true
			}
			for _, p := range o.parameters {
				if p.Description == "" || len(p.Example) == 0 {
					t.Errorf("the parameter %s has the description %q and the example %s", p.Name, p.Description, p.Example)
				}
			}
			if o.RequestBody != nil {
				if len(o.RequestBody.Content) == 0 {
					t.Error("the request has no content")
				}
				for contentType, media := range o.RequestBody.Content {
					if len(media.Example) == 0 {
						t.Errorf("the request has no example as %s", contentType)
					}
				}
			}
			if o.Responses["default"] == nil || o.Responses["default"].Ref != "#/components/responses/Error" {
				t.Error("the default response is not Error")
			}
			if o.redirects == (o.Responses["200"] != nil) || len(o.Responses) != 2 {
				t.Errorf("%d responses, want default and either 200 or 302", len(o.Responses))
			}
			if o.example == "" {
				t.Error("the answer has no example")
			}
		})
	}
	for tag, used := range tags {
		if !used {
			t.Errorf("no operation has the tag %q", tag)
		}
	}
}

// An unexpected value must not fail a call, so schemas are as wide as they can be.
func TestSchemasAreNotConstrained(t *testing.T) {
	constraint := regexp.MustCompile(`(enum|const|pattern|minimum|maximum|min[A-Z]\w+|max(Items|Length|Properties)|multipleOf|uniqueItems):`)
	inSchemas := string(document[strings.Index(string(document), "\ncomponents:"):])
	for line := range strings.Lines(inSchemas) {
		if m := constraint.FindString(line); m != "" {
			t.Errorf("%s in %s", m, line)
		}
	}
}

func load(t *testing.T) *ogen.Spec {
	t.Helper()
	spec, err := ogen.Parse(document)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// An operation is one of openapi.yaml, with its references resolved.
type operation struct {
	*ogen.Operation
	row, method, path string
	parameters        []*ogen.Parameter
	redirects         bool   // the good answer is a redirect
	example           string // of the good answer: JSON, or the address of the redirect
}

// operations lists all operations, sorted by path and method.
func operations(t *testing.T) (list []operation) {
	t.Helper()
	spec := load(t)
	for path, item := range spec.Paths {
		for method, op := range map[string]*ogen.Operation{
			"DELETE": item.Delete, "GET": item.Get, "HEAD": item.Head, "OPTIONS": item.Options, "PATCH": item.Patch, "POST": item.Post, "PUT": item.Put, "TRACE": item.Trace,
		} {
			if op == nil {
				continue
			}
			o := operation{Operation: op, row: method + " " + path, method: method, path: path}
			for _, p := range slices.Concat(item.Parameters, op.Parameters) {
				if name, ok := strings.CutPrefix(p.Ref, "#/components/parameters/"); ok {
					p = spec.Components.Parameters[name]
				}
				if p == nil {
					t.Fatalf("%s: a parameter refers to nothing", o.row)
				}
				o.parameters = append(o.parameters, p)
			}
			if r := op.Responses["302"]; r != nil {
				o.redirects = true
				if location := resolve(t, spec, r).Headers["Location"]; location != nil && len(location.Example) > 0 {
					o.example = unquote(t, location.Example)
				}
			} else if r := op.Responses["200"]; r != nil {
				o.example = string(resolve(t, spec, r).Content["application/json"].Example)
			}
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(a, b operation) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	return list
}

func resolve(t *testing.T, spec *ogen.Spec, r *ogen.Response) *ogen.Response {
	t.Helper()
	if name, ok := strings.CutPrefix(r.Ref, "#/components/responses/"); ok {
		r = spec.Components.Responses[name]
	}
	if r == nil {
		t.Fatal("a response refers to nothing")
	}
	return r
}

// String names the operation in messages.
func (o operation) String() string { return fmt.Sprintf("%s (%s)", o.OperationID, o.row) }
