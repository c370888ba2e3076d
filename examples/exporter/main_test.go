package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
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

// child is the variable that makes this test a program which exports a room into a folder, until it is killed.
const child = "EXPORTER_TEST_SERVER"

func TestMain(m *testing.M) {
	if url := os.Getenv(child); url != "" {
		err := export(context.Background(), account{}, "lounge", os.Args[len(os.Args)-1], os.Stdout, newProgress(os.Stderr),
			client.WithBaseURL(url), client.WithRateLimit(0, 0))
		fmt.Println(err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

func TestRun_showsAnExport(t *testing.T) {
	var out, bar bytes.Buffer
	start := time.Now()
	folder := filepath.Join(t.TempDir(), "export")
	if err := run(t.Context(), &out, &bar, scenetest.Environment(map[string]string{"QUEUP_EXPORT": folder})); err != nil {
		t.Fatalf("%v, after\n%s", err, &out)
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
	for _, want := range []string{
		"staff      2 rows in staff.*\n",
		"playlist   30 rows in playlists/Late-loud-",
		"— interrupted: history: queup: ",
		"its files go into " + folder + "\n",
		"\nwhat has been read is in " + folder + "; start again to go on\n",
		"the files stay in " + folder + ",",
		"going on with what was begun ",
		"history    402 rows in history.*, 262 of them new\n",
		`,"'=HYPERLINK(""https://evil.example.com"",""click me"")",youtube,`,
		",Nine & Dime - Corner Shop,youtube,",
		"that is all",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("not printed: %q, in\n%s", want, &out)
		}
	}
	if bar.Len() > 0 {
		t.Errorf("a writer that is not a terminal got %q", &bar)
	}
	if plays := saved(t, folder); len(plays) != 402 {
		t.Errorf("the folder has %d plays, want 402", len(plays))
	}
}

// A demonstration without QUEUP_EXPORT names the folder that it has made, and leaves the files there.
func TestNewFolder(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("TMP", os.Getenv("TMPDIR"))
	folder, err := newFolder("")
	if err != nil || filepath.Dir(folder) != filepath.Clean(os.Getenv("TMPDIR")) {
		t.Errorf("newFolder = %s, %v", folder, err)
	}
	if _, err := newFolder(folder); err != nil {
		t.Errorf("an empty folder is refused: %v", err)
	}
	if err := os.WriteFile(filepath.Join(folder, "state.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newFolder(folder); err == nil || !strings.Contains(err.Error(), folder) || !strings.Contains(err.Error(), "QUEUP_EXPORT") {
		t.Errorf("an export may be overwritten: %v", err)
	}
}

func TestRun_endsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	start := time.Now()
	_ = run(ctx, new(bytes.Buffer), new(bytes.Buffer), scenetest.Environment(map[string]string{"QUEUP_EXPORT": t.TempDir()}))
	if took := time.Since(start); took > 8*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestRun_saysWhatIsMissing(t *testing.T) {
	for name, variables := range map[string]map[string]string{
		"only a URL":  {"QUEUP_URL": "http://127.0.0.1:1"},
		"no room":     {"QUEUP_EMAIL": "bot@example.com", "QUEUP_PASSWORD": "hunter2"},
		"no password": {"QUEUP_EMAIL": "bot@example.com", "QUEUP_ROOM": "lounge"},
		"no address":  {"QUEUP_PASSWORD": "hunter2", "QUEUP_ROOM": "lounge"},
	} {
		t.Run(name, func(t *testing.T) {
			err := run(t.Context(), new(bytes.Buffer), new(bytes.Buffer), scenetest.Environment(variables))
			if err == nil || !strings.Contains(err.Error(), "QUEUP_") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("run = %v", err)
			}
		})
	}
}

// saved reads the history of a folder, as JSON lines and as CSV, and compares both with each other.
func saved(t *testing.T, folder string) []playRow {
	t.Helper()
	var rows []playRow
	for line := range strings.Lines(read(t, folder, "history.jsonl")) {
		var row playRow
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	table, err := csv.NewReader(strings.NewReader(read(t, folder, "history.csv"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var fromJSON, fromCSV []string
	for _, row := range rows {
		fromJSON = append(fromJSON, string(row.ID))
	}
	for _, row := range table[1:] {
		fromCSV = append(fromCSV, row[0])
	}
	if !slices.IsSortedFunc(table[1:], func(a, b []string) int { return strings.Compare(b[1], a[1]) }) {
		t.Error("the plays of the CSV are not in their order")
	}
	slices.Sort(fromJSON)
	slices.Sort(fromCSV)
	if !slices.Equal(fromJSON, fromCSV) {
		t.Errorf("%d plays as JSON and %d as CSV", len(fromJSON), len(fromCSV))
	}
	if twice := len(fromJSON) - len(slices.Compact(fromJSON)); twice > 0 {
		t.Errorf("%d plays are there twice", twice)
	}
	return rows
}

func read(t *testing.T, folder, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// played returns the ids of all that QueUp says has been played.
func played(t *testing.T, opts ...client.Option) []client.PlayID {
	t.Helper()
	bot, err := client.New(append(opts, client.WithRateLimit(0, 0))...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = bot.Close()
		<-bot.Done()
	}()
	room, err := bot.FetchRoom(t.Context(), "lounge")
	if err != nil {
		t.Fatal(err)
	}
	var ids []client.PlayID
	for song, err := range room.History(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, song.ID)
	}
	slices.Sort(ids)
	return ids
}

func idsOf(rows []playRow) []client.PlayID {
	ids := make([]client.PlayID, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	slices.Sort(ids)
	return ids
}

// The program is killed five times, by force and wherever it is, while songs are played. What is there in the end is what
// QueUp has, each play once.
func TestExport_survivesBeingKilled(t *testing.T) {
	var mu sync.Mutex
	asked, limit := 0, 0
	reached := make(chan struct{}, 1)
	server := queuptest.NewServer(queuptest.WithWorld(demoWorld(300)), queuptest.WithHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			mu.Lock()
			stop := false
			if strings.HasSuffix(req.URL.Path, "/playlist/history") {
				asked++
				stop = limit > 0 && asked == limit
			}
			mu.Unlock()
			if stop {
				reached <- struct{}{}
				<-req.Context().Done() // no answer before the asker is dead
				return
			}
			next.ServeHTTP(w, req)
		})
	}))
	t.Cleanup(server.Close)
	folder := t.TempDir()
	for _, page := range []int{3, 2, 5, 4, 1} {
		mu.Lock()
		asked, limit = 0, page
		mu.Unlock()
		program := exec.CommandContext(t.Context(), os.Args[0], folder)
		program.Env = append(os.Environ(), child+"="+server.URL())
		var said bytes.Buffer
		program.Stdout, program.Stderr = &said, &said
		if err := program.Start(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-reached:
		case <-time.After(time.Minute):
			t.Errorf("page %d was not asked for", page)
		}
		_ = program.Process.Kill()
		_ = program.Wait()
		if said.Len() > 0 && strings.Contains(said.String(), "cannot") {
			t.Fatalf("the program said\n%s", &said)
		}
		queue(server, 15)
	}
	mu.Lock()
	limit = 0
	mu.Unlock()
	var out bytes.Buffer
	if err := export(t.Context(), account{}, "lounge", folder, &out, newProgress(&out), client.WithBaseURL(server.URL()), client.WithRateLimit(0, 0)); err != nil {
		t.Fatal(err)
	}
	want := played(t, client.WithBaseURL(server.URL()))
	if got := idsOf(saved(t, folder)); !slices.Equal(got, want) || len(want) < 300+5*15 {
		t.Errorf("%d plays are saved, QueUp has %d", len(got), len(want))
	}
	if strings.Contains(out.String(), "staff  ") {
		t.Errorf("what was saved before is saved again:\n%s", &out)
	}
}

// queue has alice queue songs and the owner skip them all.
func queue(server *queuptest.Server, n int) {
	lounge := server.Room("lounge")
	for i := range n {
		lounge.Queue("alice", queuptest.Song{Name: fmt.Sprint("late ", i), Length: time.Minute})
	}
	for range n {
		lounge.Skip("owner")
	}
}

func inBubble(t *testing.T, world queuptest.World, test func(t *testing.T, server *queuptest.Server, opts []client.Option), more ...queuptest.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(append([]queuptest.Option{queuptest.InMemory(), queuptest.WithWorld(world)}, more...)...)
		t.Cleanup(server.Close)
		test(t, server, []client.Option{client.WithBaseURL(server.URL()), client.WithDialContext(server.DialContext)})
	})
}

// Songs are played all the time, so the pages shift while they are read. The program asks no more than ten times in half
// a minute, and has in the end what was played when it ended; started again later, it asks for little more than the rest.
func TestExport_isPoliteAndCompleteWhileSongsArePlayed(t *testing.T) {
	world := demoWorld(300)
	for i := range 120 {
		world.Rooms[0].Songs = append(world.Rooms[0].Songs, queuptest.Song{By: "bob", Name: fmt.Sprint("short ", i), Length: 3 * time.Second})
	}
	world.Rooms[0].Songs = world.Rooms[0].Songs[4:]
	inBubble(t, world, func(t *testing.T, server *queuptest.Server, opts []client.Option) {
		folder := t.TempDir()
		var out bytes.Buffer
		if err := export(t.Context(), account{}, "lounge", folder, &out, newProgress(&out), opts...); err != nil {
			t.Fatal(err)
		}
		want := played(t, opts...)
		got := idsOf(saved(t, folder))
		if len(got) < 310 || len(want)-len(got) > 1 { // one may have ended after the last look
			t.Errorf("%d plays are saved, QueUp has %d", len(got), len(want))
		}
		for _, id := range got {
			if !slices.Contains(want, id) {
				t.Errorf("nothing was played under the id %s", id)
			}
		}
		var calls []time.Time
		for _, e := range server.Log() {
			if e.In && e.Kind == queuptest.KindHTTP {
				calls = append(calls, e.At)
			}
		}
		first := len(calls)
		for i := 10; i < len(calls)-len(want)/pageSize-2; i++ { // the last ones are the test's own
			if between := calls[i].Sub(calls[i-10]); between < 30*time.Second {
				t.Fatalf("eleven calls within %v", between)
			}
		}

		time.Sleep(time.Minute)
		out.Reset()
		if err := export(t.Context(), account{}, "lounge", folder, &out, newProgress(&out), opts...); err != nil {
			t.Fatal(err)
		}
		asked := 0
		for _, e := range server.Log()[first:] {
			if e.In && strings.Contains(e.Path, "/playlist/history") && e.At.After(calls[first-1]) {
				asked++
			}
		}
		if more := len(saved(t, folder)) - len(got); more < 20 || asked > 20 {
			t.Errorf("%d new plays after a minute, with %d pages of the history asked for, in\n%s", more, asked, &out)
		}
	})
}

// Tracks that are gone are counted, marked in the files, and not in the list of links.
func TestExport_countsDeletedTracks(t *testing.T) {
	gone := func(title string) bool { return strings.HasSuffix(title, "7") }
	inBubble(t, demoWorld(45), func(t *testing.T, _ *queuptest.Server, opts []client.Option) {
		folder := t.TempDir()
		var out bytes.Buffer
		if err := export(t.Context(), account{}, "lounge", folder, &out, newProgress(&out), opts...); err != nil {
			t.Fatal(err)
		}
		if want := "history    45 rows, 4 of them deleted tracks, in history.*, 45 of them new\n"; !strings.Contains(out.String(), want) {
			t.Errorf("printed\n%swant %q", &out, want)
		}
		deleted := 0
		for _, row := range saved(t, folder) {
			if row.Deleted {
				deleted++
			}
			if row.Deleted != (row.Title == "") || row.Deleted != (row.URL == "") || row.DJ == "" || row.Seconds != 180 {
				t.Errorf("saved %+v", row)
			}
		}
		links := strings.Fields(read(t, folder, "history-links.txt"))
		if unique := slices.Compact(slices.Sorted(slices.Values(links))); deleted != 4 || len(links) != len(unique) || len(links) < 36 || len(links) > 41 {
			t.Errorf("%d deleted, %d links, %d of them different", deleted, len(links), len(unique))
		}
	}, queuptest.WithHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if !strings.HasSuffix(req.URL.Path, "/playlist/history") {
				next.ServeHTTP(w, req)
				return
			}
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, req)
			var body struct {
				Code int              `json:"code"`
				Data []map[string]any `json:"data"`
			}
			if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil {
				t.Error(err)
			}
			for _, row := range body.Data {
				if song, ok := row["_song"].(map[string]any); ok && gone(fmt.Sprint(song["name"])) {
					row["_song"] = nil
					row["songid"] = "gone"
				}
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(body)
		})
	}))
}

