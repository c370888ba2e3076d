package rest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/queup-go/queup/client/internal/tasks"
	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/redact"
)

// An Account is one login, or a guest: its cookies and its credentials. Every login has a cookie jar of its own, so a late
// response to an earlier login cannot replace a later session.
type Account struct {
	http    *http.Client            // immutable; sends with the cookies of this account
	jar     *cookies                // immutable; the jar of http
	resumed bool                    // immutable; it came from a stored session
	life    context.Context         // of the calls made as this account; immutable once the account is in use
	end     context.CancelCauseFunc // ends life; nil before the account is in use

	mu      sync.Mutex
	who     *credentials // guarded by mu; nil for a guest
	logins  int          // guarded by mu; counts the logins, so that a call can see whether another has renewed the session
	refused error        // guarded by mu; QueUp's refusal of the credentials at the latest renewal
	doubted bool         // guarded by mu; a token did not name this account, which led to a login
}

type credentials struct {
	username string
	password redact.Secret
}

// login returns the credentials, the number of logins so far, and the refusal of the latest.
func (a *Account) login() (who *credentials, logins int, refused error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.who, a.logins, a.refused
}

// Resumed reports whether the account came from a stored session.
func (a *Account) Resumed() bool { return a.resumed }

// Logins returns how often the account has logged in again, for [Session.Renew].
func (a *Account) Logins() int {
	_, logins, _ := a.login()
	return logins
}

// DoubtToken reports whether a token that does not name this account is a reason to log in again. Only the first such token
// is.
func (a *Account) DoubtToken() (first bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	first, a.doubted = !a.doubted, true
	return first
}

// renewed records the outcome of a renewal with the given credentials.
func (a *Account) renewed(who *credentials, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil {
		a.logins++
		return
	}
	if _, is := errors.AsType[*LoginError](err); is && a.who == who {
		a.refused = err
	}
}

// Rename makes renewals use the new username if the login used the old one.
func (a *Account) Rename(old, name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.who != nil && strings.EqualFold(a.who.username, old) {
		a.who = &credentials{username: name, password: a.who.password}
	}
}

// A Session holds the account that makes the calls, and renews its session when QueUp has ended it. It is safe for
// concurrent use.
type Session struct {
	base    *http.Client                       // immutable; without cookies
	client  func(as *Account) *queupapi.Client // immutable; makes calls as one account, even if another is current
	secrets *Secrets                           // immutable
	group   *tasks.Group                       // immutable
	site    string                             // immutable; the base URL

	cookiesChanged func(a *Account) // immutable; called after an answer has changed the cookies of an account

	renewal tasks.SharedCalls[*Account, struct{}]

	mu      sync.Mutex
	current *Account // guarded by mu; never nil
}

// newSession returns the session of a guest.
func newSession(config Config, client func(as *Account) *queupapi.Client) *Session {
	s := &Session{
		base: config.HTTP, client: client, secrets: config.Secrets, group: config.Group,
		site: ServerURL(config.BaseURL), cookiesChanged: config.CookiesChanged,
	}
	s.Use(s.NewGuest(), nil)
	return s
}

// NewAccount returns an account that has not logged in yet, with an empty cookie jar. It is not in use.
func (s *Session) NewAccount(username string, password redact.Secret) *Account {
	return s.account(&credentials{username, password})
}

// NewGuest returns an account without credentials, with an empty cookie jar. It is not in use.
func (s *Session) NewGuest() *Account { return s.account(nil) }

func (s *Session) account(who *credentials) *Account {
	h, a := *s.base, &Account{life: s.group.Context(), who: who}
	a.jar = newCookies(func() { s.cookiesChanged(a) })
	a.http, h.Jar = &h, a.jar
	return a
}

// Account returns the account that makes the calls.
func (s *Session) Account() *Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// LoggedIn reports whether that account is not a guest.
func (s *Session) LoggedIn() bool {
	who, _, _ := s.Account().login()
	return who != nil
}

// Transport returns the transport for the calls of all accounts, nil for [http.DefaultTransport].
func (s *Session) Transport() http.RoundTripper { return s.base.Transport }

