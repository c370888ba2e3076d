package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/queuptest"
)

// A site is QueUp's REST in a test: a function from requests to answers.
type site func(req *http.Request) answer

type answer struct {
	status int
	body   string
	header http.Header
}

func (s site) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	a := s(req)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	header := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	maps.Copy(header, a.header)
	return &http.Response{
		StatusCode:    a.status,
		Header:        header,
		Body:          io.NopCloser(strings.NewReader(a.body)),
		ContentLength: int64(len(a.body)),
		Request:       req,
	}, nil
}

func ok(data string) answer {
	return answer{status: 200, body: `{"code":200,"message":"OK","data":` + data + `}`}
}

func toLogin() answer {
	return answer{status: 302, body: "<html>log in</html>", header: http.Header{"Location": {"/auth/login"}, "Content-Type": {"text/html"}}}
}

func newClient(t *testing.T, s site, opts ...client.Option) *client.Client {
	t.Helper()
	bot, err := client.New(append([]client.Option{client.WithTransport(s)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = bot.Close()
		<-bot.Done()
	})
	return bot
}

// fetchRoom is any call that needs no more than an answer.
func fetchRoom(ctx context.Context, bot *client.Client) error {
	_, err := bot.REST().Room(ctx, queupapi.RoomParams{RoomID: "night-room"})
	return err
}

// The shapes are those of docs/PROTOCOL.md 1.3.
func TestAPIError_findsTheTextInAllShapes(t *testing.T) {
	tests := map[string]struct {
		answer  answer
		message string
		code    string
		is      error
	}{
		"E1 data.err.details.message": {
			answer{status: 404, body: `{"code":404,"message":"Not Found","data":{"err":{"details":{"code":404,"message":"Room not found"},"origin":"method"}}}`},
			"Room not found", "404", client.ErrNotFound,
		},
		"E2 data.details.message": {
			answer{status: 429, body: `{"code":429,"message":"Too Many Requests","data":{"details":{"message":"10 mins"}}}`},
			"10 mins", "", client.ErrRateLimited,
		},
		"E3 data.details.message.message": {
			answer{status: 403, body: `{"code":403,"data":{"details":{"message":{"message":"not for you"}}}}`},
			"not for you", "", client.ErrForbidden,
		},
		"E4 data.err.details.message.err": {
			answer{status: 400, body: `{"code":400,"data":{"err":{"details":{"message":{"err":"invalidPassword"}}}}}`},
			"invalidPassword", "invalidPassword", nil,
		},
		"E5 data.err.message": {
			answer{status: 500, body: `{"code":500,"data":{"err":{"message":"playlist is private"}}}`},
			"playlist is private", "", nil,
		},
		"E6 message": {
			answer{status: 401, body: `{"code":401,"message":"unauthorized action","data":{}}`},
			"unauthorized action", "", client.ErrUnauthorized,
		},
		"E7 a hosting page": {
			answer{status: 503, body: `<html>Application error</html>`, header: http.Header{"Content-Type": {"text/html"}}},
			"answered with text/html instead of JSON", "", nil,
		},
		"null where an object belongs": {
			answer{status: 404, body: `{"code":404,"message":"gone","data":{"err":null,"details":[1]}}`},
			"gone", "", client.ErrNotFound,
		},
		"nothing at all": {
			answer{status: 502},
			"answered without a body", "", nil,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := fetchRoom(t.Context(), newClient(t, func(*http.Request) answer { return tt.answer }))
			refusal, isAPI := errors.AsType[*client.APIError](err)
			if !isAPI {
				t.Fatalf("err = %v, want an *APIError", err)
			}
			if refusal.Message != tt.message || refusal.Code != tt.code || refusal.Status != tt.answer.status {
				t.Errorf("message %q, code %q, status %d; want %q, %q, %d", refusal.Message, refusal.Code, refusal.Status, tt.message, tt.code, tt.answer.status)
			}
			if refusal.Op != "room" || refusal.Method != http.MethodGet || refusal.Path != "/room/night-room" {
				t.Errorf("operation %s, %s %s", refusal.Op, refusal.Method, refusal.Path)
			}
			for _, sentinel := range []error{client.ErrNotFound, client.ErrRateLimited, client.ErrForbidden, client.ErrUnauthorized, client.ErrBanned} {
				if got, want := errors.Is(err, sentinel), errors.Is(tt.is, sentinel); got != want {
					t.Errorf("errors.Is(err, %v) = %v", sentinel, got)
				}
			}
			if text := err.Error(); !strings.Contains(text, "room") || !strings.Contains(text, tt.message) {
				t.Errorf("error text %q", text)
			}
		})
	}
}

