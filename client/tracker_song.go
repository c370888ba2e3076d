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

// formerPlay is the play before the current one.
type formerPlay struct {
	song    Song
	skipped bool      // an event has said so
	until   time.Time // when the next one began, by our clock
}

const (
	// overdueAfter is how long after its end a song may still be the current one. Source: docs/PROTOCOL.md 7, rule 13.
	overdueAfter = 15 * time.Second
	// skipGrace is how long the next song may take after a skip.
	skipGrace = 5 * time.Second
	// recheckDelay is the pause when QueUp does not know what plays. Source: docs/PROTOCOL.md 7, rule 14.
	recheckDelay = 30 * time.Second
	// endlessRecheck is the pause between two looks at whether a song still plays of which nothing says when it ends.
	endlessRecheck = time.Minute
)

// applyPlaylist tells a song change from the news that the queue behind the song has changed: only the former has a
// play that is not the current one. A play that is over is old news. Source: docs/PROTOCOL.md 7, rules 12 and 15.
func (t *tracker) applyPlaylist(e *wire.RoomPlaylistUpdate, meta Meta) {
	song := t.room.newPlay(e.Play, e.Song, e.Elapsed)
	if song.ID == "" { // an update that names no play tells nothing
		t.client.events.emit(PlaylistUpdated{Meta: meta, Song: song})
		return
	}
	now, current := t.room.updateCurrent(song.ID, func(p *play) {
		if !song.hasMedia() && p.song.info != nil {
			song.info = p.song.info
		}
		song.PlayedAt = p.song.PlayedAt
		p.song = song
	})
	switch {
	case current:
		t.client.events.emit(PlaylistUpdated{Meta: meta, Song: now})
	case t.plays.Contains(song.ID) && !t.resumes(song, e):
	default:
		t.startPlayWhenComplete(song, e.Elapsed, meta)
	}
}

// resumes reports whether a play that was taken to be over is not: the room is silent, and QueUp says that it plays.
func (t *tracker) resumes(song Song, e *wire.RoomPlaylistUpdate) bool {
	_, playing := t.room.NowPlaying()
	return !playing && !t.stale && !song.overAfter(e.Elapsed)
}

// startPlayWhenComplete is change for a song of which something may be missing. The room's events wait while it is looked up,
// but not for long: then the song goes out as it is, and what is found later follows as PlaylistUpdated.
func (t *tracker) startPlayWhenComplete(song Song, elapsed time.Duration, meta Meta) {
	if song.complete() {
		t.startPlay(song, elapsed, meta)
		t.readVotesAndQueue()
		return
	}
	since := time.Now()
	hold := t.hold()
	told := false
	tell := func(song Song) {
		told = true
		t.stopTimer(forSong)
		t.startPlay(song, saturate.Add(max(elapsed, 0), time.Since(since)), meta)
		t.readVotesAndQueue()
		t.release(hold, holdNone)
	}
	t.startTimer(forSong, maxHold, func() { tell(song) })
	t.ask(answerTimeout, func(ctx context.Context) func() {
		found := t.room.lookUpMissing(ctx, song)
		return func() {
			if !told {
				tell(found)
				return
			}
			t.emitCompleted(found, meta)
		}
	})
}

// startPlay makes a song what plays and tells of it.
func (t *tracker) startPlay(song Song, elapsed time.Duration, meta Meta) {
	previous := t.endedSong()
	began := meta.At
	if meta.Resynced {
		began = rest.WallNow().Add(-max(elapsed, 0))
	}
	t.setFormer(began)
	t.setCurrent(song, elapsed)
	info, _ := song.Info()
	if info.ID == "" {
		info.ID = song.SongID
	}
	user := t.client.userOrID(song.UserID)
	if !meta.Resynced {
		t.client.events.emit(PlaylistUpdated{Meta: meta, Song: song})
	}
	t.client.events.emit(SongChanged{Meta: meta, Song: song, Info: info, User: user, Previous: previous, Playing: true})
}

// endPlay notes that nothing plays any more and tells of it.
func (t *tracker) endPlay(meta Meta) {
	previous := t.endedSong()
	t.room.mu.Lock()
	t.room.current = nil
	t.room.mu.Unlock()
	t.stopTimer(forCheck)
	t.client.events.emit(SongChanged{Meta: meta, Previous: previous})
}

// endedSong returns what plays as what has played, zero if nothing does.
func (t *tracker) endedSong() Song {
	song, playing := t.room.NowPlaying()
	song.Active, song.Played = false, playing
	return song
}

