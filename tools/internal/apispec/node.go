package apispec

import (
	"fmt"
	"iter"
	"os"
	"strings"

	"gopkg.in/yaml.v3"
)

// A node is a value of a specification, with its members in the order of the file, which the models of OpenAPI and JSON
// Schema lose. JSON is read as YAML. The zero node is a missing value.
type node struct{ y *yaml.Node }

func readNode(file string) (node, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return node{}, err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return node{}, fmt.Errorf("%s: %w", file, err)
	}
	if len(document.Content) != 1 || document.Content[0].Kind != yaml.MappingNode {
		return node{}, fmt.Errorf("%s is not an object", file)
	}
	return node{document.Content[0]}, nil
}

func (n node) ok() bool { return n.y != nil }

// members iterates over an object.
func (n node) members() iter.Seq2[string, node] {
	return func(yield func(string, node) bool) {
		if n.y == nil || n.y.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.y.Content); i += 2 {
			if !yield(n.y.Content[i].Value, node{n.y.Content[i+1]}) {
				return
			}
		}
	}
}

// items iterates over a list.
func (n node) items() iter.Seq[node] {
	return func(yield func(node) bool) {
		if n.y == nil || n.y.Kind != yaml.SequenceNode {
			return
		}
		for _, item := range n.y.Content {
			if !yield(node{item}) {
				return
			}
		}
	}
}

// get follows the names of members.
func (n node) get(path ...string) node {
	for _, name := range path {
		found := node{}
		for key, value := range n.members() {
			if key == name {
				found = value
			}
		}
		n = found
	}
	return n
}

// text returns the text of a scalar, empty if there is none.
func (n node) text(path ...string) string {
	if found := n.get(path...); found.y != nil && found.y.Kind == yaml.ScalarNode {
		return strings.TrimSpace(found.y.Value)
	}
	return ""
}

func (n node) isTrue(path ...string) bool { return n.text(path...) == "true" }

// texts returns the scalars of a list.
func (n node) texts(path ...string) (list []string) {
	for item := range n.get(path...).items() {
		list = append(list, item.text())
	}
	return list
}

// resolved follows a reference into the same document, if it is one.
func (n node) resolved(root node) (node, error) {
	for range 10 {
		ref := n.text("$ref")
		if ref == "" {
			return n, nil
		}
		path, ok := strings.CutPrefix(ref, "#/")
		target := root.get(strings.Split(path, "/")...)
		if !ok || !target.ok() {
			return node{}, fmt.Errorf("line %d: %s refers to nothing", n.y.Line, ref)
		}
		n = target
	}
	return node{}, fmt.Errorf("line %d: a reference goes in a circle", n.y.Line)
}
