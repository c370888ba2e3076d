package queuptest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// enter enters presence in the lounge and returns the connection's id.
func (s *socket) enter(channel, data string) (connection string) {
	s.tb.Helper()
	s.ask(`{"action":14,"channel":"` + channel + `","presence":{"action":0,"data":` + data + `},"reqId":"enter"}`)
	for {
		if f := s.frame(); f.Action == realtime.ActionPresence && f.ReqID == "enter" {
			return f.Presence.ConnectionID
		}
	}
}

// presence asks for a presence list, as the websocket library does.
func presence(tb testing.TB, srv *queuptest.Server, path, token string) reply {
	tb.Helper()
	b := newBrowser(tb, srv)
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, srv.URL()+path, http.NoBody)
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("X-Access-Token", token)
	return b.do(req)
}

// The host of the websocket lists who is present, one entry for each connection, without an envelope.
func TestPresenceList(t *testing.T) {
	t.Parallel()
	srv := start(t)
	channel := "room:" + srv.Room("lounge").ID()
	alice, guest := login(t, srv, "alice"), newBrowser(t, srv)
	list := func(query string) []realtime.PresenceEntry {
		t.Helper()
		got := presence(t, srv, "/room/"+channel+query, guest.token().Token)
		entries, err := realtime.ParsePresenceList([]byte(got.Body))
		if err != nil || got.Status != http.StatusOK || !strings.HasPrefix(got.Header.Get("Content-Type"), "application/json") {
			t.Fatalf("%d %s: %v", got.Status, got.Body, err)
		}
		return entries
	}
	if got := presence(t, srv, "/room/"+channel, guest.token().Token); got.Body != "[]" {
		t.Errorf("nobody is %s", got.Body)
	}
	first, second, third := alice.listen(), alice.listen(), guest.listen()
	ids := []string{first.enter(channel, `{"a":1}`), second.enter(channel, `{}`), third.enter(channel, `[2]`)}
	all := list("")
	if len(all) != 3 || string(all[0].Data) != `{"a":1}` || all[0].ClientID != all[1].ClientID || len(all[2].ClientID) != 32 {
		t.Fatalf("present are %v", all)
	}
	for i, id := range ids {
		if all[i].ConnectionID != id {
			t.Errorf("entry %d is of %s, want %s", i, all[i].ConnectionID, id)
		}
	}
	if got := list("?clientId=" + all[0].ClientID); len(got) != 2 {
		t.Errorf("alice has %v", got)
	}
	if got := list("?connectionId=" + ids[1] + "&clientId=" + all[0].ClientID); len(got) != 1 || got[0].ConnectionID != ids[1] {
		t.Errorf("the second connection is %v", got)
	}
	if got := list("?connectionId=" + ids[2] + "&clientId=" + all[0].ClientID); len(got) != 0 {
		t.Errorf("nobody is %v", got)
	}
}

func TestPresenceList_refusals(t *testing.T) {
	t.Parallel()
	srv := start(t)
	bob := login(t, srv, "bob")
	token := bob.token()
	channel := "room:" + srv.Room("lounge").ID()
	presence(t, srv, "/room/"+channel, "").refused(t, 401, shapeE1, "invalid token")
	presence(t, srv, "/room/"+channel, token.Token+"x").refused(t, 401, shapeE1, "invalid token")
	presence(t, srv, "/room/room:65a1f0c2d4e8b900000000ff", token.Token).refused(t, 404, shapeE1, "unknown channel")
	presence(t, srv, "/room/user:65a1f0c2d4e8b900000000ff", token.Token).refused(t, 404, shapeE1, "not your channel")
	if got := presence(t, srv, "/room/user:"+token.ClientID, token.Token); got.Status != http.StatusOK || got.Body != "[]" {
		t.Errorf("own channel: %d %s", got.Status, got.Body)
	}
	bob.post("/room/"+channel, nil).refused(t, 404, shapeE1, "Not Found")
}

// A member is gone when the last connection is, and not at once: a client may come back without anybody noticing.
func TestPresence_theLastConnectionTakesTheMemberAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, queuptest.InMemory(), queuptest.Heartbeat(time.Hour, time.Hour), queuptest.PresenceGrace(30*time.Second))
		s.ears.tb = t
		channel := "room:" + s.room.ID()
		s.do("bot", "POST /room/{lounge}/users", "")
		bot := s.people["bot"]
		one, two := bot.listen(), bot.listen()
		one.enter(channel, `{}`)
		two.enter(channel, `{}`)
		s.happens("user-join")

		one.close()
		time.Sleep(time.Minute)
		s.happens() // the other connection is still there
		two.close()
		time.Sleep(29 * time.Second)
		three := bot.listen()
		three.enter(channel, `{}`)
		time.Sleep(time.Minute)
		s.happens() // back in time

		three.ask(`{"action":14,"channel":"` + channel + `","presence":{"action":1}}`) // to leave is the same
		time.Sleep(31 * time.Second)
		s.happens("user-leave")
		if got := s.do("bot", "POST /chat/{lounge}", "message=hi"); got.Status != http.StatusUnauthorized {
			t.Errorf("a line of who is gone: %d", got.Status)
		}
		three.enter(channel, `{}`) // as a client does after a reconnect
		s.happens("user-join")
		s.do("bot", "DELETE /room/{lounge}/users", "").done(t)
		s.happens("user-leave")
		three.enter(channel, `{}`) // who left by REST is not brought back
		three.close()
		time.Sleep(time.Hour)
		s.happens()
		if got := fmt.Sprint(s.room.Members()); got != "[alice bob carol mod owner]" { // who never had a connection stays
			t.Errorf("members are %s", got)
		}
	})
}

