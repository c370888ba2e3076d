package queuptest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-faster/jx"

	"github.com/queup-go/queup/realtime"
)

// Who is present: by connection on the websocket, and what becomes of a member of a room whose last connection is gone.
// See docs/PROTOCOL.md 2.13 and 5.5.

// defaultGrace is how long a member whose last connection is gone stays in the room unless [PresenceGrace] says otherwise:
// an assumption.
const defaultGrace = time.Minute

// channelOfPath is the channel whose presence list a path asks for. Rooms of REST are under the same path, but their ids and
// slugs have no colon.
func channelOfPath(path string) (channel string, ok bool) {
	channel, ok = strings.CutPrefix(path, "/room/")
	return channel, ok && strings.Contains(channel, ":") && !strings.Contains(channel, "/")
}

// servePresence answers the presence list of a channel. Whoever may hear a channel may read it, which is an assumption, as are
// the refusals; the answer has no envelope.
func (s *Server) servePresence(w http.ResponseWriter, r *http.Request, channel string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		errNotFound.write(w)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	who, ok := s.tokens.get(r.Header.Get("X-Access-Token"))
	if !ok {
		errorE1(http.StatusUnauthorized, textBadToken).write(w)
		return
	}
	exchangeOf(r.Context()).user(s.username(who.account))
	if why := s.mayAttach(who, channel); why != "" {
		errorE1(http.StatusNotFound, why).write(w)
		return
	}
	query := r.URL.Query()
	body := s.presenceList(channel, query.Get("clientId"), query.Get("connectionId"))
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(body) // nobody is left to hear of a failure
}

// presenceList lists who is present in a channel, in the order in which they connected. An empty clientID or connectionID
// leaves nobody out. The caller holds s.mu.
func (s *state) presenceList(channel, clientID, connectionID string) []byte {
	var list []*realtime.PresenceBody
	for l := range s.links {
		body := l.present[channel]
		if body != nil && cmp.Or(clientID, body.ClientID) == body.ClientID &&
			cmp.Or(connectionID, body.ConnectionID) == body.ConnectionID {
			list = append(list, body)
		}
	}
	slices.SortFunc(list, func(a, b *realtime.PresenceBody) int { return cmp.Compare(a.ConnectionID, b.ConnectionID) })
	var e jx.Encoder
	e.Arr(func(e *jx.Encoder) {
		for _, body := range list {
			e.Obj(func(e *jx.Encoder) {
				e.Field("clientId", func(e *jx.Encoder) { e.Str(body.ClientID) })
				e.Field("connectionId", func(e *jx.Encoder) { e.Str(body.ConnectionID) })
				e.Field("data", func(e *jx.Encoder) {
					if len(body.Data) == 0 {
						e.RawStr("{}")
					} else {
						e.Raw(body.Data)
					}
				})
			})
		}
	})
	return e.Bytes()
}

// roomOfChannel finds the room of a channel; nil if it is not a room's.
func (s *state) roomOfChannel(channel string) *room {
	id, ok := strings.CutPrefix(channel, "room:")
	if !ok {
		return nil
	}
	return s.room(id)
}

// appeared is called when a connection of an account has entered a channel. In a room from which the account was missed, it
// is back: that needs no new call of REST is an assumption, drawn from clients that only enter again after a reconnect. The
// caller holds s.mu.
func (s *state) appeared(who identity, channel string, now time.Time) {
	r := s.roomOfChannel(channel)
	if r == nil || who.account == nil {
		return
	}
	m := r.seen(who.account)
	r.expect(m)
	if m.missed && !m.isBanned(now) {
		r.join(m.account, now)
	}
}

// disappeared is called when a connection of an account is no longer present in a channel. When it was the last one, the
// account leaves the room unless another comes in time. Members who never had one are not touched. The caller holds s.mu.
func (s *state) disappeared(who identity, channel string) {
	r := s.roomOfChannel(channel)
	if r == nil || who.account == nil || s.closed {
		return
	}
	m := r.present(who.account)
	if m == nil {
		return
	}
	for l := range s.links {
		if l.identity.account == who.account && l.present[channel] != nil {
			return
		}
	}
	r.expect(m)
	s.timers.Add(1)
	var limit *time.Timer
	limit = time.AfterFunc(s.grace, func() {
		defer s.timers.Done()
		s.mu.Lock()
		defer s.mu.Unlock()
		if m.limit == limit && m.active && !s.closed {
			r.leave(m, s.now())
			m.missed = true
		}
	})
	m.limit = limit
}

// expect ends the wait for a connection of a member, if there is one. The caller holds s.mu.
func (r *room) expect(m *member) {
	if m.limit != nil && m.limit.Stop() {
		r.timers.Done()
	}
	m.limit = nil
}
