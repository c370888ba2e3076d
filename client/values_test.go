package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/queup-go/queup/internal/testkit/canary"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// A bot's unit test writes values as literals: their methods must not need a client.
func TestValues_zeroAndLiteralAreSafe(t *testing.T) {
	var (
		room    *client.Room
		user    client.User
		member  client.Member
		message client.Message
		song    client.Song
		info    client.SongInfo
		role    client.Role
	)
	misses := map[string]bool{}
	_, misses["User.AvatarURL"] = user.AvatarURL()
	_, misses["User.MemberOf"] = user.MemberOf(room)
	_, misses["Member.User"] = member.User()
	_, misses["Member.Room"] = member.Room()
	_, misses["Member.Role"] = member.Role()
	_, misses["Message.Author"] = message.Author()
	_, misses["Message.Member"] = message.Member()
	_, misses["Message.Room"] = message.Room()
	_, misses["Song.Info"] = song.Info()
	_, misses["Song.User"] = song.User()
	_, misses["Song.Room"] = song.Room()
	for name, found := range misses {
		if found {
			t.Errorf("%s of a zero value finds something", name)
		}
	}
	if room.Members().Len() != 0 || info.URL() != "" || info.Live() || role.Can(client.PermMembersKick) || song.NetDubs() != 0 {
		t.Error("zero values know something")
	}
	for _, v := range []fmt.Stringer{user, member, message, song, info, role, client.RoomInfo{}} {
		if text := v.String(); strings.Contains(text, "0x") {
			t.Errorf("%T prints %q", v, text)
		}
	}
	for _, x := range []interface {
		Extra() map[string]json.RawMessage
	}{user, member, message, song, info, role, client.RoomInfo{}} {
		if len(x.Extra()) != 0 {
			t.Errorf("%T has extra members", x)
		}
	}
}

func TestValues_marshalCompareAndPrint(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 5e6, time.UTC)
	values := []struct {
		value any
		text  string
	}{
		{client.User{ID: "u1", Username: "alice", Avatar: "https://img.example/a.png", CreatedAt: at}, "alice"},
		{client.Member{ID: "m1", UserID: "u1", RoomID: "r1", Dubs: 3, Played: 2, Skipped: 1, QueuedNow: 4, Order: 5, Authorized: true, Muted: true, BannedAt: at, RoleIDs: []client.RoleID{client.RoleVIP}}, "member u1"},
		{client.Message{ID: "u1-1", AuthorID: "u1", RoomID: "r1", Content: "hi", CreatedAt: at, Deleted: true}, "u1: hi"},
		{client.Message{ID: "m1", AuthorID: "u1", ConversationID: "v1", Content: "psst", CreatedAt: at}, "u1: psst"},
		{client.Follow{FollowerID: "u1", FollowedID: "u2", CreatedAt: at}, "u1 follows u2"},
		{client.Comment{ID: "c1", SongID: "s1", AuthorID: "u1", Content: "nice", CreatedAt: at, Updubs: 2, Downdubs: 1, Flagged: true}, "u1: nice"},
		{client.Playlist{ID: "p1", Name: "late hours", OwnerID: "u1", CreatedAt: at, Public: true, Provider: client.YouTube, MediaID: "PL1", SongCount: 41}, "late hours"},
		{client.PlaylistSong{ID: "e1", SongID: "s1", PlaylistID: "p1", AddedAt: at}, "song s1"},
		{client.SoundCloudPlaylist{MediaID: "123", Title: "Night", TrackCount: 7, Description: "slow", Genre: "house", Permalink: "night"}, "Night"},
		{client.Song{ID: "p1", SongID: "s1", UserID: "u1", RoomID: "r1", Length: time.Minute, CreatedAt: at, PlayedAt: at, Active: true, Order: 1, Updubs: 3, Downdubs: 1, Grabs: 2}, "song s1"},
		{client.SongInfo{ID: "s1", Name: "Artist - Title", Provider: client.YouTube, MediaID: "x", Length: 234 * time.Second, Thumbnail: "https://i.example/x.jpg", CreatedAt: at}, "Artist - Title (03:54)"},
		{client.Role{ID: client.RoleVIP, Label: "VIP", TemplateKey: "vip", Position: 512, Color: "#00aeff", Permissions: []client.Permission{client.PermQueueSkip}}, "VIP"},
		{client.Standing{Permissions: []client.Permission{client.PermQueueSkip}, Position: 640, Owner: true, RoleIDs: []client.RoleID{client.RoleVIP}}, "{[queue.skip] 640 false true false [5615fe1ee596154fc2000001]}"},
		{client.RoomInfo{ID: "r1", Slug: "lounge", Name: "The Lounge", Public: true, OwnerID: "u1", MaxSongLength: 10 * time.Minute, CreatedAt: at}, "The Lounge"},
	}
	for _, tt := range values {
		t.Run(fmt.Sprintf("%T", tt.value), func(t *testing.T) {
			if got := fmt.Sprint(tt.value); got != tt.text {
				t.Errorf("prints %q, want %q", got, tt.text)
			}
			marshalled, err := json.Marshal(tt.value)
			if err != nil {
				t.Fatal(err)
			}
			back := reflect.New(reflect.TypeOf(tt.value))
			if err := json.Unmarshal(marshalled, back.Interface()); err != nil {
				t.Fatal(err)
			}
			equal := reflect.ValueOf(tt.value).MethodByName("Equal")
			if !equal.Call([]reflect.Value{back.Elem()})[0].Bool() {
				t.Errorf("comes back as %+v from %s", back.Elem(), marshalled)
			}
			// Each exported field takes part in Equal.
			for i := range back.Elem().NumField() {
				if !back.Elem().Type().Field(i).IsExported() {
					continue
				}
				changed := reflect.New(reflect.TypeOf(tt.value)).Elem()
				changed.Set(back.Elem())
				differ(changed.Field(i))
				if equal.Call([]reflect.Value{changed})[0].Bool() {
					t.Errorf("Equal does not look at %s", back.Elem().Type().Field(i).Name)
				}
			}
		})
	}
}

