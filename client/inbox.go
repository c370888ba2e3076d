package client

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/queup-go/queup/client/internal/cache"
	"github.com/queup-go/queup/client/internal/rest"
	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/realtime"
)

// inbox is where news of private messages wait. QueUp only says that there is one, so that its conversation has to be fetched. A
// conversation is fetched by one goroutine at a time, and once more for all that was news meanwhile. It is owned by the
// connection's goroutine. Source: docs/PROTOCOL.md 7, rule 27.
type inbox struct {
	waiting   []notice                   // of conversations that are to be fetched, one each, the oldest first
	fetching  map[ConversationID]*notice // those under way, and what was news of them meanwhile; nil for nothing
	impatient bool                       // another place is opened soon
	cutAt     time.Time                  // before it nothing was missed; zero if nothing was missed that has not been read
	cuts      int                        // lost connections
}

// linkLost is about a lost connection: from here on, messages may be missed.
func (i *inbox) linkLost(complete time.Time) {
	i.cuts++
	if i.cutAt.IsZero() {
		i.cutAt = rest.Wall(complete)
	}
}

// notice says that there is something new in a conversation.
type notice struct {
	conversation ConversationID
	author       UserID    // who wrote; empty if that is not known
	since        time.Time // nothing new was written before, by our clock
	meta         Meta
}

// merge adds what was news later. One fetch finds both.
func (n *notice) merge(later notice) *notice {
	if n == nil {
		return &later
	}
	if later.since.Before(n.since) {
		n.since = later.since
	}
	return n
}

const (
	// maxNotices bounds how many conversations wait.
	maxNotices = 1024
	// mailAtOnce is how many conversations are fetched at a time, so that the loads of rooms have a place, too.
	mailAtOnce = loadsAtOnce - 1
	// mailPatience is how long a conversation waits for others before it is fetched beside them. When QueUp is faster, messages
	// come in the order in which it announced them, whatever conversation they are of.
	mailPatience = 250 * time.Millisecond
)

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
		l.queueNotice(notice{e.ConversationID, e.AuthorID, rest.Wall(m.At).Add(-m.MaxDelay), meta})
	}
}

var errNowhere = errors.New("queup: the event does not say which conversation it is about")

// queueNotice has a conversation fetched, after those that wait.
func (l *connection) queueNotice(n notice) {
	i := &l.inbox
	if meanwhile, is := i.fetching[n.conversation]; is {
		i.fetching[n.conversation] = meanwhile.merge(n)
		return
	}
	if k := slices.IndexFunc(i.waiting, func(w notice) bool { return w.conversation == n.conversation }); k >= 0 {
		i.waiting[k].merge(n)
		return
	}
	if len(i.waiting) == maxNotices {
		l.client.events.emit(Gap{Meta: newMeta(), From: l.client.clock.At(i.waiting[0].meta.At), To: l.client.clock.At(n.meta.At), What: "private messages"})
		i.waiting = nil
	}
	i.waiting = append(i.waiting, n)
	if len(i.fetching) == 0 {
		l.fetchNext()
	}
	l.hurry()
}

// hurry opens another place to fetch conversations when one has waited for too long, and so on.
func (l *connection) hurry() {
	i := &l.inbox
	if i.impatient || len(i.waiting) == 0 || len(i.fetching) >= mailAtOnce {
		return
	}
	i.impatient = true
	l.after(mailPatience, func() {
		i.impatient = false
		l.fetchNext()
		l.hurry()
	})
}

// fetchNext fetches the conversation that has waited for the longest time, if there is one and a place for it, and then the next.
func (l *connection) fetchNext() {
	i := &l.inbox
	if len(i.waiting) == 0 || len(i.fetching) >= mailAtOnce {
		return
	}
	n := i.waiting[0]
	i.waiting = i.waiting[1:]
	if i.fetching == nil {
		i.fetching = make(map[ConversationID]*notice)
	}
	i.fetching[n.conversation] = nil
	l.client.workers.Start(func() {
		ctx := l.life
		l.client.deliver(ctx, n)
		_ = l.do(ctx, func() {
			meanwhile := i.fetching[n.conversation]
			delete(i.fetching, n.conversation)
			if meanwhile != nil {
				i.waiting = append(i.waiting, *meanwhile)
			}
			l.fetchNext()
		})
	})
}

const (
	mailTries   = 3 // to fetch a conversation
	mailTimeout = 20 * time.Second
)

