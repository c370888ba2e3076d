package client

import (
	"cmp"
	"fmt"
	"time"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/saturate"
)

// A Song is an entry of a room's queue at a moment: one play that will be, is or was. Source: docs/PROTOCOL.md 3.9.
type Song struct {
	// ID names the play.
	ID PlayID `json:"id"`
	// SongID names its media; see Info.
	SongID SongID `json:"songId"`
	// UserID is who queued it.
	UserID UserID `json:"userId"`
	// RoomID is the room.
	RoomID RoomID `json:"roomId"`
	// Length is how long it plays: what QueUp says of the play, else the length of its media. 0 means that it is not known,
	// and more than a day is a live stream: neither says when the song ends.
	Length time.Duration `json:"length"`
	// CreatedAt is when it was queued.
	CreatedAt time.Time `json:"createdAt,omitzero"`
	// PlayedAt is when it started, zero before.
	PlayedAt time.Time `json:"playedAt,omitzero"`
	// Active is true while it plays.
	Active bool `json:"active"`
	// Played is true when its time is over.
	Played bool `json:"played"`
	// Skipped is true when it was ended early.
	Skipped bool `json:"skipped"`
	// Order is its place in the queue as QueUp tells it, 999 for a fresh entry.
	Order int64 `json:"order"`
	// Updubs counts votes for it.
	Updubs int64 `json:"updubs"`
	// Downdubs counts votes against it.
	Downdubs int64 `json:"downdubs"`
	// Grabs counts how often it was added to a playlist.
	Grabs int64 `json:"grabs"`

	extra
	client *Client
	info   *SongInfo // its media as of the event that made the value, nil if there were none
}

func newSong(c *Client, w wire.Play) Song {
	s := Song{
		ID:        w.ID,
		SongID:    w.SongID,
		UserID:    w.UserID,
		RoomID:    w.RoomID,
		Length:    max(w.Length, 0),
		CreatedAt: w.Created,
		PlayedAt:  w.PlayedAt,
		Active:    w.Active && !w.Played, // rows of the history say both
		Played:    w.Played,
		Skipped:   w.Skipped,
		Order:     w.Order,
		Updubs:    w.Updubs,
		Downdubs:  w.Downdubs,
		Grabs:     w.Grabs,
		extra:     extra{w.Extra},
		client:    c,
	}
	if s.SongID == "" {
		s.SongID = w.Song.ID
	}
	s.UserID = cmp.Or(s.UserID, userID(w.User))
	return s
}

// queuedBy returns the account of who queued a play. The play has its id, where the account has none.
func queuedBy(w wire.Play) wire.User {
	w.User.ID = cmp.Or(userID(w.User), w.UserID)
	return w.User
}

// endless reports whether nothing says when it ends: its length is not known, or it is a live stream. Source:
// docs/PROTOCOL.md 7, rule 36.
func (s Song) endless() bool { return s.Length <= 0 || isLive(s.Length) }

// overAfter reports whether it has ended when it has been playing for a time.
func (s Song) overAfter(elapsed time.Duration) bool { return !s.endless() && elapsed >= s.Length }

// takeLength takes the length of the media over, if QueUp has not said how long the play is.
func (s *Song) takeLength() {
	if s.Length <= 0 {
		info, _ := s.Info()
		s.Length = info.Length
	}
}

// NetDubs is the score: votes for it less votes against it.
func (s Song) NetDubs() int64 { return saturate.Sub(s.Updubs, s.Downdubs) }

// Info returns its media, and false if the client does not know it.
func (s Song) Info() (SongInfo, bool) {
	if s.info != nil {
		return *s.info, true
	}
	if s.client == nil {
		return SongInfo{}, false
	}
	return s.client.Songs().Get(s.SongID)
}

// User returns who queued it, and false if the client does not know their name.
func (s Song) User() (User, bool) {
	if s.client == nil {
		return User{}, false
	}
	return s.client.Users().Get(s.UserID)
}

// Room returns the room, and false if the client does not know it.
func (s Song) Room() (*Room, bool) {
	if s.client == nil {
		return nil, false
	}
	return s.client.Rooms().Get(s.RoomID)
}

// Equal reports whether both tell the same, whatever client they come from.
func (s Song) Equal(t Song) bool {
	return s.ID == t.ID && s.SongID == t.SongID && s.UserID == t.UserID && s.RoomID == t.RoomID && s.Length == t.Length &&
		s.CreatedAt.Equal(t.CreatedAt) && s.PlayedAt.Equal(t.PlayedAt) &&
		s.Active == t.Active && s.Played == t.Played && s.Skipped == t.Skipped && s.Order == t.Order &&
		s.Updubs == t.Updubs && s.Downdubs == t.Downdubs && s.Grabs == t.Grabs && s.sameExtra(t.extra)
}

// String returns the title and the length where the media is known, else the id.
func (s Song) String() string {
	if info, ok := s.Info(); ok {
		return info.String()
	}
	return fmt.Sprintf("song %s", s.SongID)
}
