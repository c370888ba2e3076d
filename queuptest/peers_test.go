package queuptest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// The requests here are those that clients written by others are known to send, word for word, under the tags of docs/PROTOCOL.md
// 0. They worked on the live service, so a server that refuses one is wrong.

// vip is the id of a fixed role.
const vip = "5615fe1ee596154fc2000001"

// A session of backtracked, in the order in which a bot on it makes these calls, and what it reads of each answer.
func TestPeers_backtrackedSession(t *testing.T) {
	t.Parallel()
	s := newStage(t, queuptest.ClassicRoles())
	bt := newBrowser(t, s.srv)
	call := func(request, form string) map[string]any {
		t.Helper()
		return s.asked(bt, request, form).(map[string]any)
	}
	texts := func(o map[string]any, members ...string) {
		t.Helper()
		for _, m := range members {
			if text, ok := o[m].(string); !ok || text == "" {
				t.Errorf("%s is %v in %v", m, o[m], o)
			}
		}
	}

	call("POST /auth/login", "username=bot&password=secret")
	session := call("GET /auth/session", "")
	texts(session, "_id", "username")
	if list := s.asked(bt, "GET /message", "").([]any); len(list) != 0 {
		t.Errorf("conversations at the start: %v", list)
	}
	token := call("GET /auth/token", "")
	texts(token, "token", "clientId")

	room := call("GET /room/lounge", "")
	texts(room, "_id", "roomUrl", "name", "realTimeChannel")
	joined := call("POST /room/{lounge}/users", "")
	texts(joined["room"].(map[string]any), "_id")
	texts(joined["user"].(map[string]any), "_id", "userid")

	link := dial(t, s.srv, token["token"].(string))
	var open struct{ PingInterval, PingTimeout int }
	if text := link.next(); json.Unmarshal([]byte(text[1:]), &open) != nil || open.PingInterval == 0 || open.PingTimeout == 0 {
		t.Errorf("open packet %s", text)
	}
	connected := link.frame()
	link.ask(s.fill(`{"action":10,"channel":"room:{lounge}"}`))
	if f := link.frame(); f.Action != realtime.ActionAttached {
		t.Fatalf("attach is answered by %+v", f)
	}

	said := call("POST /chat/{lounge}", "type=chat-message&message=hello+%26+welcome&time=1796074585702.945&realTimeChannel=dubtrackfm-lounge")
	maps.Copy(said, said["req"].(map[string]any)) // it merges the two
	texts(said, "chatid", "message", "type")
	for _, m := range []string{"time", "user", "queue_object"} {
		if said[m] == nil {
			t.Errorf("no %s in %v", m, said)
		}
	}
	if f := link.frame(); f.Message == nil || f.Message.Name != "chat-message" {
		t.Errorf("it hears %+v", f)
	}

	roster := s.asked(bt, "GET /room/{lounge}/users", "").([]any)
	for _, row := range roster {
		texts(row.(map[string]any), "userid")
		texts(row.(map[string]any)["_user"].(map[string]any), "_id", "username")
	}
	if len(roster) == 0 {
		t.Error("the roster is empty")
	}
	for action := range 2 { // it calls them visible and invisible
		link.ask(s.fill(fmt.Sprintf(`{"action":14,"channel":"room:{lounge}","clientId":%q,"connectionId":%q,"presence":{"action":%d,"data":{}}}`,
			connected.ClientID, connected.ConnectionID, action)))
		if f := link.frame(); f.Action != realtime.ActionPresence || f.Presence.ClientID != session["_id"] {
			t.Errorf("presence %d is answered by %+v", action, f)
		}
	}

	conversation := call("POST /message", "usersid={alice}")
	texts(conversation, "_id")
	people := conversation["usersid"].([]any)
	for _, p := range people {
		texts(p.(map[string]any), "_id", "username")
	}
	if len(people) != 2 {
		t.Errorf("it is among %v", people)
	}
	if three := call("POST /message", "usersid={alice}&usersid={bob}")["usersid"].([]any); len(three) != 3 {
		t.Errorf("with two others it is among %v", three)
	}
	path := "/message/" + conversation["_id"].(string)
	texts(call("POST "+path, "message=psst&time=1796074585999.5&userid="+session["_id"].(string)), "_id", "message", "messageid")
	messages := s.asked(bt, "GET "+path, "").([]any)
	texts(messages[0].(map[string]any), "_id", "message", "userid")
	texts(messages[0].(map[string]any)["_user"].(map[string]any), "_id", "username")
	if read := call("POST "+path+"/read", "")["users_read"].([]any); len(read) != 1 || read[0] != session["_id"] {
		t.Errorf("read by %v", read)
	}

	call("POST /chat/"+vip+"/{lounge}/user/{alice}", "realTimeChannel=dubtrackfm-lounge")
	alice := call("GET /room/{lounge}/users/{alice}", "")
	if role, _ := alice["roleid"].(map[string]any); role["_id"] != vip && alice["roleid"] != vip {
		t.Errorf("alice's record is %v", alice)
	}
	if renamed := call("POST /user/updateUsername", "username=tracked"); renamed["username"] != "tracked" {
		t.Errorf("the answer to a new name is %v", renamed)
	}
}

