package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
	"unicode"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
)

// FetchRoom reads a room by its id or slug without joining it. What only reads works on it, also without a login:
// Info, History, FetchMembers, FetchStaff, FetchBanned, AuditLog; acting is [ErrNotJoined]. For a room that is joined
// it is the same *Room, with Info read anew. An unknown room is [ErrNotFound]. Source: docs/PROTOCOL.md 2.3.
func (c *Client) FetchRoom(ctx context.Context, idOrSlug string) (*Room, error) {
	if idOrSlug == "" {
		return nil, &ArgumentError{Op: "Client.FetchRoom", Argument: "idOrSlug", Reason: isEmpty}
	}
	answer, err := c.rest.Room(ctx, queupapi.RoomParams{RoomID: RoomID(idOrSlug)})
	switch err = failed("room", err); {
	case errors.Is(err, ErrNotFound):
		return nil, &withinError{fmt.Sprintf("room %q not read%s", idOrSlug, checkSlug(idOrSlug)), err}
	case err != nil:
		return nil, err
	}
	return c.roomOf("room", answer.Data)
}

// FetchRooms reads the lobby: public rooms, the busiest first, page by page as the loop goes on. An error ends the
// sequence. Source: docs/PROTOCOL.md 2.3.
func (c *Client) FetchRooms(ctx context.Context) iter.Seq2[RoomInfo, error] {
	return byOffset(ctx, roomInfoID, func(ctx context.Context, offset int) ([]RoomInfo, int, error) {
		answer, err := c.rest.Rooms(ctx, queupapi.RoomsParams{Offset: queupapi.NewOptInt(offset)})
		if err != nil {
			return nil, 0, failed("rooms", err)
		}
		if noRows(answer.Data) {
			return nil, 0, noList("rooms")
		}
		return roomInfos(answer.Data), len(answer.Data), nil
	})
}

// SearchRooms reads the rooms whose name matches a text, page by page as the loop goes on. QueUp looks at letters, digits and
// spaces; anything else in the text is left out. An error ends the sequence; a text without a letter or a digit is an
// [*ArgumentError]. Source: docs/PROTOCOL.md 2.3.
func (c *Client) SearchRooms(ctx context.Context, text string) iter.Seq2[RoomInfo, error] {
	text = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.L, unicode.M, unicode.Nd) || unicode.IsSpace(r) {
			return r
		}
		return -1
	}, text)), " ")
	if text == "" {
		return failing[RoomInfo](&ArgumentError{Op: "Client.SearchRooms", Argument: "text", Reason: "holds no letter and no digit"})
	}
	return byOffset(ctx, roomInfoID, func(ctx context.Context, offset int) ([]RoomInfo, int, error) {
		answer, err := c.rest.SearchRooms(ctx, queupapi.SearchRoomsParams{Term: text, Offset: queupapi.NewOptInt(offset)})
		if err != nil {
			return nil, 0, failed("searchRooms", err)
		}
		if noRows(answer.Data) {
			return nil, 0, noList("searchRooms")
		}
		return roomInfos(answer.Data), len(answer.Data), nil
	})
}

func roomInfoID(i RoomInfo) RoomID { return i.ID }

func roomInfos(rooms wire.Rooms) []RoomInfo {
	infos := make([]RoomInfo, 0, len(rooms))
	for _, w := range filled(rooms) {
		infos = append(infos, newRoomInfo(w))
	}
	return infos
}

// History reads what has played in the room, the newest first, page by page as the loop goes on. Rows that shift to a
// later page meanwhile come once. Pages can be short, while QueUp deletes rows: an empty page is the end, which costs one call more
// than there are pages. A deleted track has no Info. An error ends the sequence. It needs no login. Source: docs/PROTOCOL.md
// 1.5, 2.5.
func (r *Room) History(ctx context.Context) iter.Seq2[Song, error] { return r.HistoryFrom(ctx, 1) }

