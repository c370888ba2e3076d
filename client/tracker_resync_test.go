package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// witness remembers what a bot heard that must come once and in order.
type witness struct {
	mu    sync.Mutex
	plays []string
	lines []string
	gaps  []client.Gap

	// What was emitted: which members are there and muted, and the settings.
	there, muted map[client.UserID]bool
	info         client.RoomInfo
	votes        map[string]bool
	twice        []string // what was told though it was so already

	resyncs int
	returns int // of the connection
}

func watch(bot *client.Client, room *client.Room) *witness {
	w := &witness{there: make(map[client.UserID]bool), muted: make(map[client.UserID]bool), votes: make(map[string]bool), info: room.Info()}
	for id := range room.Members().All() {
		w.there[id] = true
	}
	client.On(bot, func(_ context.Context, e client.Event) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		switch e := e.(type) {
		case client.SongChanged:
			if e.Playing {
				w.plays = append(w.plays, string(e.Song.ID))
			}
		case client.Chat:
			w.lines = append(w.lines, string(e.Message.ID))
		case client.Gap:
			w.gaps = append(w.gaps, e)
		case client.MemberJoined:
			w.note("in", w.there, e.Member.UserID, true)
			w.muted[e.Member.UserID] = e.Member.Muted
		case client.MemberLeft:
			w.note("in", w.there, e.Member.UserID, false)
		case client.MemberUpdated:
			w.muted[e.Member.UserID] = e.Member.Muted
		case client.MemberMuted:
			w.muted[e.User.ID] = true
		case client.MemberUnmuted:
			w.muted[e.User.ID] = false
		case client.QueueLocked:
			w.info.QueueLocked = e.Locked
		case client.SlowMode:
			w.info.SlowMode = e.On
		case client.RoomUpdated:
			w.info.Name = e.Info.Name
		case client.Dub:
			key := fmt.Sprint(e.Song.ID, e.User.ID)
			if up, known := w.votes[key]; known && up == e.Up {
				w.twice = append(w.twice, key)
			}
			w.votes[key] = e.Up
		case client.Resynced:
			w.resyncs++
		case client.Reconnected:
			w.returns++
		}
		return nil
	})
	return w
}

func (w *witness) note(what string, told map[client.UserID]bool, id client.UserID, is bool) {
	if told[id] == is {
		w.twice = append(w.twice, fmt.Sprintf("%s %s: %v", id, what, is))
	}
	told[id] = is
}

// Everything changes at random while the connection is lost, and just before and after; then the client's room is
// QueUp's, and every play and every line was emitted once and in order.
func TestResync_randomCuts(t *testing.T) {
	for seed := range client.UnlessShort[uint64](200, 36) {
		options := []queuptest.Option{queuptest.InMemory(), queuptest.WithWorld(worldOfCuts())}
		if seed%2 == 1 {
			options = append(options, queuptest.ClassicRoles())
		}
		ok := t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &dice{r: rand.New(rand.NewPCG(seed, 7))}
				if slow := []time.Duration{0, 100 * time.Millisecond, 800 * time.Millisecond}[seed/2%3]; slow > 0 {
					options = append(options, late(r, slow))
				}
				server := queuptest.NewServer(options...)
				defer server.Close()
				randomCut(t, r, server)
			})
		})
		if !ok && testing.Short() {
			return
		}
	}
}

// untilQuiet waits until nothing has begun or ended for as long as it takes to notice that a room has fallen silent.
func untilQuiet(lounge *queuptest.Room) {
	for range 100 {
		before, _ := lounge.NowPlaying()
		time.Sleep(20 * time.Second)
		if now, _ := lounge.NowPlaying(); now.ID == before.ID {
			break
		}
	}
	synctest.Wait()
}

