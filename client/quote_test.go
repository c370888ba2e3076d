package client_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

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
