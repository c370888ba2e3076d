package queuptest

import (
	"slices"
	"time"

	"github.com/queup-go/queup/gen/wire"
)

// grabbed counts that an account has put a song into a playlist, in every room where it is present and the song plays, once
// for each play. The caller holds s.mu.
func (s *state) grabbed(a *account, m *song, now time.Time) {
	for _, r := range s.rooms {
		p := r.playing
		if p == nil || p.song != m || r.present(a) == nil ||
			slices.ContainsFunc(p.grabs, func(v vote) bool { return v.account == a }) {
			continue
		}
		p.grabs = append(p.grabs, vote{id: s.id(idVote), account: a, created: now, updated: now})
		s.emitTo(r.channel, &wire.RoomPlaylistQueueUpdateGrabs{User: s.wireEventUser(a), Play: r.wirePlay(p)})
	}
}

// grab puts what plays into a playlist of the account: the one that grab makes, or an older one of the same name. The caller
// holds s.mu.
func (r *room) grab(a *account, now time.Time) error {
	i := slices.IndexFunc(r.site.playlists[a.id], func(p *playlist) bool { return p.name == grabbedName })
	var list *playlist
	if i >= 0 {
		list = r.site.playlists[a.id][i]
	} else {
		var err error
		if list, err = r.newPlaylist(a, grabbedName, now); err != nil {
			return err
		}
	}
	if len(list.entries) >= maxGrabbed {
		list.entries = slices.Delete(list.entries, 0, 1)
	}
	if err := r.add(list, now, r.playing.song); err != nil {
		return err
	}
	r.grabbed(a, r.playing.song, now)
	return nil
}

// The playlist that people without a client grab into, and how many songs it keeps: the latest ones.
const (
	grabbedName = "Favourites"
	maxGrabbed  = 50
)

// wireGrabs are those who have the song in a playlist now; nil if nobody has.
func (p *play) wireGrabs() []wire.DubVote {
	var grabs []wire.DubVote
	for _, v := range p.grabs {
		grabs = append(grabs, wire.DubVote{ID: v.id, UserID: v.account.id, Created: v.created, Updated: v.updated, ForeignID: string(p.id)})
	}
	return grabs
}
