package client

import (
	"encoding/json"
	"fmt"
	"time"
)

// An Event is something that happened: in a room, in private, or to the connection. The types of this file are all
// there are; each is a struct that embeds [Meta] and travels by value. Its slices are copies, so that changing them changes nothing
// of the client's; but all handlers of the event have the same ones, so a handler changes none of them, and no Raw.
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
	// Raw is the event as QueUp sent it, nil for the client's own. Do not change it. It shares its memory, 16 KiB, with the
	// events around it: who keeps many for long keeps less with bytes.Clone.
	Raw json.RawMessage
}

// EventMeta returns m.
func (m Meta) EventMeta() Meta { return m }

func (Meta) sealed() {}

// Events of the connection.
type (
	// Ready fires once per Connect, when rooms can be joined. What its handler returns of [Client.JoinRoom] can end
	// [Client.Run], which says when.
	Ready struct{ Meta }

	// Disconnected fires when the connection is lost.
	Disconnected struct {
		Meta
		// Err is why.
		Err error
		// RetryIn is when the next try starts, zero if there is none.
		RetryIn time.Duration
	}

	// Reconnected fires when a lost connection is back, with all rooms attached again. What was missed in a room follows
	// as its ordinary events, marked Resynced, and then the event Resynced of that room.
	Reconnected struct{ Meta }

	// Resynced fires for each room when everything that was missed and can be known has been told. The client is in the room
	// again and may act, also if QueUp had forgotten it.
	Resynced struct{ Meta }

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
		// From and To are when it happened, by QueUp's clock.
		From, To time.Time
		// What says what was missed.
		What string
	}

	// Unknown fires for an event that this version of the library does not know, and for one whose news is a value that it does
	// not know, such as a vote that is neither for nor against a song. Meta has its name and JSON.
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

	// MemberJoined fires when someone comes into a room. Of the bot itself [RoomJoined] tells. A bot that greets people
	// passes over those with Resynced: they came while the connection was lost.
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

	// MemberUpdated fires when a member's record changes: votes received, songs played, size of the own queue; and when the name
	// of a member is known at last, of whom QueUp had sent the id alone.
	MemberUpdated struct {
		Meta
		Member Member
	}

	// MemberPresence fires when someone else becomes visible in a room, invisible, or says something new about it. Who is
	// there with several connections becomes invisible with the last.
	MemberPresence struct {
		Meta
		// User is who; of a guest only an id is known.
		User User
		// Presence is what they are now.
		Presence Presence
	}

	// AvatarUpdated fires when someone has a new picture.
	AvatarUpdated struct {
		Meta
		User User
	}
)

// Events of moderation. By is who did it; it is zero in an event that was found out after a lost connection.
type (
	// MemberKicked fires when someone is put out of a room. MemberLeft follows.
	MemberKicked struct {
		Meta
		User   User
		Member Member
		By     User
		// Reason is what the moderator wrote, often empty.
		Reason string
	}

	// MemberBanned fires when someone may not come in any more. MemberLeft follows.
	MemberBanned struct {
		Meta
		User   User
		Member Member
		By     User
		// For is how long, in whole minutes; zero if Permanent is true, or if QueUp says it in a way that is not known: then Raw has
		// it.
		For time.Duration
		// Permanent is true for a ban that does not end by itself.
		Permanent bool
	}

	// MemberUnbanned fires when someone may come in again.
	MemberUnbanned struct {
		Meta
		User   User
		Member Member
		By     User
	}

	// MemberMuted fires when someone may not chat any more.
	MemberMuted struct {
		Meta
		User   User
		Member Member
		By     User
	}

	// MemberUnmuted fires when someone may chat again.
	MemberUnmuted struct {
		Meta
		User   User
		Member Member
		By     User
	}

	// RoleSet fires when someone is given a role.
	RoleSet struct {
		Meta
		User   User
		Member Member
		By     User
		Role   Role
	}

	// RoleUnset fires when someone loses a role. The role DJ goes by itself, see docs/PROTOCOL.md 4.1.
	RoleUnset struct {
		Meta
		User   User
		Member Member
		By     User
		Role   Role
	}
)