// asked makes a request with a form, and returns the data of the answer, which must be good.
func (s *stage) asked(b *browser, request, form string) any {
	s.t.Helper()
	method, path, _ := strings.Cut(s.fill(request), " ")
	contentType := "application/x-www-form-urlencoded"
	if form == "" {
		contentType = ""
	}
	return as[any](s.t, b.send(method, path, contentType, s.fill(form)))
}

const (
	asForm = "application/x-www-form-urlencoded"
	asJSON = "application/json"
)

func TestPeers_requestsAreTaken(t *testing.T) {
	t.Parallel()
	tests := []struct {
		peers   string
		who     string
		request string
		content string
		body    string
	}{
		{"BT", "alice", "POST /chat/{lounge}", asForm, "type=chat-message&message=hi&time=1796074585702.945&realTimeChannel=dubtrackfm-lounge"},
		{"DA FE", "alice", "POST /chat/{lounge}", asForm, "type=chat-message&message=hi&time=1796074585702&realTimeChannel=dubtrackfm-lounge"},
		{"D+26", "alice", "POST /chat/{lounge}", asJSON, `{"type":"chat-message","message":"hi","time":"1796074585702"}`},
		{"FE ABOT", "alice", "POST /chat/{lounge}", asJSON, `{"chatid":null,"message":"hi","realTimeChannel":"dubtrackfm-lounge","time":1796074585702,"type":"chat-message","user":{"_id":"{alice}","username":"alice"}}`},
		{"NUCO", "alice", "POST /chat/{lounge}", asJSON, `{"message":"hi"}`},
		{"BT", "alice", "POST /message", asForm, "usersid={bob}"},
		{"BT", "alice", "POST /message", asForm, "usersid={bob}&usersid={carol}"},
		{"FE", "alice", "POST /message", asForm, "usersid%5B%5D={bob}&usersid%5B%5D={carol}"},
		{"NDA", "alice", "POST /message", asForm, "usersid%5B0%5D={bob}&usersid%5B1%5D={carol}"},
		{"DA", "alice", "POST /message", asForm, "usersid={bob}%2C{carol}"},
		{"DTM", "alice", "POST /message", asJSON, `{"usersid":["{bob}","{carol}"]}`},
		{"BT", "alice", "POST /message/{talk}", asForm, "message=hi&time=1796074585702.945&userid={alice}"},
		{"NDA UAPI DTM", "alice", "POST /message/{talk}", asForm, "message=hi&time=1796074585702"},
		{"FE", "alice", "POST /message/{talk}", asJSON, `{"message":"hi","time":1796074585702,"userid":"{alice}","messageid":"{talk}","_user":{"_id":"{alice}"}}`},
		{"BT FE UAPI", "alice", "POST /message/{talk}/read", "", ""},
		{"DA before got", "mod", "POST /room/{lounge}/queue/order", asForm, "order%5B0%5D={bob}&order%5B1%5D={carol}"},
		{"DA DA24", "mod", "POST /room/{lounge}/queue/order", asForm, "order={bob}%2C{carol}"},
		{"FE", "mod", "POST /room/{lounge}/queue/order", asForm, "order%5B%5D={bob}&order%5B%5D={carol}"},
		{"FE", "owner", "PUT /room/{lounge}", asJSON, `{"name":"The Lounge","maxLengthSong":"10","timeSongQueueRepeat":"60","limitQueueLength":"0","maxSongQueueLength":"50","recycleDJ":"1","displayInLobby":"1","lockQueue":"0"}`},
		{"FE DA OW", "mod", "PUT /room/{lounge}/lockQueue", asForm, "lockQueue=1"},
		{"UAPI DTM", "mod", "POST /room/{lounge}/lockQueue", asForm, "lockQueue=0"},
		{"FE", "bob", "PUT /room/{lounge}/queue/pause", asForm, "queuePaused=1"},
		{"UAPI DTM", "mod", "PUT /room/{lounge}/queue/user/{carol}/pause", asForm, "pause=1"},
		{"FE DA", "mod", "PUT /room/{lounge}/queue/user/{carol}/pause", "", ""},
		{"FE DA", "mod", "POST /chat/ban/{lounge}/user/{carol}", asForm, "realTimeChannel=dubtrackfm-lounge&time=5"},
		{"FE DA D4J", "mod", "DELETE /chat/ban/{lounge}/user/{carol}", asForm, "realTimeChannel=dubtrackfm-lounge"},
		{"FE DA BT", "owner", "POST /chat/" + vip + "/{lounge}/user/{alice}", asForm, "realTimeChannel=dubtrackfm-lounge"},
		{"FE", "alice", "GET /room?offset=", "", ""},
		{"BT FE", "alice", "POST /user/updateUsername", asForm, "username=alice2"},
	}
	s := newStage(t, queuptest.ClassicRoles())
	s.name("talk", strings.TrimPrefix(login(t, s.srv, "alice").talk("bob"), "/message/"))
	people := map[string]*browser{}
	for _, test := range tests { // in this order: some stand on what was done before
		if people[test.who] == nil {
			people[test.who] = login(t, s.srv, test.who)
		}
		method, path, _ := strings.Cut(s.fill(test.request), " ")
		if got := people[test.who].send(method, path, test.content, s.fill(test.body)); got.Status != http.StatusOK {
			t.Errorf("%s: %s %s: %d %s", test.peers, test.request, test.body, got.Status, got.Body)
		}
	}
}

