package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// checkMarshal fails the test if an event changes on its way through MarshalEvent and UnmarshalEvent.
func checkMarshal(t *testing.T, e client.Event) {
	t.Helper()
	data, err := client.MarshalEvent(e)
	if err != nil {
		t.Errorf("MarshalEvent(%T): %v", e, err)
		return
	}
	if bytes.ContainsAny(data, "\r\n") || !json.Valid(data) {
		t.Errorf("MarshalEvent(%T) = %s, want one line of JSON", e, data)
	}
	restored, err := client.UnmarshalEvent(data)
	if err != nil {
		t.Errorf("UnmarshalEvent(%s): %v", data, err)
		return
	}
	if differences := eventDifferences(reflect.ValueOf(restored), reflect.ValueOf(e), fmt.Sprintf("%T", e)); len(differences) > 0 {
		t.Errorf("after UnmarshalEvent(%s):\n%s", data, strings.Join(differences, "\n"))
	}
	again, err := client.MarshalEvent(restored)
	if err != nil || !bytes.Equal(again, data) {
		t.Errorf("marshalled again: %s, %v\nwant %s", again, err, data)
	}
}

// eventDifferences compares two events, or their values, as their users see them: by their exported fields and methods.
func eventDifferences(got, want reflect.Value, path string) (differences []string) {
	if got.Type() != want.Type() {
		return []string{fmt.Sprintf("%s is a %s, want %s", path, got.Type(), want.Type())}
	}
	report := func(got, want any) {
		differences = append(differences, fmt.Sprintf("%s is %v, want %v", path, got, want))
	}
	switch want := want.Interface().(type) {
	case *client.Room:
		got := got.Interface().(*client.Room)
		if (got == nil) != (want == nil) || got != nil && (got.ID() != want.ID() || got.Slug() != want.Slug() || got.Name() != want.Name()) {
			report(got, want)
		}
		return differences
	case *client.Conversation:
		got := got.Interface().(*client.Conversation)
		if (got == nil) != (want == nil) || got != nil && (got.ID() != want.ID() || !got.CreatedAt().Equal(want.CreatedAt()) ||
			!slices.EqualFunc(got.Recipients(), want.Recipients(), client.User.Equal)) {
			report(got, want)
		}
		return differences
	case json.RawMessage:
		if got := got.Interface().(json.RawMessage); !bytes.Equal(got, want) {
			report(string(got), string(want))
		}
		return differences
	case time.Time:
		if got := got.Interface().(time.Time); !got.Equal(want) {
			report(got, want)
		}
		return differences
	}
	if equal := want.MethodByName("Equal"); equal.IsValid() && !equal.Call([]reflect.Value{got})[0].Bool() {
		report(got, want)
	}
	switch v := want.Interface().(type) { // what a client would look up, and a detached value carries
	case client.Member:
		if g := got.Interface().(client.Member).Roles(); !slices.EqualFunc(g, v.Roles(), client.Role.Equal) {
			report(g, v.Roles())
		}
	case client.Song:
		if info, ok := got.Interface().(client.Song).Info(); ok {
			if w, _ := v.Info(); !info.Equal(w) {
				report(info, w)
			}
		}
	}
	switch want.Kind() {
	case reflect.Struct:
		for i := range want.NumField() {
			if field := want.Type().Field(i); field.IsExported() {
				differences = append(differences, eventDifferences(got.Field(i), want.Field(i), path+"."+field.Name)...)
			}
		}
	case reflect.Slice:
		if got.Len() != want.Len() {
			report(got.Len(), want.Len())
			return differences
		}
		for i := range want.Len() {
			differences = append(differences, eventDifferences(got.Index(i), want.Index(i), fmt.Sprintf("%s[%d]", path, i))...)
		}
	case reflect.Interface: // an error
		g, _ := reflect.TypeAssert[error](got)
		w, _ := reflect.TypeAssert[error](want)
		if fmt.Sprint(g) != fmt.Sprint(w) {
			report(g, w)
		}
		for _, sentinel := range client.Sentinels {
			if errors.Is(g, sentinel) != errors.Is(w, sentinel) {
				report(g, sentinel)
			}
		}
	default:
		if !got.Equal(want) {
			report(got, want)
		}
	}
	return differences
}

