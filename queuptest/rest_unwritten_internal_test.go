package queuptest

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	ht "github.com/ogen-go/ogen/http"

	"github.com/queup-go/queup/gen/queupserver"
	"github.com/queup-go/queup/internal/testkit/source"
)

// unwritten are the operations that queuptest answers with 501, each with the reason.
var unwritten = map[string]string{
	// By the name of the method.
}

// An operation that queuptest does not simulate is among the unwritten ones.
func TestSpec_everyOperationIsSimulated(t *testing.T) {
	methods, next := handlerMethods(t)
	list := source.Line(t, "queuptest/rest_unwritten_internal_test.go", "var unwritten"+" = ")
	for method := range reflect.TypeFor[queupserver.Handler]().Methods() {
		_, listed := unwritten[method.Name]
		switch written := slices.Contains(methods, method.Name); {
		case !written && !listed:
			t.Errorf("queuptest answers 501 to %s.\n%s: add the method (h *rest) %s below this line. To leave it for later, instead:\n%s: add %q with the reason to unwritten",
				method.Name, next, method.Name, list, method.Name)
		case written && listed:
			t.Errorf("%s: remove %s from unwritten, because queuptest simulates it now", list, method.Name)
		}
	}
	for name, reason := range unwritten {
		if _, ok := reflect.TypeFor[queupserver.Handler]().MethodByName(name); !ok || reason == "" {
			t.Errorf("%s: %s is not an operation, or has no reason", list, name)
		}
	}
}

// handlerMethods returns the names of the methods of rest, and the line of rest.go where its last method ends.
func handlerMethods(t *testing.T) (names []string, end token.Position) {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	for _, path := range paths {
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv == nil {
				continue
			}
			if star, ok := f.Recv.List[0].Type.(*ast.StarExpr); ok {
				if receiver, ok := star.X.(*ast.Ident); ok && receiver.Name == "rest" {
					names = append(names, f.Name.Name)
					if path == "rest.go" {
						end = files.Position(f.End())
						end.Filename, end.Column = "queuptest/"+end.Filename, 0
					}
				}
			}
		}
	}
	return names, end
}

// A handler without an operation answers 501, in the form of any other error.
func TestREST_answers501ToAnUnwrittenOperation(t *testing.T) {
	for name, err := range map[string]error{"as it is": ht.ErrNotImplemented, "wrapped": errors.Join(ht.ErrNotImplemented)} {
		t.Run(name, func(t *testing.T) {
			rec := httptest.NewRecorder()
			asProblem(err).write(rec)
			body, _ := io.ReadAll(rec.Result().Body)
			if rec.Code != http.StatusNotImplemented || !strings.Contains(string(body), "queuptest does not simulate this operation yet") {
				t.Errorf("the answer is %d %s", rec.Code, body)
			}
		})
	}
}
