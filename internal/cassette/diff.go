package cassette

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/queup-go/queup/internal/printable"
)

// diffLine is one line of a recording for [Diff]: a request or a record, or one field of it.
type diffLine struct {
	text string   // with {id} for each id and {time} for each time
	ids  []string // those that text has lost, in order
	head int      // index of the line of the request or record that a field belongs to; its own index for that line
}

// talk collects the lines of a recording.
type talk struct{ lines []diffLine }

func (t *talk) add(head int, text string) {
	line := diffLine{head: head}
	if head < 0 {
		line.head = len(t.lines)
	}
	text = times.ReplaceAllString(text, "{time}")
	line.text = eachID.ReplaceAllStringFunc(text, func(match string) string {
		id := strings.TrimPrefix(match, "_")
		line.ids = append(line.ids, id)
		return match[:len(match)-len(id)] + "{id}"
	})
	t.lines = append(t.lines, line)
}

var (
	times = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?|\b\d{12,13}\b`)
	// eachID also matches UUIDs, and the ids of anonymous people in older recordings. Names of events have an underscore in front of an id.
	eachID = regexp.MustCompile(`(?:_|\b)(?:` + oldMemberIDs + `[0-9a-f]{8}|[0-9a-fA-F]{24,}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\b`)
)

// fields adds the fields of a body or a frame, sorted.
func (t *talk) fields(head int, mark, text string) {
	fields := map[string]string{}
	if !addJSON(fields, "", text) {
		fields[""] = digest(text)
	}
	nested(fields, 0)
	for _, name := range sortedKeys(fields) {
		value := fields[name]
		switch last := name[strings.LastIndexByte(name, '.')+1:]; strings.ToLower(last) {
		case "sid", "connectionid", "connectionkey": // random for each connection
			value = "{connection}"
		case "starttime": // seconds since the song began
			value = "{time}"
		}
		t.add(head, fmt.Sprintf("  %s %s = %s", mark, strings.TrimPrefix(name, "."), value))
	}
}

// nested replaces JSON in strings by its fields.
func nested(fields map[string]string, depth int) {
	for _, name := range sortedKeys(fields) {
		var v any
		s, err := strconv.Unquote(fields[name])
		if err != nil || depth >= maxNested || !jsonInside(s, &v) {
			continue
		}
		inner := map[string]string{}
		if !addJSON(inner, name+"(json)", s) {
			continue
		}
		nested(inner, depth+1)
		delete(fields, name)
		maps.Copy(fields, inner)
	}
}

// byShape returns the exchanges of a tape in an order that does not depend on ids, which their paths hold. Those that differ only by ids
// are in the order in which their ids appear in the recording.
func byShape(t *Tape) []*Exchange {
	ids := numberIDs(keysOf(t.HTTP), t.Socket, nil)
	type labelled struct {
		*Exchange
		shape, label string
	}
	all := make([]labelled, len(t.HTTP))
	for i, e := range t.HTTP {
		label := e.Label()
		all[i] = labelled{e, eachID.ReplaceAllString(label, ""), ids.text(label)}
	}
	slices.SortStableFunc(all, func(a, b labelled) int {
		return cmp.Or(strings.Compare(a.shape, b.shape), strings.Compare(a.label, b.label))
	})
	exchanges := make([]*Exchange, len(all))
	for i, e := range all {
		exchanges[i] = e.Exchange
	}
	return exchanges
}

// lines returns a recording as lines that can be compared.
func lines(t *Tape) []diffLine {
	var all talk
	for _, e := range byShape(t) {
		head := len(all.lines)
		all.add(-1, e.Label())
		if e.Request.Body != "" {
			all.fields(head, ">", e.Request.Body)
		}
		if e.Response.Body != "" {
			all.fields(head, "<", e.Response.Body)
		}
	}
	for _, r := range t.Socket {
		if r.Frame() && heartbeat(r) {
			continue
		}
		head := len(all.lines)
		if _, isMessage := strings.CutPrefix(string(r.Data), string(rune(packetMessage))); r.Frame() && isMessage && json.Valid(r.Data[1:]) {
			m := ParseMessage(r.Data)
			name := cmp.Or(m.Name, fmt.Sprintf("action %d", m.Action))
			all.add(-1, strings.TrimSpace(fmt.Sprintf("#%d %s %s %s", r.Conn, r.Dir, name, m.Channel)))
			all.fields(head, r.Dir, string(r.Data[1:]))
			continue
		}
		if r.Frame() && len(r.Data) > 1 && json.Valid(r.Data[1:]) {
			all.add(-1, fmt.Sprintf("#%d %s packet %q", r.Conn, r.Dir, r.Data[0]))
			all.fields(head, r.Dir, string(r.Data[1:]))
			continue
		}
		all.add(-1, fmt.Sprintf("#%d %s", r.Conn, r.Label()))
	}
	return all.lines
}

// maxDiff bounds the table of align.
const maxDiff = 4 << 20

// edit is a step from one recording to another: a line of x, of y, or of both.
type edit struct{ x, y int } // -1 for none

// align returns the steps from n things to m others that have the highest sum of scores. A score of 0 keeps two things apart, and
// best is that of equal ones.
func align(n, m int, best int32, score func(i, j int) int32) (all []edit) {
	from := 0
	for from < n && from < m && score(from, from) == best {
		all = append(all, edit{from, from})
		from++
	}
	var tail []edit
	for n > from && m > from && score(n-1, m-1) == best {
		n, m = n-1, m-1
		tail = append(tail, edit{n, m})
	}
	slices.Reverse(tail)
	i, j := from, from
	if width := m - from + 1; (n-from)*width <= maxDiff {
		sums := make([]int32, (n-from+1)*width)
		at := func(i, j int) *int32 { return &sums[(i-from)*width+j-from] }
		for i := n - 1; i >= from; i-- {
			for j := m - 1; j >= from; j-- {
				*at(i, j) = max(*at(i+1, j), *at(i, j+1))
				if s := score(i, j); s > 0 {
					*at(i, j) = max(*at(i, j), *at(i+1, j+1)+s)
				}
			}
		}
		for i < n && j < m {
			switch s := score(i, j); {
			case s > 0 && *at(i, j) == *at(i+1, j+1)+s:
				all = append(all, edit{i, j})
				i, j = i+1, j+1
			case *at(i+1, j) >= *at(i, j+1):
				all = append(all, edit{i, -1})
				i++
			default:
				all = append(all, edit{-1, j})
				j++
			}
		}
	}
	for ; i < n; i++ {
		all = append(all, edit{i, -1})
	}
	for ; j < m; j++ {
		all = append(all, edit{-1, j})
	}
	return append(all, tail...)
}

// block is a request or a record with its fields: lines from up to before end.
type block struct {
	from, end int
	text      string
}

func blocks(lines []diffLine) (all []block) {
	for i, line := range lines {
		if line.head == i {
			all = append(all, block{from: i})
		}
		last := &all[len(all)-1]
		last.end = i + 1
		last.text += line.text + "\n"
	}
	return all
}

// edits returns the steps from x to y. Fields are compared only within a request or record that both have.
func edits(x, y []diffLine) (all []edit) {
	p, q := blocks(x), blocks(y)
	const equal, alike = 3, 2
	steps := align(len(p), len(q), equal, func(i, j int) int32 {
		switch {
		case p[i].text == q[j].text:
			return equal
		case x[p[i].from].text == y[q[j].from].text:
			return alike
		}
		return 0
	})
	for _, s := range steps {
		var of, to block
		if s.x >= 0 {
			of = p[s.x]
		}
		if s.y >= 0 {
			to = q[s.y]
		}
		inner := align(of.end-of.from, to.end-to.from, 1, func(i, j int) int32 {
			if x[of.from+i].text == y[to.from+j].text {
				return 1
			}
			return 0
		})
		for _, e := range inner {
			if e.x >= 0 {
				e.x += of.from
			}
			if e.y >= 0 {
				e.y += to.from
			}
			all = append(all, e)
		}
	}
	return all
}

// pairIDs returns which id of x stands for which of y: the pairs that most lines agree on.
func pairIDs(x, y []diffLine, all []edit) map[string]string {
	type pair struct{ x, y string }
	votes := map[pair]int{}
	var pairs []pair
	for _, e := range all {
		if e.x < 0 || e.y < 0 {
			continue
		}
		for i, id := range x[e.x].ids {
			p := pair{id, y[e.y].ids[i]}
			if votes[p] == 0 {
				pairs = append(pairs, p)
			}
			votes[p]++
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(votes[b], votes[a]) })
	paired, taken := map[string]string{}, map[string]bool{}
	for _, p := range pairs {
		if paired[p.x] == "" && !taken[p.y] {
			paired[p.x], taken[p.y] = p.y, true
		}
	}
	return paired
}

// Diff returns what b says differently from a, as lines that begin with "-" or "+", after a line that begins with a space and names
// the request or record they belong to. It returns nil if nothing differs. Times, heartbeats and the names of connections do not
// count. Of ids it counts only which are the same: each id of a stands for one of b.
func Diff(a, b *Tape) (out []string) {
	x, y := lines(a), lines(b)
	all := edits(x, y)
	paired := pairIDs(x, y, all)
	number := map[string]int{} // by id of a, or by id of b that stands for none
	named := func(line diffLine, name func(id string) string) string {
		i := 0
		return eachPlaceholder.ReplaceAllStringFunc(line.text, func(string) string {
			if i >= len(line.ids) { // a text that holds {id}
				return "{id}"
			}
			id := name(line.ids[i])
			i++
			if number[id] == 0 {
				number[id] = len(number) + 1
			}
			return fmt.Sprintf("{id %d}", number[id])
		})
	}
	back := make(map[string]string, len(paired))
	for of, to := range paired {
		back[to] = of
	}
	ofA := func(id string) string { return id }
	ofB := func(id string) string { return cmp.Or(back[id], "b "+id) }
	var head string // the line that the last one printed belongs to
	for _, e := range all {
		if e.x >= 0 && e.y >= 0 {
			line := x[e.x]
			if line.head == e.x {
				head = "  " + named(line, ofA)
			}
			if slices.EqualFunc(line.ids, y[e.y].ids, func(of, to string) bool { return paired[of] == to }) {
				continue
			}
		}
		write := func(mark string, line diffLine, isHead bool, name func(string) string) {
			if isHead {
				head = ""
			}
			if head != "" {
				out = append(out, printable.Text(head))
				head = ""
			}
			out = append(out, mark+printable.Text(named(line, name)))
		}
		if e.x >= 0 {
			write("- ", x[e.x], x[e.x].head == e.x, ofA)
		}
		if e.y >= 0 {
			write("+ ", y[e.y], y[e.y].head == e.y, ofB)
		}
	}
	return out
}

var eachPlaceholder = regexp.MustCompile(`\{id\}`)
