package scenetest

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/examples/internal/scene"
	"github.com/queup-go/queup/queuptest"
)

// InLounge runs a test with a bot in the lounge of a QueUp in memory, on virtual time. said returns the lines of the bot since
// it was called last.
func InLounge(
	t *testing.T, world queuptest.World, newBot func(opts ...client.Option) (*client.Client, error),
	test func(t *testing.T, lounge *queuptest.Room, said func() []string), opts ...queuptest.Option,
) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(append([]queuptest.Option{queuptest.InMemory(), queuptest.WithWorld(world)}, opts...)...)
		defer server.Close()
		bot, err := newBot(
			client.WithBaseURL(server.URL()), client.WithRealtimeURL(server.RealtimeURL()), client.WithDialContext(server.DialContext),
			client.WithErrorHandler(func(_ context.Context, err error) { t.Errorf("error handler: %v", err) }),
		)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- bot.Run(ctx, "bot", scene.Password) }()
		seen := 0
		said := func() []string {
			time.Sleep(2 * time.Second)
			synctest.Wait()
			var lines []string
			messages := server.Room("lounge").Messages()
			for _, m := range messages[seen:] {
				if m.User == "bot" {
					lines = append(lines, m.Text)
				}
			}
			seen = len(messages)
			return lines
		}
		said() // waits until the bot is there
		test(t, server.Room("lounge"), said)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
		<-bot.Done()
	})
}

// Expect fails a test if a bot has not said these lines.
func Expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
}

// Playing returns the name of the current song, and nothing if there is none.
func Playing(room *queuptest.Room) string {
	song, _ := room.NowPlaying()
	return song.Name
}

// Environment returns a getenv that knows these variables and no others.
func Environment(variables map[string]string) func(string) string {
	return func(name string) string { return variables[name] }
}
