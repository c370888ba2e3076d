package queuptest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/realtime"
)

// fuzzState is a world without a server around it.
func fuzzState(tb testing.TB, opts ...Option) *Server {
	tb.Helper()
	c, err := newConfig(opts)
	if err != nil {
		tb.Fatal(err)
	}
	return &Server{state: newState(c, time.Now()), config: c, log: &journal{}}
}

// Whatever frames a client sends, the server does not panic, answers each (but for those that want no answer), and the link can
// be taken down. What it answers can be parsed. The frames of an input are its lines; a line feed within JSON is only a space.
func FuzzFrame(f *testing.F) {
	f.Add([]byte(`2probe`), false)
	f.Add([]byte(`1`), false)
	f.Add([]byte(`b4eyJhY3Rpb24iOjB9`), false)
	f.Add([]byte("\x04{}"), true)
	for _, message := range []string{
		`{"action":0,"reqId":"r"}`, `{"action":10,"channel":"room:65a1f0c2d4e8b90000000001","reqId":"r"}`,
		`{"action":10,"channel":"user:65b2a1c0d4e8b90000000004"}`, `{"action":12,"channel":"room:65a1f0c2d4e8b90000000001"}`,
		`{"action":14,"channel":"room:65a1f0c2d4e8b90000000001","presence":{"action":1,"data":[1,{}]}}`,
		`{"action":15,"message":{"name":"*","type":"string","data":"x"}}`, `{"action":17,"clientId":"","reqId":"r"}`,
		`{"action":"10","channel":7,"reqId":{}}`, `{"action":1e99}`, `[]`, `null`, `{`,
	} {
		f.Add([]byte("4"+message), true)
		f.Add([]byte("4"+message), false)
	}
	const channel = `"channel":"room:65a1f0c2d4e8b90000000001"`
	f.Add([]byte(`4{"action":10,`+channel+"}\n"+`4{"action":14,`+channel+`,"presence":{"data":"x"}}`+"\n2\n"+
		`4{"action":14,`+channel+`,"presence":{"action":2}}`+"\n"+`4{"action":12,`+channel+"}\n"+
		`4{"action":14,`+channel+`,"presence":{"action":1}}`+"\n"+`4{"action":12,`+channel+"}\n1\n2"), true)
	s := fuzzState(f)
	room := s.rooms[0]
	a := s.named("alice")
	f.Fuzz(func(t *testing.T, data []byte, guest bool) {
		who := identity{account: a, clientID: string(a.id)}
		if guest {
			who = identity{clientID: "guest"}
		}
		l := &link{
			s: s, id: "c", identity: who, wake: make(chan struct{}, 1),
			attached: map[string]bool{}, present: map[string]*realtime.PresenceBody{},
		}
		s.links[l] = struct{}{}
		s.attach(l, room.channel)
		for frame := range bytes.SplitSeq(data, []byte("\n")) {
			_, goOn := l.receive(frame)
			p, err := realtime.ParsePacket(frame)
			if closing := err == nil && p.Type == realtime.PacketClose; goOn == closing {
				t.Errorf("the link goes on: %v", goOn)
			}
			quiet := err == nil && (p.Type == realtime.PacketClose || p.Type == realtime.PacketNoop || p.Type == realtime.PacketUpgrade)
			checkAnswers(t, l, quiet)
			if !goOn {
				break
			}
		}
		if _, err := realtime.ParsePresenceList(s.presenceList(room.channel, "", "")); err != nil {
			t.Errorf("presence list: %v", err)
		}
		s.forget(l)
		if len(s.channels) != 0 || len(s.links) != 0 {
			t.Errorf("channels are left: %v", s.channels)
		}
	})
}

// checkAnswers takes what waits for a link: there is something if there should be, and all of it can be read.
func checkAnswers(t *testing.T, l *link, quiet bool) {
	t.Helper()
	queue, _ := l.next()
	if len(queue) == 0 != quiet {
		t.Errorf("%d answers", len(queue))
	}
	for _, o := range queue {
		answer, err := realtime.ParsePacket(o.packet)
		if err != nil {
			t.Errorf("answer %q: %v", o.packet, err)
		}
		if answer.Type != realtime.PacketMessage {
			continue
		}
		if f, err := realtime.ParseFrame(answer.Data); err != nil || f.Action == realtime.ActionNone {
			t.Errorf("answer %q: %v", o.packet, err)
		}
	}
}

