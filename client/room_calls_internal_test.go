package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/queup-go/queup/gen/wire"
)

// exchange is what a fake QueUp answers, and what it was asked.
type exchange struct {
	answers map[string]string // data by method and path; {} for all others
	asked   []string          // method, path and body
}

func (e *exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	call := req.Method + " " + req.URL.RequestURI()
	line := call
	if req.Body != nil {
		if body, _ := io.ReadAll(req.Body); len(body) > 0 {
			line += " " + string(body)
		}
	}
	e.asked = append(e.asked, line)
	status, data := http.StatusOK, e.answers[call]
	if data == "" {
		data = "{}"
	}
	if data == "404" {
		status = http.StatusNotFound
	}
	return &http.Response{
		StatusCode: status,
		Header:     http.Header{"Content-Type": {"application/json"}},
		Body:       io.NopCloser(strings.NewReader(`{"code":200,"message":"OK","data":` + data + `}`)),
		Request:    req,
	}, nil
}

// joinedRoom is a room that the client may act in, on a fake QueUp.
func joinedRoom(t *testing.T, answers map[string]string) (*Room, *exchange) {
	t.Helper()
	e := &exchange{answers: answers}
	c := newStage(t, WithTransport(e), WithRateLimit(0, 0))
	room := c.rooms.Handle("r")
	room.setInfo(wire.Room{ID: "r", RealTimeChannel: "dubtrackfm-lounge"})
	room.tracker.setJoined(true)
	_ = c.become(c.session.NewGuest(), AuthenticatedUser{User{ID: "me"}})
	room.current = &play{song: newSongOf(c, Song{ID: "p", SongID: "s", RoomID: "r", UserID: "u"})}
	return room, e
}

func newSongOf(c *Client, s Song) Song {
	s.client = c
	return s
}

const customRoles = `{"roles":[
	{"id":"c1","templateKey":"mod","label":"Moderator","position":640,"permissions":["members.kick"],"color":"#112233","mentionable":true},
	{"id":"c2","templateKey":null,"label":"Night Crew","position":128,"permissions":[]},
	{"id":"c3","templateKey":"guest","label":"Guest","position":0,"isDefault":true}],"actor":{}}`

