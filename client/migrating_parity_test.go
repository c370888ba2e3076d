package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/internal/testkit/canary"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/queuptest"
)

// The tests of this file show what docs/MIGRATING.md says, where no other test does: one per thing that a bot of another
// library could do.

func TestMigrating_currentSong(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot")
		lounge := server.Room("lounge")
		song, playing := room.NowPlaying()
		info, known := song.Info()
		if !playing || !known || info.Name == "" || info.Length != song.Length || info.URL() == "" {
			t.Fatalf("playing %v: %+v, media %v: %+v", playing, song, known, info)
		}
		if dj, known := song.User(); !known || dj.Username != "alice" {
			t.Errorf("queued by %+v", dj)
		}
		before, _ := room.Elapsed()
		time.Sleep(30 * time.Second)
		elapsed, _ := room.Elapsed()
		remaining, _ := room.Remaining()
		if elapsed-before != 30*time.Second || elapsed+remaining != song.Length {
			t.Errorf("after 30 s more: elapsed %v, was %v; remaining %v of %v", elapsed, before, remaining, song.Length)
		}
		lounge.Vote("bob", true)
		lounge.Vote("carol", false)
		synctest.Wait()
		up, down := room.Votes()
		if len(up) != 1 || userName(bot, up[0]) != "bob" || len(down) != 1 || userName(bot, down[0]) != "carol" {
			t.Errorf("voted for %v, against %v", up, down)
		}
		if song, _ := room.NowPlaying(); song.Updubs != 1 || song.Downdubs != 1 || song.NetDubs() != 0 {
			t.Errorf("score %d:%d", song.Updubs, song.Downdubs)
		}
	})
}

func TestMigrating_queue(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot")
		var places []string
		for i, song := range room.Queue() {
			info, known := song.Info()
			place, queued := room.QueuePosition(song.UserID)
			if !known || info.Name == "" || !queued || place != i+1 {
				t.Errorf("row %d is %+v of %s, place %d", i, info, userName(bot, song.UserID), place)
			}
			places = append(places, userName(bot, song.UserID))
		}
		expect(t, "queued", places, []string{"bob", "carol"})
		bob, carol := id(t, bot, "bob"), id(t, bot, "carol")
		left, _ := room.Remaining()
		first, _ := room.ETA(bob)
		second, _ := room.ETA(carol)
		if first != left || second != left+room.Queue()[0].Length {
			t.Errorf("bob plays in %v, carol in %v; %v are left of this song", first, second, left)
		}
	})
}

// QueUp says nothing when the last song ends: the client finds out.
func TestMigrating_endOfTheLastSong(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		heard := record(room, func(e client.SongChanged) string {
			return fmt.Sprint(e.Playing, " after ", e.Previous.ID != "", e.Previous.Played)
		})
		time.Sleep(time.Hour)
		synctest.Wait()
		changes := heard()
		if len(changes) != 4 || changes[3] != "false after true true" || slices.Contains(changes[:3], changes[3]) {
			t.Errorf("heard %q", changes)
		}
		if song, playing := room.NowPlaying(); playing {
			t.Errorf("still playing %v", song)
		}
	})
}

func TestMigrating_mediaAreForgotten(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot")
		song, _ := room.NowPlaying()
		if _, known := bot.Songs().Get(song.SongID); !known {
			t.Fatal("the media that play are not known")
		}
		if err := room.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(16 * time.Minute)
		if n := bot.Songs().Len(); n != 0 {
			t.Errorf("%d media are known after 16 minutes", n)
		}
	})
}

