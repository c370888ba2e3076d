package operations

import (
	"strings"
	"testing"
)

func TestReplaceImports(t *testing.T) {
	files := map[string][]byte{"a.go": []byte("package a\n\nimport (\n\t\"io\"\n\t\"github.com/ogen-go/ogen/ogenerrors\"\n\t\"github.com/ogen-go/ogen/uri\"\n)\n"), "b.go": []byte("package a\n")}
	if err := replaceImports(files, ogenErrors); err != nil {
		t.Fatal(err)
	}
	want := "package a\n\nimport (\n\t\"github.com/ogen-go/ogen/uri\"\n\t\"github.com/queup-go/queup/internal/ogenerrors\"\n\t\"io\"\n)\n"
	if string(files["a.go"]) != want || string(files["b.go"]) != "package a\n" {
		t.Errorf("%s", files)
	}
	if err := replaceImports(map[string][]byte{"b.go": []byte("package a\n")}, ogenErrors); err == nil || !strings.Contains(err.Error(), "ogen/ogenerrors") {
		t.Errorf("without the import: err = %v", err)
	}
}