func randomCut(t *testing.T, r *dice, server *queuptest.Server) {
	t.Helper()
	away := []time.Duration{time.Second, time.Minute, 20 * time.Minute}[r.IntN(3)]
	bot, room := joinLounge(t, server, "bot", client.WithQueue(10_000, client.DropOldest), client.WithMutedMessages(true),
		client.WithReconnect(func(int, error) (time.Duration, bool) { return r.upTo(away), true }))
	lounge := server.Room("lounge")
	w := watch(bot, room)
	first, _ := lounge.NowPlaying()
	said := len(lounge.Messages())
	n := 0
	busy := func(acts int, pause time.Duration) {
		for range acts {
			n++
			act(r, lounge, n, 20*time.Second)
			time.Sleep(r.upTo(pause))
		}
	}
	for range 1 + r.IntN(3) {
		busy(r.IntN(10), 3*time.Second)
		server.CutLinks()
		switch r.IntN(3) {
		case 0: // while the client is away, and on and on while it comes back
			busy(10+r.IntN(60), 60*time.Millisecond)
		case 1:
			busy(r.IntN(60), time.Second)
		case 2:
			busy(r.IntN(30), time.Minute)
		}
	}
	time.Sleep(away + 20*time.Second) // backoff, resync, the queue's debounce
	untilQuiet(lounge)
	expectSame(t, room, lounge)
	expect(t, "plays", w.plays, playsSince(lounge, first.ID))
	var lines []string
	for _, m := range lounge.Messages()[said:] {
		lines = append(lines, m.ID)
	}
	slices.Sort(lines) // live chat does not wait for QueUp when it is slow
	slices.Sort(w.lines)
	if len(w.gaps) == 0 {
		expect(t, "lines", w.lines, lines)
	}
	expect(t, "told twice", w.twice, nil)
	for id, there := range w.there {
		m, is := room.Members().Get(id)
		if is != there || is && m.Muted != w.muted[id] {
			t.Errorf("%s is there: %v, muted: %v, by what was told: %v, %v", id, is, m.Muted, there, w.muted[id])
		}
	}
	if info := room.Info(); info.QueueLocked != w.info.QueueLocked || info.SlowMode != w.info.SlowMode || info.Name != w.info.Name {
		t.Errorf("the settings are %+v, by what was told %+v", info, w.info)
	}
	if w.resyncs == 0 || w.resyncs > w.returns || len(w.gaps) > w.returns {
		t.Errorf("%d resyncs and %d gaps for %d reconnects", w.resyncs, len(w.gaps), w.returns)
	}
	for _, gap := range w.gaps {
		if gap.What != "chat" || !gap.From.Before(gap.To) {
			t.Errorf("gap of %s from %v to %v", gap.What, gap.From, gap.To)
		}
	}
}

// whileAway cuts the links and has something happen before they are back.
func whileAway(t *testing.T, server *queuptest.Server, away func()) {
	t.Helper()
	server.CutLinks()
	synctest.Wait()
	away()
}

// When Resynced is emitted the bot is in its room, whether QueUp has forgotten it or not: what a handler says then is said.
func TestResynced_isEmittedInTheRoom(t *testing.T) {
	for name, tt := range map[string]struct {
		arrange func(t *testing.T, room *client.Room)
		away    func(t *testing.T, server *queuptest.Server)
		fails   int32  // of the attempts to enter the room once more
		status  int    // with which they fail
		answer  string // and its text
	}{
		"a short loss": {away: func(*testing.T, *queuptest.Server) {}},
		"QueUp has forgotten the bot": {
			away: func(_ *testing.T, server *queuptest.Server) { server.Room("lounge").Leave("bot") },
		},
		"QueUp has forgotten the bot, and does not let it in at first": {
			away:  func(_ *testing.T, server *queuptest.Server) { server.Room("lounge").Leave("bot") },
			fails: 3, status: http.StatusInternalServerError, answer: `{"code":500,"message":"not now"}`,
		},
		"QueUp has forgotten the bot, and a proxy does not let it through at first": {
			away:  func(_ *testing.T, server *queuptest.Server) { server.Room("lounge").Leave("bot") },
			fails: 3, status: http.StatusForbidden, answer: "<html>Forbidden</html>",
		},
		"a long restart": {
			away: func(t *testing.T, server *queuptest.Server) {
				if err := server.Restart(2 * time.Minute); err != nil {
					t.Error(err)
				}
			},
		},
		"a long restart, and the bot is invisible": {
			arrange: func(t *testing.T, room *client.Room) {
				if err := room.ChangePresence(t.Context(), client.PresenceExit); err != nil {
					t.Error(err)
				}
			},
			away: func(t *testing.T, server *queuptest.Server) {
				server.Room("lounge").Leave("bot")
				if err := server.Restart(2 * time.Minute); err != nil {
					t.Error(err)
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var left atomic.Int32
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				bot, room := joinLounge(t, server, "bot", client.WithReconnect(func(int, error) (time.Duration, bool) { return time.Second, true }))
				said := record(bot, func(e client.Resynced) string {
					_, err := e.Room.SendMessage(t.Context(), "back again")
					return fmt.Sprint(hasBot(server), " ", err)
				})
				if tt.arrange != nil {
					tt.arrange(t, room)
				}
				left.Store(tt.fails)
				whileAway(t, server, func() { tt.away(t, server) })
				time.Sleep(time.Minute)
				expect(t, "in the room, and the error of the line", said(), []string{"true <nil>"})
				if !room.Joined() || left.Load() > 0 {
					t.Errorf("joined: %v, %d failures left", room.Joined(), left.Load())
				}
			}, intercept(http.MethodPost, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
				if left.Add(-1) >= 0 {
					http.Error(w, tt.answer, tt.status)
					return
				}
				next.ServeHTTP(w, req)
			}))
		})
	}
}