// happens is hears without presence and what the clock does to the songs.
func (s *stage) happens(want ...string) {
	s.t.Helper()
	var got []string
	s.ears.write("2")
	for {
		text := s.ears.next()
		if text == "3" {
			break
		}
		f, err := realtime.ParseFrame([]byte(text[1:]))
		if err != nil {
			s.t.Fatal(err)
		}
		if f.Message != nil && strings.HasPrefix(f.Message.Name, "user-") {
			got = append(got, f.Message.Name)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.t.Fatalf("events are %v, want %v", got, want)
	}
}

// Who was banned while nobody was connected is not brought back by a connection.
func TestPresence_bringsNobodyBackWhoIsBanned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, queuptest.InMemory(), queuptest.Heartbeat(time.Hour, time.Hour))
		channel := "room:" + s.room.ID()
		carol := login(t, s.srv, "carol")
		link := carol.listen()
		link.enter(channel, `{}`)
		link.close()
		time.Sleep(2 * time.Minute) // longer than the default grace
		s.happens("user-leave")
		s.room.Ban("mod", "carol", 0)
		s.happens("user-ban")
		link = carol.listen()
		link.enter(channel, `{}`)
		s.happens()
		s.room.Unban("mod", "carol")
		link.enter(channel, `{}`)
		s.happens("user-unban", "user-join")
	})
}

// Sessions and tokens end by the clock, or when the test wants it.
func TestSessionsAndTokens_expire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, queuptest.InMemory(), queuptest.SessionLife(time.Hour), queuptest.TokenLife(10*time.Minute),
			queuptest.Heartbeat(time.Hour, time.Hour))
		alice := login(t, srv, "alice")
		token := alice.token().Token
		channel := "room:" + srv.Room("lounge").ID()
		time.Sleep(10*time.Minute - time.Second)
		link := dial(t, srv, token)
		link.next()
		link.next()
		time.Sleep(time.Second)
		presence(t, srv, "/room/"+channel, token).refused(t, 401, shapeE1, "invalid token")
		link.silent() // it goes on
		fresh := alice.token().Token
		if got := presence(t, srv, "/room/"+channel, fresh); got.Status != http.StatusOK {
			t.Errorf("a new token: %d", got.Status)
		}
		srv.ExpireTokens()
		presence(t, srv, "/room/"+channel, fresh).refused(t, 401, shapeE1, "invalid token")

		time.Sleep(50*time.Minute - time.Second)
		as[wire.User](t, alice.get("/auth/session"))
		time.Sleep(time.Second)
		if got := alice.get("/auth/session"); got.Status != http.StatusFound || got.Header.Get("Location") != "/auth/login" {
			t.Errorf("after an hour: %d", got.Status)
		}
	})
}

// A guest hears a room, and does nothing in it.
func TestGuest_hearsAndActsNot(t *testing.T) {
	t.Parallel()
	s := newStage(t) // its ears are a guest's
	for _, request := range []string{"POST /room/{lounge}/users", "POST /chat/{lounge}", "GET /auth/session", "PUT /room/{lounge}/queue/pause"} {
		if got := s.do("", request, ""); got.Status != http.StatusFound || got.Header.Get("Location") != "/auth/login" {
			t.Errorf("%s: %d", request, got.Status)
		}
	}
	s.ears.enter("room:"+s.room.ID(), `{}`)
	s.room.Say("alice", "hi")
	s.happens()
	if got := fmt.Sprint(s.room.Members()); got != "[alice bob carol mod owner]" {
		t.Errorf("members are %s", got)
	}
	world := s.srv.World()
	s.ears.ask(`{"action":10,"channel":"user:` + world.Users[0].ID + `"}`)
	if f := s.ears.frame(); f.Action != realtime.ActionError || f.Error != "not your channel" {
		t.Errorf("a guest attached to a user: %+v", f)
	}
}

// The event of a new picture has the id of the account in its name.
func TestAvatar_isEmittedUnderTheNameOfTheAccount(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, s *stage) {
		as[wire.User](t, login(t, s.srv, "alice").upload("/user/image", "image", gifFile))
		want := s.fill("user-update-{alice}")
		if e := s.heard(); len(e) != 1 || e[0].EventName() != want || !strings.Contains(string(e[0].RawJSON()), `"format":"gif"`) {
			t.Errorf("events are %v", e)
		}
	})
}

func TestLifetimes_mustBePositive(t *testing.T) {
	t.Parallel()
	_, err := queuptest.Start(queuptest.SessionLife(0), queuptest.TokenLife(-1), queuptest.PresenceGrace(0))
	for _, what := range []string{"session life of 0s", "token life of -1ns", "presence life of 0s"} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("error is %v, want %s in it", err, what)
		}
	}
}