func TestAPIError_joining(t *testing.T) {
	word := func(code string) answer {
		return answer{status: 400, body: `{"code":400,"data":{"err":{"details":{"message":{"err":"` + code + `"}}}}}`}
	}
	tests := map[string]struct {
		answer answer
		is     error
	}{
		"banned":             {answer{status: 401, body: `{"code":401,"data":{"err":{"details":{"message":"you are banned"}}}}`}, client.ErrBanned},
		"wrong password":     {word("invalidPassword"), client.ErrRoomPassword},
		"too many passwords": {word("tooManyInvalidPassword"), client.ErrTooManyPasswords},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bot := newClient(t, func(*http.Request) answer { return tt.answer })
			_, err := bot.REST().JoinRoom(t.Context(), queupapi.OptJoinRequest{}, queupapi.JoinRoomParams{RoomID: "65a1f0c2d4e8b90012ab34cd"})
			for _, sentinel := range []error{client.ErrBanned, client.ErrRoomPassword, client.ErrTooManyPasswords} {
				if got, want := errors.Is(err, sentinel), errors.Is(tt.is, sentinel); got != want {
					t.Errorf("errors.Is(%v, %v) = %v", err, sentinel, got)
				}
			}
		})
	}
}

func TestAPIError_retryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tests := map[string]time.Duration{
			"120": 2 * time.Minute,
			time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat): 90 * time.Second,
			"-5":   0,
			"soon": 0,
			"":     0,
		}
		for header, want := range tests {
			err := fetchRoom(t.Context(), newClient(t, func(*http.Request) answer {
				return answer{status: 429, body: `{}`, header: http.Header{"Retry-After": {header}}}
			}))
			refusal, ok := errors.AsType[*client.APIError](err)
			if !ok || refusal.RetryAfter != want {
				t.Errorf("Retry-After %q: %v, want %v", header, err, want)
			}
		}
	})
}

func TestAPIError_bodyIsCappedAndRedacted(t *testing.T) {
	body := `{"message":"no","password":"hunter2","filler":"` + strings.Repeat("x", 10<<10) + `"}`
	err := fetchRoom(t.Context(), newClient(t, func(*http.Request) answer { return answer{status: 500, body: body} }))
	refusal, ok := errors.AsType[*client.APIError](err)
	if !ok {
		t.Fatal(err)
	}
	if n := len(refusal.Body); n < 1000 || n > 4<<10 {
		t.Errorf("%d bytes kept", n)
	}
	if text := fmt.Sprintf("%v %+v %#v %s", err, refusal, refusal, refusal.Body); strings.Contains(text, "hunter2") {
		t.Errorf("the password survives in %.300s", text)
	}
}

