package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// readOpenAPI returns the document, and an error with all of its faults. A document that cannot be read is nil.
func readOpenAPI(document []byte) (*openapi3.T, error) {
	spec, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	if err := spec.Validate(context.Background(), openapi3.EnableMultiError(), openapi3.EnableExamplesValidation()); err != nil {
		return spec, fmt.Errorf("openapi.yaml: %w", err)
	}
	return spec, nil
}

func operations(spec *openapi3.T) (n int) {
	for _, item := range spec.Paths.Map() {
		n += len(item.Operations())
	}
	return n
}

// An example is a value of the OpenAPI document with the schema that it stands beside.
type example struct {
	where  string
	schema *openapi3.SchemaRef
	value  any
}

// examples lists the examples of all parameters, requests and answers, sorted by where they are.
func examples(spec *openapi3.T) (list []example) {
	for path, item := range spec.Paths.Map() {
		for method, o := range item.Operations() {
			where := method + " " + path
			for _, p := range slices.Concat(item.Parameters, o.Parameters) {
				list = append(list, example{where + ", parameter " + p.Value.Name, p.Value.Schema, p.Value.Example})
			}
			if o.RequestBody != nil {
				list = append(list, inContent(where+", request", o.RequestBody.Value.Content)...)
			}
			for status, r := range o.Responses.Map() {
				list = append(list, inContent(where+", answer "+status, r.Value.Content)...)
			}
		}
	}
	slices.SortFunc(list, func(a, b example) int { return strings.Compare(a.where, b.where) })
	return list
}

func inContent(where string, content openapi3.Content) (list []example) {
	for contentType, media := range content {
		list = append(list, example{where + " as " + contentType, media.Schema, media.Example})
	}
	return list
}

// A typed value is a part of an example that the schema of entities and events describes.
type typed struct {
	where, goType string
	value         any
}

// typedParts finds the parts of an example that have one of our types by x-ogen-type.
func typedParts(where string, schema *openapi3.SchemaRef, value any) (list []typed) {
	if schema == nil || schema.Value == nil || value == nil {
		return nil
	}
	s := schema.Value
	if name, ok := s.Extensions["x-ogen-type"]; ok {
		return []typed{{where, fmt.Sprint(name), value}}
	}
	for _, part := range s.AllOf {
		list = append(list, typedParts(where, part, value)...)
	}
	switch value := value.(type) {
	case map[string]any:
		for name, property := range s.Properties {
			list = append(list, typedParts(where+"."+name, property, value[name])...)
		}
	case []any:
		for i, entry := range value {
			list = append(list, typedParts(fmt.Sprintf("%s[%d]", where, i), s.Items, entry)...)
		}
	}
	return list
}

// plain is a value as a JSON decoder would have read it: examples in YAML have integers of their own.
func plain(value any) (any, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return decode(text)
}
