package queuptest_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// A server that flaps confirms a websocket and closes it when its life is over. Those that are open, and those that open later, live on.
func TestFlap(t *testing.T) {
	for _, life := range []time.Duration{0, 3 * time.Second} {
		t.Run(life.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := start(t, queuptest.InMemory())
				bob := login(t, srv, "bob")
				before := bob.open()
				defer before.close()
				stop := srv.Flap(life)
				opened := time.Now()
				short := bob.open() // reads the open packet and the confirmation
				defer short.close()
				if err := short.ended(); !websocket.IsCloseError(err, websocket.CloseGoingAway) || time.Since(opened) != life {
					t.Errorf("ended after %v with %v", time.Since(opened), err)
				}
				stop()
				after := bob.open()
				defer after.close()
				time.Sleep(10 * time.Second)
				before.silent()
				after.silent()
			})
		})
	}
}

// Close does not wait for the lives of the websockets that flap.
func TestFlap_andClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, queuptest.InMemory())
		srv.Flap(time.Hour)
		defer login(t, srv, "bob").open().close()
		began := time.Now()
		srv.Close()
		if d := time.Since(began); d > time.Second {
			t.Errorf("Close took %v", d)
		}
	})
}

// A channel that is refused is refused to those who come, until every refusal has been taken back.
func TestRefuseChannel(t *testing.T) {
	t.Parallel()
	srv := start(t)
	room := srv.Room("lounge")
	heard := login(t, srv, "alice").listen()
	s := login(t, srv, "bob").open()
	attach := func(channel string) realtime.Action {
		s.ask(fmt.Sprintf(`{"action":10,"channel":%q}`, channel))
		return s.frame().Action
	}
	first, second := srv.RefuseChannel(room.Channel()), srv.RefuseChannel(room.Channel())
	if got := attach(room.Channel()); got != realtime.ActionError {
		t.Errorf("a refused channel answers %v", got)
	}
	if got := attach(srv.MailboxOf("Bob")); got != realtime.ActionAttached {
		t.Errorf("another channel answers %v", got)
	}
	room.Say("bob", "hello")
	if f := heard.frame(); f.Action != realtime.ActionMessage {
		t.Errorf("who has attached it before hears %v", f.Action)
	}
	first()
	first()
	if got := attach(room.Channel()); got != realtime.ActionError {
		t.Errorf("a channel that is still refused answers %v", got)
	}
	second()
	if got := attach(room.Channel()); got != realtime.ActionAttached {
		t.Errorf("after the refusal: %v", got)
	}
}

// Everybody who has attached a channel receives that it is detached, and then nothing from it any more.
func TestDetachChannel(t *testing.T) {
	t.Parallel()
	srv := start(t)
	room := srv.Room("lounge")
	alice, bob := login(t, srv, "alice").listen(), login(t, srv, "bob").listen()
	if n := srv.DetachChannel(room.Channel()); n != 2 {
		t.Errorf("%d were detached, want 2", n)
	}
	room.Say("carol", "does anybody hear me?")
	for _, s := range []*socket{alice, bob} {
		if f := s.frame(); f.Action != realtime.ActionDetached || f.Channel != room.Channel() || f.ReqID != "" {
			t.Errorf("got %+v", f)
		}
		s.silent()
	}
	if n := srv.DetachChannel(room.Channel()); n != 0 {
		t.Errorf("%d were detached, want none", n)
	}
}

// Of two calls of Flap the later one counts, and taking back the first changes nothing.
func TestFlap_isTakenOverByTheNextCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, queuptest.InMemory())
		first := srv.Flap(0)
		second := srv.Flap(time.Minute)
		first() // which is over already
		began := time.Now()
		s := login(t, srv, "bob").open()
		defer s.close()
		time.Sleep(50 * time.Second)
		s.silent()
		time.Sleep(10 * time.Second)
		var closed *websocket.CloseError
		if err := s.ended(); !errors.As(err, &closed) || time.Since(began) > time.Minute+time.Second {
			t.Errorf("ended after %v with %v", time.Since(began), err)
		}
		second()
	})
}
