package queuptest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

func TestSocket_opensWithEngineIOAndConnected(t *testing.T) {
	t.Parallel()
	srv := start(t, queuptest.Heartbeat(7*time.Second, 3*time.Second))
	alice := login(t, srv, "alice")
	token := alice.token()
	s := dial(t, srv, token.Token)
	text := s.next()
	open, err := realtime.ParseOpen([]byte(text[1:]))
	if err != nil || text[0] != '0' || open.SID == "" || open.PingInterval != 7*time.Second || open.PingTimeout != 3*time.Second {
		t.Errorf("open packet is %s (%v)", text, err)
	}
	f := s.frame()
	if f.Action != realtime.ActionConnected || f.ClientID != token.ClientID || f.ConnectionID == "" {
		t.Errorf("first message is %+v", f)
	}
	if other := alice.open(); other == nil { // the same account may have several links
		t.Error("no second link")
	}
}

func TestSocket_withoutAKnownTokenIsRefused(t *testing.T) {
	t.Parallel()
	srv := start(t)
	d := websocket.Dialer{NetDialContext: srv.DialContext}
	for _, query := range []string{"", "?access_token=", "?access_token=made.up.token"} {
		_, resp, err := d.DialContext(t.Context(), srv.RealtimeURL()+query, nil)
		if err == nil || resp.StatusCode != http.StatusUnauthorized {
			t.Fatalf("%q: %v, %v", query, resp, err)
		}
		var envelope struct{ Code int }
		if err := json.NewDecoder(resp.Body).Decode(&envelope); err != nil || envelope.Code != http.StatusUnauthorized {
			t.Errorf("%q: %v, %+v", query, err, envelope)
		}
		_ = resp.Body.Close()
	}
	b := newBrowser(t, srv)
	if got := b.get("/ws/?access_token=" + b.token().Token); got.Status != http.StatusBadRequest {
		t.Errorf("without an upgrade: %d %s", got.Status, got.Body)
	}
}

