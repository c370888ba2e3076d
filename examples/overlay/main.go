// Command overlay shows a room on a stream: the current song with its progress and votes, the queue, and the chat, as a web page
// with a transparent background. Add the address that it prints to OBS as a browser source.
//
// With QUEUP_ROOM it shows that room of QueUp, as a guest, or with QUEUP_EMAIL and QUEUP_PASSWORD as an account. Either way it
// only listens and does not appear in the room. Without them it needs no account: it starts a QueUp of its own in memory, with
// people in it. It runs until interrupted.
//
// The address has options, with & between them: ?show=now,queue,chat picks parts (several sources can show one each), ?scale=1.25
// sizes them, ?accent=ff5c8a colours the progress, and ?backdrop adds a background for use outside of OBS.
package main

import (
	"context"
	"errors"
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

// usage is what -h prints before the flags.
const usage = `overlay shows a room on a stream, as a web page.
It is set up by its environment:

  QUEUP_ROOM      the last part of the room's address
  QUEUP_EMAIL     the name or the mail address of an account, to see the queue as well
  QUEUP_PASSWORD  its password
  QUEUP_URL       another QueUp, such as that of go run ./tools/queupd

Without any of these it shows a room of a QueUp in memory. It has these flags:

`

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Args[1:], os.Stdout, os.Getenv); err != nil && !errors.Is(err, flag.ErrHelp) {
		log.Fatal(err)
	}
}

// settings are the flags and the environment.
type settings struct {
	listen                string
	remote                bool
	room, email, password string
}

func run(ctx context.Context, args []string, out io.Writer, getenv func(string) string) error {
	s := settings{room: getenv("QUEUP_ROOM"), email: getenv("QUEUP_EMAIL"), password: getenv("QUEUP_PASSWORD")}
	flags := flag.NewFlagSet("overlay", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Usage = func() {
		fmt.Fprint(out, usage)
		flags.PrintDefaults()
	}
	flags.StringVar(&s.listen, "listen", "127.0.0.1:8017", "`host:port` of the page; port 0 is any free one")
	flags.BoolVar(&s.remote, "remote", false, "let other machines see the page, too; it has no password")
	if err := flags.Parse(args); err != nil {
		return err
	}
	demo := scene.Demonstration(getenv)
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case !demo && (s.room == "" || (s.email == "") != (s.password == "")):
		return errors.New("set QUEUP_ROOM alone to watch as a guest, or all of QUEUP_ROOM, QUEUP_EMAIL and QUEUP_PASSWORD to watch as an account, " +
			"or no QUEUP variable at all for a demonstration")
	}
	listener, err := listen(ctx, s.listen, s.remote)
	if err != nil {
		return err
	}
	defer listener.Close()
	opts := scene.Elsewhere(getenv)
	if demo {
		server := startDemo()
		defer server.Close()
		s.room, s.email, s.password = "lounge", "bot", scene.Password
		opts = append(opts, client.WithBaseURL(server.URL()), client.WithRealtimeURL(server.RealtimeURL()))
		fmt.Fprintln(out, "— no room given (QUEUP_ROOM): this is a QueUp in memory")
	}
	return s.show(ctx, listener, out, opts...)
}

// show brings a bot into the room, and the room onto the page, until ctx ends or the bot has to leave.
func (s settings) show(ctx context.Context, l *pageListener, out io.Writer, opts ...client.Option) (err error) {
	// The user of an account may also chat from a browser.
	bot, err := client.New(append(opts, client.WithGuest(), client.WithOwnMessages(true))...)
	if err != nil {
		return err
	}
	defer func() {
		_ = bot.Close()
		<-bot.Done()
	}()
	defer func() { // an interrupt is not an error
		if ctx.Err() != nil {
			err = nil
		}
	}()
	if s.email != "" {
		if err := bot.Login(ctx, s.email, s.password); err != nil {
			return err
		}
	}
	if err := bot.Connect(ctx); err != nil {
		return err
	}
	over := make(chan error, 1)
	go func() { over <- bot.Wait() }()
	room, screen, err := watch(ctx, bot, s.room)
	if err != nil {
		return err
	}
	page := l.serve(screen)
	defer page.close()
	fmt.Fprintf(out, "— %s with %d people is on http://%s/\n", printable(room.Name()), room.Members().Len(), shownAddress(l.Addr()))
	if screen.blind {
		fmt.Fprintln(out, "— QueUp does not show the queue to a guest: set QUEUP_EMAIL and QUEUP_PASSWORD to have it on the page")
	}
	fmt.Fprintln(out, "— add it to OBS as a browser source of 1920 x 1080, or open it with ?backdrop to look at it; Ctrl-C ends it")
	select {
	case <-ctx.Done():
		return nil
	case err = <-over:
	case err = <-screen.left:
	case err = <-page.failed:
	}
	return err
}