// What an account may not read is left out and said.
func TestExport_leavesOutWhatIsRefused(t *testing.T) {
	inBubble(t, demoWorld(3), func(t *testing.T, server *queuptest.Server, opts []client.Option) {
		server.Room("lounge").Ban("mod", "carol", time.Hour)
		for name, tt := range map[string]struct {
			login     account
			has, lack []string
		}{
			"nobody":    {account{}, []string{"history", "staff"}, []string{"playlists"}},
			"a member":  {account{"alice", scene.Password}, []string{"history", "staff"}, nil},
			"a manager": {account{"bot", scene.Password}, []string{"history", "staff", "bans", "audit"}, nil},
		} {
			folder := t.TempDir()
			var out bytes.Buffer
			if err := export(t.Context(), tt.login, "lounge", folder, &out, newProgress(&out), opts...); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			for _, part := range tt.has {
				for _, form := range []string{".jsonl", ".csv"} {
					if text := read(t, folder, part+form); text == "" {
						t.Errorf("%s: %s is empty", name, part+form)
					}
				}
			}
			for _, part := range tt.lack {
				if !strings.Contains(out.String(), fmt.Sprintf("%-10s left out, this account may not read it\n", part)) {
					t.Errorf("%s: not said that %s is left out, in\n%s", name, part, &out)
				}
			}
		}
	})
}

