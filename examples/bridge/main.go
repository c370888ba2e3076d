// Command bridge carries chat from one room of QueUp to another and back, or between a room and a webhook. Its lines begin
// with a mark, and lines with the mark are not carried, so bridges can meet without a loop. Its lines are not commands for
// other bots, and in @everyone, @mods and @djs a space follows the @. A webhook gets lines as they were typed: the program
// behind it must make sure that they alert nobody there.
//
// With QUEUP_EMAIL, QUEUP_PASSWORD and QUEUP_ROOM it does so in that room of QueUp, until interrupted. The other end is
//
//	QUEUP_ROOM2    another room, or
//	QUEUP_WEBHOOK  an address that each line is posted to as JSON: id, room, user, text, at
//	QUEUP_LISTEN   an address of the loopback, say 127.0.0.1:8080, where lines come in the same way:
//	               curl -H 'Content-Type: application/json' -d '{"user":"zoe","text":"hello"}' http://127.0.0.1:8080/
//
// QUEUP_BRIDGES names accounts, separated by commas, whose lines are not carried either: other programs' bridges.
// Without any of these it needs no account: it shows itself between two rooms of a QueUp in memory and ends by itself.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/examples/internal/scene"
)

// usage is what -h prints.
const usage = `bridge carries chat between two rooms, or between a room and a webhook.
It is set up by its environment:
` + scene.Variables + `  QUEUP_ROOM2     the other room; or
  QUEUP_WEBHOOK   the address that each line is posted to
  QUEUP_LISTEN    the address of the loopback where lines come in
  QUEUP_BRIDGES   accounts whose lines are not carried, separated by commas

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
	other, webhook, listen := getenv("QUEUP_ROOM2"), getenv("QUEUP_WEBHOOK"), getenv("QUEUP_LISTEN")
	if scene.Demonstration(getenv, "QUEUP_ROOM2", "QUEUP_WEBHOOK", "QUEUP_LISTEN", "QUEUP_BRIDGES") {
		return demo(ctx, out)
	}
	email, password, room, err := scene.Account(getenv)
	if err != nil {
		return err
	}
	switch {
	case (other == "") == (webhook == "" && listen == ""):
		return errors.New("set QUEUP_ROOM2 for a second room, or QUEUP_WEBHOOK and QUEUP_LISTEN, or one of them, for a webhook")
	case other == room:
		return errors.New("QUEUP_ROOM2 must be another room than QUEUP_ROOM")
	}
	b, err := newBridge(&printer{out: out}, strings.Split(getenv("QUEUP_BRIDGES"), ","), scene.Elsewhere(getenv)...)
	if err != nil {
		return err
	}
	if other != "" {
		b.joinRooms(room, other)
	} else {
		b.join(room)
	}
	if webhook != "" {
		hook, err := newHook(webhook)
		if err != nil {
			return err
		}
		b.carry(room, hook.post)
	}
	if listen != "" {
		stop, err := serve(ctx, listen, b.incoming(room))
		if err != nil {
			return err
		}
		defer stop()
	}
	return b.bot.Run(ctx, email, password)
}

// newBridge returns a bridge without ends. It does not carry lines of the accounts in ignored.
func newBridge(out *printer, ignored []string, opts ...client.Option) (*bridge, error) {
	bot, err := client.New(opts...)
	if err != nil {
		return nil, err
	}
	b := &bridge{bot: bot, out: out, ignored: make(map[string]bool)}
	for _, name := range ignored {
		b.ignored[strings.ToLower(strings.TrimSpace(name))] = true
	}
	return b, nil
}

// joinRooms makes it a bridge between two rooms.
func (b *bridge) joinRooms(one, other string) {
	b.join(one, other)
	b.carry(one, b.to(other))
	b.carry(other, b.to(one))
}

// join makes the bot join rooms as soon as it is connected. If it cannot join one of them it leaves the others, which ends the
// bot: a bridge needs both ends.
func (b *bridge) join(slugs ...string) {
	client.On(b.bot, func(ctx context.Context, _ client.Ready) error {
		for _, slug := range slugs {
			room, err := b.bot.JoinRoom(ctx, slug)
			if err != nil {
				for other := range b.bot.Rooms().Values() {
					if other.Joined() {
						err = errors.Join(err, other.Leave(ctx))
					}
				}
				return err
			}
			b.out.line("— joined %s with %d people", room, room.Members().Len())
		}
		return nil
	})
}

// serve serves HTTP on an address of the loopback until stop is called. It allows only the loopback, because any program that can
// reach the address can talk in the room.
func serve(ctx context.Context, address string, handler http.Handler) (stop func(), err error) {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("QUEUP_LISTEN is %q and must be an address of the loopback with a port, such as 127.0.0.1:8080", address)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: handler, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // until Close
	}()
	return func() {
		_ = server.Close()
		<-done
	}, nil
}
