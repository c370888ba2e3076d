package client

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/saturate"
)

// roomState is the state of a room as QueUp gives it at one moment. Its optional parts are nil if they could not be read: a guest may not
// see everything.
type roomState struct {
	about   *wire.Room
	users   *wire.RoomUsers
	roles   *authority
	active  wire.ActiveSong // empty if no song is playing, or if unsure
	asked   time.Time       // when active was requested
	at      time.Time       // when active was read
	unsure  bool            // QueUp does not know the current song
	dubs    *wire.Dubs
	queue   *[]Song
	chat    *wire.ChatHistory
	missing missingParts // those of the nil parts that are read again
}

// missingParts says which parts of a roomState are missing because of a transient error.
type missingParts struct{ info, users, roles, votes, queue bool }

// roster returns the rows of the users in the room, none if they could not be read.
func (s *roomState) roster() wire.RoomUsers {
	if s.users == nil {
		return nil
	}
	return *s.users
}

// lines returns the chat lines of the history, none if it could not be read.
func (s *roomState) lines() []*wire.ChatMessage {
	if s.chat == nil {
		return nil
	}
	var lines []*wire.ChatMessage
	for _, entry := range *s.chat {
		if line, ok := entry.(*wire.ChatMessage); ok {
			lines = append(lines, line)
		}
	}
	return lines
}

// elapsed returns how long the current song has been playing by now.
func (s *roomState) elapsed() time.Duration {
	return saturate.Add(max(s.active.Elapsed, 0), time.Since(s.at))
}

// loadFirst reads the state of a room that is being joined, loads it, runs then and releases the messages that were held under hold. It
// only reads, and reports false, if the connection was lost since the hold began. Then the state may be older than the missed messages.
// The hold began before the room was attached. The room's info is read only if info is set.
func (r *Room) loadFirst(ctx context.Context, l *connection, hold int, self wire.RoomUser, info bool, then func()) (current bool, err error) {
	state, err := r.fetch(ctx, info)
	if err != nil {
		return false, err
	}
	attached := false
	if err := l.do(ctx, func() {
		if attached = l.rooms[r.channel] == r.tracker; !attached || r.tracker.waiting.holdID != hold {
			return
		}
		current = true
		r.tracker.load(state, self)
		then()
		r.tracker.releaseStale(hold, holdNone)
	}); err != nil {
		return false, err
	}
	if !attached {
		return false, errDetachedByServer
	}
	return current, nil
}

// mediaBudget bounds the lookup of the media of a queue while a room is loaded. Media that are missing then are read later. It is less
// than the second after which a full lane accepts calls again. So media do not take the place of a call that another room's join needs.
const mediaBudget = 900 * time.Millisecond

