package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// fetched is a room that was fetched and not joined, on a fake QueUp.
func fetched(t *testing.T, answers map[string]string) (*Room, *exchange) {
	t.Helper()
	e := &exchange{answers: answers}
	e.answers["GET /room/lounge"] = `{"_id":"r","name":"The Lounge","roomUrl":"lounge","userid":"o","_user":{"_id":"o","username":"owner"}}`
	c := newStage(t, WithTransport(e), WithRateLimit(0, 0))
	room, err := c.FetchRoom(t.Context(), "lounge")
	if err != nil {
		t.Fatal(err)
	}
	return room, e
}

func TestFetchRoom(t *testing.T) {
	room, _ := fetched(t, map[string]string{"GET /room/nowhere": "404", "GET /room/odd": "[]"})
	if room.Name() != "The Lounge" || room.Joined() || room.Info().OwnerID != "o" {
		t.Errorf("fetched %+v, joined %v", room.Info(), room.Joined())
	}
	if owner, ok := room.client.Users().Get("o"); !ok || owner.Username != "owner" {
		t.Errorf("the owner is %v", owner)
	}
	if again, err := room.client.FetchRoom(t.Context(), "lounge"); err != nil || again != room {
		t.Errorf("fetched again: %v, %v", again, err)
	}
	if _, err := room.client.FetchRoom(t.Context(), "nowhere"); !errors.Is(err, ErrNotFound) {
		t.Errorf("an unknown room = %v", err)
	}
	if _, err := room.client.FetchRoom(t.Context(), "odd"); err == nil || !strings.Contains(err.Error(), "without a room") {
		t.Errorf("an answer without a room = %v", err)
	}
	if _, err := room.client.FetchRoom(t.Context(), ""); err == nil {
		t.Error("an empty slug is no error")
	}
}

// rows writes the rows of a page: ids from first to last.
func rows(format string, first, last int) string {
	var page []string
	for i := first; i <= last; i++ {
		page = append(page, strings.ReplaceAll(format, "#", fmt.Sprint(i)))
	}
	return "[" + strings.Join(page, ",") + "]"
}

func TestHistory(t *testing.T) {
	const play = `{"_id":"p#","userid":"u","_user":{"_id":"u","username":"alice"},"songid":"s#","_song":{"_id":"s#","name":"Song &amp; #","type":"youtube","fkid":"f#"},"updubs":#,"isActive":true,"isPlayed":true}`
	room, e := fetched(t, map[string]string{
		"GET /room/r/playlist/history?page=1": rows(play, 1, 20),
		"GET /room/r/playlist/history?page=2": rows(play, 20, 39), // a song was played meanwhile: the 20th comes again
		"GET /room/r/playlist/history?page=3": `[{"_id":"p40","_song":null,"played":null}]`,
		"GET /room/r/playlist/history?page=4": "[]",
	})
	var ids []PlayID
	for song, err := range room.History(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, song.ID)
		info, known := song.Info()
		if deleted := song.ID == "p40"; known == deleted || !deleted && !strings.HasPrefix(info.Name, "Song & ") {
			t.Errorf("%s is %v, known: %v", song.ID, info, known)
		}
		if song.RoomID != "r" {
			t.Errorf("%s was played in %q", song.ID, song.RoomID)
		}
		if song.Active {
			t.Errorf("%s is over and active", song.ID)
		}
	}
	if len(ids) != 40 || ids[0] != "p1" || ids[39] != "p40" {
		t.Errorf("read %v", ids)
	}
	if got := len(e.asked); got != 5 { // the last page is empty
		t.Errorf("asked %q", e.asked)
	}
	e.asked = nil
	for _, err := range room.History(t.Context()) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	if len(e.asked) != 1 {
		t.Errorf("a loop that is left after the first row asked %q", e.asked)
	}
	ids = nil
	for song, err := range room.HistoryFrom(t.Context(), 2) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, song.ID)
	}
	if len(ids) != 21 || ids[0] != "p20" || ids[20] != "p40" {
		t.Errorf("read %v from the second page on", ids)
	}
	for _, err := range room.HistoryFrom(t.Context(), 0) {
		if argument, ok := errors.AsType[*ArgumentError](err); !ok || argument.Argument != "page" {
			t.Errorf("HistoryFrom(0) = %v", err)
		}
	}
}

