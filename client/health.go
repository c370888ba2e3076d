package client

import (
	"time"

	"github.com/queup-go/queup/realtime"
)

// Health tells how the connection does, so that a bot that hears nothing can be told from a room where nothing happens.
type Health struct {
	// State is where the connection stands; [realtime.StateIdle] before Connect.
	State realtime.State `json:"state"`
	// Err is why there is no connection, nil while there is one.
	Err error `json:"-"`
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
	c.mu.Unlock()
	if l != nil {
		stats := l.conn.Stats()
		h.State, h.Err = stats.Status.State, stats.Status.Err
		h.LastFrame, h.Reconnects = stats.LastFrame, stats.Reconnects
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
