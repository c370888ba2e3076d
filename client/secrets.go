package client

import (
	"errors"
	"net/http"

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

// hide returns err without secrets. An [*APIError] stays what it is, with its texts masked.
func (s *secrets) hide(err error) error {
	if err == nil {
		return nil
	}
	if answer, ok := errors.AsType[*APIError](err); ok && !answer.masked { // else all who wait for a session may share it
		answer.masked = true
		answer.Message, answer.Body = s.known.Text(answer.Message), s.known.Bytes(answer.Body)
		answer.Body = answer.Body[:min(len(answer.Body), keptErrorBody)]
		if answer.Code != codeInvalidPassword && answer.Code != codeTooManyPasswords {
			answer.Code = s.known.Text(answer.Code)
		}
		answer.reason = s.known.Error(answer.reason)
	}
	return s.known.Error(err)
}
