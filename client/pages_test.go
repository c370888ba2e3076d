package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
)

// A shelf is a list at QueUp in a test: what a page is asked for, and what is on it.
type shelf struct {
	rows  []int
	asked []string
	after func(s *shelf) // runs after each page
}

func (s *shelf) from(start int) []string {
	start = min(start, len(s.rows))
	var page []string
	for _, row := range s.rows[start:min(start+pageSize, len(s.rows))] {
		page = append(page, fmt.Sprint(row))
	}
	if s.after != nil {
		s.after(s)
	}
	return page
}

func (s *shelf) byPage(ctx context.Context) iter.Seq2[string, error] {
	return byPage(ctx, plain, func(_ context.Context, page int) ([]string, int, error) {
		s.asked = append(s.asked, fmt.Sprint(page))
		rows := s.from((page - 1) * pageSize)
		return rows, len(rows), nil
	})
}

func (s *shelf) byOffset(ctx context.Context) iter.Seq2[string, error] {
	return byOffset(ctx, plain, func(_ context.Context, offset int) ([]string, int, error) {
		s.asked = append(s.asked, fmt.Sprint(offset))
		rows := s.from(offset)
		return rows, len(rows), nil
	})
}

func numbers(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i + 1
	}
	return list
}

// take reads at most n rows of a list, and the error that ends it.
func take(list iter.Seq2[string, error], n int) (rows []string, err error) {
	if n == 0 {
		return nil, nil
	}
	for row, err := range list {
		if err != nil {
			return rows, err
		}
		if rows = append(rows, row); len(rows) == n {
			break
		}
	}
	return rows, nil
}

// Source: docs/PROTOCOL.md 7, rule 31.
func TestPages_fetchWhatIsWanted(t *testing.T) {
	tests := map[string]struct {
		rows, want     int
		pages, offsets []string
		expected       int
	}{
		"nothing there":          {0, 100, []string{"1"}, []string{"0"}, 0},
		"one short page":         {19, 100, []string{"1", "2"}, []string{"0", "20"}, 19},
		"one full page":          {20, 100, []string{"1", "2"}, []string{"0", "20"}, 20},
		"two and a bit":          {45, 100, []string{"1", "2", "3", "4"}, []string{"0", "20", "40", "60"}, 45},
		"break in a page":        {45, 3, []string{"1"}, []string{"0"}, 3},
		"break at a page's end":  {45, 20, []string{"1"}, []string{"0"}, 20},
		"break after a page":     {45, 21, []string{"1", "2"}, []string{"0", "20"}, 21},
		"nothing is asked for":   {45, 0, nil, nil, 0},
		"the last row is wanted": {45, 45, []string{"1", "2", "3"}, []string{"0", "20", "40"}, 45},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := &shelf{rows: numbers(tt.rows)}
			rows, err := take(s.byPage(t.Context()), tt.want)
			if err != nil || len(rows) != tt.expected || !slices.Equal(s.asked, tt.pages) {
				t.Errorf("by page: %d rows of pages %v, %v", len(rows), s.asked, err)
			}
			s = &shelf{rows: numbers(tt.rows)}
			rows, err = take(s.byOffset(t.Context()), tt.want)
			if err != nil || len(rows) != tt.expected || !slices.Equal(s.asked, tt.offsets) {
				t.Errorf("by offset: %d rows of offsets %v, %v", len(rows), s.asked, err)
			}
		})
	}
}

func TestPages_everyRowOnce(t *testing.T) {
	next := 100
	s := &shelf{rows: numbers(45), after: func(s *shelf) { // three more in front while each page is read
		s.rows = append([]int{next, next + 1, next + 2}, s.rows...)
		next += 3
	}}
	rows, err := take(s.byPage(t.Context()), 1000)
	if err != nil {
		t.Fatal(err)
	}
	want := numbers(45)
	for i, row := range rows {
		if i >= len(want) || row != fmt.Sprint(want[i]) {
			t.Fatalf("row %d is %s: %v", i, row, rows)
		}
	}
	if len(rows) != 45 {
		t.Errorf("%d rows", len(rows))
	}
	again, err := take(s.byPage(t.Context()), 1)
	if err != nil || len(again) != 1 || again[0] == "1" {
		t.Errorf("a second loop does not read the list anew: %v, %v", again, err)
	}
}

