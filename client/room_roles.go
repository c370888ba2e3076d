package client

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
)

// FetchRoles reads the room's roles, the highest first and the default role last. For a room without custom roles it
// returns the fixed ones, although QueUp answers 404. Errors: [*APIError], [*CallError]. Source: docs/PROTOCOL.md 2.10, 4.
func (r *Room) FetchRoles(ctx context.Context) ([]Role, error) {
	a, err := r.fetchAuthority(ctx)
	if err != nil {
		return nil, err
	}
	return ownRoles(a.roles), nil
}

// customRoles reads the room's custom roles as QueUp has them; nil means that it has none.
func (r *Room) customRoles(ctx context.Context) ([]wire.RoomRole, error) {
	answer, err := r.client.loads.RoomRoles(ctx, queupapi.RoomRolesParams{RoomID: r.id})
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return rowsOf("roomRoles", answer.Data.Roles, err)
}

// SetRole gives a user a role. The constants RoleCoOwner to RoleDJ name the fixed roles; in a room with custom roles they
// stand for the role made from that template.
//
// It needs the permission roles.manage, and a rank above the role's and the user's. Errors: [*ArgumentError] for an empty
// id and for a fixed role without a successor in the room, [ErrNotJoined], [*PermissionError] before anything is sent, and
// [*APIError]. Source: docs/PROTOCOL.md 2.10, 4.
func (r *Room) SetRole(ctx context.Context, u UserID, role RoleID) error {
	id, custom, err := r.resolveRole(ctx, "Room.SetRole", u, role)
	if err != nil {
		return err
	}
	if custom {
		_, err = r.client.rest.AssignRole(ctx, queupapi.AssignRoleParams{RoomID: r.id, UserID: u, RoleID: id})
		return failed("assignRole", err)
	}
	_, err = r.client.rest.SetRole(ctx, r.channelRequest(), queupapi.SetRoleParams{RoomID: r.id, UserID: u, RoleID: id})
	return failed("setRole", err)
}

// UnsetRole removes a role from a user. Permission, errors and source are those of SetRole.
func (r *Room) UnsetRole(ctx context.Context, u UserID, role RoleID) error {
	id, custom, err := r.resolveRole(ctx, "Room.UnsetRole", u, role)
	if err != nil {
		return err
	}
	if custom {
		_, err = r.client.rest.UnassignRole(ctx, queupapi.UnassignRoleParams{RoomID: r.id, UserID: u, RoleID: id})
		return failed("unassignRole", err)
	}
	_, err = r.client.rest.UnsetRole(ctx, r.channelRequest(), queupapi.UnsetRoleParams{RoomID: r.id, UserID: u, RoleID: id})
	return failed("unsetRole", err)
}

// resolveRole returns the role of the room that an id stands for, and whether the room has custom roles. It checks that the
// client may give the role to the user.
func (r *Room) resolveRole(ctx context.Context, op string, u UserID, role RoleID) (id RoleID, custom bool, err error) {
	if role == "" {
		return "", false, &ArgumentError{Op: op, Argument: "role", Reason: "is empty"}
	}
	if err := r.targetWith(op, PermRolesManage, u); err != nil {
		return "", false, err
	}
	known := r.authority()
	id, found := known.resolve(role)
	if !known.known || !found { // the role may be new
		if known, err = r.fetchAuthority(ctx); err != nil {
			return "", false, err
		}
		if id, found = known.resolve(role); !found {
			return "", true, &ArgumentError{Op: op, Argument: "role", Reason: "is not a role of the room; FetchRoles lists them"}
		}
	}
	if role, ok := known.role(id); ok && role.Default {
		return "", true, &ArgumentError{Op: op, Argument: "role", Reason: "is the default role, which everybody holds"}
	}
	return id, known.custom, r.mayGrant(op, u, id)
}