func TestRooms_lobbyAndSearch(t *testing.T) {
	const row = `{"_id":"r#","name":"Room #","roomUrl":"room-#"}`
	room, e := fetched(t, map[string]string{
		"GET /room?offset=0":                  rows(row, 1, 20),
		"GET /room?offset=20":                 rows(row, 21, 23),
		"GET /room?offset=40":                 "[]",
		"GET /room/term/night%20in?offset=0":  rows(row, 7, 7),
		"GET /room/term/night%20in?offset=20": "[]",
	})
	c := room.client
	n := 0
	for info, err := range c.FetchRooms(t.Context()) {
		if n++; err != nil || info.Slug != fmt.Sprintf("room-%d", n) {
			t.Errorf("row %d is %v, %v", n, info, err)
		}
	}
	var found []string
	for info, err := range c.SearchRooms(t.Context(), "night in") {
		found = append(found, fmt.Sprint(info, err))
	}
	if n != 23 || !slices.Equal(found, []string{"Room 7 <nil>"}) {
		t.Errorf("%d rooms in the lobby, found %q; asked %q", n, found, e.asked)
	}
	for _, err := range c.SearchRooms(t.Context(), "") {
		if _, ok := errors.AsType[*ArgumentError](err); !ok {
			t.Errorf("a search for nothing = %v", err)
		}
	}
}

func TestFetch_people(t *testing.T) {
	const record = `{"_id":"m1","userid":"u","_user":{"_id":"u","username":"alice"},"dubs":"7","banned":true,"bannedTime":1730000000000,"bannedUntil":1730000060000,"muted":1}`
	room, _ := fetched(t, map[string]string{
		"GET /room/r/users": "[" + record + ",null]", "GET /room/r/users/staff": "[" + record + "]", "GET /room/r/users/ban": "[" + record + "]",
		"GET /room/r/users/mute": "[" + record + "]", "GET /room/r/users/u": record, "GET /room/r/users/x": "404",
	})
	lists := map[string]func(context.Context) ([]Member, error){
		"FetchMembers": room.FetchMembers, "FetchStaff": room.FetchStaff, "FetchBanned": room.FetchBanned, "FetchMuted": room.FetchMuted,
		"FetchMember": func(ctx context.Context) ([]Member, error) {
			m, err := room.FetchMember(ctx, "u")
			return []Member{m}, err
		},
	}
	want := Member{
		ID: "m1", UserID: "u", RoomID: "r", Dubs: 7, Muted: true, Banned: true,
		BannedAt: time.UnixMilli(1730000000000), BannedUntil: time.UnixMilli(1730000060000),
	}
	for name, list := range lists {
		members, err := list(t.Context())
		if err != nil || len(members) != 1 || !members[0].Equal(want) {
			t.Errorf("%s = %+v, %v", name, members, err)
			continue
		}
		if user, ok := members[0].User(); !ok || user.Username != "alice" {
			t.Errorf("%s: the account is %v", name, user)
		}
	}
	if _, err := room.FetchMember(t.Context(), "x"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a stranger = %v", err)
	}
	if _, err := room.FetchMember(t.Context(), ""); err == nil {
		t.Error("an empty id is no error")
	}
}

