package client

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
)

// A Permission is the right to do something in a room. The old names from before custom roles (skip, queue-order, kick, …)
// mean the same as the names that replaced them. Source: docs/PROTOCOL.md 4.3.
type Permission string

// The permissions known so far.
const (
	PermRoomAdmin          Permission = "room.admin" // grants everything
	PermRoomManage         Permission = "room.manage"
	PermRoomAuditView      Permission = "room.audit.view"
	PermSettingsModeration Permission = "room.settings.moderation"
	PermQueueView          Permission = "queue.view"
	PermQueueJoin          Permission = "queue.join"
	PermQueueSkip          Permission = "queue.skip"
	PermQueueOrder         Permission = "queue.order"
	PermQueueRemove        Permission = "queue.remove"
	PermQueueLock          Permission = "queue.lock"
	PermQueueLockBypass    Permission = "queue.lock.bypass"
	PermQueueDJRemove      Permission = "queue.dj.remove"
	PermChatSend           Permission = "chat.send"
	PermChatDelete         Permission = "chat.delete"
	PermChatMention        Permission = "chat.mention"
	PermChatEmbedImage     Permission = "chat.embed.image"
	PermChatEmbedLink      Permission = "chat.embed.link"
	PermChatSlowModeBypass Permission = "chat.slowmode.bypass"
	PermMembersList        Permission = "members.list"
	PermMembersMute        Permission = "members.mute"
	PermMembersKick        Permission = "members.kick"
	PermMembersBan         Permission = "members.ban"
	PermRolesManage        Permission = "roles.manage"
	PermStreamAdmin        Permission = "stream.admin"
	PermStreamTitle        Permission = "stream.title"
)

// renamed maps the old names of permissions to the current ones. set-dj and set-managers have no successor.
var renamed = map[Permission]Permission{
	"update-room":  PermRoomManage,
	"set-roles":    PermRolesManage,
	"skip":         PermQueueSkip,
	"queue-order":  PermQueueOrder,
	"kick":         PermMembersKick,
	"ban":          PermMembersBan,
	"mute":         PermMembersMute,
	"lock-queue":   PermQueueLock,
	"delete-chat":  PermChatDelete,
	"chat-mention": PermChatMention,
	"chat":         PermChatSend,
	"mod-settings": PermSettingsModeration,
}

// implied maps a permission to those that imply it.
var implied = map[Permission][]Permission{
	PermQueueView: {
		PermSettingsModeration, PermQueueOrder, PermQueueRemove, PermQueueLock, PermQueueDJRemove, PermMembersKick, PermMembersBan,
	},
	PermMembersList: {PermMembersMute, PermMembersKick, PermMembersBan, PermRolesManage},
}

// split maps an old right that became several permissions to those besides the one in renamed.
var split = map[Permission][]Permission{
	"queue-order": {PermQueueRemove, PermQueueDJRemove},
}

// current returns the current name of a permission.
func (p Permission) current() Permission {
	if name, ok := renamed[p]; ok {
		return name
	}
	return p
}

// Ids of the fixed roles, the same in every room. Source: docs/PROTOCOL.md 4.1.
const (
	RoleCoOwner    RoleID = "5615fa9ae596154a5c000000"
	RoleManager    RoleID = "5615fd84e596150061000003"
	RoleModerator  RoleID = "52d1ce33c38a06510c000001"
	RoleVIP        RoleID = "5615fe1ee596154fc2000001"
	RoleResidentDJ RoleID = "5615feb8e596154fc2000002"
	RoleDJ         RoleID = "564435423f6ba174d2000001"
	RoleMember     RoleID = "65ef1e77ac32214febf09295"
)

// A Role is a set of permissions that members of a room can hold: one of the fixed roles, or since autumn 2026 one of
// the room's own. Source: docs/PROTOCOL.md 3.6, 3.7.
type Role struct {
	// ID identifies the role; the id of a custom role is unique to its room.
	ID RoleID `json:"id"`
	// Label is the name shown to people.
	Label string `json:"label"`
	// TemplateKey names the starter role it was copied from: co-owner, manager, mod, vip, resident-dj, dj, guest. It is
	// empty for a role made from scratch.
	TemplateKey string `json:"templateKey,omitempty"`
	// Position orders roles: higher has more authority. Only the order has a meaning.
	Position int64 `json:"position"`
	// Color is #rrggbb, empty for a fixed role.
	Color string `json:"color,omitempty"`
	// Permissions are the permissions it grants, without those they imply; see Can. The slice is a copy.
	Permissions []Permission `json:"permissions,omitempty"`
	// Default marks the one role that every member of the room holds.
	Default bool `json:"default,omitempty"`

	extra
	byType bool // QueUp sent its type and no id
}

