package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/queuptest"
)

func TestRule24_permissionsAreCheckedBeforeQueUpIsAsked(t *testing.T) {
	for world, opts := range map[string][]queuptest.Option{"custom": nil, "classic": {queuptest.ClassicRoles()}} {
		t.Run(world, func(t *testing.T) {
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				_, room := joinLounge(t, server, "alice", client.WithRateLimit(0, 0))
				bob := memberOf(t, room, "bob").UserID
				before := len(server.Log())
				ctx := t.Context()
				for name, err := range map[string]error{
					"Kick": room.Kick(ctx, bob, ""), "Ban": room.Ban(ctx, bob, time.Hour), "Unban": room.Unban(ctx, bob),
					"Mute": room.Mute(ctx, bob), "Unmute": room.Unmute(ctx, bob), "MoveDJ": room.MoveDJ(ctx, bob, 0),
					"RemoveDJ": room.RemoveDJ(ctx, bob), "RemoveSong": room.RemoveSong(ctx, bob), "PauseDJ": room.PauseDJ(ctx, bob, true),
					"LockQueue": room.LockQueue(ctx, true), "SetRole": room.SetRole(ctx, bob, client.RoleVIP), "UnsetRole": room.UnsetRole(ctx, bob, client.RoleVIP),
				} {
					if _, ok := errors.AsType[*client.PermissionError](err); !ok || !errors.Is(err, client.ErrForbidden) {
						t.Errorf("%s = %v", name, err)
					}
				}
				for _, e := range server.Log()[before:] {
					if e.In && e.Kind == queuptest.KindHTTP {
						t.Errorf("sent %v", e)
					}
				}
				server.Room("lounge").SetRole("owner", "alice", queuptest.Moderator)
				settle(5 * time.Second)
				if err := room.Kick(ctx, bob, ""); err != nil {
					t.Errorf("as a moderator: %v", err)
				}
			}, opts...)
		})
	}
}

func TestRule24_rolesAreReadAgainAfterTheyHaveChanged(t *testing.T) {
	const role = `"role":{"id":"65f6e504182cfd0016ef0007","label":"Night Crew","position":128,"permissions":["members.kick"]}`
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot")
		me, _ := bot.User()
		reads := func() int { return calls(server, "GET", "/roles") }
		for name, cause := range map[string]func(){
			"made":      func() { broadcast(server, "room-role-create", ","+role) },
			"changed":   func() { broadcast(server, "room-role-update", ","+role) },
			"deleted":   func() { broadcast(server, "room-role-delete", `,"roleid":"65f6e504182cfd0016ef0007"`) },
			"reordered": func() { broadcast(server, "room-roles-reorder", `,"roles":[]`) },
			"our own": func() {
				broadcast(server, "user-setrole", `,"user":{"username":"owner"},"targetUser":{"_id":%q},%s`, me.ID, role)
			},
		} {
			before := reads()
			cause()
			cause()
			synctest.Wait()
			if n := reads() - before; n != 0 {
				t.Errorf("%s: read %d times at once", name, n)
			}
			settle(5 * time.Second)
			if n := reads() - before; n != 1 {
				t.Errorf("%s: read %d times, want 1", name, n)
			}
		}
		if !room.Can(me.ID, client.PermMembersKick) || slices.ContainsFunc(room.Roles(), func(r client.Role) bool { return r.Label == "Night Crew" }) {
			t.Errorf("the roles are not those of QueUp: %v", room.Roles())
		}
	})
}

func TestRule24_aRoleEventMayNameWhoIsNotThere(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		heard := record(room, func(e client.Event) string {
			switch e := e.(type) {
			case client.RoleSet:
				return fmt.Sprintf("%s is now %s, with a record for %s", e.User, e.Role.Label, e.Member.UserID)
			case client.RoleUnset:
				return fmt.Sprintf("%s is no longer %s", e.User, e.Role.Label)
			}
			return fmt.Sprintf("%T", e)
		})
		const nobody = "65b2a1c0d4e8b90012ab0099"
		members := room.Members().Len()
		broadcast(server, "user-setrole", `,"user":{"username":"owner"},"targetUser":{"_id":%q,"username":"zoe"},"role":{"id":"65f6e504182cfd0016ef0007","label":"Crew","position":1}`, nobody)
		broadcast(server, "user-unsetrole", `,"user":{"username":"owner"},"modUser":{"_id":%q,"username":"zoe"},"role_object":{"_id":"5615feb8e596154fc2000002","label":"VIP","type":"vip"}`, nobody)
		settle(5 * time.Second)
		expect(t, "heard", heard(), []string{"zoe is now Crew, with a record for " + nobody, "zoe is no longer VIP"})
		if room.Members().Len() != members {
			t.Error("who is not there became a member")
		}
	})
}

