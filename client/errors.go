package client

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/queup-go/queup/client/internal/rest"
	"github.com/queup-go/queup/internal/printable"
)

// opJoinRoom is the operation whose refusal for a password is told apart.
const opJoinRoom = "joinRoom"

// The texts of errors escape characters from QueUp or a handler that could harm a terminal or a log. These are control
// characters, including line breaks, and characters that change the direction of reading. Fields keep the original text.

// Sentinels for [errors.Is]. Details of a refusal by QueUp are in [*APIError].
var (
	// ErrUnauthorized means that QueUp does not know the caller or does not let them in: 401, or a missing session.
	ErrUnauthorized = errors.New("queup: unauthorized")
	// ErrForbidden means that the account lacks the permission.
	ErrForbidden = errors.New("queup: forbidden")
	// ErrNotFound means that there is no such room, user or song, or that nothing is playing.
	ErrNotFound = errors.New("queup: not found")
	// ErrRateLimited means that QueUp refused a call because there were too many.
	ErrRateLimited = errors.New("queup: rate limited")
	// ErrBanned means that the account is banned from the room.
	ErrBanned = errors.New("queup: banned from the room")
	// ErrKicked means that the account was removed from the room. It may come back.
	ErrKicked = errors.New("queup: kicked from the room")
	// ErrRoomPassword means that a private room's password is missing or wrong.
	ErrRoomPassword = errors.New("queup: room password missing or wrong")
	// ErrTooManyPasswords means that wrong room passwords have been tried too often; QueUp asks to wait two hours.
	ErrTooManyPasswords = errors.New("queup: too many wrong room passwords")
	// ErrNotLoggedIn means that the call needs Login first.
	ErrNotLoggedIn = errors.New("queup: not logged in, call Login first")
	// ErrNotConnected means that the call needs Connect first.
	ErrNotConnected = errors.New("queup: not connected, call Connect first")
	// ErrNotJoined means that the call needs a room that is joined.
	ErrNotJoined = errors.New("queup: room not joined, call JoinRoom first")
	// ErrSessionExpired means that QueUp has ended the session and logging in again did not help or was not possible.
	ErrSessionExpired = errors.New("queup: session expired")
	// ErrNothingPlaying means that nothing is playing, or that another song is.
	ErrNothingPlaying = errors.New("queup: nothing playing, or another song")
	// ErrUsernameTaken means that a username is taken or not allowed.
	ErrUsernameTaken = errors.New("queup: username taken")
	// ErrDetached means that a value was not made by a client, so its methods cannot reach QueUp.
	ErrDetached = errors.New("queup: value does not belong to a client")
	// ErrClosed means that the client was closed.
	ErrClosed = errors.New("queup: client closed, make another one with New")
)

// An APIError is a failed answer from QueUp, or an answer that makes no sense.
//
// [errors.Is] tells the usual reasons apart: [ErrUnauthorized], [ErrForbidden], [ErrNotFound], [ErrRateLimited],
// [ErrBanned], [ErrRoomPassword], [ErrTooManyPasswords], [ErrSessionExpired]. Source: docs/PROTOCOL.md 1.3.
type APIError struct {
	// Op is the operation's name in api/openapi.yaml, for example joinRoom.
	Op string
	// Method and Path are those of the request.
	Method, Path string
	// Status is the HTTP status.
	Status int
	// Code is QueUp's code for the failure, for example invalidPassword, or a number. It is often empty.
	Code string
	// Message is QueUp's text for people, or ours if the answer had none.
	Message string
	// RetryAfter is how long QueUp asks to wait, zero if it does not say. For the chat quota QueUp says it in words, such
	// as "10 mins".
	RetryAfter time.Duration
	// Body is the start of the answer, at most 4 KiB, with secrets masked.
	Body []byte

	reason  error // beyond Status, for example ErrSessionExpired
	foreign bool  // the answer is not QueUp's, but a hosting page or a proxy's
}

// Error returns the operation, the status, the message and the wait.
func (e *APIError) Error() string {
	return (&rest.ResponseError{Op: e.Op, Status: e.Status, Code: e.Code, Message: e.Message, RetryAfter: e.RetryAfter}).Error()
}

