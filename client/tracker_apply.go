package client

import (
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/realtime"
)

// read decodes a message of the room's channel and applies it.
func (t *tracker) read(m realtime.Message) {
	event, err := t.link.events.Decode(m.Name, m.Data)
	if err != nil {
		t.client.events.emit(Malformed{Meta: Meta{At: m.At, Room: t.room, Name: m.Name, Raw: m.Data}, Err: err})
		return
	}
	t.apply(event, Meta{At: m.At, Room: t.room, Name: event.EventName(), Raw: event.RawJSON()})
}

// apply updates the room's state with an event and then emits the event. Source: docs/PROTOCOL.md 6.2, which lists the events by their
// name on the wire.
func (t *tracker) apply(event wire.Event, meta Meta) {
	switch e := event.(type) {
	case *wire.ChatMessage:
		t.applyChat(e, meta)
	case *wire.DeleteChatMessage:
		t.applyChatDeleted(e, meta)
	case *wire.DeleteChatMessageGlobal:
		t.applyChatCleared(e, meta)

	case *wire.UserJoin:
		t.applyJoin(e, meta)
	case *wire.UserLeave:
		t.applyLeave(e, meta)
	case *wire.UserUpdate:
		t.applyUpdate(e, meta)
	case *wire.UserImageUpdate:
		t.applyAvatar(e.Subject, e.User, e.Image, meta)
	case *wire.UserAvatarUpdate:
		t.applyAvatar("", e.User, e.Image, meta)

	case *wire.UserKick:
		t.applyKick(e, meta)
	case *wire.UserBan:
		t.applyBan(e, meta)
	case *wire.UserUnban:
		t.applyUnban(e, meta)
	case *wire.UserMute:
		t.applyMute(e.Target, e.User, true, meta)
	case *wire.UserUnmute:
		t.applyMute(e.Target, e.User, false, meta)

	case *wire.RoomPlaylistUpdate:
		t.applyPlaylist(e, meta)
	case *wire.RoomPlaylistDub:
		t.applyDub(e, meta)
	case *wire.RoomPlaylistQueueUpdateGrabs:
		t.applyGrab(e, meta)
	case *wire.ChatSkip:
		t.applySkip(e, meta)

	case *wire.RoomPlaylistQueueUpdateDub:
		t.seenActor(e.User, meta)
		t.queueChanged(meta)
	case *wire.RoomPlaylistQueueUpdate:
		t.queueChanged(meta)
	case *wire.RoomPlaylistQueueReorder:
		t.applyReorder(e, meta)
	case *wire.RoomPlaylistQueueRemoveUserSong:
		t.applySongRemoved(e, meta)
	case *wire.RoomPlaylistQueueRemoveUser:
		t.applyDJRemoved(e, meta)
	case *wire.UserPauseQueue:
		t.applyPause(e.User, e.Member, e.User, meta)
	case *wire.UserPauseQueueMod:
		t.applyPause(e.User, e.Member, e.Moderator, meta)
	case *wire.RoomLockQueue:
		t.applyLock(e, meta)

	case *wire.UserSetRole:
		t.applyRoleSet(e, meta)
	case *wire.UserUnsetRole:
		t.applyRoleUnset(e, meta)
	case *wire.RoomRoleCreate:
		t.applyRoleWritten(e.Role, meta)
	case *wire.RoomRoleUpdate:
		t.applyRoleWritten(e.Role, meta)
	case *wire.RoomRoleDelete:
		t.applyRoleDeleted(e.RoleID, meta)
	case *wire.RoomRolesReorder:
		t.applyRolesReordered(e, meta)

	case *wire.RoomUpdate:
		t.applyRoomUpdate(e, meta)
	case *wire.RoomSlowMode:
		t.applySlowMode(e, meta)
	case *wire.RoomAllowGuestChat:
		t.applyGuestChat(e, meta)
	case *wire.RoomAllowGuestEmbed:
		t.applyGuestEmbed(e, meta)

	default:
		t.client.applyOutsideRooms(event, meta)
	}
}

// applyOutsideRooms emits an event that does not belong to a room, whatever channel it comes from. One of unknown type is emitted as
// Unknown.
func (c *Client) applyOutsideRooms(event wire.Event, meta Meta) {
	switch e := event.(type) {
	case *wire.CommentAdd:
		c.events.emit(CommentAdded{Meta: withID(meta, "CommentAdded", e.Comment.ID), Comment: newComment(c, "", e.Comment)})
	case *wire.CommentRemove:
		comment := newComment(c, "", e.Comment)
		comment.Deleted = true
		c.events.emit(CommentRemoved{Meta: withID(meta, "CommentRemoved", comment.ID), Comment: comment})
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
