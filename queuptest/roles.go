package queuptest

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-faster/jx"

	"github.com/queup-go/queup/gen/queupserver"
	"github.com/queup-go/queup/gen/wire"
)

// customRole is a role of one room in the custom world. It is guarded by state.mu.
type customRole struct {
	id          wire.RoleID
	template    Role // the starter role it was; empty: made later
	label       string
	color       string
	position    int64
	permissions []string
	isDefault   bool
	mentionable bool
	separate    bool
}

// The texts of refusals; all are ours.
const (
	textNoRole      = "Role not found"
	textRoleLabel   = "label must have 1 to 32 characters"
	textRoleColor   = "color must be #rrggbb"
	textRoleKey     = "unknown permission"
	textRoleGrant   = "You cannot grant what you may not do yourself"
	textRoleRank    = "You cannot do that to a role of your rank or above"
	textRoleDefault = "Everybody holds the default role"
	textRoleOrder   = "order must have every role once, the default role last"
	textRoleNotHeld = "The user does not hold the role"
	textRoleMany    = "Too many roles"
)

const (
	maxRoles     = 250 // an assumption, and a bound
	maxRoleLabel = 32
)

var colorShape = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// addStarterRoles gives a room its first roles. The caller holds s.mu.
func (r *room) addStarterRoles() {
	for _, starter := range starterRoles {
		role := starter
		role.id = wire.RoleID(r.state.id(idRole))
		r.roles = append(r.roles, &role)
	}
}

func (r *room) defaultRole() *customRole { return r.roles[len(r.roles)-1] }

// roleByID finds a role of the custom world; nil if there is none. The caller holds s.mu.
func (r *room) roleByID(id wire.RoleID) *customRole {
	if i := slices.IndexFunc(r.roles, func(c *customRole) bool { return c.id == id }); i >= 0 {
		return r.roles[i]
	}
	return nil
}

// roleLike finds the role that a starter role became; nil if it is gone. The caller holds s.mu.
func (r *room) roleLike(template Role) *customRole {
	if i := slices.IndexFunc(r.roles, func(c *customRole) bool { return c.template == template }); i >= 0 {
		return r.roles[i]
	}
	return nil
}

// give makes a member hold a role that a world gives.
func (r *room) give(m *member, role Role) {
	if r.classic {
		m.role = role
	} else {
		r.hold(m, r.roleLike(role))
	}
}

// hold makes a member hold a custom role.
func (r *room) hold(m *member, role *customRole) {
	m.roles = append(m.roles, role)
	r.sortRoles(m)
}

func (r *room) sortRoles(m *member) {
	slices.SortFunc(m.roles, func(a, b *customRole) int { return cmp.Compare(b.position, a.position) })
}

func (r *room) drop(m *member, role *customRole) {
	m.roles = slices.DeleteFunc(m.roles, func(c *customRole) bool { return c == role })
}

// wireCustom is a custom role.
func (r *room) wireCustom(c *customRole) wire.RoomRole {
	w := wire.RoomRole{
		ID: c.id, RoomID: r.id, TemplateKey: string(c.template), Type: cmp.Or(string(c.template), "custom"), Label: c.label,
		Position: c.position, Color: c.color, Permissions: c.permissions, Default: c.isDefault, Mentionable: c.mentionable,
		DisplaySeparately: c.separate, Extra: map[string]json.RawMessage{},
	}
	if w.TemplateKey == "" {
		w.Extra["templateKey"] = json.RawMessage(`null`)
	}
	if len(w.Permissions) == 0 {
		w.Extra["permissions"] = json.RawMessage(`[]`)
	}
	if w.Position == 0 {
		w.Extra["position"] = json.RawMessage(`0`)
	}
	falses(w.Extra, map[string]bool{"isDefault": c.isDefault, "mentionable": c.mentionable, "displaySeparately": c.separate})
	return w
}

func (r *room) wireCustoms() []wire.RoomRole {
	all := []wire.RoomRole{}
	for _, c := range r.roles {
		all = append(all, r.wireCustom(c))
	}
	return all
}

