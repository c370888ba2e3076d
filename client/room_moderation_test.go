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

// The owner of a room does all that can be done in it, where roles are the fixed ones and where each room has its own.
func TestRoom_everyActionInBothWorldsOfRoles(t *testing.T) {
	for name, world := range map[string][]queuptest.Option{"custom": nil, "classic": {queuptest.ClassicRoles()}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := queuptest.NewServer(append(world, queuptest.InMemory())...)
				defer server.Close()
				bot, room := joinLounge(t, server, "owner", client.WithRateLimit(0, 0))
				lounge := server.Room("lounge")
				ctx := t.Context()
				must := func(err error) {
					t.Helper()
					if err != nil {
						t.Fatal(err)
					}
				}
				id := func(name string) client.UserID {
					t.Helper()
					user, err := bot.FetchUser(ctx, name)
					must(err)
					return user.ID
				}
				alice, bob, carol := id("alice"), id("bob"), id("carol")

				must(room.Kick(ctx, bob, "read the <rules>"))
				must(room.Ban(ctx, carol, 90*time.Second))
				synctest.Wait()
				if here := lounge.Members(); slices.Contains(here, "bob") || slices.Contains(here, "carol") {
					t.Errorf("in the room after a kick and a ban: %q", here)
				}
				banned, err := room.FetchBanned(ctx)
				must(err)
				if len(banned) != 1 || banned[0].UserID != carol || banned[0].BannedUntil.Sub(banned[0].BannedAt).Round(time.Second) != 2*time.Minute {
					t.Errorf("banned: %+v", banned)
				}
				must(room.Unban(ctx, carol))
				lounge.Join("bob")
				lounge.Join("carol")

				must(room.Mute(ctx, bob))
				muted, err := room.FetchMuted(ctx)
				must(err)
				if len(muted) != 1 || muted[0].UserID != bob || !muted[0].Muted {
					t.Errorf("muted: %+v", muted)
				}
				must(room.Unmute(ctx, bob))

				must(room.SetRole(ctx, bob, client.RoleVIP))
				synctest.Wait()
				record, err := room.FetchMember(ctx, bob)
				must(err)
				if role, ok := record.Role(); !ok || role.TemplateKey != "vip" || !role.Can(client.PermQueueSkip) {
					t.Errorf("bob's role is %+v", role)
				}
				staff, err := room.FetchStaff(ctx)
				must(err)
				if !slices.ContainsFunc(staff, func(m client.Member) bool { return m.UserID == bob }) {
					t.Errorf("staff: %v", staff)
				}
				must(room.UnsetRole(ctx, bob, client.RoleVIP))
				if record, err = room.FetchMember(ctx, bob); err != nil || len(record.Roles()) != 0 {
					t.Errorf("bob's roles are %v, %v", record.Roles(), err)
				}

				roles, err := room.FetchRoles(ctx)
				must(err)
				if len(roles) < 6 || roles[0].TemplateKey != "co-owner" {
					t.Errorf("roles %v", roles)
				}
				if name == "custom" {
					role, err := room.CreateRole(ctx, client.RoleSettings{Label: "Night Crew", Color: "#00aeff", Permissions: []client.Permission{"skip"}})
					must(err)
					role, err = room.UpdateRole(ctx, role.ID, func(s *client.RoleSettings) { s.Label = "Late Crew" })
					must(err)
					if role.Label != "Late Crew" || role.Color != "#00aeff" || !role.Can(client.PermQueueSkip) {
						t.Errorf("the role is %+v", role)
					}
					must(room.SetRole(ctx, carol, role.ID))
					var order []client.RoleID
					all, err := room.FetchRoles(ctx)
					must(err)
					for _, r := range all {
						order = append(order, r.ID)
					}
					n := len(order)
					order[n-2], order[n-3] = order[n-3], order[n-2] // the default role stays last
					must(room.ReorderRoles(ctx, order))
					must(room.DeleteRole(ctx, role.ID))
					if standing, err := room.FetchStanding(ctx); err != nil || !standing.Owner || !standing.Unlimited {
						t.Errorf("the owner's standing is %+v, %v", standing, err)
					}
				} else if _, err := room.FetchStanding(ctx); !errors.Is(err, client.ErrNotFound) {
					t.Errorf("standing in a room with fixed roles = %v", err)
				}

				must(room.Updub(ctx))
				synctest.Wait()
				if song, _ := room.NowPlaying(); song.Updubs != 1 {
					t.Errorf("score %d:%d", song.Updubs, song.Downdubs)
				}
				if up, down, err := room.FetchVotes(ctx); err != nil || len(up) != 1 || len(down) != 0 {
					t.Errorf("votes %v, %v, %v", up, down, err)
				}
				queued, err := room.QueueSong(ctx, client.YouTube, "dQw4w9WgXcQ")
				must(err)
				own, err := room.OwnQueue(ctx)
				must(err)
				if len(own) != 1 || own[0].ID != queued.ID {
					t.Errorf("own queue %v, queued %v", own, queued)
				}
				queue, err := room.FetchQueue(ctx)
				must(err)
				me, _ := bot.User()
				must(room.MoveDJ(ctx, me.ID, 0))
				moved, err := room.FetchQueue(ctx)
				must(err)
				if len(moved) != len(queue) || moved[0].UserID != me.ID {
					t.Errorf("the queue was %v and is %v", queue, moved)
				}
				if info, err := bot.FetchSong(ctx, moved[0].SongID); err != nil || info.MediaID != "dQw4w9WgXcQ" {
					t.Errorf("the song is %+v, %v", info, err)
				}
				must(room.Skip(ctx))
				synctest.Wait()
				if song, _ := room.NowPlaying(); song.ID != queued.ID {
					t.Errorf("playing %+v, want the song that was queued", song)
				}
				played := 0
				for song, err := range room.History(ctx) {
					must(err)
					if played++; played == 1 && (song.UserID != alice || !song.Skipped) {
						t.Errorf("played last: %+v", song)
					}
				}
				if played < 40 {
					t.Errorf("%d plays in the history", played)
				}
				must(room.PauseDJ(ctx, bob, true))
				must(room.RemoveSong(ctx, carol))
				must(room.RemoveDJ(ctx, bob))
				must(room.ClearQueue(ctx))
				must(room.LockQueue(ctx, true))
				must(room.SetSlowMode(ctx, true))
				info, err := room.Update(ctx, func(s *client.RoomSettings) { s.Welcome, s.MaxSongLength = "hi {username}", 7*time.Minute })
				must(err)
				if !info.QueueLocked || !info.SlowMode || info.Welcome != "hi {username}" || info.MaxSongLength != 7*time.Minute || info.Slug != "lounge" {
					t.Errorf("the room is %+v", info)
				}
				must(room.SetSlowMode(ctx, false))

				line := lounge.Say("bob", "spam & more")
				must(room.DeleteMessage(ctx, client.MessageID(line)))
				said, err := room.FetchChat(ctx)
				must(err)
				if len(said) != 1 || said[0].Content != "spam & more" || !said[0].Deleted {
					t.Errorf("said: %+v", said)
				}
				log, err := room.AuditLog(ctx)
				must(err)
				if len(log) < 4 {
					t.Errorf("audit log %v", log)
				}
			})
		})
	}
}

