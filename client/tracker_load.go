package client

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/saturate"
)

// roomState is what a room tells of itself at one moment. What only matters to some is nil if it could not be read: a
// guest may not see everything.
type roomState struct {
	about   *wire.Room
	users   *wire.RoomUsers
	roles   *authority
	active  wire.ActiveSong // empty when nothing plays, or unsure
	asked   time.Time       // when active was asked for
	at      time.Time       // when active was read
	unsure  bool            // QueUp does not know what plays
	dubs    *wire.Dubs
	queue   *[]Song
	chat    *wire.ChatHistory
	missing missingParts // of what is nil
}

// missingParts says which parts a roomState lacks because of a transient error.
type missingParts struct{ info, users, roles, votes, queue bool }

// roster returns the rows of who is in the room, none if they could not be read.
func (s *roomState) roster() wire.RoomUsers {
	if s.users == nil {
		return nil
	}
	return *s.users
}

// elapsed returns how long what plays has been playing by now.
func (s *roomState) elapsed() time.Duration {
	return saturate.Add(max(s.active.Elapsed, 0), time.Since(s.at))
}

// loadFirst reads the state of a room that is being joined, while its messages wait under hold, and makes it the room's
// own; then it runs then, and lets the messages go. It does none of this, and reports false, when the connection was lost
// since the hold began, which was before the room was attached: what was read may be older than what was missed. The room's info
// is read only if info is set.
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

// mediaBudget is how long the media of a queue may take while a room is loaded; what is missing then follows. It is less than
// the second after which a full lane has place again, so that no media take the place of what another room needs to be joined.
const mediaBudget = 900 * time.Millisecond

