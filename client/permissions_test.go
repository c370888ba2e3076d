package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// Keys of docs/PROTOCOL.md 4.3.
const (
	allKeys = "room.manage room.settings.moderation room.audit.view room.admin queue.view queue.join queue.skip queue.order queue.remove queue.lock " +
		"queue.lock.bypass queue.dj.remove chat.send chat.delete chat.mention chat.embed.image chat.embed.link chat.slowmode.bypass members.list members.mute " +
		"members.kick members.ban roles.manage stream.admin stream.title"
	guestKeys = "queue.view queue.join chat.send chat.embed.image chat.embed.link"
	djKeys    = guestKeys + " queue.lock.bypass"
	vipKeys   = djKeys + " queue.skip"
)

// keysWithout are all keys but some.
func keysWithout(gone ...string) string {
	return strings.Join(slices.DeleteFunc(strings.Fields(allKeys), func(key string) bool { return slices.Contains(gone, key) }), " ")
}

// staged is a role of a room that a test makes up.
type staged struct {
	id          string
	position    int
	permissions string
	byDefault   bool
}

// stage is a room whose roles and members a test makes up: QueUp's answers about them are what it says.
type stage struct {
	roles []staged          // none: the room is from before custom roles
	holds map[string]string // users by name, and the roles that they hold
	actor string            // what QueUp says of the bot; empty: nothing
	owner string            // who owns the room
}

// stageID is the id of a user on a stage, by the name.
func stageID(s stage, name string) client.UserID {
	i := slices.Index(slices.Sorted(maps.Keys(s.holds)), name)
	switch {
	case name == "bot":
		return "65b2a1c0d4e8b90012ab0010"
	case i < 0:
		return "65b2a1c0d4e8b90012ab9999" // somebody who is not there
	}
	return client.UserID(fmt.Sprintf("65b2a1c0d4e8b90012ab%04d", 100+i))
}

// onStage lets a test look at a room in which the bot is.
func onStage(t *testing.T, s stage, test func(t *testing.T, bot *client.Client, room *client.Room)) {
	t.Helper()
	users := []map[string]any{}
	for name, roles := range s.holds {
		user := map[string]any{"_id": "65c3b2d1e5f9ca0013bc" + string(stageID(s, name))[20:], "userid": stageID(s, name), "_user": map[string]any{"_id": stageID(s, name), "username": name}}
		if s.roles != nil {
			user["roleids"] = strings.Fields(roles)
		} else if roles != "" {
			user["roleid"] = roles
		}
		users = append(users, user)
	}
	roles := []map[string]any{}
	for _, r := range s.roles {
		roles = append(roles, map[string]any{"id": r.id, "label": r.id, "position": r.position, "permissions": strings.Fields(r.permissions), "isDefault": r.byDefault})
	}
	answer := func(w http.ResponseWriter, data any) {
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(map[string]any{"code": 200, "message": "OK", "data": data}); err != nil {
			t.Error(err)
		}
	}
	const lounge = "65a1f0c2d4e8b90012ab34cd"
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(eventsWorld()), queuptest.WithHandler(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				switch {
				case req.Method == http.MethodGet && strings.HasSuffix(req.URL.Path, "/users"):
					answer(w, users)
				case req.Method == http.MethodGet && strings.HasSuffix(req.URL.Path, "/roles") && s.roles == nil:
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(http.StatusNotFound)
					_, _ = w.Write([]byte(`{"code":404,"message":"Not Found"}`))
				case req.Method == http.MethodGet && strings.HasSuffix(req.URL.Path, "/roles"):
					data := map[string]any{"roles": roles}
					if s.actor != "" {
						data["actor"] = json.RawMessage(s.actor)
					}
					answer(w, data)
				case req.Method == http.MethodGet && (req.URL.Path == "/room/lounge" || req.URL.Path == "/room/"+lounge) && s.owner != "":
					answer(w, map[string]any{"_id": lounge, "roomUrl": "lounge", "userid": stageID(s, s.owner)})
				default:
					next.ServeHTTP(w, req)
				}
			})
		}))
		defer server.Close()
		bot, room := joinLounge(t, server, "bot")
		test(t, bot, room)
	})
}

// granted are the keys that a user has.
func granted(room *client.Room, u client.UserID) []string {
	return slices.DeleteFunc(strings.Fields(allKeys), func(key string) bool { return !room.Can(u, client.Permission(key)) })
}

