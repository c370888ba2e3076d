package queuptest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// newBot returns the bot that is tested: it answers one command. The two URLs and the seed are for the test. With a seed the bot
// waits as long in every run before it connects again.
func newBot(srv *queuptest.Server) (*client.Client, error) {
	bot, err := client.New(client.WithServer(srv), client.WithSeed(1))
	if err != nil {
		return nil, err
	}
	client.On(bot, func(ctx context.Context, e client.Chat) error {
		if e.Message.Content != "!ping" {
			return nil
		}
		_, err := e.Room.SendMessage(ctx, "Pong!")
		return err
	})
	return bot, nil
}

// How to test a bot: it answers a command, it may not kick who ranks above it, and it survives the loss of its connection.
func Example() {
	srv := queuptest.NewServer()
	defer srv.Close()
	lounge := srv.Room("lounge")
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	bot, err := newBot(srv)
	if err != nil {
		log.Fatal(err)
	}
	defer bot.Close()
	room, err := join(ctx, bot, "mod", "lounge")
	if err != nil {
		log.Fatal(err)
	}
	answered := func(since time.Time) (queuptest.Entry, error) {
		return srv.Await(ctx, func(e queuptest.Entry) bool {
			return e.In && e.User == "mod" && strings.Contains(e.Body, "Pong!") && e.At.After(since)
		})
	}

	asked := time.Now()
	lounge.Say("alice", "!ping")
	if _, err := answered(asked); err == nil {
		fmt.Println("the command is answered")
	}

	lounge.Join("bot") // a co-owner
	above, _ := srv.UserID("bot")
	if err := room.Kick(ctx, client.UserID(above), "out!"); errors.Is(err, client.ErrForbidden) || errors.Is(err, client.ErrUnauthorized) {
		fmt.Println("the kick is refused")
	}

	back := client.Stream[client.Reconnected](ctx, bot) // listen first, then act
	srv.CutLinks()
	for range back {
		break
	}
	asked = time.Now()
	lounge.Say("alice", "!ping")
	if _, err := answered(asked); err == nil {
		fmt.Println("the connection was lost, and the bot is still there")
	}
	// Output:
	// the command is answered
	// the kick is refused
	// the connection was lost, and the bot is still there
}

// join logs a bot in and lets it join a room.
func join(ctx context.Context, bot *client.Client, user, slug string) (*client.Room, error) {
	if err := bot.Login(ctx, user, "secret"); err != nil {
		return nil, err
	}
	if err := bot.Connect(ctx); err != nil {
		return nil, err
	}
	return bot.JoinRoom(ctx, slug)
}