// fetch reads the room's state, with its info if info is set. Only the members and the current song are required; other parts may be
// missing from the result. Source: docs/PROTOCOL.md 7, rule 3.
func (r *Room) fetch(ctx context.Context, info bool) (roomState, error) {
	var state roomState
	loads := r.client.loads
	whole := ctx
	g, ctx := errgroup.WithContext(ctx)
	optional := func(part string, missing *bool, read func(ctx context.Context) error) {
		g.Go(func() error {
			if err := read(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, ErrNotFound) {
				*missing = isTransient(err)
				r.logNotRead(ctx, part, err)
			}
			return context.Cause(ctx)
		})
	}
	g.Go(func() error {
		users, err := r.fetchUsers(ctx)
		switch {
		case err == nil:
			state.users = &users
		case unreadable(err): // the members are read later
			state.missing.users = true
			r.logNotRead(ctx, "members", err)
		default:
			return err
		}
		return nil
	})
	g.Go(func() error {
		state.asked = time.Now()
		answer, err := loads.ActiveSong(ctx, queupapi.ActiveSongParams{RoomID: r.id})
		if errors.Is(err, ErrNotFound) { // no song is playing
			return nil
		}
		if err != nil {
			return failed("activeSong", err)
		}
		state.active, state.at, state.unsure = answer.Data, time.Now(), answer.Data.Play.ID == ""
		return nil
	})
	optional("roles", &state.missing.roles, func(ctx context.Context) error {
		roles, err := r.fetchAuthority(ctx)
		if err == nil {
			state.roles = &roles
		}
		return err
	})
	optional("votes", &state.missing.votes, func(ctx context.Context) error {
		answer, err := loads.ActiveDubs(ctx, queupapi.ActiveDubsParams{RoomID: r.id})
		if err == nil {
			state.dubs = &answer.Data
		}
		return err
	})
	optional("queue", &state.missing.queue, func(ctx context.Context) error {
		media, cancel := context.WithTimeout(ctx, mediaBudget)
		defer cancel()
		queue, _, err := r.fetchQueue(ctx, media)
		if err == nil {
			state.queue = &queue
		}
		return err
	})
	optional("chat", new(bool), func(ctx context.Context) error {
		answer, err := loads.ChatHistory(ctx, queupapi.ChatHistoryParams{RoomID: r.id})
		if err == nil {
			state.chat = &answer.Data
		}
		return err
	})
	if info {
		optional("room", &state.missing.info, func(ctx context.Context) error {
			answer, err := loads.Room(ctx, queupapi.RoomParams{RoomID: r.id})
			if err == nil {
				state.about = &answer.Data
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return state, err
	}
	r.completeActive(whole, state)
	return state, nil
}

// completeActive looks up the media of the current song, and the user who queued it, if they are missing. It fills the client's caches.
// QueUp sometimes leaves the media out, and the user may have left.
func (r *Room) completeActive(ctx context.Context, state roomState) {
	if state.active.Play.ID == "" {
		return
	}
	song := r.newPlay(state.active.Play, state.active.Song, state.elapsed())
	if slices.ContainsFunc(state.roster(), func(w wire.RoomUser) bool { return memberUserID(w) == song.UserID && w.User.Username != "" }) {
		song.UserID = "" // the user is known as soon as the state is loaded
	}
	if song.complete() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, mediaBudget)
	defer cancel()
	r.lookUpMissing(ctx, song)
}

// load takes over the state of a room that is being joined, without emitting anything. self is the client's own record.
func (t *tracker) load(state roomState, self wire.RoomUser) {
	c := t.client
	if state.about != nil { // the info that the join began with was read before the room was attached
		t.room.setInfo(*state.about)
	}
	former := t.room.members.List()
	users := append(state.roster(), self)
	members := make(map[UserID]Member, len(users))
	for _, w := range users {
		member := newMember(c, w)
		if _, twice := members[member.UserID]; twice || member.UserID == "" {
			continue
		}
		member.RoomID = t.room.id
		member.Muted = member.Muted || self.Muted && member.UserID == self.UserID
		c.learnUser(accountOf(w), true)
		c.users.enter(member.UserID)
		t.setMuted(member.UserID, member.Muted)
		known, _ := t.room.memberOrDeparted(member.UserID)
		if member.active = known.active; member.active == nil {
			member.active = new(activity)
		}
		members[member.UserID] = member
	}
	t.seen(members[memberUserID(self)], t.newMeta())
	for _, e := range state.lines() {
		if author := members[authorOf(e).ID]; author.active != nil {
			author.active.seen(c.clock.Past(e.SentAt))
		}
	}
	t.room.members.Replace(members)
	for _, e := range former { // after the others have entered, so that a user who stays is never forgotten
		c.users.leave(e.ID)
	}
	if state.roles != nil {
		t.setRoles(*state.roles)
		t.dropMissingRoles()
	}
	t.lost = false
	t.room.chatLog.begin()
	if state.chat != nil {
		t.room.chatLog.seed(*state.chat, t.waiting.lines())
	}
	if w := state.active; w.Play.ID != "" {
		song := t.room.newPlay(w.Play, w.Song, state.elapsed())
		t.setCurrent(song, state.elapsed())
		t.completeLater(song, t.newMeta())
		if state.dubs != nil {
			t.room.updateCurrent(w.Play.ID, func(p *play) { p.count(*state.dubs) })
		}
	}
	if state.unsure {
		t.recheckLater()
	}
	t.loadQueue(state)
	t.retryMissing(state.missing)
	t.readNames()
	t.ignorePlaysBefore(t.client.clock.Before(state.asked))
}

// retryMissing reads the missing parts of a room's state after retryDelay.
func (t *tracker) retryMissing(missing missingParts) {
	for _, part := range []struct {
		missing bool
		purpose purpose
		read    func()
	}{
		{missing.info, forInfo, t.readInfo},
		{missing.users, forUsers, t.readUsers},
		{missing.roles, forRoles, t.readRoles},
		{missing.votes, forVotes, t.readVotes},
		{missing.queue, forQueue, t.readQueue},
	} {
		if part.missing && !t.timerRuns(part.purpose) {
			t.startTimer(part.purpose, retryDelay, part.read)
		}
	}
}

// loadQueue stores the queue of a state that was read and reports whether it has changed. If media are missing, the queue is read again.
func (t *tracker) loadQueue(state roomState) (changed bool) {
	if state.queue == nil {
		return false
	}
	changed = t.setQueue(*state.queue)
	if lacksMedia(*state.queue) {
		t.readQueueSoon()
	}
	return changed
}
