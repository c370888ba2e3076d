package commands_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/commands"
	"github.com/queup-go/queup/queuptest"
)

// noting is a router whose command note records its text, with ~ for a line that was missed.
func noting(noted *[]string, opts ...commands.Option) func(t *testing.T) *commands.Router {
	return with(func(r *commands.Router) {
		r.Handle(commands.Command{Name: "note", Private: true}, func(_ context.Context, c *commands.Context) error {
			text := c.Text
			if c.Missed {
				text = "~" + text
			}
			*noted = append(*noted, text)
			return nil
		})
		r.Handle(commands.Command{Name: "reset"}, func(ctx context.Context, c *commands.Context) error {
			return c.Ask(ctx, "sure?", time.Hour, func(_ context.Context, c *commands.Context) error {
				*noted = append(*noted, "answer "+c.Text)
				return nil
			})
		})
	}, opts...)
}

// The bot is away for two minutes, by the clock of a QueUp that is an hour ahead.
func TestAnswerMissed(t *testing.T) {
	for name, tt := range map[string]struct {
		opts []commands.Option
		want []string
	}{
		"never, as by default":  {nil, []string{"before", "after"}},
		"never":                 {[]commands.Option{commands.AnswerMissed(0)}, []string{"before", "after"}},
		"up to a minute":        {[]commands.Option{commands.AnswerMissed(time.Minute)}, []string{"before", "~recent", "~private", "after"}},
		"up to an hour":         {[]commands.Option{commands.AnswerMissed(time.Hour)}, []string{"before", "~old", "~recent", "~private", "after"}},
		"with people in lanes":  {[]commands.Option{commands.AnswerMissed(time.Minute), commands.Concurrent(8)}, []string{"before", "~recent", "~private", "after"}},
		"less than a short cut": {[]commands.Option{commands.AnswerMissed(time.Second)}, []string{"before", "after"}},
	} {
		t.Run(name, func(t *testing.T) {
			var noted []string
			away := func(int, error) (time.Duration, bool) { return 2 * time.Minute, true }
			onStageOf(t, []queuptest.Option{queuptest.ClockOffset(time.Hour)}, noting(&noted, tt.opts...), func(t *testing.T, s *stage) {
				s.expect("alice", "!note before")
				s.server.CutLinks()
				s.lounge.Say("alice", "!note old")
				time.Sleep(90 * time.Second)
				s.lounge.Say("alice", "!note recent")
				s.server.Message("alice", "!note private", "bot")
				time.Sleep(5 * time.Minute)
				s.expect("alice", "!note after")
				slices.Sort(noted) // private messages have no order among those of the room
				slices.Sort(tt.want)
				if !slices.Equal(noted, tt.want) {
					t.Errorf("noted %q, want %q", noted, tt.want)
				}
			}, client.WithReconnect(away))
		})
	}
}

func TestAnswerMissed_answersNoQuestion(t *testing.T) {
	var noted []string
	onStage(t, noting(&noted, commands.AnswerMissed(time.Hour)), func(t *testing.T, s *stage) {
		s.expect("alice", "!reset", "sure?")
		s.server.CutLinks()
		s.lounge.Say("alice", "yes, that was the answer to bob")
		time.Sleep(time.Minute)
		s.expect("alice", "no")
		if !slices.Equal(noted, []string{"answer no"}) {
			t.Errorf("noted %q", noted)
		}
	})
}

// Two clients of a router are in a room, and a third replaces one of them. Each line has one answer.
func TestRouter_answersALineOnce(t *testing.T) {
	r := commands.New(commands.Suggest(), commands.AnswerMissed(time.Hour))
	r.Handle(commands.Command{Name: "ping"}, reply("Pong!"))
	r.Handle(commands.Command{Name: "order"}, func(ctx context.Context, c *commands.Context) error {
		return c.Ask(ctx, "which dish?", time.Minute, func(ctx context.Context, c *commands.Context) error { return c.Reply(ctx, "one "+c.Text) })
	})
	onStage(t, func(*testing.T) *commands.Router { return r }, func(t *testing.T, s *stage) {
		s.enter(t, "carol", r)
		said := func(text string) (lines []string) {
			before := len(s.lounge.Messages())
			s.lounge.Say("alice", text)
			time.Sleep(5 * time.Second)
			synctest.Wait()
			for _, m := range s.lounge.Messages()[before+1:] {
				lines = append(lines, m.Text)
			}
			return lines
		}
		for _, tt := range [][2]string{
			{"!ping", "Pong!"}, {"!pnig", "@alice: there is no such command. Did you mean !ping?"}, {"!order", "which dish?"}, {"soup", "one soup"},
		} {
			if got := said(tt[0]); !slices.Equal(got, []string{tt[1]}) {
				t.Errorf("%q is answered %q", tt[0], got)
			}
		}
		s.server.CutLinks()
		if got := said("!ping"); !slices.Equal(got, []string{"Pong!"}) {
			t.Errorf("a missed line is answered %q", got)
		}
	})
}
