package client

import (
	"slices"

	"github.com/queup-go/queup/client/internal/rest"
	"github.com/queup-go/queup/gen/wire"
)

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
