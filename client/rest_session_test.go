package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/internal/testkit/canary"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/queuptest"
)

func TestSession_expiredLogsInAgainAndRepeats(t *testing.T) {
	var logins, posts int
	var bodies []string
	valid := false
	bot := newClient(t, func(req *http.Request) answer {
		switch req.URL.Path {
		case "/auth/login":
			logins++
			valid = true
			return ok(`{}`)
		case "/auth/session":
			return ok(`{"_id":"65b2a1c0d4e8b90012ab0001","username":"mixmaster"}`)
		case "/chat/65a1f0c2d4e8b90012ab34cd":
			posts++
			body, _ := io.ReadAll(req.Body)
			bodies = append(bodies, string(body))
			if !valid {
				return toLogin()
			}
			return ok(`{"chatid":"65b2a1c0d4e8b90012ab0001-1","message":"hi"}`)
		}
		return answer{status: 404, body: `{}`}
	})
	if err := bot.Login(t.Context(), "mixmaster", canary.Password); err != nil {
		t.Fatal(err)
	}
	valid = false
	answer, err := bot.REST().PostChat(t.Context(), &queupapi.PostChatApplicationJSON{Message: "hi"}, queupapi.PostChatParams{RoomID: "65a1f0c2d4e8b90012ab34cd"})
	if err != nil || answer.Data.ID != "65b2a1c0d4e8b90012ab0001-1" {
		t.Fatalf("PostChat = %+v, %v", answer, err)
	}
	if logins != 2 || posts != 2 || bodies[0] != bodies[1] || bodies[1] == "" {
		t.Errorf("%d logins, %d posts, bodies %q", logins, posts, bodies)
	}
}

func TestSession_manyCallsLogInOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logins atomic.Int32
		var valid atomic.Bool
		bot := newClient(t, func(req *http.Request) answer {
			time.Sleep(100 * time.Millisecond) // of virtual time: all calls are under way together
			switch {
			case req.URL.Path == "/auth/login":
				logins.Add(1)
				valid.Store(true)
				return ok(`{}`)
			case !valid.Load():
				return toLogin()
			}
			return ok(`{"_id":"65b2a1c0d4e8b90012ab0001","username":"mixmaster"}`)
		})
		if err := bot.Login(t.Context(), "mixmaster", canary.Password); err != nil {
			t.Fatal(err)
		}
		valid.Store(false)
		failed := make(chan error, 20)
		for range cap(failed) {
			go func() {
				_, err := bot.REST().Session(t.Context())
				failed <- err
			}()
		}
		for range cap(failed) {
			if err := <-failed; err != nil {
				t.Error(err)
			}
		}
		if n := logins.Load(); n != 2 {
			t.Errorf("%d logins, want the first and one more", n)
		}
	})
}

func TestSession_thatCannotBeRenewed(t *testing.T) {
	t.Run("the password is no longer good", func(t *testing.T) {
		good := true
		bot := newClient(t, func(req *http.Request) answer {
			switch {
			case !good && req.URL.Path == "/auth/login":
				return answer{status: 400, body: `{"code":400,"data":{"details":{"message":"Invalid credentials"}}}`}
			case !good:
				return toLogin()
			}
			return ok(`{"_id":"65b2a1c0d4e8b90012ab0001","username":"mixmaster"}`)
		})
		if err := bot.Login(t.Context(), "mixmaster", canary.Password); err != nil {
			t.Fatal(err)
		}
		good = false
		err := fetchRoom(t.Context(), bot)
		if !errors.Is(err, client.ErrSessionExpired) || !errors.Is(err, client.ErrUnauthorized) {
			t.Errorf("err = %v, want ErrSessionExpired", err)
		}
		if _, ok := errors.AsType[*client.AuthorizationError](err); !ok {
			t.Errorf("err = %v does not tell that the login was refused", err)
		}
	})
	t.Run("QueUp redirects for ever", func(t *testing.T) {
		requests := 0
		bot := newClient(t, func(req *http.Request) answer {
			if req.URL.Path == "/auth/login" || req.URL.Path == "/auth/session" {
				return ok(`{"_id":"65b2a1c0d4e8b90012ab0001","username":"mixmaster"}`)
			}
			if req.URL.Path == "/room/night-room" {
				requests++
			}
			return toLogin()
		})
		if err := bot.Login(t.Context(), "mixmaster", canary.Password); err != nil {
			t.Fatal(err)
		}
		if err := fetchRoom(t.Context(), bot); !errors.Is(err, client.ErrSessionExpired) || requests != 2 {
			t.Errorf("err = %v after %d requests", err, requests)
		}
	})
	t.Run("nobody has logged in", func(t *testing.T) {
		bot := newClient(t, func(*http.Request) answer { return toLogin() })
		if err := fetchRoom(t.Context(), bot); !errors.Is(err, client.ErrNotLoggedIn) || !errors.Is(err, client.ErrUnauthorized) {
			t.Errorf("err = %v, want ErrNotLoggedIn", err)
		}
	})
}

