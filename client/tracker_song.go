package client

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/queup-go/queup/client/internal/rest"
	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/saturate"
)

// applyPlaylist tells a song change from the news that the queue behind the song has changed: only the former has a
// play that is not the current one. A play that is over is old news. Source: docs/PROTOCOL.md 7, rules 12 and 15.
func (r *Room) applyPlaylist(e *wire.RoomPlaylistUpdate, meta Meta) {
	song := r.newPlay(e.Play, e.Song, e.Elapsed)
	if song.ID == "" { // an update that names no play tells nothing
		r.client.events.emit(PlaylistUpdated{Meta: meta, Song: song})
		return
	}
	now, current := r.amend(song.ID, func(p *play) {
		if !song.hasMedia() && p.song.info != nil {
			song.info = p.song.info
		}
		song.PlayedAt = p.song.PlayedAt
		p.song = song
	})
	switch {
	case current:
		r.client.events.emit(PlaylistUpdated{Meta: meta, Song: now})
	case r.live.plays.Contains(song.ID) && !r.resumes(song, e):
	default:
		r.changeWhole(song, e.Elapsed, meta)
	}
}

// resumes reports whether a play that was taken to be over is not: the room is silent, and QueUp says that it plays.
func (r *Room) resumes(song Song, e *wire.RoomPlaylistUpdate) bool {
	_, playing := r.NowPlaying()
	return !playing && !r.live.replay && !song.overAfter(e.Elapsed)
}

// applyDub takes the totals from the event, and only if it is about the current play. A vote that is neither for nor against
// the song is not told as one. Source: docs/PROTOCOL.md 1.8, 7 rule 17.
func (r *Room) applyDub(e *wire.RoomPlaylistDub, meta Meta) {
	voter, twice := userID(e.User), false
	song, current := r.amend(e.Play.ID, func(p *play) {
		twice = r.live.replay && voter != "" && p.votes[voter] == e.Type
		p.heard++
		p.voted(voter, e.Type)
		p.song.Updubs, p.song.Downdubs = e.Play.Updubs, e.Play.Downdubs
		p.song.Grabs = max(p.song.Grabs, e.Play.Grabs)
	})
	if twice {
		return
	}
	if !isVote(e.Type) {
		r.client.events.emit(Unknown{meta})
		return
	}
	if !current {
		song = newSong(r.client, e.Play)
	}
	r.client.events.emit(Dub{Meta: meta, Song: song, User: r.by(e.User), Up: e.Type == wire.Updub})
}

// applyGrab counts one grab for each user, if QueUp does not say how many there are.
func (r *Room) applyGrab(e *wire.RoomPlaylistQueueUpdateGrabs, meta Meta) {
	grabber, twice := userID(e.User), false
	song, current := r.amend(e.Play.ID, func(p *play) {
		_, known := p.grabs[grabber]
		twice = known && r.live.replay
		p.heard++
		p.grabbed(grabber)
		p.song.Grabs = max(p.song.Grabs, e.Play.Grabs, int64(len(p.grabs)))
	})
	if twice {
		return
	}
	if !current {
		song = newSong(r.client, e.Play)
	}
	r.client.events.emit(Grab{Meta: meta, Song: song, User: r.by(e.User)})
}

// applySkip tells of a skip. When nothing follows it, QueUp is asked what plays.
func (r *Room) applySkip(e *wire.ChatSkip, meta Meta) {
	song := r.skipped(meta)
	if _, playing := r.NowPlaying(); playing {
		r.alarm(dueCheck, skipGrace, r.checkPlay)
	}
	by := User{Username: e.Username, client: r.client}
	if member, ok := r.MemberNamed(e.Username); ok {
		if user, ok := member.User(); ok {
			by = user
		}
	}
	r.client.events.emit(SongSkipped{Meta: meta, Song: song, By: by})
}

// skipped notes which play a skip was about, and returns it: the current one, or the one before, if that has just ended and no
// other skip has been about it. Source: docs/PROTOCOL.md 7, rule 35.
func (r *Room) skipped(meta Meta) Song {
	former := &r.live.former
	if former.song.ID != "" && !former.skipped && rest.Wall(meta.At).Sub(former.until) < lateSkip {
		former.skipped = true
		song := former.song
		song.Active, song.Played, song.Skipped = false, true, true
		return song
	}
	song, playing := r.NowPlaying()
	if playing {
		song, _ = r.amend(song.ID, func(p *play) { p.song.Skipped, p.skipped = true, true })
	}
	return song
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

// toldUntil notes that no play is news that began before a time by QueUp's clock. One that is still to come is a mistake of
// QueUp's, and would hide all the plays until then.
func (r *Room) toldUntil(at time.Time) {
	if at.After(r.live.told) && !r.client.clock.Future(at) {
		r.live.told = at
	}
}
