package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/examples/internal/scene"
	"github.com/queup-go/queup/queuptest"
)

// demoWorld has two rooms with somebody in each.
func demoWorld() queuptest.World {
	return queuptest.World{
		Users: []queuptest.User{
			{Name: "bot", Password: "secret"},
			{Name: "otherbot", Password: "secret"},
			{Name: "alice", Password: "secret"},
			{Name: "bob", Password: "secret"},
		},
		Rooms: []queuptest.RoomSpec{
			{Slug: "lounge", Name: "The Lounge", Owner: "alice", Present: []string{"alice", "otherbot"}},
			{Slug: "garden", Name: "The Garden", Owner: "bob", Present: []string{"bob"}},
		},
	}
}

// demo lets two rooms of a QueUp in memory talk, through a lost connection, and ends by itself.
func demo(interrupt context.Context, out io.Writer) error {
	ctx, cancel := context.WithTimeout(interrupt, time.Minute)
	defer cancel()
	server := queuptest.NewServer(queuptest.WithWorld(demoWorld()))
	defer server.Close()
	said := &printer{out: out}
	said.line("— no account given (QUEUP_EMAIL, QUEUP_PASSWORD, QUEUP_ROOM): this is a QueUp in memory")
	b, err := newBridge(said, nil, client.WithBaseURL(server.URL()), client.WithRealtimeURL(server.RealtimeURL()))
	if err != nil {
		return err
	}
	b.joinRooms("lounge", "garden")
	joined := client.Stream[client.RoomJoined](ctx, b.bot)
	ran := make(chan error, 1)
	go func() {
		ran <- b.bot.Run(ctx, "bot", scene.Password)
		cancel()
	}()
	err = converse(ctx, server, said, joined)
	interrupted := interrupt.Err() != nil
	cancel()
	err = errors.Join(<-ran, err)
	<-b.bot.Done()
	switch {
	case interrupted:
		return nil
	case err != nil:
		return err
	}
	said.line("— that is all; see examples/bridge for the code")
	return nil
}

// converse sends the lines of the people in the rooms, each when the previous one has arrived.
func converse(ctx context.Context, server *queuptest.Server, out *printer, joined func(func(client.RoomJoined) bool)) error {
	rooms := 0
	for range joined {
		if rooms++; rooms == 2 {
			break
		}
	}
	lounge, garden := server.Room("lounge"), server.Room("garden")
	lounge.Say("alice", "hello over there")
	if err := arrives(ctx, server, garden, "hello over there"); err != nil {
		return err
	}
	garden.Say("bob", "hi alice! "+strings.Repeat("This line is so long that it takes two of them. ", 5))
	if err := arrives(ctx, server, lounge, "hi alice!", "two of them"); err != nil {
		return err
	}
	lounge.Say("otherbot", mark+"zoe: hello from a third place")
	out.line("— another bridge has said something in the lounge, which is not carried on; now the connection is cut")
	server.CutLinks()
	lounge.Say("alice", "this was said while nobody listened")
	lounge.Say("alice", "and this after it")
	return arrives(ctx, server, garden, "nobody listened", "and this after it")
}

// arrives waits until the bot has sent lines with these texts to a room, in this order.
func arrives(ctx context.Context, server *queuptest.Server, room *queuptest.Room, texts ...string) error {
	_, err := server.Await(ctx, func(e queuptest.Entry) bool {
		if e.In || e.User != "bot" || e.Status != http.StatusOK || e.Path != "/chat/"+room.ID() {
			return false
		}
		wanted := slices.Clone(texts)
		for _, m := range room.Messages() {
			if len(wanted) > 0 && m.User == "bot" && strings.Contains(m.Text, wanted[0]) {
				wanted = wanted[1:]
			}
		}
		return len(wanted) == 0
	})
	if err != nil {
		return fmt.Errorf("%q did not arrive in %s: %w", texts, room.Slug(), err)
	}
	select { // as people do between two lines
	case <-time.After(300 * time.Millisecond):
	case <-ctx.Done():
	}
	return nil
}
