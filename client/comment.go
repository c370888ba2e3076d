package client

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
)

// CommentID identifies a comment on a piece of media; see [wire.CommentID].
type CommentID = wire.CommentID

// A Comment is what somebody wrote about a piece of media, at a moment. Source: docs/PROTOCOL.md 3.10.
type Comment struct {
	// ID identifies the comment.
	ID CommentID `json:"id"`
	// SongID identifies the media, empty if QueUp does not say.
	SongID SongID `json:"songId,omitempty"`
	// AuthorID is the user who wrote it.
	AuthorID UserID `json:"authorId"`
	// Content is the text.
	Content string `json:"content"`
	// CreatedAt is when it was written.
	CreatedAt time.Time `json:"createdAt,omitzero"`
	// Updubs counts votes for it.
	Updubs int64 `json:"updubs"`
	// Downdubs counts votes against it.
	Downdubs int64 `json:"downdubs"`
	// Flagged is true when somebody reported it.
	Flagged bool `json:"flagged,omitempty"`
	// Deleted is true when it has been deleted.
	Deleted bool `json:"deleted,omitempty"`

	extra
	client *Client
}

func newComment(c *Client, song SongID, w wire.Comment) Comment {
	return Comment{
		ID:        w.ID,
		SongID:    song,
		AuthorID:  w.AuthorID,
		Content:   w.Text,
		CreatedAt: w.Created,
		Updubs:    w.Updubs,
		Downdubs:  w.Downdubs,
		Flagged:   w.Flagged,
		Deleted:   w.Deleted,
		extra:     extra{w.Extra},
		client:    c,
	}
}

// Comments reads the comments on a piece of media. Errors: [*ArgumentError] for an empty id, and [*APIError]. Source:
// docs/PROTOCOL.md 2.12.
func (c *Client) Comments(ctx context.Context, song SongID) ([]Comment, error) {
	if err := checkID("Client.Comments", "song", song); err != nil {
		return nil, err
	}
	answer, err := c.rest.SongComments(ctx, queupapi.SongCommentsParams{SongID: song})
	rows, err := rowsOf("songComments", answer.Data, err)
	if err != nil {
		return nil, err
	}
	comments := make([]Comment, 0, len(rows))
	for _, w := range filled(rows) {
		comments = append(comments, newComment(c, song, w))
	}
	return comments, nil
}

// AddComment comments on a piece of media. Errors: [*ArgumentError] for an empty id or text, and [*APIError]. Source:
// docs/PROTOCOL.md 2.12.
func (c *Client) AddComment(ctx context.Context, song SongID, text string) (Comment, error) {
	const op = "Client.AddComment"
	if err := checkID(op, "song", song); err != nil {
		return Comment{}, err
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return Comment{}, &ArgumentError{Op: op, Argument: "text", Reason: "is empty"}
	}
	answer, err := c.rest.AddComment(ctx, &queupapi.CommentRequest{Text: text}, queupapi.AddCommentParams{SongID: song})
	if err != nil {
		return Comment{}, failed("addComment", err)
	}
	comment := newComment(c, song, answer.Data)
	comment.Content = cmp.Or(comment.Content, text)
	if me, ok := c.User(); ok {
		comment.AuthorID = cmp.Or(comment.AuthorID, me.ID)
	}
	return comment, nil
}

// DeleteComment deletes one of the account's own comments. Errors: [*ArgumentError] for empty ids, and [*APIError].
// Source: docs/PROTOCOL.md 2.12.
func (c *Client) DeleteComment(ctx context.Context, song SongID, id CommentID) error {
	const op = "Client.DeleteComment"
	if err := checkID(op, "song", song); err != nil {
		return err
	}
	if err := checkID(op, "id", id); err != nil {
		return err
	}
	_, err := c.rest.DeleteComment(ctx, queupapi.DeleteCommentParams{SongID: song, CommentID: id})
	return failed("deleteComment", err)
}

// VoteComment votes for a comment, or against it, and returns it with its new votes. Errors: [*ArgumentError] for an
// empty id, and [*APIError]. Source: docs/PROTOCOL.md 2.12.
func (c *Client) VoteComment(ctx context.Context, id CommentID, up bool) (Comment, error) {
	if err := checkID("Client.VoteComment", "id", id); err != nil {
		return Comment{}, err
	}
	direction := wire.Downdub
	if up {
		direction = wire.Updub
	}
	answer, err := c.rest.VoteComment(ctx, &queupapi.VoteRequest{Type: direction}, queupapi.VoteCommentParams{CommentID: id})
	if err != nil {
		return Comment{}, failed("voteComment", err)
	}
	comment := newComment(c, "", answer.Data.Comment)
	comment.ID = cmp.Or(comment.ID, id)
	return comment, nil
}

// FlagComment reports a comment to the people who run QueUp. Errors: [*ArgumentError] for an empty id, and
// [*APIError]. Source: docs/PROTOCOL.md 2.12.
func (c *Client) FlagComment(ctx context.Context, id CommentID) error {
	if err := checkID("Client.FlagComment", "id", id); err != nil {
		return err
	}
	_, err := c.rest.FlagComment(ctx, queupapi.FlagCommentParams{CommentID: id})
	return failed("flagComment", err)
}

// Author returns the user who wrote it, and false if the client does not know them; [Client.FetchUser] does.
func (m Comment) Author() (User, bool) {
	if m.client == nil {
		return User{}, false
	}
	return m.client.Users().Get(m.AuthorID)
}

// Delete is [Client.DeleteComment] of this comment. It is [ErrDetached] for a value that no client made.
func (m Comment) Delete(ctx context.Context) error {
	if m.client == nil {
		return ErrDetached
	}
	return m.client.DeleteComment(ctx, m.SongID, m.ID)
}

// Vote is [Client.VoteComment] on this comment. It is [ErrDetached] for a value that no client made.
func (m Comment) Vote(ctx context.Context, up bool) (Comment, error) {
	if m.client == nil {
		return Comment{}, ErrDetached
	}
	voted, err := m.client.VoteComment(ctx, m.ID, up)
	if err != nil {
		return Comment{}, err
	}
	voted.SongID = m.SongID
	return voted, nil
}

// Flag is [Client.FlagComment] of this comment. It is [ErrDetached] for a value that no client made.
func (m Comment) Flag(ctx context.Context) error {
	if m.client == nil {
		return ErrDetached
	}
	return m.client.FlagComment(ctx, m.ID)
}

// Equal reports whether both have the same content, whatever client they come from.
func (m Comment) Equal(n Comment) bool {
	return m.ID == n.ID && m.SongID == n.SongID && m.AuthorID == n.AuthorID && m.Content == n.Content && m.CreatedAt.Equal(n.CreatedAt) &&
		m.Updubs == n.Updubs && m.Downdubs == n.Downdubs && m.Flagged == n.Flagged && m.Deleted == n.Deleted && m.sameExtra(n.extra)
}

// String returns the author and the text.
func (m Comment) String() string {
	if author, ok := m.Author(); ok {
		return author.String() + ": " + m.Content
	}
	return string(m.AuthorID) + ": " + m.Content
}
