package queuptest

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-faster/jx"

	"github.com/queup-go/queup/gen/queupserver"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/htmltext"
)

// conversation is a private conversation. It is guarded by state.mu.
type conversation struct {
	id       wire.ConversationID
	people   []*account // who opened it first; immutable
	created  time.Time
	messages []*private // oldest first
	readBy   []*account // who has read all of it
}

// private is a message of a conversation. It is immutable.
type private struct {
	id     wire.MessageID
	author *account
	sent   string // with the HTML entities the sender wrote
	at     time.Time
	number uint64 // of lineCount
}

// maxPeople is how many people one may open a conversation with.
const maxPeople = 10

const (
	textNoConversation = "Conversation not found"
	textNoPeople       = "usersid must name one to ten others"
)

// conversationOf finds a conversation that an account takes part in; nil if there is none with that id. The caller holds
// s.mu.
func (s *state) conversationOf(a *account, id wire.ConversationID) *conversation {
	i := slices.IndexFunc(s.site.conversations, func(c *conversation) bool { return c.id == id && slices.Contains(c.people, a) })
	if i < 0 {
		return nil
	}
	return s.site.conversations[i]
}

// conversationAmong finds the conversation of exactly these people, or begins it. The caller holds s.mu.
func (s *state) conversationAmong(people []*account, now time.Time) (*conversation, error) {
	for _, c := range s.site.conversations {
		if len(c.people) == len(people) && !slices.ContainsFunc(people, func(a *account) bool { return !slices.Contains(c.people, a) }) {
			return c, nil
		}
	}
	if len(s.site.conversations) >= maxOwned {
		return nil, errorE1(http.StatusBadRequest, textTooMany)
	}
	c := &conversation{id: wire.ConversationID(s.id(idConversation)), people: people, created: now}
	s.site.conversations = append(s.site.conversations, c)
	return c, nil
}

// write stores a message, and tells everybody who takes part. The caller holds s.mu.
func (s *state) write(c *conversation, a *account, sent string, now time.Time) *private {
	m := &private{id: wire.MessageID(s.id(idPrivate)), author: a, sent: sent, at: now, number: s.lines.next()}
	if len(c.messages) >= maxOwned {
		c.messages[0] = nil
		c.messages = c.messages[1:]
	}
	c.messages = append(c.messages, m)
	c.readBy = []*account{a}
	i := slices.Index(s.site.conversations, c)
	s.site.conversations = append(slices.Delete(s.site.conversations, i, i+1), c) // the latest is the last
	for _, p := range c.people {
		s.emitTo("user:"+string(p.id), &wire.NewMessage{AuthorID: a.id, ConversationID: c.id})
	}
	return m
}

// unread says whether there is something in the conversation that an account has not read.
func (c *conversation) unread(a *account) bool {
	return len(c.messages) > 0 && !slices.Contains(c.readBy, a)
}

// wire is a conversation whose people are ids.
func (c *conversation) wire() wire.Conversation {
	w := wire.Conversation{ID: c.id, Created: c.created, ReadBy: []wire.UserID{}}
	for _, a := range c.people {
		w.Users = append(w.Users, wire.User{ID: a.id})
	}
	for _, a := range c.readBy {
		w.ReadBy = append(w.ReadBy, a.id)
	}
	if len(c.messages) == 0 {
		w.Extra = map[string]json.RawMessage{"latest_message": zero} // the website reads it always
		return w
	}
	latest := c.messages[len(c.messages)-1]
	w.LatestAt = latest.at
	w.Extra = map[string]json.RawMessage{"latest_message_str": quoted(latest.sent)}
	return w
}

// wireFull is a conversation with its people, as the list and the answer to opening one have it.
func (c *conversation) wireFull() wire.Conversation {
	w := c.wire()
	for i, a := range c.people {
		w.Users[i] = a.wireUser()
	}
	return w
}

func (m *private) wire(c *conversation) wire.ConversationMessage {
	return wire.ConversationMessage{
		ID:             m.id,
		Created:        m.at,
		AuthorID:       m.author.id,
		ConversationID: c.id,
		Author:         m.author.wireUser(),
		Extra:          map[string]json.RawMessage{"message": quoted(m.sent)},
	}
}

// quoted is a text as JSON, with exactly the HTML entities that it has.
func quoted(text string) json.RawMessage {
	var e jx.Encoder
	e.Str(text)
	return e.Bytes()
}

// ownConversation finds the conversation of a path, in which the caller must take part. That others' are answered as if
// they were not there is an assumption. The caller holds h.mu.
func (h *rest) ownConversation(ctx context.Context, id wire.ConversationID) (*conversation, error) {
	if c := h.conversationOf(callOf(ctx).account, id); c != nil {
		return c, nil
	}
	return nil, errorE1(http.StatusNotFound, textNoConversation)
}

