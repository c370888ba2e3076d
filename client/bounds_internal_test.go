package client

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/realtime"
)

// inCrowd runs a test in a room full of people, on virtual time.
func inCrowd(t *testing.T, members int, test func(t *testing.T, k *crowd), opts ...Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newCrowd(t, members, opts...)) })
}

func kickFrame(i int) string {
	return fmt.Sprintf(`{"type":"user-kick","kickedUser":{"_id":%q},"user":{"_id":%q}}`, crowdID(i), crowdID(0))
}

func muteFrame(i int) string {
	return fmt.Sprintf(`{"type":"user-mute","mutedUser":{"_id":%q},"user":{"_id":%q}}`, crowdID(i), crowdID(0))
}

// allocated returns how many bytes f allocates.
func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if canary.Watching { // the hooks allocate more
		return 0
	}
	return int(after.TotalAlloc - before.TotalAlloc)
}

func TestEvents_costTheSameInALargeRoom(t *testing.T) {
	const rounds = 2000
	events := map[string]func(k *crowd, members, i int){
		"join and leave": func(k *crowd, members, i int) {
			k.join(members + i)
			k.receive("user-leave", leaveFrame(members+i))
		},
		"chat": func(k *crowd, members, i int) { k.receive("chat-message", chatFrame(i%members, i)) },
		"vote": func(k *crowd, _, i int) { k.receive("room_playlist-dub", dubFrame(i%50, "updub")) },
		"song": func(k *crowd, _, i int) { k.play(fmt.Sprintf("65d4c3e2f60adb%010x", i)) },
		"news": func(k *crowd, _, _ int) { k.play(crowdPlay) },
	}
	for name, event := range events {
		t.Run(name, func(t *testing.T) {
			cost := make(map[int]int)
			for _, members := range []int{50, 5000} {
				inCrowd(t, members, func(_ *testing.T, k *crowd) {
					for i := range 100 { // what grows once has grown
						event(k, members, rounds+i)
					}
					cost[members] = allocated(func() {
						for i := range rounds {
							event(k, members, i)
						}
					})
				})
			}
			if cost[5000] > 2*cost[50] {
				t.Errorf("%d bytes an event in a room of 50, and %d in one of 5,000", cost[50]/rounds, cost[5000]/rounds)
			}
		})
	}
}

// A loop over all members allocates a list of pointers, not copies of the members.
func TestMembers_allIsAListOfPointers(t *testing.T) {
	inCrowd(t, 5000, func(t *testing.T, k *crowd) {
		bytes := 0
		for try := range 3 { // what runs beside it allocates too, and more so under the race detector
			n := 0
			cost := allocated(func() {
				for range k.room.Members().All() {
					n++
				}
			})
			if n != 5000 {
				t.Fatalf("%d members seen", n)
			}
			if try == 0 || cost < bytes {
				bytes = cost
			}
		}
		if copies := 5000 * int(reflect.TypeFor[Member]().Size()); bytes > copies/2 {
			t.Errorf("%d bytes for a look at 5000 members, whose copies would take %d", bytes, copies)
		}
	})
}

func TestMembers_snapshotDoesNotChangeInTheMiddle(t *testing.T) {
	inCrowd(t, 100, func(t *testing.T, k *crowd) {
		seen := make(map[UserID]bool)
		i := 0
		for id, m := range k.room.Members().All() {
			if id != m.UserID || seen[id] {
				t.Fatalf("%s twice, or with the record of %s", id, m.UserID)
			}
			seen[id] = true
			k.receive("user-leave", leaveFrame(i))
			k.join(1000 + i)
			i++
		}
		for j := range 100 {
			if !seen[crowdID(j)] {
				t.Errorf("member %d is missing", j)
			}
			if _, there := k.room.Members().Get(crowdID(j)); there {
				t.Errorf("member %d has not left", j)
			}
			if m, there := k.room.Members().Get(crowdID(1000 + j)); !there || m.UserID != crowdID(1000+j) {
				t.Errorf("member %d has not come: %v", 1000+j, m)
			}
		}
		if n := k.room.Members().Len(); n != 100 {
			t.Errorf("%d members", n)
		}
	})
}

