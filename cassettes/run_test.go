package cassettes_test

import (
	"context"
	"testing"

	"github.com/queup-go/queup/cassettes"
	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// runBot runs a bot that answers, until it has heard its answer. Then Run leaves the room. server is nil in replay.
func runBot(t *testing.T, c *cassettes.Cassette, server *queuptest.Server) {
	t.Helper()
	opts := []client.Option{client.WithTransport(c.Transport()), client.WithDialer(c.Dialer()), client.WithOwnMessages(true)}
	if server != nil {
		opts = append(opts, client.WithBaseURL(server.URL()), client.WithRealtimeURL(server.RealtimeURL()))
	}
	bot, err := client.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(c.Context())
	defer stop()
	client.On(bot, func(ctx context.Context, _ client.Ready) error {
		_, err := bot.JoinRoom(ctx, "lounge")
		if err == nil && server != nil {
			server.Room("lounge").Say("alice", "~ping")
		}
		return err
	})
	client.On(bot, func(_ context.Context, e client.Chat) error {
		if e.Message.Content == "Pong!" {
			stop()
		}
		return nil
	})
	answer(bot)
	if err := bot.Run(ctx, "bot", "secret"); err != nil {
		t.Error(err)
	}
	<-bot.Done()
}

// Whether Run still takes its room off the websocket before it closes it is chance, both when it is recorded and when it is
// played. Every recording of it can be played, every time.
func TestRun_replaysEachTime(t *testing.T) {
	t.Parallel()
	for range 3 {
		dir := t.TempDir()
		recorded := t.Run("recorded", func(t *testing.T) {
			server := queuptest.NewServer(queuptest.InMemory())
			t.Cleanup(server.Close)
			runBot(t, cassettes.Open(t, "run", append(through(server),
				cassettes.Dir(dir), cassettes.WithMode(cassettes.Rewrite), cassettes.RecordInCI())...), server)
		})
		for range 10 {
			for name, pace := range map[string]cassettes.Option{"at once": cassettes.AtOnce(), "at speed 10": cassettes.Speed(10)} {
				played := recorded && t.Run(name, func(t *testing.T) {
					runBot(t, cassettes.Open(t, "run", cassettes.Dir(dir), cassettes.WithMode(cassettes.Replay), pace), nil)
				})
				if !played {
					t.Fatalf("the recording:\n%s", files(t, dir, "run"))
				}
			}
		}
	}
}

// A goodbye is not needed, and not too much, but only at the end of what a program sends on the channel.
func TestReplay_goodbyes(t *testing.T) {
	t.Parallel()
	presence := func(action string) string {
		return `4{"action":14,"channel":"room:a","presence":{"action":` + action + `,"data":{}},"reqId":"p` + action + `"}`
	}
	const detach = `4{"action":12,"channel":"room:a","reqId":"9"}`
	for name, test := range map[string]struct {
		recorded, sent []string
		unmatched      bool
	}{
		"left out":           {recorded: []string{attach("a", "1"), presence("1"), detach}, sent: []string{attach("a", "1")}},
		"begun":              {recorded: []string{attach("a", "1"), presence("1"), detach}, sent: []string{attach("a", "1"), presence("1")}},
		"not recorded":       {recorded: []string{attach("a", "1"), presence("0")}, sent: []string{attach("a", "1"), presence("0"), presence("1"), detach}},
		"recorded":           {recorded: []string{attach("a", "1"), presence("1"), detach}, sent: []string{attach("a", "1"), presence("1"), detach}},
		"half recorded":      {recorded: []string{attach("a", "1"), presence("1")}, sent: []string{attach("a", "1"), presence("1"), detach}},
		"left out before":    {recorded: []string{presence("0"), presence("1"), presence("2")}, sent: []string{presence("0"), presence("2")}},
		"too early":          {recorded: []string{attach("a", "1"), presence("0")}, sent: []string{attach("a", "1"), presence("1")}, unmatched: true},
		"of another channel": {recorded: []string{attach("b", "1")}, sent: []string{attach("b", "1"), detach}, unmatched: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := capture(t, "goodbye", nil, newScript(nil, greeting), func(t *testing.T, c *cassettes.Cassette) {
				t.Helper()
				sock := dial(t, c)
				defer sock.Close(1000, "")
				readFrames(t, sock, 1)
				writeFrames(t, sock, test.recorded...)
			})
			c, fake := play(t, dir, "goodbye")
			sock := dial(t, c)
			readFrames(t, sock, 1)
			for _, frame := range test.sent {
				if err := sock.Write(realtime.Text, []byte(frame)); err != nil && !test.unmatched {
					t.Errorf("%s: %v", frame, err)
				}
			}
			if name == "not recorded" || name == "half recorded" {
				if got := readFrames(t, sock, 1); got[0] != `4{"action":13,"channel":"room:a","reqId":"9"}` {
					t.Errorf("the answer is %s", got)
				}
			}
			_ = sock.Close(1000, "")
			fake.end()
			if fake.Failed() != test.unmatched {
				t.Errorf("reported %q", fake.failures())
			}
		})
	}
}
