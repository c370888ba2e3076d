package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/queup-go/queup/client/internal/cache"
	"github.com/queup-go/queup/client/internal/rest"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/realtime"
)

// mailbox is the account's own channel, on which QueUp says that there is a private message. Whatever becomes of it, it is attached
// again: on every link, and on the same link after a pause. It is owned by the connection's goroutine.
type mailbox struct {
	channel    string        // empty for a guest
	attaching  bool          // a goroutine is attaching it
	attachedAt time.Time     // when that last succeeded
	losses     int           // counts how often it was lost
	pause      time.Duration // before the next try
	linkDown   bool          // there is no link
	wake       chan struct{} // has room for one; ends a pause, because the next try waits for the next link

	closedSince time.Time // when the first try failed, or it was lost; zero while it is attached
	reported    bool      // to the error handler, since then
}

const (
	// mailboxPause is the first pause before the mailbox is attached again on the same link. Each one is twice as long as the one
	// before, up to maxMailboxPause, until the mailbox has been attached for that long.
	mailboxPause    = time.Second
	maxMailboxPause = 30 * time.Second
	// mailboxPatience is how long the mailbox may be closed before it is reported to the error handler.
	mailboxPatience = 30 * time.Second
)

// A MailboxError tells the error handler that QueUp refuses the client the channel of its private messages, and has done so for
// 30 s. It comes once for each such time; [Health] has it as MailErr from the first refusal on. The client goes on trying, on
// every link and at least every 30 s. The messages that were missed are emitted as [PrivateMessage] with Resynced set when it succeeds.
type MailboxError struct {
	Since time.Time // nothing was received since
	Err   error     // what came of the latest try
}

// Error names the time and the reason.
func (e *MailboxError) Error() string {
	return within(fmt.Sprintf("private messages not received since %s", e.Since.UTC().Format(time.RFC3339)), e.Err)
}

// Unwrap returns Err.
func (e *MailboxError) Unwrap() error { return e.Err }

var errMailboxDetached = errors.New("queup: QueUp has detached the channel of private messages")

// userChannel is where QueUp tells an account what is for it alone. Source: docs/PROTOCOL.md 5.4.
func userChannel(u UserID) string { return "user:" + string(u) }

// openMailbox attaches the account's own channel. A server that takes its time for that does not keep the caller.
func (l *connection) openMailbox(ctx context.Context, channel string) {
	tried := make(chan struct{})
	if !l.client.workers.Start(func() { // whether or not the caller goes on waiting
		_ = l.do(l.life, func() {
			l.mailbox.channel, l.mailbox.wake = channel, make(chan struct{}, 1)
			l.attachMailbox(func() { close(tried) })
		})
	}) {
		return
	}
	late := time.NewTimer(maxHold)
	defer late.Stop()
	select {
	case <-tried:
	case <-late.C:
	case <-l.ended:
	case <-ctx.Done():
	}
}

// attachMailbox starts the goroutine that attaches the mailbox, unless it runs. It runs tried after its first try.
func (l *connection) attachMailbox(tried func()) {
	m := &l.mailbox
	if m.attaching {
		return
	}
	channel, linkLost, losses, pause := m.channel, m.wake, m.losses, m.pause
	m.attaching = l.client.workers.Start(func() {
		ctx, tried := l.life, sync.OnceFunc(tried)
		for again := true; again; {
			if !l.sleep(ctx, pause, linkLost) {
				return
			}
			began := time.Now()
			err := l.conn.Attach(ctx, channel) // which waits for a link
			tried()
			if l.do(ctx, func() {
				again = l.mailboxTried(began, losses, err)
				losses, pause = m.losses, m.pause
			}) != nil {
				return
			}
		}
	})
}

// sleep waits for a pause, which wake ends early. It is false if the connection has ended.
func (l *connection) sleep(ctx context.Context, pause time.Duration, wake <-chan struct{}) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-wake:
		return true
	case <-l.ended:
		return false
	case <-ctx.Done():
		return false
	}
}

// mailboxTried takes what came of a try that began when the mailbox had been lost so many times. It reports whether there must be
// another try.
func (l *connection) mailboxTried(began time.Time, losses int, err error) (again bool) {
	m := &l.mailbox
	switch {
	case errors.Is(err, realtime.ErrClosed) || l.client.closed():
		return false
	case err != nil:
		m.lengthenPause()
		l.mailboxClosed(began, err)
		return true
	case m.losses != losses: // it was lost again before this was known
		return true
	}
	m.attaching, m.attachedAt = false, time.Now()
	if !m.closedSince.IsZero() {
		l.client.log.InfoContext(l.client.workers.Context(), "private messages are received again", slog.Time("since", m.closedSince))
	}
	m.closedSince, m.reported = time.Time{}, false
	l.setMailErr(nil)
	l.client.workers.Start(l.readMissedMail)
	return false
}

