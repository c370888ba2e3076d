package queuptest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/queuptest"
)

// knowRoles makes fill know the roles of the lounge: {role:mod} and so on.
func (s *stage) knowRoles() wire.RoomRoles {
	s.t.Helper()
	roles := as[wire.RoomRoles](s.t, s.do("owner", "GET /room/{lounge}/roles", ""))
	for _, r := range roles.Roles {
		s.name("role:"+r.TemplateKey, string(r.ID))
	}
	return roles
}

func labels(roles []wire.RoomRole) []string {
	var labels []string
	for _, r := range roles {
		labels = append(labels, fmt.Sprintf("%s %d", r.Label, r.Position))
	}
	return labels
}

func TestRoomRoles_areTheRoomsOwn(t *testing.T) {
	t.Parallel()
	world := queuptest.DefaultWorld()
	world.Rooms = append(world.Rooms, queuptest.RoomSpec{Slug: "other", Owner: "owner"})
	s := newStage(t, queuptest.WithWorld(world))
	roles := s.knowRoles()
	want := []string{"Co-Owner 896", "Manager 768", "Moderator 640", "VIP 512", "Resident DJ 384", "DJ 256", "Guest 0"}
	if d := cmp.Diff(want, labels(roles.Roles)); d != "" {
		t.Errorf("roles (-want +got):\n%s", d)
	}
	if a := roles.Actor; a.Position != nil || !a.Owner || !slices.Contains(a.Permissions, "room.admin") {
		t.Errorf("the owner is %+v", a)
	}
	guest := roles.Roles[6]
	if !guest.Default || guest.TemplateKey != "guest" || slices.Contains(guest.Permissions, "queue.skip") {
		t.Errorf("the default role is %+v", guest)
	}
	others := as[wire.RoomRoles](t, s.do("owner", "GET /room/{other}/roles", ""))
	for i, r := range others.Roles {
		if r.ID == roles.Roles[i].ID || r.Label != roles.Roles[i].Label {
			t.Errorf("the other room has %+v", r)
		}
	}
	var raw struct{ Roles []map[string]json.RawMessage }
	_ = json.Unmarshal(s.do("owner", "GET /room/{lounge}/roles", "").data(t), &raw)
	for _, member := range []string{"id", "roomId", "templateKey", "label", "position", "color", "permissions", "isDefault", "mentionable", "displaySeparately"} {
		if _, ok := raw.Roles[5][member]; !ok {
			t.Errorf("a role lacks %q: %s", member, raw.Roles[5])
		}
	}
}

// What one may do comes with what implies it, and the rank is that of the highest role.
func TestOwnPermissions(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.knowRoles()
	mod := as[wire.Actor](t, s.do("mod", "GET /room/{lounge}/permissions/me", ""))
	if mod.Position == nil || *mod.Position != 640 || mod.Owner || len(mod.Roles) != 2 || string(mod.Roles[0]) != s.fill("{role:mod}") {
		t.Errorf("mod is %+v", mod)
	}
	for permission, want := range map[string]bool{"members.kick": true, "members.list": true, "queue.view": true, "roles.manage": false, "room.manage": false} {
		if slices.Contains(mod.Permissions, permission) != want {
			t.Errorf("mod has %s: %v", permission, !want)
		}
	}
	if co := as[wire.Actor](t, s.do("bot", "GET /room/{lounge}/permissions/me", "")); len(co.Permissions) != 25 { // room.admin grants everything
		t.Errorf("co-owner has %v", co.Permissions)
	}
	alice := as[wire.Actor](t, s.do("alice", "GET /room/{lounge}/permissions/me", ""))
	if d := cmp.Diff([]string{"queue.view", "queue.join", "chat.send", "chat.embed.image", "chat.embed.link"}, alice.Permissions); d != "" || *alice.Position != 0 {
		t.Errorf("alice at %d (-want +got):\n%s", *alice.Position, d)
	}
	var catalogue []struct{ Key string }
	if err := json.Unmarshal(s.do("", "GET /permissions", "").data(t), &catalogue); err != nil || len(catalogue) != 25 {
		t.Errorf("%d permissions, %v", len(catalogue), err)
	}
}

