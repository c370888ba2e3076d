package rest

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/queup-go/queup/internal/redact"
)

// The kinds of secrets that a client knows.
const (
	SecretPassword = "password" // of accounts
	SecretRoom     = "room"     // passwords of rooms
	SecretToken    = "token"
	SecretCookie   = "cookie"
	SecretURL      = "url" // passwords in the URLs of options
)

// Codes of the refusal of a private room. A room's password may be equal to one of them, but they are not masked. Source:
// docs/PROTOCOL.md 1.3, form E4.
const (
	CodeInvalidPassword  = "invalidPassword"
	CodeTooManyPasswords = "tooManyInvalidPassword"
)

// Secrets are the secrets that a client knows, and that no error may contain. The client puts none of them into an error.
// But QueUp may send back what it was sent, and a transport, a dialer or a proxy may quote it. It is safe for concurrent
// use.
type Secrets struct {
	known  redact.Known
	public MaskPublic // immutable
}

// MaskPublic returns an error of package client without secrets, and nil for any other error. The cause of a context may be
// such an error. hide masks an error that is in it.
type MaskPublic func(err error, hide func(error) error) error

// NewSecrets returns the passwords of the given users of URLs. Each user may be nil.
func NewSecrets(public MaskPublic, users ...*url.Userinfo) *Secrets {
	s := &Secrets{public: public}
	for _, u := range users {
		if password, ok := u.Password(); ok {
			s.Learn(SecretURL, redact.New(password))
		}
	}
	return s
}

// Learn adds a secret.
func (s *Secrets) Learn(kind string, secret redact.Secret) { s.known.Learn(kind, secret) }

// learnCookies adds the cookies of a request that was sent, and of its response, which may be nil.
func (s *Secrets) learnCookies(sent *http.Request, resp *http.Response) {
	cookies := sent.Cookies()
	if resp != nil {
		cookies = append(cookies, resp.Cookies()...)
	}
	for _, cookie := range cookies {
		s.Learn(SecretCookie, redact.New(cookie.Value))
	}
}

// Hide returns err without secrets; it does not change err. It masks text that QueUp, a transport or a proxy has written.
// An error of this package keeps its type and its own words, so that a secret equal to one of these words changes nothing.
func (s *Secrets) Hide(err error) error {
	switch e := err.(type) { //nolint:errorlint // each error of the tree is looked at by itself
	case nil:
		return nil
	case *ResponseError:
		return s.mask(e)
	case *LoginError:
		return &LoginError{Response: s.mask(e.Response)}
	case *SendError:
		return &SendError{Op: e.Op, Method: e.Method, URL: s.known.Text(e.URL), Err: s.known.Error(e.Err)}
	case *WaitError:
		return e
	case *OpError:
		return &OpError{Op: e.Op, Err: s.Hide(e.Err)}
	case interface{ Unwrap() []error }:
		parts := slices.Clone(e.Unwrap())
		if joined := errors.Join(parts...); joined != nil && joined.Error() == err.Error() {
			for i, part := range parts {
				parts[i] = s.Hide(part)
			}
			return errors.Join(parts...)
		}
	}
	if err == ErrSessionExpired || err == ErrNotLoggedIn { //nolint:errorlint // as above
		return err
	}
	if s.public != nil {
		if masked := s.public(err, s.Hide); masked != nil {
			return masked
		}
	}
	return s.known.Error(err)
}

// mask returns a response without secrets in its texts. A response that is already masked is returned as it is, because the
// mask itself could be masked again.
func (s *Secrets) mask(e *ResponseError) *ResponseError {
	if e.masked {
		return e
	}
	masked := *e
	masked.masked = true
	masked.Message, masked.Body = s.known.Text(e.Message), s.known.Bytes(e.Body)
	masked.Body = masked.Body[:min(len(masked.Body), MaxKeptBody)]
	if e.Code != CodeInvalidPassword && e.Code != CodeTooManyPasswords {
		masked.Code = s.known.Text(e.Code)
	}
	masked.Reason = s.Hide(e.Reason)
	return &masked
}
