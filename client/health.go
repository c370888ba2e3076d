package client

import (
	"time"

	"github.com/queup-go/queup/realtime"
)

// Health is the state of the connection. With it a bot can distinguish a dead connection from a quiet room.
type Health struct {
	// State is the state of the connection; [realtime.StateIdle] before Connect. An unstable connection is one of which two
	// links in a row ended within 30 s. It is [realtime.StateReconnecting] until a link has lasted 30 s, though events and
	// calls may pass meanwhile.
	State realtime.State `json:"state"`
	// Unstable is set while an unstable connection is up.
	Unstable bool `json:"unstable,omitempty"`
	// Err is why there is no connection, or while Unstable is set, why the last one was lost. It is nil while all is well.
	Err error `json:"-"`
	// MailErr is a [*MailboxError] while there is a connection but private messages are not received, else nil.
	MailErr error `json:"-"`
	// LastFrame is when the last frame arrived from QueUp, pings included. While the connection is well it is never older
	// than the time between two pings, 25 s by default.
	LastFrame time.Time `json:"lastFrame,omitzero"`
	// LastEvent is when the last event of a room or the last private message arrived.
	LastEvent time.Time `json:"lastEvent,omitzero"`
	// LastResync is when a room was last read again after a lost connection.
	LastResync time.Time `json:"lastResync,omitzero"`
	// Reconnects counts the connections that replaced a lost one.
	Reconnects int64 `json:"reconnects"`
}

// Health returns the state of the connection. It costs no call.
func (c *Client) Health() Health {
	c.mu.Lock()
	l := c.connection
	h := Health{LastEvent: c.lastEvent, LastResync: c.lastResync}
	if l != nil {
		h.MailErr = l.mailErr
	}
	c.mu.Unlock()
	if l != nil {
		stats := l.conn.Stats()
		h.State, h.Err, h.Unstable = stats.Status.State, stats.Status.Err, stats.Status.Unstable
		if h.Unstable {
			h.State = realtime.StateReconnecting
		}
		h.LastFrame, h.Reconnects = stats.LastFrame, stats.Reconnects
		if h.State == realtime.StateClosed {
			h.MailErr = nil
		}
	}
	return h
}

// Now returns the current time by QueUp's clock, which the client learns from the dates of its answers, to within about a second.
// Before the first answer it is the time of this machine. Compare it with times that QueUp states, such as [Message.CreatedAt] and
// [Member.LastActive].
func (c *Client) Now() time.Time { return c.clock.Now() }

// recordEvent and resynced record for Health what has happened.
func (c *Client) recordEvent(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastEvent = at
}

func (c *Client) resynced() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastResync = time.Now()
}
