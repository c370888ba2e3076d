package scene

import (
	"context"
	"fmt"
	"strings"

	"github.com/queup-go/queup/client"
)

// Demonstration reports whether an example shows itself: whether QUEUP_URL, QUEUP_EMAIL, QUEUP_PASSWORD, QUEUP_ROOM and the
// example's own variables are all unset.
func Demonstration(getenv func(string) string, own ...string) bool {
	for _, name := range append([]string{"QUEUP_URL", "QUEUP_EMAIL", "QUEUP_PASSWORD", "QUEUP_ROOM"}, own...) {
		if getenv(name) != "" {
			return false
		}
	}
	return true
}

// Account returns the account and the room of a bot, from the environment. The error names the variables that are not set.
func Account(getenv func(string) string) (email, password, room string, err error) {
	var missing []string
	for _, name := range []string{"QUEUP_EMAIL", "QUEUP_PASSWORD", "QUEUP_ROOM"} {
		if getenv(name) == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return "", "", "", fmt.Errorf("not set: %s. Set all of QUEUP_EMAIL, QUEUP_PASSWORD and QUEUP_ROOM, or no QUEUP variable at all "+
			"for a demonstration", strings.Join(missing, ", "))
	}
	return getenv("QUEUP_EMAIL"), getenv("QUEUP_PASSWORD"), getenv("QUEUP_ROOM"), nil
}

// Elsewhere returns the options for the QueUp that QUEUP_URL names, such as the one that tools/queupd serves. It returns none if
// QUEUP_URL is not set: the bot then goes to the real QueUp.
func Elsewhere(getenv func(string) string) []client.Option {
	url := strings.TrimRight(getenv("QUEUP_URL"), "/")
	if url == "" {
		return nil
	}
	return []client.Option{client.WithBaseURL(url), client.WithRealtimeURL(strings.Replace(url, "http", "ws", 1) + "/ws/")}
}

// Announce writes a line to out when a bot has joined a room, and one with the reason when it has to leave.
func Announce(bot *client.Client, out *Transcript) {
	client.On(bot, func(_ context.Context, e client.RoomJoined) error {
		out.Note("joined %s with %d people; Ctrl-C ends it", e.Room, e.Room.Members().Len())
		return nil
	})
	client.On(bot, func(_ context.Context, e client.RoomLeft) error {
		if e.Err != nil {
			out.Note("no longer in %s: %v", e.Room, e.Err)
		}
		return nil
	})
}
