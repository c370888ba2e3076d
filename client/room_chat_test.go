package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/internal/testkit/canary"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

func TestSendMessage_sendsNothingThatCannotBeSaid(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot")
		before := len(requests(server))
		for _, text := range []string{"", " \n\t "} {
			if _, err := room.SendMessage(t.Context(), text); !isArgument(err) {
				t.Errorf("SendMessage(%q) = %v", text, err)
			}
		}
		for text, length := range map[string]int{
			strings.Repeat("x", 256):             256,
			strings.Repeat("&", 52):              260, // &amp; each
			strings.Repeat("🎵", 128):             256, // two UTF-16 units each
			strings.Repeat("x", 255) + " " + "y": 257,
		} {
			_, err := room.SendMessage(t.Context(), text)
			if long, ok := errors.AsType[*client.MessageTooLongError](err); !ok || long.Length != length || long.Limit != 255 {
				t.Errorf("SendMessage of %d characters = %v", length, err)
			}
		}
		if err := room.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := room.SendMessage(t.Context(), "hi"); !errors.Is(err, client.ErrNotJoined) {
			t.Errorf("SendMessage after Leave = %v", err)
		}
		for _, call := range requests(server)[before:] {
			if strings.HasPrefix(call, "POST /chat/") {
				t.Errorf("sent %s", call)
			}
		}
		_ = bot
	})
}

func TestSendMessage_takesWhatFits(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		_, raw := joinLounge(t, server, "mod", client.WithRawChat(true))
		heard := record(raw, func(e client.Chat) string { return e.Message.Content })
		var want []string
		for _, text := range []string{strings.Repeat("x", 255), strings.Repeat("&", 51), strings.Repeat("🎵", 127), "two\nlines"} {
			if m, err := room.SendMessage(t.Context(), " "+text+"\n"); err != nil || m.Content != text {
				t.Errorf("SendMessage(%q) = %q, %v", text, m.Content, err)
			}
			want = append(want, text)
		}
		synctest.Wait()
		expect(t, "heard", heard(), want)
		if m, err := raw.SendMessage(t.Context(), strings.Repeat("&", 255)); err != nil {
			t.Errorf("raw chat of 255 = %v, %v", m, err)
		}
	})
}

func TestSendLong_splitsIntoLines(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot", client.WithMessageParts(3))
		_, mods := joinLounge(t, server, "mod")
		heard := chatIn(mods)
		a, b, c := strings.Repeat("a", 200), strings.Repeat("&", 40), strings.Repeat("c", 255)
		var want []string
		for _, given := range [][]string{{"short"}, {a, b}, {a, b, c}} {
			lines := slices.Clone(given)
			if len(lines) > 1 {
				lines[1] = "…" + b // which a bot might take for a command
			}
			sent, err := room.SendLong(t.Context(), " "+strings.Join(given, " \n ")+" ")
			if err != nil {
				t.Error(err)
			}
			var said []string
			for _, m := range sent {
				said = append(said, m.Content)
			}
			expect(t, "sent", said, lines)
			want = append(want, lines...)
		}
		synctest.Wait()
		expect(t, "heard", heard(), want)
	})
}

func TestSendLong_sendsNothingThatDoesNotFit(t *testing.T) {
	tests := map[string]struct {
		opts  []client.Option
		parts int
	}{
		"into two lines, as by default": {nil, client.DefaultMessageParts},
		"into one line":                 {[]client.Option{client.WithMessageParts(1)}, 1},
		"into four lines":               {[]client.Option{client.WithMessageParts(4)}, 4},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				_, room := joinLounge(t, server, "bot", tt.opts...)
				text := strings.Repeat("x", 255*tt.parts+1)
				sent, err := room.SendLong(t.Context(), text)
				if long, ok := errors.AsType[*client.MessageTooLongError](err); !ok || *long != (client.MessageTooLongError{Length: len(text), Limit: 255, Parts: tt.parts}) || sent != nil {
					t.Errorf("SendLong of %d characters = %v, %v", len(text), sent, err)
				}
				if _, err := room.SendLong(t.Context(), " \n"); !isArgument(err) {
					t.Errorf("SendLong of nothing = %v", err)
				}
				if said := server.Room("lounge").Messages(); len(said) != 0 {
					t.Errorf("said %v", said)
				}
				if sent, err := room.SendLong(t.Context(), text[1:]); err != nil || len(sent) != tt.parts {
					t.Errorf("SendLong of one character less = %v, %v", sent, err)
				}
			})
		})
	}
}

func TestSendLong_reportsWhatWasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines atomic.Int32
		server := queuptest.NewServer(queuptest.InMemory(), intercept(http.MethodPost, "/chat/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
			if lines.Add(1) == 2 {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, req)
		}))
		defer server.Close()
		_, room := joinLounge(t, server, "bot", client.WithMessageParts(3))
		sent, err := room.SendLong(t.Context(), strings.Repeat("x", 3*255))
		if !errors.Is(err, client.ErrForbidden) || len(sent) != 1 || lines.Load() != 2 {
			t.Errorf("SendLong = %v, %v after %d lines", sent, err, lines.Load())
		}
	})
}

