package client_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/queuptest"
)

// What people paste instead of a slug is refused without a request, and the error suggests the slug.
func TestJoinRoom_suggestsTheSlug(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot := connect(t, server, "bot")
		before := len(server.Log())
		const part = "is only the last part of its address"
		for given, want := range map[string]string{
			"https://www.queup.net/join/lounge":     part + `: "lounge"`,
			"https://queup.net/join/lounge/":        part + `: "lounge"`,
			"https://queup.net/join/lounge?ref=a/b": part + `: "lounge"`,
			"queup.net/join/lounge#chat":            part + `: "lounge"`,
			"/lounge":                               part + `: "lounge"`,
			"lounge?ref=share":                      part + `: "lounge"`,
			" lounge\n":                             part + `: "lounge"`,
			"The Lounge":                            part + ` and has no spaces, perhaps "the-lounge"`,
			"My  Awesome\tRoom":                     part + ` and has no spaces, perhaps "my-awesome-room"`,
			"https://queup.net/":                    part + `: "queup.net"`,
			"?":                                     part,
			" ":                                     "is empty",
			"https://queup.net/join/lounge\x1b[31m/evil?\x07": part + `: "evil"`,
		} {
			_, joinErr := bot.JoinRoom(t.Context(), given)
			_, fetchErr := bot.FetchRoom(t.Context(), given)
			for name, err := range map[string]error{"JoinRoom: slug ": joinErr, "FetchRoom: idOrSlug ": fetchErr} {
				if !isArgument(err) || !strings.Contains(err.Error(), name+want) || strings.ContainsAny(err.Error(), "\x1b\n") {
					t.Errorf("%q: %v, want %s", given, err, name+want)
				}
			}
		}
		if n := len(server.Log()) - before; n > 0 {
			t.Errorf("%d requests were sent", n)
		}
	})
}

// Whoever sends into a room or a conversation that is over reads why, and what to do.
func TestSend_afterTheEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		send := func(room *client.Room) error {
			_, err := room.SendMessage(t.Context(), "hello")
			_, long := room.SendLong(t.Context(), "hello")
			if err == nil || long == nil || err.Error() != long.Error() {
				t.Errorf("SendMessage: %v, SendLong: %v", err, long)
			}
			return err
		}
		check := func(what string, err, is error, text string) {
			t.Helper()
			if !errors.Is(err, is) || err.Error() != text {
				t.Errorf("%s: %v, want %s", what, err, text)
			}
		}
		bot, room := joinLounge(t, server, "bot")
		talk, err := bot.OpenConversation(t.Context(), id(t, bot, "alice"))
		if err != nil {
			t.Fatal(err)
		}
		looked := must(bot.FetchRoom(t.Context(), "lounge"))(t)
		if looked != room {
			t.Fatal("FetchRoom returns another handle")
		}
		const left = `queup: no longer in room "lounge", call JoinRoom to enter it again`
		if err := room.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		check("after Leave", send(room), client.ErrNotJoined, left)
		must(bot.JoinRoom(t.Context(), "lounge"))(t)
		server.Room("lounge").Kick("owner", "bot", "")
		settle(0)
		check("after a kick", send(room), client.ErrNotJoined, left)
		must(bot.JoinRoom(t.Context(), "lounge"))(t)
		if _, err := room.SendMessage(t.Context(), "here again"); err != nil {
			t.Error(err)
		}
		other := loggedIn(t, server, "mod")
		check("before JoinRoom", send(must(other.FetchRoom(t.Context(), "lounge"))(t)), client.ErrNotJoined, "queup: room not joined, call JoinRoom first")

		const closed = "queup: client closed, make another one with New"
		_ = bot.Close()
		check("after Close", send(room), client.ErrClosed, closed)
		<-bot.Done()
		check("after Done", send(room), client.ErrClosed, closed)
		if _, err := talk.SendMessage(t.Context(), "psst"); !errors.Is(err, client.ErrClosed) || !strings.Contains(err.Error(), closed[len("queup: "):]) {
			t.Errorf("a private message after Close: %v", err)
		}
		if err := bot.Login(t.Context(), "bot", canary.Password); !errors.Is(err, client.ErrClosed) {
			t.Errorf("Login after Close: %v", err)
		}
	})
}

func TestMessageTooLongError_saysWhatSendsMore(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		text := strings.Repeat("word ", 200)
		_, err := room.SendMessage(t.Context(), text)
		const one = "queup: a text of 999 characters (after HTML encoding) does not fit into one line of 255: SendLong sends more lines, as many as WithMessageParts allows"
		if err == nil || err.Error() != one {
			t.Errorf("SendMessage: %v\nwant %s", err, one)
		}
		_, err = room.SendLong(t.Context(), text)
		const more = "queup: a text of 999 characters (after HTML encoding) does not fit into the 2 lines that SendLong may send, of 255: WithMessageParts allows more"
		if err == nil || err.Error() != more {
			t.Errorf("SendLong: %v\nwant %s", err, more)
		}
	})
}
