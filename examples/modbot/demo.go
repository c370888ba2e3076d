package main

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/examples/internal/scene"
	"github.com/queup-go/queup/queuptest"
)

// run runs the bot in the room that the environment names, or in the demonstration if it names none.
func run(ctx context.Context, out io.Writer, getenv func(string) string) error {
	if scene.Demonstration(getenv) {
		return scene.Play(ctx, out, stage(), newLounge, script)
	}
	email, password, room, err := scene.Account(getenv)
	if err != nil {
		return err
	}
	bot, err := newModbot(room, scene.Elsewhere(getenv)...)
	if err != nil {
		return err
	}
	said := scene.NewTranscript(out)
	scene.Announce(bot, said)
	client.On(bot, func(_ context.Context, e client.RoomJoined) error {
		reportMissingRights(bot, e.Room, said)
		return nil
	})
	return bot.Run(ctx, email, password)
}

func newLounge(opts ...client.Option) (*client.Client, error) { return newModbot("lounge", opts...) }

// stage is a room with a song that nobody likes, one that is too long, one that has just played, and one that is fine.
func stage() queuptest.World {
	w := queuptest.DefaultWorld()
	lounge := &w.Rooms[0]
	dust := queuptest.Song{By: "mod", Name: "The Attic - Dust", Length: 4 * time.Minute, MediaID: "4tt1cDust01"}
	lounge.History = append(lounge.History, dust)
	dust.By = "carol"
	lounge.Songs = []queuptest.Song{
		{By: "alice", Name: "Paper Lanterns - Slow Tide", Length: 3 * time.Minute, MediaID: "pL4nt3rnS0w"},
		{By: "bob", Name: "Ferris - Last Tram Home (whole journey)", Length: 9 * time.Minute, MediaID: "f3rr1sWh0le"},
		dust,
		{By: "mod", Name: "Harbour Lights - Blue Hour", Length: 3*time.Minute + 12*time.Second, MediaID: "h4rb0urBlue"},
	}
	return w
}

// script is the conversation of the demonstration.
func script(ctx context.Context, s *scene.Scene) error {
	s.Says(ctx, "alice", "!rules")
	if err := s.UntilBotSays(ctx, "No links"); err != nil {
		return err
	}
	s.Says(ctx, "bob", "free songs at www.example.com !!!")
	if err := s.UntilBotSays(ctx, "warning 1"); err != nil {
		return err
	}
	s.Says(ctx, "mod", "!warn @bob nobody needs that")
	if err := s.UntilBotSays(ctx, "warning 2"); err != nil {
		return err
	}
	s.Says(ctx, "bob", "no, really: https://example.com/songs")
	if err := s.UntilBotSays(ctx, "Take a rest"); err != nil {
		return err
	}
	s.Says(ctx, "carol", "!skip")
	if err := s.UntilBotSays(ctx, "1 of 2 votes"); err != nil {
		return err
	}
	s.Says(ctx, "mod", "!skip")
	if err := errors.Join(s.UntilBotSays(ctx, "no longer than 08:00"), s.UntilBotSays(ctx, "has played")); err != nil {
		return err
	}
	s.Says(ctx, "alice", "now that is a song")
	return s.Until(ctx, "a line of alice", func(e client.Event) bool {
		chat, ok := e.(client.Chat)
		return ok && chat.Message.Content == "now that is a song"
	})
}
