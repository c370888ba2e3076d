package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// accountStage runs a test on virtual time, against a QueUp that hands the requests of a method and path to meddle.
func accountStage(t *testing.T, method, path string, handle func(w http.ResponseWriter, req *http.Request, next http.Handler), test func(t *testing.T, server *queuptest.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), meddle(method, path, handle))
		defer server.Close()
		test(t, server)
	})
}

// speaker says something in the lounge and returns which account QueUp takes it from.
func speaker(t *testing.T, server *queuptest.Server, room *client.Room) string {
	t.Helper()
	if _, err := room.SendMessage(t.Context(), "who am I?"); err != nil {
		t.Fatal(err)
	}
	user := ""
	for _, e := range server.Log() {
		if e.In && e.Method == http.MethodPost && strings.HasPrefix(e.Path, "/chat/") {
			user = e.User
		}
	}
	return user
}

// Q21: a renewal that QueUp answers late must not make the bot talk as the account that has logged out.
func TestQ21_lateRenewal(t *testing.T) {
	for name, other := range map[string]string{"another account": "mod", "the same account": "bot"} {
		t.Run(name, func(t *testing.T) {
			var late atomic.Bool
			accountStage(t, http.MethodPost, "/auth/login", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
				if late.CompareAndSwap(true, false) {
					answerLate(w, req, next, time.Minute)
					return
				}
				next.ServeHTTP(w, req)
			}, func(t *testing.T, server *queuptest.Server) {
				bot := newBot(t, server)
				if err := bot.Login(t.Context(), "bot", "secret"); err != nil {
					t.Fatal(err)
				}
				server.ExpireSessions()
				late.Store(true)
				failed := make(chan error, 1)
				go func() {
					_, err := bot.FetchConversations(t.Context())
					failed <- err
				}()
				settle(time.Second) // the renewal is under way
				if err := bot.Logout(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := bot.Login(t.Context(), other, "secret"); err != nil {
					t.Fatal(err)
				}
				if err := bot.Connect(t.Context()); err != nil {
					t.Fatal(err)
				}
				room, err := bot.JoinRoom(t.Context(), "lounge")
				if err != nil {
					t.Fatal(err)
				}
				settle(2 * time.Minute) // the answer to the renewal has come
				me, _ := bot.User()
				if who := speaker(t, server, room); who != other || me.Username != other {
					t.Errorf("QueUp heard %q, User() is %q, and %q has logged in", who, me.Username, other)
				}
				if err := <-failed; !errors.Is(err, client.ErrNotLoggedIn) {
					t.Errorf("the call under way ended with %v, want ErrNotLoggedIn", err)
				}
			})
		})
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
		if err := bot.Login(t.Context(), "bot", "secret"); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = bot.FetchUser(t.Context(), "carol") }()
		settle(time.Second)
		if err := bot.Login(t.Context(), "mod", "secret"); err != nil {
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
		err := bot.Login(t.Context(), "mod", "secret")
		if !isArgument(err) || !strings.Contains(err.Error(), "Logout first") {
			t.Errorf("Login = %v, want an *ArgumentError that says to call Logout first", err)
		}
		me, _ := bot.User()
		if who := speaker(t, server, room); who != "bot" || me.Username != "bot" {
			t.Errorf("QueUp heard %q, and User() is %q", who, me.Username)
		}
		if err := bot.Login(t.Context(), "bot", "secret"); err != nil {
			t.Errorf("the same account: %v", err)
		}
		if err := bot.Logout(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := bot.Login(t.Context(), "mod", "secret"); err != nil {
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
		if err := bot.Login(t.Context(), "bot", "secret"); !isArgument(err) {
			t.Errorf("Login = %v, want an *ArgumentError: the websocket stays a guest's", err)
		}
		if bot.LoggedIn() {
			t.Error("LoggedIn() is true")
		}
	})
}

// Whoever logs in between the token and the websocket leaves no connection of the account before.
func TestConnect_whileTheAccountChanges(t *testing.T) {
	accountStage(t, http.MethodGet, "/auth/token", slow(10*time.Second), func(t *testing.T, server *queuptest.Server) {
		bot := newBot(t, server)
		if err := bot.Login(t.Context(), "bot", "secret"); err != nil {
			t.Fatal(err)
		}
		connected := make(chan error, 1)
		go func() { connected <- bot.Connect(t.Context()) }()
		settle(time.Second)
		if err := bot.Login(t.Context(), "mod", "secret"); err != nil {
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
		if err := bot.Login(t.Context(), "bot", "secret"); err == nil {
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

// What cannot be told to QueUp is forgotten all the same: the client is a guest from then on.
func TestLogout_thatFailsSendsNoCookieAnyMore(t *testing.T) {
	accountStage(t, http.MethodGet, "/auth/logout", func(http.ResponseWriter, *http.Request, http.Handler) {
		panic(http.ErrAbortHandler)
	}, func(t *testing.T, server *queuptest.Server) {
		bot := newBot(t, server, client.WithGuest())
		if err := bot.Login(t.Context(), "bot", "secret"); err != nil {
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
			err = bot.Login(t.Context(), "bot", "secret")
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
		if err := bot.Login(t.Context(), "bot", "secret"); err != nil {
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
