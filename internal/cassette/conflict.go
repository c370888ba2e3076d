package cassette

import (
	"bytes"
	"fmt"
)

// ConflictError is returned for a file in which git has left a merge conflict.
type ConflictError struct{ Line int }

// Error names the line and the remedy. Half of one recording and half of another cannot be played, so both files come from one side.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("line %d: a merge conflict: record the cassette again, or take both of its files from one side", e.Line)
}

// conflict returns a ConflictError if a line is a marker of a merge conflict. No other line of a cassette begins like one: JSON begins
// with a brace, and texts in YAML are indented.
func conflict(b []byte) error {
	n := 0
	for line := range bytes.Lines(b) {
		n++
		for _, marker := range []string{"<<<<<<<", ">>>>>>>"} {
			if rest, ok := bytes.CutPrefix(line, []byte(marker)); ok && (len(rest) == 0 || bytes.IndexByte([]byte(" \r\n"), rest[0]) >= 0) {
				return &ConflictError{n}
			}
		}
	}
	return nil
}
