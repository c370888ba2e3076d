package queuptest

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/queup-go/queup/realtime"
)

// badLinks is what a test wants done to websockets. It is guarded by state.mu.
type badLinks struct {
	flap    *time.Duration // how long a new link lives; nil for as long as it likes
	refused map[string]int // how often RefuseChannel was called for a channel and not taken back
}

// Flap has every websocket that opens from now on end by itself: it is accepted and confirmed, and closed as a server that is going
// away does it when life is over. A life of zero closes it at once. Websockets that are open go on; [Server.CutLinks] ends them.
// The function that Flap returns ends the flapping for websockets that open later.
func (s *Server) Flap(life time.Duration) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	life = max(life, 0)
	mine := &life
	s.bad.flap = mine
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.bad.flap == mine { // else another call has taken over
			s.bad.flap = nil
		}
	}
}

// RefuseChannel has the server refuse everybody who wants to attach a channel, which is one of [Room.Channel] or
// [Server.MailboxOf]. Those who have attached it keep it. The function that RefuseChannel returns ends the refusal; calling it
// again does nothing.
func (s *Server) RefuseChannel(channel string) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bad.refused == nil {
		s.bad.refused = make(map[string]int)
	}
	s.bad.refused[channel]++
	stopped := false
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if stopped {
			return
		}
		stopped = true
		if s.bad.refused[channel]--; s.bad.refused[channel] == 0 {
			delete(s.bad.refused, channel)
		}
	}
}

// DetachChannel detaches a channel from every websocket that has attached it, and tells each of them, though nobody has asked for
// that. It returns how many there were. Presence in the channel stays, as it does when a client detaches.
func (s *Server) DetachChannel(channel string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	links := slices.Collect(maps.Keys(s.channels[channel]))
	for _, l := range links {
		s.detach(l, channel)
		l.send(newOutgoing(l.named(realtime.ActionDetached, channel)))
	}
	return len(links)
}

// MailboxOf returns the channel of a user, user:<id>, on which the service announces private messages. A name that nobody has is a
// mistake in the test: MailboxOf panics.
func (s *Server) MailboxOf(user string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accountByName(user)
	if a == nil {
		panic(fmt.Sprintf("queuptest: Server.MailboxOf: there is no user %q", user))
	}
	return "user:" + string(a.id)
}

// Channel returns the channel of the room, room:<id>.
func (r *Room) Channel() string { return "room:" + r.ID() }

// limitLife ends a link when its life is over, if links flap. The caller holds s.mu.
func (s *Server) limitLife(l *link) {
	switch life := s.bad.flap; {
	case life == nil:
	case *life == 0:
		l.goAway()
	default:
		l.goAwayAfter(*life)
	}
}

// goAwayAfter is goAway at a later time.
func (l *link) goAwayAfter(life time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	l.s.timers.Add(1)
	l.life = time.AfterFunc(life, func() {
		defer l.s.timers.Done()
		l.goAway()
	})
}

// CutLinksOf drops the websockets of some users without a word, as a lost network does.
func (s *Server) CutLinksOf(users ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range users {
		a := s.named(name)
		if a == nil {
			panic(mistake("queuptest: Server.CutLinksOf: there is no user %q", name))
		}
		for l := range s.links {
			if l.identity.account == a {
				l.cut()
			}
		}
	}
}
