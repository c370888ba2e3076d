package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/internal/testkit/canary"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// Q3: 2 s after the connection is back, what a client knows of its room is what QueUp knows, whatever happened meanwhile.
func TestQ03_stateAfterADrop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const patience = 2 * time.Second
		r := &dice{r: rand.New(rand.NewPCG(3, 7))}
		server, bots := droppedBots(t, r, together)
		defer server.Close()
		var times []time.Duration
		var cut time.Time
		var compared atomic.Int64
		for _, b := range bots {
			client.On(b.client, func(context.Context, client.Reconnected) error {
				time.AfterFunc(patience, func() {
					compared.Add(1)
					expectSame(t, b.room, b.lounge)
				})
				return nil
			})
		}
		n := 0
		for wanted := dropsWanted(t); len(times) < wanted && !t.Failed(); {
			away := r.upTo([]time.Duration{200 * time.Millisecond, 5 * time.Second, 5 * time.Minute}[r.IntN(3)])
			cut = time.Now()
			for _, b := range bots {
				b.refused.set(0, cut.Add(away))
			}
			server.CutLinks()
			for acts := r.IntN(10 * len(bots)); acts > 0; acts-- {
				n++
				if b := bots[r.IntN(len(bots))]; b.client.Health().State != realtime.StateConnected {
					act(r, b.lounge, n, withoutEnd)
				}
				time.Sleep(away / time.Duration(10*len(bots)))
			}
			time.Sleep(time.Until(cut.Add(away)) + 2*time.Minute)
			synctest.Wait()
			for _, b := range bots {
				returned, reread, ok := b.since(cut)
				if !ok {
					t.Fatalf("%s is not back: %+v", b.name, b.client.Health())
				}
				times = append(times, reread-returned)
			}
		}
		if int(compared.Load()) != len(times) {
			t.Errorf("compared after %d of %d drops", compared.Load(), len(times))
		}
		p50, p99, most := quantiles(times)
		t.Logf("%d drops, %d acts meanwhile: Resynced p50 %v, p99 %v, at most %v after the connection was back; then the state was QueUp's",
			len(times), n, p50, p99, most)
	})
}

// Q4: every play that a bot missed is emitted once, in order, and before the plays that it receives live.
func TestQ04_missedPlays(t *testing.T) {
	for name, away := range map[string]time.Duration{
		"1 second": time.Second, "1 minute": time.Minute, "1 hour": time.Hour, "1 day": 24 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			seeds := client.UnlessShort[uint64](3, 1)
			if away > time.Hour { // some 480 plays
				seeds = 1
			}
			for seed := range seeds {
				synctest.Test(t, func(t *testing.T) {
					r := &dice{r: rand.New(rand.NewPCG(seed, 4))}
					missedPlays(t, r, away)
				})
			}
		})
	}
}

// heardPlay is a play that was emitted.
type heardPlay struct {
	id    string
	later bool // marked Resynced
}