func TestMigrating_eventsOfModeration(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		heard := record(room, func(e client.Event) string {
			switch e := e.(type) {
			case client.MemberKicked:
				return fmt.Sprint(e.By, " kicked ", e.User, ": ", e.Reason)
			case client.MemberBanned:
				return fmt.Sprint(e.By, " banned ", e.User, " for ", e.For)
			case client.MemberUnbanned:
				return fmt.Sprint(e.By, " unbanned ", e.User)
			case client.MemberMuted:
				return fmt.Sprint(e.By, " muted ", e.User, " ", e.Member.Muted)
			case client.MemberUnmuted:
				return fmt.Sprint(e.By, " unmuted ", e.User, " ", e.Member.Muted)
			case client.ChatCleared:
				return fmt.Sprint(e.By, " cleared ", e.User)
			}
			return ""
		})
		lounge := server.Room("lounge")
		lounge.Kick("mod", "alice", "be <nice>")
		lounge.Ban("mod", "bob", 90*time.Minute)
		lounge.Unban("mod", "bob")
		lounge.Mute("mod", "carol")
		lounge.Unmute("mod", "carol")
		lounge.Say("carol", "one")
		lounge.DeleteMessagesOf("mod", "carol")
		synctest.Wait()
		expect(t, "heard", slices.DeleteFunc(heard(), func(line string) bool { return line == "" }), []string{
			"mod kicked alice: be <nice>", "mod banned bob for 1h30m0s", "mod unbanned bob", "mod muted carol true", "mod unmuted carol false", "mod cleared carol",
		})
	})
}

func TestMigrating_eventsOfRoles(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		_, owners := joinLounge(t, server, "owner", client.WithRateLimit(0, 0))
		heard := record(room, func(e client.Event) string {
			switch e := e.(type) {
			case client.RoleSet:
				return fmt.Sprint(e.By, " made ", e.User, " ", e.Role)
			case client.RoleUnset:
				return fmt.Sprint(e.By, " took ", e.Role, " from ", e.User)
			case client.RoleCreated:
				return fmt.Sprint("created ", e.Role)
			case client.RoleUpdated:
				return fmt.Sprint("updated ", e.Role)
			case client.RolesReordered:
				return fmt.Sprint("reordered ", e.Roles[0])
			case client.RoleDeleted:
				return fmt.Sprint("deleted ", e.Role)
			}
			return ""
		})
		ctx := t.Context()
		server.Room("lounge").SetRole("owner", "alice", queuptest.VIP)
		server.Room("lounge").UnsetRole("owner", "alice", queuptest.VIP)
		crew := must(owners.CreateRole(ctx, client.RoleSettings{Label: "Crew"}))(t)
		must(owners.UpdateRole(ctx, crew.ID, func(s *client.RoleSettings) { s.Label = "Night Crew" }))(t)
		synctest.Wait()
		var order []client.RoleID
		for _, role := range must(owners.FetchRoles(ctx))(t) {
			if role.ID != crew.ID {
				order = append(order, role.ID)
			}
		}
		if err := owners.ReorderRoles(ctx, append([]client.RoleID{crew.ID}, order...)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := owners.DeleteRole(ctx, crew.ID); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		expect(t, "heard", slices.DeleteFunc(heard(), func(line string) bool { return line == "" }), []string{
			"owner made alice VIP", "owner took VIP from alice", "created Crew", "updated Night Crew", "reordered Night Crew", "deleted Night Crew",
		})
	})
}