func fields(keys string) []string {
	return slices.DeleteFunc(strings.Fields(allKeys), func(key string) bool { return !slices.Contains(strings.Fields(keys), key) })
}

// The starter roles as docs/PROTOCOL.md 4.3 has them.
var starters = []staged{
	{"co-owner", 896, keysWithout("members.list"), false},
	{"manager", 768, keysWithout("members.list", "room.manage", "room.admin"), false},
	{"mod", 640, keysWithout("members.list", "room.manage", "room.admin", "room.audit.view", "roles.manage", "stream.admin"), false},
	{"vip", 512, vipKeys, false},
	{"resident-dj", 384, djKeys, false},
	{"dj", 256, djKeys, false},
	{"crew", 128, "members.kick", false},
	{"guest", 0, guestKeys, true},
}

func TestCan_starterRoles(t *testing.T) {
	s := stage{roles: starters, owner: "olga", holds: map[string]string{
		"olga": "", "cora": "co-owner", "max": "manager", "mo": "mod", "vic": "vip", "ray": "resident-dj", "didi": "dj", "crew": "crew", "gus": "guest", "nora": "", "gone": "deleted",
		"several": "dj crew", "twice": "mod vip",
	}}
	want := map[string]string{
		"olga":     allKeys, // who owns the room needs no role
		"cora":     allKeys, // members.list is implied, and room.admin grants everything
		"max":      keysWithout("room.manage", "room.admin"),
		"mo":       keysWithout("room.manage", "room.admin", "room.audit.view", "roles.manage", "stream.admin"),
		"vic":      vipKeys,
		"ray":      djKeys,
		"didi":     djKeys,
		"crew":     guestKeys + " members.kick members.list",
		"gus":      guestKeys,
		"nora":     guestKeys,
		"gone":     guestKeys, // a role that the room does not have any more
		"several":  djKeys + " members.kick members.list",
		"twice":    keysWithout("room.manage", "room.admin", "room.audit.view", "roles.manage", "stream.admin"),
		"stranger": guestKeys, // who is not in the room has what everybody has
	}
	onStage(t, s, func(t *testing.T, _ *client.Client, room *client.Room) {
		for name, keys := range want {
			expect(t, name+" may", granted(room, stageID(s, name)), fields(keys))
		}
		if room.Can("", client.PermQueueView) {
			t.Error("nobody may see the queue")
		}
	})
}

// What each permission brings along, alone and with nothing that everybody has.
func TestCan_impliedPermissions(t *testing.T) {
	implies := map[string]string{
		"room.settings.moderation": "queue.view",
		"queue.order":              "queue.view",
		"queue.remove":             "queue.view",
		"queue.lock":               "queue.view",
		"queue.dj.remove":          "queue.view",
		"members.kick":             "queue.view members.list",
		"members.ban":              "queue.view members.list",
		"members.mute":             "members.list",
		"roles.manage":             "members.list",
		"room.admin":               allKeys,
	}
	s := stage{roles: []staged{{"everybody", 0, "", true}}, holds: map[string]string{"nobody": ""}}
	for i, key := range strings.Fields(allKeys) {
		s.roles = append(s.roles, staged{key, i + 1, key, false})
		s.holds[key] = key
	}
	onStage(t, s, func(t *testing.T, _ *client.Client, room *client.Room) {
		for key := range strings.FieldsSeq(allKeys) {
			expect(t, key+" grants", granted(room, stageID(s, key)), fields(key+" "+implies[key]))
		}
		expect(t, "without a role", granted(room, stageID(s, "nobody")), nil)
	})
}

// What everybody holds counts for everybody, and can imply.
func TestCan_theDefaultRole(t *testing.T) {
	s := stage{
		roles: []staged{{"all", 5, "members.mute stream.title", true}, {"low", 3, "queue.skip", false}},
		holds: map[string]string{"lotte": "low", "nora": ""},
	}
	onStage(t, s, func(t *testing.T, _ *client.Client, room *client.Room) {
		expect(t, "with a role", granted(room, stageID(s, "lotte")), fields("members.mute members.list stream.title queue.skip"))
		expect(t, "without one", granted(room, stageID(s, "nora")), fields("members.mute members.list stream.title"))
		member, _ := room.MemberNamed("lotte")
		if roles := fmt.Sprint(member.Roles()); roles != "[low]" {
			t.Errorf("lotte holds %s", roles)
		}
		if all := fmt.Sprint(room.Roles()); all != "[low all]" {
			t.Errorf("the roles are %s, want the default role last", all)
		}
	})
}

