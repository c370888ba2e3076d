package client

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/queup-go/queup/client/internal/tasks"
	"github.com/queup-go/queup/internal/redact"
)

// An account is one login, or a guest: its cookies and its credentials. Every login has a cookie jar of its own, so a late
// answer to an earlier login cannot replace a later session.
type account struct {
	http *http.Client            // immutable; sends with the cookies of this account
	life context.Context         // of the calls made as this account; immutable once the account is in use
	end  context.CancelCauseFunc // ends life; nil before the account is in use

	mu      sync.Mutex
	who     *credentials // guarded by mu; nil for a guest
	logins  int          // guarded by mu; counts the logins, so that a call can see whether another has renewed the session
	refused error        // guarded by mu; QueUp's refusal of the credentials at the latest renewal
	doubted bool         // guarded by mu; a token did not name this account, and was reason for a login
}

type credentials struct {
	username string
	password redact.Secret
}

// login returns the credentials, the number of logins so far, and the refusal of the latest.
func (a *account) login() (who *credentials, logins int, refused error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.who, a.logins, a.refused
}

// doubtToken reports whether a token that does not name this account is reason for a login: only the first one is.
func (a *account) doubtToken() (first bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	first, a.doubted = !a.doubted, true
	return first
}

// renewed records the outcome of a renewal with the given credentials.
func (a *account) renewed(who *credentials, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil {
		a.logins++
		return
	}
	if _, is := errors.AsType[*AuthorizationError](err); is && a.who == who {
		a.refused = err
	}
}

// renamed makes renewals use the new username if the login used the old one.
func (a *account) renamed(old, name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.who != nil && strings.EqualFold(a.who.username, old) {
		a.who = &credentials{username: name, password: a.who.password}
	}
}

// session is the account that calls are made as, and how its session is renewed when QueUp has ended it.
type session struct {
	base    *http.Client                                 // immutable; without cookies
	login   func(ctx context.Context, as *account) error // sends the login; immutable
	workers *tasks.Group                                 // immutable
	renewal tasks.SharedCalls[*account, struct{}]

	mu      sync.Mutex
	current *account // guarded by mu; never nil
}

func newSession(base *http.Client, workers *tasks.Group) *session {
	s := &session{base: base, workers: workers}
	s.use(s.account(nil), nil)
	return s
}

// account makes an account with an empty cookie jar; who is nil for a guest.
func (s *session) account(who *credentials) *account {
	h := *s.base
	h.Jar = newCookies()
	return &account{http: &h, life: s.workers.Context(), who: who}
}

// as returns the account that calls are made as.
func (s *session) as() *account {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// use makes next the account of all calls from here on, and returns the one before. With a reason, calls under way as that one
// end with it. Without, they continue, and meet next if they have to be repeated.
func (s *session) use(next *account, reason error) (previous *account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	previous, s.current = s.current, next
	if previous != nil && reason == nil {
		next.life, next.end = previous.life, previous.end
		return previous
	}
	next.life, next.end = context.WithCancelCause(s.workers.Context())
	if previous != nil {
		previous.end(reason)
	}
	return previous
}

// logout makes all further calls those of a guest. It ends the calls of the account that are under way, and waits within ctx for the
// renewal of its session to end.
func (s *session) logout(ctx context.Context) {
	s.renewal.Wait(ctx, s.use(s.account(nil), errLoggedOut))
}

// The reasons of calls that end because the client has become somebody else.
var (
	errLoggedOut  = &withinError{"logged out meanwhile", ErrNotLoggedIn}
	errOtherLogin = &withinError{"another account has logged in meanwhile", ErrNotLoggedIn}
)

func (s *session) loggedIn() bool {
	who, _, _ := s.as().login()
	return who != nil
}

// renew logs in again after a call met a lost session: the call was made as a, after the given number of logins. It returns the
// account to repeat the call with. However many calls meet a lost session, one logs in and all wait for it. Credentials that QueUp
// has refused are not sent again. Without credentials it returns ErrNotLoggedIn.
func (s *session) renew(ctx context.Context, a *account, logins int) (*account, error) {
	if a.life.Err() != nil {
		return nil, context.Cause(a.life)
	}
	if now := s.as(); now != a { // another login of the same account, or the first one
		return now, nil
	}
	_, err := s.renewal.Do(ctx, a, s.workers, func(ctx context.Context) (struct{}, error) {
		ctx, release := tasks.Bound(ctx, a.life)
		defer release()
		who, current, refused := a.login()
		switch {
		case who == nil:
			return struct{}{}, ErrNotLoggedIn
		case current != logins: // another call has logged in since
			return struct{}{}, nil
		case refused != nil:
			return struct{}{}, refused
		}
		err := s.login(ctx, a)
		a.renewed(who, err)
		return struct{}{}, err
	})
	return a, err
}
