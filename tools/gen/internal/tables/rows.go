package tables

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/queup-go/queup/tools/internal/apispec"
)

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

var (
	tableRow = regexp.MustCompile("(?m)^(\\| `([A-Z]+ /[^`]*)` \\|.*\\|) *([^|]*?) *\\|$")
	remark   = regexp.MustCompile(`([^,;() ]+) (\([^)]*\))`)
)

// fill returns the rows with the last column of those that are operations generated again; in a new row it may be empty. Remarks
// in brackets, which are written by hand, stay with their source.
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
		return part[1] + " " + strings.Join(sources, ", ") + "; " + o.Evidence.Confidence + "; " + o.Evidence.Alive + " |"
	})
}

// missing returns an error for each operation without a row, with the place where the row belongs.
func (k *knownFrom) missing(page, text string) (problems []error) {
	for row, o := range k.operations {
		if k.seen[row] {
			continue
		}
		if line := tableEnd(text, o.Evidence.Section); line > 0 {
			problems = append(problems, fmt.Errorf("%s:%d: add a row for %s below this line: | `%s` | what it does | needs | sends | answer | |",
				page, line, o.Name, row))
		} else {
			problems = append(problems, fmt.Errorf("%s: section %q has no table for %s; correct the section in the x-evidence of %s", page, o.Evidence.Section, row, o.Name))
		}
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return problems
}

// eventsSection is the section whose table lists the events by hand.
const eventsSection = "6.2"

var firstName = regexp.MustCompile("^\\| `([^`]+)`")

// missingEvents returns an error for each event without a row in the table of events, and for each row without an event.
func missingEvents(page, text string, s *apispec.Spec) (problems []error) {
	end := tableEnd(text, eventsSection)
	if end == 0 {
		return []error{fmt.Errorf("%s: section %s has no table of events", page, eventsSection)}
	}
	rows := map[string]bool{}
	lines := strings.Split(text, "\n")
	for line := end; strings.HasPrefix(lines[line-1], "|"); line-- {
		m := firstName.FindStringSubmatch(lines[line-1])
		if m == nil {
			continue
		}
		name := withoutID(m[1])
		rows[name] = true
		if !slices.ContainsFunc(s.Events, func(e *apispec.Definition) bool { return withoutID(e.Event) == name }) {
			problems = append(problems, fmt.Errorf("%s:%d: no event of the schema is called %s; correct the name, or add the event", page, line, m[1]))
		}
	}
	for _, e := range s.Events {
		if !rows[withoutID(e.Event)] {
			problems = append(problems, fmt.Errorf("%s:%d: add a row for %s below this line: | `%s` | happens when | carries | known from |", page, end, e.Name, e.Event))
		}
	}
	return problems
}

// withoutID returns the name of an event without the id at its end: user_update for user_update_<UserID>.
func withoutID(name string) string {
	name, _, _ = strings.Cut(name, "<")
	return strings.TrimRight(name, "-_")
}

// tableEnd returns the number of the last line of the first table in a section, 0 if there is none.
func tableEnd(text, section string) (last int) {
	inside, line := false, 0
	for row := range strings.Lines(text) {
		line++
		switch {
		case strings.HasPrefix(row, "### "+section+" "):
			inside = true
		case inside && strings.HasPrefix(row, "|"):
			last = line
		case last > 0, inside && strings.HasPrefix(row, "#"):
			return last
		}
	}
	return last
}
