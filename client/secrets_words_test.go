package client_test

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// wordySecrets are passwords and cookies that stand in error texts anyway: in ours, in those of net/http, in QueUp's.
var wordySecrets = []string{
	"queup", "user", "Found", "site", "session", "login", "refused", "room", "Not", "Unauthorized", "lookup", "password", "UNKNOWN", "dial", "2026",
}

// A secret that is an ordinary word changes neither the type nor the text of an error.
func TestSecretsThatAreWords_changeNoError(t *testing.T) { synctest.Test(t, changeNoError) } // reads are tried again

func changeNoError(t *testing.T) {
	const neutral = "zq7-Neutral-secret"
	want := errorsWithSecret(t, neutral)
	for what, text := range want {
		if strings.Contains(text, "***") {
			t.Fatalf("%s is masked with a secret that nobody quotes: %s", what, text)
		}
	}
	for _, word := range wordySecrets {
		got := errorsWithSecret(t, word)
		for _, what := range slices.Sorted(maps.Keys(want)) {
			if got[what] != want[what] {
				t.Errorf("with the secret %q %s is %q, want %q", word, what, got[what], want[what])
			}
		}
	}
}

// errorsWithSecret returns types and texts of the errors of a client all of whose secrets are the same word.
func errorsWithSecret(t *testing.T, secret string) map[string]string {
	t.Helper()
	refuse := false
	cookie := http.Header{"Set-Cookie": {"sid=" + secret + "; Path=/"}}
	found := make(map[string]string)
	bot := newClient(t, func(req *http.Request) answer {
		switch path := req.URL.Path; {
		case path == "/auth/login" && refuse:
			return answer{status: 401, body: `{"code":401,"message":"Unauthorized","data":{"details":{"message":"Unknown user, login refused: password of the site unknown in 2026"}}}`}
		case path == "/auth/login":
			return answer{status: 200, body: `{"code":200,"message":"OK","data":{}}`, header: cookie}
		case path == "/auth/session":
			return ok(`{"_id":"65b2a1c0d4e8b90012ab0001","username":"mixmaster"}`)
		case strings.HasPrefix(path, "/user/"):
			return answer{status: 404, body: `{"code":404,"message":"Not Found","data":{"err":{"details":{"message":"No such user of the site queup found in a room"}}}}`}
		case strings.HasPrefix(path, "/room/"):
			return answer{status: 502, body: `<html>dial: lookup refused</html>`, header: http.Header{"Content-Type": {"text/html"}}}
		default:
			return toLogin()
		}
	}, client.WithRecentConversations(false), client.WithRateLimit(0, 0))
	if err := bot.Login(t.Context(), "mixmaster", secret); err != nil {
		t.Fatal(err)
	}
	_, err := bot.FetchUser(t.Context(), "nobody")
	answer, isAnswer := errors.AsType[*client.APIError](err)
	found["an unknown user"] = fmt.Sprint(isAnswer, errors.Is(err, client.ErrNotFound), err)
	if isAnswer {
		found["its body"] = string(answer.Body)
	}
	_, err = bot.FetchRoom(t.Context(), "night-room")
	_, isAnswer = errors.AsType[*client.APIError](err)
	found["a host in trouble"] = fmt.Sprint(isAnswer, err)
	refuse = true
	err = bot.Login(t.Context(), "mixmaster", secret)
	_, isRefusal := errors.AsType[*client.AuthorizationError](err)
	found["a refused login"] = fmt.Sprint(isRefusal, err)
	_, err = bot.FetchConversations(t.Context())
	_, isAnswer = errors.AsType[*client.APIError](err)
	_, isRefusal = errors.AsType[*client.AuthorizationError](err)
	found["a refused renewal"] = fmt.Sprint(isAnswer, isRefusal, errors.Is(err, client.ErrSessionExpired), err)
	return found
}

// lost is a transport without a network.
type lost struct{}

func (lost) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: `no such host: "queup", password queup`, Name: "api.queup.net", IsNotFound: true, IsTimeout: true}}
}

