package api_test

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/ogen-go/ogen"

	"github.com/queup-go/queup/internal/testkit/source"
)

//go:embed openapi.yaml
var document []byte

// left are the rows of docs/PROTOCOL.md 2.1 to 2.12 that are not operations of the specification, and why.
var left = map[string]string{
	"GET /auth/login":            "where an expired session is redirected to; nobody calls it",
	"GET /auth/facebook":         "for browsers",
	"GET /auth/twitter":          "for browsers",
	"GET /playlist/{playlistId}": "does not exist at QueUp",
	"/dubs":                      "a name without a method, never called",
}

// Every row of docs/PROTOCOL.md is an operation of the specification, except for those in left, and every operation has a row.
func TestSpec_everyRowIsAnOperation(t *testing.T) {
	docs, list := documented(t), operations(t)
	at := source.Line(t, "api/spec_test.go", "var left"+" = ")
	for row, doc := range docs {
		switch known := slices.ContainsFunc(list, func(o operation) bool { return o.row == row }); {
		case !known && left[row] == "":
			t.Errorf("%s: %s is not an operation of api/openapi.yaml. Add it there, or add the row with the reason to left in %s", doc.at, row, at)
		case known && left[row] != "":
			t.Errorf("%s: remove %s from left, because it is an operation now", at, row)
		}
	}
	for _, o := range list {
		if _, ok := docs[o.row]; !ok {
			t.Errorf("%s: %s has no row in docs/PROTOCOL.md; make generate names the line for it", o.at, o)
		}
	}
	for row := range left {
		if _, ok := docs[row]; !ok {
			t.Errorf("%s: docs/PROTOCOL.md has no row for %s; remove it from left", at, row)
		}
	}
}

// An evidence is what docs/PROTOCOL.md and the specification both say about where an operation is known from.
type evidence struct {
	Sources    []string `yaml:"sources"`
	Confidence string   `yaml:"confidence"`
	Section    string   `yaml:"section"`
	alive      string
	at         string // the line of docs/PROTOCOL.md
}

// documented reads the tables of docs/PROTOCOL.md 2.1 to 2.12.
func documented(t *testing.T) map[string]evidence {
	t.Helper()
	heading := regexp.MustCompile(`^### (2\.\d+) `)
	operation := regexp.MustCompile("^\\| `((?:[A-Z]+ )?/[^`]*)` \\|.*\\| ([^|]+); (\\w+); (\\w+) \\|$")
	remark := regexp.MustCompile(` \([^)]*\)`)
	found := map[string]evidence{}
	section := ""
	for i, line := range strings.Split(source.Read(t, "docs/PROTOCOL.md"), "\n") {
		if m := heading.FindStringSubmatch(line); m != nil {
			section = m[1]
		}
		if m := operation.FindStringSubmatch(line); m != nil && section != "" {
			found[m[1]] = evidence{strings.Split(remark.ReplaceAllString(m[2], ""), ", "), m[3], section, m[4], fmt.Sprintf("docs/PROTOCOL.md:%d", i+1)}
		}
	}
	return found
}

func TestSpec_evidenceIsThatOfTheRow(t *testing.T) {
	docs := documented(t)
	for _, o := range operations(t) {
		t.Run(o.OperationID, func(t *testing.T) {
			var got evidence
			node, ok := o.Common.Extensions["x-evidence"]
			if !ok {
				t.Fatalf("%s: there is no x-evidence", o.at)
			}
			if err := node.Decode(&got); err != nil {
				t.Fatal(err)
			}
			node, ok = o.Common.Extensions["x-alive"]
			if !ok {
				t.Fatalf("%s: there is no x-alive", o.at)
			}
			if err := node.Decode(&got.alive); err != nil {
				t.Fatal(err)
			}
			if _, err := time.Parse("2006", got.alive); err != nil && got.alive != "dubtrack" {
				t.Errorf("%s: x-alive is %q, want a year or dubtrack", o.at, got.alive)
			}
			got.at = docs[o.row].at
			if diff := cmp.Diff(docs[o.row], got, cmp.AllowUnexported(evidence{})); diff != "" {
				t.Errorf("%s: the evidence differs from %s; correct it and run make generate (-docs/PROTOCOL.md +api/openapi.yaml):\n%s", o.at, got.at, diff)
			}
		})
	}
}

func TestSpec_everyOperationIsDescribed(t *testing.T) {
	spec := load(t)
	tags := map[string]bool{} // whether it is used
	for _, tag := range spec.Tags {
		tags[tag.Name] = false
	}
	seen := map[string]string{}
	for _, o := range operations(t) {
		t.Run(o.row, func(t *testing.T) {
			if !regexp.MustCompile(`^[a-z]+([A-Z][A-Za-z]*)?$`).MatchString(o.OperationID) {
				t.Errorf("%s: operationId %q, want a word, then words with a capital", o.at, o.OperationID)
			}
			if by := seen[o.OperationID]; by != "" {
				t.Errorf("%s: %s has the operationId %q, too", o.at, by, o.OperationID)
			}
			seen[o.OperationID] = o.row
			if o.Summary == "" || strings.HasSuffix(o.Summary, ".") {
				t.Errorf("%s: summary %q, want a line without a full stop", o.at, o.Summary)
			}
			if d := strings.TrimSpace(o.Description); len(d) <= len(o.Summary) || !strings.HasSuffix(d, ".") {
				t.Errorf("%s: description %q, want sentences that say more than the summary", o.at, d)
			}
			if len(o.Tags) != 1 {
				t.Errorf("%s: tags %q, want one", o.at, o.Tags)
			}
			for _, tag := range o.Tags {
				if _, ok := tags[tag]; !ok {
					t.Errorf("%s: the tag %q is not declared under tags", o.at, tag)
				}
				tags[tag] = true
			}
			for _, p := range o.parameters {
				if p.Description == "" || len(p.Example) == 0 {
					t.Errorf("%s: the parameter %s has the description %q and the example %s", o.at, p.Name, p.Description, p.Example)
				}
			}
			if o.RequestBody != nil {
				if len(o.RequestBody.Content) == 0 {
					t.Errorf("%s: the request has no content", o.at)
				}
				for contentType, media := range o.RequestBody.Content {
					if len(media.Example) == 0 {
						t.Errorf("%s: the request has no example as %s", o.at, contentType)
					}
				}
			}
			if o.Responses["default"] == nil || o.Responses["default"].Ref != "#/components/responses/Error" {
				t.Errorf("%s: the default response is not Error", o.at)
			}
			if o.redirects == (o.Responses["200"] != nil) || len(o.Responses) != 2 {
				t.Errorf("%s: %d responses, want default and either 200 or 302", o.at, len(o.Responses))
			}
			if o.example == "" {
				t.Errorf("%s: the answer has no example", o.at)
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
	at                string // the line of api/openapi.yaml
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
			if position, ok := op.Common.Position(); ok {
				o.at = fmt.Sprintf("api/openapi.yaml:%d", position.Line)
			}
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
