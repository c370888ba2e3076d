package realtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/realtime"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: make(http.Header), Body: io.NopCloser(strings.NewReader(body))}
}

func TestPresenceList(t *testing.T) {
	tests := map[string]struct {
		url    string
		filter realtime.PresenceFilter
		want   string
	}{
		"wss":      {"wss://ws.queup.test/ws/?a=b", realtime.PresenceFilter{}, "https://ws.queup.test/room/room:65a1"},
		"ws":       {"ws://127.0.0.1:80/ws/", realtime.PresenceFilter{}, "http://127.0.0.1:80/room/room:65a1"},
		"filtered": {"wss://h/", realtime.PresenceFilter{ClientID: "a b", ConnectionID: "k1"}, "https://h/room/room:65a1?clientId=a+b&connectionId=k1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			conn, err := realtime.New(realtime.Config{
				URL:    tt.url,
				Token:  func(context.Context) (string, error) { return "secret-token", nil },
				Header: http.Header{"User-Agent": {"bot/1"}},
				Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
					if got := r.Method + " " + r.URL.String(); got != "GET "+tt.want {
						t.Errorf("asked for %s", got)
					}
					if r.Header.Get("X-Access-Token") != "secret-token" || r.Header.Get("User-Agent") != "bot/1" {
						t.Errorf("header: %v", r.Header)
					}
					return answer(http.StatusOK, `[{"clientId":"u1","connectionId":"k1","data":{"v":1}},null,"?",
						{"clientId":7,"data":null,"since":1},{}]`), nil
				}),
			})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			got, err := conn.PresenceList(t.Context(), "room:65a1", tt.filter)
			want := []realtime.PresenceEntry{
				{ClientID: "u1", ConnectionID: "k1", Data: json.RawMessage(`{"v":1}`)},
				{ClientID: "7", Extra: raw("since", "1")},
				{},
			}
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Error(err, diff)
			}
		})
	}
}

func TestPresenceList_refused(t *testing.T) {
	const token = "secret-token-1234"
	tests := map[string]struct {
		status int
		body   string
		is     error
	}{
		"rate limit":   {http.StatusTooManyRequests, "slow", realtime.ErrRateLimited},
		"redirect":     {http.StatusFound, "to the login page, with " + token, nil},
		"unauthorized": {http.StatusUnauthorized, "bad token " + token, nil},
		"error page":   {http.StatusServiceUnavailable, "<html>", nil},
		"no list":      {http.StatusOK, `{"code":200,"token":"` + token + `"}`, realtime.ErrFrame},
		"two lists":    {http.StatusOK, `[][]`, realtime.ErrFrame},
		"half a list":  {http.StatusOK, `[{"clientId":"u1"`, realtime.ErrFrame},
		"no JSON":      {http.StatusOK, ``, realtime.ErrFrame},
		"enormous":     {http.StatusOK, strings.Repeat(" ", 17<<20), nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			conn, err := realtime.New(realtime.Config{
				URL:   "wss://ws.queup.test/ws/",
				Token: func(context.Context) (string, error) { return token, nil },
				Transport: roundTripper(func(*http.Request) (*http.Response, error) {
					return answer(tt.status, tt.body), nil
				}),
			})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, err = conn.PresenceList(t.Context(), "room:a", realtime.PresenceFilter{})
			refused, ok := errors.AsType[*realtime.PresenceListError](err)
			if !ok || refused.Status != tt.status || len(refused.Body) > 1024 || tt.is != nil && !errors.Is(err, tt.is) {
				t.Fatalf("error: %#v", err)
			}
			if strings.Contains(err.Error()+string(refused.Body), token) {
				t.Errorf("the token is in %v, %s", err, refused.Body)
			}
		})
	}
}

// The token of the link serves the list, too, and is replaced once when the server does not take it any more.
func TestPresenceList_tokens(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		fetched, good := 0, "1"
		var shown []string
		cfg := s.config()
		cfg.Token = func(context.Context) (string, error) { fetched++; return strconv.Itoa(fetched), nil }
		cfg.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			shown = append(shown, r.Header.Get("X-Access-Token"))
			if shown[len(shown)-1] != good {
				return answer(http.StatusUnauthorized, ""), nil
			}
			return answer(http.StatusOK, "[]"), nil
		})
		c := connected(t, cfg)
		for range 2 {
			if _, err := c.PresenceList(t.Context(), "room:a", realtime.PresenceFilter{}); err != nil {
				t.Error(err)
			}
		}
		good = "2"
		if _, err := c.PresenceList(t.Context(), "room:a", realtime.PresenceFilter{}); err != nil {
			t.Error(err)
		}
		good = "none"
		if _, err := c.PresenceList(t.Context(), "room:a", realtime.PresenceFilter{}); err == nil {
			t.Error("no error")
		}
		if diff := cmp.Diff([]string{"1", "1", "1", "2", "1", "3"}, shown); diff != "" {
			t.Error(diff)
		}
	})
}

func TestPresenceList_ends(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		cfg := s.config()
		cfg.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		c := connected(t, cfg)
		list := func(ctx context.Context) error {
			_, err := c.PresenceList(ctx, "room:a", realtime.PresenceFilter{})
			return err
		}
		start := time.Now()
		if err := list(t.Context()); !errors.Is(err, realtime.ErrNoAnswer) || time.Since(start) != 15*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := list(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a deadline: %v", err)
		}
		ended := make(chan error)
		go func() { ended <- list(t.Context()) }()
		synctest.Wait()
		_ = c.Close()
		if err := <-ended; !errors.Is(err, realtime.ErrClosed) {
			t.Errorf("over Close: %v", err)
		}
		if err := list(t.Context()); !errors.Is(err, realtime.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}

// Without a transport of its own the list takes the way of the websocket.
func TestPresenceList_overTheDialer(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		s.setUpgrade(func(w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("X-Access-Token") != "secret-token" || r.URL.Path != "/room/room:a" {
				t.Errorf("asked for %s with %v", r.URL, r.Header)
			}
			_, _ = io.WriteString(w, `[{"clientId":"u1"}]`)
			return true
		})
		c := newClient(t, s.config())
		got, err := c.PresenceList(t.Context(), "room:a", realtime.PresenceFilter{})
		if err != nil || len(got) != 1 || got[0].ClientID != "u1" {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func FuzzParsePresenceList(f *testing.F) {
	f.Add([]byte(`[{"clientId":"u1","connectionId":"k1","data":{}},null]`))
	f.Add([]byte(`[]`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := realtime.ParsePresenceList(data)
		if err != nil && (list != nil || !errors.Is(err, realtime.ErrFrame)) {
			t.Errorf("%v, %v", list, err)
		}
	})
}
