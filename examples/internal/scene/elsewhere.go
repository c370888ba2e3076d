package scene

import (
	"context"
	"strings"

	"github.com/queup-go/queup/client"
)

// Elsewhere points a bot at the QueUp that QUEUP_URL names, such as the one that tools/queupd serves. It is nothing if that is
// not set: the bot goes to the real one.
func Elsewhere(getenv func(string) string) []client.Option {
	url := strings.TrimRight(getenv("QUEUP_URL"), "/")
	if url == "" {
		return nil
	}
	return []client.Option{client.WithBaseURL(url), client.WithRealtimeURL(strings.Replace(url, "http", "ws", 1) + "/ws/")}
}

// Announce writes down when a bot has come into a room, and why it has to leave one.
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
