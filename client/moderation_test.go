package client_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// helpers are all calls that need a permission, on a user and on a role.
func helpers(t *testing.T, room *client.Room, u client.UserID) map[string]struct {
	needs client.Permission
	err   error
} {
	t.Helper()
	ctx := t.Context()
	song, _ := room.NowPlaying()
	member, _ := room.Members().Get(u)
	_, create := room.CreateRole(ctx, client.RoleSettings{Label: "Night Crew"})
	_, update := room.UpdateRole(ctx, "65f6e504182cfd0016ef0007", func(*client.RoleSettings) {})
	_, settings := room.Update(ctx, func(s *client.RoomSettings) { s.Welcome = "hi" })
	var line client.Message
	for _, m := range room.Messages() {
		if m.AuthorID == u {
			line = m
		}
	}
	return map[string]struct {
		needs client.Permission
		err   error
	}{
		"Room.Kick":          {client.PermMembersKick, room.Kick(ctx, u, "")},
		"Room.Ban":           {client.PermMembersBan, room.Ban(ctx, u, time.Hour)},
		"Room.Unban":         {client.PermMembersBan, room.Unban(ctx, u)},
		"Room.Mute":          {client.PermMembersMute, room.Mute(ctx, u)},
		"Room.Unmute":        {client.PermMembersMute, room.Unmute(ctx, u)},
		"Room.RemoveDJ":      {client.PermQueueDJRemove, room.RemoveDJ(ctx, u)},
		"Room.RemoveSong":    {client.PermQueueRemove, room.RemoveSong(ctx, u)},
		"Room.PauseDJ":       {client.PermQueueDJRemove, room.PauseDJ(ctx, u, true)},
		"Room.MoveDJ":        {client.PermQueueOrder, room.MoveDJ(ctx, u, 0)},
		"Room.LockQueue":     {client.PermQueueLock, room.LockQueue(ctx, true)},
		"Room.SetSlowMode":   {client.PermSettingsModeration, room.SetSlowMode(ctx, true)},
		"Room.SetGuestChat":  {client.PermSettingsModeration, room.SetGuestChat(ctx, false)},
		"Room.SetGuestEmbed": {client.PermSettingsModeration, room.SetGuestEmbed(ctx, false)},
		"Room.Update":        {client.PermRoomManage, settings},
		"Room.SetRole":       {client.PermRolesManage, room.SetRole(ctx, u, client.RoleVIP)},
		"Room.SetRole ":      {client.PermRolesManage, member.SetRole(ctx, "65f6e504182cfd0016ef0007")},
		"Room.UnsetRole":     {client.PermRolesManage, room.UnsetRole(ctx, u, client.RoleVIP)},
		"Room.CreateRole":    {client.PermRolesManage, create},
		"Room.UpdateRole":    {client.PermRolesManage, update},
		"Room.DeleteRole":    {client.PermRolesManage, room.DeleteRole(ctx, "65f6e504182cfd0016ef0007")},
		"Room.ReorderRoles":  {client.PermRolesManage, room.ReorderRoles(ctx, []client.RoleID{"65f6e504182cfd0016ef0007"})},
		"Song.Skip":          {client.PermQueueSkip, room.Skip(ctx)},
		"Song.Skip ":         {client.PermQueueSkip, song.Skip(ctx)},
		"Room.DeleteMessage": {client.PermChatDelete, line.Delete(ctx)},
	}
}