func TestPages_thatComeBackForEverEnd(t *testing.T) {
	page := make([]string, pageSize)
	for i := range page {
		page[i] = fmt.Sprint(i)
	}
	calls := 0
	rows, err := take(byPage(t.Context(), plain, func(context.Context, int) ([]string, int, error) {
		calls++
		return page, len(page), nil
	}), 1000)
	if err == nil || len(rows) != pageSize || calls != 1+maxRepeats {
		t.Errorf("%d rows of %d calls, %v: rows may be missing, and nobody is told", len(rows), calls, err)
	}
	calls = 0
	rows, err = take(byPage(t.Context(), plain, func(context.Context, int) ([]string, int, error) {
		calls++
		return page[:3], 3, nil
	}), 1000)
	if err != nil || len(rows) != 3 || calls != 2 {
		t.Errorf("the last page comes again: %d rows of %d calls, %v", len(rows), calls, err)
	}
	calls = 0
	rows, err = take(byPage(t.Context(), func(string) string { return "" }, func(context.Context, int) ([]string, int, error) {
		calls++
		return page, len(page), nil
	}), 1000)
	if err == nil || calls != maxRepeats {
		t.Errorf("without ids: %d rows of %d calls, %v", len(rows), calls, err)
	}
}

func TestPages_countWhatWasLeftOut(t *testing.T) {
	calls := 0
	rows, err := take(byPage(t.Context(), plain, func(_ context.Context, page int) ([]string, int, error) {
		calls++
		switch page {
		case 3:
			return []string{"last"}, 1, nil
		case 4:
			return nil, 2, nil // none was of any use
		case 5:
			return nil, 0, nil
		}
		return []string{fmt.Sprint(page)}, pageSize, nil // the rest was of no use
	}), 1000)
	if err != nil || !slices.Equal(rows, []string{"1", "2", "last"}) || calls != 5 {
		t.Errorf("%v of %d calls, %v", rows, calls, err)
	}
}

func TestPages_errorsComeOnceAndEndTheList(t *testing.T) {
	down := errors.New("down")
	calls, failures, rows := 0, 0, 0
	list := byPage(t.Context(), plain, func(_ context.Context, page int) ([]string, int, error) {
		calls++
		if page == 2 {
			return nil, 0, down
		}
		s := &shelf{rows: numbers(40)}
		return s.from((page - 1) * pageSize), pageSize, nil
	})
	for row, err := range list { // and on, in spite of the error
		if err != nil {
			failures++
			if row != "" || !errors.Is(err, down) {
				t.Errorf("%q, %v", row, err)
			}
			continue
		}
		rows++
	}
	if rows != pageSize || failures != 1 || calls != 2 {
		t.Errorf("%d rows, %d errors, %d calls", rows, failures, calls)
	}
	n := 0
	for _, err := range failing[string](down) {
		if n++; !errors.Is(err, down) {
			t.Error(err)
		}
	}
	if n != 1 {
		t.Errorf("%d errors", n)
	}
}

func TestPages_endWithTheirContext(t *testing.T) {
	why := errors.New("bot is going home")
	for _, at := range []int{0, 5, pageSize} {
		ctx, cancel := context.WithCancelCause(t.Context())
		s := &shelf{rows: numbers(45)}
		rows, failures := 0, 0
		if at == 0 {
			cancel(why)
		}
		for _, err := range s.byPage(ctx) {
			if err != nil {
				failures++
				if !errors.Is(err, why) {
					t.Error(err)
				}
				continue
			}
			if rows++; rows == at {
				cancel(why)
			}
		}
		if rows != at || failures != 1 || len(s.asked) > 1 {
			t.Errorf("ended after %d rows: %d rows, %d errors, pages %v", at, rows, failures, s.asked)
		}
		cancel(nil)
	}
}

