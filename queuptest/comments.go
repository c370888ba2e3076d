package queuptest

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/queup-go/queup/gen/queupserver"
	"github.com/queup-go/queup/gen/wire"
)

// comment is what somebody wrote about a song. It is guarded by state.mu.
type comment struct {
	id      wire.CommentID
	song    *song
	author  *account
	text    string
	created time.Time
	votes   map[*account]wire.DubType
	flagged bool
}

const (
	textNoComment    = "Comment not found"
	textEmptyComment = "comment is required"
	textLongComment  = "comment is too long"
	textNotYours     = "The comment is not yours"
	textNoDubType    = "type must be updub or downdub"
)

func (c *comment) wire() wire.Comment {
	w := wire.Comment{
		ID:        c.id,
		Text:      c.text,
		Created:   c.created,
		AuthorID:  c.author.id,
		Flagged:   c.flagged,
		Model:     "Song",
		ForeignID: string(c.song.id),
	}
	for _, v := range c.votes {
		if v == wire.Updub {
			w.Updubs++
		} else {
			w.Downdubs++
		}
	}
	w.Dubs = w.Updubs - w.Downdubs
	w.Extra = map[string]json.RawMessage{}
	zeros(w.Extra, map[string]int64{"updubs": w.Updubs, "downdubs": w.Downdubs, "dubs": w.Dubs})
	return w
}

// emitComment tells every room where the song plays. That these are the rooms is an assumption. The caller holds s.mu.
func (s *state) emitComment(m *song, event wire.Event) {
	for _, r := range s.rooms {
		if r.playing != nil && r.playing.song == m {
			s.emitTo(r.channel, event)
		}
	}
}

// knownComment finds a comment. The caller holds s.mu.
func (s *state) knownComment(id wire.CommentID) (*comment, error) {
	for _, list := range s.site.comments {
		if i := slices.IndexFunc(list, func(c *comment) bool { return c.id == id }); i >= 0 {
			return list[i], nil
		}
	}
	return nil, errorE1(http.StatusNotFound, textNoComment)
}

// addComment lets an account write about a song. The caller holds s.mu.
func (s *state) addComment(m *song, a *account, text string, now time.Time) (*comment, error) {
	switch {
	case strings.TrimSpace(text) == "":
		return nil, errorE1(http.StatusBadRequest, textEmptyComment)
	case utf16Len(text) > maxText:
		return nil, errorE1(http.StatusBadRequest, textLongComment)
	case len(s.site.comments[m.id]) >= maxOwned:
		return nil, errorE1(http.StatusBadRequest, textTooMany)
	}
	c := &comment{
		id:      wire.CommentID(s.id(idComment)),
		song:    m,
		author:  a,
		text:    text,
		created: now,
		votes:   map[*account]wire.DubType{},
	}
	s.site.comments[m.id] = append(s.site.comments[m.id], c)
	s.emitComment(m, &wire.CommentAdd{Comment: c.wire()})
	return c, nil
}

// removeComment lets an account delete a comment of its own. The caller holds s.mu.
func (s *state) removeComment(c *comment, a *account) error {
	if c.author != a {
		return errorE1(http.StatusUnauthorized, textNotYours)
	}
	list := s.site.comments
	list[c.song.id] = slices.DeleteFunc(list[c.song.id], func(d *comment) bool { return d == c })
	s.emitComment(c.song, &wire.CommentRemove{Comment: wire.Comment{ID: c.id}})
	return nil
}

// voteComment counts a vote on a comment; a second one replaces the first. The caller holds s.mu.
func (s *state) voteComment(c *comment, a *account, kind wire.DubType) error {
	if kind != wire.Updub && kind != wire.Downdub {
		return errorE1(http.StatusBadRequest, textNoDubType)
	}
	c.votes[a] = kind
	s.emitComment(c.song, &wire.CommentUpdate{Subject: c.id, Comment: c.wire()})
	return nil
}

// SongComments implements GET /song/{songId}/comments. They come in the order in which they were written.
func (h *rest) SongComments(_ context.Context, params queupserver.SongCommentsParams) (out wire.CommentsEnvelope, _ error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m, err := h.knownSong(params.SongID)
	if err != nil {
		return out, err
	}
	comments := wire.Comments{}
	for _, c := range h.site.comments[m.id] {
		comments = append(comments, c.wire())
	}
	return wire.CommentsEnvelope{Envelope: success, Data: comments}, nil
}

// AddComment implements POST /song/{songId}/comments.
func (h *rest) AddComment(ctx context.Context, req *queupserver.CommentRequest, params queupserver.AddCommentParams) (out wire.CommentEnvelope, _ error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m, err := h.knownSong(params.SongID)
	if err != nil {
		return out, err
	}
	c, err := h.addComment(m, callOf(ctx).account, req.Text, h.now())
	if err != nil {
		return out, err
	}
	return wire.CommentEnvelope{Envelope: success, Data: c.wire()}, nil
}

// DeleteComment implements DELETE /song/{songId}/comments/{commentId}.
func (h *rest) DeleteComment(ctx context.Context, params queupserver.DeleteCommentParams) (*queupserver.DoneEnvelope, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, err := h.knownComment(params.CommentID)
	switch {
	case err != nil:
		return nil, err
	case c.song.id != params.SongID:
		return nil, errorE1(http.StatusNotFound, textNoComment)
	}
	if err := h.removeComment(c, callOf(ctx).account); err != nil {
		return nil, err
	}
	return done(), nil
}

// VoteComment implements POST /comments/{commentId}/dubs. A second vote replaces the first.
func (h *rest) VoteComment(ctx context.Context, req *queupserver.VoteRequest, params queupserver.VoteCommentParams) (out wire.CommentVoteEnvelope, _ error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, err := h.knownComment(params.CommentID)
	if err != nil {
		return out, err
	}
	if err := h.voteComment(c, callOf(ctx).account, req.Type); err != nil {
		return out, err
	}
	return wire.CommentVoteEnvelope{Envelope: success, Data: wire.CommentVote{Comment: c.wire()}}, nil
}

// FlagComment implements POST /comments/{commentId}/flag.
func (h *rest) FlagComment(_ context.Context, params queupserver.FlagCommentParams) (*queupserver.DoneEnvelope, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, err := h.knownComment(params.CommentID)
	if err != nil {
		return nil, err
	}
	c.flagged = true
	return done(), nil
}

// Comment lets a user write about what plays, and returns the comment's id.
func (r *Room) Comment(user, text string) string {
	defer r.lock("Comment")()
	a := r.account(user)
	r.mustPlay()
	c, err := r.addComment(r.playing.song, a, text, r.now())
	if err != nil {
		panic(mistake("%s: %v", user, err))
	}
	return string(c.id)
}

// VoteComment lets a user vote on a comment. Rooms hear of it where the song plays.
func (r *Room) VoteComment(user, id string, up bool) {
	defer r.lock("VoteComment")()
	kind := wire.Downdub
	if up {
		kind = wire.Updub
	}
	r.ofComment(user, id, func(c *comment, a *account) error { return r.voteComment(c, a, kind) })
}

// RemoveComment lets a user delete a comment of their own. Rooms hear of it where the song plays.
func (r *Room) RemoveComment(user, id string) {
	defer r.lock("RemoveComment")()
	r.ofComment(user, id, r.removeComment)
}

func (r *Room) ofComment(user, id string, do func(c *comment, a *account) error) {
	a := r.account(user)
	c, err := r.knownComment(wire.CommentID(id))
	if err == nil {
		err = do(c, a)
	}
	if err != nil {
		panic(mistake("%s: %v", user, err))
	}
}