// The events of QueUp are checked in all their forms where TestEvents delivers them. These are the client's own.
func TestMarshalEvent_ofTheClient(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 30, 12, 0, 0, 123456789, time.FixedZone("", 3600))
	refusal := &client.APIError{Op: "joinRoom", Status: 401, Message: "<banned> & gone"}
	for _, e := range []client.Event{
		client.Ready{Meta: client.Meta{At: at}},
		client.Disconnected{Meta: client.Meta{At: at}, Err: fmt.Errorf("lost: %w", context.DeadlineExceeded), RetryIn: 1500 * time.Millisecond},
		client.Disconnected{Meta: client.Meta{At: at}, Err: errors.Join(client.ErrClosed, errors.New("line\nbreak\u2028\x00"))},
		client.Reconnected{},
		client.Resynced{Meta: client.Meta{At: at, Resynced: true}},
		client.RoomJoined{},
		client.RoomLeft{Err: refusal},
		client.RoomLeft{Err: client.ErrKicked},
		client.RoomLeft{},
		client.Lagged{Type: "Chat", Dropped: 7, Since: at},
		client.Gap{From: at, To: at.Add(time.Hour), What: "chat"},
		client.MemberPresence{Presence: client.PresenceExit},
		client.Malformed{Err: errors.New("bad"), Meta: client.Meta{Raw: json.RawMessage("{\"a\":")}},
		client.Unknown{Meta: client.Meta{Name: "new", Raw: json.RawMessage(` { "a" : "<b>" , "n":1e400}`)}},
		client.Unknown{Meta: client.Meta{Raw: json.RawMessage("{\n}")}},
		client.Unknown{Meta: client.Meta{Raw: json.RawMessage("\"\xff\"")}},
		client.QueueUpdated{Queue: []client.Song{}},
		client.QueueUpdated{},
	} {
		checkMarshal(t, e)
	}
}

// An event that was missed is written like one that was received, with the same id, whichever client reports it.
func TestMarshalEvent_idIsTheSameEverywhere(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		identified := func(found map[string]string) func(context.Context, client.Event) error {
			return func(_ context.Context, e client.Event) error {
				checkMarshal(t, e)
				m := e.EventMeta()
				if m.ID == "" {
					return nil
				}
				kind := strings.TrimPrefix(fmt.Sprintf("%T", e), "client.")
				if _, twice := found[m.ID]; twice || !strings.HasPrefix(m.ID, kind) {
					t.Errorf("%s has the id %q, twice: %t", kind, m.ID, twice)
				}
				found[m.ID] = kind
				return nil
			}
		}
		stays, missing := map[string]string{}, map[string]string{}
		first, _ := joinLounge(t, server, "mod")
		link := &cable{}
		second, _ := joinLounge(t, server, "bot", client.WithDialContext(link.dial(server)))
		client.On(first, identified(stays))
		client.On(second, identified(missing))
		lounge := server.Room("lounge")
		happen := func() {
			lounge.Say("alice", "hello")
			lounge.Say("bob", "hello")
			lounge.Skip("owner")
			lounge.Vote("alice", true)
			time.Sleep(10 * time.Second)
		}
		happen()
		link.cut()
		happen()
		link.mend()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		for id, kind := range stays {
			if _, known := missing[id]; !known && kind != "SongSkipped" { // QueUp does not keep who skipped
				t.Errorf("the client that lost its connection has no %s", id)
			}
		}
		for _, want := range []string{"Chat", "SongChanged", "SongSkipped"} {
			if !slices.Contains(slices.Collect(maps.Values(missing)), want) {
				t.Errorf("no %s among %v", want, missing)
			}
		}
	})
}

