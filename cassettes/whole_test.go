package cassettes_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/cassettes"
	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/internal/testkit/canary"
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

// scenario is what a bot does with a QueUp, real or recorded. server is nil in replay.
type scenario func(t *testing.T, bot *client.Client, server *queuptest.Server)

// talk logs in, joins, receives a line of alice and answers it.
func talk(t *testing.T, bot *client.Client, server *queuptest.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if err := bot.Login(ctx, "bot", canary.Password); err != nil {
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
			t.Errorf("received %q", e.Message.Content)
		}
		break
	}
	if _, err := room.SendMessage(ctx, "Pong!"); err != nil {
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
		client.WithReconnect(func(int, error) (time.Duration, bool) { return time.Second, true }), // without chance
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
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory())
		t.Cleanup(server.Close)
		c := cassettes.Open(t, name, append(append(through(server),
			cassettes.Dir(dir), cassettes.WithMode(cassettes.Rewrite), cassettes.RecordInCI()), opts...)...)
		run(t, newBot(t, c, server), server)
	})
	if t.Failed() {
		t.FailNow()
	}
	return dir
}

// replay plays a cassette to the same scenario, in a bubble of its own.
func replay(t *testing.T, dir, name string, run scenario, opts ...cassettes.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := cassettes.Open(t, name, append([]cassettes.Option{cassettes.Dir(dir), cassettes.WithMode(cassettes.Replay)}, opts...)...)
		run(t, newBot(t, c, nil), nil)
	})
}

// evening is two minutes in a busy room, with a lost connection in the middle. It adds the bot's events to received.
func evening(received *[]string) scenario {
	return func(t *testing.T, bot *client.Client, server *queuptest.Server) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		var mu sync.Mutex
		note := func(line string) {
			mu.Lock()
			defer mu.Unlock()
			*received = append(*received, line)
		}
		end := make(chan struct{})
		client.On(bot, func(_ context.Context, e client.Event) error { // one subscription, hence one order
			switch e := e.(type) {
			case client.Chat:
				note(e.Message.String())
				if e.Message.Content == "good night" {
					close(end)
				}
			case client.MemberJoined:
				note("join " + e.User.Username)
			case client.Dub:
				note("dub " + e.User.Username)
			case client.Reconnected:
				note("reconnected")
			}
			return nil
		})
		again := client.Stream[client.Resynced](ctx, bot) // when all calls of the reconnect are over
		if err := bot.Login(ctx, "bot", canary.Password); err != nil {
			t.Fatal(err)
		}
		if err := bot.Connect(ctx); err != nil {
			t.Fatal(err)
		}
		room, err := bot.JoinRoom(ctx, "lounge")
		if err != nil {
			t.Fatal(err)
		}
		if server != nil {
			lounge := server.Room("lounge")
			time.Sleep(20 * time.Second)
			lounge.Say("alice", "my mail is alice@example.net, or 203.0.113.9")
			time.Sleep(time.Second)
			lounge.Vote("bob", true)
			time.Sleep(30 * time.Second)
			server.CutLinks()
		}
		for range again {
			break
		}
		if _, err := room.SendMessage(ctx, "back again"); err != nil {
			t.Fatal(err)
		}
		if server != nil {
			time.Sleep(40 * time.Second)
			server.Room("lounge").Vote("carol", false)
			time.Sleep(time.Second)
			server.Room("lounge").Say("bob", "good night")
		}
		select {
		case <-end:
		case <-ctx.Done():
			t.Fatal("the last line was not received")
		}
		synctest.Wait()
	}
}

// shift is what a moderating bot does, with a wrong password first and a session that ends in the middle.
func shift(t *testing.T, bot *client.Client, server *queuptest.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if err := bot.Login(ctx, "bot", "mistaken"); err == nil {
		t.Fatal("any password will do")
	}
	if err := errors.Join(bot.Login(ctx, "bot", canary.Password), bot.Connect(ctx)); err != nil {
		t.Fatal(err)
	}
	gone := client.Stream[client.MemberLeft](ctx, bot)
	room, err := bot.JoinRoom(ctx, "lounge")
	if err != nil {
		t.Fatal(err)
	}
	carol, ok := room.MemberNamed("carol")
	if !ok {
		t.Fatal("carol is not there")
	}
	if err := room.Kick(ctx, carol.UserID, "mind the <rules> & more"); err != nil {
		t.Fatal(err)
	}
	for e := range gone {
		if e.User.Username != "carol" {
			t.Errorf("%s has left", e.User.Username)
		}
		break
	}
	if server != nil {
		server.ExpireSessions()
	}
	bob, ok := room.MemberNamed("bob")
	if !ok {
		t.Fatal("bob is not there")
	}
	if err := errors.Join(room.Mute(ctx, bob.UserID), room.Ban(ctx, carol.UserID, 5*time.Minute), room.Updub(ctx)); err != nil {
		t.Fatal(err)
	}
	for _, err := range room.History(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	if _, err := bot.FetchUser(ctx, "alice"); err != nil {
		t.Fatal(err)
	}
	if err := room.Leave(ctx); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // what a program sends while it closes is chance
}

func TestCassette_replaysWhatItRecorded(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]scenario{
		"talk":    talk,
		"evening": evening(new([]string)),
		"shift":   shift,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := record(t, name, run)
			replay(t, dir, name, run)
		})
	}
}

