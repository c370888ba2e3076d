package queuptest

import (
	"encoding/json"
	"time"

	"github.com/go-faster/jx"

	"github.com/queup-go/queup/gen/wire"
)

// How things look on the wire. The same thing looks different in different places, see docs/PROTOCOL.md 3. The functions
// read what state.mu guards; the caller holds it.
//
// In captures an object is whole: it has its counters and flags also when they are 0 or false, which the encoder leaves out, and
// clients were written against that. Extra holds them here.

// The values that the encoder leaves out.
var zero, null, no = json.RawMessage(`0`), json.RawMessage(`null`), json.RawMessage(`false`)

// unrevised is what all records of the database have in captures, and no more.
func unrevised() map[string]json.RawMessage { return map[string]json.RawMessage{"__v": zero} }

// zeros writes those members that are 0.
func zeros(extra map[string]json.RawMessage, members map[string]int64) {
	for name, n := range members {
		if n == 0 {
			extra[name] = zero
		}
	}
}

// falses writes those members that are false.
func falses(extra map[string]json.RawMessage, members map[string]bool) {
	for name, yes := range members {
		if !yes {
			extra[name] = no
		}
	}
}

// wireUser is an account as it stands inside other objects.
func (a *account) wireUser() wire.User {
	return wire.User{
		ID: a.id, Username: a.name, Status: 1, GlobalRole: 1, Created: a.created, ProfileImage: a.image,
		Extra: map[string]json.RawMessage{"dubs": zero, "__v": zero},
	}
}

// wireSession is an account as it stands in its own session.
func (s *state) wireSession(a *account) wire.User {
	u := s.wireEventUser(a)
	u.ProfileImage = a.image
	return u
}

// wireEventUser is an account as it stands in events.
func (s *state) wireEventUser(a *account) wire.User {
	u := a.wireUser()
	u.ProfileImage = wire.ProfileImage{}
	u.UserInfo = wire.UserInfo{ID: a.infoID, UserID: a.id, Extra: unrevised()}
	u.ForceUpdated = s.start
	return u
}

// wireRoom is a room whose owner is an id.
func (r *room) wireRoom() wire.Room {
	w := wire.Room{
		ID:              r.id,
		Slug:            r.slug,
		RealTimeChannel: r.realTimeChannel(),
		Status:          1,
		DisplayQueue:    true,
		Created:         r.created,
		Updated:         r.updated,
		Background:      r.site.backgrounds[r],
		OwnerID:         r.owner.id,
		Owner:           wire.User{ID: r.owner.id},
		Extra:           unrevised(),
	}
	r.wireSettings(&w)
	for _, m := range r.members {
		if m.active {
			w.ActiveUsers++
		}
	}
	if p := r.playing; p != nil {
		w.CurrentSong = wire.RoomCurrentSong{
			SongID: p.song.id, Provider: p.song.provider, MediaID: p.song.mediaID, Name: p.song.name,
		}
	}
	return w
}

// wireLeft is a room as it stands in user-leave: whole where roles are fixed, as a client of that time reads it, else its id.
func (r *room) wireLeft() wire.Room {
	if r.classic {
		return r.wireRoom()
	}
	return wire.Room{ID: r.id}
}

func (r *room) realTimeChannel() string { return "dubtrackfm-" + r.slug }

// notQueued is the order of a member who has no place in the rotation.
const notQueued = 99999

// wireMember is a member's record with ids for the account and the roles, as events have it.
func (r *room) wireMember(m *member) wire.RoomUser {
	w := wire.RoomUser{
		ID:           m.id,
		UserID:       m.account.id,
		RoomID:       r.id,
		User:         wire.User{ID: m.account.id},
		Updated:      m.updated,
		Active:       m.active,
		Authorized:   true,
		Dubs:         m.dubs,
		PlayedCount:  m.played,
		SkippedCount: m.skipped,
		SongsInQueue: int64(len(m.queue)),
		Order:        notQueued,
		QueuePaused:  m.paused,
		Muted:        m.muted,
		KickCount:    m.kicks,
		KickedAt:     m.kickedAt,
	}
	if m.isBanned(r.now()) {
		w.Banned, w.BannedAt, w.BannedUntil = true, m.bannedAt, m.bannedUntil
	}
	for i, dj := range r.rotation {
		if dj == m {
			w.Order = int64(i + 1)
		}
	}
	if m.role != "" {
		w.Role = wire.Role{ID: fixedRoles[m.role].ID}
	}
	for _, c := range m.roles {
		w.Roles = append(w.Roles, wire.RoomRole{ID: c.id})
	}
	// A client that merges a record into the one it has takes a missing member for no change.
	w.Extra = map[string]json.RawMessage{"waitLine": zero, "ot_token": null, "__v": zero}
	zeros(w.Extra, map[string]int64{
		"dubs": w.Dubs, "playedCount": w.PlayedCount, "skippedCount": w.SkippedCount, "songsInQueue": w.SongsInQueue,
	})
	falses(w.Extra, map[string]bool{"active": w.Active})
	if !w.QueuePaused {
		w.Extra["queuePaused"] = null
	}
	return w
}

