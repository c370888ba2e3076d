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

// A resync reads a room again after a lost connection and emits what was missed. It runs on a goroutine of its own, and changes the room
// on the connection's goroutine. Live events are held meanwhile, but not for long. When QueUp is slow, or other rooms come first, they
// are released and the room is read later. Only events about playback are held until the missed plays were emitted.
type resync struct {
	room *Room       // immutable
	link *connection // immutable
	hold int         // the current hold of the room's messages; if the connection is lost again, it is replaced and this resync ends
}

// run tries to read the room again, until a try succeeds or another resync has replaced this one.
func (s *resync) run() {
	r, l := s.room, s.link
	ctx := l.life
	inFirstHold, until, patience := true, time.Now().Add(maxHold), maxHold
	for pause := time.Second; ; pause = min(2*pause, maxReloadWait) {
		inTime, ok := s.acquireSlot(ctx)
		if !ok {
			return
		}
		if inFirstHold = inFirstHold && inTime; !inFirstHold {
			until = time.Now().Add(patience)
		}
		try, over := context.WithDeadline(ctx, until)
		current := s.do(func() {
			if !inFirstHold {
				s.hold = r.tracker.holdFor(patience)
			}
			r.tracker.cancelResync = over
		})
		var err error
		if current {
			err = s.attempt(try)
		}
		over()
		<-r.client.resyncSlots
		if !current || err == nil {
			return
		}
		if isNotFound(err) {
			s.do(func() { r.tracker.end(err) })
			return
		}
		if !s.do(func() { r.tracker.release(s.hold, holdPlayback) }) {
			return
		}
		inFirstHold, patience = false, min(2*patience, maxPatience)
		r.client.log.WarnContext(ctx, "room not read again after a lost connection",
			r.logged(), slog.Any("error", err), slog.Duration("retry_in", pause))
		if waitUntil(ctx, "resync", time.Now().Add(pause)) != nil {
			return
		}
	}
}

// do runs f on the connection's goroutine, and reports false if the hold was replaced or the room is not attached any more.
func (s *resync) do(f func()) bool { return s.link.doHeld(s.room.tracker, s.hold, f) }

// acquireSlot waits for one of the slots for rooms that are read again; the caller gives it back. After maxHold/2, too little time is left
// to read the room within maxHold. Then acquireSlot releases the held messages and reports that it was not in time. It is not ok if the
// resync has ended.
func (s *resync) acquireSlot(ctx context.Context) (inTime, ok bool) {
	slots := s.room.client.resyncSlots
	late := time.NewTimer(maxHold / 2)
	defer late.Stop()
	select {
	case slots <- struct{}{}:
		return true, true
	case <-late.C:
	}
	if !s.do(func() { s.room.tracker.release(s.hold, holdPlayback) }) {
		return false, false
	}
	select {
	case slots <- struct{}{}:
		return false, true
	case <-ctx.Done():
		return false, false
	}
}

// isNotFound reports whether QueUp itself answered that there is no such room, or no current song.
func isNotFound(err error) bool {
	answer, ok := errors.AsType[*APIError](err)
	return ok && answer.Status == http.StatusNotFound && !answer.foreign
}

// attempt tries once to read the room and to emit what was missed, until the context try ends. After an error nothing has been emitted, and
// another try is due.
func (s *resync) attempt(try context.Context) error {
	r, l := s.room, s.link
	state, err := r.fetch(try, true)
	if err != nil {
		return err
	}
	if err := s.comeBack(try, &state); refused(err) {
		s.do(func() { r.tracker.end(err) })
		return nil
	} else if err != nil {
		return err
	}
	missed := s.readMissed(l.life) // after the current song, so that no play can end in between
	defer missed.stop()
	brief, cancel := context.WithTimeout(try, maxHold)
	defer cancel()
	complete := missed.wait(brief)
	s.do(func() {
		r.tracker.catchUp(state)
		if complete {
			r.tracker.finish(state, missed, s.hold)
			return
		}
		r.tracker.catchUpQueue(state)
		r.tracker.releaseStale(s.hold, holdPlayback)
	})
	if complete {
		return nil
	}
	state.queue = nil // it was emitted, and may be read again meanwhile
	missed.wait(l.life)
	s.do(func() { r.tracker.finish(state, missed, s.hold) })
	return nil
}