// fetch reads the room's state, with or without its info. Source: docs/PROTOCOL.md 7, rule 3.
func (r *Room) fetch(ctx context.Context, info bool) (roomState, error) {
	var state roomState
	loads := r.client.loads
	whole := ctx
	g, ctx := errgroup.WithContext(ctx)
	optional := func(what string, lacks *bool, read func(ctx context.Context) error) {
		g.Go(func() error {
			if err := read(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, ErrNotFound) {
				*lacks = isTransient(err)
				r.notRead(ctx, what, err)
			}
			return context.Cause(ctx)
		})
	}
	g.Go(func() error {
		users, err := r.fetchUsers(ctx)
		switch {
		case err == nil:
			state.users = &users
		case unreadable(err): // who is in the room is read later
			state.missing.users = true
			r.notRead(ctx, "members", err)
		default:
			return err
		}
		return nil
	})
	g.Go(func() error {
		state.asked = time.Now()
		answer, err := loads.ActiveSong(ctx, queupapi.ActiveSongParams{RoomID: r.id})
		if errors.Is(err, ErrNotFound) { // nothing plays
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

// fetchUsers reads who is in the room.
func (r *Room) fetchUsers(ctx context.Context) (wire.RoomUsers, error) {
	answer, err := r.client.loads.RoomUsers(ctx, queupapi.RoomUsersParams{RoomID: r.id})
	if err != nil {
		return nil, failed("roomUsers", err)
	}
	if noRows(answer.Data) {
		return nil, noList("roomUsers")
	}
	return answer.Data, nil
}

// fetchAuthority reads the roles of the room, and what the client itself may do.
func (r *Room) fetchAuthority(ctx context.Context) (authority, error) {
	answer, err := r.client.loads.RoomRoles(ctx, queupapi.RoomRolesParams{RoomID: r.id})
	if errors.Is(err, ErrNotFound) { // it has none of its own
		return newAuthority(nil, nil), nil
	}
	if err != nil {
		return authority{}, failed("roomRoles", err)
	}
	if noRows(answer.Data.Roles) {
		return authority{}, noList("roomRoles")
	}
	roles := []Role{}
	for _, w := range filled(answer.Data.Roles) {
		roles = append(roles, newCustomRole(w))
	}
	var own *Standing
	if w := answer.Data.Actor; w.Permissions != nil {
		standing := newStanding(w)
		own = &standing
	}
	return newAuthority(roles, own), nil
}

// fetchQueue reads the queue, and then for as long as media allows what the client does not know of its media: QueUp
// leaves them out. lacks says why some are missing still, if they are.
func (r *Room) fetchQueue(ctx, media context.Context) (queue []Song, lacks, err error) {
	answer, err := r.client.loads.PlaylistDetails(ctx, queupapi.PlaylistDetailsParams{RoomID: r.id})
	if err != nil {
		return nil, nil, failed("playlistDetails", err)
	}
	if answer.Data == nil { // nothing but null is what QueUp has for a queue whose songs are gone
		return nil, nil, noList("playlistDetails")
	}
	queue = slices.DeleteFunc(r.songs(answer.Data), func(s Song) bool { return s.ID == "" })
	var lookups errgroup.Group
	lookups.SetLimit(loadsAtOnce)
	for i := range queue {
		if info, known := queue[i].Info(); known {
			queue[i].info = &info // the cache may forget it
		}
		if queue[i].hasMedia() {
			continue
		}
		lookups.Go(func() error {
			info, err := r.client.FetchSong(media, queue[i].SongID)
			if err == nil {
				queue[i].info = &info
				queue[i].takeLength()
			} else if !isTransient(err) || unreadable(err) { // and one that is not there hides no other
				return nil
			}
			return err
		})
	}
	if lacks = lookups.Wait(); lacks != nil {
		r.client.log.DebugContext(ctx, "media of the queue not read", r.logged(), slog.Any("error", lacks))
	}
	return queue, lacks, nil
}

// lacksMedia reports whether there are media in the queue that are not known.
func lacksMedia(queue []Song) bool {
	return slices.ContainsFunc(queue, func(s Song) bool {
		_, known := s.Info()
		return !known && s.SongID != ""
	})
}

// completeActive looks up what is missing of the song that plays, so that the client knows it: QueUp sometimes leaves
// the media out, and who queued the song may have left.
func (r *Room) completeActive(ctx context.Context, state roomState) {
	if state.active.Play.ID == "" {
		return
	}
	song := r.newPlay(state.active.Play, state.active.Song, state.elapsed())
	if slices.ContainsFunc(state.roster(), func(w wire.RoomUser) bool { return memberUserID(w) == song.UserID && w.User.Username != "" }) {
		song.UserID = "" // is known as soon as the state is
	}
	if song.complete() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, mediaBudget)
	defer cancel()
	r.lookUpMissing(ctx, song)
}

// lookUpMissing looks up what is missing of a song, and returns the song with what was found.
func (r *Room) lookUpMissing(ctx context.Context, song Song) Song {
	c := r.client
	if !song.hasMedia() {
		if info, err := c.FetchSong(ctx, song.SongID); err == nil {
			song.info = &info
			song.takeLength()
		}
	}
	if _, known := song.User(); !known && song.UserID != "" {
		_, _ = c.lookUp(ctx, song.UserID)
	}
	return song
}

// newPlay makes the value of a play that QueUp says is the current one.
func (r *Room) newPlay(w wire.Play, media wire.Song, elapsed time.Duration) Song {
	song := newSong(r.client, w)
	if w.User.Username != "" {
		r.client.learnUser(queuedBy(w), false)
	}
	if media.ID == "" {
		media = w.Song
	}
	if song.info = r.client.mediaOf(media); song.info != nil {
		song.SongID = song.info.ID
	}
	song.SongID = cmp.Or(song.SongID, media.ID)
	song.takeLength()
	song.RoomID, song.Active, song.Played = r.id, true, false
	if song.PlayedAt.IsZero() {
		song.PlayedAt = r.client.clock.Now().Add(-max(elapsed, 0))
	}
	return song
}

// notRead logs why a part of the room's state is not known. It is a warning if that should pass: the part is read again.
func (r *Room) notRead(ctx context.Context, what string, err error) {
	level := slog.LevelDebug
	if isTransient(err) {
		level = slog.LevelWarn
	}
	r.client.log.LogAttrs(ctx, level, "not read", slog.String("what", what), r.logged(), slog.Any("error", err))
}

// load makes a state the room's own, without a word to anyone. It runs on the connection's goroutine.
func (t *tracker) load(state roomState, self wire.RoomUser) {
	c := t.client
	if state.about != nil { // what the join began with was read before the room was attached
		t.room.setInfo(*state.about)
	}
	gone := t.room.members.List()
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
		members[member.UserID] = member
	}
	t.room.members.Replace(members)
	for _, e := range gone { // after the others have entered, so that who stays is never forgotten
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

// retryMissing reads later what could not be read with the rest of the room.
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
