package client

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/queup-go/queup/gen/wire"
)

// maxRoles bounds the roles that events can add to a room, and to a member, until they are read again.
const maxRoles = 256

// applyRoleSet gives a user a role. It reads both forms of the event. The user need not be in the room. Source: docs/PROTOCOL.md 7,
// rule 24.
func (t *tracker) applyRoleSet(e *wire.UserSetRole, meta Meta) {
	target, role := roleEvent(e.ModUser, e.RoleObject, e.TargetUser, e.Role)
	user, member, ok := t.subject(target, meta)
	if !ok || t.stale && slices.Contains(member.RoleIDs, role.ID) {
		return
	}
	role = t.roleByType(role)
	t.learnRole(role)
	t.storeRole(&member, role, true)
	t.client.events.emit(RoleSet{Meta: meta, User: user, Member: member.clone(), By: t.actor(e.User), Role: t.fullRole(role).clone()})
}

// applyRoleUnset takes a role from a user. Some roles end by themselves, so nobody need have asked for it. Source: docs/PROTOCOL.md 7,
// rule 33.
func (t *tracker) applyRoleUnset(e *wire.UserUnsetRole, meta Meta) {
	target, role := roleEvent(e.ModUser, e.RoleObject, e.TargetUser, e.Role)
	user, member, ok := t.subject(target, meta)
	if !ok || t.stale && !slices.Contains(member.RoleIDs, role.ID) {
		return
	}
	role = t.roleByType(role)
	t.storeRole(&member, role, false)
	t.client.events.emit(RoleUnset{Meta: meta, User: user, Member: member.clone(), By: t.actor(e.User), Role: t.fullRole(role).clone()})
}

// roleEvent returns the user and the role of a role event, which has one form for fixed roles and one for custom roles.
func roleEvent(modUser wire.User, object wire.Role, target wire.User, custom wire.RoomRole) (wire.User, Role) {
	if target.ID == "" {
		target = modUser
	}
	if role := newHeldRole(custom); role.ID != "" {
		return target, role
	}
	return target, newFixedRole(object)
}

// learnRole adds a custom role that the room's list should have had already, and schedules a read of the roles.
func (t *tracker) learnRole(role Role) {
	a := t.room.authority()
	if _, known := a.role(role.ID); known || !a.custom || role.Label == "" || len(a.roles) >= maxRoles {
		return
	}
	t.room.mu.Lock()
	t.room.roles.roles = ranked(append(slices.Clone(t.room.roles.roles), role))
	t.room.mu.Unlock()
	t.readRolesSoon()
}

// fullRole returns the room's role with that id, if the event gave the id alone.
func (t *tracker) fullRole(role Role) Role {
	if role.Label != "" {
		return role
	}
	if known, ok := t.room.authority().role(role.ID); ok {
		return known
	}
	return role
}

// roleByType returns the room's custom role, if the event gave a role by its type alone.
func (t *tracker) roleByType(role Role) Role {
	a := t.room.authority()
	if id, ok := a.resolve(role.ID); ok && role.byType && a.custom {
		role, _ = a.role(id)
	}
	return role
}

// storeRole adds a role to a member's record or removes it, and stores the record. A fixed role replaces all others, because members held
// one role before there were custom roles.
func (t *tracker) storeRole(m *Member, role Role, holds bool) {
	if role.ID == "" { // the event does not say which role
		return
	}
	ids := slices.DeleteFunc(slices.Clone(m.RoleIDs), func(id RoleID) bool { return id == role.ID })
	if holds {
		if _, fixed := fixedRoles[role.ID]; fixed {
			ids = nil
		}
		ids = append(ids, role.ID)
		t.room.deleted.Remove(role.ID)
	}
	m.RoleIDs = ids[max(len(ids)-maxRoles, 0):]
	m.setHeld(append([]Role{role}, m.held...))
	t.storeMember(*m)
	if t.client.isMe(m.UserID) {
		t.readRolesSoon()
	}
}

// applyRoleWritten stores a role that was created or changed. QueUp sends the whole role.
func (t *tracker) applyRoleWritten(w wire.RoomRole, meta Meta) {
	role := newCustomRole(w)
	if role.ID == "" {
		t.client.events.emit(Malformed{Meta: meta, Err: errNoRole})
		return
	}
	t.room.deleted.Remove(role.ID)
	before, known := t.room.authority().role(role.ID)
	if t.stale && known && before.Equal(role) {
		return
	}
	t.editRoles(func(roles []Role) []Role {
		roles = append(slices.DeleteFunc(roles, func(old Role) bool { return old.ID == role.ID }), role)
		return roles[max(len(roles)-maxRoles, 0):]
	})
	if meta.Name == "room-role-create" {
		t.client.events.emit(RoleCreated{Meta: withID(meta, "RoleCreated", role.ID), Role: role.clone()})
	} else {
		t.client.events.emit(RoleUpdated{Meta: meta, Role: role.clone()})
	}
}

