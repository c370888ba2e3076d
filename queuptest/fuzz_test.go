package queuptest

import (
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
func fuzzState(tb testing.TB) *Server {
	tb.Helper()
	c, err := newConfig(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return &Server{state: newState(c, time.Now()), config: c, log: &journal{}}
}

// Whatever frame a client sends, the server does not panic, answers it (but for those that want no answer), and the link can
// be taken down. What it answers can be parsed.
func FuzzFrame(f *testing.F) {
	f.Add([]byte(`2probe`))
	f.Add([]byte(`1`))
	f.Add([]byte(`b4eyJhY3Rpb24iOjB9`))
	f.Add([]byte("\x04{}"))
	for _, message := range []string{
		`{"action":0,"reqId":"r"}`, `{"action":10,"channel":"room:65a1f0c2d4e8b90000000001","reqId":"r"}`,
		`{"action":10,"channel":"user:65b2a1c0d4e8b90000000004"}`, `{"action":12,"channel":"room:65a1f0c2d4e8b90000000001"}`,
		`{"action":14,"channel":"room:65a1f0c2d4e8b90000000001","presence":{"action":1,"data":[1,{}]}}`,
		`{"action":15,"message":{"name":"*","type":"string","data":"x"}}`, `{"action":17,"clientId":"","reqId":"r"}`,
		`{"action":"10","channel":7,"reqId":{}}`, `{"action":1e99}`, `[]`, `null`, `{`,
	} {
		f.Add([]byte("4" + message))
	}
	s := fuzzState(f)
	room := s.rooms[0]
	a := s.named("alice")
	f.Fuzz(func(t *testing.T, data []byte) {
		l := &link{
			s: s, id: "c", identity: identity{account: a, clientID: string(a.id)}, wake: make(chan struct{}, 1),
			attached: map[string]bool{}, present: map[string]*realtime.PresenceBody{},
		}
		s.attach(l, room.channel)
		_, goOn := l.receive(data)
		queue, _ := l.next()
		p, err := realtime.ParsePacket(data)
		quiet := err == nil && (p.Type == realtime.PacketClose || p.Type == realtime.PacketNoop || p.Type == realtime.PacketUpgrade)
		if closing := err == nil && p.Type == realtime.PacketClose; goOn == closing {
			t.Errorf("the link goes on: %v", goOn)
		}
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
		s.forget(l)
		if len(s.channels) != 0 {
			t.Errorf("channels are left: %v", s.channels)
		}
	})
}

// Whatever a client sends to REST, with or without a session, the answer is an envelope that repeats the status or the way
// to the login, never a fault of the server.
func FuzzREST(f *testing.F) {
	s := fuzzState(f)
	id := string(s.rooms[0].id)
	session := s.secret(s.id(idSession))
	alice := s.named("alice") // whatever she will be called
	s.sessions.put(session, alice)
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
		{"HEAD", "/auth/session", "", ""},
		{"OPTIONS", "/auth/session", "", ""},
	} {
		f.Add(c[0], c[1], c[2], []byte(c[3]), true)
		f.Add(c[0], c[1], c[2], []byte(c[3]), false)
	}
	routes, err := newREST(s.state)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, method, target, contentType string, body []byte, loggedIn bool) {
		if !strings.HasPrefix(target, "/") || strings.ContainsAny(target, " \r\n\t") {
			return
		}
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+inMemoryHost+target, strings.NewReader(string(body)))
		if err != nil {
			return // nothing that HTTP could carry
		}
		r.Header.Set("Content-Type", contentType)
		if loggedIn {
			s.sessions.put(session, alice) // it may have logged out
			r.AddCookie(&http.Cookie{Name: cookieName, Value: session})
		}
		s.log = &journal{}
		w := httptest.NewRecorder()
		logged(s.state, s.log, routes).ServeHTTP(w, r)
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
		var envelope struct {
			Code wire.Code
			Data json.RawMessage
		}
		if err := json.Unmarshal(w.Body.Bytes(), &envelope); err != nil || int(envelope.Code) != w.Code || envelope.Data == nil {
			t.Errorf("%d %s: %v", w.Code, w.Body, err)
		}
	})
}