// Unwrap returns the reason if there is one beyond the status, for example [ErrSessionExpired].
func (e *APIError) Unwrap() error { return e.reason }

// Is reports whether target is the sentinel for this failure.
func (e *APIError) Is(target error) bool {
	joining := e.Op == opJoinRoom
	switch target {
	case ErrUnauthorized:
		return e.Status == http.StatusUnauthorized || errors.Is(e.reason, ErrSessionExpired) || errors.Is(e.reason, ErrNotLoggedIn)
	case ErrForbidden:
		return e.Status == http.StatusForbidden
	case ErrNotFound:
		return e.Status == http.StatusNotFound
	case ErrRateLimited:
		return e.Status == http.StatusTooManyRequests
	case ErrBanned:
		return joining && e.Status == http.StatusUnauthorized
	case ErrTooManyPasswords:
		return joining && e.Code == rest.CodeTooManyPasswords
	case ErrRoomPassword:
		return joining && e.Code == rest.CodeInvalidPassword
	}
	return false
}

// A CallError means that a call has no answer: the network failed, QueUp took too long, or the response is not HTTP. It is
// unknown whether the call was carried out, unless the error says that QueUp cannot be reached.
type CallError struct {
	// Op is the operation's name in api/openapi.yaml.
	Op string
	// Method and URL are those of the request.
	Method, URL string
	// Err is what happened, for example a [*net.OpError].
	Err error
}

// Error returns the operation, the request and the reason.
func (e *CallError) Error() string {
	return (&rest.SendError{Op: e.Op, Method: e.Method, URL: e.URL, Err: e.Err}).Error()
}

// Unwrap returns Err.
func (e *CallError) Unwrap() error { return e.Err }

// Timeout reports whether the call ended because it took too long.
func (e *CallError) Timeout() bool {
	return (&rest.SendError{Err: e.Err}).Timeout()
}

// An AuthorizationError means that QueUp refused a username and password.
type AuthorizationError struct {
	answer *APIError
}

// Error says that the login was refused, and returns QueUp's message.
func (e *AuthorizationError) Error() string {
	return (&rest.LoginError{Response: &rest.ResponseError{Message: e.answer.Message}}).Error()
}

// Unwrap returns the [*APIError].
func (e *AuthorizationError) Unwrap() error { return e.answer }

// Is reports whether target is [ErrUnauthorized].
func (e *AuthorizationError) Is(target error) bool { return target == ErrUnauthorized }

// An ArgumentError means that a call was refused before anything was sent.
type ArgumentError struct {
	// Op is the Go function or method that was called.
	Op string
	// Argument is the name of the argument.
	Argument string
	// Reason says what is wrong with the argument, and what would be right.
	Reason string
}

// Error returns the call, the argument and the reason.
func (e *ArgumentError) Error() string {
	return fmt.Sprintf("queup: %s: %s %s", e.Op, e.Argument, e.Reason)
}

// isEmpty is the reason for an argument that is most often read from the environment.
const isEmpty = "is empty; if it comes from an environment variable, set that"

// A MessageTooLongError means that a chat text does not fit. Nothing was sent. Source: docs/PROTOCOL.md 1.7.
type MessageTooLongError struct {
	// Length is the text's length as QueUp counts it: UTF-16 units after HTML encoding.
	Length int
	// Limit is the longest line that QueUp accepts, 255.
	Limit int
	// Parts is how many lines the text may take: 1, or the number set with [WithMessageParts].
	Parts int
}

// Error returns the lengths, and what sends a longer text.
func (e *MessageTooLongError) Error() string {
	lines, remedy := "one line", "SendLong sends more lines, as many as WithMessageParts allows"
	if e.Parts > 1 {
		lines, remedy = fmt.Sprintf("the %d lines that SendLong may send,", e.Parts), "WithMessageParts allows more"
	}
	return fmt.Sprintf("queup: a text of %d characters (after HTML encoding) does not fit into %s of %d: %s", e.Length, lines, e.Limit, remedy)
}

