package tables

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/queup-go/queup/tools/internal/apispec"
)

// Tables of docs/PROTOCOL.md stand between two comments. The first names what is written there:
//
//	<!-- generated: known-from -->    the last column of the rows that are operations; the others are written by hand
//	<!-- generated: operations -->    the whole table: operations by name
//	<!-- generated: events -->        the whole table: the members of events
//	<!-- /generated -->
//
// rows.go finds the rows that a person has to write first.
var marked = regexp.MustCompile(`(?s)(<!-- generated: ([a-z-]+) -->\n)(.*?)(<!-- /generated -->)`)

// writeTables returns the text of a page with its tables generated again. Its error names the lines of the page to change.
func writeTables(page, text string, s *apispec.Spec) (string, error) {
	var problems []error
	found, named := 0, map[string]bool{}
	known := newKnownFrom(s)
	written := marked.ReplaceAllStringFunc(text, func(match string) string {
		found++
		part := marked.FindStringSubmatch(match)
		named[part[2]] = true
		switch part[2] {
		case "known-from":
			return part[1] + known.fill(part[3]) + part[4]
		case "operations":
			return part[1] + "\n" + operationsTable(s) + "\n" + part[4]
		case "events":
			return part[1] + "\n" + eventsTable(s) + "\n" + part[4]
		}
		problems = append(problems, fmt.Errorf("%s: <!-- generated: %s --> is not one of known-from, operations and events", page, part[2]))
		return match
	})
	if markers := strings.Count(text, "<!-- generated") + strings.Count(text, "<!-- /generated"); markers != 2*found {
		problems = append(problems, fmt.Errorf("%s: of %d markers only %d belong together", page, markers, 2*found))
	}
	for _, name := range []string{"operations", "events"} {
		if !named[name] {
			problems = append(problems, fmt.Errorf("%s: the line <!-- generated: %s --> is missing; restore it, and <!-- /generated --> below it", page, name))
		}
	}
	problems = append(problems, known.missing(page, text)...)
	problems = append(problems, missingEvents(page, text, s)...)
	return written, errors.Join(problems...)
}

// table returns a table in Markdown.
func table(head []string, rows [][]string) string {
	var b strings.Builder
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(head)
	b.WriteString(strings.Repeat("|---", len(head)) + "|\n")
	for _, row := range rows {
		for i := range row {
			row[i] = strings.ReplaceAll(row[i], "|", `\|`)
		}
		line(row)
	}
	return b.String()
}

func operationsTable(s *apispec.Spec) string {
	var rows [][]string
	for _, t := range s.Tags {
		for _, o := range t.Operations {
			answer := "redirect"
			if o.Data != nil {
				answer = o.Data.String()
			}
			if answer == apispec.Nothing {
				answer = "–"
			}
			rows = append(rows, []string{"`" + o.Name + "`", "`" + o.Method + " " + o.Path + "`", sends(o), answer, o.Evidence.Section})
		}
	}
	slices.SortFunc(rows, func(a, b []string) int { return cmp.Compare(strings.ToLower(a[0]), strings.ToLower(b[0])) })
	return table([]string{"`operationId`", "Operation", "Sends", "`data` of the answer", "See"}, rows)
}

// sends lists the members of a request, other than those of its path, with a question mark after optional ones.
func sends(o *apispec.Operation) string {
	var parts []string
	names := func(fields []apispec.Field) string {
		var list []string
		for _, f := range fields {
			name := "`" + f.Name + "`"
			if !f.Required {
				name += "?"
			}
			list = append(list, name)
		}
		return strings.Join(list, ", ")
	}
	query := slices.DeleteFunc(slices.Clone(o.Parameters), func(f apispec.Field) bool { return f.In != "query" })
	if len(query) > 0 {
		parts = append(parts, "query: "+names(query))
	}
	for _, b := range o.Requests {
		var how []string
		for _, e := range b.Encodings {
			how = append(how, cmp.Or(apispec.Encodings[e], e))
		}
		part := strings.Join(how, " or ") + ": " + names(b.Fields)
		if o.Optional {
			part += ", or nothing"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "; ")
}

func eventsTable(s *apispec.Spec) string {
	var rows [][]string
	for _, e := range s.Events {
		var members []string
		for _, f := range e.Fields {
			name := "`" + f.Name + "`"
			if !f.Required {
				name += "?"
			}
			members = append(members, name+" "+f.Type.String())
		}
		rows = append(rows, []string{"`" + e.Event + "`", "`" + e.Name + "`", strings.Join(members, ", ")})
	}
	return table([]string{"Event", "Type", "Members"}, rows)
}
