package main

import (
	"context"
	"errors"
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

// demo exports a room of a QueUp in memory, is interrupted on the way while songs are played, continues, shows the files and
// removes them.
func demo(ctx context.Context, out, bar io.Writer) (err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	folder, err := os.MkdirTemp("", "exporter")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	out = &without{out, folder}
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
	fmt.Fprintln(out, "no room given (QUEUP_ROOM): this is a QueUp in memory")

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
	fmt.Fprintln(out, "— that is all; see examples/exporter for the code")
	return nil
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

// without is a writer that replaces the path of a folder, which is new each time, by "the folder".
type without struct {
	io.Writer
	folder string
}

func (w *without) Write(text []byte) (int, error) {
	_, err := io.WriteString(w.Writer, strings.ReplaceAll(string(text), w.folder, "the folder"))
	return len(text), err
}
