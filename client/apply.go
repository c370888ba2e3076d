package client

import (
	"encoding/json"
	"errors"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/realtime"
)

// read decodes a message of the room and applies it.
func (r *Room) read(m realtime.Message) {
	event, err := r.live.link.events.Decode(m.Name, m.Data)
	if err != nil {
		r.client.events.emit(Malformed{Meta: Meta{At: m.At, Room: r, Name: m.Name, Raw: m.Data}, Err: err})
		return
	}
	r.apply(event, Meta{At: m.At, Room: r, Name: event.EventName(), Raw: event.RawJSON()})
}

// apply brings the room's state up to date with an event and then tells everyone who listens. It runs on the
// connection's goroutine; events are known by their name on the wire in docs/PROTOCOL.md 6.2.
func (r *Room) apply(event wire.Event, meta Meta) {
	switch e := event.(type) {
	case *wire.ChatMessage:
		r.applyChat(e, meta)
	case *wire.DeleteChatMessage:
		r.applyChatDeleted(e, meta)
	case *wire.DeleteChatMessageGlobal:
		r.applyChatCleared(e, meta)

	case *wire.UserJoin:
		r.applyJoin(e, meta)
	case *wire.UserLeave:
		r.applyLeave(e, meta)
	case *wire.UserUpdate:
		r.applyUpdate(e, meta)
	case *wire.UserImageUpdate:
		r.applyAvatar(e.Subject, e.User, e.Image, meta)
	case *wire.UserAvatarUpdate:
		r.applyAvatar("", e.User, e.Image, meta)

	case *wire.UserKick:
		r.applyKick(e, meta)
	case *wire.UserBan:
		r.applyBan(e, meta)
	case *wire.UserUnban:
		r.applyUnban(e, meta)
	case *wire.UserMute:
		r.applyMute(e.Target, e.User, true, meta)
	case *wire.UserUnmute:
		r.applyMute(e.Target, e.User, false, meta)

	case *wire.RoomPlaylistUpdate:
		r.applyPlaylist(e, meta)
	case *wire.RoomPlaylistDub:
		r.applyDub(e, meta)
	case *wire.RoomPlaylistQueueUpdateGrabs:
		r.applyGrab(e, meta)
	case *wire.ChatSkip:
		r.applySkip(e, meta)

	case *wire.RoomPlaylistQueueUpdateDub, *wire.RoomPlaylistQueueUpdate:
		r.queueNews(meta)
	case *wire.RoomPlaylistQueueReorder:
		r.applyReorder(e, meta)
	case *wire.RoomPlaylistQueueRemoveUserSong:
		r.applySongRemoved(e, meta)
	case *wire.RoomPlaylistQueueRemoveUser:
		r.applyDJRemoved(e, meta)
	case *wire.UserPauseQueue:
		r.applyPause(e.User, e.Member, e.User, meta)
	case *wire.UserPauseQueueMod:
		r.applyPause(e.User, e.Member, e.Moderator, meta)
	case *wire.RoomLockQueue:
		r.applyLock(e, meta)

	case *wire.UserSetRole:
		r.applyRoleSet(e, meta)
	case *wire.UserUnsetRole:
		r.applyRoleUnset(e, meta)
	case *wire.RoomRoleCreate:
		r.applyRoleWritten(e.Role, meta)
	case *wire.RoomRoleUpdate:
		r.applyRoleWritten(e.Role, meta)
	case *wire.RoomRoleDelete:
		r.applyRoleDeleted(e.RoleID, meta)
	case *wire.RoomRolesReorder:
		r.applyRolesReordered(e, meta)

	case *wire.RoomUpdate:
		r.applyRoomUpdate(e, meta)
	case *wire.RoomSlowMode:
		r.applySlowMode(e, meta)
	case *wire.RoomAllowGuestChat:
		r.applyGuestChat(e, meta)
	case *wire.RoomAllowGuestEmbed:
		r.applyGuestEmbed(e, meta)

	default:
		r.client.applyElsewhere(event, meta)
	}
}

// applyElsewhere is apply for what has nothing to do with a room, whatever channel it comes from.
func (c *Client) applyElsewhere(event wire.Event, meta Meta) {
	switch e := event.(type) {
	case *wire.CommentAdd:
		c.events.emit(CommentAdded{Meta: meta, Comment: newComment(c, "", e.Comment)})
	case *wire.CommentRemove:
		comment := newComment(c, "", e.Comment)
		comment.Deleted = true
		c.events.emit(CommentRemoved{Meta: meta, Comment: comment})
	case *wire.CommentUpdate:
		comment := newComment(c, "", e.Comment)
		if comment.ID == "" {
			comment.ID = e.Subject
		}
		c.events.emit(CommentUpdated{Meta: meta, Comment: comment})
	default:
		c.events.emit(Unknown{meta})
	}
}

// unfit reports whether a member of an object has come with a value that is not known.
func unfit(extra map[string]json.RawMessage, name string) bool {
	_, is := extra[name]
	return is
}

// unclear is for an event whose news is one member: if that is unfit, it is told as Unknown.
func (r *Room) unclear(extra map[string]json.RawMessage, name string, meta Meta) bool {
	is := unfit(extra, name)
	if is {
		r.client.events.emit(Unknown{meta})
	}
	return is
}

var errNobody = errors.New("queup: the event does not say who it is about")

// someone returns the user that an event is about, who may have left, and their record in the room. The record of
// someone who was not there has just the ids. It is false for nobody, which is told as Malformed.
func (r *Room) someone(w wire.User, meta Meta) (User, Member, bool) {
	if userID(w) == "" {
		r.client.events.emit(Malformed{Meta: meta, Err: errNobody})
		return User{}, Member{}, false
	}
	user := r.client.seeUser(w, false)
	member, known := r.lately(user.ID)
	if !known {
		member = Member{UserID: user.ID, RoomID: r.id, client: r.client}
	}
	return user, member, true
}

// by returns who did something. It is zero where the event does not say.
func (r *Room) by(w wire.User) User {
	if userID(w) == "" && w.Username == "" {
		return User{}
	}
	return r.client.seeUser(w, false)
}

// keep notes the new record of who is in the room, or has just left it.
func (r *Room) keep(m Member) {
	if _, present := r.members.Get(m.UserID); present {
		r.put(m)
		return
	}
	r.left.update(m)
}
