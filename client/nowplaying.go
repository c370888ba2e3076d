package client

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/queup-go/queup/client/internal/rest"
	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/saturate"
)

// play is what plays in a room. It is guarded by the room's mu.
type play struct {
	song    Song
	began   time.Time // by our clock, without a monotonic reading: a computer that is suspended does not stop the song
	votes   map[UserID]wire.DubType
	grabs   map[UserID]struct{}
	heard   int  // how many votes and grabs came in events
	skipped bool // an event has said that it was skipped
}

// NowPlaying returns what plays, and false if nothing does.
func (r *Room) NowPlaying() (Song, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.now == nil {
		return Song{}, false
	}
	return r.now.song, true
}

// Elapsed returns how long the current song has been playing, and false if nothing plays. It is never negative, and never
// more than the song's length, if that is known.
func (r *Room) Elapsed() (time.Duration, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.now == nil {
		return 0, false
	}
	elapsed := max(time.Since(r.now.began), 0)
	if r.now.song.overAfter(elapsed) {
		elapsed = r.now.song.Length
	}
	return elapsed, true
}

// Remaining returns how long the current song still plays. It is false if nothing plays, or if nothing says when the song
// ends: a live stream, or a song without a length.
func (r *Room) Remaining() (time.Duration, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.now == nil || r.now.song.endless() {
		return 0, false
	}
	return r.now.remaining(), true
}

func (p *play) remaining() time.Duration { return max(time.Until(p.began.Add(p.song.Length)), 0) }

// Votes returns who voted for and against the current song, as far as is known, in no particular order. Source:
// docs/PROTOCOL.md 7, rules 16 and 17.
func (r *Room) Votes() (up, down []UserID) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.now == nil {
		return nil, nil
	}
	for id, vote := range r.now.votes {
		switch vote {
		case wire.Updub:
			up = append(up, id)
		case wire.Downdub:
			down = append(down, id)
		}
	}
	return up, down
}

// Grabbers returns who added the current song to a playlist, as far as is known, in no particular order: QueUp does not
// always say who did before the room was joined.
func (r *Room) Grabbers() []UserID {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.now == nil {
		return nil
	}
	return slices.Collect(maps.Keys(r.now.grabs))
}

// amend changes what plays, if it is still the play with that id, and returns its song. Events and calls may do so at
// the same time.
func (r *Room) amend(id PlayID, change func(*play)) (Song, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now == nil || r.now.song.ID != id {
		return Song{}, false
	}
	change(r.now)
	return r.now.song, true
}

// maxVoters bounds how many votes and how many grabs of a song are known by who gave them. All are counted.
const maxVoters = 10_000

// isVote reports whether a vote is for or against a song. QueUp may have others some day.
func isVote(vote wire.DubType) bool { return vote == wire.Updub || vote == wire.Downdub }

// voters returns who has given a vote of a list of QueUp's. Rows that say they are something else are left out.
func voters(list []wire.DubVote) []UserID {
	var users []UserID
	for _, v := range list {
		if v.Type == "" || isVote(v.Type) {
			users = append(users, v.UserID)
		}
	}
	return users
}

// voted notes a vote; one of the other kind is replaced. Source: docs/PROTOCOL.md 7, rule 17.
func (p *play) voted(u UserID, vote wire.DubType) {
	if _, again := p.votes[u]; u == "" || !isVote(vote) || !again && len(p.votes) >= maxVoters {
		return
	}
	if p.votes == nil {
		p.votes = make(map[UserID]wire.DubType)
	}
	p.votes[u] = vote
}

func (p *play) grabbed(u UserID) {
	if u == "" || len(p.grabs) >= maxVoters {
		return
	}
	if p.grabs == nil {
		p.grabs = make(map[UserID]struct{})
	}
	p.grabs[u] = struct{}{}
}

// ownVote is the vote that the client has given for a play, empty for none.
func (r *Room) ownVote(id PlayID) wire.DubType {
	me := r.client.myID()
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.now == nil || r.now.song.ID != id {
		return ""
	}
	return r.now.votes[me]
}

const (
	// staleAfter is how long after its end a song may still be the current one. Source: docs/PROTOCOL.md 7, rule 13.
	staleAfter = 15 * time.Second
	// skipGrace is how long the next song may take after a skip.
	skipGrace = 5 * time.Second
	// askAgain is the pause when QueUp does not know what plays. Source: docs/PROTOCOL.md 7, rule 14.
	askAgain = 30 * time.Second
	// endlessCheck is the pause between two looks at whether a song still plays of which nothing says when it ends.
	endlessCheck = time.Minute
)

// Purposes of alarms.
const (
	dueSong  = "song"  // the event of the song can wait no longer for its media
	dueCheck = "check" // see whether the current song still plays
)

// begin makes a song what plays. It runs on the connection's goroutine, as everything below.
func (r *Room) begin(song Song, elapsed time.Duration) {
	r.live.plays.Add(song.ID, struct{}{})
	r.toldUntil(song.PlayedAt)
	r.mu.Lock()
	r.now = &play{song: song, began: rest.WallNow().Add(-max(elapsed, 0))}
	r.queue = slices.DeleteFunc(slices.Clone(r.queue), func(s Song) bool { return s.ID == song.ID })
	r.mu.Unlock()
	r.checkAtEnd()
}

