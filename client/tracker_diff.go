package client

import (
	"slices"

	"github.com/queup-go/queup/client/internal/rest"
	"github.com/queup-go/queup/gen/wire"
)

// catchUp takes over the state that a resync has read and emits every difference, except those of playback.
func (t *tracker) catchUp(state roomState) {
	if state.about != nil {
		t.catchUpInfo(*state.about)
	}
	if state.roles != nil {
		t.catchUpRoles(*state.roles)
	}
	if state.users != nil {
		t.catchUpMembers(*state.users)
	}
	if state.roles != nil {
		t.dropMissingRoles()
	}
	if state.chat != nil {
		t.catchUpChat(*state.chat)
	} else {
		t.emitGap(t.room.chatLog.giveUp())
	}
}

// emitGap emits a gap in the events, if there is one.
func (t *tracker) emitGap(gap *Gap) {
	if gap != nil {
		gap.Meta = t.resyncedMeta()
		t.client.events.emit(*gap)
	}
}

func (t *tracker) catchUpInfo(w wire.Room) {
	before := t.room.Info()
	t.room.setInfo(w)
	after := t.room.Info()
	t.emitSettings(before, after, t.resyncedMeta())
	// A setting that has an event of its own is not emitted as RoomUpdated, too.
	before.QueueLocked, before.SlowMode, before.GuestChat, before.GuestEmbed = after.QueueLocked, after.SlowMode, after.GuestChat, after.GuestEmbed
	if !before.sameSettings(after) {
		t.client.events.emit(RoomUpdated{Meta: t.resyncedMeta(), Info: after})
	}
}

// emitSettings emits the changed settings that have an event of their own. By is empty, because it is not known which user changed them.
func (t *tracker) emitSettings(before, after RoomInfo, meta Meta) {
	emit := t.client.events.emit
	if before.QueueLocked != after.QueueLocked {
		emit(QueueLocked{Meta: meta, Locked: after.QueueLocked})
	}
	if before.SlowMode != after.SlowMode {
		emit(SlowMode{Meta: meta, On: after.SlowMode})
	}
	if before.GuestChat != after.GuestChat {
		emit(GuestChat{Meta: meta, On: after.GuestChat})
	}
	if before.GuestEmbed != after.GuestEmbed {
		emit(GuestEmbed{Meta: meta, On: after.GuestEmbed})
	}
}

func (t *tracker) catchUpRoles(a authority) {
	before := t.room.authority()
	t.setRoles(a)
	if !before.known || !before.custom || !a.custom {
		return
	}
	emit, meta := t.client.events.emit, t.resyncedMeta()
	for _, old := range before.roles {
		if _, still := a.role(old.ID); !still {
			t.room.deleted.Add(old.ID, struct{}{})
			emit(RoleDeleted{Meta: withID(meta, "RoleDeleted", old.ID), Role: old.clone()})
		}
	}
	moved := false
	for _, role := range a.roles {
		old, known := before.role(role.ID)
		moved = moved || known && old.Position != role.Position
		old.Position = role.Position
		switch {
		case !known:
			emit(RoleCreated{Meta: withID(meta, "RoleCreated", role.ID), Role: role.clone()})
		case !old.Equal(role):
			emit(RoleUpdated{Meta: meta, Role: role.clone()})
		}
	}
	if moved {
		emit(RolesReordered{Meta: meta, Roles: t.room.Roles()})
	}
}

func (t *tracker) catchUpMembers(users wire.RoomUsers) {
	c, meta := t.client, t.resyncedMeta()
	listed := make(map[UserID]struct{}, len(users))
	for _, w := range users {
		member := newMember(c, w)
		if member.UserID == "" {
			continue
		}
		listed[member.UserID] = struct{}{}
	}
	for id := range t.room.members.All() {
		if _, stays := listed[id]; stays || c.isMe(id) && t.room.mayAct() {
			continue
		}
		user := c.userOrID(id)
		if member, present := t.removeMember(id); present {
			c.events.emit(MemberLeft{Meta: meta, Member: member.clone(), User: user})
		}
	}
	t.muted.Purge() // users who are not in the room may have been unmuted meanwhile
	t.room.departed.Clear()
	for _, w := range users {
		t.catchUpMember(w, meta)
	}
	t.readNames()
}