// However a value or a handle is printed, it can be read, and gives no secret away.
func TestPrinting(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot", client.WithRateLimit(0, 0))
		owner, _ := joinLounge(t, server, "owner", client.WithRateLimit(0, 0))
		cellar := must(owner.CreateRoom(t.Context(), client.RoomSettings{
			Name: "Cellar", Private: true, Password: "swordfish", MaxSongLength: 10 * time.Minute, MaxQueue: 10,
		}))(t)
		private := must(bot.JoinRoom(t.Context(), cellar.Slug(), client.RoomPassword("swordfish")))(t)
		song, _ := room.NowPlaying()
		info, _ := song.Info()
		member, _ := room.MemberNamed("mod")
		user, _ := member.User()
		role, _ := member.Role()
		standing, _ := room.Standing()
		conversation := must(bot.OpenConversation(t.Context(), user.ID))(t)
		sent := must(room.SendMessage(t.Context(), "hello"))(t)
		chat := client.Chat{Meta: client.Meta{Room: private}, Message: sent, Author: user, Member: member}
		for want, v := range map[string]any{
			"queup client of bot": bot,
			"The Lounge":          room,
			"Cellar":              private,
			"mod":                 conversation,
			string(song.ID):       song,
			info.MediaID:          info,
			string(user.ID):       user,
			string(member.ID):     member,
			string(role.ID):       role,
			"hello":               sent,
			"Position":            standing,
			"Reconnects":          bot.Health(),
			"MaxQueue":            client.RoomSettings{Password: "swordfish", MaxQueue: 7},
			string(sent.ID):       chat,
		} {
			for _, verb := range []string{"%v", "%+v", "%#v"} {
				text := fmt.Sprintf(verb, v)
				if strings.Contains(text, "swordfish") || strings.Contains(text, canary.Password) {
					t.Errorf("%s of %T gives a secret away: %s", verb, v, text)
				}
				if len(text) > 2000 {
					t.Errorf("%s of %T has %d characters", verb, v, len(text))
				}
				if verb == "%#v" && !strings.Contains(text, want) {
					t.Errorf("%s of %T does not show %q: %s", verb, v, want, text)
				}
			}
		}
	})
}

func TestStandingAndHealth_marshal(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	health := client.Health{State: realtime.StateReconnecting, LastFrame: at, LastEvent: at, Reconnects: 3}
	text, err := json.Marshal(health)
	if err != nil || !strings.Contains(string(text), `"state":"reconnecting"`) {
		t.Errorf("health is %s, %v", text, err)
	}
	var back client.Health
	if err := json.Unmarshal(text, &back); err != nil || back != health {
		t.Errorf("%s is read as %+v, %v", text, back, err)
	}
	if err := json.Unmarshal([]byte(`{"state":"asleep"}`), &back); err == nil {
		t.Error("a state that there is not was read")
	}
}