// checkAtEnd has QueUp asked whether the current song still plays, when it should be over. Nothing says when an endless one is
// over: QueUp is asked again and again.
func (r *Room) checkAtEnd() {
	if _, playing := r.NowPlaying(); !playing {
		return
	}
	pause := endlessCheck
	if left, ends := r.Remaining(); ends {
		pause = saturate.Add(left, staleAfter)
	}
	r.alarm(dueCheck, pause, r.checkPlay)
}

// formerPlay is the play before the current one.
type formerPlay struct {
	song    Song
	skipped bool      // an event has said so
	until   time.Time // when the next one began, by our clock
}

// lateSkip is how long after the song that follows it a skip may arrive. Source: docs/PROTOCOL.md 7, rule 35.
const lateSkip = 2 * time.Second

// becomesFormer notes the current song as the one before a song that began at a time by our clock.
func (r *Room) becomesFormer(until time.Time) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.live.former = (formerPlay{}); r.now != nil {
		r.live.former = formerPlay{song: r.now.song, skipped: r.now.skipped, until: rest.Wall(until)}
	}
}

// change makes a song what plays and tells of it.
func (r *Room) change(song Song, elapsed time.Duration, meta Meta) {
	previous := r.over()
	began := meta.At
	if meta.Resynced {
		began = rest.WallNow().Add(-max(elapsed, 0))
	}
	r.becomesFormer(began)
	r.begin(song, elapsed)
	info, _ := song.Info()
	if info.ID == "" {
		info.ID = song.SongID
	}
	user := r.client.userOrID(song.UserID)
	if !meta.Resynced {
		r.client.events.emit(PlaylistUpdated{Meta: meta, Song: song})
	}
	r.client.events.emit(SongChanged{Meta: meta, Song: song, Info: info, User: user, Previous: previous, Playing: true})
}

// fallSilent notes that nothing plays any more and tells of it.
func (r *Room) fallSilent(meta Meta) {
	previous := r.over()
	r.mu.Lock()
	r.now = nil
	r.mu.Unlock()
	r.quiet(dueCheck)
	r.client.events.emit(SongChanged{Meta: meta, Previous: previous})
}

// over returns what plays as what has played, zero if nothing does.
func (r *Room) over() Song {
	song, playing := r.NowPlaying()
	song.Active, song.Played = false, playing
	return song
}

// newPlay makes the value of a play that QueUp says is the current one.
func (r *Room) newPlay(w wire.Play, media wire.Song, elapsed time.Duration) Song {
	song := newSong(r.client, w)
	if w.User.Username != "" {
		r.client.seeUser(queuedBy(w), false)
	}
	if media.ID == "" {
		media = w.Song
	}
	if song.info = r.client.mediaOf(media); song.info != nil {
		song.SongID = song.info.ID
	}
	song.SongID = cmp.Or(song.SongID, media.ID)
	song.takeLength()
	song.RoomID, song.Active, song.Played = r.id, true, false
	if song.PlayedAt.IsZero() {
		song.PlayedAt = r.client.clock.Now().Add(-max(elapsed, 0))
	}
	return song
}

// complete looks up what is missing of a song, and returns the song with what was found.
func (r *Room) complete(ctx context.Context, song Song) Song {
	c := r.client
	if !song.hasMedia() {
		if info, err := c.FetchSong(ctx, song.SongID); err == nil {
			song.info = &info
			song.takeLength()
		}
	}
	if _, known := song.User(); !known && song.UserID != "" {
		_, _ = c.lookUp(ctx, song.UserID)
	}
	return song
}

// whole reports whether nothing is missing of a song that could be looked up.
func (s Song) whole() bool {
	_, hasUser := s.User()
	return s.hasMedia() && (hasUser || s.UserID == "")
}

// hasMedia reports whether nothing more can be known of a song's media. Source: docs/PROTOCOL.md 7, rule 15.
func (s Song) hasMedia() bool {
	info, _ := s.Info()
	return info.playable() || s.SongID == ""
}

// changeWhole is change for a song of which something may be missing. The room's events wait while it is looked up,
// but not for long: then the song goes out as it is, and what is found later follows as PlaylistUpdated.
func (r *Room) changeWhole(song Song, elapsed time.Duration, meta Meta) {
	if song.whole() {
		r.change(song, elapsed, meta)
		r.afterChange()
		return
	}
	since := time.Now()
	hold := r.hold()
	told := false
	tell := func(song Song) {
		told = true
		r.quiet(dueSong)
		r.change(song, saturate.Add(max(elapsed, 0), time.Since(since)), meta)
		r.afterChange()
		r.release(hold, none)
	}
	r.alarm(dueSong, maxHold, func() { tell(song) })
	r.ask(answerTimeout, func(ctx context.Context) func() {
		found := r.complete(ctx, song)
		return func() {
			if !told {
				tell(found)
				return
			}
			r.completed(found, meta)
		}
	})
}

