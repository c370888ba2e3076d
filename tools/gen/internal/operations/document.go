package operations

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ogen-go/ogen"
)

// An operation is one of the document, with its place.
type operation struct {
	*ogen.Operation
	Method, Path string
	Parameters   []*ogen.Parameter // resolved; also those of its path
}

// operationsOf lists the operations of a document by operationId, which each of them must have.
func operationsOf(spec *ogen.Spec) (list []operation, err error) {
	for path, item := range spec.Paths {
		for method, o := range map[string]*ogen.Operation{
			"DELETE": item.Delete, "GET": item.Get, "PATCH": item.Patch, "POST": item.Post, "PUT": item.Put,
		} {
			if o == nil {
				continue
			}
			if o.OperationID == "" {
				err = errors.Join(err, fmt.Errorf("%s %s has no operationId", method, path))
			}
			found := operation{Operation: o, Method: method, Path: path}
			for _, p := range slices.Concat(item.Parameters, o.Parameters) {
				if name, ok := strings.CutPrefix(p.Ref, "#/components/parameters/"); ok {
					p = spec.Components.Parameters[name]
				}
				found.Parameters = append(found.Parameters, p)
			}
			list = append(list, found)
		}
	}
	slices.SortFunc(list, func(a, b operation) int { return cmp.Compare(a.OperationID, b.OperationID) })
	return list, err
}

// resolved follows the reference that a schema may be. It is nil for nil.
func resolved(spec *ogen.Spec, schema *ogen.Schema) *ogen.Schema {
	for schema != nil {
		name, ok := strings.CutPrefix(schema.Ref, "#/components/schemas/")
		if !ok {
			break
		}
		schema = spec.Components.Schemas[name]
	}
	return schema
}

// answerSchema returns the schema of the operation's good answer, nil if there is none.
func answerSchema(spec *ogen.Spec, o operation) *ogen.Schema {
	response := o.Responses["200"]
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
	schema = resolved(spec, schema)
	if schema == nil {
		return ""
	}
	for _, property := range schema.Properties {
		if property.Name == "data" {
			full := property.Schema.Common.Extensions["x-ogen-type"].Value
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

// requires reports whether a schema, or a part of it, requires a member.
func requires(spec *ogen.Spec, schema *ogen.Schema, member string) bool {
	schema = resolved(spec, schema)
	return schema != nil && (slices.Contains(schema.Required, member) ||
		slices.ContainsFunc(schema.AllOf, func(part *ogen.Schema) bool { return requires(spec, part, member) }))
}
