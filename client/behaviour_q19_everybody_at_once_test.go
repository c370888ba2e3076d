package client_test

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/internal/testkit/canary"

	"go.uber.org/goleak"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

const (
	callers    = 64
	standstill = 10 * time.Second // without a call that returns, or an event that is heard, something is stuck
)

// stressTime is how long everybody calls everything: a few seconds, or what STRESS says.
func stressTime(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("STRESS")
	if text == "" {
		return client.UnlessShort(3*time.Second, 2*time.Second) // long enough for a logout
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("STRESS: %v", err)
	}
	return d
}

// A watchdog sees whether anything moves.
type watchdog struct{ moves atomic.Int64 }

// watch waits for done, and reports false with the stacks of all goroutines if nothing moves before.
func (w *watchdog) watch(t *testing.T, what string, done <-chan struct{}) bool {
	t.Helper()
	last, since := w.moves.Load(), time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return true
		case <-tick.C:
		}
		if now := w.moves.Load(); now != last {
			last, since = now, time.Now()
		} else if time.Since(since) > standstill {
			stacks := make([]byte, 8<<20)
			t.Errorf("%s: nothing has moved for %v:\n%s", what, standstill, stacks[:runtime.Stack(stacks, true)])
			return false
		}
	}
}

// 64 goroutines call every public method of one client, its rooms, its conversations and the values they hand out, and
// handlers do, too, while links drop, sessions and tokens expire, and the account logs out and in again. Nothing panics,
// races, gets stuck or is left.
func TestQ19_everybodyAtOnce(t *testing.T) {
	before := goleak.IgnoreCurrent()
	leftOut := map[string]string{
		"Client.Close":  "ends everything; it is called at the end, by many at once",
		"Client.Run":    "closes the client when its context ends; many wait for the end with Wait instead",
		"Client.Wait":   "waits for the end; some goroutines of their own do",
		"Client.Logout": "would leave the others nothing to do; one goroutine logs out and in again",
	}
	// What takes away what others need is called less often.
	rare := []string{"Playlist.Delete", "Comment.Delete", "Client.DeleteComment", "Room.DeleteRole", "Room.Leave", "Client.Login", "Room.RemoveDJ"}

	server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(twoRooms()), queuptest.ChatQuota(1<<30, time.Second))
	defer server.Close()
	s := newSurfaceWith(t, server, client.WithoutRateLimits, client.WithRateLimit(0, 0), client.WithErrorHandler(func(_ context.Context, err error) {
		if p, ok := errors.AsType[*client.PanicError](err); ok {
			t.Errorf("%v\n%s", p, p.Stack)
		}
	}))
	_ = s.second.Close()
	s.second = s.bot // Connect is called on the same client as all else
	calls := slices.DeleteFunc(s.calls(t), func(call publicCall) bool { return leftOut[call.name] != "" })

	order := rand.New(rand.NewPCG(1, 19)).Perm(len(calls)) // each of them as often as any other
	var turn atomic.Int64
	var dog watchdog
	ctx, stop := context.WithTimeout(t.Context(), stressTime(t))
	defer stop()
	counts := newCallCounts(calls)
	oneCall := func(ctx context.Context, r *rand.Rand) {
		n := int(turn.Add(1))
		i := order[n%len(order)]
		if slices.Contains(rare, calls[i].name) && n/len(order)%4 > 0 {
			return
		}
		patience := []time.Duration{5 * time.Millisecond, time.Second}[r.IntN(2)]
		ctx, cancel := context.WithTimeout(ctx, time.Duration(r.Int64N(int64(patience))))
		defer cancel()
		defer func() {
			if v := recover(); v != nil {
				t.Errorf("%s panicked: %v\n%s", calls[i].name, v, debug.Stack())
			}
			dog.moves.Add(1)
		}()
		counts.note(i, calls[i].call(ctx))
	}
	cancelHandlers := client.On(s.bot, func(ctx context.Context, _ client.Event) error {
		oneCall(ctx, rand.New(rand.NewPCG(rand.Uint64(), 19)))
		return nil
	})

	var everybody, waiting sync.WaitGroup
	for n := range callers {
		everybody.Go(func() {
			r := rand.New(rand.NewPCG(uint64(n), 19))
			for ctx.Err() == nil {
				oneCall(ctx, r)
			}
		})
	}
	every := func(d time.Duration, do func()) {
		everybody.Go(func() {
			for ctx.Err() == nil {
				time.Sleep(d)
				do()
			}
		})
	}
	every(400*time.Millisecond, server.CutLinks)
	every(700*time.Millisecond, server.ExpireSessions)
	every(600*time.Millisecond, server.ExpireTokens)
	every(100*time.Millisecond, func() { server.Room("lounge").Say("alice", "and I") })
	every(100*time.Millisecond, func() {
		_, _ = s.bot.JoinRoom(ctx, "lounge")
		_, _ = s.bot.JoinRoom(ctx, "attic")
	})
	every(1500*time.Millisecond, func() {
		_ = s.bot.Logout(ctx)
		for _, again := range []func() error{
			func() error { return s.bot.Login(ctx, "owner", canary.Password) },
			func() error { return s.bot.Connect(ctx) },
		} {
			for ctx.Err() == nil && again() != nil {
				time.Sleep(10 * time.Millisecond)
			}
		}
	})
	for range 4 {
		waiting.Go(func() {
			for !errors.Is(s.bot.Connect(t.Context()), client.ErrClosed) { // until it is closed, not only logged out
				_ = s.bot.Wait()
				time.Sleep(time.Millisecond)
			}
		})
	}

	if !dog.watch(t, "the calls", finished(&everybody)) {
		return
	}
	cancelHandlers()
	closeAtOnce(t, s.bot, &dog, oneCall)
	dog.watch(t, "those who wait for the end", finished(&waiting))
	server.Close()
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
	counts.report(t)
}

