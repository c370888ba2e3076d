package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/examples/internal/scene"
	"github.com/queup-go/queup/examples/internal/scenetest"
	"github.com/queup-go/queup/queuptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRun_showsTheBot(t *testing.T) {
	var out bytes.Buffer
	start := time.Now()
	if err := run(t.Context(), &out, scenetest.Environment(nil)); err != nil {
		t.Fatalf("%v, after\n%s", err, &out)
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
	for _, want := range []string{
		"alice: !top\nbot: Top songs: 1. Paper Lanterns - Slow Tide (+2, played 1×)",
		"bob: !lastplayed corner\nbot: Nine & Dime - Corner Shop was played just now by bob (+0).\n",
		"carol: !lastplayed\nbot: The Attic - \"Dust\" (Live) was played just now by carol (+0).\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("not printed: %q, in\n%s", want, &out)
		}
	}
	if n := strings.Count(out.String(), "the database has 49 plays, 2 votes, 6 users\n"); n != 2 {
		t.Errorf("49 plays were counted %d times, want after the cut and after the restart, in\n%s", n, &out)
	}
}

func TestRun_endsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	_ = run(ctx, new(bytes.Buffer), scenetest.Environment(nil))
	if took := time.Since(start); took > 8*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestRun_needsAllVariablesOrNone(t *testing.T) {
	scenetest.NeedsAllVariablesOrNone(t, run, "QUEUP_DB")
}

// closing is a writer that closes a bot when it reports a song.
type closing struct{ bot *client.Client }

func (c *closing) Write(text []byte) (int, error) {
	if strings.HasPrefix(string(text), "♪") {
		_ = c.bot.Close()
	}
	return len(text), nil
}

// A bot that ends while it saves logs no error: the history is read again at the next start.
func TestStatsbot_endsQuietly(t *testing.T) {
	server := queuptest.NewServer()
	defer server.Close()
	end := new(closing) // the bot saves a song after it has reported it
	record := &recorder{db: openTest(t, filepath.Join(t.TempDir(), "statsbot.db")), out: &printer{out: end}}
	bot, err := newStatsbot("lounge", record, client.WithBaseURL(server.URL()), client.WithRealtimeURL(server.RealtimeURL()),
		client.WithErrorHandler(func(_ context.Context, err error) { t.Errorf("error handler: %v", err) }))
	if err != nil {
		t.Fatal(err)
	}
	end.bot = bot
	client.On(bot, func(context.Context, client.RoomJoined) error {
		server.Room("lounge").Skip("owner")
		return nil
	})
	if err := bot.Run(t.Context(), "bot", scene.Password); err != nil {
		t.Errorf("Run = %v", err)
	}
	<-bot.Done()
}

// openTest opens a database that is closed with the test.
func openTest(t *testing.T, path string) *store {
	t.Helper()
	db, err := openStore(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// start runs the bot in the lounge and returns when it has read its history; stop ends it.
func start(t *testing.T, server *queuptest.Server, db *store) (bot *client.Client, stop func()) {
	t.Helper()
	ready := make(chan struct{})
	record := &recorder{db: db, out: &printer{out: new(bytes.Buffer)}, done: sync.OnceFunc(func() { close(ready) })}
	bot, err := newStatsbot("lounge", record,
		client.WithBaseURL(server.URL()),
		client.WithRealtimeURL(server.RealtimeURL()),
		client.WithDialContext(server.DialContext),
		client.WithErrorHandler(func(_ context.Context, err error) { t.Errorf("error handler: %v", err) }))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- bot.Run(ctx, "bot", scene.Password) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("run: %v", err)
		}
		<-bot.Done()
	})
	t.Cleanup(stop)
	select {
	case <-ready:
	case err := <-ran:
		ran <- err
		t.Fatalf("the bot has ended before it was in the room: %v", err)
	}
	return bot, stop
}

// scores returns the score of each play that is over, by its id.
func scores(t *testing.T, db *store) map[client.PlayID]int64 {
	t.Helper()
	rows, err := db.db.QueryContext(t.Context(), `SELECT id, updubs - downdubs FROM plays WHERE over`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := make(map[client.PlayID]int64)
	for rows.Next() {
		var id client.PlayID
		var score int64
		if err := rows.Scan(&id, &score); err != nil {
			t.Fatal(err)
		}
		all[id] = score
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// An evening in a lively room: the connection is cut and the session ends again and again, and the bot is
// stopped for an hour and started again, twice. In the end the database has what QueUp's history has, play by play, and the
// sum of the votes is right.
func TestStatsbot_countsEveryPlayOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.Crowd(queuptest.CrowdConfig{Members: 25, Seed: 7}))
		defer server.Close()
		db := openTest(t, filepath.Join(t.TempDir(), "stats.db"))

		for range 2 {
			_, stop := start(t, server, db)
			for range 4 {
				time.Sleep(7 * time.Minute)
				server.CutLinks()
				time.Sleep(time.Minute)
				server.ExpireSessions()
			}
			stop()
			time.Sleep(time.Hour) // nobody records
		}
		bot, _ := start(t, server, db)
		time.Sleep(time.Minute)
		synctest.Wait()

		want := make(map[client.PlayID]int64)
		room, _ := bot.Rooms().BySlug("lounge")
		for song, err := range room.History(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			want[song.ID] = song.NetDubs()
		}
		if len(want) < 90 {
			t.Fatalf("only %d plays: the evening was too short to prove anything", len(want))
		}
		if got := scores(t, db); !maps.Equal(got, want) {
			t.Errorf("the database has %d plays that are over, QueUp %d", len(got), len(want))
			for id, score := range want {
				if has, ok := got[id]; !ok || has != score {
					t.Errorf("play %s: score %d in the database (there: %t), %d at QueUp", id, has, ok, score)
				}
			}
		}
	})
}