// fuzzPeople are who call: nobody, a member, a moderator and the owner.
var fuzzPeople = []string{"", "alice", "mod", "owner"}

// fuzzWorld is a world that many requests are made to.
type fuzzWorld struct {
	*Server
	handler http.Handler
	people  map[string]*account // whatever they will be called
}

func newFuzzWorld(tb testing.TB, opts ...Option) *fuzzWorld {
	tb.Helper()
	w := &fuzzWorld{Server: fuzzState(tb, opts...), people: map[string]*account{}}
	w.begin() // something plays
	tb.Cleanup(func() { w.shutdown() })
	for _, name := range fuzzPeople[1:] {
		w.people[name] = w.named(name)
	}
	var err error
	if w.handler, err = w.routes(); err != nil {
		tb.Fatal(err)
	}
	return w
}

// Whatever a client sends to REST, with or without a session, the answer is an envelope that repeats the status or the way
// to the login, never a fault of the server.
func FuzzREST(f *testing.F) {
	worlds := []*fuzzWorld{newFuzzWorld(f), newFuzzWorld(f, ClassicRoles()), newFuzzWorld(f, Quirks())}
	s := worlds[0].Server
	id := string(s.rooms[0].id)
	for _, c := range [][4]string{
		{"POST", "/auth/login", "application/json", `{"username":"alice","password":"secret"}`},
		{"POST", "/auth/login", "application/x-www-form-urlencoded", `username=alice&password=secret&password=x`},
		{"POST", "/auth/login", "multipart/form-data; boundary=x", "--x\r\n\r\n--x--"},
		{"POST", "/room/" + id + "/users", "application/x-www-form-urlencoded", "password-room=%zz"},
		{"POST", "/room/" + id + "/users", "text/plain", "x"},
		{"DELETE", "/room/" + id + "/users", "", ""},
		{"POST", "/chat/" + id, "application/json", `{"message":"hi","time":"now"}`},
		{"POST", "/chat/" + id, "application/json", `{"message":"\ud800","time":1e400}`},
		{"POST", "/chat/" + id, "application/x-www-form-urlencoded", "message=%ff&time=-1"},
		{"PUT", "/room/" + id, "application/json", `{"name":"","maxLengthSong":-1,"roomDisplay":"x"}`},
		{"PUT", "/room/" + id + "/lockQueue", "application/x-www-form-urlencoded", "lockQueue=2"},
		{"POST", "/room/" + id + "/modsettings", "application/x-www-form-urlencoded", "action=x&value=true"},
		{"POST", "/room/" + id + "/playlist", "application/json", `{"songId":"AbCdEfGhIjK","songType":"youtube"}`},
		{"PUT", "/room/" + id + "/queue/pause", "application/x-www-form-urlencoded", "queuePaused=1"},
		{"POST", "/user/session/room/" + id + "/queue/order", "application/x-www-form-urlencoded", "order[]=x&order[]=x"},
		{"POST", "/room/" + id + "/playlist/active/dubs", "application/x-www-form-urlencoded", "type=updub"},
		{"GET", "/room/" + id + "/playlist/history?page=-9223372036854775808", "", ""},
		{"POST", "/chat/ban/" + id + "/user/" + string(s.accounts[0].id), "application/x-www-form-urlencoded", "time=99999999999"},
		{"POST", "/room/" + id + "/roles", "application/json", `{"label":"x","color":"red","permissions":["x"]}`},
		{"PUT", "/room/" + id + "/roles/order", "application/json", `{"order":[null]}`},
		{"POST", "/chat/%2e%2e/x", "", ""},
		{"GET", "/room/%00?x=%zz", "", ""},
		{"GET", "/song/65e5d4f3071bec0000000001/redirect", "", ""},
		{"GET", "/song?name=a&type=youtube&nextPageToken=x", "", ""},
		{"GET", "/playlist/x/songs?page=-9223372036854775808", "", ""},
		{"GET", "/room?offset=9223372036854775807", "", ""},
		{"POST", "/playlist", "application/json", `{"name":"x"}`},
		{"POST", "/playlist/import/youtube", "application/x-www-form-urlencoded", "yt_playlistid=PLabcdefghijk"},
		{"POST", "/message", "application/x-www-form-urlencoded", "usersid[]=65b2a1c0d4e8b90000000001"},
		{"POST", "/user/image", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=image; filename=a\r\n\r\nGIF89a\r\n--x--"},
		{"POST", "/user/updateUsername", "application/x-www-form-urlencoded", "username=alice"},
		{"POST", "/auth/signup", "application/x-www-form-urlencoded", "email=a@b&username=zed&password=p&password2=p&g-recaptcha-response=x"},
		{"POST", "/room", "application/json", `{"name":"x","maxLengthSong":-1}`},
		{"GET", "/room/room:" + id + "?clientId=x&connectionId=%00", "", ""},
		{"POST", "/room/room:" + id, "", ""},
		{"GET", "/ws/?access_token=x", "", ""},
		{"POST", "/chat/mod/" + id + "/user/" + string(s.accounts[3].id), "", ""},
		{"PUT", "/room/" + id + "/roles/" + string(s.rooms[0].roles[2].id), "application/json", `{"label":"x","permissions":["chat.send",null]}`},
		{"DELETE", "/room/" + id + "/users/" + string(s.accounts[3].id) + "/roles/" + string(s.rooms[0].roles[3].id), "", ""},
		{"POST", "/chat/kick/" + id + "/user/" + string(s.accounts[4].id), "application/x-www-form-urlencoded", "message=%3Cb%3E"},
		{"POST", "/chat/skip/" + id + "/65d4c3e2f60adb000000002e", "", ""},
		{"POST", "/room/" + id + "/queue/order", "application/x-www-form-urlencoded", "order[0]=x&order=y,z"},
		{"POST", "/message/x", "application/json", `{"message":{"a":1}}`},
		{"HEAD", "/auth/session", "", ""},
		{"OPTIONS", "/auth/session", "", ""},
	} {
		for who := range uint8(len(fuzzPeople) * len(worlds)) {
			f.Add(c[0], c[1], c[2], []byte(c[3]), who)
		}
	}
	f.Fuzz(func(t *testing.T, method, target, contentType string, body []byte, who uint8) {
		s := worlds[int(who)/len(fuzzPeople)%len(worlds)]
		name := fuzzPeople[int(who)%len(fuzzPeople)]
		loggedIn := name != ""
		if !strings.HasPrefix(target, "/") || strings.ContainsAny(target, " \r\n\t") {
			return
		}
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+inMemoryHost+target, strings.NewReader(string(body)))
		if err != nil {
			return // nothing that HTTP could carry
		}
		r.Header.Set("Content-Type", contentType)
		s.tokens.put("token", identity{account: s.people[name], clientID: "x"})
		r.Header.Set("X-Access-Token", "token")
		if loggedIn {
			s.sessions.put(name, s.people[name]) // it may have logged out
			r.AddCookie(&http.Cookie{Name: cookieName, Value: name})
		}
		s.log = &journal{}
		w := httptest.NewRecorder()
		logged(s.state, s.log, s.handler).ServeHTTP(w, r)
		if e := s.Log(); len(e) != 2 || e[1].Status != w.Code {
			t.Errorf("the log says %v", e)
		}
		switch w.Code {
		case http.StatusFound:
			to := w.Header().Get("Location")
			if picture := strings.HasPrefix(to, "https://"); !picture && (loggedIn || to != "/auth/login") {
				t.Errorf("redirect to %q", to)
			}
			return
		case http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound, http.StatusTooManyRequests:
		default:
			t.Errorf("status %d", w.Code)
		}
		if _, ok := channelOfPath(r.URL.Path); ok && w.Code == http.StatusOK {
			if _, err := realtime.ParsePresenceList(w.Body.Bytes()); err != nil && method != http.MethodHead {
				t.Errorf("presence list %s: %v", w.Body, err)
			}
			return
		}
		var envelope struct {
			Code wire.Code
			Data json.RawMessage
		}
		if err := json.Unmarshal(w.Body.Bytes(), &envelope); err != nil || int(envelope.Code) != w.Code || envelope.Data == nil {
			t.Errorf("%d %s: %v", w.Code, w.Body, err)
		}
	})
}
