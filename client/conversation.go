package client

import (
	"cmp"
	"context"
	"html"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/queup-go/queup/client/internal/cache"
	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
)

// maxRecipients is how many other people a conversation may have. Source: docs/PROTOCOL.md 1.6.
const maxRecipients = 10

// A Conversation is a live handle on a private conversation. It always shows the latest state that the client knows, and
// its methods act in the conversation. It is safe for concurrent use. Get one with [Client.OpenConversation],
// [Client.FetchConversations] or [Client.Conversations]. Source: docs/PROTOCOL.md 3.12.
type Conversation struct {
	client *Client        // immutable; nil only in a zero value
	id     ConversationID // immutable

	mu        sync.RWMutex
	createdAt time.Time // guarded by mu
	latestAt  time.Time // guarded by mu
	latest    string    // guarded by mu
	others    []User    // guarded by mu; replaced, never changed
	readBy    []UserID  // guarded by mu; replaced, never changed

	delivered delivery // guarded by mu
}

// ID returns the conversation's id, which never changes.
func (v *Conversation) ID() ConversationID { return v.id }

// CreatedAt returns when it was opened, zero if QueUp does not say.
func (v *Conversation) CreatedAt() time.Time {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.createdAt
}

// LatestMessage returns the text of the last message that the client knows, empty if there is none. Fetch updates it.
func (v *Conversation) LatestMessage() string {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.latest
}

// LatestAt returns when the last message that the client knows was written, zero if there is none.
func (v *Conversation) LatestAt() time.Time {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.latestAt
}

// Recipients returns the other people in the conversation. For some of them only the id may be known.
func (v *Conversation) Recipients() []User {
	v.mu.RLock()
	others := slices.Clone(v.others)
	v.mu.RUnlock()
	for i, u := range others {
		if known, ok := v.client.users.Get(u.ID); ok {
			others[i] = known
		}
	}
	return others
}

// HasRead reports whether a user has read the last message, as far as the client knows.
func (v *Conversation) HasRead(u UserID) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return slices.Contains(v.readBy, u)
}

// String returns the names of the other people.
func (v *Conversation) String() string {
	var names []string
	for _, u := range v.Recipients() {
		names = append(names, u.String())
	}
	return cmp.Or(strings.Join(names, ", "), string(v.id))
}

// GoString is String: %#v would print everything that the client knows.
func (v *Conversation) GoString() string { return v.String() }

// Fetch reads the messages of the conversation, the oldest first. How many QueUp keeps is not known. Errors:
// [ErrNotLoggedIn], and [*APIError]. Source: docs/PROTOCOL.md 2.11.
func (v *Conversation) Fetch(ctx context.Context) ([]Message, error) {
	if v.client == nil {
		return nil, ErrDetached
	}
	return v.read(ctx, v.client.rest)
}

// SendMessage writes into the conversation and returns the message as QueUp stored it. White space around the text is cut
// off, and the text is HTML-encoded unless [WithRawChat] was given. It may be longer than a chat line.
//
// An empty text is an [*ArgumentError], and nothing is sent. Other errors: [ErrNotLoggedIn], and [*APIError]. Source:
// docs/PROTOCOL.md 2.11.
func (v *Conversation) SendMessage(ctx context.Context, text string) (Message, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Message{}, &ArgumentError{Op: "Conversation.SendMessage", Argument: "text", Reason: "is empty"}
	}
	if v.client == nil {
		return Message{}, ErrDetached
	}
	if !v.client.config.rawChat {
		text = html.EscapeString(text)
	}
	me, _ := v.client.User()
	at := v.client.clock.Now()
	request := &queupapi.SendMessageApplicationJSON{Message: text, Time: queupapi.NewOptInt64(Millis(at))}
	if me.ID != "" {
		request.AuthorID = queupapi.NewOptUserID(me.ID)
	}
	answer, err := v.client.rest.SendMessage(ctx, request, queupapi.SendMessageParams{ConversationID: v.id})
	if err != nil {
		return Message{}, failed("sendMessage", err)
	}
	m := newPrivateMessage(v.client, v.id, answer.Data)
	m.AuthorID = cmp.Or(m.AuthorID, me.ID)
	m.Content = cmp.Or(m.Content, html.UnescapeString(text))
	if m.CreatedAt.IsZero() {
		m.CreatedAt = TimeFromMillis(Millis(at))
	}
	v.updateLatest(m, true)
	return m, nil
}