func TestUnmarshalEvent_detaches(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		s := newSurface(t, server, client.WithRateLimit(0, 0))
		chat := must(client.UnmarshalEvent(must(client.MarshalEvent(client.Chat{Meta: client.Meta{Room: s.room}}))(t)))(t)
		room := chat.EventMeta().Room
		private := must(client.UnmarshalEvent(must(client.MarshalEvent(client.PrivateMessage{Conversation: s.conversation}))(t)))(t)
		conversation := private.(client.PrivateMessage).Conversation
		if room.Joined() || room.Members().Len() > 0 || room.ID() != s.room.ID() || conversation.ID() != s.conversation.ID() {
			t.Errorf("the room is %#v, the conversation %#v", room, conversation)
		}
		s.receivers["Room"] = func() any { return room }
		s.receivers["Conversation"] = func() any { return conversation }
		n := 0
		for _, call := range s.calls(t) {
			owner, _, _ := strings.Cut(call.name, ".")
			if owner != "Room" && owner != "Conversation" {
				continue
			}
			err := call.call(t.Context())
			if call.ctx {
				n++
			}
			if call.ctx && !errors.Is(err, client.ErrDetached) {
				t.Errorf("%s of a detached value returns %v, want ErrDetached", call.name, err)
			}
		}
		if n < 50 {
			t.Errorf("%d calls", n)
		}
		defer func() {
			if text := fmt.Sprint(recover()); !strings.Contains(text, "UnmarshalEvent") {
				t.Errorf("On panics with %s", text)
			}
		}()
		client.On(room, func(context.Context, client.Chat) error { return nil })
	}, queuptest.WithWorld(twoRooms()))
}

func TestUnmarshalEvent_ofAnotherVersion(t *testing.T) {
	t.Parallel()
	e, err := client.UnmarshalEvent([]byte(`{"type":"Karaoke","at":"2026-11-30T12:00:00Z","name":"karaoke","room":{"id":"1","slug":"lounge"},"event":{"song":{"id":"7"}},"raw":{"a":1}}`))
	unknown, ok := e.(client.Unknown)
	if err != nil || !ok || unknown.Name != "karaoke" || string(unknown.Raw) != `{"a":1}` || unknown.Room.Slug() != "lounge" {
		t.Errorf("%#v, %v", e, err)
	}
	e, err = client.UnmarshalEvent([]byte(`{"type":"Chat","new":[],"event":{"message":{"content":"hi","colour":"red"},"mood":{}}}`))
	if chat, ok := e.(client.Chat); err != nil || !ok || chat.Message.Content != "hi" {
		t.Errorf("%#v, %v", e, err)
	}
}

func TestMarshalEvent_refuses(t *testing.T) {
	t.Parallel()
	for _, e := range []client.Event{nil, &client.Chat{}, (*client.Chat)(nil)} {
		data, err := client.MarshalEvent(e)
		var argument *client.ArgumentError
		if !errors.As(err, &argument) || data != nil {
			t.Errorf("MarshalEvent(%T) = %s, %v", e, data, err)
		}
	}
	for _, data := range []string{"", "null", "7", "[]", "{}", `{"type":7}`, `{"type":"Chat","event":[]}`, `{"type":"Chat","event":{"message":7}}`, `{"type":"Chat"} x`} {
		e, err := client.UnmarshalEvent([]byte(data))
		var argument *client.ArgumentError
		if !errors.As(err, &argument) || e != nil {
			t.Errorf("UnmarshalEvent(%s) = %v, %v", data, e, err)
		}
	}
}

func FuzzUnmarshalEvent(f *testing.F) {
	for _, typ := range client.EventTypes {
		f.Add([]byte(`{"type":"` + typ.Name() + `","event":{"message":{"content":"x"},"song":{"info":{}},"member":{"roles":[{}]},"err":{"text":"x","is":["queup: forbidden"]}},"raw":{}}`))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if e, err := client.UnmarshalEvent(data); err == nil {
			checkMarshal(t, e)
		}
	})
}

func BenchmarkMarshalEvent(b *testing.B) {
	e := client.Chat{
		Meta:    client.Meta{ID: "Chat/1", At: time.Unix(1730000000, 0), Name: "chat-message", Raw: json.RawMessage(aLine.data)},
		Message: client.Message{ID: "1", Content: "hello", AuthorID: "2"},
		Author:  client.User{ID: "2", Username: "alice"}, Member: client.Member{UserID: "2", RoleIDs: []client.RoleID{client.RoleDJ}},
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.MarshalEvent(e); err != nil {
			b.Fatal(err)
		}
	}
}
