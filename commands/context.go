package commands

import (
	"context"
	"fmt"
	"strings"

	"github.com/queup-go/queup/client"
)

// A Context is one use of a command, with its line, place and author. For a unit test of a handler it can be written as a
// literal.
type Context struct {
	// Bot is the client that received the line.
	Bot *client.Client
	// Room is the room of the line, nil for a private message.
	Room *client.Room
	// Conversation is the conversation of a private message, nil for a line in a room.
	Conversation *client.Conversation
	// Message is the line.
	Message client.Message
	// Author is the user who wrote the line.
	Author client.User
	// Member is the author's record in the room, zero for a private message.
	Member client.Member
	// Command is the command of the line. In a [Router.Fallback] its Name is the word that was typed.
	Command Command
	// Prefix is the prefix that was used, as given to [Prefix].
	Prefix string
	// Text is the text after the command's name, as it was typed.
	Text string
	// Missed is true for a line that the bot missed and answers late; see [AnswerMissed].
	Missed bool

	syntax string
	router *Router // nil in a literal, as is entry
	entry  *entry
}

// Reply sends text to the place of the command: to the room, or to the private conversation. In a room a long text takes several lines, as
// many as [client.WithMessageParts] allows. A text that does not fit is cut between two characters and ends with …; send one that must
// arrive in full with [client.Room.SendLong], which refuses it. Errors are those of [client.Room.SendShortened] and
// [client.Conversation.SendMessage], and [client.ErrDetached] for a Context that has neither. Pass words of other people, arguments
// included, through [client.Quote].
func (c *Context) Reply(ctx context.Context, text string) error {
	var err error
	switch {
	case c.Room != nil:
		_, err = c.Room.SendShortened(ctx, text)
	case c.Conversation != nil:
		_, err = c.Conversation.SendMessage(ctx, text)
	default:
		err = client.ErrDetached
	}
	return err
}

// Replyf is Reply with a text formatted by [fmt.Sprintf].
func (c *Context) Replyf(ctx context.Context, format string, args ...any) error {
	return c.Reply(ctx, fmt.Sprintf(format, args...))
}

// Usage returns how to use the command: its prefix, name and arguments.
func (c *Context) Usage() string {
	return c.Prefix + strings.TrimSpace(c.Command.Name+" "+c.syntax)
}

// UsageError returns an error for a line with wrong arguments. The author gets the reason and the usage of the command, without
// mentions of everyone, mods and djs.
func (c *Context) UsageError(reason string) error {
	return &UsageError{Command: c.Command.Name, Usage: c.Usage(), Reason: reason}
}