func TestFetch_whatWasSaidAndVoted(t *testing.T) {
	room, _ := fetched(t, map[string]string{
		"GET /chat/r": `[{"type":"chat-message","chatid":"u-1","message":"a &lt; b","time":1730000000000,"user":{"_id":"u","username":"alice"}},
			{"type":"chat-message","chatid":"u-2","message":"oops","time":"1730000001000","user":{"_id":"u"}},
			{"type":"delete-chat-message","chatid":"u-2","user":{"_id":"mod"}},
			{"type":"chat-message","chatid":"v-1","message":"spam","user":{"_id":"v"}},
			{"type":"delete-chat-message-global","userdid":"v"}, {"type":"something-new"}, null]`,
		"GET /room/r/playlist/active/dubs": `{"currentSong":{"_id":"p"},"upDubs":[{"userid":"a"},{"userid":"b"}],"downDubs":[{"userid":"c"}]}`,
		"GET /room/r/audit":                `[{"created":1730000000000,"type":"ban","duration":60,"_user":{"_id":"u","username":"alice"},"_mod":{"_id":"m","username":"mod"}},{"type":"odd","_user":null}]`,
		"GET /permissions":                 `{"queue.skip":{"label":"Skip"}}`,
	})
	lines, err := room.FetchChat(t.Context())
	if err != nil || len(lines) != 3 || lines[0].Content != "a < b" || lines[0].Deleted || !lines[1].Deleted || !lines[2].Deleted {
		t.Errorf("FetchChat = %+v, %v", lines, err)
	}
	if author, ok := lines[1].Author(); !ok || author.Username != "alice" {
		t.Errorf("the author is %v", author)
	}
	up, down, err := room.FetchVotes(t.Context())
	if err != nil || !slices.Equal(up, []UserID{"a", "b"}) || !slices.Equal(down, []UserID{"c"}) {
		t.Errorf("FetchVotes = %v, %v, %v", up, down, err)
	}
	log, err := room.AuditLog(t.Context())
	if err != nil || len(log) != 2 || log[0].String() != "mod ban alice" || log[0].Duration != time.Minute || !log[0].At.Equal(time.UnixMilli(1730000000000)) {
		t.Errorf("AuditLog = %v, %v", log, err)
	}
	catalogue, err := room.client.FetchPermissions(t.Context())
	if err != nil || string(catalogue) != `{"queue.skip":{"label":"Skip"}}` {
		t.Errorf("FetchPermissions = %s, %v", catalogue, err)
	}
}

func TestFetch_roles(t *testing.T) {
	custom, _ := fetched(t, map[string]string{
		"GET /room/r/roles":          customRoles,
		"GET /room/r/permissions/me": `{"permissions":["queue.skip","queue.view"],"position":null,"isOwner":true,"isGlobalAdmin":false,"roles":["c3"]}`,
	})
	classic, _ := fetched(t, map[string]string{"GET /room/r/roles": "404"})
	for room, want := range map[*Room]string{
		custom:  "[Moderator Night Crew Guest]",
		classic: "[Co-Owner Manager Moderator VIP Resident DJ DJ Member]",
	} {
		if roles, err := room.FetchRoles(t.Context()); err != nil || fmt.Sprint(roles) != want {
			t.Errorf("FetchRoles = %v, %v, want %s", roles, err, want)
		}
	}
	standing, err := custom.FetchStanding(t.Context())
	if err != nil || !standing.Unlimited || !standing.Owner || !slices.Contains(standing.Permissions, PermQueueSkip) || !slices.Equal(standing.RoleIDs, []RoleID{"c3"}) {
		t.Errorf("FetchStanding = %+v, %v", standing, err)
	}
}

func TestCreateRoom(t *testing.T) {
	room, e := fetched(t, map[string]string{"POST /room": `{"_id":"n","name":"New","roomUrl":"new"}`})
	made, err := room.client.CreateRoom(t.Context(), RoomSettings{Name: "New", Private: true, Password: "hunter2", MaxSongLength: 10 * time.Minute})
	if err != nil || made.ID() != "n" || made.Joined() {
		t.Fatalf("CreateRoom = %v, %v", made, err)
	}
	sent := e.asked[len(e.asked)-1]
	for _, want := range []string{`"name":"New"`, `"roomDisplay":"private"`, `"roomPassword":"hunter2"`, `"maxLengthSong":10`} {
		if !strings.Contains(sent, want) {
			t.Errorf("sent %s, without %s", sent, want)
		}
	}
	if _, err := room.client.CreateRoom(t.Context(), RoomSettings{}); err == nil {
		t.Error("a room without a name is no error")
	}
}
