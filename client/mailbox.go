package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/queup-go/queup/realtime"
)

// mailbox is the account's own channel, on which QueUp says that there is a private message. Whatever becomes of it, it is attached
// again: on every link, and on the same link after a pause. It is owned by the connection's goroutine.
type mailbox struct {
	channel  string        // empty for a guest
	opening  bool          // a goroutine is attaching it
	openedAt time.Time     // when that last succeeded
	losses   int           // counts how often it was lost
	pause    time.Duration // before the next try
	linkDown bool          // there is no link
	linkLost chan struct{} // has room for one; ends a pause, because the next try waits for the next link

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
			l.mailbox.channel, l.mailbox.linkLost = channel, make(chan struct{}, 1)
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
	if m.opening {
		return
	}
	channel, linkLost, losses, pause := m.channel, m.linkLost, m.losses, m.pause
	m.opening = l.client.workers.Start(func() {
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
	m.opening, m.openedAt = false, time.Now()
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
	if time.Since(m.openedAt) >= maxMailboxPause {
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
		case m.linkLost <- struct{}{}:
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
