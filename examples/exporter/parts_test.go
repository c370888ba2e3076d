package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/examples/internal/scene"
	"github.com/queup-go/queup/queuptest"
)

// Half a line at the end, as a program leaves it that is killed while it writes, is cut off, and the play is read again.
func TestJournal_cutsOffHalfALine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	fill := func(ids ...string) {
		t.Helper()
		j, err := openJournal(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			if err := j.add(client.Song{ID: client.PlayID(id)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := j.close(); err != nil {
			t.Fatal(err)
		}
	}
	fill("a", "b", "a")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(whole) {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		fill("a", "b", "")
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, whole) {
			t.Fatalf("cut after %d bytes, it became %q, %v", cut, got, err)
		}
	}
	for _, spoilt := range []string{"{}\n", "null\n", "no play\n" + string(whole), string(whole[5:])} {
		if err := os.WriteFile(path, []byte(spoilt), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openJournal(path); err == nil || !strings.Contains(err.Error(), "line 1 is not a play") {
			t.Errorf("opened with %q: %v", spoilt, err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != spoilt {
			t.Errorf("what could not be read was changed into %q, %v", got, err)
		}
	}
}

// QueUp has fewer plays than it had when the reading was interrupted, so the page that was reached is too far.
func TestTail_stepsBackWhenThereIsLess(t *testing.T) {
	inBubble(t, demoWorld(70), func(t *testing.T, server *queuptest.Server, opts []client.Option) {
		bot, err := client.New(opts...)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			_ = bot.Close()
			<-bot.Done()
		}()
		room, err := bot.FetchRoom(t.Context(), server.Room("lounge").ID())
		if err != nil {
			t.Fatal(err)
		}
		for _, vanished := range []int{30, 60, 500} {
			x, err := open(t.TempDir(), room)
			if err != nil {
				t.Fatal(err)
			}
			x.state.Top = time.Now()
			for i := range vanished {
				if err := x.plays.append(playRow{ID: client.PlayID(fmt.Sprint("vanished ", i))}); err != nil {
					t.Fatal(err)
				}
			}
			if err := x.tail(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := x.plays.len(); got != vanished+70 || !x.state.Complete {
				t.Errorf("%d plays, want the %d that have vanished and 70", got, vanished)
			}
			if err := x.close(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestSafe(t *testing.T) {
	for cell, want := range map[string]string{
		"Paper Lanterns":            "Paper Lanterns",
		"":                          "",
		"-3":                        "-3",
		"12":                        "12",
		"=1+1":                      "'=1+1",
		"+1":                        "'+1",
		"-1+cmd|' /C calc'!A0":      "'-1+cmd|' /C calc'!A0",
		"@SUM(A1)":                  "'@SUM(A1)",
		"  =1":                      "'  =1",
		"\t=1":                      "'=1",
		"\r=1":                      "'=1",
		"\n=1":                      "'\n=1",
		"＝1":                        "'＝1",
		"|calc":                     "'|calc",
		"a=b":                       "a=b",
		"two\nlines\x00\x1b[31m":    "two\nlines[31m",
		"Nine & Dime, \"the\" shop": "Nine & Dime, \"the\" shop",
	} {
		if got := safe(cell); got != want {
			t.Errorf("safe(%q) = %q, want %q", cell, got, want)
		}
	}
}

func TestFileName(t *testing.T) {
	for name, want := range map[string]string{
		"Late & loud":           "Late-loud",
		"../../etc/passwd":      "etc-passwd",
		"..":                    "",
		"C:\\x":                 "C-x",
		"日本 música_1":           "日本-música_1",
		strings.Repeat("n", 50): strings.Repeat("n", 40),
	} {
		if got := fileName(name); got != want {
			t.Errorf("fileName(%q) = %q, want %q", name, got, want)
		}
	}
}

// A file that cannot be written completely stays as it was.
func TestReplace_allOrNothing(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "bans.csv")
	if err := replace(path, func(w io.Writer) error { _, err := io.WriteString(w, "old"); return err }); err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	err := replace(path, func(w io.Writer) error {
		_, _ = io.WriteString(w, "new, but ha")
		return full
	})
	if !errors.Is(err, full) {
		t.Errorf("replace = %v", err)
	}
	entries, err := os.ReadDir(folder)
	if text := read(t, folder, "bans.csv"); text != "old" || err != nil || len(entries) != 1 {
		t.Errorf("the file is %q among %v, %v", text, entries, err)
	}
}

func TestOpen_removesWhatIsHalfDone(t *testing.T) {
	folder := t.TempDir()
	if err := os.MkdirAll(filepath.Join(folder, "playlists"), 0o750); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"bans.csv.123" + halfDone, "playlists/x.csv.1" + halfDone, "mine.txt"} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	x, err := open(folder, new(client.Room))
	if err != nil {
		t.Fatal(err)
	}
	if err := x.close(); err != nil {
		t.Error(err)
	}
	var left []string
	_ = filepath.WalkDir(folder, func(path string, entry os.DirEntry, _ error) error {
		if !entry.IsDir() {
			left = append(left, filepath.Base(path))
		}
		return nil
	})
	if want := []string{"history.jsonl", "mine.txt"}; !slices.Equal(left, want) {
		t.Errorf("left are %q, want %q", left, want)
	}
}

func TestProgress(t *testing.T) {
	var out bytes.Buffer
	at := time.Date(2026, time.March, 1, 20, 0, 0, 0, time.UTC)
	p := &progress{out: &out, now: func() time.Time { return at }}
	p.begin("history")
	for i := range 4 {
		p.set(100+20*i, 0.1+float64(i)*0.2)
		p.set(1, 1) // too soon to be drawn
		at = at.Add(10 * time.Second)
	}
	p.begin("new plays")
	p.set(7, -1)
	at = at.Add(2 * time.Second)
	p.set(27, -1)
	p.end()
	p.end()
	want := []string{
		"history [##......................]  10 %, 100 rows",
		"history [#######.................]  30 %, 120 rows, 2.0 a second, about 35s left",
		"history [############............]  50 %, 140 rows, 2.0 a second, about 25s left",
		"history [################........]  70 %, 160 rows, 2.0 a second, about 15s left",
		"",
		"new plays: 7 rows",
		"new plays: 27 rows, 10.0 a second",
		"",
	}
	if got := strings.Split(out.String(), clearLine)[1:]; !slices.Equal(got, want) {
		t.Errorf("drawn %q, want %q", got, want)
	}
}

// What is printed for good stands in lines of its own, also on a terminal with a bar on it.
func TestExport_clearsTheBar(t *testing.T) {
	inBubble(t, demoWorld(300), func(t *testing.T, _ *queuptest.Server, opts []client.Option) {
		var out bytes.Buffer
		folder := t.TempDir()
		for range 2 {
			if err := export(t.Context(), account{}, "lounge", folder, &out, &progress{out: &out, now: time.Now}, opts...); err != nil {
				t.Fatal(err)
			}
		}
		if !strings.Contains(out.String(), " left"+clearLine) {
			t.Errorf("nothing was said about the time that it takes, in\n%q", &out)
		}
		for line := range strings.Lines(out.String()) {
			said := line[strings.LastIndex(line, "\r")+1:]
			if said = strings.TrimPrefix(said, "\x1b[K"); !regexp.MustCompile(`^(staff|bans|audit|playlists|history|all) .*\n$`).MatchString(said) || strings.Contains(said, "[") {
				t.Errorf("printed %q", line)
			}
		}
	})
}

func TestShare(t *testing.T) {
	now := time.Date(2026, time.March, 1, 20, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		at, to time.Time
		want   float64
	}{
		{now, now.Add(-time.Hour), 0},
		{now.Add(-15 * time.Minute), now.Add(-time.Hour), 0.25},
		{time.Time{}, now.Add(-time.Hour), -1},
		{now, time.Time{}, -1},
		{now, now.Add(time.Hour), -1},
	} {
		if got := share(now, tt.at, tt.to); got != tt.want {
			t.Errorf("share to %v at %v = %v, want %v", tt.to, tt.at, got, tt.want)
		}
	}
}

// A playlist that was saved before an interruption is not read again, one that was interrupted is.
func TestPlaylists_goOn(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var pages atomic.Int32
	handler := queuptest.WithHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method == http.MethodGet && strings.HasSuffix(req.URL.Path, "/songs") && pages.Add(1) == 4 {
				interrupt() // each list has two pages
				http.Error(w, "the second page of the second list", http.StatusInternalServerError)
				return
			}
			next.ServeHTTP(w, req)
		})
	})
	inBubble(t, demoWorld(3), func(t *testing.T, _ *queuptest.Server, opts []client.Option) {
		opts = append(opts, client.WithRateLimit(0, 0))
		login := account{"bot", scene.Password}
		for range 3 {
			if err := makePlaylist(t.Context(), login, opts); err != nil {
				t.Fatal(err)
			}
		}
		folder := t.TempDir()
		var out bytes.Buffer
		if err := export(ctx, login, "lounge", folder, &out, newProgress(&out), opts...); err == nil || strings.Count(out.String(), "playlist ") != 1 {
			t.Errorf("interrupted: %v, after\n%s", err, &out)
		}
		out.Reset()
		if err := export(t.Context(), login, "lounge", folder, &out, newProgress(&out), opts...); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(out.String(), "playlist   30 rows in playlists/Late-loud-"); n != 2 {
			t.Errorf("%d playlists were saved after the interruption, want 2, in\n%s", n, &out)
		}
		names, err := filepath.Glob(filepath.Join(folder, "playlists", "Late-loud-*"))
		if err != nil || len(names) != 9 {
			t.Fatalf("%d files of three playlists: %q, %v", len(names), names, err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			want := 30
			if strings.HasSuffix(name, ".csv") {
				want++
			}
			if n := strings.Count(string(text), "\n"); err != nil || n != want {
				t.Errorf("%s has %d lines, want %d: %v", name, n, want, err)
			}
		}
	}, handler)
}
