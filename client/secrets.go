package client

import (
	"errors"
	"net/http"
	"slices"

	"github.com/queup-go/queup/internal/redact"
)

// The kinds of secrets that a client knows.
const (
	secretPassword = "password" // of accounts
	secretRoom     = "room"     // passwords of rooms
	secretToken    = "token"
	secretCookie   = "cookie"
	secretURL      = "url" // passwords in the URLs of options
)

// secrets are what a client has been told and must not tell. It puts none of them anywhere; but QueUp may send back what it
// was sent, and a transport, a dialer or a proxy may quote it.
type secrets struct {
	known redact.Known
}

func newSecrets(c *config) *secrets {
	s := new(secrets)
	for _, u := range []interface{ Password() (string, bool) }{c.baseURL.User, c.realtimeURL.User, c.proxyUser()} {
		if password, ok := u.Password(); ok {
			s.learn(secretURL, redact.New(password))
		}
	}
	return s
}

func (s *secrets) learn(kind string, secret redact.Secret) { s.known.Learn(kind, secret) }

// learnCookies notes the cookies of a request that was sent, and of its answer, which is nil if there was none.
func (s *secrets) learnCookies(sent *http.Request, resp *http.Response) {
	cookies := sent.Cookies()
	if resp != nil {
		cookies = append(cookies, resp.Cookies()...)
	}
	for _, cookie := range cookies {
		s.learn(secretCookie, redact.New(cookie.Value))
	}
}

// hide returns err without secrets. What QueUp, a transport or a proxy has written is masked. An error keeps its type and the words
// of this package, so that a secret which happens to be one of these words changes nothing.
func (s *secrets) hide(err error) error {
	switch e := err.(type) { //nolint:errorlint // each error of the tree is looked at by itself
	case nil:
		return nil
	case *APIError:
		s.mask(e)
		return e
	case *AuthorizationError:
		s.mask(e.answer)
		return e
	case *CallError:
		return &CallError{Op: e.Op, Method: e.Method, URL: s.known.Text(e.URL), Err: s.known.Error(e.Err)}
	case *RateLimitError:
		return e
	case *withinError:
		return &withinError{e.what, s.hide(e.err)}
	case interface{ Unwrap() []error }:
		parts := slices.Clone(e.Unwrap())
		if joined := errors.Join(parts...); joined != nil && joined.Error() == err.Error() {
			for i, part := range parts {
				parts[i] = s.hide(part)
			}
			return errors.Join(parts...)
		}
	}
	return s.known.Error(err)
}

// mask masks the texts of an answer in place. All who wait for a session may share it, so only the first time counts.
func (s *secrets) mask(e *APIError) {
	if e.masked {
		return
	}
	e.masked = true
	e.Message, e.Body = s.known.Text(e.Message), s.known.Bytes(e.Body)
	e.Body = e.Body[:min(len(e.Body), keptErrorBody)]
	if e.Code != codeInvalidPassword && e.Code != codeTooManyPasswords {
		e.Code = s.known.Text(e.Code)
	}
	e.reason = s.hide(e.reason)
}