var errNoRole = errors.New("queup: the event does not say which role it is about")

// applyRoleDeleted removes the role from the room and from the members who held it. QueUp's records of these members may name it for
// longer. Source: docs/PROTOCOL.md 1.8.
func (t *tracker) applyRoleDeleted(id RoleID, meta Meta) {
	role, known := t.room.authority().role(id)
	if !known {
		if t.stale {
			return
		}
		role = Role{ID: id}
	}
	t.editRoles(func(roles []Role) []Role {
		return slices.DeleteFunc(roles, func(old Role) bool { return old.ID == id })
	})
	t.room.deleted.Add(id, struct{}{})
	t.stripDeletedRoles()
	t.client.events.emit(RoleDeleted{Meta: withID(meta, "RoleDeleted", role.ID), Role: role.clone()})
}

// stripDeletedRoles removes deleted roles from the members' records.
func (t *tracker) stripDeletedRoles() {
	for _, e := range t.room.members.List() {
		if m := e.Value; m.forget(t.room.deleted.Contains) {
			t.addMember(m)
		}
	}
}

// dropMissingRoles removes roles from members that the room does not have any more. It must be called after all roles of the room were
// read. Fixed roles stay, because custom roles may be made from them.
func (t *tracker) dropMissingRoles() {
	a := t.room.authority()
	if !a.custom {
		return
	}
	for _, role := range a.roles {
		t.room.deleted.Remove(role.ID)
	}
	for _, e := range t.room.members.List() {
		for _, id := range e.Value.RoleIDs {
			_, exists := a.role(id)
			if _, fixed := fixedRoles[id]; !exists && !fixed {
				t.room.deleted.Add(id, struct{}{})
			}
		}
	}
	t.stripDeletedRoles()
}

func (t *tracker) applyRolesReordered(e *wire.RoomRolesReorder, meta Meta) {
	var roles []Role
	for _, w := range e.Roles {
		roles = append(roles, newCustomRole(w))
	}
	roles = ranked(roles)
	if t.stale && slices.EqualFunc(roles, t.room.authority().roles, Role.Equal) {
		return
	}
	if len(roles) > 0 {
		t.editRoles(func([]Role) []Role { return roles })
	} else { // the event does not have the new order
		t.readRolesSoon()
	}
	t.client.events.emit(RolesReordered{Meta: meta, Roles: t.room.Roles()})
}

// editRoles changes the room's custom roles and schedules a read of all roles. Until then, the client's own standing is computed from them.
func (t *tracker) editRoles(change func([]Role) []Role) {
	t.room.mu.Lock()
	a := t.room.roles
	if !a.custom { // the fixed roles do not belong among them
		a.roles = nil
	}
	a.known, a.custom = true, true
	a.roles = ranked(change(slices.Clone(a.roles)))
	if a.own != nil && !a.own.Unlimited {
		a.own = nil
	}
	t.room.roles = a
	t.room.mu.Unlock()
	t.readRolesSoon()
}

// rolesDelay is how long changes of roles are coalesced before the roles are read.
const rolesDelay = time.Second

// readRolesSoon schedules a read of the roles and the client's own standing. Calls within rolesDelay are coalesced into one read. Source:
// docs/PROTOCOL.md 7, rule 24.
func (t *tracker) readRolesSoon() {
	if t.timerRuns(forRoles) {
		return
	}
	t.room.mu.Lock()
	if t.room.roles.own != nil && !t.room.roles.own.Unlimited { // it may have changed
		t.room.roles.own = nil
	}
	t.room.mu.Unlock()
	t.startTimer(forRoles, rolesDelay, t.readRoles)
}

// readRoles reads the roles and the client's own standing.
func (t *tracker) readRoles() {
	t.askOnce(forRoles, answerTimeout, func(ctx context.Context) func() {
		roles, err := t.room.fetchAuthority(ctx)
		if err != nil {
			t.client.log.WarnContext(ctx, "roles not read", t.room.logged(), slog.Any("error", err))
			return func() { t.retryLater(forRoles, err, t.readRoles) }
		}
		return func() {
			if !t.timerRuns(forRoles) && t.requests[forRoles] == nil { // otherwise they have changed again
				t.setRoles(roles)
				t.dropMissingRoles()
			}
		}
	})
}

func (t *tracker) setRoles(a authority) {
	t.room.mu.Lock()
	defer t.room.mu.Unlock()
	t.room.roles = a
}
