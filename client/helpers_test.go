package client_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/queuptest"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // clients without a logger log lost connections there
	goleak.VerifyTestMain(m)
}

// inBubble runs a test on virtual time, against a QueUp in memory.
func inBubble(t *testing.T, test func(t *testing.T, server *queuptest.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory())
		defer server.Close()
		test(t, server)
	})
}

// inBubbleWith is inBubble for a server with options.
func inBubbleWith(t *testing.T, test func(t *testing.T, server *queuptest.Server), opts ...queuptest.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(append(opts, queuptest.InMemory())...)
		defer server.Close()
		test(t, server)
	})
}

// newBot makes a client of the server that is closed with the test.
func newBot(t *testing.T, server *queuptest.Server, opts ...client.Option) *client.Client {
	t.Helper()
	bot, err := client.New(append([]client.Option{
		client.WithServer(server),
		client.WithErrorHandler(func(_ context.Context, err error) { t.Errorf("error handler: %v", err) }),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = bot.Close()
		<-bot.Done()
	})
	return bot
}

// connect logs in and connects.
func connect(t *testing.T, server *queuptest.Server, name string, opts ...client.Option) *client.Client {
	t.Helper()
	bot := newBot(t, server, opts...)
	if err := bot.Login(t.Context(), name, canary.Password); err != nil {
		t.Fatal(err)
	}
	if err := bot.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	return bot
}

// joinLounge logs in, connects and joins the lounge.
func joinLounge(t *testing.T, server *queuptest.Server, name string, opts ...client.Option) (*client.Client, *client.Room) {
	t.Helper()
	bot := connect(t, server, name, opts...)
	room, err := bot.JoinRoom(t.Context(), "lounge")
	if err != nil {
		t.Fatal(err)
	}
	return bot, room
}

// record collects the events of a type as text; the function it returns tells what was heard so far.
func record[E client.Event](s client.Source, text func(E) string) func() []string {
	var mu sync.Mutex
	var heard []string
	client.On(s, func(_ context.Context, e E) error {
		line := text(e)
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, line)
		return nil
	})
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(heard)
	}
}

// settle lets time pass, and then all that became due of it come to its end.
func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func expect(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

// intercept hands the calls of a method, to paths that contain part, to a handler of the test's own; next is QueUp's.
func intercept(method, part string, handle func(w http.ResponseWriter, req *http.Request, next http.Handler)) queuptest.Option {
	return queuptest.WithHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method == method && strings.Contains(req.URL.Path, part) {
				handle(w, req, next)
				return
			}
			next.ServeHTTP(w, req)
		})
	})
}

// delay is for intercept: QueUp takes its time before it does what it is asked for.
func delay(d time.Duration) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		time.Sleep(d)
		next.ServeHTTP(w, req)
	}
}

// answerLate sends an answer that was true when it was asked for, some time ago.
func answerLate(w http.ResponseWriter, req *http.Request, next http.Handler, d time.Duration) {
	answer := httptest.NewRecorder()
	next.ServeHTTP(answer, req)
	time.Sleep(d)
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = answer.Body.WriteTo(w)
}

// hasBot reports whether QueUp has the bot in the lounge.
func hasBot(server *queuptest.Server) bool {
	return slices.Contains(server.Room("lounge").Members(), "bot")
}

// requests returns the REST calls of the bot that the server saw.
func requests(server *queuptest.Server) []string {
	var calls []string
	for _, e := range server.Log() {
		if e.In && e.Kind == "http" && e.User == "bot" {
			calls = append(calls, e.Method+" "+e.Path)
		}
	}
	return calls
}

func isArgument(err error) bool {
	_, ok := errors.AsType[*client.ArgumentError](err)
	return ok
}

func userName(bot *client.Client, id client.UserID) string {
	user, _ := bot.Users().Get(id)
	return user.Username
}

// loggedIn makes a client of the server that is logged in and has no limit of its own.
func loggedIn(t *testing.T, server *queuptest.Server, name string) *client.Client {
	t.Helper()
	bot := newBot(t, server, client.WithRateLimit(0, 0))
	if err := bot.Login(t.Context(), name, canary.Password); err != nil {
		t.Fatal(err)
	}
	return bot
}

// must returns what a call returned, unless it failed.
func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// all reads a list to its end, at most n of it.
func all[T any](t *testing.T, list iter.Seq2[T, error], n int) []T {
	t.Helper()
	var values []T
	for v, err := range list {
		if err != nil {
			t.Fatal(err)
		}
		if values = append(values, v); len(values) == n {
			break
		}
	}
	return values
}

func id(t *testing.T, bot *client.Client, name string) client.UserID {
	t.Helper()
	return must(bot.FetchUser(t.Context(), name))(t).ID
}