func TestSocket_pathMayLackItsSlash(t *testing.T) {
	t.Parallel()
	srv := start(t)
	token := newBrowser(t, srv).token().Token
	d := websocket.Dialer{NetDialContext: srv.DialContext}
	conn, resp, err := d.DialContext(t.Context(), strings.TrimSuffix(srv.RealtimeURL(), "/")+"?access_token="+token, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	_ = conn.Close()
}

// A request carries a reqId, which the answer repeats.
func TestSocket_answers(t *testing.T) {
	t.Parallel()
	srv := start(t)
	room := "room:" + srv.Room("lounge").ID()
	me := login(t, srv, "alice").token().ClientID
	for name, c := range map[string]struct {
		asked  []string // messages; the last one is that of the test, the answers to the others are skipped
		action realtime.Action
		text   string // of the error
	}{
		"heartbeat":                {[]string{`{"action":0,"reqId":"r"}`}, realtime.ActionHeartbeat, ""},
		"attach":                   {[]string{`{"action":10,"channel":"` + room + `","reqId":"r"}`}, realtime.ActionAttached, ""},
		"attach, loosely typed":    {[]string{`{"action":"10","channel":"` + room + `","reqId":"r"}`}, realtime.ActionAttached, ""},
		"attach twice":             {[]string{`{"action":10,"channel":"` + room + `"}`, `{"action":10,"channel":"` + room + `","reqId":"r"}`}, realtime.ActionAttached, ""},
		"attach to oneself":        {[]string{`{"action":10,"channel":"user:` + me + `","reqId":"r"}`}, realtime.ActionAttached, ""},
		"attach to someone else":   {[]string{`{"action":10,"channel":"user:65b2a1c0d4e8b90000000001","reqId":"r"}`}, realtime.ActionError, "not your channel"},
		"attach to nothing":        {[]string{`{"action":10,"reqId":"r"}`}, realtime.ActionError, "channel is required"},
		"attach to no room":        {[]string{`{"action":10,"channel":"room:x","reqId":"r"}`}, realtime.ActionError, "unknown channel"},
		"attach to no kind":        {[]string{`{"action":10,"channel":"lounge","reqId":"r"}`}, realtime.ActionError, "unknown channel"},
		"detach":                   {[]string{`{"action":10,"channel":"` + room + `"}`, `{"action":12,"channel":"` + room + `","reqId":"r"}`}, realtime.ActionDetached, ""},
		"detach before attach":     {[]string{`{"action":12,"channel":"` + room + `","reqId":"r"}`}, realtime.ActionError, "not attached to the channel"},
		"presence before attach":   {[]string{`{"action":14,"channel":"` + room + `","presence":{"action":0},"reqId":"r"}`}, realtime.ActionError, "not attached to the channel"},
		"leave before enter":       {[]string{`{"action":14,"channel":"` + room + `","presence":{"action":1},"reqId":"r"}`}, realtime.ActionPresence, ""},
		"unknown presence":         {[]string{`{"action":14,"channel":"` + room + `","presence":{"action":7},"reqId":"r"}`}, realtime.ActionError, "unknown presence action 7"},
		"publishing":               {[]string{`{"action":15,"channel":"` + room + `","message":{"name":"x","type":"json","data":"{}"},"reqId":"r"}`}, realtime.ActionError, "publishing is not allowed"},
		"token":                    {[]string{`{"action":17,"clientId":"","reqId":"r"}`}, realtime.ActionToken, ""},
		"unknown action":           {[]string{`{"action":99,"reqId":"r"}`}, realtime.ActionError, "unknown action 99"},
		"unused action":            {[]string{`{"action":3,"reqId":"r"}`}, realtime.ActionError, "unknown action 3"},
		"no action":                {[]string{`{"reqId":"r"}`}, realtime.ActionError, "unknown action -1"},
		"action of the wrong type": {[]string{`{"action":{},"reqId":"r"}`}, realtime.ActionError, "unknown action -1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := login(t, srv, "alice").open()
			for i, message := range c.asked {
				if i > 0 {
					s.next()
				}
				s.ask(message)
			}
			f := s.frame()
			if f.Action != c.action || f.ReqID != "r" || f.Error != c.text {
				t.Errorf("answer is %+v", f)
			}
			switch f.Action {
			case realtime.ActionAttached, realtime.ActionDetached:
				if f.Channel == "" || f.ClientID != me || f.ConnectionID == "" {
					t.Errorf("answer is %+v", f)
				}
			case realtime.ActionToken:
				if f.ClientID != me || dial(t, srv, f.Token) == nil {
					t.Errorf("answer is %+v", f)
				}
			default:
			}
			s.silent()
		})
	}
}

func TestSocket_answersWhatIsMalformed(t *testing.T) {
	t.Parallel()
	srv := start(t)
	s := newBrowser(t, srv).open()
	for _, text := range []string{"", "x", "7", "b4!", "4", "4null", "4[]", `4{"action":10`, `4{"action":10}}`, "0{}", "3", "\x00"} {
		s.write(text)
		if f := s.frame(); f.Action != realtime.ActionError || f.Error == "" {
			t.Errorf("answer to %q is %+v", text, f)
		}
	}
	for _, text := range []string{"6", "5"} { // noop and upgrade mean nothing here
		s.write(text)
		s.silent()
	}
	s.write("2probe")
	if got := s.next(); got != "3probe" {
		t.Errorf("answer to a ping with data is %q", got)
	}
	if err := s.conn.WriteMessage(websocket.BinaryMessage, []byte("\x02")); err != nil {
		t.Fatal(err)
	}
	if got := s.next(); got != "3" {
		t.Errorf("answer to a binary ping is %q", got)
	}
	s.write("1")
	if err := s.ended(); err == nil {
		t.Error("the link goes on after a close packet")
	}
}

func TestSocket_frameOfMoreThanAMegabyteEndsTheLink(t *testing.T) {
	t.Parallel()
	s := newBrowser(t, start(t)).open()
	_ = s.conn.WriteMessage(websocket.TextMessage, make([]byte, 1<<20+1)) // the server may have hung up before the end
	if err := s.ended(); err == nil {
		t.Error("the link goes on")
	}
}

