package client

import (
	"context"
	"errors"
	"sync"

	"github.com/queup-go/queup/internal/redact"
)

// session is the login of a client: who it is, and how to become it again when QueUp forgets.
type session struct {
	login   func(ctx context.Context, c credentials) error // sends the login; immutable
	workers *workers                                       // immutable
	renewal flight[struct{}, struct{}]

	mu      sync.Mutex
	known   *credentials // guarded by mu; nil when logged out
	count   int          // guarded by mu; logins so far
	refused error        // guarded by mu; of the last try to log in again, if they are not right any more
}

type credentials struct {
	username string
	password redact.Secret
}

// begin logs in and remembers the credentials for later.
func (s *session) begin(ctx context.Context, c credentials) error {
	if err := s.login(ctx, c); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known, s.refused = &c, nil
	s.count++
	return nil
}

// end forgets the credentials.
func (s *session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known, s.refused = nil, nil
}

func (s *session) loggedIn() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known != nil
}

// generation counts the logins, so that a call can tell whether the session it was sent in is still the current one.
func (s *session) generation() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// renew logs in again after a call of the given generation met a lost session. However many calls meet it, one logs in
// and all wait for it. Credentials that were refused are not tried again, however late a call comes. Without any it is ErrNotLoggedIn.
func (s *session) renew(ctx context.Context, generation int) error {
	_, err := s.renewal.do(ctx, struct{}{}, s.workers, func(ctx context.Context) (struct{}, error) {
		s.mu.Lock()
		known, current, refused := s.known, s.count, s.refused
		s.mu.Unlock()
		switch {
		case known == nil:
			return struct{}{}, ErrNotLoggedIn
		case current != generation: // another call has logged in since
			return struct{}{}, nil
		case refused != nil:
			return struct{}{}, refused
		}
		err := s.login(ctx, *known)
		s.mu.Lock()
		defer s.mu.Unlock()
		if _, is := errors.AsType[*AuthorizationError](err); is && s.known == known {
			s.refused = err
		}
		if err != nil {
			return struct{}{}, err
		}
		s.count++
		return struct{}{}, nil
	})
	return err
}
