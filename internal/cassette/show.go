package cassette

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/queup-go/queup/internal/printable"
)

// palette holds the colours of [Show] as codes for terminals. They are empty without colour.
type palette struct{ in, out, dim, bad, off string }

func newPalette(colour bool) palette {
	if !colour {
		return palette{}
	}
	return palette{in: "\x1b[36m", out: "\x1b[33m", dim: "\x1b[2m", bad: "\x1b[31m", off: "\x1b[0m"}
}

// Show writes a recording for people: the requests, then the records of the websocket by time. It cuts lines at width, unless that
// is 0.
func Show(w io.Writer, t *Tape, colour bool, width int) error {
	p := newPalette(colour)
	var b bytes.Buffer
	h := t.Header
	fmt.Fprintf(&b, "%sversion %s, source %s", p.dim, h.Version, h.Source)
	if !h.Date.IsZero() {
		fmt.Fprintf(&b, ", %s", h.Date.UTC().Format("2006-01-02 15:04:05"))
	}
	if h.Library != "" {
		fmt.Fprintf(&b, ", library %s", h.Library)
	}
	for _, kind := range sortedKeys(h.Redactions) {
		fmt.Fprintf(&b, ", %d %s", h.Redactions[kind], kind)
	}
	fmt.Fprintf(&b, "%s\n", p.off)
	for _, e := range t.HTTP {
		fmt.Fprintf(&b, "\n%s%4d %s%s\n", p.out, e.ID, e.Label(), p.off)
		showBody(&b, p.out+"     > ", e.Request.Body, width, p)
		showBody(&b, p.in+"     < ", e.Response.Body, width, p)
	}
	records := slices.Clone(t.Socket)
	slices.SortStableFunc(records, func(a, b *Record) int { return cmp.Compare(a.At, b.At) })
	if len(records) > 0 {
		b.WriteByte('\n')
	}
	for _, r := range records {
		b.WriteString(showRecord(r, width, p))
	}
	_, err := w.Write(b.Bytes())
	return err
}

func showBody(b *bytes.Buffer, prefix, body string, width int, p palette) {
	if body == "" {
		return
	}
	var indented bytes.Buffer
	if json.Indent(&indented, []byte(body), "", "  ") == nil {
		body = indented.String()
	} else {
		body = shown(body)
	}
	for line := range strings.Lines(body) {
		line = printable.Text(strings.TrimRight(line, "\n"))
		if width > 0 {
			line = clip(line, width)
		}
		fmt.Fprintf(b, "%s%s%s\n", prefix, line, p.off)
	}
}

// shown returns a text without control characters for a terminal. Lines stay lines.
func shown(s string) string {
	if flat := strings.ReplaceAll(s, "\n", ""); printable.Text(flat) == flat && !strings.ContainsRune(flat, '\uFFFD') {
		return s
	}
	return fmt.Sprintf("%q", clip(s, 256))
}

func showRecord(r *Record, width int, p palette) string {
	colour := p.dim
	switch {
	case r.Op == OpDrop || r.Op == OpClose || r.Op == OpOpen && r.Status != 101:
		colour = p.bad
	case r.Frame() && !heartbeat(r):
		colour = p.in
		if r.Dir == Out {
			colour = p.out
		}
	}
	text := r.Label()
	if r.Frame() {
		text = r.Dir + " " + describe(r)
	}
	if len(r.After) > 0 {
		text += fmt.Sprintf(" (after request %s)", strings.Trim(fmt.Sprint(r.After), "[]"))
	}
	if width > 0 {
		text = clip(text, width)
	}
	return fmt.Sprintf("%s%9.3f #%d %s%s\n", colour, float64(r.At)/1000, r.Conn, shown(text), p.off)
}

func heartbeat(r *Record) bool {
	m := ParseMessage(r.Data)
	return m.Ping || m.Pong || m.Heartbeat
}

func describe(r *Record) string {
	m := ParseMessage(r.Data)
	switch {
	case m.Ping:
		return "ping"
	case m.Pong:
		return "pong"
	case m.Name != "":
		var f struct {
			Message struct {
				Data json.RawMessage `json:"data"`
			} `json:"message"`
		}
		if json.Unmarshal(r.Data[1:], &f) == nil {
			data := string(f.Message.Data)
			if s := jsonString(f.Message.Data); s != "" {
				data = s
			}
			return fmt.Sprintf("%s %s %s", m.Channel, m.Name, data)
		}
	}
	return strings.TrimPrefix(r.Label(), r.Dir+" ")
}

// lines returns a recording as lines that can be compared.
func lines(t *Tape) (all []string) {
	for _, e := range t.HTTP {
		all = append(all, e.Label())
		for _, body := range []struct{ mark, text string }{{">", e.Request.Body}, {"<", e.Response.Body}} {
			if body.text == "" {
				continue
			}
			fields := map[string]string{}
			if !addJSON(fields, "", body.text) {
				fields = map[string]string{"": digest(body.text)}
			}
			for _, name := range sortedKeys(fields) {
				all = append(all, fmt.Sprintf("  %s %s = %s", body.mark, strings.TrimPrefix(name, "."), fields[name]))
			}
		}
	}
	for _, r := range t.Socket {
		if r.Frame() && heartbeat(r) {
			continue
		}
		all = append(all, fmt.Sprintf("#%d %s", r.Conn, r.Label()))
		if !r.Frame() {
			continue
		}
		fields := map[string]string{}
		if len(r.Data) > 0 && addJSON(fields, "", string(r.Data[1:])) {
			for _, name := range sortedKeys(fields) {
				all = append(all, fmt.Sprintf("  %s %s = %s", r.Dir, strings.TrimPrefix(name, "."), fields[name]))
			}
		}
	}
	return all
}

// maxDiff bounds the table of Diff: lines of one side times lines of the other.
const maxDiff = 4 << 20

// Diff returns how b differs from a, as lines that begin with "-" or "+"; nil if they are equal. Times and heartbeats do not count.
func Diff(a, b *Tape) []string {
	x, y := lines(a), lines(b)
	var out []string
	for len(x) > 0 && len(y) > 0 && x[0] == y[0] {
		x, y = x[1:], y[1:]
	}
	for len(x) > 0 && len(y) > 0 && x[len(x)-1] == y[len(y)-1] {
		x, y = x[:len(x)-1], y[:len(y)-1]
	}
	if len(x)*len(y) > maxDiff {
		for _, line := range x {
			out = append(out, "- "+line)
		}
		for _, line := range y {
			out = append(out, "+ "+line)
		}
		return out
	}
	// common[i][j] is how many lines x[i:] and y[j:] share in order.
	common := make([][]int32, len(x)+1)
	for i := range common {
		common[i] = make([]int32, len(y)+1)
	}
	for i, left := range slices.Backward(x) {
		for j, right := range slices.Backward(y) {
			if left == right {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(x) || j < len(y) {
		switch {
		case i < len(x) && j < len(y) && x[i] == y[j]:
			i, j = i+1, j+1
		case j == len(y) || i < len(x) && common[i+1][j] >= common[i][j+1]:
			out = append(out, "- "+x[i])
			i++
		default:
			out = append(out, "+ "+y[j])
			j++
		}
	}
	return out
}
