package client_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/internal/testkit/source"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// eventsWorld is a room whose people have the ids that the events below tell of. newcomer is not there.
func eventsWorld() queuptest.World {
	return queuptest.World{
		Users: []queuptest.User{
			{ID: "65b2a1c0d4e8b90012ab0011", Name: "landlord", Password: canary.Password},
			{ID: "65b2a1c0d4e8b90012ab0010", Name: "bot", Password: canary.Password},
			{ID: "65b2a1c0d4e8b90012ab0001", Name: "mixmaster", Password: canary.Password},
			{ID: "65b2a1c0d4e8b90012ab0003", Name: "listener3", Password: canary.Password},
			{ID: "65b2a1c0d4e8b90012ab0004", Name: "newcomer", Password: canary.Password},
			{ID: "65b2a1c0d4e8b90012ab0009", Name: "modkate", Password: canary.Password},
		},
		Rooms: []queuptest.RoomSpec{{
			ID:      "65a1f0c2d4e8b90012ab34cd",
			Slug:    "lounge",
			Name:    "Day Room",
			Owner:   "landlord",
			Roles:   map[string]queuptest.Role{"modkate": queuptest.Moderator},
			Present: []string{"landlord", "mixmaster", "listener3", "modkate"},
			Songs: []queuptest.Song{
				{By: "mixmaster", Name: "Slow & Steady", Length: time.Hour},
				{By: "listener3", Name: "Tide <Live>", Length: 2 * time.Minute},
			},
		}},
	}
}

// What REST tells of what the events below leave out.
var eventsREST = map[string]string{
	"/song/65e5d4f3071bec0015de0001": `{"_id":"65e5d4f3071bec0015de0001","name":"Artist &amp; Title","type":"soundcloud","fkid":"4711","songLength":215000}`,
	"/message": `[{"_id":"6607f615293d0e0017f00001","created":1729000000000,"latest_message":1729999999000,"latest_message_str":"hello &amp; welcome","usersid":["65b2a1c0d4e8b90012ab0010",
		{"_id":"65b2a1c0d4e8b90012ab0003","username":"listener3"}],"users_read":[]}]`,
	"/message/6607f615293d0e0017f00001": `[{"_id":"6607f615293d0e0017f00012","created":1729999999000,"message":"hello &amp; welcome","userid":"65b2a1c0d4e8b90012ab0003","messageid":"6607f615293d0e0017f00001",
		"_user":{"_id":"65b2a1c0d4e8b90012ab0003","username":"listener3"}},null,{"_id":"6607f615293d0e0017f00011","created":"1729000000000","message":"hi","userid":"65b2a1c0d4e8b90012ab0010"}]`,
}

// ofTheClient are the events that no event of QueUp stands for; TestEvents_ofTheClient meets them.
var ofTheClient = []string{
	"Ready", "Disconnected", "Reconnected", "Resynced", "Lagged", "Gap", "RoomJoined", "RoomLeft", "MemberPresence",
}

// shortPart is how many odd forms there are to one that is tried under -short. It has no factor in common with the number of
// forms, so that each of them is among those.
const shortPart = 5

func TestEvents_everyOneAndItsOddForms(t *testing.T) {
	n := 0
	for _, row := range eventRows {
		name := row.event.name
		t.Run(strings.TrimSuffix(name+", "+row.form, ", "), func(t *testing.T) {
			expect(t, "heard", deliver(t, row.before, row.event, row.classic), row.want)
		})
		if row.form != "" {
			continue
		}
		for _, form := range slices.Sorted(maps.Keys(oddForms)) {
			if n++; testing.Short() && n%shortPart > 0 {
				continue
			}
			t.Run(name+", "+form, func(t *testing.T) {
				expect(t, "heard", deliver(t, row.before, sent{name, bent(t, row.event.data, oddForms[form])}, row.classic), row.want)
			})
		}
	}
}

