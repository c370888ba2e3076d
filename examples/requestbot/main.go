// Command requestbot queues songs on request: people search by chat command, pick by number, and ask when a song plays. With
// QUEUP_EMAIL, QUEUP_PASSWORD and QUEUP_ROOM it does so in that room of QueUp, as one of its DJs, until interrupted.
// Without them it needs no account, and shows itself in a QueUp in memory.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/commands"
	"github.com/queup-go/queup/examples/internal/scene"
)

// usage is what -h prints.
const usage = `requestbot queues songs on request.
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

// requestbot is the state of the bot: the songs that each person has found, and who requested each play.
type requestbot struct {
	found *lru.Cache[client.UserID, []client.SongInfo]
	asked *lru.Cache[client.PlayID, client.User]
}

// newRequestbot returns the bot, which joins a room and serves requests.
func newRequestbot(slug string, opts ...client.Option) (*client.Client, error) {
	bot, err := client.New(append([]client.Option{client.WithMessageParts(4)}, opts...)...) // for three long titles
	if err != nil {
		return nil, err
	}
	found, _ := lru.New[client.UserID, []client.SongInfo](1000) // an error means a size below 1
	asked, _ := lru.New[client.PlayID, client.User](1000)
	q := &requestbot{found, asked}
	client.On(bot, func(ctx context.Context, _ client.Ready) error {
		_, err := bot.JoinRoom(ctx, slug)
		return err
	})
	r := commands.New(commands.Suggest())
	commands.Add(r, commands.Command{Name: "request", Help: "looks for a song", UserCooldown: 5 * time.Second}, q.request)
	commands.Add(r, commands.Command{Name: "pick", Help: "takes one of the songs that were found"}, q.pick)
	r.Handle(commands.Command{Name: "when", Aliases: []string{"eta"}, Help: "says when your songs play"}, q.when)
	r.Handle(commands.Command{Name: "queue", Help: "lists the next songs", UserCooldown: 5 * time.Second}, queue)
	r.Serve(bot)
	return bot, nil
}

func (q *requestbot) request(ctx context.Context, c *commands.Context, args struct{ Song []string }) error {
	var found []client.SongInfo
	var list strings.Builder
	for song, err := range c.Bot.SearchSongs(ctx, strings.Join(args.Song, " "), client.YouTube) {
		if err != nil {
			return err
		}
		found = append(found, song)
		if fmt.Fprintf(&list, " %d) %s", len(found), client.Quote(song.String())); len(found) == 3 {
			break
		}
	}
	switch q.found.Add(c.Author.ID, found); len(found) {
	case 0:
		return c.Replyf(ctx, "%s: I have found nothing like that.", c.Author.Mention())
	case 1:
		return q.enqueue(ctx, c, found[0])
	}
	return c.Replyf(ctx, "%s:%s. Say %spick and a number.", c.Author.Mention(), &list, c.Prefix)
}

func (q *requestbot) pick(ctx context.Context, c *commands.Context, args struct{ Number int }) error {
	found, _ := q.found.Get(c.Author.ID)
	if args.Number < 1 || args.Number > len(found) {
		return c.UsageError(fmt.Sprintf("you can pick from %d songs that you have found with %srequest", len(found), c.Prefix))
	}
	return q.enqueue(ctx, c, found[args.Number-1])
}

// enqueue queues a song for the author of a command.
func (q *requestbot) enqueue(ctx context.Context, c *commands.Context, info client.SongInfo) error {
	switch waiting, err := q.waiting(ctx, c); {
	case err != nil:
		return err
	case len(waiting) > 1:
		return c.Replyf(ctx, "%s: %d requests of yours are waiting. Please let others have a turn.", c.Author.Mention(), len(waiting))
	}
	name := client.Quote(info.String()) // its uploader chose the name
	song, err := c.Room.QueueSong(ctx, info.Provider, info.MediaID)
	if refused, ok := errors.AsType[*client.APIError](err); ok && refused.Status < 500 {
		return c.Replyf(ctx, "%s: sorry, QueUp does not take %s. It says: %s.", c.Author.Mention(), name, client.Quote(strings.TrimSuffix(refused.Message, ".")))
	}
	if err != nil {
		return err
	}
	q.asked.Add(song.ID, c.Author)
	return c.Replyf(ctx, "%s: %s is in the queue; %swhen says when it plays.", c.Author.Mention(), name, c.Prefix)
}

// waiting lists the author's requests with their waits. In each round of the room's queue, one of the bot's songs plays.
func (q *requestbot) waiting(ctx context.Context, c *commands.Context) (list []string, err error) {
	var round time.Duration
	ends := true // all songs of a round have a known end
	for _, song := range c.Room.Queue() {
		info, _ := song.Info()
		ends = ends && song.Length > 0 && !info.Live()
		round += song.Length
	}
	me, _ := c.Bot.User()
	wait, known := c.Room.ETA(me.ID)
	if !known { // a moment ago the bot was not in the queue, so it is the last
		_, playing := c.Room.NowPlaying()
		left, ending := c.Room.Remaining()
		wait, known = left+round, ends && (ending || !playing)
	}
	queue, err := c.Room.OwnQueue(ctx)
	for i, song := range queue {
		if by, _ := q.asked.Get(song.ID); by.ID == c.Author.ID {
			list = append(list, fmt.Sprintf("%s %s", client.Quote(song.String()), in(wait+time.Duration(i)*round, known && (ends || i == 0))))
		}
	}
	return list, err
}

func (q *requestbot) when(ctx context.Context, c *commands.Context) error {
	list, err := q.waiting(ctx, c)
	if wait, queued := c.Room.ETA(c.Author.ID); queued {
		list = append(list, "your own song in "+client.FormatSongLength(wait))
	}
	if err != nil {
		return err
	}
	return c.Replyf(ctx, "%s: %s.", c.Author.Mention(), cmp.Or(strings.Join(list, ", "), "I know of no song of yours"))
}

// in returns a wait in words.
func in(wait time.Duration, known bool) string {
	if !known {
		return "after a song whose end is not known"
	}
	return "in " + client.FormatSongLength(wait)
}

// queue lists the next songs with their waits. It asks QueUp: the client reads Room.Queue again only some seconds after a change.
func queue(ctx context.Context, c *commands.Context) error {
	next, err := c.Room.FetchQueue(ctx)
	if err != nil {
		return err
	}
	var list strings.Builder
	_, playing := c.Room.NowPlaying()
	wait, known := c.Room.Remaining()
	known = known || !playing
	for i, song := range next[:min(4, len(next))] {
		info, _ := c.Bot.FetchSong(ctx, song.SongID) // without it the song is listed by its id
		user, _ := song.User()
		fmt.Fprintf(&list, " %d) %s by %s %s", i+1, client.Quote(song.String()), client.Quote(user.String()), in(wait, known))
		wait += song.Length
		known = known && song.Length > 0 && !info.Live()
	}
	return c.Reply(ctx, cmp.Or(list.String(), "nobody is in the queue."))
}
