package queuptest

import (
	"slices"
	"time"

	"github.com/queup-go/queup/gen/wire"
)

// room is a room. The fields above members are immutable, the others are guarded by state.mu.
type room struct {
	*state
	id      wire.RoomID
	channel string
	slug    string
	created time.Time
	owner   *account

	settings
	updated  time.Time
	roles    []*customRole           // the highest first, the default role last; none in the classic world
	members  map[wire.UserID]*member // everybody who was ever here
	rotation []*member               // DJs with songs who are not paused, who plays next first
	playing  *play                   // nil: silence
	history  []*play                 // what is over, oldest first
	recent   wire.ChatHistory        // oldest first
	audit    []auditEntry            // oldest first
	tries    map[wire.UserID]tries   // wrong passwords
	messages []*message              // oldest first
	lastMs   map[wire.UserID]int64   // of each author's latest message
}

// member is what a room knows of an account.
type member struct {
	id      wire.MemberID
	account *account
	role    Role          // of the classic world; empty: none
	roles   []*customRole // of the custom world, the highest first, without the default role
	active  bool          // in the room
	missed  bool          // was in the room until the last connection was gone for too long
	limit   *time.Timer   // of the wait for another connection; nil: none
	paused  bool          // has songs but does not play them
	muted   bool
	updated time.Time

	banned      bool // until bannedUntil, see isBanned
	bannedAt    time.Time
	bannedUntil time.Time // zero: for good
	kicks       int64
	kickedAt    time.Time

	said       []time.Time // lines by REST, those that the quota counts and the last one
	quietUntil time.Time   // the quota is used up

	dubs, played, skipped int64
	queue                 []*play // without what plays now
}

// play is an entry of a queue.
type play struct {
	id       wire.PlayID
	dj       *member
	song     *song
	created  time.Time
	playedAt time.Time // zero before
	skipped  bool
	over     bool
	votes    []vote           // one for each user at most, oldest first
	grabs    []vote           // one for each user at most, oldest first
	requests map[*account]int // to vote on it
	final    score            // once it is over; votes and grabs are gone then
	timer    *time.Timer
}

// score is what has become of the votes.
type score struct{ up, down, grabs int64 }

type vote struct {
	id      string
	account *account
	up      bool
	created time.Time
	updated time.Time
}

// member returns the record of an account, which it makes if there is none. The caller holds s.mu.
func (r *room) member(a *account) *member {
	m := r.members[a.id]
	if m == nil {
		m = &member{id: wire.MemberID(r.state.id(idMember)), account: a, updated: r.created}
		r.members[a.id] = m
	}
	return m
}

// present returns the record of an account that is in the room; nil if it is not. The caller holds s.mu.
func (r *room) present(a *account) *member {
	if m := r.members[a.id]; m != nil && m.active {
		return m
	}
	return nil
}

// queue puts a song at the end of a member's queue. The caller holds s.mu.
func (r *room) queue(m *member, media *song, now time.Time) {
	m.queue = append(m.queue, r.newPlay(m, media, now))
	m.updated = now
	r.place(m)
}

// newPlay makes an entry of a queue. The caller holds s.mu.
func (r *room) newPlay(m *member, media *song, now time.Time) *play {
	return &play{id: wire.PlayID(r.state.id(idPlay)), dj: m, song: media, created: now}
}

// advance ends what plays, if anything does, and starts the next song, if there is one. Each DJ plays one song and goes to
// the end of the rotation, unless the room does not recycle them. The caller holds s.mu.
func (r *room) advance(now time.Time, skipped bool) {
	if r.closed {
		return
	}
	var touched []*member
	if p := r.playing; p != nil {
		if p.timer.Stop() {
			r.timers.Done()
		}
		p.final = p.count()
		p.over, p.skipped = true, skipped
		p.dj.played++
		if skipped {
			p.dj.skipped++
		}
		r.playing = nil
		r.past(p)
		touched = append(touched, p.dj)
	}
	if len(r.rotation) > 0 {
		dj := r.rotation[0]
		r.rotation = r.rotation[1:]
		r.start(dj.queue[0], now)
		dj.queue = dj.queue[1:]
		// What the service does with a DJ who is not recycled is an assumption: the DJ keeps the songs, and is paused.
		dj.paused = !r.recycle
		r.place(dj)
		r.emitPlay()
		if dj.paused {
			r.emit(&wire.UserPauseQueue{User: r.wireEventUser(dj.account), Member: r.wireMember(dj)})
		}
		if !slices.Contains(touched, dj) {
			touched = append(touched, dj)
		}
	}
	for _, m := range touched {
		m.updated = now
		r.emitMember(m)
	}
}

// start makes p what plays. The caller holds s.mu.
func (r *room) start(p *play, now time.Time) {
	p.playedAt = now
	r.playing = p
	r.timers.Add(1)
	p.timer = time.AfterFunc(p.song.length, func() {
		defer r.timers.Done()
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.playing == p {
			r.advance(r.now(), false)
		}
	})
}

// vote counts a vote on what plays. A second vote of the same kind changes nothing and is no event. The caller holds s.mu.
func (r *room) vote(a *account, up bool, now time.Time) {
	p := r.playing
	i := slices.IndexFunc(p.votes, func(v vote) bool { return v.account == a })
	switch {
	case i < 0:
		p.votes = append(p.votes, vote{id: r.state.id(idVote), account: a, up: up, created: now, updated: now})
	case p.votes[i].up == up:
		return
	default:
		p.votes[i].up, p.votes[i].updated = up, now
	}
	// The DJ's dubs count the votes for. One against takes none away, unless the same user voted for the song before.
	dubs := p.dj.dubs
	if up {
		p.dj.dubs++
	} else if i >= 0 {
		p.dj.dubs--
	}
	r.emitVote(a, up)
	if p.dj.dubs != dubs {
		p.dj.updated = now
		r.emitMember(p.dj)
	}
}

// count returns how many voted for and against it, and how many grabbed it.
func (p *play) count() score {
	if p.over {
		return p.final
	}
	n := score{grabs: int64(len(p.grabs))}
	for _, v := range p.votes {
		if v.up {
			n.up++
		} else {
			n.down++
		}
	}
	return n
}
