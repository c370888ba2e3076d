package client

import (
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/queup-go/queup/client/internal/cache"
	"github.com/queup-go/queup/gen/wire"
)

// A Member is the record of a user in one room at a moment. Source: docs/PROTOCOL.md 3.5.
type Member struct {
	// ID is the record's own id, not the user's.
	ID MemberID `json:"id"`
	// UserID is whose record it is.
	UserID UserID `json:"userId"`
	// RoomID is the room.
	RoomID RoomID `json:"roomId"`
	// Dubs counts the votes that the user's songs received in this room.
	Dubs int64 `json:"dubs"`
	// Played counts the user's songs that played here.
	Played int64 `json:"played"`
	// Skipped counts those that were skipped.
	Skipped int64 `json:"skipped"`
	// QueuedNow is the size of the user's own queue here.
	QueuedNow int64 `json:"queuedNow"`
	// Order is the place in the queue as QueUp tells it, 99999 or more for who is not queued.
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
	// BannedAt is when the ban began, zero without one.
	BannedAt time.Time `json:"bannedAt,omitzero"`
	// BannedUntil is when the ban ends, zero for a permanent one.
	BannedUntil time.Time `json:"bannedUntil,omitzero"`
	// RoleIDs are the roles held, without the default role; see Roles. A role of which QueUp tells the type alone is one of
	// [RoleCoOwner] to [RoleMember]. A role that is deleted is not among them any more. The slice is a copy.
	RoleIDs []RoleID `json:"roleIds,omitempty"`

	extra
	client *Client
	held   []Role // what QueUp told of the roles; not changed once set
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

// extraOf returns what a record tells that a Member has no field for. Roles that have no id and no type that is known are among it.
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

// roleList writes roles as a record has them.
type roleList []wire.RoomRole

// MarshalJSON writes a list of them.
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

// accountOf returns the account that a record is about. The record has its id, where the account has none. Source:
// docs/PROTOCOL.md 1.8.
func accountOf(w wire.RoomUser) wire.User {
	w.User.ID = cmp.Or(userID(w.User), memberUserID(w))
	return w.User
}

// addsNoRoles reports whether a record tells nothing of roles that is not known: none, or the known ones by their ids
// alone, as most events do.
func addsNoRoles(w wire.RoomUser, known []RoleID) bool {
	if len(w.Roles) > 0 {
		return slices.EqualFunc(w.Roles, known, func(told wire.RoomRole, id RoleID) bool { return newHeldRole(told).ID == id && told.Label == "" })
	}
	role := newFixedRole(w.Role)
	return role.ID == "" || w.Role.Label == "" && len(known) == 1 && known[0] == role.ID
}

// hold notes what QueUp told of the roles: of each that the member holds, the first telling with a label.
func (m *Member) hold(told []Role) {
	m.held = nil
	for _, id := range m.RoleIDs {
		if i := slices.IndexFunc(told, func(r Role) bool { return r.ID == id && r.Label != "" }); i >= 0 {
			m.held = append(m.held, told[i])
		}
	}
}

// forget takes roles from the member, and reports whether any of them was held.
func (m *Member) forget(deleted func(RoleID) bool) bool {
	if !slices.ContainsFunc(m.RoleIDs, deleted) {
		return false
	}
	m.RoleIDs = slices.DeleteFunc(slices.Clone(m.RoleIDs), deleted)
	m.hold(m.held)
	return true
}

// User returns the account, and false if the client does not know its name: QueUp tells the id alone of some, and accounts are
// deleted.
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

// clone returns the member for somebody else, who may change the slice.
func (m Member) clone() Member {
	m.RoleIDs = slices.Clone(m.RoleIDs)
	return m
}

// members is a store of the members of a room for those who may change the slices in them.
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

// Roles returns the roles held, the highest first and without the default role, as the room has them now: a role that
// was changed since is the new one, and one that was deleted is gone. A role of which only the id is known has just
// that.
func (m Member) Roles() []Role { return ownRoles(m.roles()) }

// roles is Roles for the client itself, which changes nothing in them.
func (m Member) roles() []Role {
	var known authority
	if room, ok := m.Room(); ok {
		known = room.authority()
	}
	var roles []Role
	for _, id := range m.RoleIDs {
		if role, exists := m.role(known, id); exists && !role.Default {
			roles = append(roles, role)
		}
	}
	return ranked(roles)
}

// role returns what is known of a role held, and false if the room does not have it any more.
func (m Member) role(known authority, id RoleID) (Role, bool) {
	if role, ok := known.role(id); ok {
		return role, true
	}
	if known.custom {
		if !slices.ContainsFunc(m.held, func(r Role) bool { return r.ID == id && r.byType }) {
			return Role{}, false
		}
		own, _ := known.resolve(id) // the room's own role of that type
		return known.role(own)
	}
	for _, r := range m.held {
		if r.ID == id && r.Label != "" { // a role without a label is no more than its id
			return r, true
		}
	}
	if r, ok := fixedRoles[id]; ok {
		return r, true
	}
	return Role{ID: id}, true
}

// Role returns the highest role held, and false if there is none.
func (m Member) Role() (Role, bool) {
	roles := m.roles()
	if len(roles) == 0 {
		return Role{}, false
	}
	return roles[0].clone(), true
}

// Equal reports whether both tell the same, whatever client they come from.
func (m Member) Equal(n Member) bool {
	return m.ID == n.ID && m.UserID == n.UserID && m.RoomID == n.RoomID &&
		m.Dubs == n.Dubs && m.Played == n.Played && m.Skipped == n.Skipped &&
		m.QueuedNow == n.QueuedNow && m.Order == n.Order && m.WaitLine == n.WaitLine &&
		m.Authorized == n.Authorized && m.Muted == n.Muted && m.QueuePaused == n.QueuePaused &&
		m.Banned == n.Banned && m.BannedAt.Equal(n.BannedAt) && m.BannedUntil.Equal(n.BannedUntil) &&
		slices.Equal(m.RoleIDs, n.RoleIDs) && m.sameExtra(n.extra)
}

// String returns the user's name where it is known, else the id.
func (m Member) String() string {
	if u, ok := m.User(); ok {
		return u.String()
	}
	return fmt.Sprintf("member %s", m.UserID)
}

// memberUserID returns whose record it is.
func memberUserID(w wire.RoomUser) UserID { return cmp.Or(w.UserID, userID(w.User)) }
