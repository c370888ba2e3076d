package client

import (
	"context"
	"errors"
	"slices"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
)

// Skip ends what plays now. It needs the permission queue.skip, unless the song is one's own. It is
// [ErrNothingPlaying] when nothing plays; other errors are those of [Song.Skip]. Source: docs/PROTOCOL.md 2.9.
func (r *Room) Skip(ctx context.Context) error {
	song, playing := r.NowPlaying()
	if !playing {
		return r.nothing()
	}
	return song.Skip(ctx)
}

// Updub votes for what plays now. It is [ErrNothingPlaying] when nothing plays; other errors are those of [Song.Updub].
func (r *Room) Updub(ctx context.Context) error {
	song, playing := r.NowPlaying()
	if !playing {
		return r.nothing()
	}
	return song.Updub(ctx)
}

// Downdub votes against what plays now. It is [ErrNothingPlaying] when nothing plays; other errors are those of
// [Song.Downdub].
func (r *Room) Downdub(ctx context.Context) error {
	song, playing := r.NowPlaying()
	if !playing {
		return r.nothing()
	}
	return song.Downdub(ctx)
}

// nothing is the error of acting on what plays when nothing does.
func (r *Room) nothing() error {
	if err := r.act(); err != nil {
		return err
	}
	return ErrNothingPlaying
}

// Skip ends this play, and never its successor: it is [ErrNothingPlaying] when another song plays by now. It needs the
// permission queue.skip, unless the song is one's own. It is [ErrDetached] for a value that no client made,
// [ErrNotJoined] when the client is not in the room, a [*PermissionError] before anything is sent, and an [*APIError] for a
// refusal by QueUp. Source: docs/PROTOCOL.md 2.9.
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

// Updub votes for this play. A vote of the other kind is replaced; the same vote once more is an [*ArgumentError],
// because QueUp takes no more than ten votes a song. QueUp has been seen to answer 404 although it had counted the vote: the votes
// are read then, and it is not an error if this one is among them. Other errors are those of Skip. Source: docs/PROTOCOL.md 1.3, 2.5,
// 7 rule 18.
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
	room.amend(s.ID, func(p *play) { p.voted(me, vote) })
	return nil
}

// hasOwnVote reports whether QueUp has counted a vote of the client's own, although it answered 404. The vote is not repeated.
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

// playingIn returns the room that the song plays in, and why it can't be acted on if it doesn't.
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
