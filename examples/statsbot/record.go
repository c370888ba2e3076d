package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/queup-go/queup/client"
)

const (
	// maxBackfill bounds how many plays are read from a room's history at once.
	maxBackfill = 1000
	// overlap is how much of the history is read again, because clocks differ. Known plays are not counted twice.
	overlap = 15 * time.Minute
)

// recorder stores events. receive is one subscription, so it gets the events one at a time and in order. It never calls QueUp, so
// it is never late. Reading the history takes a while and has subscriptions of its own.
type recorder struct {
	db  *store
	out *printer

	holes   atomic.Int64 // how often plays may have been missed
	filled  atomic.Int64 // the holes that have been filled since
	filling sync.Mutex   // held while the history is read
	done    func()       // called after that, if it is not nil
}

func (r *recorder) behind() bool { return r.filled.Load() < r.holes.Load() }

// listen begins to record. What is interrupted when the bot ends is not an error: the history is read again at the next start.
func (r *recorder) listen(bot *client.Client) {
	client.On(bot, func(ctx context.Context, e client.Event) error { return ended(ctx, r.receive(ctx, e)) })
	client.On(bot, func(ctx context.Context, e client.RoomJoined) error { return ended(ctx, r.backfill(ctx, e.Room)) })
	client.On(bot, func(ctx context.Context, e client.Resynced) error { return ended(ctx, r.backfill(ctx, e.Room)) })
	client.On(bot, func(ctx context.Context, e client.SongChanged) error {
		if !r.behind() { // else it has failed before
			return nil
		}
		return ended(ctx, r.backfill(ctx, e.Room))
	})
}

// ended returns nil instead of err after an interruption.
func ended(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil
	}
	return err
}

// receive is the handler of all events.
func (r *recorder) receive(ctx context.Context, event client.Event) error {
	room := event.EventMeta().Room
	switch e := event.(type) {
	case client.RoomJoined:
		r.out.line("— joined %s with %d people", room.Name(), room.Members().Len())
		r.holes.Add(1)
		for _, member := range room.Members().All() {
			if user, ok := member.User(); ok {
				if err := r.db.saveUser(ctx, user); err != nil {
					return err
				}
			}
		}
		return r.snapshot(ctx, room)
	case client.Gap:
		r.holes.Add(1)
	case client.Resynced: // the missed plays have come as events, but not the votes on a song that began meanwhile
		return r.snapshot(ctx, room)
	case client.SongChanged:
		return r.songChanged(ctx, e)
	case client.PlaylistUpdated: // perhaps its media, which were late
		return r.db.save(ctx, room.ID(), time.Time{}, e.Song)
	case client.Dub:
		return r.dub(ctx, e)
	case client.Grab:
		return r.db.saveScore(ctx, e.Song)
	case client.MemberJoined:
		return r.db.saveUser(ctx, e.User)
	case client.Chat: // the only event with a new name
		return r.db.saveUser(ctx, e.Author)
	}
	return nil
}

// songChanged saves the current song, and the final score of the previous one.
func (r *recorder) songChanged(ctx context.Context, e client.SongChanged) error {
	songs := []client.Song{e.Previous}
	if e.Playing {
		songs = append(songs, e.Song)
		r.out.line("♪ %s, queued by %s", e.Info, e.User)
	}
	complete := e.Song.PlayedAt
	if r.behind() {
		complete = time.Time{}
	}
	return r.db.save(ctx, e.Room.ID(), complete, songs...)
}

func (r *recorder) dub(ctx context.Context, e client.Dub) error {
	if err := r.db.saveUser(ctx, e.User); err != nil {
		return err
	}
	if err := r.db.saveVote(ctx, e.Song.ID, e.User.ID, e.Up); err != nil {
		return err
	}
	return r.db.saveScore(ctx, e.Song)
}

// snapshot saves the current song and the votes so far.
func (r *recorder) snapshot(ctx context.Context, room *client.Room) error {
	song, playing := room.NowPlaying()
	if !playing {
		return nil
	}
	if err := r.db.save(ctx, room.ID(), time.Time{}, song); err != nil {
		return err
	}
	up, down := room.Votes()
	if current, _ := room.NowPlaying(); current.ID != song.ID {
		return nil // these votes belong to the next song, whose event is still to come
	}
	for i, user := range append(up, down...) {
		if err := r.db.saveVote(ctx, song.ID, user, i < len(up)); err != nil {
			return err
		}
	}
	return nil
}

// backfill reads the history of the room back to the time up to which the database is complete. If it does not get there it saves
// nothing, because a part would hide the hole before it. The next song triggers a retry.
func (r *recorder) backfill(ctx context.Context, room *client.Room) error {
	if !r.filling.TryLock() {
		return nil
	}
	defer r.filling.Unlock()
	holes := r.holes.Load()
	complete, known, err := r.db.complete(ctx, room.ID())
	if err != nil {
		return fmt.Errorf("read database: %w", err)
	}
	var songs []client.Song
	newest := time.Time{}
	for song, err := range room.History(ctx) {
		if err != nil {
			return fmt.Errorf("history of %s: %w", room, err)
		}
		if known && !song.PlayedAt.IsZero() && song.PlayedAt.Before(complete.Add(-overlap)) {
			break
		}
		if len(songs) == maxBackfill {
			r.out.line("— only the last %d plays were read", maxBackfill)
			break
		}
		if song.PlayedAt.After(newest) {
			newest = song.PlayedAt
		}
		if current, playing := room.NowPlaying(); !playing || current.ID != song.ID {
			song.Active = false // the row may be out of date
		}
		songs = append(songs, song)
	}
	if err := r.db.save(ctx, room.ID(), newest, songs...); err != nil {
		return err
	}
	if err := r.snapshot(ctx, room); err != nil { // the event of the current song may still wait for receive
		return err
	}
	r.filled.Store(max(holes, 1)) // at least 1, because receive may not have counted the join yet
	plays, votes, users, err := r.db.counts(ctx)
	if err != nil {
		return fmt.Errorf("read database: %w", err)
	}
	r.out.line("— read %d plays of the history; the database has %d plays, %d votes, %d users", len(songs), plays, votes, users)
	if r.done != nil {
		r.done()
	}
	return nil
}

// printer writes lines. Handlers run concurrently and share it.
type printer struct {
	mu  sync.Mutex
	out io.Writer // guarded by mu
}

// line writes one line without control characters. With them, people in the room could write anywhere on a terminal.
func (p *printer) line(format string, args ...any) {
	text := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, fmt.Sprintf(format, args...))
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.out, text)
}
