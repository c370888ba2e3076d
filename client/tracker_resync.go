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

// A resync reads a room again whose messages wait since the connection was lost, and emits what was missed. It runs on a goroutine of
// its own, and changes the room on the connection's. Live events wait for it, but not for long: when QueUp is slow, or other rooms
// come first, they are released, and the room is read later. Only those about playback wait on, because the missed plays come first.
type resync struct {
	room *Room       // immutable
	link *connection // immutable
	hold int         // that the messages wait under since the connection was lost; if it is lost again, the next resync takes over
}

// run reads the room again, until a try succeeds or another resync takes over.
func (s *resync) run() {
	r, l := s.room, s.link
	ctx := l.life
	held, until, patience := true, time.Now().Add(maxHold), maxHold
	for pause := time.Second; ; pause = min(2*pause, maxReloadWait) {
		inTime, ok := s.acquireSlot(ctx)
		if !ok {
			return
		}
		if held = held && inTime; !held {
			until = time.Now().Add(patience)
		}
		try, over := context.WithDeadline(ctx, until)
		current := s.do(func() {
			if !held {
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
		if isRoomGone(err) {
			s.do(func() { l.endRoom(r.channel, err) })
			return
		}
		if !s.do(func() { r.tracker.release(s.hold, holdPlayback) }) {
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

// do runs f on the connection's goroutine, if the hold is still the same and the room still attached.
func (s *resync) do(f func()) bool { return s.link.doHeld(s.room.tracker, s.hold, f) }

// acquireSlot waits for one of the slots for rooms that are read again, which its holder gives back. If that takes so long that
// too little of maxHold would be left to read the room, the waiting messages are released, and acquireSlot is not in time.
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

// isRoomGone reports whether QueUp says that there is no such room.
func isRoomGone(err error) bool {
	answer, ok := errors.AsType[*APIError](err)
	return ok && answer.Status == http.StatusNotFound && !answer.foreign
}

// attempt is one try, which ends with try. Its error means that nothing has been emitted and another try is due.
func (s *resync) attempt(try context.Context) error {
	r, l := s.room, s.link
	state, err := r.fetch(try, true)
	if err != nil {
		return err
	}
	if err := s.comeBack(try, &state); refused(err) {
		s.do(func() { l.endRoom(r.channel, err) })
		return nil
	} else if err != nil {
		return err
	}
	missed := s.readMissed(l.life) // after what plays, so that nothing can come to its end in between
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
	state.queue = nil // it may be read again meanwhile
	missed.wait(l.life)
	s.do(func() { r.tracker.finish(state, missed, s.hold) })
	return nil
}

// comeBack enters the room once more unless QueUp has the client among its members, as it may not after a restart: the websocket alone
// need not bring it back. Source: docs/PROTOCOL.md 2.4.
func (s *resync) comeBack(ctx context.Context, state *roomState) error {
	r, me := s.room, s.room.client.myID()
	listed := slices.ContainsFunc(state.roster(), func(w wire.RoomUser) bool { return memberUserID(w) == me })
	if me == "" || listed || !r.mayAct() {
		return nil
	}
	r.client.log.InfoContext(ctx, "QueUp has forgotten that we are in a room: coming back", r.logged())
	self, err := r.reenter(ctx, func() error { return r.restorePresence(ctx, s.link) })
	if memberUserID(self) == me && state.users != nil {
		users := append(slices.Clip(*state.users), self)
		state.users = &users
	}
	return err
}

// finish tells what was missed of what plays, and lets the rest of the events go.
func (t *tracker) finish(state roomState, missed *missedPlays, hold int) {
	t.catchUpSongs(state, missed)
	t.releaseStale(hold, holdNone)
	if _, playing := t.room.NowPlaying(); playing && state.active.Play.ID == "" { // by events that may be older than the silence
		t.startTimer(forCheck, time.Second, t.checkPlay)
	}
}

// missedPlays are the plays of the history that are newer than the last one that was emitted, the newest first.
type missedPlays struct {
	room  *Room               // immutable
	known map[PlayID]struct{} // immutable; were emitted
	since time.Time           // immutable; plays that began before are not news

	rows []wire.Play
	gap  *Gap          // the time that is too long ago, or could not be read; nil for none
	done chan struct{} // closed when rows and gap are set
	stop func()        // ends the reading
}

// readMissed starts to read the missed plays.
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

// wait reports whether the reading has ended.
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
		news, end := m.missed(page)
		fresh := false
		for _, w := range news {
			if _, twice := seen[w.ID]; !twice && w.ID != "" {
				seen[w.ID] = struct{}{}
				m.rows = append(m.rows, w)
				fresh = true
			}
		}
		if end || len(page) == 0 || !fresh {
			return
		}
	}
	m.gap = &Gap{From: m.since, To: m.room.client.clock.Now(), What: "plays"}
	if n := len(m.rows); n > 0 && m.rows[n-1].PlayedAt.After(m.since) {
		m.gap.To = m.rows[n-1].PlayedAt
	}
}

// missed returns the plays of a page of the history that are news: those up to one that is known, which is among them for
// its final score, else up to the last that began after since. A time that is missing or cannot be right says nothing about
// the other rows. end reports whether older pages have no more news.
func (m *missedPlays) missed(page wire.Plays) (news wire.Plays, end bool) {
	count, old := 0, len(page) > 0 // a page without any time has no news
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

// fetchPage reads a page of the history. It retries until a time.
func (m *missedPlays) fetchPage(ctx context.Context, number int, until time.Time) (wire.Plays, error) {
	for wait := time.Second; ; wait *= 2 {
		answer, err := m.room.client.loads.History(ctx, queupapi.HistoryParams{RoomID: m.room.id, Page: queupapi.NewOptInt(number)})
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
