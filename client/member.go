package client

import (
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/queup-go/queup/client/internal/cache"
	"github.com/queup-go/queup/gen/wire"
)

// A Member is the record of a user in one room at a moment. Source: docs/PROTOCOL.md 3.5.
type Member struct {
	// ID is the record's own id, not the user's.
	ID MemberID `json:"id"`
	// UserID is the user whose record it is.
	UserID UserID `json:"userId"`
	// RoomID is the room.
	RoomID RoomID `json:"roomId"`
	// Dubs counts the votes that the user's songs received in this room.
	Dubs int64 `json:"dubs"`
	// Played counts the user's songs that played here.
	Played int64 `json:"played"`
	// Skipped counts the user's songs that were skipped.
	Skipped int64 `json:"skipped"`
	// QueuedNow is the size of the user's own queue here.
	QueuedNow int64 `json:"queuedNow"`
	// Order is the place in the queue as QueUp sends it, 99999 or more for a user who is not queued.
	Order int64 `json:"order"`
	// WaitLine has only been seen as 0.
	WaitLine int64 `json:"waitLine"`
	// Authorized has only been seen as true.
	Authorized bool `json:"authorized"`
	// Muted is true when the user may not chat.
	Muted bool `json:"muted"`
	// QueuePaused is true when the user has left the rotation and kept the songs.
	QueuePaused bool `json:"queuePaused"`
	// Banned is true when the user may not come in.
	Banned bool `json:"banned"`
	// BannedAt is when the ban began, zero if there is none.
	BannedAt time.Time `json:"bannedAt,omitzero"`
	// BannedUntil is when the ban ends, zero for a permanent one.
	BannedUntil time.Time `json:"bannedUntil,omitzero"`
	// RoleIDs are the roles that the member holds, without the default role; see Roles. If QueUp sends only the type of a
	// role, it is one of [RoleCoOwner] to [RoleMember]. A deleted role is not among them. The slice is a copy.
	RoleIDs []RoleID `json:"roleIds,omitempty"`

	extra
	client *Client
	held   []Role    // the roles as QueUp sent them; not changed once set
	active *activity // shared by all records of one user's stay in the room; nil for a user who was never there
}

// An activity is when a user was last active in a room.
type activity struct {
	at atomic.Int64 // in nanoseconds since 1970, by QueUp's clock; 0 for never
}

// seen records that the user was active at a time by QueUp's clock. An earlier time than the known one changes nothing. It is only called
// on the connection's goroutine.
func (a *activity) seen(at time.Time) {
	if n := at.UnixNano(); !at.IsZero() && n > a.at.Load() {
		a.at.Store(n)
	}
}

// LastActive returns when the user was last active in the room, by QueUp's clock: the last chat line, vote, change of the queue or
// arrival that the client has seen. Compare it with [Client.Now]. It is zero if the client has seen none of these since it joined the
// room; lines of QueUp's chat history count.
//
// It is not a snapshot: it follows the user until the user leaves, and stays what it was afterwards. For a value that a program has
// made or unmarshalled, it is zero.
func (m Member) LastActive() time.Time {
	if m.active == nil {
		return time.Time{}
	}
	n := m.active.at.Load()
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n)
}

func newMember(c *Client, w wire.RoomUser) Member {
	m := newRecord(c, w)
	for _, custom := range w.Roles {
		if role := newHeldRole(custom); role.ID != "" {
			m.held = append(m.held, role)
		}
	}
	if role := newFixedRole(w.Role); role.ID != "" && len(m.held) == 0 {
		m.held = append(m.held, role)
	}
	for _, r := range m.held {
		m.RoleIDs = append(m.RoleIDs, r.ID)
	}
	return m
}

// extraOf returns the parts of a record that a Member has no field for. They include roles that have neither an id nor a
// known type.
func extraOf(w wire.RoomUser) extra {
	members := maps.Clone(w.Extra)
	keep := func(name string, value json.Marshaler) {
		text, err := value.MarshalJSON()
		if err != nil {
			return
		}
		if members == nil {
			members = make(map[string]json.RawMessage)
		}
		members[name] = text
	}
	if !w.Role.IsZero() && newFixedRole(w.Role).ID == "" {
		keep("roleid", w.Role)
	}
	if slices.ContainsFunc(w.Roles, func(role wire.RoomRole) bool { return newHeldRole(role).ID == "" }) {
		keep("roleids", roleList(w.Roles))
	}
	return extra{members}
}

// roleList marshals roles as a record has them.
type roleList []wire.RoomRole

// MarshalJSON returns a JSON list of the roles.
func (l roleList) MarshalJSON() ([]byte, error) { return json.Marshal([]wire.RoomRole(l)) }

