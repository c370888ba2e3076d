package main

import (
	"context"
	"fmt"
	"time"

	"github.com/queup-go/queup/client"
)

const (
	// pageSize is how many plays are on a page of the history.
	pageSize = 20
	// overlap is how much of what is known is read again, in case plays are not quite in their order.
	overlap = 15 * time.Minute
)

// history saves what has played: what is new since the last time, then what is older than anything that is known, then
// what was played during all that.
func (x *exporter) history(ctx context.Context) error {
	before := x.plays.len()
	if !x.state.Top.IsZero() {
		if err := x.head(ctx); err != nil {
			return err
		}
	}
	if !x.state.Complete {
		if err := x.tail(ctx); err != nil {
			return err
		}
		if err := x.head(ctx); err != nil {
			return err
		}
	}
	x.bar.end()
	count, err := x.tables("history", playColumns, x.plays.each)
	if err != nil {
		return err
	}
	fmt.Fprintf(x.out, "%-10s %s in history.*, %d of them new\n", "history", count, x.plays.len()-before)
	return nil
}

// head reads the newest plays down to those that are known. Only when it gets there the plays it has read count as
// without a hole: if it is interrupted, it begins at the newest again.
func (x *exporter) head(ctx context.Context) error {
	x.bar.begin("new plays")
	start, newest, read := time.Now(), x.state.Top, 0
	for song, err := range x.room.History(ctx) {
		if err != nil {
			return err
		}
		if !song.PlayedAt.IsZero() && song.PlayedAt.Before(x.state.Top.Add(-overlap)) {
			break
		}
		if err := x.plays.add(song); err != nil {
			return err
		}
		if song.PlayedAt.After(newest) {
			newest = song.PlayedAt
		}
		read++
		x.bar.set(read, share(start, song.PlayedAt, x.state.Top))
	}
	x.state.Top = newest
	return x.saveState()
}

// tail reads on from the oldest play that is known. Plays move to later pages as songs are played, so the page where
// that play would be begins with plays that are known. If it does not, QueUp has fewer than it had, and an earlier page
// does.
func (x *exporter) tail(ctx context.Context) error {
	x.bar.begin("history")
	start := time.Now()
	for page := max(1, x.plays.len()/pageSize); ; page = max(1, page/2) {
		rows := 0
		for song, err := range x.room.HistoryFrom(ctx, page) {
			if err != nil {
				return err
			}
			if rows == 0 && page > 1 && !x.plays.has(song.ID) {
				break
			}
			if err := x.plays.add(song); err != nil {
				return err
			}
			if rows++; x.state.Top.IsZero() {
				x.state.Top = song.PlayedAt
				if err := x.saveState(); err != nil {
					return err
				}
			}
			x.bar.set(x.plays.len(), share(start, song.PlayedAt, x.room.Info().CreatedAt))
		}
		if rows > 0 || page == 1 {
			break
		}
	}
	x.state.Complete = true
	return x.saveState()
}

// share is how much of the way from one time back to an earlier one is behind us, less than zero if that is not known. How
// many plays a room has QueUp does not say, but when it was made.
func share(from, at, to time.Time) float64 {
	if at.IsZero() || to.IsZero() || !to.Before(from) {
		return -1
	}
	return float64(from.Sub(at)) / float64(from.Sub(to))
}

// add saves a play, unless it is there already. One without an id cannot be told from others, and QueUp sends none.
func (j *journal) add(song client.Song) error {
	if song.ID == "" || j.has(song.ID) {
		return nil
	}
	return j.append(newPlayRow(song))
}
