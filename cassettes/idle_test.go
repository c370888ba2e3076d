package cassettes_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/cassettes"
	"github.com/queup-go/queup/client"
)

// idleLimit is the limit in the tests of this file. Each runs in a process of its own.
const idleLimit = 3 * time.Second

// slowness is how long the slow programs do nothing: longer than idleLimit, and than the recording's pause before the bot leaves at
// speed 2, 3.5 s.
const slowness = 4 * time.Second

// idlers are tests whose program sends nothing where the recording has a request. The names of those that must not be ended begin
// with "slow".
var idlers = map[string]func(t *testing.T){
	"silent in real time": func(t *testing.T) {
		awaitPong(t.Context(), t, cassettes.Open(t, "ping"), "~pong")
	},
	"silent in the cassette's context": func(t *testing.T) {
		c := cassettes.Open(t, "ping")
		awaitPong(c.Context(), t, c, "~pong")
		if cause := context.Cause(c.Context()); !errors.Is(cause, cassettes.ErrUnmatched) {
			t.Errorf("the cause is %v", cause)
		}
	},
	"silent run": func(t *testing.T) { // as docs/TESTING.md shows it
		c := cassettes.Open(t, "ping")
		bot := wordBot(t, c, "~pong")
		ctx, stop := context.WithCancel(c.Context())
		defer stop()
		client.On(bot, func(ctx context.Context, _ client.Ready) error {
			_, err := bot.JoinRoom(ctx, "lounge")
			return err
		})
		client.On(bot, func(_ context.Context, e client.Chat) error {
			if e.Message.Content == "Pong!" {
				stop()
			}
			return nil
		})
		if err := bot.Run(ctx, "bot", "secret"); err != nil {
			t.Fatal(err)
		}
		<-bot.Done()
	},
	"silent without a handshake": func(t *testing.T) {
		c := cassettes.Open(t, "ping")
		if err := wordBot(t, c, "").Login(t.Context(), "bot", "secret"); err != nil {
			t.Fatal(err)
		}
		<-c.Context().Done()
	},
	"silent on a connection": func(t *testing.T) {
		c := cassettes.Open(t, "ping")
		sock, err := c.Dialer().Dial(t.Context(), "ws://queup.test/ws/?EIO=3&access_token=any&connect=1&transport=websocket", nil)
		for err == nil {
			_, _, err = sock.Read()
		}
		if !errors.Is(err, cassettes.ErrUnmatched) {
			t.Errorf("Read: %v", err)
		}
	},
	"silent in steps": func(t *testing.T) {
		c := cassettes.Open(t, "ping", cassettes.Stepped())
		enterLounge(t.Context(), t, c, "~pong")
		c.Next()
		<-make(chan int) // the bot's own line is not asked for
	},
	"silent at speed": func(t *testing.T) {
		awaitPong(t.Context(), t, cassettes.Open(t, "ping", cassettes.Speed(2)), "~pong")
	},
	"silent in a bubble": func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := cassettes.Open(t, "ping", cassettes.AllowUnmatched()) // at the end of the song, the client reads the next one
			awaitPong(c.Context(), t, c, "~pong")
		})
	},
	"silent in a bubble that stands still": func(t *testing.T) {
		outside := make(chan int)
		synctest.Test(t, func(t *testing.T) {
			enterLounge(t.Context(), t, cassettes.Open(t, "ping"), "~pong")
			time.Sleep(time.Minute)
			garbage()
			<-outside
		})
	},
	"slow as recorded": func(t *testing.T) { // 1.4 s before ~ping, and 3.5 s before the bot leaves
		awaitPong(t.Context(), t, cassettes.Open(t, "ping", cassettes.Speed(2)), "~ping")
		time.Sleep(slowness)
	},
	"slow between the bot's actions": func(t *testing.T) { // the recording waits 7 s for it to leave
		awaitPong(t.Context(), t, cassettes.Open(t, "ping"), "~ping")
		time.Sleep(slowness)
	},
	"slow between steps": func(t *testing.T) {
		c := cassettes.Open(t, "ping", cassettes.Stepped())
		lines := enterLounge(t.Context(), t, c, "~ping")
		for range 2 {
			time.Sleep(slowness)
			c.Next()
			<-lines
		}
	},
	"slow requests": func(t *testing.T) {
		dir := capture(t, "slow", numbered(), nil, func(t *testing.T, c *cassettes.Cassette) {
			t.Helper()
			want(t, c, "GET", api+"/a", "", "")
			want(t, c, "GET", api+"/b", "", "")
		})
		c := cassettes.Open(t, "slow", cassettes.Dir(dir))
		want(t, c, "GET", api+"/a", "", "")
		time.Sleep(slowness)
		want(t, c, "GET", api+"/b", "", "")
	},
	"slow with unused records": func(t *testing.T) {
		enterLounge(t.Context(), t, cassettes.Open(t, "ping", cassettes.AllowUnused()), "~pong")
		time.Sleep(idleLimit + idleLimit/6) // less than the 5 s after which the bot comes back from its own leave
	},
}

