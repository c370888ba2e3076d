package commands

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/queup-go/queup/client"
)

// A UsageError means that a command was not said as it should be. Its author is told, and the client's error handler
// is not.
type UsageError struct {
	// Command is its name.
	Command string
	// Usage is how it should be said.
	Usage string
	// Reason is what is wrong, for people. What they said is not repeated in it.
	Reason string
}

// Error tells the command and the reason.
func (e *UsageError) Error() string {
	return escaped(fmt.Sprintf("commands: %s: %s", e.Command, e.Reason))
}

// A PermissionError means that the author of a command may not use it. They are told, and the client's error handler
// is not. That the bot itself may not do something is a [client.PermissionError].
type PermissionError struct {
	// Command is its name.
	Command string
	// Permission is what the author lacks, empty if that is not the reason.
	Permission client.Permission
	// Role is what the author ranks below, empty if that is not the reason.
	Role client.RoleID
}

// Error tells the command and what is lacking.
func (e *PermissionError) Error() string {
	if e.Permission == "" {
		return fmt.Sprintf("commands: %s: its author ranks below the role %s", e.Command, e.Role)
	}
	return fmt.Sprintf("commands: %s: its author lacks the permission %s", e.Command, e.Permission)
}

// A CooldownError means that a command rests. Its author is told, and the client's error handler is not.
type CooldownError struct {
	// Command is its name.
	Command string
	// Wait is how long it still rests.
	Wait time.Duration
	// User is true when it rests for its author, false when it does for everybody in the room.
	User bool
}

// Error tells the command and the wait.
func (e *CooldownError) Error() string {
	return fmt.Sprintf("commands: %s: rests for %v more", e.Command, e.Wait)
}

// An UnknownError means that there is no such command, but one with a similar name. It only exists with [Suggest].
type UnknownError struct {
	// Name is what was said. It may be anything, so do not repeat it.
	Name string
	// Similar is the name of the command that is most like it.
	Similar string
}

// Error tells both names.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("commands: %q is no command, %s is", e.Name, e.Similar)
}

// A HandlerError is an error that a command's handler returned. It goes to the client's error handler, within a
// [client.HandlerError].
type HandlerError struct {
	// Command is its name.
	Command string
	// Err is what the handler returned.
	Err error
}

// Error tells the command and the handler's error.
func (e *HandlerError) Error() string {
	return escaped(fmt.Sprintf("commands: %s: %v", e.Command, e.Err))
}

// escaped returns a text without what would do something to a terminal or a log, line breaks included.
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

// errPanicked is what an author is answered for, when a handler has panicked.
var errPanicked = errors.New("commands: the handler panicked")

// isRefusal reports whether an error is a matter between the bot and the author of the command, and no news for who runs
// the bot.
func isRefusal(err error) bool {
	_, usage := errors.AsType[*UsageError](err)
	_, permission := errors.AsType[*PermissionError](err)
	_, cooldown := errors.AsType[*CooldownError](err)
	return usage || permission || cooldown || errors.Is(err, client.ErrNothingPlaying)
}

// Answer returns what is said of an error to the author of a command. What a [UsageError], a [PermissionError], a
// [CooldownError] and an [UnknownError] mean is told; so is that the bot lacks a right ([client.ErrForbidden]), that
// it was too much at once ([client.ErrRateLimited]) and that nothing plays ([client.ErrNothingPlaying]). Of any other
// error nothing is told, but that there was one. In a room, the author's name goes before the answer. None begins with
// a command or alerts a crowd; see [client.Quote].
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

// audience tells who may use a command, empty for everybody.
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
	if next := whole + time.Second; whole < d && next > whole { // the longest wait has no second behind it
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
