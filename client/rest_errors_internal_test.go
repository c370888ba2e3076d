package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/queup-go/queup/client/internal/rest"
)

// foreignError is an error of another package that wraps one, and matches a target of its own.
type foreignError struct{ err error }

var errOfForeign = errors.New("a target of foreignError")

func (e *foreignError) Error() string        { return "foreign: " + e.err.Error() }
func (e *foreignError) Unwrap() error        { return e.err }
func (e *foreignError) Is(target error) bool { return target == errOfForeign }
func (e *foreignError) Timeout() bool        { return true }

// noErrorOfRest reports the errors of package rest in a tree.
func noErrorOfRest(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	switch e := err.(type) { //nolint:errorlint // each error of the tree is looked at by itself
	case *rest.ResponseError, *rest.SendError, *rest.WaitError, *rest.LoginError, *rest.OpError:
		t.Errorf("a %T is left", e)
	case interface{ Unwrap() error }:
		noErrorOfRest(t, e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			noErrorOfRest(t, part)
		}
	}
	if slices.Contains([]error{rest.ErrSessionExpired, rest.ErrNotLoggedIn}, err) {
		t.Errorf("%q is one of package rest", err)
	}
}

// matches says which of the public errors errors.Is and errors.As find.
func matches(err error) string {
	var found []string
	for name, target := range map[string]error{
		"ErrUnauthorized": ErrUnauthorized, "ErrForbidden": ErrForbidden, "ErrNotFound": ErrNotFound, "ErrRateLimited": ErrRateLimited,
		"ErrBanned": ErrBanned, "ErrRoomPassword": ErrRoomPassword, "ErrTooManyPasswords": ErrTooManyPasswords, "ErrNotLoggedIn": ErrNotLoggedIn,
		"ErrSessionExpired": ErrSessionExpired, "ErrClosed": ErrClosed, "canceled": context.Canceled, "EOF": io.EOF, "foreign": errOfForeign,
	} {
		if errors.Is(err, target) {
			found = append(found, name)
		}
	}
	if _, ok := errors.AsType[*APIError](err); ok {
		found = append(found, "*APIError")
	}
	if _, ok := errors.AsType[*CallError](err); ok {
		found = append(found, "*CallError")
	}
	if _, ok := errors.AsType[*RateLimitError](err); ok {
		found = append(found, "*RateLimitError")
	}
	if _, ok := errors.AsType[*AuthorizationError](err); ok {
		found = append(found, "*AuthorizationError")
	}
	if _, ok := errors.AsType[*url.Error](err); ok {
		found = append(found, "*url.Error")
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		found = append(found, "*net.OpError")
	}
	if _, ok := errors.AsType[*foreignError](err); ok {
		found = append(found, "*foreignError")
	}
	slices.Sort(found)
	return fmt.Sprint(found)
}

