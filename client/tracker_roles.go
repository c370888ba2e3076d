package client

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/queup-go/queup/gen/wire"
)

// applyRoleSet knows both forms of the event. Whom it is about need not be in the room. Source: docs/PROTOCOL.md 7,
// rule 24.
func (r *Room) applyRoleSet(e *wire.UserSetRole, meta Meta) {
	target, role := roleEvent(e.ModUser, e.RoleObject, e.TargetUser, e.Role)
	user, member, ok := r.someone(target, meta)
	if !ok || r.live.replay && slices.Contains(member.RoleIDs, role.ID) {
		return
	}
	role = r.byType(role)
	r.learnRole(role)
	r.keepRole(&member, role, true)
	r.client.events.emit(RoleSet{Meta: meta, User: user, Member: member.own(), By: r.by(e.User), Role: r.resolved(role).own()})
}

// applyRoleUnset is the reverse. Some roles go by themselves, so it is no error that nobody asked for it. Source:
// docs/PROTOCOL.md 7, rule 33.
func (r *Room) applyRoleUnset(e *wire.UserUnsetRole, meta Meta) {
	target, role := roleEvent(e.ModUser, e.RoleObject, e.TargetUser, e.Role)
	user, member, ok := r.someone(target, meta)
	if !ok || r.live.replay && !slices.Contains(member.RoleIDs, role.ID) {
		return
	}
	role = r.byType(role)
	r.keepRole(&member, role, false)
	r.client.events.emit(RoleUnset{Meta: meta, User: user, Member: member.own(), By: r.by(e.User), Role: r.resolved(role).own()})
}

// roleEvent reads the form of the fixed roles or that of the custom ones.
func roleEvent(modUser wire.User, object wire.Role, target wire.User, custom wire.RoomRole) (wire.User, Role) {
	if target.ID == "" {
		target = modUser
	}
	if role := newHeldRole(custom); role.ID != "" {
		return target, role
	}
	return target, newFixedRole(object)
}

// maxRoles bounds how many roles events can give a room, and a member, until they are read again.
const maxRoles = 256

// learnRole notes a role of the room's own that it should have told of before.
func (r *Room) learnRole(role Role) {
	a := r.authority()
	if _, known := a.role(role.ID); known || !a.custom || role.Label == "" || len(a.roles) >= maxRoles {
		return
	}
	r.mu.Lock()
	r.roles.roles = ranked(append(slices.Clone(r.roles.roles), role))
	r.mu.Unlock()
	r.readRolesSoon()
}

// resolved returns what the room knows of a role, where an event told its id alone.
func (r *Room) resolved(role Role) Role {
	if role.Label != "" {
		return role
	}
	if known, ok := r.authority().role(role.ID); ok {
		return known
	}
	return role
}

// byType returns the room's own role, where an event told its type alone.
func (r *Room) byType(role Role) Role {
	a := r.authority()
	if id, ok := a.resolve(role.ID); ok && role.byType && a.custom {
		role, _ = a.role(id)
	}
	return role
}

// keepRole notes that a member holds a role, or does not any more. Before there were custom roles, a member held one.
func (r *Room) keepRole(m *Member, role Role, holds bool) {
	if role.ID == "" { // a role that nothing is known of
		return
	}
	ids := slices.DeleteFunc(slices.Clone(m.RoleIDs), func(id RoleID) bool { return id == role.ID })
	if holds {
		if _, fixed := fixedRoles[role.ID]; fixed {
			ids = nil
		}
		ids = append(ids, role.ID)
		r.deleted.Remove(role.ID)
	}
	m.RoleIDs = ids[max(len(ids)-maxRoles, 0):]
	m.hold(append([]Role{role}, m.held...))
	r.keep(*m)
	if r.client.isMe(m.UserID) {
		r.readRolesSoon()
	}
}

// applyRoleWritten takes over a role that was made or changed: QueUp sends the whole role.
func (r *Room) applyRoleWritten(w wire.RoomRole, meta Meta) {
	role := newCustomRole(w)
	if role.ID == "" {
		r.client.events.emit(Malformed{Meta: meta, Err: errNoRole})
		return
	}
	r.deleted.Remove(role.ID)
	before, known := r.authority().role(role.ID)
	if r.live.replay && known && before.Equal(role) {
		return
	}
	r.editRoles(func(roles []Role) []Role {
		roles = append(slices.DeleteFunc(roles, func(old Role) bool { return old.ID == role.ID }), role)
		return roles[max(len(roles)-maxRoles, 0):]
	})
	if meta.Name == "room-role-create" {
		r.client.events.emit(RoleCreated{Meta: meta, Role: role.own()})
	} else {
		r.client.events.emit(RoleUpdated{Meta: meta, Role: role.own()})
	}
}