// Who lacks the permission is told so, and nothing is sent.
func TestModeration_withoutThePermission(t *testing.T) {
	for name, world := range worlds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := queuptest.NewServer(append(world, queuptest.InMemory())...)
				defer server.Close()
				bot, room := joinLounge(t, server, "carol", client.WithRateLimit(0, 0))
				bob := id(t, bot, "bob")
				server.Room("lounge").Say("bob", "hi")
				synctest.Wait()
				before := len(server.Log())
				for op, refused := range helpers(t, room, bob) {
					e, is := errors.AsType[*client.PermissionError](refused.err)
					if !is || !errors.Is(refused.err, client.ErrForbidden) || e.Op != strings.TrimSpace(op) || e.Permission != refused.needs || e.User != "" || e.Role != "" || !strings.Contains(e.Error(), string(refused.needs)) {
						t.Errorf("%s = %v, want it to lack %s", op, refused.err, refused.needs)
					}
				}
				if sent := server.Log()[before:]; len(sent) > 0 {
					t.Errorf("sent %v", sent)
				}
			})
		})
	}
}

// The owner has every permission, and none of these calls is refused here.
func TestModeration_asTheOwner(t *testing.T) {
	for name, world := range worlds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := queuptest.NewServer(append(world, queuptest.InMemory())...)
				defer server.Close()
				bot, room := joinLounge(t, server, "owner", client.WithRateLimit(0, 0))
				server.Room("lounge").Say("bob", "hi")
				synctest.Wait()
				for op, called := range helpers(t, room, id(t, bot, "bob")) {
					if errors.Is(called.err, client.ErrForbidden) {
						t.Errorf("%s = %v", op, called.err)
					}
				}
			})
		})
	}
}

// One may skip and delete what is one's own.
func TestModeration_ofOnesOwn(t *testing.T) {
	for name, world := range worlds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := queuptest.NewServer(append(world, queuptest.InMemory())...)
				defer server.Close()
				bot, room := joinLounge(t, server, "alice")
				if me, _ := bot.User(); room.Can(me.ID, client.PermQueueSkip) || room.Can(me.ID, client.PermChatDelete) {
					t.Fatal("alice may do everything")
				}
				song, _ := room.NowPlaying()
				line := must(room.SendMessage(t.Context(), "oops"))(t)
				if err := line.Delete(t.Context()); err != nil {
					t.Errorf("deleted: %v", err)
				}
				if err := song.Skip(t.Context()); err != nil {
					t.Errorf("skipped: %v", err)
				}
				synctest.Wait()
				if now, playing := server.Room("lounge").NowPlaying(); !playing || now.ID == string(song.ID) {
					t.Errorf("playing %+v", now)
				}
			})
		})
	}
}

// Who has the permission still cannot moderate everybody.
func TestModeration_ofWhomRanksTooHigh(t *testing.T) {
	world := queuptest.DefaultWorld()
	world.Rooms[0].Roles = map[string]queuptest.Role{"bot": queuptest.CoOwner, "mod": queuptest.Moderator, "alice": queuptest.Moderator, "bob": queuptest.VIP}
	world.Rooms[0].Present = append(world.Rooms[0].Present, "bot")
	for name, tt := range map[string]struct {
		opts  []queuptest.Option
		fixed bool
	}{"custom roles": {}, "fixed roles": {[]queuptest.Option{queuptest.ClassicRoles()}, true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := queuptest.NewServer(append(tt.opts, queuptest.InMemory(), queuptest.WithWorld(world))...)
				defer server.Close()
				bot, room := joinLounge(t, server, "mod", client.WithRateLimit(0, 0))
				ctx := t.Context()
				ids := make(map[string]client.UserID)
				for _, name := range []string{"owner", "bot", "mod", "alice", "bob", "carol"} {
					ids[name] = id(t, bot, name)
				}
				before := len(server.Log())
				refused := func(op string, u client.UserID, err error) {
					t.Helper()
					e, is := errors.AsType[*client.PermissionError](err)
					if !is || !errors.Is(err, client.ErrForbidden) || e.User != u || e.Op != op || e.Reason == "" {
						t.Errorf("%s of %s = %v", op, userName(bot, u), err)
					}
				}
				for _, name := range []string{"owner", "bot", "mod", "alice"} { // above, oneself, and of the same rank
					refused("Room.Kick", ids[name], room.Kick(ctx, ids[name], ""))
					refused("Room.Ban", ids[name], room.Ban(ctx, ids[name], client.BanForever))
					refused("Room.Mute", ids[name], room.Mute(ctx, ids[name]))
				}
				refused("Room.Mute", ids["bob"], room.Mute(ctx, ids["bob"])) // whoever holds a role
				if tt.fixed {
					refused("Room.Kick", ids["bob"], room.Kick(ctx, ids["bob"], ""))
					refused("Room.Ban", ids["bob"], room.Ban(ctx, ids["bob"], time.Minute))
				}
				if sent := server.Log()[before:]; len(sent) > 0 {
					t.Errorf("sent %v", sent)
				}
				if err := errors.Join(room.Mute(ctx, ids["carol"]), room.Unmute(ctx, ids["carol"]), room.Kick(ctx, ids["carol"], "")); err != nil {
					t.Errorf("carol has no role: %v", err)
				}
				if !tt.fixed {
					if err := room.Kick(ctx, ids["bob"], ""); err != nil {
						t.Errorf("bob ranks below: %v", err)
					}
				}
			})
		})
	}
}