// catchUpMember stores the record of one member and emits the differences.
func (t *tracker) catchUpMember(w wire.RoomUser, meta Meta) {
	c := t.client
	member := newMember(c, w)
	if member.UserID == "" {
		return
	}
	member.RoomID = t.room.id
	member.forget(t.room.deleted.Contains)
	known, _ := c.users.Get(member.UserID)
	user := c.learnUser(accountOf(w), true)
	before, present := t.room.members.Get(member.UserID)
	t.setMuted(member.UserID, member.Muted)
	member = t.addMember(member)
	if !present {
		t.seen(member, meta)
		c.events.emit(MemberJoined{Meta: meta, Member: member.clone(), User: user})
		return
	}
	if before.Muted != member.Muted {
		if member.Muted {
			c.events.emit(MemberMuted{Meta: meta, User: user, Member: member.clone()})
		} else {
			c.events.emit(MemberUnmuted{Meta: meta, User: user, Member: member.clone()})
		}
	}
	had, has := before.roles(), member.roles()
	for _, role := range had {
		if !slices.ContainsFunc(has, role.same) {
			c.events.emit(RoleUnset{Meta: meta, User: user, Member: member.clone(), Role: role.clone()})
		}
	}
	for _, role := range has {
		if !slices.ContainsFunc(had, role.same) {
			c.events.emit(RoleSet{Meta: meta, User: user, Member: member.clone(), Role: role.clone()})
		}
	}
	if before.QueuePaused != member.QueuePaused {
		c.events.emit(QueuePaused{Meta: meta, Member: member.clone(), Paused: member.QueuePaused, By: user})
	}
	// A field that has an event of its own is not emitted as MemberUpdated, too.
	before.Muted, before.RoleIDs, before.QueuePaused, before.extra = member.Muted, member.RoleIDs, member.QueuePaused, member.extra
	if !before.Equal(member) || known.Username != user.Username {
		c.events.emit(MemberUpdated{Meta: meta, Member: member.clone()})
	}
}

// catchUpChat emits the chat lines and deletions that were missed. Lines that QueUp does not keep any more are emitted as a gap.
func (t *tracker) catchUpChat(entries wire.ChatHistory) {
	first, gap := t.room.chatLog.missed(entries)
	t.emitGap(gap)
	t.stale = true // so that a deletion that is known already is not emitted again
	defer func() { t.stale = false }()
	for i, entry := range entries {
		switch e := entry.(type) {
		case *wire.ChatMessage:
			if i >= first {
				t.applyChat(e, t.resyncedMeta())
			}
		case *wire.DeleteChatMessage:
			if m, known := t.room.chatLog.get(e.ID); known && !m.Deleted {
				t.applyChatDeleted(e, t.resyncedMeta())
			}
		case *wire.DeleteChatMessageGlobal:
			if slices.ContainsFunc(t.room.chatLog.list(), func(m Message) bool { return m.AuthorID == e.AuthorID && !m.Deleted }) {
				t.applyChatCleared(e, t.resyncedMeta())
			}
		}
	}
}

// catchUpSongs emits what was missed of playback: the plays that have ended, the current play and its votes, and the queue. Then it
// emits Resynced.
func (t *tracker) catchUpSongs(state roomState, missed []wire.Play, gap *Gap) {
	t.emitGap(gap)
	t.emitMissedPlays(state, missed)
	t.catchUpCurrent(state)
	t.catchUpQueue(state)
	t.retryMissing(state.missing)
	if !state.unsure {
		t.ignorePlaysBefore(t.client.clock.Before(state.asked))
	}
	t.client.resynced()
	t.client.events.emit(Resynced{t.resyncedMeta()})
}

