package cassettes

import (
	"fmt"
	"strings"
	"testing"

	"github.com/queup-go/queup/internal/cassette"
	"github.com/queup-go/queup/internal/printable"
)

// unmatchedError is the error that the program gets. It names what was sent, without secrets.
type unmatchedError struct{ what string }

func (e *unmatchedError) Error() string        { return printable.Text(ErrUnmatched.Error() + ": " + e.what) }
func (e *unmatchedError) Is(target error) bool { return target == ErrUnmatched }

// candidate is a record that may be the one that the program meant.
type candidate struct {
	id     cassette.Identity
	record string // as cite names it
	used   bool
}

// unmatchedRequest reports a request that the recording does not have.
func (c *Cassette) unmatchedRequest(id cassette.Identity) error {
	var all []candidate
	httpFile, _ := c.file()
	c.play.mu.Lock()
	for _, r := range c.play.all {
		all = append(all, candidate{id: r.comparable(id), record: cite(httpFile, r.Line, r.Label()), used: r.played})
	}
	c.play.mu.Unlock()
	return c.unmatched("request", httpFile, id, all)
}

// unmatchedOpen reports a handshake that the recording does not have.
func (c *Cassette) unmatchedOpen(id cassette.Identity) error {
	var all []candidate
	_, socketFile := c.file()
	c.play.mu.Lock()
	for _, l := range c.play.lines {
		all = append(all, candidate{id: l.id, record: cite(socketFile, l.open.Line, l.open.Label()), used: l.used})
	}
	c.play.mu.Unlock()
	return c.unmatched("handshake", socketFile, id, all)
}

// unmatchedFrame reports a frame that the recording does not have. It returns nil if that is allowed.
func (c *Cassette) unmatchedFrame(l *line, id cassette.Identity) error {
	var all []candidate
	_, socketFile := c.file()
	c.play.mu.Lock()
	for _, s := range l.steps {
		if s.Frame() && s.Dir == cassette.Out && !s.free {
			all = append(all, candidate{id: s.id, record: cite(socketFile, s.Line, s.Label()), used: s.done})
		}
	}
	c.play.mu.Unlock()
	if err := c.unmatched("frame", socketFile, id, all); !c.cfg.allowUnmatched {
		return err
	}
	return nil
}

// unmatched fails the test with details that help to find the cause, unless AllowUnmatched is given. It reports each identity
// once.
func (c *Cassette) unmatched(kind, file string, id cassette.Identity, all []candidate) error {
	var err error = &unmatchedError{what: kind + " " + id.Lane}
	if c.added != nil { // only a frame comes here then
		err = &notAddedError{what: kind + " " + id.Lane, why: errPlayedConnection}
	}
	if c.cfg.allowUnmatched {
		return err
	}
	history, first := c.play.noteUnmatched(kind, id)
	if !first {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "cassettes: %s: no record matches this %s\n  sent\n    %s\n", c.name, kind, id.Lane)
	for _, line := range fieldLines(id) {
		fmt.Fprintf(&b, "      %s\n", line)
	}
	if c.added != nil {
		fmt.Fprintf(&b, "  it cannot be added\n    %v\n", errPlayedConnection)
	}
	writeNearest(&b, file, id, all)
	writeHistory(&b, history)
	fmt.Fprintf(&b, "  record it again: %s", c.origin.command())
	c.report(func(tb testing.TB) {
		tb.Helper()
		tb.Error(b.String())
	})
	c.endTest(b.String(), err)
	return err
}

// writeHistory shows the records played last.
func writeHistory(b *strings.Builder, history []string) {
	b.WriteString("  played last\n")
	if len(history) == 0 {
		b.WriteString("    nothing\n")
	}
	for _, h := range history {
		fmt.Fprintf(b, "    %s\n", h)
	}
}

// maxShown bounds the length of a value in a message, in bytes.
const maxShown = 200

func short(s string) string {
	if len(s) > maxShown {
		return strings.ToValidUTF8(s[:maxShown], "") + "…"
	}
	return s
}

// around is short for a text that differs from another from a place on: it shows that place.
func around(s string, place int) string {
	const before = 60
	if len(s) <= maxShown || place <= before {
		return short(s)
	}
	return "…" + short(strings.ToValidUTF8(s[place-before:], ""))
}

func fieldLines(id cassette.Identity) (lines []string) {
	for _, d := range cassette.Differences(cassette.Identity{Lane: id.Lane}, id) {
		lines = append(lines, d.Field+": "+short(d.Sent))
	}
	return lines
}

// writeNearest shows the record most similar to what was sent, and how they differ. Of equally similar records it prefers
// one that was not played yet.
func writeNearest(b *strings.Builder, file string, id cassette.Identity, all []candidate) {
	if len(all) == 0 {
		fmt.Fprintf(b, "  nearest\n    %s has none\n", file)
		return
	}
	var open, used []candidate
	for _, c := range all {
		if c.used {
			used = append(used, c)
		} else {
			open = append(open, c)
		}
	}
	ordered := append(open, used...)
	ids := make([]cassette.Identity, len(ordered))
	for i, c := range ordered {
		ids[i] = c.id
	}
	n := ordered[cassette.Nearest(id, ids)]
	note := ""
	if n.used {
		note = " (already played)"
	}
	fmt.Fprintf(b, "  nearest\n    %s%s\n", n.record, note)
	diff := cassette.Differences(n.id, id)
	for _, d := range diff {
		from := 0
		if d.Had && d.HasSomewhat {
			from = cassette.CommonPrefix(d.Recorded, d.Sent)
		}
		if d.Had {
			fmt.Fprintf(b, "    - %s: %s\n", d.Field, around(d.Recorded, from))
		}
		if d.HasSomewhat {
			fmt.Fprintf(b, "    + %s: %s\n", d.Field, around(d.Sent, from))
		}
	}
	if len(diff) == 0 {
		b.WriteString("    nothing differs: it was sent more often than it was recorded\n")
	}
}

// noteUnmatched notes that something is not in the recording. It returns what was played last, and whether it is the first time.
func (p *playback) noteUnmatched(kind string, id cassette.Identity) (history []string, first bool) {
	key := kind + "\n" + id.Key()
	p.mu.Lock()
	defer p.mu.Unlock()
	first = !p.unmatched[key]
	p.unmatched[key] = true
	return append([]string(nil), p.history...), first
}