// MarkAsRead marks the conversation as read at QueUp. Errors: [ErrNotLoggedIn], and [*APIError]. Source: docs/PROTOCOL.md
// 2.11.
func (v *Conversation) MarkAsRead(ctx context.Context) error {
	if v.client == nil {
		return ErrDetached
	}
	answer, err := v.client.rest.MarkRead(ctx, queupapi.MarkReadParams{ConversationID: v.id})
	if err != nil {
		return failed("markRead", err)
	}
	if answer.Data.ID == v.id { // UAPI saw the last message there
		v.update(answer.Data)
	}
	if me, ok := v.client.User(); ok {
		v.mu.Lock()
		defer v.mu.Unlock()
		if !slices.Contains(v.readBy, me.ID) {
			v.readBy = append(slices.Clone(v.readBy), me.ID)
		}
	}
	return nil
}

// update applies an answer to the conversation. An answer that is older than the last known message does not change that
// message.
func (v *Conversation) update(w wire.Conversation) {
	var others []User
	for _, u := range filled(w.Users) {
		if u.ID = userID(u); u.ID == "" || v.client.isMe(u.ID) {
			continue
		}
		if u.Username != "" {
			others = append(others, v.client.learnUser(u, true))
		} else {
			others = append(others, newUser(v.client, u))
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if !w.Created.IsZero() {
		v.createdAt = w.Created
	}
	if len(w.Users) > 0 {
		v.others = others
	}
	at := v.client.clock.Past(w.LatestAt)
	if at.Before(v.latestAt) {
		return
	}
	v.latestAt, v.latest = at, cmp.Or(w.LatestText, v.latest)
	if w.ReadBy != nil {
		v.readBy = w.ReadBy
	}
}

// updateLatest records a message, which is the last one unless a later one is known. A new message has been read only by
// its author. Whether it is new can only be seen from its text, because QueUp's two clocks for it need not agree.
func (v *Conversation) updateLatest(m Message, fresh bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	at := v.client.clock.Past(m.CreatedAt)
	if at.Before(v.latestAt) {
		return
	}
	if fresh || m.Content != v.latest {
		v.readBy = []UserID{m.AuthorID}
	}
	v.latestAt, v.latest = at, m.Content
}

func newPrivateMessage(c *Client, id ConversationID, w wire.ConversationMessage) Message {
	m := Message{
		ID:             w.ID,
		Content:        w.Text,
		AuthorID:       cmp.Or(w.AuthorID, userID(w.Author)),
		ConversationID: id,
		CreatedAt:      w.Created,
		extra:          extra{w.Extra},
		client:         c,
	}
	if w.Author.Username != "" {
		w.Author.ID = m.AuthorID
		author := c.learnUser(w.Author, true)
		m.author = &author
	}
	return m
}

// Conversation returns the conversation of a private message, and false for a chat line or if the client does not know
// the conversation.
func (m Message) Conversation() (*Conversation, bool) {
	if m.client == nil || m.ConversationID == "" {
		return nil, false
	}
	return m.client.conversations.Get(m.ConversationID)
}

// A ConversationCollection is a Collection of conversations that can also be looked up by the people in them.
type ConversationCollection struct {
	Collection[ConversationID, *Conversation]
	client *Client
}

// ByRecipients returns the conversation with exactly these people, in any order, besides the account itself.
func (c *ConversationCollection) ByRecipients(users ...UserID) (*Conversation, bool) {
	if c == nil || c.client == nil {
		return nil, false
	}
	wanted := distinct(c.client.others(users))
	if len(wanted) == 0 {
		return nil, false
	}
	v, ok := c.Find(func(v *Conversation) bool { return slices.Equal(v.with(), wanted) })
	if ok {
		c.Get(v.id) // so that it counts as used
	}
	return v, ok
}

// with returns the sorted ids of the other people.
func (v *Conversation) with() []UserID {
	v.mu.RLock()
	defer v.mu.RUnlock()
	ids := make([]UserID, 0, len(v.others))
	for _, u := range v.others {
		ids = append(ids, u.ID)
	}
	return distinct(ids)
}

// distinct returns the ids, sorted and each once.
func distinct(ids []UserID) []UserID { return slices.Compact(slices.Sorted(slices.Values(ids))) }

// others returns the ids without that of the client's own account.
func (c *Client) others(ids []UserID) []UserID {
	return slices.DeleteFunc(slices.Clone(ids), c.isMe)
}

// Conversations returns the account's private conversations that the client knows: the recent ones at login
// ([WithRecentConversations]), and those it has fetched or opened. Only the last used are kept ([WithConversationCache]).
func (c *Client) Conversations() *ConversationCollection {
	return &ConversationCollection{Collection[ConversationID, *Conversation]{c.conversations}, c}
}

// FetchConversations reads the account's recent private conversations, in QueUp's order, which is the latest first. Errors:
// [ErrNotLoggedIn], and [*APIError]. Source: docs/PROTOCOL.md 2.11.
func (c *Client) FetchConversations(ctx context.Context) ([]*Conversation, error) {
	return c.readConversations(ctx, c.rest)
}

func (c *Client) readConversations(ctx context.Context, rest *queupapi.Client) ([]*Conversation, error) {
	answer, err := rest.Conversations(ctx)
	rows, err := rowsOf("conversations", answer.Data, err)
	if err != nil {
		return nil, err
	}
	list := make([]*Conversation, 0, len(rows))
	for _, w := range slices.Backward(filled(rows)) { // so that the latest are the last to be evicted
		if w.ID == "" {
			continue
		}
		v := c.conversations.Handle(w.ID)
		v.update(w)
		list = append(list, v)
	}
	slices.Reverse(list)
	return list, nil
}

// recentTimeout bounds how long Login waits for the recent conversations.
const recentTimeout = 10 * time.Second

// readRecent fetches the recent conversations for Login. A failure is not an error: a bot can do without them.
func (c *Client) readRecent(ctx context.Context) {
	if !c.config.recentConversations {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, recentTimeout)
	defer cancel()
	list, err := c.readConversations(ctx, c.loads)
	if err != nil {
		c.log.WarnContext(ctx, "recent conversations not read", slog.Any("error", err))
	}
	for _, v := range list {
		v.begin()
	}
}

// OpenConversation returns the private conversation with the given people, besides the account itself. A conversation that
// the client knows is returned at once. Otherwise QueUp is asked, and creates one if these people have none yet.
//
// An empty list, an empty id, a list of only the own account and more than 10 people are an [*ArgumentError]. Other errors:
// [ErrNotLoggedIn], and [*APIError]. Source: docs/PROTOCOL.md 2.11.
func (c *Client) OpenConversation(ctx context.Context, users ...UserID) (*Conversation, error) {
	others := distinct(c.others(users))
	reason := ""
	switch {
	case len(users) == 0:
		reason = "are empty"
	case slices.Contains(users, ""):
		reason = "hold an empty id"
	case len(others) == 0:
		reason = "name only the own account"
	case len(others) > maxRecipients:
		reason = "are more than 10"
	}
	if reason != "" {
		return nil, &ArgumentError{Op: "Client.OpenConversation", Argument: "users", Reason: reason}
	}
	if v, ok := c.Conversations().ByRecipients(others...); ok {
		return v, nil
	}
	answer, err := c.rest.OpenConversation(ctx, &queupapi.OpenConversationForm{Users: others})
	if err != nil {
		return nil, failed("openConversation", err)
	}
	w := answer.Data
	if w.ID == "" {
		return nil, &APIError{Op: "openConversation", Status: http.StatusOK, Message: "answered without a conversation"}
	}
	if len(w.Users) == 0 {
		for _, id := range others {
			w.Users = append(w.Users, wire.User{ID: id})
		}
	}
	v := c.conversations.Handle(w.ID)
	v.update(w)
	return v, nil
}

// OpenConversation is [Client.OpenConversation] with this user. It is [ErrDetached] for a value that no client made.
func (u User) OpenConversation(ctx context.Context) (*Conversation, error) {
	if u.client == nil {
		return nil, ErrDetached
	}
	return u.client.OpenConversation(ctx, u.ID)
}

// UnreadCount reads how many of the account's private conversations have unread messages. Errors: [ErrNotLoggedIn], and
// [*APIError]. Source: docs/PROTOCOL.md 2.11.
func (c *Client) UnreadCount(ctx context.Context) (int, error) {
	answer, err := c.rest.UnreadCount(ctx)
	if err != nil {
		return 0, failed("unreadCount", err)
	}
	return int(min(answer.Data, math.MaxInt)), nil
}

// introduce reads who takes part, if that is not known: QueUp has no call for one conversation.
func (v *Conversation) introduce(ctx context.Context) {
	v.mu.RLock()
	known := len(v.others) > 0
	v.mu.RUnlock()
	if known {
		return
	}
	if _, err := v.client.readConversations(ctx, v.client.loads); err != nil {
		v.client.log.DebugContext(ctx, "conversations not read", slog.Any("error", err))
	}
}

// read fetches the messages, the oldest first.
func (v *Conversation) read(ctx context.Context, rest *queupapi.Client) ([]Message, error) {
	answer, err := rest.ConversationMessages(ctx, queupapi.ConversationMessagesParams{ConversationID: v.id})
	rows, err := rowsOf("conversationMessages", answer.Data, err)
	if err != nil {
		return nil, err
	}
	messages := make([]Message, 0, len(rows))
	for _, w := range slices.Backward(filled(rows)) {
		messages = append(messages, newPrivateMessage(v.client, v.id, w))
	}
	v.client.sortByTime(messages)
	if n := len(messages); n > 0 {
		v.updateLatest(messages[n-1], false)
	}
	return messages, nil
}

// delivery is how far the messages of a conversation have been emitted as PrivateMessage.
type delivery struct {
	id   MessageID // of the last message that was emitted, empty if none was
	text string    // until then, of the latest message in the list of conversations at login
	at   time.Time // when that message was written
	owed time.Time // since when there is something new that could not be read; else zero
}

// A timeSpan is the time between two moments, none if it is zero.
type timeSpan struct{ from, to time.Time }

// begin notes the latest message at login: what follows it is new.
func (v *Conversation) begin() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.delivered.id == "" && v.delivered.text == "" {
		v.delivered.text, v.delivered.at = v.latest, v.latestAt
	}
}

// deliveredAt returns when the last message was written that was emitted or known at login, zero if there is none.
func (v *Conversation) deliveredAt() time.Time {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.delivered.at
}

// owed returns since when there may be something new. It counts as unread until undelivered has returned it.
func (v *Conversation) owed(since time.Time) time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.delivered.owed.IsZero() || since.Before(v.delivered.owed) {
		v.delivered.owed = since
	}
	return v.delivered.owed
}

