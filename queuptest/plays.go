package queuptest

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/queup-go/queup/gen/queupserver"
	"github.com/queup-go/queup/gen/wire"
)

// maxVotes is how many requests somebody may make to vote on one play; docs/PROTOCOL.md 1.6.
const maxVotes = 10

const (
	textManyVotes = "You have voted too often on this song"
	textVoteType  = "type must be updub or downdub"
)

// castVote is a request to vote on what plays. Each one counts, also those that change nothing. That one must be in the room
// is an assumption.
func (r *room) castVote(m *member, p *play, kind wire.DubType, now time.Time) error {
	switch {
	case kind != wire.Updub && kind != wire.Downdub:
		return errorE1(http.StatusBadRequest, textVoteType)
	case !m.active:
		return errorE1(http.StatusUnauthorized, textNotHere)
	case p.requests[m.account] >= maxVotes:
		return errorE1(http.StatusTooManyRequests, textManyVotes)
	}
	if p.requests == nil {
		p.requests = map[*account]int{}
	}
	p.requests[m.account]++
	r.vote(m.account, kind == wire.Updub, now)
	return nil
}

// Vote implements POST /room/{roomId}/playlist/{playId}/dubs.
func (h *rest) Vote(ctx context.Context, req *queupserver.VoteRequest, p queupserver.VoteParams) (*queupserver.DoneEnvelope, error) {
	return h.act(ctx, p.RoomID, func(r *room, me *member, now time.Time) error {
		playing, err := r.nowPlaying(p.PlayID)
		if err != nil {
			return err
		}
		return r.castVote(me, playing, req.Type, now)
	})
}

// VoteActive implements POST /room/{roomId}/playlist/active/dubs.
func (h *rest) VoteActive(ctx context.Context, req *queupserver.VoteRequest, p queupserver.VoteActiveParams) (*queupserver.DoneEnvelope, error) {
	return h.act(ctx, p.RoomID, func(r *room, me *member, now time.Time) error {
		if r.playing == nil {
			return errorE1(http.StatusNotFound, textNothingPlays)
		}
		return r.castVote(me, r.playing, req.Type, now)
	})
}

// maxHistory is how many past plays a room keeps.
const maxHistory = 10_000

// past puts a play that is over into the history.
func (r *room) past(p *play) {
	if len(r.history) >= maxHistory {
		r.history[0] = nil
		r.history = r.history[1:]
	}
	p.requests, p.votes, p.grabs = nil, nil, nil // who voted is of no interest any more, and they may be many
	r.history = append(r.history, p)
}

// addHistory makes the plays of a world that are over before the server starts: one after the other, the last of them just
// now.
func (r *room) addHistory(songs []Song) {
	at := r.state.start
	for _, s := range songs {
		at = at.Add(-s.Length)
	}
	for _, s := range songs {
		dj := r.member(r.named(s.By))
		p := r.newPlay(dj, r.worldSong(s), at.Add(-time.Minute))
		p.playedAt, p.over = at, true
		at = at.Add(s.Length)
		r.history = append(r.history, p)
	}
}

// History implements GET /room/{roomId}/playlist/history.
func (h *rest) History(_ context.Context, p queupserver.HistoryParams) (out wire.PlaysEnvelope, _ error) {
	r, err := h.known(p.RoomID)
	if err != nil {
		return out, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	newest := slices.Clone(r.history)
	slices.Reverse(newest)
	plays := wire.Plays{}
	for _, past := range page(newest, offsetOf(p.Page.Or(1)), pageSize) {
		plays = append(plays, r.wirePlayFull(past))
	}
	return wire.PlaysEnvelope{Envelope: success, Data: plays}, nil
}
