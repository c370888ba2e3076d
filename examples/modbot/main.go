// Command modbot enforces the rules of a room: no long songs, no repeats too soon, no links of strangers, a mute after some
// warnings, and a vote to skip. With QUEUP_EMAIL, QUEUP_PASSWORD and QUEUP_ROOM it does so in that room of QueUp, where
// it needs to be a moderator, until interrupted. Without them it needs no account, and shows itself in a QueUp in memory.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/commands"
	"github.com/queup-go/queup/examples/internal/scene"
)

const (
	longest  = 8 * time.Minute  // a song
	rest     = 3 * time.Hour    // before a song may repeat
	warnings = 2                // before a mute
	muteFor  = 10 * time.Minute // QueUp's mutes have no end, so the bot ends them
)

var link = regexp.MustCompile(`(?i)\b(https?://|www\.)\S`)

// usage is what -h prints.
const usage = `modbot enforces the rules of a room.
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

// modbot is the state of the bot.
type modbot struct {
	played *lru.Cache[client.SongID, time.Time]
	warned *lru.Cache[client.UserID, int]
	votes  map[client.UserID]bool // to skip; only commands touch them, and commands run one at a time
	vote   client.PlayID          // what they are about
}

// newModbot returns the bot, which joins a room and enforces its rules.
func newModbot(slug string, opts ...client.Option) (*client.Client, error) {
	bot, err := client.New(opts...)
	if err != nil {
		return nil, err
	}
	played, _ := lru.New[client.SongID, time.Time](5000) // an error means a size below 1
	warned, _ := lru.New[client.UserID, int](5000)
	m := &modbot{played: played, warned: warned}
	client.On(bot, func(ctx context.Context, _ client.Ready) error {
		room, err := bot.JoinRoom(ctx, slug)
		if err != nil {
			return err
		}
		current, _ := room.NowPlaying()
		m.played.Add(current.SongID, current.PlayedAt)
		for song, err := range room.History(ctx) { // the newest first
			if err != nil || time.Since(song.PlayedAt) > rest {
				return err
			}
			m.played.ContainsOrAdd(song.SongID, song.PlayedAt)
		}
		return nil
	})
	client.On(bot, m.song)
	client.On(bot, m.chat)
	r := commands.New()
	r.Handle(commands.Command{Name: "skip", Help: "votes to skip the current song"}, m.skip)
	r.Handle(commands.Command{Name: "rules", Help: "lists the rules"}, func(ctx context.Context, c *commands.Context) error {
		return c.Replyf(ctx, "songs last %s at most and rest %.0f hours. No links. After %d warnings you are muted. %sskip votes.", client.FormatSongLength(longest), rest.Hours(), warnings, c.Prefix)
	})
	type warning struct {
		User   client.User `arg:"below"`
		Reason string      `arg:"rest" default:"calm down, please"`
	}
	staff := commands.Command{Name: "warn", Help: "warns somebody", Permission: client.PermMembersMute}
	commands.Add(r, staff, func(ctx context.Context, c *commands.Context, args warning) error {
		return m.warn(ctx, c.Room, args.User, client.Quote(args.Reason))
	})
	r.Serve(bot)
	return bot, nil
}

// song skips a song that is too long or has played lately.
func (m *modbot) song(ctx context.Context, e client.SongChanged) error {
	last, repeated := m.played.Get(e.Song.SongID)
	repeated = repeated && e.Song.PlayedAt.Sub(last) < rest
	why := fmt.Sprintf("this song has played in the last %.0f hours", rest.Hours())
	switch {
	case !e.Playing || e.Resynced || e.Song.Length <= longest && !repeated: // a missed song is over
		m.played.Add(e.Song.SongID, e.Song.PlayedAt)
		return nil
	case !repeated:
		why = "songs here are no longer than " + client.FormatSongLength(longest)
	}
	if err := e.Song.Skip(ctx); err != nil { // this play, never its successor
		return err
	}
	_, err := e.Room.SendLong(ctx, fmt.Sprintf("%s: %s.", e.User.Mention(), why))
	return err
}

// chat deletes links of people below VIP, and warns them.
func (m *modbot) chat(ctx context.Context, e client.Chat) error {
	if e.Resynced || !link.MatchString(e.Message.Content) || e.Room.AtLeast(e.Author.ID, client.RoleVIP) {
		return nil
	}
	return errors.Join(e.Message.Delete(ctx), m.warn(ctx, e.Room, e.Author, "no links here, please"))
}

// warn warns a user, and mutes them for a while after too many warnings.
func (m *modbot) warn(ctx context.Context, room *client.Room, u client.User, why string) error {
	count, _ := m.warned.Get(u.ID)
	if count++; count <= warnings {
		m.warned.Add(u.ID, count)
		_, err := room.SendLong(ctx, fmt.Sprintf("%s: %s. This is warning %d of %d.", u.Mention(), why, count, warnings))
		return err
	}
	m.warned.Remove(u.ID)
	if err := room.Mute(ctx, u.ID); err != nil {
		return err
	}
	time.AfterFunc(muteFor, func() { _ = room.Unmute(ctx, u.ID) }) // fails if somebody else did it, or the bot is gone
	_, err := room.SendLong(ctx, fmt.Sprintf("%s: %s. Take a rest of %.0f minutes.", u.Mention(), why, muteFor.Minutes()))
	return err
}

// skip counts votes, and skips when a third of the room has voted, at least two people.
func (m *modbot) skip(ctx context.Context, c *commands.Context) error {
	song, playing := c.Room.NowPlaying()
	if !playing {
		return client.ErrNothingPlaying
	}
	if m.vote != song.ID { // the votes were for another play
		m.vote, m.votes = song.ID, make(map[client.UserID]bool)
	}
	m.votes[c.Author.ID] = true
	if needed := max(2, c.Room.Members().Len()/3); len(m.votes) < needed {
		return c.Replyf(ctx, "%d of %d votes to skip %s", len(m.votes), needed, client.Quote(song.String()))
	}
	return song.Skip(ctx)
}
