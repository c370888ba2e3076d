package client

import (
	"fmt"
	"net/url"
	"time"

	"github.com/queup-go/queup/gen/wire"
)

// Provider names the site that media come from.
type Provider = wire.Provider

// The providers that QueUp knows.
const (
	YouTube    = wire.YouTube
	SoundCloud = wire.SoundCloud
)

// liveLength is how long QueUp says that a live stream is. Source: docs/PROTOCOL.md 1.8.
const liveLength = 99_999 * time.Second

// A SongInfo is a piece of media: a video or a track. Broken imports lack name, provider and media id. Source:
// docs/PROTOCOL.md 3.8.
type SongInfo struct {
	// ID is QueUp's.
	ID SongID `json:"id"`
	// Name is the title.
	Name string `json:"name"`
	// Provider is the site it comes from.
	Provider Provider `json:"provider"`
	// MediaID is the provider's id.
	MediaID string `json:"mediaId"`
	// Length is how long it is.
	Length time.Duration `json:"length"`
	// Thumbnail is the address of a small picture, empty if there is none.
	Thumbnail string `json:"thumbnail,omitempty"`
	// CreatedAt is when QueUp first saw it.
	CreatedAt time.Time `json:"createdAt,omitzero"`

	extra
}

// playable reports whether it says where the media are to be had. Broken imports do not.
func (s SongInfo) playable() bool { return s.Provider != "" && s.MediaID != "" }

func newSongInfo(w wire.Song) SongInfo {
	return SongInfo{
		ID:        w.ID,
		Name:      w.Name,
		Provider:  w.Provider,
		MediaID:   w.MediaID,
		Length:    w.Length,
		Thumbnail: w.Images.Thumbnail,
		CreatedAt: w.Created,
		extra:     extra{w.Extra},
	}
}

// URL returns the page of the media at its provider, empty if that is not known.
func (s SongInfo) URL() string {
	switch {
	case s.MediaID == "":
		return ""
	case s.Provider == YouTube:
		return "https://www.youtube.com/watch?v=" + url.QueryEscape(s.MediaID)
	case s.Provider == SoundCloud:
		return "https://api.soundcloud.com/tracks/" + url.PathEscape(s.MediaID)
	}
	return ""
}

// Live reports whether it is a live stream, which has no length.
func (s SongInfo) Live() bool { return s.Length >= liveLength }

// Equal reports whether both tell the same.
func (s SongInfo) Equal(t SongInfo) bool {
	return s.ID == t.ID && s.Name == t.Name && s.Provider == t.Provider && s.MediaID == t.MediaID && s.Length == t.Length &&
		s.Thumbnail == t.Thumbnail && s.CreatedAt.Equal(t.CreatedAt) && s.sameExtra(t.extra)
}

// String returns the title and the length.
func (s SongInfo) String() string {
	name := s.Name
	if name == "" {
		name = "song " + string(s.ID)
	}
	if s.Live() {
		return name + " (live)"
	}
	return fmt.Sprintf("%s (%s)", name, FormatSongLength(s.Length))
}
