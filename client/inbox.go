package client

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/realtime"
)

// inbox is where news of private messages wait. QueUp only says that there is one, so it has to be fetched, one
// conversation after the other. Source: docs/PROTOCOL.md 7, rule 27.
type inbox struct {
	channel  string   // empty until it is attached
	waiting  []notice // the oldest first
	fetching bool
}

// notice says that there is something new in a conversation.
type notice struct {
	conversation ConversationID
	author       UserID // who wrote; empty if that is not known
	meta         Meta
}

// maxNotices bounds how many wait.
const maxNotices = 1024

// userChannel is where QueUp tells an account what is for it alone. Source: docs/PROTOCOL.md 5.4.
func userChannel(u UserID) string { return "user:" + string(u) }

// listenForMail attaches the account's own channel.
func (l *connection) listenForMail(channel string) {
	ctx := l.client.workers.ctx
	if l.do(ctx, func() { l.inbox.channel = channel }) != nil {
		return
	}
	if err := l.conn.Attach(ctx, channel); err != nil && ctx.Err() == nil {
		l.client.log.WarnContext(ctx, "private messages will not be heard", slog.Any("error", err))
	}
}

// receiveMail takes the next message of the account's own channel.
func (l *connection) receiveMail(m realtime.Message) {
	c := l.client
	event, err := wire.DecodeEvent(m.Name, m.Data)
	if err != nil {
		c.events.emit(Malformed{Meta: Meta{At: m.At, Name: m.Name, Raw: m.Data}, Err: err})
		return
	}
	meta := Meta{At: m.At, Name: event.EventName(), Raw: event.RawJSON()}
	e, ok := event.(*wire.NewMessage)
	switch {
	case !ok:
		c.applyElsewhere(event, meta)
	case c.isMe(e.AuthorID) && !c.config.ownMessages: // we hear what we write ourselves, too
	case e.ConversationID == "":
		c.events.emit(Malformed{Meta: meta, Err: errNobody})
	default:
		l.notice(notice{e.ConversationID, e.AuthorID, meta})
	}
}

// notice has a conversation fetched, after those that wait.
func (l *connection) notice(n notice) {
	if len(l.inbox.waiting) == maxNotices {
		l.client.events.emit(Gap{Meta: now(), From: l.inbox.waiting[0].meta.At, To: n.meta.At, What: "private messages"})
		l.inbox.waiting = nil
	}
	l.inbox.waiting = append(l.inbox.waiting, n)
	if !l.inbox.fetching {
		l.inbox.fetching = l.client.workers.start(l.fetchMail)
	}
}

// fetchMail delivers what waits until nothing does.
func (l *connection) fetchMail() {
	ctx := l.client.workers.ctx
	for {
		var next *notice
		if l.do(ctx, func() {
			if len(l.inbox.waiting) == 0 {
				l.inbox.fetching = false
				return
			}
			next = &l.inbox.waiting[0]
			l.inbox.waiting = l.inbox.waiting[1:]
		}) != nil || next == nil {
			return
		}
		l.client.deliver(ctx, *next)
	}
}

const (
	mailTries   = 3 // to fetch a conversation
	mailTimeout = 20 * time.Second
)