func TestMigrating_eventsOfTheQueueAndTheSettings(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		_, owners := joinLounge(t, server, "owner", client.WithRateLimit(0, 0))
		heard := record(room, func(e client.Event) string {
			switch e := e.(type) {
			case client.QueuePaused:
				return fmt.Sprint(e.By, " paused ", e.Member, " ", e.Paused)
			case client.QueueReordered:
				return fmt.Sprint(e.By, " reordered")
			case client.SongRemoved:
				return fmt.Sprint(e.By, " removed a song of ", e.Member)
			case client.DJRemoved:
				return fmt.Sprint(e.By, " removed ", e.Member)
			case client.QueueLocked:
				return fmt.Sprint(e.By, " locked ", e.Locked)
			case client.QueueUpdated:
				return fmt.Sprint("queue of ", len(e.Queue))
			case client.SlowMode:
				return fmt.Sprint(e.By, " slow mode ", e.On)
			case client.GuestChat:
				return fmt.Sprint(e.By, " guest chat ", e.On)
			case client.GuestEmbed:
				return fmt.Sprint(e.By, " guest embed ", e.On)
			case client.RoomUpdated:
				return fmt.Sprint("now ", e.Info)
			}
			return ""
		})
		lounge := server.Room("lounge")
		lounge.Pause("carol", true)
		lounge.PauseDJ("mod", "carol", false)
		lounge.Reorder("mod", "carol", "bob")
		lounge.RemoveSong("mod", "bob")
		lounge.RemoveDJ("mod", "carol")
		lounge.Lock("mod", true)
		lounge.SlowMode("mod", true)
		for _, set := range []func(context.Context, bool) error{owners.SetGuestChat, owners.SetGuestEmbed} {
			if err := set(t.Context(), false); err != nil {
				t.Fatal(err)
			}
		}
		lounge.Retitle("owner", "The Attic")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		expect(t, "heard", slices.DeleteFunc(heard(), func(line string) bool { return line == "" }), []string{
			"carol paused carol true", "mod paused carol false", "mod reordered", "mod removed a song of bob", "mod removed carol", "mod locked true",
			"mod slow mode true", "owner guest chat false", "owner guest embed false", "now The Attic", "queue of 1",
		})
		if info := room.Info(); !info.QueueLocked || !info.SlowMode || info.GuestChat || info.GuestEmbed || info.Name != "The Attic" {
			t.Errorf("the room is %+v", info)
		}
	})
}

func TestMigrating_presenceAndGrabs(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot")
		presence := record(room, func(e client.MemberPresence) string { return fmt.Sprint(e.User, " ", e.Presence) })
		grabs := record(room, func(e client.Grab) string { return fmt.Sprint(e.User, " ", e.Song.Grabs) })
		pictures := record(room, func(e client.AvatarUpdated) string { return e.User.String() })

		alice, alices := joinLounge(t, server, "alice", client.WithRateLimit(0, 0))
		if err := alices.ChangePresence(t.Context(), client.PresenceExit); err != nil {
			t.Fatal(err)
		}
		song, _ := alices.NowPlaying()
		list := must(alice.CreatePlaylist(t.Context(), "mine"))(t)
		must(list.AddSong(t.Context(), song.SongID))(t)
		me, _ := alice.User()
		must(me.UploadAvatar(t.Context(), "me.png", strings.NewReader(png)))(t)
		synctest.Wait()
		expect(t, "presence", presence(), []string{"alice enter", "alice exit"})
		expect(t, "grabs", grabs(), []string{"alice 1"})
		expect(t, "pictures", pictures(), []string{"alice"})
		if users := room.Grabbers(); len(users) != 1 || userName(bot, users[0]) != "alice" {
			t.Errorf("grabbed by %v", users)
		}
	})
}

// QueUp has been seen to send these, but not lately: nothing here makes them happen by itself.
func TestMigrating_rareEvents(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		alice, _ := room.MemberNamed("alice")
		heard := record(room, func(e client.Event) string {
			switch e := e.(type) {
			case client.CommentAdded:
				return fmt.Sprint("added ", e.Comment.ID, " ", e.Comment.Content)
			case client.CommentRemoved:
				return fmt.Sprint("removed ", e.Comment.ID, " ", e.Comment.Deleted)
			case client.CommentUpdated:
				return fmt.Sprint("updated ", e.Comment.ID, " ", e.Comment.Updubs)
			case client.AvatarUpdated:
				picture, _ := e.User.AvatarURL()
				return fmt.Sprint("picture of ", e.User, " ", picture)
			}
			return ""
		})
		for _, event := range []string{
			`{"type":"comment-add","comment":{"_id":"66180726304e1f0018010001","comment":"nice","userid":"65b2a1c0d4e8b90012ab0003"}}`,
			`{"type":"comment-update-66180726304e1f0018010001","comment":{"updubs":1}}`,
			`{"type":"comment-remove","comment":{"_id":"66180726304e1f0018010001"}}`,
			`{"type":"user-avatar-update","user":{"_id":"` + string(alice.UserID) + `"},"img":{"url":"https://img.example/alice.png"}}`,
		} {
			var named struct{ Type string }
			if err := json.Unmarshal([]byte(event), &named); err != nil {
				t.Fatal(err)
			}
			server.Room("lounge").Broadcast(named.Type, json.RawMessage(event))
		}
		synctest.Wait()
		expect(t, "heard", heard(), []string{
			"added 66180726304e1f0018010001 nice", "updated 66180726304e1f0018010001 1", "removed 66180726304e1f0018010001 true",
			"picture of alice https://img.example/alice.png",
		})
	})
}

