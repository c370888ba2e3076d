package client

import (
	"fmt"
	"net/url"
	"strings"
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

// longestSong is how long a song can be. QueUp says that a live stream is 99,999 s long. Source: docs/PROTOCOL.md 7, rule 36.
const longestSong = 24 * time.Hour

func isLive(length time.Duration) bool { return length > longestSong }

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
	// Length is how long it is, 0 if QueUp does not say. More than a day is a live stream; see Live.
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
		Length:    max(w.Length, 0),
		Thumbnail: w.Images.Thumbnail,
		CreatedAt: w.Created,
		extra:     extra{w.Extra},
	}
}

// URL returns an address at which a person can play the media, empty if that is not known: YouTube's page, or SoundCloud's player,
// because the page of a track there cannot be derived from its number. [Client.SongLink] asks QueUp for the page. Source:
// docs/PROTOCOL.md 3.8.
func (s SongInfo) URL() string {
	switch {
	case s.MediaID == "":
		return ""
	case s.Provider == YouTube:
		return "https://www.youtube.com/watch?v=" + url.QueryEscape(s.MediaID)
	case s.Provider == SoundCloud:
		if strings.Trim(s.MediaID, "0123456789") != "" { // the player takes numbers only
			return ""
		}
		return "https://w.soundcloud.com/player/?url=" + url.QueryEscape("https://api.soundcloud.com/tracks/"+s.MediaID)
	}
	return ""
}

// Live reports whether it is a live stream, which has no end: QueUp states a length of more than a day. Source:
// docs/PROTOCOL.md 7, rule 36.
func (s SongInfo) Live() bool { return isLive(s.Length) }

// Equal reports whether both tell the same.
func (s SongInfo) Equal(t SongInfo) bool {
	return s.ID == t.ID && s.Name == t.Name && s.Provider == t.Provider && s.MediaID == t.MediaID && s.Length == t.Length &&
		s.Thumbnail == t.Thumbnail && s.CreatedAt.Equal(t.CreatedAt) && s.sameExtra(t.extra)
}

// String returns the title, and the length where it is known.
func (s SongInfo) String() string {
	name := s.Name
	if name == "" {
		name = "song " + string(s.ID)
	}
	if s.Live() {
		return name + " (live)"
	}
	if s.Length <= 0 {
		return name
	}
	return fmt.Sprintf("%s (%s)", name, FormatSongLength(s.Length))
}
