package client

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"time"

	"github.com/queup-go/queup/client/internal/rest"
	"github.com/queup-go/queup/gen/queupapi"
)

// answerTimeout bounds one REST call, if the caller's context allows more.
const answerTimeout = 60 * time.Second

// Names of package rest that this package uses.
const (
	loadsAtOnce = rest.LoadsAtOnce

	secretRoom  = rest.SecretRoom
	secretToken = rest.SecretToken

	opPostChat = "postChat"
)

// The reasons why calls end when the client logs in to another account, or logs out.
var (
	errLoggedOut  = &withinError{"logged out meanwhile", ErrNotLoggedIn}
	errOtherLogin = &withinError{"another account has logged in meanwhile", ErrNotLoggedIn}
)

// newDoer returns the doer that sends the calls of the generated clients.
func (c *Client) newDoer(h *http.Client) *rest.Doer {
	return rest.NewDoer(rest.Config{
		BaseURL:   c.config.baseURL,
		UserAgent: c.config.userAgent,
		HTTP:      h,
		Limits:    rest.Limits{Calls: c.config.calls, Per: c.config.per, ChatLines: c.config.chatLines, ChatPer: c.config.chatPer},
		Clock:     c.clock,
		Secrets:   c.secrets,
		Group:     c.workers,
		Random:    c.config.random,

		CookiesChanged: func(a *rest.Account) { c.keeper.changed(a) },
		Retrying: func(ctx context.Context, r rest.Retry) {
			c.log.WarnContext(ctx, "call failed, retrying",
				slog.String("op", r.Op), slog.Int("attempt", r.Attempt), slog.Duration("retry_in", r.Pause), slog.Any("error", publicError(r.Err)))
		},
	})
}

// newREST returns a generated client on a doer.
func (c *Client) newREST(d *rest.Doer) (*queupapi.Client, error) {
	return queupapi.NewClient(rest.ServerURL(c.config.baseURL), queupapi.WithClient(&doer{d}))
}

// doer is a [rest.Doer] that returns the errors of this package.
type doer struct{ rest *rest.Doer }

// Do sends a request, see [rest.Doer.Do].
func (d *doer) Do(req *http.Request) (*http.Response, error) {
	resp, err := d.rest.Do(req)
	return resp, publicError(err)
}

// failed returns the error of a call of the generated client, nil for nil. An error of the doer comes without the client's
// wrapping, and any other with the operation's name in front.
func failed(op string, err error) error {
	err = publicError(rest.CallError(op, err))
	hookOperation(err)
	return err
}

// waitUntil waits until a time, or returns the cause of ctx. It returns a [*RateLimitError] at once if the deadline of ctx
// is earlier.
func waitUntil(ctx context.Context, op string, at time.Time) error {
	return publicError(rest.WaitUntil(ctx, op, at))
}

// jsonField returns the raw value of a field of a JSON object, nil if there is none. For an empty name it returns the value
// itself.
func jsonField(raw json.RawMessage, name string) json.RawMessage { return rest.JSONField(raw, name) }

// maskPublic hides the secrets in errors of this package, see [rest.MaskPublic]. Most were masked when they were made.
func maskPublic(err error, hide func(error) error) error {
	switch e := err.(type) { //nolint:errorlint // each error of the tree is looked at by itself
	case *APIError, *AuthorizationError, *CallError, *RateLimitError:
		return err
	case *withinError:
		return &withinError{e.what, hide(e.err)}
	}
	return nil
}

// publicError replaces each error of package rest in an error by the corresponding error of this package. The text stays
// the same. An error without any is returned as it is.
func publicError(err error) error {
	if public := translate(err); public != nil {
		err = public
	}
	hookCall(err)
	return err
}

// translate is publicError. It returns nil if there is nothing to replace.
func translate(err error) error {
	switch e := err.(type) { //nolint:errorlint // each error of the tree is looked at by itself
	case nil:
		return nil
	case *rest.ResponseError:
		return newAPIError(e)
	case *rest.LoginError:
		return &AuthorizationError{answer: newAPIError(e.Response)}
	case *rest.SendError:
		return &CallError{Op: e.Op, Method: e.Method, URL: e.URL, Err: publicError(e.Err)}
	case *rest.WaitError:
		return &RateLimitError{Op: e.Op, Wait: e.Wait}
	case *rest.OpError:
		return &withinError{e.Op, publicError(e.Err)}
	case interface{ Unwrap() error }:
		return translateWrapper(err, e.Unwrap())
	case interface{ Unwrap() []error }:
		return translateJoined(err, e.Unwrap())
	}
	switch err {
	case rest.ErrSessionExpired: //nolint:errorlint // by itself
		return ErrSessionExpired
	case rest.ErrNotLoggedIn:
		return ErrNotLoggedIn
	}
	return nil
}

