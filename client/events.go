package client

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"
)

// An Event is something that happened in a room, in private, or to the connection. This file has all the types of events;
// each is a struct that embeds [Meta] and travels by value. Its slices are copies, so changing them does not change the
// client's state. But all handlers of an event share its slices and its Raw, so a handler must not change them.
type Event interface {
	// EventMeta returns the fields that all events have.
	EventMeta() Meta
	sealed()
}

// Meta holds the fields that all events have.
type Meta struct {
	// At is when it happened, by QueUp's clock if the event says so, else when it was received.
	At time.Time
	// Resynced is true for an event that was detected after a lost connection.
	Resynced bool
	// ID identifies the event: it is the same in every process, live or Resynced, and two different events never share one. It
	// begins with the event's type. It is empty for an event that QueUp sends without anything to tell two of its kind apart, such as
	// a vote, a grab, a join, a leave or a kick, and for the client's own events. Source: docs/PROTOCOL.md 6.2.
	ID string
	// Room is the room it happened in, nil if it concerns none.
	Room *Room
	// Name is QueUp's name for the event, empty for the client's own events.
	Name string
	// Raw is the event as QueUp sent it, nil for the client's own events. Do not change it. It shares a block of memory, 16
	// KiB, with the events around it. To keep many of them for long, copy each with bytes.Clone.
	Raw json.RawMessage
}

// EventMeta returns m.
func (m Meta) EventMeta() Meta { return m }

func (Meta) sealed() {}

// Events of the connection.
type (
	// Ready fires once per Connect, when rooms can be joined. An error of [Client.JoinRoom] that its handler returns can
	// end [Client.Run]; see there.
	Ready struct{ Meta }

	// Disconnected fires when the connection is lost.
	Disconnected struct {
		Meta
		// Err is why.
		Err error
		// RetryIn is the time until the next attempt starts, zero if there is none.
		RetryIn time.Duration
	}

	// Reconnected fires when a lost connection is back, with all rooms attached again. The events that were missed in a
	// room follow as its ordinary events, marked Resynced, and then the event Resynced of that room.
	Reconnected struct{ Meta }

	// Resynced fires for each room when all that was missed and can be known has been emitted. The client is in the room
	// again and may act, even if QueUp had forgotten it.
	Resynced struct{ Meta }

	// Lagged fires when a handler was too slow and events were dropped. It fires once for each overflow of its queue, after
	// the handler has caught up. The error handler receives it too, as an error.
	Lagged struct { //nolint:errname // an event before all, and an error on the side
		Meta
		// Type is the event type of the slow subscription, for example Chat.
		Type string
		// Dropped is how many events it missed.
		Dropped int
		// Since is when it missed the first.
		Since time.Time
	}

	// Gap fires when something is lost for good.
	Gap struct {
		Meta
		// From and To are the interval in which it happened, by QueUp's clock.
		From, To time.Time
		// What names the part that was missed.
		What string
	}

	// Unknown fires for an event that this version of the library does not know. It also fires for an event with an unknown
	// value, such as a vote that is neither for nor against a song. Meta has its name and JSON.
	Unknown struct{ Meta }

	// Malformed fires for an event that could not be read at all. Meta has its name and what was received.
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

	// RoomLeft fires when the client is no longer in a room, by Leave or otherwise.
	RoomLeft struct {
		Meta
		// Err is why the client left, nil after Leave.
		Err error
	}

	// MemberJoined fires when someone enters a room; for the bot itself [RoomJoined] fires. A bot that greets people should
	// skip events marked Resynced: those members came while the connection was lost.
	MemberJoined struct {
		Meta
		Member Member
		User   User
	}

	// MemberLeft fires when someone leaves a room, for whatever reason.
	MemberLeft struct {
		Meta
		// Member is the record that the member had.
		Member Member
		User   User
	}

	// MemberUpdated fires when a member's record changes: votes received, songs played, size of the own queue. It also
	// fires when the client learns the name of a member of whom QueUp had sent only the id.
	MemberUpdated struct {
		Meta
		Member Member
	}

	// MemberPresence fires when someone else becomes visible or invisible in a room, or updates their presence. A user with
	// several connections becomes invisible with the last of them.
	MemberPresence struct {
		Meta
		// User is the user; for a guest only an id is known.
		User User
		// Presence is the new presence.
		Presence Presence
	}

	// AvatarUpdated fires when someone has a new picture.
	AvatarUpdated struct {
		Meta
		User User
	}
)

