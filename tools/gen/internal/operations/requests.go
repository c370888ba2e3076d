package operations

import (
	"errors"
	"fmt"
	"slices"
	"text/template"

	"github.com/ogen-go/ogen"

	"github.com/queup-go/queup/tools/gen/internal/output"
)

// A request has the members that one operation takes: those of its body in each encoding, and those of its query.
type request struct {
	Operation         string
	Form, JSON, Query []requestMember
}

type requestMember struct {
	Name, Kind string
	Required   bool
}

// switchType is the Go type of yes and no in forms. The document declares it as a string.
const switchType = "github.com/queup-go/queup/gen/wire.Switch"

// requestsCode returns the Go file with the table of requests.
func requestsCode(spec *ogen.Spec, source, packageName string) ([]byte, error) {
	operations, err := operationsOf(spec)
	problems := []error{err}
	var requests []request
	for _, o := range operations {
		r := request{Operation: o.OperationID}
		if body := o.RequestBody; body != nil {
			var formErr, jsonErr error
			r.Form, formErr = members(spec, body.Content["application/x-www-form-urlencoded"].Schema)
			r.JSON, jsonErr = members(spec, body.Content["application/json"].Schema)
			problems = append(problems, formErr, jsonErr)
		}
		for _, p := range o.Parameters {
			if p.In == "query" {
				kind, err := kindOf(p.Name, p.Schema)
				problems = append(problems, err)
				r.Query = append(r.Query, requestMember{p.Name, kind, p.Required})
			}
		}
		if len(r.Form)+len(r.JSON)+len(r.Query) > 0 {
			requests = append(requests, r)
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return output.Execute(source, requestsFile, map[string]any{"Package": packageName, "Requests": requests})
}

// members lists the properties of a body, in the order of the document. It is nil without a schema.
func members(spec *ogen.Spec, schema *ogen.Schema) (list []requestMember, err error) {
	schema = resolved(spec, schema)
	if schema == nil {
		return nil, nil
	}
	for _, p := range schema.Properties {
		kind, err := kindOf(p.Name, p.Schema)
		if err != nil {
			return nil, err
		}
		list = append(list, requestMember{p.Name, kind, slices.Contains(schema.Required, p.Name)})
	}
	return list, nil
}

func kindOf(name string, schema *ogen.Schema) (string, error) {
	switch {
	case schema.Type == "array":
		return "MemberList", nil
	case schema.Type == "integer":
		return "MemberInteger", nil
	case schema.Type == "boolean":
		return "MemberBoolean", nil
	case schema.Type == "string" && schema.Common.Extensions["x-ogen-type"].Value == switchType:
		return "MemberSwitch", nil
	case schema.Type == "string":
		return "MemberText", nil
	}
	return "", fmt.Errorf("the member %s of a request has the type %q, for which the table has no kind", name, schema.Type)
}

var requestsFile = template.Must(template.New("requests").Parse(`package {{.Package}}

// A MemberKind is the type of value that a member of a request has.
type MemberKind int

// The kinds of members. A list has texts as its entries. A switch is the text 1 or 0.
const (
	MemberText MemberKind = iota
	MemberInteger
	MemberBoolean
	MemberSwitch
	MemberList
)

// A RequestMember is one member of a request's body or query, under the name that the generated server reads.
type RequestMember struct {
	Name     string
	Kind     MemberKind
	Required bool
}

// A RequestInfo lists the members that an operation's request may hold: in its body as a form, in its body as JSON, and in
// its query. The list is nil for an encoding that the generated server does not read.
type RequestInfo struct {
	Form, JSON, Query []RequestMember
}

// FindRequest returns the members that an operation's request may hold, by the operationId. It reports false for an operation
// without body and query.
func FindRequest(operationID string) (RequestInfo, bool) {
	r, ok := requests[operationID]
	return r, ok
}

var requests = map[string]RequestInfo{
{{- range .Requests}}
	"{{.Operation}}": {
		{{- with .Form}}
		Form: []RequestMember{ {{- template "members" .}}
		},
		{{- end}}
		{{- with .JSON}}
		JSON: []RequestMember{ {{- template "members" .}}
		},
		{{- end}}
		{{- with .Query}}
		Query: []RequestMember{ {{- template "members" .}}
		},
		{{- end}}
	},
{{- end}}
}
{{- define "members"}}
{{- range .}}
			{"{{.Name}}", {{.Kind}}, {{.Required}}},
{{- end}}
{{- end}}
`))
