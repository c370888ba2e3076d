package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/internal/testkit/canary"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/queuptest"
)

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
		server := queuptest.NewServer(queuptest.InMemory(), intercept(http.MethodPost, "/chat/", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
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
	if err := bot.Login(t.Context(), "mixmaster", canary.Password); err != nil {
		t.Fatal(err)
	}
	if agent != "mybot/1.0" || cookie != "any-name=abc" {
		t.Errorf("User-Agent %q, Cookie %q", agent, cookie)
	}
}

// As irregular as QueUp's answers get, a bot goes on.
func TestAnswers_irregularOnesBreakNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.Quirks())
		defer server.Close()
		bot, room := joinLounge(t, server, "owner", client.WithRateLimit(0, 0))
		chat := record(room, func(e client.Chat) string { return e.Author.Username + ": " + e.Message.Content })
		odd := record(room, func(e client.Malformed) string { return fmt.Sprint(e.Name, e.Err) })
		unknown := record(room, func(e client.Event) string { return fmt.Sprintf("%T", e) })
		lounge := server.Room("lounge")
		for i := range 40 {
			lounge.Say("bob", fmt.Sprintf("line %d", i))
		}
		lounge.Vote("carol", true)
		for range 10 {
			time.Sleep(time.Minute)
			for song, err := range room.History(t.Context()) {
				if err != nil || song.ID == "" {
					t.Fatalf("history: %+v, %v", song, err)
				}
			}
			members, err := room.FetchMembers(t.Context())
			if err != nil || len(members) < 5 || slices.ContainsFunc(members, func(m client.Member) bool { return m.UserID == "" }) {
				t.Fatalf("members: %v, %v", members, err)
			}
			if _, err := room.FetchQueue(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := bot.FetchUser(t.Context(), "alice"); err != nil {
				t.Fatal(err)
			}
			if _, err := bot.FetchConversations(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		heard := chat()
		if len(heard) != 40 || len(odd()) != 0 || len(unknown()) == 0 {
			t.Errorf("%d of 40 lines heard, malformed: %q", len(heard), odd())
		}
		for i, line := range heard {
			if !strings.HasSuffix(line, fmt.Sprintf(": line %d", i)) {
				t.Errorf("line %d is %q", i, line)
			}
		}
	})
}
