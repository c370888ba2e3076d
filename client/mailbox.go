package client

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/queup-go/queup/client/internal/rest"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/realtime"
)

// mailbox is the account's own channel, on which QueUp announces private messages. When it is lost, it is attached again: on every link,
// and on the same link after a pause. It is owned by the connection's goroutine.
type mailbox struct {
	channel    string        // empty for a guest
	attaching  bool          // a goroutine is attaching it
	attachedAt time.Time     // when it was last attached
	losses     int           // number of times that it was lost
	pause      time.Duration // before the next try
	linkDown   bool          // the link is lost and not back yet
	wake       chan struct{} // has room for one signal; ends the pause when the link is lost, because the next try waits for the next link anyway

	closedSince time.Time // when it was lost, or the first try failed; zero while it is attached
	reported    bool      // to the error handler, since closedSince
}

const (
	// mailboxPause is the first pause before the mailbox is attached again on the same link. Each further pause is twice as long, up
	// to maxMailboxPause. Once the mailbox has been attached for maxMailboxPause, the pauses begin again at the first.
	mailboxPause    = time.Second
	maxMailboxPause = 30 * time.Second
	// mailboxPatience is how long the mailbox may be closed before it is reported to the error handler.
	mailboxPatience = 30 * time.Second
)

var errMailboxDetached = errors.New("queup: QueUp has detached the channel of private messages")

// userChannel returns the name of the channel for messages to one account alone. Source: docs/PROTOCOL.md 5.4.
func userChannel(u UserID) string { return "user:" + string(u) }

// openMailbox attaches the account's own channel and waits for the first try, at most maxHold: a slow server must not block the caller.
func (l *connection) openMailbox(ctx context.Context, channel string) {
	tried := make(chan struct{})
	if !l.client.workers.Start(func() { // it goes on when the caller stops waiting
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

// attachMailbox starts the goroutine that attaches the mailbox, unless it is running. The goroutine calls tried after its first try.
func (l *connection) attachMailbox(tried func()) {
	m := &l.mailbox
	if m.attaching {
		return
	}
	channel, wake, losses, pause := m.channel, m.wake, m.losses, m.pause
	m.attaching = l.client.workers.Start(func() {
		ctx, tried := l.life, sync.OnceFunc(tried)
		for retry := true; retry; {
			if !l.sleep(ctx, pause, wake) {
				return
			}
			began := time.Now()
			err := l.conn.Attach(ctx, channel) // which waits for a link
			tried()
			if l.do(ctx, func() {
				retry = l.mailboxTried(began, losses, err)
				losses, pause = m.losses, m.pause
			}) != nil {
				return
			}
		}
	})
}

// sleep waits for a pause, which wake ends early. It reports false if the connection has ended.
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

// mailboxTried handles the result of a try to attach the mailbox and reports whether another try is needed. losses is the number of times
// that the mailbox had been lost when the try began.
func (l *connection) mailboxTried(began time.Time, losses int, err error) (retry bool) {
	m := &l.mailbox
	switch {
	case errors.Is(err, realtime.ErrClosed) || l.client.closed():
		return false
	case err != nil:
		m.lengthenPause()
		l.mailboxClosed(began, err)
		return true
	case m.losses != losses: // it was lost again before this result arrived
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

// mailboxLost handles a mailbox that QueUp has detached, or has not attached with a new link, and attaches it again. No message was missed
// before complete.
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

// mailboxClosed notes that private messages are not received. It logs that at once, and reports it to the error handler after
// mailboxPatience.
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

// noteLink notes whether the link is down. A lost link ends the current pause.
func (m *mailbox) noteLink(down bool) {
	m.linkDown = down
	if down {
		select {
		case m.wake <- struct{}{}:
		default:
		}
	}
}

// setMailErr stores the reason why private messages are not received, for Health. It is nil while they are received.
func (l *connection) setMailErr(err error) {
	l.client.mu.Lock()
	defer l.client.mu.Unlock()
	l.mailErr = err
}

// inbox queues notices of private messages. QueUp announces a message without its text, so the conversation has to be fetched. One
// goroutine at a time fetches a conversation; notices that arrive meanwhile are merged into one more fetch. The inbox is owned by the
// connection's goroutine. Source: docs/PROTOCOL.md 7, rule 27.
type inbox struct {
	waiting     []notice                   // one for each conversation that is to be fetched, the oldest first
	fetching    map[ConversationID]*notice // in flight; the value is the notice that arrived meanwhile, or nil
	slotTimer   bool                       // a timer of openSlotLater is running
	missedSince time.Time                  // messages after this may be missed; zero once those have been read
	losses      int                        // number of times that the link or the mailbox was lost
}

// linkLost notes that messages after complete may be missed.
func (i *inbox) linkLost(complete time.Time) {
	i.losses++
	if i.missedSince.IsZero() {
		i.missedSince = rest.Wall(complete)
	}
}

// notice says that a conversation has a new message.
type notice struct {
	conversation ConversationID
	author       UserID    // of the message; empty if not known
	since        time.Time // no new message is older, by our clock
	meta         Meta
}

// merge adds a later notice of the same conversation. One fetch finds the messages of both.
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
	// maxNotices bounds the conversations that wait for a fetch.
	maxNotices = 1024
	// mailAtOnce is how many conversations are fetched at a time, so that loads of rooms find a place in their lane, too.
	mailAtOnce = loadsAtOnce - 1
	// mailPatience is how long a conversation waits for the fetch of another one before both are fetched at the same time. If QueUp
	// answers faster, messages are emitted in the order in which it announced them, across conversations.
	mailPatience = 250 * time.Millisecond
)

// receiveMail handles the next message of the account's own channel.
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
	case c.isMe(e.AuthorID) && !c.config.ownMessages: // QueUp announces our own messages, too
	case e.ConversationID == "":
		c.events.emit(Malformed{Meta: meta, Err: errNoConversation})
	default:
		l.queueNotice(notice{e.ConversationID, e.AuthorID, rest.Wall(m.At).Add(-m.MaxDelay), meta})
	}
}

var errNoConversation = errors.New("queup: the event does not say which conversation it is about")

// queueNotice queues a conversation to be fetched. If too many are queued, it drops those and emits a Gap.
func (l *connection) queueNotice(n notice) {
	i := &l.inbox
	if later, inFlight := i.fetching[n.conversation]; inFlight {
		i.fetching[n.conversation] = later.merge(n)
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

// openSlotLater fetches one more conversation at the same time, up to mailAtOnce, each time that one has waited for mailPatience.
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

// fetchNext fetches the conversation that has waited longest, if fewer than mailAtOnce are in flight, and then the next one.
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
			later := i.fetching[n.conversation]
			delete(i.fetching, n.conversation)
			if later != nil {
				i.waiting = append(i.waiting, *later)
			}
			l.fetchNext()
		})
	})
}

