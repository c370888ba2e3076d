package commands

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/queup-go/queup/client"
)

// A UsageError is returned for a command with wrong arguments. Its author gets an answer; the client's error handler does not
// get the error.
type UsageError struct {
	// Command is its name.
	Command string
	// Usage is the syntax of the command.
	Usage string
	// Reason is the fault, for people. It does not repeat their words.
	Reason string
}

// Error names the command and the reason.
func (e *UsageError) Error() string {
	return escaped(fmt.Sprintf("commands: %s: %s", e.Command, e.Reason))
}

// A PermissionError is returned if the author of a command may not use it. The author gets an answer; the client's error handler
// does not get the error. If the bot itself lacks a right, the error is a [client.PermissionError].
type PermissionError struct {
	// Command is its name.
	Command string
	// Permission is the permission that the author lacks, empty if that is not the reason.
	Permission client.Permission
	// Role is the role that the author ranks below, empty if that is not the reason.
	Role client.RoleID
}

// Error names the command and the missing permission or role.
func (e *PermissionError) Error() string {
	if e.Permission == "" {
		return fmt.Sprintf("commands: %s: its author ranks below the role %s", e.Command, e.Role)
	}
	return fmt.Sprintf("commands: %s: its author lacks the permission %s", e.Command, e.Permission)
}

// A CooldownError is returned for a command within its cooldown. Its author gets an answer; the client's error handler does not
// get the error.
type CooldownError struct {
	// Command is its name.
	Command string
	// Wait is how much of the cooldown is left.
	Wait time.Duration
	// User is true for the cooldown of the author, false for that of the room.
	User bool
}

// Error names the command and the wait.
func (e *CooldownError) Error() string {
	return fmt.Sprintf("commands: %s: rests for %v more", e.Command, e.Wait)
}

// An UnknownError is answered for an unknown command if there is one with a similar name. It only exists with [Suggest].
type UnknownError struct {
	// Name is the name in the line. It may be any text, so do not repeat it.
	Name string
	// Similar is the name of the most similar command.
	Similar string
}

// Error contains both names.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("commands: %q is not a command, %s is", e.Name, e.Similar)
}

// A HandlerError is an error that a command's handler returned. It goes to the client's error handler, within a
// [client.HandlerError].
type HandlerError struct {
	// Command is its name.
	Command string
	// Err is the error that the handler returned.
	Err error
}

// Error names the command and the handler's error.
func (e *HandlerError) Error() string {
	return escaped(fmt.Sprintf("commands: %s: %v", e.Command, e.Err))
}

// escaped returns a text with all unprintable characters escaped, line breaks included, so that it is safe in a terminal or a log.
func escaped(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strconv.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

// Unwrap returns the handler's error.
func (e *HandlerError) Unwrap() error { return e.Err }

// errPanicked is the error that the author gets an answer to when a handler has panicked.
var errPanicked = errors.New("commands: the handler panicked")

// isRefusal reports whether an error concerns only the author of the command, and not the person who runs the bot.
func isRefusal(err error) bool {
	_, usage := errors.AsType[*UsageError](err)
	_, permission := errors.AsType[*PermissionError](err)
	_, cooldown := errors.AsType[*CooldownError](err)
	return usage || permission || cooldown || errors.Is(err, client.ErrNothingPlaying)
}

// Answer returns the answer to an error for the author of a command. It explains a [UsageError], a [PermissionError], a
// [CooldownError] and an [UnknownError]. It also says that the bot lacks a right ([client.ErrForbidden]), that there were too many
// calls ([client.ErrRateLimited]) or that nothing plays ([client.ErrNothingPlaying]). For any other error it only says that
// there was one. In a room the router puts the author's name before the answer. No answer begins with a command or alerts a
// crowd; see [client.Quote].
func Answer(c *Context, err error) string {
	if e, ok := errors.AsType[*UsageError](err); ok {
		return fmt.Sprintf("%s. Usage: %s", client.Quote(e.Reason), e.Usage)
	}
	if e, ok := errors.AsType[*PermissionError](err); ok {
		return fmt.Sprintf("the command %s%s is for %s.", c.Prefix, e.Command, audience(c.Room, e.Permission, e.Role))
	}
	if e, ok := errors.AsType[*CooldownError](err); ok {
		return fmt.Sprintf("please wait %s before the next %s%s.", spoken(e.Wait), c.Prefix, e.Command)
	}
	if e, ok := errors.AsType[*UnknownError](err); ok {
		return fmt.Sprintf("there is no such command. Did you mean %s%s?", c.Prefix, e.Similar)
	}
	switch {
	case errors.Is(err, client.ErrForbidden):
		return "sorry, I may not do that here."
	case errors.Is(err, client.ErrRateLimited):
		return "sorry, that is too much for me at the moment. Please try again later."
	case errors.Is(err, client.ErrNothingPlaying):
		return "nothing plays, or another song by now."
	}
	return "sorry, that did not work."
}

// audience describes the people who may use a command. It is empty if all may.
func audience(room *client.Room, permission client.Permission, role client.RoleID) string {
	if permission != "" {
		return fmt.Sprintf("those with the permission %s", permission)
	}
	if role == "" {
		return ""
	}
	if known, ok := room.Role(role); ok {
		return fmt.Sprintf("the role %s and those above", known)
	}
	return "people of a higher role"
}

// spoken writes a wait in whole seconds, rounded up.
func spoken(d time.Duration) string {
	whole := max(d, time.Second).Truncate(time.Second)
	if next := whole + time.Second; whole < d && next > whole { // one second more than the longest wait overflows
		whole = next
	}
	text := whole.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