// Presence is per connection, and everybody who is attached hears of it with the ids filled in.
func TestPresence(t *testing.T) {
	t.Parallel()
	srv := start(t)
	channel := "room:" + srv.Room("lounge").ID()
	watcher := newBrowser(t, srv).listen()
	alice := login(t, srv, "alice")
	me := alice.token().ClientID
	s := alice.listen()

	check := func(who string, f realtime.Frame, action realtime.PresenceAction, reqID, data string) {
		t.Helper()
		if f.Action != realtime.ActionPresence || f.Channel != channel || f.ReqID != reqID || f.Presence.Action != action ||
			f.Presence.ClientID != me || f.Presence.ConnectionID == "" || string(f.Presence.Data) != data {
			t.Errorf("%s got %+v %+v", who, f, f.Presence)
		}
	}
	// Enter is also what a missing action means. What the client says of its ids does not count.
	s.ask(`{"action":14,"channel":"` + channel + `","presence":{"clientId":"me","data":{"mood":"good"}},"reqId":"1"}`)
	check("alice", s.frame(), realtime.PresenceEnter, "1", `{"mood":"good"}`)
	check("watcher", watcher.frame(), realtime.PresenceEnter, "", `{"mood":"good"}`)
	s.ask(`{"action":14,"channel":"` + channel + `","presence":{"action":2,"data":{}}}`)
	check("alice", s.frame(), realtime.PresenceUpdate, "", `{}`)
	check("watcher", watcher.frame(), realtime.PresenceUpdate, "", `{}`)
	// Clients detach first, then leave.
	s.ask(`{"action":12,"channel":"` + channel + `"}`)
	s.next()
	s.ask(`{"action":14,"channel":"` + channel + `","presence":{"action":1}}`)
	check("alice", s.frame(), realtime.PresenceLeave, "", "")
	check("watcher", watcher.frame(), realtime.PresenceLeave, "", "")
	// To leave twice is no error, and no news.
	s.ask(`{"action":14,"channel":"` + channel + `","presence":{"action":1},"reqId":"2"}`)
	check("alice", s.frame(), realtime.PresenceLeave, "2", "")
	watcher.silent()

	// A link that breaks takes its presence along; the account is still in the room.
	s = alice.listen()
	s.ask(`{"action":14,"channel":"` + channel + `","presence":{"action":0}}`)
	check("watcher", watcher.frame(), realtime.PresenceEnter, "", "")
	s.close()
	check("watcher", watcher.frame(), realtime.PresenceLeave, "", "{}")
	watcher.silent()
}

func TestSocket_onlyWhoIsAttachedHearsARoom(t *testing.T) {
	t.Parallel()
	srv := start(t)
	attached, opened, left := newBrowser(t, srv).listen(), newBrowser(t, srv).open(), newBrowser(t, srv).listen()
	left.ask(`{"action":12,"channel":"room:` + srv.Room("lounge").ID() + `"}`)
	left.next()
	srv.Room("lounge").Say("alice", "hello")
	attached.next()
	attached.silent()
	opened.silent()
	left.silent()
}

// The server closes a link that has not pinged for pingInterval + pingTimeout, whatever else it says.
func TestHeartbeat_aLinkThatDoesNotPingIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, queuptest.InMemory())
		mute, lively := newBrowser(t, srv).open(), newBrowser(t, srv).open()
		begin := time.Now()
		var lasted time.Duration
		done := make(chan struct{})
		go func() {
			for range mute.frames {
			}
			lasted = time.Since(begin)
			close(done)
		}()
		for range 40 {
			time.Sleep(25 * time.Second)
			lively.write("2")
			if got := lively.next(); got != "3" {
				t.Fatalf("answer to a ping is %q", got)
			}
			if time.Since(begin) < 80*time.Second {
				mute.ask(`{"action":0}`)
			}
		}
		<-done
		if lasted != 85*time.Second {
			t.Errorf("the link that did not ping lasted %v", lasted)
		}
	})
}
