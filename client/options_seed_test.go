package client_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/queuptest"
)

// Two runs with one seed see the same times to the millisecond: of reconnects after three restarts of QueUp, and of a call that is
// repeated twice.
func TestWithSeed_repeatsEveryPause(t *testing.T) {
	run := func(opts ...client.Option) (times []time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			var troubles atomic.Int32
			server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithHandler(func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if strings.HasSuffix(r.URL.Path, "/user/alice") && troubles.Add(-1) >= 0 {
						w.WriteHeader(http.StatusServiceUnavailable)
						return
					}
					next.ServeHTTP(w, r)
				})
			}))
			defer server.Close()
			bot := newBot(t, server, opts...)
			if err := bot.Login(t.Context(), "bot", canary.Password); err != nil {
				t.Fatal(err)
			}
			if err := bot.Connect(t.Context()); err != nil {
				t.Fatal(err)
			}
			back := make(chan time.Time, 1)
			client.On(bot, func(context.Context, client.Reconnected) error { back <- time.Now(); return nil })
			for range 3 {
				down := time.Now()
				if err := server.Restart(time.Minute); err != nil {
					t.Fatal(err)
				}
				times = append(times, (<-back).Sub(down).Truncate(time.Millisecond))
			}
			troubles.Store(2)
			asked := time.Now()
			if _, err := bot.FetchUser(t.Context(), "alice"); err != nil {
				t.Fatal(err)
			}
			times = append(times, time.Since(asked).Truncate(time.Millisecond))
		})
		return times
	}
	first, second, other, none := run(client.WithSeed(7)), run(client.WithSeed(7)), run(client.WithSeed(8)), run()
	if !slices.Equal(first, second) {
		t.Errorf("two runs with one seed: %v and %v", first, second)
	}
	for i := range first {
		if first[i] == other[i] && first[i] == none[i] {
			t.Errorf("pause %d is %v with any seed and with none", i, first[i])
		}
	}
}