func TestActions_send(t *testing.T) {
	rolesAnswer := map[string]string{"GET /room/r/roles": customRoles}
	queue := map[string]string{"GET /room/r/playlist/details": `[{"_id":"p1","userid":"a"},null,{"_id":"p2","userid":"b"},{"_id":"p3","userid":"c"}]`}
	own := map[string]string{"GET /user/session/room/r/queue": `[{"_id":"p1"},{"_id":"p2"}]`}
	queued := map[string]string{"POST /room/r/playlist": `{"_id":"p9","songid":"s9","_song":"s9"}`}
	tests := map[string]struct {
		answers map[string]string
		call    func(ctx context.Context, r *Room) error
		sends   []string
	}{
		"kick":          {nil, func(ctx context.Context, r *Room) error { return r.Kick(ctx, "u", "a <b> & c") }, []string{"POST /chat/kick/r/user/u message=a+%26lt%3Bb%26gt%3B+%26amp%3B+c&realTimeChannel=dubtrackfm-lounge"}},
		"ban":           {nil, func(ctx context.Context, r *Room) error { return r.Ban(ctx, "u", 61*time.Second) }, []string{"POST /chat/ban/r/user/u realTimeChannel=dubtrackfm-lounge&time=2"}},
		"ban exactly":   {nil, func(ctx context.Context, r *Room) error { return r.Ban(ctx, "u", time.Hour) }, []string{"POST /chat/ban/r/user/u realTimeChannel=dubtrackfm-lounge&time=60"}},
		"ban for good":  {nil, func(ctx context.Context, r *Room) error { return r.Ban(ctx, "u", BanForever) }, []string{"POST /chat/ban/r/user/u realTimeChannel=dubtrackfm-lounge&time=0"}},
		"unban":         {nil, func(ctx context.Context, r *Room) error { return r.Unban(ctx, "u") }, []string{"DELETE /chat/ban/r/user/u realTimeChannel=dubtrackfm-lounge"}},
		"mute":          {nil, func(ctx context.Context, r *Room) error { return r.Mute(ctx, "u") }, []string{"POST /chat/mute/r/user/u realTimeChannel=dubtrackfm-lounge"}},
		"unmute":        {nil, func(ctx context.Context, r *Room) error { return r.Unmute(ctx, "u") }, []string{"DELETE /chat/mute/r/user/u realTimeChannel=dubtrackfm-lounge"}},
		"delete a line": {nil, func(ctx context.Context, r *Room) error { return r.DeleteMessage(ctx, "u-1") }, []string{"DELETE /chat/r/u-1"}},
		"delete a message": {nil, func(ctx context.Context, r *Room) error {
			return Message{ID: "u-1", RoomID: "r", client: r.client}.Delete(ctx)
		}, []string{"DELETE /chat/r/u-1"}},
		"skip":      {nil, func(ctx context.Context, r *Room) error { return r.Skip(ctx) }, []string{"POST /chat/skip/r/p realTimeChannel=dubtrackfm-lounge"}},
		"vote":      {nil, func(ctx context.Context, r *Room) error { return r.Updub(ctx) }, []string{"POST /room/r/playlist/p/dubs type=updub"}},
		"vote down": {nil, func(ctx context.Context, r *Room) error { return r.Downdub(ctx) }, []string{"POST /room/r/playlist/p/dubs type=downdub"}},
		"change one's vote": {
			nil, func(ctx context.Context, r *Room) error { return errors.Join(r.Updub(ctx), r.Downdub(ctx)) },
			[]string{"POST /room/r/playlist/p/dubs type=updub", "POST /room/r/playlist/p/dubs type=downdub"},
		},
		"queue a song": {
			queued, func(ctx context.Context, r *Room) error { _, err := r.QueueSong(ctx, YouTube, "x"); return err },
			[]string{"POST /room/r/playlist songId=x&songType=youtube", "PUT /room/r/queue/pause queuePaused=0"},
		},
		"queue a song and stay out": {
			queued, func(ctx context.Context, r *Room) error {
				_, err := r.QueueSong(ctx, SoundCloud, "x", NoJoin())
				return err
			},
			[]string{"POST /room/r/playlist songId=x&songType=soundcloud"},
		},
		"queue a playlist": {
			nil, func(ctx context.Context, r *Room) error { return r.QueuePlaylist(ctx, "l") },
			[]string{"POST /room/r/queueplaylist/l", "PUT /room/r/queue/pause queuePaused=0"},
		},
		"reorder one's queue": {
			own, func(ctx context.Context, r *Room) error { return r.ReorderOwnQueue(ctx, []PlayID{"p2", "p1"}) },
			[]string{"GET /user/session/room/r/queue", "POST /user/session/room/r/queue/order order%5B%5D=p2&order%5B%5D=p1"},
		},
		"remove one's song": {nil, func(ctx context.Context, r *Room) error { return r.RemoveOwnSong(ctx, "p1") }, []string{"DELETE /room/r/playlist/p1"}},
		"clear one's queue": {nil, func(ctx context.Context, r *Room) error { return r.ClearQueue(ctx) }, []string{"DELETE /room/r/playlist"}},
		"pause one's queue": {nil, func(ctx context.Context, r *Room) error { return r.PauseQueue(ctx, true) }, []string{"PUT /room/r/queue/pause queuePaused=1"}},
		"lock":              {nil, func(ctx context.Context, r *Room) error { return r.LockQueue(ctx, true) }, []string{"PUT /room/r/lockQueue lockQueue=1"}},
		"unlock":            {nil, func(ctx context.Context, r *Room) error { return r.LockQueue(ctx, false) }, []string{"PUT /room/r/lockQueue lockQueue=0"}},
		"move a DJ to the front": {
			queue, func(ctx context.Context, r *Room) error { return r.MoveDJ(ctx, "c", -3) },
			[]string{"GET /room/r/playlist/details", "POST /room/r/queue/order order%5B%5D=c&order%5B%5D=a&order%5B%5D=b"},
		},
		"move a DJ to the end": {
			queue, func(ctx context.Context, r *Room) error { return r.MoveDJ(ctx, "a", 99) },
			[]string{"GET /room/r/playlist/details", "POST /room/r/queue/order order%5B%5D=b&order%5B%5D=c&order%5B%5D=a"},
		},
		"move a DJ nowhere": {queue, func(ctx context.Context, r *Room) error { return r.MoveDJ(ctx, "b", 1) }, []string{"GET /room/r/playlist/details"}},
		"remove a DJ":       {nil, func(ctx context.Context, r *Room) error { return r.RemoveDJ(ctx, "u") }, []string{"DELETE /room/r/queue/user/u/all"}},
		"remove a song":     {nil, func(ctx context.Context, r *Room) error { return r.RemoveSong(ctx, "u") }, []string{"DELETE /room/r/queue/user/u"}},
		"pause a DJ":        {nil, func(ctx context.Context, r *Room) error { return r.PauseDJ(ctx, "u", true) }, []string{"PUT /room/r/queue/user/u/pause pause=1"}},
		"pause a DJ who is paused": {nil, func(ctx context.Context, r *Room) error {
			r.tracker.addMember(Member{UserID: "u", QueuePaused: true})
			return r.PauseDJ(ctx, "u", true)
		}, nil},
		"slow mode":   {nil, func(ctx context.Context, r *Room) error { return r.SetSlowMode(ctx, true) }, []string{"POST /room/r/modsettings action=slowMode&value=true"}},
		"guest chat":  {nil, func(ctx context.Context, r *Room) error { return r.SetGuestChat(ctx, false) }, []string{"POST /room/r/modsettings action=allowGuestsToChat&value=false"}},
		"guest embed": {nil, func(ctx context.Context, r *Room) error { return r.SetGuestEmbed(ctx, true) }, []string{"POST /room/r/modsettings action=allowGuestsToEmbed&value=true"}},
		"set a fixed role where there are no others": {
			map[string]string{"GET /room/r/roles": "404"},
			func(ctx context.Context, r *Room) error { return r.SetRole(ctx, "u", RoleModerator) },
			[]string{"GET /room/r/roles", "POST /chat/52d1ce33c38a06510c000001/r/user/u realTimeChannel=dubtrackfm-lounge"},
		},
		"unset a fixed role": {
			map[string]string{"GET /room/r/roles": "404"},
			func(ctx context.Context, r *Room) error { return r.UnsetRole(ctx, "u", RoleVIP) },
			[]string{"GET /room/r/roles", "DELETE /chat/5615fe1ee596154fc2000001/r/user/u realTimeChannel=dubtrackfm-lounge"},
		},
		"set a fixed role by its template": {
			rolesAnswer, func(ctx context.Context, r *Room) error { return r.SetRole(ctx, "u", RoleModerator) },
			[]string{"GET /room/r/roles", "PUT /room/r/users/u/roles/c1"},
		},
		"set a custom role": {rolesAnswer, func(ctx context.Context, r *Room) error {
			return Member{UserID: "u", RoomID: "r", client: r.client}.SetRole(ctx, "c2")
		}, []string{"GET /room/r/roles", "PUT /room/r/users/u/roles/c2"}},
		"unset a custom role": {
			rolesAnswer, func(ctx context.Context, r *Room) error { return r.UnsetRole(ctx, "u", "c2") },
			[]string{"GET /room/r/roles", "DELETE /room/r/users/u/roles/c2"},
		},
		"create a role": {map[string]string{"POST /room/r/roles": `{"id":"c4","label":"New"}`}, func(ctx context.Context, r *Room) error {
			role, err := r.CreateRole(ctx, RoleSettings{Label: "New", Color: "#00aeff", Permissions: []Permission{"skip"}})
			if role.ID != "c4" {
				return errors.Join(err, errors.New("the role is not returned"))
			}
			return err
		}, []string{`POST /room/r/roles {"label":"New","color":"#00aeff","permissions":["queue.skip"],"mentionable":false,"displaySeparately":false}`}},
		"update a role": {rolesAnswer, func(ctx context.Context, r *Room) error {
			role, err := r.UpdateRole(ctx, "c1", func(s *RoleSettings) { s.Label = "Mods" })
			if role.ID != "c1" { // QueUp's answer does not tell: it is looked up
				return errors.Join(err, errors.New("the role is not returned"))
			}
			return err
		}, []string{"GET /room/r/roles", `PUT /room/r/roles/c1 {"label":"Mods","color":"#112233","permissions":["members.kick"],"mentionable":true,"displaySeparately":false}`, "GET /room/r/roles"}},
		"delete a role": {nil, func(ctx context.Context, r *Room) error { return r.DeleteRole(ctx, "c2") }, []string{"DELETE /room/r/roles/c2"}},
		"reorder roles": {
			rolesAnswer, func(ctx context.Context, r *Room) error { return r.ReorderRoles(ctx, []RoleID{"c2", "c1", "c3"}) },
			[]string{"GET /room/r/roles", `PUT /room/r/roles/order {"order":["c2","c1","c3"]}`},
		},
		"update the room": {map[string]string{
			"GET /room/r": `{"_id":"r","name":"Lounge","roomUrl":"lounge","maxLengthSong":10,"newThing":{"x":1}}`,
			"PUT /room/r": `{"_id":"r","name":"Attic","roomUrl":"lounge"}`,
		}, func(ctx context.Context, r *Room) error {
			info, err := r.Update(ctx, func(s *RoomSettings) { s.Name = "Attic" })
			if info.Name != "Attic" || r.Name() != "Attic" {
				return errors.Join(err, errors.New("the room is not described anew"))
			}
			return err
		}, []string{"GET /room/r", `PUT /room/r {"name":"Attic","description":"","roomType":"room","roomEmbed":"","roomDisplay":"public","maxLengthSong":10,"timeSongQueueRepeat":0,` +
			`"limitQueueLength":false,"maxSongQueueLength":0,"recycleDJ":false,"lockQueue":false,"displayDJinQueue":false,"displayInSearch":false,"displayInLobby":false,` +
			`"displayUserJoin":false,"displayUserLeave":false,"displayUserGrab":false,"welcomeMessage":"","metaDescription":"","_id":"r","newThing":{"x":1},"roomUrl":"lounge"}`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			room, e := joinedRoom(t, tt.answers)
			if err := tt.call(t.Context(), room); err != nil {
				t.Error(err)
			}
			// Members that the generated client takes from a map have no order of their own.
			for i, line := range e.asked {
				if head, tail, ok := strings.Cut(line, `"metaDescription":"",`); ok {
					members := strings.Split(strings.TrimSuffix(tail, "}"), ",")
					slices.Sort(members)
					e.asked[i] = head + `"metaDescription":"",` + strings.Join(members, ",") + "}"
				}
			}
			if !slices.Equal(e.asked, tt.sends) {
				t.Errorf("sent:\n%s\nwant:\n%s", strings.Join(e.asked, "\n"), strings.Join(tt.sends, "\n"))
			}
		})
	}
}

