package client

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/queup-go/queup/gen/wire"
)

// A Message is a chat line of a room, or a private message, at a moment. Source: docs/PROTOCOL.md 3.13.
type Message struct {
	// ID names the line.
	ID MessageID `json:"id"`
	// Content is the text as people read it, without HTML entities. It may have line breaks.
	Content string `json:"content"`
	// AuthorID is the user who wrote it.
	AuthorID UserID `json:"authorId"`
	// RoomID is the room, empty for a private message.
	RoomID RoomID `json:"roomId,omitempty"`
	// ConversationID is the private conversation, empty for a chat line.
	ConversationID ConversationID `json:"conversationId,omitempty"`
	// CreatedAt is when it was sent.
	CreatedAt time.Time `json:"createdAt,omitzero"`
	// Deleted is true when the line has been deleted. The content stays.
	Deleted bool `json:"deleted,omitempty"`

	extra
	client *Client
	author *User // as of the event that made the message, nil if there was none
}

// sortByTime sorts messages by the time at which they were written. A message whose time is missing or in the future stays
// behind the message before it. Otherwise it would be the latest for ever.
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

// newSentMessage makes the value of a line that was just posted. Some of its parts are in the answer itself, others only in
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

// Author returns the user who wrote it, and false if the client does not know them.
func (m Message) Author() (User, bool) {
	if m.client != nil {
		if u, ok := m.client.Users().Get(m.AuthorID); ok {
			return u, true
		}
	}
	if m.author == nil {
		return User{}, false
	}
	return *m.author, true
}

// Member returns the author's record in the room. It is false if the author is not there, and for a private message.
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

// Mentions reports whether the text mentions a user by name, as @name in any case. The names everyone, mods and djs also
// count; QueUp's page honours them if the author has the permission chat.mention. Source: docs/PROTOCOL.md 1.7.
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
		// A name may contain dots and hyphens, but at its end they more likely belong to the sentence.
		next, _ := utf8.DecodeRuneInString(strings.TrimLeft(after, ".-"))
		if !inUsername(last) && !inUsername(next) {
			return true
		}
	}
}

// Equal reports whether both have the same content, whatever client they come from.
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

// Quote returns other people's text so that a bot can safely send it: a song's name, an argument of a command, a line from
// another room or service. Without it, people can use a bot for what they may not do themselves.
//
//   - In @everyone, @mods and @djs, in any case, a space is added after the @: "@ everyone". QueUp alerts these people only
//     if the sender has the permission chat.mention, which most bots have. Mentions of one person stay, because everybody
//     may make them.
//   - Text that another bot could take for a command is put into quotation marks: “!kick bob”. That is text whose first
//     visible character is not a letter, a digit, a quotation mark, an opening parenthesis, an ellipsis or a picture such
//     as ♪ (Unicode class So). Slashes, exclamation marks, hyphens and @ are examples.
//
// White space around the text is cut off. Quoting quoted text changes nothing. Quote adds one character for each such
// mention, and two for the quotation marks, so use it before you measure or cut a text. With [WithRawChat], encode the text
// as HTML first. To address somebody, begin a line with [User.Mention]. Source: docs/PROTOCOL.md 1.7.
func Quote(text string) string {
	text = defused(strings.TrimSpace(text))
	if opens(text) {
		return text
	}
	return "“" + text + "”"
}

// crowds matches the mentions that alert many people at once. Invisible characters may stand between the letters, because
// QueUp or its page may drop them. The text after the mention does not matter: a line may be cut there. Source:
// docs/PROTOCOL.md 1.7.
var crowds = regexp.MustCompile(`(?i)@(\pC*(?:` + strings.Join([]string{spread("everyone"), spread("mods"), spread("djs")}, "|") + `))`)

// spread returns a pattern for a word with invisible characters between its letters.
func spread(word string) string { return strings.Join(strings.Split(word, ""), `\pC*`) }

// defused returns text with a space after the @ of each mention of everyone, mods and djs.
func defused(text string) string { return crowds.ReplaceAllString(text, "@ $1") }

// openers are the characters that a line may begin with, besides letters, digits and pictures.
const openers = `"'“”„‟‘’‚‛«»‹›(…`

// opens reports whether a line can begin with text without looking like a command. The first visible character must be a
// letter, a digit, a quotation mark, an opening parenthesis, an ellipsis or a picture such as ♪ (Unicode class So).
func opens(text string) bool {
	for _, r := range text {
		if unicode.Is(unicode.C, r) || unicode.IsSpace(r) { // a bot may trim it off
			continue
		}
		return unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.So) || strings.ContainsRune(openers, r)
	}
	return true
}

// authorOf returns the account of a line's author. Its id may stand in other places: the id of a line begins with it.
func authorOf(e *wire.ChatMessage) wire.User {
	id, _, _ := strings.Cut(string(e.ID), "-")
	e.User.ID = cmp.Or(userID(e.User), memberUserID(e.Member), UserID(id))
	return e.User
}

// Mention returns @ and the name, to address the user in a chat line. A user named everyone, mods or djs gets a space after
// the @, so that nobody else is alerted; see [Quote]. Source: docs/PROTOCOL.md 1.7.
func (u User) Mention() string { return defused("@" + u.String()) }
