package realtime

import "strconv"

// Action says what a [Frame] is about. See docs/PROTOCOL.md 5.3.
type Action int

// The actions of QueUp. Those marked unused have a number and a name but were never seen on the wire.
const (
	ActionNone         Action = -1 // the frame had no readable action
	ActionHeartbeat    Action = 0
	ActionAck          Action = 1  // unused
	ActionNack         Action = 2  // unused
	ActionConnect      Action = 3  // unused
	ActionConnected    Action = 4  // server: the link is usable from here on
	ActionDisconnect   Action = 5  // unused
	ActionDisconnected Action = 6  // unused
	ActionClose        Action = 7  // unused
	ActionClosed       Action = 8  // unused
	ActionError        Action = 9  // server: a request was refused, or something went wrong
	ActionAttach       Action = 10 // client: subscribe to a channel
	ActionAttached     Action = 11 // server: the answer to 10
	ActionDetach       Action = 12 // client: unsubscribe from a channel
	ActionDetached     Action = 13 // server: the answer to 12
	ActionPresence     Action = 14 // both: someone is there, gone or changed
	ActionMessage      Action = 15 // an event in a channel
	ActionSync         Action = 16 // unused
	ActionToken        Action = 17 // both: ask for a token, and the answer
)

var actionNames = [...]string{
	"heartbeat", "ack", "nack", "connect", "connected", "disconnect", "disconnected", "close", "closed", "error",
	"attach", "attached", "detach", "detached", "presence", "message", "sync", "token",
}

// String returns the name of the action, or "action 42" for one that has none.
func (a Action) String() string {
	if a == ActionNone {
		return "none"
	}
	if a >= 0 && int(a) < len(actionNames) {
		return actionNames[a]
	}
	return "action " + strconv.Itoa(int(a))
}

// PresenceAction says how someone's presence in a channel changes. See docs/PROTOCOL.md 5.5.
type PresenceAction int

// The presence actions. A frame without an action means Enter.
const (
	PresenceEnter  PresenceAction = 0 // visible from here on
	PresenceLeave  PresenceAction = 1 // no longer visible
	PresenceUpdate PresenceAction = 2 // the data changed
)

// presenceUnknown is an action that is not a number. Extra has it.
const presenceUnknown PresenceAction = -1

// String returns "enter", "leave", "update", or "presence 7" for one that has no name.
func (a PresenceAction) String() string {
	switch a {
	case PresenceEnter:
		return "enter"
	case PresenceLeave:
		return "leave"
	case PresenceUpdate:
		return "update"
	}
	return "presence " + strconv.Itoa(int(a))
}