// comeBack enters the room again, unless QueUp lists the client among its members. After a restart QueUp may not, and the websocket alone
// need not restore the membership. Source: docs/PROTOCOL.md 2.4.
func (s *resync) comeBack(ctx context.Context, state *roomState) error {
	r, me := s.room, s.room.client.myID()
	listed := slices.ContainsFunc(state.roster(), func(w wire.RoomUser) bool { return memberUserID(w) == me })
	if me == "" || listed || !r.mayAct() {
		return nil
	}
	r.client.log.InfoContext(ctx, "QueUp does not list the account as a member: entering the room again", r.logged())
	self, err := r.reenter(ctx, func() error { return r.restorePresence(ctx, s.link) })
	if memberUserID(self) == me && state.users != nil {
		users := append(slices.Clip(*state.users), self)
		state.users = &users
	}
	return err
}

// finish emits what was missed of playback and releases the messages that are still held.
func (t *tracker) finish(state roomState, missed *missedPlays, hold int) {
	t.catchUpSongs(state, missed.rows, missed.gap)
	t.releaseStale(hold, holdNone)
	if _, playing := t.room.NowPlaying(); playing && state.active.Play.ID == "" { // because of held events, which may be older than the answer that no song is playing
		t.startTimer(forCheck, time.Second, t.checkPlay)
	}
}

// missedPlays are the plays of the history that are newer than the last one that was emitted, the newest first.
type missedPlays struct {
	room  *Room               // immutable
	known map[PlayID]struct{} // immutable; were emitted
	since time.Time           // immutable; plays that began before are not new

	rows []wire.Play
	gap  *Gap          // the time whose plays are too old or could not be read; nil for none
	done chan struct{} // closed when rows and gap are set
	stop func()        // ends the reading
}

// readMissed starts to read the missed plays and returns them before they are read; see wait.
func (s *resync) readMissed(ctx context.Context) *missedPlays {
	ctx, cancel := context.WithCancel(ctx)
	m := &missedPlays{room: s.room, known: make(map[PlayID]struct{}), done: make(chan struct{}), stop: cancel}
	t := s.room.tracker
	if s.link.do(ctx, func() {
		for _, id := range t.plays.Keys() {
			m.known[id] = struct{}{}
		}
		m.since = t.ignoreBefore
	}) != nil || !s.room.client.workers.Start(func() {
		defer close(m.done)
		m.read(ctx)
	}) {
		close(m.done)
	}
	return m
}

// wait waits until the plays are read and reports whether they are. It reports false if ctx ends first.
func (m *missedPlays) wait(ctx context.Context) bool {
	select {
	case <-m.done:
		return true
	case <-ctx.Done():
		return false
	}
}

// read reads the history back to the last play that was emitted.
func (m *missedPlays) read(ctx context.Context) {
	seen := make(map[PlayID]struct{})
	until := time.Now().Add(historyPatience)
	for number := range maxBackfill {
		page, err := m.fetchPage(ctx, number+1, until)
		if err != nil {
			m.room.client.log.WarnContext(ctx, "history not read after a lost connection", m.room.logged(), slog.Any("error", err))
			break
		}
		missed, end := m.missed(page)
		added := false
		for _, w := range missed {
			if _, twice := seen[w.ID]; !twice && w.ID != "" {
				seen[w.ID] = struct{}{}
				m.rows = append(m.rows, w)
				added = true
			}
		}
		if end || len(page) == 0 || !added {
			return
		}
	}
	m.gap = &Gap{From: m.since, To: m.room.client.clock.Now(), What: "plays"}
	if n := len(m.rows); n > 0 && m.rows[n-1].PlayedAt.After(m.since) {
		m.gap.To = m.rows[n-1].PlayedAt
	}
}

// missed returns the plays of a page of the history that are new, and whether older pages have none. They end with the first known play,
// which is included for its final score, or else with the last play that began after since. A time that is missing or cannot be right
// says nothing about the other rows.
func (m *missedPlays) missed(page wire.Plays) (plays wire.Plays, end bool) {
	count, old := 0, len(page) > 0 // a page without any time has no new plays
	for i, w := range page {
		if _, known := m.known[w.ID]; known {
			return page[:i+1], true
		}
		switch {
		case w.PlayedAt.IsZero(), m.room.client.clock.Future(w.PlayedAt):
		case w.PlayedAt.Before(m.since):
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

// fetchPage reads a page of the history. After an error it retries, but not after until.
func (m *missedPlays) fetchPage(ctx context.Context, number int, until time.Time) (wire.Plays, error) {
	for wait := time.Second; ; wait *= 2 {
		answer, err := m.room.client.loads.History(ctx, queupapi.HistoryParams{RoomID: m.room.id, Page: queupapi.NewOptInt(number)})
		page, err := rowsOf("history", answer.Data, err)
		if err == nil {
			return page, nil
		}
		retry := time.Now().Add(wait)
		if retry.After(until) || waitUntil(ctx, "history", retry) != nil {
			return nil, err
		}
	}
}