func TestLogin_refused(t *testing.T) {
	bot := newClient(t, func(*http.Request) answer {
		return answer{status: 400, body: `{"code":400,"message":"Bad Request","data":{"details":{"message":"Invalid username or password"}}}`}
	})
	err := bot.Login(t.Context(), "mixmaster", "hunter2")
	refusal, ok := errors.AsType[*client.AuthorizationError](err)
	if !ok || !strings.Contains(refusal.Error(), "Invalid username or password") {
		t.Fatalf("err = %v", err)
	}
	if details, ok := errors.AsType[*client.APIError](err); !ok || details.Status != 400 || details.Op != "login" {
		t.Errorf("details = %v", details)
	}
	if bot.LoggedIn() {
		t.Error("logged in all the same")
	}
	for _, text := range []string{fmt.Sprintf("%v %+v %#v", err, err, err), fmt.Sprintf("%v %+v %#v", bot, bot, bot)} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("the password stands in %s", text)
		}
	}
}

// A host or a proxy that lets nobody through says nothing about the password.
func TestLogin_refusedBySomebodyElse(t *testing.T) {
	for _, status := range []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden} {
		err := newClient(t, func(*http.Request) answer {
			return answer{status: status, body: "<html>Just a moment...</html>", header: http.Header{"Content-Type": {"text/html"}}}
		}).Login(t.Context(), "mixmaster", canary.Password)
		if _, ok := errors.AsType[*client.AuthorizationError](err); ok || err == nil {
			t.Errorf("a page with status %d = %v, want no *AuthorizationError", status, err)
		}
		if refusal, ok := errors.AsType[*client.APIError](err); !ok || refusal.Status != status {
			t.Errorf("err = %v, want an *APIError", err)
		}
	}
}

// A login that fails halfway changes nothing: nobody is logged in before, and the first account after.
func TestLogin_thatFailsHalfway(t *testing.T) {
	sessions := 0
	bot := newClient(t, func(req *http.Request) answer {
		if req.URL.Path == "/auth/session" {
			if sessions++; sessions != 2 {
				return answer{status: 500, body: `{}`}
			}
		}
		return ok(`{"_id":"65b2a1c0d4e8b90012ab0001","username":"mixmaster"}`)
	})
	for try, fails := range []bool{true, false, true} {
		if err := bot.Login(t.Context(), "mixmaster", canary.Password); (err != nil) != fails {
			t.Fatalf("login %d: %v", try+1, err)
		}
		if _, known := bot.User(); known != (try > 0) || bot.LoggedIn() != known {
			t.Errorf("after login %d: LoggedIn() = %v, User() = %v", try+1, bot.LoggedIn(), known)
		}
	}
}

func TestLogin_arguments(t *testing.T) {
	bot := newClient(t, func(*http.Request) answer { t.Error("a request was sent"); return ok(`{}`) })
	for _, pair := range [][2]string{{"", canary.Password}, {"  ", canary.Password}, {"mixmaster", ""}} {
		if _, ok := errors.AsType[*client.ArgumentError](bot.Login(t.Context(), pair[0], pair[1])); !ok {
			t.Errorf("Login(%q, %q) is no *ArgumentError", pair[0], pair[1])
		}
	}
}

// A call that another account had begun brings a cookie with its answer, as Express does with rolling sessions.
func TestLogin_keepsItsSessionWhenAnOldAnswerSetsACookie(t *testing.T) {
	accountStage(t, http.MethodGet, "/user/carol", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		login := httptest.NewRequestWithContext(req.Context(), http.MethodPost, "/auth/login", strings.NewReader("username=bot&password=secret"))
		login.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		session := httptest.NewRecorder()
		next.ServeHTTP(session, login)
		w.Header()["Set-Cookie"] = session.Header()["Set-Cookie"]
		answerLate(w, req, next, 20*time.Second)
	}, func(t *testing.T, server *queuptest.Server) {
		bot := newBot(t, server)
		if err := bot.Login(t.Context(), "bot", canary.Password); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = bot.FetchUser(t.Context(), "carol") }()
		settle(time.Second)
		if err := bot.Login(t.Context(), "mod", canary.Password); err != nil {
			t.Fatal(err)
		}
		if err := bot.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		room, err := bot.JoinRoom(t.Context(), "lounge")
		if err != nil {
			t.Fatal(err)
		}
		settle(time.Minute) // the answer has come
		if who := speaker(t, server, room); who != "mod" {
			t.Errorf("QueUp heard %q, want mod", who)
		}
	})
}

