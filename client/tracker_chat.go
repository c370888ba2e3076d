package client

import (
	"cmp"
	"strings"

	"github.com/queup-go/queup/gen/wire"
)

// authorOf returns the account of a line's author. Its id may stand in other places: the id of a line begins with it.
func authorOf(e *wire.ChatMessage) wire.User {
	id, _, _ := strings.Cut(string(e.ID), "-")
	e.User.ID = cmp.Or(userID(e.User), recordOf(e.Member), UserID(id))
	return e.User
}

// applyChat leaves out lines that were heard before and those of who is muted, and learns names: only here QueUp tells
// of new ones. Source: docs/PROTOCOL.md 7, rules 9 to 11.
func (r *Room) applyChat(e *wire.ChatMessage, meta Meta) {
	c := r.client
	if !e.SentAt.IsZero() {
		meta.At = e.SentAt
	}
	e.User = authorOf(e)
	author := c.people.see(newUser(c, e.User), true)
	member := r.memberOf(author.ID, e.Member)
	if !r.history.hear(e.ID, e.SentAt) || member.Muted && !c.config.mutedMessages {
		return
	}
	m := newMessage(c, r.id, e)
	m.author = author
	r.history.add(m)
	if c.isMe(author.ID) && !c.config.ownMessages {
		return
	}
	c.events.emit(Chat{Meta: meta, Message: m, Author: *author, Member: member.own()})
}

func (r *Room) applyChatDeleted(e *wire.DeleteChatMessage, meta Meta) {
	m, ok := r.history.get(e.ID)
	if r.live.replay && m.Deleted {
		return
	}
	if !ok {
		m = Message{ID: e.ID, RoomID: r.id, client: r.client}
	}
	m.Deleted = true
	r.history.change(m)
	r.client.events.emit(ChatDeleted{Meta: meta, Message: m, By: r.by(e.User)})
}

// applyChatCleared marks all lines of someone as deleted.
func (r *Room) applyChatCleared(e *wire.DeleteChatMessageGlobal, meta Meta) {
	user, _, ok := r.someone(wire.User{ID: e.AuthorID}, meta)
	if !ok {
		return
	}
	for _, m := range r.history.list() {
		if m.AuthorID == user.ID {
			m.Deleted = true
			r.history.change(m)
		}
	}
	r.client.events.emit(ChatCleared{Meta: meta, User: user, By: r.by(e.User)})
}