// deliver fetches the messages of a conversation that are new and tells of them. If QueUp does not hand them over, it
// tells that there is one; its text follows with the next message of the conversation.
func (c *Client) deliver(ctx context.Context, n notice) {
	v := c.conversations.Handle(n.conversation)
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
	if ctx.Err() != nil { // the account may be another one by now
		return
	}
	if err != nil {
		c.log.WarnContext(ctx, "private message not read", slog.Any("error", err))
		m := Message{AuthorID: n.author, ConversationID: v.id, CreatedAt: c.clock.At(n.meta.At), client: c}
		c.events.emit(PrivateMessage{Meta: n.meta, Message: m, Author: c.userOrID(n.author), Conversation: v})
		return
	}
	fresh, gap := v.undelivered(messages, n)
	if gap != nil {
		c.events.emit(*gap)
	}
	for _, m := range fresh {
		if c.isMe(m.AuthorID) && !c.config.ownMessages || !c.mailEmitted.add(m.ID) {
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

// maxDelay is how long QueUp may take to announce a message at most, for the message to be known as new. What the link takes comes on
// top of it: notice.since says how long that can have been.
const maxDelay = 2 * time.Second

// undelivered returns the messages that are new, the oldest first: those after the last one that was told of. Where
// that is not known, they are those that are not much older than the newest one: no more than the notice can be. The gap is the
// time in which there may be messages that QueUp did not hand over, nil for none.
func (v *Conversation) undelivered(messages []Message, n notice) (fresh []Message, gap *Gap) {
	v.mu.Lock()
	defer v.mu.Unlock()
	last := v.delivered
	v.delivered.owed = time.Time{}
	if len(messages) == 0 {
		return nil, nil
	}
	newest := messages[len(messages)-1]
	v.delivered = delivery{id: newest.ID, at: v.client.clock.Past(newest.CreatedAt)}
	if last.id != "" {
		if i := slices.IndexFunc(messages, func(m Message) bool { return m.ID == last.id }); i >= 0 {
			return messages[i+1:], nil
		}
		if oldest := messages[0].CreatedAt; oldest.After(last.at) { // there may be more than one answer holds
			gap = &Gap{Meta: Meta{At: time.Now(), Resynced: n.meta.Resynced}, From: last.at, To: oldest, What: "private messages"}
		}
		return slices.DeleteFunc(slices.Clone(messages), func(m Message) bool { return !m.CreatedAt.After(last.at) }), gap
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
			return messages[known+1:], nil
		}
		if known >= 0 && n.meta.Resynced { // the list tells the time of the same message a little differently
			return nil, nil
		}
	}
	oldest := v.client.clock.Past(newest.CreatedAt).Add(-time.Since(n.since) - maxDelay) // by QueUp's clock, which need not be ours
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
	return messages[first:], nil
}

// maxMailEmitted is how many of the latest private messages are known by their id, so that none is emitted twice, also when its
// conversation has been forgotten meanwhile.
const maxMailEmitted = 1024

// mailEmitted knows the private messages that were emitted last.
type mailEmitted struct {
	mu  sync.Mutex
	ids *cache.Recent[MessageID, struct{}] // guarded by mu; nil before the first
}

// add notes a message by its id and reports whether it is new. One without an id is new.
func (h *mailEmitted) add(id MessageID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ids == nil {
		h.ids = cache.NewRecent[MessageID, struct{}](maxMailEmitted)
	}
	return id == "" || h.ids.AddNew(id, struct{}{})
}

// missedMailTries is how often the list of conversations is asked for after a lost connection.
const missedMailTries = 6

// readMissedMail looks for private messages that came while the mailbox was closed. It does nothing while it is: then more may be
// missed, and it is called again when the mailbox is open.
func (l *connection) readMissedMail() {
	c, ctx := l.client, l.life
	var cutAt time.Time
	var cuts int
	if l.do(ctx, func() {
		if !l.mailbox.opening && !l.mailbox.linkDown {
			cutAt, cuts = l.inbox.cutAt, l.inbox.cuts
		}
	}) != nil || cutAt.IsZero() {
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
				c.events.emit(Gap{Meta: newMeta(), From: c.clock.At(cutAt), To: c.clock.Now(), What: "private messages"})
			}
			return
		}
		for _, v := range slices.Backward(list) { // the oldest first
			since := before[v.id]
			if since.IsZero() { // it may be new, or an old one that nothing was known of
				since = c.clock.Before(cutAt)
			}
			if v.LatestAt().After(since) {
				l.queueNotice(notice{v.id, "", cutAt, Meta{At: time.Now(), Resynced: true}})
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
	if noRows(answer.Data) {
		return nil, noList("conversationMessages")
	}
	messages := make([]Message, 0, len(answer.Data))
	for _, w := range slices.Backward(filled(answer.Data)) {
		messages = append(messages, newPrivateMessage(v.client, v.id, w))
	}
	v.client.sortByTime(messages)
	if n := len(messages); n > 0 {
		v.updateLatest(messages[n-1], false)
	}
	return messages, nil
}