// A bot that may not come back has lost the room: RoomLeft says why, and Resynced is not emitted.
func TestResynced_isNotEmittedIfTheRoomRefusesTheBot(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot")
		resynced := record(bot, func(client.Resynced) string { return "resynced" })
		lost := make(chan error, 1)
		client.On(bot, func(_ context.Context, e client.RoomLeft) error { lost <- e.Err; return nil })
		whileAway(t, server, func() { server.Room("lounge").Ban("owner", "bot", time.Hour) })
		if err := <-lost; !errors.Is(err, client.ErrBanned) || room.Joined() {
			t.Errorf("lost with %v, joined %v", err, room.Joined())
		}
		time.Sleep(time.Minute)
		expect(t, "events", resynced(), nil)
	})
}

// A room that is only listened to is not entered.
func TestResynced_ofAListener(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot := connect(t, server, "bot")
		must(bot.JoinRoom(t.Context(), "lounge", client.Listen()))(t)
		resynced := record(bot, func(client.Resynced) string { return "resynced" })
		whileAway(t, server, func() {})
		time.Sleep(time.Minute)
		expect(t, "events", resynced(), []string{"resynced"})
		if hasBot(server) {
			t.Error("a listener has entered the room")
		}
	})
}

// What was said is known up to the moment the room is joined, whatever happened before.
func TestResync_afterAJoinKnowsWhereTheChatWas(t *testing.T) {
	tests := map[string]struct {
		opts func() []queuptest.Option
		join func(t *testing.T, server *queuptest.Server, bot *client.Client)
	}{
		"that a cut interrupted": {
			func() []queuptest.Option {
				var reads atomic.Int32
				return []queuptest.Option{intercept(http.MethodGet, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
					if reads.Add(1) == 1 {
						time.Sleep(10 * time.Second)
					}
					next.ServeHTTP(w, req)
				})}
			},
			func(t *testing.T, server *queuptest.Server, bot *client.Client) {
				t.Helper()
				time.AfterFunc(5*time.Second, server.CutLinks)
				if _, err := bot.JoinRoom(t.Context(), "lounge"); err != nil {
					t.Fatal(err)
				}
			},
		},
		"of a room that was left during a cut": {
			func() []queuptest.Option { return nil },
			func(t *testing.T, server *queuptest.Server, bot *client.Client) {
				t.Helper()
				room, err := bot.JoinRoom(t.Context(), "lounge")
				if err != nil {
					t.Fatal(err)
				}
				server.CutLinks()
				time.Sleep(time.Second)
				if err := room.Leave(t.Context()); err != nil {
					t.Fatal(err)
				}
				talk(server, 300)
				if _, err := bot.JoinRoom(t.Context(), "lounge"); err != nil {
					t.Fatal(err)
				}
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := queuptest.NewServer(append(tt.opts(), queuptest.InMemory())...)
				defer server.Close()
				talk(server, 100)
				wait := func(int, error) (time.Duration, bool) { return 10 * time.Second, true }
				bot := connect(t, server, "bot", client.WithReconnect(wait))
				heard := record(bot, func(e client.Chat) string { return e.Message.Content })
				gaps := record(bot, func(e client.Gap) string { return e.What })
				tt.join(t, server, bot)
				time.Sleep(time.Minute)
				server.Room("lounge").Say("alice", "live")
				time.Sleep(time.Minute)
				server.CutLinks()
				synctest.Wait()
				server.Room("lounge").Say("alice", "missed")
				time.Sleep(time.Minute)
				expect(t, "heard", heard(), []string{"live", "missed"})
				expect(t, "gaps", gaps(), nil)
			})
		})
	}
}

