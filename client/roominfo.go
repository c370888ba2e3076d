package client

import (
	"encoding/json"
	"maps"
	"reflect"
	"time"

	"github.com/queup-go/queup/gen/wire"
)

// A RoomInfo holds the settings and figures of a room, at a moment. Source: docs/PROTOCOL.md 3.4.
type RoomInfo struct {
	// ID never changes.
	ID RoomID `json:"id"`
	// Slug is the name in the room's address.
	Slug string `json:"slug"`
	// Name is the title.
	Name string `json:"name"`
	// Description is plain text with line breaks.
	Description string `json:"description,omitempty"`
	// RTC is the name of the room's channel in a former realtime system; chat and moderation calls still carry it.
	RTC string `json:"rtc,omitempty"`
	// Type is room, or iframe for a room that shows a page.
	Type string `json:"type,omitempty"`
	// Public is false for a private room, which may need a password. It is also false for a room with an unknown kind of
	// display; then Extra has roomDisplay.
	Public bool `json:"public"`
	// Lang is the language spoken, if the owner has set it.
	Lang string `json:"lang,omitempty"`
	// MusicType is the kind of music, if the owner has set it.
	MusicType string `json:"musicType,omitempty"`
	// OwnerID is the user who made the room and may do everything in it.
	OwnerID UserID `json:"ownerId"`
	// MaxSongLength is the longest song that may be queued, in whole minutes; 0 if QueUp does not say.
	MaxSongLength time.Duration `json:"maxSongLength"`
	// SongRepeat is how long a song must rest before it may be queued again, in whole minutes.
	SongRepeat time.Duration `json:"songRepeat"`
	// LimitQueue says whether MaxQueue applies.
	LimitQueue bool `json:"limitQueue"`
	// MaxQueue is the largest number of users in the queue.
	MaxQueue int64 `json:"maxQueue"`
	// RecycleDJ puts a DJ back at the end of the queue after a play.
	RecycleDJ bool `json:"recycleDj"`
	// QueueLocked lets only members with a role join the queue.
	QueueLocked bool `json:"queueLocked"`
	// SlowMode limits how often a member may chat.
	SlowMode bool `json:"slowMode"`
	// GuestChat lets members without a role chat.
	GuestChat bool `json:"guestChat"`
	// GuestEmbed lets members without a role post links and pictures.
	GuestEmbed bool `json:"guestEmbed"`
	// Welcome is shown to users who join.
	Welcome string `json:"welcome,omitempty"`
	// Background is the address of the picture behind the room, empty if there is none.
	Background string `json:"background,omitempty"`
	// ActiveUsers is how many users were in the room when this was read.
	ActiveUsers int64 `json:"activeUsers"`
	// CreatedAt is when the room was made.
	CreatedAt time.Time `json:"createdAt,omitzero"`
	// UpdatedAt is when its settings were last saved.
	UpdatedAt time.Time `json:"updatedAt,omitzero"`

	extra
}

func newRoomInfo(w wire.Room) RoomInfo {
	info := RoomInfo{
		ID:            w.ID,
		Slug:          w.Slug,
		Name:          w.Name,
		Description:   w.Description,
		RTC:           w.RealTimeChannel,
		Type:          w.Type,
		Public:        w.Display == "" || w.Display == displayPublic,
		Lang:          w.Lang,
		MusicType:     w.MusicType,
		OwnerID:       w.OwnerID,
		MaxSongLength: w.MaxLengthSong,
		SongRepeat:    w.TimeSongQueueRepeat,
		LimitQueue:    w.LimitQueueLength,
		MaxQueue:      w.MaxSongQueueLength,
		RecycleDJ:     w.RecycleDJ,
		QueueLocked:   w.LockQueue,
		SlowMode:      w.SlowMode,
		GuestChat:     w.AllowGuestsToChat,
		GuestEmbed:    w.AllowGuestsToEmbed,
		Welcome:       w.WelcomeMessage,
		Background:    pictureURL(w.Background),
		ActiveUsers:   w.ActiveUsers,
		CreatedAt:     w.Created,
		UpdatedAt:     w.Updated,
		extra:         extra{w.Extra},
	}
	if !info.Public && w.Display != displayPrivate {
		info.members = maps.Clone(w.Extra)
		if info.members == nil {
			info.members = make(map[string]json.RawMessage)
		}
		info.members["roomDisplay"], _ = json.Marshal(w.Display) // a string can always be marshalled
	}
	if info.OwnerID == "" {
		info.OwnerID = w.Owner.ID
	}
	return info
}

// sameSettings reports whether i and o are equal apart from the fields that change all the time.
func (i RoomInfo) sameSettings(o RoomInfo) bool {
	o.ActiveUsers, o.UpdatedAt, o.extra = i.ActiveUsers, i.UpdatedAt, i.extra
	return i.Equal(o)
}

// Equal reports whether both have the same content.
func (i RoomInfo) Equal(j RoomInfo) bool {
	// Times and Extra need their own comparison; all other fields are compared with ==.
	k := j
	k.CreatedAt, k.UpdatedAt, k.extra = i.CreatedAt, i.UpdatedAt, i.extra
	return reflect.DeepEqual(i, k) && i.CreatedAt.Equal(j.CreatedAt) && i.UpdatedAt.Equal(j.UpdatedAt) && i.sameExtra(j.extra)
}

// String returns the title.
func (i RoomInfo) String() string { return i.Name }

// The kinds of rooms as QueUp writes them.
const (
	displayPublic  = "public"
	displayPrivate = "private"
	typeRoom       = "room"
	typeFrame      = "iframe"
)
