package client

import (
	"cmp"
	"slices"
)

// authority is the state of a room's roles and permissions, with fixed or custom roles. It is a value that is replaced,
// never changed. Source: docs/PROTOCOL.md 4.
type authority struct {
	known  bool   // the roles have been read
	custom bool   // they are the room's own
	roles  []Role // the highest first
	owner  UserID
	me     UserID    // the client's own account, empty for a guest
	own    *Standing // QueUp's statement about that account; nil while it has to be derived from the roles
}

// everybody is the role of members without a role in a room without custom roles.
var everybody = Role{Permissions: []Permission{
	PermQueueView, PermQueueJoin, PermChatSend, PermMembersList, PermChatEmbedImage, PermChatEmbedLink,
}}

// newAuthority sorts the roles. A nil list of custom roles means that the room has the fixed ones.
func newAuthority(custom []Role, own *Standing) authority {
	a := authority{known: true, custom: custom != nil, roles: custom, own: own}
	if !a.custom {
		for _, role := range fixedRoles {
			a.roles = append(a.roles, role)
		}
	}
	a.roles = ranked(a.roles)
	return a
}

// ranked returns roles with the highest first, the default role last.
func ranked(roles []Role) []Role {
	roles = slices.Clone(roles)
	slices.SortStableFunc(roles, func(a, b Role) int {
		if a.Default != b.Default {
			if a.Default {
				return 1
			}
			return -1
		}
		return cmp.Or(cmp.Compare(b.Position, a.Position), cmp.Compare(a.ID, b.ID))
	})
	return roles
}

// role returns the role with an id.
func (a authority) role(id RoleID) (Role, bool) {
	if i := slices.IndexFunc(a.roles, func(r Role) bool { return r.ID == id }); i >= 0 {
		return a.roles[i], true
	}
	return Role{}, false
}

// byDefault returns the role that everybody holds.
func (a authority) byDefault() Role {
	if !a.custom {
		return everybody
	}
	if i := slices.IndexFunc(a.roles, func(r Role) bool { return r.Default }); i >= 0 {
		return a.roles[i]
	}
	return Role{}
}

// can reports whether u, who holds these roles, has a permission. For the client's own account QueUp's statement counts.
// For others it is the union of the roles they hold and the role that everybody holds.
func (a authority) can(u UserID, held []Role, p Permission) bool {
	if u == "" {
		return false
	}
	if u == a.owner {
		return true
	}
	if u == a.me && a.own != nil {
		return a.own.can(p)
	}
	if !a.custom && p.current() == PermQueueLockBypass && holdsAny(held) { // any role opened a locked queue
		return true
	}
	return a.byDefault().Can(p) || slices.ContainsFunc(held, func(r Role) bool { return r.Can(p) })
}

// rank orders users. A user without a limit outranks everyone.
type rank struct {
	position  int64
	unlimited bool
}

// rank returns the highest of the roles that u holds.
func (a authority) rank(u UserID, held []Role) rank {
	if u != "" && u == a.owner {
		return rank{unlimited: true}
	}
	if u != "" && u == a.me && a.own != nil {
		return rank{a.own.Position, a.own.Unlimited}
	}
	highest := a.byDefault().Position
	for _, role := range held {
		highest = max(highest, role.Position)
	}
	return rank{position: highest}
}

// above reports whether r is strictly higher.
func (r rank) above(s rank) bool {
	return !s.unlimited && (r.unlimited || r.position > s.position)
}

// can reports whether the account has a permission.
func (s Standing) can(p Permission) bool {
	return s.Owner || s.GlobalAdmin || (Role{Permissions: s.Permissions}).Can(p)
}

// holdsAny reports whether held has a role that sets its holder apart: neither the default role nor the role Member of
// 2024, which allows chat.
func holdsAny(held []Role) bool {
	return slices.ContainsFunc(held, func(r Role) bool { return !r.Default && r.ID != RoleMember })
}

// A PermissionError means that a call was not sent, because QueUp would refuse it. The account lacks the permission in the
// room, or does not rank above the user or the role. It is also [ErrForbidden]. Source: docs/PROTOCOL.md 2.9, 4.
type PermissionError struct {
	// Op is the Go method.
	Op string
	// Permission is what the call needs. If User and Role are empty, it is what the account lacks.
	Permission Permission
	// User is the user who may not be the target of the call, empty if that is not the reason.
	User UserID
	// Role is the role that ranks too high for the call, empty if that is not the reason.
	Role RoleID
	// Reason says why the call would be refused.
	Reason string
}

// Error returns the call, the permission and the reason.
func (e *PermissionError) Error() string {
	if e.User != "" || e.Role != "" {
		return "queup: " + e.Op + ": not sent: " + e.Reason
	}
	return "queup: " + e.Op + ": not sent: it needs the permission " + string(e.Permission) + ", and " + e.Reason
}