func TestQueue_isNotReplacedByAnOlderAnswer(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		lounge := server.Room("lounge")
		lounge.RemoveDJ("owner", "bob")
		time.Sleep(6 * time.Second)
		lounge.RemoveDJ("owner", "carol")
		settle(time.Minute)
		if n := len(room.Queue()); n != len(lounge.Queued()) {
			t.Errorf("%d songs are queued, and QueUp has %d", n, len(lounge.Queued()))
		}
	}, lateOnce("/playlist/details", 2, 8*time.Second))
}

func TestRoles_areNotReplacedByAnOlderAnswer(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		lounge := server.Room("lounge")
		id := lounge.CreateRole("owner", "Helper")
		time.Sleep(2 * time.Second)
		lounge.UpdateRole("owner", id, "Friend")
		settle(time.Minute)
		var labels []string
		for _, role := range room.Roles() {
			if string(role.ID) == id {
				labels = append(labels, role.Label)
			}
		}
		expect(t, "the role", labels, []string{"Friend"})
	}, lateOnce("/roles", 2, 8*time.Second))
}

// What a room tells is right though it took a while to find out what was missed.
func TestResync_withASlowHistory(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		wire := newTap(server)
		wire.in = func(link int, f *realtime.Frame) (lost bool) { // so that a departure alone has it read again
			return link > 1 && f.Message != nil && strings.HasPrefix(f.Message.Name, "room_playlist-queue")
		}
		_, room := joinLounge(t, server, "bot", client.WithDialer(wire))
		lounge := server.Room("lounge")
		start := time.Now()
		before, _ := room.Elapsed()
		server.CutLinks()
		time.Sleep(10 * time.Second)
		lounge.RemoveDJ("owner", "carol")
		lounge.Leave("mod")
		settle(time.Minute)
		if elapsed, _ := room.Elapsed(); (elapsed - before - time.Since(start)).Abs() > 1500*time.Millisecond {
			t.Errorf("the song plays for %v, and was told %v ago to play for %v", elapsed, time.Since(start), before)
		}
		if n := len(room.Queue()); n != len(lounge.Queued()) {
			t.Errorf("%d songs are queued, and QueUp has %d", n, len(lounge.Queued()))
		}
	}, intercept(http.MethodGet, "/playlist/history", delay(20*time.Second)))
}

func TestResync_reportsThatTheChatCannotBeRead(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		wait := func(int, error) (time.Duration, bool) { return 10 * time.Second, true }
		bot, _ := joinLounge(t, server, "bot", client.WithReconnect(wait))
		gaps := record(bot, func(e client.Gap) string {
			return fmt.Sprintf("%s for %v", e.What, e.To.Sub(e.From).Round(time.Second))
		})
		time.Sleep(time.Minute)
		server.CutLinks()
		synctest.Wait()
		server.Room("lounge").Say("alice", "missed")
		settle(time.Minute)
		// The last frame came 10 s before the cut, the bot was back 10 s after it, and QueUp's clock is known to 2 s.
		expect(t, "gaps", gaps(), []string{"chat for 22s"})
	}, refuse("/chat/", http.StatusForbidden))
}

