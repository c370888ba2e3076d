package cassettes_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/queup-go/queup/cassettes"
	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// through leads a cassette to a server.
func through(server *queuptest.Server) []cassettes.Option {
	return []cassettes.Option{
		cassettes.Through(&http.Transport{DialContext: server.DialContext, DisableKeepAlives: true}),
		cassettes.ThroughDialer(&realtime.WebsocketDialer{NetDialContext: server.DialContext}),
		cassettes.Source("queuptest"),
	}
}

// scenario is what a bot does with a QueUp, real or recorded. say has somebody in the room say something; nil in replay.
type scenario func(t *testing.T, bot *client.Client, server *queuptest.Server)

// talk logs in, joins, hears alice and answers her.
func talk(t *testing.T, bot *client.Client, server *queuptest.Server) {
	t.Helper()
	ctx := t.Context()
	if err := bot.Login(ctx, "bot", "secret"); err != nil {
		t.Fatal(err)
	}
	if err := bot.Connect(ctx); err != nil {
		t.Fatal(err)
	}
	chat := client.Stream[client.Chat](ctx, bot) // before the room is joined: a recording does not wait for the test
	room, err := bot.JoinRoom(ctx, "lounge")
	if err != nil {
		t.Fatal(err)
	}
	if server != nil {
		server.Room("lounge").Say("alice", "~ping")
	}
	for e := range chat {
		if e.Message.Content != "~ping" {
			t.Errorf("heard %q", e.Message.Content)
		}
		break
	}
	if _, err := room.SendMessage(ctx, "Pong!"); err != nil {
		t.Fatal(err)
	}
	if err := room.Leave(ctx); err != nil {
		t.Fatal(err)
	}
}

// newBot makes a client of a cassette, and of the server that is recorded if there is one.
func newBot(t *testing.T, c *cassettes.Cassette, server *queuptest.Server, opts ...client.Option) *client.Client {
	t.Helper()
	if server != nil {
		opts = append(opts, client.WithBaseURL(server.URL()), client.WithRealtimeURL(server.RealtimeURL()))
	}
	bot, err := client.New(append([]client.Option{
		client.WithTransport(c.Transport()), client.WithDialer(c.Dialer()),
		client.WithErrorHandler(func(_ context.Context, err error) { t.Errorf("error handler: %v", err) }),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = bot.Close()
		<-bot.Done()
	})
	return bot
}

// record makes a cassette of a scenario, in a bubble of its own, and returns its folder.
func record(t *testing.T, name string, run scenario, opts ...cassettes.Option) (dir string) {
	t.Helper()
	dir = t.TempDir()
	ok := t.Run("record", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			server := queuptest.NewServer(queuptest.InMemory())
			t.Cleanup(server.Close)
			c := cassettes.Open(t, name, append(append(through(server),
				cassettes.Dir(dir), cassettes.WithMode(cassettes.Rewrite), cassettes.RecordInCI()), opts...)...)
			run(t, newBot(t, c, server), server)
		})
	})
	if !ok {
		t.FailNow()
	}
	return dir
}

// replay plays a cassette to the same scenario, in a bubble of its own.
func replay(t *testing.T, dir, name string, run scenario, opts ...cassettes.Option) {
	t.Helper()
	t.Run("replay", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := cassettes.Open(t, name, append([]cassettes.Option{cassettes.Dir(dir), cassettes.WithMode(cassettes.Replay)}, opts...)...)
			run(t, newBot(t, c, nil), nil)
		})
	})
}

func TestCassette_replaysWhatItRecorded(t *testing.T) {
	dir := record(t, "talk", talk)
	if os.Getenv("SHOW") != "" {
		for _, s := range []string{".http.yaml", ".ws.jsonl"} {
			b, _ := os.ReadFile(filepath.Join(dir, "talk"+s))
			t.Logf("%s", b)
		}
	}
	replay(t, dir, "talk", talk)
}