// No event is lost because one of its members is missing, or null, or something else.
func TestEvents_withoutOneOfTheirMembers(t *testing.T) {
	forms := map[string]any{"missing": nil, "null": json.RawMessage("null"), "a list": []any{}, "an empty text": ""}
	n := 0
	for _, row := range eventRows {
		if row.form != "" {
			continue
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal([]byte(row.event.data), &members); err != nil {
			t.Fatal(err)
		}
		for _, member := range slices.Sorted(maps.Keys(members)) {
			for _, form := range slices.Sorted(maps.Keys(forms)) {
				if n++; testing.Short() && n%shortPart > 0 {
					continue
				}
				t.Run(fmt.Sprintf("%s, %s %s", row.event.name, member, form), func(t *testing.T) {
					data := bent(t, row.event.data, func(key string, o map[string]any) {
						switch {
						case key != "":
						case form == "missing":
							delete(o, member)
						default:
							o[member] = forms[form]
						}
					})
					if heard := deliver(t, row.before, sent{row.event.name, data}, row.classic); len(heard) == 0 {
						t.Errorf("nothing is heard of %s", data)
					}
				})
			}
		}
	}
}

// eventRows leave out neither an event of the schema nor an event type of this package.
func TestSpec_everyEventHasARow(t *testing.T) {
	var (
		rows  = source.Line(t, "client/events_rows_test.go", "var eventRows = ")
		apply = source.Line(t, "client/tracker_apply.go", "func (t *tracker) apply(")
		types = source.Line(t, "client/events.go", "var eventTypes = ")
		own   = source.Line(t, "client/events_test.go", "var ofTheClient"+" = ")
	)
	tried, emitted := map[string]bool{}, map[string]bool{}
	for _, name := range ofTheClient {
		emitted[name] = true
	}
	for _, row := range eventRows {
		for _, line := range row.want {
			kind, _, _ := strings.Cut(line, " ")
			emitted[strings.TrimSuffix(kind, ":")] = true
		}
		event, err := wire.DecodeEvent(row.event.name, []byte(row.event.data))
		if err != nil {
			continue
		}
		name := reflect.TypeOf(event).Elem().Name()
		if _, unknown := event.(*wire.UnknownEvent); unknown || row.form != "" {
			continue
		}
		if tried[name] {
			t.Errorf("%s: two rows without a form have the event %s; name the form of one", rows, row.event.name)
		}
		tried[name] = true
	}
	for name, zero := range wire.Definitions() {
		if reflect.PointerTo(reflect.TypeOf(zero)).Implements(reflect.TypeFor[wire.Event]()) && !tried[name] {
			t.Errorf("no row has the event wire.%s.\n%s: add a row with its example below this line. It wants Unknown until\n%s: has a case for *wire.%s and\n%s: has a type for it",
				name, rows, apply, name, types)
		}
	}
	for _, e := range client.EventTypes {
		if !emitted[e.Name()] {
			t.Errorf("no row wants the event type client.%s.\n%s: add a row that wants it, or for an event that is not QueUp's\n%s: add it to ofTheClient", e.Name(), rows, own)
		}
		delete(emitted, e.Name())
	}
	for name := range emitted {
		t.Errorf("%s: add client.%s to eventTypes", types, name)
	}
}

// deliver lets a bot in the lounge hear events of QueUp and returns what it tells of the last one.
func deliver(t *testing.T, before []sent, event sent, classic bool) (heard []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		opts := []queuptest.Option{queuptest.InMemory(), queuptest.WithWorld(eventsWorld()), queuptest.WithHandler(answerEvents)}
		if classic {
			opts = append(opts, queuptest.ClassicRoles())
		}
		server := queuptest.NewServer(opts...)
		defer server.Close()
		lounge := server.Room("lounge")
		own := newTap(server)
		own.in = func(_ int, f *realtime.Frame) (lost bool) { // private messages come on a channel of their own
			if f.Message != nil && f.Message.Name == "new-message" {
				f.Channel = "user:65b2a1c0d4e8b90012ab0010"
			}
			return false
		}
		bot, room := joinLounge(t, server, "bot", client.WithDialer(own))
		for _, e := range before {
			lounge.Broadcast(e.name, json.RawMessage(e.data))
			time.Sleep(100 * time.Millisecond)
		}
		start := time.Now()
		lines := record(bot, func(e client.Event) string {
			checkMeta(t, room, event, start, e)
			checkMarshal(t, e)
			return tell(room, start, e)
		})
		lounge.Broadcast(event.name, json.RawMessage(event.data))
		time.Sleep(9 * time.Second)
		synctest.Wait()
		heard = lines()
	})
	return heard
}

