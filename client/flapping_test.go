package client_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// countHandshakes has a server count the websockets that are opened.
func countHandshakes(n *atomic.Int64) queuptest.Option {
	return meddle(http.MethodGet, "/ws/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		n.Add(1)
		next.ServeHTTP(w, req)
	})
}

// Q2: a server that accepts the bot, confirms and closes at once is an outage, and sees few handshakes and few reloads. When it
// keeps its links again, the bot is well again, and the next loss costs no more than the first one did.
func TestQ02_flappingServer(t *testing.T) {
	for _, life := range []time.Duration{0, 3 * time.Second, 20 * time.Second} {
		t.Run(life.String(), func(t *testing.T) {
			var handshakes atomic.Int64
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				longest := realtime.Backoff{Rand: func() float64 { return 1 }}
				bot, room := joinLounge(t, server, "bot", client.WithReconnect(longest.Next))
				var returned atomic.Int64
				client.On(bot, func(context.Context, client.Resynced) error { returned.Add(1); return nil })
				time.Sleep(time.Hour)
				handshakes.Store(0)
				stop := server.Flap(life)
				server.CutLinks()
				for until := time.Now().Add(10 * time.Minute); time.Now().Before(until); time.Sleep(time.Second) {
					synctest.Wait()
					h := bot.Health()
					outage := h.State == realtime.StateReconnecting || h.State == realtime.StateSuspended
					first := handshakes.Load() <= 2 // two links in a row must end early
					if !first && (!outage || h.Err == nil) {
						t.Fatalf("health after %v: %+v", 10*time.Minute-time.Until(until), h)
					}
				}
				n := handshakes.Load()
				t.Logf("%d handshakes, the room read %d times", n, returned.Load())
				if n < 10 || n > 40 || returned.Load() > 40 {
					t.Errorf("%d handshakes, and the room read %d times", n, returned.Load())
				}

				stop()
				time.Sleep(2 * time.Minute)
				if h := bot.Health(); h.State != realtime.StateConnected || h.Unstable || h.Err != nil {
					t.Errorf("health after all is well: %+v", h)
				}
				returned.Store(0)
				server.CutLinks()
				settle(3 * time.Second)
				if h := bot.Health(); h.State != realtime.StateConnected || h.Unstable || returned.Load() != 1 || !room.Joined() {
					t.Errorf("3 s after the next loss: %+v", h)
				}
			}, countHandshakes(&handshakes))
		})
	}
}
