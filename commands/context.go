package commands

import (
	"context"
	"fmt"
	"strings"

	"github.com/queup-go/queup/client"
)

// A Context is one use of a command: what was said, where and by whom. For a unit test of a handler it can be written
// as a literal.
type Context struct {
	// Bot is the client that heard it.
	Bot *client.Client
	// Room is where it was said, nil for a private message.
	Room *client.Room
	// Conversation is where it was written, nil for a line in a room.
	Conversation *client.Conversation
	// Message is the line.
	Message client.Message
	// Author is who said it.
	Author client.User
	// Member is the author's record in the room, zero for a private message.
	Member client.Member
	// Command is what was found.
	Command Command
	// Prefix is the one that was used, as [Prefix] has it.
	Prefix string
	// Text is what follows the command's name, as it was typed.
	Text string

	syntax string
	router *Router // nil in a literal, as is entry
	entry  *entry
}

// Reply says something where the command was said: in the room with [client.Room.SendLong], which makes more than one
// line of a long text, or in the private conversation. Their errors are its own; it is [client.ErrDetached] for a
// Context that has neither. Words of somebody else, arguments included, belong into [client.Quote].
func (c *Context) Reply(ctx context.Context, text string) error {
	var err error
	switch {
	case c.Room != nil:
		_, err = c.Room.SendLong(ctx, text)
	case c.Conversation != nil:
		_, err = c.Conversation.SendMessage(ctx, text)
	default:
		err = client.ErrDetached
	}
	return err
}

// Replyf is Reply with a text that is made as [fmt.Sprintf] makes one, with the errors of Reply.
func (c *Context) Replyf(ctx context.Context, format string, args ...any) error {
	return c.Reply(ctx, fmt.Sprintf(format, args...))
}

// Usage tells how to use the command: its prefix, name and arguments.
func (c *Context) Usage() string {
	return c.Prefix + strings.TrimSpace(c.Command.Name+" "+c.syntax)
}

// UsageError is for a handler that finds something wrong with what was said. The reason is told to the author, with the
// usage of the command, and without mentions of everyone, mods and djs.
func (c *Context) UsageError(reason string) error {
	return &UsageError{Command: c.Command.Name, Usage: c.Usage(), Reason: reason}
}
