package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// chatTimes returns when QueUp got lines of the bot, since began.
func chatTimes(server *queuptest.Server, began time.Time) []time.Duration {
	var times []time.Duration
	for _, e := range server.Log() {
		if e.In && e.Kind == "http" && e.User == "bot" && e.Method == http.MethodPost && strings.HasPrefix(e.Path, "/chat/") && strings.Count(e.Path, "/") == 2 {
			times = append(times, e.At.Sub(began))
		}
	}
	return times
}

// mostWithin returns how many of the times fall into any window of that length.
func mostWithin(times []time.Duration, window time.Duration) int {
	most := 0
	for i := range times {
		n := 0
		for _, at := range times[i:] {
			if at < times[i]+window {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

func TestChatRate_aPersonsPace(t *testing.T) {
	for name, c := range map[string]struct {
		opts  []client.Option
		lines int           // in any window of per
		per   time.Duration // 0: no limit
	}{
		"default": {nil, 10, 5 * time.Second},
		"slower":  {[]client.Option{client.WithChatRate(2, 10*time.Second)}, 2, 10 * time.Second},
		"off":     {[]client.Option{client.WithChatRate(0, 0)}, 30, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				_, room := joinLounge(t, server, "bot", c.opts...)
				began := time.Now()
				for i := range 30 {
					if _, err := room.SendMessage(t.Context(), fmt.Sprint("line ", i)); err != nil {
						t.Fatal(err)
					}
				}
				times := chatTimes(server, began)
				if len(times) != 30 {
					t.Fatalf("QueUp got %d lines, want 30", len(times))
				}
				if c.per == 0 {
					if took := times[29]; took > time.Second {
						t.Errorf("30 lines without a limit took %v", took)
					}
					return
				}
				if most := mostWithin(times, c.per); most != c.lines {
					t.Errorf("%d lines within %v, want %d", most, c.per, c.lines)
				}
			})
		})
	}
}

func TestChatRate_refusesWhatMakesNoSense(t *testing.T) {
	for _, opt := range []client.Option{client.WithChatRate(-1, time.Second), client.WithChatRate(1, 0), client.WithChatRate(1, -1)} {
		if _, err := client.New(opt); !isArgument(err) {
			t.Errorf("New = %v, want an *ArgumentError", err)
		}
	}
}

// A line whose turn comes after the deadline is not sent, and says so at once.
func TestChatRate_deadline(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot", client.WithChatRate(1, time.Minute))
		if _, err := room.SendMessage(t.Context(), "first"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := room.SendMessage(ctx, "second")
		if _, ok := errors.AsType[*client.RateLimitError](err); !ok {
			t.Errorf("err = %v, want a *RateLimitError", err)
		}
	})
}

// The quota of the chat is stated in words. Only chat waits, and as long as the words say.
func TestChatQuota_waitsAsLongAsTheWordsSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.ChatQuota(5, time.Minute))
		defer server.Close()
		_, room := joinLounge(t, server, "bot", client.WithChatRate(0, 0))
		began := time.Now()
		var refused *client.APIError
		for i := range 6 {
			_, err := room.SendMessage(t.Context(), fmt.Sprint("line ", i))
			refused, _ = errors.AsType[*client.APIError](err)
		}
		if refused == nil || refused.RetryAfter != 10*time.Minute || !errors.Is(refused, client.ErrRateLimited) {
			t.Fatalf("the sixth line: %v, want a refusal with RetryAfter 10m", refused)
		}
		sent := make(chan error, 20)
		for i := range 20 {
			go func() {
				_, err := room.SendMessage(t.Context(), fmt.Sprint("later ", i))
				sent <- err
			}()
		}
		synctest.Wait()
		carol := userID(t, room, "carol")
		if err := room.Kick(t.Context(), carol, ""); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("a kick waited %v for the chat", took)
		}
		settle(9 * time.Minute)
		if n := len(chatTimes(server, began)); n != 6 {
			t.Errorf("QueUp got %d lines while it asked for silence, want none beside the 6 before", n)
		}
		if err := <-sent; err != nil || time.Since(began) < 10*time.Minute {
			t.Errorf("the next line: %v, after %v", err, time.Since(began))
		}
	})
}

// Words that cannot be read still mean that the quota is used up.
func TestChatQuota_unknownWords(t *testing.T) {
	for name, c := range map[string]struct {
		text, header string
		least, most  time.Duration // until the next line
		all          bool          // other calls wait, too
	}{
		"unknown words":     {"please calm down", "", 30 * time.Second, 31 * time.Second, false},
		"no words":          {"", "", 30 * time.Second, 31 * time.Second, false},
		"far too long":      {"5000 days", "", 2 * time.Hour, 2*time.Hour + time.Second, false},
		"a header":          {"10 mins", "20", 20 * time.Second, 21 * time.Second, true},
		"seconds, slowmode": {"7 secs", "", 7 * time.Second, 8 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			refusals := 1
			accountStage(t, http.MethodPost, "/chat/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
				if refusals == 0 || strings.Count(req.URL.Path, "/") > 2 {
					next.ServeHTTP(w, req)
					return
				}
				refusals--
				w.Header().Set("Content-Type", "application/json")
				if c.header != "" {
					w.Header().Set("Retry-After", c.header)
				}
				w.WriteHeader(http.StatusTooManyRequests)
				_, _ = fmt.Fprintf(w, `{"code":429,"message":"Too Many Requests","data":{"details":{"message":%q}}}`, c.text)
			}, func(t *testing.T, server *queuptest.Server) {
				_, room := joinLounge(t, server, "bot")
				began := time.Now()
				if _, err := room.SendMessage(t.Context(), "hello"); !errors.Is(err, client.ErrRateLimited) {
					t.Fatalf("err = %v, want ErrRateLimited", err)
				}
				waited := make(chan time.Duration, 1)
				go func() {
					_ = room.Kick(t.Context(), userID(t, room, "carol"), "")
					waited <- time.Since(began)
				}()
				if _, err := room.SendMessage(t.Context(), "again"); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took < c.least || took > c.most {
					t.Errorf("the next line came after %v, want %v to %v", took, c.least, c.most)
				}
				if took := <-waited; (took >= c.least) != c.all {
					t.Errorf("a kick came after %v; shall it wait: %v", took, c.all)
				}
			})
		})
	}
}

func userID(t *testing.T, room *client.Room, name string) client.UserID {
	t.Helper()
	member, ok := room.MemberNamed(name)
	if !ok {
		t.Fatalf("%s is not in the room", name)
	}
	return member.UserID
}