// wireActor is what a member may do. The default role is among the roles, as it was seen to be; docs/PROTOCOL.md 3.7.
func (r *room) wireActor(m *member) wire.Actor {
	a := wire.Actor{Permissions: r.permissionsOf(m), Owner: m.account == r.owner, Roles: []wire.RoleID{}}
	if !a.Owner {
		position := r.rank(m)
		a.Position = &position
	}
	for _, c := range m.roles {
		a.Roles = append(a.Roles, c.id)
	}
	a.Roles = append(a.Roles, r.defaultRole().id)
	return a
}

// inRoles runs what is about custom roles. In the classic world there is nothing of the kind.
func (h *rest) inRoles(ctx context.Context, id wire.RoomID, do func(r *room, me *member) error) error {
	if h.classic {
		return errNotFound
	}
	_, err := h.act(ctx, id, func(r *room, me *member, _ time.Time) error { return do(r, me) })
	return err
}

// Permissions implements GET /permissions. Its shape is a guess.
func (h *rest) Permissions(context.Context) (*queupserver.RawEnvelope, error) {
	if h.classic {
		return nil, errNotFound
	}
	var e jx.Encoder
	e.Arr(func(e *jx.Encoder) {
		for _, key := range permissionKeys {
			e.Obj(func(e *jx.Encoder) { e.Field("key", func(e *jx.Encoder) { e.Str(key) }) })
		}
	})
	return &queupserver.RawEnvelope{Code: okCode, Message: okText, Data: e.Bytes()}, nil
}

// RoomRoles implements GET /room/{roomId}/roles.
func (h *rest) RoomRoles(ctx context.Context, p queupserver.RoomRolesParams) (out wire.RoomRolesEnvelope, _ error) {
	var roles wire.RoomRoles
	err := h.inRoles(ctx, p.RoomID, func(r *room, me *member) error {
		roles = wire.RoomRoles{Roles: r.wireCustoms(), Actor: r.wireActor(me)}
		return nil
	})
	if err != nil {
		return out, err
	}
	return wire.RoomRolesEnvelope{Envelope: success, Data: roles}, nil
}

// OwnPermissions implements GET /room/{roomId}/permissions/me.
func (h *rest) OwnPermissions(ctx context.Context, p queupserver.OwnPermissionsParams) (out wire.ActorEnvelope, _ error) {
	var actor wire.Actor
	err := h.inRoles(ctx, p.RoomID, func(r *room, me *member) error {
		actor = r.wireActor(me)
		return nil
	})
	if err != nil {
		return out, err
	}
	return wire.ActorEnvelope{Envelope: success, Data: actor}, nil
}

// fill makes a role what the request says, all of it. Who does it must hold what the role is to grant anew.
func (r *room) fill(c *customRole, req *queupserver.RoleSettings, me *member) error {
	label, color := strings.TrimSpace(req.Label), req.Color.Or("")
	if n := utf8.RuneCountInString(label); n < 1 || n > maxRoleLabel {
		return errorE1(http.StatusBadRequest, textRoleLabel)
	}
	if color != "" && !colorShape.MatchString(color) {
		return errorE1(http.StatusBadRequest, textRoleColor)
	}
	own := r.permissionsOf(me)
	permissions := []string{}
	for _, p := range permissionKeys {
		if slices.Contains(req.Permissions, p) {
			permissions = append(permissions, p)
		}
	}
	for _, p := range req.Permissions {
		switch {
		case !slices.Contains(permissionKeys, p):
			return errorE1(http.StatusBadRequest, textRoleKey+" "+p)
		case !slices.Contains(own, p) && !slices.Contains(c.permissions, p):
			return errorE1(http.StatusUnauthorized, textRoleGrant)
		}
	}
	c.label, c.color, c.permissions = label, color, permissions
	c.mentionable, c.separate = req.Mentionable.Or(false), req.DisplaySeparately.Or(false)
	return nil
}

// rolePlace is the position of a role just above the default one. Where no number is left, all positions are dealt anew.
func (r *room) rolePlace() int64 {
	if n := len(r.roles); n > 1 {
		if above := r.roles[n-2].position; above/2 > 0 {
			return above / 2
		}
		for i, c := range r.roles {
			c.position = 128 * int64(n-i)
		}
		r.defaultRole().position = 0
	}
	return 128
}