// setFormer notes the current song as the one before a song that began at a time by our clock.
func (t *tracker) setFormer(until time.Time) {
	t.room.mu.RLock()
	defer t.room.mu.RUnlock()
	if t.former = (formerPlay{}); t.room.current != nil {
		t.former = formerPlay{song: t.room.current.song, skipped: t.room.current.skipped, until: rest.Wall(until)}
	}
}

// setCurrent makes a song what plays. It runs on the connection's goroutine, as everything below.
func (t *tracker) setCurrent(song Song, elapsed time.Duration) {
	t.plays.Add(song.ID, struct{}{})
	t.ignorePlaysBefore(song.PlayedAt)
	t.room.mu.Lock()
	t.room.current = &play{song: song, began: rest.WallNow().Add(-max(elapsed, 0))}
	t.room.queue = slices.DeleteFunc(slices.Clone(t.room.queue), func(s Song) bool { return s.ID == song.ID })
	t.room.mu.Unlock()
	t.checkAtEnd()
}

// ignorePlaysBefore notes that no play is news that began before a time by QueUp's clock. One that is still to come is a mistake of
// QueUp's, and would hide all the plays until then.
func (t *tracker) ignorePlaysBefore(at time.Time) {
	if at.After(t.ignoreBefore) && !t.client.clock.Future(at) {
		t.ignoreBefore = at
	}
}

// completeLater is for a song that is told already: what is missing of it is looked up and told when it is there.
func (t *tracker) completeLater(song Song, meta Meta) {
	if song.complete() {
		return
	}
	t.ask(answerTimeout, func(ctx context.Context) func() {
		found := t.room.lookUpMissing(ctx, song)
		return func() { t.emitCompleted(found, meta) }
	})
}

// emitCompleted tells what was missing of a song, if that still plays.
func (t *tracker) emitCompleted(found Song, meta Meta) {
	ends := false
	now, current := t.room.updateCurrent(found.ID, func(p *play) {
		endless := p.song.endless()
		p.song.info = found.info
		p.song.takeLength()
		ends = endless && !p.song.endless()
	})
	if ends {
		t.checkAtEnd()
	}
	if current && found.complete() {
		t.client.events.emit(PlaylistUpdated{Meta: meta, Song: now})
	}
}

// readVotesAndQueue reads what an event of a new song does not tell: who voted, and the queue behind it. Source:
// docs/PROTOCOL.md 7, rules 16 and 19.
func (t *tracker) readVotesAndQueue() {
	t.readVotes()
	t.readQueueSoon()
}

// readVotes reads who voted for the current song. What events told meanwhile is newer and stays.
func (t *tracker) readVotes() {
	song, playing := t.room.NowPlaying()
	if !playing {
		return
	}
	t.askOnce(forVotes, answerTimeout, func(ctx context.Context) func() {
		answer, err := t.client.loads.ActiveDubs(ctx, queupapi.ActiveDubsParams{RoomID: t.room.id})
		if err != nil {
			t.client.log.DebugContext(ctx, "votes not read", t.room.logged(), slog.Any("error", err))
			return func() { t.retryLater(forVotes, err, t.readVotes) }
		}
		return func() { t.room.updateCurrent(song.ID, func(p *play) { p.count(answer.Data) }) }
	})
}

// applyDub takes the totals from the event, and only if it is about the current play. A vote that is neither for nor against
// the song is not told as one. Source: docs/PROTOCOL.md 1.8, 7 rule 17.
func (t *tracker) applyDub(e *wire.RoomPlaylistDub, meta Meta) {
	voter, twice := userID(e.User), false
	song, current := t.room.updateCurrent(e.Play.ID, func(p *play) {
		twice = t.stale && voter != "" && p.votes[voter] == e.Type
		p.eventVotes++
		p.voted(voter, e.Type)
		p.song.Updubs, p.song.Downdubs = e.Play.Updubs, e.Play.Downdubs
		p.song.Grabs = max(p.song.Grabs, e.Play.Grabs)
	})
	if twice {
		return
	}
	if !isVote(e.Type) {
		t.client.events.emit(Unknown{meta})
		return
	}
	if !current {
		song = newSong(t.client, e.Play)
	}
	t.client.events.emit(Dub{Meta: meta, Song: song, User: t.actor(e.User), Up: e.Type == wire.Updub})
}