// CloseIdleConnections makes later calls open new connections.
func (s *Session) CloseIdleConnections() { s.base.CloseIdleConnections() }

// Login logs an account in, and returns its user at QueUp. It does not put the account in use. It returns a [*LoginError]
// if QueUp refuses the credentials.
func (s *Session) Login(ctx context.Context, a *Account) (wire.User, error) {
	if err := s.sendLogin(ctx, a); err != nil {
		return wire.User{}, err
	}
	answer, err := s.client(a).Session(ctx)
	if err == nil && answer.Data.ID == "" {
		err = &ResponseError{Op: opSession, Status: http.StatusOK, Message: "answered without a user"}
	}
	if err != nil {
		return wire.User{}, a.explainExpired(CallError(opSession, err))
	}
	return answer.Data, nil
}

// sendLogin sends the credentials of an account, which then has the cookies of a session.
func (s *Session) sendLogin(ctx context.Context, a *Account) error {
	who, _, _ := a.login()
	s.secrets.Learn(SecretPassword, who.password)
	_, err := s.client(a).Login(ctx, &queupapi.LoginApplicationXWwwFormUrlencoded{Username: who.username, Password: who.password.Reveal()})
	// A refusal by a host or a proxy says nothing about the password.
	if refusal, ok := errors.AsType[*ResponseError](err); ok && !refusal.Foreign {
		switch refusal.Status {
		case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
			return &LoginError{Response: refusal}
		}
	}
	return CallError(opLogin, err)
}

// explainExpired adds the reason to the error of the first call of a new session, if a cookie is the reason why there is no
// session.
func (a *Account) explainExpired(err error) error {
	answer, ok := errors.AsType[*ResponseError](err)
	if ok && errors.Is(answer, ErrSessionExpired) {
		if why := a.jar.explain(); why != "" {
			answer.Message = "the login was accepted, but cannot be used: " + why
		}
	}
	return err
}

// Use makes next the account of all further calls, and returns the previous one. With a reason, calls in flight as the
// previous account end with it. Without one, they continue, and are made as next if they are retried.
func (s *Session) Use(next *Account, reason error) (previous *Account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	previous, s.current = s.current, next
	if previous != nil && reason == nil {
		next.life, next.end = previous.life, previous.end
		return previous
	}
	next.life, next.end = context.WithCancelCause(s.group.Context())
	if previous != nil {
		previous.end(reason)
	}
	return previous
}

// Forget makes all further calls those of a guest. Calls of the account in flight end with reason. Forget waits, within
// ctx, for the renewal of its session to end.
func (s *Session) Forget(ctx context.Context, reason error) {
	s.renewal.Wait(ctx, s.Use(s.NewGuest(), reason))
}

// Logout ends the session of an account, which need not be in use any more.
func (s *Session) Logout(ctx context.Context, a *Account) error {
	_, err := s.client(&Account{http: a.http, life: ctx}).Logout(ctx)
	return CallError(opLogout, err)
}

// Renew logs in again after a call met a lost session. The call was made as a, after the given number of logins. Renew
// returns the account for the retry. However many calls meet a lost session, one of them logs in and all wait for it.
// Credentials that QueUp has refused are not sent again. Without a password it returns [ErrNotLoggedIn].
func (s *Session) Renew(ctx context.Context, a *Account, logins int) (*Account, error) {
	if a.life.Err() != nil {
		return nil, context.Cause(a.life)
	}
	if now := s.Account(); now != a { // another login of the same account, or the first one
		return now, nil
	}
	_, err := s.renewal.Do(ctx, a, s.group, func(ctx context.Context) (struct{}, error) {
		ctx, release := tasks.Bound(ctx, a.life)
		defer release()
		who, current, refused := a.login()
		switch {
		case who == nil || who.password.IsZero():
			return struct{}{}, ErrNotLoggedIn
		case current != logins: // another call has logged in since
			return struct{}{}, nil
		case refused != nil:
			return struct{}{}, refused
		}
		err := s.sendLogin(ctx, a)
		a.renewed(who, err)
		return struct{}{}, err
	})
	return a, err
}
