package client

import (
	"context"
	"errors"
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
	cutAt    time.Time // when QueUp was last heard before what was missed has been read; zero if nothing was
	cuts     int       // lost connections
}

// cut is about a lost connection: from here on, messages may be missed.
func (i *inbox) cut(lastHeard time.Time) {
	i.cuts++
	if i.cutAt.IsZero() {
		i.cutAt = lastHeard
	}
}

// notice says that there is something new in a conversation.
type notice struct {
	conversation ConversationID
	author       UserID    // who wrote; empty if that is not known
	since        time.Time // nothing new was written before, by our clock
	meta         Meta
}

// maxNotices bounds how many wait.
const maxNotices = 1024

// userChannel is where QueUp tells an account what is for it alone. Source: docs/PROTOCOL.md 5.4.
func userChannel(u UserID) string { return "user:" + string(u) }

// openMailbox attaches the account's own channel. A server that takes its time for that does not keep the caller.
func (l *connection) openMailbox(ctx context.Context, channel string) {
	open := make(chan struct{})
	if !l.client.workers.start(func() {
		defer close(open)
		l.listenForMail(channel)
	}) {
		return
	}
	late := time.NewTimer(maxHold)
	defer late.Stop()
	select {
	case <-open:
	case <-late.C:
	case <-ctx.Done():
	}
}

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
		c.events.emit(Malformed{Meta: meta, Err: errNowhere})
	default:
		l.notice(notice{e.ConversationID, e.AuthorID, m.At, meta})
	}
}

var errNowhere = errors.New("queup: the event does not say which conversation it is about")

// notice has a conversation fetched, after those that wait.
func (l *connection) notice(n notice) {
	if len(l.inbox.waiting) == maxNotices {
		l.client.events.emit(Gap{Meta: now(), From: l.client.clock.at(l.inbox.waiting[0].meta.At), To: l.client.clock.at(n.meta.At), What: "private messages"})
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
// tells that there is one; its text follows with the next message of the conversation.
func (c *Client) deliver(ctx context.Context, n notice) {
	v := c.conversations.handle(c, n.conversation)
	var messages []Message
	var err error
	n.since = v.owed(n.since)
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
		m := Message{AuthorID: n.author, ConversationID: v.id, CreatedAt: c.clock.at(n.meta.At), client: c}
		c.events.emit(PrivateMessage{Meta: n.meta, Message: m, Author: c.userOrID(n.author), Conversation: v})
		return
	}
	for _, m := range v.undelivered(messages, n) {
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

// delivery is how far PrivateMessage has told of a conversation.
type delivery struct {
	id   MessageID // of the last message that was told of, empty if none was
	text string    // until then, what the list of conversations said at login
	at   time.Time // when that message was written
	owed time.Time // since when there is something new that could not be read; else zero
}

// begin notes what was the last message at login: what follows it will be new.
func (v *Conversation) begin() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.delivered.id == "" && v.delivered.text == "" {
		v.delivered.text, v.delivered.at = v.latest, v.latestAt
	}
}

// deliveredAt returns when the last message was written that was told of or known at login, zero if there is none.
func (v *Conversation) deliveredAt() time.Time {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.delivered.at
}

// owed returns since when there may be something new, and takes it for unread until undelivered has told.
func (v *Conversation) owed(since time.Time) time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.delivered.owed.IsZero() || since.Before(v.delivered.owed) {
		v.delivered.owed = since
	}
	return v.delivered.owed
}

// maxDelay is how long the news of a message may take at most, for the message to be known as new.
const maxDelay = 2 * time.Second

// undelivered returns the messages that are new, the oldest first: those after the last one that was told of. Where
// that cannot be told, they are those that are not much older than the newest one: no more than the notice is.
func (v *Conversation) undelivered(messages []Message, n notice) []Message {
	v.mu.Lock()
	defer v.mu.Unlock()
	last := v.delivered
	v.delivered.owed = time.Time{}
	if len(messages) == 0 {
		return nil
	}
	newest := messages[len(messages)-1]
	v.delivered = delivery{id: newest.ID, at: v.client.clock.past(newest.CreatedAt)}
	if last.id != "" {
		if i := slices.IndexFunc(messages, func(m Message) bool { return m.ID == last.id }); i >= 0 {
			return messages[i+1:]
		}
		return slices.DeleteFunc(slices.Clone(messages), func(m Message) bool { return !m.CreatedAt.After(last.at) })
	}
	if last.text != "" {
		known := -1 // the list tells a text and a time, by another clock
		for i, m := range messages {
			nearer := known < 0 || m.CreatedAt.Sub(last.at).Abs() < messages[known].CreatedAt.Sub(last.at).Abs()
			if m.Content == last.text && nearer {
				known = i
			}
		}
		if known >= 0 && known < len(messages)-1 {
			return messages[known+1:]
		}
		if known >= 0 && n.meta.Resynced { // the list tells the time of the same message a little differently
			return nil
		}
	}
	oldest := v.client.clock.past(newest.CreatedAt).Add(-time.Since(n.since) - maxDelay) // by QueUp's clock, which need not be ours
	first := len(messages) - 1
	for i, m := range slices.Backward(messages) {
		if n.author == "" || m.AuthorID == n.author {
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

// missedMailTries is how often the list of conversations is asked for after a lost connection.
const missedMailTries = 6

// readMissedMail looks for private messages that came while there was no connection.
func (l *connection) readMissedMail() {
	c, ctx := l.client, l.client.workers.ctx
	var cutAt time.Time
	var cuts int
	if l.do(ctx, func() { cutAt, cuts = l.inbox.cutAt, l.inbox.cuts }) != nil || cutAt.IsZero() {
		return
	}
	before := make(map[ConversationID]time.Time)
	for id, v := range c.Conversations().All() {
		before[id] = v.deliveredAt()
	}
	list, err := l.conversationsAfter(ctx, cuts)
	_ = l.do(ctx, func() {
		current := l.inbox.cuts == cuts // else the next connection tries again
		if current {
			l.inbox.cutAt = time.Time{}
		}
		if err != nil {
			if current {
				c.log.WarnContext(ctx, "private messages missed while the connection was lost are not known", slog.Any("error", err))
				c.events.emit(Gap{Meta: now(), From: c.clock.at(cutAt), To: c.clock.now(), What: "private messages"})
			}
			return
		}
		for _, v := range slices.Backward(list) { // the oldest first
			since := before[v.id]
			if since.IsZero() { // it may be new, or an old one that nothing was known of
				since = c.clock.before(cutAt)
			}
			if v.LatestAt().After(since) {
				l.notice(notice{v.id, "", cutAt, Meta{At: time.Now(), Resynced: true}})
			}
		}
	})
}

// conversationsAfter reads the recent conversations after a lost connection, if need be more than once.
func (l *connection) conversationsAfter(ctx context.Context, cuts int) (list []*Conversation, err error) {
	for try := range missedMailTries {
		if try > 0 && waitUntil(ctx, "conversations", time.Now().Add(time.Second<<try)) != nil {
			return nil, err
		}
		brief, cancel := context.WithTimeout(ctx, recentTimeout)
		list, err = l.client.readConversations(brief, l.client.loads)
		cancel()
		if err == nil {
			return list, nil
		}
		current := false
		if l.do(ctx, func() { current = l.inbox.cuts == cuts }) != nil || !current {
			return nil, err
		}
	}
	return nil, err
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
	v.client.sortByTime(messages)
	if n := len(messages); n > 0 {
		v.heard(messages[n-1], false)
	}
	return messages, nil
}
