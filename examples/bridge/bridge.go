package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/rivo/uniseg"

	"github.com/queup-go/queup/client"
)

// mark begins every line that a bridge sends to a room.
const mark = "⇄ "

// A line is a chat line that crosses the bridge, and the JSON to and from a webhook.
type line struct {
	ID   string    `json:"id,omitempty"` // the same line has the same one, wherever it comes from
	Room string    `json:"room,omitempty"`
	User string    `json:"user"`
	Text string    `json:"text"`
	At   time.Time `json:"at,omitzero"`
}

// bridge is a bot with ways out of its rooms and into them.
type bridge struct {
	bot     *client.Client
	out     *printer
	ignored map[string]bool // accounts, in lower case
	crossed recent          // the ids of lines that have been carried
	inbound sync.Mutex      // held while a line from a webhook is sent, so that lines keep their order
}

// carry passes every line of people in a room to a function, one after the other and in order. A subscription guarantees that,
// also for lines that were missed while the connection was lost. The bot does not receive its own lines, and lines of other
// bridges have the mark.
func (b *bridge) carry(slug string, to func(ctx context.Context, l line) error) {
	client.On(b.bot, func(ctx context.Context, e client.Chat) error {
		text := strings.TrimSpace(e.Message.Content)
		if !is(e.Room, slug) || strings.HasPrefix(text, strings.TrimSpace(mark)) || b.ignored[strings.ToLower(e.Author.Username)] {
			return nil
		}
		b.out.line("[%s] %s: %s", slug, e.Author.Username, text)
		b.crossed.add(string(e.Message.ID))
		l := line{ID: string(e.Message.ID), Room: slug, User: e.Author.Username, Text: text, At: e.Message.CreatedAt}
		if err := to(ctx, l); err != nil {
			return fmt.Errorf("a line of %s in %s was not carried: %w", l.User, slug, err)
		}
		return nil
	})
	client.On(b.bot, func(_ context.Context, e client.Gap) error {
		if e.Room != nil && is(e.Room, slug) {
			b.out.line("— %s of %s between %s and %s are lost", e.What, slug, e.From.Format(time.TimeOnly), e.To.Format(time.TimeOnly))
		}
		return nil
	})
}

// is reports whether a room is the one of that slug, or id.
func is(room *client.Room, slug string) bool { return room.Slug() == slug || string(room.ID()) == slug }

// to returns the function that sends lines to a room.
func (b *bridge) to(slug string) func(ctx context.Context, l line) error {
	return func(ctx context.Context, l line) error {
		room, err := b.bot.JoinRoom(ctx, slug) // which is joined already, or about to be
		if err != nil {
			return err
		}
		return b.send(ctx, room, mark+name(l.User)+": ", plain(l.Text))
	}
}

// send sends a line to a room. It splits one that is too long into several, each of which begins with the mark. The client
// finds out that a line is too long before it sends anything.
func (b *bridge) send(ctx context.Context, room *client.Room, prefix, text string) error {
	sent, err := retried(ctx, room, client.Quote(prefix+text)) // a line from elsewhere must not alert a crowd here
	if _, long := errors.AsType[*client.MessageTooLongError](err); long {
		head, tail := halves(text)
		if head == "" || tail == "" {
			return err
		}
		if err := b.send(ctx, room, prefix, head); err != nil {
			return err
		}
		return b.send(ctx, room, prefix, tail)
	}
	if err != nil {
		return err
	}
	b.out.line("[%s] bot: %s", room.Slug(), sent.Content)
	return nil
}

// retried sends a text, and retries if QueUp refused it because of the rate limit; the client waits before it sends. After any
// other error the line may have arrived, so it is not repeated.
func retried(ctx context.Context, room *client.Room, text string) (sent client.Message, err error) {
	for range 3 {
		if sent, err = room.SendMessage(ctx, text); !errors.Is(err, client.ErrRateLimited) {
			break
		}
	}
	return sent, err
}

// halves splits a text in the middle, at white space if there is any near.
func halves(text string) (head, tail string) {
	letters := characters(text)
	at := len(letters) / 2
	for i := at; i > at/2; i-- {
		if strings.TrimSpace(letters[i]) == "" {
			at = i
			break
		}
	}
	return strings.TrimSpace(strings.Join(letters[:at], "")), strings.TrimSpace(strings.Join(letters[at:], ""))
}

// name returns a user's name as it can be put before a line: in one line and not too long.
func name(user string) string {
	letters := characters(strings.Join(strings.Fields(plain(user)), " "))
	if len(letters) > 30 {
		letters = append(letters[:29], "…")
	}
	return strings.Join(letters, "")
}

// characters splits a text into the characters that people see, such as flags and families.
func characters(text string) (list []string) {
	for g := uniseg.NewGraphemes(text); g.Next(); {
		list = append(list, g.Str())
	}
	return list
}

// plain drops control characters except line breaks. With them, people in the room could write anywhere on a terminal.
func plain(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' {
			return -1
		}
		return r
	}, text))
}

// maxRecent is how many lines are remembered as crossed.
const maxRecent = 1000

// recent remembers the latest ids that were added.
type recent struct {
	mu  sync.Mutex
	ids map[string]bool // guarded by mu
	old []string        // guarded by mu; in the order they came
}

func (r *recent) add(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if id == "" || r.ids[id] {
		return
	}
	if r.ids == nil {
		r.ids = make(map[string]bool)
	}
	r.ids[id] = true
	if r.old = append(r.old, id); len(r.old) > maxRecent {
		delete(r.ids, r.old[0])
		r.old = r.old[1:]
	}
}

func (r *recent) has(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ids[id]
}

// printer writes lines. Handlers run concurrently and share it.
type printer struct {
	mu  sync.Mutex
	out io.Writer // guarded by mu
}

func (p *printer) line(format string, args ...any) {
	text := strings.ReplaceAll(plain(fmt.Sprintf(format, args...)), "\n", " / ")
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.out, text)
}