func TestResync_endsARoomThatIsGone(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot")
		left := record(bot, func(e client.RoomLeft) string { return fmt.Sprint(errors.Is(e.Err, client.ErrNotFound)) })
		server.CutLinks()
		settle(10 * time.Minute)
		expect(t, "RoomLeft", left(), []string{"true"})
		if room.Joined() {
			t.Error("joined a room that is not there")
		}
	}, refuse("/users", http.StatusNotFound))
}

// clocks are by how much QueUp's clock is ahead of the bot's in a test.
var clocks = map[string]time.Duration{
	"clocks agree": 0, "bot 30 min slow": 30 * time.Minute, "bot 30 min fast": -30 * time.Minute,
	"bot a year slow": 365 * 24 * time.Hour, "bot a year fast": -365 * 24 * time.Hour,
}

// withClocks runs a test once for each of clocks.
func withClocks(t *testing.T, test func(t *testing.T, clock queuptest.Option)) {
	t.Helper()
	for name, ahead := range clocks {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, queuptest.ClockOffset(ahead)) })
		})
	}
}

// slowReturn has a lost connection come back after five minutes.
func slowReturn() client.Option {
	return client.WithReconnect(func(int, error) (time.Duration, bool) { return 5 * time.Minute, true })
}

// gapsOf records what was missed for good, and whether its times are in order and by QueUp's clock.
func gapsOf(bot *client.Client, ahead func() time.Time) func() []string {
	return record(bot, func(e client.Gap) string {
		return fmt.Sprint(e.What, " ", e.From.Before(e.To), " ", ahead().Sub(e.To) < 10*time.Minute)
	})
}

// A play that QueUp says begins in another century, or began there, hides none of those after it and brings back none of those
// before it.
func TestClock_aPlayOfAnotherCenturyHidesNoOther(t *testing.T) {
	for name, played := range map[string]int64{"far ahead": 4102444800000, "long ago": 1000} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				world := queuptest.DefaultWorld()
				world.Rooms[0].Songs = nil
				server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(world))
				defer server.Close()
				lounge := server.Room("lounge")
				bot, _ := joinLounge(t, server, "bot", slowReturn())
				songs := record(bot, func(e client.SongChanged) string { return fmt.Sprint(e.Song.ID, " ", e.Resynced) })
				gaps := gapsOf(bot, time.Now)
				time.Sleep(10 * time.Second)
				lounge.Broadcast("room_playlist-update", fmt.Appendf(nil, `{"type":"room_playlist-update","startTime":0,`+
					`"song":{"_id":"odd","songid":"odd","songLength":600000,"played":%d,"isActive":true},`+
					`"songInfo":{"_id":"odd","name":"odd","type":"youtube","fkid":"oddoddoddod","songLength":600000}}`, played))
				settle(5 * time.Second)
				server.CutLinks()
				time.Sleep(time.Second)
				ids := lounge.Queue("bob", queuptest.Song{Name: "one", Length: time.Minute}, queuptest.Song{Name: "two", Length: 9 * time.Minute})
				settle(10 * time.Minute)
				expect(t, "songs", songs(), []string{"odd false", ids[0] + " true", ids[1] + " true"})
				expect(t, "gaps", gaps(), nil)
			})
		})
	}
}

// A bot that could not read the chat's history when it joined receives the lines that it missed, and none from before.
func TestClock_missedLinesAreThoseSinceTheCut(t *testing.T) {
	withClocks(t, func(t *testing.T, clock queuptest.Option) {
		var failing atomic.Bool
		failing.Store(true)
		server := queuptest.NewServer(queuptest.InMemory(), clock, intercept(http.MethodGet, "/chat/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
			if failing.Load() {
				http.Error(w, `{"code":400,"message":"not now"}`, http.StatusBadRequest)
				return
			}
			next.ServeHTTP(w, req)
		}))
		defer server.Close()
		lounge := server.Room("lounge")
		lounge.Say("alice", "before the join")
		time.Sleep(10 * time.Second)
		bot, _ := joinLounge(t, server, "bot", slowReturn())
		lines := record(bot, func(e client.Chat) string { return e.Message.Content })
		gaps := gapsOf(bot, time.Now)
		failing.Store(false)
		time.Sleep(time.Minute)
		server.CutLinks()
		time.Sleep(5 * time.Second)
		lounge.Say("alice", "while it was away")
		settle(10 * time.Minute)
		expect(t, "lines", lines(), []string{"while it was away"})
		expect(t, "gaps", gaps(), nil)
	})
}