func TestMembers_carryTheirRoles(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, s *stage) {
		custom := t.Name() == "TestMembers_carryTheirRoles/custom"
		s.room.Say("mod", "hi")
		said := at[*wire.ChatMessage](t, s.hears("chat-message"), 0).Member
		joined := as[wire.JoinResult](t, s.do("bot", "POST /room/{lounge}/users", "")).User
		seen := at[*wire.UserJoin](t, s.hears("user-join"), 0).Member
		staff := as[wire.RoomUsers](t, s.do("", "GET /room/{lounge}/users/staff", ""))
		if len(staff) != 2 || staff[0].User.Username != "bot" || staff[1].User.Username != "mod" {
			t.Fatalf("staff is %+v", staff)
		}
		if !custom {
			if said.Role.Label != "" || staff[1].Role.ID != said.Role.ID || staff[1].Role.Label != "Moderator" || joined.Role.Type != "co-owner" || seen.Role.ID != joined.Role.ID || joined.Roles != nil {
				t.Errorf("roles are %+v, %+v, %+v, %+v", said.Role, staff[1].Role, joined.Role, seen.Role)
			}
			return
		}
		for _, m := range []wire.RoomUser{said, joined, seen, staff[0], staff[1]} {
			if len(m.Roles) != 1 || m.Role.ID != "" {
				t.Fatalf("record is %+v", m)
			}
		}
		if said.Roles[0].Label != "" || staff[1].Roles[0].ID != said.Roles[0].ID || staff[1].Roles[0].Label != "Moderator" || joined.Roles[0].TemplateKey != "co-owner" || seen.Roles[0].ID != joined.Roles[0].ID {
			t.Errorf("roles are %+v, %+v, %+v, %+v", said.Roles, staff[1].Roles, joined.Roles, seen.Roles)
		}
	})
}

