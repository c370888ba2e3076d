package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/queup-go/queup/internal/ogenerrors"

	"github.com/queup-go/queup/internal/printable"
	"github.com/queup-go/queup/internal/redact"
	"github.com/queup-go/queup/internal/retryafter"
)

// Reasons of a [ResponseError].
var (
	// ErrSessionExpired means that QueUp has ended the session, and that logging in again did not help or was not possible.
	ErrSessionExpired = errors.New("queup: session expired")
	// ErrNotLoggedIn means that the call needs an account, and no account is logged in.
	ErrNotLoggedIn = errors.New("queup: not logged in, call Login first")
)

// A ResponseError is a response that means failure, or that is not valid.
type ResponseError struct {
	// Op is the operation's name in api/openapi.yaml.
	Op string
	// Method and Path are those of the request.
	Method, Path string
	// Status is the HTTP status.
	Status int
	// Code is QueUp's code for the failure, often empty.
	Code string
	// Message is QueUp's text for people, or ours if the response had none.
	Message string
	// RetryAfter is how long QueUp asks to wait, zero if it does not say.
	RetryAfter time.Duration
	// Body is the start of the response.
	Body []byte
	// Reason is the reason beyond Status, for example ErrSessionExpired.
	Reason error
	// Foreign means that the response is not QueUp's, but a hosting page or a proxy's.
	Foreign bool

	byHeader bool // RetryAfter is the value of the header Retry-After
	masked   bool // no secret is in it any more
}

// Error returns the operation, the status, the message and the wait.
func (e *ResponseError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "queup: %s: %d", e.Op, e.Status)
	if status := http.StatusText(e.Status); status != "" {
		text.WriteString(" " + status)
	}
	if e.Message != "" {
		text.WriteString(": " + e.Message)
	}
	if e.Code != "" && e.Code != strconv.Itoa(e.Status) && !strings.Contains(e.Message, e.Code) {
		text.WriteString(" (" + e.Code + ")")
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&text, ", try again in %v", e.RetryAfter)
	}
	return printable.Text(text.String())
}

// Unwrap returns Reason.
func (e *ResponseError) Unwrap() error { return e.Reason }

// A SendError is a call without a response: the network failed, QueUp took too long, or the response is not HTTP.
type SendError struct {
	// Op is the operation's name in api/openapi.yaml.
	Op string
	// Method and URL are those of the request.
	Method, URL string
	// Err is what happened.
	Err error
}

// maxReason bounds the text of the reason in a SendError, in bytes. It may quote a response.
const maxReason = 300

// Error returns the operation, the request and the reason.
func (e *SendError) Error() string {
	what := ""
	if network, ok := errors.AsType[*net.OpError](e.Err); ok && network.Op == "dial" {
		what = "QueUp cannot be reached, check the network: "
	} else if e.Timeout() {
		what = "the answer takes too long: "
	}
	reason := redact.Text(e.Err.Error())
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason], "") + "…"
	}
	return printable.Text(fmt.Sprintf("queup: %s: %s%s %s: %s", e.Op, what, e.Method, e.URL, reason))
}

// Unwrap returns Err.
func (e *SendError) Unwrap() error { return e.Err }

// Timeout reports whether the call ended because it took too long.
func (e *SendError) Timeout() bool {
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](e.Err)
	return ok && timeout.Timeout()
}

// A WaitError is a call that was not sent, because the rate limits would let it through after the deadline of its context.
type WaitError struct {
	// Op is the operation's name in api/openapi.yaml.
	Op string
	// Wait is how long the wait would have been.
	Wait time.Duration
}

// Error returns the operation and the wait.
func (e *WaitError) Error() string {
	return fmt.Sprintf("queup: %s: not sent, its turn comes in %v and the deadline is earlier", e.Op, e.Wait.Round(time.Millisecond))
}

// A LoginError means that QueUp refused a username and password.
type LoginError struct {
	// Response is the refusal.
	Response *ResponseError
}

// Error says that the login was refused, and returns QueUp's message.
func (e *LoginError) Error() string {
	return printable.Text("queup: login refused, check the username and password: " + e.Response.Message)
}

// Unwrap returns Response.
func (e *LoginError) Unwrap() error { return e.Response }

// An OpError adds to an error what the client was doing.
type OpError struct {
	// Op is the operation, or another text.
	Op string
	// Err is the error.
	Err error
}

// Error returns both.
func (e *OpError) Error() string { return Within(e.Op, e.Err) }

// Unwrap returns Err.
func (e *OpError) Unwrap() error { return e.Err }

// Within returns the text of an error with what the client was doing in front. However many errors are nested, the text starts with
// "queup: " once.
func Within(what string, err error) string {
	const name = "queup: "
	return printable.Text(name + what + ": " + strings.TrimPrefix(fmt.Sprint(err), name))
}

// CallError returns the error of a call of the generated client, nil for nil. An error of the [Doer] comes without the
// client's wrapping, and any other with the operation's name in front.
func CallError(op string, err error) error {
	if err == nil {
		return nil
	}
	if inner := errors.Unwrap(err); inner != nil && strings.HasPrefix(err.Error(), "do request: ") {
		return inner
	}
	if broken, ok := errors.AsType[*ogenerrors.DecodeBodyError](err); ok {
		broken.Body = nil // the whole response, which %+v would print
	}
	return &OpError{Op: op, Err: err}
}

const (
	// maxErrorBody is how much of a failed response is read to find its text.
	maxErrorBody = 64 << 10
	// MaxKeptBody is how much of it a ResponseError keeps, with its secrets masked.
	MaxKeptBody = 4 << 10
)

// responseError returns the error of a response that means failure, and closes the response. If the call's context ends
// while the response is read, its cause becomes part of the reason.
func responseError(op string, resp *http.Response, reason error) *ResponseError {
	body, readErr := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	_ = resp.Body.Close()
	if readErr != nil {
		if cause := context.Cause(resp.Request.Context()); cause != nil {
			reason, readErr = errors.Join(reason, cause), cause
		}
	}
	e := &ResponseError{
		Op:         op,
		Method:     resp.Request.Method,
		Path:       resp.Request.URL.Path,
		Status:     resp.StatusCode,
		RetryAfter: retryafter.Read(resp.Header),
		Reason:     reason,
		Foreign:    !json.Valid(body),
	}
	switch {
	case !e.Foreign:
		e.Message, e.Code = explain(body)
	case readErr != nil:
		e.Message = "the answer broke off: " + readErr.Error()
	default:
		e.Message = explainForeign(resp)
	}
	if e.byHeader = e.RetryAfter > 0; !e.byHeader && op == opPostChat && e.Status == http.StatusTooManyRequests {
		e.RetryAfter = retryafter.Words(e.Message)
	}
	e.Message = redact.Text(e.Message)
	e.Body = redact.Bytes(body) // Secrets.Hide cuts it later, when it can no longer cut a secret in half
	return e
}

// invalidAnswer returns the error of a response that looks like success and is not valid.
func invalidAnswer(op string, resp *http.Response, what string) *ResponseError {
	e := responseError(op, resp, nil)
	e.Message = what
	return e
}

// sendError returns the error of a request without a response. If the caller's context has ended, that is its cause.
func sendError(req *http.Request, op string, err error) error {
	if cause := context.Cause(req.Context()); cause != nil {
		return &OpError{Op: op, Err: cause}
	}
	failed := &SendError{Op: op, Method: req.Method, URL: req.URL.Redacted(), Err: err}
	if sent, ok := errors.AsType[*url.Error](err); ok {
		failed.Err = sent.Err // the rest of it is in failed already
	}
	return failed
}
