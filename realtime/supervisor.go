package realtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/queup-go/queup/internal/printable"
	"github.com/queup-go/queup/internal/redact"
)

// supervise owns the connection from the first link on. It alone waits for the end of a link and makes the next one.
func (c *Conn) supervise(l *link) {
	try, short := 0, 0 // attempts since the latest link that lasted, and links since then
	l.wg.Go(l.read)
	for {
		if c.waitForEnd(l) {
			try, short = 0, 0
		} else {
			short++
		}
		last := c.bury(l)
		var flapping error
		if short >= flaps {
			flapping = last
		}
		if l, last = c.relink(&try, last); l == nil {
			c.giveUp(last)
			return
		}
		l.wg.Go(l.read)
		if err := c.restore(l); err != nil {
			l.fail(err)
			continue
		}
		c.complete = time.Time{}
		c.up(l, true, flapping)
	}
}

// lastingLink is how long a link must have been connected before its loss counts as a new outage, with attempts counted from 1
// again. It is the largest bound of [DefaultReconnect], so that a server that ends links early does not get handshakes faster.
const lastingLink = 30 * time.Second

// flaps is how many links in a row must have ended early for the next one to be unstable until it has lasted.
const flaps = 2

// waitForEnd waits for the end of a link, and reports whether the link has lasted.
func (c *Conn) waitForEnd(l *link) (lasted bool) {
	lasting := time.NewTimer(lastingLink)
	defer lasting.Stop()
	select {
	case <-l.ctx.Done():
		return false
	case <-lasting.C:
	}
	c.settled(l)
	<-l.ctx.Done()
	return true
}

// up makes l the link that calls use, and emits Connected. flapping is the error that ended the previous link if links flap.
func (c *Conn) up(l *link, reconnected bool, flapping error) {
	c.mu.Lock()
	c.link, c.restoring = l, false
	c.clientID, c.connectionID = l.clientID, l.connectionID
	c.setStatusLocked(Status{State: StateConnected, Unstable: flapping != nil, Err: flapping})
	c.mu.Unlock()
	select {
	case <-c.suspended: // too late to emit Suspended
	default:
	}
	if reconnected {
		c.stats.reconnects.Add(1)
	}
	c.cfg.Logger.InfoContext(c.ctx, "realtime connected",
		slog.String("client_id", printable.Text(l.clientID)), slog.String("connection_id", printable.Text(l.connectionID)), slog.Bool("again", reconnected))
	c.emit(Connected{ClientID: l.clientID, ConnectionID: l.connectionID, Reconnected: reconnected})
}

// bury waits for the goroutines of a link that has ended, and returns why it ended.
func (c *Conn) bury(l *link) error {
	cause := c.hide(context.Cause(l.ctx))
	c.down(cause, time.Time{})
	if c.ctx.Err() != nil || errors.Is(cause, ErrServerClosed) {
		l.close(1000)
	} else {
		l.close(0)
	}
	l.wg.Wait()
	if c.complete.IsZero() {
		c.complete = l.complete
	}
	return cause
}

// relink retries until there is a link, or the connection is to end.
func (c *Conn) relink(try *int, last error) (*link, error) {
	for c.ctx.Err() == nil && !IsPermanent(last) {
		*try++
		wait, retry := c.policy(*try, last)
		if !retry {
			break
		}
		c.cfg.Logger.WarnContext(c.ctx, "realtime link lost",
			slog.Any("error", last), slog.Int("attempt", *try), slog.Duration("retry_in", wait))
		c.down(last, time.Now().Add(wait))
		c.emit(Disconnected{Err: last, RetryIn: wait, Complete: c.complete})
		if !c.pause(wait, last) {
			break
		}
		c.down(last, time.Time{})
		l, err := c.dial(c.ctx)
		if err == nil {
			return l, nil
		}
		select {
		case since := <-c.suspended:
			c.emit(Suspended{Since: since, Err: err})
		default:
		}
		last = err
	}
	return nil, last
}

// policy calls the user's ReconnectPolicy, in a goroutine of its own like all code of the user.
func (c *Conn) policy(try int, last error) (time.Duration, bool) {
	wait, err := await(c.ctx, c, func() (time.Duration, error) {
		wait, retry := c.cfg.Reconnect(try, last)
		if !retry {
			return 0, errNoMore
		}
		return max(wait, 0), nil
	}, nil)
	return wait, err == nil
}

var errNoMore = errors.New("no further attempt")

// giveUp ends the connection for good.
func (c *Conn) giveUp(err error) {
	err = c.conclude(err)
	if !errors.Is(err, ErrClosed) {
		c.cfg.Logger.ErrorContext(c.ctx, "realtime gave up", slog.Any("error", err))
	}
	final := Disconnected{Err: err, Final: true, Complete: c.complete}
	select {
	case c.events <- final:
	default:
		c.emit(final) // waits for a place in the buffer, but not after Close
	}
	c.shutdown(err)
}

// emit sends an event to the user, unless the connection has ended.
func (c *Conn) emit(e Event) {
	hookEvent(e)
	select {
	case c.events <- e:
	case <-c.ctx.Done():
		c.stats.dropped.Add(1)
	}
}

