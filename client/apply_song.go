package client

import (
	"github.com/queup-go/queup/client/internal/rest"
	"github.com/queup-go/queup/gen/wire"
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
