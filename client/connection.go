package client

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/queup-go/queup/client/internal/tasks"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/redact"
	"github.com/queup-go/queup/realtime"
)

// A connection is the websocket of one Connect and the goroutine that applies its events. All room state changes on that goroutine, so
// that events, loads and departures have one order.
type connection struct {
	client   *Client
	conn     *realtime.Conn
	commands chan func()   // run by the goroutine, between events
	ended    chan struct{} // closed when the goroutine has returned

	rooms   map[string]*tracker // by channel; owned by the goroutine
	mailbox mailbox             // owned by the goroutine
	inbox   inbox               // owned by the goroutine
	lostAt  time.Time           // owned by the goroutine: when the link was lost; zero while there is one
	mailErr error               // guarded by client.mu; why private messages are not received, nil while they are

	events wire.EventDecoder // owned by the goroutine: an event is applied before the next one is decoded

	life context.Context // of all work for the connection; ends with it, and before the account changes
	end  context.CancelCauseFunc

	joins     context.Context // of the joins in progress; ends when the client is about to leave its rooms
	stopJoins context.CancelCauseFunc
}

// Connect opens the websocket and returns once QueUp has accepted it and private messages are received; for the latter it waits at most
// 2 s. From then on the client reconnects by itself, as [WithReconnect] says; rejected credentials end the connection. Connect returns
// [ErrNotLoggedIn] before Login, unless [WithGuest] was given, and nil if there is a connection already. It returns an [*ArgumentError] for
// [WithBaseURL] without [WithRealtimeURL], because the websocket would go to the live service.
func (c *Client) Connect(ctx context.Context) error {
	if c.closed() {
		return ErrClosed
	}
	if !c.LoggedIn() && !c.config.guest {
		return ErrNotLoggedIn
	}
	if l, err := c.link(); err == nil {
		if l.conn.Err() == nil {
			return nil
		}
		select { // it is ending, and its rooms with it
		case <-l.ended:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if err := c.config.checkRealtime(); err != nil {
		return err
	}
	me := c.myID()
	conn, err := realtime.New(realtime.Config{
		URL:       c.config.realtimeURL.String(),
		Token:     c.token,
		Dialer:    c.config.newDialer(),
		Transport: c.session.Transport(),
		Reconnect: c.reconnect,
		Guest:     me == "",
		Header:    http.Header{"User-Agent": {c.config.userAgent}},
		Logger:    c.log,
	})
	if err != nil {
		return fmt.Errorf("queup: connect: %w", err)
	}
	if !c.workers.Start(func() { <-conn.Done() }) {
		_ = conn.Close()
		return ErrClosed
	}
	life, end := context.WithCancelCause(c.workers.Context())
	joins, stopJoins := context.WithCancelCause(life)
	l := &connection{
		life:      life,
		end:       end,
		joins:     joins,
		stopJoins: stopJoins,
		client:    c,
		conn:      conn,
		commands:  make(chan func()),
		ended:     make(chan struct{}),
		rooms:     make(map[string]*tracker),
	}
	ctx, release := tasks.Bound(ctx, c.workers.Context())
	defer release()
	if err := conn.Connect(ctx); err != nil { // its error says that connecting failed
		end(ErrNotConnected)
		_ = conn.Close()
		return c.config.connectError(ctx, err)
	}
	if adopted, err := c.setConnection(l, me); !adopted {
		end(ErrNotConnected)
		_ = conn.Close()
		return err
	}
	if me != "" {
		l.openMailbox(ctx, userChannel(me))
	}
	return nil
}

// setConnection makes l the client's connection and starts it. It reports false if another Connect was faster. It returns an error if the
// client was closed, or if l was opened for another account than the current one.
func (c *Client) setConnection(l *connection, as UserID) (adopted bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.me == nil && as != "" || c.me != nil && c.me.ID != as {
		return false, errAccountChanged
	}
	if c.connection != nil && !c.connection.over() {
		return false, nil
	}
	if !c.workers.Start(l.run) {
		return false, ErrClosed
	}
	c.connection = l
	return true, nil
}

var errAccountChanged = &withinError{"connect: another login or a logout came in between", ErrNotConnected}

// token fetches the token that opens the websocket. QueUp gives a guest's token to a session that it has lost. So if a token does not name
// the account, the client logs in again. It is not known whether a token after a login always names the account. So this happens only
// once in a session, and the token is used if the login changes nothing. Source: docs/PROTOCOL.md 1.2.
func (c *Client) token(ctx context.Context) (string, error) {
	as := c.session.Account()
	logins := as.Logins()
	answer, err := c.rest.Token(ctx)
	if err == nil && c.LoggedIn() && answer.Data.ClientID != "" && !c.isMe(UserID(answer.Data.ClientID)) {
		guest := isGuest(answer.Data.Token)
		if as.DoubtToken() || guest {
			_, renewErr := c.session.Renew(ctx, as, logins)
			switch {
			case renewErr == nil:
				answer, err = c.rest.Token(ctx)
			case guest: // a guest's token is not enough to act in rooms
				err = publicError(renewErr)
			}
		}
	}
	if _, refused := errors.AsType[*AuthorizationError](err); refused {
		return "", realtime.Permanent(err)
	}
	if err != nil {
		return "", failed("token", err)
	}
	if answer.Data.Token == "" {
		return "", errors.New("queup: token: the answer holds no token")
	}
	c.secrets.Learn(secretToken, redact.New(answer.Data.Token))
	return answer.Data.Token, nil
}

// isGuest reports whether a token is a guest's, by its own claims.
func isGuest(token string) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return false
	}
	claims, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	return err == nil && string(jsonField(claims, "isGuest")) == "true"
}

