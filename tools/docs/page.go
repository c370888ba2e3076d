package main

import (
	"bytes"
	_ "embed"
	"html"
	"html/template"
	"regexp"
	"strings"

	"github.com/queup-go/queup/tools/internal/apispec"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed page.js
	pageJS string
)

// render writes the page.
func render(s *apispec.Spec) ([]byte, error) {
	known := map[string]string{} // names of operations and types, and where they are
	for _, t := range s.Tags {
		for _, o := range t.Operations {
			known[o.Name] = o.ID
		}
	}
	for _, list := range [][]*apispec.Definition{s.Types, s.Events} {
		for _, d := range list {
			known[d.Name] = d.ID
		}
	}
	who := map[string]string{}
	for _, source := range s.Sources {
		who[source.Tag] = source.Who + ", " + source.When
	}
	page, err := template.New("page").Funcs(template.FuncMap{
		"css":    func() template.CSS { return template.CSS(pageCSS) }, //nolint:gosec // it is our own file
		"js":     func() template.JS { return template.JS(pageJS) },    //nolint:gosec // it is our own file
		"prose":  func(text string) template.HTML { return prose(text, known) },
		"who":    func(tag string) string { return who[tag] },
		"lower":  strings.ToLower,
		"method": func(o *apispec.Operation) string { return strings.ToLower(o.Method) },
		"encoding": func(name string) string {
			if short := apispec.Encodings[name]; short != "" {
				return short
			}
			return name
		},
		"path": func(path string) template.HTML {
			return template.HTML(parameter.ReplaceAllString(html.EscapeString(path), "<i>$0</i>")) //nolint:gosec // it is escaped
		},
	}).Parse(pageHTML)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := page.Execute(&out, s); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

var (
	parameter = regexp.MustCompile(`\{[^}]*\}`)
	// codeWords are what descriptions mention of code: requests, paths, names of members and permissions, and operations.
	codeWords = regexp.MustCompile(`\b(GET|POST|PUT|DELETE) /[\w/{}-]+|(?:^|[ (])/[a-z]+(?:/[\w{}-]+)+|\b[a-z]+[A-Z][A-Za-z]*\b|\b[a-z]+(?:[_.][a-z]+)+\b`)
)

// prose writes a description with what is code in it as code, and with links to operations.
func prose(text string, known map[string]string) template.HTML {
	var b strings.Builder
	rest := text
	for _, at := range codeWords.FindAllStringIndex(text, -1) {
		before := len(text) - len(rest)
		from := at[0]
		for from < at[1] && (text[from] == ' ' || text[from] == '(') {
			from++
		}
		name := text[from:at[1]]
		if strings.Contains(name, ".") && (strings.Contains(name, "queup.") || strings.HasSuffix(name, ".md") || strings.Contains(name, "dubtrack.")) {
			continue
		}
		b.WriteString(html.EscapeString(text[before:from]))
		if id := known[name]; id != "" {
			b.WriteString(`<a href="#` + id + `"><code>` + html.EscapeString(name) + `</code></a>`)
		} else {
			b.WriteString("<code>" + html.EscapeString(name) + "</code>")
		}
		rest = text[at[1]:]
	}
	b.WriteString(html.EscapeString(rest))
	return template.HTML(b.String()) //nolint:gosec // every text in it is escaped
}
