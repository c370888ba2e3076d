package client_test

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// scribble changes everything that can be reached from a value without a handle on something live: the elements of slices, what
// lies behind them up to their capacity, and the entries of maps. It reports whether there was anything.
func scribble(v reflect.Value) bool {
	if v.Kind() == reflect.Slice && v.Len() < v.Cap() {
		rest := v.Slice3(0, v.Cap(), v.Cap()) // what append would write to
		for i := v.Len(); i < v.Cap(); i++ {
			rest.Index(i).Set(spoilt(rest.Index(i)))
		}
	}
	found := false
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			scribble(v.Index(i))
			v.Index(i).Set(spoilt(v.Index(i)))
			found = true
		}
	case reflect.Map:
		for key, value := range v.Seq2() {
			scribble(value)
			v.SetMapIndex(key, reflect.Zero(v.Type().Elem()))
			found = true
		}
	case reflect.Struct:
		for f, field := range v.Fields() {
			if f.IsExported() && !f.Anonymous || f.Type == reflect.TypeFor[client.User]() || f.Type == reflect.TypeFor[client.Meta]() {
				found = scribble(field) || found
			}
		}
	case reflect.Interface:
		if !v.IsNil() && v.Elem().Kind() != reflect.Pointer {
			found = scribble(v.Elem())
		}
	}
	return found
}

// spoilt returns another value of the same type: other text, another number, or zero.
func spoilt(v reflect.Value) reflect.Value {
	other := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.String:
		other.SetString("spoilt")
	case reflect.Uint8:
		other.SetUint('#')
	}
	return other
}

// results calls all methods of a value that take nothing, or one argument of those given, and neither act nor talk to QueUp, and
// hands what they return to use. Values that come out are asked in turn.
func results(v reflect.Value, arguments []any, use func(method string, result reflect.Value), seen map[string]bool) {
	typ := v.Type()
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if !strings.HasSuffix(typ.PkgPath(), "queup/client") || typ.Kind() == reflect.Interface {
		return
	}
	for m, method := range v.Methods() {
		name := v.Type().String() + "." + m.Name
		if !passive(m) {
			continue
		}
		var args []reflect.Value
		if method.Type().NumIn() == 1 {
			i := slices.IndexFunc(arguments, func(a any) bool { return reflect.TypeOf(a) == method.Type().In(0) })
			if i < 0 {
				continue
			}
			args = append(args, reflect.ValueOf(arguments[i]))
		}
		if method.Type().NumIn() > 1 {
			continue
		}
		first := !seen[name]
		seen[name] = true
		for _, result := range method.Call(args) {
			each := func(result reflect.Value) {
				if result.Kind() == reflect.Pointer && result.IsNil() {
					return
				}
				if first {
					results(result, arguments, use, seen)
				}
				use(name, result)
			}
			switch {
			case result.Kind() == reflect.Func && result.Type().CanSeq2():
				for _, value := range result.Seq2() {
					each(value)
				}
			case result.Kind() == reflect.Func && result.Type().CanSeq():
				for value := range result.Seq() {
					each(value)
				}
			case result.Kind() != reflect.Func:
				each(result)
				if result.Kind() == reflect.Slice {
					for i := range result.Len() {
						if first {
							results(result.Index(i), arguments, use, seen)
						}
					}
				}
			}
		}
	}
}

// passive reports whether a method only tells what is known.
func passive(m reflect.Method) bool {
	for in := range m.Type.Ins() {
		if in == contextType {
			return false
		}
	}
	return !slices.Contains([]string{"Close", "Wait", "Done", "REST", "LogValue"}, m.Name)
}

// witnessed is all that a client knows about a room, as text that can be compared.
func witnessed(t *testing.T, room *client.Room) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(pretty(t, snapshotOf(room)))
	b.WriteString(pretty(t, room.Info()))
	standing, _ := room.Standing()
	b.WriteString(pretty(t, standing))
	b.WriteString(pretty(t, room.Roles()))
	for _, m := range room.Messages() {
		b.WriteString(pretty(t, m))
		b.WriteString(pretty(t, m.Extra()))
	}
	members := maps.Collect(room.Members().All())
	for _, id := range slices.Sorted(maps.Keys(members)) {
		m := members[id]
		b.WriteString(pretty(t, m))
		b.WriteString(pretty(t, m.Roles()))
		b.WriteString(pretty(t, m.Extra()))
		for _, p := range []client.Permission{client.PermChatSend, client.PermMembersKick, client.PermRolesManage} {
			if room.Can(id, p) {
				b.WriteString(" may " + string(p))
			}
		}
		for _, role := range []client.RoleID{client.RoleCoOwner, client.RoleModerator} {
			if room.AtLeast(id, role) {
				b.WriteString(" is at least " + string(role))
			}
		}
	}
	return b.String()
}

// twoWorlds are those of roles.
var twoWorlds = map[string][]queuptest.Option{"custom roles": nil, "fixed roles": {queuptest.ClassicRoles()}}

