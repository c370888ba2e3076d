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

// wireGrabs are those who have the song in a playlist now; nil if nobody has.
func (p *play) wireGrabs() []wire.DubVote {
	var grabs []wire.DubVote
	for _, v := range p.grabs {
		grabs = append(grabs, wire.DubVote{ID: v.id, UserID: v.account.id, Created: v.created, Updated: v.updated, ForeignID: string(p.id)})
	}
	return grabs
}