// What QueUp says of the bot counts, whatever its roles say.
func TestCan_ownRights(t *testing.T) {
	tests := map[string]struct {
		actor  string
		keys   string
		above  string // of vic 512, max 768, cora 896 and olga, who owns the room
		unsure bool   // nothing is known of the own standing
	}{
		"fewer than the role has":        {`{"permissions":["queue.skip"],"position":640,"isOwner":false,"isGlobalAdmin":false,"roles":["co-owner"]}`, "queue.skip", "vic", false},
		"more than the role has":         {`{"permissions":["stream.admin","queue.view"],"position":800,"roles":null}`, "stream.admin queue.view", "vic max", false},
		"none at all":                    {`{"permissions":[],"position":0,"roles":[]}`, "", "", false},
		"a position of null":             {`{"permissions":["queue.skip"],"position":null,"roles":[]}`, "queue.skip", "vic max cora", false},
		"staff of QueUp":                 {`{"permissions":[],"position":null,"isGlobalAdmin":true,"roles":[]}`, allKeys, "vic max cora", false},
		"the owner, as QueUp says":       {`{"permissions":[],"position":null,"isOwner":true,"roles":[]}`, allKeys, "vic max cora", false},
		"names of old":                   {`{"permissions":["skip","kick","mod-settings"],"position":"513","roles":[]}`, "queue.skip members.kick room.settings.moderation queue.view members.list", "vic", false},
		"everything, by room.admin":      {`{"permissions":["room.admin"],"position":1,"roles":[]}`, allKeys, "", false},
		"nothing, so that roles count":   {``, allKeys, "vic max", true},
		"no rights, so that roles count": {`{"position":1}`, allKeys, "vic max", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := stage{
				roles: starters, owner: "olga", actor: tt.actor,
				holds: map[string]string{"bot": "co-owner", "vic": "vip", "max": "manager", "cora": "co-owner", "olga": ""},
			}
			onStage(t, s, func(t *testing.T, bot *client.Client, room *client.Room) {
				me, _ := bot.User()
				expect(t, "the bot may", granted(room, me.ID), fields(tt.keys))
				var above []string
				for _, name := range []string{"vic", "max", "cora", "olga"} {
					if room.Outranks(me.ID, stageID(s, name)) {
						above = append(above, name)
					}
				}
				expect(t, "the bot stands above", above, strings.Fields(tt.above))
				if standing, known := room.Standing(); known == tt.unsure {
					t.Errorf("the standing is %+v, %v", standing, known)
				}
				if got := granted(room, stageID(s, "cora")); len(got) != 25 {
					t.Errorf("what is said of the bot counts for others: cora may %q", got)
				}
			})
		})
	}
}

// The names from before custom roles, asked for and granted.
func TestCan_oldNames(t *testing.T) {
	renamed := map[string]string{
		"update-room": "room.manage", "set-roles": "roles.manage", "skip": "queue.skip", "queue-order": "queue.order",
		"kick": "members.kick", "ban": "members.ban", "mute": "members.mute", "lock-queue": "queue.lock", "delete-chat": "chat.delete",
		"chat-mention": "chat.mention", "chat": "chat.send", "mod-settings": "room.settings.moderation",
	}
	s := stage{roles: []staged{{"all", 0, "", true}}, holds: map[string]string{}}
	for old, today := range renamed {
		s.roles = append(s.roles, staged{"of old: " + old, 1, old, false}, staged{today, 1, today, false})
		s.holds[today] = today
	}
	s.roles = append(s.roles, staged{"set-dj", 1, "set-dj", false})
	s.holds["set-dj"] = "set-dj"
	onStage(t, s, func(t *testing.T, _ *client.Client, room *client.Room) {
		for old, today := range renamed {
			for other := range renamed {
				if got := room.Can(stageID(s, today), client.Permission(other)); got != (other == old) {
					t.Errorf("with %s: Can(%s) = %v", today, other, got)
				}
			}
			role, ok := client.Find(slices.Values(room.Roles()), func(r client.Role) bool { return r.Label == "of old: "+old })
			if !ok || !role.Can(client.Permission(today)) || !role.Can(client.Permission(old)) {
				t.Errorf("a role with %s grants %v, not %s", old, role.Permissions, today)
			}
		}
		if dj := stageID(s, "set-dj"); !room.Can(dj, "set-dj") || room.Can(dj, "set-managers") {
			t.Error("a right without a successor is lost, or another")
		}
	})
}