func TestActions_refuseWhatCannotBe(t *testing.T) {
	roles := map[string]string{"GET /room/r/roles": customRoles, "GET /user/session/room/r/queue": `[{"_id":"p1"},{"_id":"p2"}]`, "GET /room/r": `{"_id":"r","name":"Lounge"}`}
	label := func(label string) func(context.Context, *Room) error {
		return func(ctx context.Context, r *Room) error {
			_, err := r.CreateRole(ctx, RoleSettings{Label: label})
			return err
		}
	}
	settings := func(edit func(*RoomSettings)) func(context.Context, *Room) error {
		return func(ctx context.Context, r *Room) error { _, err := r.Update(ctx, edit); return err }
	}
	tests := map[string]struct {
		call     func(context.Context, *Room) error
		argument string
	}{
		"kick nobody":                    {func(ctx context.Context, r *Room) error { return r.Kick(ctx, "", "") }, "u"},
		"ban nobody":                     {func(ctx context.Context, r *Room) error { return r.Ban(ctx, "", time.Hour) }, "u"},
		"ban for no time":                {func(ctx context.Context, r *Room) error { return r.Ban(ctx, "u", 0) }, "d"},
		"ban for less than no time":      {func(ctx context.Context, r *Room) error { return r.Ban(ctx, "u", -time.Minute) }, "d"},
		"unban nobody":                   {func(ctx context.Context, r *Room) error { return r.Unban(ctx, "") }, "u"},
		"mute nobody":                    {func(ctx context.Context, r *Room) error { return r.Mute(ctx, "") }, "u"},
		"unmute nobody":                  {func(ctx context.Context, r *Room) error { return r.Unmute(ctx, "") }, "u"},
		"delete nothing":                 {func(ctx context.Context, r *Room) error { return r.DeleteMessage(ctx, "") }, "id"},
		"delete a private message":       {func(ctx context.Context, r *Room) error { return Message{ID: "m", client: r.client}.Delete(ctx) }, "m"},
		"queue from elsewhere":           {func(ctx context.Context, r *Room) error { _, err := r.QueueSong(ctx, "vimeo", "x"); return err }, "p"},
		"queue nothing":                  {func(ctx context.Context, r *Room) error { _, err := r.QueueSong(ctx, YouTube, ""); return err }, "mediaID"},
		"queue with a nil option":        {func(ctx context.Context, r *Room) error { _, err := r.QueueSong(ctx, YouTube, "x", nil); return err }, "opts"},
		"queue no playlist":              {func(ctx context.Context, r *Room) error { return r.QueuePlaylist(ctx, "") }, "id"},
		"reorder half of one's queue":    {func(ctx context.Context, r *Room) error { return r.ReorderOwnQueue(ctx, []PlayID{"p1"}) }, "ids"},
		"reorder a song twice":           {func(ctx context.Context, r *Room) error { return r.ReorderOwnQueue(ctx, []PlayID{"p1", "p1"}) }, "ids"},
		"reorder another's song":         {func(ctx context.Context, r *Room) error { return r.ReorderOwnQueue(ctx, []PlayID{"p1", "p3"}) }, "ids"},
		"remove no song of one's own":    {func(ctx context.Context, r *Room) error { return r.RemoveOwnSong(ctx, "") }, "id"},
		"move nobody":                    {func(ctx context.Context, r *Room) error { return r.MoveDJ(ctx, "", 0) }, "u"},
		"remove nobody":                  {func(ctx context.Context, r *Room) error { return r.RemoveDJ(ctx, "") }, "u"},
		"remove the song of nobody":      {func(ctx context.Context, r *Room) error { return r.RemoveSong(ctx, "") }, "u"},
		"pause nobody":                   {func(ctx context.Context, r *Room) error { return r.PauseDJ(ctx, "", true) }, "u"},
		"set no role":                    {func(ctx context.Context, r *Room) error { return r.SetRole(ctx, "u", "") }, "role"},
		"set the role of nobody":         {func(ctx context.Context, r *Room) error { return r.SetRole(ctx, "", RoleVIP) }, "u"},
		"set a role without a successor": {func(ctx context.Context, r *Room) error { return r.SetRole(ctx, "u", RoleVIP) }, "role"},
		"set a role of another room":     {func(ctx context.Context, r *Room) error { return r.SetRole(ctx, "u", "c9") }, "role"},
		"a role without a label":         {label("  "), "Label"},
		"a role with too long a label":   {label(strings.Repeat("x", 33)), "Label"},
		"a role with a strange colour": {func(ctx context.Context, r *Room) error {
			_, err := r.CreateRole(ctx, RoleSettings{Label: "x", Color: "red"})
			return err
		}, "Color"},
		"update a role of another room": {func(ctx context.Context, r *Room) error {
			_, err := r.UpdateRole(ctx, "c9", func(*RoleSettings) {})
			return err
		}, "id"},
		"update a role by nothing":       {func(ctx context.Context, r *Room) error { _, err := r.UpdateRole(ctx, "c1", nil); return err }, "edit"},
		"delete no role":                 {func(ctx context.Context, r *Room) error { return r.DeleteRole(ctx, "") }, "id"},
		"reorder half of the roles":      {func(ctx context.Context, r *Room) error { return r.ReorderRoles(ctx, []RoleID{"c1", "c3"}) }, "ids"},
		"reorder the default role":       {func(ctx context.Context, r *Room) error { return r.ReorderRoles(ctx, []RoleID{"c3", "c1", "c2"}) }, "ids"},
		"a room without a name":          {settings(func(s *RoomSettings) { s.Name = " " }), "Name"},
		"a room with too long a name":    {settings(func(s *RoomSettings) { s.Name = strings.Repeat("ä", 101) }), "Name"},
		"a room with too long a welcome": {settings(func(s *RoomSettings) { s.Welcome = strings.Repeat("x", 301) }), "Welcome"},
		"a room with half minutes":       {settings(func(s *RoomSettings) { s.MaxSongLength = 90 * time.Second }), "MaxSongLength"},
		"a room with negative rests":     {settings(func(s *RoomSettings) { s.SongRepeat = -time.Minute }), "SongRepeat"},
		"update a room by nothing":       {settings(nil), "edit"},
		"the same vote twice":            {func(ctx context.Context, r *Room) error { return errors.Join(r.Updub(ctx), r.Updub(ctx)) }, "s"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			room, e := joinedRoom(t, roles)
			err := tt.call(t.Context(), room)
			if refused, ok := errors.AsType[*ArgumentError](err); !ok || refused.Argument != tt.argument || !strings.Contains(err.Error(), refused.Op) {
				t.Errorf("err = %v, want one about %s", err, tt.argument)
			}
			for _, line := range e.asked {
				if !strings.HasPrefix(line, "GET ") && line != "POST /room/r/playlist/p/dubs type=updub" {
					t.Errorf("sent %s", line)
				}
			}
		})
	}
}