func TestCassette_hearsTheSame(t *testing.T) {
	t.Parallel()
	var recorded []string
	dir := record(t, "evening", evening(&recorded))
	for name, pace := range map[string]cassettes.Option{"at once": cassettes.AtOnce(), "as it was": cassettes.Speed(1), "in a hurry": cassettes.Speed(1000)} {
		t.Run(name, func(t *testing.T) {
			var replayed []string
			replay(t, dir, "evening", evening(&replayed), pace)
			for i, line := range recorded {
				recorded[i] = strings.Replace(strings.Replace(line, "alice@example.net", "redacted-email-1@redacted.invalid", 1), "203.0.113.9", "198.18.0.1", 1)
			}
			if diff := cmp.Diff(recorded, replayed); diff != "" {
				t.Errorf("received other events (-recorded +replayed):\n%s", diff)
			}
		})
	}
}

func files(t *testing.T, dir, name string) string {
	t.Helper()
	var all strings.Builder
	for _, suffix := range []string{".http.yaml", ".ws.jsonl"} {
		b, err := os.ReadFile(filepath.Join(dir, name+suffix))
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}

func TestRecord_isTheSameEachTime(t *testing.T) {
	t.Parallel()
	var first string
	recordings := 20
	if testing.Short() {
		recordings = 4
	}
	for i := range recordings {
		dir := record(t, "evening", evening(new([]string)))
		now := files(t, dir, "evening")
		if i == 0 {
			first = now
		}
		if diff := cmp.Diff(strings.Split(first, "\n"), strings.Split(now, "\n")); diff != "" {
			t.Fatalf("recording %d differs from the first:\n%s", i+1, diff)
		}
	}
}

func TestRecord_leaksNothing(t *testing.T) {
	t.Parallel()
	dir := record(t, "evening", evening(new([]string)), cassettes.Anonymous("bot"))
	text := files(t, dir, "evening")
	for _, secret := range []string{canary.Password, "alice", "bob", "carol", "@example", "203.0.113.9", "eyJ", "s3ss10n", "connect.sid=s"} {
		if i := strings.Index(text, secret); i >= 0 {
			t.Errorf("%q is in the recording: %s", secret, text[max(i-100, 0):min(i+100, len(text))])
		}
	}
	if !strings.Contains(text, `"username":"bot"`) && !strings.Contains(text, `\"username\":\"bot\"`) {
		t.Error("the bot, which was excepted, has lost its name")
	}
	replay(t, dir, "evening", evening(new([]string)), cassettes.Anonymous("bot"))
}

// A recording needs no bubble: here time is real, and so are the goroutines.
func TestCassette_withoutBubble(t *testing.T) {
	t.Parallel()
	var received []string
	dir := record(t, "quiet", quiet(new([]string)))
	c := cassettes.Open(t, "quiet", cassettes.Dir(dir), cassettes.WithMode(cassettes.Replay))
	quiet(&received)(t, newBot(t, c, nil), nil)
	if diff := cmp.Diff(tenLines, received); diff != "" {
		t.Errorf("received (-want +got):\n%s", diff)
	}
}

// Stepped, a bot joins by itself, and receives the events that the test releases.
func TestCassette_stepByStep(t *testing.T) {
	t.Parallel()
	dir := record(t, "quiet", quiet(new([]string)))
	synctest.Test(t, func(t *testing.T) {
		c := cassettes.Open(t, "quiet", cassettes.Dir(dir), cassettes.WithMode(cassettes.Replay), cassettes.Stepped(), cassettes.AllowUnused())
		bot := newBot(t, c, nil)
		if err := errors.Join(bot.Login(t.Context(), "bot", canary.Password), bot.Connect(t.Context())); err != nil {
			t.Fatal(err)
		}
		room, err := bot.JoinRoom(t.Context(), "lounge")
		if err != nil {
			t.Fatal(err)
		}
		var received []string // read and written while all other goroutines wait
		client.On(room, func(_ context.Context, e client.Chat) error {
			received = append(received, e.Message.Content)
			return nil
		})
		chat := func(f cassettes.Frame) bool { return f.Name == "chat-message" }
		for i := range 3 {
			if _, ok := c.Until(chat); !ok {
				t.Fatal("there is no more chat")
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if diff := cmp.Diff(tenLines[:i+1], received); diff != "" {
				t.Fatalf("received (-want +got):\n%s", diff)
			}
		}
	})
}
