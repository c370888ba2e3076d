package queuptest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// presencePath is where the host of the websocket tells who is present in a channel, see docs/PROTOCOL.md 2.13. The
// channel that follows has a colon, which no id and no slug of a room has.
const presencePath = "/room/"

func isPresencePath(path string) bool {
	channel, ok := strings.CutPrefix(path, presencePath)
	return ok && strings.Contains(channel, ":") && !strings.Contains(channel, "/")
}

// presenceRow is one connection in the list.
type presenceRow struct {
	ClientID     string          `json:"clientId"`
	ConnectionID string          `json:"connectionId"`
	Data         json.RawMessage `json:"data"`
}

// servePresence answers who is present in a channel, as a bare list. That the token opens the channels it can attach
// to, and how a bad one is refused, are assumptions.
func (s *Server) servePresence(w http.ResponseWriter, r *http.Request) {
	channel := strings.TrimPrefix(r.URL.Path, presencePath)
	if r.Method != http.MethodGet {
		errorE1(http.StatusMethodNotAllowed, http.StatusText(http.StatusMethodNotAllowed)).write(w)
		return
	}
	s.mu.Lock()
	who, ok := s.tokens.get(r.Header.Get("X-Access-Token"))
	refusal := ""
	if ok {
		refusal = s.mayAttach(who, channel)
	}
	rows := s.presenceRows(channel)
	s.mu.Unlock()
	switch {
	case !ok:
		errorE1(http.StatusUnauthorized, "invalid token").write(w)
		return
	case refusal != "":
		errorE1(http.StatusNotFound, refusal).write(w)
		return
	}
	exchangeOf(r.Context()).user(s.username(who.account))
	query := r.URL.Query()
	clientID, connectionID := query.Get("clientId"), query.Get("connectionId")
	rows = slices.DeleteFunc(rows, func(row presenceRow) bool {
		return clientID != "" && row.ClientID != clientID || connectionID != "" && row.ConnectionID != connectionID
	})
	list, err := json.Marshal(rows)
	if err != nil { // a client entered with data that is no JSON; its frame would not have been read
		errorE1(http.StatusInternalServerError, err.Error()).write(w)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(list) // the client may be gone
}

// presenceRows lists who is present in a channel, one row for each connection. The caller holds s.mu.
func (s *state) presenceRows(channel string) []presenceRow {
	rows := []presenceRow{}
	for l := range s.links {
		if body := l.present[channel]; body != nil {
			data := body.Data
			if len(data) == 0 {
				data = json.RawMessage(`{}`)
			}
			rows = append(rows, presenceRow{ClientID: l.identity.clientID, ConnectionID: l.id, Data: data})
		}
	}
	slices.SortFunc(rows, func(a, b presenceRow) int { return cmp.Compare(a.ConnectionID, b.ConnectionID) })
	return rows
}
