package queuptest

import (
	"time"

	"github.com/queup-go/queup/gen/queupserver"
	"github.com/queup-go/queup/gen/wire"
)

// SetRole lets someone give a user a role: in the classic world the fixed one, which replaces the one held; in the world of custom
// roles the one that the room began with under that name.
func (r *Room) SetRole(by, user string, role Role) {
	defer r.lock("SetRole")()
	r.turnRole(by, user, role, true)
}

// UnsetRole lets someone take a role from a user, under the conditions of SetRole.
func (r *Room) UnsetRole(by, user string, role Role) {
	defer r.lock("UnsetRole")()
	r.turnRole(by, user, role, false)
}

func (r *Room) turnRole(by, user string, role Role, on bool) {
	r.act(by, user, func(m, target *member, now time.Time) error {
		switch {
		case r.classic && on:
			return r.setFixed(m, target, role, now)
		case r.classic:
			return r.unsetFixed(m, target, role, now)
		}
		c, err := r.below(m, r.mustRole(role).id)
		if err != nil {
			return err
		}
		return r.assign(m, target, c, on, now)
	})
}

func (r *Room) mustRole(role Role) *customRole {
	c := r.roleLike(role)
	if c == nil {
		panic(mistake("%s has no role %q", r.slug, role))
	}
	return c
}

// RolesOf returns the labels of the roles that a user holds in the room, the highest first, without the default role.
func (r *Room) RolesOf(user string) []string {
	defer r.lock("RolesOf")()
	m := r.seen(r.account(user))
	labels := []string{}
	if m.role != "" {
		labels = append(labels, fixedRoles[m.role].Label)
	}
	for _, c := range m.roles {
		labels = append(labels, c.label)
	}
	return labels
}

// CreateRole lets someone make a role with these permissions, and returns its id. It ranks just above the default role. Like
// the four below, it is of the world of custom roles only.
func (r *Room) CreateRole(by, label string, permissions ...string) string {
	defer r.lock("CreateRole")()
	var id wire.RoleID
	r.inCustom(by, func(m *member, _ time.Time) error {
		c, err := r.createRole(m, &queupserver.RoleSettings{Label: label, Permissions: permissions})
		if err == nil {
			id = c.id
		}
		return err
	})
	return string(id)
}

// UpdateRole lets someone give a role another label and other permissions; nothing is left of those that it had.
func (r *Room) UpdateRole(by, id, label string, permissions ...string) {
	defer r.lock("UpdateRole")()
	r.inCustom(by, func(m *member, _ time.Time) error {
		_, err := r.updateRole(m, wire.RoleID(id), &queupserver.RoleSettings{Label: label, Permissions: permissions})
		return err
	})
}

// DeleteRole lets someone delete a role. Whoever holds it loses it.
func (r *Room) DeleteRole(by, id string) {
	defer r.lock("DeleteRole")()
	r.inCustom(by, func(m *member, _ time.Time) error { return r.deleteRole(m, wire.RoleID(id)) })
}

// ReorderRoles lets someone set the order of all roles by their ids, the highest first.
func (r *Room) ReorderRoles(by string, ids ...string) {
	defer r.lock("ReorderRoles")()
	r.inCustom(by, func(m *member, _ time.Time) error {
		var order []wire.RoleID
		for _, id := range ids {
			order = append(order, wire.RoleID(id))
		}
		return r.reorderRoles(m, order)
	})
}

// AssignRole lets someone give a user a role by its id, or take it.
func (r *Room) AssignRole(by, user, id string, on bool) {
	defer r.lock("AssignRole")()
	r.inCustom(by, func(m *member, now time.Time) error {
		target := r.seen(r.account(user))
		c, err := r.below(m, wire.RoleID(id))
		if err != nil {
			return err
		}
		if err := r.assign(m, target, c, on, now); err != nil {
			return err
		}
		r.keep(target)
		return nil
	})
}

// Roles returns the ids of the room's custom roles, the highest first; none in the classic world.
func (r *Room) Roles() []string {
	defer r.lock("Roles")()
	ids := []string{}
	for _, c := range r.roles {
		ids = append(ids, string(c.id))
	}
	return ids
}

func (r *Room) inCustom(by string, do func(m *member, now time.Time) error) {
	if r.classic {
		panic(mistake("%s has the fixed roles of the classic world", r.slug))
	}
	r.do(by, do)
}