// differ sets a field to another value than it has.
func differ(field reflect.Value) {
	switch v := field.Interface().(type) {
	case time.Time:
		field.Set(reflect.ValueOf(v.Add(time.Second)))
	default:
		switch field.Kind() {
		case reflect.String:
			field.SetString(field.String() + "x")
		case reflect.Int64:
			field.SetInt(field.Int() + 1)
		case reflect.Bool:
			field.SetBool(!field.Bool())
		case reflect.Slice:
			field.Set(reflect.Append(field, reflect.Zero(field.Type().Elem())))
		default:
			panic("no way to change a " + field.Kind().String())
		}
	}
}

func TestSongInfo(t *testing.T) {
	tests := []struct {
		info client.SongInfo
		url  string
		live bool
	}{
		{client.SongInfo{Provider: client.YouTube, MediaID: "AbC&1"}, "https://www.youtube.com/watch?v=AbC%261", false},
		{client.SongInfo{Provider: client.SoundCloud, MediaID: "123"}, "https://w.soundcloud.com/player/?url=https%3A%2F%2Fapi.soundcloud.com%2Ftracks%2F123", false}, // the API answers 401 to a browser
		{client.SongInfo{Provider: client.SoundCloud, MediaID: "dj/night-ride"}, "", false},
		{client.SongInfo{Provider: client.SoundCloud}, "", false},
		{client.SongInfo{Provider: "dubtrack", MediaID: "123"}, "", false},
		{client.SongInfo{Length: 99_999 * time.Second}, "", true},
		{client.SongInfo{Length: 24*time.Hour + time.Second}, "", true},
		{client.SongInfo{Length: 24 * time.Hour}, "", false},
	}
	for _, tt := range tests {
		if got := tt.info.URL(); got != tt.url {
			t.Errorf("URL of %+v = %q, want %q", tt.info, got, tt.url)
		}
		if got := tt.info.Live(); got != tt.live {
			t.Errorf("Live of %v = %v", tt.info.Length, got)
		}
	}
}

// Source: docs/PROTOCOL.md 4.1 and 4.3.
func TestRole_can(t *testing.T) {
	role := func(p ...client.Permission) client.Role { return client.Role{Permissions: p} }
	tests := []struct {
		role client.Role
		can  client.Permission
		want bool
	}{
		{role(client.PermMembersKick), client.PermMembersKick, true},
		{role(client.PermMembersKick), "kick", true},
		{role(client.PermMembersKick), client.PermMembersBan, false},
		{role(client.PermMembersKick), client.PermQueueView, true},
		{role(client.PermMembersMute), client.PermQueueView, false},
		{role(client.PermMembersMute), client.PermMembersList, true},
		{role(client.PermRolesManage), client.PermMembersList, true},
		{role(client.PermRoomAdmin), client.PermStreamTitle, true},
		{role(client.PermRoomAdmin), "anything new", true},
		{role(), client.PermChatSend, false},
		{role("something new"), "something new", true},
	}
	for _, tt := range tests {
		if got := tt.role.Can(tt.can); got != tt.want {
			t.Errorf("a role with %v can %s = %v", tt.role.Permissions, tt.can, got)
		}
	}
}

func TestMember_roles(t *testing.T) {
	member := client.Member{RoleIDs: []client.RoleID{client.RoleResidentDJ, client.RoleModerator, "65f6e504182cfd0016ef0007"}}
	role, ok := member.Role()
	if !ok || role.Label != "Moderator" || !role.Can(client.PermMembersKick) {
		t.Errorf("the highest role is %+v", role)
	}
	if roles := member.Roles(); len(roles) != 3 || roles[1].TemplateKey != "resident-dj" || roles[2].ID != "65f6e504182cfd0016ef0007" {
		t.Errorf("roles %+v", roles)
	}
}