// What a body says has an effect, whatever its form.
func TestPeers_requestsHaveTheirEffect(t *testing.T) {
	t.Parallel()
	s := newStage(t, queuptest.ClassicRoles())
	owner, mod := login(t, s.srv, "owner"), login(t, s.srv, "mod")
	room := "/room/" + s.room.ID()
	if got := mod.post(room+"/lockQueue", map[string][]string{"lockQueue": {"true"}}); got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	as[any](t, owner.send(http.MethodPut, room, asJSON, `{"maxLengthSong":"25","recycleDJ":"1","displayInLobby":"0"}`))
	got := as[map[string]any](t, owner.get(room))
	for member, want := range map[string]any{"lockQueue": true, "maxLengthSong": 25.0, "recycleDJ": true, "displayInLobby": false} {
		if got[member] != want {
			t.Errorf("%s is %v, want %v", member, got[member], want)
		}
	}
}

// An empty body in chunks, as some HTTP libraries send it, is an empty body.
func TestPeers_emptyChunkedPOST(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	alice := login(t, s.srv, "alice")
	for _, request := range []string{"POST /room/{lounge}/users", "POST /room/{lounge}/playlist/active/dubs", "DELETE /room/{lounge}/users"} {
		method, path, _ := strings.Cut(s.fill(request), " ")
		req, err := http.NewRequestWithContext(t.Context(), method, s.srv.URL()+path, io.NopCloser(bytes.NewReader(nil)))
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = -1
		req.TransferEncoding = []string{"chunked"}
		got := alice.do(req)
		if needsBody := strings.HasSuffix(path, "/dubs"); needsBody != (got.Status == http.StatusBadRequest) || !needsBody && got.Status != http.StatusOK {
			t.Errorf("%s: %d %s", request, got.Status, got.Body)
		}
	}
}

