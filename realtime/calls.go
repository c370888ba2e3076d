package realtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-faster/jx"
)

// channel is a channel that the server has attached for us, with our latest presence in it.
type channel struct {
	name     string
	presence announcement
}

// announcement is the net effect of our presence calls, to be repeated on a new link.
type announcement struct {
	entered bool            // it is repeated as an enter, with the data of the last update
	updated bool            // without enter: it is repeated as an update
	data    json.RawMessage // never nil if entered or updated
	version int             // counts calls, so that a refused one is taken back only if it was the last
}

func (a announcement) after(action PresenceAction, data json.RawMessage) announcement {
	next := announcement{version: a.version + 1}
	switch action {
	case PresenceEnter:
		next.entered, next.data = true, data
	case PresenceUpdate:
		next.entered, next.updated, next.data = a.entered, true, data
	}
	return next
}

// Attach subscribes to the events of a channel ("room:<id>", "user:<id>"), and returns when the server has confirmed. From
// then on the channel is attached again after every reconnect, in the order of the confirmations, until [Conn.Detach] or a
// refusal. While the link is down Attach waits for the next one; ctx bounds it all. Attaching twice is not an error.
//
// The error matches a [ServerError] if the server refused, [ErrNoAnswer] if it did not answer in time, the cause of ctx,
// [ErrNotConnected] or [ErrClosed]. See docs/PROTOCOL.md 5.3.
func (c *Conn) Attach(ctx context.Context, channel string) error {
	f := Frame{Action: ActionAttach, Channel: channel}
	if err := c.ask(ctx, f, func(*Frame) { c.remember(channel) }); err != nil {
		return fmt.Errorf("attach %s: %w", channel, err)
	}
	return nil
}

// Detach ends what [Conn.Attach] began, and forgets the presence in the channel. It returns when the server has confirmed;
// while there is no link it returns at once, as the next one begins without the channel. Whatever it returns, the channel
// is not attached again. The errors are those of Attach.
func (c *Conn) Detach(ctx context.Context, channel string) error {
	c.forget(channel)
	l, err := c.usable(ctx, false)
	if err == nil {
		err = l.request(ctx, Frame{Action: ActionDetach, Channel: channel}, nil)
	}
	if err != nil && !errors.Is(err, errLinkLost) {
		return fmt.Errorf("detach %s: %w", channel, err)
	}
	return nil
}

// Presence announces to a channel that this client enters, leaves or changes its data, and returns when the server has echoed
// the announcement. Data is any JSON value; nil is an empty object. In an attached channel the latest announcement is
// remembered: after a reconnect presence is entered again with the latest data, unless it was left. While the link is down
// Presence waits for the next one; ctx bounds it all.
//
// The errors are those of [Conn.Attach], and one for data that is not valid JSON or an action that does not exist. With
// [ErrNoAnswer] the announcement was sent and stays remembered, but was not confirmed. See docs/PROTOCOL.md 5.5.
func (c *Conn) Presence(ctx context.Context, channel string, a PresenceAction, data json.RawMessage) error {
	if a < PresenceEnter || a > PresenceUpdate {
		return fmt.Errorf("presence in %s: there is no action %d", channel, int(a))
	}
	data = slices.Clone(data)
	if len(data) == 0 {
		data = json.RawMessage(`{}`)
	} else if !jx.Valid(data) {
		return fmt.Errorf("presence in %s: the data is not valid JSON", channel)
	}
	f := Frame{Action: ActionPresence, Channel: channel, Presence: &PresenceBody{Action: a, Data: data}}
	if err := c.ask(ctx, f, nil); err != nil {
		return fmt.Errorf("presence in %s: %w", channel, err)
	}
	return nil
}

