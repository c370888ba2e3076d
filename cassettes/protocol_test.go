package cassettes_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/cassettes"
	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// wordy is a bot whose password, and whose room's people, are called like parts of the protocol.
func wordy(password string, received *[]string) scenario {
	return func(t *testing.T, bot *client.Client, server *queuptest.Server) {
		t.Helper()
		lines := client.Stream[client.Chat](t.Context(), bot)
		if err := errors.Join(bot.Login(t.Context(), "bot", password), bot.Connect(t.Context())); err != nil {
			t.Fatal(err)
		}
		room, err := bot.JoinRoom(t.Context(), "lounge")
		if err != nil {
			t.Fatal(err)
		}
		if server != nil {
			for _, name := range []string{"message", "data", "room"} {
				server.Room("lounge").Say(name, "hello")
			}
		}
		*received = nil
		for e := range lines {
			*received = append(*received, e.Message.Content)
			if len(*received) == 3 {
				break
			}
		}
		if _, err := room.SendMessage(t.Context(), "done"); err != nil {
			t.Fatal(err)
		}
	}
}

// wordyServer is a server with these people.
func wordyServer(t *testing.T, password string) *queuptest.Server {
	t.Helper()
	world := queuptest.DefaultWorld()
	for i := range world.Users {
		if world.Users[i].Name == "bot" {
			world.Users[i].Password = password
		}
	}
	for _, name := range []string{"message", "data", "room"} {
		world.Users = append(world.Users, queuptest.User{Name: name, Password: "secret"})
		world.Rooms[0].Present = append(world.Rooms[0].Present, name)
	}
	s := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(world))
	t.Cleanup(s.Close)
	return s
}

func TestReplay_secretsThatAreWordsOfTheProtocol(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		password string
		opts     []cassettes.Option
	}{
		"password message":                {password: "message"},
		"password data":                   {password: "data"},
		"people":                          {password: "hunter2-Secret", opts: []cassettes.Option{cassettes.Anonymous("bot")}},
		"people, the bot among them":      {password: "hunter2-Secret", opts: []cassettes.Option{cassettes.Anonymous()}},
		"people and a password, together": {password: "message", opts: []cassettes.Option{cassettes.Anonymous()}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			var received []string
			run := func(mode cassettes.Mode, password string) {
				synctest.Test(t, func(t *testing.T) {
					opts := append([]cassettes.Option{cassettes.Dir(dir), cassettes.WithMode(mode), cassettes.RecordInCI()}, test.opts...)
					var server *queuptest.Server
					if mode == cassettes.Rewrite {
						server = wordyServer(t, password)
						opts = append(opts, through(server)...)
					}
					c := cassettes.Open(t, "wordy", opts...)
					wordy(password, &received)(t, newBot(t, c, server), server)
				})
			}
			run(cassettes.Rewrite, test.password)
			if diff := cmp.Diff([]string{"hello", "hello", "hello"}, received); diff != "" {
				t.Fatalf("recorded (-want +got):\n%s", diff)
			}
			for _, password := range []string{test.password, "any other password"} {
				run(cassettes.Replay, password)
				if diff := cmp.Diff([]string{"hello", "hello", "hello"}, received); diff != "" {
					t.Errorf("played (-want +got):\n%s", diff)
				}
			}
		})
	}
}