// Whatever wraps an error of package rest, a user meets the public one instead, with the same text and in the same place.
func TestPublicError(t *testing.T) {
	refusal := &rest.ResponseError{
		Op: "joinRoom", Method: "POST", Path: "/room/lounge", Status: 401, Code: "invalidPassword", Message: "no", RetryAfter: time.Second,
		Body: []byte("{}"), Foreign: true,
	}
	missing := &rest.ResponseError{Op: "room", Status: 404}
	expired := func(reason error) error {
		return &rest.ResponseError{Op: "room", Status: 302, Reason: errors.Join(rest.ErrSessionExpired, reason)}
	}
	broken := &rest.SendError{Op: "room", Method: "GET", URL: "https://queup.test/room", Err: &net.OpError{Op: "dial", Err: io.EOF}}
	for name, tt := range map[string]struct {
		err  error
		want string // what matches
	}{
		"a refusal":                 {refusal, "[*APIError ErrBanned ErrRoomPassword ErrUnauthorized]"},
		"an unknown room":           {missing, "[*APIError ErrNotFound]"},
		"no response":               {broken, "[*CallError *net.OpError EOF]"},
		"a call that was not sent":  {&rest.WaitError{Op: "room", Wait: time.Second}, "[*RateLimitError ErrRateLimited]"},
		"a refused login":           {&rest.LoginError{Response: missing}, "[*APIError *AuthorizationError ErrNotFound ErrUnauthorized]"},
		"an end":                    {&rest.OpError{Op: "room", Err: context.Canceled}, "[canceled]"},
		"a closed client":           {&rest.OpError{Op: "room", Err: ErrClosed}, "[ErrClosed]"},
		"a lost session":            {expired(nil), "[*APIError ErrSessionExpired ErrUnauthorized]"},
		"of a guest":                {expired(rest.ErrNotLoggedIn), "[*APIError ErrNotLoggedIn ErrSessionExpired ErrUnauthorized]"},
		"that cannot be renewed":    {expired(&rest.LoginError{Response: missing}), "[*APIError *AuthorizationError ErrNotFound ErrSessionExpired ErrUnauthorized]"},
		"that is not renewed":       {expired(&rest.WaitError{Op: "login"}), "[*APIError *RateLimitError ErrRateLimited ErrSessionExpired ErrUnauthorized]"},
		"a reason alone":            {rest.ErrSessionExpired, "[ErrSessionExpired]"},
		"another":                   {rest.ErrNotLoggedIn, "[ErrNotLoggedIn]"},
		"an operation in another":   {&rest.OpError{Op: "room", Err: &rest.OpError{Op: "user", Err: missing}}, "[*APIError ErrNotFound]"},
		"several":                   {errors.Join(io.EOF, missing, broken), "[*APIError *CallError *net.OpError EOF ErrNotFound]"},
		"several, of several":       {errors.Join(errors.Join(missing), rest.ErrNotLoggedIn), "[*APIError ErrNotFound ErrNotLoggedIn]"},
		"within an error of ours":   {&withinError{"presence", missing}, "[*APIError ErrNotFound]"},
		"within a join":             {&joinError{"lounge", missing}, "[*APIError ErrNotFound]"},
		"within a url.Error":        {&url.Error{Op: "Get", URL: "https://queup.test", Err: missing}, "[*APIError *url.Error ErrNotFound]"},
		"within a format":           {fmt.Errorf("do request: %w", missing), "[*APIError ErrNotFound]"},
		"within a format, with EOF": {fmt.Errorf("%w and %w", io.EOF, broken), "[*CallError *net.OpError EOF]"},
		"within a foreign error":    {&foreignError{&foreignError{missing}}, "[*APIError *foreignError ErrNotFound foreign]"},
	} {
		public := publicError(tt.err)
		if public.Error() != tt.err.Error() {
			t.Errorf("%s: %q has become %q", name, tt.err, public)
		}
		if got := matches(public); got != tt.want {
			t.Errorf("%s: %s match, want %s", name, got, tt.want)
		}
		noErrorOfRest(t, public)
		if again := publicError(public); again != public { //nolint:errorlint // the same value
			t.Errorf("%s: a public error has become another: %#v", name, again)
		}
	}
	want := &APIError{
		Op: "joinRoom", Method: "POST", Path: "/room/lounge", Status: 401, Code: "invalidPassword", Message: "no", RetryAfter: time.Second,
		Body: []byte("{}"), foreign: true,
	}
	if got := publicError(refusal); !reflect.DeepEqual(got, want) {
		t.Errorf("the fields are %+v, want %+v", got, want)
	}
	if timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](publicError(&foreignError{missing})); !ok || !timeout.Timeout() {
		t.Error("a foreign error has lost its methods")
	}
	if publicError(nil) != nil {
		t.Error("there is an error of none")
	}
}

// What is no error of package rest stays the same, not only equal.
func TestPublicError_leavesOthersAlone(t *testing.T) {
	for name, err := range map[string]error{
		"one":           io.EOF,
		"wrapped":       &foreignError{io.EOF},
		"wrapping none": &url.Error{Op: "Get", URL: "https://queup.test", Err: io.EOF},
		"joined":        errors.Join(io.EOF, context.Canceled),
		"public":        &APIError{Op: "room", reason: errors.Join(ErrSessionExpired, io.EOF)},
		"an operation":  &withinError{"room", ErrClosed},
	} {
		if public := publicError(err); public != err { //nolint:errorlint // the same value
			t.Errorf("%s: %#v has become %#v", name, err, public)
		}
	}
}