// A bot's unit test hands its handler an event with a room that is none.
func TestRoom_zeroIsSafe(t *testing.T) {
	room := new(client.Room)
	if _, err := room.SendMessage(t.Context(), "hello"); !errors.Is(err, client.ErrNotJoined) {
		t.Errorf("SendMessage = %v", err)
	}
	if _, err := room.SendLong(t.Context(), "hello"); !errors.Is(err, client.ErrNotJoined) {
		t.Errorf("SendLong = %v", err)
	}
	if _, found := room.MemberNamed("alice"); found || room.Members().Len() > 0 || len(room.Messages()) > 0 || len(room.Roles()) > 0 {
		t.Error("a zero room knows something")
	}
	if _, known := room.Standing(); known || room.Can("1", client.PermMembersKick) || room.Outranks("1", "2") {
		t.Error("a zero room grants something")
	}
	if _, found := room.Members().Get("1"); found {
		t.Error("a zero room has a member")
	}
}

func TestFormatSongLength(t *testing.T) {
	tests := []struct {
		length time.Duration
		want   string
	}{
		{0, "00:00"},
		{3*time.Minute + 54*time.Second, "03:54"},
		{999 * time.Millisecond, "00:00"},
		{59*time.Minute + 59*time.Second + 999*time.Millisecond, "59:59"},
		{time.Hour, "1:00:00"},
		{time.Hour + 2*time.Minute + 3*time.Second, "1:02:03"},
		{27*time.Hour + 46*time.Minute + 39*time.Second, "27:46:39"},
		{-time.Minute, "00:00"},
	}
	for _, tt := range tests {
		if got := client.FormatSongLength(tt.length); got != tt.want {
			t.Errorf("FormatSongLength(%v) = %q, want %q", tt.length, got, tt.want)
		}
	}
}

func TestTimes(t *testing.T) {
	want := time.Date(2017, 6, 2, 16, 23, 14, 815e6, time.UTC)
	parsed, err := client.ParseTimestamp("2017-06-02T16:23:14.815Z")
	if err != nil || !parsed.Equal(want) || parsed.Location() != time.UTC {
		t.Errorf("ParseTimestamp = %v, %v, want %v", parsed, err, want)
	}
	zoned, err := client.ParseTimestamp("2017-06-02T18:23:14.815+02:00")
	if err != nil || !zoned.Equal(want) {
		t.Errorf("ParseTimestamp with a zone = %v, %v, want %v", zoned, err, want)
	}
	if _, err := client.ParseTimestamp("yesterday"); err == nil {
		t.Error("ParseTimestamp takes yesterday")
	}
	if ms := client.Millis(want); ms != 1496420594815 || !client.TimeFromMillis(ms).Equal(want) {
		t.Errorf("Millis = %d, and back %v", ms, client.TimeFromMillis(ms))
	}
}

func TestFind(t *testing.T) {
	numbers := slices.Values([]int{1, 2, 3, 4})
	even := func(n int) bool { return n%2 == 0 }
	if got, ok := client.Find(numbers, even); got != 2 || !ok {
		t.Errorf("Find = %d, %v, want the first even number", got, ok)
	}
	if got, ok := client.Find(numbers, func(n int) bool { return n > 4 }); got != 0 || ok {
		t.Errorf("Find of what is not there = %d, %v", got, ok)
	}
}

func TestSong_netDubsOfAnyCount(t *testing.T) {
	if n := (client.Song{Updubs: math.MaxInt64, Downdubs: -1}).NetDubs(); n != math.MaxInt64 {
		t.Errorf("a score above the largest number is %d", n)
	}
}

func TestFormatSongLength_ofAnyLength(t *testing.T) {
	for d, want := range map[time.Duration]string{longest: "2562047:47:16", math.MinInt64: "00:00"} {
		if got := client.FormatSongLength(d); got != want {
			t.Errorf("%d is %q, want %q", d, got, want)
		}
	}
}

// The last page that can be named is the last.
func TestHistory_fromTheLastPage(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		for _, err := range room.HistoryFrom(t.Context(), math.MaxInt) {
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, call := range requests(server) {
			if strings.Contains(call, "page=-") {
				t.Errorf("asked for %s", call)
			}
		}
	}, intercept(http.MethodGet, "/history", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		var rows []string
		for i := range 20 {
			rows = append(rows, fmt.Sprintf(`{"_id":"row%s%d"}`, req.URL.Query().Get("page"), i))
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"code":200,"message":"OK","data":[%s]}`, strings.Join(rows, ","))
	}))
}
