package client

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
)

// roomState is what a room tells of itself at one moment.
type roomState struct {
	users  wire.RoomUsers
	active wire.ActiveSong // empty when nothing plays
}

// fetch reads the room's state.
func (r *Room) fetch(ctx context.Context) (roomState, error) {
	var state roomState
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		answer, err := r.client.loads.RoomUsers(ctx, queupapi.RoomUsersParams{RoomID: r.id})
		if err != nil {
			return failed("roomUsers", err)
		}
		state.users = answer.Data
		return nil
	})
	g.Go(func() error {
		answer, err := r.client.loads.ActiveSong(ctx, queupapi.ActiveSongParams{RoomID: r.id})
		if errors.Is(err, ErrNotFound) { // nothing plays
			return nil
		}
		if err != nil {
			return failed("activeSong", err)
		}
		state.active = answer.Data
		return nil
	})
	return state, g.Wait()
}

// refresh reads the room's state while its messages wait, and makes it the room's own; then it runs then, and lets the
// messages go. It does none of this, and reports false, when the connection was lost again meanwhile or the messages
// have gone: what was read may be older than what happened since.
func (r *Room) refresh(ctx context.Context, l *connection, then func()) (current bool, err error) {
	var holds int
	if err := l.do(ctx, func() { holds = r.holds }); err != nil {
		return false, err
	}
	state, err := r.fetch(ctx)
	if err != nil {
		return false, err
	}
	gone := false
	if err := l.do(ctx, func() {
		gone = l.rooms[r.channel()] != r
		if current = !gone && r.holding && r.holds == holds; current {
			r.load(state)
			then()
			r.release()
		}
	}); err != nil {
		return false, err
	}
	if gone {
		return false, errDetachedByServer
	}
	return current, nil
}

const (
	// maxHold is how long the events of a room wait at most while it is read again.
	maxHold = 2 * time.Second
	// maxReloadWait is the longest pause between two tries.
	maxReloadWait = 30 * time.Second
)

// reload reads a room again whose messages wait since the connection was lost. Live events wait for it, but not for
// long: when QueUp is slow, they go out with what is known, and the room is read again later. When the connection is
// lost once more, the next reload takes over.
func (r *Room) reload(l *connection) {
	ctx := r.client.workers.ctx
	for wait := time.Second; ; wait = min(2*wait, maxReloadWait) {
		var mine int // the hold that this reload works under
		if l.do(ctx, func() { mine = r.holds }) != nil {
			return
		}
		underMine := func(f func()) bool {
			is := false
			return l.do(ctx, func() {
				if is = r.holds == mine && l.rooms[r.channel()] == r; is {
					f()
				}
			}) == nil && is
		}
		brief, cancel := context.WithTimeout(ctx, maxHold)
		_, err := r.refresh(brief, l, func() {})
		cancel()
		if err == nil || !underMine(r.release) {
			return
		}
		r.client.log.WarnContext(ctx, "room not read again after a lost connection",
			slog.String("room", r.Slug()), slog.Any("error", err), slog.Duration("retry_in", wait))
		if waitUntil(ctx, "reload", time.Now().Add(wait)) != nil || !underMine(r.hold) {
			return
		}
	}
}

// load makes a state the room's own. It runs on the connection's goroutine.
func (r *Room) load(state roomState) {
	c := r.client
	gone := r.members.all()
	members := make(map[UserID]Member, len(state.users))
	for _, w := range state.users {
		member := newMember(c, w)
		if _, twice := members[member.UserID]; twice || member.UserID == "" {
			continue
		}
		member.RoomID = r.id
		c.seeUser(w.User, true)
		c.people.enter(member.UserID)
		members[member.UserID] = member
	}
	r.members.replace(members)
	for _, e := range gone { // after the others have entered, so that who stays is never forgotten
		c.people.leave(e.id)
	}

	song := newSong(c, state.active.Play)
	if info, known := c.seeSong(state.active.Song); known {
		song.SongID, song.info = info.ID, &info
	}
	song.RoomID, song.Active = r.id, true
	if song.PlayedAt.IsZero() {
		song.PlayedAt = time.Now().Add(-max(state.active.Elapsed, 0))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.song = nil; song.ID != "" {
		r.song = &song
	}
}