// Whoever changes what a getter has returned changes nothing for anybody else.
func TestQ19_copiesOfEveryGetter(t *testing.T) {
	for name, opts := range twoWorlds {
		t.Run(name, func(t *testing.T) {
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				bot, room := joinLounge(t, server, "bot")
				lounge := server.Room("lounge")
				lounge.Vote("alice", true)
				lounge.Grab("bob")
				broadcast(server, "chat-message", `,"chatid":"%s-1","message":"hello","user":{"_id":%[1]q},"mood":{"is":"good"}`, memberOf(t, room, "mod").UserID)
				server.Message("alice", "hi", "bot")
				settle(10 * time.Second)
				before := witnessed(t, room)
				mod, alice := memberOf(t, room, "mod"), memberOf(t, room, "alice")
				role, _ := mod.Role()
				line := room.Messages()[0]
				song, _ := room.NowPlaying()
				arguments := []any{mod.UserID, role.ID, line.ID, song.SongID, client.PermChatSend, "mod", room, room.ID()}
				touched := map[string]bool{}
				use := func(method string, result reflect.Value) {
					v := reflect.New(result.Type()).Elem()
					v.Set(result)
					if result.Kind() != reflect.Pointer && scribble(v) {
						touched[method] = true
					}
					if after := witnessed(t, room); after != before {
						t.Fatalf("changing what %s returns changes the client:\n%s", method, difference(after, before))
					}
				}
				seen := map[string]bool{}
				for _, v := range []any{bot, room, mod, alice, role, line, song} {
					results(reflect.ValueOf(v), arguments, use, seen)
				}
				roles := must(room.FetchRoles(t.Context()))(t)
				use("Room.FetchRoles", reflect.ValueOf(roles))
				for _, method := range []string{
					"*client.Room.Roles", "*client.Room.Role", "*client.Room.MemberNamed", "*client.Room.Queue", "*client.Room.Messages", "*client.Room.Votes",
					"*client.Room.Grabbers", "*client.Collection[github.com/queup-go/queup/gen/wire.UserID,github.com/queup-go/queup/client.Member].Get",
					"*client.Collection[github.com/queup-go/queup/gen/wire.UserID,github.com/queup-go/queup/client.Member].All",
					"client.Member.Roles", "client.Member.Role", "client.Message.Member", "client.Message.Extra", "client.User.MemberOf", "*client.Conversation.Recipients",
				} {
					if !touched[method] {
						t.Errorf("%s returned nothing that could be changed", method)
					}
				}
				if name == "custom roles" && !touched["*client.Room.Standing"] {
					t.Error("Room.Standing returned nothing that could be changed")
				}
				t.Logf("%d getters were asked, %d returned something that could be changed", len(seen), len(touched))
				if len(seen) < 100 {
					t.Errorf("%d getters", len(seen))
				}
			}, opts...)
		})
	}
}

// A handler that changes the slices of its events changes nothing of what the client knows.
func TestQ19_copiesOfEveryEvent(t *testing.T) {
	for name, opts := range twoWorlds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := queuptest.NewServer(append(opts, queuptest.InMemory(), queuptest.Crowd(queuptest.CrowdConfig{Members: 20, Seed: 1, Rate: 5}))...)
				defer server.Close()
				bot, room := joinLounge(t, server, "bot")
				var mu sync.Mutex
				touched := map[string]bool{}
				client.On(bot, func(_ context.Context, e client.Event) error {
					mu.Lock()
					defer mu.Unlock()
					v := reflect.New(reflect.TypeOf(e)).Elem()
					v.Set(reflect.ValueOf(e))
					for f, field := range v.Fields() {
						if scribble(field) {
							touched[v.Type().Name()+"."+f.Name] = true
						}
					}
					return nil
				})
				lounge := server.Room("lounge")
				do := func(what ...func()) {
					for _, f := range what {
						f()
						settle(2 * time.Second)
					}
				}
				role := ""
				if name == "custom roles" {
					do(
						func() { role = lounge.CreateRole("owner", "Helper", "queue.skip") },
						func() { lounge.AssignRole("owner", "alice", role, true) },
						func() { lounge.UpdateRole("owner", role, "Aide", "queue.skip", "queue.order") },
						func() {
							lounge.ReorderRoles("owner", append([]string{role}, slices.DeleteFunc(lounge.Roles(), func(id string) bool { return id == role })...)...)
						},
						func() { lounge.AssignRole("owner", "alice", role, false) },
						func() { lounge.AssignRole("owner", "bob", role, true) },
					)
				}
				do(
					func() { lounge.Say("mod", "hello") },
					func() { lounge.SetRole("owner", "carol", queuptest.VIP) },
					func() { lounge.Say("carol", "hello") },
					func() { lounge.Vote("carol", true) },
					func() { lounge.Pause("carol", true) },
					func() { lounge.UnsetRole("owner", "carol", queuptest.VIP) },
					func() { lounge.SetRole("owner", "carol", queuptest.VIP) },
					func() { lounge.Leave("carol") },
					func() { lounge.Join("carol") },
					func() { lounge.Leave("mod") },
					func() { server.CutLinks() },
					func() { lounge.Join("mod") },
				)
				if role != "" {
					do(func() { lounge.DeleteRole("owner", role) })
				}
				server.IdleCrowd(true)
				settle(time.Minute)
				expectSame(t, room, lounge)
				_, control := joinLounge(t, server, "owner")
				settle(10 * time.Second)
				if got, want := pretty(t, room.Roles()), pretty(t, control.Roles()); got != want {
					t.Errorf("the roles are not those that another client has:\n%s", difference(got, want))
				}
				want := []string{"Chat.Member", "MemberUpdated.Member", "MemberJoined.Member", "MemberLeft.Member", "QueueUpdated.Queue", "RoleSet.Role", "RoleSet.Member", "RoleUnset.Role"}
				if name == "custom roles" {
					want = append(want, "RoleCreated.Role", "RoleUpdated.Role", "RolesReordered.Roles", "RoleDeleted.Role")
				}
				for _, field := range want {
					if !touched[field] {
						t.Errorf("no %s had anything that could be changed", field)
					}
				}
				t.Logf("changed: %q", slices.Sorted(maps.Keys(touched)))
			})
		})
	}
}
