package apispec

import (
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"strings"

	"gopkg.in/yaml.v3"
)

// codeOf returns an example as JSON in HTML, in the order of the file: short values on one line, the others indented.
func codeOf(n node) template.HTML {
	if !n.ok() {
		return ""
	}
	return template.HTML(jsonOf(n, "")) //nolint:gosec // every text in it is escaped by span
}

const lineWidth = 84

func jsonOf(n node, indent string) string {
	switch n.y.Kind {
	case yaml.MappingNode:
		var members []string
		for key, value := range n.members() {
			members = append(members, span("k", quoted(key))+": "+jsonOf(value, indent+"  "))
		}
		return bracketed("{", "}", members, indent)
	case yaml.SequenceNode:
		var items []string
		for item := range n.items() {
			items = append(items, jsonOf(item, indent+"  "))
		}
		return bracketed("[", "]", items, indent)
	default:
		if n.y.Tag == "!!str" {
			return span("s", quoted(n.y.Value))
		}
		return span("n", n.y.Value)
	}
}

func bracketed(left, right string, parts []string, indent string) string {
	if short := left + strings.Join(parts, ", ") + right; !strings.Contains(short, "\n") && len(html.UnescapeString(untagged.Replace(short)))+len(indent) <= lineWidth {
		return short
	}
	inner := "\n" + indent + "  "
	return left + inner + strings.Join(parts, ","+inner) + "\n" + indent + right
}

func quoted(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // span escapes it for the page
	if err := e.Encode(text); err != nil {
		panic(err) // text can always be encoded
	}
	return strings.TrimSpace(b.String())
}

func span(class, text string) string {
	return fmt.Sprintf(`<span class="%s">%s</span>`, class, html.EscapeString(text))
}

// untagged removes the tags of span, to count letters.
var untagged = strings.NewReplacer(`<span class="k">`, "", `<span class="s">`, "", `<span class="n">`, "", "</span>", "")

func codeText(text string) template.HTML {
	return template.HTML(html.EscapeString(text)) //nolint:gosec // it is escaped
}

// formOf returns an example as the fields of a form in HTML, a line for each.
func formOf(n node) template.HTML {
	var lines []string
	write := func(name, value string) {
		lines = append(lines, span("k", name)+"="+span("s", value))
	}
	for name, value := range n.members() {
		if value.y.Kind != yaml.SequenceNode {
			write(name, value.text())
			continue
		}
		for item := range value.items() {
			write(name, item.text())
		}
	}
	return template.HTML(strings.Join(lines, "\n")) //nolint:gosec // every text in it is escaped by span
}