// HistoryFrom is History from a page on. Pages are counted from 1 and have 20 rows, so that a long reading that was
// interrupted can go on. Rows move to later pages as songs are played, never to earlier ones: who begins with the page
// that was reached before meets rows again, and misses none. A page below 1 is an [*ArgumentError].
func (r *Room) HistoryFrom(ctx context.Context, page int) iter.Seq2[Song, error] {
	if page < 1 {
		return failing[Song](&ArgumentError{Op: "Room.HistoryFrom", Argument: "page", Reason: "must be at least 1"})
	}
	return byPageFrom(ctx, page, func(s Song) PlayID { return s.ID }, func(ctx context.Context, page int) ([]Song, int, error) {
		answer, err := r.client.rest.History(ctx, queupapi.HistoryParams{RoomID: r.id, Page: queupapi.NewOptInt(page)})
		if err != nil {
			return nil, 0, failed("history", err)
		}
		if noRows(answer.Data) {
			return nil, 0, noList("history")
		}
		return r.songs(answer.Data), len(answer.Data), nil
	})
}

// FetchMembers reads who is in the room now. [Room.Members] knows it without a call for a room that is joined. Errors:
// [*APIError], [*CallError]. Source: docs/PROTOCOL.md 2.4.
func (r *Room) FetchMembers(ctx context.Context) ([]Member, error) {
	answer, err := r.client.rest.RoomUsers(ctx, queupapi.RoomUsersParams{RoomID: r.id})
	if err != nil {
		return nil, failed("roomUsers", err)
	}
	if noRows(answer.Data) {
		return nil, noList("roomUsers")
	}
	return r.newMembers(answer.Data), nil
}

// FetchMember reads the record of one user in the room, who need not be there. Someone who was never there is
// [ErrNotFound]. Source: docs/PROTOCOL.md 2.4.
func (r *Room) FetchMember(ctx context.Context, u UserID) (Member, error) {
	if u == "" {
		return Member{}, &ArgumentError{Op: "Room.FetchMember", Argument: "u", Reason: "is empty"}
	}
	answer, err := r.client.rest.RoomUser(ctx, queupapi.RoomUserParams{RoomID: r.id, UserID: u})
	if err != nil {
		return Member{}, failed("roomUser", err)
	}
	return r.newMember(answer.Data), nil
}

// FetchStaff reads everybody who holds a role in the room, there or not. Errors: [*APIError], [*CallError]. Source:
// docs/PROTOCOL.md 2.4.
func (r *Room) FetchStaff(ctx context.Context) ([]Member, error) {
	answer, err := r.client.rest.RoomStaff(ctx, queupapi.RoomStaffParams{RoomID: r.id})
	if err != nil {
		return nil, failed("roomStaff", err)
	}
	if noRows(answer.Data) {
		return nil, noList("roomStaff")
	}
	return r.newMembers(answer.Data), nil
}

// FetchBanned reads who is banned from the room, with BannedAt and BannedUntil. Errors: [*APIError], [*CallError]. Source:
// docs/PROTOCOL.md 2.4.
func (r *Room) FetchBanned(ctx context.Context) ([]Member, error) {
	answer, err := r.client.rest.RoomBans(ctx, queupapi.RoomBansParams{RoomID: r.id})
	if err != nil {
		return nil, failed("roomBans", err)
	}
	if noRows(answer.Data) {
		return nil, noList("roomBans")
	}
	return r.newMembers(answer.Data), nil
}

// FetchMuted reads who may not chat in the room. It may need a role there, and is [ErrUnauthorized] or [ErrForbidden] without.
// Source: docs/PROTOCOL.md 2.4.
func (r *Room) FetchMuted(ctx context.Context) ([]Member, error) {
	answer, err := r.client.rest.RoomMutes(ctx, queupapi.RoomMutesParams{RoomID: r.id})
	if err != nil {
		return nil, failed("roomMutes", err)
	}
	if noRows(answer.Data) {
		return nil, noList("roomMutes")
	}
	return r.newMembers(answer.Data), nil
}

func (r *Room) newMembers(list wire.RoomUsers) []Member {
	members := make([]Member, 0, len(list))
	for _, w := range filled(list) {
		members = append(members, r.newMember(w))
	}
	return members
}

// newMember makes the value of a record that an answer holds, and notes its user.
func (r *Room) newMember(w wire.RoomUser) Member {
	m := newMember(r.client, w)
	m.RoomID = r.id
	m.forget(r.deleted.Contains) // which QueUp may still list
	if w.User.Username != "" {
		r.client.learnUser(accountOf(w), true)
	}
	return m
}