// wireMemberRoles is a member's record with the roles, as the answer to joining has it.
func (r *room) wireMemberRoles(m *member) wire.RoomUser {
	w := r.wireMember(m)
	if m.role != "" {
		w.Role = m.role.wireRole()
	}
	for i, c := range m.roles {
		w.Roles[i] = r.wireCustom(c)
	}
	return w
}

// wireMemberFull is a member's record with the account and the roles, as the list of members has it.
func (r *room) wireMemberFull(m *member) wire.RoomUser {
	w := r.wireMemberRoles(m)
	w.User = m.account.wireUser()
	return w
}

// wirePlay is an entry of a queue with ids for the account and the media.
func (r *room) wirePlay(p *play) wire.Play {
	w := wire.Play{
		ID:       p.id,
		Created:  p.created,
		PlayedAt: p.playedAt,
		Active:   !p.playedAt.IsZero(),
		Played:   p.over,
		Skipped:  p.skipped,
		Order:    999,
		Length:   p.song.length,
		RoomID:   r.id,
		UserID:   p.dj.account.id,
		SongID:   p.song.id,
		User:     wire.User{ID: p.dj.account.id},
		Song:     wire.Song{ID: p.song.id},
	}
	n := p.count()
	w.Updubs, w.Downdubs, w.Grabs = n.up, n.down, n.grabs
	w.Extra = unrevised()
	falses(w.Extra, map[string]bool{"isActive": w.Active, "isPlayed": w.Played, "skipped": w.Skipped})
	return w
}

// wirePlayFull is an entry of a queue with the account and the media, as the history has it.
func (r *room) wirePlayFull(p *play) wire.Play {
	w := r.wirePlay(p)
	w.User, w.Song = p.dj.account.wireUser(), p.song.wireSong()
	return w
}

// wireSong is a piece of media.
func (s *song) wireSong() wire.Song {
	return wire.Song{
		ID: s.id, Name: s.name, Provider: s.provider, MediaID: s.mediaID, Length: s.length, Created: s.created,
		Images: wire.SongImages{Thumbnail: "https://" + inMemoryHost + "/thumbnail/" + s.mediaID + ".jpg"},
		Extra:  unrevised(),
	}
}

// wireActive is what plays, which must be something.
func (r *room) wireActive(now time.Time) wire.ActiveSong {
	elapsed := now.Sub(r.playing.playedAt) / time.Second
	return wire.ActiveSong{
		Play: r.wirePlay(r.playing),
		Song: r.playing.song.wireSong(),
		// Not in Elapsed, of which the encoder leaves a zero out.
		Extra: map[string]json.RawMessage{"startTime": json.RawMessage(formatInt(int64(elapsed)))},
	}
}

// wireDubs are the votes on what plays, which must be something.
func (r *room) wireDubs() wire.Dubs {
	p := r.playing
	w := wire.Dubs{CurrentSong: r.wirePlay(p), UpDubs: []wire.DubVote{}, DownDubs: []wire.DubVote{}, Grabs: p.wireGrabs()}
	for _, v := range p.votes {
		d := wire.DubVote{ID: v.id, UserID: v.account.id, Created: v.created, Updated: v.updated, ForeignID: string(p.id)}
		if v.up {
			d.Type = wire.Updub
			w.UpDubs = append(w.UpDubs, d)
		} else {
			d.Type = wire.Downdub
			w.DownDubs = append(w.DownDubs, d)
		}
	}
	return w
}

// wireQueue is the first song of each DJ, in play order, with the account but without the media.
func (r *room) wireQueue() wire.Plays {
	plays := wire.Plays{}
	for i, dj := range r.rotation {
		w := r.wirePlay(dj.queue[0])
		w.Order = int64(i + 1)
		w.User = dj.account.wireUser()
		w.Song = wire.Song{}
		plays = append(plays, w)
	}
	return plays
}

// wireMessage is a chat line as it was broadcast.
func (r *room) wireMessage(m *message) *wire.ChatMessage {
	return &wire.ChatMessage{
		ID:              m.id,
		SentAt:          m.at,
		User:            r.wireEventUser(m.author),
		Member:          r.wireMember(r.member(m.author)),
		RealTimeChannel: r.realTimeChannel(),
		Extra:           map[string]json.RawMessage{"message": m.raw()},
	}
}

// raw is the line as JSON, with exactly the entities that the sender wrote.
func (m *message) raw() json.RawMessage {
	var e jx.Encoder
	e.Str(m.sent)
	return e.Bytes()
}