func missedPlays(t *testing.T, r *dice, away time.Duration) {
	t.Helper()
	world := queuptest.DefaultWorld()
	world.Rooms[0].Songs = nil
	var music time.Duration
	for i := 0; music < away+time.Hour; i++ { // of three DJs in turn
		length := 2*time.Minute + r.upTo(2*time.Minute)
		if away <= time.Minute {
			length = 500*time.Millisecond + r.upTo(4*time.Second)
		}
		music += length
		by := []string{"alice", "bob", "carol"}[i%3]
		world.Rooms[0].Songs = append(world.Rooms[0].Songs, queuptest.Song{By: by, Name: fmt.Sprint("Song ", i), Length: length})
	}
	refused := new(refusals)
	server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(world), queuptest.WithHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.URL.Path == "/ws/" && refused.take() {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			time.Sleep(20*time.Millisecond + r.upTo(80*time.Millisecond))
			next.ServeHTTP(w, req)
		})
	}))
	defer server.Close()
	policy := realtime.Backoff{Max: max(30*time.Second, away/100)} // or most of the time goes into handshakes
	bot, _ := joinLounge(t, server, "bot", client.WithQueue(10_000, client.DropOldest), client.WithReconnect(policy.Next))
	lounge := server.Room("lounge")
	first, _ := lounge.NowPlaying()
	var mu sync.Mutex
	var plays []heardPlay
	ended := 0
	client.On(bot, func(_ context.Context, e client.Event) error {
		mu.Lock()
		defer mu.Unlock()
		switch e := e.(type) {
		case client.SongChanged:
			if e.Playing {
				plays = append(plays, heardPlay{string(e.Song.ID), e.Resynced})
			}
		case client.Reconnected: // songs begin while the others are read
			for i := range 10 {
				time.AfterFunc(time.Duration(i)*300*time.Millisecond, func() { lounge.Skip("mod") })
			}
		case client.Gap:
			t.Errorf("%s missing from %v to %v", e.What, e.From, e.To)
		case client.Resynced:
			ended = len(plays)
		}
		return nil
	})
	time.Sleep(time.Minute + r.upTo(time.Minute))
	synctest.Wait()
	mu.Lock()
	before := len(plays)
	mu.Unlock()
	refused.set(0, time.Now().Add(away))
	server.CutLinks()
	time.Sleep(away + policy.Max + 2*time.Minute)
	synctest.Wait()
	mu.Lock()
	defer mu.Unlock()
	var told []string
	missed := 0
	for i, p := range plays {
		told = append(told, p.id)
		if p.later {
			missed++
		}
		if after := i >= before; p.later && (!after || i >= ended) {
			t.Errorf("play %d is marked Resynced; the drop came after play %d, and Resynced after play %d", i, before, ended)
		} else if !p.later && after && i < ended {
			t.Errorf("play %d is told live, and Resynced only after play %d", i, ended)
		}
	}
	expect(t, "plays", told, playsSince(lounge, first.ID))
	t.Logf("away for %v: %d plays missed, %d told live", away, missed, len(plays)-missed)
	if missed == 0 || away > time.Hour && missed < 400 {
		t.Errorf("%d plays missed in %v are too few to prove anything", missed, away)
	}
}

// heardAt notes when the first event of each name was heard, name being what of makes of it.
type heardAt struct {
	mu    sync.Mutex
	first map[string]time.Time // guarded by mu
}

func (h *heardAt) note(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, twice := h.first[name]; !twice {
		h.first[name] = time.Now()
	}
}

// after returns how long after some time it was heard, and false if it was not.
func (h *heardAt) after(begin time.Time, name string) (time.Duration, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at, ok := h.first[name]
	return at.Sub(begin), ok
}

func listenForReturn(c *client.Client) *heardAt {
	h := &heardAt{first: make(map[string]time.Time)}
	client.On(c, func(_ context.Context, e client.Chat) error { h.note(e.Message.Content); return nil })
	client.On(c, func(_ context.Context, e client.MemberJoined) error { h.note("joined " + e.User.Username); return nil })
	client.On(c, func(_ context.Context, e client.Reconnected) error { h.note("reconnected"); return nil })
	client.On(c, func(_ context.Context, e client.Resynced) error { h.note("resynced " + e.Room.Slug()); return nil })
	return h
}

// Answers that take longer than live chat may wait do not leave a room unread: chat goes out, and the rest waits for them.
func TestQ03_slowAnswers(t *testing.T) {
	for _, latency := range []time.Duration{1500 * time.Millisecond, 3 * time.Second, 9 * time.Second} {
		t.Run(latency.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var slow atomic.Bool
				server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithHandler(func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
						if slow.Load() && strings.HasPrefix(req.URL.Path, "/room") {
							time.Sleep(latency)
						}
						next.ServeHTTP(w, req)
					})
				}))
				defer server.Close()
				bot, room := joinLounge(t, server, "bot")
				lounge := server.Room("lounge")
				heard := listenForReturn(bot)
				slow.Store(true)
				begin := time.Now()
				lounge.Leave("carol")
				server.CutLinks()
				time.Sleep(300 * time.Millisecond)
				lounge.Say("alice", "first")
				for i := range 240 {
					time.Sleep(500 * time.Millisecond)
					lounge.Say("alice", fmt.Sprint("line ", i))
					if i == 4 {
						lounge.Join("carol")
					}
				}
				time.Sleep(time.Second)
				for i := range 240 {
					said := 300*time.Millisecond + time.Duration(i+1)*500*time.Millisecond
					if at, ok := heard.after(begin, fmt.Sprint("line ", i)); !ok || at > said+2500*time.Millisecond {
						t.Fatalf("line %d was said after %v, and heard: %v, after %v", i, said, ok, at)
					}
				}
				if at, ok := heard.after(begin, "resynced lounge"); !ok || at > 8*latency+10*time.Second {
					t.Errorf("read again: %v, after %v", ok, at)
				}
				if _, there := room.MemberNamed("carol"); !there {
					t.Error("carol, who came back meanwhile, is not there")
				}
				slow.Store(false)
				expectSame(t, room, lounge)
			})
		})
	}
}