// The members on whose absence a peer would stumble are always there.
func TestPeers_shapesThatTheyRead(t *testing.T) {
	t.Parallel()
	s := newStage(t, queuptest.ClassicRoles())
	alice := login(t, s.srv, "alice")
	song := as[map[string]any](t, alice.get("/room/"+s.room.ID()+"/playlist/active"))["songInfo"].(map[string]any)["_id"].(string)
	s.name("song", song)
	s.name("talk", strings.TrimPrefix(alice.talk("bob"), "/message/"))
	comment := as[map[string]any](t, alice.postJSON("/song/"+song+"/comments", `{"comment":"nice"}`))
	s.heard()
	tests := []struct {
		peers, request string
		from           any // instead of a request
		path, members  string
	}{
		{"BT", "POST /message usersid={bob}", nil, "usersid.0", "_id username"},
		{"FE", "GET /message", nil, "0", "latest_message"},
		{"D4J", "GET /user/alice", nil, "", "dubs"},
		{"D4J", "GET /auth/session", nil, "", "dubs __v"},
		{"FE", "", comment, "", "updubs downdubs"},
		{"FE", "GET /song/{song}/comments", nil, "0", "updubs downdubs"},
		{"ABOT", "GET /room/{lounge}/playlist/active", nil, "song", "isPlayed skipped isActive __v"},
		{"ABOT", "GET /room/{lounge}/playlist/active", nil, "songInfo", "__v"},
		{"ABOT", "GET /room/{lounge}/playlist/details", nil, "0", "isPlayed skipped isActive __v"},
		{"ABOT", "GET /room/{lounge}/users", nil, "0", "active waitLine __v dubs playedCount skippedCount songsInQueue queuePaused"},
		{"ABOT", "GET /room/{lounge}/users", nil, "0._user", "dubs __v"},
		{"ABOT", "GET /room/{lounge}", nil, "", "__v"},
		{"ABOT", "POST /playlist name=x", nil, "", "__v"},
	}
	for _, test := range tests {
		got := test.from
		if test.request != "" {
			request, form := test.request, ""
			if parts := strings.SplitN(test.request, " ", 3); len(parts) == 3 {
				request, form = parts[0]+" "+parts[1], parts[2]
			}
			got = s.asked(alice, request, form)
		}
		for key := range strings.SplitSeq(test.path, ".") {
			switch v := got.(type) {
			case []any:
				got = v[0]
			case map[string]any:
				if key != "" {
					got = v[key]
				}
			}
		}
		object, _ := got.(map[string]any)
		for member := range strings.FieldsSeq(test.members) {
			if _, ok := object[member]; !ok {
				t.Errorf("%s: %s has no %s in %v", test.peers, test.request, member, got)
			}
		}
	}

	// NDA reads the room of a user-leave, DA the counters of the event before it.
	if got := alice.delete("/room/" + s.room.ID() + "/users"); got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	for _, e := range s.heard() {
		var left struct {
			Room struct {
				ID   string `json:"_id"`
				Name string
			}
			User map[string]any
		}
		if err := json.Unmarshal(e.RawJSON(), &left); err != nil || left.Room.ID != s.room.ID() || left.Room.Name == "" || left.User["dubs"] == nil {
			t.Errorf("%s: %v in %s", e.EventName(), err, e.RawJSON())
		}
	}
}