func TestUsers_presentOnesAreNotForgotten(t *testing.T) {
	for _, size := range []int{1, 100, DefaultUserCache} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			inCrowd(t, 300, func(t *testing.T, k *crowd) {
				users := k.room.client.Users()
				for i := range size + 1000 { // people who talk and are not there
					k.receive("chat-message", chatFrame(1000+i, i))
				}
				if n := users.Len(); n != 300+size {
					t.Errorf("%d users are known instead of 300 and %d", n, size)
				}
				for i := range 300 {
					u, known := users.Get(crowdID(i))
					m, named := k.room.MemberNamed(strings.ToUpper(crowdName(i)))
					if !known || u.Username != crowdName(i) || !named || m.UserID != u.ID {
						t.Fatalf("member %d is forgotten: %v, %v", i, u, m)
					}
				}
				k.join(1000 + size + 999) // one of them comes in
				if n := users.Len(); n != 301+size-1 {
					t.Errorf("%d users are known instead of 301 and %d", n, size-1)
				}
				k.connection.forgetRoom(k.room.tracker)
				if n := users.Len(); n != size {
					t.Errorf("%d users are known instead of %d once the room is over", n, size)
				}
			}, WithUserCache(size))
		})
	}
}

func TestDepartures_areBoundedAndTheLatestStay(t *testing.T) {
	inCrowd(t, maxDeparted+1000, func(t *testing.T, k *crowd) {
		for i := range maxDeparted + 1000 {
			k.receive("user-leave", leaveFrame(i))
		}
		if n := k.room.departed.Len(); n != maxDeparted {
			t.Errorf("%d are remembered", n)
		}
		if _, known := k.room.memberOrDeparted(crowdID(0)); known {
			t.Error("who left first is remembered")
		}
		if _, known := k.room.memberOrDeparted(crowdID(maxDeparted + 999)); !known {
			t.Error("who left last is forgotten")
		}
		time.Sleep(departedTTL + time.Second)
		k.join(0)
		k.receive("user-leave", leaveFrame(0))
		if n := k.room.departed.Len(); n != 1 {
			t.Errorf("%d are remembered after a while instead of the last one", n)
		}
	})
}

func TestWaiting_isBounded(t *testing.T) {
	long := fmt.Sprintf(`{"type":"new-thing","text":%q}`, strings.Repeat("x", 1<<20-100))
	tests := map[string]struct {
		frame      string
		send, wait int
	}{
		"as many as may wait": {`{"type":"new-thing"}`, 4096, 4096},
		"one too many":        {`{"type":"new-thing"}`, 4097, 1},
		"as much as may wait": {long, 16, 16},
		"too much":            {long, 17, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inCrowd(t, 1, func(t *testing.T, k *crowd) {
				gaps, news := 0, 0
				On(k.room, func(_ context.Context, e Gap) error {
					if e.From.IsZero() || e.To.Sub(e.From) != time.Second {
						t.Errorf("lost from %v to %v", e.From, e.To)
					}
					gaps++
					return nil
				})
				On(k.room, func(context.Context, Unknown) error { news++; return nil })
				turn := k.room.tracker.hold()
				for i := range tt.send {
					if i == tt.send-1 {
						time.Sleep(time.Second)
					}
					k.receive("new-thing", tt.frame)
				}
				if n := len(k.room.tracker.waiting.messages); n != tt.wait {
					t.Fatalf("%d wait instead of %d", n, tt.wait)
				}
				for range 10 { // a queue of a subscription is smaller
					synctest.Wait()
				}
				k.room.tracker.waiting.messages = k.room.tracker.waiting.messages[:min(tt.wait, 1000)]
				k.room.tracker.release(turn, holdNone)
				synctest.Wait()
				if want := min(tt.wait, 1000); news != want || gaps != min(tt.send-tt.wait, 1) {
					t.Errorf("%d of %d events and %d gaps", news, want, gaps)
				}
				if k.room.tracker.waiting.size != 0 {
					t.Error("what went out still counts")
				}
			})
		})
	}
}

func (k *crowd) show(client, connection string, action realtime.PresenceAction) {
	k.connection.receive(realtime.Presence{At: time.Now(), Channel: k.room.channel, Action: action, ClientID: client, ConnectionID: connection})
}

