package client_test

import (
	"context"
	"fmt"
	"log"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// A client of a QueUp in memory. Without the two URLs it would be the real one.
func ExampleNew() {
	server := queuptest.NewServer()
	defer server.Close()

	bot, err := client.New(client.WithBaseURL(server.URL()), client.WithRealtimeURL(server.RealtimeURL()))
	if err != nil {
		log.Fatal(err)
	}
	defer bot.Close()
	if err := bot.Login(context.Background(), "bot", "secret"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(bot)
	// Output:
	// queup client of bot
}

// A bot that answers one command, until it is told to stop.
func ExampleOn() {
	server := queuptest.NewServer()
	defer server.Close()
	bot, err := client.New(client.WithBaseURL(server.URL()), client.WithRealtimeURL(server.RealtimeURL()))
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()

	client.On(bot, func(ctx context.Context, _ client.Ready) error {
		_, err := bot.JoinRoom(ctx, "lounge")
		return err
	})
	client.On(bot, func(_ context.Context, e client.RoomJoined) error {
		server.Room("lounge").Say("alice", "~ping")
		return nil
	})
	client.On(bot, func(ctx context.Context, e client.Chat) error {
		if e.Message.Content != "~ping" {
			return nil
		}
		answer, err := e.Room.SendMessage(ctx, "Pong!")
		if err != nil {
			return err
		}
		fmt.Println(e.Message)
		fmt.Println(answer)
		stop()
		return nil
	})
	if err := bot.Run(ctx, "bot", "secret"); err != nil {
		log.Fatal(err)
	}
	// Output:
	// alice: ~ping
	// bot: Pong!
}

// What is known about a room once it is joined.
func ExampleClient_JoinRoom() {
	server := queuptest.NewServer()
	defer server.Close()
	bot, err := client.New(client.WithBaseURL(server.URL()), client.WithRealtimeURL(server.RealtimeURL()))
	if err != nil {
		log.Fatal(err)
	}
	defer bot.Close()
	ctx := context.Background()
	if err := bot.Login(ctx, "bot", "secret"); err != nil {
		log.Fatal(err)
	}
	if err := bot.Connect(ctx); err != nil {
		log.Fatal(err)
	}

	room, err := bot.JoinRoom(ctx, "lounge")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(room.Name(), "has", room.Members().Len(), "people")
	if bob, ok := room.MemberNamed("bob"); ok {
		fmt.Println("bob has", bob.QueuedNow, "songs in the queue")
	}
	if song, playing := room.NowPlaying(); playing {
		user, _ := song.User()
		fmt.Println("playing", client.FormatSongLength(song.Length), "queued by", user)
	}
	// Output:
	// The Lounge has 6 people
	// bob has 2 songs in the queue
	// playing 03:00 queued by alice
}

// Waiting for the answer to something the bot does: subscribe first, then act.
func ExampleStream() {
	server := queuptest.NewServer()
	defer server.Close()
	bot, err := client.New(client.WithBaseURL(server.URL()), client.WithRealtimeURL(server.RealtimeURL()))
	if err != nil {
		log.Fatal(err)
	}
	defer bot.Close()
	ctx := context.Background()
	if err := bot.Login(ctx, "bot", "secret"); err != nil {
		log.Fatal(err)
	}
	if err := bot.Connect(ctx); err != nil {
		log.Fatal(err)
	}
	room, err := bot.JoinRoom(ctx, "lounge")
	if err != nil {
		log.Fatal(err)
	}

	answers := client.Stream[client.Chat](ctx, room)
	if _, err := room.SendMessage(ctx, "anyone here?"); err != nil {
		log.Fatal(err)
	}
	server.Room("lounge").Say("bob", "me!")
	for e := range answers {
		fmt.Println(e.Message)
		break
	}
	// Output:
	// bob: me!
}
