package realtime_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/queup-go/queup/realtime"
)

// A lockedBuffer is a buffer for several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// The password in the configured URL stands in no error, event or log, wherever a dialer or the server quotes it: not only as
// part of a URL, where its place gives it away.
func TestConfig_passwordInTheURL(t *testing.T) {
	for _, password := range []string{"correct-horse-42", "p@ss/w%rd ü"} {
		t.Run(password, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *server) {
				var log lockedBuffer
				cfg := s.config()
				cfg.URL = (&url.URL{Scheme: "ws", User: url.UserPassword("bot", password), Host: "queup.test", Path: "/ws/"}).String()
				cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
				var quoting atomic.Bool
				quoting.Store(true)
				good := cfg.Dialer
				cfg.Dialer = dialerFunc(func(ctx context.Context, address string, h http.Header) (realtime.Socket, error) {
					if quoting.Load() {
						return nil, fmt.Errorf("no way to %s for bot, who says %s, or %q", address, password, password)
					}
					_, host, _ := strings.Cut(address, "@") // gorilla/websocket takes no URL with a password
					return good.Dial(ctx, "ws://"+host, h)
				})
				cfg.Transport = roundTripper(func(*http.Request) (*http.Response, error) {
					return &http.Response{StatusCode: http.StatusTeapot, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("bot says " + password))}, nil
				})
				c := newClient(t, cfg)
				check := func(what string, told any) {
					t.Helper()
					text := fmt.Sprintf("%v %+v %#v", told, told, told)
					for _, secret := range []string{password, url.QueryEscape(password), url.PathEscape(password), url.UserPassword("bot", password).String(), fmt.Sprintf("%q", password)} {
						if strings.Contains(text, strings.Trim(secret, `"`)) {
							t.Errorf("%s holds the password: %s", what, text)
						}
					}
				}
				err := c.Connect(t.Context())
				if err == nil || !strings.Contains(err.Error(), "no way to") {
					t.Fatalf("Connect: %v", err)
				}
				check("the error of Connect", err)

				quoting.Store(false)
				s.setUpgrade(func(w http.ResponseWriter, _ *http.Request) bool {
					w.WriteHeader(http.StatusServiceUnavailable)
					_, _ = io.WriteString(w, "bot says "+password)
					return true
				})
				err = c.Connect(t.Context())
				refused, ok := errors.AsType[*realtime.HandshakeError](err)
				if !ok || !strings.Contains(string(refused.Body), "bot says") {
					t.Fatalf("Connect: %v", err)
				}
				check("the error of a handshake", err)
				check("its body", string(refused.Body))

				s.setUpgrade(nil)
				if err := c.Connect(t.Context()); err != nil {
					t.Fatal(err)
				}
				_, err = c.PresenceList(t.Context(), "room:a", realtime.PresenceFilter{})
				unlisted, ok := errors.AsType[*realtime.PresenceListError](err)
				if !ok || !strings.Contains(string(unlisted.Body), "bot says") {
					t.Fatalf("PresenceList: %v", err)
				}
				check("the body of a presence list", string(unlisted.Body))
				_ = s.last().ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(4000, "bot says "+password), time.Time{})
				time.Sleep(500 * time.Millisecond)
				quoting.Store(true)
				time.Sleep(5 * time.Second)
				events := c.events()
				if len(events) < 4 {
					t.Errorf("only the events %v", events)
				}
				for _, e := range events {
					if lost, ok := e.(realtime.Disconnected); ok {
						check("the error of an event", lost.Err)
					}
				}
				check("the log", log.String())
				if !strings.Contains(log.String(), "no way to") || !strings.Contains(log.String(), "bot says") {
					t.Errorf("the log does not say why:\n%s", log.String())
				}
			})
		})
	}
}
