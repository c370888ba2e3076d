package commands

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/queup-go/queup/client"
)

// Ask sends a question, as [Context.Reply] does and with its errors, and returns. It calls answer with the next line of the
// command's author in the same place, if that comes within the time given. Other commands run meanwhile; they do not while a
// handler waits by itself, in [client.Next] for example.
//
// The Context of the answer is that of the command, with the new line as its Message and its whole text as Text. The line is
// handled like a command: in order with the person's commands, within the middleware, and an error of answer is answered like
// one of the command. It may ask again. An author who has lost the permission or the role that the command needs gets a
// [*PermissionError] instead.
//
// A line that is a command of the router runs as one, and the question stays open. A later question to the same person in
// the same place replaces it. Without an answer in time, nothing is called and nothing is sent. 10,000 questions are
// remembered. Ask panics if answer is nil. It sends nothing and returns an error if within is not above 0, or for a Context
// that was not made by a router ([client.ErrDetached]).
func (c *Context) Ask(ctx context.Context, question string, within time.Duration, answer Handler) error {
	if answer == nil {
		panic(fmt.Sprintf("commands: command %q: Ask: the handler of the answer is nil", c.Command.Name))
	}
	if within <= 0 {
		return fmt.Errorf("commands: Ask: the time to answer is %v and must be above 0", within)
	}
	if c.entry == nil {
		return client.ErrDetached
	}
	if err := c.Reply(ctx, question); err != nil {
		return err
	}
	c.router.questions.add(c, asked{command: c, until: time.Now().Add(within), handle: answer})
	return nil
}

// place is the person and the conversation in which a question waits for its answer.
type place struct {
	bot  *client.Client
	room client.RoomID // empty in private
	user client.UserID
}

func placeOf(c *Context) place {
	p := place{bot: c.Bot, user: c.Author.ID}
	if c.Room != nil {
		p.room = c.Room.ID()
	}
	return p
}

// asked is a question that waits for its answer.
type asked struct {
	command *Context
	until   time.Time
	handle  Handler
}

// answered runs the handler of the question with the answer c.
func (q asked) answered(ctx context.Context, c *Context) error {
	e := q.command.entry
	c.Command, c.Prefix, c.syntax, c.entry = q.command.Command, q.command.Prefix, q.command.syntax, e
	c.Text = strings.TrimSpace(c.Message.Content)
	return c.router.run(ctx, c, e, func(ctx context.Context, c *Context) error {
		if err := e.allowed(c); err != nil {
			return err
		}
		return q.handle(ctx, c)
	})
}

// questions are the questions that wait for an answer.
type questions struct {
	mu      sync.Mutex
	waiting simplelru.LRUCache[place, asked] // guarded by mu
}

func newQuestions() *questions { return &questions{waiting: newLRU[place, asked]()} }

func (q *questions) add(c *Context, question asked) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting.Add(placeOf(c), question)
}

// open reports whether a question waits for the author of a line.
func (q *questions) open(c *Context) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting.Contains(placeOf(c))
}

// close removes and returns the question that a line answers. It returns false if there is none or the line comes too late.
func (q *questions) close(c *Context) (asked, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := placeOf(c)
	question, ok := q.waiting.Peek(at)
	q.waiting.Remove(at)
	return question, ok && time.Now().Before(question.until)
}