// Conversations implements GET /message.
func (h *rest) Conversations(ctx context.Context) (wire.ConversationsEnvelope, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := callOf(ctx).account
	conversations := wire.Conversations{}
	for _, c := range slices.Backward(h.site.conversations) {
		if slices.Contains(c.people, a) {
			conversations = append(conversations, c.wireFull())
		}
	}
	return wire.ConversationsEnvelope{Envelope: success, Data: conversations}, nil
}

// OpenConversation implements POST /message.
func (h *rest) OpenConversation(ctx context.Context, body queupserver.OpenConversationReq) (out wire.ConversationEnvelope, _ error) {
	var ids []wire.UserID
	switch body := body.(type) {
	case *queupserver.OpenConversationRequest:
		ids = body.Users
	case *queupserver.OpenConversationForm:
		ids = body.Users
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	people := []*account{callOf(ctx).account}
	for _, id := range ids {
		a := h.accountByID(id)
		if a == nil {
			return out, errorE1(http.StatusNotFound, textNoUser)
		}
		if !slices.Contains(people, a) {
			people = append(people, a)
		}
	}
	if n := len(people) - 1; n < 1 || n > maxPeople {
		return out, errorE1(http.StatusBadRequest, textNoPeople)
	}
	c, err := h.conversationAmong(people, h.now())
	if err != nil {
		return out, err
	}
	return wire.ConversationEnvelope{Envelope: success, Data: c.wireFull()}, nil
}

// ConversationMessages implements GET /message/{conversationId}.
func (h *rest) ConversationMessages(ctx context.Context, params queupserver.ConversationMessagesParams) (out wire.ConversationMessagesEnvelope, _ error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, err := h.ownConversation(ctx, params.ConversationID)
	if err != nil {
		return out, err
	}
	messages := wire.ConversationMessages{}
	for _, m := range slices.Backward(c.messages) {
		messages = append(messages, m.wire(c))
	}
	return wire.ConversationMessagesEnvelope{Envelope: success, Data: messages}, nil
}

// SendMessage implements POST /message/{conversationId}.
func (h *rest) SendMessage(ctx context.Context, body queupserver.SendMessageReq, params queupserver.SendMessageParams) (out wire.ConversationMessageEnvelope, _ error) {
	var req queupserver.SendMessageRequest
	switch body := body.(type) {
	case *queupserver.SendMessageApplicationJSON:
		req = queupserver.SendMessageRequest(*body)
	case *queupserver.SendMessageApplicationXWwwFormUrlencoded:
		req = queupserver.SendMessageRequest(*body)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	c, err := h.ownConversation(ctx, params.ConversationID)
	if err != nil {
		return out, err
	}
	switch {
	case strings.TrimSpace(req.Message) == "":
		return out, errorE1(http.StatusBadRequest, textEmptyChat)
	case utf16Len(req.Message) > maxText:
		return out, errorE1(http.StatusBadRequest, textLongChat)
	}
	m := h.write(c, callOf(ctx).account, req.Message, h.now())
	return wire.ConversationMessageEnvelope{Envelope: success, Data: m.wire(c)}, nil
}

// MarkRead implements POST /message/{conversationId}/read.
func (h *rest) MarkRead(ctx context.Context, params queupserver.MarkReadParams) (out wire.ConversationEnvelope, _ error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, err := h.ownConversation(ctx, params.ConversationID)
	if err != nil {
		return out, err
	}
	if a := callOf(ctx).account; !slices.Contains(c.readBy, a) {
		c.readBy = append(c.readBy, a)
	}
	return wire.ConversationEnvelope{Envelope: success, Data: c.wire()}, nil
}

// UnreadCount implements GET /message/new.
func (h *rest) UnreadCount(ctx context.Context) (wire.UnreadCountEnvelope, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := callOf(ctx).account
	var n wire.UnreadCount
	for _, c := range h.site.conversations {
		if slices.Contains(c.people, a) && c.unread(a) {
			n++
		}
	}
	return wire.UnreadCountEnvelope{Envelope: success, Data: n}, nil
}

// Message lets a user write to others, and returns the id of the conversation: the one that these people have, or a new one.
// The text is plain. All of them hear new-message, the writer too. Who or what cannot be is a mistake in the test: Message
// panics.
func (s *Server) Message(from, text string, to ...string) (conversation string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	people := []*account{}
	for _, name := range append([]string{from}, to...) {
		a := s.named(name)
		if a == nil {
			panic(mistake("queuptest: Server.Message: there is no user %q", name))
		}
		if !slices.Contains(people, a) {
			people = append(people, a)
		}
	}
	if n := len(people) - 1; n < 1 || n > maxPeople {
		panic(mistake("queuptest: Server.Message: %d others; a conversation has 1 to %d", n, maxPeople))
	}
	sent := htmltext.Encode(text)
	if n := utf16Len(sent); n < 1 || n > maxText {
		panic(mistake("queuptest: Server.Message: a text of %d characters; 1 to %d are allowed", n, maxText))
	}
	now := s.now()
	c, err := s.conversationAmong(people, now)
	if err != nil {
		panic(mistake("queuptest: Server.Message: %v", err))
	}
	s.write(c, people[0], sent, now)
	return string(c.id)
}
