package client

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
)

// NowPlaying returns the current song, and false if nothing is playing.
func (r *Room) NowPlaying() (Song, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.current == nil {
		return Song{}, false
	}
	return r.current.song, true
}

// Elapsed returns how long the current song has been playing, and false if nothing is playing. It is never negative, and
// never more than the song's length, if that is known.
func (r *Room) Elapsed() (time.Duration, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.current == nil {
		return 0, false
	}
	elapsed := max(time.Since(r.current.began), 0)
	if r.current.song.overAfter(elapsed) {
		elapsed = r.current.song.Length
	}
	return elapsed, true
}

// Remaining returns how long the current song will still play. It is false if nothing is playing, and if the end of the
// song is not known. That is so for a live stream, and for a song without a length.
func (r *Room) Remaining() (time.Duration, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.current == nil || r.current.song.endless() {
		return 0, false
	}
	return r.current.remaining(), true
}

func (p *play) remaining() time.Duration { return max(time.Until(p.began.Add(p.song.Length)), 0) }

// Votes returns the known votes for and against the current song, in no particular order. Source: docs/PROTOCOL.md 7, rules
// 16 and 17.
func (r *Room) Votes() (up, down []UserID) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.current == nil {
		return nil, nil
	}
	for id, vote := range r.current.votes {
		switch vote {
		case wire.Updub:
			up = append(up, id)
		case wire.Downdub:
			down = append(down, id)
		}
	}
	return up, down
}

// Grabbers returns the users who added the current song to a playlist, as far as known, in no particular order. QueUp does
// not always send those from before the room was joined.
func (r *Room) Grabbers() []UserID {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.current == nil {
		return nil
	}
	return slices.Collect(maps.Keys(r.current.grabs))
}

// Skip ends the current song. It needs the permission queue.skip, unless the song is the client's own. It is
// [ErrNothingPlaying] when nothing is playing; other errors are those of [Song.Skip]. Source: docs/PROTOCOL.md 2.9.
func (r *Room) Skip(ctx context.Context) error {
	song, playing := r.NowPlaying()
	if !playing {
		return r.nothingPlaying()
	}
	return song.Skip(ctx)
}

// Updub votes for the current song. It is [ErrNothingPlaying] when nothing is playing; other errors are those of
// [Song.Updub].
func (r *Room) Updub(ctx context.Context) error {
	song, playing := r.NowPlaying()
	if !playing {
		return r.nothingPlaying()
	}
	return song.Updub(ctx)
}

// Downdub votes against the current song. It is [ErrNothingPlaying] when nothing is playing; other errors are those of
// [Song.Downdub].
func (r *Room) Downdub(ctx context.Context) error {
	song, playing := r.NowPlaying()
	if !playing {
		return r.nothingPlaying()
	}
	return song.Downdub(ctx)
}

// nothingPlaying returns the error of acting on the current song when nothing is playing.
func (r *Room) nothingPlaying() error {
	if err := r.act(); err != nil {
		return err
	}
	return ErrNothingPlaying
}

// Skip ends this play, and never its successor: it is [ErrNothingPlaying] if another song is playing by now. It needs the
// permission queue.skip, unless the song is the client's own. It is [ErrDetached] for a value that no client made, and
// [ErrNotJoined] if the client is not in the room. It is a [*PermissionError] before anything is sent, and an [*APIError]
// for a refusal by QueUp. Source: docs/PROTOCOL.md 2.9.
func (s Song) Skip(ctx context.Context) error {
	room, err := s.playingIn()
	if err != nil {
		return err
	}
	if !s.client.isMe(s.UserID) {
		if err := room.may("Song.Skip", PermQueueSkip); err != nil {
			return err
		}
	}
	_, err = s.client.rest.Skip(ctx, room.channelRequest(), queupapi.SkipParams{RoomID: room.id, PlayID: s.ID})
	return failed("skip", err)
}

// Updub votes for this play. It replaces an opposite vote. The same vote once more is an [*ArgumentError], because QueUp
// accepts at most ten votes a song. QueUp has been seen to answer 404 although it had counted the vote. In that case the
// votes are read, and it is not an error if this vote is among them. Other errors are those of Skip. Source:
// docs/PROTOCOL.md 1.3, 2.5, 7 rule 18.
func (s Song) Updub(ctx context.Context) error { return s.vote(ctx, "Song.Updub", wire.Updub) }

// Downdub votes against this play. Errors and source are those of Updub.
func (s Song) Downdub(ctx context.Context) error { return s.vote(ctx, "Song.Downdub", wire.Downdub) }