func TestActions_needTheRoom(t *testing.T) {
	calls := map[string]func(context.Context, *Room) error{
		"Kick":            func(ctx context.Context, r *Room) error { return r.Kick(ctx, "u", "") },
		"Ban":             func(ctx context.Context, r *Room) error { return r.Ban(ctx, "u", time.Hour) },
		"Unban":           func(ctx context.Context, r *Room) error { return r.Unban(ctx, "u") },
		"Mute":            func(ctx context.Context, r *Room) error { return r.Mute(ctx, "u") },
		"Unmute":          func(ctx context.Context, r *Room) error { return r.Unmute(ctx, "u") },
		"DeleteMessage":   func(ctx context.Context, r *Room) error { return r.DeleteMessage(ctx, "u-1") },
		"Skip":            func(ctx context.Context, r *Room) error { return r.Skip(ctx) },
		"Updub":           func(ctx context.Context, r *Room) error { return r.Updub(ctx) },
		"Downdub":         func(ctx context.Context, r *Room) error { return r.Downdub(ctx) },
		"QueueSong":       func(ctx context.Context, r *Room) error { _, err := r.QueueSong(ctx, YouTube, "x"); return err },
		"QueuePlaylist":   func(ctx context.Context, r *Room) error { return r.QueuePlaylist(ctx, "l") },
		"ReorderOwnQueue": func(ctx context.Context, r *Room) error { return r.ReorderOwnQueue(ctx, nil) },
		"RemoveOwnSong":   func(ctx context.Context, r *Room) error { return r.RemoveOwnSong(ctx, "p") },
		"ClearQueue":      func(ctx context.Context, r *Room) error { return r.ClearQueue(ctx) },
		"PauseQueue":      func(ctx context.Context, r *Room) error { return r.PauseQueue(ctx, true) },
		"LockQueue":       func(ctx context.Context, r *Room) error { return r.LockQueue(ctx, true) },
		"MoveDJ":          func(ctx context.Context, r *Room) error { return r.MoveDJ(ctx, "u", 0) },
		"RemoveDJ":        func(ctx context.Context, r *Room) error { return r.RemoveDJ(ctx, "u") },
		"RemoveSong":      func(ctx context.Context, r *Room) error { return r.RemoveSong(ctx, "u") },
		"PauseDJ":         func(ctx context.Context, r *Room) error { return r.PauseDJ(ctx, "u", true) },
		"SetRole":         func(ctx context.Context, r *Room) error { return r.SetRole(ctx, "u", RoleVIP) },
		"UnsetRole":       func(ctx context.Context, r *Room) error { return r.UnsetRole(ctx, "u", RoleVIP) },
		"CreateRole": func(ctx context.Context, r *Room) error {
			_, err := r.CreateRole(ctx, RoleSettings{Label: "x"})
			return err
		},
		"UpdateRole": func(ctx context.Context, r *Room) error {
			_, err := r.UpdateRole(ctx, "c", func(*RoleSettings) {})
			return err
		},
		"DeleteRole":   func(ctx context.Context, r *Room) error { return r.DeleteRole(ctx, "c") },
		"ReorderRoles": func(ctx context.Context, r *Room) error { return r.ReorderRoles(ctx, []RoleID{"c"}) },
		"SetSlowMode":  func(ctx context.Context, r *Room) error { return r.SetSlowMode(ctx, true) },
		"Update":       func(ctx context.Context, r *Room) error { _, err := r.Update(ctx, func(*RoomSettings) {}); return err },
	}
	e := new(exchange)
	c := newStage(t, WithTransport(e))
	room := c.rooms.Handle("r")
	for name, call := range calls {
		if err := call(t.Context(), room); !errors.Is(err, ErrNotJoined) {
			t.Errorf("%s of a room that is not joined = %v", name, err)
		}
	}
	if len(e.asked) > 0 {
		t.Errorf("sent %q", e.asked)
	}
}

