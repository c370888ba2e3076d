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
var marked = regexp.MustCompile(`(?s)(<!-- generated: ([a-z-]+) -->\n)(.*?)(<!-- /generated -->)`)

// writeTables returns the page with its tables generated again.
func writeTables(text string, s *apispec.Spec) (string, error) {
	var problems []error
	found := 0
	known := newKnownFrom(s)
	written := marked.ReplaceAllStringFunc(text, func(match string) string {
		found++
		part := marked.FindStringSubmatch(match)
		switch part[2] {
		case "known-from":
			return part[1] + known.fill(part[3]) + part[4]
		case "operations":
			return part[1] + "\n" + operationsTable(s) + "\n" + part[4]
		case "events":
			return part[1] + "\n" + eventsTable(s) + "\n" + part[4]
		}
		problems = append(problems, fmt.Errorf("nothing is called %s in <!-- generated: … -->", part[2]))
		return match
	})
	if markers := strings.Count(text, "<!-- generated") + strings.Count(text, "<!-- /generated"); markers != 2*found {
		problems = append(problems, fmt.Errorf("of %d markers only %d belong together", markers, 2*found))
	}
	for _, row := range known.missing() {
		problems = append(problems, fmt.Errorf("no table has a row for %s", row))
	}
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

// knownFrom fills the last column of the tables of operations.
type knownFrom struct {
	operations map[string]*apispec.Operation // by row
	seen       map[string]bool
}

func newKnownFrom(s *apispec.Spec) *knownFrom {
	k := &knownFrom{operations: map[string]*apispec.Operation{}, seen: map[string]bool{}}
	for _, t := range s.Tags {
		for _, o := range t.Operations {
			k.operations[o.Method+" "+o.Path] = o
		}
	}
	return k
}

// missing lists the operations that stand in no table.
func (k *knownFrom) missing() (rows []string) {
	for row := range k.operations {
		if !k.seen[row] {
			rows = append(rows, row)
		}
	}
	slices.Sort(rows)
	return rows
}

var (
	tableRow = regexp.MustCompile("(?m)^(\\| `([A-Z]+ /[^`]*)` \\|.*\\| )([^|]+)( \\|)$")
	remark   = regexp.MustCompile(`([^,;() ]+) (\([^)]*\))`)
)

// fill returns the rows with the last column of those that are operations generated again. Remarks in brackets, which are
// written by hand, stay with their source.
func (k *knownFrom) fill(rows string) string {
	return tableRow.ReplaceAllStringFunc(rows, func(row string) string {
		part := tableRow.FindStringSubmatch(row)
		o := k.operations[part[2]]
		if o == nil { // documented, but not an operation of the specification
			return row
		}
		k.seen[part[2]] = true
		remarks := map[string]string{}
		for _, m := range remark.FindAllStringSubmatch(part[3], -1) {
			remarks[m[1]] = " " + m[2]
		}
		var sources []string
		for _, source := range o.Evidence.Sources {
			sources = append(sources, source+remarks[source])
		}
		return part[1] + strings.Join(sources, ", ") + "; " + o.Evidence.Confidence + "; " + o.Evidence.Alive + part[4]
	})
}