// Events of moderation. By is the user who did it; it is zero in an event that was detected after a lost connection.
type (
	// MemberKicked fires when someone is kicked from a room. MemberLeft follows.
	MemberKicked struct {
		Meta
		User   User
		Member Member
		By     User
		// Reason is what the moderator wrote, often empty.
		Reason string
	}

	// MemberBanned fires when someone is banned from a room. MemberLeft follows.
	MemberBanned struct {
		Meta
		User   User
		Member Member
		By     User
		// For is how long, in whole minutes. It is zero if Permanent is true, and if QueUp says it in an unknown way; then
		// Raw has it.
		For time.Duration
		// Permanent is true for a ban without an end.
		Permanent bool
	}

	// MemberUnbanned fires when someone may enter the room again.
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

	// RoleUnset fires when someone loses a role. QueUp removes the role DJ by itself, see docs/PROTOCOL.md 4.1.
	RoleUnset struct {
		Meta
		User   User
		Member Member
		By     User
		Role   Role
	}
)

// Events of a room's roles and settings. By is the user who did it, zero if that is not known.
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

	// RoleDeleted fires when a role is deleted. Members who held it lose it.
	RoleDeleted struct {
		Meta
		Role Role
	}

	// RolesReordered fires when the order of a room's roles has changed.
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

	// GuestChat fires when members without a role are allowed or forbidden to chat.
	GuestChat struct {
		Meta
		On bool
		By User
	}

	// GuestEmbed fires when members without a role are allowed or forbidden to post links and pictures.
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
		// Member is always usable. For an author who is not in the room's list it is made from the event.
		Member Member
	}

	// ChatDeleted fires when a line is deleted.
	ChatDeleted struct {
		Meta
		// Message is the line; only its id is known if it is older than the room's history.
		Message Message
		// By is the user who deleted it.
		By User
	}

	// ChatCleared fires when all lines of a user are deleted.
	ChatCleared struct {
		Meta
		// User is the user whose lines were deleted.
		User User
		// By is the user who deleted them.
		By User
	}

	// PrivateMessage fires when someone writes to the account, whether the client is in a room or not.
	PrivateMessage struct {
		Meta
		// Message is the text. If QueUp did not deliver it, ID and Content are empty. Conversation.Fetch may find it later,
		// and the next message of the conversation emits it once more, in full.
		Message Message
		// Author is the user who wrote it.
		Author User
		// Conversation is the conversation to answer in.
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

// Events of playback.
type (
	// SongChanged fires when another song starts to play, or when playback ends. Parts that QueUp's event lacked have been
	// looked up.
	SongChanged struct {
		Meta
		// Song is the current song, zero if Playing is false.
		Song Song
		// Info is the media of the song. It has only an id if QueUp does not know the media, or took longer than 2 s to
		// answer. PlaylistUpdated then follows with the media.
		Info SongInfo
		// User is the user who queued it.
		User User
		// Previous is the song that played before, with its final score; zero if there was none.
		Previous Song
		// Playing is false when nothing is playing any more. QueUp does not send this, so the client detects it 15 s after
		// the end of the last song, and 5 s after a skip.
		Playing bool
	}

	// PlaylistUpdated fires whenever QueUp sends the current song: when a song starts, and when the queue behind it
	// changes.
	PlaylistUpdated struct {
		Meta
		Song Song
	}

	// QueueUpdated fires when the client has read the queue of a room again because it changed, at most every 5 s.
	QueueUpdated struct {
		Meta
		// Queue is the next song of each DJ, in the order they will play.
		Queue []Song
	}

	// QueueReordered fires when a moderator has changed the order of the queue. QueueUpdated follows.
	QueueReordered struct {
		Meta
		By User
	}

	// QueueLocked fires when the queue is locked or unlocked.
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

	// SongRemoved fires when a moderator removes the next song of a DJ from the queue. QueueUpdated follows.
	SongRemoved struct {
		Meta
		// Member is the DJ.
		Member Member
		By     User
	}

	// DJRemoved fires when a moderator removes all songs of a DJ from the queue. QueueUpdated follows.
	DJRemoved struct {
		Meta
		// Member is the DJ.
		Member Member
		By     User
	}

	// SongSkipped fires when a song is ended early. SongChanged follows, or came up to 2 s before: a skip that QueUp sends
	// just after a song change is about the song before.
	SongSkipped struct {
		Meta
		// Song is the play that was skipped, zero if that is not known.
		Song Song
		// By is the user who skipped it. QueUp sends only the name, and sometimes nothing.
		By User
	}

	// Dub fires for each vote.
	Dub struct {
		Meta
		// Song is the song with its new score.
		Song Song
		// User is the user who voted.
		User User
		// Up is true for a vote for the song.
		Up bool
	}

	// Grab fires when someone adds the current song to a playlist of theirs.
	Grab struct {
		Meta
		// Song is the song with its new count.
		Song Song
		User User
	}
)

// Error makes Lagged an error, which the error handler receives.
func (l Lagged) Error() string {
	return fmt.Sprintf("queup: a handler of %s was too slow and missed %d events since %s", l.Type, l.Dropped, l.Since.Format(time.TimeOnly))
}

// withID returns the Meta of an event of a type that QueUp's id tells from all others of its type. An empty id gives none.
func withID[K ~string](m Meta, eventType string, id K) Meta {
	m.ID = ""
	if id != "" {
		m.ID = eventType + "/" + string(id)
	}
	return m
}

// newMeta is the Meta of the client's own events.
func newMeta() Meta { return Meta{At: time.Now()} }

// eventTypes are all event types.
var eventTypes = []reflect.Type{
	reflect.TypeFor[Ready](), reflect.TypeFor[Disconnected](), reflect.TypeFor[Reconnected](), reflect.TypeFor[Resynced](),
	reflect.TypeFor[Lagged](), reflect.TypeFor[Gap](), reflect.TypeFor[Unknown](), reflect.TypeFor[Malformed](),
	reflect.TypeFor[RoomJoined](), reflect.TypeFor[RoomLeft](),
	reflect.TypeFor[MemberJoined](), reflect.TypeFor[MemberLeft](), reflect.TypeFor[MemberUpdated](),
	reflect.TypeFor[MemberPresence](), reflect.TypeFor[AvatarUpdated](),
	reflect.TypeFor[MemberKicked](), reflect.TypeFor[MemberBanned](), reflect.TypeFor[MemberUnbanned](),
	reflect.TypeFor[MemberMuted](), reflect.TypeFor[MemberUnmuted](), reflect.TypeFor[RoleSet](), reflect.TypeFor[RoleUnset](),
	reflect.TypeFor[RoleCreated](), reflect.TypeFor[RoleUpdated](), reflect.TypeFor[RoleDeleted](), reflect.TypeFor[RolesReordered](),
	reflect.TypeFor[RoomUpdated](), reflect.TypeFor[SlowMode](), reflect.TypeFor[GuestChat](), reflect.TypeFor[GuestEmbed](),
	reflect.TypeFor[Chat](), reflect.TypeFor[ChatDeleted](), reflect.TypeFor[ChatCleared](), reflect.TypeFor[PrivateMessage](),
	reflect.TypeFor[CommentAdded](), reflect.TypeFor[CommentRemoved](), reflect.TypeFor[CommentUpdated](),
	reflect.TypeFor[SongChanged](), reflect.TypeFor[PlaylistUpdated](), reflect.TypeFor[SongSkipped](),
	reflect.TypeFor[Dub](), reflect.TypeFor[Grab](),
	reflect.TypeFor[QueueUpdated](), reflect.TypeFor[QueueReordered](), reflect.TypeFor[QueueLocked](), reflect.TypeFor[QueuePaused](),
	reflect.TypeFor[SongRemoved](), reflect.TypeFor[DJRemoved](),
}

// typesOf returns the event types that t stands for: itself, or all that satisfy it if it is an interface.
func typesOf(t reflect.Type) []reflect.Type {
	var types []reflect.Type
	for _, e := range eventTypes {
		if t == e || t.Kind() == reflect.Interface && e.Implements(t) {
			types = append(types, e)
		}
	}
	return types
}
