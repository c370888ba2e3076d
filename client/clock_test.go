package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// clocks are by how much QueUp's clock is ahead of the bot's in a test.
var clocks = map[string]time.Duration{
	"clocks agree": 0, "bot 30 min slow": 30 * time.Minute, "bot 30 min fast": -30 * time.Minute,
	"bot a year slow": 365 * 24 * time.Hour, "bot a year fast": -365 * 24 * time.Hour,
}

// withClocks runs a test once for each of clocks.
func withClocks(t *testing.T, test func(t *testing.T, clock queuptest.Option)) {
	t.Helper()
	for name, ahead := range clocks {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, queuptest.ClockOffset(ahead)) })
		})
	}
}

// slowReturn has a lost connection come back after five minutes.
func slowReturn() client.Option {
	return client.WithReconnect(func(int, error) (time.Duration, bool) { return 5 * time.Minute, true })
}

// gapsOf records what was missed for good, and whether its times are in order and by QueUp's clock.
func gapsOf(bot *client.Client, ahead func() time.Time) func() []string {
	return record(bot, func(e client.Gap) string {
		return fmt.Sprint(e.What, " ", e.From.Before(e.To), " ", ahead().Sub(e.To) < 10*time.Minute)
	})
}

// The bot joins a room where nothing plays and songs have played, and misses two: these are emitted, and no others.
func TestQ04_anyClock(t *testing.T) {
	withClocks(t, func(t *testing.T, clock queuptest.Option) {
		world := queuptest.DefaultWorld()
		world.Rooms[0].Songs = nil
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(world), clock)
		defer server.Close()
		lounge := server.Room("lounge")
		time.Sleep(10 * time.Second)
		bot, _ := joinLounge(t, server, "bot", slowReturn())
		songs := record(bot, func(e client.SongChanged) string { return fmt.Sprint(e.Song.ID, " ", e.Resynced) })
		gaps := gapsOf(bot, time.Now)
		time.Sleep(20 * time.Second)
		server.CutLinks()
		time.Sleep(5 * time.Second)
		ids := lounge.Queue("bob", queuptest.Song{Name: "one", Length: time.Minute}, queuptest.Song{Name: "two", Length: time.Minute})
		settle(10 * time.Minute)
		expect(t, "songs", songs(), []string{ids[0] + " true", ids[1] + " true", " true"})
		expect(t, "gaps", gaps(), nil)
	})
}

// A play that QueUp says begins in another century, or began there, hides none of those after it and brings back none of those
// before it.
func TestClock_aPlayOfAnotherCenturyHidesNoOther(t *testing.T) {
	for name, played := range map[string]int64{"far ahead": 4102444800000, "long ago": 1000} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				world := queuptest.DefaultWorld()
				world.Rooms[0].Songs = nil
				server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(world))
				defer server.Close()
				lounge := server.Room("lounge")
				bot, _ := joinLounge(t, server, "bot", slowReturn())
				songs := record(bot, func(e client.SongChanged) string { return fmt.Sprint(e.Song.ID, " ", e.Resynced) })
				gaps := gapsOf(bot, time.Now)
				time.Sleep(10 * time.Second)
				lounge.Broadcast("room_playlist-update", fmt.Appendf(nil, `{"type":"room_playlist-update","startTime":0,`+
					`"song":{"_id":"odd","songid":"odd","songLength":600000,"played":%d,"isActive":true},`+
					`"songInfo":{"_id":"odd","name":"odd","type":"youtube","fkid":"oddoddoddod","songLength":600000}}`, played))
				settle(5 * time.Second)
				server.CutLinks()
				time.Sleep(time.Second)
				ids := lounge.Queue("bob", queuptest.Song{Name: "one", Length: time.Minute}, queuptest.Song{Name: "two", Length: 9 * time.Minute})
				settle(10 * time.Minute)
				expect(t, "songs", songs(), []string{"odd false", ids[0] + " true", ids[1] + " true"})
				expect(t, "gaps", gaps(), nil)
			})
		})
	}
}