// Events of a room's roles and settings. By is who did it, zero where that is not known.
type (
	// RoleCreated fires when a room has a new role.
	RoleCreated struct {
		Meta
		Role Role
	}

	// RoleUpdated fires when a role has changed.
	RoleUpdated struct {
		Meta
		Role Role
	}

	// RoleDeleted fires when a role is gone. Who held it holds it no more.
	RoleDeleted struct {
		Meta
		Role Role
	}

	// RolesReordered fires when the roles of a room stand in another order.
	RolesReordered struct {
		Meta
		// Roles are all of them, the highest first.
		Roles []Role
	}

	// RoomUpdated fires when the settings of a room were saved.
	RoomUpdated struct {
		Meta
		Info RoomInfo
	}

	// SlowMode fires when the slow mode of the chat is turned on or off.
	SlowMode struct {
		Meta
		On bool
		By User
	}

	// GuestChat fires when members without a role may chat, or may not any more.
	GuestChat struct {
		Meta
		On bool
		By User
	}

	// GuestEmbed fires when members without a role may post links and pictures, or may not any more.
	GuestEmbed struct {
		Meta
		On bool
		By User
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

	// ChatCleared fires when all lines of someone are deleted.
	ChatCleared struct {
		Meta
		// User is whose lines they were.
		User User
		// By is who deleted them.
		By User
	}

	// PrivateMessage fires when someone writes to the account, whether the client is in a room or not.
	PrivateMessage struct {
		Meta
		// Message is what was written. If QueUp did not hand it over, ID and Content are empty: Conversation.Fetch may find
		// it later, and with the next message of the conversation it is told again, in full.
		Message Message
		// Author is who wrote it.
		Author User
		// Conversation is where to answer.
		Conversation *Conversation
	}

	// CommentAdded fires when someone comments on a piece of media.
	CommentAdded struct {
		Meta
		Comment Comment
	}

	// CommentRemoved fires when a comment is deleted; often only its id is known.
	CommentRemoved struct {
		Meta
		Comment Comment
	}

	// CommentUpdated fires when somebody votes on a comment; often only its id and its votes are known.
	CommentUpdated struct {
		Meta
		Comment Comment
	}
)

// Events of what plays.
type (
	// SongChanged fires when another song plays, or none. What QueUp's event lacked has been looked up.
	SongChanged struct {
		Meta
		// Song is what plays, zero if Playing is false.
		Song Song
		// Info is its media. It has no more than an id where QueUp does not know the media, or took longer than 2 s to say;
		// then PlaylistUpdated follows with it.
		Info SongInfo
		// User is who queued it.
		User User
		// Previous is what played before, with its final score; zero if nothing did.
		Previous Song
		// Playing is false when the room has fallen silent. QueUp does not tell, so it is found out: 15 s after the end of
		// the last song, and 5 s after a skip.
		Playing bool
	}

	// PlaylistUpdated fires whenever QueUp tells what plays: when a song starts, and when the queue behind it changes.
	PlaylistUpdated struct {
		Meta
		Song Song
	}

	// QueueUpdated fires when the queue of a room has been read again because it has changed, at most every 5 s.
	QueueUpdated struct {
		Meta
		// Queue is the next song of each DJ, in the order they will play.
		Queue []Song
	}

	// QueueReordered fires when a moderator has put the queue into another order. QueueUpdated follows.
	QueueReordered struct {
		Meta
		By User
	}

	// QueueLocked fires when the queue is locked or opened.
	QueueLocked struct {
		Meta
		Locked bool
		By     User
	}

	// QueuePaused fires when someone leaves the rotation and keeps the songs, or joins it again.
	QueuePaused struct {
		Meta
		Member Member
		Paused bool
		// By is the member, or the moderator who did it.
		By User
	}

	// SongRemoved fires when a moderator takes the next song of a DJ out of the queue. QueueUpdated follows.
	SongRemoved struct {
		Meta
		// Member is the DJ.
		Member Member
		By     User
	}

	// DJRemoved fires when a moderator takes all songs of a DJ out of the queue. QueueUpdated follows.
	DJRemoved struct {
		Meta
		// Member is the DJ.
		Member Member
		By     User
	}

	// SongSkipped fires when a song is ended early. SongChanged follows, or came up to 2 s before: a skip that QueUp sends just
	// after a song change is about the song before.
	SongSkipped struct {
		Meta
		// Song is the play that was skipped, zero if that is not known.
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

	// Grab fires when someone adds what plays to a playlist of theirs.
	Grab struct {
		Meta
		// Song is the song with its new count.
		Song Song
		User User
	}
)

// Error lets a Lagged be the error that the error handler hears.
func (l Lagged) Error() string {
	return fmt.Sprintf("queup: a handler of %s was too slow and missed %d events since %s", l.Type, l.Dropped, l.Since.Format(time.TimeOnly))
}

// newMeta is the Meta of the client's own events.
func newMeta() Meta { return Meta{At: time.Now()} }
