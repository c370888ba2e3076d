package queuptest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// worlds are the two worlds of roles.
var worlds = map[string][]queuptest.Option{"custom": nil, "classic": {queuptest.ClassicRoles()}}

// inBothWorlds runs a test with custom and with fixed roles.
func inBothWorlds(t *testing.T, test func(t *testing.T, s *stage)) {
	t.Helper()
	t.Parallel()
	for name, opts := range worlds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newStage(t, opts...))
		})
	}
}

// stage is a server with people who act by REST, and a guest who hears what happens in the lounge.
type stage struct {
	t      *testing.T
	srv    *queuptest.Server
	room   *queuptest.Room
	ears   *socket
	people map[string]*browser
	ids    []string // pairs for a Replacer: {alice} and her id
}

func newStage(t *testing.T, opts ...queuptest.Option) *stage {
	t.Helper()
	srv := start(t, opts...)
	s := &stage{t: t, srv: srv, room: srv.Room("lounge"), people: map[string]*browser{}}
	s.ears = newBrowser(t, srv).listen()
	world := srv.World()
	for _, u := range world.Users {
		s.ids = append(s.ids, "{"+u.Name+"}", u.ID)
	}
	for _, r := range world.Rooms {
		s.ids = append(s.ids, "{"+r.Slug+"}", r.ID)
	}
	return s
}

// fill puts ids in the place of {alice}, {lounge} and the like.
func (s *stage) fill(text string) string { return strings.NewReplacer(s.ids...).Replace(text) }

// name makes fill know another id.
func (s *stage) name(key, id string) { s.ids = append(s.ids, "{"+key+"}", id) }

// do lets somebody make a request: "POST /path", and a form or JSON. Nobody has the name "".
func (s *stage) do(user, request, body string) reply {
	s.t.Helper()
	b := s.people[user]
	switch {
	case b != nil:
	case user == "":
		b = newBrowser(s.t, s.srv)
	default:
		b = login(s.t, s.srv, user)
	}
	s.people[user] = b
	method, path, _ := strings.Cut(s.fill(request), " ")
	contentType := "application/x-www-form-urlencoded"
	switch {
	case body == "":
		contentType = ""
	case strings.HasPrefix(body, "{"):
		contentType = "application/json"
	}
	return b.send(method, path, contentType, s.fill(body))
}

// heard is what happened in the lounge since it was called last.
func (s *stage) heard() []wire.Event {
	s.t.Helper()
	var events []wire.Event
	s.ears.write("2")
	for {
		text := s.ears.next()
		if text == "3" {
			return events
		}
		f, err := realtime.ParseFrame([]byte(strings.TrimPrefix(text, "4")))
		if err != nil || f.Message == nil {
			s.t.Fatalf("%s is no event: %v", text, err)
		}
		e, err := wire.DecodeEvent(f.Message.Name, f.Message.Data)
		if err != nil {
			s.t.Fatal(err)
		}
		events = append(events, e)
	}
}

// hears fails unless exactly these events happened in the lounge. The name of a suffixed event is that without the suffix.
func (s *stage) hears(want ...string) []wire.Event {
	s.t.Helper()
	events := s.heard()
	got := []string{}
	for _, e := range events {
		name := e.EventName()
		if u, ok := e.(*wire.UserUpdate); ok {
			name = strings.TrimSuffix(name, "_"+string(u.Subject))
		}
		got = append(got, name)
	}
	if d := cmp.Diff(append([]string{}, want...), got); d != "" {
		s.t.Fatalf("events (-want +got):\n%s", d)
	}
	return events
}

// at is the event at a place of a list, which must be an E.
func at[E wire.Event](t *testing.T, events []wire.Event, i int) E {
	t.Helper()
	e, ok := events[i].(E)
	if !ok {
		t.Fatalf("event %d is %s %s, want a %T", i, events[i].EventName(), events[i].RawJSON(), *new(E))
	}
	return e
}

// refuses fails unless a request is refused with 401 and says why; nobody hears of it.
func (s *stage) refuses(user, request, body, why string) {
	s.t.Helper()
	s.do(user, request, body).refused(s.t, http.StatusUnauthorized, shapeE1, why)
	s.hears()
}
