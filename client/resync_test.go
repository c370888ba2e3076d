package client_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// snapshotOf tells what a client knows of a room in the form in which QueUp's own state is told.
func snapshotOf(room *client.Room) queuptest.Snapshot {
	info := room.Info()
	s := queuptest.Snapshot{
		Name: info.Name, Locked: info.QueueLocked, SlowMode: info.SlowMode, GuestChat: info.GuestChat,
		Members: []queuptest.SnapshotMember{}, Roles: []queuptest.SnapshotRole{}, Queue: []queuptest.SnapshotPlay{},
	}
	for m := range room.Members().Values() {
		user, _ := m.User()
		member := queuptest.SnapshotMember{
			ID: string(m.UserID), Name: user.Username, Dubs: m.Dubs, Played: m.Played, Skipped: m.Skipped, Queued: m.QueuedNow,
			Muted: m.Muted, Paused: m.QueuePaused, Roles: []string{},
		}
		for _, role := range m.Roles() {
			member.Roles = append(member.Roles, string(role.ID))
		}
		slices.Sort(member.Roles)
		s.Members = append(s.Members, member)
	}
	slices.SortFunc(s.Members, func(a, b queuptest.SnapshotMember) int { return cmp.Compare(a.ID, b.ID) })
	for _, role := range room.Roles() {
		if role.Color == "" && role.TemplateKey != "guest" { // a fixed one
			continue
		}
		permissions := texts(role.Permissions)
		slices.Sort(permissions)
		s.Roles = append(s.Roles, queuptest.SnapshotRole{
			ID: string(role.ID), Label: role.Label, Position: role.Position, Default: role.Default, Permissions: permissions,
		})
	}
	slices.SortFunc(s.Roles, func(a, b queuptest.SnapshotRole) int { return cmp.Compare(a.ID, b.ID) })
	if song, playing := room.NowPlaying(); playing {
		now := snapshotOfSong(song)
		up, down := room.Votes()
		now.Up, now.Down = texts(up), texts(down)
		slices.Sort(now.Up)
		slices.Sort(now.Down)
		s.Playing = &now
		if int64(len(up)) != song.Updubs || int64(len(down)) != song.Downdubs {
			now.Title += fmt.Sprintf(" (score %d, %d)", song.Updubs, song.Downdubs)
		}
	}
	for _, song := range room.Queue() {
		s.Queue = append(s.Queue, snapshotOfSong(song))
	}
	return s
}

func snapshotOfSong(song client.Song) queuptest.SnapshotPlay {
	info, _ := song.Info()
	return queuptest.SnapshotPlay{
		ID: string(song.ID), SongID: string(song.SongID), Title: info.Name, UserID: string(song.UserID), Length: song.Length,
		Up: []string{}, Down: []string{}, Grabs: song.Grabs,
	}
}

func texts[T ~string](list []T) []string {
	texts := make([]string, 0, len(list))
	for _, t := range list {
		texts = append(texts, string(t))
	}
	return texts
}

// expectSame fails if the client's room is not the server's.
func expectSame(t *testing.T, room *client.Room, lounge *queuptest.Room) {
	t.Helper()
	got, want := pretty(t, snapshotOf(room)), pretty(t, lounge.Snapshot())
	if got != want {
		t.Errorf("the client's room is not QueUp's:\n%s", difference(got, want))
	}
}

func pretty(t *testing.T, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// difference shows the lines that are in one text alone.
func difference(got, want string) string {
	var b strings.Builder
	a, z := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(a), len(z)) {
		var x, y string
		if i < len(a) {
			x = a[i]
		}
		if i < len(z) {
			y = z[i]
		}
		if x != y {
			fmt.Fprintf(&b, "%4d got %s\n    want %s\n", i, x, y)
		}
	}
	return b.String()
}

// witness remembers what a bot heard that must come once and in order.
type witness struct {
	mu    sync.Mutex
	plays []string
	lines []string
	gaps  []client.Gap

	// What was told: who is there and muted, and what the settings are.
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

// playsSince returns the plays that began after the given one, in order.
func playsSince(lounge *queuptest.Room, first string) []string {
	var ids []string
	for _, p := range slices.Backward(lounge.History()) {
		ids = append(ids, p.ID)
	}
	if now, playing := lounge.NowPlaying(); playing {
		ids = append(ids, now.ID)
	}
	return ids[slices.Index(ids, first)+1:]
}

// act does something at random in a room that the bot takes no part in. What makes no sense at the moment is left out. Songs
// are at least as long as shortest.
func act(r *dice, lounge *queuptest.Room, n int, shortest time.Duration) {
	defer func() { _ = recover() }() // queuptest panics when a test asks for what cannot be
	people := []string{"alice", "bob", "carol", "mod", "dave"}
	who, other := people[r.IntN(len(people))], people[r.IntN(3)]
	roles := []queuptest.Role{queuptest.VIP, queuptest.ResidentDJ, queuptest.DJ}
	switch r.IntN(22) {
	case 0:
		lounge.Join(who)
	case 1:
		lounge.Leave(who)
	case 2, 3, 4:
		lounge.Say(who, fmt.Sprintf("line %d & more", n))
	case 5, 6:
		lounge.Vote(who, r.IntN(2) == 0)
	case 7, 20:
		lounge.Skip("mod")
	case 8, 9, 21:
		lounge.Queue(who, queuptest.Song{Name: fmt.Sprintf("Song %d", n), Length: shortest + time.Duration(r.IntN(300))*time.Second})
	case 10:
		lounge.Pause(who, r.IntN(2) == 0)
	case 11:
		lounge.Mute("owner", other)
	case 12:
		lounge.Unmute("owner", other)
	case 13:
		lounge.SetRole("owner", other, roles[r.IntN(len(roles))])
	case 14:
		lounge.UnsetRole("owner", other, roles[r.IntN(len(roles))])
	case 15:
		lounge.Lock("owner", r.IntN(2) == 0)
	case 16:
		lounge.SlowMode("owner", r.IntN(2) == 0)
	case 17:
		lounge.Retitle("owner", fmt.Sprintf("The Lounge %d", n))
	case 18:
		lounge.Rename(other, fmt.Sprintf("%s%d", other, n))
		lounge.Rename(fmt.Sprintf("%s%d", other, n), other)
		lounge.Say(other, "who am I?")
	case 19:
		lounge.RemoveDJ("owner", who)
	}
}

// dice are random numbers for several goroutines.
type dice struct {
	mu sync.Mutex
	r  *rand.Rand
}

func (d *dice) IntN(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(n)
}

func (d *dice) upTo(most time.Duration) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Duration(d.r.Int64N(int64(most)))
}

// late has QueUp's answers take their time, before they are true and after.
func late(r *dice, most time.Duration) queuptest.Option {
	return queuptest.WithHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if strings.HasPrefix(req.URL.Path, "/ws") {
				next.ServeHTTP(w, req)
				return
			}
			time.Sleep(r.upTo(most))
			answerLate(w, req, next, r.upTo(most))
		})
	})
}

func worldOfCuts() queuptest.World {
	world := queuptest.DefaultWorld()
	world.Users = append(world.Users, queuptest.User{Name: "dave", Password: "secret"})
	return world
}

// Everything changes at random while the connection is lost, and just before and after; then the client's room is
// QueUp's, and every play and every line was told once and in order.
func TestResync_randomCuts(t *testing.T) {
	for seed := range uint64(200) {
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
