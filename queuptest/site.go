package queuptest

import (
	"github.com/go-faster/jx"

	"github.com/queup-go/queup/gen/wire"
)

// site is what the service knows of its users beside what happens in rooms. It is guarded by state.mu.
type site struct {
	playlists     map[wire.UserID][]*playlist // by their owners, oldest first
	conversations []*conversation             // the one with the latest message last
	follows       []*follow                   // oldest first
	comments      map[wire.SongID][]*comment  // oldest first
	backgrounds   map[*room]wire.ProfileImage
	resets        map[*account]string // the token of the mail that was never sent
}

func newSite() site {
	return site{
		playlists:   map[wire.UserID][]*playlist{},
		comments:    map[wire.SongID][]*comment{},
		backgrounds: map[*room]wire.ProfileImage{},
		resets:      map[*account]string{},
	}
}

const (
	// maxOwned is how many accounts and conversations there are, and playlists an account, entries a playlist, messages a
	// conversation, comments a song.
	maxOwned = 10_000
	// maxSongs is how many songs are known.
	maxSongs = 100_000
	// maxText is how long a private message or a comment is, in UTF-16 units. What the service takes is not known.
	maxText = 10_000
)

const textTooMany = "Too many of them"

// page returns one page of a list: size elements from offset on.
func page[T any](list []T, offset, size int) []T {
	offset = min(max(offset, 0), len(list))
	return list[offset:min(offset+size, len(list))]
}

// pageSize is that of all lists with pages but the search for songs; docs/PROTOCOL.md 1.5.
const pageSize = 20

// emitTo sends an event to everybody who is attached to a channel. The caller holds s.mu.
func (s *state) emitTo(channel string, event wire.Event) {
	if len(s.channels[channel]) == 0 {
		return
	}
	var e jx.Encoder
	event.Encode(&e)
	s.publish(channel, event.EventName(), s.quirks.event(e.Bytes()))
}
