package events

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strings"

	"github.com/queup-go/queup/tools/gen/internal/output"
)

// emit returns the files of the package that the model describes. They depend on nothing but the model, so that equal
// schemas give equal bytes.
func emit(m *model, source, pkg string) (map[string][]byte, error) {
	e := &emitter{model: m}
	files := map[string][]byte{}
	for name, write := range map[string]func(){
		"doc_gen.go": nil, "scalars_gen.go": e.scalars, "entities_gen.go": e.entities, "events_gen.go": e.events, "table_gen.go": e.table,
	} {
		e.body.Reset()
		var file bytes.Buffer
		if write == nil {
			e.comment(m.title, m.description)
			fmt.Fprintf(&file, "%spackage %s\n", e.body.Bytes(), pkg)
		} else {
			write()
			if e.body.Len() == 0 {
				continue // no definition of this kind
			}
			imports, err := e.imports()
			if err != nil {
				return nil, fmt.Errorf("%s would not be Go: %w", name, err)
			}
			fmt.Fprintf(&file, "package %s\n\n%s%s", pkg, imports, e.body.Bytes())
		}
		text, err := output.Go(source, file.Bytes())
		if err != nil {
			return nil, fmt.Errorf("%s would not be Go: %w", name, err)
		}
		files[name] = text
	}
	return files, nil
}

type emitter struct {
	model *model
	body  bytes.Buffer
}

func (e *emitter) p(format string, args ...any) { fmt.Fprintf(&e.body, format+"\n", args...) }

// imports returns the import declaration for the packages that the body uses. It parses the body, because a comment may
// end with a word such as "time."
func (e *emitter) imports() (string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "", append([]byte("package p\n"), e.body.Bytes()...), parser.SkipObjectResolution)
	if err != nil {
		return "", err
	}
	used := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := selector.X.(*ast.Ident); ok {
				used[x.Name] = true
			}
		}
		return true
	})
	var b strings.Builder
	b.WriteString("import (\n")
	for _, group := range [][]string{
		{"cmp", "encoding/json", "fmt", "reflect", "strings", "time"},
		{"github.com/go-faster/jx"},
		{"github.com/queup-go/queup/internal/lenient"},
	} {
		for _, p := range group {
			if used[path.Base(p)] {
				fmt.Fprintf(&b, "\t%q\n", p)
			}
		}
		b.WriteString("\n")
	}
	return b.String() + ")\n", nil
}

// comment writes paragraphs of documentation.
func (e *emitter) comment(paragraphs ...string) {
	first := true
	for _, text := range paragraphs {
		for par := range strings.SplitSeq(text, "\n\n") {
			if strings.TrimSpace(par) == "" {
				continue
			}
			if !first {
				e.p("//")
			}
			first = false
			for line := range strings.SplitSeq(strings.TrimSpace(par), "\n") {
				for _, line := range wrap(line, 97) {
					e.p("// %s", line)
				}
			}
		}
	}
}

// wrap breaks text into lines of at most width characters.
func wrap(text string, width int) (lines []string) {
	var line string
	for word := range strings.FieldsSeq(text) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// doc writes the documentation of a definition.
func (e *emitter) doc(d *definition) {
	e.comment(d.doc, d.evidence, deprecation(d.deprecated))
}

func deprecation(deprecated bool) string {
	if deprecated {
		return "Deprecated: QueUp has given it up."
	}
	return ""
}

func (e *emitter) of(kinds ...defKind) []*definition {
	return slices.DeleteFunc(slices.Clone(e.model.defs), func(d *definition) bool { return !slices.Contains(kinds, d.kind) })
}