var errNoRole = errors.New("queup: the event does not say which role it is about")

// applyRoleDeleted takes the role from the room and from the members who held it. QueUp's records of them may name it for longer.
// Source: docs/PROTOCOL.md 1.8.
func (r *Room) applyRoleDeleted(id RoleID, meta Meta) {
	role, known := r.authority().role(id)
	if !known {
		if r.live.replay {
			return
		}
		role = Role{ID: id}
	}
	r.editRoles(func(roles []Role) []Role {
		return slices.DeleteFunc(roles, func(old Role) bool { return old.ID == id })
	})
	r.deleted.Add(id, struct{}{})
	r.forgetRoles()
	r.client.events.emit(RoleDeleted{Meta: meta, Role: role.own()})
}

// forgetRoles takes the roles that were deleted from the members.
func (r *Room) forgetRoles() {
	for _, e := range r.members.List() {
		if m := e.Value; m.forget(r.deleted.Contains) {
			r.put(m)
		}
	}
}

// rolesRead is to be called when all roles of the room were read: those that members hold beside them were deleted. The fixed
// roles stay, which the room's own may be made from.
func (r *Room) rolesRead() {
	a := r.authority()
	if !a.custom {
		return
	}
	for _, role := range a.roles {
		r.deleted.Remove(role.ID)
	}
	for _, e := range r.members.List() {
		for _, id := range e.Value.RoleIDs {
			_, exists := a.role(id)
			if _, fixed := fixedRoles[id]; !exists && !fixed {
				r.deleted.Add(id, struct{}{})
			}
		}
	}
	r.forgetRoles()
}

func (r *Room) applyRolesReordered(e *wire.RoomRolesReorder, meta Meta) {
	var roles []Role
	for _, w := range e.Roles {
		roles = append(roles, newCustomRole(w))
	}
	roles = ranked(roles)
	if r.live.replay && slices.EqualFunc(roles, r.authority().roles, Role.Equal) {
		return
	}
	if len(roles) > 0 {
		r.editRoles(func([]Role) []Role { return roles })
	} else { // the event does not say how
		r.readRolesSoon()
	}
	r.client.events.emit(RolesReordered{Meta: meta, Roles: r.Roles()})
}

// editRoles changes the room's own roles. What the client itself may do is worked out from them until QueUp has told.
func (r *Room) editRoles(change func([]Role) []Role) {
	r.mu.Lock()
	a := r.roles
	if !a.custom { // the fixed roles have no place among them
		a.roles = nil
	}
	a.known, a.custom = true, true
	a.roles = ranked(change(slices.Clone(a.roles)))
	if a.own != nil && !a.own.Unlimited {
		a.own = nil
	}
	r.roles = a
	r.mu.Unlock()
	r.readRolesSoon()
}

// Purposes of alarms.
const dueRoles = "roles" // read the roles again

// rolesDelay is how long news of roles are collected before they are read again.
const rolesDelay = time.Second

// readRolesSoon has the roles and the client's own standing read again. Source: docs/PROTOCOL.md 7, rule 24.
func (r *Room) readRolesSoon() {
	if r.pending(dueRoles) {
		return
	}
	r.mu.Lock()
	if r.roles.own != nil && !r.roles.own.Unlimited { // it is no longer certain
		r.roles.own = nil
	}
	r.mu.Unlock()
	r.alarm(dueRoles, rolesDelay, r.readRoles)
}

// readRoles reads the roles and the client's own standing.
func (r *Room) readRoles() {
	r.askInTurn(dueRoles, answerTimeout, func(ctx context.Context) func() {
		roles, err := r.fetchAuthority(ctx)
		if err != nil {
			r.client.log.WarnContext(ctx, "roles not read", r.logged(), slog.Any("error", err))
			return func() { r.later(dueRoles, err, r.readRoles) }
		}
		return func() {
			if !r.pending(dueRoles) && r.live.asking[dueRoles] == nil { // else they have changed again
				r.setRoles(roles)
				r.rolesRead()
			}
		}
	})
}

func (r *Room) setRoles(a authority) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.roles = a
}