func TestPresence_isBounded(t *testing.T) {
	inCrowd(t, 1, func(t *testing.T, k *crowd) {
		for i := range 1000 {
			k.show("u", fmt.Sprint(i), realtime.PresenceEnter)
			k.show("", fmt.Sprint(i), realtime.PresenceEnter) // guests
		}
		for i := range maxVisible + 100 {
			k.show(string(crowdID(i)), "c", realtime.PresenceEnter)
		}
		if n := len(k.room.tracker.presence); n != maxVisible {
			t.Errorf("%d users are counted", n)
		}
		for id, connections := range k.room.tracker.presence {
			if len(connections) > maxConnections {
				t.Errorf("%d connections of %q are counted", len(connections), id)
			}
		}
		var heard []string
		On(k.room, func(_ context.Context, e MemberPresence) error {
			heard = append(heard, fmt.Sprint(e.User.ID, " ", e.Presence))
			return nil
		})
		for i := range maxConnections {
			k.show("u", fmt.Sprint(i), realtime.PresenceLeave)
		}
		k.show(string(crowdID(maxVisible+99)), "c", realtime.PresenceLeave) // who was not counted
		synctest.Wait()
		if want := []string{"u exit", string(crowdID(maxVisible+99)) + " exit"}; fmt.Sprint(heard) != fmt.Sprint(want) {
			t.Errorf("heard %q, want %q", heard, want)
		}
	})
}

func TestVotes_areBounded(t *testing.T) {
	inCrowd(t, 1, func(t *testing.T, k *crowd) {
		for i := range maxVoters + 100 {
			k.receive("room_playlist-dub", dubFrame(i, "updub"))
		}
		k.receive("room_playlist-dub", dubFrame(0, "downdub"))                                                       // who is known may change the vote
		k.receive("room_playlist-dub", strings.Replace(dubFrame(1<<20, "updub"), `"updubs":1`, `"updubs":20000`, 1)) // all are counted
		if up, down := k.room.Votes(); len(up) != maxVoters-1 || len(down) != 1 {
			t.Errorf("%d and %d voters are known", len(up), len(down))
		}
		if song, _ := k.room.NowPlaying(); song.Updubs != 20000 {
			t.Errorf("%d votes are counted", song.Updubs)
		}
		for i := range maxVoters + 100 {
			k.receive("room_playlist-queue-update-grabs", strings.Replace(dubFrame(i, ""), "room_playlist-dub", "room_playlist-queue-update-grabs", 1))
		}
		if n := len(k.room.Grabbers()); n != maxVoters {
			t.Errorf("%d grabs are known", n)
		}
	})
}

func TestPlaysAndMutes_areBounded(t *testing.T) {
	inCrowd(t, 10, func(t *testing.T, k *crowd) {
		k.receive("user-mute", muteFrame(5))
		for i := range 2 * maxMuted {
			k.receive("user-mute", muteFrame(1000+i))
			k.play(fmt.Sprintf("65d4c3e2f60adb%010x", i))
		}
		if n := k.room.tracker.muted.Len(); n != maxMuted {
			t.Errorf("%d mutes are remembered", n)
		}
		if n := k.room.tracker.plays.Len(); n != maxPlays {
			t.Errorf("%d plays are remembered", n)
		}
		for range 2 { // of who is there it is not forgotten, whatever events leave out
			if m, _ := k.room.Members().Get(crowdID(5)); !m.Muted {
				t.Error("a member who is muted may chat")
			}
			k.receive("user_update_"+string(crowdID(5)), fmt.Sprintf(`{"user":{"_id":"x","userid":%q,"dubs":4}}`, crowdID(5)))
		}
	})
}

func TestAlarms_areNoMoreThanThereAreMembers(t *testing.T) {
	inCrowd(t, 100, func(t *testing.T, k *crowd) {
		for range 3 {
			for i := range 1000 { // most of whom are not there
				k.receive("user-kick", kickFrame(i))
			}
			k.receive("room_playlist-queue-update", `{}`)
		}
		if n := len(k.room.tracker.timers); n != 102 { // and one for the song, and one for the queue
			t.Errorf("%d alarms are set", n)
		}
	})
}

