package client

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
)

// dueChat is the purpose of an alarm: let out what is said, while the rest waits on.
const dueChat = "chat"

const (
	// resyncsAtOnce is how many rooms are read again at a time: as many as the lane of the loads serves well within maxHold. If
	// all were, none would come to its end in time, and the calls made for it would be in vain.
	resyncsAtOnce = 2
	// maxPatience is how long a try to read a room may take at most, when shorter ones have failed.
	maxPatience = 30 * time.Second
	// maxReloadWait is the longest pause between two tries to read a room again.
	maxReloadWait = 30 * time.Second
	// historyPatience is how long the history is asked for, before the plays that were missed are given up.
	historyPatience = 30 * time.Second
	// maxBackfill bounds the pages of the history that are read for the plays that were missed: some ten days of them.
	maxBackfill = 200
)

// resync reads a room again whose messages wait since the connection was lost, and tells what was missed. Live events
// wait for it, but not for long: when QueUp is slow, or other rooms come first, they go out, and the room is read later. Only
// those about what plays wait on, because the plays that were missed come first. hold is what they wait under since the
// connection was lost; when it is lost once more, that is another one, and the next resync takes over.
func (r *Room) resync(l *connection, hold int) {
	ctx := l.life
	held, until, patience := true, time.Now().Add(maxHold), maxHold
	for pause := time.Second; ; pause = min(2*pause, maxReloadWait) {
		inTime, ok := r.lineUp(ctx, l, hold)
		if !ok {
			return
		}
		if held = held && inTime; !held {
			until = time.Now().Add(patience)
		}
		try, over := context.WithDeadline(ctx, until)
		current := r.under(l, hold, func() {
			if !held {
				hold = r.holdFor(patience)
			}
			r.live.reading = over
		})
		var err error
		if current {
			err = r.resyncOnce(try, l, hold)
		}
		over()
		<-r.client.resyncs
		if !current || err == nil {
			return
		}
		if gone(err) {
			r.under(l, hold, func() { l.lose(r.channel(), err) })
			return
		}
		if !r.under(l, hold, func() { r.release(hold, ofPlaying) }) {
			return
		}
		held, patience = false, min(2*patience, maxPatience)
		r.client.log.WarnContext(ctx, "room not read again after a lost connection",
			r.logged(), slog.Any("error", err), slog.Duration("retry_in", pause))
		if waitUntil(ctx, "resync", time.Now().Add(pause)) != nil {
			return
		}
	}
}

// lineUp waits for one of the places of the rooms that are read again, which its holder gives back. If that takes so long that
// too little of maxHold would be left to read the room, what waits under hold goes out, and lineUp is not in time.
func (r *Room) lineUp(ctx context.Context, l *connection, hold int) (inTime, ok bool) {
	late := time.NewTimer(maxHold / 2)
	defer late.Stop()
	select {
	case r.client.resyncs <- struct{}{}:
		return true, true
	case <-late.C:
	}
	if !r.under(l, hold, func() { r.release(hold, ofPlaying) }) {
		return false, false
	}
	select {
	case r.client.resyncs <- struct{}{}:
		return false, true
	case <-ctx.Done():
		return false, false
	}
}

// gone reports whether QueUp says that there is no such room.
func gone(err error) bool {
	answer, ok := errors.AsType[*APIError](err)
	return ok && answer.Status == http.StatusNotFound && !answer.foreign
}

// under runs f on the connection's goroutine, if the hold is still the same and the room still attached.
func (r *Room) under(l *connection, hold int, f func()) bool {
	is := false
	return l.do(l.life, func() {
		if is = r.live.waiting.turn == hold && l.rooms[r.channel()] == r; is {
			f()
		}
	}) == nil && is
}

// resyncOnce is one try, which ends with try. Its error means that nothing has been told and another one is due.
func (r *Room) resyncOnce(try context.Context, l *connection, hold int) error {
	state, err := r.fetch(try, true)
	if err != nil {
		return err
	}
	if err := r.comeBack(try, l, &state); refused(err) {
		r.under(l, hold, func() { l.lose(r.channel(), err) })
		return nil
	} else if err != nil {
		return err
	}
	ctx := l.life
	missed := r.readMissed(ctx, l) // after what plays, so that nothing can come to its end in between
	defer missed.stop()
	brief, cancel := context.WithTimeout(try, maxHold)
	defer cancel()
	complete := missed.wait(brief)
	r.under(l, hold, func() {
		r.catchUp(state)
		if complete {
			r.finish(state, missed, hold)
			return
		}
		r.catchUpQueue(state)
		r.replay(hold, ofPlaying)
	})
	if complete {
		return nil
	}
	state.queue = nil // it may be read again meanwhile
	missed.wait(ctx)
	r.under(l, hold, func() { r.finish(state, missed, hold) })
	return nil
}

