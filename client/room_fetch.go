package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/saturate"
)

// FetchRoom reads a room by its id or slug without joining it. Methods that only read work on it, even without a login:
// Info, History, FetchMembers, FetchStaff, FetchBanned, AuditLog. Methods that act return [ErrNotJoined]. For a joined room
// it returns the same *Room, with a fresh Info. An unknown room is [ErrNotFound]; an address instead of its last part is an
// [*ArgumentError]. Source: docs/PROTOCOL.md 2.3.
func (c *Client) FetchRoom(ctx context.Context, idOrSlug string) (*Room, error) {
	if err := checkSlug("Client.FetchRoom", "idOrSlug", idOrSlug); err != nil {
		return nil, err
	}
	answer, err := c.rest.Room(ctx, queupapi.RoomParams{RoomID: RoomID(idOrSlug)})
	switch err = failed("room", err); {
	case errors.Is(err, ErrNotFound):
		return nil, &withinError{fmt.Sprintf("room %q not read%s", idOrSlug, unknownRoom), err}
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
		rows, err := rowsOf("rooms", answer.Data, err)
		if err != nil {
			return nil, 0, err
		}
		return roomInfos(rows), len(rows), nil
	})
}

// SearchRooms reads the rooms whose name matches a text, page by page as the loop goes on. QueUp considers letters, digits
// and spaces; all other characters are left out. An error ends the sequence. A text without a letter or a digit is an
// [*ArgumentError]. Source: docs/PROTOCOL.md 2.3.
func (c *Client) SearchRooms(ctx context.Context, text string) iter.Seq2[RoomInfo, error] {
	text = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.L, unicode.M, unicode.Nd) || unicode.IsSpace(r) {
			return r
		}
		return -1
	}, text)), " ")
	if text == "" {
		return failing[RoomInfo](&ArgumentError{Op: "Client.SearchRooms", Argument: "text", Reason: "has neither a letter nor a digit"})
	}
	return byOffset(ctx, roomInfoID, func(ctx context.Context, offset int) ([]RoomInfo, int, error) {
		answer, err := c.rest.SearchRooms(ctx, queupapi.SearchRoomsParams{Term: text, Offset: queupapi.NewOptInt(offset)})
		rows, err := rowsOf("searchRooms", answer.Data, err)
		if err != nil {
			return nil, 0, err
		}
		return roomInfos(rows), len(rows), nil
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

// History reads the songs that have played in the room, the newest first, page by page as the loop goes on. Rows that shift
// to a later page meanwhile come once. Pages can be short while QueUp deletes rows. Only an empty page is the end, which
// costs one extra call. A deleted track has no Info. An error ends the sequence. It needs no login. Source:
// docs/PROTOCOL.md 1.5, 2.5.
func (r *Room) History(ctx context.Context) iter.Seq2[Song, error] { return r.HistoryFrom(ctx, 1) }

// HistoryFrom is History, starting at a given page, so that a long read can be resumed. Pages are counted from 1 and have
// 20 rows. Rows move to later pages as songs are played, never to earlier ones. A read that is resumed at the page it had
// reached gets some rows twice, and misses none. A page below 1 is an [*ArgumentError].
func (r *Room) HistoryFrom(ctx context.Context, page int) iter.Seq2[Song, error] {
	if page < 1 {
		return failing[Song](&ArgumentError{Op: "Room.HistoryFrom", Argument: "page", Reason: "must be at least 1"})
	}
	return byPageFrom(ctx, page, func(s Song) PlayID { return s.ID }, func(ctx context.Context, page int) ([]Song, int, error) {
		answer, err := r.client.rest.History(ctx, queupapi.HistoryParams{RoomID: r.id, Page: queupapi.NewOptInt(page)})
		rows, err := rowsOf("history", answer.Data, err)
		if err != nil {
			return nil, 0, err
		}
		return r.songs(rows), len(rows), nil
	})
}

// FetchMembers reads the people who are in the room now. For a joined room, [Room.Members] knows them without a call.
// Errors: [*APIError], [*CallError]. Source: docs/PROTOCOL.md 2.4.
func (r *Room) FetchMembers(ctx context.Context) ([]Member, error) {
	answer, err := r.client.rest.RoomUsers(ctx, queupapi.RoomUsersParams{RoomID: r.id})
	rows, err := rowsOf("roomUsers", answer.Data, err)
	if err != nil {
		return nil, err
	}
	return r.newMembers(rows), nil
}

// FetchMember reads the record of one user in the room, who need not be there. A user who was never there is [ErrNotFound].
// Source: docs/PROTOCOL.md 2.4.
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
	rows, err := rowsOf("roomStaff", answer.Data, err)
	if err != nil {
		return nil, err
	}
	return r.newMembers(rows), nil
}

// FetchBanned reads the users who are banned from the room, with BannedAt and BannedUntil. Errors: [*APIError],
// [*CallError]. Source: docs/PROTOCOL.md 2.4.
func (r *Room) FetchBanned(ctx context.Context) ([]Member, error) {
	answer, err := r.client.rest.RoomBans(ctx, queupapi.RoomBansParams{RoomID: r.id})
	rows, err := rowsOf("roomBans", answer.Data, err)
	if err != nil {
		return nil, err
	}
	return r.newMembers(rows), nil
}

// FetchMuted reads the users who may not chat in the room. It may need a role there; without one the error is
// [ErrUnauthorized] or [ErrForbidden]. Source: docs/PROTOCOL.md 2.4.
func (r *Room) FetchMuted(ctx context.Context) ([]Member, error) {
	answer, err := r.client.rest.RoomMutes(ctx, queupapi.RoomMutesParams{RoomID: r.id})
	rows, err := rowsOf("roomMutes", answer.Data, err)
	if err != nil {
		return nil, err
	}
	return r.newMembers(rows), nil
}

func (r *Room) newMembers(list wire.RoomUsers) []Member {
	members := make([]Member, 0, len(list))
	for _, w := range filled(list) {
		members = append(members, r.newMember(w))
	}
	return members
}

// newMember makes the value of a record in an answer, and records its user.
func (r *Room) newMember(w wire.RoomUser) Member {
	m := newMember(r.client, w)
	m.RoomID = r.id
	if known, ok := r.memberOrDeparted(m.UserID); ok {
		m.active = known.active
	}
	m.forget(r.deleted.Contains) // QueUp may still list them
	if w.User.Username != "" {
		r.client.learnUser(accountOf(w), true)
	}
	return m
}

// FetchChat reads the latest chat lines that QueUp still has, the oldest first. Deleted lines have Deleted set. Errors:
// [*APIError], [*CallError]. Source: docs/PROTOCOL.md 2.9.
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

// FetchVotes reads the users who voted for and against the current song. Both lists are empty, without an error, when
// nothing is playing. Source: docs/PROTOCOL.md 2.5.
func (r *Room) FetchVotes(ctx context.Context) (up, down []UserID, err error) {
	answer, err := r.client.rest.ActiveDubs(ctx, queupapi.ActiveDubsParams{RoomID: r.id})
	if err = failed("activeDubs", err); err != nil {
		return nil, nil, err
	}
	return voters(answer.Data.UpDubs), voters(answer.Data.DownDubs), nil
}

// FetchNowPlaying reads the current song of a room by its id or slug, with its media. It needs no login and joins nothing. It is
// false, without an error, if no song is playing. A room that the client knows costs one call, another one a second call; to poll,
// use [Room.FetchNowPlaying] of a room from [Client.FetchRoom]. Errors: [ErrNotFound] for an unknown room, [*APIError], [*CallError].
// Source: docs/PROTOCOL.md 2.3, 2.5.
func (c *Client) FetchNowPlaying(ctx context.Context, idOrSlug string) (Song, bool, error) {
	if err := checkSlug("Client.FetchNowPlaying", "idOrSlug", idOrSlug); err != nil {
		return Song{}, false, err
	}
	room, known := c.Rooms().Get(RoomID(idOrSlug))
	if !known {
		room, known = c.Rooms().BySlug(idOrSlug)
	}
	if !known {
		var err error
		if room, err = c.FetchRoom(ctx, idOrSlug); err != nil {
			return Song{}, false, err
		}
	}
	return room.FetchNowPlaying(ctx)
}

// FetchNowPlaying reads the current song of the room, with its media. It needs no login. For a joined room, [Room.NowPlaying]
// knows it without a call. It is false, without an error, if no song is playing. QueUp sometimes answers without saying which song is
// playing: that is an [*APIError] with status 200, and it is best to ask again after 30 s. Other errors: [*APIError], [*CallError].
// Source: docs/PROTOCOL.md 2.5, 7 rules 13 and 14.
func (r *Room) FetchNowPlaying(ctx context.Context) (Song, bool, error) {
	answer, err := r.client.rest.ActiveSong(ctx, queupapi.ActiveSongParams{RoomID: r.id})
	switch err = failed("activeSong", err); {
	case isNotFound(err): // this is how QueUp answers when no song is playing
		return Song{}, false, nil
	case err != nil:
		return Song{}, false, err
	case answer.Data.Play.ID == "":
		return Song{}, false, &APIError{Op: "activeSong", Status: http.StatusOK, Message: "answered without the current song, ask again in 30 s"}
	}
	active := answer.Data
	song := r.newPlay(active.Play, active.Song, active.Elapsed)
	if !song.complete() {
		song = r.lookUpMissing(ctx, song)
	}
	if song.overAfter(saturate.Add(active.Elapsed, -overdueAfter)) {
		return Song{}, false, nil
	}
	return song, true, nil
}

// An AuditEntry is a line of a room's audit log. It describes one act of moderation. Source: docs/PROTOCOL.md 3.10.
type AuditEntry struct {
	// At is when it was done.
	At time.Time `json:"at"`
	// Type is what was done, in QueUp's words, which are not documented.
	Type string `json:"type"`
	// Duration is how long it applies, for example for a ban; 0 if it has no duration. It is not certain that QueUp counts
	// seconds here.
	Duration time.Duration `json:"duration"`
	// User is the user it was done to, zero if it concerns no user.
	User User `json:"user,omitzero"`
	// By is the user who did it, zero if QueUp does not say.
	By User `json:"by,omitzero"`

	extra
}

// AuditLog reads the room's moderation log. If the room requires the permission room.audit.view and the account lacks it,
// the error is [ErrUnauthorized] or [ErrForbidden]. Source: docs/PROTOCOL.md 2.3.
func (r *Room) AuditLog(ctx context.Context) ([]AuditEntry, error) {
	answer, err := r.client.rest.RoomAudit(ctx, queupapi.RoomAuditParams{RoomID: r.id})
	rows, err := rowsOf("roomAudit", answer.Data, err)
	if err != nil {
		return nil, err
	}
	entries := make([]AuditEntry, 0, len(rows))
	for _, w := range filled(rows) {
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

// Equal reports whether both have the same content.
func (e AuditEntry) Equal(f AuditEntry) bool {
	return e.At.Equal(f.At) && e.Type == f.Type && e.Duration == f.Duration && e.User.Equal(f.User) && e.By.Equal(f.By) && e.sameExtra(f.extra)
}

// String returns the moderator, the act and the user.
func (e AuditEntry) String() string { return e.By.String() + " " + e.Type + " " + e.User.String() }

// FetchPermissions reads QueUp's catalogue of permissions. It returns the raw JSON, because its shape is not documented.
// The catalogue is the same for every room. Errors: [*APIError], [*CallError]. Source: docs/PROTOCOL.md 2.10.
func (c *Client) FetchPermissions(ctx context.Context) (json.RawMessage, error) {
	answer, err := c.rest.Permissions(ctx)
	if err != nil {
		return nil, failed("permissions", err)
	}
	return json.RawMessage(answer.Data), nil
}

// fetchUsers reads the users in the room.
func (r *Room) fetchUsers(ctx context.Context) (wire.RoomUsers, error) {
	answer, err := r.client.loads.RoomUsers(ctx, queupapi.RoomUsersParams{RoomID: r.id})
	rows, err := rowsOf("roomUsers", answer.Data, err)
	if err != nil {
		return nil, err
	}
	return rows, nil
}
