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
	// overlap is how much of the known history is read again, in case plays are not quite in order.
	overlap = 15 * time.Minute
)

// history saves the plays: those since the last time, then those older than all known plays, then those that began during the
// export.
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

// head reads the newest plays down to the known ones. Only when it gets there do its plays count as complete: if it is interrupted,
// it starts again at the newest.
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

// tail reads on from the oldest known play. Plays move to later pages as songs are played, so the page where that play would be
// begins with known plays. If it does not, QueUp has fewer plays than before, and an earlier page does.
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

// share is how much of the time from one moment back to an earlier one is done, less than zero if that is not known. QueUp does not
// say how many plays a room has, but it says when the room was made.
func share(from, at, to time.Time) float64 {
	if at.IsZero() || to.IsZero() || !to.Before(from) {
		return -1
	}
	return float64(from.Sub(at)) / float64(from.Sub(to))
}

// add saves a play, unless it is already saved. It skips a play without an id, which QueUp does not send.
func (j *journal) add(song client.Song) error {
	if song.ID == "" || j.has(song.ID) {
		return nil
	}
	return j.append(newPlayRow(song))
}