// broadcast sends an event to the lounge that QueUp might send.
func broadcast(server *queuptest.Server, name, format string, args ...any) {
	server.Room("lounge").Broadcast(name, json.RawMessage(`{"type":"`+name+`"`+fmt.Sprintf(format, args...)+`}`))
}

// calls counts the REST calls of the bot whose method and path begin and end in some way.
func calls(server *queuptest.Server, method, end string) int {
	n := 0
	for _, call := range requests(server) {
		path, _, _ := strings.Cut(call, "?")
		if strings.HasPrefix(path, method+" ") && strings.HasSuffix(path, end) {
			n++
		}
	}
	return n
}

// memberOf returns who is in the room under a name.
func memberOf(t *testing.T, room *client.Room, name string) client.Member {
	t.Helper()
	m, ok := room.MemberNamed(name)
	if !ok {
		t.Fatalf("%s is not in the room", name)
	}
	return m
}

// lines are the texts that were said in the lounge, as QueUp has them.
func lines(server *queuptest.Server) []string {
	var texts []string
	for _, m := range server.Room("lounge").Messages() {
		texts = append(texts, m.Text)
	}
	return texts
}

// change is for intercept: QueUp's answer with another body.
func change(w http.ResponseWriter, req *http.Request, next http.Handler, body func(string) string) {
	answer := httptest.NewRecorder()
	next.ServeHTTP(answer, req)
	w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
	w.WriteHeader(answer.Code)
	_, _ = io.WriteString(w, body(answer.Body.String()))
}

// chatIn records what is said in the rooms of a client, or in one of them.
func chatIn(s client.Source) func() []string {
	return record(s, func(e client.Chat) string { return e.Message.Content })
}

// expectAlive makes sure that a room which claims to be joined is: QueUp has the bot in it, and the bot receives its events.
func expectAlive(t *testing.T, server *queuptest.Server, room *client.Room) {
	t.Helper()
	heard := chatIn(room)
	server.Room("lounge").Say("alice", "hello")
	synctest.Wait()
	if !room.Joined() || !hasBot(server) || !slices.Equal(heard(), []string{"hello"}) {
		t.Errorf("Joined() = %v, a member at QueUp: %v, heard %q", room.Joined(), hasBot(server), heard())
	}
}

func twoRooms() queuptest.World {
	world := queuptest.DefaultWorld()
	attic := world.Rooms[0]
	attic.Slug, attic.Name, attic.Songs = "attic", "The Attic", nil
	world.Rooms = append(world.Rooms, attic)
	return world
}

// manyRooms is a world with the lounge and n other rooms.
func manyRooms(n int) queuptest.World {
	world := queuptest.DefaultWorld()
	for i := range n {
		world.Rooms = append(world.Rooms, queuptest.RoomSpec{Slug: fmt.Sprintf("room-%d", i), Owner: "owner"})
	}
	return world
}

// crowded is a world with rooms of the given sizes. Everybody is in one of them alone.
func crowded(sizes ...int) queuptest.World {
	world := queuptest.World{Users: []queuptest.User{{Name: "bot", Password: canary.Password}}}
	for i, size := range sizes {
		room := queuptest.RoomSpec{Slug: fmt.Sprintf("hall-%d", i), Owner: "bot"}
		for j := range size {
			name := fmt.Sprintf("guest-%d-%d", i, j)
			world.Users = append(world.Users, queuptest.User{Name: name, Password: canary.Password})
			room.Present = append(room.Present, name)
		}
		for j := range 20 {
			room.Songs = append(room.Songs, queuptest.Song{By: room.Present[j], Name: fmt.Sprintf("Song %d of %d", j, i), Length: 3 * time.Minute})
		}
		world.Rooms = append(world.Rooms, room)
	}
	return world
}

// songs makes a world in which many songs wait.
func songs(n int) queuptest.World {
	world := queuptest.DefaultWorld()
	room := &world.Rooms[0]
	room.Songs, room.History = nil, nil
	for i := range n {
		room.Songs = append(room.Songs, queuptest.Song{By: "alice", Name: fmt.Sprintf("Song %d", i), Length: 3 * time.Minute})
	}
	return world
}

const dave = "65b2a1c0d4e8b90012ab0042"

// withDave is the default world with an account that is in no room.
func withDave() queuptest.Option {
	world := queuptest.DefaultWorld()
	world.Users = append(world.Users, queuptest.User{ID: dave, Name: "dave", Password: canary.Password})
	return queuptest.WithWorld(world)
}

// snapshotOf returns a client's state of a room in the form of QueUp's own state.
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
	world.Users = append(world.Users, queuptest.User{Name: "dave", Password: canary.Password})
	return world
}