func TestByToken(t *testing.T) {
	two := func(a, b string) []string { return []string{a, b} }
	type answer struct {
		rows []string
		next string
	}
	tests := map[string]struct {
		answers map[string]answer // by token
		asked   []string
		rows    []string
	}{
		"no token":           {map[string]answer{"": {two("a", "b"), ""}}, []string{""}, two("a", "b")},
		"nothing":            {map[string]answer{"": {nil, "t1"}}, []string{""}, nil},
		"one row":            {map[string]answer{"": {[]string{"a"}, "t1"}}, []string{""}, []string{"a"}},
		"the same token":     {map[string]answer{"": {two("a", "b"), "t1"}, "t1": {two("c", "d"), "t1"}}, []string{"", "t1"}, []string{"a", "b", "c", "d"}},
		"a circle":           {map[string]answer{"": {two("a", "b"), "t1"}, "t1": {two("c", "d"), "t2"}, "t2": {two("a", "c"), "t1"}}, []string{"", "t1", "t2"}, []string{"a", "b", "c", "d"}},
		"the same row twice": {map[string]answer{"": {two("a", "b"), "t1"}, "t1": {two("b", "c"), ""}}, []string{"", "t1"}, []string{"a", "b", "c"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var asked []string
			rows, err := take(byToken(t.Context(), plain, func(_ context.Context, token string) ([]string, string, error) {
				asked = append(asked, token)
				return tt.answers[token].rows, tt.answers[token].next, nil
			}), 1000)
			if err != nil || !slices.Equal(rows, tt.rows) || !slices.Equal(asked, tt.asked) {
				t.Errorf("%q of tokens %q, %v", rows, asked, err)
			}
		})
	}
}

// However long a list is, only the ids of its latest rows are kept, to tell what comes twice.
func TestPages_knowTheLatestRowsOnly(t *testing.T) {
	s := &shelf{}
	for row := range maxSeen + pageSize {
		s.rows = append(s.rows, row)
	}
	s.rows = append(s.rows, maxSeen, 0) // one that is known still, and one that is not
	var read []string
	for row, err := range s.byPage(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		read = append(read, row)
	}
	if n := len(read); n != maxSeen+pageSize+1 || read[n-1] != "0" {
		t.Errorf("%d rows, the last is %s", n, read[n-1])
	}
}

// Pages in the middle of a list are short while rows of it are deleted. Source: docs/PROTOCOL.md 1.5.
func TestPages_shortOnesInTheMiddleDoNotEndAList(t *testing.T) {
	sizes := []int{20, 19, 20, 1, 19, 0, 20}
	total := 0
	for _, n := range sizes[:5] {
		total += n
	}
	page := func(page int) (rows []string) {
		for i := range sizes[page] {
			rows = append(rows, fmt.Sprint(page, " ", i))
		}
		return rows
	}
	rows, err := take(byPageFrom(t.Context(), 0, plain, func(_ context.Context, at int) ([]string, int, error) {
		return page(at), sizes[at], nil
	}), 1000)
	if err != nil || len(rows) != total {
		t.Errorf("by page: %d rows of %d, %v", len(rows), total, err)
	}
	rows, err = take(byOffset(t.Context(), plain, func(_ context.Context, offset int) ([]string, int, error) {
		return page(offset / pageSize), sizes[offset/pageSize], nil
	}), 1000)
	if err != nil || len(rows) != total {
		t.Errorf("by offset: %d rows of %d, %v", len(rows), total, err)
	}
}

// When as many rows as a page has are added while a list is read, a page comes again that was read before.
func TestPages_thatMoveByAPageMissNothing(t *testing.T) {
	next := 1000
	s := &shelf{rows: numbers(70), after: func(s *shelf) {
		if len(s.rows) < 130 {
			for range pageSize {
				next++
				s.rows = append([]int{next}, s.rows...)
			}
		}
	}}
	rows, err := take(s.byPage(t.Context()), 1000)
	if err != nil || len(rows) != 70 || !slices.Contains(rows, "70") {
		t.Errorf("%d rows of 70, %v", len(rows), err)
	}
}
