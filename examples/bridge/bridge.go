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

// mark begins every line that a bridge says.
const mark = "⇄ "

// A line is what crosses the bridge, and what a webhook is told and tells.
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
	turn    sync.Mutex      // one line at a time comes in from a webhook
}

// carry hands every line that people say in a room to a function, one after the other and in their order: that is what a
// subscription promises, also for lines that were missed while the connection was lost. The bot does not hear itself,
// and what other bridges say has the mark.
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

// to is the way into a room.
func (b *bridge) to(slug string) func(ctx context.Context, l line) error {
	return func(ctx context.Context, l line) error {
		room, err := b.bot.JoinRoom(ctx, slug) // which is joined already, or about to be
		if err != nil {
			return err
		}
		return b.say(ctx, room, mark+name(l.User)+": ", plain(l.Text))
	}
}

// say says a line. One that is too long becomes several, each of which begins with the mark; what is too long is found
// out before anything is sent.
func (b *bridge) say(ctx context.Context, room *client.Room, prefix, text string) error {
	sent, err := patiently(ctx, room, client.Quote(prefix+text)) // who talks elsewhere alerts no crowd here
	if _, long := errors.AsType[*client.MessageTooLongError](err); long {
		head, tail := halves(text)
		if head == "" || tail == "" {
			return err
		}
		if err := b.say(ctx, room, prefix, head); err != nil {
			return err
		}
		return b.say(ctx, room, prefix, tail)
	}
	if err != nil {
		return err
	}
	b.out.line("[%s] bot: %s", room.Slug(), sent.Content)
	return nil
}

// patiently says something again that was refused because there was too much talk: the client waits before it sends. Any
// other failure may mean that the line has arrived, so it is not repeated.
func patiently(ctx context.Context, room *client.Room, text string) (sent client.Message, err error) {
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

// name makes a name fit to stand in front of a line: in one line, not too long.
func name(user string) string {
	letters := characters(strings.Join(strings.Fields(plain(user)), " "))
	if len(letters) > 30 {
		letters = append(letters[:29], "…")
	}
	return strings.Join(letters, "")
}

// characters takes a text apart into what people see as its characters, such as flags and families.
func characters(text string) (list []string) {
	for g := uniseg.NewGraphemes(text); g.Next(); {
		list = append(list, g.Str())
	}
	return list
}

// plain drops control characters but for line breaks. Whoever can talk could write anywhere on a terminal with them.
func plain(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' {
			return -1
		}
		return r
	}, text))
}

// maxRecent is how many lines are known to have crossed.
const maxRecent = 1000

// recent knows the latest ids that it was given.
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

// printer writes lines. Handlers run at the same time and share it.
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
