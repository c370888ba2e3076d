package queuptest_test

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/queuptest"
)

func TestLogin_takesNameOrAddressAsFormOrJSON(t *testing.T) {
	t.Parallel()
	srv := start(t)
	for name, send := range map[string]func(b *browser) reply{
		"form": func(b *browser) reply {
			return b.post("/auth/login", url.Values{"username": {"alice"}, "password": {"secret"}})
		},
		"JSON": func(b *browser) reply { return b.postJSON("/auth/login", `{"username":"alice","password":"secret"}`) },
		"address": func(b *browser) reply {
			return b.postJSON("/auth/login", `{"username":"alice@example.com","password":"secret"}`)
		},
		"any case": func(b *browser) reply { return b.postJSON("/auth/login", `{"username":"ALICE","password":"secret"}`) },
		"unknown members": func(b *browser) reply {
			return b.postJSON("/auth/login", `{"x":[],"username":"alice","password":"secret"}`)
		},
		"charset of media": func(b *browser) reply {
			return b.send("POST", "/auth/login", "application/json; charset=utf-8", `{"username":"alice","password":"secret"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBrowser(t, srv)
			got := send(b)
			if got.Status != http.StatusOK {
				t.Fatalf("%d %s", got.Status, got.Body)
			}
			if cookie := got.Header.Get("Set-Cookie"); !strings.HasPrefix(cookie, "connect.sid=s%3A") {
				t.Errorf("Set-Cookie is %q", cookie)
			}
			if u := as[wire.User](t, b.get("/auth/session")); u.Username != "alice" || u.UserInfo.UserID != u.ID || u.ForceUpdated.IsZero() {
				t.Errorf("session is %+v", u)
			}
		})
	}
}

// Every way to fail, with the exact answer.
func TestErrors(t *testing.T) {
	t.Parallel()
	world := queuptest.DefaultWorld()
	world.Rooms = append(world.Rooms,
		queuptest.RoomSpec{Slug: "silent", Owner: "owner", Present: []string{"alice"}, Banned: []string{"carol"}},
		queuptest.RoomSpec{Slug: "secret", Owner: "owner", Password: "sesame"},
	)
	srv := start(t, queuptest.WithWorld(world))
	lounge, silent, secret := srv.Room("lounge").ID(), srv.Room("silent").ID(), srv.Room("secret").ID()
	const (
		nobody = ""
		e1     = `{"code":%CODE%,"message":"%TEXT%","data":{"err":{"details":{"code":%CODE%,"message":"%WHY%"},"origin":"method"}}}`
		e2     = `{"code":%CODE%,"message":"%TEXT%","data":{"details":{"message":"%WHY%"}}}`
		e4     = `{"code":%CODE%,"message":"%TEXT%","data":{"err":{"details":{"message":{"err":"%WHY%"}}}}}`
		some   = "..." // any text will do
	)
	over := strings.Repeat("x", 256)
	for name, c := range map[string]struct {
		user, method, path, body string
		json                     bool
		status                   int
		shape, why               string
	}{
		"wrong password":   {nobody, "POST", "/auth/login", "username=bot&password=wrong", false, 400, e2, "Wrong username or password"},
		"empty password":   {nobody, "POST", "/auth/login", "username=bot&password=", false, 400, e2, "Wrong username or password"},
		"unknown account":  {nobody, "POST", "/auth/login", "username=nobody&password=secret", false, 400, e2, "Wrong username or password"},
		"foreign address":  {nobody, "POST", "/auth/login", "username=bot@elsewhere.net&password=secret", false, 400, e2, "Wrong username or password"},
		"no password":      {nobody, "POST", "/auth/login", "username=bot", false, 400, e1, some},
		"no body":          {nobody, "POST", "/auth/login", "", true, 400, e1, some},
		"broken JSON":      {nobody, "POST", "/auth/login", `{"username":`, true, 400, e1, some},
		"null for a name":  {nobody, "POST", "/auth/login", `{"username":null,"password":"secret"}`, true, 400, e1, some},
		"huge body":        {nobody, "POST", "/auth/login", `{"username":"bot","password":"secret","x":"` + strings.Repeat("x", 1<<20) + `"}`, true, 400, e1, some},
		"unknown path":     {nobody, "GET", "/nowhere", "", false, 404, e1, "Not Found"},
		"unknown method":   {nobody, "PATCH", "/auth/session", "", false, 404, e1, "Not Found"},
		"path of the site": {nobody, "GET", "/", "", false, 404, e1, "Not Found"},

		"unknown slug":         {nobody, "GET", "/room/nowhere", "", false, 404, e1, "Room not found"},
		"users of no room":     {nobody, "GET", "/room/65a1f0c2d4e8b900ffffffff/users", "", false, 404, e1, "Room not found"},
		"slug is no id":        {nobody, "GET", "/room/lounge/users", "", false, 404, e1, "Room not found"},
		"join no room":         {"bot", "POST", "/room/nowhere/users", "", false, 404, e1, "Room not found"},
		"leave no room":        {"bot", "DELETE", "/room/nowhere/users", "", false, 404, e1, "Room not found"},
		"chat in no room":      {"bot", "POST", "/chat/nowhere", `{"message":"hi"}`, true, 404, e1, "Room not found"},
		"song of no room":      {nobody, "GET", "/room/nowhere/playlist/active", "", false, 404, e1, "Room not found"},
		"votes of no room":     {nobody, "GET", "/room/nowhere/playlist/active/dubs", "", false, 404, e1, "Room not found"},
		"queue of no room":     {"bot", "GET", "/room/nowhere/playlist/details", "", false, 404, e1, "Room not found"},
		"nothing plays":        {nobody, "GET", "/room/" + silent + "/playlist/active", "", false, 404, e1, "no songs in active queue"},
		"no votes in silence":  {nobody, "GET", "/room/" + silent + "/playlist/active/dubs", "", false, 404, e1, "no songs in active queue"},
		"unknown song":         {nobody, "GET", "/song/65e5d4f3071bec00ffffffff", "", false, 404, e1, "Song not found"},
		"banned":               {"carol", "POST", "/room/" + silent + "/users", "", false, 401, e1, "You are banned from this room"},
		"room without a word":  {"bot", "POST", "/room/" + secret + "/users", "", false, 400, e4, "invalidPassword"},
		"room with a wrong":    {"bot", "POST", "/room/" + secret + "/users", "password-room=x", false, 400, e4, "invalidPassword"},
		"leave from outside":   {"bot", "DELETE", "/room/" + lounge + "/users", "", false, 401, e1, "You are not in this room"},
		"chat from outside":    {"bot", "POST", "/chat/" + lounge, "message=hi", false, 401, e1, "You are not in this room"},
		"chat without message": {"alice", "POST", "/chat/" + silent, `{"time":1}`, true, 400, e1, some},
		"chat with a number":   {"alice", "POST", "/chat/" + silent, `{"message":1}`, true, 400, e1, some},
		"empty chat":           {"alice", "POST", "/chat/" + silent, `{"message":""}`, true, 400, e1, "message is required"},
		"blank chat":           {"alice", "POST", "/chat/" + silent, `{"message":" \n "}`, true, 400, e1, "message is required"},
		"long chat":            {"alice", "POST", "/chat/" + silent, `{"message":"` + over + `"}`, true, 400, e1, "message is too long"},
		"long in entities":     {"alice", "POST", "/chat/" + silent, `{"message":"` + strings.Repeat("&amp;", 52) + `"}`, true, 400, e1, "message is too long"},
		"long in UTF-16":       {"alice", "POST", "/chat/" + silent, `{"message":"` + strings.Repeat("😀", 128) + `"}`, true, 400, e1, "message is too long"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBrowser(t, srv)
			if c.user != nobody {
				b = login(t, srv, c.user)
			}
			contentType := ""
			switch {
			case c.json:
				contentType = "application/json"
			case c.body != "":
				contentType = "application/x-www-form-urlencoded"
			}
			got := b.send(c.method, c.path, contentType, c.body)
			code := map[int]string{400: "400", 401: "401", 404: "404"}[c.status]
			want := strings.NewReplacer("%CODE%", code, "%TEXT%", http.StatusText(c.status), "%WHY%", c.why).Replace(c.shape)
			begin, end, _ := strings.Cut(want, some)
			if got.Status != c.status || !strings.HasPrefix(got.Body, begin) || !strings.HasSuffix(got.Body, end) || len(got.Body) < len(want) {
				t.Errorf("got  %d %s\nwant %d %s", got.Status, got.Body, c.status, want)
			}
			if got.Header.Get("Content-Type") != "application/json; charset=utf-8" {
				t.Errorf("Content-Type is %q", got.Header.Get("Content-Type"))
			}
		})
	}
}

// A request that breaks off is answered, if there is still someone to hear it.
func TestErrors_halfARequest(t *testing.T) {
	t.Parallel()
	srv := start(t)
	conn, err := srv.DialContext(t.Context(), "tcp", "")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const half = "POST /auth/login HTTP/1.1\r\nHost: queup.test\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n" +
		`{"username":"bot","password":"secret"}`
	if _, err := io.WriteString(conn, half); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
		t.Errorf("%v: %s", err, answer)
	}
}

func TestWithoutSession_protectedCallsAreRedirected(t *testing.T) {
	t.Parallel()
	srv := start(t)
	b := newBrowser(t, srv)
	id := srv.Room("lounge").ID()
	for _, c := range [][2]string{
		{"GET", "/auth/session"},
		{"POST", "/room/" + id + "/users"},
		{"DELETE", "/room/" + id + "/users"},
		{"GET", "/room/" + id + "/playlist/details"},
		{"POST", "/chat/" + id}, // without a message too: the session comes first
	} {
		got := b.send(c[0], c[1], "", "")
		if got.Status != http.StatusFound || got.Header.Get("Location") != "/auth/login" || !strings.HasPrefix(got.Body, "<p>") {
			t.Errorf("%v: %d to %q: %s", c, got.Status, got.Header.Get("Location"), got.Body)
		}
	}
	// Express has no words for those who want JSON, and DubAPI could not parse them.
	for accept, words := range map[string]bool{"application/json": false, "application/json, */*": true, "text/html": true} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL()+"/auth/session", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", accept)
		if got := b.do(req); got.Status != http.StatusFound || got.Header.Get("Location") != "/auth/login" || words != (got.Body != "") {
			t.Errorf("Accept %s: %d %s", accept, got.Status, got.Body)
		}
	}
	// What a client reads that follows the redirect.
	if got := b.get("/auth/login"); got.Status != http.StatusOK || string(got.data(t)) != `{"message":"dologin"}` {
		t.Errorf("GET /auth/login: %d %s", got.Status, got.Body)
	}
	// What needs no session.
	for _, path := range []string{"/auth/token", "/auth/logout", "/room/lounge", "/room/" + id + "/users", "/room/" + id + "/playlist/active"} {
		if got := b.get(path); got.Status != http.StatusOK {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
	}
}

func TestSession_endsWithLogoutAndWhenItExpires(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice, bob := login(t, srv, "alice"), login(t, srv, "bob")
	if got := alice.get("/auth/logout"); got.Status != http.StatusOK {
		t.Fatalf("logout: %d", got.Status)
	}
	if got := alice.get("/auth/session"); got.Status != http.StatusFound {
		t.Errorf("alice after the logout: %d", got.Status)
	}
	if got := bob.get("/auth/session"); got.Status != http.StatusOK {
		t.Errorf("bob after alice's logout: %d", got.Status)
	}
	srv.ExpireSessions()
	if got := bob.get("/auth/session"); got.Status != http.StatusFound {
		t.Errorf("bob after all sessions expired: %d", got.Status)
	}
	if got := bob.token(); len(got.ClientID) != 32 {
		t.Errorf("bob's token after all sessions expired is for %q, want a guest", got.ClientID)
	}
}

func TestToken_isForTheAccountOrAGuest(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice := login(t, srv, "alice")
	me := as[wire.User](t, alice.get("/auth/session"))
	token := alice.token()
	if token.Action != 17 || token.ClientID != string(me.ID) || strings.Count(token.Token, ".") != 2 || len(token.ReqID) != 32 {
		t.Errorf("alice's token is %+v", token)
	}
	if again := alice.token(); again.Token == token.Token {
		t.Error("two tokens are the same")
	}
	if guest := newBrowser(t, srv).token(); len(guest.ClientID) != 32 {
		t.Errorf("the guest's client id is %q, want 32 digits", guest.ClientID)
	}
}

func TestRoom_isFoundByIDAndSlugAndEmbedsItsOwner(t *testing.T) {
	t.Parallel()
	srv := start(t)
	b := newBrowser(t, srv)
	bySlug := as[wire.Room](t, b.get("/room/lounge"))
	byID := as[wire.Room](t, b.get("/room/"+srv.Room("lounge").ID()))
	if d := cmp.Diff(bySlug, byID); d != "" {
		t.Errorf("by id and by slug differ:\n%s", d)
	}
	if bySlug.Owner.Username != "owner" || bySlug.OwnerID != bySlug.Owner.ID || bySlug.ActiveUsers != 5 ||
		bySlug.RealTimeChannel != "dubtrackfm-lounge" || bySlug.CurrentSong.Name == "" || bySlug.Display != "public" {
		t.Errorf("room is %+v", bySlug)
	}
}

func TestJoin_answersRoomAndOwnRecordWithIDs(t *testing.T) {
	t.Parallel()
	srv := start(t, queuptest.ClassicRoles())
	bot := login(t, srv, "bot")
	// A library that names a type for an empty body is no reason to fail.
	got := as[wire.JoinResult](t, bot.send("POST", "/room/"+srv.Room("lounge").ID()+"/users", "application/octet-stream", ""))
	if got.Room.Slug != "lounge" || got.Room.Owner.Username != "" || got.Room.Owner.ID == "" {
		t.Errorf("room is %+v", got.Room)
	}
	if got.User.User.Username != "" || got.User.User.ID != got.User.UserID || got.User.Role.Type != "co-owner" || !got.User.Active {
		t.Errorf("record is %+v", got.User)
	}
	if want := []string{"alice", "bob", "bot", "carol", "mod", "owner"}; !slices.Equal(srv.Room("lounge").Members(), want) {
		t.Errorf("members are %v", srv.Room("lounge").Members())
	}
}

func TestJoin_privateRoom(t *testing.T) {
	t.Parallel()
	world := queuptest.DefaultWorld()
	world.Rooms[0].Password = "sesame"
	srv := start(t, queuptest.WithWorld(world))
	path := "/room/" + srv.Room("lounge").ID() + "/users"
	if got := login(t, srv, "bot").post(path, url.Values{"password-room": {"sesame"}}); got.Status != http.StatusOK {
		t.Errorf("with the password: %d %s", got.Status, got.Body)
	}
	if got := login(t, srv, "owner").send("POST", path, "", ""); got.Status != http.StatusOK {
		t.Errorf("the owner: %d %s", got.Status, got.Body)
	}
	if room := as[wire.Room](t, newBrowser(t, srv).get("/room/lounge")); room.Display != "private" || room.Password != "" {
		t.Errorf("room is %+v", room)
	}
}

func TestRoomUsers_haveAccountAndRole(t *testing.T) {
	t.Parallel()
	srv := start(t, queuptest.ClassicRoles())
	users := as[wire.RoomUsers](t, newBrowser(t, srv).get("/room/"+srv.Room("lounge").ID()+"/users"))
	got := map[string]string{}
	for _, u := range users {
		got[u.User.Username] = u.Role.Type
		if u.User.ID != u.UserID || u.RoomID == "" || u.ID == "" || !u.Active {
			t.Errorf("record is %+v", u)
		}
		if u.User.Username == "mod" && (u.Role.Label != "Moderator" || !slices.Contains(u.Role.Rights, "kick")) {
			t.Errorf("mod's role is %+v", u.Role)
		}
	}
	want := map[string]string{"alice": "", "bob": "", "carol": "", "mod": "mod", "owner": ""}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("roles (-want +got):\n%s", d)
	}
}

func TestQueue_isTheFirstSongOfEachDJWithoutMedia(t *testing.T) {
	t.Parallel()
	srv := start(t)
	b := login(t, srv, "bot")
	room := "/room/" + srv.Room("lounge").ID()
	active := as[wire.ActiveSong](t, b.get(room+"/playlist/active"))
	if active.Song.Length != 3*time.Minute || active.Play.Length != 3*time.Minute || active.Play.SongID != active.Song.ID ||
		!active.Play.Active || active.Play.PlayedAt.IsZero() || active.Elapsed > time.Minute {
		t.Errorf("active is %+v", active)
	}
	queue := as[wire.Plays](t, b.get(room+"/playlist/details"))
	var got []string
	for i, p := range queue {
		song := as[wire.Song](t, b.get("/song/"+string(p.SongID)))
		got = append(got, p.User.Username+": "+song.Name)
		if p.Song.ID != "" || !p.PlayedAt.IsZero() || p.Length != song.Length || p.Order != int64(i+1) {
			t.Errorf("entry is %+v", p)
		}
	}
	order := map[string]int64{}
	for _, u := range as[wire.RoomUsers](t, b.get(room+"/users")) {
		order[u.User.Username] = u.Order
	}
	if d := cmp.Diff(map[string]int64{"bob": 1, "carol": 2, "alice": 99999, "mod": 99999, "owner": 99999}, order); d != "" {
		t.Errorf("places in the queue (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"bob: Nine & Dime - Corner Shop", `carol: The Attic - "Dust" (Live)`}, got); d != "" {
		t.Errorf("queue (-want +got):\n%s", d)
	}
}

// Every private operation of this part sends who is not logged in to the login, before it looks at anything else.
func TestSite_privateOperationsNeedASession(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, start(t))
	for _, c := range [][2]string{
		{"GET", "/playlist"},
		{"POST", "/playlist"},
		{"PUT", "/playlist/x"},
		{"DELETE", "/playlist/x"},
		{"GET", "/playlist/x/songs"},
		{"POST", "/playlist/x/songs"},
		{"DELETE", "/playlist/x/songs/y"},
		{"POST", "/playlist/x/order"},
		{"POST", "/playlist/x/order/randomize"},
		{"GET", "/playlist/soundcloud"},
		{"POST", "/playlist/import/youtube"},
		{"POST", "/playlist/import/soundcloud"},
		{"GET", "/message"},
		{"POST", "/message"},
		{"GET", "/message/new"},
		{"GET", "/message/x"},
		{"POST", "/message/x"},
		{"POST", "/message/x/read"},
		{"POST", "/user/updateUsername"},
		{"POST", "/user/image"},
		{"POST", "/user/imagegif"},
		{"POST", "/user/x/following"},
		{"DELETE", "/user/x/following"},
		{"GET", "/song"},
		{"POST", "/song/x/comments"},
		{"DELETE", "/song/x/comments/y"},
		{"POST", "/comments/x/dubs"},
		{"POST", "/comments/x/flag"},
		{"POST", "/room"},
		{"POST", "/room/x/image"},
	} {
		if got := b.send(c[0], c[1], "", ""); got.Status != http.StatusFound || got.Header.Get("Location") != "/auth/login" {
			t.Errorf("%v: %d to %q: %s", c, got.Status, got.Header.Get("Location"), got.Body)
		}
	}
}