func TestActions_onTheCurrentSong(t *testing.T) {
	room, e := joinedRoom(t, nil)
	over := newSongOf(room.client, Song{ID: "before", RoomID: "r"})
	for name, err := range map[string]error{"Skip": over.Skip(t.Context()), "Updub": over.Updub(t.Context()), "Downdub": over.Downdub(t.Context())} {
		if !errors.Is(err, ErrNothingPlaying) {
			t.Errorf("%s of a song that is over = %v", name, err)
		}
	}
	room.mu.Lock()
	room.current = nil
	room.mu.Unlock()
	for name, err := range map[string]error{"Skip": room.Skip(t.Context()), "Updub": room.Updub(t.Context()), "Downdub": room.Downdub(t.Context())} {
		if !errors.Is(err, ErrNothingPlaying) {
			t.Errorf("%s in silence = %v", name, err)
		}
	}
	if len(e.asked) > 0 {
		t.Errorf("sent %q", e.asked)
	}
	elsewhere := newSongOf(room.client, Song{ID: "p", RoomID: "elsewhere"})
	for name, err := range map[string]error{
		"Song.Skip":      Song{ID: "p"}.Skip(t.Context()),
		"Song.Updub":     Song{ID: "p"}.Updub(t.Context()),
		"Message.Delete": Message{ID: "m", RoomID: "r"}.Delete(t.Context()),
		"Member.SetRole": Member{UserID: "u", RoomID: "r"}.SetRole(t.Context(), RoleVIP),
	} {
		if !errors.Is(err, ErrDetached) {
			t.Errorf("%s of a literal = %v", name, err)
		}
	}
	if err := elsewhere.Skip(t.Context()); !errors.Is(err, ErrNotJoined) {
		t.Errorf("Skip in a room that the client does not know = %v", err)
	}
}

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

func TestFetch_chatAndVotes(t *testing.T) {
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