func (s Song) vote(ctx context.Context, op string, vote wire.DubType) error {
	room, err := s.playingIn()
	if err != nil {
		return err
	}
	if room.ownVote(s.ID) == vote {
		return &ArgumentError{Op: op, Argument: "s", Reason: "has this vote already"}
	}
	_, err = s.client.rest.Vote(ctx, &queupapi.VoteRequest{Type: vote}, queupapi.VoteParams{RoomID: room.id, PlayID: s.ID})
	if err = failed("vote", err); err != nil && !room.hasOwnVote(ctx, err, s.ID, vote) {
		return err
	}
	me := s.client.myID()
	room.updateCurrent(s.ID, func(p *play) { p.voted(me, vote) })
	return nil
}

// hasOwnVote reports whether QueUp has counted a vote of the client's although it answered 404. The vote is not repeated.
// Source: docs/PROTOCOL.md 1.3.
func (r *Room) hasOwnVote(ctx context.Context, err error, id PlayID, vote wire.DubType) bool {
	if !errors.Is(err, ErrNotFound) {
		return false
	}
	answer, err := r.client.loads.ActiveDubs(ctx, queupapi.ActiveDubsParams{RoomID: r.id})
	if err != nil || answer.Data.CurrentSong.ID != id {
		return false
	}
	list := answer.Data.DownDubs
	if vote == wire.Updub {
		list = answer.Data.UpDubs
	}
	return slices.Contains(voters(list), r.client.myID())
}

// playingIn returns the room that the song is playing in, and an error if it is not playing or the client cannot act on it.
func (s Song) playingIn() (*Room, error) {
	if s.client == nil {
		return nil, ErrDetached
	}
	room, ok := s.Room()
	if !ok {
		return nil, ErrNotJoined
	}
	if err := room.act(); err != nil {
		return nil, err
	}
	if now, playing := room.NowPlaying(); !playing || now.ID != s.ID {
		return nil, ErrNothingPlaying
	}
	return room, nil
}

// updateCurrent changes the current play if it still has that id, and returns its song. Events and calls may do so
// concurrently.
func (r *Room) updateCurrent(id PlayID, change func(*play)) (Song, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current == nil || r.current.song.ID != id {
		return Song{}, false
	}
	change(r.current)
	return r.current.song, true
}

// maxVoters bounds how many voters and how many grabbers of a song are remembered. All votes and grabs are counted.
const maxVoters = 10_000

// isVote reports whether a vote is for or against a song. QueUp may have others some day.
func isVote(vote wire.DubType) bool { return vote == wire.Updub || vote == wire.Downdub }

// voters returns the users of a list of votes from QueUp. Rows that state another type are left out.
func voters(list []wire.DubVote) []UserID {
	var users []UserID
	for _, v := range list {
		if v.Type == "" || isVote(v.Type) {
			users = append(users, v.UserID)
		}
	}
	return users
}

// voted records a vote, which replaces an opposite one. Source: docs/PROTOCOL.md 7, rule 17.
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

// count adopts the votes in an answer, if it is about this play. Source: docs/PROTOCOL.md 7, rule 16.
func (p *play) count(w wire.Dubs) {
	if w.CurrentSong.ID != p.song.ID {
		return
	}
	fromEvents := p.votes
	if p.eventVotes == 0 {
		fromEvents, p.votes = nil, nil
		p.song.Updubs, p.song.Downdubs = w.CurrentSong.Updubs, w.CurrentSong.Downdubs
		p.song.Grabs = max(p.song.Grabs, w.CurrentSong.Grabs, int64(len(filled(w.Grabs))))
	}
	adopt := func(list []wire.DubVote, vote wire.DubType) {
		for _, id := range voters(list) {
			if _, newer := fromEvents[id]; !newer {
				p.voted(id, vote)
			}
		}
	}
	adopt(w.UpDubs, wire.Updub)
	adopt(w.DownDubs, wire.Downdub)
	for _, v := range w.Grabs {
		p.grabbed(v.UserID)
	}
}

// ownVote returns the client's own vote for a play, empty for none.
func (r *Room) ownVote(id PlayID) wire.DubType {
	me := r.client.myID()
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.current == nil || r.current.song.ID != id {
		return ""
	}
	return r.current.votes[me]
}

// newPlay returns the song of a play that QueUp says is the current one.
func (r *Room) newPlay(w wire.Play, media wire.Song, elapsed time.Duration) Song {
	song := newSong(r.client, w)
	if w.User.Username != "" {
		r.client.learnUser(queuedBy(w), false)
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

// lookUpMissing returns the song with its media and its user looked up, as far as they were missing and could be found.
func (r *Room) lookUpMissing(ctx context.Context, song Song) Song {
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
