package client

import (
	"slices"

	"github.com/queup-go/queup/client/internal/rest"
	"github.com/queup-go/queup/gen/wire"
)

// catchUp makes a state the room's own and tells every difference, all but those about what plays.
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
		t.rolesRead()
	}
	if state.chat != nil {
		t.catchUpChat(*state.chat)
	} else {
		t.tellGap(t.room.history.giveUp())
	}
}

// tellGap tells what was missed for good, if anything was.
func (t *tracker) tellGap(gap *Gap) {
	if gap != nil {
		gap.Meta = t.again()
		t.client.events.emit(*gap)
	}
}

func (t *tracker) catchUpInfo(w wire.Room) {
	before := t.room.Info()
	t.room.describe(w)
	now := t.room.Info()
	t.tellSettings(before, now, t.again())
	// What has an event of its own is not a change of the settings.
	before.QueueLocked, before.SlowMode, before.GuestChat, before.GuestEmbed = now.QueueLocked, now.SlowMode, now.GuestChat, now.GuestEmbed
	if !before.sameSettings(now) {
		t.client.events.emit(RoomUpdated{Meta: t.again(), Info: now})
	}
}

func (t *tracker) catchUpRoles(a authority) {
	before := t.room.authority()
	t.setRoles(a)
	if !before.known || !before.custom || !a.custom {
		return
	}
	emit, meta := t.client.events.emit, t.again()
	for _, old := range before.roles {
		if _, still := a.role(old.ID); !still {
			t.room.deleted.Add(old.ID, struct{}{})
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
		emit(RolesReordered{Meta: meta, Roles: t.room.Roles()})
	}
}

func (t *tracker) catchUpMembers(users wire.RoomUsers) {
	c, meta := t.client, t.again()
	there := make(map[UserID]struct{}, len(users))
	for _, w := range users {
		member := newMember(c, w)
		if member.UserID == "" {
			continue
		}
		there[member.UserID] = struct{}{}
	}
	for id := range t.room.members.All() {
		if _, stays := there[id]; stays || c.isMe(id) && t.room.mayAct() {
			continue
		}
		user := c.userOrID(id)
		if member, present := t.take(id); present {
			c.events.emit(MemberLeft{Meta: meta, Member: member.own(), User: user})
		}
	}
	t.muted.Purge() // of who is not there, nothing is certain any more
	t.room.left.clear()
	for _, w := range users {
		t.catchUpMember(w, meta)
	}
	t.readNames()
}

// catchUpMember takes over the record of one member.
func (t *tracker) catchUpMember(w wire.RoomUser, meta Meta) {
	c := t.client
	member := newMember(c, w)
	if member.UserID == "" {
		return
	}
	member.RoomID = t.room.id
	member.forget(t.room.deleted.Contains)
	known, _ := c.people.Get(member.UserID)
	user := c.seeUser(accountOf(w), true)
	before, present := t.room.members.Get(member.UserID)
	t.setMuted(member.UserID, member.Muted)
	t.put(member)
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
func (t *tracker) catchUpChat(entries wire.ChatHistory) {
	first, gap := t.room.history.unheard(entries)
	t.tellGap(gap)
	t.stale = true // what is known already is not told again
	defer func() { t.stale = false }()
	for i, entry := range entries {
		switch e := entry.(type) {
		case *wire.ChatMessage:
			if i >= first {
				t.applyChat(e, t.again())
			}
		case *wire.DeleteChatMessage:
			if m, known := t.room.history.get(e.ID); known && !m.Deleted {
				t.applyChatDeleted(e, t.again())
			}
		case *wire.DeleteChatMessageGlobal:
			if slices.ContainsFunc(t.room.history.list(), func(m Message) bool { return m.AuthorID == e.AuthorID && !m.Deleted }) {
				t.applyChatCleared(e, t.again())
			}
		}
	}
}

// catchUpSongs tells the plays that were missed, then what plays now, who voted, and the queue; and that this was all.
func (t *tracker) catchUpSongs(state roomState, missed *missedPlays) {
	emit := t.client.events.emit
	active := state.active
	t.tellGap(missed.gap)
	rows := missed.rows
	if i := slices.IndexFunc(rows, func(w wire.Play) bool { return w.ID == active.Play.ID }); i >= 0 {
		rows = rows[i+1:] // what has ended since we asked what plays, the events that wait will tell
	}
	var later map[PlayID]struct{}
	if active.Play.ID == "" { // the same, when nothing played
		later = t.waiting.plays()
	}
	for _, w := range slices.Backward(rows) {
		song := t.room.newSong(w)
		if now, playing := t.room.NowPlaying(); playing && now.ID == song.ID { // which has come to its end, with this score
			if song.info == nil {
				song.info = now.info
			}
			song.RoomID = t.room.id
			t.room.amend(song.ID, func(p *play) { p.song = song })
			continue
		}
		if _, waits := later[song.ID]; waits || t.plays.Contains(song.ID) {
			continue
		}
		meta := t.again()
		if !song.PlayedAt.IsZero() {
			meta.At = song.PlayedAt
		}
		song.Active = true
		t.change(song, song.Length, meta)
	}
	now, playing := t.room.NowPlaying()
	switch {
	case state.unsure:
		t.checkAgain()
	case active.Play.ID == "" && playing:
		t.fallSilent(t.again())
	case active.Play.ID == "":
	case active.Play.ID == now.ID:
		t.catchUpVotes(state)
		t.checkAtEnd()
	default:
		song := t.room.newPlay(active.Play, active.Song, state.elapsed())
		t.change(song, state.elapsed(), t.again())
		t.completeLater(song, t.again())
		if state.dubs != nil {
			t.room.amend(active.Play.ID, func(p *play) { p.count(*state.dubs) })
		}
	}
	t.catchUpQueue(state)
	t.retryMissing(state.missing)
	if !state.unsure {
		t.toldUntil(t.client.clock.Before(state.asked))
	}
	t.client.resynced()
	emit(Resynced{t.again()})
}

// catchUpQueue takes over the queue and tells of it if it is another one.
func (t *tracker) catchUpQueue(state roomState) {
	if t.loadQueue(state) {
		t.client.events.emit(QueueUpdated{Meta: t.again(), Queue: t.room.Queue()})
	}
}

// catchUpVotes tells the votes that were missed on a song that still plays.
func (t *tracker) catchUpVotes(state roomState) {
	w := state.active
	before := make(map[UserID]wire.DubType)
	var added []UserID
	song, _ := t.room.amend(w.Play.ID, func(p *play) {
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
	up, down := t.room.Votes()
	tell := func(users []UserID, vote wire.DubType) {
		slices.Sort(users)
		for _, id := range users {
			if before[id] != vote {
				t.client.events.emit(Dub{Meta: t.again(), Song: song, User: t.client.userOrID(id), Up: vote == wire.Updub})
			}
		}
	}
	if state.dubs == nil {
		return
	}
	tell(up, wire.Updub)
	tell(down, wire.Downdub)
	for _, id := range added {
		t.client.events.emit(Grab{Meta: t.again(), Song: song, User: t.client.userOrID(id)})
	}
}
