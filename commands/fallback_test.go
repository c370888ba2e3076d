package commands_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/queup-go/queup/commands"
)

func TestRouter_fallback(t *testing.T) {
	var seen []string
	onStage(t, with(func(r *commands.Router) {
		r.Handle(commands.Command{Name: "ping"}, reply("Pong!"))
		r.Handle(commands.Command{Name: "?"}, reply("yes?"))
		r.Handle(commands.Command{Name: "order"}, func(ctx context.Context, c *commands.Context) error {
			return c.Ask(ctx, "which dish?", time.Minute, func(ctx context.Context, c *commands.Context) error { return c.Reply(ctx, "one "+c.Text) })
		})
		r.Fallback(reply("is replaced"))
		r.Fallback(func(ctx context.Context, c *commands.Context) error {
			if c.Command.Name == "oops" {
				return c.UsageError("no")
			}
			if c.Command.Name == "ask" {
				return c.Ask(ctx, "what?", time.Minute, func(ctx context.Context, c *commands.Context) error { return c.Reply(ctx, "you said "+c.Text) })
			}
			return c.Replyf(ctx, "%s %s(%s) by %s", c.Prefix, c.Command.Name, c.Text, c.Author)
		})
		r.Use(func(next commands.Handler) commands.Handler {
			return func(ctx context.Context, c *commands.Context) error {
				seen = append(seen, c.Command.Name)
				return next(ctx, c)
			}
		})
	}, commands.Suggest()), func(t *testing.T, s *stage) {
		s.expect("alice", "!ping", "Pong!")
		s.expect("alice", "!Hug  bob  tightly", "! Hug(bob  tightly) by alice")
		s.expect("alice", "!pign", "! pign() by alice") // Suggest leaves it to the fallback
		s.expect("alice", "!🎉", "! 🎉() by alice")
		s.expect("alice", "!?", "yes?")
		for _, text := range []string{"hug", "!", "! hug", "!!!", "!?!", "!…", "!$ & !"} {
			s.expect("alice", text)
		}
		s.expect("alice", "!order", "which dish?")
		s.expect("alice", "!soup", "one !soup")
		s.expect("alice", "!oops", "@alice: no. Usage: !oops")
		s.expect("alice", "!ask", "what?")
		s.expect("alice", "this", "you said this")
		s.expectPrivate("alice", "!hug bob", "! hug(bob) by alice")
		s.expectPrivate("alice", "!ask", "what?")
		s.expectPrivate("alice", "that", "you said that")
		if got := fmt.Sprint(seen); got != "[ping Hug pign 🎉 ? order order oops ask ask hug ask ask]" {
			t.Errorf("the middleware saw %s", got)
		}
	})
}

func TestRouter_removeAndHas(t *testing.T) {
	var r *commands.Router
	onStage(t, with(func(made *commands.Router) {
		r = made
		r.Handle(commands.Command{Name: "Ping", Aliases: []string{"p", "Pong"}, Cooldown: time.Hour}, reply("Pong!"))
		r.Handle(commands.Command{Name: "order"}, func(ctx context.Context, c *commands.Context) error {
			return c.Ask(ctx, "which dish?", time.Minute, func(ctx context.Context, c *commands.Context) error { return c.Reply(ctx, "one "+c.Text) })
		})
	}), func(t *testing.T, s *stage) {
		expectNames := func(names string, want bool) {
			t.Helper()
			for _, name := range []string{"ping", "P", "PONG"} {
				if r.Has(name) != want {
					t.Errorf("%s: Has(%s) = %t", names, name, !want)
				}
			}
		}
		expectNames("at first", true)
		if !r.Has("help") || r.Has("!ping") || r.Has("") || r.Remove("nothing") || r.Remove("!ping") {
			t.Error("what is there is not known, or what is not is")
		}
		s.expect("alice", "!p", "Pong!")
		if !r.Remove("pONG") || r.Remove("ping") {
			t.Error("it cannot be removed, or not once")
		}
		expectNames("removed", false)
		s.expect("alice", "!ping")
		s.expect("alice", "!help", "Commands: !help, !order (!help <command> tells more)")
		r.Handle(commands.Command{Name: "ping", Aliases: []string{"p", "pong"}, Cooldown: time.Hour}, reply("pong again"))
		expectNames("added again", true)
		s.expect("alice", "!ping", "@alice: please wait 59m45s before the next !ping.")

		s.expect("alice", "!order", "which dish?")
		r.Remove("order")
		s.expect("alice", "soup", "one soup")
	})
}

// Commands come and go while people use them.
func TestRouter_removeWhileServing(t *testing.T) {
	var r *commands.Router
	onStage(t, with(func(made *commands.Router) { r = made }, commands.Concurrent(4), commands.Suggest()), func(t *testing.T, s *stage) {
		var changes sync.WaitGroup
		for i := range 4 {
			changes.Go(func() {
				for range 50 {
					name := fmt.Sprint("ping", i)
					r.Handle(commands.Command{Name: name, Aliases: []string{"also-" + name}}, reply("Pong!"))
					r.Fallback(reply("nothing"))
					time.Sleep(10 * time.Millisecond)
					if !r.Has("also-"+name) || !r.Remove(name) {
						t.Errorf("%s is gone", name)
					}
				}
			})
		}
		for i := range 20 {
			s.lounge.Say([]string{"alice", "bob", "carol", "mod"}[i%4], fmt.Sprint("!ping", i%4))
			s.lounge.Say("alice", "!help")
			time.Sleep(20 * time.Millisecond)
		}
		changes.Wait()
		if r.Has("ping0") || !r.Has("help") {
			t.Error("not what was left")
		}
		time.Sleep(time.Minute) // QueUp limits how much an account says
		s.expect("bob", "!ping0", "nothing")
	})
}

func TestRouter_servesAClientOnce(t *testing.T) {
	r := commands.New()
	r.Handle(commands.Command{Name: "ping"}, reply("Pong!"))
	onStage(t, func(*testing.T) *commands.Router { return r }, func(t *testing.T, s *stage) {
		again := func(*commands.Router) { r.Serve(s.bot) }
		expectPanic(t, "Serve: the router serves this client already", again)
		s.expect("alice", "!ping", "Pong!")
		s.cancel()
		s.expect("alice", "!ping")
		second := r.Serve(s.bot)
		s.cancel() // again, which does nothing
		expectPanic(t, "Serve: the router serves this client already", again)
		s.expect("alice", "!ping", "Pong!")
		second()
		commands.New().Serve(s.bot) // another router is another matter
	})
}