// answerEvents is QueUp with what eventsREST tells.
func answerEvents(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if data, ok := eventsREST[req.URL.Path]; ok && req.Method == http.MethodGet {
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"code":200,"message":"OK","data":%s}`, data)
			return
		}
		next.ServeHTTP(w, req)
	})
}

// checkMeta makes sure that an event leads back to what QueUp sent.
func checkMeta(t *testing.T, room *client.Room, event sent, start time.Time, e client.Event) {
	t.Helper()
	m := e.EventMeta()
	if _, over := e.(client.Disconnected); over { // with the test
		return
	}
	_, private := e.(client.PrivateMessage)
	if m.Room != room && !private && event.name != "new-message" {
		t.Errorf("%T is of the room %v", e, m.Room)
	}
	if m.Resynced {
		t.Errorf("%T is resynced", e)
	}
	if _, follows := e.(client.MemberLeft); follows && event.name != "user-leave" { // of a kick
		return
	}
	if _, named := e.(client.MemberUpdated); named && event.name == "user-join" { // once the name was looked up
		return
	}
	if m.Name != event.name || !bytes.Equal(compact(t, m.Raw), compact(t, []byte(event.data))) {
		t.Errorf("%T is %s %s\nwant %s %s", e, m.Name, m.Raw, event.name, event.data)
	}
	at := start
	switch e := e.(type) {
	case client.Chat:
		at = e.Message.CreatedAt
	case client.PrivateMessage:
		at = e.Message.CreatedAt
	}
	if !m.At.Equal(at) && !at.IsZero() {
		t.Errorf("%T was at %v, want %v", e, m.At, at)
	}
}

func compact(t *testing.T, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, data); err != nil {
		t.Errorf("%v in %s", err, data)
	}
	return out.Bytes()
}

// oddForms are what QueUp is known to do to the members of any object; nothing else must come of it.
var oddForms = map[string]func(key string, o map[string]any){
	"numbers in quotes": func(_ string, o map[string]any) {
		for key, v := range o {
			if n, ok := v.(json.Number); ok {
				o[key] = n.String()
			}
		}
	},
	"floats for whole numbers": func(_ string, o map[string]any) {
		for key, v := range o {
			if n, ok := v.(json.Number); ok {
				o[key] = json.RawMessage(n + ".0")
			}
		}
	},
	"numbers for booleans": func(_ string, o map[string]any) {
		for key, v := range o {
			if b, ok := v.(bool); ok {
				o[key] = map[bool]int{false: 0, true: 1}[b]
			}
		}
	},
	"members that nobody knows": func(_ string, o map[string]any) {
		o["featureFlags"] = map[string]any{"beta": []any{nil, true, map[string]any{}}}
		o["nothing"] = nil
	},
	"null in lists": func(_ string, o map[string]any) {
		for key, v := range o {
			if list, ok := v.([]any); ok {
				holes := []any{nil}
				for _, entry := range list {
					holes = append(holes, entry, nil)
				}
				o[key] = holes
			}
		}
	},
	"null for leftovers": func(_ string, o map[string]any) {
		for _, key := range []string{"__v", "ot_token", "profileImage", "userInfo", "realTimeChannel", "grabs", "queuePaused", "images"} {
			if v, ok := o[key]; !ok || key == "userInfo" || v == json.Number("0") {
				o[key] = nil
			}
		}
	},
	"leftovers missing": func(_ string, o map[string]any) {
		for _, key := range []string{"type", "__v", "ot_token", "profileImage", "userInfo", "realTimeChannel", "status", "_force_updated"} {
			if _, media := o["fkid"]; !media || key != "type" {
				delete(o, key)
			}
		}
	},
	"ids for users": func(_ string, o map[string]any) {
		for key, v := range o {
			user, ok := v.(map[string]any)
			if id, whole := user["_id"].(string); ok && whole && strings.HasPrefix(id, "65b2a1c0d4e8b90012ab") && id != "65b2a1c0d4e8b90012ab0004" {
				o[key] = id
			}
		}
	},
	"objects for ids": func(_ string, o map[string]any) {
		for _, key := range []string{"_user", "_song", "room", "roleid", "userid", "songid", "roomid", "messageid", "userdid"} {
			if id, ok := o[key].(string); ok {
				o[key] = map[string]any{"_id": id, "__v": 0}
			}
		}
	},
}

// bent changes an event: change is called for each of its objects with the key under which it stands, none for the outermost.
func bent(t *testing.T, data string, change func(key string, o map[string]any)) string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(data))
	d.UseNumber()
	var event map[string]any
	if err := d.Decode(&event); err != nil {
		t.Fatal(err)
	}
	var walk func(key string, v any)
	walk = func(key string, v any) {
		switch v := v.(type) {
		case []any:
			for _, entry := range v {
				walk(key, entry)
			}
		case map[string]any:
			for key, value := range v {
				walk(key, value)
			}
			change(key, v)
		}
	}
	walk("", event)
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(event); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out.String())
}

// The events that are the client's own, in one life.
func TestEvents_ofTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var history string // of the chat, once the connection was lost
		server := queuptest.NewServer(queuptest.InMemory(), intercept(http.MethodGet, "/chat/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
			if history == "" {
				next.ServeHTTP(w, req)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(history))
		}))
		defer server.Close()
		bot := newBot(t, server, client.WithQueue(4, client.DropOldest), client.WithErrorHandler(func(context.Context, error) {}))
		heard := record(bot, func(e client.Event) string {
			line := strings.TrimPrefix(fmt.Sprintf("%T", e), "client.")
			switch e := e.(type) {
			case client.MemberPresence:
				line += fmt.Sprintf(" of %s: %v in %s", e.User, e.Presence, e.Room.Slug())
			case client.Disconnected:
				line += fmt.Sprintf(" %v, again soon: %v", e.Err != nil, e.RetryIn < time.Minute)
			case client.Resynced:
				line += fmt.Sprintf(" %s %v", e.Room.Slug(), e.Resynced)
			case client.Gap:
				line += fmt.Sprintf(" %s in %s, %v", e.What, e.Room.Slug(), e.To.After(e.From))
			case client.RoomJoined:
				line += fmt.Sprintf(" %s %v", e.Room.Slug(), e.Room.Joined())
			case client.RoomLeft:
				line += fmt.Sprintf(" %s %v %v", e.Room.Slug(), e.Room.Joined(), e.Err)
			case client.Lagged:
				line += fmt.Sprintf(" %s %d, %v", e.Type, e.Dropped, !e.Since.IsZero())
			case client.MemberJoined, client.MemberLeft, client.Chat:
				return ""
			}
			if m := e.EventMeta(); m.At.IsZero() {
				line += " at no time"
			}
			return line
		})
		if err := bot.Login(t.Context(), "bot", canary.Password); err != nil {
			t.Fatal(err)
		}
		if err := bot.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		room := must(bot.JoinRoom(t.Context(), "lounge"))(t)
		gate := make(chan struct{})
		cancel := client.On(room, func(context.Context, client.Chat) error { <-gate; return nil })
		lounge := server.Room("lounge")
		lounge.Say("alice", "for the gate")
		synctest.Wait()
		for range 7 {
			lounge.Say("alice", "hi")
			synctest.Wait()
		}
		close(gate)
		synctest.Wait()
		cancel()
		other, _ := joinLounge(t, server, "alice")
		synctest.Wait()
		_ = other.Close()
		<-other.Done()
		time.Sleep(time.Second)

		history = `{"code":200,"message":"OK","data":[{"type":"chat-message","chatid":"65b2a1c0d4e8b90012ab0001-1","message":"hi","time":` +
			fmt.Sprint(client.Millis(time.Now().Add(3*time.Second))) + `,"user":{"_id":"65b2a1c0d4e8b90012ab0001"}}]}`
		server.CutLinks()
		time.Sleep(time.Minute)
		if err := room.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		got := slices.DeleteFunc(heard(), func(line string) bool { return line == "" })
		expect(t, "heard", got, []string{
			"Ready", "RoomJoined lounge true", "Lagged Chat 3, true", "MemberPresence of alice: enter in lounge", "MemberPresence of alice: exit in lounge",
			"Disconnected true, again soon: true", "Reconnected", "Gap chat in lounge, true", "Resynced lounge true", "RoomLeft lounge false <nil>",
		})
		var types []string
		for _, line := range got {
			kind, _, _ := strings.Cut(line, " ")
			types = append(types, kind)
		}
		slices.Sort(types)
		want := slices.Sorted(slices.Values(ofTheClient))
		expect(t, "types", slices.Compact(types), want)
	})
}

// tell is an event as a line of text that begins with its type, with everything that it resolves, and what the room makes of it.
func tell(room *client.Room, start time.Time, e client.Event) string {
	line := strings.TrimPrefix(fmt.Sprintf("%T ", e), "client.")
	switch e := e.(type) {
	case client.Chat:
		line += tellMessage(e.Message) + "; " + tellMember(e.Member)
		if author, ok := e.Message.Author(); !ok || !author.Equal(e.Author) || e.Member.UserID != e.Author.ID {
			line += ", but by " + tellUser(e.Author)
		}
	case client.ChatDeleted:
		line += tellMessage(e.Message) + "; by " + tellUser(e.By)
	case client.ChatCleared:
		lines := room.Messages()
		gone := slices.DeleteFunc(slices.Clone(lines), func(m client.Message) bool { return !m.Deleted })
		line += fmt.Sprintf("of %s, by %s; %d of %d lines are deleted", tellUser(e.User), tellUser(e.By), len(gone), len(lines))
	case client.PrivateMessage:
		line += fmt.Sprintf("%s; with %v", tellMessage(e.Message), names(e.Conversation.Recipients()))
		if e.Author.ID != e.Message.AuthorID || e.Message.ConversationID != e.Conversation.ID() {
			line += ", but by " + tellUser(e.Author)
		}
	case client.CommentAdded:
		line += tellComment(e.Comment)
	case client.CommentRemoved:
		line += tellComment(e.Comment)
	case client.CommentUpdated:
		line += tellComment(e.Comment)

	case client.SongSkipped:
		line += tellSong(e.Song) + "; by " + tellUser(e.By)
	case client.PlaylistUpdated:
		line += tellSong(e.Song)
	case client.SongChanged:
		now, playing := room.NowPlaying()
		line += fmt.Sprintf("%s%s; from %s %s", tellSong(e.Song), map[bool]string{true: ", playing now"}[playing && e.Playing && now.ID == e.Song.ID], e.Info.Provider, e.Info.MediaID)
		if e.Info.Thumbnail != "" {
			line += ", " + e.Info.Thumbnail + ", made " + e.Info.CreatedAt.UTC().Format(time.RFC3339Nano)
		}
		if info, known := e.Song.Info(); known && !info.Equal(e.Info) || e.User.ID != e.Song.UserID {
			line += fmt.Sprintf(", but Info is %v and User %v", e.Info, e.User)
		}
		line += "; before " + tellSong(e.Previous)
	case client.Dub:
		up, down := room.Votes()
		line += fmt.Sprintf("%s by %s, %s; votes %v %v", map[bool]string{true: "up", false: "down"}[e.Up], tellUser(e.User), tellPlaying(room, e.Song), named(room, up), named(room, down))
	case client.Grab:
		line += fmt.Sprintf("by %s, %s; grabbers %v", tellUser(e.User), tellPlaying(room, e.Song), named(room, room.Grabbers()))

	case client.QueueUpdated:
		var songs []string
		for _, s := range e.Queue {
			songs = append(songs, tellSong(s))
		}
		line += fmt.Sprintf("%v later: %s", time.Since(start), strings.Join(songs, ", "))
	case client.QueueReordered:
		line += "by " + tellUser(e.By)
	case client.SongRemoved:
		line += fmt.Sprintf("of %s; by %s", tellMember(e.Member), tellUser(e.By))
	case client.DJRemoved:
		line += fmt.Sprintf("of %s; by %s; queued now: %d", tellMember(e.Member), tellUser(e.By), len(room.Queue()))
	case client.QueuePaused:
		line += fmt.Sprintf("%v, %s; by %s; queued now: %d", e.Paused, tellMember(e.Member), tellUser(e.By), len(room.Queue()))
	case client.QueueLocked:
		line += fmt.Sprintf("%v by %s; the room has %v", e.Locked, tellUser(e.By), room.Info().QueueLocked)

	case client.RoomUpdated:
		i := e.Info
		owner, _ := room.Members().Get(i.OwnerID)
		line += fmt.Sprintf("%q %s of %s, songs up to %v, locked %v", i.Name, i.Slug, owner, i.MaxSongLength, i.QueueLocked)
		if i.Equal(room.Info()) {
			line += "; the room has it"
		}
	case client.SlowMode:
		line += fmt.Sprintf("%v by %s; the room has %v", e.On, tellUser(e.By), room.Info().SlowMode)
	case client.GuestChat:
		line += fmt.Sprintf("%v by %s; the room has %v", e.On, tellUser(e.By), room.Info().GuestChat)
	case client.GuestEmbed:
		line += fmt.Sprintf("%v by %s; the room has %v", e.On, tellUser(e.By), room.Info().GuestEmbed)

	case client.RoleCreated:
		line += tellRole(e.Role) + hasRole(room, e.Role)
	case client.RoleUpdated:
		line += tellRole(e.Role) + hasRole(room, e.Role)
	case client.RoleDeleted:
		line += tellRole(e.Role) + hasRole(room, e.Role)
	case client.RolesReordered:
		var roles []string
		for _, r := range e.Roles {
			roles = append(roles, fmt.Sprintf("%v (%d)", r, r.Position))
		}
		line += fmt.Sprintf("%s; the room has %v", strings.Join(roles, ", "), room.Roles())
	case client.RoleSet:
		line += fmt.Sprintf("%s for %s; by %s", tellRole(e.Role), tellSubject(e.User, e.Member), tellUser(e.By))
	case client.RoleUnset:
		line += fmt.Sprintf("%s for %s; by %s", tellRole(e.Role), tellSubject(e.User, e.Member), tellUser(e.By))

	case client.MemberJoined:
		_, there := room.Members().Get(e.User.ID)
		line += fmt.Sprintf("%s; a member now: %v", tellSubject(e.User, e.Member), there)
	case client.MemberLeft:
		_, there := room.Members().Get(e.User.ID)
		line += fmt.Sprintf("%s; a member now: %v", tellSubject(e.User, e.Member), there)
	case client.MemberUpdated:
		line += tellMember(e.Member)
		if now, there := room.Members().Get(e.Member.UserID); there && now.Equal(e.Member) {
			line += "; the room has it"
		}
	case client.MemberKicked:
		line += fmt.Sprintf("%s; by %s, because %q", tellSubject(e.User, e.Member), tellUser(e.By), e.Reason)
	case client.MemberBanned:
		line += fmt.Sprintf("for %v (permanent %v), %s; by %s", e.For, e.Permanent, tellSubject(e.User, e.Member), tellUser(e.By))
	case client.MemberUnbanned:
		line += fmt.Sprintf("%s; by %s", tellSubject(e.User, e.Member), tellUser(e.By))
	case client.MemberMuted:
		line += fmt.Sprintf("%s; by %s", tellSubject(e.User, e.Member), tellUser(e.By))
	case client.MemberUnmuted:
		line += fmt.Sprintf("%s; by %s", tellSubject(e.User, e.Member), tellUser(e.By))
	case client.AvatarUpdated:
		line += tellUser(e.User)
		if address, ok := e.User.AvatarURL(); ok {
			line += ": " + address
		}

	case client.Unknown:
	case client.Malformed:
		why, _, _ := strings.Cut(e.Err.Error(), `": `)
		if why != e.Err.Error() {
			why += `"`
		}
		line = strings.TrimSpace(line) + ": " + why
	}
	return strings.TrimSpace(line)
}

