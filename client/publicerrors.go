package client

import (
	"errors"
	"net/url"
	"reflect"
	"slices"

	"github.com/queup-go/queup/client/internal/rest"
)

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

// publicError returns an error in which each error of package rest is replaced by the one of this package that it stands for. The text
// stays the same. An error without any is returned as it is.
func publicError(err error) error {
	if public := translate(err); public != nil {
		return public
	}
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
