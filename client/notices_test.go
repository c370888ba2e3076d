package client_test

import (
	"context"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/queuptest"
)

// sleepy is a bot with handlers that take their time.
type sleepy struct{ takes time.Duration }

func (s sleepy) onChat(context.Context, client.Chat) error {
	time.Sleep(s.takes)
	return nil
}

// A handler that does not return is named while Run waits for it; one that returns soon is not.
func TestRun_namesTheHandlerThatItWaitsFor(t *testing.T) {
	const function = ` handler="\S*TestRun_names\S* \(notices_test\.go:\d+\)"`
	for name, tt := range map[string]struct {
		listen func(bot *client.Client, takes time.Duration)
		takes  time.Duration
		logged []string // expressions, one for each line
	}{
		"a method": {
			func(bot *client.Client, takes time.Duration) { client.On(bot, sleepy{takes}.onChat) },
			time.Minute,
			[]string{`level=WARN msg="queup: waiting for a handler that does not return" event=client\.Chat handler=\S*client_test\.sleepy\.onChat$`},
		},
		"two functions": {
			func(bot *client.Client, takes time.Duration) {
				client.On(bot, func(context.Context, client.SongChanged) error { return nil })
				client.On(bot, func(context.Context, client.Chat) error { time.Sleep(takes); return nil })
				client.On(bot, func(_ context.Context, e client.Event) error {
					if _, chat := e.(client.Chat); chat {
						time.Sleep(takes)
					}
					return nil
				})
			},
			time.Minute,
			[]string{`event=client\.Chat` + function, `event=client\.Event` + function},
		},
		"one that has cancelled its subscription": {
			func(bot *client.Client, takes time.Duration) {
				var cancel func()
				cancel = client.On(bot, func(context.Context, client.Chat) error { cancel(); time.Sleep(takes); return nil })
			},
			time.Minute,
			[]string{`event=client\.Chat`},
		},
		"one that returns soon": {
			func(bot *client.Client, takes time.Duration) { client.On(bot, sleepy{takes}.onChat) },
			time.Second / 2,
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			logged := captureDefaultLog(t)
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				bot := newcomer(t, server)
				client.On(bot, func(ctx context.Context, _ client.Ready) error {
					_, err := bot.JoinRoom(ctx, "lounge")
					return err
				})
				tt.listen(bot, tt.takes)
				ctx, cancel := context.WithCancel(t.Context())
				ran := make(chan error, 1)
				go func() { ran <- bot.Run(ctx, "bot", canary.Password) }()
				settle(time.Second)
				server.Room("lounge").Say("alice", "hello")
				synctest.Wait()
				cancel()
				if err := <-ran; err != nil {
					t.Error(err)
				}
				expectLines(t, logged.String(), tt.logged)
				<-bot.Done()
			})
		})
	}
}

// expectLines checks that a log has a line for each expression, and no other.
func expectLines(t *testing.T, logged string, want []string) {
	t.Helper()
	lines := strings.FieldsFunc(logged, func(r rune) bool { return r == '\n' })
	if len(lines) != len(want) {
		t.Fatalf("the log has %d lines, want %d:\n%s", len(lines), len(want), logged)
	}
	for i, line := range lines {
		if !regexp.MustCompile(want[i]).MatchString(line) {
			t.Errorf("line %d is\n%s\nwant %s", i, line, want[i])
		}
	}
}

// Without any option the log says when the connection is lost and when it is back, once for each outage.
func TestDefaultLog_saysWhenTheConnectionIsLostAndBack(t *testing.T) {
	const (
		lost = `level=WARN msg="queup: connection lost" error=.* retry_in=`
		back = `level=INFO msg="queup: connection is back" after=`
	)
	for name, tt := range map[string]struct {
		opts []client.Option
		want []string
	}{
		"no option":        {nil, []string{lost, back, lost, back}},
		"no further tries": {[]client.Option{client.WithReconnect(func(int, error) (time.Duration, bool) { return 0, false })}, []string{`level=WARN msg="queup: connection lost for good" error=`}},
		"a logger":         {[]client.Option{client.WithLogger(slog.New(slog.DiscardHandler))}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			logged := captureDefaultLog(t)
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				bot, _ := joinLounge(t, server, "bot", append(tt.opts, client.WithSeed(1))...)
				server.CutLinks()
				settle(time.Minute)
				if err := server.Restart(5 * time.Minute); err != nil { // many tries
					t.Fatal(err)
				}
				settle(5 * time.Minute)
				_ = bot.Close()
				<-bot.Done()
				expectLines(t, logged.String(), tt.want)
				if text := logged.String(); strings.Contains(text, canary.Password) || strings.Contains(text, "access_token=") {
					t.Errorf("the log has a secret:\n%s", text)
				}
			})
		})
	}
}
