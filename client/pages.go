package client

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/queup-go/queup/client/internal/cache"
)

const (
	// pageSize is how many rows QueUp puts on a page of a list. A page can have fewer; only an empty page is the end.
	// Source: docs/PROTOCOL.md 1.5.
	pageSize = 20
	// maxPages bounds a list that does not end.
	maxPages = 100_000
	// maxSeen is how many rows are remembered, so that none of them comes twice: those of the last hundred pages. A row
	// could only come twice if that many rows were added to the list while it is read.
	maxSeen = 100 * pageSize
	// maxRepeats is how many pages in a row may have no new row. For each such page, a page of rows must have been added to
	// the list while it is read.
	maxRepeats = 10
)

// byPage iterates over a list whose pages are numbered from 1, up to an empty page. id tells rows apart. fetch also returns
// how many rows the page had, including those that it leaves out.
func byPage[T any, K ~string](
	ctx context.Context, id func(T) K, fetch func(ctx context.Context, page int) (rows []T, sent int, err error),
) iter.Seq2[T, error] {
	return byPageFrom(ctx, 1, id, fetch)
}

// byPageFrom is byPage, starting at a given page.
func byPageFrom[T any, K ~string](
	ctx context.Context, first int, id func(T) K, fetch func(ctx context.Context, page int) (rows []T, sent int, err error),
) iter.Seq2[T, error] {
	return pages(ctx, id, first, true, func(ctx context.Context, page int) ([]T, int, bool, error) {
		rows, sent, err := fetch(ctx, page)
		return rows, page + 1, sent > 0 && page < math.MaxInt, err
	})
}

// byOffset iterates over a list whose pages are requested by the number of rows before them. Otherwise it is like byPage.
func byOffset[T any, K ~string](
	ctx context.Context, id func(T) K, fetch func(ctx context.Context, offset int) (rows []T, sent int, err error),
) iter.Seq2[T, error] {
	return pages(ctx, id, 0, true, func(ctx context.Context, offset int) ([]T, int, bool, error) {
		rows, sent, err := fetch(ctx, offset)
		return rows, offset + pageSize, sent > 0, err
	})
}

// byToken iterates over a list in which each page has the token for the next one. The first page is requested with an empty
// token. The last page has an empty token, or the token it was requested with, or at most one row.
func byToken[T any, K ~string](
	ctx context.Context, id func(T) K, fetch func(ctx context.Context, token string) (rows []T, next string, err error),
) iter.Seq2[T, error] {
	return pages(ctx, id, "", false, func(ctx context.Context, token string) ([]T, string, bool, error) {
		rows, next, err := fetch(ctx, token)
		return rows, next, next != "" && next != token && len(rows) > 1, err
	})
}

// pages iterates over a list that comes in pages. Each loop over it reads the list again, and a page is fetched when its
// first row is needed.
//
// A list may grow while it is read, so a row that was seen before is skipped. QueUp may repeat the last page without end,
// so a short page that comes twice in a row ends the list. Too many other pages without a new row are an error, because
// rows may be missing. In a list that does not move, rows stay on their page, and any page without a new row ends it. An
// error is returned once and ends the list.
func pages[T any, K ~string, P any](
	ctx context.Context, id func(T) K, first P, moves bool, fetch func(ctx context.Context, at P) (rows []T, next P, more bool, err error),
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		seen := cache.NewLRU[K, struct{}](maxSeen)
		at, repeats := first, 0
		var last []K // the ids of the previous page
		for range maxPages {
			if err := over(ctx); err != nil {
				yield(none, err)
				return
			}
			rows, next, more, err := fetch(ctx, at)
			if err != nil {
				yield(none, err)
				return
			}
			news := false
			var ids []K
			for _, row := range rows {
				if err := over(ctx); err != nil {
					yield(none, err)
					return
				}
				key := id(row)
				ids = append(ids, key)
				if seen.Contains(key) {
					continue
				}
				if key != "" { // rows without an id cannot be told apart
					seen.Add(key, struct{}{})
					news = true
				}
				if !yield(row, nil) {
					return
				}
			}
			if !more || !news && (!moves || len(rows) < pageSize && slices.Equal(ids, last)) {
				return
			}
			last = ids
			if repeats++; news {
				repeats = 0
			}
			if repeats == maxRepeats {
				yield(none, fmt.Errorf("queup: the list repeats itself: %d pages had nothing new, so rows may be missing", maxRepeats))
				return
			}
			at = next
		}
		yield(none, fmt.Errorf("queup: the list has no end: %d pages were read", maxPages))
	}
}

// over returns the cause of a context that has ended, nil before.
func over(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return fmt.Errorf("queup: %w", context.Cause(ctx))
}

// failing returns a list that cannot be read.
func failing[T any](err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		yield(none, err)
	}
}
