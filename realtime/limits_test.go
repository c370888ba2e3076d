package realtime_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/queup-go/queup/realtime"
)

func TestLimits_areRecognized(t *testing.T) {
	tests := map[string]struct {
		err  error
		want error
	}{
		"action 9":              {realtime.ServerError{Text: "rateLimited"}, realtime.ErrRateLimited},
		"action 9 in words":     {realtime.ServerError{Text: "Rate limit exceeded, slow down"}, realtime.ErrRateLimited},
		"action 9, as JSON":     {realtime.ServerError{Text: `{"code":"rate_limited"}`}, realtime.ErrRateLimited},
		"action 9, spectators":  {realtime.ServerError{Text: "spectatorLimitReached"}, realtime.ErrSpectatorLimit},
		"close reason":          {&realtime.CloseError{Code: 1008, Reason: "rateLimited"}, realtime.ErrRateLimited},
		"close, spectators":     {&realtime.CloseError{Code: 4001, Reason: "Spectator limit reached"}, realtime.ErrSpectatorLimit},
		"handshake, 429":        {&realtime.HandshakeError{Status: 429}, realtime.ErrRateLimited},
		"handshake, body":       {&realtime.HandshakeError{Status: 403, Body: []byte("spectatorLimitReached")}, realtime.ErrSpectatorLimit},
		"presence list":         {&realtime.PresenceListError{Status: 429}, realtime.ErrRateLimited},
		"wrapped":               {fmt.Errorf("x: %w", realtime.ServerError{Text: "too many requests"}), realtime.ErrRateLimited},
		"another error":         {realtime.ServerError{Text: "not attached"}, nil},
		"another close":         {&realtime.CloseError{Code: 1001, Reason: "going away"}, nil},
		"another refusal":       {&realtime.HandshakeError{Status: 503}, nil},
		"another presence list": {&realtime.PresenceListError{Status: 500}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got error
			for _, limit := range []error{realtime.ErrRateLimited, realtime.ErrSpectatorLimit} {
				if errors.Is(tt.err, limit) {
					got = errors.Join(got, limit)
				}
			}
			if (got == nil) != (tt.want == nil) || !errors.Is(got, tt.want) {
				t.Errorf("%v is %v, want %v", tt.err, got, tt.want)
			}
		})
	}
}

// In whatever form the server reports a limit, the caller gets the typed error.
func TestLimits_reachTheCaller(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		cfg := s.config()
		cfg.Reconnect = realtime.Backoff{First: time.Nanosecond, Base: time.Nanosecond}.Next
		c := connected(t, cfg)
		s.answer = func(p *peer, f realtime.Frame) bool { p.refuse(f, "rateLimited"); return true }
		if err := c.Attach(t.Context(), "room:a"); !errors.Is(err, realtime.ErrRateLimited) {
			t.Errorf("attach: %v", err)
		}
		s.setUpgrade(func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Retry-After", "60")
			http.Error(w, "slow down", http.StatusTooManyRequests)
			return true
		})
		bye := websocket.FormatCloseMessage(4029, "rateLimited")
		if err := s.last().ws.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		down := of[realtime.Disconnected](c.events())
		if len(down) != 2 || !errors.Is(down[0].Err, realtime.ErrRateLimited) || !errors.Is(down[1].Err, realtime.ErrRateLimited) {
			t.Fatalf("disconnected: %+v", down)
		}
		if e, ok := errors.AsType[*realtime.CloseError](down[0].Err); !ok || e.Code != 4029 {
			t.Errorf("the close code is lost: %v", down[0].Err)
		}
		if e, ok := errors.AsType[*realtime.HandshakeError](down[1].Err); !ok || e.Status != 429 || e.RetryAfter != time.Minute || down[1].RetryIn < time.Minute {
			t.Errorf("the refusal: %+v", down[1])
		}
	})
}

func TestBackoff_keepsToRetryAfter(t *testing.T) {
	b := realtime.Backoff{Rand: func() float64 { return 0.5 }}
	for after, want := range map[time.Duration]time.Duration{
		0:                250 * time.Millisecond,
		-time.Second:     250 * time.Millisecond,
		40 * time.Second: 40*time.Second + 250*time.Millisecond,
		24 * time.Hour:   5*time.Minute + 250*time.Millisecond,
	} {
		if got, again := b.Next(2, fmt.Errorf("x: %w", &realtime.HandshakeError{RetryAfter: after})); got != want || !again {
			t.Errorf("Retry-After %v: wait %v, want %v", after, got, want)
		}
	}
}