// A role that comes again and again is stored once; roles that do not exist are given up.
func TestRoles_areBounded(t *testing.T) {
	inCrowd(t, 2, func(t *testing.T, k *crowd) {
		role := func(i int) string { return fmt.Sprintf(`{"_id":"%024x","label":"Role %[1]d","position":%[1]d}`, i) }
		id := crowdID(1)
		k.room.tracker.setRoles(newAuthority([]Role{}, nil))
		for range 100 {
			k.receive("user_update_"+string(id), fmt.Sprintf(`{"user":{"_id":"x","userid":%q,"roleids":[%s,%s]}}`, id, role(1), role(2)))
		}
		m, _ := k.room.Members().Get(id)
		if len(m.RoleIDs) != 2 || len(m.held) != 2 || len(m.Roles()) != 2 {
			t.Errorf("%d roles are held, %d are known, and Roles returns %d", len(m.RoleIDs), len(m.held), len(m.Roles()))
		}
		for i := range 2 * maxRoles {
			k.receive("user-setrole", fmt.Sprintf(`{"targetUser":{"_id":%q},"role":%s,"user":{"_id":%q}}`, id, role(i), id))
		}
		m, _ = k.room.Members().Get(id)
		if len(m.RoleIDs) > maxRoles || len(m.held) > maxRoles || len(k.room.Roles()) > maxRoles {
			t.Errorf("%d roles are held, %d are known, and the room has %d", len(m.RoleIDs), len(m.held), len(k.room.Roles()))
		}
		for i := range 2 * maxRoles {
			k.receive("room-role-create", fmt.Sprintf(`{"role":%s}`, role(10_000+i)))
		}
		if n := len(k.room.Roles()); n > maxRoles {
			t.Errorf("the room has %d roles", n)
		}
	})
}

// When QueUp does not answer, events do not pile up questions.
func TestQuestions_areBounded(t *testing.T) {
	silent := roundTrip(func(req *http.Request) (*http.Response, error) {
		<-req.Context().Done()
		return nil, context.Cause(req.Context())
	})
	inCrowd(t, 1, func(t *testing.T, k *crowd) {
		go k.serve(t.Context())
		me := k.room.client
		_ = me.become(me.session.NewGuest(), AuthenticatedUser{User{ID: crowdID(0)}})
		before := runtime.NumGoroutine()
		for i := range 1000 {
			play := fmt.Sprintf("65d4c3e2f60adb%010x", i)
			_ = k.connection.do(t.Context(), func() {
				k.play(play)
				k.receive("chat-skip", `{"username":"x"}`)
				k.receive("room-update", `{"room":{},"passwordUpdated":true}`)
			})
			time.Sleep(time.Second)
		}
		if n := runtime.NumGoroutine() - before; n > 20 {
			t.Errorf("%d goroutines wait", n)
		}
		t.Log(runtime.NumGoroutine() - before)
	}, WithTransport(silent))
}

// serve runs what alarms and answers bring.
func (k *crowd) serve(ctx context.Context) {
	for {
		select {
		case command := <-k.connection.commands:
			command()
		case <-ctx.Done():
			return
		}
	}
}

// What is asked in turn is asked once more after what was under way, and no more than that.
func TestAskInTurn(t *testing.T) {
	inCrowd(t, 1, func(t *testing.T, k *crowd) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go k.serve(ctx)
		var mu sync.Mutex
		var asked, answered []int // guarded by mu
		want := func(i int) {
			k.room.tracker.askOnce("x", time.Minute, func(context.Context) func() {
				mu.Lock()
				asked = append(asked, i)
				mu.Unlock()
				time.Sleep(time.Second)
				if i == 4 {
					return nil
				}
				return func() {
					mu.Lock()
					defer mu.Unlock()
					answered = append(answered, i)
				}
			})
		}
		all := func(numbers ...int) {
			_ = k.connection.do(ctx, func() {
				for _, i := range numbers {
					want(i)
				}
			})
			time.Sleep(10 * time.Second)
		}
		all(1, 2, 3)
		all(4, 5)
		all(6)
		_ = k.connection.do(ctx, func() { want(7); want(8); k.room.tracker.cancelAll(); want(9) })
		time.Sleep(10 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		if fmt.Sprint(asked) != "[1 3 4 5 6 7 9]" && fmt.Sprint(asked) != "[1 3 4 5 6 9 7]" {
			t.Errorf("asked %v", asked)
		}
		if fmt.Sprint(answered) != "[1 3 5 6 9]" {
			t.Errorf("answered %v", answered)
		}
	})
}

func TestInbox_isBounded(t *testing.T) {
	inCrowd(t, 1, func(t *testing.T, k *crowd) {
		gaps := 0
		On(k.room.client, func(_ context.Context, e Gap) error {
			gaps++
			return nil
		})
		k.connection.inbox.fetching = make(map[ConversationID]*notice)
		for i := range mailAtOnce { // which never come to an end
			k.connection.inbox.fetching[ConversationID(fmt.Sprint("slow ", i))] = nil
		}
		for i := range maxNotices + 1 {
			k.connection.queueNotice(notice{conversation: ConversationID(fmt.Sprint(i)), meta: newMeta()})
		}
		synctest.Wait()
		if n := len(k.connection.inbox.waiting); n != 1 || gaps != 1 {
			t.Errorf("%d wait, and %d gaps were told", n, gaps)
		}
	})
}

