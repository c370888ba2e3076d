package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/examples/internal/scene"
	"github.com/queup-go/queup/queuptest"
)

// demo runs the bot in a QueUp in memory through a lost connection and a restart, and ends by itself.
func demo(ctx context.Context, out io.Writer) (err error) {
	folder, err := os.MkdirTemp("", "statsbot")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	db, err := openStore(ctx, filepath.Join(folder, "statsbot.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	server := queuptest.NewServer()
	defer server.Close()
	said := &printer{out: out}
	said.line("— no account given (QUEUP_EMAIL, QUEUP_PASSWORD, QUEUP_ROOM): this is a QueUp in memory")

	err = visit(ctx, server, db, said, func(ctx context.Context, bot *client.Client, filled <-chan struct{}) error {
		lounge := server.Room("lounge")
		lounge.Vote("alice", true)
		lounge.Vote("carol", true)
		lounge.Skip("owner")
		if err := ask(ctx, server, "alice", "!top"); err != nil {
			return err
		}
		said.line("— the connection is cut, and two songs begin meanwhile")
		back := client.Stream[client.Resynced](ctx, bot)
		server.CutLinks()
		lounge.Skip("owner")
		lounge.Skip("owner")
		for range back {
			break
		}
		select {
		case <-filled:
		case <-ctx.Done():
		}
		return ask(ctx, server, "bob", "!lastplayed corner")
	})
	if err != nil {
		return ended(ctx, err)
	}
	said.line("— the bot is started again")
	err = visit(ctx, server, db, said, func(ctx context.Context, _ *client.Client, _ <-chan struct{}) error {
		return ask(ctx, server, "carol", "!lastplayed")
	})
	if err != nil {
		return ended(ctx, err)
	}
	said.line("— that is all; see examples/statsbot for the code")
	return nil
}

// visit runs the bot until do returns. It calls do when the bot is in the room and has read the history. Each further reading of
// the history sends to filled.
func visit(ctx context.Context, server *queuptest.Server, db *store, out *printer, do func(ctx context.Context, bot *client.Client, filled <-chan struct{}) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	filled := make(chan struct{}, 1)
	record := &recorder{db: db, out: out, done: func() {
		select {
		case filled <- struct{}{}:
		default: // nobody waits
		}
	}}
	bot, err := newStatsbot("lounge", record, client.WithBaseURL(server.URL()), client.WithRealtimeURL(server.RealtimeURL()))
	if err != nil {
		return err
	}
	ran := make(chan error, 1)
	go func() {
		ran <- bot.Run(ctx, "bot", scene.Password)
		cancel()
	}()
	select {
	case <-filled:
		err = do(ctx, bot, filled)
	case <-ctx.Done():
		err = errors.New("the bot did not come into the room")
	}
	cancel()
	err = errors.Join(<-ran, err)
	<-bot.Done()
	return err
}

// ask sends a line of a user, and waits for the answer.
func ask(ctx context.Context, server *queuptest.Server, user, text string) error {
	lounge := server.Room("lounge")
	said := func(e queuptest.Entry) bool {
		return !e.In && e.User == "bot" && e.Status == http.StatusOK && e.Path == "/chat/"+lounge.ID()
	}
	pause(ctx) // by then the bot has stored the earlier events
	before := 0
	for _, e := range server.Log() {
		if said(e) {
			before++
		}
	}
	lounge.Say(user, text)
	if _, err := server.Await(ctx, func(e queuptest.Entry) bool {
		if said(e) {
			before--
		}
		return before < 0
	}); err != nil {
		return fmt.Errorf("the bot did not answer %s: %w", text, err)
	}
	pause(ctx)
	return nil
}

// pause waits as people do between two lines.
func pause(ctx context.Context) {
	select {
	case <-time.After(300 * time.Millisecond):
	case <-ctx.Done():
	}
}
