package client

import (
	"context"
	"fmt"

	"github.com/queup-go/queup/realtime"
)

// A Presence says whether someone shows in a room. Source: docs/PROTOCOL.md 5.5.
type Presence int

// What presence can be.
const (
	PresenceEnter  Presence = Presence(realtime.PresenceEnter)  // visible from now on
	PresenceExit   Presence = Presence(realtime.PresenceLeave)  // visible no longer
	PresenceUpdate Presence = Presence(realtime.PresenceUpdate) // there, with something new to say
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

// ChangePresence makes the client visible in the room, which JoinRoom does already, or invisible: it stays in the room
// and hears everything. It waits until QueUp has shown the change, or until ctx ends. It stays in force when a lost
// connection comes back.
//
// Errors: [*ArgumentError] for a presence that there is not, [ErrNotJoined], and what the websocket says, such as
// [ErrNotConnected]. Source: docs/PROTOCOL.md 5.5.
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

// visible reports whether the client wants to show in the room.
func (r *Room) visible() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.joined && r.present && !r.invisible
}