// emitMissedPlays emits the plays of the history that are new, the oldest first. rows are the newest first. It leaves out the plays that
// held events will announce: the plays after the current one. If no song was playing, these are the plays that an event names.
func (t *tracker) emitMissedPlays(state roomState, rows []wire.Play) {
	var announced map[PlayID]struct{}
	if current := state.active.Play.ID; current == "" {
		announced = t.waiting.plays()
	} else if i := slices.IndexFunc(rows, func(w wire.Play) bool { return w.ID == current }); i >= 0 {
		rows = rows[i+1:]
	}
	for _, w := range slices.Backward(rows) {
		song := t.room.newSong(w)
		if t.updateEnded(song) {
			continue
		}
		if _, held := announced[song.ID]; held || t.plays.Contains(song.ID) {
			continue
		}
		meta := t.resyncedMeta()
		if !song.PlayedAt.IsZero() {
			meta.At = song.PlayedAt
		}
		song.Active = true
		t.startPlay(song, song.Length, meta)
	}
}

// updateEnded gives the current play its final score from the history. It reports false if song is not the current play.
func (t *tracker) updateEnded(song Song) bool {
	_, current := t.room.updateCurrent(song.ID, func(p *play) {
		if song.info == nil {
			song.info = p.song.info
		}
		song.RoomID = t.room.id
		p.song = song
	})
	return current
}

// catchUpCurrent makes the play that was read the current one and emits the difference.
func (t *tracker) catchUpCurrent(state roomState) {
	active := state.active
	current, playing := t.room.NowPlaying()
	switch {
	case state.unsure:
		t.recheckLater()
	case active.Play.ID == "" && playing:
		t.endPlay(t.resyncedMeta())
	case active.Play.ID == "":
	case active.Play.ID == current.ID:
		t.catchUpVotes(state)
		t.checkAtEnd()
	default:
		song := t.room.newPlay(active.Play, active.Song, state.elapsed())
		t.startPlay(song, state.elapsed(), t.resyncedMeta())
		t.completeLater(song, t.resyncedMeta())
		if state.dubs != nil {
			t.room.updateCurrent(active.Play.ID, func(p *play) { p.count(*state.dubs) })
		}
	}
}

// catchUpVotes emits the votes and grabs that were missed on a song that is still playing.
func (t *tracker) catchUpVotes(state roomState) {
	w := state.active
	before := make(map[UserID]wire.DubType)
	var added []UserID
	song, _ := t.room.updateCurrent(w.Play.ID, func(p *play) {
		p.song.Updubs, p.song.Downdubs, p.song.Grabs = w.Play.Updubs, w.Play.Downdubs, max(p.song.Grabs, w.Play.Grabs)
		p.began = rest.WallNow().Add(-state.elapsed())
		if state.dubs == nil {
			return
		}
		before = p.votes
		p.eventVotes = 0
		for _, v := range state.dubs.Grabs {
			if _, known := p.grabs[v.UserID]; !known {
				added = append(added, v.UserID)
			}
		}
		p.count(*state.dubs)
	})
	up, down := t.room.Votes()
	emitVotes := func(users []UserID, vote wire.DubType) {
		slices.Sort(users)
		for _, id := range users {
			if before[id] != vote {
				t.seenActor(wire.User{ID: id}, t.resyncedMeta())
				t.client.events.emit(Dub{Meta: t.resyncedMeta(), Song: song, User: t.client.userOrID(id), Up: vote == wire.Updub})
			}
		}
	}
	if state.dubs == nil {
		return
	}
	emitVotes(up, wire.Updub)
	emitVotes(down, wire.Downdub)
	for _, id := range added {
		t.client.events.emit(Grab{Meta: t.resyncedMeta(), Song: song, User: t.client.userOrID(id)})
	}
}

// catchUpQueue stores the queue and emits QueueUpdated if it has changed.
func (t *tracker) catchUpQueue(state roomState) {
	if t.loadQueue(state) {
		t.client.events.emit(QueueUpdated{Meta: t.resyncedMeta(), Queue: t.room.Queue()})
	}
}
