package realtime

import (
	"encoding/json"
	"time"

	"github.com/queup-go/queup/internal/printable"
)

// Event is what happened on a connection: [Message], [Presence], [Connected], [Disconnected], [Suspended], [AttachFailed],
// [Detached], [ServerError], [UnknownAction] or [Malformed], by value. See [Conn.Events].
type Event interface {
	event()
}

// Message is an event of a channel. See docs/PROTOCOL.md 5.3 and 6.
type Message struct {
	At      time.Time // of receipt
	Channel string
	Name    string // the event; "*" when the publisher gave none
	Type    string // "json" or "string"
	Data    []byte // JSON text as in [MessageBody]; it belongs to the receiver
	// MaxDelay is an upper bound for how long the message was in transit. It counts from the latest ping that the server had
	// answered before it sent the message, or from when the link was made. A link that stalls makes it longer by as much.
	MaxDelay time.Duration
}

// Presence is emitted when the presence of a client in a channel has changed. See docs/PROTOCOL.md 5.5.
type Presence struct {
	At           time.Time // of receipt
	Channel      string
	Action       PresenceAction
	ClientID     string          // a user id for registered users
	ConnectionID string          // one of the client's connections
	Data         json.RawMessage // nil if there was none
}

// Connected is emitted when the link is up. With Reconnected set, the channels are attached again and presence is entered
// again, except where an [AttachFailed] came before.
type Connected struct {
	ClientID     string
	ConnectionID string
	Reconnected  bool
}

// Disconnected is emitted when the link is down, or when an attempt to reconnect has failed. No event of the old link follows
// it.
type Disconnected struct {
	Err     error
	RetryIn time.Duration // until the next attempt; zero if Final
	Final   bool          // there will be none: the stream ends here
	// Complete is the time before which nothing is missing: all that the server had sent by then was delivered. It is when the
	// latest ping was sent that the server answered on the lost link, or when that link was made.
	Complete time.Time
}

// Suspended is emitted when there has been no usable link for Config.SuspendAfter. The attempts continue. It comes once per
// outage, late by up to Config.ConnectTimeout if an attempt is under way at the time.
type Suspended struct {
	Since time.Time // when the last usable link was lost
	Err   error     // of the latest attempt
}

// AttachFailed is emitted when a channel could not be attached, or presence not entered, after a reconnect. A channel that the
// server has refused is forgotten until it is attached again. One that got no answer is tried again on the next link.
type AttachFailed struct {
	Channel string
	Err     error // matches a [ServerError] for a refusal, [ErrNoAnswer] for silence
}

// Detached is emitted when the server has detached a channel unasked. The channel is forgotten.
type Detached struct {
	At      time.Time // of receipt
	Channel string
}

// ServerError is an error that the server reports. The call with the same ReqID returns it too; find it with errors.As.
type ServerError struct {
	At      time.Time // of receipt
	Text    string
	ReqID   string                     // empty: it answers no request
	Channel string                     // often empty
	Extra   map[string]json.RawMessage // other fields of the server's answer
}

// Error returns the text of the server, with control characters escaped.
func (e ServerError) Error() string {
	if e.Text == "" {
		return "realtime: the server reports an error"
	}
	return printable.Text("realtime: the server reports: " + e.Text)
}

// UnknownAction is a frame with an action that this package does not know.
type UnknownAction struct {
	At    time.Time // of receipt
	Frame Frame
	Raw   []byte // the JSON as it came
}

// Malformed is a frame that could not be read. The link stays up.
type Malformed struct {
	At  time.Time // of receipt
	Raw []byte
	Err error // matches [ErrPacket] or [ErrFrame]
}

func (Message) event()       {}
func (Presence) event()      {}
func (Connected) event()     {}
func (Disconnected) event()  {}
func (Suspended) event()     {}
func (AttachFailed) event()  {}
func (Detached) event()      {}
func (ServerError) event()   {}
func (UnknownAction) event() {}
func (Malformed) event()     {}