// tail is the end of an id, enough to know it by.
func tail[T ~string](id T) string { return string(id[max(0, len(id)-4):]) }

func tellUser(u client.User) string {
	if u.ID == "" && u.Username == "" {
		return "nobody"
	}
	return u.Username + "#" + tail(u.ID)
}

// tellSubject is whom an event is about, who must be the same in two places.
func tellSubject(u client.User, m client.Member) string {
	line := tellMember(m)
	if m.UserID != u.ID || !strings.HasPrefix(line, tellUser(u)) {
		line += ", but the user is " + tellUser(u)
	}
	return line
}

func tellMember(m client.Member) string {
	user, ok := m.User()
	if !ok {
		user.ID = m.UserID
	}
	line := tellUser(user)
	if room, ok := m.Room(); !ok || room.Slug() != "lounge" {
		line += ", in no room"
	}
	if strings.Contains(string(m.ID), "13bc") { // told by the event, not by the list
		line += " bc" + tail(m.ID)
	}
	for _, count := range []struct {
		n    int64
		what string
	}{{m.Dubs, "dubs"}, {m.Played, "played"}, {m.Skipped, "skipped"}, {m.QueuedNow, "queued"}} {
		if count.n != 0 {
			line += fmt.Sprintf(", %d %s", count.n, count.what)
		}
	}
	if m.QueuePaused {
		line += ", paused"
	}
	if m.Muted {
		line += ", muted"
	}
	switch {
	case m.Banned && m.BannedUntil.IsZero():
		line += ", banned for good"
	case m.Banned:
		line += fmt.Sprintf(", banned for %v", m.BannedUntil.Sub(m.BannedAt))
	}
	return line + ", " + fmt.Sprint(m.Roles())
}