// missing is what the explanation of some of them names. That of the others names the answer to ~ping.
var missing = map[string][]string{
	"silent without a handshake": {"waits for a handshake that", "testdata/ping.ws.jsonl:2 open"},
	"silent on a connection":     {"waits for a frame that", `testdata/ping.ws.jsonl:5 > 4{"action":10`},
}

// garbage makes the collector run, as a program does that works.
func garbage() { runtime.GC() }

// wordBot makes a bot that answers a word of the chat by Pong!
func wordBot(t *testing.T, c *cassettes.Cassette, word string) *client.Client {
	t.Helper()
	bot, err := client.New(client.WithTransport(c.Transport()), client.WithDialer(c.Dialer()), client.WithOwnMessages(true))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = bot.Close()
		<-bot.Done()
	})
	client.On(bot, func(ctx context.Context, e client.Chat) error {
		if e.Message.Content != word {
			return nil
		}
		_, err := e.Room.SendMessage(ctx, "Pong!")
		return err
	})
	return bot
}

// enterLounge brings that bot into the lounge, and returns its chat.
func enterLounge(ctx context.Context, t *testing.T, c *cassettes.Cassette, word string) <-chan string {
	t.Helper()
	bot := wordBot(t, c, word)
	lines := make(chan string, 2)
	client.On(bot, func(_ context.Context, e client.Chat) error {
		lines <- e.Message.Content
		return nil
	})
	if err := errors.Join(bot.Login(ctx, "bot", "secret"), bot.Connect(ctx)); err != nil {
		t.Fatal(err)
	}
	room, err := bot.JoinRoom(ctx, "lounge")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !t.Failed() {
			_ = room.Leave(context.Background())
		}
	})
	return lines
}

// awaitPong brings that bot into the lounge, and waits for its Pong! until ctx ends.
func awaitPong(ctx context.Context, t *testing.T, c *cassettes.Cassette, word string) {
	t.Helper()
	lines := enterLounge(ctx, t, c, word)
	for {
		select {
		case line := <-lines:
			if line == "Pong!" {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// A program that does not send what the recording waits for does not hang: the test ends, and the explanation is the last on the
// screen. Slow work is not ended.
func TestIdle(t *testing.T) {
	t.Parallel()
	for name := range idlers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, passed, took := outside(t, name)
			if strings.HasPrefix(name, "slow") {
				if !passed {
					t.Errorf("ended after %v:\n%s", took, out)
				}
				return
			}
			if passed || took > time.Minute || strings.Contains(out, "goroutine ") {
				t.Errorf("passed: %t, after %v:\n%s", passed, took, out)
			}
			wanted, ok := missing[name]
			if !ok {
				wanted = []string{
					"waits for a request that the program has not sent", "testdata/ping.http.yaml:1234 ", "POST /chat/", `body.message: "Pong!"`,
					"held back until it is sent", "testdata/ping.ws.jsonl:12",
				}
			}
			last := out
			for _, want := range append(slices.Clone(wanted), "record it again: ") {
				i := strings.LastIndex(last, want)
				if i < 0 {
					t.Fatalf("%q is not printed, or not in its place:\n%s", want, out)
				}
				last = last[i:]
			}
			if n := strings.Count(last, "\n"); n > 5 {
				t.Errorf("%d lines follow the explanation:\n%s", n, out)
			}
		})
	}
}
