package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/examples/internal/scene"
	"github.com/queup-go/queup/queuptest"
)

// demo runs the bot in a QueUp in memory: alice greets it and tries the command, and the program ends when the answer has
// arrived in the room.
func demo(ctx context.Context, out io.Writer) error {
	brief, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	server := queuptest.NewServer()
	defer server.Close()
	said := scene.NewTranscript(out)
	said.Note("no account given (QUEUP_EMAIL, QUEUP_PASSWORD, QUEUP_ROOM): this is a QueUp in memory")

	bot, err := newPingbot("lounge", said, client.WithBaseURL(server.URL()), client.WithRealtimeURL(server.RealtimeURL()))
	if err != nil {
		return err
	}
	answered := false
	client.On(bot, func(ctx context.Context, _ client.RoomJoined) error {
		lounge := server.Room("lounge")
		for _, text := range []string{"hello everybody", "!ping"} {
			pause(ctx, 500*time.Millisecond)
			lounge.Say("alice", text)
		}
		_, err := server.Await(ctx, func(e queuptest.Entry) bool {
			return !e.In && e.User == "bot" && e.Status == http.StatusOK && e.Path == "/chat/"+lounge.ID()
		})
		answered = err == nil
		pause(ctx, 500*time.Millisecond)
		cancel()
		return nil
	})
	if err := bot.Run(brief, "bot", scene.Password); err != nil {
		return err
	}
	<-bot.Done()
	if ctx.Err() != nil { // interrupted
		return nil
	}
	if !answered {
		return errors.New("the bot did not answer within 10 seconds")
	}
	said.Note("that is all; see examples/pingbot for the code")
	return nil
}

// pause waits, as people do between two lines.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