// translateWrapper translates an error that wraps another.
func translateWrapper(err, wrapped error) error {
	public := translate(wrapped)
	if public == nil {
		return nil
	}
	switch e := err.(type) { //nolint:errorlint // by itself
	case *withinError:
		return &withinError{e.what, public}
	case *url.Error:
		return &url.Error{Op: e.Op, URL: e.URL, Err: public}
	default:
		return &translatedError{err, []error{public}}
	}
}

// translateJoined translates an error that wraps several.
func translateJoined(err error, wrapped []error) error {
	public, replaced := slices.Clone(wrapped), false
	for i, part := range wrapped {
		if other := translate(part); other != nil {
			public[i], replaced = other, true
		}
	}
	switch {
	case !replaced:
		return nil
	case reflect.TypeOf(err) == reflect.TypeOf(errors.Join(err)):
		return errors.Join(public...)
	default:
		return &translatedError{err, public}
	}
}

func newAPIError(e *rest.ResponseError) *APIError {
	return &APIError{
		Op:         e.Op,
		Method:     e.Method,
		Path:       e.Path,
		Status:     e.Status,
		Code:       e.Code,
		Message:    e.Message,
		RetryAfter: e.RetryAfter,
		Body:       e.Body,
		reason:     publicError(e.Reason),
		foreign:    e.Foreign,
	}
}

// A translatedError is an error of another package that wraps errors of package rest. It has the same text and matches the same
// targets, and wraps the errors of this package instead.
type translatedError struct {
	other   error
	wrapped []error
}

func (e *translatedError) Error() string { return e.other.Error() }

// Unwrap returns what the error wraps.
func (e *translatedError) Unwrap() []error { return e.wrapped }

// Is reports whether the error of the other package, by itself, matches target.
func (e *translatedError) Is(target error) bool {
	if t := reflect.TypeOf(target); t != nil && t.Comparable() && e.other == target {
		return true
	}
	by, ok := e.other.(interface{ Is(target error) bool })
	return ok && by.Is(target)
}

// As sets target to the error of the other package, by itself, if it matches.
func (e *translatedError) As(target any) bool {
	place := reflect.ValueOf(target).Elem()
	if reflect.TypeOf(e.other).AssignableTo(place.Type()) {
		place.Set(reflect.ValueOf(e.other))
		return true
	}
	by, ok := e.other.(interface{ As(target any) bool })
	return ok && by.As(target)
}

// noList returns the error for an answer that is not a list: null, an object, a text, or a list of which no row can be
// read. Such an answer does not mean that the list is empty.
func noList(op string) error {
	return &APIError{Op: op, Status: http.StatusOK, Message: "answered without a list"}
}

// rowsOf returns the list of an answer to an operation. It fails with the error of the call, or if the answer is not a list.
func rowsOf[L ~[]T, T interface{ IsZero() bool }](op string, list L, err error) (L, error) {
	if err != nil {
		return nil, failed(op, err)
	}
	if noRows(list) {
		return nil, noList(op)
	}
	return list, nil
}

// unreadable reports whether QueUp has answered a call with success and content that makes no sense.
func unreadable(err error) bool {
	answer, ok := errors.AsType[*APIError](err)
	return ok && answer.Status == http.StatusOK
}

// noRows reports whether an answer has no list, or a list in which every row is empty. Then the content is unknown. A list
// without any row, which has no capacity, is empty.
func noRows[T interface{ IsZero() bool }](list []T) bool {
	return list == nil || cap(list) > 0 && len(filled(list)) == 0
}

// filled returns the rows of a list that are not empty. QueUp has sent lists with null in them; an object without members
// says as little.
func filled[T interface{ IsZero() bool }](rows []T) []T {
	if !slices.ContainsFunc(rows, T.IsZero) {
		return rows
	}
	return slices.DeleteFunc(slices.Clone(rows), T.IsZero)
}
