package client_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// However deep an error comes from, it says once whose it is, and once what was to be done.
func TestErrors_sayOnceWhoseTheyAre(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		told := make(chan error, 1)
		bot := newBot(t, server, client.WithErrorHandler(func(_ context.Context, err error) { told <- err }))
		client.On(bot, func(ctx context.Context, _ client.Ready) error {
			_, err := bot.JoinRoom(ctx, "nowhere")
			return err
		})
		if err := bot.Login(t.Context(), "bot", "secret"); err != nil {
			t.Fatal(err)
		}
		if err := bot.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		err := <-told
		if text := err.Error(); strings.Count(text, "queup: ") != 1 || !strings.HasPrefix(text, `queup: handler of Ready: room "nowhere" not joined, check the slug`) {
			t.Errorf("told: %v", text)
		}
		if !errors.Is(err, client.ErrNotFound) {
			t.Errorf("%v is not ErrNotFound", err)
		}
	})
	t.Run("connect", func(t *testing.T) {
		refusing := queuptest.WithHandler(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if req.URL.Path == "/ws/" {
					w.WriteHeader(http.StatusForbidden)
					return
				}
				next.ServeHTTP(w, req)
			})
		})
		server := queuptest.NewServer(refusing)
		defer server.Close()
		bot := newBot(t, server)
		if err := bot.Login(t.Context(), "bot", "secret"); err != nil {
			t.Fatal(err)
		}
		err := bot.Connect(t.Context())
		if err == nil || strings.Count(err.Error(), "connect: ") != 1 || strings.Count(err.Error(), "queup: ") != 1 {
			t.Errorf("connecting: %v", err)
		}
	})
	if err := (&client.HandlerError{Event: "Chat"}).Error(); err != "queup: handler of Chat: <nil>" {
		t.Errorf("an empty one: %s", err)
	}
}
