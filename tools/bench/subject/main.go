// Subject is a bot on package client, as the benchmark runs it: it keeps the full state of a room, with one handler for chat
// and one for all events. tools/bench starts it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/tools/bench/internal/probe"
)

// patience is how long the whole run may take.
const patience = 2 * time.Minute

func main() {
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "subject: %v\n", err)
		os.Exit(1)
	}
}

func run() error {
	c, err := probe.ParseFlags("subject", os.Args[1:], nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	opts := []client.Option{client.WithBaseURL(c.URL), client.WithRealtimeURL(c.Realtime), client.WithRateLimit(0, 0)}
	if !c.Times {
		// A flood is faster than any handler now and then. What were dropped would cost less, and the count would be wrong.
		opts = append(opts, client.WithQueue(client.DefaultQueue, client.Block))
	}
	bot, err := client.New(opts...)
	if err != nil {
		return err
	}
	defer bot.Close()
	if err := bot.Login(ctx, c.User, c.Password); err != nil {
		return err
	}
	if c.Calls > 0 {
		return call(ctx, bot, c)
	}
	l := &listener{config: c, done: make(chan struct{}), chats: make(chan struct{}), heard: make([]int64, 0, c.Chats)}
	client.On(bot, l.chat)
	client.On(bot, l.any)
	if err := bot.Connect(ctx); err != nil {
		return err
	}
	if _, err := bot.JoinRoom(ctx, c.Room); err != nil {
		return err
	}
	if err := probe.TellReady(); err != nil || c.Frames == 0 {
		return err
	}
	select {
	case <-l.done:
	case <-ctx.Done():
		return fmt.Errorf("the last of %d events did not come", c.Frames)
	}
	return l.report(ctx)
}

// listener is the two handlers. Each runs on a goroutine of its own.
type listener struct {
	config probe.Config
	meter  probe.Meter
	done   chan struct{} // closed when any has heard all
	lines  int           // those of the warm-up included
	heard  []int64
	chats  chan struct{} // closed when chat has heard all
}

func (l *listener) chat(_ context.Context, _ client.Chat) error {
	l.lines++
	if l.config.Times && l.lines > l.config.WarmChats {
		l.heard = append(l.heard, time.Now().UnixNano())
	}
	if l.lines == l.config.WarmChats+l.config.Chats {
		close(l.chats)
	}
	return nil
}

func (l *listener) any(_ context.Context, e client.Event) error {
	switch e.EventMeta().Name {
	case probe.Begin:
		l.meter = probe.Start()
	case probe.End:
		close(l.done)
	}
	return nil
}

func (l *listener) report(ctx context.Context) error {
	select {
	case <-l.chats:
	case <-ctx.Done():
		return errors.New("not all lines of chat came")
	}
	r, err := l.meter.Report()
	if err != nil {
		return err
	}
	r.Done, r.Chats, r.Heard = l.config.Frames, l.lines-l.config.WarmChats, l.heard
	return probe.Tell(r)
}

// call reads the room over and over.
func call(ctx context.Context, bot *client.Client, c probe.Config) error {
	return probe.Calls(c.Calls, func() error {
		answer, err := bot.REST().Room(ctx, queupapi.RoomParams{RoomID: client.RoomID(c.Room)})
		if err == nil && answer.Data.ID == "" {
			err = errors.New("the answer holds no room")
		}
		return err
	})
}
