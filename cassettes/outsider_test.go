package cassettes_test

import (
	"context"
	"errors"
	"iter"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/cassettes"
	"github.com/queup-go/queup/client"
)

// outsiderVar names the test of TestOutsider to run. Each runs in a process of its own, because it fails, or ends it.
const outsiderVar = "CASSETTES_OUTSIDER"

// outsiders are tests as an author of a bot would write them, with a fault.
var outsiders = map[string]func(t *testing.T){
	"range over a stream": func(t *testing.T) {
		c := cassettes.Open(t, "ping")
		for e := range mistaken(t.Context(), t, c) {
			if e.Message.Content == "Pong!" {
				break
			}
		}
	},
	"range in the cassette's context": func(t *testing.T) {
		c := cassettes.Open(t, "ping")
		for e := range mistaken(c.Context(), t, c) {
			if e.Message.Content == "Pong!" {
				break
			}
		}
		if cause := context.Cause(c.Context()); !errors.Is(cause, cassettes.ErrUnmatched) {
			t.Errorf("the cause is %v", cause)
		}
		t.Log("said after the mismatch")
	},
	"a channel": func(t *testing.T) {
		c := cassettes.Open(t, "ping")
		mistaken(t.Context(), t, c)
		<-make(chan int)
	},
	"a channel in a bubble": func(t *testing.T) {
		outside := make(chan int) // the bubble's clock stands still while it is waited for
		synctest.Test(t, func(t *testing.T) {
			c := cassettes.Open(t, "ping")
			mistaken(t.Context(), t, c)
			time.Sleep(time.Minute)
			<-outside
		})
	},
	"run": func(t *testing.T) {
		c := cassettes.Open(t, "ping")
		bot := wrong(t, c)
		client.On(bot, func(ctx context.Context, _ client.Ready) error {
			_, err := bot.JoinRoom(ctx, "lounge")
			return err
		})
		if err := bot.Run(t.Context(), "bot", "secret"); err == nil {
			t.Error("Run has returned nil")
		}
	},
}

// recorders are tests that record, and do not pass.
var recorders = map[string]func(t *testing.T, c *cassettes.Cassette){
	"panic":   func(*testing.T, *cassettes.Cassette) { panic("of the test") },
	"skip":    func(t *testing.T, _ *cassettes.Cassette) { t.Helper(); t.Skip("after all") },
	"fatal":   func(t *testing.T, _ *cassettes.Cassette) { t.Helper(); t.Fatal("after all") },
	"error":   func(t *testing.T, _ *cassettes.Cassette) { t.Helper(); t.Error("after all") },
	"goexit":  func(*testing.T, *cassettes.Cassette) { runtime.Goexit() },
	"subtest": func(t *testing.T, _ *cassettes.Cassette) { t.Helper(); t.Run("x", func(t *testing.T) { t.Fail() }) },
	"bubble": func(t *testing.T, _ *cassettes.Cassette) {
		t.Helper()
		synctest.Test(t, func(*testing.T) { panic("of the bubble") })
	},
}

// outsiderDir is the variable for the folder of a recording that such a test makes again.
const outsiderDir = "CASSETTES_OUTSIDER_DIR"

// recordAgain makes that recording again in a test that ends as end says.
func recordAgain(t *testing.T, end func(t *testing.T, c *cassettes.Cassette)) {
	t.Helper()
	c := cassettes.Open(t, "kept", cassettes.Dir(os.Getenv(outsiderDir)), cassettes.WithMode(cassettes.Rewrite), cassettes.RecordInCI(),
		cassettes.Through(numbered()), cassettes.Source("queuptest"))
	want(t, c, "GET", api+"/other", "", "")
	end(t, c)
}

// Only a test that has passed replaces a recording.
func TestRecord_onlyWhenTheTestPasses(t *testing.T) {
	t.Parallel()
	for name := range recorders {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := capture(t, "kept", numbered(), nil, func(t *testing.T, c *cassettes.Cassette) { t.Helper(); want(t, c, "GET", api+"/a", "", "") })
			before := files(t, dir, "kept")
			out, passed, _ := outside(t, "record "+name, outsiderDir+"="+dir)
			if now := files(t, dir, "kept"); now != before {
				t.Errorf("the recording was replaced: %s", out)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 2 || passed != (name == "skip") {
				t.Errorf("passed: %t, left: %v (%v): %s", passed, left, err, out)
			}
		})
	}
}

// wrong is the bot of docs/TESTING.md with one word changed.
func wrong(t *testing.T, c *cassettes.Cassette) *client.Client {
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
		if e.Message.Content != "~ping" {
			return nil
		}
		_, err := e.Room.SendMessage(ctx, "Pang!")
		return err
	})
	return bot
}

// mistaken brings that bot into the lounge, and returns the stream of its chat.
func mistaken(ctx context.Context, t *testing.T, c *cassettes.Cassette) iter.Seq[client.Chat] {
	t.Helper()
	bot := wrong(t, c)
	lines := client.Stream[client.Chat](ctx, bot)
	if err := errors.Join(bot.Login(t.Context(), "bot", "secret"), bot.Connect(t.Context())); err != nil {
		t.Fatal(err)
	}
	if _, err := bot.JoinRoom(t.Context(), "lounge"); err != nil {
		t.Fatal(err)
	}
	return lines
}

// TestOutsider runs the test that outsiderVar names.
func TestOutsider(t *testing.T) {
	name := os.Getenv(outsiderVar)
	if run, ok := outsiders[name]; ok {
		run(t)
		return
	}
	if run, ok := idlers[name]; ok {
		cassettes.SetIdleLimit(idleLimit)
		run(t)
		return
	}
	end, ok := recorders[strings.TrimPrefix(name, "record ")]
	if !ok {
		t.Skip("only in a process of its own")
	}
	recordAgain(t, end)
}

// outside runs a test of outsiders in a process of its own. It returns what the process has printed, and how long it took.
func outside(t *testing.T, name string, env ...string) (output string, passed bool, took time.Duration) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestOutsider$", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), outsiderVar+"="+name)
	cmd.Env = append(cmd.Env, env...)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
		t.Fatal(err)
	}
	return string(out), err == nil, time.Since(began)
}

// Whatever a test waits in, a mismatch ends it within seconds, and the explanation is the last on the screen.
func TestMismatch_endsTheTest(t *testing.T) {
	t.Parallel()
	for name := range outsiders {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, passed, took := outside(t, name)
			if passed || took > 30*time.Second || strings.Contains(out, "goroutine ") {
				t.Errorf("passed: %t, after %v:\n%s", passed, took, out)
			}
			last := out
			for _, want := range []string{"no record matches this request", `- body.message: "Pong!"`, `+ body.message: "Pang!"`, "record it again: "} {
				i := strings.LastIndex(last, want)
				if i < 0 {
					t.Fatalf("%q is not printed, or not in its place:\n%s", want, out)
				}
				last = last[i:]
			}
			if n := strings.Count(last, "\n"); n > 4 {
				t.Errorf("%d lines follow the explanation:\n%s", n, out)
			}
		})
	}
}
