package cassette

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"

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

// Show writes a recording for people: the requests, then the records of the websocket by time. Each record is one line without
// control characters, whatever a stranger has written. It cuts lines after width columns, unless that is 0.
func Show(w io.Writer, t *Tape, colour bool, width int) error {
	p := newPalette(colour)
	var b bytes.Buffer
	h := t.Header
	if h.Version != "" { // else only the half without a header was read
		showHeader(&b, h, width, p)
	}
	for _, e := range t.HTTP {
		b.WriteByte('\n')
		showLine(&b, p.out, fmt.Sprintf("%4d ", e.ID), e.Label(), width, p)
		showBody(&b, p.out, "     > ", e.Request.Body, width, p)
		showBody(&b, p.in, "     < ", e.Response.Body, width, p)
	}
	records := slices.Clone(t.Socket)
	slices.SortStableFunc(records, func(a, b *Record) int { return cmp.Compare(a.At, b.At) })
	if len(records) > 0 {
		b.WriteByte('\n')
	}
	for _, r := range records {
		showRecord(&b, r, width, p)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func showHeader(b *bytes.Buffer, h Header, width int, p palette) {
	parts := []string{"version " + h.Version, "source " + h.Source}
	if !h.Date.IsZero() {
		parts = append(parts, h.Date.UTC().Format("2006-01-02 15:04:05"))
	}
	if h.Library != "" {
		parts = append(parts, "library "+h.Library)
	}
	for _, kind := range sortedKeys(h.Redactions) {
		parts = append(parts, fmt.Sprintf("%d %s", h.Redactions[kind], kind))
	}
	line := parts[0]
	for _, part := range parts[1:] {
		if width > 0 && uniseg.StringWidth(printable.Text(line+", "+part+",")) > width {
			showLine(b, p.dim, "", line+",", width, p)
			line = part
			continue
		}
		line += ", " + part
	}
	showLine(b, p.dim, "", line, width, p)
}

// showLine writes one line, and no more than width columns of it.
func showLine(b *bytes.Buffer, colour, prefix, text string, width int, p palette) {
	fmt.Fprintf(b, "%s%s%s\n", colour, columns(prefix+printable.Text(text), width), p.off)
}

// columns cuts a line after width columns, as terminals count them, and marks the cut. A width of 0 cuts nothing.
func columns(line string, width int) string {
	if width <= 0 || uniseg.StringWidth(line) <= width {
		return line
	}
	used, end := 0, 0
	for g := uniseg.NewGraphemes(line); g.Next(); {
		if used += g.Width(); used > width-1 { // one for the mark
			break
		}
		_, end = g.Positions()
	}
	return line[:end] + "…"
}

func showBody(b *bytes.Buffer, colour, prefix, body string, width int, p palette) {
	if body == "" {
		return
	}
	var indented bytes.Buffer
	if json.Indent(&indented, []byte(body), "", "  ") == nil {
		body = indented.String()
	} else if !utf8.ValidString(body) {
		body = fmt.Sprintf("%q", clip(body, 256))
	}
	for line := range strings.Lines(body) {
		showLine(b, colour, prefix, strings.TrimRight(line, "\r\n"), width, p)
	}
}

func showRecord(b *bytes.Buffer, r *Record, width int, p palette) {
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
	showLine(b, colour, fmt.Sprintf("%9.3f #%d ", float64(r.At)/1000, r.Conn), text, width, p)
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
