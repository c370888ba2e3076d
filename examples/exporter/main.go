// Command exporter saves the history of a room, its staff, bans and audit log, and the account's own playlists: as JSON
// lines, as CSV for a spreadsheet, and songs also as a list of links.
//
// It makes at most ten requests in half a minute, like a polite client, so a room with a long history takes a while. It may be
// interrupted at any time, also by force. Started again, it continues where it was, without duplicates. Started later, it adds
// the songs played since.
//
// An export that was interrupted ends with status 1, because it is not complete.
//
// QUEUP_ROOM names the room, and QUEUP_EXPORT the folder for the files, export-<room> if it is not set. With QUEUP_EMAIL
// and QUEUP_PASSWORD it also saves the parts that only members see, and the account's own playlists.
//
// Without an account and a room it shows itself: it saves a room of a QueUp in memory, is interrupted on the way, and ends by
// itself. The files stay in the folder of QUEUP_EXPORT, which must be new or empty, or in a new temporary folder, which it names.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/examples/internal/scene"
)

// usage is what -h prints.
const usage = `exporter saves the history of a room, its staff, bans and audit log, and the account's own playlists.
It is set up by its environment:

  QUEUP_ROOM      the last part of the room's address
  QUEUP_EXPORT    the folder for the files, export-<room> if it is not set
  QUEUP_EMAIL     the name or the mail address of an account, to save what only members see
  QUEUP_PASSWORD  its password
  QUEUP_URL       another QueUp, such as that of go run ./tools/queupd

Without QUEUP_EMAIL, QUEUP_PASSWORD, QUEUP_ROOM and QUEUP_URL it shows itself in a QueUp in memory. An export that was
interrupted ends with status 1 and goes on when it is started again.
`

func main() {
	log.SetFlags(0)
	flag.Usage = func() { fmt.Fprint(flag.CommandLine.Output(), usage) }
	if flag.Parse(); flag.NArg() > 0 {
		log.Fatalf("unexpected argument %q, -h lists what it takes", flag.Arg(0))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Stdout, os.Stderr, os.Getenv); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out, bar io.Writer, getenv func(string) string) error {
	email, password, slug := getenv("QUEUP_EMAIL"), getenv("QUEUP_PASSWORD"), getenv("QUEUP_ROOM")
	switch {
	case scene.Demonstration(getenv):
		return demo(ctx, out, bar, getenv("QUEUP_EXPORT"))
	case slug == "":
		return errors.New("not set: QUEUP_ROOM. Set it to the last part of the room's address, or set none of QUEUP_EMAIL, QUEUP_PASSWORD, " +
			"QUEUP_ROOM and QUEUP_URL for a demonstration")
	case (email == "") != (password == ""):
		return errors.New("set both of QUEUP_EMAIL and QUEUP_PASSWORD, or none of them to save what everybody may see")
	}
	return export(ctx, account{email, password}, slug, cmp.Or(getenv("QUEUP_EXPORT"), "export-"+fileName(slug)), out, newProgress(bar), scene.Elsewhere(getenv)...)
}

// account is the account of the export, a guest if the address is empty.
type account struct{ email, password string }

// export saves a room into a folder.
func export(ctx context.Context, login account, slug, folder string, out io.Writer, bar *progress, opts ...client.Option) (err error) {
	bot, err := client.New(opts...)
	if err != nil {
		return err
	}
	defer func() {
		_ = bot.Close()
		<-bot.Done()
	}()
	if login.email != "" {
		if err := bot.Login(ctx, login.email, login.password); err != nil {
			return err
		}
	}
	room, err := bot.FetchRoom(ctx, slug)
	if err != nil {
		return err
	}
	x, err := open(folder, room)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, x.close()) }()
	x.out, x.bar = out, bar
	if err := x.run(ctx, bot); err != nil {
		return fmt.Errorf("%w\nwhat has been read is in %s; start again to go on", err, folder)
	}
	return nil
}

// run saves everything, part by part. It reports and omits parts that the account may not read.
func (x *exporter) run(ctx context.Context, bot *client.Client) error {
	if x.state.Started.IsZero() {
		x.state.Started, x.state.Done = time.Now(), make(map[string]bool)
	} else {
		fmt.Fprintf(x.out, "going on with what was begun %s\n", x.state.Started.Format(time.DateTime))
	}
	parts := []struct {
		name string
		save func(ctx context.Context) error
	}{
		{"staff", func(ctx context.Context) error { return x.members(ctx, "staff", x.room.FetchStaff) }},
		{"bans", func(ctx context.Context) error { return x.members(ctx, "bans", x.room.FetchBanned) }},
		{"audit", x.audit},
		{"playlists", func(ctx context.Context) error { return x.playlists(ctx, bot) }},
		{"history", x.history},
	}
	for _, part := range parts {
		if x.state.Done[part.name] {
			continue
		}
		err := part.save(ctx)
		x.bar.end()
		switch {
		case refused(err):
			fmt.Fprintf(x.out, "%-10s left out, this account may not read it\n", part.name)
		case err != nil:
			return fmt.Errorf("%s: %w", part.name, err)
		}
		if err := x.done(part.name); err != nil {
			return err
		}
	}
	x.state.Started, x.state.Done = time.Time{}, nil
	fmt.Fprintf(x.out, "all of it is in %s\n", x.folder)
	return x.saveState()
}

// refused reports whether an error means that the account may not read a part.
func refused(err error) bool {
	return errors.Is(err, client.ErrForbidden) || errors.Is(err, client.ErrUnauthorized) || errors.Is(err, client.ErrNotLoggedIn)
}