// Votes are counted per user, also if they come twice, change, or come while the connection is lost.
func TestStatsbot_countsVotesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory())
		defer server.Close()
		lounge := server.Room("lounge")
		lounge.Vote("bob", true) // before the bot comes
		db := openTest(t, ":memory:")
		_, stop := start(t, server, db)
		lounge.Vote("carol", true)
		lounge.Vote("carol", false)
		server.CutLinks()
		lounge.Vote("mod", true)
		time.Sleep(10 * time.Second)
		stop()
		_, stop = start(t, server, db)
		playing, _ := lounge.NowPlaying()
		lounge.Skip("owner")
		time.Sleep(10 * time.Second)
		stop()

		votes := make(map[string]bool)
		rows, err := db.db.QueryContext(t.Context(), `SELECT users.name, up FROM votes JOIN users ON users.id = user WHERE play = ?`, playing.ID)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var name string
			var up bool
			if err := rows.Scan(&name, &up); err != nil {
				t.Fatal(err)
			}
			votes[name] = up
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		if want := map[string]bool{"bob": true, "carol": false, "mod": true}; !maps.Equal(votes, want) {
			t.Errorf("votes %v, want %v", votes, want)
		}
		if got := scores(t, db)[client.PlayID(playing.ID)]; got != 1 {
			t.Errorf("the score is %d, want 1", got)
		}
	})
}

// A history that cannot be read to the end leaves no hole: the part that was read is dropped, and read again later.
func TestStatsbot_fillsAHoleLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory())
		defer server.Close()
		db := openTest(t, ":memory:")
		broken := &brokenHistory{}
		recorder := &recorder{db: db, out: &printer{out: new(bytes.Buffer)}}
		bot, err := newStatsbot("lounge", recorder, client.WithBaseURL(server.URL()), client.WithRealtimeURL(server.RealtimeURL()),
			client.WithDialContext(server.DialContext), client.WithTransport(broken.wrap(server)),
			client.WithErrorHandler(func(context.Context, error) {}))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- bot.Run(ctx, "bot", scene.Password) }()
		defer func() {
			cancel()
			if err := <-ran; err != nil {
				t.Errorf("run: %v", err)
			}
			<-bot.Done()
			broken.close()
		}()

		time.Sleep(time.Minute)
		if got := scores(t, db); len(got) != 0 {
			t.Errorf("%d plays of a history that broke off were saved", len(got))
		}
		broken.mend()
		time.Sleep(5 * time.Minute) // the next song begins
		synctest.Wait()
		if got := scores(t, db); len(got) != 46 {
			t.Errorf("%d plays after the history can be read again, want 46", len(got))
		}
	})
}

func TestAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory())
		defer server.Close()
		db := openTest(t, ":memory:")
		ask := func(room client.RoomID, line string) string {
			t.Helper()
			text, err := answer(t.Context(), db, room, line)
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		lounge := client.RoomID(server.Room("lounge").ID())
		for _, command := range []string{"!top", "!lastplayed"} {
			if got := ask(lounge, command); got != "Nothing has played yet." {
				t.Errorf("%s of an empty database: %q", command, got)
			}
		}
		_, stop := start(t, server, db)
		for _, voter := range []string{"bob", "carol", "mod"} {
			server.Room("lounge").Vote(voter, true)
		}
		time.Sleep(5 * time.Minute)
		stop()

		tests := []struct{ line, want string }{
			{"hello", ""},
			{"top", ""},
			{"!topping", ""},
			{"!TOP", "Top songs: 1. Paper Lanterns - Slow Tide (+3, played 1×) · 2. "},
			{"!lastplayed", "Paper Lanterns - Slow Tide was played 5 min ago by alice (+3)."},
			{"  !lastplayed   PAPER lanterns ", "Paper Lanterns - Slow Tide was played 5 min ago by alice (+3)."},
			{"!lastplayed 100%", `I do not know that "100%" ever played here.`},
			{"!lastplayed ' OR 1=1 --", `I do not know that "' OR 1=1 --" ever played here.`},
		}
		for _, tt := range tests {
			if got := ask(lounge, tt.line); got != tt.want && (tt.want == "" || !strings.HasPrefix(got, tt.want)) {
				t.Errorf("answer to %q = %q, want %q", tt.line, got, tt.want)
			}
		}
		if got := ask("another room", "!top"); got != "Nothing has played yet." {
			t.Errorf("!top of another room: %q", got)
		}
	})
}