func TestAnswers_thatLookGoodAndAreNot(t *testing.T) {
	tests := map[string]struct {
		answer answer
		want   string
	}{
		"HTML with status 200":     {answer{status: 200, body: "<!DOCTYPE html><title>QueUp</title>", header: http.Header{"Content-Type": {"text/html"}}}, "answered with text/html instead of JSON"},
		"nothing with status 200":  {answer{status: 200}, "answered without a body"},
		"a list instead of {}":     {answer{status: 200, body: `[]`}, "room: 200"},
		"a redirect to elsewhere":  {answer{status: 302, header: http.Header{"Location": {"https://evil.example/?token=hunter2"}}}, "answered with a redirect to https://evil.example/?token=***"},
		"an answer without data":   {answer{status: 200, body: `{"code":200,"message":"OK","token":"hunter2"}`}, "room: 200 OK: answered without data"},
		"an envelope that says no": {answer{status: 200, body: `{"code":429,"message":"slow down","data":{}}`}, "room: 429 Too Many Requests: slow down"},
		"an answer that is cut":    {answer{status: 200, body: `{"code":200,"data":{"_id":"65a1`}, "room: 200 OK: answered with JSON that is damaged or cut off"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := fetchRoom(t.Context(), newClient(t, func(*http.Request) answer { return tt.answer }))
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(fmt.Sprintf("%+v %#v", err, err), "hunter2") {
				t.Errorf("err = %+v, want it to say %q", err, tt.want)
			}
			if refusal, ok := errors.AsType[*client.APIError](err); !ok || refusal.Op != "room" || refusal.Path != "/room/night-room" {
				t.Errorf("err = %T, want an *APIError of the call", err)
			}
		})
	}
}

// What opens the websocket is a secret, also in an answer that makes no sense.
func TestToken_standsInNoError(t *testing.T) {
	for name, body := range map[string]string{
		"outside of data":          `{"code":200,"message":"OK","token":"canary"}`,
		"in an answer that is cut": `{"code":200,"message":"OK","data":{"token":"canary"`,
	} {
		t.Run(name, func(t *testing.T) {
			bot := newClient(t, func(*http.Request) answer { return answer{status: 200, body: body} })
			_, err := bot.REST().Token(t.Context())
			if text := fmt.Sprintf("%v %+v %#v", err, err, err); err == nil || strings.Contains(text, "canary") {
				t.Errorf("err = %s, want one without the token", text)
			}
		})
	}
}

func TestAnswers_thatLookBadAndAreNot(t *testing.T) {
	const good = `{"code":"200","message":null,"data":{"_id":"65a1f0c2d4e8b90012ab34cd","name":"Night Room","roomUrl":"night-room"}}`
	tests := map[string]answer{
		"a byte order mark":                 {status: 200, body: "\xef\xbb\xbf" + good},
		"no content type":                   {status: 200, body: good, header: http.Header{"Content-Type": nil}},
		"the wrong content type":            {status: 200, body: good, header: http.Header{"Content-Type": {"text/plain"}}},
		"white space in front":              {status: 200, body: "\r\n " + good + "\n"},
		"a code in quotes, no message text": {status: 200, body: good},
		"members nobody knows":              {status: 200, body: `{"new":1,"code":200,"message":"OK","data":{"_id":"65a1f0c2d4e8b90012ab34cd","name":"Night Room","roomUrl":"night-room","x":[{}]}}`},
	}
	for name, a := range tests {
		t.Run(name, func(t *testing.T) {
			bot := newClient(t, func(*http.Request) answer { return a })
			room, err := bot.REST().Room(t.Context(), queupapi.RoomParams{RoomID: "night-room"})
			if err != nil || room.Data.Name != "Night Room" {
				t.Errorf("room = %+v, %v", room, err)
			}
		})
	}
}

// endless never stops sending.
type endless struct{ sent atomic.Int64 }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	copy(p, `{"data":"`)
	e.sent.Add(int64(len(p)))
	return len(p), nil
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// A RoundTripper need not say what an answer belongs to.
func TestAnswers_withoutTheirRequest(t *testing.T) {
	bot, err := client.New(client.WithTransport(roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusNotFound, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{}`))}, nil
	})))
	if err != nil {
		t.Fatal(err)
	}
	defer bot.Close()
	err = fetchRoom(t.Context(), bot)
	if refusal, ok := errors.AsType[*client.APIError](err); !ok || refusal.Method != http.MethodGet || refusal.Path != "/room/night-room" {
		t.Errorf("err = %v", err)
	}
}

// QueUp may say no in an answer that looks like a yes.
func TestSendMessage_refusedWithStatus200(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), meddle(http.MethodPost, "/chat/", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"code":429,"message":"Too Many Requests","data":{"details":{"message":"10 mins"}}}`)
		}))
		defer server.Close()
		_, room := joinLounge(t, server, "bot")
		m, err := room.SendMessage(t.Context(), "hi")
		if refusal, ok := errors.AsType[*client.APIError](err); !ok || !errors.Is(err, client.ErrRateLimited) || refusal.Message != "10 mins" {
			t.Errorf("SendMessage = %+v, %v", m, err)
		}
	})
}