// applyGrab counts one grab for each user, if QueUp does not say how many there are.
func (t *tracker) applyGrab(e *wire.RoomPlaylistQueueUpdateGrabs, meta Meta) {
	grabber, twice := userID(e.User), false
	song, current := t.room.updateCurrent(e.Play.ID, func(p *play) {
		_, known := p.grabs[grabber]
		twice = known && t.stale
		p.eventVotes++
		p.grabbed(grabber)
		p.song.Grabs = max(p.song.Grabs, e.Play.Grabs, int64(len(p.grabs)))
	})
	if twice {
		return
	}
	if !current {
		song = newSong(t.client, e.Play)
	}
	t.client.events.emit(Grab{Meta: meta, Song: song, User: t.actor(e.User)})
}

// applySkip tells of a skip. When nothing follows it, QueUp is asked what plays.
func (t *tracker) applySkip(e *wire.ChatSkip, meta Meta) {
	song := t.markSkipped(meta)
	if _, playing := t.room.NowPlaying(); playing {
		t.startTimer(forCheck, skipGrace, t.checkPlay)
	}
	by := User{Username: e.Username, client: t.client}
	if member, ok := t.room.MemberNamed(e.Username); ok {
		if user, ok := member.User(); ok {
			by = user
		}
	}
	t.client.events.emit(SongSkipped{Meta: meta, Song: song, By: by})
}

// lateSkip is how long after the song that follows it a skip may arrive. Source: docs/PROTOCOL.md 7, rule 35.
const lateSkip = 2 * time.Second

// markSkipped notes which play a skip was about, and returns it: the current one, or the one before, if that has just ended and no
// other skip has been about it. Source: docs/PROTOCOL.md 7, rule 35.
func (t *tracker) markSkipped(meta Meta) Song {
	former := &t.former
	if former.song.ID != "" && !former.skipped && rest.Wall(meta.At).Sub(former.until) < lateSkip {
		former.skipped = true
		song := former.song
		song.Active, song.Played, song.Skipped = false, true, true
		return song
	}
	song, playing := t.room.NowPlaying()
	if playing {
		song, _ = t.room.updateCurrent(song.ID, func(p *play) { p.song.Skipped, p.skipped = true, true })
	}
	return song
}

// checkAtEnd has QueUp asked whether the current song still plays, when it should be over. Nothing says when an endless one is
// over: QueUp is asked again and again.
func (t *tracker) checkAtEnd() {
	if _, playing := t.room.NowPlaying(); !playing {
		return
	}
	pause := endlessRecheck
	if left, ends := t.room.Remaining(); ends {
		pause = saturate.Add(left, overdueAfter)
	}
	t.startTimer(forCheck, pause, t.checkPlay)
}

// recheckLater asks later, because QueUp has not said what plays. Source: docs/PROTOCOL.md 7, rule 14.
func (t *tracker) recheckLater() { t.startTimer(forCheck, recheckDelay, t.checkPlay) }

// checkPlay asks QueUp what plays, when the current song should be over. Source: docs/PROTOCOL.md 7, rules 13 and 14.
func (t *tracker) checkPlay() {
	suspect, _ := t.room.NowPlaying()
	t.ask(answerTimeout, func(ctx context.Context) func() {
		answer, err := t.client.loads.ActiveSong(ctx, queupapi.ActiveSongParams{RoomID: t.room.id})
		return func() {
			now, playing := t.room.NowPlaying()
			if now.ID != suspect.ID || t.timerRuns(forSong) { // an event was faster
				return
			}
			var active wire.ActiveSong
			if err == nil {
				active = answer.Data
			}
			switch {
			case errors.Is(err, ErrNotFound) && !playing:
			case errors.Is(err, ErrNotFound):
				t.endPlay(t.newMeta())
			case active.Play.ID == "": // or an error
				t.client.log.DebugContext(t.client.workers.Context(), "current song not known", t.room.logged(), slog.Any("error", err))
				t.recheckLater()
			case active.Play.ID != now.ID:
				t.startPlayWhenComplete(t.room.newPlay(active.Play, active.Song, active.Elapsed), active.Elapsed, t.newMeta())
			case now.overAfter(active.Elapsed):
				t.endPlay(t.newMeta())
			case now.endless():
				t.learnLength(now, active)
			default:
				t.startTimer(forCheck, saturate.Add(now.Length-max(active.Elapsed, 0), overdueAfter), t.checkPlay)
			}
		}
	})
}

// learnLength takes over what an answer says about the length of the current song, which was not known.
func (t *tracker) learnLength(now Song, active wire.ActiveSong) {
	if song := t.room.newPlay(active.Play, active.Song, active.Elapsed); now.Length <= 0 && song.Length > 0 {
		now, _ = t.room.updateCurrent(song.ID, func(p *play) { p.song.Length = song.Length })
		t.client.events.emit(PlaylistUpdated{Meta: t.newMeta(), Song: now})
	}
	t.checkAtEnd()
}
