package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/queuptest"
)

// roundTrip is a transport made of a function.
type roundTrip func(req *http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// led is a webhook that leads into a handler.
func led(to func() http.Handler) *hook {
	return &hook{address: "http://127.0.0.1/", client: &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
		answer := httptest.NewRecorder()
		to().ServeHTTP(answer, req)
		return answer.Result(), nil
	})}}
}

// Two bridges that post to each other, each with a room of its own.
func TestWebhook_joinsTwoBridges(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		lounge, garden := server.Room("lounge"), server.Room("garden")
		var intoLounge, intoGarden http.Handler
		open(t, server, "bot", 1, func(b *bridge) {
			b.join("lounge")
			b.carry("lounge", led(func() http.Handler { return intoGarden }).post)
			intoLounge = b.incoming("lounge")
		})
		open(t, server, "otherbot", 1, func(b *bridge) {
			b.join("garden")
			b.carry("garden", led(func() http.Handler { return intoLounge }).post)
			intoGarden = b.incoming("garden")
		})
		for _, text := range []string{"one", "two"} {
			lounge.Say("alice", text)
		}
		time.Sleep(time.Minute)
		server.CutLinks()
		garden.Say("bob", "three")
		time.Sleep(time.Minute)
		synctest.Wait()
		if got, want := said(garden, "otherbot"), []string{"⇄ alice: one", "⇄ alice: two"}; !slices.Equal(got, want) {
			t.Errorf("in the garden %q, want %q", got, want)
		}
		if got, want := said(lounge, "bot"), []string{"⇄ bob: three"}; !slices.Equal(got, want) {
			t.Errorf("in the lounge %q, want %q", got, want)
		}
	})
}

// Two bridges in the same room that post to each other: a line goes once around at most.
func TestWebhook_makesNoLoopInOneRoom(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		lounge := server.Room("lounge")
		ways := make(map[string]http.Handler)
		for account, other := range map[string]string{"bot": "otherbot", "otherbot": "bot"} {
			open(t, server, account, 1, func(b *bridge) {
				b.join("lounge")
				b.carry("lounge", led(func() http.Handler { return ways[other] }).post)
				ways[account] = b.incoming("lounge")
			})
		}
		lounge.Say("alice", "hello")
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if got := slices.Concat(said(lounge, "bot"), said(lounge, "otherbot")); len(got) > 2 {
			t.Errorf("one line became %q", got)
		}
	})
}

func TestIncoming(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		var in http.Handler
		open(t, server, "bot", 1, func(b *bridge) {
			b.join("lounge")
			in = b.incoming("lounge")
		})
		const hello = `{"id":"1","user":"zoe","text":"hello"}`
		tests := []struct {
			name, method, host, kind, body string
			status                         int
		}{
			{"a line", "POST", "127.0.0.1:8080", "application/json", hello, 204},
			{"the same line again", "POST", "127.0.0.1:8080", "application/json; charset=utf-8", hello, 204},
			{"a line without an id", "POST", "localhost", "application/json", `{"user":"zoe","text":"again"}`, 204},
			{"the same, meant so", "POST", "[::1]:8080", "application/json", `{"user":"zoe","text":"again"}`, 204},
			{"what a bridge said", "POST", "127.0.0.1", "application/json", `{"user":"bot","text":" ⇄ alice: hello"}`, 204},
			{"a page in a browser", "POST", "127.0.0.1:8080", "text/plain", hello, 415},
			{"a page with a name", "POST", "evil.example.com:8080", "application/json", hello, 403},
			{"a look", "GET", "127.0.0.1:8080", "application/json", "", 405},
			{"no JSON", "POST", "127.0.0.1:8080", "application/json", "hello", 400},
			{"no text", "POST", "127.0.0.1:8080", "application/json", `{"user":"zoe","text":"\u0007 "}`, 400},
			{"nobody", "POST", "127.0.0.1:8080", "application/json", `{"text":"hello"}`, 400},
			{"a long text", "POST", "127.0.0.1:8080", "application/json", `{"user":"zoe","text":"` + strings.Repeat("x", 1001) + `"}`, 413},
			{"a flood", "POST", "127.0.0.1:8080", "application/json", `{"user":"zoe","text":"` + strings.Repeat("x", 70_000) + `"}`, 400},
			{"lines and colours", "POST", "127.0.0.1:8080", "application/json", `{"user":"z\n⇄","text":"a\u001b[31m\nb"}`, 204},
		}
		for _, tt := range tests {
			req := httptest.NewRequestWithContext(t.Context(), tt.method, "http://"+tt.host+"/", strings.NewReader(tt.body))
			req.Header.Set("Content-Type", tt.kind)
			answer := httptest.NewRecorder()
			in.ServeHTTP(answer, req)
			if answer.Code != tt.status {
				t.Errorf("%s: answered %d %s, want %d", tt.name, answer.Code, answer.Body, tt.status)
			}
		}
		want := []string{"⇄ zoe: hello", "⇄ zoe: again", "⇄ zoe: again", "⇄ z ⇄: a[31m\nb"}
		if got := said(server.Room("lounge"), "bot"); !slices.Equal(got, want) {
			t.Errorf("said %q, want %q", got, want)
		}
	})
}