// SetRole gives the member a role; see [Room.SetRole]. It is [ErrDetached] for a value that no client made, and
// [ErrNotJoined] if the client does not know the room.
func (m Member) SetRole(ctx context.Context, role RoleID) error {
	if m.client == nil {
		return ErrDetached
	}
	room, ok := m.Room()
	if !ok {
		return ErrNotJoined
	}
	return room.SetRole(ctx, m.UserID, role)
}

// CreateRole creates a custom role, which is placed just above the default role. It needs the permission roles.manage and
// every permission granted. Errors: [*ArgumentError] for invalid settings, [ErrNotJoined], [*PermissionError] before
// anything is sent, and [*APIError]. It is [ErrNotFound] for a room without custom roles. Source: docs/PROTOCOL.md 2.10.
func (r *Room) CreateRole(ctx context.Context, s RoleSettings) (Role, error) {
	const op = "Room.CreateRole"
	request, err := s.request(op)
	if err == nil {
		err = r.actWith(op, PermRolesManage)
	}
	if err == nil {
		err = r.mayGrantPermissions(op, s.Permissions, nil)
	}
	if err != nil {
		return Role{}, err
	}
	answer, err := r.client.rest.CreateRole(ctx, request, queupapi.CreateRoleParams{RoomID: r.id})
	if err != nil {
		return Role{}, failed("createRole", err)
	}
	return r.roleOf(ctx, answer.Data, func(w wire.RoomRole) bool { return w.Label == s.Label })
}

// UpdateRole changes a custom role. edit receives the current settings and changes them, because QueUp replaces the whole
// role. It needs the permission roles.manage, and a rank above the role. Errors are those of CreateRole; a role that the
// room does not have is an [*ArgumentError]. Source: docs/PROTOCOL.md 2.10, 7 rule 25.
func (r *Room) UpdateRole(ctx context.Context, id RoleID, edit func(*RoleSettings)) (Role, error) {
	const op = "Room.UpdateRole"
	if edit == nil {
		return Role{}, &ArgumentError{Op: op, Argument: "edit", Reason: "is nil"}
	}
	if err := r.act(); err != nil {
		return Role{}, err
	}
	if err := r.mayChange(op, id); err != nil {
		return Role{}, err
	}
	roles, err := r.customRoles(ctx)
	if err != nil {
		return Role{}, err
	}
	i := slices.IndexFunc(roles, func(w wire.RoomRole) bool { return w.ID == id })
	if i < 0 {
		return Role{}, &ArgumentError{Op: op, Argument: "id", Reason: "is not a role of the room; FetchRoles lists them"}
	}
	now := roles[i]
	s := RoleSettings{Label: now.Label, Color: now.Color, Mentionable: now.Mentionable, DisplaySeparately: now.DisplaySeparately, Permissions: permissions(now.Permissions...)}
	before := slices.Clone(s.Permissions)
	edit(&s)
	request, err := s.request(op)
	if err == nil {
		err = r.mayGrantPermissions(op, s.Permissions, before)
	}
	if err != nil {
		return Role{}, err
	}
	answer, err := r.client.rest.UpdateRole(ctx, request, queupapi.UpdateRoleParams{RoomID: r.id, RoleID: id})
	if err != nil {
		return Role{}, failed("updateRole", err)
	}
	return r.roleOf(ctx, answer.Data, func(w wire.RoomRole) bool { return w.ID == id })
}

// roleOf returns the role in an answer. The answer's shape is not documented, so the role is looked up if the answer does
// not have it.
func (r *Room) roleOf(ctx context.Context, data []byte, match func(wire.RoomRole) bool) (Role, error) {
	for _, place := range []json.RawMessage{data, jsonField(data, "role")} {
		var w wire.RoomRole
		if len(place) > 0 && w.UnmarshalJSON(place) == nil && w.ID != "" && match(w) {
			return newCustomRole(w), nil
		}
	}
	roles, err := r.customRoles(ctx)
	if err != nil {
		return Role{}, err
	}
	if i := slices.IndexFunc(roles, match); i >= 0 {
		return newCustomRole(roles[i]), nil
	}
	return Role{}, &APIError{Op: "roomRoles", Status: 200, Message: "the role is not among the room's roles after it was written"}
}

