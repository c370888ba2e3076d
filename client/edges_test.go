package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

const longest = time.Duration(math.MaxInt64)

// A ban of any length asks for as many minutes as hold it.
func TestEdge_banOfAnyLength(t *testing.T) {
	for d, want := range map[time.Duration]string{
		1: "1", time.Minute: "1", time.Minute + 1: "2", longest: "153722868", longest - time.Minute: "153722867",
		longest - longest%time.Minute: "153722867", client.BanForever: "0",
	} {
		t.Run(d.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				_, room := joinLounge(t, server, "bot")
				_ = room.Ban(t.Context(), memberOf(t, room, "bob").UserID, d) // queuptest bans for a century at most
				var sent []string
				for _, e := range server.Log() {
					if e.In && strings.HasPrefix(e.Path, "/chat/ban/") {
						sent = append(sent, e.Body)
					}
				}
				if len(sent) != 1 || !strings.Contains(sent[0]+"&", "time="+want+"&") {
					t.Errorf("sent %q, want a time of %s", sent, want)
				}
			})
		})
	}
}

// A song whose length or time is at the end of what a duration holds does not make the client ask QueUp without a pause.
func TestEdge_songOfAnyLength(t *testing.T) {
	const most = math.MaxInt64 / int64(time.Millisecond)
	for name, tt := range map[string]struct{ length, elapsed int64 }{
		"the longest":             {most, 0},
		"the longest, in a year":  {most, -365 * 24 * 3600},
		"the longest, in an age":  {most, -most / 1000},
		"the longest, at its end": {most, most / 1000},
		"the shortest":            {-most, 0},
		"one that never began":    {180_000, -most / 1000},
		"one that began for ever": {180_000, most / 1000},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int32
				server := queuptest.NewServer(queuptest.InMemory(), meddle(http.MethodGet, "/playlist/active", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
					calls.Add(1)
					change(w, req, next, func(answer string) string {
						var body map[string]any
						must(0, json.Unmarshal([]byte(answer), &body))(t)
						if data, ok := body["data"].(map[string]any); ok {
							data["startTime"] = json.Number(fmt.Sprint(tt.elapsed))
							for _, part := range []string{"song", "songInfo"} {
								if song, ok := data[part].(map[string]any); ok {
									song["songLength"] = json.Number(fmt.Sprint(tt.length))
								}
							}
						}
						return string(must(json.Marshal(body))(t))
					})
				}))
				defer server.Close()
				_, room := joinLounge(t, server, "bot")
				for range 60 {
					time.Sleep(time.Second)
					elapsed, _ := room.Elapsed()
					left, _ := room.Remaining()
					if song, _ := room.NowPlaying(); elapsed < 0 || left < 0 || song.Length > 0 && song.Length <= 24*time.Hour && elapsed > song.Length {
						t.Fatalf("%v played, %v left of %v", elapsed, left, song.Length)
					}
				}
				if n := calls.Load(); n > 10 {
					t.Errorf("QueUp was asked %d times in a minute", n)
				}
			})
		})
	}
}

// A limit of any length is a limit.
func TestEdge_rateLimitOfAnyLength(t *testing.T) {
	for _, per := range []time.Duration{longest, longest - 1, longest - 50*time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			bot := newClient(t, func(*http.Request) answer {
				return answer{status: http.StatusOK, body: `{"code":200,"message":"OK","data":{"_id":"u"}}`}
			}, client.WithRateLimit(2, per))
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			var failed []bool
			for range 3 {
				_, err := bot.FetchUser(ctx, "alice")
				failed = append(failed, err != nil)
			}
			if !slices.Equal(failed, []bool{false, false, true}) {
				t.Errorf("with 2 calls in %v: failed %v", per, failed)
			}
		})
	}
}

// QueUp may ask for silence of any length: it lasts for 15 minutes at most, and never for less because the number is large.
func TestEdge_retryAfterOfAnyLength(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"1": time.Second, "9223372036": 15 * time.Minute, "9223372037": 15 * time.Minute, "99999999999999999999": 15 * time.Minute, "-99999999999999999999": 5 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			refused := false
			bot := newClient(t, func(*http.Request) answer {
				if !refused {
					refused = true
					return answer{status: http.StatusTooManyRequests, body: `{}`, header: http.Header{"Retry-After": {value}}}
				}
				return answer{status: http.StatusOK, body: `{"code":200,"message":"OK","data":{"_id":"u"}}`}
			})
			_, _ = bot.FetchUser(t.Context(), "alice")
			began := time.Now()
			_, err := bot.FetchUser(context.WithoutCancel(t.Context()), "alice")
			if waited := time.Since(began); err != nil || waited != want {
				t.Errorf("Retry-After %s: waited for %v, want %v, %v", value, waited, want, err)
			}
		})
	}
}

func TestEdge_netDubs(t *testing.T) {
	if n := (client.Song{Updubs: math.MaxInt64, Downdubs: -1}).NetDubs(); n != math.MaxInt64 {
		t.Errorf("a score above the largest number is %d", n)
	}
}

func TestEdge_formatSongLength(t *testing.T) {
	for d, want := range map[time.Duration]string{longest: "2562047:47:16", math.MinInt64: "00:00"} {
		if got := client.FormatSongLength(d); got != want {
			t.Errorf("%d is %q, want %q", d, got, want)
		}
	}
}

// The last page that can be named is the last.
func TestEdge_historyFromTheLastPage(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		for _, err := range room.HistoryFrom(t.Context(), math.MaxInt) {
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, call := range requests(server) {
			if strings.Contains(call, "page=-") {
				t.Errorf("asked for %s", call)
			}
		}
	}, meddle(http.MethodGet, "/history", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		var rows []string
		for i := range 20 {
			rows = append(rows, fmt.Sprintf(`{"_id":"row%s%d"}`, req.URL.Query().Get("page"), i))
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"code":200,"message":"OK","data":[%s]}`, strings.Join(rows, ","))
	}))
}