// newTestHook is a webhook behind a transport.
func newTestHook(t *testing.T, transport http.RoundTripper) *hook {
	t.Helper()
	h, err := newHook("https://hooks.example.com/secret-part")
	if err != nil {
		t.Fatal(err)
	}
	h.client.Transport = transport
	return h
}

// A webhook that is away for a while gets all lines, in their order, and one that refuses a line gets it once.
func TestHook_triesAgain(t *testing.T) {
	tests := map[string]struct {
		answers []int // 0: the connection breaks
		tries   int
		fails   bool
	}{
		"well":                  {[]int{200}, 1, false},
		"in trouble":            {[]int{503, 0, 429, 204}, 4, false},
		"in trouble for good":   {[]int{500, 500, 500, 500, 204}, 4, true},
		"refused":               {[]int{400, 204}, 1, true},
		"sent to another place": {[]int{307, 204}, 1, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				h := newTestHook(t, roundTrip(func(req *http.Request) (*http.Response, error) {
					var l line
					if err := json.NewDecoder(req.Body).Decode(&l); err != nil || l.Text != "hello" || req.Header.Get("Content-Type") != "application/json" {
						t.Errorf("posted %+v: %v", l, err)
					}
					status := tt.answers[tries]
					tries++
					if status == 0 {
						return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
					}
					header := http.Header{"Location": {"https://evil.example.com/"}}
					return &http.Response{StatusCode: status, Body: io.NopCloser(new(bytes.Buffer)), Header: header}, nil
				}))
				err := h.post(t.Context(), line{ID: "1", User: "alice", Text: "hello"})
				if (err != nil) != tt.fails || tries != tt.tries {
					t.Errorf("post = %v after %d tries, want %d", err, tries, tt.tries)
				}
				if err != nil && strings.Contains(err.Error(), "secret-part") {
					t.Errorf("the error contains the address: %v", err)
				}
			})
		})
	}
}

func TestHook_endsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := led(func() http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
		})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := h.post(ctx, line{Text: "hello"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("post = %v", err)
		}
	})
}

func TestServe(t *testing.T) {
	probe, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := probe.Addr().String()
	_, err = serve(t.Context(), address, http.NotFoundHandler())
	if err == nil {
		t.Error("an address that is taken was served")
	}
	_ = probe.Close()
	stop, err := serve(t.Context(), address, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	h, err := newHook("http://" + address + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer h.client.CloseIdleConnections()
	if err := h.post(t.Context(), line{User: "alice", Text: "hello"}); err == nil || !strings.Contains(err.Error(), "418") {
		t.Errorf("post = %v", err)
	}
}
