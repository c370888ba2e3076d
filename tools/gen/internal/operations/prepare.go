package operations

import (
	"slices"

	"gopkg.in/yaml.v3"
)

// wirePackage is the import path of the types that answers hold.
const wirePackage = "github.com/queup-go/queup/gen/wire"

// forOgen returns the document that ogen reads: api/openapi.yaml, except that every answer with an envelope has its Go
// type. Otherwise ogen writes a type with its own decoder and encoder for each of them.
func forOgen(document []byte, envelopes []envelope) (*yaml.Node, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(document, &root); err != nil {
		return nil, err
	}
	types := map[string]string{}
	for _, e := range envelopes {
		types["#/components/schemas/"+e.Name] = wirePackage + "." + e.Name
	}
	nameTypes(&root, types)
	return &root, nil
}

// dropDefaults removes the default response of every operation. Package client reads failed answers before generated
// code sees them, so the generated client does not decode them.
func dropDefaults(n *yaml.Node) {
	for i, part := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 && n.Content[i-1].Value == "responses" {
			for j := 0; j+1 < len(part.Content); j += 2 {
				if part.Content[j].Value == "default" {
					part.Content = slices.Delete(part.Content, j, j+2)
					break
				}
			}
		}
		dropDefaults(part)
	}
}

// nameTypes replaces each reference by the Go type that types has for it.
func nameTypes(n *yaml.Node, types map[string]string) {
	if n.Kind == yaml.MappingNode && len(n.Content) == 2 && n.Content[0].Value == "$ref" {
		if goType, ok := types[n.Content[1].Value]; ok {
			n.Content[0].Value, n.Content[1].Value = "x-ogen-type", goType
		}
	}
	for _, part := range n.Content {
		nameTypes(part, types)
	}
}