// fixedRoles are the roles that every room had before custom roles, with QueUp's own positions for their successors.
var fixedRoles = map[RoleID]Role{
	RoleCoOwner: {ID: RoleCoOwner, Label: "Co-Owner", TemplateKey: "co-owner", Position: 896, Permissions: rights(
		"update-room", "set-roles", "set-managers", "skip", "queue-order", "kick", "ban", "mute", "set-dj", "lock-queue", "delete-chat",
		"chat-mention", "chat", "mod-settings")},
	RoleManager: {ID: RoleManager, Label: "Manager", TemplateKey: "manager", Position: 768, Permissions: rights(
		"set-roles", "skip", "queue-order", "kick", "ban", "mute", "set-dj", "lock-queue", "delete-chat", "chat-mention", "chat", "mod-settings")},
	RoleModerator: {ID: RoleModerator, Label: "Moderator", TemplateKey: "mod", Position: 640, Permissions: rights(
		"skip", "queue-order", "kick", "ban", "mute", "set-dj", "lock-queue", "delete-chat", "chat-mention", "chat", "mod-settings")},
	RoleVIP:        {ID: RoleVIP, Label: "VIP", TemplateKey: "vip", Position: 512, Permissions: rights("skip", "set-dj", "chat")},
	RoleResidentDJ: {ID: RoleResidentDJ, Label: "Resident DJ", TemplateKey: "resident-dj", Position: 384, Permissions: rights("set-dj", "chat")},
	RoleDJ:         {ID: RoleDJ, Label: "DJ", TemplateKey: "dj", Position: 256, Permissions: rights("chat")},
	RoleMember:     {ID: RoleMember, Label: "Member", TemplateKey: "member", Permissions: rights("chat")},
}

func permissions(names ...string) []Permission {
	list := make([]Permission, len(names))
	for i, name := range names {
		list[i] = Permission(name).current()
	}
	return list
}

// rights is permissions for a fixed role. It also adds the permissions in split.
func rights(names ...string) []Permission {
	list := permissions(names...)
	for _, name := range names {
		list = append(list, split[Permission(name)]...)
	}
	return list
}

// fixedRoleOf returns the id of the fixed role of a type, which is also the template of a starter role. It is empty for an
// unknown type. Source: docs/PROTOCOL.md 1.8, 4.1.
func fixedRoleOf(kind string) RoleID {
	for id, role := range fixedRoles {
		if role.TemplateKey == kind {
			return id
		}
	}
	return ""
}

// newFixedRole makes the value of a fixed role. If QueUp sends only the id, the rest is filled in. A role without an id is
// found by its type; if that is unknown, it stays without an id.
func newFixedRole(w wire.Role) Role {
	byType := w.ID == ""
	if byType {
		w.ID = fixedRoleOf(w.Type)
	}
	known := fixedRoles[w.ID]
	r := Role{ID: w.ID, byType: byType, Label: w.Label, TemplateKey: w.Type, Position: known.Position, Permissions: rights(w.Rights...), extra: extra{w.Extra}}
	if r.Label == "" {
		r.Label = known.Label
	}
	if r.TemplateKey == "" {
		r.TemplateKey = known.TemplateKey
	}
	if len(r.Permissions) == 0 {
		r.Permissions = known.Permissions
	}
	return r
}

func newCustomRole(w wire.RoomRole) Role {
	return Role{
		ID:          w.ID,
		Label:       w.Label,
		TemplateKey: w.TemplateKey,
		Position:    w.Position,
		Color:       w.Color,
		Permissions: permissions(w.Permissions...),
		Default:     w.Default,
		extra:       extra{w.Extra},
	}
}

// newHeldRole is newCustomRole for a role that a member holds. A role without an id is found by its template or its type.
func newHeldRole(w wire.RoomRole) Role {
	r := newCustomRole(w)
	if r.ID == "" {
		r.ID, r.byType = fixedRoleOf(cmp.Or(w.TemplateKey, w.Type)), true
		r.Label = cmp.Or(r.Label, fixedRoles[r.ID].Label)
	}
	return r
}

// same reports whether both are the same role, however QueUp sent them.
func (r Role) same(s Role) bool { return r.ID == s.ID }