func TestCustomRole_livesAndDies(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.knowRoles()
	const roles = "POST /room/{lounge}/roles"
	s.refuses("mod", roles, `{"label":"Crew"}`, noRight)
	for body, why := range map[string]string{
		`{"label":" "}`: "label must have 1 to 32 characters",
		`{"label":"` + strings.Repeat("ü", 33) + `"}`:      "label must have 1 to 32 characters",
		`{"label":"Crew","color":"blue"}`:                  "color must be #rrggbb",
		`{"label":"Crew","permissions":["queue.destroy"]}`: "unknown permission queue.destroy",
	} {
		s.do("bot", roles, body).refused(t, 400, shapeE1, why)
	}
	crew := as[wire.RoomRole](t, s.do("bot", roles, `{"label":"Crew","color":"#00aeff","permissions":["queue.skip","queue.order"],"mentionable":true,"displaySeparately":true}`))
	if crew.Position != 128 || crew.Label != "Crew" || crew.Default || !crew.Mentionable || !crew.DisplaySeparately || crew.TemplateKey != "" {
		t.Errorf("role is %+v", crew)
	}
	s.name("crew", string(crew.ID))
	if e := at[*wire.RoomRoleCreate](t, s.hears("room-role-create"), 0); e.Role.ID != crew.ID {
		t.Errorf("event is %s", e.RawJSON())
	}

	const assign, unassign = "PUT /room/{lounge}/users/{alice}/roles/{crew}", "DELETE /room/{lounge}/users/{alice}/roles/{crew}"
	s.refuses("mod", assign, "", noRight)
	s.do("bot", unassign, "").refused(t, 404, shapeE1, "The user does not hold the role")
	s.do("bot", assign, "").done(t)
	if e := at[*wire.UserSetRole](t, s.hears("user-setrole"), 0); e.User.Username != "bot" || e.TargetUser.Username != "alice" || e.Role.Label != "Crew" || e.ModUser.ID != "" {
		t.Errorf("event is %s", e.RawJSON())
	}
	s.do("bot", assign, "").done(t) // held already is no event
	s.hears()
	if actor := as[wire.Actor](t, s.do("alice", "GET /room/{lounge}/permissions/me", "")); !slices.Contains(actor.Permissions, "queue.order") || *actor.Position != 128 {
		t.Errorf("alice is %+v", actor)
	}
	s.do("alice", "POST /room/{lounge}/queue/order", "order[]={carol}&order[]={bob}").done(t)
	s.heard()

	// What an update leaves out is cleared.
	updated := as[wire.RoomRole](t, s.do("bot", "PUT /room/{lounge}/roles/{crew}", `{"label":"Late Crew"}`))
	if updated.Label != "Late Crew" || updated.Color != "" || len(updated.Permissions) != 0 || updated.Mentionable || updated.Position != 128 {
		t.Errorf("role is %+v", updated)
	}
	if e := at[*wire.RoomRoleUpdate](t, s.hears("room-role-update"), 0); e.Role.Label != "Late Crew" || !strings.Contains(string(e.RawJSON()), `"permissions":[]`) {
		t.Errorf("event is %s", e.RawJSON())
	}
	s.refuses("alice", "POST /room/{lounge}/queue/order", "order[]={bob}&order[]={carol}", noRight)

	s.do("bot", unassign, "").done(t)
	if e := at[*wire.UserUnsetRole](t, s.hears("user-unsetrole"), 0); e.TargetUser.Username != "alice" || e.Role.Label != "Late Crew" {
		t.Errorf("event is %s", e.RawJSON())
	}
	s.do("bot", assign, "").done(t)
	s.heard()
	s.do("bot", "DELETE /room/{lounge}/roles/{crew}", "").done(t)
	if e := at[*wire.RoomRoleDelete](t, s.hears("room-role-delete"), 0); e.RoleID != crew.ID {
		t.Errorf("event is %s", e.RawJSON())
	}
	if got := s.room.RolesOf("alice"); len(got) != 0 {
		t.Errorf("alice has %v", got)
	}
	s.do("bot", assign, "").refused(t, 404, shapeE1, "Role not found")
	s.do("bot", "DELETE /room/{lounge}/roles/{role:guest}", "").refused(t, 400, shapeE1, "Everybody holds the default role")
	s.do("bot", "PUT /room/{lounge}/users/{alice}/roles/{role:guest}", "").refused(t, 400, shapeE1, "Everybody holds the default role")
	// The default role can be changed, and all are touched by it.
	as[wire.RoomRole](t, s.do("bot", "PUT /room/{lounge}/roles/{role:guest}", `{"label":"Guest","permissions":["queue.join"]}`))
	s.heard()
	s.refuses("alice", "POST /chat/{lounge}", "message=hi", noRight)
}

