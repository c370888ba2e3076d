package client

import (
	"encoding/json"
	"fmt"
	"time"
)

// An Event is something that happened: in a room, in private, or to the connection. The types of this file are all
// there are; each is a struct that embeds [Meta] and travels by value.
type Event interface {
	// EventMeta returns what all events have.
	EventMeta() Meta
	sealed()
}

// Meta is what all events have.
type Meta struct {
	// At is when it happened: by QueUp's clock if the event says so, else when it was received.
	At time.Time
	// Resynced is true for an event that was found out after a lost connection.
	Resynced bool
	// Room is the room it happened in, nil if it has to do with none.
	Room *Room
	// Name is QueUp's name for the event, empty for the client's own.
	Name string
	// Raw is the event as QueUp sent it, nil for the client's own. Do not change it.
	Raw json.RawMessage
}

// EventMeta returns m.
func (m Meta) EventMeta() Meta { return m }

func (Meta) sealed() {}

// Events of the connection.
type (
	// Ready fires once per Connect, when rooms can be joined.
	Ready struct{ Meta }

	// Disconnected fires when the connection is lost.
	Disconnected struct {
		Meta
		// Err is why.
		Err error
		// RetryIn is when the next try starts, zero if there is none.
		RetryIn time.Duration
	}

	// Reconnected fires when a lost connection is back, with all rooms attached again.
	Reconnected struct{ Meta }

	// Lagged fires when a handler was too slow and events were given up: once for each time its queue ran over, after
	// it has caught up. It is also the error that the error handler hears.
	Lagged struct { //nolint:errname // an event before all, and an error on the side
		Meta
		// Type is what the slow subscription listens to, for example Chat.
		Type string
		// Dropped is how many events it missed.
		Dropped int
		// Since is when it missed the first.
		Since time.Time
	}

	// Gap fires when something was missed for good.
	Gap struct {
		Meta
		// From and To are when it happened.
		From, To time.Time
		// What says what was missed.
		What string
	}

	// Unknown fires for an event that this version of the library does not know; Meta has its name and JSON.
	Unknown struct{ Meta }

	// Malformed fires for an event that could not be read at all; Meta has its name and what came.
	Malformed struct {
		Meta
		// Err says what is wrong with it.
		Err error
	}
)

// Events of a room's people.
type (
	// RoomJoined fires when JoinRoom has loaded a room.
	RoomJoined struct{ Meta }

	// RoomLeft fires when a room is over for this client, by Leave or otherwise.
	RoomLeft struct {
		Meta
		// Err is why, nil after Leave.
		Err error
	}

	// MemberJoined fires when someone comes into a room.
	MemberJoined struct {
		Meta
		Member Member
		User   User
	}

	// MemberLeft fires when someone leaves a room, for whatever reason.
	MemberLeft struct {
		Meta
		// Member is the record they had.
		Member Member
		User   User
	}

	// MemberUpdated fires when a member's record changes: votes received, songs played, size of the own queue.
	MemberUpdated struct {
		Meta
		Member Member
	}
)

// Events of a room's chat.
type (
	// Chat fires for each chat line.
	Chat struct {
		Meta
		Message Message
		Author  User
		// Member is always usable: for an author who is not in the room's list it is made from the event.
		Member Member
	}

	// ChatDeleted fires when a line is deleted.
	ChatDeleted struct {
		Meta
		// Message is the line; only its id is known if it is older than the room's history.
		Message Message
		// By is who deleted it.
		By User
	}
)

// Events of what plays.
type (
	// SongChanged fires when another song plays, or none.
	SongChanged struct {
		Meta
		// Song is what plays, zero if Playing is false.
		Song Song
		// Info is its media.
		Info SongInfo
		// User is who queued it.
		User User
		// Previous is what played before, with its final score; zero if nothing did.
		Previous Song
		// Playing is false when the room has fallen silent.
		Playing bool
	}

	// PlaylistUpdated fires whenever QueUp tells what plays: when a song starts, and when the queue behind it changes.
	PlaylistUpdated struct {
		Meta
		Song Song
	}

	// SongSkipped fires when a song is ended early; SongChanged follows.
	SongSkipped struct {
		Meta
		// Song is what was skipped, zero if that is not known.
		Song Song
		// By is who skipped it. QueUp tells the name alone, and sometimes nothing.
		By User
	}

	// Dub fires for each vote.
	Dub struct {
		Meta
		// Song is the song with its new score.
		Song Song
		// User is who voted.
		User User
		// Up is true for a vote for the song.
		Up bool
	}
)

// Error lets a Lagged be the error that the error handler hears.
func (l Lagged) Error() string {
	return fmt.Sprintf("queup: a handler of %s was too slow and missed %d events since %s", l.Type, l.Dropped, l.Since.Format(time.TimeOnly))
}
