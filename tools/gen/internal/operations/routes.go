package operations

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"go/format"
	"slices"
	"strings"
	"text/template"

	"github.com/ogen-go/ogen"
)

// route is one operation: its method, its path with a star for each parameter, and whether its answer has to hold
// data, or is a redirect.
type route struct {
	Method, Path, Operation string
	Data                    bool
	DataType                string // of gen/wire, empty if the answer has no data
	Redirect                bool
}

// generate returns the Go file with the table of operations.
func generate(spec *ogen.Spec, packageName string) ([]byte, error) {
	var routes []route
	var problems []error
	for path, item := range spec.Paths {
		for method, operation := range map[string]*ogen.Operation{
			"DELETE": item.Delete, "GET": item.Get, "PATCH": item.Patch, "POST": item.Post, "PUT": item.Put,
		} {
			switch {
			case operation == nil:
			case operation.OperationID == "":
				problems = append(problems, fmt.Errorf("%s %s has no operationId", method, path))
			default:
				routes = append(routes, route{
					Method: method, Path: starred(path), Operation: operation.OperationID,
					Data: answersData(spec, operation), DataType: dataType(spec, answerSchema(spec, operation)), Redirect: operation.Responses["302"] != nil,
				})
			}
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	var code bytes.Buffer
	if err := file.Execute(&code, map[string]any{"Package": packageName, "Groups": grouped(routes), "Routes": answering(routes)}); err != nil {
		return nil, err
	}
	return format.Source(code.Bytes())
}

// answersData reports whether the schema of the operation's answer requires the member data.
func answersData(spec *ogen.Spec, operation *ogen.Operation) bool {
	return requires(spec, answerSchema(spec, operation), "data")
}

// answerSchema returns the schema of the operation's good answer, nil if there is none.
func answerSchema(spec *ogen.Spec, operation *ogen.Operation) *ogen.Schema {
	response := operation.Responses["200"]
	if response == nil {
		return nil
	}
	if name, ok := strings.CutPrefix(response.Ref, "#/components/responses/"); ok {
		response = spec.Components.Responses[name]
	}
	return response.Content["application/json"].Schema
}

// dataType returns the name of the type in gen/wire that the member data of an answer has, empty if there is none.
func dataType(spec *ogen.Spec, schema *ogen.Schema) string {
	if schema == nil {
		return ""
	}
	if name, ok := strings.CutPrefix(schema.Ref, "#/components/schemas/"); ok {
		return dataType(spec, spec.Components.Schemas[name])
	}
	for _, property := range schema.Properties {
		if property.Name == "data" {
			var full string
			if node, ok := property.Schema.Common.Extensions["x-ogen-type"]; ok {
				full = node.Value
			}
			return full[strings.LastIndex(full, ".")+1:]
		}
	}
	for _, part := range schema.AllOf {
		if name := dataType(spec, part); name != "" {
			return name
		}
	}
	return ""
}

func requires(spec *ogen.Spec, schema *ogen.Schema, member string) bool {
	if schema == nil {
		return false
	}
	if name, ok := strings.CutPrefix(schema.Ref, "#/components/schemas/"); ok {
		return requires(spec, spec.Components.Schemas[name], member)
	}
	return slices.Contains(schema.Required, member) || slices.ContainsFunc(schema.AllOf, func(part *ogen.Schema) bool {
		return requires(spec, part, member)
	})
}

// answering returns the routes whose answers hold data, by operation.
func answering(routes []route) []route {
	routes = slices.DeleteFunc(slices.Clone(routes), func(r route) bool { return r.DataType == "" })
	slices.SortFunc(routes, func(a, b route) int { return cmp.Compare(a.Operation, b.Operation) })
	return routes
}

// starred writes a star in the place of each parameter: /room/{roomId}/users is /room/*/users.
func starred(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if strings.HasPrefix(segment, "{") {
			segments[i] = "*"
		}
	}
	return strings.Join(segments, "/")
}

// group holds the routes that a request with the given method and number of segments can belong to.
type group struct {
	Method   string
	Segments int
	Routes   []route // the most particular first
}

// grouped sorts the routes so that the table can be searched from the top: of two paths the one comes first that spells out the
// first segment in which they differ, as in ogen's router. GET /room/term/users is a search for users, not the users of a room.
func grouped(routes []route) []group {
	type key struct {
		method   string
		segments int
	}
	byKey := make(map[key][]route)
	for _, r := range routes {
		k := key{r.Method, strings.Count(r.Path, "/")}
		byKey[k] = append(byKey[k], r)
	}
	var groups []group
	for k, routes := range byKey {
		slices.SortFunc(routes, func(a, b route) int {
			starsLast := strings.NewReplacer("*", "\xff")
			return cmp.Compare(starsLast.Replace(a.Path), starsLast.Replace(b.Path))
		})
		groups = append(groups, group{k.method, k.segments, routes})
	}
	slices.SortFunc(groups, func(a, b group) int {
		return cmp.Or(cmp.Compare(a.Method, b.Method), cmp.Compare(a.Segments, b.Segments))
	})
	return groups
}

var file = template.Must(template.New("file").Parse(`// Code generated by opgen from openapi.yaml; DO NOT EDIT.

package {{.Package}}

import (
	"strings"
{{if .Routes}}
	"github.com/go-faster/jx"

	"github.com/queup-go/queup/gen/wire"
{{end}})

// An OperationInfo tells what a client has to know about an operation beside how to call it.
type OperationInfo struct {
	// ID is the operationId.
	ID string
	// Data is true if a successful answer has to hold data.
	Data bool
	// Redirect is true if a successful answer is a redirect, whose address is the result.
	Redirect bool
}

// FindOperation returns the operation that a request with this method and this escaped path, relative to the server's URL, belongs to.
func FindOperation(method, path string) (operation OperationInfo, ok bool) {
	for _, r := range operations[operationKey{method, strings.Count(path, "/")}] {
		if r.matches(path) {
			return r.operation, true
		}
	}
	return OperationInfo{}, false
}

type operationKey struct {
	method   string
	segments int
}

type operationRoute struct {
	path      string // with a star for each parameter
	operation OperationInfo
}

func (r operationRoute) matches(path string) bool {
	pattern := r.path
	for pattern != "" {
		var want, got string
		want, pattern, _ = strings.Cut(pattern, "/")
		got, path, _ = strings.Cut(path, "/")
		if want != got && (want != "*" || got == "") {
			return false
		}
	}
	return path == ""
}

var operations = map[operationKey][]operationRoute{
{{- range .Groups}}
	{"{{.Method}}", {{.Segments}}}: {
	{{- range .Routes}}
		{"{{.Path}}", OperationInfo{"{{.Operation}}", {{.Data}}, {{.Redirect}}}},
	{{- end}}
	},
{{- end}}
}
{{- if .Routes}}

// CheckData decodes the data of an operation's answer and forgets it. The error is that of the generated client, which decodes the
// same again: broken JSON, or data that takes too much memory.
func CheckData(operation string, data []byte) error {
	if check, ok := checks[operation]; ok {
		return check(data)
	}
	return nil
}

var checks = map[string]func(data []byte) error{
{{- range .Routes}}
	"{{.Operation}}": check[wire.{{.DataType}}],
{{- end}}
}

func check[T any, P interface {
	*T
	Decode(d *jx.Decoder) error
}](data []byte) error {
	return P(new(T)).Decode(jx.DecodeBytes(data))
}
{{- end}}
`))