func TestRoleRank(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.knowRoles()
	s.do("owner", "PUT /room/{lounge}/users/{alice}/roles/{role:manager}", "").done(t)
	s.heard()
	const (
		roleRank   = "You cannot do that to a role of your rank or above"
		memberRank = "You cannot do that to a member of your rank or above"
	)
	for _, c := range [][4]string{
		{"alice", "PUT /room/{lounge}/users/{bob}/roles/{role:manager}", "", roleRank},
		{"alice", "PUT /room/{lounge}/users/{bob}/roles/{role:co-owner}", "", roleRank},
		{"alice", "PUT /room/{lounge}/users/{bot}/roles/{role:vip}", "", memberRank},
		{"alice", "DELETE /room/{lounge}/users/{bot}/roles/{role:co-owner}", "", roleRank},
		{"alice", "PUT /room/{lounge}/users/{alice}/roles/{role:vip}", "", "You cannot do that to yourself"},
		{"alice", "PUT /room/{lounge}/users/{owner}/roles/{role:vip}", "", "You cannot do that to the owner of the room"},
		{"alice", "PUT /room/{lounge}/roles/{role:manager}", `{"label":"Boss"}`, roleRank},
		{"alice", "DELETE /room/{lounge}/roles/{role:co-owner}", "", roleRank},
		{"alice", "POST /room/{lounge}/roles", `{"label":"x","permissions":["room.admin"]}`, "You cannot grant what you may not do yourself"},
		{"alice", "PUT /room/{lounge}/roles/{role:vip}", `{"label":"x","permissions":["room.manage"]}`, "You cannot grant what you may not do yourself"},
		{"alice", "POST /chat/kick/{lounge}/user/{bot}", "", memberRank},
	} {
		s.refuses(c[0], c[1], c[2], c[3])
	}
	s.do("alice", "PUT /room/{lounge}/users/{bob}/roles/{role:vip}", "").done(t)
	s.do("alice", "PUT /room/{lounge}/users/{bob}/roles/{role:mod}", "").done(t)
	if got := s.room.RolesOf("bob"); !slices.Equal(got, []string{"Moderator", "VIP"}) {
		t.Errorf("bob has %v", got)
	}
}

func TestReorderRoles(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.knowRoles()
	order := func(keys ...string) string {
		var ids []string
		for _, k := range keys {
			ids = append(ids, `"{role:`+k+`}"`)
		}
		return `{"order":[` + strings.Join(ids, ",") + `]}`
	}
	const reorder = "PUT /room/{lounge}/roles/order"
	good := order("co-owner", "manager", "vip", "mod", "resident-dj", "dj", "guest")
	s.refuses("mod", reorder, good, noRight)
	for _, bad := range []string{
		order("co-owner", "manager", "mod", "vip", "resident-dj", "dj"),
		order("co-owner", "manager", "mod", "vip", "resident-dj", "guest", "dj"),
		order("co-owner", "manager", "mod", "vip", "resident-dj", "dj", "dj", "guest"),
		`{"order":["x"]}`,
	} {
		s.do("bot", reorder, bad).refused(t, 400, shapeE1, "order must have every role once, the default role last")
	}
	s.refuses("bot", reorder, order("manager", "co-owner", "mod", "vip", "resident-dj", "dj", "guest"), "You cannot do that to a role of your rank or above")
	got := s.do("bot", reorder, good)
	want := []string{"Co-Owner 896", "Manager 768", "VIP 640", "Moderator 512", "Resident DJ 384", "DJ 256", "Guest 0"}
	if d := cmp.Diff(want, labels(as[[]wire.RoomRole](t, got))); d != "" {
		t.Errorf("answer (-want +got):\n%s", d)
	}
	if d := cmp.Diff(want, labels(at[*wire.RoomRolesReorder](t, s.hears("room-roles-reorder"), 0).Roles)); d != "" {
		t.Errorf("event (-want +got):\n%s", d)
	}
	if d := cmp.Diff(want, labels(s.knowRoles().Roles)); d != "" {
		t.Errorf("roles (-want +got):\n%s", d)
	}
}

// Many roles find a place between the default role and the others.
func TestCreateRole_manyTimes(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for i := range 20 {
		if got := s.do("owner", "POST /room/{lounge}/roles", fmt.Sprintf(`{"label":"r%d"}`, i)); got.Status != http.StatusOK {
			t.Fatal(got.Body)
		}
	}
	roles := as[wire.RoomRoles](t, s.do("bot", "GET /room/{lounge}/roles", "")).Roles
	if len(roles) != 27 || roles[25].Label != "r19" || roles[6].Label != "r0" {
		t.Errorf("roles are %v", labels(roles))
	}
	for i := range roles[1:] {
		if roles[i].Position <= roles[i+1].Position {
			t.Errorf("positions are %v", labels(roles))
		}
	}
}