// A bot that could not read the chat's history when it joined receives the lines that it missed, and none from before.
func TestClock_missedLinesAreThoseSinceTheCut(t *testing.T) {
	withClocks(t, func(t *testing.T, clock queuptest.Option) {
		var failing atomic.Bool
		failing.Store(true)
		server := queuptest.NewServer(queuptest.InMemory(), clock, meddle(http.MethodGet, "/chat/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
			if failing.Load() {
				http.Error(w, `{"code":400,"message":"not now"}`, http.StatusBadRequest)
				return
			}
			next.ServeHTTP(w, req)
		}))
		defer server.Close()
		lounge := server.Room("lounge")
		lounge.Say("alice", "before the join")
		time.Sleep(10 * time.Second)
		bot, _ := joinLounge(t, server, "bot", slowReturn())
		lines := record(bot, func(e client.Chat) string { return e.Message.Content })
		gaps := gapsOf(bot, time.Now)
		failing.Store(false)
		time.Sleep(time.Minute)
		server.CutLinks()
		time.Sleep(5 * time.Second)
		lounge.Say("alice", "while it was away")
		settle(10 * time.Minute)
		expect(t, "lines", lines(), []string{"while it was away"})
		expect(t, "gaps", gaps(), nil)
	})
}

// Of conversations that the bot knows nothing of, those are news in which something was written since the cut.
func TestClock_missedPrivateMessagesAreThoseSinceTheCut(t *testing.T) {
	withClocks(t, func(t *testing.T, clock queuptest.Option) {
		server := queuptest.NewServer(queuptest.InMemory(), clock)
		defer server.Close()
		server.Message("carol", "an hour ago", "bot")
		time.Sleep(time.Hour)
		server.Message("alice", "a minute ago", "bot")
		time.Sleep(time.Minute)
		bot := connect(t, server, "bot", slowReturn(), client.WithRecentConversations(false))
		heard := mailFrom(bot)
		time.Sleep(time.Minute)
		server.CutLinks()
		time.Sleep(5 * time.Second)
		server.Message("bob", "while you were away", "bot")
		settle(10 * time.Minute)
		expect(t, "private messages", heard(), []string{"bob: while you were away (resynced)"})
	})
}

// A message from a time that is still to come is not the latest for ever.
func TestClock_aMessageOfAnotherCenturyHidesNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), meddle(http.MethodGet, "/message/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
			change(w, req, next, func(answer string) string {
				var body map[string]any
				must(0, json.Unmarshal([]byte(answer), &body))(t)
				if list, ok := body["data"].([]any); ok {
					for _, m := range list {
						if m, ok := m.(map[string]any); ok && m["message"] == "odd" {
							m["created"] = "2100-01-01T00:00:00.000Z"
						}
					}
				}
				return string(must(json.Marshal(body))(t))
			})
		}))
		defer server.Close()
		bot := connect(t, server, "bot")
		heard := mailFrom(bot)
		time.Sleep(time.Minute)
		var want []string
		for _, text := range []string{"one", "odd", "two", "three"} {
			server.Message("alice", text, "bot")
			want = append(want, "alice: "+text)
			settle(time.Minute)
		}
		expect(t, "private messages", heard(), want)
		for v := range bot.Conversations().Values() {
			if v.LatestMessage() != "three" {
				t.Errorf("the latest message is %q", v.LatestMessage())
			}
		}
	})
}

// QueUp asks for two seconds of silence by naming a time, by its own clock.
func TestClock_retryAfterDateIsByQueUpsClock(t *testing.T) {
	withClocks(t, func(t *testing.T, clock queuptest.Option) {
		var refused atomic.Bool
		server := queuptest.NewServer(queuptest.InMemory(), clock, meddle(http.MethodGet, "/user/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
			if refused.Swap(true) {
				next.ServeHTTP(w, req)
				return
			}
			now, err := http.ParseTime(w.Header().Get("Date"))
			if err != nil {
				t.Errorf("the answer has the date %q", w.Header().Get("Date"))
			}
			w.Header().Set("Retry-After", now.Add(2*time.Second).Format(http.TimeFormat))
			http.Error(w, `{"code":429,"message":"slow down"}`, http.StatusTooManyRequests)
		}))
		defer server.Close()
		bot := connect(t, server, "bot")
		began := time.Now()
		_, err := bot.FetchUser(t.Context(), "alice")
		if refusal, ok := errors.AsType[*client.APIError](err); !ok || refusal.RetryAfter != 2*time.Second {
			t.Errorf("refused with %v", err)
		}
		if _, err := bot.FetchUser(context.WithoutCancel(t.Context()), "alice"); err != nil {
			t.Error(err)
		}
		if waited := time.Since(began); waited != 2*time.Second {
			t.Errorf("the next call waited for %v", waited)
		}
	})
}