// rawRole answers with a role.
func (r *room) rawRole(c *customRole) *queupserver.RawEnvelope {
	var e jx.Encoder
	w := r.wireCustom(c)
	w.Encode(&e)
	return &queupserver.RawEnvelope{Code: okCode, Message: okText, Data: e.Bytes()}
}

// CreateRole implements POST /room/{roomId}/roles.
func (h *rest) CreateRole(ctx context.Context, req *queupserver.RoleSettings, p queupserver.CreateRoleParams) (out *queupserver.RawEnvelope, err error) {
	err = h.inRoles(ctx, p.RoomID, func(r *room, me *member) error {
		c, err := r.createRole(me, req)
		if err == nil {
			out = r.rawRole(c)
		}
		return err
	})
	return out, err
}

// createRole makes a role just above the default one.
func (r *room) createRole(by *member, req *queupserver.RoleSettings) (*customRole, error) {
	if err := r.need(by, permRoles); err != nil {
		return nil, err
	}
	if len(r.roles) >= maxRoles {
		return nil, errorE1(http.StatusBadRequest, textRoleMany)
	}
	c := &customRole{}
	if err := r.fill(c, req, by); err != nil {
		return nil, err
	}
	c.position = r.rolePlace()
	c.id = wire.RoleID(r.state.id(idRole))
	r.roles = slices.Insert(r.roles, len(r.roles)-1, c)
	r.emit(&wire.RoomRoleCreate{Role: r.wireCustom(c)})
	return c, nil
}

// below finds a role that someone may change: one that ranks below.
func (r *room) below(me *member, id wire.RoleID) (*customRole, error) {
	if err := r.need(me, permRoles); err != nil {
		return nil, err
	}
	c := r.roleByID(id)
	switch {
	case c == nil:
		return nil, errorE1(http.StatusNotFound, textNoRole)
	case c.position >= r.rank(me):
		return nil, errorE1(http.StatusUnauthorized, textRoleRank)
	}
	return c, nil
}

// UpdateRole implements PUT /room/{roomId}/roles/{roleId}. What the request leaves out is cleared.
func (h *rest) UpdateRole(ctx context.Context, req *queupserver.RoleSettings, p queupserver.UpdateRoleParams) (out *queupserver.RawEnvelope, err error) {
	err = h.inRoles(ctx, p.RoomID, func(r *room, me *member) error {
		c, err := r.updateRole(me, p.RoleID, req)
		if err == nil {
			out = r.rawRole(c)
		}
		return err
	})
	return out, err
}

// updateRole makes a role what the request says.
func (r *room) updateRole(by *member, id wire.RoleID, req *queupserver.RoleSettings) (*customRole, error) {
	c, err := r.below(by, id)
	if err != nil {
		return nil, err
	}
	if err := r.fill(c, req, by); err != nil {
		return nil, err
	}
	r.emit(&wire.RoomRoleUpdate{Role: r.wireCustom(c)})
	return c, nil
}

// DeleteRole implements DELETE /room/{roomId}/roles/{roleId}.
func (h *rest) DeleteRole(ctx context.Context, p queupserver.DeleteRoleParams) (*queupserver.DoneEnvelope, error) {
	err := h.inRoles(ctx, p.RoomID, func(r *room, me *member) error { return r.deleteRole(me, p.RoleID) })
	if err != nil {
		return nil, err
	}
	return done(), nil
}

// deleteRole takes a role from all who hold it, and from the room.
func (r *room) deleteRole(by *member, id wire.RoleID) error {
	c, err := r.below(by, id)
	if err != nil {
		return err
	}
	if c.isDefault {
		return errorE1(http.StatusBadRequest, textRoleDefault)
	}
	r.roles = slices.DeleteFunc(r.roles, func(o *customRole) bool { return o == c })
	for _, m := range r.members {
		r.drop(m, c)
	}
	r.emit(&wire.RoomRoleDelete{RoleID: c.id})
	return nil
}

