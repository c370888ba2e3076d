package queuptest

import (
	"fmt"
	"time"
)

// SessionLife has sessions end by themselves some time after the login: what needs one is redirected to the login then. Without
// it they last until the logout; how long QueUp's last is not known. [Server.ExpireSessions] ends all of them at once.
func SessionLife(d time.Duration) Option {
	return func(c *config) error { return setLife(&c.rules.sessionLife, "session", d) }
}

// TokenLife has tokens for the websocket end some time after they were given out: no websocket opens with one then, and links
// that are open go on. Without it they last as long as the server; the only token that was ever seen has no end.
// [Server.ExpireTokens] ends all of them at once.
func TokenLife(d time.Duration) Option {
	return func(c *config) error { return setLife(&c.rules.tokenLife, "token", d) }
}

// PresenceGrace sets how long someone who was present in a room by a websocket stays in its list of members after the last
// such websocket is gone. Then the room hears user-leave; entering presence again brings them back. The default is a minute,
// which is an assumption. Who never was present by a websocket, such as those that a world puts there, stays.
func PresenceGrace(d time.Duration) Option {
	return func(c *config) error { return setLife(&c.rules.grace, "presence", d) }
}

func setLife(life *time.Duration, what string, d time.Duration) error {
	if d <= 0 {
		return fmt.Errorf("%s life of %v: it must be more than zero", what, d)
	}
	*life = d
	return nil
}

// ExpireTokens ends all tokens for the websocket: the next one must be fetched anew. Links that are open go on.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens.clear()
}
