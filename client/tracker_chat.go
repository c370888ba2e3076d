package client

import (
	"github.com/queup-go/queup/gen/wire"
)

// applyChat stores and emits a chat line, unless it was received before or its author is muted. It also stores the author's name: only
// chat lines carry a new one. Source: docs/PROTOCOL.md 7, rules 9 to 11.
func (t *tracker) applyChat(e *wire.ChatMessage, meta Meta) {
	c := t.client
	if !e.SentAt.IsZero() {
		meta.At = e.SentAt
	}
	e.User = authorOf(e)
	author := c.users.update(newUser(c, e.User), true)
	member := t.memberOf(author.ID, e.Member)
	if member.active == nil { // the author is not in the room
		member.active = new(activity)
	}
	if e.SentAt.IsZero() {
		t.seen(member, meta)
	} else {
		member.active.seen(c.clock.Past(e.SentAt))
	}
	if !t.room.chatLog.markSeen(e.ID, e.SentAt) || member.Muted && !c.config.mutedMessages {
		return
	}
	m := newMessage(c, t.room.id, e)
	m.author = author
	t.room.chatLog.add(m)
	if c.isMe(author.ID) && !c.config.ownMessages {
		return
	}
	c.events.emit(Chat{Meta: withID(meta, "Chat", m.ID), Message: m, Author: *author, Member: member.clone()})
}

func (t *tracker) applyChatDeleted(e *wire.DeleteChatMessage, meta Meta) {
	m, ok := t.room.chatLog.get(e.ID)
	if t.stale && m.Deleted {
		return
	}
	if !ok {
		m = Message{ID: e.ID, RoomID: t.room.id, client: t.client}
	}
	m.Deleted = true
	t.room.chatLog.change(m)
	t.client.events.emit(ChatDeleted{Meta: withID(meta, "ChatDeleted", m.ID), Message: m, By: t.actor(e.User)})
}

// applyChatCleared marks all chat lines of one user as deleted.
func (t *tracker) applyChatCleared(e *wire.DeleteChatMessageGlobal, meta Meta) {
	user, _, ok := t.subject(wire.User{ID: e.AuthorID}, meta)
	if !ok {
		return
	}
	for _, m := range t.room.chatLog.list() {
		if m.AuthorID == user.ID {
			m.Deleted = true
			t.room.chatLog.change(m)
		}
	}
	t.client.events.emit(ChatCleared{Meta: meta, User: user, By: t.actor(e.User)})
}