// Publish sends a message to a channel, and returns when it is written. An empty type is "json", with any JSON value as the
// data; the data of type "string" may be plain text. While the link is down Publish waits for the next one; ctx bounds it all.
//
// No server is known to confirm a publication. A refusal arrives in [Conn.Events] as a [ServerError] of the channel. A message
// is sent once: if the link breaks while it is written, the error matches [ErrNotSent], and the message may or may not have
// arrived. QueUp's own client could publish; bots send chat over REST. See docs/PROTOCOL.md 5.3.
func (c *Conn) Publish(ctx context.Context, channel string, m MessageBody) error {
	if m.Type == "" {
		m.Type = "json"
	}
	if m.Type != typeString && !jx.Valid(m.Data) {
		return fmt.Errorf("publish in %s: the data is not valid JSON", channel)
	}
	m.Data = slices.Clone(m.Data)
	l, err := c.usable(ctx, true)
	if err == nil {
		err = l.notify(ctx, Frame{Action: ActionMessage, Channel: channel, Message: &m})
	}
	if errors.Is(err, errLinkLost) {
		err = ErrNotSent
		if c.Err() != nil {
			err = ErrClosed
		}
	}
	if err != nil {
		return fmt.Errorf("publish in %s: %w", channel, err)
	}
	return nil
}

// RequestToken asks the server for an access token over the websocket. An empty clientID asks for one of this client. While
// the link is down it waits for the next one. The errors are those of [Conn.Attach]. See docs/PROTOCOL.md 5.3.
func (c *Conn) RequestToken(ctx context.Context, clientID string) (string, error) {
	var token string
	err := c.ask(ctx, Frame{Action: ActionToken, ClientID: clientID}, func(f *Frame) { token = f.Token })
	if err == nil && token == "" {
		err = errors.New("the answer holds none")
	}
	if err != nil {
		return "", fmt.Errorf("request token: %w", err)
	}
	return token, nil
}

// ask makes a request on the current link, and retries on the next link if that one is lost before the answer.
func (c *Conn) ask(ctx context.Context, f Frame, confirmed func(f *Frame)) error {
	for {
		l, err := c.usable(ctx, true)
		if err != nil {
			return err
		}
		undo := func() {}
		if f.Presence != nil {
			undo = c.announce(f.Channel, *f.Presence)
		}
		err = l.request(ctx, f, confirmed)
		if _, refused := errors.AsType[ServerError](err); refused {
			undo()
		}
		if !errors.Is(err, errLinkLost) {
			return err
		}
	}
}

// usable returns a working link, and waits for it. With next unset it returns errLinkLost instead of waiting for a new link. It
// always waits for a link whose channels are being attached.
func (c *Conn) usable(ctx context.Context, next bool) (*link, error) {
	for {
		c.mu.Lock()
		l, state, changed, restoring := c.link, c.status.State, c.changed, c.restoring
		var closed error
		if state == StateClosed {
			closed = c.closedLocked()
		}
		c.mu.Unlock()

		switch {
		case state == StateIdle:
			return nil, ErrNotConnected
		case closed != nil:
			return nil, closed
		case l != nil && l.ctx.Err() == nil:
			return l, nil
		case !next && (state == StateReconnecting || state == StateSuspended) && !restoring:
			return nil, errLinkLost
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// remember adds a channel whose attach was confirmed. Channels keep the order in which they were first attached.
func (c *Conn) remember(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.find(name) == nil {
		c.channels = append(c.channels, &channel{name: name})
	}
}

// forget removes a channel and reports whether it was there.
func (c *Conn) forget(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.channels)
	c.channels = slices.DeleteFunc(c.channels, func(ch *channel) bool { return ch.name == name })
	return len(c.channels) < n
}

// find returns the channel or nil. The caller holds mu.
func (c *Conn) find(name string) *channel {
	for _, ch := range c.channels {
		if ch.name == name {
			return ch
		}
	}
	return nil
}

// announce remembers a presence that is about to be sent. undo restores the one before, unless there is a newer one.
func (c *Conn) announce(name string, p PresenceBody) (undo func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := c.find(name)
	if ch == nil {
		return func() {}
	}
	before := ch.presence
	ch.presence = before.after(p.Action, p.Data)
	version := ch.presence.version
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if ch.presence.version == version {
			ch.presence = before
		}
	}
}

// announced returns the frame that restores the presence in a channel, if there is one to restore.
func (c *Conn) announced(name string) (Frame, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := c.find(name)
	if ch == nil || !ch.presence.entered && !ch.presence.updated {
		return Frame{}, false
	}
	body := &PresenceBody{Action: PresenceUpdate, Data: ch.presence.data}
	if ch.presence.entered {
		body.Action = PresenceEnter
	}
	return Frame{Action: ActionPresence, Channel: name, Presence: body}, true
}
