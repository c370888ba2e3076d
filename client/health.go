package client

import (
	"time"

	"github.com/queup-go/queup/realtime"
)

// Health tells how the connection does, so that a bot that hears nothing can be told from a room where nothing happens.
type Health struct {
	// State is where the connection stands; [realtime.StateIdle] before Connect. A connection that comes and goes, two
	// links in a row having ended within 30 s, is [realtime.StateReconnecting] until a link has lasted 30 s, though events and
	// calls may pass meanwhile.
	State realtime.State `json:"state"`
	// Unstable is set while the connection comes and goes and is there at the moment.
	Unstable bool `json:"unstable,omitempty"`
	// Err is why there is no connection, or why the last one was lost while Unstable is set; nil while all is well.
	Err error `json:"-"`
	// MailErr is a [*MailboxError] while private messages are not received though there is a connection, else nil.
	MailErr error `json:"-"`
	// LastFrame is when QueUp was last heard of, pings included. While the connection is well it is never older than the
	// time between two pings, 25 s by default.
	LastFrame time.Time `json:"lastFrame,omitzero"`
	// LastEvent is when the last event of a room or a private one came.
	LastEvent time.Time `json:"lastEvent,omitzero"`
	// LastResync is when a room was last read again after a lost connection.
	LastResync time.Time `json:"lastResync,omitzero"`
	// Reconnects counts the connections that took the place of a lost one.
	Reconnects int64 `json:"reconnects"`
}

// Health tells how the connection does. It costs no call.
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

// heardEvent and resynced note for Health what has happened.
func (c *Client) heardEvent(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastEvent = at
}

func (c *Client) resynced() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastResync = time.Now()
}