// Is reports whether target is [ErrForbidden].
func (e *PermissionError) Is(target error) bool { return target == ErrForbidden }

// may returns an error if the client lacks a permission. It returns nil if the roles of the room are not known.
func (r *Room) may(op string, p Permission) error {
	a := r.authority()
	if !a.known || a.can(a.me, r.rolesOf(a.me), p) {
		return nil
	}
	return &PermissionError{Op: op, Permission: p, Reason: "this account does not have it in the room"}
}

// mayOver is may for a kick, a ban or a mute. A member who holds a role cannot be muted. In a room without custom roles
// such a member cannot be kicked or banned either. Source: docs/PROTOCOL.md 2.9.
func (r *Room) mayOver(op string, p Permission, u UserID) error {
	if err := r.may(op, p); err != nil {
		return err
	}
	a := r.authority()
	if !a.known {
		return nil
	}
	refuse := func(reason string) error { return &PermissionError{Op: op, Permission: p, User: u, Reason: reason} }
	held := r.rolesOf(u)
	switch {
	case u == a.me:
		return refuse("it cannot be done to oneself")
	case u == a.owner:
		return refuse("it cannot be done to the owner of the room")
	case (!a.custom || p == PermMembersMute) && holdsAny(held):
		return refuse("it cannot be done to a member who holds a role")
	case a.custom && !a.rank(a.me, r.rolesOf(a.me)).above(a.rank(u, held)):
		return refuse("the member's rank is not below that of this account")
	}
	return nil
}

// mayGrant is may for giving a role to a user, or removing it. Both the role and the user must rank below the client.
func (r *Room) mayGrant(op string, u UserID, role RoleID) error {
	if err := r.may(op, PermRolesManage); err != nil {
		return err
	}
	a := r.authority()
	granted, known := a.role(role)
	if !a.known || !known {
		return nil
	}
	refuse := func(e PermissionError) error {
		e.Op, e.Permission = op, PermRolesManage
		return &e
	}
	own := a.rank(a.me, r.rolesOf(a.me))
	switch {
	case !own.above(rank{position: granted.Position}):
		return refuse(PermissionError{Role: role, Reason: roleTooHigh})
	case a.custom && u == a.me:
		return refuse(PermissionError{User: u, Reason: "it cannot be done to oneself"})
	case u != a.me && !own.above(a.rank(u, r.rolesOf(u))):
		return refuse(PermissionError{User: u, Reason: "the member's rank is not below that of this account"})
	}
	return nil
}

const roleTooHigh = "the role's rank is not below that of this account"

// mayChange is may for changing a role of the room, which must rank below the client. Source: docs/PROTOCOL.md 2.10.
func (r *Room) mayChange(op string, role RoleID) error {
	if err := r.may(op, PermRolesManage); err != nil {
		return err
	}
	a := r.authority()
	changed, known := a.role(role)
	if known && !a.rank(a.me, r.rolesOf(a.me)).above(rank{position: changed.Position}) {
		return &PermissionError{Op: op, Permission: PermRolesManage, Role: role, Reason: roleTooHigh}
	}
	return nil
}

// mayGrantPermissions is may for the permissions that a role of the room will grant: no more than the client has. A role may keep the
// permissions that it grants already. Source: docs/PROTOCOL.md 2.10.
func (r *Room) mayGrantPermissions(op string, granted, before []Permission) error {
	for _, p := range granted {
		if slices.Contains(before, p.current()) {
			continue
		}
		if err := r.may(op, p.current()); err != nil {
			return err
		}
	}
	return nil
}