// A bot of many rooms has them read one after the other, and none starves.
func TestQ03_manyRooms(t *testing.T) {
	const rooms = 60
	synctest.Test(t, func(t *testing.T) {
		server, bot := roomsOf(t, rooms)
		heard := listenForReturn(bot)
		begin := time.Now()
		server.CutLinks()
		time.Sleep(time.Second)
		for i := range rooms {
			server.Room(fmt.Sprint("room-", i)).Say("alice", fmt.Sprint("line ", i))
		}
		time.Sleep(5 * time.Minute)
		var last time.Duration
		for i := range rooms {
			if at, ok := heard.after(begin, fmt.Sprint("line ", i)); !ok || at > 4*time.Second {
				t.Errorf("room %d: the line was heard: %v, after %v", i, ok, at)
			}
			at, ok := heard.after(begin, fmt.Sprint("resynced room-", i))
			if !ok {
				t.Errorf("room %d was not read again", i)
			}
			last = max(last, at)
		}
		const least = rooms * 8 / 20 * time.Second // what the lane of the loads takes for so many calls
		t.Logf("all were read again after %v, and could not be before %v", last, least)
		if last > 2*least {
			t.Errorf("all were read again after %v", last)
		}
	})
}

// When the connection is lost again, a read of a room for the last one ends at once.
func TestQ03_lostAgain(t *testing.T) {
	const rooms = 6
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Bool
		server, bot := roomsOf(t, rooms, queuptest.WithHandler(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if slow.Load() && strings.HasPrefix(req.URL.Path, "/room") {
					select {
					case <-time.After(10 * time.Minute):
					case <-req.Context().Done():
					}
				}
				next.ServeHTTP(w, req)
			})
		}))
		for round := range client.UnlessShort(10, 3) {
			slow.Store(true)
			server.CutLinks()
			time.Sleep(3*time.Minute + time.Duration(round)*7*time.Second) // a try to read a room may take half a minute by now
			slow.Store(false)
			heard := listenForReturn(bot)
			begin := time.Now()
			server.CutLinks()
			time.Sleep(10 * time.Second)
			for i := range rooms {
				if at, ok := heard.after(begin, fmt.Sprint("resynced room-", i)); !ok || at > 5*time.Second {
					t.Errorf("round %d: room %d was read again: %v, after %v", round, i, ok, at)
				}
			}
		}
	})
}

// roomsOf makes a bot that is in many rooms.
func roomsOf(t *testing.T, rooms int, opts ...queuptest.Option) (*queuptest.Server, *client.Client) {
	t.Helper()
	var world queuptest.World
	people := []string{"owner", "alice", "bob"}
	for _, name := range append(people, "bot") {
		world.Users = append(world.Users, queuptest.User{Name: name, Password: canary.Password})
	}
	for i := range rooms {
		world.Rooms = append(world.Rooms, queuptest.RoomSpec{
			Slug: fmt.Sprint("room-", i), Owner: "owner", Present: people, Songs: []queuptest.Song{{By: "alice", Name: "Song", Length: withoutEnd}},
		})
	}
	server := queuptest.NewServer(append(opts, queuptest.InMemory(), queuptest.WithWorld(world))...)
	t.Cleanup(server.Close)
	bot := connect(t, server, "bot")
	var joins sync.WaitGroup
	for i := range rooms {
		joins.Go(func() {
			if _, err := bot.JoinRoom(t.Context(), fmt.Sprint("room-", i)); err != nil {
				t.Error(err)
			}
		})
	}
	joins.Wait()
	return server, bot
}