func TestQuote_neitherAlertsNorCommands(t *testing.T) {
	for text, want := range map[string]string{
		"Nine & Dime - Corner Shop":     "Nine & Dime - Corner Shop",
		"  7 Seconds ":                  "7 Seconds",
		"":                              "",
		" \t":                           "",
		"!kick bob":                     "“!kick bob”",
		"\ufeff !kick bob":              "“\ufeff !kick bob”",
		"/me kicks bob":                 "“/me kicks bob”",
		"...Baby One More Time":         "“...Baby One More Time”",
		"@otherbot kick bob":            "“@otherbot kick bob”",
		"@everyone come":                "“@ everyone come”",
		"come, @EveryOne: @djs, @Mods'": "come, @ EveryOne: @ djs, @ Mods'",
		"hello @bob":                    "hello @bob",
		"(Live) 🎵":                      "(Live) 🎵",
		"🎵 song":                        "🎵 song",
		"“!kick bob”":                   "“!kick bob”",
	} {
		if got := client.Quote(text); got != want || client.Quote(got) != want {
			t.Errorf("Quote(%q) = %q, again %q, want %q", text, got, client.Quote(got), want)
		}
	}
}

func TestUserMention_alertsOnePersonOnly(t *testing.T) {
	for name, want := range map[string]string{"alice": "@alice", "Everyone": "@ Everyone", "mods": "@ mods", "djs": "@ djs", "": "@an-id"} {
		if got := (client.User{ID: "an-id", Username: name}).Mention(); got != want {
			t.Errorf("the mention of %q is %q, want %q", name, got, want)
		}
	}
}

// Somebody says so much before a command that it would begin the second line of a bot that repeats their words.
func TestSendLong_noFurtherLineIsACommand(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		for _, filler := range []string{strings.Repeat("x", 254) + " ", strings.Repeat("x", 255)} {
			sent, err := room.SendLong(t.Context(), client.Quote(filler+"!kick bob"))
			if err != nil || len(sent) != 2 || sent[1].Content != "…!kick bob" {
				t.Errorf("sent %v, %v", sent, err)
			}
		}
		synctest.Wait()
	})
}

func ExampleQuote() {
	song, asker := "!skip @everyone", client.User{Username: "alice"}
	fmt.Println(client.Quote(song))
	fmt.Println(asker.Mention() + ": " + client.Quote(song) + " is in the queue.")
	// Output:
	// “!skip @ everyone”
	// @alice: “!skip @ everyone” is in the queue.
}

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

// The quota of the chat is about the account that has used it up.
func TestChatQuota_endsWithItsAccount(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot")
		for i := range 4 {
			_, _ = room.SendMessage(t.Context(), fmt.Sprint("line ", i))
		}
		if err := bot.Logout(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := bot.Login(t.Context(), "mod", canary.Password); err != nil {
			t.Fatal(err)
		}
		if err := bot.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		room = must(bot.JoinRoom(t.Context(), "lounge"))(t)
		began := time.Now()
		must(room.SendMessage(t.Context(), "hello"))(t)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("the first line of another account waited %v", took)
		}
	}, queuptest.ChatQuota(3, 20*time.Minute))
}

// A call whose turn comes after its deadline fails at once, also behind one that waits without a deadline.
func TestChatQuota_deadlineBehindAnother(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		for i := range 4 {
			_, _ = room.SendMessage(t.Context(), fmt.Sprint("line ", i))
		}
		go func() { _, _ = room.SendMessage(t.Context(), "waits") }()
		settle(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		began := time.Now()
		_, err := room.SendMessage(ctx, "cannot")
		if _, ok := errors.AsType[*client.RateLimitError](err); !ok || time.Since(began) > 0 {
			t.Errorf("after %v: %v, want a *RateLimitError at once", time.Since(began), err)
		}
	}, queuptest.ChatQuota(3, 20*time.Minute))
}

func TestMessage_mentions(t *testing.T) {
	for text, want := range map[string]bool{
		"@bob":                 true,
		"hi @Bob!":             true,
		"thanks, @bob.":        true,
		"@bob... @alice":       true,
		"@bobby":               false,
		"@bob.smith":           false,
		"@bobby and @bob":      true,
		"write to x@bob":       false,
		"@ bob":                false,
		"bob":                  false,
		"":                     false,
		"\u00e9@bob":           false,
		"(@bob)":               true,
		"@bob@bob":             true,
		"@everyone and bob":    false,
		"first line\n@BOB\nso": true,
	} {
		if got := (client.Message{Content: text}).Mentions("bob"); got != want {
			t.Errorf("%q mentions bob: %v", text, got)
		}
	}
	if (client.Message{Content: "@"}).Mentions("") {
		t.Error("a line mentions nobody")
	}
}
