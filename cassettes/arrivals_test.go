package cassettes_test

import (
	"errors"
	"testing"

	"github.com/queup-go/queup/cassettes"
	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// stepped goes through a conversation step by step, whether it is played or happens.
func stepped(t *testing.T, c *cassettes.Cassette, server *queuptest.Server) {
	t.Helper()
	bot := newBot(t, c, server, client.WithOwnMessages(true))
	if err := errors.Join(bot.Login(t.Context(), "bot", "secret"), bot.Connect(t.Context())); err != nil {
		t.Fatal(err)
	}
	answer(bot)
	room, err := bot.JoinRoom(t.Context(), "lounge")
	if err != nil {
		t.Fatal(err)
	}
	said := client.Stream[client.Chat](c.Context(), bot)
	if c.Recording() {
		server.Room("lounge").Say("alice", "hello")
		server.Room("lounge").Say("bob", "~ping") // may arrive before it is waited for
	}
	chat := func(f cassettes.Frame) bool {
		return f.Name == "chat-message" && f.Channel != "" && f.Conn == 1 && f.Op == "text"
	}
	for range 3 {
		if f, ok := c.Until(chat); !ok || len(f.Data) == 0 {
			t.Fatalf("there is no more chat: %v", f)
		}
	}
	for e := range said { // in replay, Until lets an event go and does not wait for what the program makes of it
		if e.Message.Content == "Pong!" {
			break
		}
	}
	if err := room.Leave(c.Context()); err != nil {
		t.Error(err)
	}
}

// A test that goes step by step can be recorded, verified and run live.
func TestStepped_inEveryMode(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, mode := range []cassettes.Mode{cassettes.Rewrite, cassettes.Replay, cassettes.Live, cassettes.Verify, cassettes.Once, cassettes.Replay} {
		passed := t.Run(string(mode), func(t *testing.T) {
			var server *queuptest.Server
			opts := []cassettes.Option{cassettes.Dir(dir), cassettes.WithMode(mode), cassettes.RecordInCI(), cassettes.Stepped()}
			if mode != cassettes.Replay && mode != cassettes.Once {
				server = queuptest.NewServer(queuptest.InMemory())
				t.Cleanup(server.Close)
				opts = append(opts, through(server)...)
			}
			stepped(t, cassettes.Open(t, "stepped", opts...), server)
		})
		if !passed {
			break
		}
	}
}