// What the client knows stays until it can be read again.
func TestQ03_answersWithoutAList(t *testing.T) {
	for name, data := range noLists {
		t.Run(name, func(t *testing.T) {
			var odd atomic.Value
			var log strings.Builder
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				bot, room := joinLounge(t, server, "bot", client.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
				lounge := server.Room("lounge")
				settle(10 * time.Second)
				state := func() string {
					return fmt.Sprint(room.Members().Len(), len(room.Queue()), len(room.Roles()), room.Can(memberOf(t, room, "mod").UserID, client.PermMembersKick))
				}
				known := state()
				left := record(room, func(e client.MemberLeft) string { return e.User.Username })
				joined := record(room, func(e client.MemberJoined) string { return fmt.Sprint(e.User, e.Resynced) })
				odd.Store("-" + data)
				server.CutLinks()
				settle(5 * time.Second)
				lounge.Queue("carol", queuptest.Song{Name: "Another", Length: time.Minute})
				settle(20 * time.Second)
				if bot.Health().LastResync.IsZero() {
					t.Error("the room was not read again")
				}
				if now := state(); now != known {
					t.Errorf("known %s, and then %s", known, now)
				}
				if !strings.Contains(log.String(), `msg="not read" what=members`) || !strings.Contains(log.String(), "queue not read") || !strings.Contains(log.String(), "roles not read") {
					t.Errorf("log %s", &log)
				}
				odd.Store("")
				settle(20 * time.Second)
				want := playsOf(must(room.FetchQueue(t.Context()))(t))
				expect(t, "queue", playsOf(room.Queue()), want)
				expect(t, "left", left(), nil)
				expect(t, "joined", joined(), nil)
			}, oddLists(&odd, "/users", "/playlist/details", "/roles"))
		})
	}
}

// shortPages makes QueUp answer the history in pages of 17 rows.
func shortPages() queuptest.Option {
	return intercept(http.MethodGet, "/playlist/history", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		var all []json.RawMessage
		for page := 1; ; page++ {
			whole := req.Clone(req.Context())
			whole.URL.RawQuery = fmt.Sprintf("page=%d", page)
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, whole)
			var body struct{ Data []json.RawMessage }
			if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil || len(body.Data) == 0 {
				break
			}
			all = append(all, body.Data...)
		}
		page, _ := strconv.Atoi(req.URL.Query().Get("page"))
		rows := all[min((page-1)*17, len(all)):min(page*17, len(all))]
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"code": 200, "message": "OK", "data": append([]json.RawMessage{}, rows...)})
	})
}

// Source: docs/PROTOCOL.md 1.5.
func TestQ04_shortPagesOfTheHistory(t *testing.T) {
	world := queuptest.DefaultWorld()
	world.Rooms[0].Songs = nil
	for i := range 100 {
		by := []string{"alice", "bob", "carol"}[i%3]
		world.Rooms[0].Songs = append(world.Rooms[0].Songs, queuptest.Song{By: by, Name: fmt.Sprint("Song ", i), Length: time.Minute})
	}
	refused := new(refusals)
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		lounge := server.Room("lounge")
		first, _ := lounge.NowPlaying()
		plays := record(room, func(e client.SongChanged) string { return string(e.Song.ID) })
		gaps := record(room, func(e client.Gap) string { return e.What })
		time.Sleep(30 * time.Second)
		refused.set(0, time.Now().Add(time.Hour))
		server.CutLinks()
		settle(time.Hour + time.Minute)
		expect(t, "plays", plays(), playsSince(lounge, first.ID))
		expect(t, "gaps", gaps(), nil)
		rows := 0
		for _, err := range room.History(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			rows++
		}
		if rows < 60 {
			t.Errorf("History has %d rows", rows)
		}
	}, queuptest.WithWorld(world), shortPages(), queuptest.WithHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.URL.Path == "/ws/" && refused.take() {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			next.ServeHTTP(w, req)
		})
	}))
}

// The bot joins a room where nothing plays and songs have played, and misses two: these are emitted, and no others.
func TestQ04_anyClock(t *testing.T) {
	withClocks(t, func(t *testing.T, clock queuptest.Option) {
		world := queuptest.DefaultWorld()
		world.Rooms[0].Songs = nil
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(world), clock)
		defer server.Close()
		lounge := server.Room("lounge")
		time.Sleep(10 * time.Second)
		bot, _ := joinLounge(t, server, "bot", slowReturn())
		songs := record(bot, func(e client.SongChanged) string { return fmt.Sprint(e.Song.ID, " ", e.Resynced) })
		gaps := gapsOf(bot, time.Now)
		time.Sleep(20 * time.Second)
		server.CutLinks()
		time.Sleep(5 * time.Second)
		ids := lounge.Queue("bob", queuptest.Song{Name: "one", Length: time.Minute}, queuptest.Song{Name: "two", Length: time.Minute})
		settle(10 * time.Minute)
		expect(t, "songs", songs(), []string{ids[0] + " true", ids[1] + " true", " true"})
		expect(t, "gaps", gaps(), nil)
	})
}