// Also where a secret is quoted, and so masked, a network error stays one: the reason is found by type.
func TestSecretsThatAreQuoted_keepTheTypeOfANetworkError(t *testing.T) {
	bot, err := client.New(client.WithTransport(lost{}))
	if err != nil {
		t.Fatal(err)
	}
	defer bot.Close()
	ctx := t.Context()
	err = bot.Login(ctx, "mixmaster", "queup")
	call, isCall := errors.AsType[*client.CallError](err)
	network, isNetwork := errors.AsType[*net.OpError](err)
	name, isName := errors.AsType[*net.DNSError](err)
	if !isCall || !isNetwork || !isName {
		t.Fatalf("a masked error is a CallError: %v, a net.OpError: %v, a net.DNSError: %v", isCall, isNetwork, isName)
	}
	if !call.Timeout() || !network.Timeout() || !name.IsNotFound || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("the masked error has lost what it says: %v", err)
	}
	if strings.Contains(err.Error(), `"queup"`) || strings.Contains(err.Error(), "password queup") {
		t.Errorf("the password got out: %v", err)
	}
}

// A password that is a word of the refusal is tried once: a decision does not depend on what is masked.
func TestSecretsThatAreWords_areNotSentAgainAfterARefusal(t *testing.T) {
	for _, password := range []string{"queup", "login", "Unauthorized", "user"} {
		t.Run(password, func(t *testing.T) {
			var refused atomic.Bool
			var logins atomic.Int32
			synctest.Test(t, func(t *testing.T) {
				world := queuptest.DefaultWorld()
				for i := range world.Users {
					world.Users[i].Password = password
				}
				server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(world),
					meddle(http.MethodPost, "/auth/login", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
						logins.Add(1)
						if refused.Load() {
							w.Header().Set("Content-Type", "application/json")
							w.WriteHeader(http.StatusUnauthorized)
							_, _ = w.Write([]byte(`{"code":401,"message":"Unauthorized","data":{"details":{"message":"queup: login of that user refused"}}}`))
							return
						}
						next.ServeHTTP(w, req)
					}))
				defer server.Close()
				bot := newBot(t, server, client.WithRateLimit(0, 0))
				if err := bot.Login(t.Context(), "bot", password); err != nil {
					t.Fatal(err)
				}
				if err := bot.Connect(t.Context()); err != nil {
					t.Fatal(err)
				}
				refused.Store(true)
				server.ExpireSessions()
				before := logins.Load()
				for range 120 { // half an hour
					_, err := bot.FetchConversations(t.Context())
					if _, is := errors.AsType[*client.AuthorizationError](err); !is {
						t.Fatalf("err = %v, want an *AuthorizationError", err)
					}
					server.CutLinks()
					settle(15 * time.Second)
				}
				if n := logins.Load() - before; n != 1 {
					t.Errorf("a refused password was sent %d times in half an hour, want 1", n)
				}
			})
		})
	}
}

// A room that is gone ends with RoomLeft, whatever its password was.
func TestSecretsThatAreWords_doNotHideTheEndOfARoom(t *testing.T) {
	for _, password := range []string{"Found", "room", "queup"} {
		t.Run(password, func(t *testing.T) {
			var gone atomic.Bool
			synctest.Test(t, func(t *testing.T) {
				world := queuptest.DefaultWorld()
				world.Rooms[0].Password = password
				server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(world),
					meddle(http.MethodGet, "/room/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
						if gone.Load() {
							w.Header().Set("Content-Type", "application/json")
							w.WriteHeader(http.StatusNotFound)
							_, _ = w.Write([]byte(`{"code":404,"message":"Not Found","data":{"err":{"details":{"code":404,"message":"queup: room not Found"}}}}`))
							return
						}
						next.ServeHTTP(w, req)
					}))
				defer server.Close()
				bot := connect(t, server, "bot")
				_, err := bot.JoinRoom(t.Context(), "lounge", client.RoomPassword("a wrong one"))
				if !errors.Is(err, client.ErrRoomPassword) {
					t.Fatalf("JoinRoom with a wrong password = %v", err)
				}
				room, err := bot.JoinRoom(t.Context(), "lounge", client.RoomPassword(password))
				if err != nil {
					t.Fatal(err)
				}
				left := record(room, func(e client.RoomLeft) string { return fmt.Sprint(errors.Is(e.Err, client.ErrNotFound)) })
				gone.Store(true)
				server.CutLinks()
				settle(2 * time.Minute)
				expect(t, "RoomLeft because of ErrNotFound", left(), []string{"true"})
			})
		})
	}
}