func TestLogin_asAnotherAccountWhileConnected(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot")
		err := bot.Login(t.Context(), "mod", canary.Password)
		if !isArgument(err) || !strings.Contains(err.Error(), "Logout first") {
			t.Errorf("Login = %v, want an *ArgumentError that says to call Logout first", err)
		}
		me, _ := bot.User()
		if who := speaker(t, server, room); who != "bot" || me.Username != "bot" {
			t.Errorf("QueUp heard %q, and User() is %q", who, me.Username)
		}
		if err := bot.Login(t.Context(), "bot", canary.Password); err != nil {
			t.Errorf("the same account: %v", err)
		}
		if err := bot.Logout(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := bot.Login(t.Context(), "mod", canary.Password); err != nil {
			t.Errorf("after Logout: %v", err)
		}
	})
}

func TestLogin_whileConnectedAsAGuest(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot := newBot(t, server, client.WithGuest())
		if err := bot.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := bot.Login(t.Context(), "bot", canary.Password); !isArgument(err) {
			t.Errorf("Login = %v, want an *ArgumentError: the websocket stays a guest's", err)
		}
		if bot.LoggedIn() {
			t.Error("LoggedIn() is true")
		}
	})
}

// A login between the token and the websocket leaves no connection of the account before.
func TestConnect_whileTheAccountChanges(t *testing.T) {
	accountStage(t, http.MethodGet, "/auth/token", delay(10*time.Second), func(t *testing.T, server *queuptest.Server) {
		bot := newBot(t, server)
		if err := bot.Login(t.Context(), "bot", canary.Password); err != nil {
			t.Fatal(err)
		}
		connected := make(chan error, 1)
		go func() { connected <- bot.Connect(t.Context()) }()
		settle(time.Second)
		if err := bot.Login(t.Context(), "mod", canary.Password); err != nil {
			t.Fatal(err)
		}
		if err := <-connected; err == nil {
			t.Error("Connect succeeded, with a token of the account before")
		}
		if err := bot.Connect(t.Context()); err != nil {
			t.Errorf("Connect as the new account: %v", err)
		}
	})
}

// A login that fails after QueUp has taken the password leaves the first one as it was: a kick is still about this client.
func TestLogin_thatFailsKeepsTheRoomsOfTheFirst(t *testing.T) {
	var broken atomic.Bool
	accountStage(t, http.MethodGet, "/auth/session", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if broken.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		next.ServeHTTP(w, req)
	}, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot")
		left := record(room, func(e client.RoomLeft) string { return e.Err.Error() })
		broken.Store(true)
		if err := bot.Login(t.Context(), "bot", canary.Password); err == nil {
			t.Fatal("Login succeeded")
		}
		if me, known := bot.User(); !known || me.Username != "bot" || !bot.LoggedIn() {
			t.Errorf("User() = %v, %v, LoggedIn() = %v", me.Username, known, bot.LoggedIn())
		}
		server.Room("lounge").Kick("owner", "bot", "")
		settle(10 * time.Second)
		if room.Joined() || len(left()) != 1 {
			t.Errorf("after a kick: Joined() = %v, RoomLeft %q", room.Joined(), left())
		}
	})
}

// A logout that QueUp does not receive still forgets the session: the client is a guest from then on.
func TestLogout_thatFailsSendsNoCookieAnyMore(t *testing.T) {
	accountStage(t, http.MethodGet, "/auth/logout", func(http.ResponseWriter, *http.Request, http.Handler) {
		panic(http.ErrAbortHandler)
	}, func(t *testing.T, server *queuptest.Server) {
		bot := newBot(t, server, client.WithGuest())
		if err := bot.Login(t.Context(), "bot", canary.Password); err != nil {
			t.Fatal(err)
		}
		if err := bot.Logout(t.Context()); err == nil {
			t.Fatal("Logout succeeded")
		}
		if bot.LoggedIn() {
			t.Error("LoggedIn() is true")
		}
		if err := bot.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := bot.JoinRoom(t.Context(), "lounge"); !errors.Is(err, client.ErrNotLoggedIn) {
			t.Errorf("JoinRoom of a guest = %v, want ErrNotLoggedIn", err)
		}
		if hasBot(server) {
			t.Error("the account that has logged out is in the room")
		}
	})
}

