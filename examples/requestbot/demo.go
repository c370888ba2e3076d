package main

import (
	"context"
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
	bot, err := newRequestbot(room, scene.Elsewhere(getenv)...)
	if err != nil {
		return err
	}
	said := scene.NewTranscript(out)
	scene.Announce(bot, said)
	return bot.Run(ctx, email, password)
}

// newLounge returns the bot for the demonstration. It has no rate limit, because its QueUp is in memory.
func newLounge(opts ...client.Option) (*client.Client, error) {
	return newRequestbot("lounge", append(opts, client.WithRateLimit(0, 0))...)
}

// stage is a world whose room has just played a well-known song.
func stage() queuptest.World {
	w := queuptest.DefaultWorld()
	lounge := &w.Rooms[0]
	lounge.History = append(lounge.History, queuptest.Song{
		By: "mod", Name: "Rick Astley - Never Gonna Give You Up", Length: 3*time.Minute + 33*time.Second, MediaID: "dQw4w9WgXcQ",
	})
	return w
}

// script is the conversation of the demonstration.
func script(ctx context.Context, s *scene.Scene) error {
	for _, line := range []struct{ user, text, answer string }{
		{"alice", "!help", "!request"},
		{"bob", "!request never gonna", "QueUp does not take"},
		{"carol", "!request last tram", "1)"},
		{"carol", "!pick 2", "is in the queue"},
		{"alice", "!request harbour blue hour", "is in the queue"},
		{"mod", "!request the sound of nothing", "nothing like that"},
		{"bob", "!qeueu", "Did you mean"},
		{"bob", "!queue", "by bot"},
		{"carol", "!when", "your own song"},
	} {
		s.Says(ctx, line.user, line.text)
		if err := s.UntilBotSays(ctx, line.answer); err != nil {
			return err
		}
	}
	for byBot := false; !byBot; { // until a request plays; each wait ends
		s.Note("the owner skips")
		s.Skip("owner")
		err := s.Until(ctx, "another song plays", func(e client.Event) bool {
			song, ok := e.(client.SongChanged)
			byBot = ok && song.User.Username == "bot"
			return ok
		})
		if err != nil {
			return err
		}
	}
	return nil
}