// newRecord is newMember without the roles.
func newRecord(c *Client, w wire.RoomUser) Member {
	return Member{
		ID:          w.ID,
		UserID:      memberUserID(w),
		RoomID:      w.RoomID,
		Dubs:        w.Dubs,
		Played:      w.PlayedCount,
		Skipped:     w.SkippedCount,
		QueuedNow:   w.SongsInQueue,
		Order:       w.Order,
		WaitLine:    w.WaitLine,
		Authorized:  w.Authorized,
		Muted:       w.Muted,
		QueuePaused: w.QueuePaused,
		Banned:      w.Banned,
		BannedAt:    w.BannedAt,
		BannedUntil: w.BannedUntil,
		extra:       extraOf(w),
		client:      c,
	}
}

// accountOf returns the account that a record is about. If the account has no id, the record has it. Source:
// docs/PROTOCOL.md 1.8.
func accountOf(w wire.RoomUser) wire.User {
	w.User.ID = cmp.Or(userID(w.User), memberUserID(w))
	return w.User
}

// addsNoRoles reports whether a record has no news about roles. It may have no roles, or just the ids of the known ones, as
// most events do.
func addsNoRoles(w wire.RoomUser, known []RoleID) bool {
	if len(w.Roles) > 0 {
		return slices.EqualFunc(w.Roles, known, func(sent wire.RoomRole, id RoleID) bool { return newHeldRole(sent).ID == id && sent.Label == "" })
	}
	role := newFixedRole(w.Role)
	return role.ID == "" || w.Role.Label == "" && len(known) == 1 && known[0] == role.ID
}

// setHeld records the roles as QueUp sent them. For each role that the member holds it takes the first one with a label.
func (m *Member) setHeld(sent []Role) {
	m.held = nil
	for _, id := range m.RoleIDs {
		if i := slices.IndexFunc(sent, func(r Role) bool { return r.ID == id && r.Label != "" }); i >= 0 {
			m.held = append(m.held, sent[i])
		}
	}
}

// forget removes the deleted roles from the member, and reports whether any of them was held.
func (m *Member) forget(deleted func(RoleID) bool) bool {
	if !slices.ContainsFunc(m.RoleIDs, deleted) {
		return false
	}
	m.RoleIDs = slices.DeleteFunc(slices.Clone(m.RoleIDs), deleted)
	m.setHeld(m.held)
	return true
}

// User returns the account, and false if the client does not know its name. QueUp sends just the id of some accounts, and
// accounts are deleted.
func (m Member) User() (User, bool) {
	if m.client == nil {
		return User{}, false
	}
	return m.client.Users().Get(m.UserID)
}

// Room returns the room, and false if the client does not know it.
func (m Member) Room() (*Room, bool) {
	if m.client == nil {
		return nil, false
	}
	return m.client.Rooms().Get(m.RoomID)
}

// clone returns a copy of the member whose slice the caller may change.
func (m Member) clone() Member {
	m.RoleIDs = slices.Clone(m.RoleIDs)
	return m
}

// members is a store of a room's members that returns copies, whose slices the caller may change.
type members struct{ *cache.Table[UserID, Member] }

func (s members) Get(id UserID) (Member, bool) {
	m, ok := s.Table.Get(id)
	return m.clone(), ok
}

func (s members) All() iter.Seq2[UserID, Member] {
	return func(yield func(UserID, Member) bool) {
		for id, m := range s.Table.All() {
			if !yield(id, m.clone()) {
				return
			}
		}
	}
}

// Equal reports whether both have the same content, whatever client they come from.
func (m Member) Equal(n Member) bool {
	return m.ID == n.ID && m.UserID == n.UserID && m.RoomID == n.RoomID &&
		m.Dubs == n.Dubs && m.Played == n.Played && m.Skipped == n.Skipped &&
		m.QueuedNow == n.QueuedNow && m.Order == n.Order && m.WaitLine == n.WaitLine &&
		m.Authorized == n.Authorized && m.Muted == n.Muted && m.QueuePaused == n.QueuePaused &&
		m.Banned == n.Banned && m.BannedAt.Equal(n.BannedAt) && m.BannedUntil.Equal(n.BannedUntil) &&
		slices.Equal(m.RoleIDs, n.RoleIDs) && m.sameExtra(n.extra)
}

// String returns the user's name if it is known, else the id.
func (m Member) String() string {
	if u, ok := m.User(); ok {
		return u.String()
	}
	return fmt.Sprintf("member %s", m.UserID)
}

// memberUserID returns whose record it is.
func memberUserID(w wire.RoomUser) UserID { return cmp.Or(w.UserID, userID(w.User)) }

// MemberOf returns the user's record in a room, and false if the user is not there or the room is nil.
func (u User) MemberOf(room *Room) (Member, bool) { return room.Members().Get(u.ID) }