// comeBack enters the room once more unless QueUp has the client among its members, as it may not after a restart: the websocket alone
// need not bring it back. Source: docs/PROTOCOL.md 2.4.
func (r *Room) comeBack(ctx context.Context, l *connection, state *roomState) error {
	me := r.client.myID()
	listed := slices.ContainsFunc(state.roster(), func(w wire.RoomUser) bool { return recordOf(w) == me })
	if me == "" || listed || !r.mayAct() {
		return nil
	}
	r.client.log.InfoContext(ctx, "QueUp has forgotten that we are in a room: coming back", r.logged())
	self, err := r.enterAgain(ctx, func() error { return r.appearAgain(ctx, l) })
	if recordOf(self) == me && state.users != nil {
		users := append(slices.Clip(*state.users), self)
		state.users = &users
	}
	return err
}

// finish tells what was missed of what plays, and lets the rest of the events go.
func (r *Room) finish(state roomState, missed *missedPlays, hold int) {
	r.catchUpSongs(state, missed)
	r.replay(hold, none)
	if _, playing := r.NowPlaying(); playing && state.active.Play.ID == "" { // by events that may be older than the silence
		r.alarm(dueCheck, time.Second, r.checkPlay)
	}
}

// missedPlays are the plays of the history that are newer than the last one that was told, the newest first.
type missedPlays struct {
	rows []wire.Play
	gap  *Gap          // what is too long ago, or could not be read; nil for nothing
	done chan struct{} // closed when the others are set
	stop func()        // ends the reading
}

// readMissed begins to read them.
func (r *Room) readMissed(ctx context.Context, l *connection) *missedPlays {
	ctx, cancel := context.WithCancel(ctx)
	m := &missedPlays{done: make(chan struct{}), stop: cancel}
	var since time.Time // what played before this is no news
	known := make(map[PlayID]struct{})
	if l.do(ctx, func() {
		for _, id := range r.live.plays.Keys() {
			known[id] = struct{}{}
		}
		since = r.live.told
	}) != nil || !r.client.workers.Start(func() {
		defer close(m.done)
		m.read(ctx, r, known, since)
	}) {
		close(m.done)
	}
	return m
}

// wait reports whether the reading has come to its end.
func (m *missedPlays) wait(ctx context.Context) bool {
	select {
	case <-m.done:
		return true
	case <-ctx.Done():
		return false
	}
}

func (m *missedPlays) read(ctx context.Context, r *Room, known map[PlayID]struct{}, since time.Time) {
	seen := make(map[PlayID]struct{})
	lost := func() {
		m.gap = &Gap{From: since, To: r.client.clock.Now(), What: "plays"}
		if n := len(m.rows); n > 0 && m.rows[n-1].PlayedAt.After(since) {
			m.gap.To = m.rows[n-1].PlayedAt
		}
	}
	until := time.Now().Add(historyPatience)
	for page := range maxBackfill {
		rows, err := r.historyPage(ctx, page+1, until)
		if err != nil {
			r.client.log.WarnContext(ctx, "history not read after a lost connection", r.logged(), slog.Any("error", err))
			lost()
			return
		}
		news, end := r.newPlays(rows, known, since)
		fresh := false
		for _, w := range news {
			if _, twice := seen[w.ID]; !twice && w.ID != "" {
				seen[w.ID] = struct{}{}
				m.rows = append(m.rows, w)
				fresh = true
			}
		}
		if end || len(rows) == 0 || !fresh {
			return
		}
	}
	lost()
}

// newPlays returns the plays of a page of the history that are news: those up to one that is known, which is among them for
// its final score, else up to the last that began after since. A time that is missing or cannot be right says nothing about
// the other rows. end reports whether older pages have no more news.
func (r *Room) newPlays(page wire.Plays, known map[PlayID]struct{}, since time.Time) (news wire.Plays, end bool) {
	count, old := 0, len(page) > 0 // a page without any time has no news
	for i, w := range page {
		if _, told := known[w.ID]; told {
			return page[:i+1], true
		}
		switch {
		case w.PlayedAt.IsZero(), r.client.clock.Future(w.PlayedAt):
		case w.PlayedAt.Before(since):
			old = true
		default:
			count, old = i+1, false
		}
	}
	if !old {
		return page, false
	}
	return page[:count], true
}

// historyPage reads a page of what has played. It does not give up before until.
func (r *Room) historyPage(ctx context.Context, page int, until time.Time) (wire.Plays, error) {
	for wait := time.Second; ; wait *= 2 {
		answer, err := r.client.loads.History(ctx, queupapi.HistoryParams{RoomID: r.id, Page: queupapi.NewOptInt(page)})
		if err == nil && noRows(answer.Data) {
			err = noList("history")
		}
		if err == nil {
			return answer.Data, nil
		}
		again := time.Now().Add(wait)
		if again.After(until) || waitUntil(ctx, "history", again) != nil {
			return nil, failed("history", err)
		}
	}
}
