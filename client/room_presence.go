package client

import (
	"context"
	"fmt"

	"github.com/queup-go/queup/realtime"
)

// A Presence says whether someone is visible in a room. Source: docs/PROTOCOL.md 5.5.
type Presence int

// The values of Presence.
const (
	PresenceEnter  Presence = Presence(realtime.PresenceEnter)  // visible from now on
	PresenceExit   Presence = Presence(realtime.PresenceLeave)  // no longer visible
	PresenceUpdate Presence = Presence(realtime.PresenceUpdate) // visible, with new data
)

// String returns enter, exit or update.
func (p Presence) String() string {
	switch p {
	case PresenceEnter:
		return "enter"
	case PresenceExit:
		return "exit"
	case PresenceUpdate:
		return "update"
	}
	return fmt.Sprintf("presence %d", int(p))
}

// ChangePresence makes the client visible in the room, which JoinRoom does already, or invisible. An invisible client stays
// in the room and receives all events. The call waits until QueUp has confirmed the change, or until ctx ends. The change
// survives reconnects.
//
// Errors: [*ArgumentError] for an invalid presence, [ErrNotJoined], and errors of the websocket, such as [ErrNotConnected].
// Source: docs/PROTOCOL.md 5.5.
func (r *Room) ChangePresence(ctx context.Context, p Presence) error {
	if p < PresenceEnter || p > PresenceUpdate {
		return &ArgumentError{Op: "Room.ChangePresence", Argument: "p", Reason: "must be PresenceEnter, PresenceExit or PresenceUpdate"}
	}
	if err := r.act(); err != nil {
		return err
	}
	l, err := r.client.link()
	if err != nil {
		return err
	}
	if err := l.conn.Presence(ctx, r.channel, realtime.PresenceAction(p), nil); err != nil {
		return &withinError{"presence", err}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.invisible = p == PresenceExit
	return nil
}

// visible reports whether the client wants to be visible in the room.
func (r *Room) visible() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.joined && r.present && !r.invisible
}