// A RateLimitError means that a call was not sent, because the rate limit would let it through after the deadline of its
// context. It is also [ErrRateLimited]. See [WithRateLimit].
type RateLimitError struct {
	// Op is the operation's name in api/openapi.yaml.
	Op string
	// Wait is how long the wait would have been.
	Wait time.Duration
}

// Error returns the operation and the wait.
func (e *RateLimitError) Error() string {
	return (&rest.WaitError{Op: e.Op, Wait: e.Wait}).Error()
}

// Is reports whether target is [ErrRateLimited].
func (e *RateLimitError) Is(target error) bool { return target == ErrRateLimited }

// withinError adds to an error what the client was doing.
type withinError struct {
	what string
	err  error
}

func (e *withinError) Error() string { return within(e.what, e.err) }

func (e *withinError) Unwrap() error { return e.err }

// within returns the text of an error with what the client was doing in front. However many errors are nested, the text
// starts with "queup: " once.
func within(what string, err error) string { return rest.Within(what, err) }

// A HandlerError is an error that a handler returned. It goes to the error handler.
type HandlerError struct {
	// Event is the type of the event, for example Chat.
	Event string
	// Err is what the handler returned.
	Err error
}

// Error returns the event and the handler's error.
func (e *HandlerError) Error() string { return within("handler of "+e.Event, e.Err) }

// Unwrap returns the handler's error.
func (e *HandlerError) Unwrap() error { return e.Err }

// A PanicError is a panic of a handler. It goes to the error handler, and the subscription goes on with the next event.
type PanicError struct {
	// Event is the type of the event, for example Chat.
	Event string
	// Value is what the handler panicked with.
	Value any
	// Stack is the stack of the panic.
	Stack []byte
}

// Error returns the event and the panic's value.
func (e *PanicError) Error() string {
	return printable.Text(fmt.Sprintf("queup: handler of %s panicked: %v", e.Event, e.Value))
}

// unknownRoom is the hint for a slug or an id that QueUp does not know.
const unknownRoom = ", check the slug (the last part of the room's address)"

// checkSlug returns an error for a text that cannot be a room's slug or id: a whole address, a part with its query, or the
// title. The error suggests the slug.
func checkSlug(op, argument, slug string) error {
	if strings.TrimSpace(slug) == "" {
		return &ArgumentError{Op: op, Argument: argument, Reason: isEmpty}
	}
	if !strings.ContainsFunc(slug, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("/?#", r) }) {
		return nil
	}
	address, _, _ := strings.Cut(slug, "?")
	address, _, _ = strings.Cut(address, "#")
	last := strings.TrimRight(strings.TrimSpace(address), "/")
	last = last[strings.LastIndex(last, "/")+1:]
	reason := "is only the last part of its address"
	if words := strings.Fields(last); len(words) > 1 {
		reason += fmt.Sprintf(" and has no spaces, perhaps %q", strings.ToLower(strings.Join(words, "-")))
	} else if last != "" {
		reason += fmt.Sprintf(": %q", last)
	}
	return &ArgumentError{Op: op, Argument: argument, Reason: reason}
}

// A leftError is ErrNotJoined for a room that the client has left, or that has ended for it.
type leftError struct{ slug string }

func (e *leftError) Error() string {
	return printable.Text(fmt.Sprintf("queup: no longer in room %q, call JoinRoom to enter it again", e.slug))
}

func (e *leftError) Is(target error) bool { return target == ErrNotJoined }

// A MailboxError reports to the error handler that private messages have not been received for 30 s, because QueUp refuses the client
// their channel. It is reported once for each such outage; [Health] has it as MailErr from the first refusal on. The client retries on
// every link and at least every 30 s. When that succeeds, the missed messages are emitted as [PrivateMessage] with Resynced set.
type MailboxError struct {
	Since time.Time // no message has been received since then
	Err   error     // the error of the latest try
}

// Error returns when the outage began and why.
func (e *MailboxError) Error() string {
	return within(fmt.Sprintf("private messages not received since %s", e.Since.UTC().Format(time.RFC3339)), e.Err)
}

// Unwrap returns Err.
func (e *MailboxError) Unwrap() error { return e.Err }
