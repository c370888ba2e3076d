package client

import "github.com/queup-go/queup/gen/wire"

// Ids are distinct types, so that swapped arguments do not compile. An untyped string constant converts to any of them.
type (
	// RoomID identifies a room; see [wire.RoomID].
	RoomID = wire.RoomID
	// UserID identifies an account; see [wire.UserID].
	UserID = wire.UserID
	// MemberID identifies the record of a user in a room; see [wire.MemberID].
	MemberID = wire.MemberID
	// MessageID identifies a chat line or a private message; see [wire.MessageID].
	MessageID = wire.MessageID
	// ConversationID identifies a private conversation; see [wire.ConversationID].
	ConversationID = wire.ConversationID
	// SongID identifies a piece of media; see [wire.SongID].
	SongID = wire.SongID
	// PlayID identifies an entry of a queue; see [wire.PlayID].
	PlayID = wire.PlayID
	// RoleID identifies a role; see [wire.RoleID].
	RoleID = wire.RoleID
	// PlaylistID identifies a user's own playlist; see [wire.PlaylistID].
	PlaylistID = wire.PlaylistID
)