// finished is closed when all have returned.
func finished(all *sync.WaitGroup) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		all.Wait()
		close(done)
	}()
	return done
}

// closeAtOnce has many close a client at once while calls begin, and sees that all is over in time.
func closeAtOnce(t *testing.T, bot *client.Client, dog *watchdog, oneCall func(context.Context, *rand.Rand)) {
	t.Helper()
	var closing sync.WaitGroup
	start := time.Now()
	for n := range callers {
		closing.Go(func() {
			if n%4 == 0 {
				if err := bot.Close(); err != nil {
					t.Errorf("Close = %v", err)
				}
			}
			for i := range 20 {
				oneCall(t.Context(), rand.New(rand.NewPCG(uint64(n), uint64(i))))
			}
		})
	}
	if dog.watch(t, "Close", finished(&closing)) && dog.watch(t, "Done", bot.Done()) {
		took := time.Since(start)
		if t.Logf("Done %v after Close", took); took > 5*time.Second {
			t.Error("which is too late")
		}
	}
}

// callCounts tells how often each call was made, and how often it succeeded.
type callCounts struct {
	calls []publicCall
	made  []atomic.Int64
	good  []atomic.Int64
}

func newCallCounts(calls []publicCall) *callCounts {
	return &callCounts{calls, make([]atomic.Int64, len(calls)), make([]atomic.Int64, len(calls))}
}

func (c *callCounts) note(i int, err error) {
	c.made[i].Add(1)
	if err == nil {
		c.good[i].Add(1)
	}
}

// report fails if a call was never made.
func (c *callCounts) report(t *testing.T) {
	t.Helper()
	var made, good int64
	var never, unlucky []string
	for i, call := range c.calls {
		made += c.made[i].Load()
		good += c.good[i].Load()
		if c.made[i].Load() == 0 {
			never = append(never, call.name)
		}
		if c.good[i].Load() == 0 {
			unlucky = append(unlucky, call.name)
		}
	}
	if len(never) > 0 && stressTime(t) >= 2*time.Second {
		t.Errorf("never called: %q", never)
	}
	t.Logf("%d calls of %d methods, of which %d succeeded; none of these did: %q", made, len(c.calls), good, unlucky)
}

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

// Changing a value that a getter has returned changes nothing for anybody else.
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