// mailboxLost is about a mailbox that QueUp has detached, or not attached with a new link. What was received until then is complete.
func (l *connection) mailboxLost(complete time.Time, err error) {
	m := &l.mailbox
	if time.Since(m.attachedAt) >= maxMailboxPause {
		m.pause = 0
	}
	m.losses++
	m.lengthenPause()
	l.mailboxClosed(complete, err)
	l.attachMailbox(func() {})
}

// mailboxClosed notes that private messages are not received, and reports it: in the log at once, to the error handler when it lasts.
func (l *connection) mailboxClosed(complete time.Time, err error) {
	m, c := &l.mailbox, l.client
	ctx := c.workers.Context()
	if m.closedSince.IsZero() {
		m.closedSince = complete
		l.inbox.linkLost(complete)
		c.log.WarnContext(ctx, "private messages are not received", slog.Any("error", err))
	}
	l.setMailErr(&MailboxError{Since: m.closedSince, Err: err})
	if !m.reported && time.Since(m.closedSince) >= mailboxPatience {
		m.reported = true
		report := &MailboxError{Since: m.closedSince, Err: err}
		c.workers.Start(func() { c.report(ctx, report) })
	}
}

func (m *mailbox) lengthenPause() {
	m.pause = min(max(2*m.pause, mailboxPause), maxMailboxPause)
}

// noteLink notes that the link is lost, or that there is one.
func (m *mailbox) noteLink(down bool) {
	m.linkDown = down
	if down {
		select {
		case m.wake <- struct{}{}:
		default:
		}
	}
}

// setMailErr notes for Health why private messages are not received; nil while they are.
func (l *connection) setMailErr(err error) {
	l.client.mu.Lock()
	defer l.client.mu.Unlock()
	l.mailErr = err
}

// inbox is where news of private messages wait. QueUp only says that there is one, so that its conversation has to be fetched. A
// conversation is fetched by one goroutine at a time, and once more for all that was news meanwhile. It is owned by the
// connection's goroutine. Source: docs/PROTOCOL.md 7, rule 27.
type inbox struct {
	waiting     []notice                   // of conversations that are to be fetched, one each, the oldest first
	fetching    map[ConversationID]*notice // those under way, and what was news of them meanwhile; nil for nothing
	slotTimer   bool                       // another place is opened soon
	missedSince time.Time                  // before it nothing was missed; zero if nothing was missed that has not been read
	losses      int                        // lost connections
}

// linkLost is about a lost connection: from here on, messages may be missed.
func (i *inbox) linkLost(complete time.Time) {
	i.losses++
	if i.missedSince.IsZero() {
		i.missedSince = rest.Wall(complete)
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
		c.applyOutsideRooms(event, meta)
	case c.isMe(e.AuthorID) && !c.config.ownMessages: // we hear what we write ourselves, too
	case e.ConversationID == "":
		c.events.emit(Malformed{Meta: meta, Err: errNoConversation})
	default:
		l.queueNotice(notice{e.ConversationID, e.AuthorID, rest.Wall(m.At).Add(-m.MaxDelay), meta})
	}
}

var errNoConversation = errors.New("queup: the event does not say which conversation it is about")

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
	l.openSlotLater()
}

// openSlotLater opens another place to fetch conversations when one has waited for too long, and so on.
func (l *connection) openSlotLater() {
	i := &l.inbox
	if i.slotTimer || len(i.waiting) == 0 || len(i.fetching) >= mailAtOnce {
		return
	}
	i.slotTimer = true
	l.after(mailPatience, func() {
		i.slotTimer = false
		l.fetchNext()
		l.openSlotLater()
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
		l.client.deliverMail(ctx, n)
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

// deliverMail fetches the messages of a conversation that are new and tells of them. If QueUp does not hand them over, it
// tells that there is one; its text follows with the next message of the conversation.
func (c *Client) deliverMail(ctx context.Context, n notice) {
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
		if !l.mailbox.attaching && !l.mailbox.linkDown {
			cutAt, cuts = l.inbox.missedSince, l.inbox.losses
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
		current := l.inbox.losses == cuts // else the next connection tries again
		if current {
			l.inbox.missedSince = time.Time{}
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
		if l.do(ctx, func() { current = l.inbox.losses == cuts }) != nil || !current {
			return nil, err
		}
	}
	return nil, err
}
