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

const (
	// overdueAfter is how long after its end a song may stay the current one before QueUp is asked. Source: docs/PROTOCOL.md 7, rule 13.
	overdueAfter = 15 * time.Second
	// skipGrace is how long the next song may take after a skip.
	skipGrace = 5 * time.Second
	// recheckDelay is the pause after an answer in which QueUp does not know the current song. Source: docs/PROTOCOL.md 7, rule 14.
	recheckDelay = 30 * time.Second
	// endlessRecheck is the pause between two checks of a current song whose end is not known.
	endlessRecheck = time.Minute
)

// applyPlaylist starts a new play, or updates the current one. QueUp sends the same event when the queue behind the current song changes.
// Only a song change has a play that is not the current one. A play that has ended already is ignored. Source: docs/PROTOCOL.md 7, rules
// 12 and 15.
func (t *tracker) applyPlaylist(e *wire.RoomPlaylistUpdate, meta Meta) {
	song := t.room.newPlay(e.Play, e.Song, e.Elapsed)
	if song.ID == "" { // an update without a play changes nothing
		t.client.events.emit(PlaylistUpdated{Meta: meta, Song: song})
		return
	}
	updated, current := t.room.updateCurrent(song.ID, func(p *play) {
		if !song.hasMedia() && p.song.info != nil {
			song.info = p.song.info
		}
		song.PlayedAt = p.song.PlayedAt
		p.song = song
	})
	switch {
	case current:
		t.client.events.emit(PlaylistUpdated{Meta: meta, Song: updated})
	case t.plays.Contains(song.ID) && !t.resumes(song, e):
	default:
		t.startPlayWhenComplete(song, e.Elapsed, meta)
	}
}

// resumes reports whether a play that was thought to have ended is still playing: no song is current, and QueUp says that this one is.
func (t *tracker) resumes(song Song, e *wire.RoomPlaylistUpdate) bool {
	_, playing := t.room.NowPlaying()
	return !playing && !t.stale && !song.overAfter(e.Elapsed)
}

// startPlayWhenComplete is startPlay for a song whose media or user may be missing. It looks them up and holds the room's messages
// meanwhile, but not for longer than maxHold. After that the song starts as it is, and what is found later is emitted as
// PlaylistUpdated.
func (t *tracker) startPlayWhenComplete(song Song, elapsed time.Duration, meta Meta) {
	if song.complete() {
		t.startPlay(song, elapsed, meta)
		t.readVotesAndQueue()
		return
	}
	since := time.Now()
	hold := t.hold()
	emitted := false
	start := func(song Song) {
		emitted = true
		t.stopTimer(forSong)
		t.startPlay(song, saturate.Add(max(elapsed, 0), time.Since(since)), meta)
		t.readVotesAndQueue()
		t.release(hold, holdNone)
	}
	t.startTimer(forSong, maxHold, func() { start(song) })
	t.ask(answerTimeout, func(ctx context.Context) func() {
		found := t.room.lookUpMissing(ctx, song)
		return func() {
			if !emitted {
				start(found)
				return
			}
			t.emitCompleted(found, meta)
		}
	})
}

// startPlay makes a song the current one and emits SongChanged, after PlaylistUpdated if an event has brought the song.
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
	t.client.events.emit(SongChanged{Meta: withID(meta, "SongChanged", song.ID), Song: song, Info: info, User: user, Previous: previous, Playing: true})
}

// endPlay ends the current song without another one and emits SongChanged.
func (t *tracker) endPlay(meta Meta) {
	previous := t.endedSong()
	t.room.mu.Lock()
	t.room.current = nil
	t.room.mu.Unlock()
	t.stopTimer(forCheck)
	t.client.events.emit(SongChanged{Meta: meta, Previous: previous})
}

// endedSong returns the current song marked as played, zero if no song is playing.
func (t *tracker) endedSong() Song {
	song, playing := t.room.NowPlaying()
	song.Active, song.Played = false, playing
	return song
}

// setFormer stores the current song as the former one. until is when the next one began, by our clock.
func (t *tracker) setFormer(until time.Time) {
	t.room.mu.RLock()
	defer t.room.mu.RUnlock()
	if t.former = (formerPlay{}); t.room.current != nil {
		t.former = formerPlay{song: t.room.current.song, skipped: t.room.current.skipped, until: rest.Wall(until)}
	}
}

// setCurrent makes a song the current one, removes it from the queue and schedules the check at its end.
func (t *tracker) setCurrent(song Song, elapsed time.Duration) {
	t.plays.Add(song.ID, struct{}{})
	t.ignorePlaysBefore(song.PlayedAt)
	t.room.mu.Lock()
	t.room.current = &play{song: song, began: rest.WallNow().Add(-max(elapsed, 0))}
	t.room.queue = slices.DeleteFunc(slices.Clone(t.room.queue), func(s Song) bool { return s.ID == song.ID })
	t.room.mu.Unlock()
	t.checkAtEnd()
}

