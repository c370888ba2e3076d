package queuptest_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/testkit/canary"
)

func TestUser_isFoundByIDAndByNameInAnyCase(t *testing.T) {
	t.Parallel()
	srv := start(t)
	b := newBrowser(t, srv)
	byName := as[wire.User](t, b.get("/user/alice"))
	if byName.Username != "alice" || byName.UserInfo.UserID != byName.ID || byName.Status != 1 || byName.Created.IsZero() {
		t.Errorf("alice is %+v", byName)
	}
	for _, key := range []string{"ALICE", string(byName.ID)} {
		if d := cmp.Diff(byName, as[wire.User](t, b.get("/user/"+key))); d != "" {
			t.Errorf("by %s (-by name +got):\n%s", key, d)
		}
	}
	for _, key := range []string{"nobody", "65b2a1c0d4e8b900ffffffff", "alice@example.com"} {
		b.get("/user/"+key).refused(t, 404, shapeE1, "User not found")
	}
}

// A new name shows in the profile, the next chat line and the roster; one logs in with it, and the old one is free.
func TestUpdateUsername(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice, listener := login(t, srv, "alice"), newBrowser(t, srv).listen()
	id := alice.me().ID
	if got := as[wire.UsernameChange](t, alice.post("/user/updateUsername", url.Values{"username": {"al.ice-2"}})); got.Username != "al.ice-2" {
		t.Errorf("answer is %+v", got)
	}
	listener.silent()
	if me := alice.me(); me.Username != "al.ice-2" || me.ID != id {
		t.Errorf("session is %+v", me)
	}
	srv.Room("lounge").Say("AL.ICE-2", "hi")
	if e := event[*wire.ChatMessage](listener); e.User.Username != "al.ice-2" || e.User.ID != id {
		t.Errorf("chat is from %+v", e.User)
	}
	if got := srv.Room("lounge").Members()[0]; got != "al.ice-2" {
		t.Errorf("first member is %s", got)
	}
	alice.get("/user/alice").refused(t, 404, shapeE1, "User not found")
	login(t, srv, "al.ice-2")
	newBrowser(t, srv).post("/auth/login", url.Values{"username": {"alice"}, "password": {canary.Password}}).
		refused(t, 400, shapeE2, "Wrong username or password")
	if got := as[wire.UsernameChange](t, login(t, srv, "bob").post("/user/updateUsername", url.Values{"username": {"alice"}})); got.Username != "alice" {
		t.Errorf("bob's answer is %+v", got)
	}
	// What the server started with does not change, and the log names who it was then.
	if got := srv.World().Users[3].Name; got != "alice" {
		t.Errorf("the world's user is %s", got)
	}
}