// dial makes one attempt to get a link. It ends with ctx, with the connection, and after ConnectTimeout.
func (c *Conn) dial(ctx context.Context) (*link, error) {
	l, err := c.openLink(ctx)
	hookDial(err)
	return l, err
}

// openLink is dial without the hook.
func (c *Conn) openLink(ctx context.Context) (*link, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.ctx, func() { cancel(context.Cause(c.ctx)) })()
	ctx, stop := context.WithTimeoutCause(ctx, c.cfg.ConnectTimeout, ErrConnectTimeout)
	defer stop()

	token, err := await(ctx, c, func() (string, error) { return c.cfg.Token(ctx) }, nil)
	if err == nil && token == "" {
		err = errors.New("it is empty")
	}
	if err != nil {
		return nil, fmt.Errorf("token: %w", c.hide(err))
	}
	secret := redact.New(token)
	c.known.Learn(secretToken, secret)
	sock, err := await(ctx, c, func() (Socket, error) {
		return c.cfg.Dialer.Dial(ctx, c.url(token), c.cfg.Header.Clone())
	}, func(s Socket) { _ = s.Close(0, "") })
	if err != nil {
		return nil, c.hide(err)
	}
	c.mu.Lock()
	c.token = secret
	c.mu.Unlock()
	l := newLink(c, sock)
	if err := l.handshake(ctx); err != nil {
		l.fail(err)
		l.close(0)
		l.wg.Wait()
		return nil, c.hide(err)
	}
	return l, nil
}

// url completes the configured URL. See docs/PROTOCOL.md 5.1.
func (c *Conn) url(token string) string {
	u := *c.base
	q := u.Query()
	q.Set("connect", "1")
	q.Set("access_token", token)
	q.Set("EIO", "3")
	q.Set("transport", "websocket")
	if id := c.ClientID(); id != "" && !c.cfg.Guest {
		q.Set("clientId", id)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// presenceWait is how long a reconnect waits for the server to echo our presences after they were sent.
const presenceWait = 2 * time.Second

// restore attaches the channels again and enters presence again, in the order in which the channels were first attached. A
// refused channel is reported and forgotten. A channel without an answer is reported and tried again on the next link. If no
// channel got an answer, restore fails. The returned error ends the link.
func (c *Conn) restore(l *link) error {
	c.mu.Lock()
	c.restoring = true
	var names []string
	for _, ch := range c.channels {
		names = append(names, ch.name)
	}
	c.mu.Unlock()

	var entering []*call
	silent := 0
	for _, name := range names {
		err := l.request(l.ctx, Frame{Action: ActionAttach, Channel: name}, nil)
		switch _, refused := errors.AsType[ServerError](err); {
		case l.ctx.Err() != nil:
			return err
		case refused:
			c.forget(name)
			c.emit(AttachFailed{Channel: name, Err: err})
		case err != nil:
			silent++
			c.emit(AttachFailed{Channel: name, Err: err})
		default:
			if f, ok := c.announced(name); ok {
				entering = append(entering, l.begin(f, nil))
				if err := l.send(l.ctx, entering[len(entering)-1].frame); err != nil {
					return err
				}
			}
		}
	}
	if silent > 0 && silent == len(names) {
		return ErrNoAnswer
	}
	return c.restorePresence(l, entering)
}

func (c *Conn) restorePresence(l *link, entering []*call) error {
	ctx, cancel := context.WithTimeoutCause(l.ctx, min(presenceWait, c.cfg.RequestTimeout), ErrNoAnswer)
	defer cancel()
	for _, call := range entering {
		err := l.wait(ctx, call)
		switch _, refused := errors.AsType[ServerError](err); {
		case l.ctx.Err() != nil:
			return err
		case refused:
			c.announce(call.channel, PresenceBody{Action: PresenceLeave})
			c.emit(AttachFailed{Channel: call.channel, Err: err})
		case err != nil:
			c.cfg.Logger.WarnContext(c.ctx, "realtime presence not confirmed", slog.String("channel", printable.Text(call.channel)))
		}
	}
	return nil
}

// await runs a function of the user in a goroutine of its own, so that a function which ignores its context, or calls
// Close, does not block the connection. A result that comes after the end of ctx goes to drop.
func await[T any](ctx context.Context, c *Conn, f func() (T, error), drop func(T)) (T, error) {
	type result struct {
		value T
		err   error
	}
	results := make(chan result)
	c.user.Go(func() {
		v, err := f()
		select {
		case results <- result{v, err}:
		case <-ctx.Done():
			if err == nil && drop != nil {
				drop(v)
			}
		}
	})
	select {
	case r := <-results:
		return r.value, r.err
	case <-ctx.Done():
		var zero T
		return zero, context.Cause(ctx)
	}
}

// pause waits for the next attempt and emits Suspended when it is due. It reports false if the connection has ended.
func (c *Conn) pause(d time.Duration, last error) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			return true
		case since := <-c.suspended:
			c.emit(Suspended{Since: since, Err: last})
		case <-c.ctx.Done():
			return false
		}
	}
}
