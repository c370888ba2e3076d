package queuptest_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/queup-go/queup/realtime"
)

// members asks the websocket's host who is present in a channel.
func (b *browser) members(channel, query, token string) reply {
	b.tb.Helper()
	req, err := http.NewRequestWithContext(b.tb.Context(), http.MethodGet, b.srv.URL()+"/room/"+channel+query, http.NoBody)
	if err != nil {
		b.tb.Fatal(err)
	}
	req.Header.Set("X-Access-Token", token)
	return b.do(req)
}

// The list has one row for each connection, and no envelope around it.
func TestPresenceList(t *testing.T) {
	t.Parallel()
	srv := start(t)
	channel := "room:" + srv.Room("lounge").ID()
	type row struct {
		ClientID, ConnectionID string
		Data                   json.RawMessage
	}
	alice, guest := login(t, srv, "alice"), newBrowser(t, srv)
	token := guest.token().Token
	list := func(query string) []row {
		t.Helper()
		got := guest.members(channel, query, token)
		var rows []row
		if err := json.Unmarshal([]byte(got.Body), &rows); got.Status != http.StatusOK || err != nil || rows == nil {
			t.Fatalf("%d %s: %v", got.Status, got.Body, err)
		}
		return rows
	}
	if rows := list(""); len(rows) != 0 {
		t.Errorf("before anybody came: %+v", rows)
	}
	first, second := alice.listen(), alice.listen()
	for s, presence := range map[*socket]string{first: `{"action":0,"data":{"mood":"good"}}`, second: `{"action":0}`} {
		s.ask(`{"action":14,"channel":"` + channel + `","presence":` + presence + `,"reqId":"r"}`)
		for s.frame().ReqID != "r" {
		}
	}
	me := alice.token().ClientID
	rows := list("?clientId=" + me)
	if len(rows) != 2 || rows[0].ClientID != me || rows[1].ClientID != me || rows[0].ConnectionID >= rows[1].ConnectionID {
		t.Fatalf("alice through two connections: %+v", rows)
	}
	data := map[string]bool{string(rows[0].Data): true, string(rows[1].Data): true}
	if !data[`{"mood":"good"}`] || !data[`{}`] {
		t.Errorf("data: %s, %s", rows[0].Data, rows[1].Data)
	}
	if only := list("?connectionId=" + rows[1].ConnectionID); len(only) != 1 || only[0].ConnectionID != rows[1].ConnectionID {
		t.Errorf("by connection: %+v", only)
	}
	if nobody := list("?clientId=nobody"); len(nobody) != 0 {
		t.Errorf("by a client who is not there: %+v", nobody)
	}
	for name, c := range map[string]struct {
		channel, token string
		status         int
	}{
		"bad token":   {channel, "x", http.StatusUnauthorized},
		"no room":     {"room:x", token, http.StatusNotFound},
		"not oneself": {"user:" + me, token, http.StatusNotFound},
	} {
		if got := guest.members(c.channel, "", c.token); got.Status != c.status {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	if got := guest.post("/room/"+channel, nil); got.Status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d %s", got.Status, got.Body)
	}
}

// Our own client reads the list, too.
func TestPresenceList_realtime(t *testing.T) {
	t.Parallel()
	srv := start(t)
	channel := "room:" + srv.Room("lounge").ID()
	alice := login(t, srv, "alice")
	conn, err := realtime.New(realtime.Config{
		URL: srv.RealtimeURL(), Token: func(context.Context) (string, error) { return alice.token().Token, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(); <-conn.Done() }()
	if err := conn.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := conn.Attach(t.Context(), channel); err != nil {
		t.Fatal(err)
	}
	if err := conn.Presence(t.Context(), channel, realtime.PresenceEnter, nil); err != nil {
		t.Fatal(err)
	}
	rows, err := conn.PresenceList(t.Context(), channel, realtime.PresenceFilter{})
	if err != nil || len(rows) != 1 || rows[0].ClientID != conn.ClientID() || rows[0].ConnectionID != conn.ConnectionID() {
		t.Errorf("%+v, %v", rows, err)
	}
}
