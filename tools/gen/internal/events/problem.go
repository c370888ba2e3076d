package events

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// A problem is a mistake in the schema.
type problem struct {
	place
	text string
}

// A place is a position in the schema file.
type place struct {
	line, col int    // counted from 1; the column in bytes, as Go tools do
	pointer   string // JSON pointer
}

// problems are collected, so that an author sees all of them at once.
type problems []problem

func (p *problems) add(at place, format string, args ...any) {
	*p = append(*p, problem{at, fmt.Sprintf(format, args...)})
}

// err returns all problems as one error, in the order of the file.
func (p problems) err(file string) error {
	slices.SortStableFunc(p, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.col, b.col))
	})
	errs := make([]error, len(p))
	for i, x := range p {
		pointer := x.pointer
		if pointer == "" {
			pointer = "/"
		}
		errs[i] = fmt.Errorf("%s:%d:%d: %s: %s", file, x.line, x.col, pointer, x.text)
	}
	return errors.Join(errs...)
}