func TestMigrating_permissions(t *testing.T) {
	for world, opts := range map[string][]queuptest.Option{"custom": nil, "classic": {queuptest.ClassicRoles()}} {
		t.Run(world, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := queuptest.NewServer(append(opts, queuptest.InMemory())...)
				defer server.Close()
				bot, room := joinLounge(t, server, "bot")
				owner, mod, alice := id(t, bot, "owner"), id(t, bot, "mod"), id(t, bot, "alice")
				if !room.Can(owner, client.PermRoomAdmin) || !room.Can(mod, "kick") || room.Can(mod, client.PermRolesManage) || room.Can(alice, client.PermQueueSkip) {
					t.Error("who may do what is wrong")
				}
				if !room.Outranks(owner, mod) || !room.Outranks(mod, alice) || room.Outranks(alice, mod) || room.Outranks(mod, mod) {
					t.Error("who stands above whom is wrong")
				}
				if role, held := must(room.FetchMember(t.Context(), mod))(t).Role(); !held || role.TemplateKey != "mod" && role.ID != client.RoleModerator {
					t.Errorf("mod is %+v", role)
				}
			})
		})
	}
}

// What no method of the client does is a method of its generated client.
func TestMigrating_otherRESTCalls(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot := loggedIn(t, server, "bot")
		ctx, me := t.Context(), id(t, bot, "bot")
		if _, err := bot.REST().SignUp(ctx, &queupapi.SignUpRequest{
			Email: "erin@example.com", Username: "erin", Password: canary.Password, PasswordAgain: canary.Password, Captcha: "x",
		}); err != nil {
			t.Error(err)
		}
		if _, err := bot.REST().ResetPassword(ctx, &queupapi.ResetPasswordRequest{Email: "bot@example.com"}); err != nil {
			t.Error(err)
		}
		image, err := bot.REST().UserImage(ctx, queupapi.UserImageParams{UserID: me})
		if err != nil || image.Location == "" {
			t.Errorf("the picture is at %+v, %v", image, err)
		}
		if user := must(bot.FetchUser(ctx, "erin"))(t); user.Username != "erin" {
			t.Errorf("the new account is %+v", user)
		}
	})
}

func TestMigrating_proxy(t *testing.T) {
	server := queuptest.NewServer()
	defer server.Close()
	target, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	var proxied []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		proxied = append(proxied, req.Host+req.URL.Path)
		httputil.NewSingleHostReverseProxy(target).ServeHTTP(w, req)
	}))
	defer proxy.Close()
	through, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	bot, err := client.New(client.WithBaseURL("http://queup.invalid"), client.WithProxy(through), client.WithRecentConversations(false))
	if err != nil {
		t.Fatal(err)
	}
	if err := bot.Login(t.Context(), "bot", canary.Password); err != nil {
		t.Error(err)
	}
	_ = bot.Close()
	<-bot.Done()
	expect(t, "through the proxy", proxied, []string{"queup.invalid/auth/login", "queup.invalid/auth/session"})
}
