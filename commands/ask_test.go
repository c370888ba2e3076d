package commands_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/commands"
	"github.com/queup-go/queup/queuptest"
)

// asking has a command that asks for two words, one after the other, and one that just answers.
func asking(r *commands.Router) {
	r.Handle(commands.Command{Name: "ping", Private: true}, reply("Pong!"))
	r.Handle(commands.Command{Name: "order", Private: true}, func(ctx context.Context, c *commands.Context) error {
		return c.Ask(ctx, "which dish?", time.Minute, func(ctx context.Context, c *commands.Context) error {
			dish := c.Text
			return c.Ask(ctx, "how many?", time.Minute, func(ctx context.Context, c *commands.Context) error {
				if c.Text == "none" {
					return c.UsageError("that is nothing")
				}
				return c.Replyf(ctx, "%s %s for %s by %s%s", c.Text, dish, c.Author, c.Prefix, c.Command.Name)
			})
		})
	})
}

func TestAsk_othersAreServedMeanwhile(t *testing.T) {
	onStage(t, with(asking), func(t *testing.T, s *stage) {
		s.expect("alice", "!order", "which dish?")
		s.expect("bob", "!ping", "Pong!") // within the minute
		s.expect("bob", "soup")           // nobody has asked bob
		s.expect("bob", "!order", "which dish?")
		s.expect("alice", "!ping", "Pong!") // a command is not an answer
		s.expectPrivate("alice", "soup")    // nor is a line elsewhere
		s.expect("alice", " dumplings ", "how many?")
		s.expect("bob", "!soup", "how many?") // no command of this router
		s.expect("alice", "none", "@alice: that is nothing. Usage: !order")
		s.expect("bob", "7", "7 !soup for bob by !order")
		s.expect("bob", "7")
		if errs := s.errors(); errs != nil {
			t.Errorf("the error handler got %v", errs)
		}
	})
}

func TestAsk_inPrivate(t *testing.T) {
	onStage(t, with(asking), func(_ *testing.T, s *stage) {
		s.expectPrivate("alice", "!order", "which dish?")
		s.expect("alice", "soup")
		s.expectPrivate("bob", "soup")
		s.expectPrivate("alice", "soup", "how many?")
		s.expectPrivate("alice", "2", "2 soup for alice by !order")
	})
}

func TestAsk_endsWithItsTime(t *testing.T) {
	onStage(t, with(asking), func(_ *testing.T, s *stage) {
		s.expect("alice", "!order", "which dish?")
		time.Sleep(56 * time.Second)
		s.expect("alice", "soup")
		s.expect("alice", "!order", "which dish?")
		s.expect("alice", "!order", "which dish?") // replaces the first
		time.Sleep(54 * time.Second)
		s.expect("alice", "soup", "how many?")
	})
}

func TestAsk_missedLinesAndLostRights(t *testing.T) {
	onStage(t, with(func(r *commands.Router) {
		r.Handle(commands.Command{Name: "reset", Permission: client.PermMembersKick}, func(ctx context.Context, c *commands.Context) error {
			return c.Ask(ctx, "sure?", time.Hour, reply("done"))
		})
	}), func(_ *testing.T, s *stage) {
		s.expect("mod", "!reset", "sure?")
		s.server.CutLinks()
		s.lounge.Say("mod", "missed")
		time.Sleep(time.Minute)
		s.expect("mod", "yes", "done")
		s.expect("mod", "!reset", "sure?")
		s.lounge.UnsetRole("owner", "mod", queuptest.Moderator)
		time.Sleep(time.Minute)
		s.expect("mod", "yes", "@mod: the command !reset is for those with the permission members.kick.")
	})
}

func TestAsk_withinMiddleware(t *testing.T) {
	var steps []string
	onStage(t, with(func(r *commands.Router) {
		asking(r)
		r.Use(func(next commands.Handler) commands.Handler {
			return func(ctx context.Context, c *commands.Context) error {
				steps = append(steps, c.Command.Name+" "+c.Message.Content)
				return next(ctx, c)
			}
		})
	}), func(t *testing.T, s *stage) {
		s.expect("alice", "!order", "which dish?")
		s.expect("alice", "soup", "how many?")
		if got := strings.Join(steps, ", "); got != "order !order, order soup" {
			t.Errorf("the middleware saw %s", got)
		}
	})
}

func TestAsk_refuses(t *testing.T) {
	done := reply("done")
	if err := new(commands.Context).Ask(t.Context(), "?", time.Second, done); !errors.Is(err, client.ErrDetached) {
		t.Errorf("Ask of a literal = %v", err)
	}
	if err := new(commands.Context).Ask(t.Context(), "?", 0, done); err == nil || !strings.Contains(err.Error(), "must be above 0") {
		t.Errorf("Ask without time = %v", err)
	}
	expectPanic(t, "the handler of the answer is nil", func(*commands.Router) {
		_ = new(commands.Context).Ask(t.Context(), "?", time.Second, nil)
	})
}