// A room from before custom roles, which has the seven of docs/PROTOCOL.md 4.1.
func TestCan_fixedRoles(t *testing.T) {
	const (
		everybody = "queue.view queue.join chat.send members.list chat.embed.image chat.embed.link" // who has no role could do that
		mod       = everybody + " queue.skip queue.order queue.remove queue.dj.remove members.kick members.ban members.mute queue.lock chat.delete chat.mention " +
			"room.settings.moderation queue.lock.bypass"
	)
	s := stage{owner: "olga", holds: map[string]string{
		"olga": "", "nora": "", "cora": string(client.RoleCoOwner), "max": string(client.RoleManager), "mo": string(client.RoleModerator),
		"vic": string(client.RoleVIP), "ray": string(client.RoleResidentDJ), "didi": string(client.RoleDJ), "mia": string(client.RoleMember),
		"odd": "5615fa9ae596154a5c00ffff", "bot": string(client.RoleModerator),
	}}
	want := map[string]string{
		"olga": allKeys,
		"cora": mod + " room.manage roles.manage",
		"max":  mod + " roles.manage",
		"mo":   mod,
		"bot":  mod,
		"vic":  everybody + " queue.skip queue.lock.bypass",
		"ray":  everybody + " queue.lock.bypass",
		"didi": everybody + " queue.lock.bypass",
		"mia":  everybody,
		"nora": everybody,
		"odd":  everybody + " queue.lock.bypass", // a role that is not known is one all the same
	}
	rights := map[string]string{ // those of old that have no successor
		"cora": "set-dj set-managers", "max": "set-dj", "mo": "set-dj", "bot": "set-dj", "vic": "set-dj", "ray": "set-dj", "olga": "set-dj set-managers",
	}
	onStage(t, s, func(t *testing.T, _ *client.Client, room *client.Room) {
		for name, keys := range want {
			expect(t, name+" may", granted(room, stageID(s, name)), fields(keys))
			for _, old := range []string{"set-dj", "set-managers"} {
				if got := room.Can(stageID(s, name), client.Permission(old)); got != slices.Contains(strings.Fields(rights[name]), old) {
					t.Errorf("%s: Can(%s) = %v", name, old, got)
				}
			}
		}
		if _, known := room.Standing(); known {
			t.Error("a standing is known in a room without custom roles")
		}
		var labels []string
		for _, r := range room.Roles() {
			labels = append(labels, r.Label)
		}
		expect(t, "roles", labels, []string{"Co-Owner", "Manager", "Moderator", "VIP", "Resident DJ", "DJ", "Member"})
	})
}

func TestOutranks(t *testing.T) {
	custom := stage{roles: starters, owner: "olga", holds: map[string]string{
		"olga": "", "cora": "co-owner", "mo": "mod", "mona": "mod dj", "crew": "crew dj", "didi": "dj", "gus": "", "gone": "deleted",
	}}
	fixed := stage{owner: "olga", holds: map[string]string{
		"olga": "", "cora": string(client.RoleCoOwner), "mo": string(client.RoleModerator), "mona": string(client.RoleModerator),
		"crew": string(client.RoleDJ), "didi": string(client.RoleDJ), "gus": "", "gone": string(client.RoleMember),
	}}
	ladder := [][]string{{"olga"}, {"cora"}, {"mo", "mona"}, {"crew", "didi"}, {"gus", "gone", "stranger"}} // the highest first
	for name, s := range map[string]stage{"custom roles": custom, "fixed roles": fixed} {
		t.Run(name, func(t *testing.T) {
			onStage(t, s, func(t *testing.T, _ *client.Client, room *client.Room) {
				for i, high := range ladder {
					for j, low := range ladder {
						for _, a := range high {
							for _, b := range low {
								if got := room.Outranks(stageID(s, a), stageID(s, b)); got != (i < j) {
									t.Errorf("Outranks(%s, %s) = %v", a, b, got)
								}
							}
						}
					}
				}
				if room.Outranks("", stageID(s, "olga")) || room.Outranks("", "") {
					t.Error("nobody stands above somebody")
				}
			})
		})
	}
}

// Both worlds of roles, as the server has them.
var worlds = map[string][]queuptest.Option{"custom roles": nil, "fixed roles": {queuptest.ClassicRoles()}}

