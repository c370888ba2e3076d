package operations

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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

// runOgen returns the files that ogen writes for a document, by name, with the imports of importsOfOurs.
func runOgen(document *yaml.Node, config, packageName string) (map[string][]byte, error) {
	text, err := yaml.Marshal(document)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "queup-ogen")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	spec, target := filepath.Join(dir, "openapi.yaml"), filepath.Join(dir, packageName)
	if err := os.WriteFile(spec, text, 0o600); err != nil {
		return nil, err
	}
	var said bytes.Buffer
	cmd := exec.Command("go", "tool", "ogen", "--config", config, "--target", target, "--package", packageName, "--loglevel", "warn", spec)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("ogen --config %s: %w\n%s", config, err, said.Bytes())
	}
	paths, err := filepath.Glob(filepath.Join(target, "*.go"))
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte, len(paths))
	for _, path := range paths {
		if files[filepath.Base(path)], err = os.ReadFile(path); err != nil {
			return nil, err
		}
	}
	return files, replaceImports(files)
}