// A bot without a role gets an error before anything is sent.
func TestRoom_refusesWhatTheRoleDoesNotAllow(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "alice", client.WithRateLimit(0, 0))
		bob, err := bot.FetchUser(t.Context(), "BOB")
		if err != nil {
			t.Fatal(err)
		}
		sent := len(server.Log())
		for lacking, err := range map[client.Permission]error{
			client.PermMembersKick: room.Kick(t.Context(), bob.ID, ""),
			client.PermMembersBan:  room.Ban(t.Context(), bob.ID, time.Hour),
			client.PermMembersMute: room.Mute(t.Context(), bob.ID),
			client.PermQueueLock:   room.LockQueue(t.Context(), true),
			client.PermRolesManage: room.SetRole(t.Context(), bob.ID, client.RoleVIP),
		} {
			refusal, ok := errors.AsType[*client.PermissionError](err)
			if !ok || refusal.Permission != lacking || refusal.User != "" || !errors.Is(err, client.ErrForbidden) {
				t.Errorf("without %s: %v", lacking, err)
			}
		}
		if more := server.Log()[sent:]; len(more) > 0 {
			t.Errorf("sent %v", more)
		}
	})
}

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

// Without the permission the call returns an error, and nothing is sent.
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

// A bot with the permission still cannot moderate everybody.
func TestModeration_ofUsersThatRankTooHigh(t *testing.T) {
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
		server := queuptest.NewServer(queuptest.InMemory(), intercept(http.MethodGet, "/roles", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
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

// A bot that may not chat sends nothing: because the permission is missing, or because of a mute.
func TestSendMessage_withoutThePermission(t *testing.T) {
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

// A ban of any length asks for as many minutes as hold it.
func TestBan_ofAnyLength(t *testing.T) {
	for d, want := range map[time.Duration]string{
		1: "1", time.Minute: "1", time.Minute + 1: "2", longest: "153722868", longest - time.Minute: "153722867",
		longest - longest%time.Minute: "153722867", client.BanForever: "0",
	} {
		t.Run(d.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				_, room := joinLounge(t, server, "bot")
				_ = room.Ban(t.Context(), memberOf(t, room, "bob").UserID, d) // queuptest bans for a century at most
				var sent []string
				for _, e := range server.Log() {
					if e.In && strings.HasPrefix(e.Path, "/chat/ban/") {
						sent = append(sent, e.Body)
					}
				}
				if len(sent) != 1 || !strings.Contains(sent[0]+"&", "time="+want+"&") {
					t.Errorf("sent %q, want a time of %s", sent, want)
				}
			})
		})
	}
}
