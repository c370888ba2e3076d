package client

import (
	"cmp"
	"errors"
	"strings"

	"github.com/queup-go/queup/gen/wire"
)

// apply brings the room's state up to date with an event and then tells everyone who listens. It runs on the
// connection's goroutine; events are known by their name on the wire in docs/PROTOCOL.md 6.2.
func (r *Room) apply(event wire.Event, meta Meta) {
	switch e := event.(type) {
	case *wire.ChatMessage:
		r.applyChat(e, meta)
	case *wire.DeleteChatMessage:
		r.applyChatDeleted(e, meta)
	case *wire.UserJoin:
		r.applyJoin(e, meta)
	case *wire.UserLeave:
		r.applyLeave(e, meta)
	case *wire.UserUpdate:
		r.applyUpdate(e, meta)
	case *wire.RoomPlaylistUpdate:
		r.applyPlaylist(e, meta)
	case *wire.RoomPlaylistDub:
		r.applyDub(e, meta)
	case *wire.ChatSkip:
		r.applySkip(e, meta)
	default:
		r.client.events.emit(Unknown{meta})
	}
}

func (r *Room) applyChat(e *wire.ChatMessage, meta Meta) {
	c := r.client
	if !e.SentAt.IsZero() {
		meta.At = e.SentAt
	}
	if e.User.ID == "" { // the id of the line begins with its author's
		id, _, _ := strings.Cut(string(e.ID), "-")
		e.User.ID = cmp.Or(e.Member.UserID, UserID(id))
	}
	author := c.seeUser(e.User, true)
	member := r.memberOf(author.ID, e.Member)
	m := newMessage(c, r.id, e)
	m.author = &author
	if !r.history.add(m) {
		return
	}
	if c.isMe(author.ID) && !c.config.ownMessages {
		return
	}
	c.events.emit(Chat{Meta: meta, Message: m, Author: author, Member: member})
}

func (r *Room) applyChatDeleted(e *wire.DeleteChatMessage, meta Meta) {
	m, ok := r.history.delete(e.ID)
	if !ok {
		m = Message{ID: e.ID, RoomID: r.id, Deleted: true, client: r.client}
	}
	r.client.events.emit(ChatDeleted{Meta: meta, Message: m, By: r.client.seeUser(e.User, false)})
}

// applyJoin ignores who is in the room already. Source: docs/PROTOCOL.md 7, rule 8.
func (r *Room) applyJoin(e *wire.UserJoin, meta Meta) {
	if e.User.ID == "" {
		r.client.events.emit(Malformed{Meta: meta, Err: errNobody})
		return
	}
	user := r.client.seeUser(e.User, false)
	if _, present := r.members.get(user.ID); present {
		return
	}
	member := r.memberOf(user.ID, e.Member)
	r.put(member)
	r.client.events.emit(MemberJoined{Meta: meta, Member: member, User: user})
}

var errNobody = errors.New("queup: the event does not say who it is about")

func (r *Room) applyLeave(e *wire.UserLeave, meta Meta) {
	user := r.client.seeUser(e.User, false)
	member, present := r.take(user.ID)
	if !present {
		member = r.memberOf(user.ID, e.Member)
	}
	r.client.events.emit(MemberLeft{Meta: meta, Member: member, User: user})
}

func (r *Room) applyUpdate(e *wire.UserUpdate, meta Meta) {
	id := e.Member.UserID
	if id == "" {
		id = e.Subject
	}
	member := r.memberOf(id, e.Member)
	if _, present := r.members.get(id); present {
		r.put(member)
	}
	r.client.events.emit(MemberUpdated{Meta: meta, Member: member})
}

// memberOf returns the record of a user as an event tells it. Events leave out whether somebody is muted, and tell
// roles by their ids or not at all; what is known stays. An event without the record leaves what is known, or a record
// with nothing but the ids.
func (r *Room) memberOf(id UserID, w wire.RoomUser) Member {
	known, present := r.members.get(id)
	if w.UserID == "" && w.User.ID == "" && w.ID == "" {
		if present {
			return known
		}
		return Member{UserID: id, RoomID: r.id, client: r.client}
	}
	m := newMember(r.client, w)
	m.UserID, m.RoomID = id, r.id
	m.Muted = m.Muted || known.Muted
	m.Banned = m.Banned || known.Banned
	if len(m.RoleIDs) == 0 {
		m.RoleIDs = known.RoleIDs
	}
	m.held = append(m.held, known.held...) // after what the event told, which counts first
	return m
}

// applyPlaylist tells a song change from the news that the queue behind the song has changed: only the former has a
// play that is not the current one. Source: docs/PROTOCOL.md 7, rule 12.
func (r *Room) applyPlaylist(e *wire.RoomPlaylistUpdate, meta Meta) {
	c := r.client
	song := newSong(c, e.Play)
	info, known := c.seeSong(e.Song)
	if known {
		song.SongID, song.info = info.ID, &info
	}
	if song.ID == "" { // an update that names no play tells nothing
		c.events.emit(PlaylistUpdated{Meta: meta, Song: song})
		return
	}
	song.RoomID, song.Active = r.id, true
	if song.PlayedAt.IsZero() {
		song.PlayedAt = meta.At.Add(-max(e.Elapsed, 0))
	}
	previous, playing := r.NowPlaying()
	r.play(song)
	c.events.emit(PlaylistUpdated{Meta: meta, Song: song})
	if playing && previous.ID == song.ID {
		return
	}
	previous.Active, previous.Played = false, playing
	user, _ := song.User()
	c.events.emit(SongChanged{Meta: meta, Song: song, Info: info, User: user, Previous: previous, Playing: true})
}

// applyDub takes the totals from the event, and only if it is about the current play. Source: docs/PROTOCOL.md 7, rule
// 17.
func (r *Room) applyDub(e *wire.RoomPlaylistDub, meta Meta) {
	song := newSong(r.client, e.Play)
	if now, playing := r.NowPlaying(); playing && now.ID == song.ID {
		now.Updubs, now.Downdubs = song.Updubs, song.Downdubs
		now.Grabs = max(now.Grabs, song.Grabs)
		r.play(now)
		song = now
	}
	if r.client.isMe(e.User.ID) {
		r.setOwnVote(song.ID, e.Type)
	}
	r.client.events.emit(Dub{Meta: meta, Song: song, User: r.client.seeUser(e.User, false), Up: e.Type == wire.Updub})
}

func (r *Room) applySkip(e *wire.ChatSkip, meta Meta) {
	song, playing := r.NowPlaying()
	if playing {
		song.Skipped = true
		r.play(song)
	}
	by := User{Username: e.Username, client: r.client}
	if member, ok := r.MemberNamed(e.Username); ok {
		if user, ok := member.User(); ok {
			by = user
		}
	}
	r.client.events.emit(SongSkipped{Meta: meta, Song: song, By: by})
}