const (
	mailTries   = 3 // to fetch a conversation
	mailTimeout = 20 * time.Second
)

// deliverMail fetches the new messages of a conversation and emits them. If it cannot fetch them, it emits one PrivateMessage without text;
// the text follows with the next message of the conversation.
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
	if ctx.Err() != nil { // another account may be logged in by now
		return
	}
	if err != nil {
		c.log.WarnContext(ctx, "private message not read", slog.Any("error", err))
		m := Message{AuthorID: n.author, ConversationID: v.id, CreatedAt: c.clock.At(n.meta.At), client: c}
		c.events.emit(PrivateMessage{Meta: n.meta, Message: m, Author: c.userOrID(n.author), Conversation: v})
		return
	}
	fresh, gap := v.undelivered(messages, n.author, n.since, n.meta.Resynced)
	if gap != (timeSpan{}) {
		c.events.emit(Gap{Meta: Meta{At: time.Now(), Resynced: n.meta.Resynced}, From: gap.from, To: gap.to, What: "private messages"})
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
		c.events.emit(PrivateMessage{Meta: withID(meta, "PrivateMessage", m.ID), Message: m, Author: author, Conversation: v})
	}
}

// missedMailTries is how often the list of conversations is tried to be read after a lost connection.
const missedMailTries = 6

// readMissedMail queues the conversations with private messages that were missed while the mailbox was closed. While it is still closed,
// readMissedMail does nothing: more may be missed, and it is called again once the mailbox is attached.
func (l *connection) readMissedMail() {
	c, ctx := l.client, l.life
	var missedSince time.Time
	var losses int
	if l.do(ctx, func() {
		if !l.mailbox.attaching && !l.mailbox.linkDown {
			missedSince, losses = l.inbox.missedSince, l.inbox.losses
		}
	}) != nil || missedSince.IsZero() {
		return
	}
	before := make(map[ConversationID]time.Time)
	for id, v := range c.Conversations().All() {
		before[id] = v.deliveredAt()
	}
	list, err := l.conversationsAfter(ctx, losses)
	_ = l.do(ctx, func() {
		current := l.inbox.losses == losses // otherwise the next connection tries again
		if current {
			l.inbox.missedSince = time.Time{}
		}
		if err != nil {
			if current {
				c.log.WarnContext(ctx, "private messages that were missed while the connection was lost could not be read", slog.Any("error", err))
				c.events.emit(Gap{Meta: newMeta(), From: c.clock.At(missedSince), To: c.clock.Now(), What: "private messages"})
			}
			return
		}
		for _, v := range slices.Backward(list) { // the oldest first
			since := before[v.id]
			if since.IsZero() { // the conversation may be new, or an old one that was not known
				since = c.clock.Before(missedSince)
			}
			if v.LatestAt().After(since) {
				l.queueNotice(notice{v.id, "", missedSince, Meta{At: time.Now(), Resynced: true}})
			}
		}
	})
}

// conversationsAfter reads the recent conversations after a lost connection. It retries until the connection has been lost again, at most
// missedMailTries times in all.
func (l *connection) conversationsAfter(ctx context.Context, losses int) (list []*Conversation, err error) {
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
		if l.do(ctx, func() { current = l.inbox.losses == losses }) != nil || !current {
			return nil, err
		}
	}
	return nil, err
}