// What changes about roles counts at once, and is read again soon after.
func TestCan_changesWithTheRoles(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "carol")
		staff, lounge := joinLounge(t, server, "owner", client.WithRateLimit(0, 0))
		ctx := t.Context()
		me, _ := bot.User()
		carol, mod, alice := me.ID, id(t, staff, "mod"), id(t, staff, "alice")
		heard := record(room, func(e client.Event) string {
			switch e := e.(type) {
			case client.RoleCreated:
				return "created " + e.Role.Label
			case client.RoleUpdated:
				return "updated " + e.Role.Label
			case client.RoleDeleted:
				return "deleted " + e.Role.Label
			case client.RolesReordered:
				return fmt.Sprintf("reordered %d", len(e.Roles))
			case client.RoleSet:
				return fmt.Sprintf("%s got %s from %s", e.User, e.Role.Label, e.By)
			case client.RoleUnset:
				return fmt.Sprintf("%s lost %s by %s", e.User, e.Role.Label, e.By)
			}
			return ""
		})
		labels := func(u client.UserID) string {
			member, _ := room.Members().Get(u)
			return fmt.Sprint(member.Roles())
		}
		// check looks at once, before anything is read again, and a minute later.
		check := func(step, events string, kick, above bool, roles string) {
			t.Helper()
			synctest.Wait()
			told := slices.DeleteFunc(heard(), func(line string) bool { return line == "" })
			if got := told[len(told)-1]; got != events {
				t.Errorf("%s: heard %q, want %q", step, told, events)
			}
			for _, when := range []string{"at once", "later"} {
				if got := room.Can(carol, client.PermMembersKick); got != kick {
					t.Errorf("%s, %s: carol may kick: %v", step, when, got)
				}
				if got := room.Outranks(carol, alice); got != above {
					t.Errorf("%s, %s: carol stands above alice: %v", step, when, got)
				}
				if got := labels(carol); got != roles {
					t.Errorf("%s, %s: carol holds %s, want %s", step, when, got, roles)
				}
				if when == "later" {
					standing, known := room.Standing()
					if !known || slices.Contains(standing.Permissions, client.PermMembersKick) != kick {
						t.Errorf("%s: the standing is %+v, %v", step, standing, known)
					}
				}
				time.Sleep(time.Minute)
			}
			if err := room.Kick(ctx, mod, ""); !errors.Is(err, client.ErrForbidden) {
				t.Errorf("%s: carol kicks mod: %v", step, err)
			}
		}

		crew := must(lounge.CreateRole(ctx, client.RoleSettings{Label: "Crew", Permissions: []client.Permission{"skip"}}))(t)
		check("a new role", "created Crew", false, false, "[]")
		if err := lounge.SetRole(ctx, carol, crew.ID); err != nil {
			t.Fatal(err)
		}
		check("given", "carol got Crew from owner", false, true, "[Crew]")
		must(lounge.UpdateRole(ctx, crew.ID, func(s *client.RoleSettings) {
			s.Label, s.Permissions = "Night Crew", []client.Permission{"skip", "kick"}
		}))(t)
		check("changed", "updated Night Crew", true, true, "[Night Crew]")

		vip, _ := client.Find(slices.Values(room.Roles()), func(r client.Role) bool { return r.TemplateKey == "vip" })
		if err := lounge.SetRole(ctx, alice, vip.ID); err != nil {
			t.Fatal(err)
		}
		check("another gets a higher one", "alice got VIP from owner", true, false, "[Night Crew]")
		var order []client.RoleID
		for _, r := range room.Roles() {
			if r.ID != crew.ID && r.ID != vip.ID {
				order = append(order, r.ID)
			}
		}
		order = slices.Insert(order, 3, crew.ID, vip.ID)
		if err := lounge.ReorderRoles(ctx, order); err != nil {
			t.Fatal(err)
		}
		check("reordered", "reordered 8", true, true, "[Night Crew]")
		if err := lounge.SetRole(ctx, carol, client.RoleDJ); err != nil {
			t.Fatal(err)
		}
		check("a second one", "carol got DJ from owner", true, true, "[Night Crew DJ]")
		if err := lounge.DeleteRole(ctx, crew.ID); err != nil {
			t.Fatal(err)
		}
		check("deleted", "deleted Night Crew", false, false, "[DJ]")
		if err := lounge.UnsetRole(ctx, carol, client.RoleDJ); err != nil {
			t.Fatal(err)
		}
		check("taken", "carol lost DJ by owner", false, false, "[]")
	})
}

