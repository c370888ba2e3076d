package operations

import (
	"cmp"
	"slices"
	"strings"
	"text/template"

	"github.com/ogen-go/ogen"

	"github.com/queup-go/queup/tools/gen/internal/output"
)

// A route is one operation: its method, its path with a star for each parameter, and whether its answer has to hold data or
// is a redirect.
type route struct {
	Method, Path, Operation string
	Data                    bool
	DataType                string // of gen/wire, empty if the answer has no data
	Redirect                bool
}

// routesCode returns the Go file with the table of operations.
func routesCode(spec *ogen.Spec, source, packageName string) ([]byte, error) {
	operations, err := operationsOf(spec)
	if err != nil {
		return nil, err
	}
	var routes []route
	for _, o := range operations {
		answer := answerSchema(spec, o)
		routes = append(routes, route{
			Method: o.Method, Path: starred(o.Path), Operation: o.OperationID,
			Data: requires(spec, answer, "data"), DataType: dataType(spec, answer), Redirect: o.Responses["302"] != nil,
		})
	}
	return output.Execute(source, routesFile, map[string]any{"Package": packageName, "Groups": grouped(routes), "Routes": answering(routes)})
}

// answering returns the routes whose answers hold data.
func answering(routes []route) []route {
	return slices.DeleteFunc(slices.Clone(routes), func(r route) bool { return r.DataType == "" })
}

// starred writes a star instead of each parameter: /room/{roomId}/users is /room/*/users.
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

// grouped sorts the routes so that the table can be searched from the top. Of two paths the first is the one without a
// parameter in the first segment in which they differ, as in ogen's router: GET /room/term/users is a search for users, not
// the users of a room.
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

var routesFile = template.Must(template.New("routes").Parse(`package {{.Package}}

import (
	"strings"
{{if .Routes}}
	"github.com/go-faster/jx"

	"github.com/queup-go/queup/gen/wire"
{{end}})

// An OperationInfo has what a client needs to know of an operation in addition to the generated method.
type OperationInfo struct {
	// ID is the operationId.
	ID string
	// Data is true if a successful answer has to hold data.
	Data bool
	// Redirect is true if a successful answer is a redirect, whose address is the result.
	Redirect bool
}

// FindOperation returns the operation of a request, by its method and its escaped path relative to the server's URL.
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

// CheckData decodes the data of an operation's answer and drops the result. It returns the error that the generated client
// would return: broken JSON, or data that takes too much memory.
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