func tellMessage(m client.Message) string {
	author, ok := m.Author()
	if !ok {
		author.ID = m.AuthorID
	}
	line := fmt.Sprintf("%q of %s", m.Content, tellUser(author))
	if !m.CreatedAt.IsZero() {
		line += " at " + m.CreatedAt.UTC().Format(time.RFC3339Nano)
	}
	if m.Deleted {
		line += ", deleted"
	}
	if room, ok := m.Room(); ok && slices.ContainsFunc(room.Messages(), m.Equal) {
		line += ", kept"
	}
	return line
}

func tellSong(s client.Song) string {
	if s.ID == "" {
		return "nothing"
	}
	user, ok := s.User()
	if !ok {
		user.ID = s.UserID
	}
	name := "#" + tail(s.SongID)
	if info, ok := s.Info(); ok && info.Name != "" {
		name = fmt.Sprintf("%q", info.Name)
	}
	line := fmt.Sprintf("%s of %s, %v, %+d %+d", name, tellUser(user), s.Length, s.Updubs, -s.Downdubs)
	line = strings.Replace(line, " +0 +0", " +0 -0", 1)
	line = strings.TrimSuffix(line, " +0") + map[bool]string{true: " -0"}[strings.HasSuffix(line, " +0")]
	if s.Grabs > 0 {
		line += fmt.Sprintf(", %d grabs", s.Grabs)
	}
	if s.Skipped {
		line += ", skipped"
	}
	if s.PlayedAt.Year() == 2024 { // told by the event
		line += ", since " + s.PlayedAt.UTC().Format(time.RFC3339)
	}
	return line
}