func TestUpdateUsername_refusals(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice := login(t, srv, "alice")
	for _, name := range []string{"bob", "BOB"} { // taken: an answer without a name
		if got := alice.post("/user/updateUsername", url.Values{"username": {name}}); got.Status != http.StatusOK || string(got.data(t)) != `{}` {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	for _, name := range []string{"", "a b", "é", "a@b", strings.Repeat("x", 31), "65b2a1c0d4e8b90000000001"} {
		alice.post("/user/updateUsername", url.Values{"username": {name}}).
			refused(t, 400, shapeE1, "A username has 1 to 30 letters, digits, dots, hyphens and underscores")
	}
	if got := alice.me().Username; got != "alice" {
		t.Errorf("the name is %s", got)
	}
	if got := as[wire.UsernameChange](t, alice.post("/user/updateUsername", url.Values{"username": {"Alice"}})); got.Username != "Alice" {
		t.Errorf("one's own name in another case: %+v", got)
	}
}

func TestUsernameAvailability(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, start(t))
	for name, taken := range map[string]bool{"alice": true, "ALICE": true, "free": false, "": false} {
		got := as[wire.UsernameAvailability](t, b.get("/user/query/availabilty?username="+name))
		if got.Taken != taken || got.Username != name {
			t.Errorf("%q: %+v", name, got)
		}
	}
}

func TestFollow(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice, bob := login(t, srv, "alice"), login(t, srv, "bob")
	a, b := userID(alice, "alice"), userID(alice, "bob")
	rows := func(path string) (rows [][2]string) {
		for _, f := range as[wire.Follows](t, newBrowser(t, srv).get(path)) {
			if len(f.ID) != 24 || time.Since(f.Created) > time.Minute {
				t.Errorf("row is %+v", f)
			}
			rows = append(rows, [2]string{string(f.FollowerID), string(f.FollowedID)})
		}
		return rows
	}
	follow := func(from *browser, id string) reply {
		return from.send(http.MethodPost, "/user/"+id+"/following", "", "")
	}
	follow(alice, b).done(t)
	follow(alice, b).done(t) // twice is once
	follow(bob, a).done(t)
	for path, want := range map[string][][2]string{
		"/user/" + b + "/following": {{a, b}}, // those who follow bob, whatever the path says
		"/user/" + b + "/follows":   {{b, a}},
		"/user/" + a + "/following": {{b, a}},
		"/user/" + a + "/follows":   {{a, b}},
	} {
		if d := cmp.Diff(want, rows(path)); d != "" {
			t.Errorf("%s (-want +got):\n%s", path, d)
		}
	}
	alice.delete("/user/" + b + "/following").done(t)
	alice.delete("/user/" + b + "/following").done(t)
	if got := rows("/user/" + b + "/following"); len(got) != 0 {
		t.Errorf("bob's followers are %v", got)
	}
	if got := rows("/user/" + a + "/following"); len(got) != 1 {
		t.Errorf("alice's followers are %v", got)
	}
	follow(alice, a).refused(t, 400, shapeE1, "You cannot follow yourself")
	const nobody = "65b2a1c0d4e8b900ffffffff"
	for _, got := range []reply{
		follow(alice, nobody),
		alice.delete("/user/" + nobody + "/following"),
		alice.get("/user/" + nobody + "/following"),
		alice.get("/user/" + nobody + "/follows"),
	} {
		got.refused(t, 404, shapeE1, "User not found")
	}
}

func TestLoginDubtrack_isLogin(t *testing.T) {
	t.Parallel()
	srv := start(t)
	b := newBrowser(t, srv)
	b.post("/auth/dubtrack", url.Values{"username": {"alice"}, "password": {canary.Password}}).done(t)
	if got := b.me().Username; got != "alice" {
		t.Errorf("logged in as %s", got)
	}
	b = newBrowser(t, srv)
	b.postJSON("/auth/dubtrack", `{"username":"bob","password":"secret"}`).done(t)
	if got := b.me().Username; got != "bob" {
		t.Errorf("logged in as %s", got)
	}
	b.post("/auth/dubtrack", url.Values{"username": {"alice"}, "password": {"x"}}).refused(t, 400, shapeE2, "Wrong username or password")
}

func signUpForm() url.Values {
	return url.Values{
		"email": {"dave@elsewhere.net"}, "username": {"dave"}, "password": {"s3cret"}, "password2": {"s3cret"},
		"g-recaptcha-response": {"anything"},
	}
}

// Who signs up is a user like the others.
func TestSignUp(t *testing.T) {
	t.Parallel()
	srv := start(t)
	b := newBrowser(t, srv)
	b.post("/auth/signup", signUpForm()).done(t)
	if got := b.get("/auth/session"); got.Status != http.StatusFound {
		t.Errorf("signing up logs in: %d", got.Status)
	}
	for _, name := range []string{"dave", "dave@elsewhere.net"} {
		b.post("/auth/login", url.Values{"username": {name}, "password": {"s3cret"}}).done(t)
		if me := b.me(); me.Username != "dave" || len(me.ID) != 24 {
			t.Errorf("session is %+v", me)
		}
	}
	b.post("/auth/login", url.Values{"username": {"dave@example.com"}, "password": {"s3cret"}}).
		refused(t, 400, shapeE2, "Wrong username or password")
	if got := as[wire.JoinResult](t, b.send(http.MethodPost, "/room/"+srv.Room("lounge").ID()+"/users", "", "")); got.User.UserID != b.me().ID {
		t.Errorf("joined as %+v", got.User)
	}
	srv.Room("lounge").Say("dave", "hello")
	if n := len(srv.World().Users); n != 6 {
		t.Errorf("the server started with %d users", n)
	}
	for _, e := range srv.Log() {
		if strings.Contains(e.Body, "s3cret") {
			t.Errorf("the log has a password: %v", e)
		}
	}
}

func TestSignUp_refusals(t *testing.T) {
	t.Parallel()
	srv := start(t)
	b := newBrowser(t, srv)
	for name, c := range map[string]struct{ key, value, text string }{
		"no address":      {"email", "dave", "A valid email address is required"},
		"long address":    {"email", strings.Repeat("x", 250) + "@x", "A valid email address is required"},
		"known address":   {"email", "Alice@Example.com", "The email address is taken"},
		"no name":         {"username", "", "A username has 1 to 30 letters, digits, dots, hyphens and underscores"},
		"known name":      {"username", "ALICE", "The username is taken"},
		"no password":     {"password", "", "The passwords are empty or differ"},
		"other passwords": {"password2", "x", "The passwords are empty or differ"},
		"no captcha":      {"g-recaptcha-response", "", "The captcha is required"},
	} {
		form := signUpForm()
		form.Set(c.key, c.value)
		if c.key == "password" {
			form.Set("password2", c.value)
		}
		t.Run(name, func(t *testing.T) { b.post("/auth/signup", form).refused(t, 400, shapeE2, c.text) })
	}
	b.get("/user/dave").refused(t, 404, shapeE1, "User not found")
}

func TestResetPassword(t *testing.T) {
	t.Parallel()
	srv := start(t)
	b := newBrowser(t, srv)
	b.post("/auth/reset", url.Values{"email": {"nobody@example.com"}}).refused(t, 400, shapeE2, "No account has this email address")
	b.post("/auth/reset", url.Values{"email": {"alice@example.com"}}).done(t)
	old := srv.ResetToken("alice")
	b.post("/auth/reset", url.Values{"email": {"Alice@example.com"}}).done(t)
	token := srv.ResetToken("Alice")
	change := func(token, password, again string) reply {
		return b.post("/auth/change-password", url.Values{"token": {token}, "password": {password}, "password2": {again}})
	}
	change(old, "new", "new").refused(t, 400, shapeE2, "The token is invalid")
	change("", "new", "new").refused(t, 400, shapeE2, "The token is invalid")
	change(token, "new", "old").refused(t, 400, shapeE2, "The passwords are empty or differ")
	change(token, "", "").refused(t, 400, shapeE2, "The passwords are empty or differ")
	change(token, "new", "new").done(t)
	change(token, "newer", "newer").refused(t, 400, shapeE2, "The token is invalid") // good for once
	b.post("/auth/login", url.Values{"username": {"alice"}, "password": {canary.Password}}).refused(t, 400, shapeE2, "Wrong username or password")
	b.post("/auth/login", url.Values{"username": {"alice"}, "password": {"new"}}).done(t)
	for _, e := range srv.Log() {
		if strings.Contains(e.Body, token) {
			t.Errorf("the log has the token: %v", e)
		}
	}
	defer func() {
		if v := recover(); v != `queuptest: "bob" did not ask for a new password` {
			t.Errorf("panic is %v", v)
		}
	}()
	srv.ResetToken("bob")
}

// Names are read and written at the same time, by REST, by websockets and by the log.
func TestUpdateUsername_whileOthersLook(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice, bob := login(t, srv, "alice"), login(t, srv, "bob")
	atAlice := alice.listenOwn()
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				_ = srv.World()
				_ = srv.Room("lounge").Members()
				_ = srv.Log()
			}
		}
	}()
	for _, name := range []string{"a1", "a2", "a3", "alice"} {
		as[wire.UsernameChange](t, alice.post("/user/updateUsername", url.Values{"username": {name}}))
		atAlice.silent()
		as[wire.User](t, bob.get("/user/"+name))
	}
	close(stop)
	<-stopped
}

// A changed name is seen in the next line, and nowhere before.
func TestRename(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.room.Rename("alice", "alison")
	s.hears()
	s.room.Say("alison", "it is me")
	if e := at[*wire.ChatMessage](t, s.hears("chat-message"), 0); e.User.Username != "alison" || string(e.User.ID) != s.fill("{alice}") {
		t.Errorf("event is %s", e.RawJSON())
	}
	if !slices.Contains(s.room.Members(), "alison") {
		t.Errorf("members are %v", s.room.Members())
	}
}