// deliver fetches the messages of a conversation that are new and tells of them. If QueUp does not hand them over, it
// tells that there is one.
func (c *Client) deliver(ctx context.Context, n notice) {
	v := c.conversations.handle(c, n.conversation)
	var messages []Message
	var err error
	last := v.lastKnown()
	for try := range mailTries {
		if try > 0 && waitUntil(ctx, "new-message", time.Now().Add(time.Duration(try)*time.Second)) != nil {
			return
		}
		brief, cancel := context.WithTimeout(ctx, mailTimeout)
		v.introduce(brief)
		messages, err = v.read(brief, c.loads)
		cancel()
		if err == nil {
			break
		}
	}
	if err != nil {
		if ctx.Err() != nil {
			return
		}
		c.log.WarnContext(ctx, "private message not read", slog.Any("error", err))
		m := Message{AuthorID: n.author, ConversationID: v.id, CreatedAt: n.meta.At, client: c}
		c.events.emit(PrivateMessage{Meta: n.meta, Message: m, Author: c.userOrID(n.author), Conversation: v})
		return
	}
	for _, m := range v.undelivered(messages, last, n.author) {
		if c.isMe(m.AuthorID) && !c.config.ownMessages {
			continue
		}
		author, known := m.Author()
		if !known {
			author = User{ID: m.AuthorID, client: c}
		}
		meta := n.meta
		if !m.CreatedAt.IsZero() {
			meta.At = m.CreatedAt
		}
		c.events.emit(PrivateMessage{Meta: meta, Message: m, Author: author, Conversation: v})
	}
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

// lastKnown is the last message of a conversation as far as it is known.
type lastKnown struct {
	id   MessageID // of the last one that was told of, empty if none was
	text string    // else what the list of conversations says
	at   time.Time
}

func (v *Conversation) lastKnown() lastKnown {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return lastKnown{v.deliveredID, v.latest, v.latestAt}
}

// undelivered returns the messages after the last known one, the oldest first. Where that cannot be told, what is new
// is the last message that the author wrote.
func (v *Conversation) undelivered(messages []Message, last lastKnown, author UserID) []Message {
	if len(messages) == 0 {
		return nil
	}
	newest := messages[len(messages)-1]
	v.mu.Lock()
	v.deliveredID = newest.ID
	v.mu.Unlock()
	if last.id != "" {
		if i := slices.IndexFunc(messages, func(m Message) bool { return m.ID == last.id }); i >= 0 {
			return messages[i+1:]
		}
		return slices.DeleteFunc(slices.Clone(messages), func(m Message) bool { return !m.CreatedAt.After(last.at) })
	}
	known := -1 // the list tells a text and a time, by another clock
	for i, m := range messages {
		nearer := known < 0 || m.CreatedAt.Sub(last.at).Abs() < messages[known].CreatedAt.Sub(last.at).Abs()
		if m.Content == last.text && nearer {
			known = i
		}
	}
	if last.text != "" && known >= 0 && known < len(messages)-1 {
		return messages[known+1:]
	}
	for i, m := range slices.Backward(messages) {
		if author == "" || m.AuthorID == author {
			return messages[i:]
		}
	}
	return nil
}

// readMissedMail looks for private messages that came while there was no connection.
func (l *connection) readMissedMail() {
	c, ctx := l.client, l.client.workers.ctx
	if !c.config.recentConversations {
		return
	}
	before := make(map[ConversationID]time.Time)
	for id, v := range c.Conversations().All() {
		before[id] = v.LatestAt()
	}
	brief, cancel := context.WithTimeout(ctx, recentTimeout)
	defer cancel()
	list, err := c.readConversations(brief, c.loads)
	if err != nil {
		c.log.WarnContext(ctx, "private messages missed while the connection was lost are not known", slog.Any("error", err))
		return
	}
	for _, v := range slices.Backward(list) { // the oldest first
		if !v.LatestAt().After(before[v.id]) || v.HasRead(c.myID()) {
			continue
		}
		meta := Meta{At: time.Now(), Resynced: true}
		_ = l.do(ctx, func() { l.notice(notice{v.id, "", meta}) })
	}
}

// read fetches the messages, the oldest first.
func (v *Conversation) read(ctx context.Context, rest *queupapi.Client) ([]Message, error) {
	answer, err := rest.ConversationMessages(ctx, queupapi.ConversationMessagesParams{ConversationID: v.id})
	if err != nil {
		return nil, failed("conversationMessages", err)
	}
	messages := make([]Message, 0, len(answer.Data))
	for _, w := range slices.Backward(answer.Data) {
		messages = append(messages, newPrivateMessage(v.client, v.id, w))
	}
	slices.SortStableFunc(messages, func(a, b Message) int { return a.CreatedAt.Compare(b.CreatedAt) })
	if n := len(messages); n > 0 {
		v.heard(messages[n-1], false)
	}
	return messages, nil
}