func TestCan_changesWithTheFixedRoles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.ClassicRoles())
		defer server.Close()
		bot, room := joinLounge(t, server, "carol")
		me, _ := bot.User()
		bob := id(t, bot, "bob")
		lounge := server.Room("lounge")
		check := func(step string, kick, skip, above bool) {
			t.Helper()
			synctest.Wait()
			for range 2 { // at once, and a minute later
				if room.Can(me.ID, "kick") != kick || room.Can(me.ID, "skip") != skip || room.Outranks(me.ID, bob) != above {
					t.Errorf("%s: kick %v, skip %v, above bob %v", step, room.Can(me.ID, "kick"), room.Can(me.ID, "skip"), room.Outranks(me.ID, bob))
				}
				time.Sleep(time.Minute)
			}
		}
		check("at first", false, false, false)
		lounge.SetRole("owner", "carol", queuptest.VIP)
		check("VIP", false, true, true)
		lounge.SetRole("owner", "carol", queuptest.Moderator) // takes the place of the other
		check("moderator", true, true, true)
		if member, _ := room.Members().Get(me.ID); fmt.Sprint(member.Roles()) != "[Moderator]" {
			t.Errorf("carol holds %v", member.Roles())
		}
		lounge.SetRole("owner", "bob", queuptest.CoOwner)
		check("bob as co-owner", true, true, false)
		lounge.UnsetRole("owner", "carol", queuptest.Moderator)
		check("none", false, false, false)
	})
}

// Much news of roles leads to one reading, and to none in a room that has none of its own and heard none.
func TestCan_readsTheRolesOnceForMuchNews(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		before := len(requests(server))
		for i := range 20 {
			server.Room("lounge").Broadcast("room-role-create", json.RawMessage(fmt.Sprintf(`{"role":{"id":"65f6e504182cfd0016ef%04d","label":"Role %d","position":1}}`, i, i)))
		}
		synctest.Wait()
		if n := len(room.Roles()); n != 27 {
			t.Errorf("%d roles are known", n)
		}
		time.Sleep(time.Minute)
		expect(t, "requests", requests(server)[before:], []string{"GET /room/" + string(room.ID()) + "/roles"})
		if n := len(room.Roles()); n != 7 { // QueUp knows of no more
			t.Errorf("%d roles after they were read again", n)
		}
	})
}

// A role event may name a user who is not in the room.
func TestRoles_ofAbsentUsers(t *testing.T) {
	for name, world := range worlds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := queuptest.NewServer(append(world, queuptest.InMemory())...)
				defer server.Close()
				bot, room := joinLounge(t, server, "bot")
				heard := record(room, func(e client.RoleSet) string {
					return fmt.Sprint(e.User, " got ", e.Role, " from ", e.By, e.Member.Roles())
				})
				lost := record(room, func(e client.RoleUnset) string { return fmt.Sprint(e.User, " lost ", e.Role, e.Member.Roles()) })
				lounge := server.Room("lounge")
				bob := id(t, bot, "bob")
				lounge.Leave("bob")
				time.Sleep(time.Minute)
				lounge.SetRole("owner", "bob", queuptest.VIP)
				time.Sleep(time.Minute)
				if _, there := room.Members().Get(bob); there {
					t.Error("who gets a role is taken for a member")
				}
				lounge.Join("bob")
				synctest.Wait()
				if !room.Can(bob, client.PermQueueSkip) {
					t.Error("bob is back, and may not skip")
				}
				lounge.Leave("bob")
				time.Sleep(time.Minute)
				lounge.UnsetRole("owner", "bob", queuptest.VIP)
				synctest.Wait()
				expect(t, "given", heard(), []string{"bob got VIP from owner [VIP]"})
				expect(t, "taken", lost(), []string{"bob lost VIP []"})
			})
		})
	}
}