func TestAnswers_endlessBodyEnds(t *testing.T) {
	for _, status := range []int{200, 500} {
		body := new(endless)
		bot, err := client.New(client.WithTransport(roundTripper(func(req *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(body), Request: req}, nil
		})))
		if err != nil {
			t.Fatal(err)
		}
		err = fetchRoom(t.Context(), bot)
		if err == nil || body.sent.Load() > 40<<20 {
			t.Errorf("status %d: %v after %d bytes", status, err, body.sent.Load())
		}
		if status == 200 && !strings.Contains(err.Error(), "longer than 32 MiB") {
			t.Errorf("err = %v", err)
		}
		_ = bot.Close()
	}
}

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
	if err := bot.Login(t.Context(), "mixmaster", "secret"); err != nil {
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
		if err := bot.Login(t.Context(), "mixmaster", "secret"); err != nil {
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
		if err := bot.Login(t.Context(), "mixmaster", "secret"); err != nil {
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
		if err := bot.Login(t.Context(), "mixmaster", "secret"); err != nil {
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
		}).Login(t.Context(), "mixmaster", "secret")
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
		if err := bot.Login(t.Context(), "mixmaster", "secret"); (err != nil) != fails {
			t.Fatalf("login %d: %v", try+1, err)
		}
		if _, known := bot.User(); known != (try > 0) || bot.LoggedIn() != known {
			t.Errorf("after login %d: LoggedIn() = %v, User() = %v", try+1, bot.LoggedIn(), known)
		}
	}
}

func TestLogin_arguments(t *testing.T) {
	bot := newClient(t, func(*http.Request) answer { t.Error("a request was sent"); return ok(`{}`) })
	for _, pair := range [][2]string{{"", "secret"}, {"  ", "secret"}, {"mixmaster", ""}} {
		if _, ok := errors.AsType[*client.ArgumentError](bot.Login(t.Context(), pair[0], pair[1])); !ok {
			t.Errorf("Login(%q, %q) is no *ArgumentError", pair[0], pair[1])
		}
	}
}

func TestCalls_endWithTheirContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("bot is going home")
	bot := newClient(t, func(*http.Request) answer { cancel(why); return answer{status: 500} })
	cancel(why)
	if err := fetchRoom(ctx, bot); !errors.Is(err, why) || !strings.Contains(err.Error(), "room") {
		t.Errorf("err = %v, want the operation and the cause", err)
	}
}

func TestCalls_endWithClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := newClient(t, func(req *http.Request) answer { <-req.Context().Done(); return answer{} })
		time.AfterFunc(time.Second, func() { _ = bot.Close() })
		if err := fetchRoom(t.Context(), bot); !errors.Is(err, client.ErrClosed) {
			t.Errorf("a call that Close met = %v", err)
		}
		if err := fetchRoom(t.Context(), bot); !errors.Is(err, client.ErrClosed) {
			t.Errorf("a call after Close = %v", err)
		}
	})
}

func TestRequests_carryUserAgentAndCookies(t *testing.T) {
	var agent, cookie string
	bot := newClient(t, func(req *http.Request) answer {
		agent, cookie = req.Header.Get("User-Agent"), req.Header.Get("Cookie")
		a := ok(`{"_id":"65b2a1c0d4e8b90012ab0001","username":"mixmaster"}`)
		a.header = http.Header{"Set-Cookie": {"any-name=abc; Path=/"}}
		return a
	}, client.WithUserAgent("mybot/1.0"))
	if err := bot.Login(t.Context(), "mixmaster", "secret"); err != nil {
		t.Fatal(err)
	}
	if agent != "mybot/1.0" || cookie != "any-name=abc" {
		t.Errorf("User-Agent %q, Cookie %q", agent, cookie)
	}
}