// tellPlaying is tellSong, and whether the song plays with that score.
func tellPlaying(room *client.Room, s client.Song) string {
	line := tellSong(s)
	if now, playing := room.NowPlaying(); playing && now.Equal(s) {
		line += ", playing now"
	}
	return line
}

func named(room *client.Room, ids []client.UserID) []string {
	list := []string{}
	for _, id := range ids {
		member, _ := room.Members().Get(id)
		list = append(list, member.String())
	}
	slices.Sort(list)
	return list
}

func tellRole(r client.Role) string {
	return fmt.Sprintf("%q at %d %s %v", cmp.Or(r.Label, "#"+tail(r.ID)), r.Position, r.Color, r.Permissions)
}

func hasRole(room *client.Room, r client.Role) string {
	for _, role := range room.Roles() {
		if role.Equal(r) {
			return "; the room has it"
		}
	}
	return "; the room does not have it"
}

func tellComment(c client.Comment) string {
	line := fmt.Sprintf("#%s %q of #%s", tail(c.ID), c.Content, tail(c.AuthorID))
	if !c.CreatedAt.IsZero() {
		line += " at " + c.CreatedAt.UTC().Format(time.RFC3339Nano)
	}
	line += fmt.Sprintf(", +%d -%d", c.Updubs, c.Downdubs)
	if c.Deleted {
		line += ", deleted"
	}
	return line
}