// A role can be asked for by the name it had before custom roles, in rooms of both worlds.
func TestAtLeast(t *testing.T) {
	for name, opts := range map[string][]queuptest.Option{"custom roles": nil, "classic roles": {queuptest.ClassicRoles()}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := queuptest.NewServer(append(opts, queuptest.InMemory())...)
				defer server.Close()
				_, room := joinLounge(t, server, "bot")
				tests := []struct {
					user string
					role client.RoleID
					want bool
				}{
					{"mod", client.RoleModerator, true},
					{"mod", client.RoleVIP, true},
					{"mod", client.RoleManager, false},
					{"bot", client.RoleCoOwner, true},
					{"owner", client.RoleCoOwner, true},
					{"alice", client.RoleDJ, false},
					{"mod", "0123456789abcdef01234567", false},
					{"owner", "0123456789abcdef01234567", true},
					{"mod", "", false},
				}
				for _, tt := range tests {
					u, _ := server.UserID(tt.user)
					if got := room.AtLeast(client.UserID(u), tt.role); got != tt.want {
						t.Errorf("AtLeast(%s, %s) = %t", tt.user, tt.role, got)
					}
				}
				moderator, ok := room.Role(client.RoleModerator)
				if !ok || moderator.TemplateKey != "mod" {
					t.Errorf("Role(moderator) = %v, %t", moderator, ok)
				}
				if again, ok := room.Role(moderator.ID); !ok || !again.Equal(moderator) {
					t.Errorf("by its own id it is %v, %t", again, ok)
				}
				if role, ok := room.Role("0123456789abcdef01234567"); ok {
					t.Errorf("a role that is none: %v", role)
				}
				for _, none := range []*client.Room{new(client.Room)} {
					if role, ok := none.Role(client.RoleVIP); ok || none.AtLeast("u", client.RoleVIP) {
						t.Errorf("of a room that is not joined: %v", role)
					}
				}
			})
		})
	}
}

const holder = "65c0ffee0000000000000007"

// roleRow is a row of the roster with this about its roles.
func roleRow(roles string) queuptest.Option {
	return withRows("/users", `{"_id":"m7","userid":"`+holder+`","_user":{"_id":"`+holder+`","username":"Hal"},`+roles+`}`)
}

// rolesOf prints the roles of the holder.
func rolesOf(m client.Member) string {
	var labels []string
	for _, role := range m.Roles() {
		labels = append(labels, role.Label)
	}
	return fmt.Sprint(strings.Join(labels, ","), " ", len(m.RoleIDs))
}

// Source: docs/PROTOCOL.md 1.8.
func TestRoles_withoutAnIDAreKnownByTheirType(t *testing.T) {
	tests := map[string]struct {
		roles   string
		want    string // label and number of RoleIDs
		extra   string // what Extra keeps
		maySkip bool
	}{
		"a moderator":          {`"roleid":{"type":"mod","rights":["skip","kick"]}`, "Moderator 1", "", true},
		"a list of one":        {`"roleids":[{"type":"mod","rights":["skip"]}]`, "Moderator 1", "", true},
		"by the template":      {`"roleids":[{"templateKey":"mod"}]`, "Moderator 1", "", true},
		"of an unknown type":   {`"roleid":{"type":"juggler","rights":["juggle"]}`, " 0", `roleid {"_id":"","type":"juggler","rights":["juggle"]}`, false},
		"without a type":       {`"roleid":{"rights":["skip"]}`, " 0", `roleid {"_id":"","rights":["skip"]}`, false},
		"unknown, in the list": {`"roleids":[{"type":"juggler"}]`, " 0", `roleids [{"id":"","type":"juggler"}]`, false},
		"none":                 {`"roleid":null`, " 0", "", false},
	}
	for name, tt := range tests {
		for world, opts := range map[string][]queuptest.Option{"fixed roles": {queuptest.ClassicRoles()}, "custom roles": nil} {
			t.Run(name+", "+world, func(t *testing.T) {
				inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
					_, room := joinLounge(t, server, "bot")
					check := func(when string) {
						t.Helper()
						m, _ := room.Members().Get(holder)
						if got := rolesOf(m); got != tt.want {
							t.Errorf("%s: roles %s, want %s", when, got, tt.want)
						}
						for key, value := range m.Extra() {
							if got := fmt.Sprint(key, " ", string(value)); got != tt.extra {
								t.Errorf("%s: Extra %s, want %s", when, got, tt.extra)
							}
						}
						if (len(m.Extra()) > 0) != (tt.extra != "") {
							t.Errorf("%s: Extra %v, want %s", when, m.Extra(), tt.extra)
						}
						if room.Can(holder, client.PermQueueSkip) != tt.maySkip {
							t.Errorf("%s: may skip %v", when, !tt.maySkip)
						}
					}
					check("joined")
					roles := record(room, func(e client.RoleSet) string { return e.Role.Label })
					lost := record(room, func(e client.RoleUnset) string { return e.Role.Label })
					broadcast(server, "user_update_"+holder, `,"user":{"_id":"m7","userid":"`+holder+`","dubs":3,%s}`, tt.roles)
					settle(time.Second)
					check("updated")
					server.CutLinks()
					settle(10 * time.Second)
					check("after a lost connection")
					expect(t, "RoleSet", roles(), nil)
					expect(t, "RoleUnset", lost(), nil)
				}, append(opts, roleRow(tt.roles))...)
			})
		}
	}
}