// DeleteRole deletes a custom role; its holders lose it. The default role cannot be deleted. It needs the permission
// roles.manage, and a rank above the role. Errors: [*ArgumentError] for an empty id and for the default role,
// [ErrNotJoined], [*PermissionError] before anything is sent, and [*APIError]. Source: docs/PROTOCOL.md 2.10.
func (r *Room) DeleteRole(ctx context.Context, id RoleID) error {
	if id == "" {
		return &ArgumentError{Op: "Room.DeleteRole", Argument: "id", Reason: "is empty"}
	}
	if err := r.act(); err != nil {
		return err
	}
	if role, known := r.authority().role(id); known && role.Default {
		return &ArgumentError{Op: "Room.DeleteRole", Argument: "id", Reason: "is the default role, which cannot be deleted"}
	}
	if err := r.mayChange("Room.DeleteRole", id); err != nil {
		return err
	}
	_, err := r.client.rest.DeleteRole(ctx, queupapi.DeleteRoleParams{RoomID: r.id, RoleID: id})
	return failed("deleteRole", err)
}

// ReorderRoles changes the order of the room's roles. ids must name each role once, the highest first and the default role
// last; any other list is an [*ArgumentError]. It needs the permission roles.manage. Roles that do not rank below the
// client must stay where they are. Source: docs/PROTOCOL.md 2.10.
func (r *Room) ReorderRoles(ctx context.Context, ids []RoleID) error {
	const op = "Room.ReorderRoles"
	if err := r.actWith(op, PermRolesManage); err != nil {
		return err
	}
	roles, err := r.customRoles(ctx)
	if err != nil {
		return err
	}
	var known []RoleID
	for _, w := range roles {
		known = append(known, w.ID)
	}
	if !isPermutation(ids, known) {
		return &ArgumentError{Op: op, Argument: "ids", Reason: "must name each role of the room once"}
	}
	last := ids[len(ids)-1]
	if i := slices.IndexFunc(roles, func(w wire.RoomRole) bool { return w.Default }); i >= 0 && roles[i].ID != last {
		return &ArgumentError{Op: op, Argument: "ids", Reason: "must end with the default role"}
	}
	_, err = r.client.rest.ReorderRoles(ctx, &queupapi.RoleOrderRequest{Order: ids}, queupapi.ReorderRolesParams{RoomID: r.id})
	return failed("reorderRoles", err)
}

// FetchStanding reads what the client itself may do in the room. It is [ErrNotFound] for a room without custom roles.
// Source: docs/PROTOCOL.md 2.10.
func (r *Room) FetchStanding(ctx context.Context) (Standing, error) {
	answer, err := r.client.rest.OwnPermissions(ctx, queupapi.OwnPermissionsParams{RoomID: r.id})
	if err != nil {
		return Standing{}, failed("ownPermissions", err)
	}
	return newStanding(answer.Data), nil
}

// fetchAuthority reads the roles of the room and the client's own standing.
func (r *Room) fetchAuthority(ctx context.Context) (authority, error) {
	answer, err := r.client.loads.RoomRoles(ctx, queupapi.RoomRolesParams{RoomID: r.id})
	if errors.Is(err, ErrNotFound) { // the room has no roles of its own
		return newAuthority(nil, nil), nil
	}
	rows, err := rowsOf("roomRoles", answer.Data.Roles, err)
	if err != nil {
		return authority{}, err
	}
	roles := []Role{}
	for _, w := range filled(rows) {
		roles = append(roles, newCustomRole(w))
	}
	var own *Standing
	if w := answer.Data.Actor; w.Permissions != nil {
		standing := newStanding(w)
		own = &standing
	}
	return newAuthority(roles, own), nil
}
