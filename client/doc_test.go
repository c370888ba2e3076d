package client_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// The package's documentation lists every type of event, and nothing else as one.
func TestDoc_listsTheEvents(t *testing.T) {
	files := token.NewFileSet()
	doc, err := parser.ParseFile(files, "doc.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(doc.Doc.Text(), "# The events")
	list, _, _ = strings.Cut(list, "\n# ")
	events, err := parser.ParseFile(files, "events.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(events, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if fields, ok := spec.Type.(*ast.StructType); ok && embedsMeta(fields) {
			found++
			if strings.Count(list, "["+spec.Name.Name+"]") != 1 {
				t.Errorf("%s is not in the list once", spec.Name.Name)
			}
		}
		return true
	})
	if listed := strings.Count(list, "["); found == 0 || listed != found {
		t.Errorf("%d events are listed, and there are %d", listed, found)
	}
}

func embedsMeta(s *ast.StructType) bool {
	for _, field := range s.Fields.List {
		if name, ok := field.Type.(*ast.Ident); ok && len(field.Names) == 0 && name.Name == "Meta" {
			return true
		}
	}
	return false
}
