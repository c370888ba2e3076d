package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/examples/internal/scene"
	"github.com/queup-go/queup/queuptest"
)

// demo exports a room of a QueUp in memory into a new folder, is interrupted on the way while songs are played, continues, and shows
// the beginnings of some files. An empty name stands for a new folder among the temporary files.
func demo(ctx context.Context, out, bar io.Writer, name string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	folder, err := newFolder(name)
	if err != nil {
		return err
	}
	brief, interrupt := context.WithCancel(ctx)
	defer interrupt()
	server := queuptest.NewServer(queuptest.WithWorld(demoWorld(400)), queuptest.WithHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if brief.Err() == nil && strings.HasSuffix(req.URL.Path, "/playlist/history") && req.URL.Query().Get("page") == "8" {
				interrupt()
				<-req.Context().Done()
				return
			}
			next.ServeHTTP(w, req)
		})
	}))
	defer server.Close()
	lounge := server.Room("lounge")
	lounge.Ban("mod", "carol", time.Hour)
	fmt.Fprintf(out, "— no room given (QUEUP_ROOM): this is a QueUp in memory, and its files go into %s\n", folder)

	login := account{"bot", scene.Password}
	opts := []client.Option{client.WithBaseURL(server.URL()), client.WithRateLimit(0, 0)} // it is our own, so it need not be spared
	if err := makePlaylist(ctx, login, opts); err != nil {
		return err
	}
	err = export(brief, login, "lounge", folder, out, newProgress(bar), opts...)
	if ctx.Err() != nil {
		return nil // interrupted for good
	}
	fmt.Fprintf(out, "— interrupted: %v\n— two songs are played, and the program is started again\n", err)
	lounge.Skip("owner")
	lounge.Skip("owner")
	if err := export(ctx, login, "lounge", folder, out, newProgress(bar), opts...); err != nil {
		return err
	}
	for _, name := range []string{"history.csv", "history-links.txt", "bans.csv"} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return err
		}
		lines := strings.SplitN(string(text), "\n", 4)
		fmt.Fprintf(out, "— %s begins with\n%s\n", name, strings.TrimSpace(strings.Join(lines[:min(3, len(lines))], "\n")))
	}
	fmt.Fprintf(out, "— that is all; the files stay in %s, see examples/exporter for the code\n", folder)
	return nil
}

// newFolder makes the folder of a demonstration. A folder with files in it may be an export, which a demonstration must not change.
func newFolder(name string) (string, error) {
	if name == "" {
		return os.MkdirTemp("", "export-lounge-")
	}
	if err := os.MkdirAll(name, 0o755); err != nil {
		return "", err
	}
	files, err := os.ReadDir(name)
	if err == nil && len(files) > 0 {
		err = fmt.Errorf("QUEUP_EXPORT is %s, where files are already: name a new folder for the demonstration, or the room in QUEUP_ROOM", name)
	}
	return name, err
}

// demoWorld is a world whose room has a history.
func demoWorld(plays int) queuptest.World {
	world := queuptest.DefaultWorld()
	lounge := &world.Rooms[0]
	lounge.History = nil
	for i := range plays {
		lounge.History = append(lounge.History, queuptest.Song{
			By:      []string{"alice", "bob", "carol"}[i%3],
			Name:    fmt.Sprintf("Song & Dance No. %d", i+1),
			Length:  3 * time.Minute,
			MediaID: fmt.Sprintf("demo%07d", i%(plays-plays/10)), // a tenth is played twice
		})
	}
	lounge.Songs[0].Name = `=HYPERLINK("https://evil.example.com","click me")`
	return world
}

// makePlaylist adds a playlist to the account.
func makePlaylist(ctx context.Context, login account, opts []client.Option) error {
	bot, err := client.New(opts...)
	if err != nil {
		return err
	}
	defer func() {
		_ = bot.Close()
		<-bot.Done()
	}()
	if err := bot.Login(ctx, login.email, login.password); err != nil {
		return err
	}
	list, err := bot.CreatePlaylist(ctx, "Late & loud")
	if err != nil {
		return err
	}
	for i := range 30 {
		if list, err = list.Add(ctx, client.YouTube, fmt.Sprintf("lateloud%03d", i)); err != nil {
			return err
		}
	}
	return nil
}