func TestExport_namesWhatIsWrong(t *testing.T) {
	world := demoWorld(3)
	world.Rooms = append(world.Rooms, queuptest.RoomSpec{Slug: "garden", Owner: "owner"})
	inBubble(t, world, func(t *testing.T, _ *queuptest.Server, opts []client.Option) {
		folder := t.TempDir()
		try := func(login account, slug string) error {
			return export(t.Context(), login, slug, folder, new(bytes.Buffer), newProgress(new(bytes.Buffer)), opts...)
		}
		if err := try(account{}, "lounge"); err != nil {
			t.Fatal(err)
		}
		for name, tt := range map[string]struct {
			err  error
			want string
		}{
			"another room":     {try(account{}, "garden"), "QUEUP_EXPORT"},
			"an unknown room":  {try(account{}, "nowhere"), `room "nowhere" not read, check the slug`},
			"a wrong password": {try(account{"bot", "hunter2"}, "lounge"), "check the username and password"},
		} {
			if tt.err == nil || !strings.Contains(tt.err.Error(), tt.want) || strings.Contains(tt.err.Error(), "hunter2") {
				t.Errorf("%s: %v, want something about %s", name, tt.err, tt.want)
			}
		}
	})
}

// A user who is not let in gets one line that says what to do.
func TestRun_notLetIn(t *testing.T) {
	scenetest.Refusals(t, false, map[string]string{"QUEUP_EXPORT": t.TempDir()}, func(ctx context.Context, getenv func(string) string) error {
		return run(ctx, new(bytes.Buffer), new(bytes.Buffer), getenv)
	})
}