// Whatever the songs are called, there is an answer.
func TestStatsbot_answersAboutAnyTitle(t *testing.T) {
	world := queuptest.DefaultWorld()
	lounge := &world.Rooms[0]
	for i := range lounge.History {
		lounge.History[i].Name = strings.Repeat("&", 100+i)
		lounge.History[i].MediaID = fmt.Sprintf("ampersand%02d", i)
	}
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(world))
		defer server.Close()
		start(t, server, openTest(t, ":memory:"))
		for _, command := range []string{"!top", "!lastplayed", "!lastplayed " + strings.Repeat("x", 200)} {
			before := len(server.Room("lounge").Messages())
			server.Room("lounge").Say("alice", command)
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if said := len(server.Room("lounge").Messages()) - before - 1; said < 1 || said > 4 {
				t.Errorf("%s was answered with %d lines", command, said)
			}
		}
	})
}

func TestShort(t *testing.T) {
	for text, want := range map[string]string{
		"Paper Lanterns":        "Paper Lanterns",
		strings.Repeat("日", 40): strings.Repeat("日", 40),
		strings.Repeat("日", 41): strings.Repeat("日", 39) + "…",
	} {
		if got := short(text); got != want {
			t.Errorf("short(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestAgo(t *testing.T) {
	var got []string
	for _, d := range []time.Duration{-time.Hour, 59 * time.Second, time.Minute, 59 * time.Minute, time.Hour, 47 * time.Hour, 48 * time.Hour} {
		got = append(got, ago(d))
	}
	want := []string{"just now", "just now", "1 min ago", "59 min ago", "1 h ago", "47 h ago", "2 days ago"}
	if !slices.Equal(got, want) {
		t.Errorf("ago: %q, want %q", got, want)
	}
}

// A late event about a play that is over changes nothing, and a title stays if its media are lost.
func TestStore_keepsWhatIsFinal(t *testing.T) {
	db := openTest(t, ":memory:")
	save := func(song client.Song) {
		t.Helper()
		if err := db.save(t.Context(), "r", time.Time{}, song); err != nil {
			t.Fatal(err)
		}
	}
	save(client.Song{ID: "p", Updubs: 1, Active: true})
	save(client.Song{ID: "p", Updubs: 5, Played: true})
	save(client.Song{ID: "p", Updubs: 2, Active: true})
	if err := db.saveScore(t.Context(), client.Song{ID: "p", Updubs: 3}); err != nil {
		t.Fatal(err)
	}
	save(client.Song{}) // no play at all
	if got, want := scores(t, db), (map[client.PlayID]int64{"p": 5}); !maps.Equal(got, want) {
		t.Errorf("scores %v, want %v", got, want)
	}
}

func TestOpenStore_namesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "stats?mode=memory&x#.db")
	if _, err := openStore(t.Context(), path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("openStore = %v", err)
	}
}

// Songs are called, and people ask for, what should not be said with the rights of the bot.
func TestStatsbot_repeatsNothingBad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory())
		defer server.Close()
		lounge := server.Room("lounge")
		db := openTest(t, ":memory:")
		_, stop := start(t, server, db)
		defer stop()
		hostile := scenetest.Hostile()
		for i, text := range hostile {
			lounge.Queue("bob", queuptest.Song{Name: text, Length: 2 * time.Minute, MediaID: fmt.Sprintf("h0st1le%04d", i)})
			time.Sleep(time.Minute)
			if _, playing := lounge.NowPlaying(); playing {
				lounge.Vote("carol", true)
				lounge.Vote("alice", true)
			}
			time.Sleep(2 * time.Minute)
			for _, said := range []string{"!top", "!lastplayed", "!lastplayed " + text} {
				lounge.Say("alice", said)
				time.Sleep(5 * time.Second)
			}
		}
		synctest.Wait()
		var lines []string
		for _, m := range lounge.Messages() {
			if m.User == "bot" {
				lines = append(lines, m.Text)
			}
		}
		if len(lines) < 3*len(hostile) {
			t.Errorf("%d lines were said", len(lines))
		}
		scenetest.Polite(t, lines)
		if whole := strings.Join(lines, " "); !strings.Contains(whole, "1. “!kick bob @ everyone” (+2") || !strings.Contains(whole, "“!kick bob @ everyone” was played") {
			t.Errorf("no song of that name was spoken of, in %q", lines)
		}
	})
}

// A user who is not let in gets one line that says what to do.
func TestRun_notLetIn(t *testing.T) {
	scenetest.Refusals(t, true, map[string]string{"QUEUP_DB": filepath.Join(t.TempDir(), "stats.db")}, func(ctx context.Context, getenv func(string) string) error {
		return run(ctx, new(bytes.Buffer), getenv)
	})
}