// FetchChat reads the latest chat lines that QueUp still has, the oldest first. Lines that were deleted are marked so.
// Errors: [*APIError], [*CallError]. Source: docs/PROTOCOL.md 2.9.
func (r *Room) FetchChat(ctx context.Context) ([]Message, error) {
	answer, err := r.client.rest.ChatHistory(ctx, queupapi.ChatHistoryParams{RoomID: r.id})
	if err != nil {
		return nil, failed("chatHistory", err)
	}
	if answer.Data == nil {
		return nil, noList("chatHistory")
	}
	var lines []Message
	deleted := make(map[MessageID]bool)
	cleared := make(map[UserID]bool)
	for _, event := range answer.Data {
		switch e := event.(type) {
		case *wire.ChatMessage:
			e.User = authorOf(e)
			author := r.client.learnUser(e.User, false)
			m := newMessage(r.client, r.id, e)
			m.author = &author
			lines = append(lines, m)
		case *wire.DeleteChatMessage:
			deleted[e.ID] = true
		case *wire.DeleteChatMessageGlobal:
			cleared[e.AuthorID] = true
		}
	}
	for i := range lines {
		lines[i].Deleted = deleted[lines[i].ID] || cleared[lines[i].AuthorID]
	}
	return lines, nil
}

// FetchVotes reads who voted for and against what plays now. Both are empty, without an error, when nothing plays.
// Source: docs/PROTOCOL.md 2.5.
func (r *Room) FetchVotes(ctx context.Context) (up, down []UserID, err error) {
	answer, err := r.client.rest.ActiveDubs(ctx, queupapi.ActiveDubsParams{RoomID: r.id})
	if err = failed("activeDubs", err); err != nil {
		return nil, nil, err
	}
	return voters(answer.Data.UpDubs), voters(answer.Data.DownDubs), nil
}

// An AuditEntry is a line of a room's audit log: an act of moderation. Source: docs/PROTOCOL.md 3.10.
type AuditEntry struct {
	// At is when it was done.
	At time.Time `json:"at"`
	// Type is what was done, in QueUp's words, which are not documented.
	Type string `json:"type"`
	// Duration is how long it holds, for example of a ban; 0 where that means nothing. That QueUp counts seconds here
	// is not certain.
	Duration time.Duration `json:"duration"`
	// User is whom it was done to, zero for what concerns nobody.
	User User `json:"user,omitzero"`
	// By is who did it, zero where QueUp does not say.
	By User `json:"by,omitzero"`

	extra
}

// AuditLog reads the room's log of moderation. Where the room asks for the permission room.audit.view and the account lacks
// it, that is [ErrUnauthorized] or [ErrForbidden]. Source: docs/PROTOCOL.md 2.3.
func (r *Room) AuditLog(ctx context.Context) ([]AuditEntry, error) {
	answer, err := r.client.rest.RoomAudit(ctx, queupapi.RoomAuditParams{RoomID: r.id})
	if err != nil {
		return nil, failed("roomAudit", err)
	}
	if noRows(answer.Data) {
		return nil, noList("roomAudit")
	}
	entries := make([]AuditEntry, 0, len(answer.Data))
	for _, w := range filled(answer.Data) {
		entries = append(entries, newAuditEntry(r.client, w))
	}
	return entries, nil
}

func newAuditEntry(c *Client, w wire.AuditEntry) AuditEntry {
	e := AuditEntry{At: w.Created, Type: w.Type, Duration: w.Duration, extra: extra{w.Extra}}
	if userID(w.User) != "" || w.User.Username != "" {
		e.User = c.learnUser(w.User, false)
	}
	if userID(w.Moderator) != "" || w.Moderator.Username != "" {
		e.By = c.learnUser(w.Moderator, false)
	}
	return e
}

// Equal reports whether both tell the same.
func (e AuditEntry) Equal(f AuditEntry) bool {
	return e.At.Equal(f.At) && e.Type == f.Type && e.Duration == f.Duration && e.User.Equal(f.User) && e.By.Equal(f.By) && e.sameExtra(f.extra)
}

// String tells who did what to whom.
func (e AuditEntry) String() string { return e.By.String() + " " + e.Type + " " + e.User.String() }

// FetchPermissions reads QueUp's catalogue of permissions as it comes, because nobody has documented its shape; it is
// the same for every room. Errors: [*APIError], [*CallError]. Source: docs/PROTOCOL.md 2.10.
func (c *Client) FetchPermissions(ctx context.Context) (json.RawMessage, error) {
	answer, err := c.rest.Permissions(ctx)
	if err != nil {
		return nil, failed("permissions", err)
	}
	return json.RawMessage(answer.Data), nil
}
