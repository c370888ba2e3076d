//go:build interop

package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/queup-go/queup/internal/testkit/canary"
)

// token logs in and fetches a token of the websocket, as GET /auth/token has it in its data; without a name it is a
// guest's.
func (p *program) token(t *testing.T, name string) json.RawMessage {
	t.Helper()
	h := &http.Client{}
	defer h.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+"/auth/token", http.NoBody)
	must(t, err)
	if name != "" {
		resp, err := h.PostForm(p.URL+"/auth/login", url.Values{"username": {name}, "password": {canary.Password}}) //nolint:noctx // the server is local
		must(t, err)
		_ = resp.Body.Close()
		for _, cookie := range resp.Cookies() {
			req.AddCookie(cookie)
		}
	}
	resp, err := h.Do(req)
	must(t, err)
	defer resp.Body.Close()
	var envelope struct{ Data json.RawMessage }
	must(t, json.NewDecoder(resp.Body).Decode(&envelope))
	return envelope.Data
}

// frame is a message of QueUp.
type frame struct {
	Action                                int
	Channel, ClientID, ConnectionID       string
	ReqID, Error, Token, SocketID, Secret string
	Presence                              struct {
		Action                 int
		ClientID, ConnectionID string
		Data                   json.RawMessage
	}
	Message struct{ Name, Type, Data string }
}

func action(n int) func(frame) bool { return func(f frame) bool { return f.Action == n } }

// Engine.IO's own client knows the packets, and what is in them is ours to say.
func TestInterop_engineIOClient(t *testing.T) {
	p := startProgram(t, "engine.io-client")
	s := startScript(t, "engine.io-client", p.URL)
	alice := p.join(t, "alice")

	type failure struct{ Type, Message, Cause string }
	for name, query := range map[string]any{
		"bad token": map[string]string{"access_token": "made-up"}, "no token": map[string]string{},
	} {
		s.act(t, "open", query)
		if e := hear(t, s, "error", anyOf[failure]); e.Type != "TransportError" || e.Message != "websocket error" || !strings.Contains(e.Cause, "401") {
			t.Errorf("%s: %+v", name, e)
		}
		hear(t, s, "close", func(reason string) bool { return reason == "transport error" })
	}

	token := as[frame](t, p.token(t, "bob"))
	s.act(t, "open", map[string]string{"access_token": token.Token})
	handshake := hear(t, s, "handshake", anyOf[struct {
		SID                       string
		Upgrades                  []string
		PingInterval, PingTimeout int
	}])
	if handshake.SID == "" || handshake.Upgrades == nil || len(handshake.Upgrades) > 0 ||
		handshake.PingInterval != 25_000 || handshake.PingTimeout != 60_000 {
		t.Errorf("open packet: %+v", handshake)
	}
	opened := hear(t, s, "open", anyOf[struct {
		ID, Transport string
		Protocol      int
	}])
	if opened.ID != handshake.SID || opened.Protocol != 3 || opened.Transport != "websocket" {
		t.Errorf("open: %+v", opened)
	}
	hello := hear(t, s, "message", anyOf[frame])
	if hello.Action != 4 || hello.ClientID != p.id(t, "bob") || hello.ConnectionID == "" {
		t.Errorf("the first message: %+v", hello)
	}

	s.act(t, "send", map[string]any{"action": 10, "channel": p.channel(), "reqId": "r1"})
	if f := hear(t, s, "message", action(11)); f.Channel != p.channel() || f.ReqID != "r1" || f.ClientID != hello.ClientID || f.ConnectionID != hello.ConnectionID {
		t.Errorf("attached: %+v", f)
	}
	if _, err := alice.room.SendMessage(t.Context(), "tü♥ & <b>"); err != nil {
		t.Fatal(err)
	}
	m := hear(t, s, "message", action(15))
	inner := as[struct{ Type, Message string }](t, json.RawMessage(m.Message.Data))
	if m.Channel != p.channel() || m.Message.Name != "chat-message" || m.Message.Type != "json" ||
		inner.Type != "chat-message" || inner.Message != "tü♥ &amp; &lt;b&gt;" {
		t.Errorf("message: %+v", m)
	}
	s.act(t, "send", map[string]any{"action": 99, "reqId": "r2"})
	if f := hear(t, s, "message", action(9)); f.ReqID != "r2" || f.Error == "" {
		t.Errorf("error: %+v", f)
	}

	// Two whole heartbeats: the client pings, and it goes on because the server answers.
	for range 2 {
		pinged := hear(t, s, "ping", anyOf[int64])
		if ponged := hear(t, s, "pong", anyOf[int64]); ponged < pinged {
			t.Errorf("ping at %d, pong at %d", pinged, ponged)
		}
	}
	hear(t, s, "packet", func(packet struct{ Type string }) bool { return packet.Type == "pong" })
	s.act(t, "close")
	hear(t, s, "close", func(reason string) bool { return reason == "forced close" })

	lines := p.stop(t)
	frames := sent(lines, "bob")
	if n := count(sent(lines, ""), "GET /ws/?access_token=***&EIO=3&transport=websocket"); n != 2 { // one of them with a bad token
		t.Errorf("%d handshakes", n)
	}
	if !slices.Contains(frames, "2") || slices.Contains(frames, "1") { // it closes without a close packet
		t.Errorf("no ping, or a close packet, in %q", frames)
	}
}

