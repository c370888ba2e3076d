package client_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// 50 lines of which none is known make one suspect that there were more, and 49 do not: the first is a Gap.
func TestGap_ofAFullPageOfChat(t *testing.T) {
	for _, seeded := range []bool{true, false} {
		for lines, want := range map[int][]string{49: nil, 50: {"chat"}} {
			t.Run(fmt.Sprintf("%d lines, the chat before is known: %v", lines, seeded), func(t *testing.T) {
				var fails atomic.Bool
				fails.Store(!seeded)
				inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
					bot, _ := joinLounge(t, server, "bot", client.WithReconnect(func(int, error) (time.Duration, bool) { return time.Minute, true }))
					fails.Store(false)
					gaps := record(bot, func(e client.Gap) string { return e.What })
					heard := record(bot, func(e client.Chat) string { return e.Message.Content })
					time.Sleep(time.Minute)
					server.CutLinks()
					time.Sleep(time.Second)
					var said []string
					for i := range lines {
						said = append(said, fmt.Sprint("line ", i))
						server.Room("lounge").Say("alice", said[i])
						time.Sleep(time.Millisecond)
					}
					time.Sleep(2 * time.Minute)
					expect(t, "gaps", gaps(), want)
					expect(t, "heard", heard(), said)
				}, meddle(http.MethodGet, "/chat/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
					if fails.Load() {
						http.Error(w, `{"code":500,"message":"not now"}`, http.StatusInternalServerError)
						return
					}
					next.ServeHTTP(w, req)
				}))
			})
		}
	}
}