// Two bots that are given the same http.Client are still two accounts.
func TestWithHTTPClient_sharesNoSession(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		shared := client.WithHTTPClient(&http.Client{Jar: jar})
		first, room := joinLounge(t, server, "bot", shared)
		joinLounge(t, server, "mod", shared)
		if who := speaker(t, server, room); who != "bot" {
			t.Errorf("the line of the first bot is one of %q", who)
		}
		if me, _ := first.User(); me.Username != "bot" {
			t.Errorf("the first bot is %q", me.Username)
		}
	})
}

// A session cookie that never comes back is explained, and the password is sent once.
func TestLogin_explainsACookieThatCannotBeUsed(t *testing.T) {
	for name, c := range map[string]struct {
		cookie http.Cookie
		want   string
	}{
		"foreign domain": {http.Cookie{Name: "sid", Value: "v", Path: "/", Domain: "dubtrack.fm"}, `"dubtrack.fm", which does not cover 127.0.0.1`},
		"https only":     {http.Cookie{Name: "sid", Value: "v", Path: "/", Secure: true}, "https only"},
		"expired":        {http.Cookie{Name: "sid", Value: "v", Path: "/", Expires: time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)}, "the clock of this machine"},
		"foreign path":   {http.Cookie{Name: "sid", Value: "v", Path: "/auth/login"}, `"/auth/login" only`},
		"none":           {http.Cookie{}, "set no cookie"},
	} {
		t.Run(name, func(t *testing.T) {
			logins := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if req.URL.Path != "/auth/login" {
					http.Redirect(w, req, "/auth/login", http.StatusFound)
					return
				}
				logins++
				if c.cookie.Name != "" {
					http.SetCookie(w, &c.cookie)
				}
				_, _ = w.Write([]byte(`{"code":200,"message":"OK","data":{}}`))
			}))
			defer server.Close()
			bot, err := client.New(client.WithBaseURL(server.URL))
			if err != nil {
				t.Fatal(err)
			}
			defer bot.Close()
			err = bot.Login(t.Context(), "bot", canary.Password)
			if err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, client.ErrSessionExpired) {
				t.Errorf("Login = %v, want an error that says %q", err, c.want)
			}
			if logins != 1 || bot.LoggedIn() {
				t.Errorf("the password was sent %d times, LoggedIn() = %v", logins, bot.LoggedIn())
			}
		})
	}
}

// Logout does not wait for a QueUp that never answers a renewal longer than its context allows.
func TestLogout_endsWithItsContext(t *testing.T) {
	var stuck atomic.Bool
	accountStage(t, http.MethodPost, "/auth/login", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if stuck.Load() {
			<-req.Context().Done()
			return
		}
		next.ServeHTTP(w, req)
	}, func(t *testing.T, server *queuptest.Server) {
		bot := newBot(t, server)
		if err := bot.Login(t.Context(), "bot", canary.Password); err != nil {
			t.Fatal(err)
		}
		server.ExpireSessions()
		stuck.Store(true)
		go func() { _, _ = bot.FetchConversations(t.Context()) }()
		settle(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		_ = bot.Logout(ctx)
		if took := time.Since(began); took > 2*time.Second || bot.LoggedIn() {
			t.Errorf("Logout took %v, LoggedIn() = %v", took, bot.LoggedIn())
		}
	})
}

func TestLogin_wrongPassword(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		err := newBot(t, server).Login(t.Context(), "bot", "wrong")
		if _, ok := errors.AsType[*client.AuthorizationError](err); !ok {
			t.Errorf("err = %v", err)
		}
	})
}

func TestSession_expiresInTheMiddle(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		server.ExpireSessions()
		if _, err := room.SendMessage(t.Context(), "still me"); err != nil {
			t.Fatal(err)
		}
		logins := 0
		for _, e := range server.Log() {
			if e.In && e.Path == "/auth/login" {
				logins++
			}
		}
		if logins != 2 {
			t.Errorf("%d logins", logins)
		}
	})
}

func TestLogout_andInAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot")
		ended := make(chan error)
		go func() { ended <- bot.Wait() }()
		if err := bot.Logout(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err != nil {
			t.Errorf("Wait = %v", err)
		}
		if _, ok := bot.User(); ok || bot.LoggedIn() || room.Joined() || slices.Contains(server.Room("lounge").Members(), "bot") {
			t.Error("not all is over after Logout")
		}
		ready := record(bot, func(client.Ready) string { return "ready" })
		if err := errors.Join(bot.Login(t.Context(), "bot", canary.Password), bot.Connect(t.Context())); err != nil {
			t.Fatal(err)
		}
		again, err := bot.JoinRoom(t.Context(), "lounge")
		if err != nil || again != room || !room.Joined() {
			t.Errorf("joined again: %v, %v", again, err)
		}
		synctest.Wait()
		expect(t, "ready", ready(), []string{"ready"})
	})
}
