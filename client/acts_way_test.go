package client_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// The owner of a room does all that can be done in it, where roles are the fixed ones and where each room has its own.
func TestActs_inBothWorldsOfRoles(t *testing.T) {
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

// Someone without a role is told so before anything is sent.
func TestActs_thatTheRoleDoesNotAllow(t *testing.T) {
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

// What is read without joining needs no login either.
func TestFetchRoom_asNobody(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		nobody := newBot(t, server, client.WithRateLimit(0, 0))
		room, err := nobody.FetchRoom(t.Context(), "lounge")
		if err != nil {
			t.Fatal(err)
		}
		members, err := room.FetchMembers(t.Context())
		if err != nil || len(members) != 5 {
			t.Errorf("members %v, %v", members, err)
		}
		staff, err := room.FetchStaff(t.Context())
		if err != nil || len(staff) == 0 {
			t.Errorf("staff %v, %v", staff, err)
		}
		if _, err := room.FetchBanned(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := room.AuditLog(t.Context()); err != nil {
			t.Error(err)
		}
		plays := 0
		for _, err := range room.History(t.Context()) {
			if plays++; err != nil {
				t.Fatal(err)
			}
		}
		if plays != 45 {
			t.Errorf("%d plays in the history", plays)
		}
		if err := room.Kick(t.Context(), members[0].UserID, ""); !errors.Is(err, client.ErrNotJoined) {
			t.Errorf("acting = %v", err)
		}
	})
}

// As irregular as QueUp's answers get, a bot goes on.
func TestQuirks_breakNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.Quirks())
		defer server.Close()
		bot, room := joinLounge(t, server, "owner", client.WithRateLimit(0, 0))
		chat := record(room, func(e client.Chat) string { return e.Author.Username + ": " + e.Message.Content })
		odd := record(room, func(e client.Malformed) string { return fmt.Sprint(e.Name, e.Err) })
		unknown := record(room, func(e client.Event) string { return fmt.Sprintf("%T", e) })
		lounge := server.Room("lounge")
		for i := range 40 {
			lounge.Say("bob", fmt.Sprintf("line %d", i))
		}
		lounge.Vote("carol", true)
		for range 10 {
			time.Sleep(time.Minute)
			for song, err := range room.History(t.Context()) {
				if err != nil || song.ID == "" {
					t.Fatalf("history: %+v, %v", song, err)
				}
			}
			members, err := room.FetchMembers(t.Context())
			if err != nil || len(members) < 5 || slices.ContainsFunc(members, func(m client.Member) bool { return m.UserID == "" }) {
				t.Fatalf("members: %v, %v", members, err)
			}
			if _, err := room.FetchQueue(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := bot.FetchUser(t.Context(), "alice"); err != nil {
				t.Fatal(err)
			}
			if _, err := bot.FetchConversations(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		heard := chat()
		if len(heard) != 40 || len(odd()) != 0 || len(unknown()) == 0 {
			t.Errorf("%d of 40 lines heard, malformed: %q", len(heard), odd())
		}
		for i, line := range heard {
			if !strings.HasSuffix(line, fmt.Sprintf(": line %d", i)) {
				t.Errorf("line %d is %q", i, line)
			}
		}
	})
}