// Nobody gives what ranks as high as oneself, or to whom does, or more than one has.
func TestModeration_ofRolesThatRankTooHigh(t *testing.T) {
	world := queuptest.DefaultWorld()
	world.Rooms[0].Roles = map[string]queuptest.Role{"bot": queuptest.Manager, "mod": queuptest.Moderator, "alice": queuptest.Manager, "carol": queuptest.CoOwner}
	for name, tt := range map[string]struct {
		opts  []queuptest.Option
		fixed bool
	}{"custom roles": {}, "fixed roles": {[]queuptest.Option{queuptest.ClassicRoles()}, true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := queuptest.NewServer(append(tt.opts, queuptest.InMemory(), queuptest.WithWorld(world))...)
				defer server.Close()
				bot, room := joinLounge(t, server, "bot", client.WithRateLimit(0, 0))
				ctx := t.Context()
				me, _ := bot.User()
				role := func(template string) client.RoleID {
					r, _ := client.Find(slices.Values(room.Roles()), func(r client.Role) bool { return r.TemplateKey == template })
					return r.ID
				}
				mod, alice, bob, carol := id(t, bot, "mod"), id(t, bot, "alice"), id(t, bot, "bob"), id(t, bot, "carol")
				before := len(server.Log())
				for what, tt := range map[string]struct {
					err  error
					user client.UserID
					role client.RoleID
				}{
					"a role above one's own":            {room.SetRole(ctx, bob, client.RoleCoOwner), "", role("co-owner")},
					"one's own role":                    {room.SetRole(ctx, bob, client.RoleManager), "", role("manager")},
					"to somebody of the same rank":      {room.SetRole(ctx, alice, client.RoleVIP), alice, ""},
					"to somebody above":                 {room.SetRole(ctx, carol, client.RoleVIP), carol, ""},
					"taken from somebody above":         {room.UnsetRole(ctx, carol, client.RoleVIP), carol, ""},
					"a role above one's own, by its id": {room.UnsetRole(ctx, bob, role("co-owner")), "", role("co-owner")},
				} {
					e, is := errors.AsType[*client.PermissionError](tt.err)
					if !is || e.Permission != client.PermRolesManage || e.User != tt.user || e.Role != tt.role || e.Reason == "" {
						t.Errorf("%s = %v", what, tt.err)
					}
				}
				if !tt.fixed {
					_, above := room.UpdateRole(ctx, role("manager"), func(*client.RoleSettings) { t.Error("a role that ranks too high is edited") })
					for what, err := range map[string]error{
						"an update of one's own role": above,
						"the end of one's own role":   room.DeleteRole(ctx, role("manager")),
						"the end of a role above":     room.DeleteRole(ctx, role("co-owner")),
						"a role given to oneself":     room.SetRole(ctx, me.ID, client.RoleVIP),
						"one's own role taken":        room.UnsetRole(ctx, me.ID, client.RoleVIP),
					} {
						if e, is := errors.AsType[*client.PermissionError](err); !is || e.Role == "" && e.User != me.ID {
							t.Errorf("%s = %v", what, err)
						}
					}
					_, more := room.CreateRole(ctx, client.RoleSettings{Label: "Too much", Permissions: []client.Permission{"skip", client.PermRoomManage}})
					if e, is := errors.AsType[*client.PermissionError](more); !is || e.Permission != client.PermRoomManage || e.User != "" || e.Role != "" {
						t.Errorf("a role that grants more than one has = %v", more)
					}
					for what, err := range map[string]error{
						"the default role given":   room.SetRole(ctx, bob, role("guest")),
						"the default role deleted": room.DeleteRole(ctx, role("guest")),
					} {
						if !isArgument(err) {
							t.Errorf("%s = %v", what, err)
						}
					}
				}
				if sent := server.Log()[before:]; len(sent) > 0 {
					t.Errorf("sent %v", sent)
				}
				if err := errors.Join(room.SetRole(ctx, bob, client.RoleVIP), room.UnsetRole(ctx, bob, client.RoleVIP), room.SetRole(ctx, mod, client.RoleDJ)); err != nil {
					t.Errorf("a role below, to those below: %v", err)
				}
				if !tt.fixed {
					_, more := room.UpdateRole(ctx, role("vip"), func(s *client.RoleSettings) { s.Permissions = append(s.Permissions, client.PermRoomAdmin) })
					if e, is := errors.AsType[*client.PermissionError](more); !is || e.Permission != client.PermRoomAdmin {
						t.Errorf("an update that grants more than one has = %v", more)
					}
				}
			})
		})
	}
}

