package client

import (
	"cmp"
	"slices"
)

// authority is what is known of who may do what in a room, in either world of roles. It is a value that is replaced,
// never changed. Source: docs/PROTOCOL.md 4.
type authority struct {
	known  bool   // the roles have been read
	custom bool   // they are the room's own
	roles  []Role // the highest first
	owner  UserID
	me     UserID    // the client's own account, empty for a guest
	own    *Standing // what QueUp says of that account; nil while it has to be worked out from the roles
}

// everybody is what members without a role could do before there were custom roles.
var everybody = Role{Permissions: []Permission{
	PermQueueView, PermQueueJoin, PermChatSend, PermMembersList, PermChatEmbedImage, PermChatEmbedLink,
}}

// newAuthority sorts the roles. No custom roles at all mean that the room has the fixed ones.
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

// can reports whether u, who holds these roles, has a permission. Of the client's own account QueUp's word counts; of
// others the union of what they hold and of what everybody holds.
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

// rank is how high a user stands. Nobody stands above who has no limit.
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

// holdsAny reports whether there is a role among them that sets its holder apart: neither the default role nor that of
// 2024 for those who may chat.
func holdsAny(held []Role) bool {
	return slices.ContainsFunc(held, func(r Role) bool { return !r.Default && r.ID != RoleMember })
}

// A PermissionError means that a call was not sent, because QueUp would refuse it: the account lacks the permission in
// the room, or does not rank above whom it is about. It is also [ErrForbidden]. Source: docs/PROTOCOL.md 2.9, 4.
type PermissionError struct {
	// Op is the Go method.
	Op string
	// Permission is what the call needs. If User and Role are empty, it is what the account lacks.
	Permission Permission
	// User is whom the call cannot be about, empty if that is not the reason.
	User UserID
	// Role is the role that ranks too high for the call, empty if that is not the reason.
	Role RoleID
	// Reason says what stands in the way.
	Reason string
}

// Error names the call, the permission and the reason.
func (e *PermissionError) Error() string {
	if e.User != "" || e.Role != "" {
		return "queup: " + e.Op + ": not sent: " + e.Reason
	}
	return "queup: " + e.Op + ": not sent: it needs the permission " + string(e.Permission) + ", and " + e.Reason
}

// Is reports whether target is [ErrForbidden].
func (e *PermissionError) Is(target error) bool { return target == ErrForbidden }

// may returns what keeps the client from a call that needs a permission, nil if nothing does or if the roles of the
// room are not known.
func (r *Room) may(op string, p Permission) error {
	a := r.authority()
	if !a.known || a.can(a.me, r.rolesOf(a.me), p) {
		return nil
	}
	return &PermissionError{Op: op, Permission: p, Reason: "this account does not have it in the room"}
}

// mayOver is may for a kick, a ban or a mute. Before there were custom roles, and for mutes since, nobody who holds a
// role can be moderated. Source: docs/PROTOCOL.md 2.9.
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

// mayGrant is may for giving a role to a user, or taking it: both the role and the user must rank below the client.
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

// mayChange is may for writing a role of the room: it must rank below the client. Source: docs/PROTOCOL.md 2.10.
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

// mayBestow is may for what a role of the room is to grant: no more than the client has. A role keeps what it grants.
// Source: docs/PROTOCOL.md 2.10.
func (r *Room) mayBestow(op string, granted, before []Permission) error {
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

// authority returns what is known of the room's roles.
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

// rolesOf returns the roles that a user holds in the room, as far as is known.
func (r *Room) rolesOf(u UserID) []Role {
	m, _ := r.memberOrDeparted(u)
	return m.roles()
}

// Can reports whether a user has a permission in the room: through a role, through the role that everybody holds,
// through a permission that implies it or through room.admin. The owner has all; of the client itself, what QueUp says
// counts. Names from before custom roles are taken too. Of a room that is not joined only the owner is known. Source:
// docs/PROTOCOL.md 4.
func (r *Room) Can(u UserID, p Permission) bool {
	return r.authority().can(u, r.rolesOf(u), p)
}

// Outranks reports whether a stands above b: the position of a's highest role is higher. Nobody stands above the owner
// and QueUp's staff, and nobody above oneself. Source: docs/PROTOCOL.md 4.3.
func (r *Room) Outranks(a, b UserID) bool {
	if a == b {
		return false
	}
	known := r.authority()
	return known.rank(a, r.rolesOf(a)).above(known.rank(b, r.rolesOf(b)))
}

// AtLeast reports whether a user stands as high as a role or higher: the position of the user's highest role is not
// below it. The role is one of the room's, or one of [RoleCoOwner] to [RoleDJ], which stand for the roles that were made
// of them. The owner and QueUp's staff stand above all; for a role that the room does not have it is false of everybody
// else. Source: docs/PROTOCOL.md 4.3.
func (r *Room) AtLeast(u UserID, role RoleID) bool {
	own := r.authority().rank(u, r.rolesOf(u))
	wanted, ok := r.Role(role)
	return own.unlimited || ok && own.position >= wanted.Position
}

// Role returns a role of the room by its id, or the one that [RoleCoOwner] to [RoleDJ] stand for, and false if the room
// does not have it. Source: docs/PROTOCOL.md 4.
func (r *Room) Role(id RoleID) (Role, bool) {
	known := r.authority()
	id, _ = known.resolve(id)
	role, ok := known.role(id)
	return role.clone(), ok
}

// Roles returns the room's roles, the highest first and the default role last; the fixed roles for a room from before
// custom ones. It is empty for a room that is not joined; [Room.FetchRoles] reads them. Source: docs/PROTOCOL.md 4.
func (r *Room) Roles() []Role { return ownRoles(r.authority().roles) }

// Standing returns what the client itself may do in the room, and false if that is not known: the room is not joined,
// or has no custom roles. Source: docs/PROTOCOL.md 3.7.
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

// act checks that the client may act in the room at all.
func (r *Room) act() error {
	if !r.mayAct() {
		return ErrNotJoined
	}
	return nil
}

// actWith is act for what needs a permission.
func (r *Room) actWith(op string, p Permission) error {
	if err := r.act(); err != nil {
		return err
	}
	return r.may(op, p)
}

// target checks that the client may act in the room and that a user is named.
func (r *Room) target(op string, u UserID) error {
	if u == "" {
		return &ArgumentError{Op: op, Argument: "u", Reason: "is empty"}
	}
	return r.act()
}

// targetWith is target for what needs a permission.
func (r *Room) targetWith(op string, p Permission, u UserID) error {
	if err := r.target(op, u); err != nil {
		return err
	}
	return r.may(op, p)
}

// targetOver is target for what needs a permission and a rank above the user's.
func (r *Room) targetOver(op string, p Permission, u UserID) error {
	if err := r.target(op, u); err != nil {
		return err
	}
	return r.mayOver(op, p, u)
}