// ReorderRoles implements PUT /room/{roomId}/roles/order.
func (h *rest) ReorderRoles(ctx context.Context, req *queupserver.RoleOrderRequest, p queupserver.ReorderRolesParams) (out *queupserver.RawEnvelope, err error) {
	err = h.inRoles(ctx, p.RoomID, func(r *room, me *member) error {
		if err := r.reorderRoles(me, req.Order); err != nil {
			return err
		}
		var e jx.Encoder
		e.Arr(func(e *jx.Encoder) {
			for _, w := range r.wireCustoms() {
				w.Encode(e)
			}
		})
		out = &queupserver.RawEnvelope{Code: okCode, Message: okText, Data: e.Bytes()}
		return nil
	})
	return out, err
}

// reorderRoles sets the order of all roles, the highest first.
func (r *room) reorderRoles(by *member, order []wire.RoleID) error {
	if err := r.need(by, permRoles); err != nil {
		return err
	}
	ordered, ok := permuted(r.roles, order, func(c *customRole) wire.RoleID { return c.id })
	if !ok || !ordered[len(ordered)-1].isDefault {
		return errorE1(http.StatusBadRequest, textRoleOrder)
	}
	rank := r.rank(by)
	for i, c := range r.roles {
		if c.position >= rank && ordered[i] != c {
			return errorE1(http.StatusUnauthorized, textRoleRank)
		}
	}
	positions := make([]int64, len(r.roles))
	for i, c := range r.roles {
		positions[i] = c.position
	}
	for i, c := range ordered {
		c.position = positions[i]
	}
	r.roles = ordered
	for _, m := range r.members {
		r.sortRoles(m)
	}
	r.emit(&wire.RoomRolesReorder{Roles: r.wireCustoms()})
	return nil
}

// permuted puts things into the order of their ids; false unless each id is there exactly once.
func permuted[T any, ID comparable](things []T, order []ID, id func(T) ID) ([]T, bool) {
	byID := map[ID]T{}
	for _, t := range things {
		byID[id(t)] = t
	}
	var ordered []T
	for _, o := range order {
		t, ok := byID[o]
		if !ok {
			return nil, false
		}
		delete(byID, o)
		ordered = append(ordered, t)
	}
	return ordered, len(byID) == 0
}

// assign gives a member a custom role, or takes it.
func (r *room) assign(by, target *member, c *customRole, on bool, now time.Time) error {
	switch {
	case c.isDefault:
		return errorE1(http.StatusBadRequest, textRoleDefault)
	case target.account == r.owner && by.account != r.owner:
		return errorE1(http.StatusUnauthorized, textTheOwner)
	case target.account == by.account:
		return errorE1(http.StatusUnauthorized, textYourself)
	case r.rank(target) >= r.rank(by):
		return errorE1(http.StatusUnauthorized, textRank)
	}
	held := slices.Contains(target.roles, c)
	switch {
	case on && held:
		return nil // that it is no error and no event is an assumption
	case on:
		r.hold(target, c)
		r.emit(&wire.UserSetRole{User: r.wireEventUser(by.account), TargetUser: target.account.wireUser(), Role: r.wireCustom(c)})
		r.note(by, target, "set-role", 0, now)
	case !held:
		return errorE1(http.StatusNotFound, textRoleNotHeld)
	default:
		r.takeCustom(by, target, c)
		r.note(by, target, "unset-role", 0, now)
	}
	return nil
}

// takeCustom takes a custom role from a member who holds it.
func (r *room) takeCustom(by, target *member, c *customRole) {
	r.drop(target, c)
	r.emit(&wire.UserUnsetRole{User: r.wireEventUser(by.account), TargetUser: target.account.wireUser(), Role: r.wireCustom(c)})
}

func (h *rest) assignRole(ctx context.Context, id wire.RoomID, user wire.UserID, role wire.RoleID, on bool) (*queupserver.DoneEnvelope, error) {
	if h.classic {
		return nil, errNotFound
	}
	return h.actOn(ctx, id, user, func(r *room, me, target *member, now time.Time) error {
		c, err := r.below(me, role)
		if err != nil {
			return err
		}
		return r.assign(me, target, c, on, now)
	})
}

// AssignRole implements PUT /room/{roomId}/users/{userId}/roles/{roleId}.
func (h *rest) AssignRole(ctx context.Context, p queupserver.AssignRoleParams) (*queupserver.DoneEnvelope, error) {
	return h.assignRole(ctx, p.RoomID, p.UserID, p.RoleID, true)
}

