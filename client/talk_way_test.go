package client_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

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

func TestSendLong_tellsWhatWasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines atomic.Int32
		server := queuptest.NewServer(queuptest.InMemory(), meddle(http.MethodPost, "/chat/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
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