func TestRoles_givenByTheirTypeAlone(t *testing.T) {
	for world, opts := range map[string][]queuptest.Option{"fixed roles": {queuptest.ClassicRoles()}, "custom roles": nil} {
		t.Run(world, func(t *testing.T) {
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				_, room := joinLounge(t, server, "bot")
				events := record(room, func(e client.RoleSet) string { return e.User.Username + " " + e.Role.Label + e.Role.TemplateKey })
				send := func(name, role string) string {
					broadcast(server, name, `,"user":{"_id":"x"},"modUser":{"_id":"`+holder+`"},"role_object":%s`, role)
					settle(time.Second)
					m, _ := room.Members().Get(holder)
					return rolesOf(m)
				}
				if got := send("user-setrole", `{"type":"vip","rights":["skip"]}`); got != "VIP 1" {
					t.Errorf("given: %s", got)
				}
				if got := send("user-setrole", `{"type":"juggler"}`); got != "VIP 1" {
					t.Errorf("an unknown one is given: %s", got)
				}
				if got := send("user-unsetrole", `{"type":"vip","rights":["skip"]}`); got != " 0" {
					t.Errorf("taken: %s", got)
				}
				expect(t, "RoleSet", events(), []string{"Hal VIPvip", "Hal juggler"})
			}, append(opts, roleRow(`"roleid":null`))...)
		})
	}
}

// QueUp's records name a deleted role for longer.
func TestRoles_thatWereDeletedAreForgottenByTheirHolders(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		var vip, dj client.RoleID
		for _, role := range room.Roles() {
			switch role.TemplateKey {
			case "vip":
				vip = role.ID
			case "dj":
				dj = role.ID
			}
		}
		update := func(roles ...client.RoleID) {
			t.Helper()
			ids, _ := json.Marshal(roles)
			broadcast(server, "user_update_"+holder, `,"user":{"_id":"m7","userid":"`+holder+`","roleids":%s}`, ids)
			settle(100 * time.Millisecond)
		}
		check := func(when, want string) {
			t.Helper()
			m, _ := room.Members().Get(holder)
			if got := rolesOf(m); got != want {
				t.Errorf("%s: roles %s, want %s", when, got, want)
			}
		}
		update(vip, dj, "65c0ffee000000000000000a")
		check("given", "VIP,DJ 3") // one of them is not known yet
		broadcast(server, "room-role-delete", `,"roleid":%q`, vip)
		settle(0)
		check("deleted", "DJ 2")
		update(vip, dj)
		check("named by a record still", "DJ 1")
	}, roleRow(`"roleid":null`))
}

func TestRoles_thatWereDeletedBeforeTheJoinAreNotHeld(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		m, _ := room.Members().Get(holder)
		if got := rolesOf(m); got != " 0" {
			t.Errorf("joined: %s", got)
		}
		server.CutLinks()
		settle(10 * time.Second)
		m, _ = room.Members().Get(holder)
		if got := rolesOf(m); got != " 0" {
			t.Errorf("after a lost connection: %s", got)
		}
	}, roleRow(`"roleids":["65c0ffee000000000000000a"]`))
}

// QueUp may list a deleted role in a record that is read later.
func TestRoles_thatWereDeletedAreNotInFetchedRecords(t *testing.T) {
	var vip atomic.Value
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		for _, role := range room.Roles() {
			if role.TemplateKey == "vip" {
				vip.Store(string(role.ID))
			}
		}
		held := func() []client.RoleID { return must(room.FetchMember(t.Context(), holder))(t).RoleIDs }
		if got := held(); len(got) != 1 {
			t.Fatalf("before: %q", got)
		}
		broadcast(server, "room-role-delete", `,"roleid":%q`, vip.Load())
		settle(0)
		if got := held(); len(got) != 0 {
			t.Errorf("a record names the deleted role: %q", got)
		}
	}, intercept(http.MethodGet, "/users/"+holder, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"code":200,"message":"OK","data":{"_id":"m7","userid":%q,"roleids":[%q]}}`, holder, vip.Load())
	}))
}