// clone returns a copy of the role whose slice the caller may change.
func (r Role) clone() Role {
	r.Permissions = slices.Clone(r.Permissions)
	return r
}

// ownRoles clones each role of a list.
func ownRoles(roles []Role) []Role {
	roles = slices.Clone(roles)
	for i, r := range roles {
		roles[i] = r.clone()
	}
	return roles
}

// Can reports whether the role grants p: itself, through a permission that implies it, or through room.admin.
func (r Role) Can(p Permission) bool {
	p = p.current()
	if slices.Contains(r.Permissions, p) || slices.Contains(r.Permissions, PermRoomAdmin) {
		return true
	}
	return slices.ContainsFunc(implied[p], func(q Permission) bool { return slices.Contains(r.Permissions, q) })
}

// Equal reports whether both have the same content.
func (r Role) Equal(s Role) bool {
	return r.ID == s.ID && r.Label == s.Label && r.TemplateKey == s.TemplateKey && r.Position == s.Position && r.Color == s.Color &&
		slices.Equal(r.Permissions, s.Permissions) && r.Default == s.Default && r.sameExtra(s.extra)
}

// String returns the label, or the id if the label is not known.
func (r Role) String() string {
	if r.Label == "" {
		return string(r.ID)
	}
	return r.Label
}

// RoleSettings are the settings of a custom role.
type RoleSettings struct {
	// Label is the name shown to people, 1 to 32 characters.
	Label string
	// Color is #rrggbb, empty for none.
	Color string
	// Permissions are those to grant. An account can grant no more than it has.
	Permissions []Permission
	// Mentionable lets members mention the role.
	Mentionable bool
	// DisplaySeparately lists its holders under a heading of their own in the user list.
	DisplaySeparately bool
}

var colour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// maxRoleLabel is the longest label of a role, in characters. Source: docs/PROTOCOL.md 3.7.
const maxRoleLabel = 32

// request checks the settings and returns them in QueUp's form.
func (s RoleSettings) request(op string) (*queupapi.RoleSettings, error) {
	if n := utf8.RuneCountInString(s.Label); n == 0 || n > maxRoleLabel || strings.TrimSpace(s.Label) == "" {
		return nil, &ArgumentError{Op: op, Argument: "Label", Reason: "must have 1 to 32 characters"}
	}
	if s.Color != "" && !colour.MatchString(s.Color) {
		return nil, &ArgumentError{Op: op, Argument: "Color", Reason: "must look like #00aeff"}
	}
	request := &queupapi.RoleSettings{
		Label:             s.Label,
		Permissions:       []string{},
		Mentionable:       queupapi.NewOptBool(s.Mentionable),
		DisplaySeparately: queupapi.NewOptBool(s.DisplaySeparately),
	}
	if s.Color != "" {
		request.Color.SetTo(s.Color)
	}
	for _, p := range s.Permissions {
		request.Permissions = append(request.Permissions, string(p.current()))
	}
	return request, nil
}

// A Standing describes what the client itself may do in a room. Source: docs/PROTOCOL.md 3.7.
type Standing struct {
	// Permissions are all that the client has, including implied ones.
	Permissions []Permission `json:"permissions,omitempty"`
	// Position is its rank. It has no meaning if Unlimited is true.
	Position int64 `json:"position"`
	// Unlimited is true for the room's owner and QueUp's staff, who rank above everybody.
	Unlimited bool `json:"unlimited"`
	// Owner is true for the owner of the room.
	Owner bool `json:"owner"`
	// GlobalAdmin is true for QueUp's staff.
	GlobalAdmin bool `json:"globalAdmin"`
	// RoleIDs are the roles that the client holds.
	RoleIDs []RoleID `json:"roleIds,omitempty"`
}

// Equal reports whether both have the same content.
func (s Standing) Equal(t Standing) bool {
	return slices.Equal(s.Permissions, t.Permissions) && s.Position == t.Position && s.Unlimited == t.Unlimited && s.Owner == t.Owner &&
		s.GlobalAdmin == t.GlobalAdmin && slices.Equal(s.RoleIDs, t.RoleIDs)
}

func newStanding(w wire.Actor) Standing {
	s := Standing{Permissions: permissions(w.Permissions...), Owner: w.Owner, GlobalAdmin: w.GlobalAdmin, RoleIDs: w.Roles, Unlimited: w.Position == nil}
	if w.Position != nil {
		s.Position = *w.Position
	}
	return s
}
