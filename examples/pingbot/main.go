// Command pingbot answers !ping with Pong! and prints the room's conversation.
//
// With QUEUP_EMAIL, QUEUP_PASSWORD and QUEUP_ROOM it does so in that room of QueUp, until interrupted. Without them it
// needs no account: it starts a QueUp of its own in memory, where alice talks to it, and ends by itself.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/examples/internal/scene"
)

// usage is what -h prints.
const usage = `pingbot answers !ping with Pong! and prints the room's conversation.
It is set up by its environment:
` + scene.Variables + `
Without any of these it shows itself in a QueUp in memory.
`

func main() {
	log.SetFlags(0)
	flag.Usage = func() { fmt.Fprint(flag.CommandLine.Output(), usage) }
	if flag.Parse(); flag.NArg() > 0 {
		log.Fatalf("unexpected argument %q, -h lists what it takes", flag.Arg(0))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Stdout, os.Getenv); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer, getenv func(string) string) error {
	if scene.Demonstration(getenv) {
		return demo(ctx, out)
	}
	email, password, room, err := scene.Account(getenv)
	if err != nil {
		return err
	}
	bot, err := newPingbot(room, scene.NewTranscript(out), scene.Elsewhere(getenv)...)
	if err != nil {
		return err
	}
	return bot.Run(ctx, email, password)
}

// newPingbot returns the bot, which joins a room, answers !ping and prints the chat.
func newPingbot(room string, said *scene.Transcript, opts ...client.Option) (*client.Client, error) {
	bot, err := client.New(opts...)
	if err != nil {
		return nil, err
	}
	client.On(bot, func(ctx context.Context, _ client.Ready) error {
		joined, err := bot.JoinRoom(ctx, room)
		if err != nil {
			return err // which ends Run: the bot is in no other room
		}
		said.Note("joined %s with %d people", joined, joined.Members().Len())
		return nil
	})
	client.On(bot, func(_ context.Context, e client.RoomLeft) error {
		return e.Err // a kick or a ban, for the log; nil when the bot leaves by itself
	})
	client.On(bot, func(ctx context.Context, e client.Chat) error {
		said.Line(e.Message.CreatedAt, e.Author.Username, e.Message.Content)
		if e.Message.Content != "!ping" {
			return nil
		}
		answer, err := e.Room.SendMessage(ctx, "Pong!")
		if err != nil {
			return err
		}
		me, _ := bot.User()
		said.Line(answer.CreatedAt, me.Username, answer.Content)
		return nil
	})
	return bot, nil
}