// The roles of a room that are not known refuse nothing: QueUp will.
func TestModeration_whenTheRolesAreNotKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), meddle(http.MethodGet, "/roles", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			http.Error(w, "", http.StatusBadRequest)
		}))
		defer server.Close()
		bot, room := joinLounge(t, server, "carol")
		err := room.Kick(t.Context(), id(t, bot, "bob"), "")
		if _, ours := errors.AsType[*client.PermissionError](err); ours || err == nil {
			t.Errorf("Kick = %v, want QueUp's refusal", err)
		}
	})
}

// Who may not chat sends nothing: because the permission is missing, or because of a mute.
func TestSendMessage_ofWhoMayNotChat(t *testing.T) {
	lacks := func(t *testing.T, err error) {
		t.Helper()
		if e, is := errors.AsType[*client.PermissionError](err); !is || e.Permission != client.PermChatSend || e.Op != "Room.SendMessage" {
			t.Errorf("SendMessage = %v", err)
		}
	}
	t.Run("without the permission", func(t *testing.T) {
		s := stage{roles: starters, actor: `{"permissions":["queue.view"],"position":0,"roles":[]}`}
		onStage(t, s, func(t *testing.T, _ *client.Client, room *client.Room) {
			_, err := room.SendMessage(t.Context(), "hi")
			lacks(t, err)
		})
	})
	for name, world := range worlds {
		t.Run("muted, "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := queuptest.NewServer(append(world, queuptest.InMemory())...)
				defer server.Close()
				_, room := joinLounge(t, server, "carol")
				lounge := server.Room("lounge")
				lounge.Mute("mod", "carol")
				synctest.Wait()
				before := len(server.Log())
				_, err := room.SendMessage(t.Context(), "hi")
				lacks(t, err)
				if sent := server.Log()[before:]; len(sent) > 0 {
					t.Errorf("sent %v", sent)
				}
				lounge.Unmute("mod", "carol")
				synctest.Wait()
				if _, err := room.SendMessage(t.Context(), "hi"); err != nil {
					t.Errorf("when not muted any more: %v", err)
				}
			})
		})
	}
}