func TestFixedRoles(t *testing.T) {
	t.Parallel()
	s := newStage(t, queuptest.ClassicRoles())
	const coOwner, manager, vip, resident = "5615fa9ae596154a5c000000", "5615fd84e596150061000003", "5615fe1ee596154fc2000001", "5615feb8e596154fc2000002"
	set := func(role, user string) string { return "POST /chat/" + role + "/{lounge}/user/{" + user + "}" }
	unset := func(role, user string) string { return "DELETE /chat/" + role + "/{lounge}/user/{" + user + "}" }
	s.refuses("mod", set(vip, "alice"), "", noRight)
	s.do("bot", set("5615fe1ee596154fc2ffffff", "alice"), "").refused(t, 404, shapeE1, "Role not found")
	s.do("bot", set(vip, "alice"), "realTimeChannel=dubtrackfm-lounge").done(t)
	e := at[*wire.UserSetRole](t, s.hears("user-setrole"), 0)
	if e.User.Username != "bot" || e.ModUser.Username != "alice" || e.RoleObject.Type != "vip" || !slices.Contains(e.RoleObject.Rights, "skip") || e.TargetUser.ID != "" || e.Role.ID != "" {
		t.Errorf("event is %s", e.RawJSON())
	}
	s.do("bot", set(vip, "alice"), "").done(t) // the same again is no event
	s.hears()
	s.do("bot", set(resident, "alice"), "").done(t) // takes the place of the other
	s.hears("user-setrole")
	if got := s.room.RolesOf("alice"); !slices.Equal(got, []string{"Resident DJ"}) {
		t.Errorf("alice has %v", got)
	}
	s.do("bot", unset(vip, "alice"), "").refused(t, 404, shapeE1, "The user does not hold the role")
	s.do("bot", unset("resident-dj", "alice"), "").done(t) // by its type, as one client does
	if e := at[*wire.UserUnsetRole](t, s.hears("user-unsetrole"), 0); e.ModUser.Username != "alice" || string(e.RoleObject.ID) != resident {
		t.Errorf("event is %s", e.RawJSON())
	}
	// Who may make whom what.
	s.refuses("bot", set(coOwner, "alice"), "", noRight)
	s.refuses("bot", set(vip, "bot"), "", "You cannot do that to yourself")
	s.refuses("bot", set(vip, "owner"), "", "You cannot do that to the owner of the room")
	s.do("owner", set(coOwner, "alice"), "").done(t)
	s.do("bot", set(manager, "bob"), "").done(t)
	s.hears("user-setrole", "user-setrole")
	s.refuses("bob", set(manager, "carol"), "", noRight)
	s.refuses("bob", set(vip, "alice"), "", "You cannot do that to a member of your rank or above")
	s.do("bob", set(vip, "carol"), "").done(t)
}

// Each world knows nothing of the other's operations.
func TestRoleWorlds_areApart(t *testing.T) {
	t.Parallel()
	custom, classic := newStage(t), newStage(t, queuptest.ClassicRoles())
	for _, request := range []string{"POST /chat/5615fe1ee596154fc2000001/{lounge}/user/{alice}", "DELETE /chat/5615fe1ee596154fc2000001/{lounge}/user/{alice}"} {
		custom.do("owner", request, "").refused(t, 404, shapeE1, "Not Found")
	}
	for request, body := range map[string]string{
		"GET /permissions":                            "",
		"GET /room/{lounge}/roles":                    "",
		"GET /room/{lounge}/permissions/me":           "",
		"POST /room/{lounge}/roles":                   `{"label":"x"}`,
		"PUT /room/{lounge}/roles/x":                  `{"label":"x"}`,
		"DELETE /room/{lounge}/roles/x":               "",
		"PUT /room/{lounge}/roles/order":              `{"order":[]}`,
		"PUT /room/{lounge}/users/{alice}/roles/x":    "",
		"DELETE /room/{lounge}/users/{alice}/roles/x": "",
	} {
		classic.do("owner", request, body).refused(t, 404, shapeE1, "Not Found")
	}
}