// undelivered returns the new messages of an answer, the oldest first, and counts them as delivered. What is new is decided by the
// best clue there is: the id of the last message that was emitted, else the latest text at login, else the time of the notice. The
// gap is the time in which there may be messages that QueUp did not hand over. author may be empty; nothing new was written before
// since, by our clock; resynced says that the news was found out after a lost connection.
func (v *Conversation) undelivered(messages []Message, author UserID, since time.Time, resynced bool) (fresh []Message, gap timeSpan) {
	v.mu.Lock()
	defer v.mu.Unlock()
	last := v.delivered
	v.delivered.owed = time.Time{}
	if len(messages) == 0 {
		return nil, timeSpan{}
	}
	newest := messages[len(messages)-1]
	v.delivered = delivery{id: newest.ID, at: v.client.clock.Past(newest.CreatedAt)}
	if last.id != "" {
		return last.afterID(messages)
	}
	if fresh, known := last.afterText(messages, resynced); known {
		return fresh, timeSpan{}
	}
	oldest := v.delivered.at.Add(-time.Since(since) - maxDelay) // by QueUp's clock, which need not be ours
	return afterNotice(messages, author, oldest), timeSpan{}
}

// afterID returns the messages after the last one that was emitted. If the answer does not reach back to it, they are all that were
// written later, and there may be more than one answer holds.
func (d delivery) afterID(messages []Message) (fresh []Message, gap timeSpan) {
	if i := slices.IndexFunc(messages, func(m Message) bool { return m.ID == d.id }); i >= 0 {
		return messages[i+1:], timeSpan{}
	}
	if oldest := messages[0].CreatedAt; oldest.After(d.at) {
		gap = timeSpan{d.at, oldest}
	}
	return slices.DeleteFunc(slices.Clone(messages), func(m Message) bool { return !m.CreatedAt.After(d.at) }), gap
}

