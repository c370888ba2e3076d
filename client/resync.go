package client

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/queup-go/queup/client/internal/rest"
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

// holdFor is hold for a reading that may take longer than what is said in the room can wait.
func (r *Room) holdFor(patience time.Duration) (turn int) {
	turn = r.hold()
	if patience > maxHold {
		r.alarm(dueChat, maxHold, func() {
			if r.live.waiting.level == all {
				r.release(turn, allButChat)
			}
		})
	}
	return turn
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

// again is the Meta of what was found out after a lost connection.
func (r *Room) again() Meta { return Meta{At: time.Now(), Room: r, Resynced: true} }

// catchUp makes a state the room's own and tells every difference, all but those about what plays.
func (r *Room) catchUp(state roomState) {
	if state.about != nil {
		r.catchUpInfo(*state.about)
	}
	if state.roles != nil {
		r.catchUpRoles(*state.roles)
	}
	if state.users != nil {
		r.catchUpMembers(*state.users)
	}
	if state.roles != nil {
		r.rolesRead()
	}
	if state.chat != nil {
		r.catchUpChat(*state.chat)
	} else {
		r.tellGap(r.history.giveUp())
	}
}

// tellGap tells what was missed for good, if anything was.
func (r *Room) tellGap(gap *Gap) {
	if gap != nil {
		gap.Meta = r.again()
		r.client.events.emit(*gap)
	}
}

func (r *Room) catchUpInfo(w wire.Room) {
	before := r.Info()
	r.describe(w)
	now := r.Info()
	r.tellSettings(before, now, r.again())
	// What has an event of its own is not a change of the settings.
	before.QueueLocked, before.SlowMode, before.GuestChat, before.GuestEmbed = now.QueueLocked, now.SlowMode, now.GuestChat, now.GuestEmbed
	if !before.sameSettings(now) {
		r.client.events.emit(RoomUpdated{Meta: r.again(), Info: now})
	}
}

func (r *Room) catchUpRoles(a authority) {
	before := r.authority()
	r.setRoles(a)
	if !before.known || !before.custom || !a.custom {
		return
	}
	emit, meta := r.client.events.emit, r.again()
	for _, old := range before.roles {
		if _, still := a.role(old.ID); !still {
			r.deleted.Add(old.ID, struct{}{})
			emit(RoleDeleted{Meta: meta, Role: old.own()})
		}
	}
	moved := false
	for _, role := range a.roles {
		old, known := before.role(role.ID)
		moved = moved || known && old.Position != role.Position
		old.Position = role.Position
		switch {
		case !known:
			emit(RoleCreated{Meta: meta, Role: role.own()})
		case !old.Equal(role):
			emit(RoleUpdated{Meta: meta, Role: role.own()})
		}
	}
	if moved {
		emit(RolesReordered{Meta: meta, Roles: r.Roles()})
	}
}

func (r *Room) catchUpMembers(users wire.RoomUsers) {
	c, meta := r.client, r.again()
	there := make(map[UserID]struct{}, len(users))
	for _, w := range users {
		member := newMember(c, w)
		if member.UserID == "" {
			continue
		}
		there[member.UserID] = struct{}{}
	}
	for id := range r.members.All() {
		if _, stays := there[id]; stays || c.isMe(id) && r.mayAct() {
			continue
		}
		user := c.userOrID(id)
		if member, present := r.take(id); present {
			c.events.emit(MemberLeft{Meta: meta, Member: member.own(), User: user})
		}
	}
	r.live.muted.Purge() // of who is not there, nothing is certain any more
	r.left.clear()
	for _, w := range users {
		r.catchUpMember(w, meta)
	}
	r.readNames()
}

// catchUpMember takes over the record of one member.
func (r *Room) catchUpMember(w wire.RoomUser, meta Meta) {
	c := r.client
	member := newMember(c, w)
	if member.UserID == "" {
		return
	}
	member.RoomID = r.id
	member.forget(r.deleted.Contains)
	known, _ := c.people.Get(member.UserID)
	user := c.seeUser(accountOf(w), true)
	before, present := r.members.Get(member.UserID)
	r.setMuted(member.UserID, member.Muted)
	r.put(member)
	if !present {
		c.events.emit(MemberJoined{Meta: meta, Member: member.own(), User: user})
		return
	}
	if before.Muted != member.Muted {
		if member.Muted {
			c.events.emit(MemberMuted{Meta: meta, User: user, Member: member.own()})
		} else {
			c.events.emit(MemberUnmuted{Meta: meta, User: user, Member: member.own()})
		}
	}
	had, has := before.roles(), member.roles()
	for _, role := range had {
		if !slices.ContainsFunc(has, role.same) {
			c.events.emit(RoleUnset{Meta: meta, User: user, Member: member.own(), Role: role.own()})
		}
	}
	for _, role := range has {
		if !slices.ContainsFunc(had, role.same) {
			c.events.emit(RoleSet{Meta: meta, User: user, Member: member.own(), Role: role.own()})
		}
	}
	if before.QueuePaused != member.QueuePaused {
		c.events.emit(QueuePaused{Meta: meta, Member: member.own(), Paused: member.QueuePaused, By: user})
	}
	// What has an event of its own is no change of the record.
	before.Muted, before.RoleIDs, before.QueuePaused, before.extra = member.Muted, member.RoleIDs, member.QueuePaused, member.extra
	if !before.Equal(member) || known.Username != user.Username {
		c.events.emit(MemberUpdated{Meta: meta, Member: member.own()})
	}
}

// catchUpChat tells the lines that were missed, and what was deleted. Lines that QueUp has forgotten already are a gap.
func (r *Room) catchUpChat(entries wire.ChatHistory) {
	first, gap := r.history.unheard(entries)
	r.tellGap(gap)
	r.live.replay = true // what is known already is not told again
	defer func() { r.live.replay = false }()
	for i, entry := range entries {
		switch e := entry.(type) {
		case *wire.ChatMessage:
			if i >= first {
				r.applyChat(e, r.again())
			}
		case *wire.DeleteChatMessage:
			if m, known := r.history.get(e.ID); known && !m.Deleted {
				r.applyChatDeleted(e, r.again())
			}
		case *wire.DeleteChatMessageGlobal:
			if slices.ContainsFunc(r.history.list(), func(m Message) bool { return m.AuthorID == e.AuthorID && !m.Deleted }) {
				r.applyChatCleared(e, r.again())
			}
		}
	}
}

// catchUpSongs tells the plays that were missed, then what plays now, who voted, and the queue; and that this was all.
func (r *Room) catchUpSongs(state roomState, missed *missedPlays) {
	emit := r.client.events.emit
	active := state.active
	r.tellGap(missed.gap)
	rows := missed.rows
	if i := slices.IndexFunc(rows, func(w wire.Play) bool { return w.ID == active.Play.ID }); i >= 0 {
		rows = rows[i+1:] // what has ended since we asked what plays, the events that wait will tell
	}
	var later map[PlayID]struct{}
	if active.Play.ID == "" { // the same, when nothing played
		later = r.live.waiting.plays()
	}
	for _, w := range slices.Backward(rows) {
		song := r.newSong(w)
		if now, playing := r.NowPlaying(); playing && now.ID == song.ID { // which has come to its end, with this score
			if song.info == nil {
				song.info = now.info
			}
			song.RoomID = r.id
			r.amend(song.ID, func(p *play) { p.song = song })
			continue
		}
		if _, waits := later[song.ID]; waits || r.live.plays.Contains(song.ID) {
			continue
		}
		meta := r.again()
		if !song.PlayedAt.IsZero() {
			meta.At = song.PlayedAt
		}
		song.Active = true
		r.change(song, song.Length, meta)
	}
	now, playing := r.NowPlaying()
	switch {
	case state.unsure:
		r.checkAgain()
	case active.Play.ID == "" && playing:
		r.fallSilent(r.again())
	case active.Play.ID == "":
	case active.Play.ID == now.ID:
		r.catchUpVotes(state)
		r.checkAtEnd()
	default:
		song := r.newPlay(active.Play, active.Song, state.elapsed())
		r.change(song, state.elapsed(), r.again())
		r.completeLater(song, r.again())
		if state.dubs != nil {
			r.amend(active.Play.ID, func(p *play) { p.count(*state.dubs) })
		}
	}
	r.catchUpQueue(state)
	r.readLacking(state.lacks)
	if !state.unsure {
		r.toldUntil(r.client.clock.Before(state.asked))
	}
	r.client.resynced()
	emit(Resynced{r.again()})
}

// catchUpQueue takes over the queue and tells of it if it is another one.
func (r *Room) catchUpQueue(state roomState) {
	if r.loadQueue(state) {
		r.client.events.emit(QueueUpdated{Meta: r.again(), Queue: r.Queue()})
	}
}

// catchUpVotes tells the votes that were missed on a song that still plays.
func (r *Room) catchUpVotes(state roomState) {
	w := state.active
	before := make(map[UserID]wire.DubType)
	var added []UserID
	song, _ := r.amend(w.Play.ID, func(p *play) {
		p.song.Updubs, p.song.Downdubs, p.song.Grabs = w.Play.Updubs, w.Play.Downdubs, max(p.song.Grabs, w.Play.Grabs)
		p.began = rest.WallNow().Add(-state.elapsed())
		if state.dubs == nil {
			return
		}
		before = p.votes
		p.heard = 0
		for _, v := range state.dubs.Grabs {
			if _, known := p.grabs[v.UserID]; !known {
				added = append(added, v.UserID)
			}
		}
		p.count(*state.dubs)
	})
	up, down := r.Votes()
	tell := func(users []UserID, vote wire.DubType) {
		slices.Sort(users)
		for _, id := range users {
			if before[id] != vote {
				r.client.events.emit(Dub{Meta: r.again(), Song: song, User: r.client.userOrID(id), Up: vote == wire.Updub})
			}
		}
	}
	if state.dubs == nil {
		return
	}
	tell(up, wire.Updub)
	tell(down, wire.Downdub)
	for _, id := range added {
		r.client.events.emit(Grab{Meta: r.again(), Song: song, User: r.client.userOrID(id)})
	}
}

// userOrID returns what is known of a user, or a value with nothing but the id.
func (c *Client) userOrID(id UserID) User {
	u, _ := c.people.Get(id)
	u.ID, u.client = id, c
	return u
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