// authority returns the state of the room's roles.
func (r *Room) authority() authority {
	var me UserID
	if r.client != nil {
		me = r.client.myID()
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	a := r.roles
	a.owner, a.me = r.info.OwnerID, me
	return a
}

// rolesOf returns the known roles of a user in the room.
func (r *Room) rolesOf(u UserID) []Role {
	m, _ := r.memberOrDeparted(u)
	return m.roles()
}

// Can reports whether a user has a permission in the room. The user can have it through a role, through the role that
// everybody holds, through a permission that implies it or through room.admin. The owner has all permissions. For the
// client itself, QueUp's statement counts. The old names from before custom roles are accepted too. In a room that is not
// joined only the owner is known. Source: docs/PROTOCOL.md 4.
func (r *Room) Can(u UserID, p Permission) bool {
	return r.authority().can(u, r.rolesOf(u), p)
}

// Outranks reports whether a ranks above b: the position of a's highest role is higher. No user outranks the owner, QueUp's
// staff or themselves. Source: docs/PROTOCOL.md 4.3.
func (r *Room) Outranks(a, b UserID) bool {
	if a == b {
		return false
	}
	known := r.authority()
	return known.rank(a, r.rolesOf(a)).above(known.rank(b, r.rolesOf(b)))
}

// AtLeast reports whether a user ranks at least as high as a role: the position of the user's highest role is not below it.
// The role is one of the room's, or one of [RoleCoOwner] to [RoleDJ], which stand for the roles that were made from them.
// The owner and QueUp's staff rank above all roles. For everyone else it reports false if the room has no such role.
// Source: docs/PROTOCOL.md 4.3.
func (r *Room) AtLeast(u UserID, role RoleID) bool {
	own := r.authority().rank(u, r.rolesOf(u))
	wanted, ok := r.Role(role)
	return own.unlimited || ok && own.position >= wanted.Position
}

// Role returns a role of the room by its id, and false if the room does not have it. The constants [RoleCoOwner] to
// [RoleDJ] stand for the roles that were made from them. Source: docs/PROTOCOL.md 4.
func (r *Room) Role(id RoleID) (Role, bool) {
	known := r.authority()
	id, _ = known.resolve(id)
	role, ok := known.role(id)
	return role.clone(), ok
}

// Roles returns the room's roles, the highest first and the default role last. A room without custom roles has the fixed
// ones. The list is empty for a room that is not joined; [Room.FetchRoles] reads the roles. Source: docs/PROTOCOL.md 4.
func (r *Room) Roles() []Role { return ownRoles(r.authority().roles) }

// Standing returns what the client itself may do in the room. It is false if that is not known, because the room is not
// joined or has no custom roles. Source: docs/PROTOCOL.md 3.7.
func (r *Room) Standing() (Standing, bool) {
	if a := r.authority(); a.own != nil {
		own := *a.own
		own.Permissions, own.RoleIDs = slices.Clone(own.Permissions), slices.Clone(own.RoleIDs)
		return own, true
	}
	return Standing{}, false
}

// resolve returns the id of the role that id stands for: itself, or in a room with custom roles the one made from the
// template of a fixed role.
func (a authority) resolve(id RoleID) (RoleID, bool) {
	if _, ok := a.role(id); ok || !a.custom {
		return id, true
	}
	if fixed, ok := fixedRoles[id]; ok {
		if i := slices.IndexFunc(a.roles, func(r Role) bool { return r.TemplateKey == fixed.TemplateKey }); i >= 0 {
			return a.roles[i].ID, true
		}
	}
	return "", false
}

// act returns an error if the client may not act in the room at all.
func (r *Room) act() error {
	switch {
	case r.client != nil && r.client.closed():
		return ErrClosed
	case r.mayAct():
		return nil
	default:
		return r.notJoined()
	}
}

// notJoined returns the error of a call in a room that is not joined.
func (r *Room) notJoined() error {
	switch {
	case r.client != nil && r.client.detached:
		return ErrDetached
	case r.hasLeft():
		return &leftError{r.Slug()}
	default:
		return ErrNotJoined
	}
}

// actWith is act for calls that need a permission.
func (r *Room) actWith(op string, p Permission) error {
	if err := r.act(); err != nil {
		return err
	}
	return r.may(op, p)
}

// target returns an error if the client may not act in the room or if no user is named.
func (r *Room) target(op string, u UserID) error {
	if u == "" {
		return &ArgumentError{Op: op, Argument: "u", Reason: "is empty"}
	}
	return r.act()
}

// targetWith is target for calls that need a permission.
func (r *Room) targetWith(op string, p Permission, u UserID) error {
	if err := r.target(op, u); err != nil {
		return err
	}
	return r.may(op, p)
}

// targetOver is target for calls that need a permission and a rank above the user's.
func (r *Room) targetOver(op string, p Permission, u UserID) error {
	if err := r.target(op, u); err != nil {
		return err
	}
	return r.mayOver(op, p, u)
}

// Roles returns the roles that the member holds, the highest first and without the default role. They are as the room has
// them now: changed roles are the new ones, and deleted ones are left out. A role of which only the id is known has no
// other field set.
func (m Member) Roles() []Role { return ownRoles(m.roles()) }

// roles is Roles for the client itself, which does not change the slices in them.
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

// role returns a role that the member holds, and false if the room no longer has it.
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
		if r.ID == id && r.Label != "" { // a role without a label has nothing but its id
			return r, true
		}
	}
	if r, ok := fixedRoles[id]; ok {
		return r, true
	}
	return Role{ID: id}, true
}

// Role returns the highest role that the member holds, and false if there is none.
func (m Member) Role() (Role, bool) {
	roles := m.roles()
	if len(roles) == 0 {
		return Role{}, false
	}
	return roles[0].clone(), true
}