// completeLater is for a song that is told already: what is missing of it is looked up and told when it is there.
func (r *Room) completeLater(song Song, meta Meta) {
	if song.whole() {
		return
	}
	r.ask(answerTimeout, func(ctx context.Context) func() {
		found := r.complete(ctx, song)
		return func() { r.completed(found, meta) }
	})
}

// completed tells what was missing of a song, if that still plays.
func (r *Room) completed(found Song, meta Meta) {
	ends := false
	now, current := r.amend(found.ID, func(p *play) {
		endless := p.song.endless()
		p.song.info = found.info
		p.song.takeLength()
		ends = endless && !p.song.endless()
	})
	if ends {
		r.checkAtEnd()
	}
	if current && found.whole() {
		r.client.events.emit(PlaylistUpdated{Meta: meta, Song: now})
	}
}

// checkAgain asks later, because QueUp has not said what plays. Source: docs/PROTOCOL.md 7, rule 14.
func (r *Room) checkAgain() { r.alarm(dueCheck, askAgain, r.checkPlay) }

// checkPlay asks QueUp what plays, when the current song should be over. Source: docs/PROTOCOL.md 7, rules 13 and 14.
func (r *Room) checkPlay() {
	suspect, _ := r.NowPlaying()
	r.ask(answerTimeout, func(ctx context.Context) func() {
		answer, err := r.client.loads.ActiveSong(ctx, queupapi.ActiveSongParams{RoomID: r.id})
		return func() {
			now, playing := r.NowPlaying()
			if now.ID != suspect.ID || r.pending(dueSong) { // an event was faster
				return
			}
			var active wire.ActiveSong
			if err == nil {
				active = answer.Data
			}
			switch {
			case errors.Is(err, ErrNotFound) && !playing:
			case errors.Is(err, ErrNotFound):
				r.fallSilent(r.meta())
			case active.Play.ID == "": // or an error
				r.client.log.DebugContext(r.client.workers.Context(), "current song not known", r.logged(), slog.Any("error", err))
				r.checkAgain()
			case active.Play.ID != now.ID:
				r.changeWhole(r.newPlay(active.Play, active.Song, active.Elapsed), active.Elapsed, r.meta())
			case now.overAfter(active.Elapsed):
				r.fallSilent(r.meta())
			case now.endless():
				r.learnLength(now, active)
			default:
				r.alarm(dueCheck, saturate.Add(now.Length-max(active.Elapsed, 0), staleAfter), r.checkPlay)
			}
		}
	})
}

// learnLength takes over what an answer says about the length of the current song, which was not known.
func (r *Room) learnLength(now Song, active wire.ActiveSong) {
	if song := r.newPlay(active.Play, active.Song, active.Elapsed); now.Length <= 0 && song.Length > 0 {
		now, _ = r.amend(song.ID, func(p *play) { p.song.Length = song.Length })
		r.client.events.emit(PlaylistUpdated{Meta: r.meta(), Song: now})
	}
	r.checkAtEnd()
}

// afterChange reads what an event of a new song does not tell: who voted, and the queue behind it. Source:
// docs/PROTOCOL.md 7, rules 16 and 19.
func (r *Room) afterChange() {
	r.readVotes()
	r.readQueueSoon()
}

// readVotes reads who voted for the current song. What events told meanwhile is newer and stays.
func (r *Room) readVotes() {
	song, playing := r.NowPlaying()
	if !playing {
		return
	}
	r.askInTurn(dueVotes, answerTimeout, func(ctx context.Context) func() {
		answer, err := r.client.loads.ActiveDubs(ctx, queupapi.ActiveDubsParams{RoomID: r.id})
		if err != nil {
			r.client.log.DebugContext(ctx, "votes not read", r.logged(), slog.Any("error", err))
			return func() { r.later(dueVotes, err, r.readVotes) }
		}
		return func() { r.amend(song.ID, func(p *play) { p.count(answer.Data) }) }
	})
}

// count takes over who voted, if the answer is about this play. Source: docs/PROTOCOL.md 7, rule 16.
func (p *play) count(w wire.Dubs) {
	if w.CurrentSong.ID != p.song.ID {
		return
	}
	heard := p.votes
	if p.heard == 0 {
		heard, p.votes = nil, nil
		p.song.Updubs, p.song.Downdubs = w.CurrentSong.Updubs, w.CurrentSong.Downdubs
		p.song.Grabs = max(p.song.Grabs, w.CurrentSong.Grabs, int64(len(filled(w.Grabs))))
	}
	take := func(list []wire.DubVote, vote wire.DubType) {
		for _, id := range voters(list) {
			if _, newer := heard[id]; !newer {
				p.voted(id, vote)
			}
		}
	}
	take(w.UpDubs, wire.Updub)
	take(w.DownDubs, wire.Downdub)
	for _, v := range w.Grabs {
		p.grabbed(v.UserID)
	}
}
