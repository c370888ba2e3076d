package rest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/queup-go/queup/internal/redact"
)

// Hide masks a copy: many callers may share the error of one renewal.
func TestSecrets_hideChangesNoError(t *testing.T) {
	const secret = "hunter2-canary"
	s := NewSecrets(nil, url.UserPassword("bot", secret), nil)
	quote := errors.New("you sent " + secret)
	response := func() *ResponseError {
		return &ResponseError{
			Op: "login", Status: 401, Message: quote.Error(), Code: secret, Body: []byte(strings.Repeat("-", MaxKeptBody) + secret), Reason: quote,
		}
	}
	for name, err := range map[string]error{
		"a response":          response(),
		"a login":             &LoginError{Response: response()},
		"no response":         &SendError{Op: "login", Method: "POST", URL: "https://queup.test/?was=" + secret, Err: quote},
		"an operation":        &OpError{Op: "login", Err: response()},
		"several":             errors.Join(ErrSessionExpired, &LoginError{Response: response()}),
		"a reason of several": &ResponseError{Op: "room", Status: 302, Reason: errors.Join(ErrSessionExpired, response())},
		"another error":       fmt.Errorf("foreign: %w", quote),
	} {
		all := func(err error) string {
			text := fmt.Sprintf("%v %+v", err, err)
			if e, ok := errors.AsType[*ResponseError](err); ok {
				text += fmt.Sprintf(" %s %s %v", e.Code, e.Body, e.Reason)
			}
			return text
		}
		before := all(err)
		hidden := s.Hide(err)
		if text := all(hidden); strings.Contains(text, secret) {
			t.Errorf("%s: %s", name, text)
		}
		if after := all(err); after != before {
			t.Errorf("%s was changed: %s", name, after)
		}
		if again := s.Hide(hidden); all(again) != all(hidden) {
			t.Errorf("%s is masked twice: %s", name, all(again))
		}
		if name != "another error" && reflect.TypeOf(hidden) != reflect.TypeOf(err) {
			t.Errorf("%s is a %T afterwards", name, hidden)
		}
		for _, target := range []error{ErrSessionExpired, quote} {
			if errors.Is(err, target) != errors.Is(hidden, target) {
				t.Errorf("%s matches %v: %v afterwards", name, target, errors.Is(hidden, target))
			}
		}
	}
}

// A secret that is one of our own words, or a mask, changes nothing about an error.
func TestSecrets_ownWordsStay(t *testing.T) {
	for _, secret := range []string{"session expired", "not logged in, call Login", redact.Mask + redact.Mask, "check the username and password"} {
		s := NewSecrets(nil, url.UserPassword("bot", secret))
		for _, err := range []error{
			ErrSessionExpired,
			ErrNotLoggedIn,
			&WaitError{Op: secret},
			&OpError{Op: secret, Err: ErrNotLoggedIn},
			&LoginError{Response: &ResponseError{Op: "login", Status: 401, Message: "no"}},
			errors.Join(ErrSessionExpired, ErrNotLoggedIn),
		} {
			hidden := s.Hide(err)
			if hidden.Error() != err.Error() || reflect.TypeOf(hidden) != reflect.TypeOf(err) {
				t.Errorf("%q makes %q of %q", secret, hidden, err)
			}
			for _, target := range []error{ErrSessionExpired, ErrNotLoggedIn} {
				if errors.Is(hidden, target) != errors.Is(err, target) {
					t.Errorf("%q: %v does not match %v any more", secret, err, target)
				}
			}
		}
	}
}

// The cause of a context may be an error of package client, which masks it.
func TestSecrets_publicErrorsAreMaskedByTheirPackage(t *testing.T) {
	public := errors.New("public")
	s := NewSecrets(func(err error, hide func(error) error) error {
		if err == public { //nolint:errorlint // by itself
			return errors.Join(errors.New("masked"), hide(ErrNotLoggedIn))
		}
		return nil
	})
	if err := s.Hide(&OpError{Op: "room", Err: public}); !strings.Contains(err.Error(), "masked") || !errors.Is(err, ErrNotLoggedIn) {
		t.Errorf("of a public error: %q", err)
	}
	if err := s.Hide(&OpError{Op: "room", Err: context.Canceled}); !errors.Is(err, context.Canceled) {
		t.Errorf("of another error: %q", err)
	}
}
