// Command statsbot records a room's plays, votes and people in a SQLite database, and answers !top and !lastplayed from it.
// However often it is restarted, loses its connection or reads the room's history again, each play is recorded once.
//
// With QUEUP_EMAIL, QUEUP_PASSWORD and QUEUP_ROOM it does so in that room of QueUp, until interrupted; QUEUP_DB names the
// database, statsbot.db in the current folder if it is not set. Without them it needs no account: it shows itself in a
// QueUp in memory and ends by itself.
//
// It is a module of its own, so that its database is in no other program's graph. From the root of the repository:
//
//	go -C examples/statsbot run .
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/examples/internal/scene"
)

// usage is what -h prints.
const usage = `statsbot records plays, votes and people in a SQLite database, and answers !top and !lastplayed.
It is set up by its environment:
` + scene.Variables + `  QUEUP_DB        the database, statsbot.db if it is not set

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
	if scene.Demonstration(getenv, "QUEUP_DB") {
		return demo(ctx, out)
	}
	email, password, room, err := scene.Account(getenv)
	if err != nil {
		return err
	}
	db, err := openStore(ctx, cmp.Or(getenv("QUEUP_DB"), "statsbot.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	bot, err := newStatsbot(room, &recorder{db: db, out: &printer{out: out}}, scene.Elsewhere(getenv)...)
	if err != nil {
		return err
	}
	defer func() { <-bot.Done() }() // before the database is closed
	return bot.Run(ctx, email, password)
}

// newStatsbot returns the bot, which joins a room, records, and answers.
func newStatsbot(room string, record *recorder, opts ...client.Option) (*client.Client, error) {
	bot, err := client.New(append([]client.Option{client.WithMessageParts(4)}, opts...)...) // for titles full of & and quotes
	if err != nil {
		return nil, err
	}
	record.listen(bot)
	client.On(bot, func(ctx context.Context, _ client.Ready) error {
		_, err := bot.JoinRoom(ctx, room)
		return err
	})
	client.On(bot, func(ctx context.Context, e client.Chat) error {
		text, err := answer(ctx, record.db, e.Room.ID(), e.Message.Content)
		if err != nil || text == "" {
			return err
		}
		record.out.line("%s: %s", e.Author.Username, e.Message.Content)
		sent, err := e.Room.SendLong(ctx, text)
		for _, line := range sent {
			record.out.line("bot: %s", line.Content)
		}
		return err
	})
	return bot, nil
}

// answer returns the bot's answer to a line of chat, empty if there is none.
func answer(ctx context.Context, db *store, room client.RoomID, line string) (string, error) {
	command, wanted, _ := strings.Cut(strings.TrimSpace(line), " ")
	switch strings.ToLower(command) {
	case "!top":
		songs, err := db.top(ctx, room, 3)
		if err != nil || len(songs) == 0 {
			return "Nothing has played yet.", err
		}
		parts := make([]string, len(songs))
		for i, s := range songs {
			parts[i] = fmt.Sprintf("%d. %s (%+d, played %d×)", i+1, client.Quote(short(s.title)), s.score, s.plays)
		}
		return "Top songs: " + strings.Join(parts, " · "), nil
	case "!lastplayed":
		wanted = strings.TrimSpace(wanted)
		last, ok, err := db.last(ctx, room, wanted)
		switch {
		case err != nil:
			return "", err
		case !ok && wanted == "":
			return "Nothing has played yet.", nil
		case !ok:
			return fmt.Sprintf("I do not know that %q ever played here.", client.Quote(short(wanted))), nil
		}
		return fmt.Sprintf("%s was played %s by %s (%+d).", client.Quote(short(last.title)), ago(time.Since(last.played)), client.Quote(cmp.Or(last.dj, "somebody")), last.score), nil
	}
	return "", nil
}

// short cuts a text before client.Quote, so that an answer is two lines of chat at most, except for titles that grow when encoded.
func short(text string) string {
	if runes := []rune(text); len(runes) > 40 {
		return string(runes[:39]) + "…"
	}
	return text
}

// ago returns in words how long ago something was.
func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", d/time.Hour)
	}
	return fmt.Sprintf("%d days ago", d/(24*time.Hour))
}