// Of conversations that the bot knows nothing of, those are news in which something was written since the cut.
func TestClock_missedPrivateMessagesAreThoseSinceTheCut(t *testing.T) {
	withClocks(t, func(t *testing.T, clock queuptest.Option) {
		server := queuptest.NewServer(queuptest.InMemory(), clock)
		defer server.Close()
		server.Message("carol", "an hour ago", "bot")
		time.Sleep(time.Hour)
		server.Message("alice", "a minute ago", "bot")
		time.Sleep(time.Minute)
		bot := connect(t, server, "bot", slowReturn(), client.WithRecentConversations(false))
		heard := mailFrom(bot)
		time.Sleep(time.Minute)
		server.CutLinks()
		time.Sleep(5 * time.Second)
		server.Message("bob", "while you were away", "bot")
		settle(10 * time.Minute)
		expect(t, "private messages", heard(), []string{"bob: while you were away (resynced)"})
	})
}

// A message from a time that is still to come is not the latest for ever.
func TestClock_aMessageOfAnotherCenturyHidesNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), intercept(http.MethodGet, "/message/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
			change(w, req, next, func(answer string) string {
				var body map[string]any
				must(0, json.Unmarshal([]byte(answer), &body))(t)
				if list, ok := body["data"].([]any); ok {
					for _, m := range list {
						if m, ok := m.(map[string]any); ok && m["message"] == "odd" {
							m["created"] = "2100-01-01T00:00:00.000Z"
						}
					}
				}
				return string(must(json.Marshal(body))(t))
			})
		}))
		defer server.Close()
		bot := connect(t, server, "bot")
		heard := mailFrom(bot)
		time.Sleep(time.Minute)
		var want []string
		for _, text := range []string{"one", "odd", "two", "three"} {
			server.Message("alice", text, "bot")
			want = append(want, "alice: "+text)
			settle(time.Minute)
		}
		expect(t, "private messages", heard(), want)
		for v := range bot.Conversations().Values() {
			if v.LatestMessage() != "three" {
				t.Errorf("the latest message is %q", v.LatestMessage())
			}
		}
	})
}

// 50 lines of which none is known make one suspect that there were more, and 49 do not: the first is a Gap.
func TestGap_ofAFullPageOfChat(t *testing.T) {
	for _, seeded := range []bool{true, false} {
		for lines, want := range map[int][]string{49: nil, 50: {"chat"}} {
			t.Run(fmt.Sprintf("%d lines, the chat before is known: %v", lines, seeded), func(t *testing.T) {
				var fails atomic.Bool
				fails.Store(!seeded)
				inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
					bot, _ := joinLounge(t, server, "bot", client.WithReconnect(func(int, error) (time.Duration, bool) { return time.Minute, true }))
					fails.Store(false)
					gaps := record(bot, func(e client.Gap) string { return e.What })
					heard := record(bot, func(e client.Chat) string { return e.Message.Content })
					time.Sleep(time.Minute)
					server.CutLinks()
					time.Sleep(time.Second)
					var said []string
					for i := range lines {
						said = append(said, fmt.Sprint("line ", i))
						server.Room("lounge").Say("alice", said[i])
						time.Sleep(time.Millisecond)
					}
					time.Sleep(2 * time.Minute)
					expect(t, "gaps", gaps(), want)
					expect(t, "heard", heard(), said)
				}, intercept(http.MethodGet, "/chat/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
					if fails.Load() {
						http.Error(w, `{"code":500,"message":"not now"}`, http.StatusInternalServerError)
						return
					}
					next.ServeHTTP(w, req)
				}))
			})
		}
	}
}