// ignorePlaysBefore makes plays that began before a time, by QueUp's clock, count as not new. It ignores a time in the future, which is a
// mistake of QueUp's and would hide all plays until then.
func (t *tracker) ignorePlaysBefore(at time.Time) {
	if at.After(t.ignoreBefore) && !t.client.clock.Future(at) {
		t.ignoreBefore = at
	}
}

// completeLater looks up what is missing of a song that is current already, and emits it when it is found.
func (t *tracker) completeLater(song Song, meta Meta) {
	if song.complete() {
		return
	}
	t.ask(answerTimeout, func(ctx context.Context) func() {
		found := t.room.lookUpMissing(ctx, song)
		return func() { t.emitCompleted(found, meta) }
	})
}

// emitCompleted adds what a lookup has found to a song and emits PlaylistUpdated, if the song is still the current one.
func (t *tracker) emitCompleted(found Song, meta Meta) {
	ends := false // its length was not known before
	updated, current := t.room.updateCurrent(found.ID, func(p *play) {
		endless := p.song.endless()
		p.song.info = found.info
		p.song.takeLength()
		ends = endless && !p.song.endless()
	})
	if ends {
		t.checkAtEnd()
	}
	if current && found.complete() {
		t.client.events.emit(PlaylistUpdated{Meta: meta, Song: updated})
	}
}

// readVotesAndQueue reads the votes of a new song and the queue behind it, which the song's event does not contain. Source:
// docs/PROTOCOL.md 7, rules 16 and 19.
func (t *tracker) readVotesAndQueue() {
	t.readVotes()
	t.readQueueSoon()
}

// readVotes reads the votes of the current song. Votes that events brought meanwhile are newer and stay.
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

// applyDub applies a vote. The totals are the event's, and change only if it is about the current play. A vote that is neither for nor
// against the song is emitted as Unknown. Source: docs/PROTOCOL.md 1.8, 7 rule 17.
func (t *tracker) applyDub(e *wire.RoomPlaylistDub, meta Meta) {
	voter, twice := userID(e.User), false
	if isVote(e.Type) {
		t.seenActor(e.User, meta)
	}
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

// applyGrab applies a grab. If QueUp does not send the total, each user counts once.
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

// applySkip emits SongSkipped. If no song follows within skipGrace, QueUp is asked for the current one.
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
	t.client.events.emit(SongSkipped{Meta: withID(meta, "SongSkipped", song.ID), Song: song, By: by})
}

// lateSkip is how long after the next song has begun a skip of the former one may arrive. Source: docs/PROTOCOL.md 7, rule 35.
const lateSkip = 2 * time.Second

// markSkipped marks the play that a skip was about and returns it. That is the play before the current one, if it has just ended and was
// not skipped yet, and else the current one. Source: docs/PROTOCOL.md 7, rule 35.
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

// checkAtEnd schedules checkPlay for the time when the current song should have ended. An endless song is checked every endlessRecheck.
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

// recheckLater schedules checkPlay after an answer that did not say which song is current. Source: docs/PROTOCOL.md 7, rule 14.
func (t *tracker) recheckLater() { t.startTimer(forCheck, recheckDelay, t.checkPlay) }

// checkPlay asks QueUp for the current song and applies a change that no event has brought. Source: docs/PROTOCOL.md 7, rules 13 and 14.
func (t *tracker) checkPlay() {
	suspect, _ := t.room.NowPlaying()
	t.ask(answerTimeout, func(ctx context.Context) func() {
		answer, err := t.client.loads.ActiveSong(ctx, queupapi.ActiveSongParams{RoomID: t.room.id})
		return func() {
			current, playing := t.room.NowPlaying()
			if current.ID != suspect.ID || t.timerRuns(forSong) { // an event was faster
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
			case active.Play.ID != current.ID:
				t.startPlayWhenComplete(t.room.newPlay(active.Play, active.Song, active.Elapsed), active.Elapsed, t.newMeta())
			case current.overAfter(active.Elapsed):
				t.endPlay(t.newMeta())
			case current.endless():
				t.learnLength(current, active)
			default:
				t.startTimer(forCheck, saturate.Add(current.Length-max(active.Elapsed, 0), overdueAfter), t.checkPlay)
			}
		}
	})
}

// learnLength stores and emits the length of the current song, if it was not known and the answer has it. Then it schedules the next check.
func (t *tracker) learnLength(current Song, active wire.ActiveSong) {
	if song := t.room.newPlay(active.Play, active.Song, active.Elapsed); current.Length <= 0 && song.Length > 0 {
		updated, _ := t.room.updateCurrent(song.ID, func(p *play) { p.song.Length = song.Length })
		t.client.events.emit(PlaylistUpdated{Meta: t.newMeta(), Song: updated})
	}
	t.checkAtEnd()
}