// Dubtrack's client has bugs that the server must not step on: an action 9 makes it throw, an action 0 it does not see.
func TestInterop_dubtrackWSClient(t *testing.T) {
	p := startProgram(t, "dubtrack-ws-client")
	channel := p.channel()
	type ids struct{ ClientID, ConnectionID string }
	type presence struct {
		Channel, ClientID, ConnectionID string
		Action                          int
		Data                            map[string]any
	}

	refused := startScript(t, "dubtrack-ws-client", p.URL)
	refused.act(t, "open", "made-up")
	hear(t, refused, "failed", anyOf[ids])
	refused.kill() // it would go on trying

	bob, carol := startScript(t, "dubtrack-ws-client", p.URL), startScript(t, "dubtrack-ws-client", p.URL)
	open := func(s *script, name string) ids {
		t.Helper()
		s.act(t, "open", p.token(t, name))
		me := hear(t, s, "connected", anyOf[ids])
		if me.ClientID != p.id(t, name) || me.ConnectionID == "" {
			t.Errorf("%s is %+v", name, me)
		}
		s.act(t, "attach", channel)
		if state := got[string](t, s, "state", channel); state != "attached" {
			t.Errorf("the channel is %s", state)
		}
		s.act(t, "hear", channel)
		return me
	}
	open(bob, "bob")
	asBob := func(e presence) bool { return e.ClientID == p.id(t, "bob") }

	// Its list is complete, with those that come through other libraries.
	alice := p.join(t, "alice")
	bob.act(t, "enter", channel)
	if e := hear(t, bob, "enter", asBob); e.Channel != channel || e.ConnectionID == "" {
		t.Errorf("enter: %+v", e)
	}
	members := got[[]ids](t, bob, "members", channel, map[string]any{"forceReload": true})
	if len(members) != 2 || !slices.ContainsFunc(members, func(m ids) bool { return m.ClientID == string(alice.id) }) {
		t.Errorf("members: %+v", members)
	}

	// Presence of others: enter, update, leave.
	me := open(carol, "carol")
	asCarol := func(e presence) bool { return e.ClientID == me.ClientID && e.ConnectionID == me.ConnectionID }
	carol.act(t, "enter", channel)
	hear(t, bob, "enter", asCarol)
	only := got[[]ids](t, carol, "members", channel, map[string]any{"forceReload": true, "clientId": me.ClientID})
	if len(only) != 1 || only[0] != me {
		t.Errorf("members of carol's: %+v", only)
	}
	carol.act(t, "update", channel, map[string]any{"mood": "tü♥"})
	if e := hear(t, bob, "update", asCarol); e.Data["mood"] != "tü♥" || e.Action != 2 {
		t.Errorf("update: %+v", e)
	}
	carol.act(t, "leave", channel)
	if e := hear(t, bob, "leave", asCarol); e.Action != 1 {
		t.Errorf("leave: %+v", e)
	}
	// It detaches, then leaves once more, and nothing bad comes of it.
	carol.act(t, "detach", channel)
	if state := got[string](t, carol, "state", channel); state != "detached" {
		t.Errorf("the channel is %s", state)
	}

	// Messages come parsed.
	if _, err := alice.room.SendMessage(t.Context(), "hi"); err != nil {
		t.Fatal(err)
	}
	type chat struct {
		Channel, Name, Type string
		Data                struct {
			Type, Message string
			User          struct{ Username string }
		}
	}
	message := hear(t, bob, "message", func(m chat) bool { return m.Name == "chat-message" })
	if message.Channel != channel || message.Name != "chat-message" || message.Type != "json" ||
		message.Data.Type != "chat-message" || message.Data.Message != "hi" || message.Data.User.Username != "alice" {
		t.Errorf("message: %+v", message)
	}

	// A token for another link.
	if f := got[frame](t, bob, "token"); f.Action != 17 || f.Token == "" || f.ClientID != p.id(t, "bob") || len(f.ReqID) != 32 {
		t.Errorf("token: %+v", f)
	}

	// The link is lost. It comes back with the same token, and names the id it had; the channel is to be attached
	// again.
	bob.act(t, "cut")
	hear(t, bob, "disconnected", anyOf[ids])
	hear(t, bob, "connected", anyOf[ids])
	bob.act(t, "attach", channel)
	bob.act(t, "enter", channel)
	hear(t, bob, "enter", asBob)
	if _, err := alice.room.SendMessage(t.Context(), "still here?"); err != nil {
		t.Fatal(err)
	}
	hear(t, bob, "message", func(m chat) bool { return m.Data.Message == "still here?" })
	if n := carol.times("message"); n != 0 {
		t.Errorf("carol has detached and heard %d messages", n)
	}

	bob.act(t, "close")
	hear(t, bob, "closing", anyOf[ids])
	carol.kill()
	lines := p.stop(t)
	handshakes := sent(lines, "") // who it is shows in the token alone
	if n := count(handshakes, "GET /ws/?connect=1&access_token=***"); n != 4 {
		t.Errorf("%d handshakes in %q", n, handshakes)
	}
	if n := count(handshakes, "&clientId="+p.id(t, "bob")); n != 1 {
		t.Errorf("%d handshakes with a clientId in %q", n, handshakes)
	}
	if n := count(sent(lines, "carol"), `{"action":14,"channel":"`+channel+`","presence":{"action":1,"data":{}}`); n != 2 {
		t.Errorf("carol left %d times", n)
	}
	for _, l := range lines {
		if l.From == "server" && strings.HasPrefix(l.Body, `4{"action":9`) {
			t.Errorf("the server sent an error: %s", l.Body)
		}
	}
}