func TestRule25_aRoleIsReadBeforeItIsWritten(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "owner", client.WithRateLimit(0, 0))
		role := must(room.CreateRole(t.Context(), client.RoleSettings{
			Label: "Night Crew", Color: "#00aeff", Permissions: []client.Permission{client.PermQueueSkip}, Mentionable: true, DisplaySeparately: true,
		}))(t)
		// The colour is changed by a call that the room knows nothing of, and then the label.
		_, err := bot.REST().UpdateRole(t.Context(), &queupapi.RoleSettings{
			Label: role.Label, Color: queupapi.NewOptString("#ff0000"), Permissions: []string{string(client.PermQueueSkip)},
			Mentionable: queupapi.NewOptBool(true), DisplaySeparately: queupapi.NewOptBool(true),
		}, queupapi.UpdateRoleParams{RoomID: room.ID(), RoleID: role.ID})
		if err != nil {
			t.Fatal(err)
		}
		_, err = room.UpdateRole(t.Context(), role.ID, func(s *client.RoleSettings) {
			if s.Label != "Night Crew" || s.Color != "#ff0000" || !s.Mentionable || !s.DisplaySeparately || !slices.Equal(s.Permissions, []client.Permission{client.PermQueueSkip}) {
				t.Errorf("what the role has now is %+v", *s)
			}
			s.Label = "Late Crew"
		})
		if err != nil {
			t.Fatal(err)
		}
		roles := must(room.FetchRoles(t.Context()))(t)
		i := slices.IndexFunc(roles, func(r client.Role) bool { return r.ID == role.ID })
		if i < 0 || roles[i].Label != "Late Crew" || roles[i].Color != "#ff0000" || !roles[i].Can(client.PermQueueSkip) {
			t.Errorf("the roles are %+v", roles)
		}
	})
}

func TestRule32_staffCannotBeModerated(t *testing.T) {
	for world, opts := range map[string][]queuptest.Option{"custom": nil, "classic": {queuptest.ClassicRoles()}} {
		t.Run(world, func(t *testing.T) {
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				_, room := joinLounge(t, server, "owner", client.WithRateLimit(0, 0))
				mod := memberOf(t, room, "mod").UserID
				var refused *client.PermissionError
				if err := room.Mute(t.Context(), mod); !errors.As(err, &refused) || refused.User != mod {
					t.Errorf("Mute = %v", err)
				}
				if calls(server, http.MethodPost, string(mod)) != 0 {
					t.Error("the mute was sent")
				}
				if world == "classic" {
					if err := room.Kick(t.Context(), mod, ""); !errors.Is(err, client.ErrForbidden) {
						t.Errorf("Kick = %v", err)
					}
					if err := room.Ban(t.Context(), mod, time.Minute); !errors.Is(err, client.ErrForbidden) {
						t.Errorf("Ban = %v", err)
					}
				}
				expect(t, "muted", server.Room("lounge").Muted(), []string{})
				expect(t, "banned", server.Room("lounge").Banned(), []string{})
			}, opts...)
		})
	}
}

func TestRule32_aMuteForSomeTimeIsATimer(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		bob := memberOf(t, room, "bob").UserID
		if err := room.Mute(t.Context(), bob); err != nil {
			t.Fatal(err)
		}
		unmuted := make(chan error, 1)
		time.AfterFunc(10*time.Minute, func() { unmuted <- room.Unmute(t.Context(), bob) })
		settle(10*time.Minute - time.Second)
		if !memberOf(t, room, "bob").Muted {
			t.Error("the mute ended by itself")
		}
		settle(2 * time.Second)
		if err := <-unmuted; err != nil || memberOf(t, room, "bob").Muted {
			t.Errorf("Unmute = %v", err)
		}
	})
}

func TestRule33_aDJMayLoseTheRoleByItself(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		server.Room("lounge").SetRole("owner", "carol", queuptest.DJ)
		_, room := joinLounge(t, server, "bot")
		carol := memberOf(t, room, "carol")
		if role, ok := carol.Role(); !ok || role.TemplateKey != "dj" {
			t.Fatalf("carol is %+v", role)
		}
		role, _ := carol.Role()
		heard := record(room, func(e client.Event) string {
			if unset, ok := e.(client.RoleUnset); ok {
				return fmt.Sprintf("%s lost %s by %q", unset.User, unset.Role.TemplateKey, unset.By.Username)
			}
			return fmt.Sprintf("%T", e)
		})
		event := fmt.Sprintf(`,"modUser":{"_id":%q,"username":"carol"},"role_object":{"_id":%q,"type":"dj","label":"DJ"}`, carol.UserID, role.ID)
		broadcast(server, "user-unsetrole", "%s", event)
		broadcast(server, "user-unsetrole", "%s", event) // and there is nothing left to lose
		settle(5 * time.Second)
		expect(t, "heard", heard(), []string{`carol lost dj by ""`, `carol lost dj by ""`})
		if roles := memberOf(t, room, "carol").Roles(); len(roles) != 0 {
			t.Errorf("carol holds %v", roles)
		}
	}, queuptest.ClassicRoles())
}