// reconnect returns the pause before the next try, by the bot's policy or the default one. It closes the idle REST connections, so that the
// next try opens new ones: the cause of the lost link or the failed try may have broken them as well.
func (c *Client) reconnect(try int, last error) (wait time.Duration, retry bool) {
	c.session.CloseIdleConnections()
	if c.config.reconnect == nil {
		return realtime.Backoff{Rand: func() float64 { return c.config.random("link") }}.Next(try, last)
	}
	return c.config.reconnect(try, last)
}

// link returns the connection, or the reason why there is none.
func (c *Client) link() (*connection, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.connection != nil && (!c.connection.over() || c.closed()):
		return c.connection, nil
	case c.closed():
		return nil, ErrClosed
	case c.connection != nil && c.connection.err() != nil:
		return nil, c.connection.err()
	}
	return nil, ErrNotConnected
}

// disconnect ends the connection, if there is one.
func (c *Client) disconnect() {
	c.mu.Lock()
	l := c.connection
	c.mu.Unlock()
	if l != nil {
		l.end(errLoggedOut)
		_ = l.conn.Close()
	}
}

// over reports whether the goroutine has returned.
func (l *connection) over() bool {
	select {
	case <-l.ended:
		return true
	default:
		return false
	}
}

// err returns why the connection ended by itself, nil if it was closed.
func (l *connection) err() error {
	if err := l.conn.Err(); !errors.Is(err, realtime.ErrClosed) {
		return err
	}
	return nil
}

// run is the connection's goroutine: it applies events and runs commands until the websocket has ended.
func (l *connection) run() {
	defer close(l.ended)
	defer l.end(ErrNotConnected)
	for {
		select {
		case command := <-l.commands:
			command()
		case e, ok := <-l.conn.Events():
			if !ok {
				l.endRooms(l.err()) // those that the last Disconnected has not ended
				return
			}
			l.receive(e)
		}
	}
}

// after runs f on the goroutine once d has passed, unless stop is called before. stop must be called on the goroutine.
func (l *connection) after(d time.Duration, f func()) (stop func()) {
	stopped := false
	timer := time.AfterFunc(d, func() {
		l.client.workers.Start(func() {
			_ = l.do(l.client.workers.Context(), func() {
				if !stopped {
					f()
				}
			})
		})
	})
	return func() {
		stopped = true
		timer.Stop()
	}
}

// do runs f on the goroutine and waits until f has returned. Its error means that f does not run.
func (l *connection) do(ctx context.Context, f func()) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	done := make(chan struct{})
	command := func() {
		defer close(done)
		f()
	}
	select {
	case l.commands <- command:
		<-done
		return nil
	case <-l.ended:
		if l.client.closed() {
			return ErrClosed
		}
		return ErrNotConnected
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// doHeld is do for a room whose messages are held. It does nothing, and reports false, if the room is not attached any more or another hold
// has begun.
func (l *connection) doHeld(t *tracker, hold int, f func()) (done bool) {
	return l.do(l.life, func() {
		if done = t.waiting.holdID == hold && l.rooms[t.room.channel] == t; done {
			f()
		}
	}) == nil && done
}

var errDetachedByServer = errors.New("queup: QueUp has detached the room")

// forgetRoom removes a room from the connection and closes its tracker. It reports whether the room was attached.
func (l *connection) forgetRoom(t *tracker) bool {
	channel := t.room.channel
	if l.rooms[channel] != t {
		return false
	}
	delete(l.rooms, channel)
	t.close()
	return true
}