// UnassignRole implements DELETE /room/{roomId}/users/{userId}/roles/{roleId}.
func (h *rest) UnassignRole(ctx context.Context, p queupserver.UnassignRoleParams) (*queupserver.DoneEnvelope, error) {
	return h.assignRole(ctx, p.RoomID, p.UserID, p.RoleID, false)
}

// fixedRole finds a fixed role by its id, or by its type as one client names it.
func fixedRole(id wire.RoleID) (Role, bool) {
	for role, w := range fixedRoles {
		if w.ID == id || wire.RoleID(role) == id {
			return role, true
		}
	}
	return "", false
}

// setFixed gives a member a fixed role; it takes the place of the one held.
func (r *room) setFixed(by, target *member, role Role, now time.Time) error {
	if err := r.needFixed(by, target, role); err != nil {
		return err
	}
	if target.role == role {
		return nil // that it is no error and no event is an assumption
	}
	target.role, target.updated = role, now
	r.emit(&wire.UserSetRole{User: r.wireEventUser(by.account), ModUser: target.account.wireUser(), RoleObject: role.wireRole()})
	r.note(by, target, "set-role", 0, now)
	return nil
}

// unsetFixed takes a fixed role from a member.
func (r *room) unsetFixed(by, target *member, role Role, now time.Time) error {
	if err := r.needFixed(by, target, role); err != nil {
		return err
	}
	if target.role != role {
		return errorE1(http.StatusNotFound, textRoleNotHeld)
	}
	r.takeFixed(by, target, now)
	r.note(by, target, "unset-role", 0, now)
	return nil
}

// takeFixed takes the fixed role from a member who holds one.
func (r *room) takeFixed(by, target *member, now time.Time) {
	role := target.role
	target.role, target.updated = "", now
	r.emit(&wire.UserUnsetRole{User: r.wireEventUser(by.account), ModUser: target.account.wireUser(), RoleObject: role.wireRole()})
}

// needFixed refuses who may not give or take a fixed role: co-owners are made by the owner, managers by co-owners. That a
// member of one's own rank is out of reach is an assumption.
func (r *room) needFixed(by, target *member, role Role) error {
	why := ""
	switch {
	case !r.can(by, permRoles), role == CoOwner && by.account != r.owner,
		role == Manager && by.account != r.owner && !slices.Contains(fixedRoles[by.role].Rights, "set-managers"):
		why = textNoRight
	case target.account == by.account:
		why = textYourself
	case target.account == r.owner:
		why = textTheOwner
	case r.rank(target) >= r.rank(by):
		why = textRank
	}
	if why == "" {
		return nil
	}
	return errorE1(http.StatusUnauthorized, why)
}

func (h *rest) setFixedRole(ctx context.Context, id wire.RoomID, user wire.UserID, roleID wire.RoleID, set func(r *room, by, target *member, role Role, now time.Time) error) (*queupserver.DoneEnvelope, error) {
	if !h.classic {
		return nil, errNotFound
	}
	return h.actOn(ctx, id, user, func(r *room, me, target *member, now time.Time) error {
		role, ok := fixedRole(roleID)
		if !ok {
			return errorE1(http.StatusNotFound, textNoRole)
		}
		return set(r, me, target, role, now)
	})
}

// SetRole implements POST /chat/{roleId}/{roomId}/user/{userId} of the classic world.
func (h *rest) SetRole(ctx context.Context, _ queupserver.OptChannelRequest, p queupserver.SetRoleParams) (*queupserver.DoneEnvelope, error) {
	return h.setFixedRole(ctx, p.RoomID, p.UserID, p.RoleID, (*room).setFixed)
}

// UnsetRole implements DELETE /chat/{roleId}/{roomId}/user/{userId} of the classic world.
func (h *rest) UnsetRole(ctx context.Context, _ queupserver.OptChannelRequest, p queupserver.UnsetRoleParams) (*queupserver.DoneEnvelope, error) {
	return h.setFixedRole(ctx, p.RoomID, p.UserID, p.RoleID, (*room).unsetFixed)
}
