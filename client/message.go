package client

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/queup-go/queup/gen/wire"
)

// A Message is a chat line of a room, or a private message, at a moment. Source: docs/PROTOCOL.md 3.13.
type Message struct {
	// ID names the line.
	ID MessageID `json:"id"`
	// Content is the text as people read it, without HTML entities. It may have line breaks.
	Content string `json:"content"`
	// AuthorID is who wrote it.
	AuthorID UserID `json:"authorId"`
	// RoomID is the room, empty for a private message.
	RoomID RoomID `json:"roomId,omitempty"`
	// ConversationID is the private conversation, empty for a chat line.
	ConversationID ConversationID `json:"conversationId,omitempty"`
	// CreatedAt is when it was sent.
	CreatedAt time.Time `json:"createdAt,omitzero"`
	// Deleted is true when it has been deleted. The content stays.
	Deleted bool `json:"deleted,omitempty"`

	extra
	client *Client
	author *User // as of the event that made the message, nil if there was none
}

// sortByTime puts messages into the order in which they were written, as their times say. One whose time is missing or still to
// come stays behind the message before it, so that it is not taken for the latest for ever.
func (c *Client) sortByTime(messages []Message) {
	type timed struct {
		at time.Time
		Message
	}
	list := make([]timed, 0, len(messages))
	var at time.Time
	for _, m := range messages {
		if !m.CreatedAt.IsZero() && !c.clock.Future(m.CreatedAt) {
			at = m.CreatedAt
		}
		list = append(list, timed{at, m})
	}
	slices.SortStableFunc(list, func(a, b timed) int { return a.at.Compare(b.at) })
	for i, m := range list {
		messages[i] = m.Message
	}
}

func newMessage(c *Client, room RoomID, w *wire.ChatMessage) Message {
	return Message{
		ID:        w.ID,
		Content:   w.Text,
		AuthorID:  w.User.ID,
		RoomID:    room,
		CreatedAt: w.SentAt,
		extra:     extra{w.Extra},
		client:    c,
	}
}

// newSentMessage makes the value of a line that was just posted. Parts of it stand in the answer itself, others only in
// the echo of the request.
func newSentMessage(c *Client, room RoomID, author UserID, w wire.ChatPostResult) Message {
	m := Message{
		ID:        w.ID,
		Content:   w.Text,
		AuthorID:  author,
		RoomID:    room,
		CreatedAt: w.SentAt,
		extra:     extra{w.Extra},
		client:    c,
	}
	if m.ID == "" {
		m.ID = w.Request.ID
	}
	if m.Content == "" {
		m.Content = w.Request.Text
	}
	if m.CreatedAt.IsZero() {
		m.CreatedAt = w.Request.SentAt
	}
	return m
}

// Author returns who wrote it, and false if the client does not know them.
func (m Message) Author() (User, bool) {
	if m.client == nil {
		return User{}, false
	}
	if u, ok := m.client.Users().Get(m.AuthorID); ok || m.author == nil {
		return u, ok
	}
	return *m.author, true
}

// Member returns the author's record in the room, and false if they are not there, or for a private message.
func (m Message) Member() (Member, bool) {
	room, ok := m.Room()
	if !ok {
		return Member{}, false
	}
	return room.Members().Get(m.AuthorID)
}

// Room returns the room, and false for a private message or if the client does not know the room.
func (m Message) Room() (*Room, bool) {
	if m.client == nil {
		return nil, false
	}
	return m.client.Rooms().Get(m.RoomID)
}

// Mentions reports whether the text mentions a user by name, as @name in any case. everyone, mods and djs are names,
// too, which QueUp's page honours when the author has the permission chat.mention. Source: docs/PROTOCOL.md 1.7.
func (m Message) Mentions(name string) bool {
	if name == "" {
		return false
	}
	text, at := strings.ToLower(m.Content), "@"+strings.ToLower(name)
	for {
		before, after, found := strings.Cut(text, at)
		if !found {
			return false
		}
		text = after
		last, _ := utf8.DecodeLastRuneInString(before)
		// A name may hold dots and hyphens, but at its end they are more likely the sentence's.
		next, _ := utf8.DecodeRuneInString(strings.TrimLeft(after, ".-"))
		if !inUsername(last) && !inUsername(next) {
			return true
		}
	}
}

// Equal reports whether both tell the same, whatever client they come from.
func (m Message) Equal(n Message) bool {
	return m.ID == n.ID && m.Content == n.Content && m.AuthorID == n.AuthorID && m.RoomID == n.RoomID && m.ConversationID == n.ConversationID &&
		m.CreatedAt.Equal(n.CreatedAt) && m.Deleted == n.Deleted && m.sameExtra(n.extra)
}

// String returns the author and the text.
func (m Message) String() string {
	author, ok := m.Author()
	if !ok {
		return fmt.Sprintf("%s: %s", m.AuthorID, m.Content)
	}
	return fmt.Sprintf("%s: %s", author, m.Content)
}
