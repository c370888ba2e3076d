package client_test

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

// A client of a QueUp in memory. Without the two URLs it would be the real one.
func ExampleNew() {
	server := queuptest.NewServer()
	defer server.Close()

	bot, err := client.New(client.WithServer(server))
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
	bot, err := client.New(client.WithServer(server))
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
		server.Room("lounge").Say("alice", "!ping")
		return nil
	})
	client.On(bot, func(ctx context.Context, e client.Chat) error {
		if e.Message.Content != "!ping" {
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
	// alice: !ping
	// bot: Pong!
}

// What is known about a room once it is joined.
func ExampleClient_JoinRoom() {
	server := queuptest.NewServer()
	defer server.Close()
	bot, err := client.New(client.WithServer(server))
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
	ctx := context.Background()
	server, bot, room := inTheLounge(ctx, "bot")
	defer server.Close()
	defer bot.Close()

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

// Waiting for one thing that happens by itself.
func ExampleNext() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	server, bot, room := inTheLounge(ctx, "bot")
	defer server.Close()
	defer bot.Close()

	defer keepSaying(server, "alice", "is that bot awake?")()
	e, err := client.Next(ctx, room, func(e client.Chat) bool { return e.Author.Username == "alice" })
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(e.Message)
	// Output:
	// alice: is that bot awake?
}

// What plays is never half there: the event has the media, who queued it, and what played before with its score.
func ExampleSongChanged() {
	ctx := context.Background()
	server, bot, room := inTheLounge(ctx, "bot")
	defer server.Close()
	defer bot.Close()

	changes := client.Stream[client.SongChanged](ctx, room)
	server.Room("lounge").Vote("carol", true)
	server.Room("lounge").Skip("mod")
	for e := range changes {
		before, _ := e.Previous.User()
		fmt.Printf("%s's song ends with %+d\n", before, e.Previous.NetDubs())
		fmt.Printf("%s plays %s\n", e.User, e.Info)
		break
	}
	// Output:
	// alice's song ends with +1
	// bob plays Nine & Dime - Corner Shop (03:20)
}

// The latest plays of a room, newest first. Pages are read as the loop goes on.
func ExampleRoom_History() {
	ctx := context.Background()
	server, bot, room := inTheLounge(ctx, "bot")
	defer server.Close()
	defer bot.Close()

	shown := 0
	for song, err := range room.History(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(song)
		if shown++; shown == 3 {
			break
		}
	}
	// Output:
	// Tin Parade - Blue Hour (04:22)
	// Small Hours - Postcards (04:26)
	// Winter Coat - Overgrown (05:49)
}

// Permissions come from the roles of the room, whether it has fixed ones or its own.
func ExampleRoom_Can() {
	ctx := context.Background()
	server, bot, room := inTheLounge(ctx, "bot")
	defer server.Close()
	defer bot.Close()

	for _, name := range []string{"owner", "mod", "alice"} {
		m, _ := room.MemberNamed(name)
		role, _ := m.Role()
		fmt.Printf("%s (%s) may kick: %v\n", name, role, room.Can(m.UserID, client.PermMembersKick))
	}
	// Output:
	// owner () may kick: true
	// mod (Moderator) may kick: true
	// alice () may kick: false
}

// A bot that may not do something gets an error before anything is sent.
func ExampleRoom_Kick() {
	ctx := context.Background()
	server, bot, room := inTheLounge(ctx, "mod") // a moderator
	defer server.Close()
	defer bot.Close()

	for _, name := range []string{"alice", "owner"} {
		m, _ := room.MemberNamed(name)
		err := room.Kick(ctx, m.UserID, "please read the rules")
		if refusal, ok := errors.AsType[*client.PermissionError](err); ok {
			fmt.Println("not kicked:", name, "-", refusal.Reason)
		} else if err != nil {
			log.Fatal(err)
		} else {
			fmt.Println("kicked:", name)
		}
	}
	// Output:
	// kicked: alice
	// not kicked: owner - it cannot be done to the owner of the room
}

// A bot that answers private messages, and somebody who writes one.
func ExampleConversation() {
	ctx := context.Background()
	server, bot, _ := inTheLounge(ctx, "bot")
	defer server.Close()
	defer bot.Close()
	client.On(bot, func(ctx context.Context, e client.PrivateMessage) error {
		_, err := e.Conversation.SendMessage(ctx, "you wrote: "+client.Quote(e.Message.Content))
		return err
	})

	alice, _ := another(ctx, server, "alice")
	defer alice.Close()
	answers := client.Stream[client.PrivateMessage](ctx, alice)
	user, err := alice.FetchUser(ctx, "bot")
	if err != nil {
		log.Fatal(err)
	}
	conversation, err := user.OpenConversation(ctx)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := conversation.SendMessage(ctx, "psst"); err != nil {
		log.Fatal(err)
	}
	for e := range answers {
		fmt.Println(e.Message)
		break
	}
	// Output:
	// bot: you wrote: psst
}

// A bot that receives nothing has either lost its connection, or is in a quiet room.
func ExampleClient_Health() {
	ctx := context.Background()
	server, bot, _ := inTheLounge(ctx, "bot")
	defer server.Close()
	defer bot.Close()

	health := bot.Health()
	fmt.Println(health.State, "after", health.Reconnects, "reconnects")
	fmt.Println("deaf:", time.Since(health.LastFrame) > 2*time.Minute)
	// Output:
	// connected after 0 reconnects
	// deaf: false
}

// The unit test of a bot needs neither an account nor a network: events are literals.
func ExampleChat() {
	greet := func(e client.Chat) string {
		if !e.Message.Mentions("bot") {
			return ""
		}
		return "hello " + e.Author.Username
	}
	fmt.Printf("%q\n", greet(client.Chat{
		Author:  client.User{ID: "u1", Username: "alice"},
		Message: client.Message{ID: "u1-1", AuthorID: "u1", Content: "Hi @Bot!"},
	}))
	fmt.Printf("%q\n", greet(client.Chat{Message: client.Message{Content: "what a robot"}}))
	// Output:
	// "hello alice"
	// ""
}

// inTheLounge starts a QueUp in memory and joins its lounge. With the real one, these are New, Login, Connect and
// JoinRoom.
func inTheLounge(ctx context.Context, name string) (*queuptest.Server, *client.Client, *client.Room) {
	server := queuptest.NewServer()
	bot, room := another(ctx, server, name)
	return server, bot, room
}

// another is somebody else in the lounge.
func another(ctx context.Context, server *queuptest.Server, name string) (*client.Client, *client.Room) {
	bot, err := client.New(client.WithServer(server))
	if err != nil {
		panic(err)
	}
	if err := bot.Login(ctx, name, "secret"); err != nil {
		panic(err)
	}
	if err := bot.Connect(ctx); err != nil {
		panic(err)
	}
	room, err := bot.JoinRoom(ctx, "lounge")
	if err != nil {
		panic(err)
	}
	// Private messages are heard once QueUp has said so.
	if _, err := server.Await(ctx, func(e queuptest.Entry) bool {
		return e.Kind == "ws" && !e.In && e.User == name && strings.Contains(e.Body, `"channel":"user:`)
	}); err != nil {
		panic(err)
	}
	return bot, room
}

// keepSaying has somebody say the same thing again and again, until stop is called.
func keepSaying(server *queuptest.Server, who, text string) (stop func()) {
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		pause := time.NewTicker(10 * time.Millisecond)
		defer pause.Stop()
		for {
			server.Room("lounge").Say(who, text)
			select {
			case <-pause.C:
			case <-over:
				return
			}
		}
	}()
	return func() {
		close(over)
		<-ended
	}
}