// afterText returns the messages after the one that the list of conversations had at login. The list has a text and a time, by
// another clock: of several messages with that text it is the one nearest in time. It is not known if none has the text, or if the
// newest has it, unless that was found out after a lost connection: then nothing is new.
func (d delivery) afterText(messages []Message, resynced bool) (fresh []Message, known bool) {
	if d.text == "" {
		return nil, false
	}
	listed := -1
	for i, m := range messages {
		nearer := listed < 0 || m.CreatedAt.Sub(d.at).Abs() < messages[listed].CreatedAt.Sub(d.at).Abs()
		if m.Content == d.text && nearer {
			listed = i
		}
	}
	return messages[listed+1:], listed >= 0 && (listed < len(messages)-1 || resynced)
}

// maxDelay is how long QueUp may take to announce a message, for the message to be known as new. The delay of the link is added to
// it, see notice.since.
const maxDelay = 2 * time.Second

// afterNotice returns the messages that a notice can be about: the latest one by its author, and all that were written after oldest.
func afterNotice(messages []Message, author UserID, oldest time.Time) []Message {
	first := len(messages) - 1
	for i, m := range slices.Backward(messages) {
		if author == "" || m.AuthorID == author {
			first = i
			break
		}
	}
	for i, m := range messages[:first] {
		if !m.CreatedAt.IsZero() && m.CreatedAt.After(oldest) {
			first = i
			break
		}
	}
	return messages[first:]
}

// maxMailEmitted is how many ids of the latest private messages are kept. They prevent that a message is emitted twice, even if its
// conversation has been evicted meanwhile.
const maxMailEmitted = 1024

// mailEmitted holds the ids of the private messages that were emitted last.
type mailEmitted struct {
	mu  sync.Mutex
	ids *cache.Recent[MessageID, struct{}] // guarded by mu; nil before the first
}

// add adds the id of a message and reports whether it is new. A message without an id is always new.
func (h *mailEmitted) add(id MessageID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ids == nil {
		h.ids = cache.NewRecent[MessageID, struct{}](maxMailEmitted)
	}
	return id == "" || h.ids.AddNew(id, struct{}{})
}