func TestHistory_idsAreBounded(t *testing.T) {
	inCrowd(t, 1, func(t *testing.T, k *crowd) {
		for i := range 2 * maxKnownLines {
			k.receive("chat-message", chatFrame(0, i))
		}
		if n := k.room.chatLog.seen.Len(); n != maxKnownLines {
			t.Errorf("%d lines are known", n)
		}
	}, WithMessageHistory(0))
}

func heap() int {
	runtime.GC()
	runtime.GC() // of what had a finalizer
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func TestRoom_givesItsMemoryBack(t *testing.T) {
	hear := func(k *crowd) {
		for i := range 2 * maxKnownLines {
			k.receive("chat-message", chatFrame(i, i))
			k.receive("room_playlist-dub", dubFrame(i, "updub"))
		}
	}
	for range 3 { // what the process remembers of people it does not give back: here it has them all
		inCrowd(t, 5000, func(_ *testing.T, k *crowd) { hear(k) }, WithUserCache(1))
	}
	before := heap()
	inCrowd(t, 5000, func(t *testing.T, k *crowd) {
		hear(k)
		full := heap() - before
		k.connection.forgetRoom(k.room.tracker)
		if left := heap() - before; left > full/2 {
			t.Errorf("%d of %d bytes are still in use", left, full)
		}
		runtime.KeepAlive(k)
	}, WithUserCache(1))
}

// What a loop runs over is what there is when it begins.
func TestMembers_everyChangeIsSeen(t *testing.T) {
	inCrowd(t, 3, func(t *testing.T, k *crowd) {
		dubs := func() string {
			list := make(map[UserID]int64)
			for id, m := range k.room.Members().All() {
				list[id] = m.Dubs
			}
			return fmt.Sprint(len(list), list[crowdID(1)])
		}
		for _, step := range []struct{ name, frame, want string }{
			{"user-join", joinFrame(3), "4 0"},
			{"user_update_" + string(crowdID(1)), fmt.Sprintf(`{"user":{"_id":"x","userid":%q,"dubs":7}}`, crowdID(1)), "4 7"},
			{"user-leave", leaveFrame(0), "3 7"},
			{"user-leave", leaveFrame(1), "2 0"},
		} {
			dubs()
			k.receive(step.name, step.frame)
			if got := dubs(); got != step.want {
				t.Errorf("after %s: members and dubs are %s instead of %s", step.name, got, step.want)
			}
		}
	})
}

// A handle on a room that the client is not in costs next to nothing.
func TestRooms_idleOnesAreSmall(t *testing.T) {
	c := newStage(t)
	const rooms = 1000
	bytes := allocated(func() {
		for i := range rooms {
			c.rooms.Handle(RoomID(fmt.Sprint(i)))
		}
	})
	if bytes > rooms*6<<10 {
		t.Errorf("%d bytes a room", bytes/rooms)
	}
	if n := c.Rooms().Len(); n > maxIdleRooms {
		t.Errorf("%d rooms are remembered", n)
	}
}

// A room that is about to be joined is the one that others find.
func TestRooms_claimSurvivesTheSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newStage(t)
		old := c.rooms.Handle("r")
		_ = old.joinLock.Acquire(t.Context())
		claimed := make(chan *Room, 1)
		go func() {
			r, err := c.claim(t.Context(), "r")
			if err != nil {
				t.Error(err)
			}
			claimed <- r
		}()
		synctest.Wait()
		c.rooms.Remove("r")
		old.joinLock.Release()
		fresh := <-claimed
		if known, ok := c.Rooms().Get("r"); fresh != old || known != fresh || !ok || fresh.joinLock.Free() {
			t.Errorf("claimed %p; the room is %p, and others find %p", fresh, old, known)
		}
		for i := range 2 * maxIdleRooms {
			c.rooms.Handle(RoomID(fmt.Sprint(i)))
		}
		if r, ok := c.Rooms().Get("r"); !ok || r != fresh {
			t.Error("a room with its turn taken was forgotten")
		}
		fresh.joinLock.Release()
		ctx, cancel := context.WithCancel(t.Context())
		_ = fresh.joinLock.Acquire(ctx)
		cancel()
		if _, err := c.claim(ctx, "r"); err == nil {
			t.Error("claimed a room whose turn was taken")
		}
	})
}
